"""Labelled images, whatever they were read from; subsets, samples and splits of them."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from mobilecnn.contract import InputContract
from mobilecnn.errors import DataError
from mobilecnn.train.images import Pixels, to_pixels

Part = Literal["train", "test", "all"]
"""Share of a data set: what training may see, what is held out from it, or both together."""


@dataclass(frozen=True)
class Dataset:
    """Images with their classes; an image file is decoded when its pixels are asked for.

    Attributes:
        name: source as the user gave it: a path, or ``digits``.
        classes: class names; a label is an index into them. Empty when unlabelled.
        images: paths, or uint8 arrays: (height, width) if grey, (height, width, 3) if RGB.
        labels: class of each image, int64, (n,); empty when unlabelled.
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
        """Decode the images one after the other, at the network's size: uint8, (height, width, channels).

        Raises:
            DataError: an image is damaged; the message names it.
        """
        return (to_pixels(image, contract) for image in self.images)

    def subset(self, indices: Sequence[int] | npt.NDArray[np.int64]) -> "Dataset":
        """The images at ``indices``, in that order."""
        labels = self.labels[np.asarray(indices, dtype=np.int64)] if self.labelled else self.labels
        return Dataset(self.name, self.classes, [self.images[int(index)] for index in indices], labels)

    def sample(self, count: int, seed: int = 0) -> "Dataset":
        """At most ``count`` images, drawn from the classes in turn; the same seed draws the same images."""
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
        """Divide each class in the same proportion: (1 - share, share). The same seed gives the same parts."""
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


def labels_for(dataset: Dataset, model_labels: Sequence[str], classes: int) -> npt.NDArray[np.int64]:
    """The data set's labels as indices into a model's outputs, int64, (n,).

    If the model carries labels, classes are matched by name. Otherwise the classes in sorted
    order are taken as the outputs in order, and there must be as many of each.

    Raises:
        DataError: the data set is unlabelled, or has classes that the model does not have.
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
