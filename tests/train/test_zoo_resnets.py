"""Residual networks: twins in keras.applications, where the stride is, groups, squeeze-and-excitation."""

import re
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilecnn.train.complexity import count


def _build(module: str, size: int = 64, **parameters: Any) -> Any:
    build = import_module(f"mobilecnn.train.zoo.{module}").build
    return build(size=size, classes=5, name="network", **parameters)


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """One unit a stage, where the others are more of the same and take seconds to build."""
    from mobilecnn.train.zoo.residual import REPEATS

    for depth in REPEATS:
        monkeypatch.setitem(REPEATS, depth, (1, 1, 1, 1))


def _randomize(model: Any) -> None:
    """Give biases and batch normalization values that matter, as after training."""
    generator = np.random.default_rng(5)
    for layer in model.layers:
        for weight in layer.weights:
            if weight.name in ("gamma", "moving_variance"):
                weight.assign(generator.uniform(0.5, 1.5, weight.shape))
            elif weight.name in ("beta", "moving_mean", "bias"):
                weight.assign(generator.normal(scale=0.5, size=weight.shape))


def _name_in_keras(name: str) -> str:
    fixed = {"stem": "conv1_conv", "stem_bn": "conv1_bn", "last_bn": "post_bn"}
    parts = re.fullmatch(r"stage(\d)_unit(\d+)(?:_conv(\d)|_(shortcut))?(_bn)?", name)
    if not parts:
        return fixed.get(name, name)
    stage, unit, number, shortcut, bn = parts.groups()
    part = "0" if shortcut else number or "preact"
    return f"conv{stage}_block{unit}_{part}_{'bn' if bn else 'conv'}"


@pytest.mark.parametrize(("version", "twin"), [("", "ResNet50"), ("_v2", "ResNet50V2")])
def test_equals_keras_applications(keras: Any, version: str, twin: str) -> None:
    ours = _build("resnet", depth=50, version=version)
    theirs = getattr(keras.applications, twin)(weights=None, input_shape=(64, 64, 3), classes=5)
    _randomize(theirs)
    copied = 0
    for layer in ours.layers:
        if layer.weights:
            layer.set_weights(theirs.get_layer(_name_in_keras(layer.name)).get_weights())
            copied += 1
    assert copied == sum(bool(layer.weights) for layer in theirs.layers)

    x = np.random.default_rng(1).uniform(-1, 1, (2, 64, 64, 3)).astype(np.float32)
    features, scores = keras.Model(ours.input, [ours.get_layer("pool").output, ours.output])(x)
    expected = keras.Model(theirs.input, [theirs.get_layer("avg_pool").output, theirs.output])(x)
    # A saturated softmax would hide differences; its input would not.
    scale = np.abs(expected[0]).max()
    np.testing.assert_allclose(np.asarray(features) / scale, np.asarray(expected[0]) / scale, atol=1e-4)
    np.testing.assert_allclose(np.asarray(scores), np.asarray(expected[1]), atol=1e-4)


@pytest.mark.usefixtures("keras", "short")
@pytest.mark.parametrize(
    ("module", "parameters", "sides"),
    [
        ("resnet", {"depth": 50, "version": ""}, (8, 8)),
        ("resnet", {"depth": 50, "version": "_v1.5"}, (16, 8)),
        ("resnet", {"depth": 101, "version": "_1x100d"}, (16, 8)),
        ("resnet", {"depth": 200, "version": "_v2"}, (16, 8)),
        ("wide_resnet", {}, (16, 8)),
        ("resnext", {"depth": 50, "cardinality": 32, "bottleneck": 4}, (16, 8)),
        ("senet", {"variant": "se_resnet50"}, (8, 8)),
        ("senet", {"variant": "se_resnext50_32x4d"}, (16, 8)),
        ("senet", {"variant": "senet154"}, (16, 8)),
    ],
)
def test_which_convolution_has_the_stride(
    module: str, parameters: dict[str, Any], sides: tuple[int, int]
) -> None:
    model = _build(module, **parameters)
    outputs = tuple(model.get_layer(f"stage3_unit1_conv{number}").output.shape[1] for number in (1, 2))
    assert outputs == sides


def test_resnet_of_the_papers_table_1(keras: Any) -> None:
    # arXiv 1512.03385, Table 1: side and channels after each stage; the layers are 50 without projections.
    model = _build("resnet", size=224, depth=50, version="")
    last = {2: 3, 3: 4, 4: 6, 5: 3}
    shapes = [
        model.get_layer(f"stage{stage}_unit{unit}_relu").output.shape[1:] for stage, unit in last.items()
    ]
    assert shapes == [(56, 56, 256), (28, 28, 512), (14, 14, 1024), (7, 7, 2048)]
    counted = [
        layer
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense) and "shortcut" not in layer.name
    ]
    assert len(counted) == 50


def test_the_layers_that_the_depths_count() -> None:
    from mobilecnn.train.zoo.residual import REPEATS

    for depth, units in REPEATS.items():
        # The stem, three convolutions a unit, the classifier.
        assert 1 + 3 * sum(units) + 1 == depth


@pytest.mark.usefixtures("short")
def test_resnet200_v2_normalizes_the_stem_and_has_no_biases(keras: Any) -> None:
    model = _build("resnet", size=32, depth=200, version="_v2")
    names = [layer.name for layer in model.layers]
    assert names[1:8] == [
        "stem_pad", "stem", "stem_bn", "stem_relu", "stem_pool_pad", "stem_pool", "stage2_unit1_bn",
    ]  # fmt: skip
    assert not any(layer.use_bias for layer in model.layers if isinstance(layer, keras.layers.Conv2D))


@pytest.mark.usefixtures("keras", "short")
# arXiv 1611.05431, Table 2: cardinality, width of a group, width of the group convolution.
@pytest.mark.parametrize(
    ("cardinality", "width", "inside"), [(2, 40, 80), (4, 24, 96), (8, 14, 112), (32, 4, 128)]
)
def test_resnext_of_the_papers_table_2(cardinality: int, width: int, inside: int) -> None:
    model = _build("resnext", depth=50, cardinality=cardinality, bottleneck=width)
    for stage, factor in ((2, 1), (3, 2), (4, 4), (5, 8)):
        kernel = model.get_layer(f"stage{stage}_unit1_conv2").kernel
        # Each output channel sees the input channels of its group.
        assert kernel.shape == (3, 3, width * factor, inside * factor)


@given(
    groups=st.integers(1, 5),
    depths=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    side=st.integers(1, 6),
    kernel=st.sampled_from([1, 3]),
    stride=st.sampled_from([1, 2]),
    seed=st.integers(0, 99),
)
@settings(max_examples=30, deadline=None)
def test_a_group_convolution_is_split_convolve_concatenate(
    keras: Any, groups: int, depths: tuple[int, int], side: int, kernel: int, stride: int, seed: int
) -> None:
    from mobilecnn.train.zoo.residual import conv

    inputs = keras.Input((side, side + 1, groups * depths[0]))
    model = keras.Model(inputs, conv(inputs, groups * depths[1], kernel, stride, "conv", groups=groups))
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(2, side, side + 1, groups * depths[0])).astype(np.float32)
    weights = generator.normal(size=model.get_layer("conv").kernel.shape).astype(np.float32)
    model.get_layer("conv").set_weights([weights])
    expected = [
        _convolve(part, filters, stride)
        for part, filters in zip(
            np.split(x, groups, axis=-1), np.split(weights, groups, axis=-1), strict=True
        )
    ]
    np.testing.assert_allclose(np.asarray(model(x)), np.concatenate(expected, axis=-1), rtol=1e-4, atol=1e-5)


def _convolve(
    x: npt.NDArray[np.float32], kernel: npt.NDArray[np.float32], stride: int
) -> npt.NDArray[np.float32]:
    """Padded by half the kernel on every side."""
    half = kernel.shape[0] // 2
    x = np.pad(x, ((0, 0), (half, half), (half, half), (0, 0)))
    height, width = (side - 2 * half for side in x.shape[1:3])
    products = [
        x[:, row : row + height : stride, column : column + width : stride] @ kernel[row, column]
        for row in range(kernel.shape[0])
        for column in range(kernel.shape[1])
    ]
    return np.asarray(sum(products), np.float32)


@pytest.mark.usefixtures("keras", "short")
@pytest.mark.parametrize("variant", ["se_resnet50", "se_resnext50_32x4d"])
def test_squeeze_and_excitation_of_the_papers_table_1(variant: str) -> None:
    # arXiv 1709.01507, Table 1: "fc, [16, 256]" and so on.
    model = _build("senet", variant=variant)
    for stage, squeezed, channels in ((2, 16, 256), (3, 32, 512), (4, 64, 1024), (5, 128, 2048)):
        label = f"stage{stage}_unit1"
        assert model.get_layer(f"{label}_squeeze").kernel.shape == (1, 1, channels, squeezed)
        assert model.get_layer(f"{label}_excite").kernel.shape == (1, 1, squeezed, channels)


def test_squeeze_and_excitation_weights_the_channels(keras: Any) -> None:
    from mobilecnn.train.zoo.squeeze_excite import squeeze_excite

    inputs = keras.Input((5, 4, 32))
    model = keras.Model(inputs, squeeze_excite(inputs, "unit"))
    _randomize(model)
    x = np.random.default_rng(3).normal(1, 2, (2, 5, 4, 32)).astype(np.float32)
    # Section 3: the average, W1, ReLU, W2, the logistic function.
    squeeze, excite = (model.get_layer(f"unit_{part}") for part in ("squeeze", "excite"))
    hidden = x.mean(axis=(1, 2)) @ np.asarray(squeeze.kernel)[0, 0] + np.asarray(squeeze.bias)
    weights = np.maximum(hidden, 0) @ np.asarray(excite.kernel)[0, 0] + np.asarray(excite.bias)
    expected = x / (1 + np.exp(-weights))[:, None, None]
    np.testing.assert_allclose(np.asarray(model(x)), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("keras", "short")
def test_the_units_of_senet154() -> None:
    model = _build("senet", variant="senet154")
    kernels = {
        "stem1": (3, 3, 3, 64),
        "stem2": (3, 3, 64, 64),
        "stem3": (3, 3, 64, 128),
        "stage2_unit1_conv1": (1, 1, 128, 128),
        "stage2_unit1_conv2": (3, 3, 2, 256),
        "stage2_unit1_conv3": (1, 1, 256, 256),
        "stage2_unit1_shortcut": (1, 1, 128, 256),
        "stage3_unit1_conv1": (1, 1, 256, 256),
        "stage3_unit1_conv2": (3, 3, 4, 512),
        "stage3_unit1_shortcut": (3, 3, 256, 512),
    }
    assert {name: tuple(model.get_layer(name).kernel.shape) for name in kernels} == kernels
    assert model.get_layer("dropout").rate == 0.2


@pytest.mark.usefixtures("short")
def test_separable_has_no_3x3_convolution_across_channels(keras: Any) -> None:
    model = _build("resnet_separable", linear=False)
    depthwise = [layer for layer in model.layers if isinstance(layer, keras.layers.DepthwiseConv2D)]
    assert len(depthwise) == 4
    dense = [layer for layer in model.layers if type(layer) is keras.layers.Conv2D]
    assert {layer.kernel_size for layer in dense if layer.name != "stem"} == {(1, 1)}


@pytest.mark.usefixtures("keras", "short")
def test_linear_leaves_out_the_relu_after_the_depthwise_alone() -> None:
    names = [
        [layer.name for layer in _build("resnet_separable", linear=linear).layers] for linear in (False, True)
    ]
    assert sum(name.endswith("depthwise_relu") for name in names[0]) == 4
    assert sorted(names[1]) == sorted(name for name in names[0] if not name.endswith("depthwise_relu"))


@pytest.mark.usefixtures("keras")
@pytest.mark.parametrize("kind", ["resnet", "plain"])
@pytest.mark.parametrize(("depth", "units"), [(18, (2, 2, 2, 2)), (34, (3, 4, 6, 3))])
def test_resnets_of_two_convolutions_of_the_papers_table_1(
    keras: Any, kind: str, depth: int, units: tuple[int, ...]
) -> None:
    model = _build("resnet_basic", size=224, kind=kind, depth=depth)
    counted = [
        layer
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense) and "shortcut" not in layer.name
    ]
    assert len(counted) == depth
    shapes = [
        model.get_layer(f"stage{stage}_unit{number}_conv2").output.shape[1:]
        for stage, number in enumerate(units, 2)
    ]
    assert shapes == [(56, 56, 64), (28, 28, 128), (14, 14, 256), (7, 7, 512)]
    sums = sum(isinstance(layer, keras.layers.Add) for layer in model.layers)
    assert sums == (sum(units) if kind == "resnet" else 0)


@pytest.mark.usefixtures("keras")
@pytest.mark.parametrize(
    ("unit", "macs", "channels", "kernels"),
    [
        ("vgg", 38, (12, 25, 50), {"conv1": (3, 3, 50, 50), "conv2": (3, 3, 50, 50)}),
        (
            "resnet",
            38,
            (48, 96, 192),
            {"conv1": (1, 1, 192, 48), "conv2": (3, 3, 48, 48), "conv3": (1, 1, 48, 192)},
        ),
        # A group convolution's kernel has the input channels of one of its 16 groups.
        (
            "resnext",
            38,
            (48, 96, 192),
            {"conv1": (1, 1, 192, 96), "conv2": (3, 3, 6, 96), "conv3": (1, 1, 96, 192)},
        ),
    ],
)
def test_units_of_shufflenets_table_4(
    unit: str, macs: int, channels: tuple[int, ...], kernels: dict[str, tuple[int, ...]]
) -> None:
    model = _build("equal_complexity", size=224, unit=unit, macs=macs)
    last = [
        model.get_layer(f"stage{stage}_unit{number}_conv{len(kernels)}")
        for stage, number in ((2, 4), (3, 8), (4, 4))
    ]
    assert tuple(layer.output.shape[-1] for layer in last) == channels
    assert [layer.output.shape[1] for layer in last] == [28, 14, 7]
    assert {
        label: tuple(model.get_layer(f"stage4_unit4_{label}").kernel.shape) for label in kernels
    } == kernels
    assert model.get_layer("stem").output.shape[1:] == (112, 112, 12)


def test_units_whose_channels_groups_do_not_divide_are_wider() -> None:
    model = _build("equal_complexity", size=64, unit="resnext", macs=38)
    # Half of 48 channels are 24; 16 groups take 32.
    assert model.get_layer("stage2_unit1_conv2").kernel.shape == (3, 3, 2, 32)


@pytest.mark.parametrize(
    ("unit", "macs"),
    [(unit, macs) for unit in ("vgg", "resnet", "resnext") for macs in (140, 13)],
)
def test_no_even_number_of_channels_comes_nearer_to_the_complexity(
    unit: str, macs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mobilecnn.train.zoo import equal_complexity

    chosen = equal_complexity.STAGE4[unit, macs]
    apart = {}
    for channels in (chosen - 2, chosen, chosen + 2):
        monkeypatch.setitem(equal_complexity.STAGE4, (unit, macs), channels)
        model = equal_complexity.build(unit=unit, macs=macs, size=224, classes=1000, name="network")
        counted = count(model).macs
        assert counted is not None
        apart[channels] = abs(counted - macs * 1e6)
    assert min(apart, key=lambda channels: apart[channels]) == chosen
    assert apart[chosen] < 0.02 * macs * 1e6
