"""The check on labelled images at export: how many the Keras model and each file have right, and when that is too few.

Parity compares a file with the Keras model on the same numbers, so that it cannot see that these are wrong: another
input range than in training, labels in another order. Labelled images show it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mobilecnn.convert.checks import LabelledCheck
from mobilecnn.convert.conversion import KerasFacts, KerasModel
from mobilecnn.convert.output_kinds import OutputKind
from mobilecnn.quantize import decisions
from mobilecnn.quantize.accuracy import right_classes
from mobilecnn.quantize.chance import CHANCE, chance_of, shown_to_know_nothing
from mobilecnn.quantize.gate import refuse_not_finite
from mobilecnn.quantize.inference import TfliteProcess, write_inputs
from mobilecnn.quantize.proportions import worse
from mobilecnn.remarks import Remarked, no_remark, plural
from mobilecnn.steps import Steps
from mobilecnn.train.datasets.dataset import Dataset

LOSS = 0.05
"""Share of the Keras model's right answers that a file may net lose, however sure the loss is."""

SURE = 0.01
"""Largest one-sided p-value of the exact McNemar test with which a loss is sure: 0.05 for five files together."""

FEW = 3
"""Number of images that a file must net lose to fail by the plain rule, which is for too few images for a test.

The rule is that half of what the Keras model has right is gone. Where one image in twenty may be lost
(:data:`LOSS`), three of six or fewer are lost in 1 of 450 files."""


def labels_of(dataset: Dataset, facts: KerasFacts, model: str) -> npt.NDArray[np.int64]:
    """The labels of ``dataset`` as classes of ``model``, int64 (images,).

    Raises:
        DataError: the images are not labelled, have classes that the model does not have, or the model says yes or
            no to each label by itself, of which class folders say nothing.
    """
    remedy = "give --output-kind {kind}, and for labels that do not leave --data out"
    return right_classes(dataset, facts.kind, facts.classes, facts.labels, model, remedy, "give --labels")


def check(
    keras: KerasModel,
    tflite: TfliteProcess,
    files: Mapping[str, Path],
    facts: KerasFacts,
    dataset: Dataset,
    labels: npt.NDArray[np.int64],
    model: str,
    work: Path,
    steps: Steps,
    remarked: Remarked = no_remark,
) -> dict[str, LabelledCheck]:
    """Ask the Keras model and the files for all of ``dataset``; format -> how many each has right.

    Args:
        keras: the loaded Keras model.
        tflite: process that runs the files.
        files: format -> file.
        facts: what the Keras model is.
        dataset: the images.
        labels: right class of each, (images,): what :func:`labels_of` gives.
        model: the Keras model, for messages.
        work: folder for temporary files.
        steps: is told what is done.
        remarked: told what of the images is used otherwise than one might expect.

    Raises:
        DataError: an image is damaged.
        CheckFailed: the Keras model itself answers with numbers that are not finite.
        ModelFileError, EnvironmentProblem: a model cannot be run.
    """
    tensors, answers = work / "labelled.npy", work / "labelled-answers.npy"
    steps(f"running {facts.called} on {dataset.name}")
    write_inputs(tensors, dataset.pixels(facts.contract, remarked), facts.contract, len(dataset))
    keras.start_run(facts.contract, tensors, work / "labelled-reference.npy")
    given = {}
    for name, path in files.items():
        steps(f"running {name} on {dataset.name}")
        tflite.run(path, tensors, answers)
        given[name] = np.load(answers, allow_pickle=False)
    keras.finish()
    reference = _reference(work, facts, model)
    return {
        name: counted(dataset.name, labels, reference, decisions.best(facts.kind, scores))
        for name, scores in given.items()
    }


def _reference(work: Path, facts: KerasFacts, model: str) -> npt.NDArray[np.int64]:
    """The Keras model's answers, once they are there.

    Raises:
        CheckFailed: some are not finite.
    """
    scores = np.load(work / "labelled-reference.npy", allow_pickle=False)
    refuse_not_finite(model, scores, facts.called)
    return decisions.best(facts.kind, scores)


def counted(
    data: str,
    labels: npt.NDArray[np.int64],
    reference: npt.NDArray[np.int64],
    answers: npt.NDArray[np.int64],
) -> LabelledCheck:
    """How many images a file has right, and the Keras model.

    Args:
        data: name of the data set.
        labels: right class of each image, (images,).
        reference: the Keras model's, (images,).
        answers: the file's, (images,); below 0 where a score is not finite.
    """
    right = reference == labels
    return LabelledCheck(
        data=data,
        images=len(labels),
        classes=len(set(labels.tolist())),
        keras_correct=int(right.sum()),
        keras_chance=chance_of(reference, labels),
        correct=int((answers == labels).sum()),
        lost=int((right & (answers != labels)).sum()),
        gained=int((~right & (answers == labels)).sum()),
        not_finite=int((answers < 0).sum()),
        chance=chance_of(answers, labels),
    )


@dataclass(frozen=True)
class Questions:
    """Labelled images that files can be asked for, one file after the other, and what the Keras model answers.

    Attributes:
        data: name of the data set.
        tensors: file of the images (:mod:`mobilecnn.train.inputs`).
        labels: right class of each, int64 (images,).
        reference: the Keras model's class of each, int64 (images,).
        kind: what the scores are.
    """

    data: str
    tensors: Path
    labels: npt.NDArray[np.int64]
    reference: npt.NDArray[np.int64]
    kind: OutputKind

    def check(self, tflite: TfliteProcess, file: Path) -> LabelledCheck:
        """How many of them a file has right.

        Raises:
            ModelFileError, EnvironmentProblem: it cannot be run.
        """
        answers = self.tensors.with_name("labelled-answers.npy")
        tflite.run(file, self.tensors, answers)
        best = decisions.best(self.kind, np.load(answers, allow_pickle=False))
        return counted(self.data, self.labels, self.reference, best)


def questions(
    keras: KerasModel,
    facts: KerasFacts,
    dataset: Dataset,
    labels: npt.NDArray[np.int64],
    model: str,
    work: Path,
    remarked: Remarked = no_remark,
) -> Questions:
    """Ask the Keras model for all of ``dataset``; arguments and errors are those of :func:`check`."""
    tensors = work / "labelled.npy"
    write_inputs(tensors, dataset.pixels(facts.contract, remarked), facts.contract, len(dataset))
    keras.start_run(facts.contract, tensors, work / "labelled-reference.npy")
    keras.finish()
    return Questions(dataset.name, tensors, labels, _reference(work, facts, model), facts.kind)


KERAS = "the Keras model"
"""What a file was made of, in messages."""


def keras_problem(result: LabelledCheck, called: str = KERAS) -> str | None:
    """What the images show to be wrong with the Keras model, or how it is fed; None where nothing is."""
    if not shown_to_know_nothing(result.keras_correct, result.images, result.keras_chance):
        return None
    right = (
        f"none of {_images(result)} right"
        if result.keras_chance is None
        else f"{result.keras_correct} of {_images(result)} right, no more than chance gives"
    )
    return (
        f"{called} itself has {right}: their input range, their colours or the order of the labels may not be that "
        "of its training; say another --input-range, or give --labels in the order of its outputs"
    )


def problem(result: LabelledCheck, called: str = KERAS) -> str | None:
    """What the images show to be wrong with a file; None where nothing is."""
    if result.not_finite:
        return (
            f"it answers with NaN or infinity on {result.not_finite} of {_images(result)}; ship a format that does not, or "
            f"{_CALIBRATE}"
        )
    net = result.lost - result.gained
    if words := no_more_than_chance(result, called):
        return f"{words}; {_REMEDY}"
    if net > LOSS * result.keras_correct and worse(result.lost, result.gained) <= SURE:
        reason = f"more than {LOSS:.0%} of those are lost (exact McNemar test, {_p(result)})"
    elif net >= FEW and 2 * net >= result.keras_correct:
        reason = "half of those or more are lost"
    else:
        return None
    return f"{_counts(result, called)}: {reason}; {_REMEDY}"


def no_more_than_chance(result: LabelledCheck, called: str = KERAS) -> str | None:
    """That a file which has fewer right than the Keras model is shown to know nothing, with the counts; None where it is not."""
    if result.lost <= result.gained or not shown_to_know_nothing(
        result.correct, result.images, result.chance
    ):
        return None
    return f"{_counts(result, called)}: no more than chance gives"


_CALIBRATE = "calibrate it on more images of the kind that it is for (--calibration, --samples)"
_REMEDY = f"ship a format that keeps them, or {_CALIBRATE}"


def keras_doubt(result: LabelledCheck, called: str = KERAS) -> str | None:
    """Why the images cannot tell whether the Keras model knows more than chance; None where they can."""
    chance = result.keras_chance
    if (chance is not None and chance <= CHANCE) or keras_problem(result) is not None:
        return None
    if chance is not None:
        why = f"its answers in random order have as many right too often (permutation test, p = {chance:.2g})"
    elif result.classes == 1:
        why = "they are all of one class"
    else:
        why = "they are too few, or nearly all of one class"
    return (
        f"undecided whether {called}, which has {result.keras_correct} of {_images(result)} right, knows more than "
        f"chance: {why}; give --data ten or more images of each of several classes"
    )


def doubt(result: LabelledCheck, called: str = KERAS) -> str | None:
    """What should be known of a file in which nothing was found wrong; None where nothing should."""
    net = result.lost - result.gained
    if problem(result) is not None or net <= 0:
        return None
    if net > LOSS * result.keras_correct:
        return (
            f"undecided: {_counts(result, called)}, and so few images cannot tell whether it is worse (exact McNemar test, "
            f"{_p(result)}); give --data more images"
        )
    if worse(result.lost, result.gained) <= SURE:
        return f"is worse than {called}, by no more than {LOSS:.0%} of its right answers: {_counts(result, called)}"
    return None


def _images(result: LabelledCheck) -> str:
    return f"{plural(result.images, 'image')} of {result.data}"


def _counts(result: LabelledCheck, called: str) -> str:
    return f"it has {result.correct} of {_images(result)} right, and {called} {result.keras_correct}"


def _p(result: LabelledCheck) -> str:
    return f"p = {worse(result.lost, result.gained):.2g}"
