"""The layers with weights of a graph: where their input, weights and bias are, in a float file and in a quantized one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn.convert.graph import wellformed
from mobilecnn.convert.graph.edit import Editor

Reals = npt.NDArray[np.float64]

PLACES = {
    "CONV_2D": (0, 1, 2),
    "DEPTHWISE_CONV_2D": (0, 1, 2),
    "FULLY_CONNECTED": (0, 1, 2),
    "TRANSPOSE_CONV": (2, 1, 3),
}
"""Operator -> places of the activations, the weights and the bias among its inputs."""

STORED = ("float32", "float16", "int8")
"""Types of weights whose real values are known here."""


@dataclass(frozen=True)
class WeightedLayer:
    """An operator with constant weights.

    Attributes:
        operator: the schema's ``OperatorT``.
        kind: ``CONV_2D``, ... (a key of :data:`PLACES`).
        source: index of the tensor of activations that it reads.
        weights: index of the constant that holds its weights; of weights that are dequantized first, of what is stored.
        bias: index of the constant that holds its bias; -1 where it has none.
        output: index of the tensor that it writes.
    """

    operator: Any
    kind: str
    source: int
    weights: int
    bias: int
    output: int

    @property
    def channel_axis(self) -> int:
        """Axis of the weights along which the output channels lie."""
        return 3 if self.kind == "DEPTHWISE_CONV_2D" else 0


def weighted_layers(editor: Editor) -> tuple[WeightedLayer, ...]:
    """The layers with weights, in the order in which they run.

    The quantizer adds operators and tensors and leaves these in their order, so that the layers of a quantized file are
    those of the float file that it was made of, one by one.
    """
    return tuple(_layers(editor))


def _layers(editor: Editor) -> Iterator[WeightedLayer]:
    for operator in editor.operators:
        kind = editor.kind(operator)
        if kind not in PLACES:
            continue
        inputs = wellformed.indices(operator.inputs)
        source, weights, bias = (inputs[place] if place < len(inputs) else -1 for place in PLACES[kind])
        maker = editor.maker(weights) if weights >= 0 else None
        if maker is not None and editor.kind(maker) == "DEQUANTIZE":
            weights = wellformed.indices(maker.inputs)[0]
        if source < 0 or weights < 0 or (bias >= 0 and editor.tensor(bias).data is None):
            continue
        stored = editor.tensor(weights)
        if stored.data is None or stored.dtype not in STORED:
            continue
        yield WeightedLayer(operator, kind, source, weights, bias, wellformed.indices(operator.outputs)[0])


AT_ONCE = 1 << 22
"""Largest number of values of a constant that become float64 at a time, where a row has not more: 32 MiB."""


def real_values(editor: Editor, index: int) -> Iterator[tuple[int, Reals]]:
    """The numbers that a constant stands for, as a kernel computes with them: codes times scales, or floats.

    Zero points are 0, as those of weights and biases are.

    Args:
        editor: the graph.
        index: the constant, of a type of :data:`STORED`.

    Yields:
        The first row and the values of some rows, (rows, ...); a dense layer's weights may be too many for one array.
    """
    tensor = editor.tensor(index)
    assert tensor.data is not None
    stored = np.frombuffer(tensor.data.tobytes(), np.dtype(tensor.dtype)).reshape(tensor.shape)
    scales = np.array(tensor.scales or [1.0], np.float32).astype(np.float64)
    axis = editor.quantized_axis(index) if len(scales) > 1 else 0
    scales = scales.reshape([-1 if place == axis else 1 for place in range(stored.ndim)])
    step = max(1, AT_ONCE // max(1, stored[:1].size))
    for start in range(0, len(stored), step):
        rows = slice(start, start + step)
        yield start, stored[rows] * (scales[rows] if len(scales) > 1 else scales)
