"""Two model files on the same labelled images: what the one has lost against the other, and on which images."""

import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from mobilecnn.errors import DataError, UsageError
from mobilecnn.quantize import accuracy, decisions, drops
from mobilecnn.quantize.asking import DEFAULT, Asking
from mobilecnn.quantize.drops import Drop
from mobilecnn.quantize.evaluation import Accuracy, Interval
from mobilecnn.quantize.inference import ClassifierAnswers
from mobilecnn.quantize.proportions import mcnemar, wilson
from mobilecnn.remarks import Remarked, no_remark
from mobilecnn.train.datasets import sheets
from mobilecnn.train.datasets.dataset import Dataset
from mobilecnn.train.images import Pixels, decode

LOST, GAINED, BOTH_WRONG = "lost", "gained", "both wrong"
"""What a flip is: the first file alone is right, the second alone, or neither."""

IN_A_ROW = 8
"""Number of pictures in a row of a sheet of flips."""


@dataclass(frozen=True)
class Flip:
    """An image that two files put in different classes.

    Attributes:
        index: its place in the data set, from 0.
        image: its path, or its place where it is no file.
        kind: :data:`LOST`, :data:`GAINED` or :data:`BOTH_WRONG`.
        right: its class.
        a: class that the first file puts it in; empty where the answer is not finite.
        b: class that the second file puts it in; empty where the answer is not finite.
        a_probability: probability of that, 0 to 1; None where the scores make none.
        b_probability: the same of the second file.
    """

    index: int
    image: str
    kind: str
    right: str
    a: str
    b: str
    a_probability: float | None
    b_probability: float | None


@dataclass(frozen=True)
class ClassChange:
    """One class in both files.

    Attributes:
        name: its name.
        images: number of its images.
        a: share of them that the first file has right, with its 95 % Wilson interval.
        b: the same of the second file.
        lost: number that only the first has right.
        gained: number that only the second has right.
        p: two-sided p-value of the exact McNemar test on them.
    """

    name: str
    images: int
    a: Interval
    b: Interval
    lost: int
    gained: int
    p: float


@dataclass(frozen=True)
class Comparison:
    """Two files on the same images.

    Attributes:
        data: the data set.
        images: number of images.
        a: accuracy of the first file.
        b: accuracy of the second file.
        drop: what the second has lost.
        classes: each class with images.
        flips: images that they put in different classes, the lost ones first.
    """

    data: str
    images: int
    a: Accuracy
    b: Accuracy
    drop: Drop
    classes: tuple[ClassChange, ...]
    flips: tuple[Flip, ...]

    def to_json(self) -> dict[str, Any]:
        """The comparison as a JSON object."""
        return asdict(self)


def compare(
    a: Path,
    b: Path,
    dataset: Dataset,
    how: Asking = DEFAULT,
    *,
    progress: Callable[[int, int, str], None] | None = None,
    remarked: Remarked = no_remark,
) -> Comparison:
    """What two files answer on all of ``dataset``.

    Raises:
        UsageError: they are one file.
        ModelFileError, DataError, EnvironmentProblem: a file, an image or a runtime does not work.
    """
    if os.path.realpath(a) == os.path.realpath(b):  # Of links in a circle too.
        raise UsageError(f"{a} and {b} are one file; name two to compare them")
    given: list[ClassifierAnswers] = []
    first, second = accuracy.evaluate(
        (a, b), dataset, how, progress=progress, remarked=remarked, answered=given.append
    )
    named, sure, right = zip(*(_answers(answers, dataset) for answers in given), strict=True)
    return Comparison(
        data=dataset.name,
        images=len(dataset),
        a=first,
        b=second,
        drop=drops.of(second),
        classes=_classes(dataset, right),
        flips=_flips(dataset, named, sure, right),
    )


Names = npt.NDArray[np.str_]
Right = npt.NDArray[np.bool_]


def _answers(answers: ClassifierAnswers, dataset: Dataset) -> tuple[Names, list[float | None], Right]:
    """The class of each image by name, its probability, and whether it is right."""
    kind = answers.classifier.kind
    labels, names = accuracy.classes_of(answers.classifier, dataset)
    best = decisions.best(kind, answers.scores)
    chances = decisions.probabilities(kind, answers.scores)
    sure: list[float | None] = [
        None if chances is None or index < 0 else float(chances[row, index])
        for row, index in enumerate(best.tolist())
    ]
    return np.asarray([*names, ""])[best], sure, best == labels


def _classes(dataset: Dataset, right: Sequence[Right]) -> tuple[ClassChange, ...]:
    rows = []
    for label, name in enumerate(dataset.classes):
        members = dataset.labels == label
        images = int(members.sum())
        if not images:
            continue
        first, second = (each[members] for each in right)
        lost, gained = int((first & ~second).sum()), int((~first & second).sum())
        a, b = (_share(int(each.sum()), images) for each in (first, second))
        rows.append(ClassChange(name, images, a, b, lost, gained, mcnemar(lost, gained)))
    return tuple(rows)


def _share(count: int, total: int) -> Interval:
    return Interval(count / total, *wilson(count, total))


def _flips(
    dataset: Dataset, named: Sequence[Names], sure: Sequence[list[float | None]], right: Sequence[Right]
) -> tuple[Flip, ...]:
    (a, b), (a_right, b_right) = named, right
    found = []
    for index in np.flatnonzero(a != b).tolist():
        image = dataset.images[index]
        kind = LOST if a_right[index] else GAINED if b_right[index] else BOTH_WRONG
        found.append(
            Flip(
                index=index,
                image=str(image) if isinstance(image, Path) else f"image {index}",
                kind=kind,
                right=dataset.classes[int(dataset.labels[index])],
                a=str(a[index]),
                b=str(b[index]),
                a_probability=sure[0][index],
                b_probability=sure[1][index],
            )
        )
    order = (LOST, GAINED, BOTH_WRONG)
    # The surest of the second file's answers first: they are the ones that nobody would doubt.
    return tuple(
        sorted(found, key=lambda flip: (order.index(flip.kind), -(flip.b_probability or 0), flip.index))
    )


def sheet(comparison: Comparison, dataset: Dataset) -> Image.Image:
    """Pictures of the flips: a row for each change of class, the lost ones first, with both classes before it."""
    rows: dict[str, list[Image.Image | Pixels]] = {}
    for flip in comparison.flips:
        row = rows.setdefault(f"{flip.kind}: {flip.a} > {flip.b}", [])
        if len(row) == IN_A_ROW:
            continue
        image = dataset.images[flip.index]
        try:
            row.append(decode(image).image if isinstance(image, Path) else image)
        except DataError:
            continue  # It was read a moment ago.
    return sheets.sheet(list(rows.items()))
