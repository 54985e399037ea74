"""In the child that quantizes: the ranges of the activations, after some of the images, of each half of them, and clipped ones."""

import math
from array import array
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.schema_py_generated import ActivationFunctionType

from mobilecnn import tensors
from mobilecnn.convert.graph.flatbuffer import Graph, Tensor
from mobilecnn.convert.lowering.ends import INPUT_NAME, OUTPUT_NAME, SIGNATURE
from mobilecnn.train.inputs import slices

STOPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
"""Numbers of images after which the ranges are noted."""

STRETCHED = 2.0
"""Ratio of a tensor's range over all images to its range over a share of them, from which on it is clipped."""

EACH = "each"
"""Member of a calibrator's row: the smallest and the largest value in each of the first :data:`MOST` images, one after the other."""

MOST = 2000
"""Number of images whose ranges are kept, at most, so that more of them need no more memory."""

ONE_SCALE = (
    "AVERAGE_POOL_2D", "CONCATENATION", "GATHER", "MAX_POOL_2D", "MIRROR_PAD", "PACK", "PAD", "PADV2", "RESHAPE",
    "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "SLICE", "SPLIT", "STRIDED_SLICE", "TRANSPOSE", "UNPACK",
)  # fmt: skip
"""Operators whose inputs and outputs have one scale in a quantized file."""

CAPPED = (ActivationFunctionType.RELU6, ActivationFunctionType.RELU_N1_TO_1)
"""Fused activations with an upper end."""

LEAST_OF_CAPPED = 6.01 / 2**31
"""Scale, the smallest of a tensor that ends with a fused ReLU6: the built-in kernels refuse a file in which 6 is no code of 32 bits."""

LEAST_OF_SOFTMAX = 1.01 / 2**26
"""Scale, the smallest of what SOFTMAX reads: LiteRT's reference kernels end the process at smaller ones."""

LEAST_OF_SUM = 1 / 2**13
"""Ratio, the smallest between the range of a sum and the larger range of its terms: kernels for int16 end the process at half of
it. What is left of terms that cancel further is below their own steps."""

Ranges = dict[str, tuple[float, float]]


def keep_each(row: dict[str, Any], seen: dict[str, Any]) -> dict[str, Any]:
    """The library's row of a tensor after one more image: the smallest and the largest value of all, and those of each image.

    Args:
        row: the row so far; after the first image that is what was seen of it.
        seen: that of the image, arrays ``min`` and ``max`` of one shape.
    """
    each = row.get(EACH, array("f"))
    for ends in (seen,) if each else (row, seen):
        if len(each) < 2 * MOST:
            each.extend((float(np.min(ends["min"])), float(np.max(ends["max"]))))
    return {
        "min": np.minimum(row["min"], seen["min"]),
        "max": np.maximum(row["max"], seen["max"]),
        EACH: each,
    }


def groups(graph: Graph) -> list[set[str]]:
    """The activations that have one scale in a quantized file, by name: those of operators that only move or select values."""
    made: list[set[str]] = []
    for operation in graph.operations:
        tensors = [tensor for tensor in operation.inputs if tensor is not None and not tensor.constant]
        joined = {tensor.name for tensor in (*tensors, *operation.outputs)}
        if operation.kind in ONE_SCALE:
            apart = [one for one in made if not one & joined]
            made = [*apart, joined.union(*(one for one in made if one & joined))]
    return made


def held(graph: Graph) -> set[str]:
    """The tensors that are not clipped: what a file is given may be anything that a picture may be, whatever most of these
    are, and scores are compared with each other. With them all that operators between give one scale."""
    names = {INPUT_NAME, OUTPUT_NAME}
    return names.union(*(one for one in groups(graph) if one & names))


def clipped(
    rows: dict[str, Any], share: float | None, kept: Collection[str] = ()
) -> tuple[dict[str, Any], list[float]]:
    """The rows that the quantizer is given, of those that :func:`keep_each` made.

    Args:
        rows: tensor -> row.
        share: share of the images, rounded down, whose smallest values a range reaches, and the same of the largest ones;
            None for all.
        kept: tensors that are not clipped.

    Returns:
        The rows, and of each tensor whose range was clipped how many times as wide it was.
    """
    made: dict[str, Any] = {}
    times: list[float] = []
    for name, row in rows.items():
        made[name] = {member: value for member, value in row.items() if member != EACH}
        if share is None or EACH not in row or name in kept:
            continue
        lows, highs = (np.sort(ends) for ends in np.reshape(row[EACH], (-1, 2)).T)
        last = max(1, math.floor(share * len(highs) + 1e-9)) - 1
        # Every range of the quantizer has a code for 0.
        low, high = min(0.0, float(lows[-1 - last])), max(0.0, float(highs[last]))
        whole, part = max(0.0, float(np.max(row["max"]))) - min(0.0, float(np.min(row["min"]))), high - low
        if part > 0 and whole >= STRETCHED * part:
            made[name] |= {"min": np.full_like(row["min"], low), "max": np.full_like(row["max"], high)}
            times.append(whole / part)
    return made, times


def widened(rows: dict[str, Any], graph: Graph, steps: int) -> dict[str, Any]:
    """The rows, with ranges so large that every runtime takes their scales.

    They differ in networks of which nearly nothing is left on the way: with random weights, or in channels that are dead.

    Args:
        rows: tensor -> row.
        graph: the float32 file.
        steps: number of steps of a scale between 0 and the largest value.
    """
    made = dict(rows)
    one_scale = groups(graph)

    def width(tensor: Tensor | None) -> float:
        row = {} if tensor is None else made.get(tensor.name, {})
        # Every range of the quantizer has a code for 0.
        return (
            max(0.0, float(np.max(row["max"]))) - min(0.0, float(np.min(row["min"]))) if "max" in row else 0.0
        )

    def widen(tensors: Iterable[Tensor | None], least: float) -> bool:
        names = {tensor.name for tensor in tensors if tensor is not None}
        changed = False
        for name in names.union(*(one for one in one_scale if one & names)):
            if "max" in (row := made.get(name, {})) and np.max(row["max"]) < least:
                made[name], changed = {**row, "max": np.maximum(row["max"], least)}, True
        return changed

    def pass_over() -> bool:
        changed = False
        for operation in graph.operations:
            if getattr(operation.options, "fusedActivationFunction", None) in CAPPED:
                changed |= widen(operation.outputs, LEAST_OF_CAPPED * steps)
            if operation.kind == "SOFTMAX":
                changed |= widen(operation.inputs, LEAST_OF_SOFTMAX * steps)
            if operation.kind in ("ADD", "SUB"):
                changed |= widen(operation.outputs, LEAST_OF_SUM * max(map(width, operation.inputs)))
        return changed

    while pass_over():  # What has one scale with a sum may be a term of an earlier one.
        pass
    return made


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
