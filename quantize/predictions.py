"""Answers for all images of a data set, written to a CSV file as they come: the set is never in memory."""

import csv
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

from mobilecnn.contract import InputContract
from mobilecnn.errors import DataError
from mobilecnn.files import atomic
from mobilecnn.locks import locked
from mobilecnn.quantize import decisions
from mobilecnn.quantize.asking import Asking
from mobilecnn.quantize.classifiers import Classifier
from mobilecnn.quantize.decisions import Scores
from mobilecnn.quantize.evaluation import Speed
from mobilecnn.quantize.inference import cores, opened
from mobilecnn.remarks import Remarked, no_remark, of_names, plural
from mobilecnn.replacing import check_table
from mobilecnn.steps import Progress, no_progress
from mobilecnn.stretches import Stretches, joined, merged
from mobilecnn.train.datasets.dataset import Dataset
from mobilecnn.train.datasets.reading import Decoded, Noticed, decoded, refusal, unreadable
from mobilecnn.train.images import Pixels

FIRST = ("image", "right", "answer", "class", "score", "probability")
"""First columns of the table, by which an earlier one is known that may be replaced."""

RANKED = 5
"""Number of best classes that a row names."""

MOST_BYTES = 32 << 20
"""Number of bytes of the pixels that are in memory at a time, where one image has not more."""

MOST_IMAGES = 256
"""Largest number of images that are asked about at a time."""


@dataclass(frozen=True)
class Asked:
    """An image that a model was asked about.

    Attributes:
        name: path of the image, relative to the data set where it is in it; the number of one of many in a file.
        right: name of its class; empty where it is not known.
    """

    name: str
    right: str


@dataclass(frozen=True)
class Form:
    """A form of the table.

    Attributes:
        columns: names of the columns.
        row: makes a row of an image, its scores, float32 (outputs,), and the name of the answer, empty without one.
    """

    columns: tuple[str, ...]
    row: Callable[[Asked, Scores, str], list[str]]


Formed = Callable[[Classifier, Dataset], Form]
"""Makes the form of the table for a model and a data set, or refuses them."""


@dataclass(frozen=True)
class Predicted:
    """What a table holds.

    Attributes:
        model: the model file.
        data: the data set.
        output: the table.
        images: number of its rows.
        not_finite: number of images with a score that is NaN or infinite, which have no answer.
        answers: answer -> number of images, the most frequent first.
        output_kind: what the scores are.
        speed: how long it took.
    """

    model: str
    data: str
    output: str
    images: int
    not_finite: int
    answers: dict[str, int]
    output_kind: str
    speed: Speed


def ranking(all_scores: bool) -> Formed:
    """The form of ``mobilecnn predict``: the best classes of each image; with ``all_scores`` also each class's own column.

    A cell of a class holds a probability where the kind of the output makes some, else the score.
    """

    def formed(model: Classifier, dataset: Dataset) -> Form:
        names = class_names(model)
        more = min(RANKED, len(names))
        word = "score" if model.kind.link is None else "probability"
        columns = [*FIRST]
        for place in range(2, more + 1):
            columns += [f"answer {place}", f"{word} {place}"]
        columns += [f"{word} of {name}" for name in names] if all_scores else []

        def row(image: Asked, scores: Scores, answer: str) -> list[str]:
            if not answer:
                return [image.name, image.right, *[""] * (len(columns) - 2)]
            best = decisions.ranked(model.kind, scores, more)
            first = best[0]
            cells = [answer, str(first.index), number(first.score), number(first.probability)]
            for other in best[1:more]:
                shown = other.score if model.kind.link is None else other.probability
                cells += [names[other.index], number(shown)]
            if all_scores:
                whole = {entry.index: entry for entry in decisions.ranked(model.kind, scores, len(names))}
                every = [whole[index] for index in range(len(names))]
                cells += [number(e.score if e.probability is None else e.probability) for e in every]
            return [image.name, image.right, *cells]

        return Form(tuple(columns), row)

    return formed


def number(value: float | None) -> str:
    """A score or a probability as text that is always that of a float; empty for None."""
    return "" if value is None else repr(round(float(value), 9))


def class_names(model: Classifier) -> tuple[str, ...]:
    """The names of a model's classes, or their numbers."""
    return model.labels or tuple(str(index) for index in range(model.kind.answers(model.classes)))


def write(
    model: Path,
    dataset: Dataset,
    output: Path,
    formed: Formed,
    how: Asking,
    *,
    replaces: Sequence[str] = (),
    skip_bad: bool = False,
    progress: Progress = no_progress,
    remarked: Remarked = no_remark,
    accepted: Callable[[Classifier], None] = lambda model: None,
) -> Predicted:
    """Ask a model about each image, and write the answers to ``output``, all or none.

    Args:
        model: a .tflite or Keras file, or the folder of a SavedModel.
        dataset: the images.
        output: a CSV file; an earlier one of the same form is replaced, if the form allows that.
        formed: makes the form of the table.
        how: how the model is asked.
        replaces: first columns of the tables that may be replaced; none may where it is empty.
        skip_bad: whether to leave out images that cannot be read.
        progress: called with (images asked, number of images, name of the model).
        remarked: told of images that were left out, and of files of which only the first frame was used.
        accepted: called with the model before an image is decoded.

    Raises:
        UsageError: ``output`` has another ending than ``.csv``; or see :func:`mobilecnn.quantize.inference.ask`.
        DataError: images cannot be read; the message lists all that cannot.
        ModelFileError, EnvironmentProblem: the model cannot be read or run.
        OutputError: there is another file at ``output``, or none can be written.
    """
    check_table(output, replaces)  # Before the work, not after.
    with locked(output), opened(model, how) as held:
        form = formed(held.classifier, dataset)
        accepted(held.classifier)
        classes = class_names(held.classifier)
        counts: Counter[str] = Counter()
        without, took = 0, list[Mapping[str, Any]]()
        decoding = _Decoding(dataset, held.classifier.contract, skip_bad)
        asked = 0
        with atomic(output) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(form.columns)
            for indices, pixels in decoding.parts():
                scores, run = held.ask(pixels)
                took.append(run)
                finite = decisions.finite(scores)
                for index, row, is_finite in zip(indices, scores, finite, strict=True):
                    answer = _answer(held.classifier, row, classes) if is_finite else ""
                    without += int(not is_finite)
                    counts[answer] += int(is_finite)
                    right = dataset.classes[int(dataset.labels[index])] if dataset.labelled else ""
                    table.writerow(form.row(Asked(name_of(dataset, index), right), row, answer))
                asked += len(indices)
                progress(indices[-1] + 1, len(dataset), model.name)
            if not asked:
                raise DataError(
                    f"none of the {plural(len(dataset), 'image')} of {dataset.name} can be read: {'; '.join(decoding.bad)}"
                )
        decoding.say(remarked)
    speed = Speed.of(cores(), decoding.seconds, merged(decoding.stretches), took)
    found = {name: count for name, count in counts.most_common() if count}
    return Predicted(
        str(model), dataset.name, str(output), asked, without, found, held.classifier.kind.name, speed
    )


def _answer(model: Classifier, scores: Scores, classes: Sequence[str]) -> str:
    """The name of the class, or those of the labels that are there, with ``|`` between; ``-`` where none is."""
    if model.kind.decision != "each":
        return classes[int(decisions.best(model.kind, scores[None])[0])]
    there = [classes[index] for index, chosen in enumerate(decisions.yes(model.kind, scores)) if chosen]
    return "|".join(there) or "-"


def name_of(dataset: Dataset, index: int) -> str:
    """What a table calls an image."""
    image = dataset.images[index]
    if not isinstance(image, Path):
        return str(index)
    source = Path(dataset.name)
    for folder in (source, source.parent):
        if image.is_relative_to(folder):
            image = image.relative_to(folder)
            break
    return str(image).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


@dataclass
class _Decoding:
    """Images, decoded some at a time.

    Attributes:
        dataset: the images.
        contract: the input of the network.
        skip_bad: whether those that cannot be read are left out.
        bad: why each of those that were left out cannot be read.
        seconds: time that decoding took.
        stretches: those of each part.
    """

    dataset: Dataset
    contract: InputContract
    skip_bad: bool
    bad: list[str] = field(default_factory=list)
    seconds: float = 0.0
    stretches: list[Stretches] = field(default_factory=list)
    _noticed: Noticed = field(default_factory=Noticed)

    def parts(self) -> Iterator[tuple[list[int], list[Pixels]]]:
        """The indices and the pixels, uint8 (height, width, channels) each, of some images after the others."""
        height, width, channels = self.contract.shape
        most = max(1, min(MOST_IMAGES, MOST_BYTES // (height * width * channels)))
        coming = enumerate(decoded(self.dataset.images, self.contract))
        while True:
            moments = [time.perf_counter()]
            kept: list[tuple[int, Pixels]] = []
            for index, (image, result) in islice(coming, most):
                pixels = self._kept(index, image, result)
                kept += [] if pixels is None else [(index, pixels)]
                moments.append(time.perf_counter())
            each = [after - before for before, after in pairwise(moments)]
            if not each:
                return
            self.seconds += math.fsum(each)
            self.stretches.append(joined([1] * len(each), each))
            if kept:
                yield [index for index, _ in kept], [pixels for _, pixels in kept]

    def _kept(self, index: int, image: Path | Pixels, result: Decoded) -> Pixels | None:
        if isinstance(result, DataError):
            if self.skip_bad:
                self.bad.append(str(result))
                return None
            rest = unreadable(self.dataset.images[index + 1 :])
            raise refusal([result, *rest.values()], len(self.dataset)) from result
        pixels, opened = result
        if isinstance(image, Path) and opened is not None:
            self._noticed(image, opened)
        return pixels

    def say(self, remarked: Remarked) -> None:
        """Tell ``remarked`` what was left out, or not used wholly."""
        if self.bad:
            text = f"{self.dataset.name}: {plural(len(self.bad), 'image')} left out"
            remarked(of_names("unreadable", self.bad, text, most=None))
        for remark in self._noticed.remarks(self.dataset.name):
            remarked(remark)
