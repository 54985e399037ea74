"""What more than the accuracy an evaluation says of a file: by class, as a ranking, as probabilities; each with an interval."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from mobilecnn.convert.output_kinds import OutputKind
from mobilecnn.quantize import decisions
from mobilecnn.quantize.decisions import Numbers, Scores
from mobilecnn.quantize.evaluation import ClassFigures, Figures, Interval
from mobilecnn.quantize.proportions import Z_95, wilson

TOP = 5
"""Number of best classes of which the right one is one, for the top-5 accuracy."""

BINS = 15
"""Number of bins of the calibration error ("On Calibration of Modern Neural Networks", arXiv 1706.04599, section 2)."""

RESAMPLES = 200
"""Number of bootstrap samples behind the interval of the calibration error."""

MOST_CLASSES = 100
"""Largest number of classes of which the confusion matrix is kept: it has the square of it."""

Labels = npt.NDArray[np.int64]


def figures(kind: OutputKind, scores: Scores, labels: Labels, names: tuple[str, ...]) -> Figures:
    """The figures of one file's answers.

    Args:
        kind: what its outputs are; not one that decides on each label by itself.
        scores: its scores, float32 (images, outputs).
        labels: right class of each image, int64 (images,).
        names: names of its classes.
    """
    best = decisions.best(kind, scores)
    ranks = decisions.probabilities(kind, scores) if decisions.finite(scores).all() else None
    count = len(names)
    confusion = np.zeros((count, count + 1), np.int64)
    np.add.at(confusion, (labels, np.where(best < 0, count, best)), 1)
    rows = tuple(_of_class(index, names[index], confusion, labels, ranks) for index in range(count))
    there = [row for row in rows if row.sensitivity is not None]
    aucs = [row.auc for row in rows if row.auc is not None]
    return Figures(
        top5=_top(kind, scores, labels) if count > TOP else None,
        balanced=_mean_of_independent([row.sensitivity for row in there if row.sensitivity is not None]),
        auc=_mean_of_dependent(aucs) if aucs else None,
        calibration_error=None
        if ranks is None or len(labels) < BINS
        else _calibration_error(ranks, best == labels),
        classes=rows,
        confusion=tuple(map(tuple, confusion.tolist())) if count <= MOST_CLASSES else (),
    )


def _of_class(
    index: int, name: str, confusion: Labels, labels: Labels, ranks: Numbers | None
) -> ClassFigures:
    images = int(confusion[index].sum())
    others = len(labels) - images
    hits = int(confusion[index, index])
    false = int(confusion[:, index].sum()) - hits
    return ClassFigures(
        name=name,
        images=images,
        sensitivity=_share(hits, images) if images else None,
        specificity=_share(others - false, others) if others else None,
        auc=None if ranks is None or not images or not others else auc(ranks[:, index], labels == index),
    )


def _share(count: int, total: int) -> Interval:
    return Interval(count / total, *wilson(count, total))


def _top(kind: OutputKind, scores: Scores, labels: Labels) -> Interval:
    """The share of images whose right class is one of the :data:`TOP` with the largest scores, the first of equal ones."""
    right = scores[np.arange(len(labels)), labels][:, None]
    place = np.arange(scores.shape[1])[None, :]
    before = (scores > right) | ((scores == right) & (place < labels[:, None]))
    hits = (before.sum(axis=1) < TOP) & decisions.finite(scores)
    return _share(int(hits.sum()), len(labels))


def _mean_of_independent(shares: list[Interval]) -> Interval:
    """The mean of shares of different images: square-and-add of their limits.

    G. Y. Zou, A. Donner, "Construction of confidence limits about effect measures: a general approach", Statistics in
    Medicine 27 (2008).
    """
    count = len(shares)
    value = sum(share.value for share in shares) / count
    below = math.sqrt(sum((share.value - share.low) ** 2 for share in shares)) / count
    above = math.sqrt(sum((share.high - share.value) ** 2 for share in shares)) / count
    return Interval(value, max(0.0, value - below), min(1.0, value + above))


def _mean_of_dependent(shares: list[Interval]) -> Interval:
    """The mean of figures of the same images: of their limits, which is wide enough however they depend on each other."""
    value, low, high = np.mean([(share.value, share.low, share.high) for share in shares], axis=0).tolist()
    return Interval(value, low, high)


def auc(ranks: Numbers, right: npt.NDArray[np.bool_]) -> Interval:
    """How often an image of the class has a larger value than one of another class; equal values count half.

    The interval is the score interval with the variance of Hanley and McNeil (1982) at the limit itself: R. G. Newcombe,
    "Confidence intervals for an effect size measure based on the Mann-Whitney statistic. Part 2", Statistics in Medicine
    25 (2006), method 5. It has a width at 1, too.

    Args:
        ranks: value of each image for the class, float64 (images,).
        right: whether the image is of the class, bool (images,); some are, and some are not.
    """
    _, inverse, counts = np.unique(ranks, return_inverse=True, return_counts=True)
    middle = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    ours, theirs = int(right.sum()), int((~right).sum())
    value = float((middle[right].sum() - ours * (ours + 1) / 2) / (ours * theirs))
    half = (ours + theirs) / 2

    def distance(limit: float) -> float:
        spread = (
            limit
            * (1 - limit)
            * (1 + (half - 1) * ((1 - limit) / (2 - limit) + limit / (1 + limit)))
            / (ours * theirs)
        )
        return abs(value - limit) - Z_95 * math.sqrt(spread)

    return Interval(value, _crossing(distance, 0.0, value), _crossing(distance, 1.0, value))


def _crossing(distance: Callable[[float], float], far: float, near: float) -> float:
    """Where ``distance`` becomes 0 between ``far``, where it is not below, and ``near``, where it is not above."""
    if distance(far) <= 0:
        return far
    for _ in range(60):
        middle = (far + near) / 2
        far, near = (far, middle) if distance(middle) <= 0 else (middle, near)
    return near


def _calibration_error(probabilities: Numbers, right: npt.NDArray[np.bool_]) -> Interval:
    """How far the probability of the answer is from how often it is right: the mean over :data:`BINS` bins, weighted by
    their images; with the percentile interval of a bootstrap."""
    sure = probabilities.max(axis=1)
    bins = np.minimum((sure * BINS).astype(np.int64), BINS - 1)
    gaps = right - sure

    def error(of: Labels) -> float:
        return float(np.abs(np.bincount(bins[of], gaps[of], BINS)).sum() / len(of))

    generator = np.random.default_rng(0)
    count = len(right)
    value = error(np.arange(count))
    drawn = [error(generator.integers(count, size=count)) for _ in range(RESAMPLES)]
    low, high = np.percentile(drawn, (2.5, 97.5)).tolist()
    return Interval(value, min(low, value), max(high, value))
