"""The input pipeline: every picture once an epoch, weights of classes, pictures that do not fit in memory."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from trainings import small_plan, write_colors

from mobilecnn.remarks import Remarks
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


@pytest.mark.parametrize("augment", ["lesion", "modern"])
def test_batches_are_the_same_with_any_number_of_threads_and_without_a_file(
    colors: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, augment: str
) -> None:
    plan = small_plan(colors, class_weights=True, augment=augment, batch_size=4)
    made = []
    for workers, kept in ((1, True), (3, True), (16, True), (3, False)):
        with monkeypatch.context() as patch:
            patch.setattr(batches, "WORKERS", workers)
            if not kept:
                patch.setattr(batches, "_spool", lambda folder, size: None)
            remarks = Remarks()
            training = fit.prepare(plan, tmp_path / "model.keras", remarked=remarks).training
            assert [remark.code for remark in remarks.rows] == ([] if kept else ["decoded-again"] * 2)
            assert list(tmp_path.iterdir()) == [], "the file of pixels has no name"
            made.append(list(epoch_batches(training, 3, plan, 1)))
    first, *others = made
    assert len(first) == 9 and first[0].images.shape == (4, 32, 32, 3)
    for other in others:
        for mine, theirs in zip(first, other, strict=True):
            for ours, its in zip(mine, theirs, strict=True):
                assert ours is not None and its is not None
                np.testing.assert_array_equal(ours, its)


def test_a_disk_that_becomes_full_meanwhile_costs_no_picture(
    colors: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, written = small_plan(colors), []
    kept = fit.prepare(plan, tmp_path / "model.keras").training

    def full(descriptor: int, content: memoryview, place: int) -> int:
        written.append(place)
        if len(written) > 5:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return len(content)

    monkeypatch.setattr(os, "pwrite", full)
    remarks = Remarks()
    job = fit.prepare(plan, tmp_path / "model.keras", remarked=remarks)
    assert [remark.code for remark in remarks.rows] == ["decoded-again"] * 2
    every = np.arange(len(kept))
    np.testing.assert_array_equal(job.training.take(every), kept.take(every))


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
