"""Mixtures of two pictures of a batch, with the same mixture of their labels."""

import math
from dataclasses import dataclass

import numpy as np

from mobilecnn.train.images import Floats


@dataclass(frozen=True)
class Mixup:
    """Each picture becomes a weighted mean of itself and another: "mixup" (arXiv 1710.09412), section 2.

    Attributes:
        alpha: parameter of the beta distribution, alike on both sides, that the weight is drawn from, once for a batch.
    """

    alpha: float

    def __call__(
        self, images: Floats, labels: Floats, generator: np.random.Generator
    ) -> tuple[Floats, Floats]:
        """The mixed images, float32, (n, height, width, channels), and labels, float32, (n, classes)."""
        weight = np.float32(generator.beta(self.alpha, self.alpha))
        others = generator.permutation(len(images))
        return (
            weight * images + (1 - weight) * images[others],
            weight * labels + (1 - weight) * labels[others],
        )


@dataclass(frozen=True)
class Cutmix:
    """A rectangle of each picture is that of another: "CutMix" (arXiv 1905.04899), section 3.

    Attributes:
        alpha: parameter of the beta distribution that the share that stays is drawn from, once for a batch.
    """

    alpha: float

    def __call__(
        self, images: Floats, labels: Floats, generator: np.random.Generator
    ) -> tuple[Floats, Floats]:
        """The mixed images, float32, (n, height, width, channels), and labels, float32, (n, classes)."""
        _, height, width, _ = images.shape
        side = math.sqrt(1 - generator.beta(self.alpha, self.alpha))
        middle_y, middle_x = generator.integers(height), generator.integers(width)
        top, bottom = (
            np.clip(middle_y + np.asarray([-1, 1]) * (height * side / 2), 0, height).round().astype(int)
        )
        left, right = (
            np.clip(middle_x + np.asarray([-1, 1]) * (width * side / 2), 0, width).round().astype(int)
        )
        others = generator.permutation(len(images))
        mixed = images.copy()
        mixed[:, top:bottom, left:right] = images[others, top:bottom, left:right]
        # By what was cut, which ends at the picture's edge.
        share = np.float32(1 - (bottom - top) * (right - left) / (height * width))
        return mixed, share * labels + (1 - share) * labels[others]
