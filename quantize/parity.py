"""How far an exported file's answers are from the Keras model's: the parity figures."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn.convert.output_kinds import UNKNOWN, OutputKind
from mobilecnn.quantize import decisions

FLOAT32_TOLERANCE = 1e-4
"""Largest relative difference between one float32 file's answers on two processors or runtimes."""

Scores = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Parity:
    """A file's scores against the reference's, over the same images.

    Attributes:
        images: number of images.
        agreement: share of images with the same answer: the same best class, the first of equal ones, as a
            user's argmax takes it; of one output the same side of the threshold; of labels the same set.
        label_agreement: share of the single yes and no that are the same, over all labels and images; None
            where labels exclude one another.
        distinct: number of different answers that the reference gives; where it is 1, agreement on many
            images says no more than agreement on one.
        constant: whether the file gives every image the very same scores, and the reference does not.
        max_difference: largest absolute difference of a score.
        mean_difference: mean absolute difference.
        relative: largest absolute difference over the largest absolute reference score.
        sqnr_db: signal-to-quantization-noise ratio, 10 log10(sum ref^2 / sum (ref - file)^2), in dB:
            infinite when the answers are identical, minus infinite when some are not finite.
    """

    images: int
    agreement: float
    label_agreement: float | None
    distinct: int
    constant: bool
    max_difference: float
    mean_difference: float
    relative: float
    sqnr_db: float

    @property
    def finite(self) -> bool:
        """Whether every answer of the file is a finite number."""
        return math.isfinite(self.max_difference)

    def to_json(self) -> dict[str, Any]:
        """The figures as a JSON object; an infinite one is null, and ``finite`` and ``identical`` say which."""

        def number(value: float) -> float | None:
            return value if math.isfinite(value) else None

        return {
            "images": self.images,
            "agreement": self.agreement,
            "label_agreement": self.label_agreement,
            "distinct_answers": self.distinct,
            "constant": self.constant,
            "max_difference": number(self.max_difference),
            "mean_difference": number(self.mean_difference),
            "relative": number(self.relative),
            "sqnr_db": number(self.sqnr_db),
            "finite": self.finite,
            "identical": self.max_difference == 0,
        }


def compare(reference: Scores, scores: Scores, kind: OutputKind = UNKNOWN) -> Parity:
    """Parity of ``scores`` with ``reference``, both (n, outputs), of one kind.

    A score that is not finite, of either, counts as an infinite difference, never as agreement.
    """
    assert reference.shape == scores.shape and len(reference) > 0
    exact, given = reference.astype(np.float64), scores.astype(np.float64)
    same = _same(reference, scores, kind)
    with np.errstate(invalid="ignore", over="ignore"):
        apart = np.abs(exact - given)
        difference = np.where(np.isfinite(apart), apart, np.inf)
        noise = float((difference**2).sum())
    peak = float(np.abs(exact[np.isfinite(exact)]).max(initial=0.0))
    largest = float(difference.max())
    if noise == 0:
        sqnr = math.inf
    elif np.isinf(noise):
        sqnr = -math.inf
    else:
        sqnr = float(10 * np.log10(max((exact**2).sum(), np.finfo(float).tiny) / noise))
    return Parity(
        images=len(reference),
        agreement=float(same.all(axis=1).mean()),
        label_agreement=float(same.mean()) if kind.decision == "each" else None,
        distinct=len(np.unique(_answers(kind, reference), axis=0)),
        constant=bool((scores == scores[0]).all() and not (reference == reference[0]).all()),
        max_difference=largest,
        mean_difference=float(difference.mean()),
        relative=largest / peak if peak > 0 else largest,
        sqnr_db=sqnr,
    )


def same_answers(reference: Scores, scores: Scores, kind: OutputKind) -> npt.NDArray[np.bool_]:
    """Whether each image has the same answer in both, bool (images,): what ``agreement`` is the share of."""
    return np.asarray(_same(reference, scores, kind).all(axis=1))


def _same(reference: Scores, scores: Scores, kind: OutputKind) -> npt.NDArray[np.bool_]:
    """Whether the class of each image, or each of its labels, is the same in both, bool (images, 1 or labels)."""
    finite = decisions.finite(reference) & decisions.finite(scores)
    return np.asarray((_answers(kind, reference) == _answers(kind, scores)) & finite[:, np.newaxis])


def _answers(kind: OutputKind, scores: Scores) -> npt.NDArray[np.int64]:
    """What each image is taken for: a column of classes, or a column of 0 and 1 for each label."""
    if kind.decision == "each":
        return decisions.yes(kind, scores).astype(np.int64)
    return decisions.best(kind, scores)[:, np.newaxis]
