"""Contrast stretching and histogram equalization of some pictures."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import ImageOps

from mobilecnn.train.augmentation.geometry import image_of
from mobilecnn.train.images import Pixels


@dataclass(frozen=True)
class Stretch:
    """The values of some pictures are spread over 0..255, all channels alike.

    Attributes:
        probability: share of the pictures.
        low, high: percentiles of the picture's values that become 0 and 255; what is beyond them is cut off.
    """

    probability: float
    low: float = 2.0
    high: float = 98.0

    def __call__(self, pixels: Pixels, generator: np.random.Generator) -> Pixels:
        """The pictures, uint8, (n, height, width, channels)."""
        return _some(pixels, generator.random(len(pixels)) < self.probability, self._stretched)

    def _stretched(self, picture: Pixels) -> Pixels:
        first, last = np.percentile(picture, (self.low, self.high))
        if last <= first:  # It is of one colour.
            return picture
        table = np.clip((np.arange(256) - first) * 255 / (last - first), 0, 255).round().astype(np.uint8)
        stretched: Pixels = table[picture]
        return stretched


@dataclass(frozen=True)
class Equalize:
    """The values of each channel of some pictures are made equally frequent, as far as they can.

    Attributes:
        probability: share of the pictures.
    """

    probability: float

    def __call__(self, pixels: Pixels, generator: np.random.Generator) -> Pixels:
        """The pictures, uint8, (n, height, width, channels)."""
        return _some(pixels, generator.random(len(pixels)) < self.probability, _equalized)


def _equalized(picture: Pixels) -> Pixels:
    return np.asarray(ImageOps.equalize(image_of(picture)), np.uint8).reshape(picture.shape)


def _some(pixels: Pixels, chosen: npt.NDArray[np.bool_], change: Callable[[Pixels], Pixels]) -> Pixels:
    result = pixels.copy()
    for index in np.flatnonzero(chosen):
        result[index] = change(pixels[index])
    return result
