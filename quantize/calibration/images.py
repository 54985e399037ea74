"""Choosing images, bringing them to the network's size, and writing them for the children."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mobilecnn.contract import InputContract
from mobilecnn.convert.checks import ImageManifest
from mobilecnn.errors import UsageError
from mobilecnn.quantize.inference import write_inputs
from mobilecnn.remarks import Remarked, no_remark
from mobilecnn.train import datasets
from mobilecnn.train.datasets.dataset import Dataset
from mobilecnn.train.images import Pixels, random_pixels

RANDOM = "random"
"""Source of calibration by noise: the file runs at its true speed and its answers mean nothing."""

RANDOM_IMAGES = 8
"""Number of random pictures, at most."""


KEPT = 8
"""Number of images that stay in memory, at most."""


@dataclass(frozen=True)
class Calibration:
    """The representative data set that is asked for.

    Attributes:
        source: a folder of images (class folders or loose), ``digits``, or ``random``.
        samples: largest number of images to take, the classes taking turns.
        seed: seed of the choice.
        skip_bad: leave out chosen images that cannot be read.
    """

    source: str
    samples: int = 100
    seed: int = 0
    skip_bad: bool = False

    def check(self) -> None:
        """Refuse a data set that cannot be chosen.

        Raises:
            UsageError: no image is asked for.
        """
        if self.samples < 1:
            raise UsageError(f"--samples must be at least 1, and is {self.samples}")


@dataclass(frozen=True)
class ChosenImages:
    """Images that are chosen and not decoded yet.

    Attributes:
        data: a folder, ``digits``, or ``random``.
        seed: seed of the choice.
        images: number of images, at least 1.
        classes: number of classes among them; 0 for random pictures.
        pixels: gives the images at a contract's size, uint8 (height, width, channels) each.
        dataset: the images; None of random pictures.
    """

    data: str
    seed: int
    images: int
    classes: int
    pixels: Callable[[InputContract], Iterable[Pixels]]
    dataset: Dataset | None = None


@dataclass(frozen=True)
class CalibrationImages:
    """What calibration and parity see.

    Attributes:
        pixels: the first of them, at most :data:`KEPT`: uint8 (images, height, width, channels).
        tensors: file of all of them (:mod:`mobilecnn.train.inputs`).
        manifest: which they are.
    """

    pixels: Pixels
    tensors: Path
    manifest: ImageManifest

    @property
    def random(self) -> bool:
        """Whether they are noise, so that no range that they give means anything."""
        return self.manifest.data == RANDOM


def choose(calibration: Calibration | None, remarked: Remarked = no_remark) -> ChosenImages:
    """The images to calibrate and compare on; random pictures where there is no calibration.

    Args:
        calibration: what is asked for.
        remarked: told what of the data is not used, or not as one might expect.

    Raises:
        DataError: the folder is missing, or holds no images, or none that can be read.
    """
    if calibration is None or calibration.source == RANDOM:
        count, seed = RANDOM_IMAGES, 0
        if calibration is not None:
            count, seed = min(calibration.samples, RANDOM_IMAGES), calibration.seed
        return ChosenImages(RANDOM, seed, count, 0, lambda contract: random_pixels(count, contract, seed))
    chosen = chosen_from(calibration, remarked)
    classes = len(set(chosen.labels.tolist()))
    return ChosenImages(
        chosen.name,
        calibration.seed,
        len(chosen),
        classes,
        lambda contract: chosen.pixels(contract, remarked),
        chosen,
    )


def chosen_from(calibration: Calibration, remarked: Remarked = no_remark) -> Dataset:
    """The images of a data set that calibrate: of one that is divided into parts, of those to train on.

    Raises:
        DataError: the folder is missing, or holds no images, or none that can be read.
    """
    dataset = datasets.load(calibration.source, "train")
    for remark in dataset.remarks:
        remarked(remark)
    chosen = dataset.sample(calibration.samples, calibration.seed)
    return chosen.readable(remarked) if calibration.skip_bad else chosen


def prepare(chosen: ChosenImages, contract: InputContract, tensors: Path) -> CalibrationImages:
    """Decode the chosen images as ``contract`` says, and write them to the file of inputs ``tensors``.

    Raises:
        DataError: an image is damaged, or there is none.
        EnvironmentProblem: there is no room for the file.
    """
    digest = hashlib.sha256()
    first: list[Pixels] = []

    def decoded() -> Iterator[Pixels]:
        for pixels in chosen.pixels(contract):
            digest.update(pixels.tobytes())
            if len(first) < KEPT:
                first.append(pixels)
            yield pixels

    write_inputs(tensors, decoded(), contract, chosen.images)
    manifest = ImageManifest(chosen.data, chosen.seed, chosen.images, chosen.classes, digest.hexdigest())
    return CalibrationImages(np.stack(first), tensors, manifest)
