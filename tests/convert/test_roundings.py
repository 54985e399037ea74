"""Weights that are moved as the roundings of float32 move sums: as far as those do, and back again."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilecnn.convert import saved_model
from mobilecnn.convert.roundings import ROUNDING, moved, walked

pytestmark = pytest.mark.usefixtures("forked")

SHAPE = (16, 16, 3)


@pytest.mark.parametrize("terms", [27, 576, 9216])
@pytest.mark.parametrize("signs", ["positive", "mixed"])
def test_moved_weights_change_a_sum_as_much_as_float32_does(terms: int, signs: str) -> None:
    """Of 500 sums, computed one term after the other: the typical errors of both agree within a factor of 3."""
    rng = np.random.default_rng(terms)
    weights = rng.normal(size=(terms, 500)).astype(np.float32)
    values = rng.random((terms, 1), np.float32)
    if signs == "positive":
        weights = np.abs(weights)
    exact = (weights.astype(np.float64) * values).sum(axis=0)
    in_order = np.cumsum((weights * values).astype(np.float32), axis=0, dtype=np.float32)[-1]
    simulated = (walked(weights, (0,), rng).astype(np.float64) * values).sum(axis=0)
    rounded, moved_by = (np.sqrt(np.mean((sums - exact) ** 2)) for sums in (in_order, simulated))
    assert 1 / 3 < moved_by / rounded < 3


def test_the_first_terms_of_a_sum_move_farthest_and_what_is_no_sum_by_one_rounding() -> None:
    rng = np.random.default_rng(0)
    ones = np.ones((3, 3, 64, 200), np.float32)
    apart = np.abs(walked(ones, (0, 1, 2), rng) - 1).mean(axis=3).reshape(-1)
    assert apart[:50].mean() > 3 * apart[-50:].mean()
    assert np.abs(walked(ones, (), rng) - 1).max() <= 2 * ROUNDING
    # Whichever axes a sum runs over, each of the others has its walk.
    transposed = np.abs(walked(ones.transpose(3, 0, 1, 2), (1, 2, 3), rng) - 1).mean(axis=0).reshape(-1)
    np.testing.assert_allclose(transposed, apart, atol=0.5 * apart.max())
    assert np.array_equal(ones, np.ones_like(ones))


def model(keras: Any) -> Any:
    keras.utils.set_random_seed(0)
    layers = keras.layers
    inner = keras.Sequential(
        [keras.Input(SHAPE), layers.Conv2D(40, 3, activation="relu"), layers.DepthwiseConv2D(3)]
    )
    image = keras.Input(SHAPE)
    x = layers.SeparableConv2D(8, 3)(inner(image))
    x = layers.BatchNormalization()(layers.Conv2DTranspose(6, 3)(x))
    x = layers.Flatten()(layers.Dropout(0.5)(x))
    return keras.Model(image, layers.Dense(30)(x))


def test_a_model_is_moved_by_the_lengths_of_its_sums_and_is_what_it_was(keras: Any) -> None:
    network = model(keras)
    before = [np.array(variable) for variable in network.variables]
    with moved(network, 0):
        during = [np.array(variable) for variable in network.variables]
    assert all(np.array_equal(np.array(v), was) for v, was in zip(network.variables, before, strict=True))
    lengths = {
        "conv2d": 27,
        "depthwise_conv2d": 9,
        "separable_conv2d": 9,
        "conv2d_transpose": 72,
        "dense": 864,
    }
    seen = set()
    for variable, was, now in zip(network.variables, before, during, strict=True):
        if variable.name in ("kernel", "depthwise_kernel"):
            layer = next(
                name for name in sorted(lengths, key=len, reverse=True) if f"{name}" in variable.path
            )
            apart = np.sqrt(np.mean(((now - was) / was) ** 2)) / ROUNDING
            # A mean walk of n / 2 steps, each of a third of u squared.
            assert 0.4 < apart / np.sqrt(lengths[layer] / 6 + 0.5) < 2.5, variable.path
            seen.add(layer)
    assert seen == set(lengths)


@pytest.mark.parametrize("terms", [100, 10_000])
def test_averages_are_moved_by_the_number_of_their_terms(keras: Any, terms: int) -> None:
    layers = keras.layers
    image = keras.Input((terms, 1, 400))
    network = keras.Model(image, layers.GlobalAveragePooling2D()(image))
    ones = np.ones((1, terms, 1, 400), np.float32)
    with moved(network, 0):
        apart = np.array(network(ones)) - 1
    assert 0.7 < apart.std() / (ROUNDING * np.sqrt(terms)) < 1.4
    assert np.abs(np.array(network(ones)) - 1).max() < 1e-6


def test_the_same_seed_moves_the_same_way_and_others_otherwise(keras: Any) -> None:
    network, seen = model(keras), []
    for seed in (0, 0, 1):
        with moved(network, seed):
            seen.append(np.array(network.layers[-1].kernel))
    assert np.array_equal(seen[0], seen[1]) and not np.array_equal(seen[0], seen[2])


def test_a_saved_model_is_moved_too(keras: Any, tmp_path: Path) -> None:
    network = model(keras)
    network.export(tmp_path / "saved", verbose=False)
    loaded = saved_model.load(tmp_path / "saved", unsafe=False)
    image = np.random.default_rng(0).random((1, *SHAPE), np.float32)
    before = np.array(loaded(image))
    with moved(loaded, 0):
        during = np.array(loaded(image))
    assert np.array_equal(np.array(loaded(image)), before)
    assert 0 < np.abs(during - before).max() / np.abs(before).max() < 1e-4


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_pool_that_several_models_share_is_moved_once(keras: Any, times: int) -> None:
    layers = keras.layers
    pool, picture = layers.AveragePooling2D(2), keras.Input((8, 8, 3))
    inner = keras.Model(picture, pool(picture))
    image = keras.Input((8, 8, 3))
    x = inner(image)
    for _ in range(times - 1):
        x = layers.UpSampling2D()(pool(layers.UpSampling2D()(x)))
    network = keras.Model(image, layers.Flatten()(pool(x)))
    ones = np.ones((1, 8, 8, 3), np.float32)
    with moved(network, 0):
        assert 0 < np.abs(np.array(network(ones)) - 1).max() < 1e-5
    assert "call" not in vars(pool) and (np.array(network(ones)) == 1).all()
