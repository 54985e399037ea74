"""Random erasing: a rectangle of some pictures becomes noise.

"Random Erasing Data Augmentation" (arXiv 1708.04896), algorithm 1.
"""

import math
from dataclasses import dataclass

import numpy as np

from mobilecnn.train.images import Pixels

_TRIES = 10
"""Number of rectangles that are drawn until one fits, as in torchvision."""


@dataclass(frozen=True)
class Erase:
    """A rectangle of some pictures becomes noise.

    Attributes:
        probability: share of the pictures.
        smallest, largest: area of the rectangle, as a share of the picture's (the paper's 0.02 and, of its Table 2, 0.33).
        aspect: largest ratio of its sides, one way or the other (the paper's 1 / 0.3).
    """

    probability: float
    smallest: float = 0.02
    largest: float = 0.33
    aspect: float = 1 / 0.3

    def __call__(self, pixels: Pixels, generator: np.random.Generator) -> Pixels:
        """The pictures, uint8, (n, height, width, channels)."""
        result = pixels.copy()
        for index in np.flatnonzero(generator.random(len(pixels)) < self.probability):
            self._erase(result[index], generator)
        return result

    def _erase(self, picture: Pixels, generator: np.random.Generator) -> None:
        height, width, channels = picture.shape
        for _ in range(_TRIES):
            area = generator.uniform(self.smallest, self.largest) * height * width
            ratio = math.exp(generator.uniform(-math.log(self.aspect), math.log(self.aspect)))
            rows, columns = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if 0 < rows < height and 0 < columns < width:
                top, left = generator.integers(height - rows + 1), generator.integers(width - columns + 1)
                noise = generator.integers(0, 256, (rows, columns, channels), dtype=np.uint8)
                picture[top : top + rows, left : left + columns] = noise
                return
