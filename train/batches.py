"""The input pipeline: pictures decoded once, kept on disk at the network's size, and the batches of each epoch.

The order and the augmentation follow from the seed, the epoch and the step alone, so that a
resumed training gets the same batches as one that was never interrupted, whatever the number of threads.
"""

import contextlib
import math
import os
import shutil
import tempfile
import weakref
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mobilecnn import tensors
from mobilecnn.contract import InputContract
from mobilecnn.errors import DataError
from mobilecnn.remarks import Remark, Remarked, no_remark
from mobilecnn.steps import Progress
from mobilecnn.train.augmentation import AUGMENTATIONS
from mobilecnn.train.datasets.dataset import Dataset
from mobilecnn.train.datasets.reading import Noticed, decoded, refusal
from mobilecnn.train.images import Floats, Pixels, to_pixels, to_tensor
from mobilecnn.train.plan import TrainingPlan

Labels = npt.NDArray[np.int64]

WORKERS = min(8, os.cpu_count() or 1)
"""Number of threads that decode pictures and prepare batches. Pillow and numpy compute beside Python's lock."""


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
    """Labelled pictures at the network's size: decoded once, into a file that has no name and ends with this object.

    Where there is no room for it, they are decoded whenever they are asked for, and a remark says so.

    Attributes:
        labels: class of each picture, int64, (n,).
        contract: the network's input.
    """

    def __init__(
        self,
        dataset: Dataset,
        contract: InputContract,
        folder: Path,
        progress: Progress,
        remarked: Remarked = no_remark,
    ) -> None:
        """Decode the pictures.

        Args:
            dataset: labelled images.
            contract: the network's input.
            folder: folder on the file system that keeps them.
            progress: called after each decoded picture.
            remarked: told of files of which only the first frame is used, or whose values seem too small, and where the
                pictures cannot be kept.

        Raises:
            DataError: pictures are damaged; the message lists all that are.
        """
        self.labels = dataset.labels
        self.contract = contract
        self._images = dataset.images
        self._bytes = math.prod(contract.shape)
        self._file = _spool(folder, len(dataset) * self._bytes)
        if self._file is not None:
            weakref.finalize(self, os.close, self._file)
        noticed, bad = Noticed(), []
        for index, (image, result) in enumerate(decoded(dataset.images, contract, WORKERS)):
            progress(index + 1, len(dataset), "")
            if isinstance(result, DataError):
                bad.append(result)
                continue
            pixels, opened = result
            if isinstance(image, Path) and opened is not None:
                noticed(image, opened)
            self._keep(index, pixels)
        if bad:
            raise refusal(bad, len(dataset))
        for remark in noticed.remarks(dataset.name):
            remarked(remark)
        if self._file is None:
            text = (
                f"{dataset.name}: the images are decoded again in each epoch, for {folder} has no room for "
                f"{len(dataset) * self._bytes / 1e6:,.0f} MB of pixels"
            )
            remarked(Remark("decoded-again", len(dataset), text))

    def __len__(self) -> int:
        return len(self.labels)

    def _keep(self, index: int, pixels: Pixels) -> None:
        if self._file is not None:
            try:
                os.pwrite(self._file, np.ascontiguousarray(pixels).data, index * self._bytes)
            except OSError:  # The disk has become full, or there is a limit on the size of files.
                self._file = None

    def take(self, indices: Labels) -> Pixels:
        """The pictures at ``indices``: uint8, (n, height, width, channels).

        Raises:
            DataError: a picture that was not kept was damaged meanwhile.
        """
        taken = np.empty((len(indices), *self.contract.shape), np.uint8)
        for row, index in zip(taken, indices, strict=True):
            if self._file is None:
                row[...] = to_pixels(self._images[int(index)], self.contract)
            else:
                count = os.preadv(self._file, [row.data], int(index) * self._bytes)
                assert count == self._bytes, "the file of pixels ends too early"
        return taken


def _spool(folder: Path, size: int) -> int | None:
    """A descriptor of a nameless file of ``size`` bytes in ``folder``; None where it would take more than half of the room."""
    with contextlib.suppress(OSError):
        if shutil.disk_usage(folder).free < 2 * size:
            return None
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=".mobilecnn-")
        try:
            Path(name).unlink()
            tensors.reserve(descriptor, size)
        except OSError:
            os.close(descriptor)
            raise
        return descriptor
    return None


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
    """The batches of an epoch, augmented; as many as there are threads are prepared while one is trained on.

    Args:
        pictures: what is trained on.
        classes: number of classes.
        plan: the training.
        epoch: number of the epoch, from 1.

    Raises:
        DataError: a picture that was not kept was damaged meanwhile.
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
    with ThreadPoolExecutor(WORKERS) as pool:
        coming = deque(pool.submit(batch, step, order[step]) for step in range(min(WORKERS, len(order))))
        for step in range(len(order)):
            ready = coming.popleft().result()
            if step + WORKERS < len(order):
                coming.append(pool.submit(batch, step + WORKERS, order[step + WORKERS]))
            yield ready


def class_weights(labels: Labels, classes: int) -> Floats:
    """The weight of an image of each class, float32, (classes,).

    It is inversely proportional to the number of images in the class; its mean over the images is 1.
    """
    counts = np.bincount(labels, minlength=classes)
    return (len(labels) / (np.count_nonzero(counts) * np.maximum(counts, 1))).astype(np.float32)
