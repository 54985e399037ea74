"""A manifest: which images a data set consists of, with label, part and SHA-256, in one JSON file.

``mobilecnn data prepare`` writes it, and every command reads it: whoever has it has the same images in the same parts,
or an error.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from mobilecnn.errors import DataError, InputError
from mobilecnn.records import Stored
from mobilecnn.remarks import Remark, listed, of_names, plural
from mobilecnn.train.datasets import idx
from mobilecnn.train.datasets.dataset import PARTS, Dataset, Part
from mobilecnn.train.datasets.identity import digest, digests
from mobilecnn.train.datasets.rows import Row, dataset_of
from mobilecnn.train.images import Pixels

SUFFIX = ".json"

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Image:
    """An image of a data set.

    Attributes:
        path: its file, relative to the folder of the manifest.
        index: number of the image in a file that holds many, from 0; None of an image file.
        label: class name.
        split: ``train``, ``validation`` or ``test``.
        group: what else shows the same, such as a lesion; "" where nothing is said.
        sha256: SHA-256 of the file, or of the pixels of one of many, in hexadecimal.
    """

    path: str
    index: int | None
    label: str
    split: str
    group: str
    sha256: str

    def __post_init__(self) -> None:
        if self.split not in PARTS:
            raise ValueError(f"split {self.split!r} is none of {', '.join(PARTS)}")
        if not _SHA256.fullmatch(self.sha256):
            raise ValueError("sha256 is none")
        if not self.path or "\0" in self.path or Path(self.path).is_absolute():
            raise ValueError(f"path {self.path!r} is not relative to the manifest")

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.path if self.index is None else f"{self.path}, image {self.index}"


@dataclass(frozen=True)
class Manifest(Stored):
    """The images of a data set, and how they were divided.

    Attributes:
        source: the data set, as it was given.
        seed: seed of the division.
        shares: part -> share of each class that was asked for; only of parts that the source did not have.
        classes: class names in the order of the labels.
        images: the images.
    """

    SCHEMA: ClassVar[str] = "mobilecnn.data"
    NOUN: ClassVar[str] = "data manifest"

    source: str
    seed: int
    shares: dict[str, float]
    classes: tuple[str, ...]
    images: tuple[Image, ...]

    def __post_init__(self) -> None:
        if not self.images:
            raise ValueError("images is empty")
        if len(set(self.classes)) < len(self.classes):
            raise ValueError("classes has a name twice")
        if not all(name.strip() for name in self.classes):
            raise ValueError("classes has an empty name")
        known, seen = set(self.classes), set()
        for number, image in enumerate(self.images):
            if image.label not in known:
                raise ValueError(f"images[{number}].label is the unknown class {image.label!r}")
            # As written, ../x is another file than x, whatever a link in the way may mean.
            place = (os.path.normpath(image.path), image.index)
            if place in seen:
                raise ValueError(f"images[{number}] is there twice: {image.name}")
            seen.add(place)


def accepts(source: str) -> bool:
    """Whether ``source`` has the name of a manifest."""
    return source.lower().endswith(SUFFIX)


def parts(source: str) -> tuple[Part, ...]:
    """The parts that have an image.

    Raises:
        DataError: the file is no manifest.
    """
    there = {image.split for image in _read(source).images}
    return tuple(part for part in PARTS if part in there)


def read(source: str, part: Part = "all") -> Dataset:
    """The images of a part, each as it was when the manifest was made.

    Images of the other parts that are not are in the remarks: of those only what was written since the manifest is read.

    Raises:
        DataError: the file is no manifest, has no image of the part, or an image is missing or has changed since.
    """
    manifest = _read(source)
    dataset = _listed(manifest, source, part)
    wrong = []
    for index, made in digests(dataset.images):
        if made != dataset.sha256[index]:
            image = dataset.images[index]
            name = str(image) if isinstance(image, Path) else f"image {index}"
            gone = isinstance(image, Path) and not image.exists()
            what = "missing" if gone else "unreadable" if isinstance(made, DataError) else "changed"
            wrong.append(f"{name} ({what})")
    if wrong:
        raise DataError(
            f"{source}: {len(wrong):,} of {plural(len(dataset), 'image')} {'is' if len(wrong) == 1 else 'are'} not as when it "
            f"was made: {listed(wrong)}; put the old {'file' if len(wrong) == 1 else 'files'} back, or make a new manifest "
            "with mobilecnn data prepare"
        )
    return replace(dataset, remarks=(*dataset.remarks, *_elsewhere(manifest, source, part)))


def _elsewhere(manifest: Manifest, source: str, part: Part) -> Iterator[Remark]:
    """What is to be said of images of other parts that are missing or have changed since the manifest was made."""
    folder = _folder(source)
    made = Path(source).stat().st_mtime_ns
    others = [image for image in manifest.images if part not in (image.split, "all")]
    written = {path: _written(folder / path) for path in {image.path for image in others}}
    held: dict[str, Pixels] = {}
    wrong: dict[str, list[str]] = {}
    for image in others:
        changed = written[image.path]
        if changed is None:
            wrong.setdefault(image.split, []).append(f"{image.name} (missing)")
        elif changed >= made:
            try:
                if digest(_image(folder, image, held)) != image.sha256:
                    wrong.setdefault(image.split, []).append(f"{image.name} (changed)")
            except DataError:
                wrong.setdefault(image.split, []).append(f"{image.name} (unreadable)")
    for split, names in wrong.items():
        verb = "is" if len(names) == 1 else "are"
        text = f"{source}: {plural(len(names), 'image')} of its part {split} {verb} not as when it was made"
        yield of_names("other-part-changed", names, text)


def _written(path: Path) -> int | None:
    """When the system changed the file last, in ns since 1970: not what a copy takes over. None of a file that is missing."""
    try:
        return path.stat().st_ctime_ns
    except OSError:
        return None


def listed_in(source: str, part: Part = "all") -> Dataset:
    """The images of a part as the manifest lists them; the files are not looked at.

    Raises:
        DataError: the file is no manifest, or has no image of the part.
    """
    return _listed(_read(source), source, part)


def _listed(manifest: Manifest, source: str, part: Part) -> Dataset:
    folder = _folder(source)
    there = {image.split for image in manifest.images}
    chosen = [image for image in manifest.images if part in (image.split, "all")]
    held: dict[str, Pixels] = {}
    rows = [Row(_image(folder, image, held), image.label, image.group, image.split) for image in chosen]
    if not rows:
        counts = [
            f"{sum(image.split == one for image in manifest.images):,} {one}" for one in PARTS if one in there
        ]
        name = next(one for one in reversed(PARTS) if one in there)
        remedy = (
            "it is for evaluation alone"
            if part == "train"
            else f"name another part (--split {name}), or make another manifest with a share for it (mobilecnn data prepare)"
        )
        raise DataError(f"{source} has no image of the part {part}; it has {', '.join(counts)}; {remedy}")
    dataset = dataset_of(
        source, rows, part, manifest.classes, parts=tuple(one for one in PARTS if one in there)
    )
    return replace(dataset, sha256=tuple(image.sha256 for image in chosen))


def _folder(source: str) -> Path:
    """The folder that the paths of a manifest are relative to."""
    return Path(os.path.realpath(Path(source).parent))


def _image(folder: Path, image: Image, held: dict[str, Pixels]) -> Path | Pixels:
    path = folder / image.path
    if image.index is None:
        return path
    if image.path not in held:
        held[image.path] = idx.images_in(path)
    if image.index >= len(held[image.path]):
        raise DataError(
            f"{path} has no image {image.index}, and the manifest lists it; put the old file back"
        )
    pixels: Pixels = held[image.path][image.index]
    return pixels


def _read(source: str) -> Manifest:
    try:
        return Manifest.read(Path(source))
    except InputError as error:
        raise DataError(str(error)) from error
