"""Data sets in folders: a folder of images for each class, or a single folder of unlabelled images.

The root may be divided into parts: folders called ``train``, ``val`` and ``test``, or alike, that each are such a
folder, and it may lie alone in another folder. Training and calibration then take ``train``, training validates on ``val``, and evaluation takes ``test``.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mobilecnn.errors import DataError
from mobilecnn.labels import normal
from mobilecnn.remarks import Remark, counted, listed, of_names, plural
from mobilecnn.train.datasets.dataset import PARTS, Dataset, Part
from mobilecnn.train.datasets.listing import PassedOver, images_below, level, shared
from mobilecnn.train.datasets.splits import part_of, parts, refuse_divided
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
        DataError: the folder cannot be read, has no image, or not this part; or its names can be read in two ways.
    """
    folder = Path(source)
    found = _opened(folder)
    if not found.by_part:
        return found.dataset()
    if part not in found.by_part:
        _refuse_empty(found, part)
        wanted = "no particular part" if part == "all" else f"the {part} part"
        names, paths = zip(*((path.name, str(path)) for path in found.by_part.values()), strict=True)
        raise DataError(
            f"{found.folders.root} is divided into {listed(names)}, and {wanted} is wanted; give the folder to use: "
            f"{listed(paths, ' or ')}"
        )
    return found.part(part)


def _refuse_empty(found: "_Found", part: str) -> None:
    """Refuse a folder of the part that has no image: no other one stands in for it."""
    for name in found.folders.empty:
        if part_of(name) == part:
            folder = found.folders.root / name
            raise DataError(f"{folder} has no images, and the {part} part is wanted; put some into it")


def refuse_empty_parts(source: str) -> None:
    """Refuse folders that are called after a part and have no image, before parts of that name are made of others.

    Raises:
        DataError: there is one, or the folder cannot be read.
    """
    found = _opened(Path(source))
    for name in found.folders.empty if found.by_part else ():
        if (part := part_of(name)) in PARTS:
            folder = found.folders.root / name
            raise DataError(
                f"{folder} has no images; put some into it, or remove it, and images to train on are set aside as the {part} part"
            )


def parts_of(source: str) -> tuple[Part, ...]:
    """The parts that a folder is divided into; none where its folders are classes.

    Raises:
        DataError: the folder cannot be read, or its names can be read in two ways.
    """
    there = _opened(Path(source)).by_part
    return tuple(part for part in PARTS if part in there)


_CLASS_FOLDERS = "the class folders"

WRAPPERS = 3
"""Number of folders around a data set, each alone in the one before, that are gone through."""


@dataclass(frozen=True)
class _Found:
    """A data set in folders.

    Attributes:
        folders: the class folders, or the folders of its parts.
        by_part: part -> its folder; empty where the folders are classes.
        outside: what is said of the folders around it.
    """

    folders: "_Folders"
    by_part: Mapping[str, Path]
    outside: tuple[Remark, ...] = ()

    def dataset(self) -> Dataset:
        """The images of the class folders.

        Raises:
            DataError: see :meth:`_Folders.dataset`.
        """
        dataset = self.folders.dataset()
        return replace(dataset, remarks=(*self.outside, *dataset.remarks))

    def part(self, part: str) -> Dataset:
        """The images of a part that there is.

        Raises:
            DataError: it is divided into parts itself, or holds no images of classes.
        """
        path = self.by_part[part]
        inside = _opened(path)
        if inside.by_part and set(inside.by_part) != {part}:
            raise DataError(
                f"{path} is a part, and divided into {listed([path.name for path in inside.by_part.values()])} itself; give "
                f"the folder to use: {listed([str(path) for path in inside.by_part.values()], ' or ')}"
            )
        (sole,) = inside.folders.images if len(inside.folders.images) == 1 else (None,)
        if inside.by_part:
            dataset = inside.part(part)
        elif sole is not None and (part_of(sole) == part or sole == path.name):
            dataset = _Folders(inside.folders.root / sole).dataset()
        else:
            dataset = inside.dataset()
        names = listed([path.name for path in self.by_part.values()])
        text = f"{self.folders.root} is divided into {names}: of it {path} is read"
        said = Remark("part", len(dataset), text)
        return replace(
            dataset, remarks=(*self.outside, said, *self.folders.beside("the parts"), *dataset.remarks)
        )


def _opened(folder: Path, wrappers: int = WRAPPERS) -> _Found:
    """What is in ``folder``, or in the one folder in it.

    That is gone into where it is divided into parts, or has class folders and the name of the one around it, as
    archives are unpacked.

    Raises:
        DataError: a folder cannot be read, or its names can be read in two ways.
    """
    folders = _Folders(folder)
    by_part = parts(folder, folders.images)
    if by_part:
        return _Found(folders, by_part)
    if wrappers and len(folders.images) == 1:
        around = folder / next(iter(folders.images))
        inner = _opened(around, wrappers - 1)
        doubled = around.name == folder.absolute().name and not folders.loose
        if inner.by_part or (doubled and inner.folders.images and not inner.folders.loose):
            said = Remark(
                "wrapper", 1, f"{folder} holds one folder with images: {inner.folders.root} is read"
            )
            return replace(inner, outside=(said, *folders.beside("that folder"), *inner.outside))
    refuse_divided(folder, folders.images)
    return _Found(folders, {})


class _Folders:
    """The folders in a root with the images below each, and what is no image.

    Attributes:
        root: the root.
        images: name of each folder in it that holds images, as it is stored -> those images, on any level.
        loose: images directly in it.
        empty: name of each folder in it that holds no image -> what was passed over there.
    """

    def __init__(self, root: Path) -> None:
        """List them.

        Raises:
            DataError: the root cannot be read.
        """
        self.root = root
        self.images: dict[str, list[Path]] = {}
        self._passed, self._level = PassedOver(), PassedOver()
        self.empty: dict[str, PassedOver] = {}
        try:
            self.loose, folders = level(root, self._level)
        except OSError as error:
            raise DataError(f"cannot read the folder {root}: {error.strerror or error}") from error
        self._passed.add(self._level)
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
                self.empty[folder.name] = passed
            self._passed.add(passed)

    def dataset(self) -> Dataset:
        """The images, each folder a class; without folders, unlabelled.

        Raises:
            DataError: there is no image, or two classes have one name or the same files.
        """
        if not self.images and not self.loose:
            held = "".join(f"; {remark.text}" for remark in self._passed.remarks())
            raise DataError(
                f"no images in {self.root}; put {', '.join(SUFFIXES)} files into it, in class folders or loose{held}"
            )
        if not self.images:
            remarks = self._of_root(self._remarks())
            return Dataset(str(self.root), (), self.loose, np.zeros(0, np.int64), remarks)
        self._refuse_shared()
        remarks = self._of_root(self._remarks())
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

    def beside(self, them: str) -> tuple[Remark, ...]:
        """What lies in the root beside ``them``, the parts or the one folder that is read, and is not used."""
        return self._of_root([*self._beside(them), *self._level.remarks()])

    def _of_root(self, remarks: Iterable[Remark]) -> tuple[Remark, ...]:
        return tuple(replace(remark, text=f"{self.root}: {remark.text}") for remark in remarks)

    def _beside(self, them: str) -> Iterator[Remark]:
        """Folders without images, and loose ones."""
        if self.empty:
            names = [
                name + (f" ({listed(counted(passed.others))})" if passed.others else "")
                for name, passed in self.empty.items()
            ]
            text = f"{plural(len(names), 'folder')} without images beside {them}"
            yield of_names("empty-class" if them == _CLASS_FOLDERS else "empty-part", names, text)
        if self.loose:
            names = [path.name for path in self.loose]
            yield of_names("beside", names, f"{plural(len(names), 'image')} beside {them}, not used")

    def _refuse_shared(self) -> None:
        twice = shared(self.images)
        if not twice:
            return
        pairs = sorted({(str(one.parent), str(other.parent)) for one, other in twice})
        names = listed([f"{one} and {other}" for one, other in pairs], "; ")
        raise DataError(
            f"{plural(len(twice), 'image file')} of {self.root} {'is' if len(twice) == 1 else 'are'} in two classes, by a "
            f"link: the same is in {names}; take the link away, so that each has one class"
        )

    def _remarks(self) -> list[Remark]:
        remarks = list(self._beside(_CLASS_FOLDERS)) if self.images else []
        ambiguous = [name for name in self.images if part_of(name) is not None]
        if ambiguous and len(self.images) > 1:
            name = ambiguous[0]
            text = f"{name} is taken as a class like the others; if it is the part to train on, give {self.root / name}"
            remarks.append(Remark("class-or-part", 1, text, (name,)))
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
            remarks.append(of_names("nested", deeper, text))
        return remarks + self._passed.remarks()
