"""Fine-tuning: where a classifier begins, which layers are trained, what the input is, and that it trains."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trainings import small_plan, weights_digest, write_colors

from mobilecnn import bases
from mobilecnn.api.training import planned
from mobilecnn.api.training import train as trained
from mobilecnn.errors import ModelFileError, UsageError
from mobilecnn.train import fit, pretrained, transfer, zoo
from mobilecnn.train.keras_file import ModelInfo, read_info, write_info
from mobilecnn.train.learner import trainable_form


@pytest.fixture(scope="module")
def colors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_colors(tmp_path_factory.mktemp("colors"))


def body(keras: Any, channels: int = 3) -> tuple[Any, Any]:
    image = keras.Input((16, 16, channels))
    x = keras.layers.Conv2D(6, 3, name="block1_conv", use_bias=False)(image)
    x = keras.layers.BatchNormalization(name="block1_norm")(x)
    x = keras.layers.ReLU()(x)
    return image, keras.layers.Conv2D(8, 3, name="block2_conv", activation="relu")(x)


def dense(keras: Any, activation: str | None = "softmax", rescaling: bool = False) -> Any:
    image, x = body(keras)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(0.2)(x)
    model = keras.Model(image, keras.layers.Dense(5, activation=activation, name="scores")(x))
    if not rescaling:
        return model
    return keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Rescaling(1 / 255), model])


def separate_softmax(keras: Any) -> Any:
    model = dense(keras, None)
    return keras.Model(model.input, keras.layers.Softmax()(model.output))


def of_squeezenet(keras: Any) -> Any:
    image, x = body(keras)
    x = keras.layers.ReLU()(keras.layers.Conv2D(5, 1, name="scores")(x))
    return keras.Model(image, keras.layers.Softmax()(keras.layers.GlobalAveragePooling2D()(x)))


def of_mobilenet(keras: Any) -> Any:
    image, x = body(keras)
    x = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
    x = keras.layers.Conv2D(5, 1, name="scores")(x)
    return keras.Model(image, keras.layers.Activation("softmax")(keras.layers.Reshape((5,))(x)))


def nested(keras: Any) -> Any:
    image, x = body(keras)
    backbone = keras.Model(image, x, name="backbone")
    outer = keras.Input((16, 16, 3))
    x = keras.layers.GlobalAveragePooling2D()(backbone(outer))
    return keras.Model(outer, keras.layers.Dense(5, activation="sigmoid", name="scores")(x))


def feature_maps(keras: Any) -> Any:
    return keras.Model(*body(keras))


def pooled_features(keras: Any) -> Any:
    image, x = body(keras)
    return keras.Model(image, keras.layers.GlobalAveragePooling2D()(x))


def embedding(keras: Any) -> Any:
    image, x = body(keras)
    x = keras.layers.Dense(7, activation="relu", name="embedding")(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(image, x)


ENDINGS: dict[str, tuple[Callable[[Any], Any], str | None, int]] = {
    "dense": (dense, "scores", 8),
    "logits": (lambda keras: dense(keras, None), "scores", 8),
    "a softmax of its own": (separate_softmax, "scores", 8),
    "a convolution, as SqueezeNet": (of_squeezenet, "scores", 8),
    "a convolution, as MobileNet": (of_mobilenet, "scores", 8),
    "after a model inside": (nested, "scores", 8),
    "in a model inside": (lambda keras: dense(keras, rescaling=True), "scores", 8),
    "feature maps": (feature_maps, None, 8),
    "pooled features": (pooled_features, None, 8),
    "an embedding": (embedding, None, 7),
}
"""Kind of model -> it, its classifier, the number of features."""


@pytest.mark.parametrize("what", ENDINGS)
def test_the_classifier_is_replaced_and_nothing_else(keras: Any, what: str) -> None:
    build, classifier, features = ENDINGS[what]
    keras.utils.set_random_seed(0)
    model = build(keras)
    ending = transfer.ending_of(model, what)
    assert (None if ending.classifier is None else ending.classifier.name) == classifier
    made = transfer.headed(model, 3, what)
    assert made.output_shape == (None, 3) and made.layers[-1].name == "predictions"
    assert made.layers[-1].kernel.shape == (features, 3)
    kept = {layer.name: layer for layer, _ in transfer.leaves(made) if layer.weights}
    before = {layer.name: layer for layer, _ in transfer.leaves(model) if layer.weights}
    assert set(kept) - {"predictions"} == set(before) - {classifier}
    learner = trainable_form(made)
    picture = np.random.default_rng(0).uniform(0, 255, (2, 16, 16, 3)).astype(np.float32)
    np.testing.assert_allclose(
        learner.predict_on_batch(picture), made.predict(picture, verbose=0), rtol=1e-4, atol=1e-6
    )
    for layer, _ in transfer.leaves(learner):
        if layer.weights and layer.name != "predictions":
            for ours, theirs in zip(layer.get_weights(), before[layer.name].get_weights(), strict=True):
                np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("freeze", "thaw", "trained"),
    [
        ((), (), "block1_conv block1_norm block2_conv predictions"),
        (("*",), (), "predictions"),
        (("block1_*",), (), "block2_conv predictions"),
        (("*",), ("block2_*",), "block2_conv predictions"),
        (("*_conv", "*_norm"), ("*norm",), "block1_norm predictions"),
        (("backbone",), ("block1_conv",), "block1_conv predictions"),
    ],
)
def test_layers_are_frozen_and_thawed_by_name(
    keras: Any, freeze: tuple[str, ...], thaw: tuple[str, ...], trained: str
) -> None:
    learner = trainable_form(transfer.headed(nested(keras), 3, "it"))
    transfer.freeze(learner, freeze, thaw)
    found = [layer.name for layer, _ in transfer.leaves(learner) if layer.trainable_weights]
    assert " ".join(found) == trained
    assert len(learner.trainable_variables) == sum(
        len(layer.trainable_weights) for layer, _ in transfer.leaves(learner)
    )


@pytest.mark.parametrize(
    ("freeze", "thaw", "words"),
    [
        (
            ("conv9*",),
            (),
            r"--freeze conv9\* means no layer with weights; there are block1_conv, block1_norm, ",
        ),
        (("predictions",), (), "--freeze predictions means no layer"),
        (("*",), ("conv9",), "--thaw conv9 means no layer with weights"),
        (("block1_*",), ("block2_*",), r"--thaw block2_\* means no layer that --freeze has frozen"),
    ],
)
def test_patterns_that_mean_nothing(
    keras: Any, freeze: tuple[str, ...], thaw: tuple[str, ...], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        transfer.freeze(trainable_form(transfer.headed(dense(keras), 3, "it")), freeze, thaw)


def test_models_that_no_classifier_fits(keras: Any) -> None:
    a, b = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
    two = keras.Model([a, b], keras.layers.Add()([a, b]))
    flat = keras.Model(a, keras.layers.Reshape((64, 3))(a))
    for model, words in ((two, "has no graph of layers"), (flat, r"ends in values of shape \(None, 64, 3\)")):
        with pytest.raises(ModelFileError, match=words):
            transfer.headed(model, 3, "it")


def weights_of(keras: Any, path: Path) -> dict[str, list[Any]]:
    model = keras.models.load_model(path, compile=False)
    return {layer.name: layer.get_weights() for layer, _ in transfer.leaves(model) if layer.weights}


def test_a_model_from_elsewhere_is_fine_tuned(keras: Any, colors: Path, tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    path = tmp_path / "theirs.h5"
    dense(keras, rescaling=True).save(path)
    outcome = trained(
        None, colors, tmp_path / "mine.keras", base=path, epochs=3, batch_size=8, freeze=["*"], thaw=["block2_*"],
        learning_rate=0.1, augment="none",
    )  # fmt: skip
    before, after = weights_of(keras, path), weights_of(keras, outcome.path)
    # What is frozen has neither learned nor counted: batch normalization keeps its statistics.
    for name in ("block1_conv", "block1_norm"):
        for ours, theirs in zip(after[name], before[name], strict=True):
            np.testing.assert_array_equal(ours, theirs)
    assert (after["block2_conv"][0] != before["block2_conv"][0]).any()
    assert after["predictions"][0].shape == (8, 3)
    model = keras.models.load_model(outcome.path, compile=False)
    assert all(layer.trainable for layer, _ in transfer.leaves(model)), (
        "the next training begins with none frozen"
    )
    info = read_info(outcome.path)
    assert info.architecture == "" and info.labels == ("blue", "green", "red")
    assert (
        info.contract is not None and info.contract.range_name == "raw" and info.contract.shape == (16, 16, 3)
    )
    assert info.training is not None
    assert info.training["base"] == str(path) and len(info.training["base_sha256"]) == 64
    assert info.training["freeze"] == ["*"] and info.training["versions"]["keras"] == keras.__version__
    # And once more, from what was made: the same course each time.
    digests = set()
    for number in range(2):
        with pytest.warns(UserWarning, match="4 of 4 images are among those that .*mine.keras trained or"):
            again = trained(None, colors, tmp_path / f"{number}.keras", base=outcome.path, epochs=1, seed=5)
        digests.add(weights_digest(keras, again.path))
    assert len(digests) == 1


def test_where_nothing_tells_the_range_it_is_asked_for(keras: Any, colors: Path, tmp_path: Path) -> None:
    path = tmp_path / "theirs.keras"
    dense(keras).save(path)
    with pytest.raises(UsageError, match=r"does not say what range its input has.*--input-range"):
        bases.load(path)
    assert bases.load(path, input_range="tf").contract.range_name == "tf"
    with pytest.raises(UsageError, match=r"takes images of 16x16 pixels .* leave --size out"):
        bases.load(path, 32, "tf")
    proven = tmp_path / "proven.keras"
    dense(keras, rescaling=True).save(proven)
    with pytest.raises(UsageError, match=r"takes raw .*--input-range says tf"):
        bases.load(proven, input_range="tf")
    assert bases.load(proven, input_range="tf", override=True).contract.overrides == "raw"
    plan, base = planned(None, str(colors), None, base=proven)
    assert plan.size == 16 and base is not None and plan.architecture == ""


def test_a_free_size_is_asked_for_and_our_own_files_know_their_input(keras: Any, tmp_path: Path) -> None:
    image = keras.Input((None, None, 1))
    x = keras.layers.Conv2D(4, 3)(keras.layers.Rescaling(1 / 255)(image))
    x = keras.layers.GlobalAveragePooling2D()(x)
    path = tmp_path / "free.keras"
    keras.Model(image, keras.layers.Dense(2, activation="softmax")(x)).save(path)
    with pytest.raises(UsageError, match="takes images of any size; say with --size"):
        bases.load(path)
    assert bases.load(path, (20, 30)).contract.shape == (20, 30, 1)
    own = tmp_path / "own.keras"
    name = zoo.parse("squeezenet_v1.1", size=32)
    zoo.build(name, 3).save(own)
    write_info(own, ModelInfo(str(name), ("a", "b", "c"), zoo.contract(name)))
    base = bases.load(own)
    assert base.contract == zoo.contract(name)
    assert base.architecture == "", "its classifier is a convolution, and will be a dense layer"


def test_files_that_nothing_begins_with(keras: Any, photos: Path, tmp_path: Path) -> None:
    import tensorflow as tf

    keras.Model(*[keras.Input((8,))] * 2).save(tmp_path / "flat.keras")
    tf.saved_model.save(tf.Module(), str(tmp_path / "saved"))
    (tmp_path / "text.keras").write_text("hello")
    for name, kind, words in (
        ("flat.keras", ModelFileError, "pictures are"),
        ("saved", UsageError, "is a SavedModel, which has no layers that could be trained"),
        ("text.keras", ModelFileError, "text.keras"),
        ("missing.keras", ModelFileError, "missing.keras"),
    ):
        with pytest.raises(kind, match=words):
            bases.load(tmp_path / name)


def test_published_weights_at_another_size(keras: Any, colors: Path, tmp_path: Path) -> None:
    plan = small_plan(
        colors, architecture="efficientnet_lite0", weights="imagenet", freeze=("*",), epochs=1, size=64
    )
    outcome = fit.run(fit.prepare(plan, tmp_path / "mine.keras"))
    network = pretrained.NETWORKS["efficientnet_lite0"]
    published = network.load(pretrained.installed_weights(network))
    after = weights_of(keras, outcome.path)
    for layer in published.layers:
        if layer.weights and layer.name != "predictions":
            for ours, theirs in zip(after[layer.name], layer.get_weights(), strict=True):
                np.testing.assert_array_equal(ours, theirs)
    info = read_info(outcome.path)
    assert info.architecture == "efficientnet_lite0"
    assert info.contract is not None
    assert (info.contract.shape, info.contract.range_name) == ((64, 64, 3), "lite")
