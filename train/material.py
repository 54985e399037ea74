"""The images of a training: those to train on, those to validate on, and the hash that tells them from others."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from mobilecnn.errors import DataError
from mobilecnn.remarks import Remarked, listed, no_remark, of_names, plural
from mobilecnn.steps import Progress, no_progress
from mobilecnn.train import datasets
from mobilecnn.train.datasets import load
from mobilecnn.train.datasets.dataset import Dataset, refuse_unknown
from mobilecnn.train.datasets.identity import digests
from mobilecnn.train.datasets.reading import refuse_unreadable
from mobilecnn.train.plan import TrainingPlan


def digest(parts: Sequence[Dataset]) -> tuple[str, list[str]]:
    """SHA-256 of the content, the class and the part of all images together, and that of the content of each.

    Args:
        parts: labelled images, such as those to train on and those to validate on.

    Raises:
        DataError: an image cannot be read.
    """
    made, each = hashlib.sha256(), []
    for part, dataset in enumerate(parts):
        known = enumerate(dataset.sha256) if dataset.sha256 else digests(dataset.images)
        for index, one in known:
            if isinstance(one, DataError):
                refuse_unreadable([image for each in parts for image in each.images])
                raise one
            made.update(f"{part} {dataset.classes[int(dataset.labels[index])]} {one}\n".encode())
            each.append(one)
    return made.hexdigest(), each


def split(
    plan: TrainingPlan,
    skip_bad: bool = False,
    remarked: Remarked = no_remark,
    progress: Progress = no_progress,
) -> tuple[Dataset, Dataset]:
    """The images to train on, and those to validate on: a part of the data's own, else a share of each class.

    They follow from the plan's data, its ``validation`` and its ``seed``.

    Args:
        plan: the training.
        skip_bad: leave out images that cannot be read.
        remarked: told what of the data is not used, or not as one might expect.
        progress: called for each image that is tried, with ``skip_bad``.

    Raises:
        DataError: the images cannot be read, or are not enough to train and validate with.
    """

    def checked(dataset: Dataset) -> Dataset:
        for remark in dataset.remarks:
            remarked(remark)
        if not dataset.labelled:
            raise DataError(
                f"{dataset.name} has loose images; put those of each class into a folder of its own"
            )
        return dataset.readable(remarked, progress) if skip_bad else dataset

    dataset = checked(load(plan.data, part="train"))
    if len(dataset.classes) < 2:
        (only,) = dataset.classes
        deeper = any(remark.code == "nested" for remark in dataset.remarks)
        inside = (
            f"; if those in {Path(dataset.name) / only} are the classes, give that folder" if deeper else ""
        )
        raise DataError(
            f"{dataset.name} has one class only ({only}); a classifier needs at least two class folders{inside}"
        )
    there = set(dataset.labels.tolist())
    if without := [name for label, name in enumerate(dataset.classes) if label not in there]:
        raise DataError(
            f"{plan.data} has no image to train on of {plural(len(without), 'class', 'classes')}: {listed(without)}; add some, or take "
            f"{'it' if len(without) == 1 else 'them'} out of the other parts"
        )
    own = datasets.validation(plan.data)
    if own is not None:
        own = checked(own)
        unknown = [name for name in own.classes if name not in dataset.classes]
        if unknown:
            raise DataError(f"{own.name} has classes that {dataset.name} does not have: {listed(unknown)}")
        missing = [name for name in dataset.classes if name not in own.classes]
        index = np.asarray([dataset.classes.index(name) for name in own.classes], np.int64)
        own = replace(own, classes=dataset.classes, labels=index[own.labels])
        refuse_unknown(own, "validation", dataset, plan.data)
        if missing:
            text = f"{own.name} has no image of {plural(len(missing), 'class', 'classes')} that {dataset.name} has"
            remarked(of_names("not-validated", missing, text))
        return dataset, own
    training, validation = dataset.split(plan.validation, plan.seed)
    if not len(validation):
        raise DataError(
            f"{plan.data} has one image a class, and none is left to validate with; at least two a class are needed"
        )
    held = set(validation.labels.tolist())
    if missing := [name for index, name in enumerate(dataset.classes) if index not in held]:
        text = f"{dataset.name} has too few images of {plural(len(missing), 'class', 'classes')} to validate on one"
        remarked(of_names("not-validated", missing, text))
    return training, validation
