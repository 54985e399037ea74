"""The networks: published counts, and the numbers their parts compute."""

import csv
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilecnn.errors import ModelNameError, UsageError
from mobilecnn.train import zoo
from mobilecnn.train.complexity import count, layers
from mobilecnn.train.zoo.tabulate import counts_of, published_figures

HERE = Path(__file__).parent

# Bands for networks of which the sources leave something open: millions of parameters, of multiply-adds.
BANDS = {
    "randwire_ws_c78": ((5.4, 5.9), (560, 600)),
    "randwire_ws_c109": ((31, 33.5), (3850, 4150)),
    "randwire_ws_c154": ((59, 64.5), (7600, 8200)),
    "shufflenet_v1_x0.5_g3_shallow": ((0, 1.2), (37.2, 42.8)),
    "shufflenet_v1_x0.5_g8_arch2": ((0, 1.2), (37.2, 42.8)),
    "se_bn_inception": ((11.8, 12.0), (2000, 2080)),
    "shiftnet_b": ((1.1, 1.2), (369, 373)),
    "squeezenext23v5_x1.0": ((0.9, 0.95), (224.8, 225.0)),
    **{f"squeezenext23v{version}_x1.0": ((0.72, 0.78), (222, 228)) for version in (2, 3, 4)},
    "squeezenext34_x1.0": ((0.95, 1.05), (300, 420)),
    "squeezenext44_x1.0": ((1.15, 1.25), (400, 540)),
    "squeezenext44_x2.0": ((4.35, 4.45), (1200, 1500)),  # 4.4 in the paper's abstract
    # Each step about doubles the multiply-adds of the one before; B0 has 385. Blocks are rounded up, most at 1.
    "efficientnet_phi1.0": ((9, 9.2), (2 * 385, 2.6 * 385)),
    "efficientnet_phi2.0": ((12, 12.5), (1.6 * 992, 2 * 992)),
    "efficientnet_phi3.0": ((16, 16.5), (1.6 * 1810, 2 * 1810)),
    **{
        f"shufflenet_unit_{unit}_{macs}": ((0, 2), (0.93 * macs, 1.08 * macs))
        for unit in ("vgg", "resnet", "resnext")
        for macs in (140, 38, 13)
    },
}


def known() -> dict[str, dict[str, str]]:
    """Counts that other implementations publish, or that were worked out from the papers' tables; "source" says which."""
    text = (HERE / "known_counts.csv").read_text()
    return {row.pop("name"): row for row in csv.DictReader(text.splitlines())}


@pytest.mark.parametrize("name", known())
def test_known_counts(name: str) -> None:
    wanted, stored = known()[name], zoo.stored_counts()[name]
    stated = {
        "params_trainable": str(stored.params_trainable),
        "params_total": str(stored.params_total),
        "macs_millions": f"{stored.macs / 1e6:.2f}",
    }
    assert wanted.pop("source")
    for key, value in wanted.items():
        if value and key == "macs_millions":
            assert float(stated[key]) == float(value)
        elif value:
            assert stated[key] == value, key
    assert any(wanted.values())


@pytest.mark.parametrize("name", BANDS)
def test_counts_in_a_band(name: str) -> None:
    stored = zoo.stored_counts()[name]
    (least, most), (fewest, largest) = BANDS[name]
    assert least <= stored.params_trainable / 1e6 <= most
    assert fewest <= stored.macs / 1e6 <= largest


def test_nearly_every_network_is_held_against_a_known_count() -> None:
    # The others are members between: their neighbours hold the same code.
    unknown = set(zoo.listed()) - set(known()) - set(BANDS)
    assert len(unknown) < 25, sorted(unknown)


@pytest.mark.parametrize("name", zoo.listed())
def test_every_listed_network_counts_as_stored(name: str) -> None:
    published = published_figures()
    assert asdict(counts_of(name, published.get(name, {}))) == asdict(zoo.stored_counts()[name])


def test_the_table_is_the_list() -> None:
    assert tuple(zoo.stored_counts()) == zoo.listed()
    assert set(published_figures()) <= set(zoo.listed())


LOOSE = {
    "googlenet": 0.025,  # 1500 or 1550 printed, from other readings of its Table 1
    "mobilenet_v1_x0.25_128": 0.05,  # 13.57 printed as 14
    "shufflenet_v1_x0.5_g8": 0.07,  # the paper says 38 for all groups, its authors' code 40
    **{f"shufflenet_v1_x0.25_g{groups}": 0.08 for groups in (1, 2, 3, 4, 8)},  # 13 printed for all groups
    **{f"efficientnet_b{number}": 0.05 for number in range(9)},  # rounded to two digits
    **{f"efficientnet_lite{number}": 0.06 for number in range(5)},  # the authors' counter adds other work
    # Channels are chosen to fit, and those that are published fit within so much.
    **{
        f"shufflenet_unit_{unit}_{macs}": 0.08
        for unit in ("vgg", "resnet", "resnext")
        for macs in (140, 38, 13)
    },
}


def test_multiply_adds_agree_with_the_papers() -> None:
    # Printed figures are rounded or (MobileNet V2) cut to whole millions, and the papers' own
    # counts differ a little in what they leave out.
    checked = 0
    for name, row in zoo.stored_counts().items():
        if row.macs_published is None:
            continue
        if row.family == "mobilenet_v2":
            assert row.macs // 1_000_000 == row.macs_published, name
        else:
            rel = LOOSE.get(name, 0.02)
            assert row.macs / 1e6 == pytest.approx(row.macs_published, rel=rel), name
        checked += 1
    assert checked > 100


def test_published_accuracies_are_percentages_with_a_source() -> None:
    for row in zoo.stored_counts().values():
        assert row.top1 is None or 30 < row.top1 < (98 if row.name.endswith("cifar10") else 86)
        assert row.source or (row.top1 is None and row.macs_published is None)


def test_squeezenet_at_caffes_size() -> None:
    assert round(count(zoo.build("squeezenet_v1.0", size=227)).macs / 1e6, 2) == 832.67  # type: ignore[operator]


def test_squeezenet_layers_of_the_papers_table_1() -> None:
    # arXiv 1602.07360, Table 1: parameters before pruning.
    table = {
        "conv1": 14_208, "fire2": 11_920, "fire3": 12_432, "fire4": 45_344, "fire5": 49_440, "fire6": 104_880,
        "fire7": 111_024, "fire8": 188_992, "fire9": 197_184, "conv10": 513_000,
    }  # fmt: skip
    parameters = dict.fromkeys(table, 0)
    for row in layers(zoo.build("squeezenet_v1.0")):
        if row.params_total:
            parameters[row.name.split("_")[0]] += row.params_total
    assert parameters == table


def test_models_are_named_and_contracts_sized() -> None:
    model = zoo.build("mobilenet_v1_x0.25_128", classes=2, size=64)
    assert model.name == "mobilenet_v1_x0.25_64"
    contract = zoo.contract(zoo.parse("shufflenet_v1_x1_g3", size=96))
    assert contract.shape == (96, 96, 3)
    assert (contract.mean[0], contract.std[0], contract.color) == (127.5, 127.5, "rgb")
    with pytest.raises(UsageError, match="at least 1 class, not 0"):
        zoo.build("alexnet", classes=0)


@given(st.integers(1, 4), st.sampled_from([(1, 6), (2, 4), (3, 12), (4, 8), (8, 16)]), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_channel_shuffle(keras: Any, side: int, split: tuple[int, int], seed: int) -> None:
    from mobilecnn.train.zoo.shufflenet_v1 import channel_shuffle

    groups, depth = split
    x = np.random.default_rng(seed).normal(size=(2, side, side + 1, depth)).astype(np.float32)
    inputs = keras.Input(x.shape[1:])
    once = keras.Model(inputs, channel_shuffle(inputs, groups, "shuffle"))
    shuffled = np.asarray(once(x))
    expected = x.reshape(2, side, side + 1, groups, depth // groups).transpose(0, 1, 2, 4, 3).reshape(x.shape)
    np.testing.assert_array_equal(shuffled, expected)
    # Dealing out by the other factor is the inverse.
    back = keras.Model(inputs, channel_shuffle(inputs, depth // groups, "unshuffle"))
    np.testing.assert_array_equal(np.asarray(back(shuffled)), x)


def _randomize(model: Any) -> None:
    """Give batch normalization statistics that matter, as after training."""
    generator = np.random.default_rng(5)
    for layer in model.layers:
        if type(layer).__name__ == "BatchNormalization":
            gamma, beta, mean, variance = (np.asarray(weight) for weight in layer.weights)
            layer.set_weights(
                [
                    generator.uniform(0.5, 1.5, gamma.shape),
                    generator.normal(size=beta.shape),
                    generator.normal(size=mean.shape),
                    generator.uniform(0.5, 1.5, variance.shape),
                ]
            )


@pytest.fixture(scope="module")
def unit(keras: Any) -> dict[str, npt.NDArray[np.float32]]:
    """Feature maps of a ShuffleNet V1 around its first unit of Stage 3, by layer name."""
    model = zoo.build("shufflenet_v1_x0.5_g3", classes=4, size=96)
    _randomize(model)
    names = [
        "stage2_unit4_relu", "stage3_unit1_conv1_relu", "stage3_unit1_shuffle_unfold", "stage3_unit1_conv2",
        "stage3_unit1_depthwise_bn", "stage3_unit1_conv2_bn", "stage3_unit1_pool", "stage3_unit1_relu",
        "stage3_unit1_concat",
    ]  # fmt: skip
    x = np.random.default_rng(0).uniform(-1, 1, (2, 96, 96, 3)).astype(np.float32)
    outputs = keras.Model(model.input, [model.get_layer(name).output for name in names])(x, training=False)
    maps = {name: np.asarray(value) for name, value in zip(names, outputs, strict=True)}
    maps["kernel"] = np.asarray(model.get_layer("stage3_unit1_conv2").kernel)
    return maps


def test_relu_before_the_concatenation_equals_relu_after(unit: dict[str, npt.NDArray[np.float32]]) -> None:
    branch = unit["stage3_unit1_conv2_bn"]
    assert (branch < 0).any()
    after = np.maximum(np.concatenate([unit["stage3_unit1_pool"], branch], axis=-1), 0)
    np.testing.assert_array_equal(unit["stage3_unit1_concat"], after)


def test_the_shortcuts_average_counts_the_padding(unit: dict[str, npt.NDArray[np.float32]]) -> None:
    x = np.pad(unit["stage2_unit4_relu"], ((0, 0), (1, 1), (1, 1), (0, 0)))
    side = x.shape[1] // 2 - 1
    windows = [
        x[:, row : row + 2 * side : 2, column : column + 2 * side : 2]
        for row in range(3)
        for column in range(3)
    ]
    np.testing.assert_allclose(unit["stage3_unit1_pool"], sum(windows) / 9, rtol=1e-5, atol=1e-6)


def test_a_group_sees_only_its_channels(unit: dict[str, npt.NDArray[np.float32]]) -> None:
    parts = np.split(unit["stage3_unit1_depthwise_bn"], 3, axis=-1)
    kernels = np.split(unit["kernel"][0, 0], 3, axis=-1)
    expected = np.concatenate([part @ kernel for part, kernel in zip(parts, kernels, strict=True)], axis=-1)
    np.testing.assert_allclose(unit["stage3_unit1_conv2"], expected, rtol=1e-4, atol=1e-5)


def test_noshuffle_leaves_out_the_shuffle_alone(keras: Any) -> None:
    kinds = [
        [type(layer).__name__ for layer in zoo.build(f"shufflenet_v1_x0.25_g3{ending}", size=32).layers]
        for ending in ("", "_noshuffle")
    ]
    # 16 units, the first of Stage 2 with a convolution that is not grouped.
    assert kinds[0].count("Permute") == 15
    without = [kind for kind in kinds[0] if kind not in ("Reshape", "Permute")]
    assert kinds[1] == without


def test_the_ceil_pool_of_squeezenet(keras: Any) -> None:
    from mobilecnn.train.zoo.squeezenet import ceil_pool

    for side in range(3, 12):
        x = np.random.default_rng(side).normal(size=(1, side, side, 2)).astype(np.float32)
        pooled = np.asarray(ceil_pool(keras.ops.convert_to_tensor(x), "pool"))
        out = -(-(side - 3) // 2) + 1
        expected = [
            [
                x[0, 2 * row : 2 * row + 3, 2 * column : 2 * column + 3].max(axis=(0, 1))
                for column in range(out)
            ]
            for row in range(out)
        ]
        np.testing.assert_array_equal(pooled[0], np.asarray(expected))


@pytest.mark.parametrize(
    ("name", "height", "width"),
    [
        ("alexnet", 240, 320),
        ("shufflenet_v1_x0.25_g8", 64, 96),
        ("mobilenet_v1_x0.25_128", 48, 32),
        ("mobilenet_v2_x0.35_96", 96, 160),
        ("mobilenet_v3_small_x0.75", 192, 96),
        ("shufflenet_v2_x0.5", 64, 128),
        ("squeezenet_v1.1", 224, 160),
        ("efficientnet_lite0", 64, 128),
        ("efficientnet_b0", 128, 64),
        ("resnet50", 96, 64),
        ("resnet50_v2", 64, 96),
        ("resnet50_separable_dw", 64, 96),
        ("resnext50_32x4d", 64, 96),
        ("wrn50_2", 64, 32),
    ],
)
def test_rectangles(keras: Any, name: str, height: int, width: int) -> None:
    model = zoo.graph(name, 3, (height, width))
    assert model.input_shape == (None, height, width, 3) and model.output_shape == (None, 3)
    square = zoo.graph(name, 3)
    # Neither the weights nor their number depend on the sides.
    assert [weight.shape for weight in model.weights] == [weight.shape for weight in square.weights]
    sides = zoo.contract(name).height
    share = count(model).macs / count(square).macs  # type: ignore[operator]
    assert share == pytest.approx(height * width / sides**2, rel=0.2)
    assert zoo.contract(name, (height, width)).shape == (height, width, 3)


def test_alexnets_maps_of_any_size_are_averaged_to_six(keras: Any) -> None:
    from mobilecnn.train.zoo import alexnet

    for height, width in ((6, 6), (11, 12), (14, 39)):
        inputs = keras.Input((height, width, 1))
        assert alexnet._averaged(inputs, 6).shape == (None, 6, 6, 1)


def test_rectangles_that_cannot_be() -> None:
    with pytest.raises(
        UsageError, match=r"densenet121 takes square images only; rectangles are for alexnet, resnet"
    ):
        zoo.rectangle("densenet121", 3, 64, 96)
    with pytest.raises(ModelNameError, match="at least 227 x 227"):
        zoo.rectangle("alexnet", 3, 224, 320)
    with pytest.raises(ModelNameError, match="shufflenet_v1"):
        zoo.contract("shufflenet_v1_x0.5_g3", (64, 8))
