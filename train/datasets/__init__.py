"""Data sets by name: a reader for each format, in one table.

A new format is a module beside this one and a row of :data:`READERS`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mobilecnn.errors import DataError
from mobilecnn.train.datasets import digits, folder
from mobilecnn.train.datasets.dataset import Dataset
from mobilecnn.train.datasets.dataset import Part as Part
from mobilecnn.train.datasets.digits import DIGITS as DIGITS


@dataclass(frozen=True)
class Reader:
    """A format of labelled images.

    Attributes:
        sources: what a user gives to name such a data set, as error messages put it.
        accepts: tells whether a source is in this format.
        read: reads a :data:`Part` of a source. A format without a split of its own returns
            all images for each part.
        default_size: input side in pixels where neither the user nor the network's name gives one;
            None for the network's default.
        immediate: whether reading takes no time worth showing.
    """

    sources: str
    accepts: Callable[[str], bool]
    read: Callable[[str, Part], Dataset]
    default_size: int | None = None
    immediate: bool = False


READERS: tuple[Reader, ...] = (
    Reader(
        repr(DIGITS),
        digits.accepts,
        lambda _, part: digits.read(part),
        default_size=digits.DEFAULT_SIZE,
        immediate=True,
    ),
    Reader("a folder of class folders with images", folder.accepts, lambda source, _: folder.read(source)),
)
"""Readers in the order in which they are asked; the first that accepts a source reads it."""


def reader_of(source: str) -> Reader | None:
    """The reader that accepts ``source``; None if no reader does."""
    return next((reader for reader in READERS if reader.accepts(source)), None)


def load(source: str, part: Part = "all") -> Dataset:
    """Read the data set that ``source`` names.

    Args:
        source: ``digits``; or a folder of class folders; or a folder of images, which are unlabelled.
        part: share of ``digits`` to read; a folder has no split of its own and is read whole.

    Raises:
        DataError: no reader accepts the source, the source cannot be read, or it has no image.
    """
    reader = reader_of(source)
    if reader is not None:
        return reader.read(source, part)
    problem = f"{source} is a file" if Path(source).exists() else f"no such folder: {source}"
    raise DataError(f"{problem}; give {' or '.join(reader.sources for reader in READERS)}")
