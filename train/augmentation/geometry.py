"""Pictures moved, turned, enlarged and mirrored; their edge is repeated in the gap."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from mobilecnn.errors import DataError
from mobilecnn.train.images import Pixels

MOST_PADDED = 1 << 28
"""Largest number of pixels of a picture with the edge that it needs to be turned: 16,384 x 16,384."""

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Shift:
    """Each picture is moved by whole pixels.

    Attributes:
        share: largest shift in each direction, as a share of the picture's side.
    """

    share: float

    def __call__(self, pixels: Pixels, generator: np.random.Generator) -> Pixels:
        """The moved pictures, uint8, (n, height, width, channels)."""
        count, height, width, _ = pixels.shape
        reach = np.asarray([round(height * self.share), round(width * self.share)])
        shifts = generator.integers(-reach, reach + 1, (count, 2))
        rows = np.clip(np.arange(height) + shifts[:, :1], 0, height - 1)
        columns = np.clip(np.arange(width) + shifts[:, 1:], 0, width - 1)
        moved: Pixels = pixels[np.arange(count)[:, None, None], rows[:, :, None], columns[:, None, :]]
        return moved


@dataclass(frozen=True)
class Mirror:
    """Some pictures are mirrored left to right. Not for those that mean something else then, as digits do.

    Attributes:
        probability: share of the pictures that are mirrored.
    """

    probability: float = 0.5

    def __call__(self, pixels: Pixels, generator: np.random.Generator) -> Pixels:
        """The pictures, uint8, (n, height, width, channels)."""
        mirrored = generator.random(len(pixels)) < self.probability
        result = pixels.copy()
        result[mirrored] = pixels[mirrored, :, ::-1]
        return result


@dataclass(frozen=True)
class Affine:
    """Each picture is turned, moved and enlarged or made smaller about its centre, as Keras' ``ImageDataGenerator`` does.

    Attributes:
        rotation: largest angle in degrees, either way.
        shift: largest shift, as a share of the side, in height and in width each.
        zoom: largest share by which the height and, by itself, the width is stretched or shrunk.
    """

    rotation: float
    shift: float
    zoom: float

    def __call__(self, pixels: Pixels, generator: np.random.Generator) -> Pixels:
        """The changed pictures, uint8, (n, height, width, channels)."""
        count, height, width, _ = pixels.shape
        angles = generator.uniform(-self.rotation, self.rotation, count)
        shifts = generator.uniform(-self.shift, self.shift, (count, 2)) * (height, width)
        zooms = generator.uniform(1 - self.zoom, 1 + self.zoom, (count, 2))
        return np.stack(
            [
                transformed(picture, matrix_of(angle, moved, zoomed))
                for picture, angle, moved, zoomed in zip(pixels, angles, shifts, zooms, strict=True)
            ]
        )


Matrix = npt.NDArray[np.float64]


def matrix_of(angle: float, shift: npt.ArrayLike, zoom: npt.ArrayLike) -> Matrix:
    """Where a pixel of the result comes from: (row, column, 1) about the centre -> the same in the picture, (3, 3).

    Args:
        angle: degrees.
        shift: rows and columns that are added.
        zoom: factors of rows and columns; below 1 the picture is enlarged.
    """
    turn = math.radians(angle)
    rotation = np.asarray(
        [[math.cos(turn), -math.sin(turn), 0], [math.sin(turn), math.cos(turn), 0], [0, 0, 1]], np.float64
    )
    moved = np.eye(3)
    moved[:2, 2] = shift
    zoomed = np.diag([*np.asarray(zoom, np.float64), 1.0])
    matrix: Matrix = rotation @ moved @ zoomed
    return matrix


def transformed(picture: Pixels, matrix: Matrix) -> Pixels:
    """A picture, uint8, (height, width, channels), each pixel taken from where ``matrix`` says, bilinearly.

    Raises:
        DataError: one side is so much longer than the other that no memory holds the edge.
    """
    height, width, channels = picture.shape
    # The corners come from farthest away, and so they tell how much edge is needed on each side.
    corners = np.asarray([[r * height / 2, c * width / 2, 1] for r in (-1, 1) for c in (-1, 1)]).T
    rows, columns = (matrix @ corners)[:2]
    above, below = (max(0, math.ceil(far - height / 2)) + 2 for far in (-rows.min(), rows.max()))
    left, right = (max(0, math.ceil(far - width / 2)) + 2 for far in (-columns.min(), columns.max()))
    if (height + above + below) * (width + left + right) > MOST_PADDED:
        raise DataError(
            f"pictures of {height} x {width} pixels cannot be turned: the edge that they would need has more than "
            f"{MOST_PADDED:,} pixels; take a --size whose sides differ less, or an augmentation that does not turn"
        )
    padded = _padded(image_of(picture), left, above, right, below)
    (a, b, c), (d, e, f), _ = matrix
    # Pillow counts columns first and pixels from their corners; the centre is that of all pixels' centres.
    middle_y, middle_x = height / 2, width / 2
    coefficients = (
        e, d, f + middle_x + left - e * middle_x - d * middle_y,
        b, a, c + middle_y + above - b * middle_x - a * middle_y,
    )  # fmt: skip
    changed = padded.transform(
        (width, height), Image.Transform.AFFINE, coefficients, Image.Resampling.BILINEAR
    )
    return np.asarray(changed, np.uint8).reshape(height, width, channels)


def _padded(image: Image.Image, left: int, above: int, right: int, below: int) -> Image.Image:
    """An image with its edge repeated on each side, at least once: by Pillow, for numpy moves single pixels slowly."""
    width, height = image.size
    padded = Image.new(image.mode, (left + width + right, above + height + below))
    padded.paste(image, (left, above))
    for x, count, target in ((0, left, 0), (width - 1, right, left + width)):
        strip = image.crop((x, 0, x + 1, height)).resize((count, height), Image.Resampling.NEAREST)
        padded.paste(strip, (target, above))
    for y, count, target in ((above, above, 0), (above + height - 1, below, above + height)):
        strip = padded.crop((0, y, padded.width, y + 1)).resize(
            (padded.width, count), Image.Resampling.NEAREST
        )
        padded.paste(strip, (0, target))
    return padded


def image_of(picture: Pixels) -> Image.Image:
    """A picture of 1 or 3 channels as Pillow has it."""
    return Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)
