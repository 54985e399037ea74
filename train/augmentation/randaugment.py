"""RandAugment: a few operations of one strength, drawn anew for each picture.

"RandAugment: Practical automated data augmentation with a reduced search space" (arXiv 1909.13719), section 3: 14
operations, drawn with replacement. The ranges of their strengths are torchvision's (``transforms.RandAugment``, 31 steps),
where those of the paper are given by code alone.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from mobilecnn.train.augmentation.geometry import Matrix, image_of, matrix_of, transformed
from mobilecnn.train.images import Pixels

STRONGEST = 30
"""Largest strength."""


@dataclass(frozen=True)
class RandAugment:
    """Some operations on each picture.

    Attributes:
        operations: number of operations on a picture.
        strength: strength of each, from 0 to :data:`STRONGEST`.
    """

    operations: int = 2
    strength: int = 9

    def __call__(self, pixels: Pixels, generator: np.random.Generator) -> Pixels:
        """The changed pictures, uint8, (n, height, width, channels)."""
        drawn = generator.integers(len(OPERATIONS), size=(len(pixels), self.operations))
        signs = generator.choice((-1.0, 1.0), size=drawn.shape)
        functions = tuple(OPERATIONS.values())
        share = self.strength / STRONGEST
        result = pixels.copy()
        for index in range(len(pixels)):
            for chosen, sign in zip(drawn[index], signs[index], strict=True):
                result[index] = functions[chosen](result[index], share, float(sign))
        return result


Operation = Callable[[Pixels, float, float], Pixels]
"""Function of a picture, uint8, (height, width, channels), of the strength, 0 to 1, and of a sign, -1 or 1."""


def _of_image(change: Callable[[Image.Image, float, float], Image.Image]) -> Operation:
    def operation(picture: Pixels, share: float, sign: float) -> Pixels:
        changed = change(image_of(picture), share, sign)
        return np.asarray(changed, np.uint8).reshape(picture.shape)

    return operation


def _of_matrix(matrix: Callable[[float, int, int], Matrix]) -> Operation:
    def operation(picture: Pixels, share: float, sign: float) -> Pixels:
        height, width, _ = picture.shape
        return transformed(picture, matrix(share * sign, height, width))

    return operation


def _sheared(row: float, column: float) -> Matrix:
    matrix = np.eye(3)
    matrix[0, 1], matrix[1, 0] = row, column
    return matrix


OPERATIONS: dict[str, Operation] = {
    "identity": lambda picture, share, sign: picture,
    "shear-x": _of_matrix(lambda amount, height, width: _sheared(0, 0.3 * amount)),
    "shear-y": _of_matrix(lambda amount, height, width: _sheared(0.3 * amount, 0)),
    "translate-x": _of_matrix(
        lambda amount, height, width: matrix_of(0, (0, round(150 / 331 * width * amount)), (1, 1))
    ),
    "translate-y": _of_matrix(
        lambda amount, height, width: matrix_of(0, (round(150 / 331 * height * amount), 0), (1, 1))
    ),
    "rotate": _of_matrix(lambda amount, height, width: matrix_of(30 * amount, (0, 0), (1, 1))),
    "brightness": _of_image(
        lambda image, share, sign: ImageEnhance.Brightness(image).enhance(1 + 0.9 * share * sign)
    ),
    "color": _of_image(lambda image, share, sign: ImageEnhance.Color(image).enhance(1 + 0.9 * share * sign)),
    "contrast": _of_image(
        lambda image, share, sign: ImageEnhance.Contrast(image).enhance(1 + 0.9 * share * sign)
    ),
    "sharpness": _of_image(
        lambda image, share, sign: ImageEnhance.Sharpness(image).enhance(1 + 0.9 * share * sign)
    ),
    "posterize": _of_image(lambda image, share, sign: ImageOps.posterize(image, 8 - round(4 * share))),
    "solarize": _of_image(lambda image, share, sign: ImageOps.solarize(image, round(256 * (1 - share)))),
    "autocontrast": _of_image(lambda image, share, sign: ImageOps.autocontrast(image)),
    "equalize": _of_image(lambda image, share, sign: ImageOps.equalize(image)),
}
"""Name of an operation -> it."""
