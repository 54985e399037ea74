"""What a data set consists of: classes, sizes, modes, what is there twice, and what cannot be read."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from mobilecnn.errors import DataError
from mobilecnn.remarks import Remarked, no_remark
from mobilecnn.steps import Progress, no_progress
from mobilecnn.train import datasets
from mobilecnn.train.datasets import manifest
from mobilecnn.train.datasets.dataset import Dataset, Part
from mobilecnn.train.datasets.identity import digest
from mobilecnn.train.datasets.reading import THREADS
from mobilecnn.train.images import Floats, Pixels, decode

SIDE = 16
"""Side in pixels of the small grey pictures that are compared for near duplicates."""

NEAR = 2.5
"""Largest root mean square of the differences of two such pictures, in grey levels of 256, with which they are near
duplicates. Saving a photo again as JPEG moves them by less than 1, and two photos of one scene by more than 5."""

FLAT = 4.0
"""Standard deviation in grey levels below which a small picture is of one colour, and is near to any other such."""

MOST_PAIRS = 1_000
"""Largest number of pairs that are kept; further ones are counted."""

_AT_ONCE = 256
"""Number of images that are handed to the threads together."""

_COMPARED = 1 << 22
"""Number of pairs of small pictures that are compared at a time: each takes some dozen bytes."""


@dataclass(frozen=True)
class Pair:
    """Two images that are alike.

    Attributes:
        first, second: their names.
        where: part and class of each: ``train MEL``; of an undivided set the class alone.
    """

    first: str
    second: str
    where: tuple[str, ...]


@dataclass(frozen=True)
class Inspection:
    """What :func:`inspect` found.

    Attributes:
        data: the data set, as it was given.
        counts: part -> class -> number of images; the part "" of a set that is not divided, the class "" of loose images.
        groups: part -> number of groups, such as lesions; of sets that have them.
        sizes: "width x height" -> number of images, the most frequent first.
        smallest, largest: width and height of the images with the fewest and with the most pixels.
        kinds: "format mode", as in the file -> number of images; ``array`` of images that are none.
        bytes: number of bytes of all files.
        unreadable: why an image cannot be read, for each.
        changed: files that are not as a manifest says, or are missing.
        same: pairs of images of the same content.
        same_count: number of such pairs.
        across: those of ``same`` in two parts.
        two_classes: those of ``same`` in two classes.
        near: pairs of images of different content in two parts that look alike.
        near_count: number of such pairs.
    """

    data: str
    counts: dict[str, dict[str, int]]
    groups: dict[str, int]
    sizes: dict[str, int]
    smallest: tuple[int, ...]
    largest: tuple[int, ...]
    kinds: dict[str, int]
    bytes: int
    unreadable: tuple[str, ...]
    changed: tuple[str, ...]
    same: tuple[Pair, ...]
    same_count: int
    across: tuple[Pair, ...]
    two_classes: tuple[Pair, ...]
    near: tuple[Pair, ...]
    near_count: int


@dataclass(frozen=True)
class _Seen:
    """What is kept of an image.

    Attributes:
        size: width and height in pixels, upright.
        kind: format and mode.
        bytes: size of its file, or of the array.
        sha256: SHA-256 of its content.
        small: a small grey picture of it, uint8 (256,).
    """

    size: tuple[int, int]
    kind: str
    bytes: int
    sha256: str
    small: Pixels


def loaded(source: str) -> dict[str, Dataset]:
    """The parts of a data set, "" of one that is not divided. Of a manifest the files are not compared with it.

    Raises:
        DataError: the source cannot be read.
    """

    def one(part: Part) -> Dataset:
        return manifest.listed_in(source, part) if manifest.accepts(source) else datasets.load(source, part)

    there = datasets.parts(source)
    return {part: one(part) for part in there} if there else {"": datasets.load(source)}


def inspect(source: str, progress: Progress = no_progress, remarked: Remarked = no_remark) -> Inspection:
    """Read every image of a data set once, and say what there is.

    Args:
        source: the data set.
        progress: called after each image.
        remarked: told what of the data is not used.

    Raises:
        DataError: the source itself cannot be read; images that cannot are in the result.
    """
    parts = loaded(source)
    total = sum(map(len, parts.values()))
    for dataset in parts.values():
        for remark in dataset.remarks:
            if remark.code != "part":  # All are read.
                remarked(remark)
    unreadable: list[str] = []
    changed: list[str] = []
    seen: list[_Seen] = []
    names: list[str] = []
    homes: list[tuple[str, str]] = []
    done = 0
    for part, dataset in parts.items():
        for index, found in enumerate(_all(dataset.images)):
            done += 1
            progress(done, total, "")
            name = _name(dataset.images[index], index)
            wrong = isinstance(found, _Seen) and dataset.sha256 and found.sha256 != dataset.sha256[index]
            if wrong:
                changed.append(name)
            if isinstance(found, DataError):
                unreadable.append(str(found))
                continue
            seen.append(found)
            names.append(name)
            homes.append((part, dataset.classes[dataset.labels[index]] if dataset.labelled else ""))
    sizes = Counter(one.size for one in seen)
    by_area = sorted(sizes, key=lambda size: (size[0] * size[1], size))
    same = list(_same(seen))
    near, near_count = _near(seen, [part for part, _ in homes])

    def pairs(found: Sequence[tuple[int, int]]) -> tuple[Pair, ...]:
        return tuple(
            Pair(names[a], names[b], (" ".join(homes[a]).strip(), " ".join(homes[b]).strip()))
            for a, b in found[:MOST_PAIRS]
        )

    return Inspection(
        data=source,
        counts={part: _counts(dataset) for part, dataset in parts.items()},
        groups={part: _groups(dataset) for part, dataset in parts.items() if dataset.groups},
        sizes={f"{width}x{height}": count for (width, height), count in sizes.most_common()},
        smallest=by_area[0] if by_area else (),
        largest=by_area[-1] if by_area else (),
        kinds=dict(Counter(one.kind for one in seen).most_common()),
        bytes=sum(one.bytes for one in seen),
        unreadable=tuple(unreadable),
        changed=tuple(changed),
        same=pairs(same),
        same_count=len(same),
        across=pairs([(a, b) for a, b in same if homes[a][0] != homes[b][0]]),
        two_classes=pairs([(a, b) for a, b in same if homes[a][1] != homes[b][1]]),
        near=pairs(near),
        near_count=near_count,
    )


def _counts(dataset: Dataset) -> dict[str, int]:
    if not dataset.labelled:
        return {"": len(dataset)}
    counts = np.bincount(dataset.labels, minlength=len(dataset.classes)).tolist()
    return dict(zip(dataset.classes, counts, strict=True))


def _groups(dataset: Dataset) -> int:
    return len({group or f"\0{index}" for index, group in enumerate(dataset.groups)})


def _name(image: Path | Pixels, index: int) -> str:
    return str(image) if isinstance(image, Path) else f"image {index}"


def _all(images: Sequence[Path | Pixels]) -> Iterator[_Seen | DataError]:
    with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as pool:
        for start in range(0, len(images), _AT_ONCE):
            yield from pool.map(_look, images[start : start + _AT_ONCE])


def _look(image: Path | Pixels) -> _Seen | DataError:
    try:
        if isinstance(image, Path):
            opened = decode(image)
            picture, kind, nbytes = opened.image, " ".join(opened.stored), image.stat().st_size
        else:
            picture, nbytes = Image.fromarray(image), image.nbytes
            kind = f"array {picture.mode}"
        small = picture.convert("L").resize((SIDE, SIDE), Image.Resampling.BOX)
        return _Seen(picture.size, kind, nbytes, digest(image), np.asarray(small, np.uint8).ravel())
    except DataError as error:
        return error
    except OSError as error:
        return DataError(f"{image} cannot be read ({error.strerror or error})")


def _same(seen: Sequence[_Seen]) -> Iterator[tuple[int, int]]:
    """Images of the same content: each with the first that has it."""
    first: dict[str, int] = {}
    for index, one in enumerate(seen):
        other = first.setdefault(one.sha256, index)
        if other != index:
            yield other, index


def _near(seen: Sequence[_Seen], parts: Sequence[str]) -> tuple[list[tuple[int, int]], int]:
    """Images in two parts whose small pictures differ by :data:`NEAR` at most, and whose contents differ: the first, and
    how many there are."""
    if len(set(parts)) < 2:
        return [], 0
    small = np.stack([one.small for one in seen]).astype(np.float32)
    _, content = np.unique([one.sha256 for one in seen], return_inverse=True)
    textured = small.std(axis=1) >= FLAT
    names = list(dict.fromkeys(parts))
    number = np.asarray([names.index(part) for part in parts])
    pairs: list[tuple[int, int]] = []
    count = 0
    for part in range(len(names) - 1):
        members = np.flatnonzero(textured & (number == part))
        others = np.flatnonzero(textured & (number > part))
        step = max(1, _COMPARED // max(len(others), 1))
        for start in range(0, len(members), step):
            rows = members[start : start + step]
            near = _distances(small[rows], small[others]) <= NEAR
            near &= content[rows][:, None] != content[others][None, :]
            found = np.argwhere(near)
            count += len(found)
            pairs += [(int(rows[a]), int(others[b])) for a, b in found[: MOST_PAIRS - len(pairs)].tolist()]
    return pairs, count


def _distances(some: Floats, others: Floats) -> npt.NDArray[np.float32]:
    """Root mean square difference of each of ``some`` to each of ``others``: (n, 256), (m, 256) -> (n, m)."""
    # As products of matrices, which is fast; around 128, so that little is lost in float32.
    a, b = some - 128, others - 128
    squares = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1)[None, :] - 2 * (a @ b.T)
    distances: npt.NDArray[np.float32] = np.sqrt(np.maximum(squares, 0) / some.shape[1])
    return distances
