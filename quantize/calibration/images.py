"""Choosing images, bringing them to the network's size, and writing them for the children."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from mobilecnn.contract import InputContract
from mobilecnn.convert.checks import ImageManifest
from mobilecnn.errors import UsageError
from mobilecnn.quantize.inference import write_inputs
from mobilecnn.remarks import Remarked, no_remark
from mobilecnn.train import datasets
from mobilecnn.train.datasets.dataset import Dataset
from mobilecnn.train.datasets.identity import known
from mobilecnn.train.images import Pixels, random_pixels

RANDOM = "random"
"""Source of calibration by noise: the file runs at its true speed and its answers mean nothing."""

RANDOM_IMAGES = 8
"""Number of random pictures, at most."""

HELD_OUT = 1 / 3
"""Share of the images of a data set that calibration does not see: the files are judged by them."""

JUDGED = 200
"""Largest number of these images that the files are asked for. A file that agrees on 95 % of 200 is surely above 90 %, and
one of 100 is not."""

KEPT = 8
"""Number of images that stay in memory, at most."""


@dataclass(frozen=True)
class Calibration:
    """The representative data set that is asked for.

    Attributes:
        source: a folder of images (class folders or loose), ``digits``, or ``random``.
        samples: largest number of images to calibrate on, the classes taking turns.
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
        pixels: gives the images at a contract's size, uint8 (height, width, channels) each, and behind them those held out.
        dataset: the images; None of random pictures.
        held_out: other images of the same data set, to judge the files by; None where there are none.
    """

    data: str
    seed: int
    images: int
    classes: int
    pixels: Callable[[InputContract], Iterable[Pixels]]
    dataset: Dataset | None = None
    held_out: Dataset | None = None


@dataclass(frozen=True)
class CalibrationImages:
    """What calibration sees, and what the files are judged by.

    Attributes:
        pixels: the first of them, at most :data:`KEPT`: uint8 (images, height, width, channels).
        tensors: file of all of them (:mod:`mobilecnn.train.inputs`).
        manifest: which they are.
        held_out: images that the files are judged by; None where there are none but these.
        leaked: number of those held out whose content one of these has.
    """

    pixels: Pixels
    tensors: Path
    manifest: ImageManifest
    held_out: "CalibrationImages | None" = None
    leaked: int = 0

    @property
    def random(self) -> bool:
        """Whether they are noise, so that no range that they give means anything."""
        return self.manifest.data == RANDOM

    @property
    def judging(self) -> "CalibrationImages":
        """The images that the files are judged by: those held out or, where there are none, these."""
        return self if self.held_out is None else self.held_out


def choose(calibration: Calibration | None, remarked: Remarked = no_remark) -> ChosenImages:
    """The images to calibrate on, and those to judge by; random pictures where there is no calibration.

    A third of the data set is held out from the calibration, of each class and by its groups, so that the files are judged
    by images that are new to them. A set of so few images that none can be spared has none.

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
    dataset = datasets.load(calibration.source, "train")
    for remark in dataset.remarks:
        remarked(remark)
    calibrating, judging = dataset.split(HELD_OUT, calibration.seed)
    first = calibrating.sample(calibration.samples, calibration.seed)
    # One after the other as one data set, so that what is said of them is said once.
    both = _joined(first, judging.sample(JUDGED, calibration.seed))
    count = len(first)
    if calibration.skip_bad:
        both = both.readable(remarked)
        left = {id(image) for image in both.images}
        count = sum(id(image) in left for image in first.images) or len(both)
    chosen, held_out = both.subset(range(count)), both.subset(range(count, len(both)))
    return ChosenImages(
        chosen.name,
        calibration.seed,
        len(chosen),
        _classes(chosen),
        partial(both.pixels, remarked=remarked),
        chosen,
        held_out if len(held_out) else None,
    )


def _joined(first: Dataset, second: Dataset) -> Dataset:
    """The images of two parts of one data set, those of the first in front."""
    return replace(
        first,
        images=[*first.images, *second.images],
        labels=np.concatenate([first.labels, second.labels]),
        groups=(*first.groups, *second.groups),
        sha256=(*first.sha256, *second.sha256),
    )


def _classes(dataset: Dataset) -> int:
    return len(set(dataset.labels.tolist()))


def prepare(chosen: ChosenImages, contract: InputContract, tensors: Path) -> CalibrationImages:
    """Decode the chosen images as ``contract`` says, and write them to the file of inputs ``tensors``.

    Those to judge by go into a file beside it.

    Raises:
        DataError: an image is damaged, or there is none.
        EnvironmentProblem: there is no room for the file.
    """
    pixels = iter(chosen.pixels(contract))
    written = _written(pixels, chosen.images, contract, tensors)
    manifest = ImageManifest(chosen.data, chosen.seed, chosen.images, chosen.classes, written.manifest.sha256)
    judged = None
    if (held_out := chosen.held_out) is not None:
        there = tensors.with_name(f"judged-{tensors.name}")
        judged = _written(pixels, len(held_out), contract, there)
        kept = replace(
            manifest, images=len(held_out), classes=_classes(held_out), sha256=judged.manifest.sha256
        )
        judged = replace(judged, manifest=kept)
    for _ in pixels:  # What is told at the end of the images is told at their end.
        raise AssertionError("more images than were chosen")
    if chosen.dataset is not None:
        each = known(chosen.dataset, range(len(chosen.dataset)))
        manifest = replace(manifest, each=tuple(each.values()))
    leaked = 0
    if held_out is not None:
        calibrating = set(manifest.each)
        leaked = sum(one in calibrating for one in known(held_out, range(len(held_out))).values())
    return replace(written, manifest=manifest, held_out=judged, leaked=leaked)


def _written(
    pixels: Iterator[Pixels], count: int, contract: InputContract, tensors: Path
) -> CalibrationImages:
    """The next images, written to a file of inputs; its manifest knows no more than their digest."""
    digest = hashlib.sha256()
    first: list[Pixels] = []

    def decoded() -> Iterator[Pixels]:
        for image in islice(pixels, count):
            digest.update(image.tobytes())
            if len(first) < KEPT:
                first.append(image)
            yield image

    write_inputs(tensors, decoded(), contract, count)
    manifest = ImageManifest("", 0, count, 0, digest.hexdigest())
    return CalibrationImages(np.stack(first), tensors, manifest)
