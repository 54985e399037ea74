"""The record of an evaluation: pure data."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from mobilecnn.convert import output_kinds
from mobilecnn.documents import Members
from mobilecnn.quantize.proportions import total, wilson
from mobilecnn.records import Stored, Upgrade, record
from mobilecnn.remarks import Remark
from mobilecnn.stretches import Stretches, merged

NO_BETTER = "no-better-than-chance"
"""Code of the remark that names the files that know no more of the images than chance."""


@dataclass(frozen=True)
class Interval:
    """A figure from 0 to 1 with its 95 % interval."""

    value: float
    low: float
    high: float

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.value <= self.high <= 1:
            raise ValueError("low, value and high must be in order, from 0 to 1")


@dataclass(frozen=True)
class ClassFigures:
    """One class against all others.

    Attributes:
        name: its name.
        images: number of its images.
        sensitivity: share of its images that were put in it; None where it has none.
        specificity: share of the other images that were not; None where there are none.
        auc: area under the ROC curve: how often one of its images has a larger probability of it than another image; None
            where either is missing, or the scores make no probabilities.
    """

    name: str
    images: int
    sensitivity: Interval | None
    specificity: Interval | None
    auc: Interval | None


@dataclass(frozen=True)
class Figures:
    """What more than the accuracy there is to say (:mod:`mobilecnn.quantize.figures`).

    Attributes:
        top5: share of images whose right class is one of the best five; None of five classes or fewer.
        balanced: mean of the sensitivities of the classes that have images.
        auc: mean of the classes' areas under the ROC curve; None where there is none.
        calibration_error: how far the probability of an answer is from how often it is right; None where the scores make
            no probabilities, or where there are fewer images than bins.
        classes: the classes of the model.
        confusion: of each class how many of its images were put in each class, and at the end how many got no finite
            answer; empty of more than 100 classes.
    """

    top5: Interval | None
    balanced: Interval
    auc: Interval | None
    calibration_error: Interval | None
    classes: tuple[ClassFigures, ...]
    confusion: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        count = len(self.classes)
        if self.confusion and (
            len(self.confusion) != count or any(len(row) != count + 1 for row in self.confusion)
        ):
            raise ValueError("confusion has not a row for each class, and a column more")


@dataclass(frozen=True)
class Speed:
    """How long a file took for images, one after another, without loading it, and after a first answer that is not timed.

    Attributes:
        images: number of images; at least one.
        cores: number of processor cores that it might use.
        decode_seconds: reading, decoding and resizing the images, on up to four cores. Files that are fed alike share it.
        inference_seconds: running the network.
        seconds: from image files to scores: both of these, and what lies between, such as scaling the pixels.
        interval: lower and upper end of the 95 % interval of ``seconds``, in seconds; None where too few images tell, and in a
            record of a version before 6.
        inference_interval: the same of ``inference_seconds``.
        decoding: stretches of what ``decode_seconds`` is the sum of; None where they are not known, as in such a record.
        running: the same of what is not decoding.
        inference: the same of ``inference_seconds``.
    """

    images: int
    cores: int
    decode_seconds: float
    inference_seconds: float
    seconds: float
    interval: tuple[float, ...] | None = None
    inference_interval: tuple[float, ...] | None = None
    decoding: Stretches | None = None
    running: Stretches | None = None
    inference: Stretches | None = None

    def __post_init__(self) -> None:
        if self.images == 0 or self.seconds <= 0 or min(self.decode_seconds, self.inference_seconds) < 0:
            raise ValueError("the speed has no images or no time")
        for ends, value in ((self.interval, self.seconds), (self.inference_interval, self.inference_seconds)):
            if ends is not None and not (len(ends) == 2 and 0 <= ends[0] <= value <= ends[1]):
                raise ValueError("a time does not lie in its interval")

    @classmethod
    def of(
        cls, cores: int, decode_seconds: float, decoding: Stretches, took: Sequence[Mapping[str, Any]]
    ) -> "Speed":
        """The speed of a run, or of several of the same file, one after the other.

        Args:
            cores: number of processor cores that the network might use.
            decode_seconds: what decoding took in all.
            decoding: the stretches of that.
            took: what the process that ran the network says of each run: ``seconds``, ``inference`` and ``stretches``.
        """
        running, inference = (
            merged([record(Stretches, run["stretches"][name]) for run in took])
            for name in ("running", "inference")
        )
        seconds = decode_seconds + math.fsum(float(run["seconds"]) for run in took)
        inference_seconds = math.fsum(float(run["inference"]) for run in took)
        return cls(
            images=sum(running.images),
            cores=cores,
            decode_seconds=decode_seconds,
            inference_seconds=inference_seconds,
            seconds=seconds,
            interval=total(seconds, [decoding, running]),
            inference_interval=total(inference_seconds, [inference]),
            decoding=decoding,
            running=running,
            inference=inference,
        )

    @property
    def factor(self) -> float | None:
        """Factor by which ``seconds``, and the images in a second, may be larger or smaller at 95 %."""
        return None if self.interval is None else self.interval[1] / self.seconds

    @property
    def inference_factor(self) -> float | None:
        """The same of ``inference_seconds``, and of the mean of an image."""
        return (
            None if self.inference_interval is None else self.inference_interval[1] / self.inference_seconds
        )

    @property
    def images_per_second(self) -> float:
        """Images in a second, from image file to scores."""
        return self.images / self.seconds

    @property
    def milliseconds(self) -> float:
        """Mean time that the network takes for one image, in milliseconds."""
        return 1000 * self.inference_seconds / self.images


@dataclass(frozen=True)
class Accuracy:
    """Accuracy of one file: the share of images whose best class is right; of one output, whose side of the threshold is.

    Attributes:
        file: its name as it was given.
        format: float32, float16, int8, dynamic; ``keras``; or ``tflite`` without a passport.
        bytes: its size.
        sha256: SHA-256 of its content.
        images: number of images asked.
        correct: number of right answers.
        accuracy: share of right answers.
        interval: lower and upper end of its 95 % Wilson score interval.
        balanced_accuracy: mean of the classes' recalls (what ISIC 2018 Task 3 scores by).
        recall: share of each class's images that were right, by class name.
        agreement_with_first: share of images that are put in the same class as by the first file.
        lost_against_first: number of images that the first file had right and this one has wrong.
        gained_against_first: the opposite.
        verdict_against_first: ``better``, ``worse`` or ``undecided`` than the first file; ``-`` for itself.
        input_contract_stated: False where the input contract was assumed.
        output_kind: name of what its outputs are (:data:`mobilecnn.convert.output_kinds.KINDS`).
        positive: class that a high score of a single output stands for; empty for a network with several.
        not_finite: number of images with an answer that is not a finite number, which count as wrong; None in
            a record of version 1, which did not ask.
        figures: what more there is to say; None in a record of a version before 4.
        speed: how long it took; None in a record of a version before 5.
        parameters: number of weights and biases of the Keras model; None where nothing says it, as in a record of a version
            before 5.
    """

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
    output_kind: str
    positive: str
    not_finite: int | None
    figures: Figures | None = None
    speed: Speed | None = None
    parameters: int | None = None

    def __post_init__(self) -> None:
        output_kinds.named(self.output_kind)
        if (self.not_finite or 0) > self.images - self.correct:
            raise ValueError("more images than the wrong ones have no finite answer")
        if not 0 <= self.correct <= self.images or self.images == 0:
            raise ValueError("correct is not a number of the images")
        expected = (self.correct / self.images, *wilson(self.correct, self.images))
        said = (self.accuracy, *self.interval)
        if len(said) != 3 or not all(
            math.isclose(a, b, abs_tol=1e-9) for a, b in zip(expected, said, strict=True)
        ):
            raise ValueError("accuracy and interval are not those of the counts")


def _with_kinds(members: Members) -> Members:
    """The members of version 2, of those of version 1, which knew only the best of several scores, and no remarks."""
    members = {**members, "remarks": []}
    added: dict[str, Any] = {"output_kind": output_kinds.UNKNOWN.name, "positive": "", "not_finite": None}
    results = members.get("results")
    if not isinstance(results, list):
        return members
    return {**members, "results": [{**row, **added} if isinstance(row, dict) else row for row in results]}


def _with_names(members: Members) -> Members:
    """The members of version 3, of those of version 2, whose remarks had no names but those in their text."""
    remarks = members.get("remarks")
    if not isinstance(remarks, list):
        return members
    named = [{**remark, "names": []} if isinstance(remark, dict) else remark for remark in remarks]
    return {**members, "remarks": named}


def _without(*names: str) -> Upgrade:
    """What makes of the members of a version those of the next, which has more in each result: None in older ones."""
    unknown = dict.fromkeys(names)

    def upgrade(members: Members) -> Members:
        results = members.get("results")
        if not isinstance(results, list):
            return members
        return {
            **members,
            "results": [{**row, **unknown} if isinstance(row, dict) else row for row in results],
        }

    return upgrade


def _without_stretches(members: Members) -> Members:
    """The members of version 6, of those of version 5, whose speeds had no intervals."""
    results = members.get("results")
    if not isinstance(results, list):
        return members
    unknown = dict.fromkeys(("interval", "inference_interval", "decoding", "running", "inference"))

    def filled(row: Any) -> Any:
        if not isinstance(row, dict) or not isinstance(row.get("speed"), dict):
            return row
        return {**row, "speed": {**row["speed"], **unknown}}

    return {**members, "results": [filled(row) for row in results]}


@dataclass(frozen=True)
class Evaluation(Stored):
    """What ``mobilecnn evaluate`` found.

    History. 1: the first. 2: ``remarks``; ``output_kind``, ``positive`` and ``not_finite`` of each result.
    3: ``names`` of each remark. 4: ``figures`` of each result. 5: ``speed`` and ``parameters`` of each
    result. 6: intervals and stretches of each speed.

    Attributes:
        data: the data set, as it was given; of a folder that is divided into parts, the part.
        images: number of images; all files were asked the same.
        runtime: that ran the .tflite files.
        results: accuracy of each file; at least one.
        remarks: what of the data was not used, or not as one might expect, and files that know no more of it than
            chance (:data:`NO_BETTER`); empty in a record of version 1.
    """

    SCHEMA: ClassVar[str] = "mobilecnn.evaluation"
    VERSION: ClassVar[int] = 6
    NOUN: ClassVar[str] = "evaluation"
    UPGRADES: ClassVar[Mapping[int, Upgrade]] = {
        1: _with_kinds,
        2: _with_names,
        3: _without("figures"),
        4: _without("speed", "parameters"),
        5: _without_stretches,
    }

    data: str
    images: int
    runtime: str
    results: tuple[Accuracy, ...]
    remarks: tuple[Remark, ...] = ()

    @property
    def accuracy(self) -> str:
        """What the share of right answers is called: ``top-1``, or ``accuracy`` where a file has one output."""
        names = {output_kinds.named(result.output_kind).accuracy for result in self.results}
        return names.pop() if len(names) == 1 else "accuracy"

    def __post_init__(self) -> None:
        if not self.results or any(result.images != self.images for result in self.results):
            raise ValueError("the results are not all of the same images")
