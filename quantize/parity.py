"""How far an exported file's answers are from the Keras model's: the parity figures."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FLOAT32_TOLERANCE = 1e-4
"""Largest relative difference between one float32 file's answers on two processors or runtimes."""

STEADY = 1e-6
"""Relative difference that any right float32 file may show: eight units in the last place of the largest score."""

ROUNDINGS = 4.0
"""Largest difference of a right float32 file, as a multiple of what one rounding of the input changes in Keras.

Over the families of the zoo, right files differ by 0.1 to 1 times that movement."""

EXCUSED = 1e-2
"""Largest relative difference that unsteadiness excuses: beyond it a right file looks like a wrong one."""

AGREEMENT_TO_DOUBT = 0.9
"""Share of images below which agreement on the best class puts a file in doubt."""

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
            "finite": math.isfinite(self.max_difference),
            "identical": self.max_difference == 0,
        }


def float32_limit(movement: float) -> float:
    """Largest relative difference that a float32 file may show against the Keras model.

    A weight that matters and is wrong by a per cent moves the answers a hundred or more times as far as one
    rounding does, in a network that enlarges roundings as in one that does not: both are enlarged alike.

    Args:
        movement: relative difference of the Keras model's own answers when its input moves by one rounding.
    """
    return min(EXCUSED, max(STEADY, ROUNDINGS * movement))


def doubt(parity: Parity) -> str | None:
    """Why a file whose answers are finite should be evaluated before it is shipped; None where nothing says so."""
    if parity.top1_agreement >= AGREEMENT_TO_DOUBT:
        return None
    return f"agrees with the Keras model on only {parity.top1_agreement:.0%} of the images; evaluate it before shipping"


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
