"""What runs pictures for the judgement of rewrites: the golden ones, and as many as make enough answers.

Three golden pictures through a network of ten classes are thirty answers, in which a single one is three per cent. What is
said of a share or a mean of answers is said of :data:`ANSWERS` at least. Where there are fewer pictures, they are shifted, what
leaves at one edge coming in at the other: natural images stay natural nearly everywhere.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mobilecnn import tensors
from mobilecnn.contract import InputContract
from mobilecnn.convert.lowering.rewrites import Answers, Yardstick
from mobilecnn.quantize.calibration.images import CalibrationImages
from mobilecnn.quantize.inference import TfliteProcess
from mobilecnn.train import inputs
from mobilecnn.train.images import Pixels

ANSWERS = 1000
"""Number of answers by which a file is held against another one, at least; fewer where :data:`MOST_PICTURES` give fewer."""

FEWEST_PICTURES, MOST_PICTURES = 3, 100
"""Smallest number of pictures for that, and the largest, with which it takes seconds."""

SHIFTS = 7
"""Number of shifts of a picture, by a seventh of its sides each, before the same one comes again."""


def runs(
    tflite: TfliteProcess, pictures: Iterable[Pixels], count: int, contract: InputContract, stem: Path
) -> Answers:
    """What runs ``count`` pictures, uint8 (height, width, channels) each, on the content of a file; ``stem`` begins temporary paths."""
    given, candidate, scores = (
        stem.with_name(f"{stem.name}.{part}") for part in ("npy", "tflite", "scores.npy")
    )
    inputs.write(given, pictures, contract, count)

    def answers(content: bytes) -> npt.NDArray[np.float32]:
        candidate.write_bytes(content)
        tflite.run(candidate, given, scores)
        found: npt.NDArray[np.float32] = np.load(scores, allow_pickle=False)
        return found

    return answers


def yardstick(
    tflite: TfliteProcess,
    images: CalibrationImages,
    contract: InputContract,
    classes: int,
    float32: Path,
    work: Path,
) -> Callable[[], Yardstick]:
    """What gives the answers of the file ``float32`` for enough pictures; they are computed once, when they are first asked for.

    Args:
        tflite: the child that runs files.
        images: images that the pictures are taken of.
        contract: the network's input.
        classes: number of answers for a picture.
        float32: the file; it need not be there yet.
        work: folder for temporary files.
    """

    @cache
    def made() -> Yardstick:
        count = min(max(math.ceil(ANSWERS / classes), FEWEST_PICTURES), MOST_PICTURES)
        answers = runs(tflite, shifted(images.tensors, count), count, contract, work / "yardstick")
        return Yardstick(answers, answers(float32.read_bytes()))

    return made


def shifted(path: Path, count: int) -> Iterator[Pixels]:
    """``count`` pictures: those of a file of inputs (:mod:`mobilecnn.train.inputs`), and then the same, shifted."""
    shift = 0
    while count:
        for pixels in (picture for part in tensors.slices(path) for picture in part):
            if count == 0:
                return
            steps = [shift * side // SHIFTS for side in pixels.shape[:2]]
            yield np.roll(pixels, steps, axis=(0, 1))
            count -= 1
        shift += 1
