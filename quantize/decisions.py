"""From scores to answers: which class, how probable, which labels, by the kind of the output.

The app computes the same: ``Ranking.java`` in ``android_demo/core/``, tested against vectors from here.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn.convert.output_kinds import THRESHOLD, OutputKind

SLACK = 0.02
"""Distance by which a probability, or the sum of a softmax, may be off: a quantized output has steps of 1/256."""

Scores = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.float64]


def probabilities(kind: OutputKind, scores: Scores) -> Numbers | None:
    """Probabilities of the classes or labels; None where the kind makes none of its scores.

    Args:
        kind: kind of the output.
        scores: float32 (images, outputs).

    Returns:
        float64 (images, classes): of a binary kind two columns, that of the second class last.
    """
    exact = scores.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        if kind.link == "softmax":
            powers = np.exp(exact - exact.max(axis=1, keepdims=True))
            exact = powers / powers.sum(axis=1, keepdims=True)
        elif kind.link == "sigmoid":
            exact = 1 / (1 + np.exp(-exact))
    if kind.decision == "binary":
        return np.asarray(np.concatenate([1 - exact, exact], axis=1), np.float64)
    return None if kind.link is None else np.asarray(exact)


def finite(scores: Scores) -> npt.NDArray[np.bool_]:
    """Whether all scores of an image are finite numbers, bool (images,); others are no answer."""
    return np.asarray(np.isfinite(scores).all(axis=1))


def best(kind: OutputKind, scores: Scores) -> npt.NDArray[np.int64]:
    """The class of each image, int64 (images,): the first of equal ones; -1 where a score is not finite.

    ``kind`` is not one that decides on each label by itself.
    """
    assert kind.decision != "each"
    clean = np.nan_to_num(scores)
    chosen = yes(kind, clean)[:, 0].astype(np.int64) if kind.decision == "binary" else clean.argmax(axis=1)
    return np.where(finite(scores), chosen, -1)


def yes(kind: OutputKind, scores: Scores) -> npt.NDArray[np.bool_]:
    """Whether the probability of each output is above :data:`THRESHOLD`, bool (images, outputs)."""
    return np.asarray(scores > (0.0 if kind.link == "sigmoid" else THRESHOLD))


@dataclass(frozen=True)
class Ranked:
    """One class or label in the answer for an image.

    Attributes:
        index: index of the class or label.
        score: score that the file gave; of the first of two classes that of the second turned round.
        probability: probability from 0 to 1; None where the kind makes none.
        chosen: whether it is the answer, or one of the labels of the answer.
    """

    index: int
    score: float
    probability: float | None
    chosen: bool


def ranked(kind: OutputKind, scores: Scores, count: int) -> tuple[Ranked, ...]:
    """The ``count`` best classes or labels of one image, and every chosen one beyond; the first of equal ones first.

    Args:
        kind: kind of the output.
        scores: float32 (outputs,), all finite.
        count: number of classes; there are fewer where the network has fewer.
    """
    row = scores[np.newaxis]
    chances = probabilities(kind, row)
    if kind.decision == "binary":
        # 1 - p and -x: what an output for the first class alone would give.
        score = float(scores[0])
        shown = np.asarray([-score if kind.link == "sigmoid" else 1 - score, score])
        answer = int(best(kind, row)[0])
        chosen = np.arange(2) == answer
        order = [answer, 1 - answer]
    else:
        shown = scores.astype(np.float64)
        order = [int(index) for index in (-shown).argsort(kind="stable")]
        chosen = yes(kind, row)[0] if kind.decision == "each" else np.arange(len(shown)) == order[0]
    kept = max(count, int(chosen.sum()))
    return tuple(
        Ranked(
            index,
            float(shown[index]),
            None if chances is None else float(chances[0, index]),
            bool(chosen[index]),
        )
        for index in order[:kept]
    )


def contradiction(kind: OutputKind, scores: Scores) -> str | None:
    """Why finite ``scores``, (images, outputs), are not of the kind that they are said to be; None where they may be."""
    if (reason := no_probabilities(kind, scores)) is not None or kind.link != "identity" or not len(scores):
        return reason
    sums = scores.sum(axis=1, dtype=np.float64)
    off = float(np.abs(sums - 1).max())
    if kind.name == "softmax" and off > max(SLACK, scores.shape[1] / 512):
        return f"the scores of a picture sum to {float(sums[np.abs(sums - 1).argmax()]):.4g}, and those of a softmax to 1"
    return None


def no_probabilities(kind: OutputKind, scores: npt.NDArray[np.floating[Any]]) -> str | None:
    """Why finite ``scores`` are not the probabilities that their kind makes them; None where they may be."""
    if kind.link != "identity" or not scores.size:
        return None
    low, high = float(scores.min()), float(scores.max())
    if low < -SLACK or high > 1 + SLACK:
        return f"scores from {low:.4g} to {high:.4g} are no probabilities"
    return None
