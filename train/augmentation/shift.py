"""Pictures moved by a few pixels, and mirrored."""

import numpy as np
import numpy.typing as npt

from mobilecnn.train.images import Pixels

SHIFT = 1 / 16
"""Largest shift in each direction, as a share of the picture's side."""

Indices = npt.NDArray[np.int64]


def shift(pixels: Pixels, generator: np.random.Generator) -> Pixels:
    """Move each picture by up to :data:`SHIFT` of its sides; its edge is repeated in the gap.

    Args:
        pixels: uint8, (n, height, width, channels).
        generator: source of the shifts.
    """
    return _taken(pixels, *_shifted(pixels, generator))


def flip_shift(pixels: Pixels, generator: np.random.Generator) -> Pixels:
    """Move each picture as :func:`shift` does, and mirror half of them left to right.

    Not for pictures that mean something else in the mirror, as digits do.

    Args:
        pixels: uint8, (n, height, width, channels).
        generator: source of the shifts, and of the choice of what is mirrored.
    """
    rows, columns = _shifted(pixels, generator)
    mirrored = generator.random(len(pixels)) < 0.5
    columns[mirrored] = columns[mirrored, ::-1]
    return _taken(pixels, rows, columns)


def _shifted(pixels: Pixels, generator: np.random.Generator) -> tuple[Indices, Indices]:
    """The rows, (n, height), and the columns, (n, width), that each moved picture shows."""
    count, height, width, _ = pixels.shape
    reach = np.asarray([round(height * SHIFT), round(width * SHIFT)])
    shifts = generator.integers(-reach, reach + 1, (count, 2))
    rows = np.clip(np.arange(height) + shifts[:, :1], 0, height - 1)
    columns = np.clip(np.arange(width) + shifts[:, 1:], 0, width - 1)
    return rows, columns


def _taken(pixels: Pixels, rows: Indices, columns: Indices) -> Pixels:
    moved: Pixels = pixels[np.arange(len(pixels))[:, None, None], rows[:, :, None], columns[:, None, :]]
    return moved
