"""The error that quantization makes, operator by operator: where it arises, and how it adds up."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mobilecnn.convert.graph import flatbuffer
from mobilecnn.errors import ModelFileError
from mobilecnn.files import read_bytes, temporary_folder
from mobilecnn.quantize.classifiers import Classifier
from mobilecnn.quantize.equalization import ratio_of
from mobilecnn.quantize.inference import TfliteProcess, write_inputs
from mobilecnn.quantize.references import Pair
from mobilecnn.remarks import Remark, Remarked, no_remark, plural
from mobilecnn.train.datasets.dataset import Dataset

WIDE = 20.0
"""Ratio of the largest to the median range of the channels of a tensor from which on it is suspect. In healthy networks it is
9 at most, and in ones that int8 spoils 193 to 6,990."""

CHANNEL_AXIS = {"CONV_2D": 0, "FULLY_CONNECTED": 0, "DEPTHWISE_CONV_2D": 3, "TRANSPOSE_CONV": 0}
"""Operator with weights -> the axis of the weights that is the channel of its output."""


@dataclass(frozen=True)
class Layer:
    """One operator of a quantized file against the float32 file that it was made of.

    Attributes:
        index: place in the order in which they run, from 0.
        name: name of its first output.
        kind: ``CONV_2D``, ...
        shape: shape of that output.
        dtype: type of it in the quantized file.
        finite: whether its output has finite numbers only, in the running file and when it is given the float32 file's own inputs.
        isolated_db: SQNR in dB of its output when it is given the float32 file's own inputs: the error that it makes by
            itself; None where it cannot run apart, is exact, or is not finite.
        accumulated_db: SQNR in dB in the running file: with all errors before it; None where the float32 file has no such
            tensor, is met exactly, or is not finite.
        cosine: cosine of the angle between both outputs in the running file; None where there is no counterpart, or one is not finite.
        weight_ratio: largest over median range of the channels of its weights; None without weights.
        channel_ratio: the same of its output in the float32 file; None where there is no counterpart.
        outside: share of the float32 file's values that the type cannot hold, and clips.
        limits: smallest and largest value that the type can hold; None of float32.
        values: smallest and largest value of the float32 file; None where there is no counterpart.
        histogram: number of its values in equal bins from the smallest to the largest.
    """

    index: int
    name: str
    kind: str
    shape: tuple[int, ...]
    dtype: str
    finite: bool
    isolated_db: float | None
    accumulated_db: float | None
    cosine: float | None
    weight_ratio: float | None
    channel_ratio: float | None
    outside: float
    limits: tuple[float, float] | None
    values: tuple[float, float] | None
    histogram: tuple[int, ...]

    @property
    def suspect(self) -> bool:
        """Whether some of its channels are so much wider than the others that one scale for all does not suit them."""
        return max(self.weight_ratio or 0, self.channel_ratio or 0) >= WIDE


@dataclass(frozen=True)
class LayerReport:
    """What the operators of a quantized file add to its error.

    Attributes:
        file: the quantized file.
        reference: the float32 file.
        data: the images.
        images: number of them.
        layers: the operators in the order in which they run.
        unmatched: number of operators whose output has no counterpart in the float32 file.
    """

    file: str
    reference: str
    data: str
    images: int
    layers: tuple[Layer, ...]
    unmatched: int

    @property
    def worst_first(self) -> tuple[Layer, ...]:
        """The operators: those whose output is not finite, in the order in which they run, then the one that makes the largest error by
        itself, and so on; those without a figure last."""

        def figure(layer: Layer) -> float:
            if not layer.finite:
                return -math.inf
            return math.inf if layer.isolated_db is None else layer.isolated_db

        return tuple(sorted(self.layers, key=figure))

    def to_json(self) -> dict[str, Any]:
        """The report as a JSON object, the operators with the largest error first."""
        return {**asdict(self), "layers": [asdict(layer) for layer in self.worst_first]}


def report(pair: Pair, dataset: Dataset, remarked: Remarked = no_remark) -> LayerReport:
    """What the operators of a quantized file add to its error, on all images of ``dataset``.

    Raises:
        ModelFileError: a file cannot be run, or the two are of different exports.
        DataError: an image cannot be read.
        EnvironmentProblem: the child process crashed.
    """
    ours = pair.quantized
    quantized, reference = ours.path, pair.float32.path
    halved = _equalized(ours)
    if halved:
        text = (
            f"{ours.path} was equalized: the channels of {plural(len(halved), 'tensor')} of the float32 file are compared as the file "
            "has them, divided by the powers of two in its passport"
        )
        remarked(Remark("equalized", len(halved), text))
    with temporary_folder() as work, TfliteProcess(f"that runs {quantized}") as process:
        inputs = work / "inputs.npy"
        write_inputs(inputs, dataset.pixels(ours.contract, remarked), ours.contract, len(dataset))
        rows = process.layers(reference, quantized, inputs, len(dataset), halved)
    ratios = _weight_ratios(reference)
    layers = tuple(_layer(index, row, ratios.get(row["name"])) for index, row in enumerate(rows))
    if not any(layer.values for layer in layers):
        raise ModelFileError(
            f"no tensor of {quantized} has the name of one of {reference}, so that they are of two exports; give --reference the "
            "float32 file of the same export"
        )
    missing = sum(layer.values is None for layer in layers)
    return LayerReport(str(quantized), str(reference), dataset.name, len(dataset), layers, missing)


def _equalized(ours: Classifier) -> dict[str, dict[str, int]]:
    """Name of a tensor that was equalized -> channel -> how often it was halved; empty of a file that was not.

    Raises:
        ModelFileError: it was, and its passport does not say by how much.
    """
    rows = ours.card.corrections if ours.card is not None else ()
    for row in rows:
        if row.name == "equalization" and row.applied:
            if not row.halved:
                raise ModelFileError(
                    f"{ours.path} was equalized, and its passport is of a version that does not say by how much, so that its "
                    "operators cannot be held against the float32 file's; export it again"
                )
            return row.halved
    return {}


def _layer(index: int, row: Mapping[str, Any], weight_ratio: float | None) -> Layer:
    total, alone = row["accumulated"], row.get("isolated")
    matched = total is not None
    return Layer(
        index=index,
        name=row["name"],
        kind=row["kind"],
        shape=tuple(row["shape"]),
        dtype=row["dtype"],
        finite=all(map(math.isfinite, (*(total or ()), *(alone or ())))),
        isolated_db=_ratio(alone),
        accumulated_db=_ratio(total),
        cosine=_cosine(total),
        weight_ratio=weight_ratio,
        channel_ratio=spread_ratio(row["ranges"]) if matched else None,
        outside=row["outside"] if matched else 0.0,
        limits=(row["limits"][0], row["limits"][1]) if matched and row["limits"] else None,
        values=(row["values"][0], row["values"][1]) if matched else None,
        histogram=tuple(row["histogram"]) if matched else (),
    )


def _ratio(sums: Sequence[float] | None) -> float | None:
    """SQNR in dB of signal and noise; None where there is no noise, or nothing to compare."""
    if sums is None or sums[1] <= 0 or not math.isfinite(sums[0] + sums[1]):
        return None
    return 10 * math.log10(max(sums[0], 1e-300) / sums[1])


def _cosine(sums: Sequence[float] | None) -> float | None:
    if sums is None or sums[0] <= 0 or sums[3] <= 0 or not math.isfinite(sum(sums)):
        return None
    return max(-1.0, min(1.0, sums[2] / math.sqrt(sums[0] * sums[3])))


def spread_ratio(ranges: Sequence[float]) -> float | None:
    """Largest over median of the ranges of channels that are not 0, as equalization has it; None of a single channel, and where
    all are 0."""
    widths = np.asarray(ranges, np.float64)
    return ratio_of(widths) if len(widths) > 1 and widths.any() else None


def _weight_ratios(reference: Path) -> dict[str, float | None]:
    """Name of an operator's output -> :func:`spread_ratio` of its float32 weights."""
    graph = flatbuffer.graph(read_bytes(reference, "model", ModelFileError), str(reference))
    found: dict[str, float | None] = {}
    for operation in graph.operations:
        weights = operation.inputs[1] if len(operation.inputs) > 1 else None
        axis = CHANNEL_AXIS.get(operation.kind)
        if axis is None or weights is None or weights.data is None or weights.dtype != "float32":
            continue
        values = np.frombuffer(weights.data.tobytes(), np.float32).reshape(weights.shape)
        rows = np.moveaxis(values, min(axis, values.ndim - 1), 0).reshape(
            values.shape[min(axis, values.ndim - 1)], -1
        )
        found[operation.outputs[0].name] = spread_ratio((2 * np.abs(rows).max(axis=1)).tolist())
    return found
