"""Data sets by name: a reader for each format, in one table.

A new format is a module beside this one and a row of :data:`READERS`.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass

from mobilecnn.errors import DataError, UsageError
from mobilecnn.remarks import Remark, Remarked
from mobilecnn.train.datasets import csv_file, digits, folder, idx, isic, manifest
from mobilecnn.train.datasets.dataset import PARTS, Dataset
from mobilecnn.train.datasets.dataset import Part as Part
from mobilecnn.train.datasets.digits import DIGITS as DIGITS


@dataclass(frozen=True)
class Reader:
    """A format of labelled images.

    Attributes:
        sources: what a user gives to name such a data set, as error messages put it.
        accepts: tells whether a source is in this format.
        read: reads a :data:`Part` of a source. A source without parts gives all images for each part.
        default_size: input side in pixels where neither the user nor the network's name gives one;
            None for the network's default.
        immediate: whether reading takes no time worth showing.
        parts: the parts that a source is divided into; empty where it is not.
    """

    sources: str
    accepts: Callable[[str], bool]
    read: Callable[[str, Part], Dataset]
    default_size: int | None = None
    immediate: bool = False
    parts: Callable[[str], tuple[Part, ...]] = lambda source: ()


READERS: tuple[Reader, ...] = (
    Reader(
        repr(DIGITS),
        digits.accepts,
        digits.read,
        default_size=digits.DEFAULT_SIZE,
        immediate=True,
        parts=digits.parts,
    ),
    Reader("a manifest (.json)", manifest.accepts, manifest.read, parts=manifest.parts),
    Reader("a CSV file of paths and labels", csv_file.accepts, csv_file.read, parts=csv_file.parts),
    Reader("a folder of IDX files", idx.accepts, idx.read, parts=idx.parts),
    Reader("a folder of ISIC 2018 Task 3", isic.accepts, isic.read, parts=isic.parts),
    Reader(
        "a folder of class folders with images",
        folder.accepts,
        folder.read,
        parts=folder.parts_of,
    ),
)
"""Readers in the order in which they are asked; the first that accepts a source reads it."""


def reader_of(source: str) -> Reader | None:
    """The reader that accepts ``source``; None if no reader does."""
    return next((reader for reader in READERS if reader.accepts(source)), None)


def load(source: str, part: Part = "all") -> Dataset:
    """Read the data set that ``source`` names.

    Args:
        source: what a reader of :data:`READERS` accepts; a folder of loose images is unlabelled.
        part: part of a source that is divided into parts; another is read whole.

    Raises:
        DataError: no reader accepts the source, the source cannot be read, or it has no image, or not this part.
    """
    return _reader(source).read(source, part)


def parts(source: str) -> tuple[Part, ...]:
    """The parts that ``source`` is divided into; empty where it is not.

    Raises:
        DataError: as :func:`load`.
    """
    return _reader(source).parts(source)


def _reader(source: str) -> Reader:
    reader = reader_of(source)
    if reader is not None:
        return reader
    there = os.path.exists(source)  # noqa: PTH110 - Path.exists raises on a name that is too long
    problem = f"{source} is a file" if there else f"no such folder: {source}"
    raise DataError(f"{problem}; give {' or '.join(reader.sources for reader in READERS)}")


def validation(source: str) -> Dataset | None:
    """The part of ``source`` to validate on while training; None where it has none of its own.

    Raises:
        DataError: that part cannot be read, or has no image.
    """
    return load(source, "validation") if "validation" in parts(source) else None


def judged(source: str, split: str | None, remarked: Remarked) -> Dataset:
    """The images of ``source`` that models are asked about: the part to test on, or another that is named.

    Args:
        source: as in :func:`load`.
        split: name of a part; None for ``test`` or, where the source is not divided, all.
        remarked: told where they are those to train on.

    Raises:
        UsageError: ``split`` is no part, or the source is not divided.
        DataError: as in :func:`load`.
    """
    if split is None:
        return load(source, "test")
    part = next((part for part in PARTS if part == split), None)
    if part is None:
        raise UsageError(f"unknown split {split!r}; choose one of {', '.join(PARTS)}")
    if not parts(source):
        raise UsageError(
            f"--split {split} has no effect, for {source} is not divided into parts; leave it out, or make a manifest "
            "with mobilecnn data prepare"
        )
    dataset = load(source, part)
    if part == "train":
        text = (
            f"{dataset.name}: these are the images to train on, so that their answers say nothing of new ones"
        )
        remarked(Remark("train-part", len(dataset), text))
    return dataset
