"""What a network's inputs were in its training: statistics that stay in the model's file, and tell other images from them later."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn.errors import InputError, ModelFileError
from mobilecnn.records import Open, record

KEPT = 200
"""Largest number of images whose statistics are kept."""

AT_ONCE = 10
"""Number of images that are decoded at a time."""

MEMBER = "inputs"
"""Name of the statistics in what a model's file says of its training."""


@dataclass(frozen=True)
class InputStatistics(Open):
    """Statistics of images as a network is given them, a value for each channel, in the units of its input.

    Attributes:
        images: number of images.
        height: number of rows of an image; steps are smaller in larger images.
        width: number of columns.
        mean: mean of the values.
        variance: variance of the values.
        step_variance: mean square of the difference between a value and its right neighbour, which tells pictures from noise.
    """

    images: int
    height: int
    width: int
    mean: tuple[float, ...]
    variance: tuple[float, ...]
    step_variance: tuple[float, ...]

    def __post_init__(self) -> None:
        rows = (self.mean, self.variance, self.step_variance)
        if len({len(row) for row in rows}) != 1 or not self.mean or not np.isfinite(rows).all():
            raise ValueError("mean, variance and step_variance must be finite, with as many values each")
        if min(*self.variance, *self.step_variance) < 0:
            raise ValueError("no variance can be negative")


def spread(count: int) -> Sequence[int]:
    """Indices of at most :data:`KEPT` of ``count`` images, evenly spaced, so that all classes of a sorted set are among them."""
    return [int(index) for index in np.linspace(0, count - 1, min(count, KEPT))]


def measured(batches: Iterable[npt.NDArray[np.float32]]) -> InputStatistics:
    """The statistics of inputs, float32 (images, height, width, channels), at least one of them."""
    images, height, width = 0, 0, 0
    sums: list[npt.NDArray[np.float64]] = []
    for batch in batches:
        values = batch.astype(np.float64)
        steps = np.diff(values, axis=2) if values.shape[2] > 1 else np.zeros_like(values)
        count, height, width = values.shape[:3]
        images += count
        sums.append(np.stack([count * row.mean(axis=(0, 1, 2)) for row in (values, values**2, steps**2)]))
    mean, square, step = np.sum(sums, axis=0) / images
    variance = np.maximum(square - mean**2, 0)
    return InputStatistics(
        images, height, width, tuple(mean.tolist()), tuple(variance.tolist()), tuple(step.tolist())
    )


def remembered(training: dict[str, Any] | None, name: str) -> InputStatistics | None:
    """The statistics that a model's file keeps; None where it keeps none, as a model from elsewhere.

    Args:
        training: what the file says of its training.
        name: what messages call the model.

    Raises:
        ModelFileError: what stands there is none.
    """
    if training is None or training.get(MEMBER) is None:
        return None
    try:
        return record(InputStatistics, training[MEMBER], MEMBER)
    except InputError as error:
        raise ModelFileError(f"{name} is damaged ({error}); train or save it again") from error
