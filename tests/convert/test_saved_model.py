"""SavedModels as classifiers, and which are refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_files import SHAPE, answers, loaded, network

from mobilecnn.convert import keras_child
from mobilecnn.convert.saved_model import SavedClassifier
from mobilecnn.errors import ModelFileError

pytestmark = pytest.mark.usefixtures("forked")


def test_a_saved_model_is_run_by_its_signature(keras: Any, tmp_path: Path) -> None:
    network(keras).export(tmp_path / "sm", verbose=False)
    model = loaded(keras, tmp_path / "sm").model
    assert isinstance(model, SavedClassifier)
    np.testing.assert_allclose(answers(model), answers(network(keras)), atol=1e-6)
    converted: dict[tuple[int, ...], bytes] = {}
    about = keras_child._describe_saved(model, None, converted)
    assert (about["height"], about["width"], about["channels"], about["classes"]) == (12, 12, 3, 3)
    assert about["parameters"] == network(keras).count_params()
    assert converted[SHAPE][4:8] == b"TFL3"


def classifier(keras: Any, build: Callable[[Any, Any], Any], activation: str | None, classes: int = 2) -> Any:
    image = keras.Input((12, 12, 3))
    x = keras.layers.Conv2D(2, 3)(build(keras, image))
    x = keras.layers.Dense(classes, activation=activation)(keras.layers.GlobalAveragePooling2D()(x))
    return keras.Model(image, x)


@pytest.mark.parametrize(
    ("build", "activation", "classes", "proven", "shown"),
    [
        # The converter multiplies a factor alone into the convolution.
        (lambda k, x: k.layers.Rescaling(1 / 255)(x), "softmax", 2, "raw", "softmax"),
        (lambda k, x: x / 127.5 - 1.0, "sigmoid", 1, "raw", "sigmoid"),
        (lambda k, x: k.layers.Rescaling(2.0, offset=-1)(x), "sigmoid", 4, "unit", "sigmoid"),
        (lambda k, x: (x + 1.0) * 127.5, None, 2, "tf", "linear"),
        (lambda k, x: k.applications.resnet.preprocess_input(x), None, 1, "raw", "linear"),
        (lambda k, x: k.applications.resnet.preprocess_input(x * 255.0), "softmax", 2, "unit", "softmax"),
        (lambda k, x: k.layers.Rescaling(255.0)(k.layers.Rescaling(1 / 255)(x)), "relu", 2, None, "unknown"),
        (lambda k, x: x, "softmax", 2, None, "softmax"),
    ],
)  # fmt: skip
def test_both_ends_of_a_saved_model_are_followed(
    keras: Any,
    tmp_path: Path,
    build: Any,
    activation: str | None,
    classes: int,
    proven: str | None,
    shown: str,
) -> None:
    classifier(keras, build, activation, classes).export(tmp_path / "sm", verbose=False)
    about = keras_child._describe_saved(loaded(keras, tmp_path / "sm").model, None, {})
    assert (about["range"]["proven"], about["shown"]) == (proven, shown), about


@pytest.mark.parametrize(
    ("build", "words"),
    [
        (lambda k, x: k.layers.Rescaling(1 / 255)(k.layers.Rescaling(1 / 255)(x)), "leaves nothing usable of any input range"),
        (lambda k, x: k.ops.cast(k.ops.cast(x, "int8"), "float32"), "casts its input to int8, which destroys"),
    ],
)  # fmt: skip
def test_a_saved_model_that_is_right_for_no_range(keras: Any, tmp_path: Path, build: Any, words: str) -> None:
    classifier(keras, build, None).export(tmp_path / "sm", verbose=False)
    found = keras_child._describe_saved(loaded(keras, tmp_path / "sm").model, None, {})["range"]
    assert (found["proven"], found["possible"]) == (None, []) and words in found["evidence"], found


def test_a_saved_model_of_any_size_is_followed_at_the_size_asked_for(keras: Any, tmp_path: Path) -> None:
    image = keras.Input((None, None, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 3)(image / 127.5 - 1.0))
    keras.Model(image, keras.layers.Softmax()(x)).export(tmp_path / "sm", verbose=False)
    model = loaded(keras, tmp_path / "sm").model
    assert keras_child._describe_saved(model, None, {})["range"]["proven"] is None
    about = keras_child._describe_saved(model, [8, 10], {})
    assert (about["range"]["proven"], about["shown"], about["height"]) == ("raw", "softmax", None)


def test_what_the_converter_refuses_can_be_loaded_all_the_same(keras: Any, tmp_path: Path) -> None:
    def scores(tf: Any, module: Any, image: Any) -> Any:
        return {
            "a": tf.math.betainc(1.0, 2.0, tf.sigmoid(tf.reduce_mean(image / 255.0, [1, 2]))) @ module.weights
        }

    _signature(scores, [None, 8, 8, 3])(tmp_path / "sm")
    about = keras_child._describe_saved(loaded(keras, tmp_path / "sm").model, None, {})
    assert about["shown"] == "unknown" and about["range"]["proven"] is None
    assert "TFLite has no operators for what it does to its input" in about["range"]["evidence"]


def _module(make: Callable[[Any, Any], Any]) -> Callable[[Path], None]:
    """Saves a SavedModel whose signature ``make`` gives."""

    def write(path: Path) -> None:
        import tensorflow as tf

        module = tf.Module()
        module.weights = tf.Variable(tf.ones((3, 4)))
        tf.saved_model.save(module, str(path), signatures=make(tf, module))

    return write


def _signature(body: Callable[[Any, Any, Any], Any], shape: list[int | None], dtype: str = "float32") -> Any:
    return _module(
        lambda tf, module: tf.function(lambda image: body(tf, module, image)).get_concrete_function(
            tf.TensorSpec(shape, dtype, name="image")
        )
    )


def _with_a_table(tf: Any, module: Any, image: Any) -> Any:
    module.table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer([1], [3.0]), 0.0)
    return {"a": _mean(tf, module, image)["scores"] + module.table.lookup(tf.constant([1]))}


def _with_cases(tf: Any, module: Any, image: Any) -> Any:
    which = tf.cast(tf.reduce_mean(image), "int32")
    cases = [lambda: _mean(tf, module, image)["scores"], lambda: _mean(tf, module, 2 * image)["scores"]]
    return {"a": tf.switch_case(which, cases)}


@pytest.mark.parametrize("body", [_with_a_table, _with_cases])
def test_a_graph_of_which_no_beginning_can_be_cut_out_proves_nothing(
    keras: Any, body: Any, tmp_path: Path
) -> None:
    _signature(body, [None, 8, 8, 3])(tmp_path / "sm")
    model = loaded(keras, tmp_path / "sm").model
    about = keras_child._describe_saved(model, None, {})
    assert (about["range"]["proven"], about["shown"]) == (None, "unknown")
    assert np.isfinite(np.asarray(model(np.zeros((1, 8, 8, 3), np.float32)))).all()


def _mean(tf: Any, module: Any, image: Any) -> Any:
    return {"scores": tf.reduce_mean(tf.cast(image, "float32"), [1, 2]) @ module.weights}


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (_signature(_mean, [None, 8, 8, 3], "uint8"), "takes uint8; save the model with a signature that takes the image as float32"),
        (_signature(_mean, [8, 8, 8, 3]), "takes 8 images at a time"),
        (_signature(lambda tf, module, image: {"a": image}, [None, 8, 8, 3]), "an image classifier maps"),
        (_signature(lambda tf, module, image: {"a": _mean(tf, module, image)["scores"], "b": image}, [None, 8, 8, 3]), r"outputs \['a', 'b'\]"),
        (_signature(lambda tf, module, image: {"a": tf.strings.length(image)}, [None], "string"), "takes string"),
        (_module(lambda tf, module: {}), "has no signature 'serving_default'"),
        (
            _signature(lambda tf, module, image: {"a": tf.cast(tf.strings.length(tf.io.read_file("/etc/passwd")), "float32") + _mean(tf, module, image)["scores"]}, [None, 8, 8, 3]),
            r"can reach files or other programs \(ReadFile\).*--allow-code",
        ),
        (
            _signature(lambda tf, module, image: {"a": _mean(tf, module, tf.quantization.fake_quant_with_min_max_args(image))["scores"]}, [None, 8, 8, 3]),
            "was trained for quantization",
        ),
        (lambda path: (path.mkdir(), (path / "saved_model.pb").write_bytes(b"\xff" * 50)), "is damaged"),
        (lambda path: (path.mkdir(), (path / "saved_model.pbtxt").write_bytes(b"")), "has its graph as text"),
    ],
    ids=["uint8", "batch", "picture", "two", "text", "none", "reads", "qat", "damaged", "as text"],
)  # fmt: skip
def test_a_saved_model_that_is_no_classifier(keras: Any, write: Any, words: str, tmp_path: Path) -> None:
    write(tmp_path / "sm")
    with pytest.raises(ModelFileError, match=words):
        loaded(keras, tmp_path / "sm")
