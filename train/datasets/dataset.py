"""Labelled images, whatever they were read from; subsets, samples and splits of them."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from mobilecnn.contract import InputContract
from mobilecnn.errors import DataError
from mobilecnn.labels import normal
from mobilecnn.remarks import Remark, Remarked, listed, no_remark, of_names, plural
from mobilecnn.steps import Progress, no_progress
from mobilecnn.train.datasets.division import divide
from mobilecnn.train.datasets.reading import Noticed, decoded, refusal, unreadable
from mobilecnn.train.images import Pixels

Part = Literal["train", "validation", "test", "all"]
"""Share of a data set: what is trained on, what is validated on meanwhile, what is held out from both, or all together."""

PARTS: tuple[Part, ...] = ("train", "validation", "test")
"""Parts that a data set may be divided into."""


@dataclass(frozen=True)
class Dataset:
    """Images with their classes; an image file is decoded when its pixels are asked for.

    Attributes:
        name: source as the user gave it: a path, or ``digits``.
        classes: class names; a label is an index into them. Empty when unlabelled.
        images: paths, or uint8 arrays: (height, width) if grey, (height, width, 3) if RGB.
        labels: class of each image, int64, (n,); empty when unlabelled.
        remarks: what was passed over when it was read.
        groups: name of what each image shows, such as a lesion: images of one group belong into one part, and one of the
            group "" stands for itself. Empty where all do.
        sha256: SHA-256 of each image, where a manifest says it; else empty.
    """

    name: str
    classes: tuple[str, ...]
    images: Sequence[Path | Pixels]
    labels: npt.NDArray[np.int64]
    remarks: tuple[Remark, ...] = ()
    groups: tuple[str, ...] = ()
    sha256: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.images)

    @property
    def labelled(self) -> bool:
        """Whether every image has a class."""
        return len(self.classes) > 0

    def pixels(self, contract: InputContract, remarked: Remarked = no_remark) -> Iterator[Pixels]:
        """The images in order, decoded at the network's size, several at a time: uint8, (height, width, channels).

        Args:
            contract: the network's input.
            remarked: told at the end of files of which only the first frame was used, or whose values seem too small.

        Raises:
            DataError: an image cannot be read; the message lists all that cannot.
        """
        noticed = Noticed()
        for index, (image, result) in enumerate(decoded(self.images, contract)):
            if isinstance(result, DataError):
                rest = unreadable(self.images[index + 1 :])
                raise refusal([result, *rest.values()], len(self)) from result
            pixels, opened = result
            if isinstance(image, Path) and opened is not None:
                noticed(image, opened)
            yield pixels
        for remark in noticed.remarks(self.name):
            remarked(remark)

    def readable(self, remarked: Remarked = no_remark, progress: Progress = no_progress) -> "Dataset":
        """The images that can be read; the others are told to ``remarked``. Classes without an image are left out.

        Args:
            remarked: told of what is left out.
            progress: called after each image that was tried.

        Raises:
            DataError: no image is left.
        """
        bad = unreadable(self.images, progress)
        if not bad:
            return self
        reasons = [str(error) for error in bad.values()]
        kept = [index for index in range(len(self)) if index not in bad]
        if not kept:
            raise DataError(
                f"none of the {plural(len(self), 'image')} of {self.name} can be read: {'; '.join(reasons)}"
            )
        text = f"{self.name}: {plural(len(bad), 'image')} left out"
        remarked(of_names("unreadable", reasons, text, most=None))
        left = self.subset(kept)
        # Not those that had no image before: a small sample is not of every class.
        gone = set(self.labels.tolist()) - set(left.labels.tolist())
        if not gone:
            return left
        names = [self.classes[label] for label in sorted(gone)]
        text = f"{self.name}: {plural(len(gone), 'class', 'classes')} left without an image"
        remarked(of_names("empty-class", names, text))
        labels = [label for label in range(len(self.classes)) if label not in gone]
        classes = tuple(self.classes[label] for label in labels)
        return replace(left, classes=classes, labels=np.searchsorted(labels, left.labels))

    def subset(self, indices: Sequence[int] | npt.NDArray[np.int64]) -> "Dataset":
        """The images at ``indices``, in that order."""
        chosen = [int(index) for index in indices]
        return replace(
            self,
            images=[self.images[index] for index in chosen],
            labels=self.labels[np.asarray(chosen, dtype=np.int64)] if self.labelled else self.labels,
            groups=tuple(self.groups[index] for index in chosen) if self.groups else (),
            sha256=tuple(self.sha256[index] for index in chosen) if self.sha256 else (),
        )

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
        """Divide each class in the same proportion: (1 - share, share), no group in both; the same seed, the same parts.

        Images without classes are divided like one class.
        """
        labels = self.labels if self.labelled else np.zeros(len(self), np.int64)
        first, second = divide(labels, self.groups, (share,), seed)
        return self.subset(first), self.subset(second)


GIVE_LABELS = "export the model with --labels"
"""How a model gets labels, for messages of commands that have no such option themselves."""


def labels_for(
    dataset: Dataset, model_labels: Sequence[str], classes: int, give_labels: str = GIVE_LABELS
) -> npt.NDArray[np.int64]:
    """The data set's labels as indices into a model's outputs, int64, (n,).

    If the model carries labels, classes are matched by name, in the form of
    :func:`mobilecnn.labels.normal`. Otherwise the classes in sorted
    order are taken as the outputs in order, and there must be as many of each. ``give_labels`` is how the model gets labels, for
    messages: a clause that ends with the option's name.

    Raises:
        DataError: the data set is unlabelled, or has a class that the model has not, or twice.
    """
    if not dataset.labelled:
        raise DataError(f"{dataset.name} has loose images; accuracy needs one folder a class")
    if not model_labels:
        counts = f"{dataset.name} has {plural(len(dataset.classes), 'class', 'classes')} and the model {plural(classes, 'output')}"
        if len(dataset.classes) > classes:
            raise DataError(
                f"{counts}; give data of the classes that the model tells apart, and of no others"
            )
        if len(dataset.classes) != classes:
            raise DataError(
                f"{counts}, and the model carries no labels to match them by; {give_labels}, a name a line in the order of its outputs"
            )
        _refuse_two_orders(dataset, give_labels)
        return dataset.labels
    outputs: dict[str, list[int]] = {}
    for output, label in enumerate(model_labels):
        outputs.setdefault(normal(label), []).append(output)
    unknown = [repr(name) for name in dataset.classes if normal(name) not in outputs]
    if unknown:
        raise DataError(
            f"the model has no class {', '.join(unknown)} of {dataset.name}; it knows {listed(list(model_labels))}"
        )
    for name in dataset.classes:
        places = outputs[normal(name)]
        if len(places) > 1:
            raise DataError(
                f"{dataset.name} has the class {name!r}, and so the model calls {len(places)} of its outputs "
                f"({listed([str(place) for place in places])}); {give_labels} that tell them apart"
            )
    index = np.asarray([outputs[normal(name)][0] for name in dataset.classes], np.int64)
    return index[dataset.labels]


def _refuse_two_orders(dataset: Dataset, give_labels: str) -> None:
    """Refuse classes that are numbers of which 10 comes before 2, where their order alone says which output is which.

    Raises:
        DataError: the classes are such numbers.
    """
    names = dataset.classes
    if all(name.isdecimal() for name in names) and list(names) != sorted(names, key=int):
        raise DataError(
            f"the classes of {dataset.name} are numbers ({listed(list(names))}), and the model carries no labels: sorted as "
            "text, as some tools that train do, 10 comes before 2, and sorted as numbers it does not; "
            f"{give_labels}, a name a line in the order of its outputs, or give the folders leading zeros (02, 10) in that order"
        )


def refuse_unknown(held: Dataset, part: str, trained: Dataset, source: str) -> None:
    """Refuse images of classes that have none to train on, as rows of a file may have: no model can learn their names.

    Args:
        held: a part of a data set, of the same classes.
        part: what the part is called.
        trained: the part to train on.
        source: what messages call the data set.

    Raises:
        DataError: there are some.
    """
    known = set(trained.labels.tolist())
    unknown = [held.classes[label] for label in sorted(set(held.labels.tolist()) - known)]
    if unknown:
        raise DataError(
            f"the {part} part of {source} has images of {plural(len(unknown), 'class', 'classes')} that no image to train on has: "
            f"{listed(unknown)}; leave them out, or move some of them to the train part"
        )
