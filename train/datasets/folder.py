"""Data sets in folders: a folder of images for each class, or a single folder of unlabelled images.

The root may be divided into parts: folders called ``train``, ``val`` and ``test``, or alike, that each are such a
folder. Training and calibration then take ``train``, training validates on ``val``, and evaluation takes ``test``.
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from mobilecnn.errors import DataError
from mobilecnn.labels import normal
from mobilecnn.remarks import Remark, counted, listed, plural
from mobilecnn.train.datasets.dataset import Dataset, Part
from mobilecnn.train.datasets.listing import PassedOver, images_below, level
from mobilecnn.train.datasets.splits import parts
from mobilecnn.train.images import SUFFIXES


def accepts(source: str) -> bool:
    """Whether ``source`` is a folder."""
    return os.path.isdir(source)  # noqa: PTH112 - Path.is_dir raises on a name that is too long


def read(source: str, part: Part = "all") -> Dataset:
    """The images below ``source``, labelled by the names of its class folders.

    Hidden and system folders and folders without images are not classes. Where there is no class folder,
    the images are unlabelled. ``remarks`` of the result say what was passed over.

    Args:
        source: the folder.
        part: which part to read of a folder that is divided into parts; of another all is read.

    Raises:
        DataError: the folder cannot be read, has no image, or not this part.
    """
    folder = Path(source)
    inside = _Folders(folder)
    by_part = parts(folder, inside.images)
    if not by_part:
        return inside.dataset()
    if part not in by_part:
        wanted = "no particular part" if part == "all" else f"the {part} part"
        raise DataError(
            f"{folder} is divided into {listed([path.name for path in by_part.values()])}, and {wanted} is wanted; give "
            f"the folder to use: {listed([str(path) for path in by_part.values()], ' or ')}"
        )
    return _part(folder, by_part, part)


def read_validation(source: str) -> Dataset | None:
    """The validation part of a folder that is divided into parts; None where it has none.

    Raises:
        DataError: it cannot be read, or has no image.
    """
    folder = Path(source)
    by_part = parts(folder, _Folders(folder).images)
    return _part(folder, by_part, "validation") if "validation" in by_part else None


def _part(folder: Path, by_part: Mapping[str, Path], part: str) -> Dataset:
    dataset = _Folders(by_part[part]).dataset()
    names = listed([path.name for path in by_part.values()])
    said = Remark("part", len(dataset), f"{folder} is divided into {names}: of it {by_part[part]} is read")
    return replace(dataset, remarks=(said, *dataset.remarks))


class _Folders:
    """The folders in a root with the images below each, and what is no image.

    Attributes:
        root: the root.
        images: name of each folder in it that holds images, as it is stored -> those images, on any level.
    """

    def __init__(self, root: Path) -> None:
        """List them.

        Raises:
            DataError: the root cannot be read.
        """
        self.root = root
        self.images: dict[str, list[Path]] = {}
        self._passed = PassedOver()
        self._empty: dict[str, PassedOver] = {}
        try:
            self._beside, folders = level(root, self._passed)
        except OSError as error:
            raise DataError(f"cannot read the folder {root}: {error.strerror or error}") from error
        for folder in folders:
            passed = PassedOver()
            try:
                images = images_below(folder, passed)
            except OSError:
                images = []
                passed.closed.append(str(folder))
            if images:
                self.images[folder.name] = images
            else:
                self._empty[folder.name] = passed
            self._passed.add(passed)

    def dataset(self) -> Dataset:
        """The images, each folder a class; without folders, unlabelled.

        Raises:
            DataError: there is no image, or two classes have one name.
        """
        if not self.images and not self._beside:
            held = "".join(f"; {remark.text}" for remark in self._passed.remarks())
            raise DataError(
                f"no images in {self.root}; put {', '.join(SUFFIXES)} files into it, in class folders or loose{held}"
            )
        remarks = tuple(replace(remark, text=f"{self.root}: {remark.text}") for remark in self._remarks())
        if not self.images:
            return Dataset(str(self.root), (), self._beside, np.zeros(0, np.int64), remarks)
        images = [image for members in self.images.values() for image in members]
        labels = [label for label, members in enumerate(self.images.values()) for _ in members]
        return Dataset(str(self.root), self._classes(), images, np.asarray(labels, np.int64), remarks)

    def _classes(self) -> tuple[str, ...]:
        """The class names, in the order of the folders' names as they are stored."""
        stored: dict[str, str] = {}
        for name in self.images:
            if any("\ud800" <= letter <= "\udfff" for letter in name):
                raise DataError(
                    f"the name of the class folder {name!r} in {self.root} is not UTF-8; rename it"
                )
            if (label := normal(name)) in stored:
                raise DataError(
                    f"{self.root} has two class folders of one name, {stored[label]!r} and {name!r}, which differ in "
                    "spaces or in the form of their letters only; put their images into one"
                )
            stored[label] = name
        return tuple(stored)

    def _remarks(self) -> list[Remark]:
        remarks = []
        if self._empty and self.images:
            names = [
                name + (f" ({counted(passed.others)})" if passed.others else "")
                for name, passed in self._empty.items()
            ]
            count = len(names)
            text = f"{plural(count, 'folder')} without images, which {'is no class' if count == 1 else 'are no classes'}"
            remarks.append(Remark("empty-class", count, f"{text}: {listed(names)}"))
        if self._beside and self.images:
            count = len(self._beside)
            text = f"{plural(count, 'image')} beside the class folders, of no class and not used"
            remarks.append(Remark("beside", count, f"{text}: {listed([path.name for path in self._beside])}"))
        deeper = sorted(
            {
                str(path.parent.relative_to(self.root))
                for name, members in self.images.items()
                for path in members
                if path.parent != self.root / name
            }
        )
        if deeper:
            text = f"images in {plural(len(deeper), 'subfolder')} of class folders, taken as of that class"
            remarks.append(Remark("nested", len(deeper), f"{text}: {listed(deeper)}"))
        return remarks + self._passed.remarks()
