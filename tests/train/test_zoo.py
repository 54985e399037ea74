"""The networks: published counts, and the numbers their parts compute."""

from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilecnn.errors import ModelNameError, UsageError
from mobilecnn.train import zoo
from mobilecnn.train.complexity import count, layers
from mobilecnn.train.zoo.names import FAMILIES
from mobilecnn.train.zoo.tabulate import counts_of, published_figures

# Name -> (trainable parameters, all parameters, multiply-adds in millions): counts that
# other implementations publish or that were worked out from the papers' tables.
KNOWN = {
    "alexnet": (60965224, 60965224, 724.41),
    "mobilenet_v1_x1.0_224": (4231976, 4253864, 568.74),
    "mobilenet_v1_x1.0_160": (4231976, 4253864, 290.68),
    "mobilenet_v1_x0.75_192": (2585560, 2601976, 239.27),
    "mobilenet_v1_x0.5_128": (1331592, 1342536, 49.16),
    "mobilenet_v1_x0.25_128": (470072, 475544, 13.57),
    "mobilenet_v2_x1.0_224": (3504872, 3538984, 300.77),
    "mobilenet_v2_x0.75_160": (2636424, 2663064, 107.3),
    "mobilenet_v2_x0.5_96": (1968680, 1987224, 18.89),
    "shufflenet_v1_x0.25_g1": (209908, 213580, 13.16),
    "shufflenet_v1_x0.25_g2": (267224, 272348, 13.39),
    "shufflenet_v1_x0.25_g3": (306124, 312244, 13.3),
    "shufflenet_v1_x0.25_g4": (339420, 346468, 13.98),
    "shufflenet_v1_x0.25_g8": (454504, 464296, 12.43),
    "shufflenet_v1_x0.5_g1": (534484, 541828, 38.52),
    "shufflenet_v1_x0.5_g2": (643932, 654148, 38.57),
    "shufflenet_v1_x0.5_g3": (718324, 730564, 37.59),
    "shufflenet_v1_x0.5_g4": (778040, 791944, 37.47),
    "shufflenet_v1_x0.5_g8": (1011448, 1031032, 40.47),
    "shufflenet_v1_x1.0_g1": (1531936, 1546624, 143.08),
    "shufflenet_v1_x1.0_g3": (1865728, 1890208, 137.46),
    "shufflenet_v1_x1.0_g8": (2434768, 2473936, 138.37),
    "shufflenet_v1_x1.5_g3": (3442168, 3478888, 292.44),
    "shufflenet_v1_x1.5_g4": (3574032, 3615680, 285.77),
    "shufflenet_v1_x2.0_g3": (5450776, 5499736, 524.05),
    "shufflenet_v1_x2.0_g8": (6522232, 6600568, 521.94),
    "shufflenet_v1_x1.0_g8_noshuffle": (2434768, 2473936, 138.37),
    "shufflenet_v2_x0.5": (1366792, 1374744, 40.48),
    "shufflenet_v2_x1.0": (2278604, 2294784, 144.91),
    "shufflenet_v2_x1.5": (3503624, 3527064, 295.76),
    "shufflenet_v2_x2.0": (7393996, 7427712, 583.25),
    "squeezenet_v1.0": (1248424, 1248424, 818.92),
    "squeezenet_v1.1": (1235496, 1235496, 349.15),
}


def test_known_counts() -> None:
    stored = zoo.stored_counts()
    found = {
        name: (stored[name].params_trainable, stored[name].params_total, round(stored[name].macs / 1e6, 2))
        for name in KNOWN
    }
    assert found == KNOWN


def test_every_listed_network_counts_as_stored() -> None:
    stored = zoo.stored_counts()
    assert tuple(stored) == zoo.listed()
    published = published_figures()
    assert set(published) <= set(stored)
    for name, row in stored.items():
        assert asdict(counts_of(name, published.get(name, {}))) == asdict(row)


def test_multiply_adds_agree_with_the_papers() -> None:
    # Printed figures are rounded or (MobileNet V2) cut to whole millions, and the papers' own
    # counts differ a little in what they leave out. 0.25x of ShuffleNet V1 is 13 for all groups.
    loose = {
        "mobilenet_v1_x0.25_128": 0.05,  # 13.57 printed as 14
        "shufflenet_v1_x0.5_g8": 0.07,  # the paper says 38 for all groups, its authors' code 40
    }
    checked = 0
    for name, row in zoo.stored_counts().items():
        if row.macs_published is None:
            continue
        if row.family == "mobilenet_v2":
            assert row.macs // 1_000_000 == row.macs_published, name
        else:
            rel = loose.get(name, 0.08 if row.macs_published == 13 else 0.02)
            assert row.macs / 1e6 == pytest.approx(row.macs_published, rel=rel), name
        checked += 1
    assert checked > 50


def test_published_accuracies_are_percentages_with_a_source() -> None:
    for row in zoo.stored_counts().values():
        assert row.top1 is None or 40 < row.top1 < 80
        assert bool(row.source) == (row.top1 is not None or row.macs_published is not None)


def test_squeezenet_at_caffes_size() -> None:
    assert round(count(zoo.build("squeezenet_v1.0", size=227)).macs / 1e6, 2) == 832.67  # type: ignore[operator]


def test_squeezenet_layers_of_the_papers_table_1() -> None:
    # arXiv 1602.07360, Table 1: parameters before pruning.
    table = {
        "conv1": 14_208, "fire2": 11_920, "fire3": 12_432, "fire4": 45_344, "fire5": 49_440, "fire6": 104_880,
        "fire7": 111_024, "fire8": 188_992, "fire9": 197_184, "conv10": 513_000,
    }  # fmt: skip
    found = dict.fromkeys(table, 0)
    for row in layers(zoo.build("squeezenet_v1.0")):
        if row.params_total:
            found[row.name.split("_")[0]] += row.params_total
    assert found == table


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_the_smallest_size_and_other_classes_build(family: Any) -> None:
    name = family.listed[0]
    model = zoo.build(name, classes=3, size=family.smallest)
    assert model.input_shape == (None, family.smallest, family.smallest, 3)
    scores = model.predict(np.zeros((1, family.smallest, family.smallest, 3), np.float32), verbose=0)
    assert scores.shape == (1, 3)
    assert scores.sum() == pytest.approx(1.0, abs=1e-5)
    with pytest.raises(ModelNameError):
        zoo.build(name, size=family.smallest - 1)


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


@pytest.mark.parametrize("name", ["shufflenet_v1_x0.25_g4", "shufflenet_v2_x0.5", "alexnet"])
def test_saved_models_load_without_mobilecnn_classes(keras: Any, tmp_path: Any, name: str) -> None:
    model = zoo.build(name, classes=3, size=67)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    x = np.random.default_rng(1).uniform(-1, 1, (2, 67, 67, 3)).astype(np.float32)
    np.testing.assert_array_equal(np.asarray(again(x)), np.asarray(model(x)))


def test_the_ceil_pool_of_squeezenet(keras: Any) -> None:
    from mobilecnn.train.zoo.squeezenet import _ceil_pool

    for side in range(3, 12):
        x = np.random.default_rng(side).normal(size=(1, side, side, 2)).astype(np.float32)
        pooled = np.asarray(_ceil_pool(keras.ops.convert_to_tensor(x), "pool"))
        out = -(-(side - 3) // 2) + 1
        expected = [
            [
                x[0, 2 * row : 2 * row + 3, 2 * column : 2 * column + 3].max(axis=(0, 1))
                for column in range(out)
            ]
            for row in range(out)
        ]
        np.testing.assert_array_equal(pooled[0], np.asarray(expected))
