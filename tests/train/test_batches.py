"""The input pipeline: every picture once an epoch, weights of classes, pictures that do not fit in memory."""

from pathlib import Path

import numpy as np
import pytest
from trainings import small_plan, write_colors

from mobilecnn.train import batches, fit
from mobilecnn.train.batches import class_weights, epoch_batches, epoch_order


@pytest.fixture(scope="module")
def colors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_colors(tmp_path_factory.mktemp("colors"))


def test_every_image_comes_once_an_epoch_in_another_order(colors: Path) -> None:
    plan = small_plan(colors)
    orders = [epoch_order(34, plan, epoch) for epoch in (1, 2)]
    for order in orders:
        assert order.shape == (3, 16)
        assert set(order.ravel()) == set(range(34))
        assert len(set(order.ravel()[:34])) == 34
    assert (orders[0] != orders[1]).any()
    np.testing.assert_array_equal(orders[0], epoch_order(34, plan, 1))


def test_fewer_images_than_a_batch_are_one_batch(colors: Path) -> None:
    assert sorted(epoch_order(5, small_plan(colors), 1).ravel()) == [0, 1, 2, 3, 4]


def test_streamed_pictures_are_those_in_memory(
    colors: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = small_plan(colors, class_weights=True)
    kept = fit.prepare(plan, tmp_path / "model.keras").training
    monkeypatch.setattr(batches, "IN_MEMORY", 1000)
    streamed = fit.prepare(plan, tmp_path / "model.keras").training
    assert kept._memory is not None
    assert streamed._memory is None
    pairs = list(zip(epoch_batches(kept, 3, plan, 1), epoch_batches(streamed, 3, plan, 1), strict=True))
    assert len(pairs) == 3
    for mine, theirs in pairs:
        assert mine.images.shape == (16, 32, 32, 3) and mine.labels.shape == (16, 3)
        assert mine.weights is not None and theirs.weights is not None
        assert mine.weights.shape == (16,)
        np.testing.assert_array_equal(mine.images, theirs.images)
        np.testing.assert_array_equal(mine.labels, theirs.labels)
        np.testing.assert_array_equal(mine.weights, theirs.weights)


def test_mixed_pictures_have_mixed_labels_and_weights(colors: Path, tmp_path: Path) -> None:
    plan = small_plan(colors, class_weights=True, augment="modern")
    training = fit.prepare(plan, tmp_path / "model.keras").training
    weight_of = class_weights(training.labels, 3)
    first, again = (list(epoch_batches(training, 3, plan, 1)) for _ in range(2))
    assert any((batch.labels.max(axis=1) < 1).any() for batch in first)
    for mine, theirs in zip(first, again, strict=True):
        np.testing.assert_array_equal(mine.images, theirs.images)
        np.testing.assert_array_equal(mine.labels, theirs.labels)
        np.testing.assert_allclose(mine.labels.sum(axis=1), 1, rtol=1e-6)
        assert mine.weights is not None and mine.images.dtype == np.float32
        np.testing.assert_allclose(mine.weights, mine.labels @ weight_of, rtol=1e-6)
        assert np.abs(mine.images).max() <= 1, "mixtures stay in the network's range"


def test_class_weights_balance() -> None:
    labels = np.asarray([0] * 30 + [1] * 10 + [3] * 20)
    weights = class_weights(labels, 4)
    sums = [weights[labels[labels == label]].sum() for label in (0, 1, 3)]
    np.testing.assert_allclose(sums, 20, rtol=1e-6)
