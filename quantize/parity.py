"""How far an exported file's answers are from the Keras model's: the parity figures."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FLOAT32_TOLERANCE = 1e-4
"""Largest relative difference between one float32 file's answers on two processors or runtimes."""

Scores = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Parity:
    """A file's scores against the reference's, over the same images.

    Attributes:
        images: number of images.
        top1_agreement: share of images with the same best class, the first of equal ones, as a user's
            argmax takes it.
        distinct: number of different best classes that the reference gives; where it is 1, agreement on
            many images says no more than agreement on one.
        max_difference: largest absolute difference of a score.
        mean_difference: mean absolute difference.
        relative: largest absolute difference over the largest absolute reference score.
        sqnr_db: signal-to-quantization-noise ratio, 10 log10(sum ref^2 / sum (ref - file)^2), in dB:
            infinite when the answers are identical, minus infinite when some are not finite.
    """

    images: int
    top1_agreement: float
    distinct: int
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
            "top1_agreement": self.top1_agreement,
            "distinct_answers": self.distinct,
            "max_difference": number(self.max_difference),
            "mean_difference": number(self.mean_difference),
            "relative": number(self.relative),
            "sqnr_db": number(self.sqnr_db),
            "finite": self.finite,
            "identical": self.max_difference == 0,
        }


def compare(reference: Scores, scores: Scores) -> Parity:
    """Parity of ``scores`` with ``reference``, both (n, classes).

    A score that is not finite counts as an infinite difference, never as agreement.
    """
    assert reference.shape == scores.shape and len(reference) > 0
    exact, given = reference.astype(np.float64), scores.astype(np.float64)
    finite = np.isfinite(given).all(axis=1)
    best = exact.argmax(axis=1)
    agrees = finite & (given.argmax(axis=1) == best)
    with np.errstate(invalid="ignore", over="ignore"):
        difference = np.where(np.isfinite(given), np.abs(exact - given), np.inf)
        noise = float((difference**2).sum())
    peak = float(np.abs(exact).max())
    largest = float(difference.max())
    if noise == 0:
        sqnr = math.inf
    elif np.isinf(noise):
        sqnr = -math.inf
    else:
        sqnr = float(10 * np.log10(max((exact**2).sum(), np.finfo(float).tiny) / noise))
    return Parity(
        images=len(reference),
        top1_agreement=float(agrees.mean()),
        distinct=len(np.unique(best)),
        max_difference=largest,
        mean_difference=float(difference.mean()),
        relative=largest / peak if peak > 0 else largest,
        sqnr_db=sqnr,
    )
