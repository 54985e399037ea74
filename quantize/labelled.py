"""The check on labelled images at export: how many the Keras model and each file have right, and when that is too few.

Parity compares a file with the Keras model on the same numbers, so that it cannot see that these are wrong: another
input range than in training, labels in another order. Labelled images show it.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mobilecnn.convert.checks import LabelledCheck
from mobilecnn.convert.conversion import KerasFacts, KerasModel
from mobilecnn.quantize import decisions
from mobilecnn.quantize.accuracy import right_classes
from mobilecnn.quantize.gate import refuse_not_finite
from mobilecnn.quantize.inference import TfliteProcess, write_tensors
from mobilecnn.quantize.proportions import mcnemar
from mobilecnn.steps import Steps
from mobilecnn.train.datasets.dataset import Dataset

CHANCE = 0.05
"""Largest p-value of the permutation test with which a model counts as better than chance."""

PERMUTATIONS = 999
"""Number of random orders of the answers in that test."""

LOSS = 0.05
"""Share of the images that a file may net lose against the Keras model, however sure the loss is."""

SURE = 0.01
"""Largest p-value of the exact McNemar test with which a loss counts."""


def labels_of(dataset: Dataset, facts: KerasFacts, model: str) -> npt.NDArray[np.int64]:
    """The labels of ``dataset`` as classes of ``model``, int64 (images,).

    Raises:
        DataError: the images are not labelled, have classes that the model does not have, or the model says yes or
            no to each label by itself, of which class folders say nothing.
    """
    remedy = "give --output-kind {kind}, and for labels that do not leave --data out"
    return right_classes(dataset, facts.kind, facts.classes, facts.labels, model, remedy)


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

    Raises:
        DataError: an image is damaged.
        CheckFailed: the Keras model itself answers with numbers that are not finite.
        ModelFileError, EnvironmentProblem: a model cannot be run.
    """
    tensors, answers = work / "labelled.npy", work / "labelled-answers.npy"
    steps(f"running {facts.called} on {dataset.name}")
    write_tensors(tensors, dataset.pixels(facts.contract), facts.contract, len(dataset))
    keras.start_run(facts.contract, tensors, work / "labelled-reference.npy")
    given = {}
    for name, path in files.items():
        steps(f"running {name} on {dataset.name}")
        tflite.run(path, tensors, answers)
        given[name] = np.load(answers, allow_pickle=False)
    keras.finish()
    scores = np.load(work / "labelled-reference.npy", allow_pickle=False)
    refuse_not_finite(model, scores, facts.called)
    reference = decisions.best(facts.kind, scores)
    right, chance = reference == labels, chance_of(reference, labels)
    best = {name: decisions.best(facts.kind, scores) for name, scores in given.items()}
    return {
        name: LabelledCheck(
            data=dataset.name,
            images=len(labels),
            classes=len(set(labels.tolist())),
            keras_correct=int(right.sum()),
            keras_chance=chance,
            correct=int((answer == labels).sum()),
            lost=int((right & (answer != labels)).sum()),
            gained=int((~right & (answer == labels)).sum()),
            not_finite=int((answer < 0).sum()),
        )
        for name, answer in best.items()
    }


def problem(result: LabelledCheck, called: str = "the Keras model") -> str | None:
    """What is wrong with a file, or with what it was made of, by their answers; None where nothing is.

    ``called`` is what it was made of, for messages.
    """
    images = f"{result.images} images of {result.data}"
    if result.keras_chance is not None and result.keras_chance > CHANCE:
        return (
            f"{called} itself has {result.keras_correct} of {images} right, no more than chance gives: their input "
            "range, their colours or the order of the labels is not that of its training"
        )
    if result.not_finite:
        return f"it answers with NaN or infinity on {result.not_finite} of {images}"
    net = result.lost - result.gained
    if net > LOSS * result.images and mcnemar(result.lost, result.gained) < SURE:
        return (
            f"it has {result.correct} of {images} right, and {called} {result.keras_correct}: more than "
            f"{LOSS:.0%} of them are lost"
        )
    return None


def chance_of(answers: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]) -> float | None:
    """How often answers in random order have at least as many right, 0 to 1; None where that can say nothing.

    The permutation test takes the answers as they are, so that a model that names one class for all images is not better
    than chance however frequent the class is. It can say nothing of few images, where even right answers alone could be
    chance.

    Args:
        answers: class that each image is put in, (images,).
        labels: right class of each image, (images,).
    """
    if _share_as_right(labels, labels) > CHANCE:
        return None
    return _share_as_right(answers, labels)


def _share_as_right(answers: npt.NDArray[np.int64], labels: npt.NDArray[np.int64]) -> float:
    generator = np.random.default_rng(0)
    correct = int((answers == labels).sum())
    as_right = sum(
        int((generator.permutation(answers) == labels).sum()) >= correct for _ in range(PERMUTATIONS)
    )
    return (1 + as_right) / (1 + PERMUTATIONS)
