"""Data sets in IDX files, the format of MNIST and Fashion-MNIST: ``train-images-idx3-ubyte.gz`` and its three neighbours.

The format (http://yann.lecun.com/exdb/mnist/): two zero bytes, the type of the values (8: bytes), the number of
dimensions, each dimension in four bytes, then the values. Images are uint8, (n, height, width), 255 being white.
"""

import gzip
import math
import re
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from mobilecnn import labels
from mobilecnn.errors import DataError
from mobilecnn.files import open_input
from mobilecnn.remarks import plural
from mobilecnn.train.datasets.dataset import Dataset, Part
from mobilecnn.train.datasets.rows import Row, dataset_of

LARGEST = 1 << 30
"""Number of bytes of the most pixels that are read from one file. The largest set of its kind, EMNIST, has 0.6 GB."""

LABELS = "labels.txt"
"""Name of a file beside the others with the class names, one a line, from label 0 on; without it the labels are the names."""

_NAME = re.compile(r"(?P<part>train|t10k|test)-(?P<what>images|labels)[-.]idx[13]-ubyte(\.gz)?")

_PARTS: dict[str, Part] = {"train": "train", "t10k": "test", "test": "test"}


def accepts(source: str) -> bool:
    """Whether ``source`` is a folder with such files."""
    return bool(_files(Path(source)))


@dataclass(frozen=True)
class _Pair:
    """The two files of a part."""

    images: Path
    labels: Path


def _files(folder: Path) -> dict[Part, dict[str, Path]]:
    try:
        names = sorted(folder.iterdir())
    except (OSError, ValueError):
        return {}
    found: dict[Part, dict[str, Path]] = {}
    for path in names:
        if match := _NAME.fullmatch(path.name):
            # An unpacked file goes before its archive; they are sorted so.
            found.setdefault(_PARTS[match["part"]], {}).setdefault(match["what"], path)
    return found


def parts(source: str) -> tuple[Part, ...]:
    """``train`` and ``test``, those of which there are files.

    Raises:
        DataError: as in :func:`read`.
    """
    there = tuple(_pairs(Path(source)))
    return there if len(there) > 1 else ()


def read(source: str, part: Part = "all") -> Dataset:
    """The images of a part: grey, uint8 (height, width) each.

    Raises:
        DataError: a file is missing, damaged or too large, has as many labels as images, or a label without a name.
    """
    folder = Path(source)
    pairs = _pairs(folder)
    named = {one: _values(pair.labels, 1) for one, pair in pairs.items()}
    classes = _classes(folder, pairs, named)
    wanted = [one for one in pairs if part in (one, "all") or len(pairs) == 1]
    rows = []
    for one in wanted:
        images = images_in(pairs[one].images)
        if len(images) != len(named[one]):
            raise DataError(
                f"{pairs[one].images} has {plural(len(images), 'image')} and {pairs[one].labels.name} "
                f"{plural(len(named[one]), 'label')}; take the two files of one set"
            )
        division = one if len(pairs) > 1 else ""
        rows += [
            Row(image, classes[label], part=division)
            for image, label in zip(images, named[one].tolist(), strict=True)
        ]
    if not wanted:
        raise DataError(f"{source} has no image of the part {part}; it has {' and '.join(pairs)}")
    return dataset_of(source, rows, part, classes, parts=tuple(pairs) if len(pairs) > 1 else ())


def _pairs(folder: Path) -> dict[Part, _Pair]:
    pairs: dict[Part, _Pair] = {}
    for part, found in sorted(_files(folder).items(), reverse=True):  # "train" first.
        for what, other in (("images", "labels"), ("labels", "images")):
            if what not in found:
                raise DataError(f"{found[other]} is there without its {what}; put that file beside it")
        pairs[part] = _Pair(found["images"], found["labels"])
    return pairs


def _classes(folder: Path, pairs: dict[Part, _Pair], named: dict[Part, npt.NDArray[np.uint8]]) -> list[str]:
    most = max(int(values.max(initial=0)) for values in named.values())
    path = folder / LABELS
    if not path.exists():
        return [str(label) for label in range(most + 1)]
    names = list(labels.read(path))
    for part, values in named.items():
        if int(values.max(initial=0)) >= len(names):
            raise DataError(
                f"{pairs[part].labels} has the unknown class {int(values.max())}: {path} names {len(names)}, from 0 on"
            )
    if len(set(names)) < len(names):
        raise DataError(f"{path} has a name twice; classes need names of their own")
    return names


def images_file(source: str, part: Part) -> Path:
    """The file with the images of a part."""
    return _pairs(Path(source))[part].images


def images_in(path: Path) -> npt.NDArray[np.uint8]:
    """The images of one file: uint8, (n, height, width).

    Raises:
        DataError: the file is missing, damaged, too large or no IDX file of images.
    """
    return _values(path, 3)


def _values(path: Path, dimensions: int) -> npt.NDArray[np.uint8]:
    """The values of an IDX file of so many dimensions, uint8."""
    try:
        with open_input(path, "IDX file", DataError, LARGEST) as file:
            if path.suffix == ".gz":
                with gzip.GzipFile(fileobj=file) as unpacked:
                    return _read(path, unpacked, dimensions)
            return _read(path, file, dimensions)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} is damaged ({error}); take the file anew") from error


def _read(path: Path, file: BinaryIO | gzip.GzipFile, dimensions: int) -> npt.NDArray[np.uint8]:
    head = file.read(4)
    if head != bytes([0, 0, 8, dimensions]):
        raise DataError(f"{path} is no IDX file of bytes with {plural(dimensions, 'dimension')}")
    sizes = file.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise DataError(f"{path} is damaged (it ends in its header); take the file anew")
    shape = struct.unpack(f">{dimensions}I", sizes)
    count = math.prod(shape)
    if count > LARGEST or 0 in shape[1:]:
        raise DataError(
            f"{path} says that it holds {'x'.join(map(str, shape))} values, which is no set of images"
        )
    content = file.read(count)
    if len(content) < count or file.read(1):
        found = "fewer" if len(content) < count else "more"
        raise DataError(f"{path} is damaged (it has {found} values than its header says); take the file anew")
    return np.frombuffer(content, np.uint8).reshape(shape)
