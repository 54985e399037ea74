"""How long consecutive stretches of some images took: what tells how sure a total time is."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

MOST = 20
"""Largest number of stretches of a run. The times of neighbouring images are alike; those of stretches as long as a twentieth of a
run are nearly independent of each other."""


@dataclass(frozen=True)
class Stretches:
    """Times of consecutive stretches of images, in order; at least one and at most :data:`MOST`.

    Attributes:
        images: number of images of each.
        seconds: seconds that each took.
    """

    images: tuple[int, ...]
    seconds: tuple[float, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.images) <= MOST or len(self.images) != len(self.seconds):
            raise ValueError("the stretches have not a time each, or are none or too many")
        if min(self.images) < 1 or not all(math.isfinite(each) and each >= 0 for each in self.seconds):
            raise ValueError("a stretch has no images or no time")

    @property
    def variance(self) -> float:
        """Variance of the sum of their times in s², from how far each is from its images' share of that sum."""
        count, mean = len(self.images), sum(self.seconds) / sum(self.images)
        pairs = zip(self.images, self.seconds, strict=True)
        squares = sum((seconds - mean * images) ** 2 for images, seconds in pairs)
        return squares * count / (count - 1)


def merged(runs: Sequence[Stretches]) -> Stretches:
    """The stretches of runs, one after the other, as those of one run; at least one run, and the shorter ones count for less."""
    largest = max(sum(run.images) for run in runs)
    even = [
        joined(run.images, run.seconds, max(1, round(len(run.images) * sum(run.images) / largest)))
        for run in runs
    ]
    images = [count for run in even for count in run.images]
    return joined(images, [each for run in even for each in run.seconds])


def joined(images: Sequence[int], seconds: Sequence[float], most: int = MOST) -> Stretches:
    """Batches, one after the other, as stretches of about equally many of them.

    Args:
        images: number of images of each batch; at least one batch.
        seconds: seconds that each took.
        most: largest number of stretches, at most :data:`MOST`.
    """
    count = min(most, len(images))
    ends = [round(len(images) * number / count) for number in range(count + 1)]
    slices = [slice(*pair) for pair in pairwise(ends)]
    return Stretches(
        tuple(sum(images[part]) for part in slices), tuple(math.fsum(seconds[part]) for part in slices)
    )
