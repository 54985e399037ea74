"""Accuracy of model files on labelled images, side by side, with intervals."""

import math
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from mobilecnn.quantize.inference import ClassifierAnswers, ask
from mobilecnn.quantize.proportions import mcnemar, wilson
from mobilecnn.records import members_of, record
from mobilecnn.train.datasets.dataset import Dataset, labels_for

SCHEMA = "mobilecnn.evaluation"
VERSION = 1
"""History. 1: the first."""

ALPHA = 0.05
"""A difference between two files counts when the exact McNemar test's p-value is below this."""


@dataclass(frozen=True)
class Accuracy:
    """Top-1 accuracy of one file.

    Attributes:
        path: the file.
        format: float32, float16, int8, dynamic; ``keras``; or ``tflite`` without a passport.
        nbytes: file size.
        sha256: of the file.
        images: how many were asked.
        correct: how many were right.
        low: lower end of the 95 % Wilson score interval of the accuracy.
        high: upper end.
        balanced: mean of the classes' recalls (what ISIC 2018 Task 3 scores by).
        recall: share of each class's images that were right, by class name.
        agreement: share of images with the same best class as the first file.
        lost: images that the first file had right and this one has wrong.
        gained: the opposite.
        verdict: ``better``, ``worse`` or ``undecided`` than the first file; ``-`` for itself.
        stated: False where the input contract was assumed.
    """

    path: Path
    format: str
    nbytes: int
    sha256: str
    images: int
    correct: int
    low: float
    high: float
    balanced: float
    recall: dict[str, float]
    agreement: float
    lost: int
    gained: int
    verdict: str
    stated: bool

    @property
    def accuracy(self) -> float:
        """Share of images that were right."""
        return self.correct / self.images

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "file": str(self.path),
            "format": self.format,
            "bytes": self.nbytes,
            "sha256": self.sha256,
            "images": self.images,
            "correct": self.correct,
            "accuracy": self.accuracy,
            "interval": [self.low, self.high],
            "balanced_accuracy": self.balanced,
            "recall": self.recall,
            "agreement_with_first": self.agreement,
            "lost_against_first": self.lost,
            "gained_against_first": self.gained,
            "verdict_against_first": self.verdict,
            "input_contract_stated": self.stated,
        }


@dataclass(frozen=True)
class Evaluation:
    """What ``mobilecnn evaluate`` found, as it is written to a file.

    Attributes:
        data: the data set, as it was given.
        runtime: that ran the .tflite files.
        results: of each file; all were asked the same images.
    """

    data: str
    runtime: str
    results: tuple[Accuracy, ...]

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "schema": SCHEMA,
            "version": VERSION,
            "data": self.data,
            "images": self.results[0].images,
            "runtime": self.runtime,
            "results": [one.to_json() for one in self.results],
        }

    @classmethod
    def from_json(cls, document: Any) -> Self:
        """Back from :meth:`to_json`.

        Raises:
            InputError: it is not an evaluation, of a version unknown here, or damaged.
        """
        _, members = members_of(document, "an evaluation", SCHEMA, VERSION, VERSION)
        stored = record(_StoredEvaluation, members)
        return cls(stored.data, stored.runtime, tuple(one.restored() for one in stored.results))


@dataclass(frozen=True)
class _Stored:
    """An :class:`Accuracy` as its JSON form names things."""

    file: str
    format: str
    bytes: int
    sha256: str
    images: int
    correct: int
    accuracy: float
    interval: tuple[float, ...]
    balanced_accuracy: float
    recall: dict[str, float]
    agreement_with_first: float
    lost_against_first: int
    gained_against_first: int
    verdict_against_first: str
    input_contract_stated: bool

    def __post_init__(self) -> None:
        if not 0 <= self.correct <= self.images or self.images == 0:
            raise ValueError("correct is not a number of the images")
        found = (self.correct / self.images, *wilson(self.correct, self.images))
        said = (self.accuracy, *self.interval)
        if len(said) != 3 or not all(
            math.isclose(a, b, abs_tol=1e-9) for a, b in zip(found, said, strict=True)
        ):
            raise ValueError("accuracy and interval are not those of the counts")

    def restored(self) -> Accuracy:
        low, high = self.interval
        return Accuracy(
            path=Path(self.file), format=self.format, nbytes=self.bytes, sha256=self.sha256, images=self.images,
            correct=self.correct, low=low, high=high, balanced=self.balanced_accuracy, recall=self.recall,
            agreement=self.agreement_with_first, lost=self.lost_against_first, gained=self.gained_against_first,
            verdict=self.verdict_against_first, stated=self.input_contract_stated,
        )  # fmt: skip


@dataclass(frozen=True)
class _StoredEvaluation:
    data: str
    images: int
    runtime: str
    results: tuple[_Stored, ...]

    def __post_init__(self) -> None:
        if not self.results or any(one.images != self.images for one in self.results):
            raise ValueError("the results are not all of the same images")


def evaluate(
    paths: Sequence[Path],
    dataset: Dataset,
    *,
    input_range: str | None = None,
    runtime: str = "litert",
    unsafe: bool = False,
    progress: Callable[[int, int, str], None] | None = None,
) -> tuple[Accuracy, ...]:
    """Accuracy of each file on all of ``dataset``, each compared with the first.

    Raises:
        ModelFileError, DataError, EnvironmentProblem: a file, an image or a runtime does not work.
    """
    results: list[Accuracy] = []
    first_right: npt.NDArray[np.bool_] | None = None
    first_best: npt.NDArray[np.int64] | None = None
    asked = ask(
        paths, dataset.pixels, len(dataset),
        input_range=input_range, runtime=runtime, unsafe=unsafe, progress=progress,
    )  # fmt: skip
    with closing(asked):
        for answers in asked:
            labels = labels_for(dataset, answers.classifier.labels, answers.classifier.classes)
            best = answers.scores.argmax(axis=1)
            right = best == labels
            if first_right is None or first_best is None:
                first_right, first_best = right, best
            results.append(
                _accuracy(answers, dataset, right, best, first_right, first_best, is_first=not results)
            )
    return tuple(results)


def _accuracy(
    answers: ClassifierAnswers,
    dataset: Dataset,
    right: npt.NDArray[np.bool_],
    best: npt.NDArray[np.int64],
    first_right: npt.NDArray[np.bool_],
    first_best: npt.NDArray[np.int64],
    *,
    is_first: bool,
) -> Accuracy:
    correct = int(right.sum())
    low, high = wilson(correct, len(right))
    lost, gained = int((first_right & ~right).sum()), int((~first_right & right).sum())
    decided = mcnemar(lost, gained) < ALPHA
    verdict = "-" if is_first else ("undecided" if not decided else "worse" if lost > gained else "better")
    recall = {
        name: float(right[dataset.labels == index].mean())
        for index, name in enumerate(dataset.classes)
        if (dataset.labels == index).any()
    }
    model = answers.classifier
    return Accuracy(
        path=model.path,
        format=model.format,
        nbytes=model.nbytes,
        sha256=model.sha256,
        images=len(right),
        correct=correct,
        low=low,
        high=high,
        balanced=float(np.mean(list(recall.values()))),
        recall=recall,
        agreement=float((best == first_best).mean()),
        lost=lost,
        gained=gained,
        verdict=verdict,
        stated=model.contract.stated,
    )
