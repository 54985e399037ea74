"""The verdict on a file: does it keep the Keras model's answers on images that did not calibrate it?

Both figures have an interval, and only what the interval excludes is decided: a file fails where its agreement or its SQNR
is surely below the floor, passes where both are surely above, and else the images are too few to tell.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mobilecnn.convert.checks import FAIL, NOT_JUDGED, PASS, UNDECIDED, Verdict
from mobilecnn.convert.output_kinds import OutputKind
from mobilecnn.errors import UsageError
from mobilecnn.quantize.formats import Format
from mobilecnn.quantize.parity import Parity, Scores, same_answers
from mobilecnn.quantize.proportions import wilson
from mobilecnn.remarks import plural

RESAMPLES = 500
"""Number of bootstrap samples behind the interval of the SQNR."""

LEAST_NOISE = 1e-20
"""Smallest noise of a bootstrap sample, as a share of its signal: a sample of images without any has 200 dB."""


@dataclass(frozen=True)
class Floors:
    """What a file must keep at least.

    Attributes:
        agreement: share of images with the Keras model's answer, in per cent.
        sqnr_db: signal-to-quantization-noise ratio, in dB.
    """

    agreement: float = 90.0
    sqnr_db: float = 10.0

    def check(self) -> None:
        """Refuse floors that mean nothing.

        Raises:
            UsageError: the agreement is no percentage, or a number is not finite.
        """
        if not 0 <= self.agreement <= 100:
            raise UsageError(
                f"--min-agreement is a percentage from 0 to 100, such as 90, and is {self.agreement}"
            )
        if not math.isfinite(self.sqnr_db):
            raise UsageError(f"--min-sqnr is a number of dB, such as 10, and is {self.sqnr_db}")


DEFAULT = Floors()
"""The floors where the user names none."""


@dataclass(frozen=True)
class Judged:
    """Answers that a verdict is about.

    Attributes:
        row: format of the file.
        kind: what the outputs are.
        reference: the Keras model's scores, float32 (images, outputs), all finite.
        scores: the file's scores for the same images.
        parity: the figures of both.
        holds: whether the file gives the Keras model's answers as exactly as its format must.
    """

    row: Format
    kind: OutputKind
    reference: Scores
    scores: Scores
    parity: Parity
    holds: bool


def judge(
    judged: Judged, floors: Floors, *, held_out: bool, unfit: Sequence[str], called: str = "the Keras model"
) -> Verdict:
    """The verdict on one file.

    Args:
        judged: its answers and the Keras model's.
        floors: what it must keep.
        held_out: whether the images were held out from its calibration.
        unfit: reasons why the answers say nothing; empty where they do.
        called: what the file was made of, for messages.
    """
    agreeing = int(same_answers(judged.reference, judged.scores, judged.kind).sum())
    interval = wilson(agreeing, judged.parity.images)
    ratios = sqnr_interval(judged.reference, judged.scores)
    verdict, reason, then = _decided(
        judged, floors, agreeing, interval, ratios, held_out=held_out, unfit=unfit, called=called
    )
    ratio = judged.parity.sqnr_db
    return Verdict(
        verdict=verdict,
        held_out=held_out,
        images=judged.parity.images,
        agreeing=agreeing,
        interval=interval,
        sqnr_db=ratio if math.isfinite(ratio) else None,
        sqnr_interval=ratios,
        least_agreement=floors.agreement,
        least_sqnr_db=floors.sqnr_db,
        reason=reason,
        next=then,
    )


MORE_IMAGES = "give --calibration more images; a third of them are held out to judge by"
OTHER_FORMAT = {
    True: "ship another format, such as --float16, which keeps the answers, or calibrate on more images of the kind that the "
    "file is for (--calibration, --samples)",
    False: "ship another format, such as --float32",
}
"""Whether a format is calibrated -> what to do with a file that fails."""


def _decided(
    judged: Judged,
    floors: Floors,
    agreeing: int,
    interval: tuple[float, float],
    ratios: tuple[float, ...],
    *,
    held_out: bool,
    unfit: Sequence[str],
    called: str,
) -> tuple[str, str, str]:
    """The verdict, why, and what to do."""
    row, parity, floor = judged.row, judged.parity, floors.agreement / 100
    if not judged.holds:
        return FAIL, "its answers are not finite, or not as exact as the format must be", ""
    if unfit:
        return NOT_JUDGED, " and ".join(unfit), ""
    if row.exact:
        return PASS, "", ""
    images = f"{agreeing} of {plural(parity.images, 'image')}"
    limits = f"{interval[0]:.1%} .. {interval[1]:.1%}"
    low, high = interval
    if high < floor:
        reason = f"it agrees with {called} on {images} (95 % interval {limits}), which is below {floors.agreement:g} %"
        return FAIL, reason, OTHER_FORMAT[row.needs_calibration]
    if ratios and ratios[1] < floors.sqnr_db:
        reason = (
            f"its SQNR is {parity.sqnr_db:.1f} dB (95 % interval {ratios[0]:.1f} .. {ratios[1]:.1f}), which is below "
            f"{floors.sqnr_db:g} dB"
        )
        return FAIL, reason, OTHER_FORMAT[row.needs_calibration]
    if parity.distinct == 1 and parity.images > 1:
        return UNDECIDED, f"{called} gives one and the same answer for all these images", MORE_IMAGES
    if parity.constant:
        return UNDECIDED, "it gives the same scores for all these images", MORE_IMAGES
    if not held_out:
        return UNDECIDED, "all images calibrated it, so that none is new to it", MORE_IMAGES
    if low < floor:
        reason = f"it agrees with {called} on {images}, and so few cannot tell whether that is {floors.agreement:g} % (95 % interval {limits})"
        return UNDECIDED, reason, MORE_IMAGES
    if ratios and ratios[0] < floors.sqnr_db:
        reason = f"its SQNR is {parity.sqnr_db:.1f} dB, and these images cannot tell whether that is {floors.sqnr_db:g} dB"
        return UNDECIDED, f"{reason} (95 % interval {ratios[0]:.1f} .. {ratios[1]:.1f})", MORE_IMAGES
    return PASS, "", ""


def sqnr_interval(reference: Scores, scores: Scores) -> tuple[float, ...]:
    """The 95 % percentile interval of the SQNR in dB over the images, by a bootstrap; empty where it is infinite.

    Args:
        reference: the Keras model's scores, float32 (images, outputs).
        scores: the file's scores for the same images.
    """
    exact, given = reference.astype(np.float64), scores.astype(np.float64)
    signal, noise = (exact**2).sum(axis=1), ((exact - given) ** 2).sum(axis=1)
    if not (np.isfinite(noise).all() and np.isfinite(signal).all()) or noise.sum() == 0 or signal.sum() == 0:
        return ()
    generator = np.random.default_rng(0)
    drawn = generator.integers(len(signal), size=(RESAMPLES, len(signal)))
    signals: npt.NDArray[np.float64] = np.maximum(signal[drawn].sum(axis=1), np.finfo(np.float64).tiny)
    ratios = 10 * np.log10(signals / np.maximum(noise[drawn].sum(axis=1), signals * LEAST_NOISE))
    low, high = np.percentile(ratios, (2.5, 97.5)).tolist()
    return float(low), float(high)
