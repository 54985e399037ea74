"""Labelled images: a folder of class folders, or the embedded ``digits``."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mobilecnn.contract import InputContract
from mobilecnn.errors import DataError
from mobilecnn.train.images import SUFFIXES, Pixels, to_pixels

DIGITS = "digits"
"""The embedded data set: scikit-learn's 1,797 handwritten digits, 8x8 grey, 10 classes."""

HELD_OUT = 0.2
"""Share of each class of ``digits`` that no training ever sees."""


@dataclass(frozen=True)
class Dataset:
    """Images with their classes; pictures are decoded when asked for.

    Attributes:
        name: what the user called it: a path, or ``digits``.
        classes: class names; a label is an index into it. Empty when unlabelled.
        images: paths, or 8-bit arrays of the embedded set.
        labels: int64, (n,); empty when unlabelled.
    """

    name: str
    classes: tuple[str, ...]
    images: Sequence[Path | Pixels]
    labels: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.images)

    @property
    def labelled(self) -> bool:
        """Whether every image has a class."""
        return len(self.classes) > 0

    def pixels(self, contract: InputContract) -> Iterator[Pixels]:
        """Each image in turn at the network's size, uint8 (height, width, channels).

        Raises:
            DataError: an image is damaged; the message names it.
        """
        return (to_pixels(image, contract) for image in self.images)

    def subset(self, indices: Sequence[int] | npt.NDArray[np.int64]) -> "Dataset":
        """The images at ``indices``, in that order."""
        labels = self.labels[np.asarray(indices, dtype=np.int64)] if self.labelled else self.labels
        return Dataset(self.name, self.classes, [self.images[int(index)] for index in indices], labels)

    def sample(self, count: int, seed: int = 0) -> "Dataset":
        """At most ``count`` images, the classes taking turns; the same for the same seed."""
        generator = random.Random(seed)  # noqa: S311 - a sample, not a secret
        by_class: dict[int, list[int]] = {}
        for index in range(len(self)):
            by_class.setdefault(int(self.labels[index]) if self.labelled else 0, []).append(index)
        for members in by_class.values():
            generator.shuffle(members)
        chosen: list[int] = []
        while len(chosen) < min(count, len(self)):
            for members in by_class.values():
                if members and len(chosen) < count:
                    chosen.append(members.pop())
        return self.subset(chosen)

    def split(self, share: float, seed: int = 0) -> tuple["Dataset", "Dataset"]:
        """Two parts with each class divided alike: (1 - share, share), the same for the same seed."""
        generator = random.Random(seed)  # noqa: S311 - a split, not a secret
        first: list[int] = []
        second: list[int] = []
        for label in range(len(self.classes)):
            members = [int(index) for index in np.flatnonzero(self.labels == label)]
            generator.shuffle(members)
            cut = round(len(members) * share)
            if len(members) > 1 and share > 0:
                cut = min(max(cut, 1), len(members) - 1)
            second += members[:cut]
            first += members[cut:]
        return self.subset(sorted(first)), self.subset(sorted(second))


def load(source: str, part: str = "all") -> Dataset:
    """The data set that ``source`` names: ``digits`` or a folder.

    Args:
        source: ``digits``, or a folder of class folders, or (unlabelled) a folder of images.
        part: of ``digits`` alone: ``train``, ``test`` (the held-out share) or ``all``.

    Raises:
        DataError: there is no such folder, or no image in it.
    """
    if source == DIGITS:
        training, held_out = _digits().split(HELD_OUT)
        return {"train": training, "test": held_out, "all": _digits()}[part]
    return _folder(Path(source))


def _digits() -> Dataset:
    # Imported here: scikit-learn takes a second, and a user's own folder needs none of it.
    from sklearn.datasets import load_digits

    bunch = load_digits()
    pictures = np.round(bunch.images * (255 / 16)).astype(np.uint8)
    return Dataset(DIGITS, tuple("0123456789"), list(pictures), bunch.target.astype(np.int64))


def _images_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())


def _folder(folder: Path) -> Dataset:
    if not folder.exists():
        raise DataError(
            f"no such folder: {folder}; give a folder of class folders with images, or {DIGITS!r}"
        )
    if not folder.is_dir():
        raise DataError(f"{folder} is a file; give a folder of class folders with images, or {DIGITS!r}")
    try:
        by_class = {
            entry.name: _images_in(entry)
            for entry in sorted(folder.iterdir())
            if entry.is_dir() and not entry.name.startswith(".")
        }
    except OSError as error:
        raise DataError(f"cannot read the folder {folder}: {error.strerror or error}") from error
    by_class = {name: images for name, images in by_class.items() if images}
    if by_class:
        images = [image for members in by_class.values() for image in members]
        labels = [label for label, members in enumerate(by_class.values()) for _ in members]
        return Dataset(str(folder), tuple(by_class), images, np.asarray(labels, np.int64))
    loose = _images_in(folder)
    if not loose:
        raise DataError(
            f"no images in {folder}; {', '.join(SUFFIXES)} files are looked for, in class folders or loose"
        )
    return Dataset(str(folder), (), loose, np.zeros(0, np.int64))


def labels_for(dataset: Dataset, model_labels: Sequence[str], classes: int) -> npt.NDArray[np.int64]:
    """The data set's labels as indices into a model's outputs, int64 (n,).

    Classes are matched by name when the model carries labels; otherwise the folders in
    sorted order are taken as the outputs in order, which needs equal numbers.

    Raises:
        DataError: unlabelled data, or classes that the model does not have.
    """
    if not dataset.labelled:
        raise DataError(f"{dataset.name} has loose images; accuracy needs one folder a class")
    if not model_labels:
        if len(dataset.classes) != classes:
            raise DataError(
                f"{dataset.name} has {len(dataset.classes)} classes and the model {classes} outputs, and the "
                "model carries no labels to match them by; export it with --labels"
            )
        return dataset.labels
    unknown = [name for name in dataset.classes if name not in model_labels]
    if unknown:
        raise DataError(
            f"the model has no class {unknown[0]!r} of {dataset.name}; it knows {', '.join(model_labels[:12])}"
            + (" ..." if len(model_labels) > 12 else "")
        )
    index = np.asarray([list(model_labels).index(name) for name in dataset.classes], np.int64)
    return index[dataset.labels]
