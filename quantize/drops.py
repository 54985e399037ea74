"""How many right answers a file has lost against another on the same images, with an interval, and whether that is too many."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mobilecnn.errors import CheckFailed, UsageError
from mobilecnn.quantize.evaluation import Accuracy, Evaluation
from mobilecnn.quantize.proportions import mcnemar, wilson
from mobilecnn.remarks import plural

ALPHA = 0.05
"""Largest p-value of the exact McNemar test with which a difference between two files counts."""

BEYOND, WITHIN, UNDECIDED = "beyond", "within", "undecided"
"""What a limit says of a drop: surely more, surely no more, or that the images cannot tell."""


@dataclass(frozen=True)
class Drop:
    """What a file has lost of the right answers of another, on the same images; negative where it has more right.

    Attributes:
        points: share of right answers that is gone, in percentage points.
        low: lower end of its 95 % interval, in percentage points.
        high: upper end of its 95 % interval, in percentage points.
        p: two-sided p-value of the exact McNemar test.
    """

    points: float
    low: float
    high: float
    p: float

    def against(self, most: float) -> str:
        """Whether it is :data:`BEYOND` or :data:`WITHIN` a limit in percentage points, or :data:`UNDECIDED`.

        Beyond is what the exact paired test calls worse, with the whole interval above the limit.
        """
        if self.high <= most:
            return WITHIN
        return BEYOND if self.low > most and self.p < ALPHA else UNDECIDED


def drop(images: int, both: int, lost: int, gained: int) -> Drop:
    """The drop from a first file to a second one.

    The interval is that of R. G. Newcombe, "Improved confidence intervals for the difference between binomial
    proportions based on paired data", Statistics in Medicine 17 (1998), method 10: the limits of both Wilson intervals,
    squared and added with the correlation of the pairs. Unlike that of the test it has a width where no image differs.

    Args:
        images: number of images.
        both: number that both files have right.
        lost: number that only the first has right.
        gained: number that only the second has right.

    Raises:
        ValueError: these are more than the images, or there is no image.
    """
    neither = images - both - lost - gained
    if neither < 0 or min(both, lost, gained) < 0:
        raise ValueError("the right answers are more than the images")
    first, second = (both + lost) / images, (both + gained) / images
    (low_first, high_first), (low_second, high_second) = (
        wilson(both + lost, images),
        wilson(both + gained, images),
    )
    like = _correlation(both, lost, gained, neither)

    def reach(one: float, other: float) -> float:
        return math.sqrt(max(0.0, one**2 - 2 * like * one * other + other**2))

    points = (
        100 * (lost - gained) / images
    )  # 1 of 200 is 0.5 and no more, which it is not as a difference of shares.
    gone = first - second
    low = gone - reach(first - low_first, high_second - second)
    high = gone + reach(high_first - first, second - low_second)
    return Drop(points, 100 * max(-1.0, low), 100 * min(1.0, high), mcnemar(lost, gained))


def _correlation(both: int, lost: int, gained: int, neither: int) -> float:
    """The correlation of the pairs, corrected for continuity where it is positive, as the method says."""
    margins = (both + lost) * (gained + neither) * (both + gained) * (lost + neither)
    if margins == 0:
        return 0.0
    product = float(both * neither - lost * gained)
    if product > 0:
        product = max(product - (both + lost + gained + neither) / 2, 0.0)
    return product / math.sqrt(margins)


def of(result: Accuracy) -> Drop:
    """The drop from the first file of an evaluation to another one."""
    both = result.correct - result.gained_against_first
    return drop(result.images, both, result.lost_against_first, result.gained_against_first)


def check(max_drop: float, files: int) -> None:
    """Refuse a limit that can decide nothing.

    Raises:
        UsageError: it is no number of percentage points, or there is one file only.
    """
    if not 0 <= max_drop <= 100:
        raise UsageError(
            f"--max-drop is a number of percentage points from 0 to 100, such as 0.5, and is {max_drop}"
        )
    if files < 2:
        raise UsageError(
            "--max-drop holds files to the first one: name that first, such as digits.keras, and then the others"
        )


def undecided(evaluation: Evaluation, most: float) -> Sequence[str]:
    """What the images cannot tell of each file, a sentence without a full stop each."""
    return [
        unsettled(result.file, found, most)
        for result in evaluation.results[1:]
        for found in [of(result)]
        if found.against(most) == UNDECIDED
    ]


def unsettled(file: str, found: Drop, most: float) -> str:
    """That the images cannot tell whether ``file`` loses more than ``most`` points, with the figures and what to do."""
    return f"undecided whether {file} loses more than {most:g} points: {_figures(found)}; give --data more images"


def refuse(evaluation: Evaluation, most: float) -> None:
    """Refuse files that surely lose more than ``most`` points of the right answers of the first.

    Raises:
        CheckFailed: naming each.
    """
    first = evaluation.results[0]
    wrong = [
        f"{result.file} loses more than {most:g} points against {first.file} on {plural(result.images, 'image')}: {_figures(found)}"
        for result in evaluation.results[1:]
        for found in [of(result)]
        if found.against(most) == BEYOND
    ]
    if wrong:
        raise CheckFailed(f"{'; '.join(wrong)}; ship another format of it, such as float16")


def _figures(found: Drop) -> str:
    return (
        f"{found.points:+.2f} points, 95 % interval {found.low:+.2f} .. {found.high:+.2f}, exact McNemar test "
        f"p = {found.p:.2g}"
    )
