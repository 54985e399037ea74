"""Do the images suffice? How fast the ranges of the activations grow, and whether two halves of the images agree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mobilecnn.convert.checks import DOUBTFUL, DataFinding

Ranges = Mapping[str, Sequence[float]]
"""Tensor -> its smallest and its largest value."""

ENOUGH = 0.95
"""Share of its final range that a tensor must have reached. A range that is 5 % too narrow clips the outermost values only."""

TENSORS = 0.9
"""Share of the tensors that must have reached it."""

UNSTABLE = 0.6
"""Median share of a range that two halves of the images have in common, below which the images are doubtful."""

FEWEST = 20
"""Number of images from which on that is held against them: halves of fewer differ anyway."""


@dataclass(frozen=True)
class Stop:
    """How far the ranges were after some of the images.

    Attributes:
        images: number of images.
        reached: median share of its final range that a tensor had, 0 to 1.
        narrowest: the share that a tenth of the tensors fell short of.
    """

    images: int
    reached: float
    narrowest: float


@dataclass(frozen=True)
class Stability:
    """How settled the ranges are.

    Attributes:
        tensors: number of tensors with a range.
        stops: how far they were, in the order of the images.
        suffice: smallest noted number of images after which nine tensors in ten had 95 % of their final range.
        common: median share of a range that two halves of the images have in common; None of a single image.
        least_common: the share that a tenth of the tensors fell short of; None of a single image.
    """

    tensors: int
    stops: tuple[Stop, ...]
    suffice: int
    common: float | None
    least_common: float | None

    @property
    def findings(self) -> list[DataFinding]:
        """What is the matter with the images."""
        images = self.stops[-1].images
        if self.common is None or images < FEWEST or self.common >= UNSTABLE:
            return []
        text = (
            f"two halves of the images have only {self.common:.0%} of the ranges in common (median of "
            f"{self.tensors} tensors), so that another choice gives another file"
        )
        return [
            DataFinding(
                "unstable",
                DOUBTFUL,
                text,
                "take more images (--samples), or look for strange ones among them",
            )
        ]


def stability(stops: Sequence[tuple[int, Ranges]], halves: Sequence[Ranges]) -> Stability:
    """What the ranges of :func:`mobilecnn.quantize.litert_ranges.ranges` say.

    Tensors whose final range is empty are left out.
    """
    final = {name: _width(ends) for name, ends in stops[-1][1].items() if _width(ends) > 0}
    rows = []
    for images, found in stops:
        shares = [_width(found[name]) / width if name in found else 0.0 for name, width in final.items()]
        rows.append(Stop(images, *_middle_and_tenth(shares)))
    suffice = next(row.images for row in rows if row.narrowest >= ENOUGH or row is rows[-1])
    common = least = None
    if halves:
        first, second = halves
        shares = [_common(first[name], second[name]) for name in final if name in first and name in second]
        common, least = _middle_and_tenth(shares)
    return Stability(len(final), tuple(rows), suffice, common, least)


def _middle_and_tenth(shares: Sequence[float]) -> tuple[float, float]:
    if not shares:
        return 1.0, 1.0
    return float(np.median(shares)), float(np.quantile(shares, 1 - TENSORS))


def _width(ends: Sequence[float]) -> float:
    return ends[1] - ends[0]


def _common(first: Sequence[float], second: Sequence[float]) -> float:
    """Length of what two ranges have in common, over that of both together."""
    both = max(first[1], second[1]) - min(first[0], second[0])
    return max(0.0, min(first[1], second[1]) - max(first[0], second[0])) / both if both > 0 else 1.0
