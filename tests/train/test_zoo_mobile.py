"""SqueezeNet's bypasses, SqueezeNext, MobileNet V1 and V3, and the variants of ShuffleNet V1."""

import re
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mobilecnn.errors import ModelNameError
from mobilecnn.train.complexity import LayerCount, layers
from mobilecnn.train.zoo.shufflenet_v1_channels import RESHAPED, channels, units

Array = npt.NDArray[np.float32]


def _image(side: int, count: int = 2) -> Array:
    return np.random.default_rng(side).uniform(-1, 1, (count, side, side, 3)).astype(np.float32)


def _maps(keras: Any, model: Any, names: list[str], image: Array) -> dict[str, Array]:
    """The feature maps behind the named layers."""
    outputs = keras.Model(model.input, [model.get_layer(name).output for name in names])(
        image, training=False
    )
    return {name: np.asarray(value) for name, value in zip(names, outputs, strict=True)}


def _randomize(model: Any) -> None:
    """Give normalizations and biases values as after training, not 0 and 1."""
    generator = np.random.default_rng(3)
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            for weight in layer.weights:
                positive = "gamma" in weight.path or "variance" in weight.path
                weight.assign(
                    generator.uniform(0.5 if positive else -0.5, 1.5 if positive else 0.5, weight.shape)
                )
        elif getattr(layer, "bias", None) is not None:
            layer.bias.assign(generator.uniform(-0.5, 0.5, layer.bias.shape))


@pytest.mark.parametrize(
    ("bypass", "added", "convolutions"),
    [
        ("", "", {}),
        ("_simple_bypass", "3579", {}),
        # Figure 2 of the paper: from as many channels as the module takes to as many as it gives.
        ("_complex_bypass", "23456789", {"2": (96, 128), "4": (128, 256), "6": (256, 384), "8": (384, 512)}),
    ],
)
def test_bypasses_of_squeezenet(
    keras: Any, bypass: str, added: str, convolutions: dict[str, tuple[int, int]]
) -> None:
    from mobilecnn.train.zoo import squeezenet

    rows = {
        row.name: row
        for row in layers(squeezenet.build(minor=0, variant=bypass, size=224, classes=5, name="n"))
    }
    assert [name for name, row in rows.items() if row.kind == "Add"] == [
        f"fire{number}_add" for number in added
    ]
    assert {name: row.params_total for name, row in rows.items() if name.endswith("bypass")} == {
        f"fire{number}_bypass": before * after + after for number, (before, after) in convolutions.items()
    }


def test_a_bypass_goes_around_the_whole_fire_module(keras: Any) -> None:
    from mobilecnn.train.zoo import squeezenet

    model = squeezenet.build(minor=0, variant="_complex_bypass", size=64, classes=5, name="n")
    _randomize(model)
    names = [f"fire{number}_{part}" for number in (2, 3, 5, 6) for part in ("concat", "add")] + ["pool4"]
    maps = _maps(keras, model, names, _image(64))
    np.testing.assert_allclose(maps["fire3_add"], maps["fire2_add"] + maps["fire3_concat"], rtol=1e-6)
    np.testing.assert_allclose(maps["fire5_add"], maps["pool4"] + maps["fire5_concat"], rtol=1e-6)
    kernel, bias = (np.asarray(weight) for weight in model.get_layer("fire6_bypass").weights)
    around = maps["fire5_add"] @ kernel[0, 0] + bias
    np.testing.assert_allclose(maps["fire6_add"], around + maps["fire6_concat"], rtol=1e-4, atol=1e-5)


@cache
def _squeezenext(version: str = "23", width: float = 1.0, g2: bool = False) -> Any:
    from mobilecnn.train.zoo import squeezenext

    return squeezenext.build(version=version, width=width, g2=g2, size=227, classes=5, name="n")


@pytest.mark.parametrize(
    ("version", "width", "sides", "blocks"),
    [
        ("23", 1.0, (111, 55, 28, 14, 7), (6, 6, 8, 1)),
        ("23v3", 1.0, (112, 56, 28, 14, 7), (4, 8, 8, 1)),
        ("23v5", 2.0, (112, 56, 28, 14, 7), (2, 4, 14, 1)),
        ("44", 1.0, (111, 55, 28, 14, 7), (12, 12, 16, 2)),
    ],
)
def test_stages_of_squeezenext(
    keras: Any, version: str, width: float, sides: tuple[int, ...], blocks: tuple[int, ...]
) -> None:
    rows = layers(_squeezenext(version, width))
    assert rows[1].output_shape == (sides[0], sides[0], 64)
    sums = [row.output_shape for row in rows if row.kind == "Add"]
    expected = [
        (side, side, width * out)
        for side, out, count in zip(sides[1:], (32, 64, 128, 256), blocks, strict=True)
        for _ in range(count)
    ]
    assert sums == expected
    assert [row.output_shape for row in rows if row.name == "head"] == [(7, 7, 128)]


def test_of_the_divisions_that_fit_squeezenext_44_the_doubled_one_is_taken() -> None:
    """Parameters of 42 blocks follow from those of 21: a block of c channels has 2.25 c^2 + 5.5 c."""
    from mobilecnn.train import zoo

    stored = zoo.stored_counts()
    plain = (6, 6, 8, 1)

    def params(width: int, blocks: tuple[int, ...]) -> int:
        a_block = [(9 * c * c + 22 * c) // 4 for c in (32 * width, 64 * width, 128 * width, 256 * width)]
        more = sum((now - then) * each for now, then, each in zip(blocks, plain, a_block, strict=True))
        return stored[f"squeezenext23_x{width}.0"].params_trainable + more

    divisions = [
        (first, second, third, 42 - first - second - third)
        for first in range(1, 40)
        for second in range(1, 41 - first)
        for third in range(1, 42 - first - second)
    ]
    fitting = [
        blocks
        for blocks in divisions
        if round(params(1, blocks) / 1e6, 1) == 1.2 and round(params(2, blocks) / 1e6, 1) == 4.4
    ]
    doubled = tuple(2 * count for count in plain)
    assert doubled in fitting and len(fitting) == 87 and (11, 11, 19, 1) not in fitting
    for width in (1, 2):
        assert params(width, doubled) == stored[f"squeezenext44_x{width}.0"].params_trainable


def test_blocks_of_squeezenext(keras: Any) -> None:
    model = _squeezenext()
    blocks = [
        (layer.name.removeprefix("stage2_"), layer.filters, layer.kernel_size, layer.strides[0])
        for layer in model.layers
        if layer.name.startswith("stage2_block") and hasattr(layer, "filters")
    ]
    first = [row for row in blocks if row[0].startswith("block1_") and not row[0].endswith("shortcut")]
    assert first == [
        ("block1_squeeze1", 32, (1, 1), 2),
        ("block1_squeeze2", 16, (1, 1), 1),
        ("block1_3x1", 32, (3, 1), 1),
        ("block1_1x3", 32, (1, 3), 1),
        ("block1_expand", 64, (1, 1), 1),
    ]
    assert [row[0] for row in blocks if row[0].startswith("block2_")] == [
        "block2_squeeze1", "block2_squeeze2", "block2_1x3", "block2_3x1", "block2_expand",
    ]  # fmt: skip
    assert [row for row in blocks if row[0].endswith("shortcut")] == [("block1_shortcut", 64, (1, 1), 2)]


def test_the_shortcut_that_begins_a_stage_of_squeezenext(keras: Any) -> None:
    for version, width, source, stride in (
        ("23", 1.0, "stage1_block6_add", 2),
        ("23v5", 2.0, "stage2_block1_shortcut_relu", 1),
    ):
        model = _squeezenext(version, width)
        squeeze = model.get_layer("stage2_block1_squeeze1")
        assert squeeze.input is model.get_layer(source).output
        assert squeeze.strides == (stride, stride)


def test_groups_of_squeezenext(keras: Any) -> None:
    model = _squeezenext(g2=True)
    grouped = {layer.name.split("_")[-1] for layer in model.layers if getattr(layer, "groups", 1) == 2}
    alone = {layer.name.split("_")[-1] for layer in model.layers if getattr(layer, "groups", 2) == 1}
    assert grouped == {"squeeze1", "3x1", "1x3"}
    assert alone == {"stem", "shortcut", "squeeze2", "expand", "head"}


def test_a_relu_behind_the_sums_of_squeezenext_would_change_nothing(keras: Any) -> None:
    model = _squeezenext()
    _randomize(model)
    names = [layer.name for layer in model.layers if type(layer).__name__ == "Add"]
    maps = _maps(keras, model, names, _image(227, 1))
    assert len(maps) == 21
    for sums in maps.values():
        assert sums.min() >= 0 < sums.max()


def _mobilenet_v1(variant: str, size: int = 224) -> Any:
    from mobilecnn.train.zoo import mobilenet_v1_variants

    return mobilenet_v1_variants.build(variant=variant, size=size, classes=1000, name="n")


def test_mobilenet_v1_is_the_one_of_keras(keras: Any) -> None:
    theirs = keras.applications.MobileNet(input_shape=(64, 64, 3), weights=None)
    _randomize(theirs)
    ours = _mobilenet_v1("", 64)
    pairs = zip(
        *([layer for layer in model.layers if layer.weights] for model in (ours, theirs)), strict=True
    )
    for layer, twin in pairs:
        assert type(layer) is type(twin) or twin.name == "conv_preds"
        for weight, value in zip(layer.weights, twin.get_weights(), strict=True):
            weight.assign(value.reshape(weight.shape))
    image = _image(64)
    scores = np.asarray(ours(image))
    assert scores.std() > 1e-4
    np.testing.assert_allclose(scores, np.asarray(theirs(image)), rtol=1e-4, atol=1e-6)


@cache
def _mobilenet_v1_rows(variant: str) -> tuple[LayerCount, ...]:
    return layers(_mobilenet_v1(variant))


def test_mobilenet_v1_spends_where_the_paper_says(keras: Any) -> None:
    # arXiv 1704.04861, Table 2: per cent of the multiply-adds and of the parameters. It prints
    # 1.19 for the first convolution; 1.91 is the share, with which the column adds up to 100.
    table = {
        "pointwise": (94.86, 74.59), "depthwise": (3.06, 1.06), "conv1": (1.91, 0.02), "predictions": (0.18, 24.33),
    }  # fmt: skip
    rows = [row for row in _mobilenet_v1_rows("") if row.macs]
    macs, parameters = sum(row.macs or 0 for row in rows), sum(row.params_total for row in rows)
    for kind, (share_of_macs, share_of_parameters) in table.items():
        these = [row for row in rows if row.name.endswith(kind)]
        assert 100 * sum(row.macs or 0 for row in these) / macs == pytest.approx(share_of_macs, abs=0.01)
        # The paper leaves out the biases of the last layer.
        share = 100 * sum(row.params_total for row in these) / parameters
        assert share == pytest.approx(share_of_parameters, abs=0.03)


def test_a_full_convolution_and_a_separable_one(keras: Any) -> None:
    # arXiv 1704.04861, Table 3: 512 to 512 channels at 14x14, millions of multiply-adds and of parameters.
    costs = {}
    for variant in ("conv", ""):
        rows = [row for row in _mobilenet_v1_rows(variant) if re.fullmatch(r"conv8(_\w+wise)?", row.name)]
        assert {row.output_shape for row in rows} == {(14, 14, 512)}
        costs[variant] = (sum(row.macs or 0 for row in rows), sum(row.params_total for row in rows))
    assert costs["conv"] == pytest.approx((462e6, 2.36e6), rel=0.002)
    assert costs[""] == pytest.approx((52.3e6, 0.27e6), rel=0.02)


def test_variants_of_mobilenet_v1_differ_where_the_paper_says(keras: Any) -> None:
    # What the full and the pointwise convolutions yield.
    whole, full, shallow = (
        [row.output_shape for row in _mobilenet_v1_rows(variant) if row.kind == "Conv2D"]
        for variant in ("", "conv", "shallow")
    )
    assert whole.count((14, 14, 512)) == 6
    assert full == whole
    assert shallow == whole[:7] + whole[12:]


def test_minimalistic_mobilenet_v3(keras: Any) -> None:
    from mobilecnn.train.zoo import mobilenet_v3

    def kinds(minimalistic: bool) -> tuple[set[int], set[str]]:
        model = mobilenet_v3.build(
            variant="small", width=1.0, minimalistic=minimalistic, size=64, classes=10, name="n"
        )
        assert model.output_shape == (None, 10)
        # Images come in -1..1 already.
        assert not any(type(layer).__name__ == "Rescaling" for layer in model.layers)
        kernels = {layer.kernel_size[0] for layer in model.layers if hasattr(layer, "kernel_size")}
        return kernels, {type(layer).__name__ for layer in model.layers}

    kernels, layer_kinds = kinds(minimalistic=False)
    assert kernels == {1, 3, 5}
    assert "Multiply" in layer_kinds
    kernels, layer_kinds = kinds(minimalistic=True)
    assert kernels == {1, 3}
    assert "Multiply" not in layer_kinds


@cache
def _shufflenet(width: float, groups: int, variant: str, size: int) -> Any:
    from mobilecnn.train.zoo import shufflenet_v1

    return shufflenet_v1.build(width=width, groups=groups, variant=variant, size=size, classes=5, name="n")


def test_squeeze_and_excitation_of_shufflenet(keras: Any) -> None:
    model = _shufflenet(2.0, 3, "_se", 64)
    _randomize(model)
    label = "stage3_unit2"
    names = [f"{label}_{end}" for end in ("conv2_bn", "se_scale", "relu")] + ["stage3_unit1_concat"]
    maps = _maps(keras, model, names, _image(64))
    branch = maps[f"{label}_conv2_bn"]
    squeeze, squeeze_bias = (np.asarray(weight) for weight in model.get_layer(f"{label}_se_squeeze").weights)
    excite, excite_bias = (np.asarray(weight) for weight in model.get_layer(f"{label}_se_excite").weights)
    assert squeeze.shape == (1, 1, 960, 60)
    hidden = np.maximum(branch.mean(axis=(1, 2), keepdims=True) @ squeeze[0, 0] + squeeze_bias, 0)
    scaled = branch / (1 + np.exp(-(hidden @ excite[0, 0] + excite_bias)))
    np.testing.assert_allclose(maps[f"{label}_se_scale"], scaled, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        maps[f"{label}_relu"], np.maximum(maps["stage3_unit1_concat"] + scaled, 0), rtol=1e-4, atol=1e-5
    )


def test_squeeze_and_excitation_costs_what_its_formula_says(keras: Any) -> None:
    rows = layers(_shufflenet(2.0, 3, "_se", 64))
    parameters = [
        sum(row.params_total for row in rows if row.name.startswith(f"stage{stage}_unit{unit}_se_"))
        for stage, count in ((2, 4), (3, 8), (4, 4))
        for unit in range(1, count + 1)
    ]
    # A branch that is concatenated lacks the channels of its shortcut: 480 - 48.
    branches = [432, 480, 480, 480, 480, *[960] * 7, 960, *[1920] * 3]
    assert parameters == [2 * out * out // 16 + out // 16 + out for out in branches]


def test_the_shallow_shufflenet_has_26_layers(keras: Any) -> None:
    # Section 4.3 of the paper: layers with weights.
    rows = layers(_shufflenet(0.5, 3, "_shallow", 224))
    assert sum(1 for row in rows if row.macs) == 26
    sides = [row.output_shape[0] for row in rows if row.name.endswith("_conv2")]
    assert sides == [28] * 2 + [14] * 4 + [7] * 2


@pytest.mark.parametrize("variant", ["_shallow", "_arch2"])
def test_reshaped_shufflenets(variant: str) -> None:
    network = RESHAPED[variant]
    plan, plain = (channels(network.width, network.groups, which) for which in (variant, ""))
    assert plan.stem == plain.stem
    # "Widen each feature map", with fewer units.
    assert all(wide > narrow for wide, narrow in zip(plan.stages, plain.stages, strict=True))
    assert sum(units(variant)) < sum(units(""))
    for count in (*plan.stages, *plan.bottlenecks, plan.stages[0] - plan.stem):
        assert count % network.groups == 0
    for width, groups in ((1.0, network.groups), (network.width, 4)):
        with pytest.raises(ModelNameError, match=rf"only at x0\.5 with {network.groups} groups"):
            channels(width, groups, variant)
