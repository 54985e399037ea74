"""LeNet, AlexNet, ZFNet, VGG, GoogLeNet and BN-Inception: what the papers' tables and other code say of their parts."""

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mobilecnn.train.complexity import layers

Array = npt.NDArray[np.float32]


def _build(module: str, size: int, classes: int = 1000, **parameters: Any) -> Any:
    return import_module(f"mobilecnn.train.zoo.{module}").build(
        size=size, classes=classes, name="tested", **parameters
    )


def _images(size: int, channels: int = 3) -> Array:
    return np.random.default_rng(2).uniform(-1, 1, (2, size, size, channels)).astype(np.float32)


def _maps(keras: Any, model: Any, x: Array, *names: str) -> dict[str, Array]:
    """Outputs of the layers with these names."""
    outputs = {name: model.get_layer(name).output for name in names}
    maps = keras.Model(model.inputs[0], outputs)(x, training=False)
    return {name: np.asarray(value) for name, value in maps.items()}


def _sides(model: Any, *names: str) -> list[int]:
    return [model.get_layer(name).output.shape[1] for name in names]


def test_lenet5_layers_of_the_paper(keras: Any) -> None:
    rows = {row.name: row for row in layers(_build("lenet", 32, 10, variant="5"))}
    # LeCun et al. 1998, section II.B: trainable parameters of C1, C5 and F6, and C1's connections.
    assert rows["c1"].params_trainable == 156
    biases = 28 * 28 * 6  # which are connections there
    assert rows["c1"].macs == 122_304 - biases
    assert rows["c5"].params_trainable == 48_120
    assert rows["f6"].params_trainable == 10_164
    # C3 sees all six maps: the paper's partial connections have 1,516.
    assert rows["c3"].params_trainable == 16 * (6 * 25 + 1)


def test_alexnet_neurons_of_the_paper(keras: Any) -> None:
    # Section 3.5; its 253,440 for the first layer are not 55 x 55 x 96.
    neurons = {
        "conv2": 186_624, "conv3": 64_896, "conv4": 64_896, "conv5": 43_264, "fc6": 4096, "fc7": 4096,
        "predictions": 1000,
    }  # fmt: skip
    model = _build("alexnet", 227, variant="")
    assert {name: np.prod(model.get_layer(name).output.shape[1:]) for name in neurons} == neurons


def test_the_normalization_is_that_of_section_3_3(keras: Any, tmp_path: Path) -> None:
    from mobilecnn.train.zoo.own_layers import LocalResponseNormalization

    # So large that the squares count beside k.
    x = np.random.default_rng(5).normal(0, 90, (2, 3, 4, 7)).astype(np.float32)
    k, n, alpha, beta = 2, 5, 1e-4, 0.75
    expected = np.empty_like(x)
    for i in range(7):
        neighbours = x[..., max(0, i - n // 2) : min(6, i + n // 2) + 1]
        expected[..., i] = x[..., i] / (k + alpha * (neighbours**2).sum(-1)) ** beta
    image = keras.Input((3, 4, 7))
    model = keras.Model(image, LocalResponseNormalization()(image))
    model.save(tmp_path / "one.keras")
    again = keras.models.load_model(tmp_path / "one.keras", safe_mode=True)
    for run in (model, again):
        np.testing.assert_allclose(np.asarray(run(x)), expected, rtol=1e-4)


def test_alexnet_normalizes_before_its_first_two_pools(keras: Any) -> None:
    model = _build("alexnet", 67, 3, variant="_lrn")
    names = [layer.name for layer in model.layers]
    assert names[1:7] == ["conv1", "norm1", "pool1", "conv2", "norm2", "pool2"]
    assert [name for name in names if not name.startswith("norm")] == [
        layer.name for layer in _build("alexnet", 67, 3, variant="").layers
    ]
    rows = {row.name: row for row in layers(model)}
    assert {(rows[name].params_total, rows[name].macs) for name in ("norm1", "norm2")} == {(0, 0)}


def test_zfnet_feature_maps_of_the_papers_figure_3(keras: Any) -> None:
    model = _build("zfnet", 224, variant="")
    published = [110, 55, 26, 13, 13, 6]
    assert _sides(model, "conv1", "pool1", "conv2", "pool2", "conv5", "pool5") == published


def test_the_single_tower_is_padded_on_every_side(keras: Any) -> None:
    model = _build("alexnet", 64, 3, variant="_1tower")
    x = _images(64)
    first = _maps(keras, model, x, "conv1")["conv1"]
    kernel, bias = (np.asarray(weight) for weight in model.get_layer("conv1").weights)
    window = np.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)))[:, :11, :11]
    corner = np.maximum(np.einsum("nhwc,hwco->no", window, kernel) + bias, 0)
    np.testing.assert_allclose(first[:, 0, 0], corner, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("depth", [16, 19])
def test_vgg_is_that_of_keras(keras: Any, depth: int) -> None:
    model = _build("vgg", 32, 5, depth=depth)
    theirs = getattr(keras.applications, f"VGG{depth}")(input_shape=(32, 32, 3), weights=None, classes=5)
    theirs.set_weights(model.get_weights())
    x = _images(32)
    np.testing.assert_allclose(np.asarray(model(x)), np.asarray(theirs(x)), atol=1e-4)


@pytest.mark.parametrize(
    ("module", "parameters"),
    [("vgg", {"depth": 19}), ("bn_inception", {"se": False})],
)
def test_activations_do_not_vanish_before_training(
    keras: Any, module: str, parameters: dict[str, Any]
) -> None:
    keras.utils.set_random_seed(4)
    model = _build(module, 32, 100, **parameters)
    outputs = np.asarray(model(_images(32)))
    # Of logits that vanish, the softmax is 1 / classes everywhere.
    assert np.log(outputs).std() > 1e-3


def test_googlenet_of_the_paper(keras: Any) -> None:
    model = _build("googlenet", 224, variant="_aux")
    # Section 5: the average pools of the auxiliary classifiers give 4x4 outputs.
    assert _sides(model, "aux1_pool", "aux2_pool") == [4, 4]
    # Table 1: multiply-adds in millions. Left out: the first convolution and 5a, whose figures
    # do not follow from the table.
    table = {
        "conv2": 360, "3a": 128, "3b": 304, "4a": 73, "4b": 88, "4c": 100, "4d": 119, "4e": 170, "5b": 71,
        "predictions": 1,
    }  # fmt: skip
    millions = dict.fromkeys(table, 0.0)
    for row in layers(model):
        block = row.name.split("_")[0]
        if block in millions:
            assert row.macs is not None
            millions[block] += row.macs / 1e6
    assert millions == pytest.approx(table, abs=0.7)


def test_googlenet_for_training_is_googlenet_with_two_more_outputs(keras: Any) -> None:
    training = _build("googlenet", 32, 4, variant="_aux")
    assert training.output_names == ["predictions", "aux1_predictions", "aux2_predictions"]
    plain = _build("googlenet", 32, 4, variant="")
    for layer in plain.layers:
        layer.set_weights(training.get_layer(layer.name).get_weights())
    x = _images(32)
    main, first, second = (np.asarray(output) for output in training(x))
    np.testing.assert_allclose(np.asarray(plain(x)), main, atol=1e-6)
    assert first.shape == second.shape == (2, 4)
    assert not np.allclose(first, second, atol=1e-3)
    # Section 5: the first stands behind 4a, the second behind 4d.
    assert [training.get_layer(f"{aux}_pool").input.shape[-1] for aux in ("aux1", "aux2")] == [512, 528]


def test_googlenet_of_torchvision_pools_2x2_at_last(keras: Any) -> None:
    model = _build("googlenet", 64, 4, variant="_bn")
    maps = _maps(keras, model, _images(64), "4e_concat", "pool4")
    blocks = maps["4e_concat"].reshape(2, 2, 2, 2, 2, -1)
    np.testing.assert_array_equal(maps["pool4"], blocks.max(axis=(2, 4)))


def test_bn_inception_blocks_of_the_papers_figure_5(keras: Any) -> None:
    # 4c and 4d have 608 outputs by the figure's channels, 576 by its output sizes; 4e follows.
    figure = {
        "3a": (28, 256), "3b": (28, 320), "3c": (14, 576), "4a": (14, 576), "4b": (14, 576), "4c": (14, 608),
        "4d": (14, 608), "4e": (7, 1056), "5a": (7, 1024), "5b": (7, 1024),
    }  # fmt: skip
    model = _build("bn_inception", 224, se=False)
    shapes = {label: model.get_layer(f"{label}_concat").output.shape for label in figure}
    assert shapes == {label: (None, side, side, channels) for label, (side, channels) in figure.items()}


@pytest.fixture(scope="module")
def squeezed(keras: Any) -> dict[str, Array]:
    """Feature maps of SE-BN-Inception around its first and third block, by layer name."""
    # A side at which 3c has an odd side to halve.
    model = _build("bn_inception", 72, 4, se=True)
    names = ["pool2", "3a_pool", "3a_concat", "3a_scale", "3b_scale", "3c_pool", "3c_concat"]
    maps = _maps(keras, model, _images(72), *names)
    for layer in ("3a_squeeze", "3a_excite"):
        maps[layer] = np.asarray(model.get_layer(layer).kernel)[0, 0]
    return maps


def test_squeeze_and_excitation_scales_channels(squeezed: dict[str, Array]) -> None:
    x = squeezed["3a_concat"]
    hidden = np.maximum(x.mean(axis=(1, 2)) @ squeezed["3a_squeeze"], 0)
    assert hidden.shape == (2, 256 / 16)
    scale = 1 / (1 + np.exp(-hidden @ squeezed["3a_excite"]))
    assert scale.std() > 1e-3
    np.testing.assert_allclose(squeezed["3a_scale"], x * scale[:, None, None], rtol=1e-4, atol=1e-6)


def test_average_pools_of_bn_inception_count_their_padding(squeezed: dict[str, Array]) -> None:
    x, pooled = squeezed["pool2"], squeezed["3a_pool"]
    np.testing.assert_allclose(pooled[:, 0, 0], x[:, :2, :2].sum(axis=(1, 2)) / 9, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(pooled[:, 1, 1], x[:, :3, :3].mean(axis=(1, 2)), rtol=1e-5, atol=1e-6)


def test_blocks_that_halve_the_side_pass_their_pooled_input_through(squeezed: dict[str, Array]) -> None:
    x, pooled = squeezed["3b_scale"], squeezed["3c_pool"]
    assert (x.shape[1], pooled.shape[1]) == (9, 5)
    np.testing.assert_array_equal(pooled[:, 1, 1], x[:, 1:4, 1:4].max(axis=(1, 2)))
    np.testing.assert_array_equal(squeezed["3c_concat"][..., -x.shape[-1] :], pooled)
