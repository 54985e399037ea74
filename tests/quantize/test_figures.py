"""Figures beyond the accuracy: against their definitions, counted one by one, and intervals that hold the truth."""

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilecnn.convert.output_kinds import named
from mobilecnn.quantize import decisions
from mobilecnn.quantize.evaluation import Figures, Interval
from mobilecnn.quantize.figures import BINS, MOST_CLASSES, auc, figures
from mobilecnn.quantize.proportions import wilson

SOFTMAX = named("softmax")


def made(
    images: int, classes: int, seed: int = 0, skill: float = 1.0
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Probabilities and right classes of images, some of equal probabilities."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, images)
    logits = generator.normal(size=(images, classes)) + skill * np.eye(classes)[labels]
    scores = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return (np.round(scores, 2) + 1e-4).astype(np.float32), labels


def of(scores: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> Figures:
    return figures(SOFTMAX, scores, labels, tuple(f"class {index}" for index in range(scores.shape[1])))


@given(st.integers(2, 60), st.integers(2, 9), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_the_figures_are_those_of_their_definitions(images: int, classes: int, seed: int) -> None:
    scores, labels = made(images, classes, seed)
    result, best = of(scores, labels), decisions.best(SOFTMAX, scores)
    for index, row in enumerate(result.classes):
        ours = labels == index
        assert row.images == ours.sum()
        for share, of_whom, right in (
            (row.sensitivity, ours, best == index),
            (row.specificity, ~ours, best != index),
        ):
            if of_whom.any():
                assert share is not None and share.value == pytest.approx(right[of_whom].mean())
                assert (share.low, share.high) == wilson(int(right[of_whom].sum()), int(of_whom.sum()))
            else:
                assert share is None
        assert (row.auc is None) == (ours.all() or not ours.any())
        if row.auc is not None:
            pairs = [
                1.0 if a > b else 0.5 if a == b else 0.0
                for a in scores[ours, index]
                for b in scores[~ours, index]
            ]
            assert row.auc.value == pytest.approx(np.mean(pairs))
        assert list(result.confusion[index]) == [
            *(int((best[ours] == other).sum()) for other in range(classes)),
            0,
        ]
    there = [row.sensitivity.value for row in result.classes if row.sensitivity is not None]
    assert result.balanced.value == pytest.approx(np.mean(there))
    if classes > 5:
        order = np.argsort(-scores, axis=1, kind="stable")[:, :5]
        assert result.top5 is not None
        assert result.top5.value == pytest.approx(np.mean([label in row for label, row in zip(labels, order, strict=True)]))  # fmt: skip
    else:
        assert result.top5 is None
    error = 0.0
    sure, right = scores.max(axis=1), best == labels
    for number in range(BINS):
        inside = np.minimum((sure.astype(float) * BINS).astype(int), BINS - 1) == number
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - sure[inside].astype(float).mean())
    if images < BINS:
        assert result.calibration_error is None
    else:
        assert result.calibration_error is not None
        assert result.calibration_error.value == pytest.approx(error, abs=1e-6)


def test_the_interval_of_an_area_holds_the_truth_as_often_as_it_says() -> None:
    generator = np.random.default_rng(1)
    for distance in (0.5, 1.5, 2.5):
        truth = 0.5 * (1 + math.erf(distance / 2))  # Of two normal distributions.
        held = 0
        for _ in range(400):
            values = np.concatenate([generator.normal(distance, 1, 15), generator.normal(0, 1, 60)])
            found = auc(values, np.arange(75) < 15)
            held += int(found.low <= truth <= found.high)
        assert 0.92 <= held / 400 <= 0.99, distance


def test_the_interval_of_a_balanced_accuracy_holds_the_truth_as_often_as_it_says() -> None:
    generator = np.random.default_rng(2)
    shares, sizes, held = (0.95, 0.6, 0.8), (200, 12, 40), 0
    for _ in range(300):
        labels = np.repeat(np.arange(3), sizes)
        right = generator.random(len(labels)) < np.repeat(shares, sizes)
        scores = np.eye(3, dtype=np.float32)[np.where(right, labels, (labels + 1) % 3)]
        found = of(scores, labels).balanced
        held += int(found.low <= np.mean(shares) <= found.high)
    assert 0.92 <= held / 300 <= 0.99


def test_perfect_and_wrong_answers_have_widths() -> None:
    labels = np.repeat(np.arange(3), 10)
    perfect, wrong = np.eye(3, dtype=np.float32)[labels], np.eye(3, dtype=np.float32)[(labels + 1) % 3]
    best, worst = of(perfect, labels), of(wrong, labels)
    for figure in (best.balanced, best.auc, *(row.sensitivity for row in best.classes)):
        assert figure is not None and figure.value == figure.high == 1 and 0.6 < figure.low < 0.95
    assert worst.balanced.value == worst.balanced.low == 0 and worst.balanced.high > 0.05
    assert best.calibration_error == Interval(0, 0, 0)
    assert worst.calibration_error == Interval(1, 1, 1)


def test_a_calibrated_classifier_has_a_small_error() -> None:
    generator = np.random.default_rng(3)
    sure = generator.uniform(0.5, 1, 20_000)
    right = generator.random(20_000) < sure
    scores = np.stack([sure, 1 - sure], axis=1).astype(np.float32)
    found = of(scores, np.where(right, 0, 1)).calibration_error
    assert found is not None and found.value < 0.015 and found.low <= found.value <= found.high < 0.03


def test_answers_that_are_no_numbers_are_a_column_of_their_own() -> None:
    scores, labels = made(30, 7)
    scores[4] = np.nan
    result = of(scores, labels)
    assert sum(row[-1] for row in result.confusion) == 1 and result.confusion[labels[4]][-1] == 1
    assert result.auc is None and result.calibration_error is None and result.top5 is not None


def test_of_scores_that_are_no_probabilities_only_the_counts_are_said() -> None:
    scores, labels = made(30, 7)
    result = figures(named("unknown"), scores, labels, tuple("abcdefg"))
    assert result.auc is None and result.calibration_error is None and result.top5 is not None
    assert result.balanced == of(scores, labels).balanced


def test_one_output_tells_two_classes_apart() -> None:
    scores = np.asarray([[0.9], [0.2], [0.6], [0.4]], np.float32)
    result = figures(named("sigmoid-binary"), scores, np.asarray([1, 0, 0, 1]), ("no", "yes"))
    assert result.confusion == ((1, 1, 0), (1, 1, 0))
    assert result.auc is not None and result.auc.value == 0.75
    assert [row.auc.value for row in result.classes if row.auc] == [0.75, 0.75]


def test_classes_without_images_and_many_classes() -> None:
    scores, labels = made(50, MOST_CLASSES + 1)
    result = of(scores, labels)
    assert result.confusion == ()
    empty = [row for row in result.classes if row.images == 0]
    assert empty and all(row.sensitivity is None and row.auc is None for row in empty)
    alone = of(scores[:, :3], np.zeros(50, np.int64))
    assert alone.classes[0].specificity is None and alone.auc is None
