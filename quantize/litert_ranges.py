"""In the child that quantizes: the ranges of the activations, after some of the images and of each half of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mobilecnn import tensors
from mobilecnn.convert.lowering.ends import INPUT_NAME, SIGNATURE
from mobilecnn.train.inputs import slices

STOPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
"""Numbers of images after which the ranges are noted."""

Ranges = dict[str, tuple[float, float]]


def ranges(calibrator: Callable[[], Any], inputs: Path) -> dict[str, Any]:
    """The ranges as they grow, and those of two disjoint halves.

    Args:
        calibrator: makes a calibrator of the library, which keeps the smallest and the largest value.
        inputs: the images (:mod:`mobilecnn.train.inputs`).

    Returns:
        ``stops``, [number of images, tensor -> [smallest, largest]] each, the last one for all, and ``halves``, two of the
        latter, or none of a single image.
    """
    count = tensors.shape(inputs)[0]
    middle = count // 2
    halves = [calibrator(), calibrator()]
    stops: list[tuple[int, Ranges]] = []
    done = 0
    for images in slices(inputs):
        for image in images:
            halves[done >= middle].calibrate({SIGNATURE: [{INPUT_NAME: image[None]}]}, None)
            done += 1
            if done in STOPS or done == count:
                stops.append((done, _joined(*map(_of, halves))))
    return {"stops": stops, "halves": [_of(half) for half in halves] if middle else []}


def _of(calibrator: Any) -> Ranges:
    return {
        name: (float(np.min(values["min"])), float(np.max(values["max"])))
        for name, values in calibrator.get_model_qsvs().items()
        if "min" in values
    }


def _joined(first: Ranges, second: Ranges) -> Ranges:
    both = {**first, **second}
    for name in set(first) & set(second):
        both[name] = (min(first[name][0], second[name][0]), max(first[name][1], second[name][1]))
    return both
