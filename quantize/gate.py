"""What decides whether an exported file may be shipped: the limits, and the verdict on a file's parity."""

from mobilecnn.convert.checks import LARGEST_TOLERANCE
from mobilecnn.errors import CheckFailed
from mobilecnn.quantize import decisions
from mobilecnn.quantize.formats import Format
from mobilecnn.quantize.parity import Parity
from mobilecnn.remarks import plural

STEADY = 1e-6
"""Relative difference that any right float32 file may show: eight units in the last place of the largest score. Where
a file shows more, the Keras model is asked how far its roundings reach (:mod:`mobilecnn.quantize.steadiness`)."""

ROUNDINGS = 3.0
"""Largest difference of a right float32 file, as a multiple of what roundings change in Keras' own answers.

Right files differed by up to 1.9 times that movement: networks of the zoo with random weights, trained ones, and sums of up
to 260,000 terms."""

AGREEMENT_TO_DOUBT = 0.9
"""Share of images below which agreement on the answer puts a file in doubt."""


def holds(row: Format, parity: Parity, tolerance: float) -> bool:
    """Whether a file's answers are finite and, in an exact format, the Keras model's within ``tolerance``.

    Args:
        row: the file's format.
        parity: its answers against the Keras model's.
        tolerance: largest relative difference of an exact format.
    """
    return parity.finite and (not row.exact or parity.relative <= tolerance)


def refuse_not_finite(model: str, scores: decisions.Scores, called: str = "the Keras model") -> None:
    """Refuse answers of a Keras model to which no file can be held.

    Args:
        model: its name, for messages.
        scores: its answers, float32 (images, outputs).
        called: what it is, for messages.

    Raises:
        CheckFailed: some are not finite.
    """
    whole = decisions.finite(scores)
    if not whole.all():
        raise CheckFailed(
            f"{model}: {called} itself answers with NaN or infinity on {int((~whole).sum())} of {plural(len(whole), 'image')}, so "
            "that no file can be held to it; nothing was written. Look for weights that are not finite, as after a training "
            "that diverged, and for a division by zero or the logarithm of 0"
        )


def float32_limit(movement: float) -> float:
    """Largest relative difference that a float32 file may show against the Keras model.

    A weight that matters and is wrong by a per cent moves the answers farther than all roundings together, in a
    network that enlarges roundings as in one that does not: both are enlarged alike. The longer the sums of a
    network are, the less one of their weights matters, and the more roundings they have.

    Args:
        movement: relative difference of the Keras model's own answers that roundings of its input and its sums make.
    """
    return min(LARGEST_TOLERANCE, max(STEADY, ROUNDINGS * movement))


def doubt(parity: Parity, called: str = "the Keras model") -> str | None:
    """Why a file whose answers are finite should be evaluated before it is shipped; None where nothing says so.

    ``called`` is what it was made of, for messages.
    """
    if parity.constant:
        return f"gives the same scores for all {parity.images} images; evaluate it before shipping"
    if parity.agreement >= AGREEMENT_TO_DOUBT:
        return None
    return f"agrees with {called} on only {parity.agreement:.0%} of the images; evaluate it before shipping"
