"""Which images are the same, by content: SHA-256 of a file, or of an array's pixels."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mobilecnn.errors import DataError
from mobilecnn.files import LARGEST_IMAGE, open_input
from mobilecnn.steps import Progress, no_progress
from mobilecnn.train.datasets.dataset import Dataset
from mobilecnn.train.images import Pixels

_BLOCK = 1 << 20
"""Number of bytes that are hashed at a time: a file may have half a gigabyte."""

_AT_ONCE = 256
"""Number of images that are handed to the threads together."""


def digest(image: Path | Pixels) -> str:
    """SHA-256 in hexadecimal of an image file's bytes, or of an array's.

    Raises:
        DataError: the file is missing or cannot be read.
    """
    made = hashlib.sha256()
    if not isinstance(image, Path):
        made.update(image.tobytes())
        return made.hexdigest()
    try:
        with open_input(image, "image", DataError, LARGEST_IMAGE) as file:
            while block := file.read(_BLOCK):
                made.update(block)
    except OSError as error:
        raise DataError(f"cannot read the image {image}: {error.strerror or error}") from error
    return made.hexdigest()


def digests(
    images: Sequence[Path | Pixels], progress: Progress = no_progress
) -> Iterator[tuple[int, str | DataError]]:
    """The digest of each image with its index, or why it has none."""

    def one(image: Path | Pixels) -> str | DataError:
        try:
            return digest(image)
        except DataError as error:
            return error

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(images), _AT_ONCE):
            for index, made in enumerate(pool.map(one, images[start : start + _AT_ONCE]), start):
                progress(index + 1, len(images), "hashing the images")
                yield index, made


def shared(dataset: Dataset, other: Dataset) -> list[int]:
    """Indices of the images of ``dataset`` that ``other`` has, too: the same file, or one of the same content.

    Only images of the same number of bytes are read, and those not whose SHA-256 is known. What is missing is passed over.
    """
    there: dict[int, list[int]] = {}
    for index, image in enumerate(other.images):
        there.setdefault(_size(image), []).append(index)
    sizes = [_size(image) for image in dataset.images]
    mine = [index for index, size in enumerate(sizes) if size and size in there]
    theirs = [index for size in {sizes[index] for index in mine} for index in there[size]]
    there_are = set(known(other, theirs).values())
    return [index for index, made in sorted(known(dataset, mine).items()) if made in there_are]


def known(dataset: Dataset, indices: Sequence[int]) -> dict[int, str]:
    """Index -> SHA-256 of an image, in hexadecimal, for those of ``indices`` that can be read."""
    if dataset.sha256:
        return {index: dataset.sha256[index] for index in indices}
    made = digests([dataset.images[index] for index in indices])
    return {indices[place]: one for place, one in made if isinstance(one, str)}


def _size(image: Path | Pixels) -> int:
    """Number of bytes; 0 of a file that is missing."""
    if not isinstance(image, Path):
        return image.nbytes
    try:
        return image.stat().st_size
    except OSError:
        return 0
