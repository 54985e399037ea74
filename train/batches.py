"""The input pipeline: pictures in memory or decoded when needed, and the batches of each epoch.

The order and the augmentation follow from the seed, the epoch and the step alone, so that a
resumed training gets the same batches as one that was never interrupted.
"""

import math
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mobilecnn.contract import InputContract
from mobilecnn.remarks import Remarked, no_remark
from mobilecnn.steps import Progress
from mobilecnn.train.augmentation import AUGMENTATIONS
from mobilecnn.train.datasets.dataset import Dataset
from mobilecnn.train.datasets.reading import Noticed, refuse_unreadable
from mobilecnn.train.images import Floats, Pixels, to_pixels, to_tensor
from mobilecnn.train.plan import TrainingPlan

Labels = npt.NDArray[np.int64]

IN_MEMORY = 2_000_000_000
"""Bytes of decoded pictures up to which they are kept in memory, so that each is decoded once."""


class Batch(NamedTuple):
    """The input of a training step.

    Attributes:
        images: what the network takes, float32, (n, height, width, channels).
        labels: share of each class, float32, (n, classes): one-hot where no pictures are mixed.
        weights: weight of each image, float32, (n,); None where all count alike.
    """

    images: Floats
    labels: Floats
    weights: Floats | None


class Pictures:
    """Labelled pictures at the network's size: in memory if they fit, else decoded when asked for.

    Attributes:
        labels: class of each picture, int64, (n,).
        contract: the network's input.
    """

    def __init__(
        self,
        dataset: Dataset,
        contract: InputContract,
        progress: Progress,
        remarked: Remarked = no_remark,
    ) -> None:
        """Decode the pictures, to keep them if they fit into :data:`IN_MEMORY`.

        Those that do not fit are decoded all the same, so that a damaged one is found now and not in the
        middle of the training.

        Args:
            dataset: labelled images.
            contract: the network's input.
            progress: called after each decoded picture.
            remarked: told of files of which only the first frame is used, or whose values seem too small.

        Raises:
            DataError: a picture is damaged.
        """
        self.labels = dataset.labels
        self.contract = contract
        self._dataset = dataset
        self._memory: Pixels | None = None
        if len(dataset) * math.prod(contract.shape) <= IN_MEMORY:
            self._memory = np.empty((len(dataset), *contract.shape), np.uint8)
            for index, pixels in enumerate(dataset.pixels(contract, remarked)):
                self._memory[index] = pixels
                progress(index + 1, len(dataset), "")
        else:
            self._pool = ThreadPoolExecutor(os.cpu_count())
            noticed = Noticed()
            refuse_unreadable(dataset.images, progress, noticed)
            for remark in noticed.remarks(dataset.name):
                remarked(remark)

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: Labels) -> Pixels:
        """The pictures at ``indices``: uint8, (n, height, width, channels).

        Raises:
            DataError: a picture that is not in memory was damaged meanwhile.
        """
        if self._memory is not None:
            return self._memory[indices]
        images = [self._dataset.images[int(index)] for index in indices]
        return np.stack(list(self._pool.map(lambda image: to_pixels(image, self.contract), images)))


def epoch_order(count: int, plan: TrainingPlan, epoch: int) -> Labels:
    """The pictures that each step of an epoch takes: indices below ``count``, int64, (steps, batch).

    Every picture is taken once. To fill the last batch, the first ones are taken again: the
    backend would have to compile the step anew for a batch of another size.
    """
    batch_size = min(plan.batch_size, count)
    order = np.random.default_rng([plan.seed, epoch]).permutation(count)
    return in_batches(order, batch_size)


def in_batches(indices: Labels, batch_size: int) -> Labels:
    """``indices`` cut into batches, (batches, batch_size); the last is filled up from the beginning."""
    return np.resize(indices, (-(-len(indices) // batch_size), batch_size))


def epoch_batches(pictures: Pictures, classes: int, plan: TrainingPlan, epoch: int) -> Iterator[Batch]:
    """The batches of an epoch, augmented; each is prepared while the one before is trained on.

    Args:
        pictures: what is trained on.
        classes: number of classes.
        plan: the training.
        epoch: number of the epoch, from 1.

    Raises:
        DataError: a picture that is not in memory was damaged meanwhile.
    """
    labels = pictures.labels
    one_hot = np.eye(classes, dtype=np.float32)
    weight_of = class_weights(labels, classes) if plan.class_weights else None
    recipe = AUGMENTATIONS[plan.augment]

    def batch(step: int, indices: Labels) -> Batch:
        generator = np.random.default_rng([plan.seed, epoch, step])
        tensor = to_tensor(recipe(pictures.take(indices), generator), pictures.contract)
        # Mixing what is scaled is scaling what is mixed.
        images, shares = recipe.mixed(tensor, one_hot[labels[indices]], generator)
        return Batch(images, shares, None if weight_of is None else shares @ weight_of)

    order = epoch_order(len(pictures), plan, epoch)
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(batch, 0, order[0])
        for step in range(len(order)):
            ready = coming.result()
            if step + 1 < len(order):
                coming = pool.submit(batch, step + 1, order[step + 1])
            yield ready


def class_weights(labels: Labels, classes: int) -> Floats:
    """The weight of an image of each class, float32, (classes,).

    It is inversely proportional to the number of images in the class; its mean over the images is 1.
    """
    counts = np.bincount(labels, minlength=classes)
    return (len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1))).astype(np.float32)
