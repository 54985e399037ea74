"""Files of one operator, several times over, with random weights: to find what it costs on a device."""

from collections.abc import Callable
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mobilecnn.convert.graph.build import ACTIVATION_SCALE, Layers
from mobilecnn.train import operators as kinds
from mobilecnn.train.operators import Operator

REPEATED = 3
"""Number of equal operators in a file, so that the call of the interpreter counts less."""

UNIT_SCALE = 1 / 256
"""Scale of an int8 tensor of numbers from 0 to 1, whose zero point is -128."""


def file_of(operator: Operator, dtype: str) -> bytes:
    """A .tflite file of :data:`REPEATED` operators of that kind and shape, side by side.

    Args:
        operator: an operator.
        dtype: type of the feature maps, one of :data:`mobilecnn.convert.graph.build.DTYPES`.
    """
    sides = (operator.rows, operator.kernel_rows), (operator.columns, operator.kernel_columns)
    if operator.kind == kinds.MEAN:
        height, width = (window for _, window in sides)
    elif operator.kind in (kinds.MAX_POOL, kinds.AVERAGE_POOL) and not operator.padded:
        height, width = ((count - 1) * operator.stride + window for count, window in sides)
    else:
        height, width = (count * operator.stride for count, _ in sides)
    share = operator.groups if operator.kind == kinds.CONCATENATION else 1
    graph = _Operators(dtype, height, width, operator.inputs // share or 1)
    written: list[int] = []
    for _ in range(REPEATED):
        written += _WRITERS[operator.kind](graph, operator)
    return graph.pack(*written)


STREAM_CHANNELS = {"float32": 128, "int8": 256}
"""Type -> channels of the convolutions of :func:`chain`, whose weights are 64 KB each."""

STREAM_SIDE = 7
"""Side of their feature maps, that of most layers with many weights."""

STREAM_BYTES = 1 << 16
"""Bytes of the weights of one of them."""


def chain(length: int, dtype: str) -> bytes:
    """A .tflite file of pointwise convolutions in a row, each with 64 KB of weights of its own."""
    channels = STREAM_CHANNELS[dtype]
    graph = Layers(dtype, STREAM_SIDE, STREAM_SIDE, channels)
    last = graph.input
    for _ in range(length):
        last = graph.conv(last, channels)
    return graph.pack(last)


class _Operators(Layers):
    """Operators that read the graph's inputs."""

    def __init__(self, dtype: str, height: int, width: int, channels: int) -> None:
        super().__init__(dtype, height, width, channels)
        self.other = -1

    def pack(self, *outputs: int) -> bytes:
        """The .tflite file whose outputs are these feature maps; a second input is one too."""
        inputs = [self.input] if self.other < 0 else [self.input, self.other]
        return self._packed(inputs, outputs)

    def second(self, shape: tuple[int, ...]) -> int:
        """The second input, one for all operators."""
        if self.other < 0:
            self.other = self._map(shape, "other")
        return self.other

    def convolution(self, operator: Operator) -> list[int]:
        """One of :meth:`conv` or :meth:`depthwise` with any kernel and stride."""
        shape = 1, operator.rows, operator.columns, operator.outputs
        if operator.kind == kinds.DEPTHWISE:
            depthwise = schema.DepthwiseConv2DOptionsT()
            depthwise.depthMultiplier = operator.outputs // operator.inputs
            options: Any = depthwise
            kernel, axis = (1, operator.kernel_rows, operator.kernel_columns, operator.outputs), 3
        else:
            options = schema.Conv2DOptionsT()
            each = operator.inputs // operator.groups
            kernel, axis = (operator.outputs, operator.kernel_rows, operator.kernel_columns, each), 0
        self._convolution(options, relu=True)
        options.strideW = options.strideH = operator.stride
        fan_in = operator.weights // operator.outputs
        inputs = [self.input, *self._weights(kernel, fan_in, operator.outputs, channel_axis=axis)]
        name = "DEPTHWISE_CONV_2D" if operator.kind == kinds.DEPTHWISE else "CONV_2D"
        return [self._operator(name, options, inputs, shape)]

    def dense(self, operator: Operator) -> list[int]:
        """A dense layer."""
        options = schema.FullyConnectedOptionsT()
        shape = operator.outputs, operator.inputs
        weights = self._weights(shape, operator.inputs, operator.outputs, channel_axis=0)
        flat = self.reshape(self.input, (1, operator.inputs))
        return [self._operator("FULLY_CONNECTED", options, [flat, *weights], (1, operator.outputs))]

    def pool(self, operator: Operator) -> list[int]:
        """A pool; an int8 average is computed in float32, as an export writes one that is no convolution."""
        options = schema.Pool2DOptionsT()
        options.strideW = options.strideH = operator.stride
        options.filterHeight, options.filterWidth = operator.kernel_rows, operator.kernel_columns
        options.padding = schema.Padding.SAME if operator.padded else schema.Padding.VALID
        shape = _shape(operator)
        if operator.kind == kinds.MAX_POOL:
            return [self._operator("MAX_POOL_2D", options, [self.input], shape)]
        if self._small:
            return [self._in_float("AVERAGE_POOL_2D", options, shape)]
        return [self._operator("AVERAGE_POOL_2D", options, [self.input], shape)]

    def mean(self, operator: Operator) -> list[int]:
        """The mean of all places."""
        options = schema.ReducerOptionsT()
        options.keepDims = True
        axes = self._constant("axes", np.array([1, 2], np.int32), schema.TensorType.INT32)
        return [self._operator("MEAN", options, [self.input, axes], _shape(operator))]

    def binary(self, operator: Operator) -> list[int]:
        """A sum or a product of two feature maps, or of one and a number a channel."""
        shape = _shape(operator)
        gate = operator.kind == kinds.GATE
        other = self.second((1, 1, 1, operator.outputs) if gate else shape)
        name, options = (
            ("ADD", schema.AddOptionsT()) if operator.kind == kinds.ADD else ("MUL", schema.MulOptionsT())
        )
        return [self._operator(name, options, [self.input, other], shape)]

    def scale(self, operator: Operator) -> list[int]:
        """A product with, and then a sum with a constant a channel."""
        shape = _shape(operator)
        made = self.input
        for name, options in (("MUL", schema.MulOptionsT()), ("ADD", schema.AddOptionsT())):
            made = self._operator(name, options, [made, self._numbers(operator.outputs)], shape)
        return [made]

    def joined(self, operator: Operator) -> list[int]:
        """A concatenation of channels, of equal inputs."""
        others = [self.second(self._shape(self.input))] * (operator.groups - 1)
        return [self.concatenation([self.input, *others])]

    def unary(self, operator: Operator) -> list[int]:
        """An operator on each number by itself, or a softmax; what XNNPACK takes in float32 only is computed in float32."""
        name, options, in_float, unit = {
            kinds.HARD_SWISH: ("HARD_SWISH", schema.HardSwishOptionsT(), True, False),
            kinds.SOFTMAX: ("SOFTMAX", schema.SoftmaxOptionsT(), True, True),
            kinds.SIGMOID: ("LOGISTIC", None, False, True),
            kinds.TANH: ("TANH", None, False, False),
            kinds.RELU: ("RELU", None, False, False),
        }[operator.kind]
        if operator.kind == kinds.SOFTMAX:
            options.beta = 1.0
        shape, source = _shape(operator), self.input
        if self._small and name == "RELU":
            name, options = "QUANTIZE", schema.QuantizeOptionsT()
        if not (self._small and in_float):
            made = self._operator(name, options, [source], shape)
            if self._small and unit:
                self._unit(made)
            if self._small and name == "TANH":
                self._quantize(made, (1 / 128,), 0)
            return [made]
        made = self._in_float(name, options, shape)
        if unit:
            self._unit(made)
        return [made]

    def _in_float(self, name: str, options: Any, shape: tuple[int, ...]) -> int:
        """An operator on float32 values of the int8 input, and its result in int8."""
        given = self._shape(self.input)
        floats = self._floats(given), self._floats(shape)
        self._operator("DEQUANTIZE", schema.DequantizeOptionsT(), [self.input], given, floats[0])
        self._operator(name, options, [floats[0]], shape, floats[1])
        return self._operator("QUANTIZE", schema.QuantizeOptionsT(), [floats[1]], shape)

    def _floats(self, shape: tuple[int, ...]) -> int:
        return self._tensor(f"float_{len(self._graph.tensors)}", shape, schema.TensorType.FLOAT32, 0)

    def _unit(self, index: int) -> None:
        """Let an int8 tensor hold numbers from 0 to 1."""
        self._quantize(index, (UNIT_SCALE,), 0)
        self._graph.tensors[index].quantization.zeroPoint = np.array([-128], np.int64)

    def _numbers(self, count: int) -> int:
        """A constant of a number a channel."""
        if not self._small:
            return self._constant("numbers", self._rng.normal(1, 0.1, count).astype(np.float32), self._kind)
        index = self._constant("numbers", self._rng.integers(16, 64, count, np.int8), self._kind)
        self._quantize(index, (ACTIVATION_SCALE,), 0)
        return index


def _shape(operator: Operator) -> tuple[int, ...]:
    return 1, operator.rows, operator.columns, operator.outputs


_WRITERS: dict[str, Callable[[_Operators, Operator], list[int]]] = {
    kinds.CONVOLUTION: _Operators.convolution,
    kinds.DEPTHWISE: _Operators.convolution,
    kinds.DENSE: _Operators.dense,
    kinds.MAX_POOL: _Operators.pool,
    kinds.AVERAGE_POOL: _Operators.pool,
    kinds.MEAN: _Operators.mean,
    kinds.SHUFFLE: lambda graph, operator: [graph.shuffle(graph.input, operator.groups)],
    kinds.SPLIT: lambda graph, operator: graph.split(graph.input, operator.groups),
    kinds.CONCATENATION: _Operators.joined,
    kinds.ADD: _Operators.binary,
    kinds.MULTIPLY: _Operators.binary,
    kinds.GATE: _Operators.binary,
    kinds.SCALE: _Operators.scale,
    kinds.HARD_SWISH: _Operators.unary,
    kinds.SIGMOID: _Operators.unary,
    kinds.TANH: _Operators.unary,
    kinds.SOFTMAX: _Operators.unary,
    kinds.RELU: _Operators.unary,
}
