"""Synthetic graphs: small .tflite files of layers with random weights, to time and not to trust.

Experiments on latency need networks of nothing but layers of one kind. Here they are written straight
into the flatbuffer, without a training framework or a converter.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from mobilecnn.convert.graph import flatbuffer

DTYPES = ("float32", "int8")
"""Types of the feature maps and weights of a synthetic graph."""

ACTIVATION_SCALE = 1 / 32
"""Scale of every int8 feature map: values reach from -4 to 4, four deviations of what the layers yield."""

_VERSIONS = {
    "CONV_2D": (1, 3),
    "DEPTHWISE_CONV_2D": (1, 3),
    "ADD": (1, 2),
    "RESHAPE": (1, 1),
    "TRANSPOSE": (1, 2),
    "MUL": (1, 2),
    "CONCATENATION": (1, 2),
    "SPLIT": (1, 2),
    "MEAN": (1, 2),
    "FULLY_CONNECTED": (1, 7),
    "MAX_POOL_2D": (1, 2),
    "AVERAGE_POOL_2D": (1, 2),
    "SOFTMAX": (1, 1),
    "HARD_SWISH": (1, 1),
    "LOGISTIC": (1, 2),
    "TANH": (1, 2),
    "RELU": (1, 1),
    "QUANTIZE": (1, 2),
    "DEQUANTIZE": (1, 2),
}
"""Versions by operator: for float32, and for int8 with a scale for each channel (as the converter writes them)."""


class Layers:
    """A graph that grows layer by layer. Feature maps are (1, height, width, channels)."""

    def __init__(self, dtype: str, height: int, width: int, channels: int, seed: int = 0) -> None:
        """Begin with the input.

        Args:
            dtype: type of the feature maps and the weights, one of :data:`DTYPES`.
            height, width, channels: shape of the input.
            seed: seed of the random weights.
        """
        assert dtype in DTYPES
        self._small = dtype == "int8"
        self._kind = schema.TensorType.INT8 if self._small else schema.TensorType.FLOAT32
        self._rng = np.random.default_rng(seed)
        self._model, self._graph = schema.ModelT(), schema.SubGraphT()
        self._model.version = 3
        self._model.buffers = [schema.BufferT()]  # The first is empty, as the schema demands.
        self._model.operatorCodes, self._model.subgraphs = [], [self._graph]
        self._graph.tensors, self._graph.operators = [], []
        self.input = self._map((1, height, width, channels), "image")
        self._inputs = [self.input]

    def add_input(self, height: int, width: int, channels: int) -> int:
        """Another input of the graph: the index of its feature map, (1, height, width, channels)."""
        self._inputs.append(self._map((1, height, width, channels), f"image_{len(self._inputs)}"))
        return self._inputs[-1]

    def conv(self, x: int, out: int, kernel: int = 1, groups: int = 1, relu: bool = True) -> int:
        """A convolution with bias, stride 1, "same" padding.

        Args:
            x: index of the feature map it reads: :attr:`input`, or what another method returned.
            out: number of output channels; like the number of input channels a multiple of ``groups``.
            kernel: side of the kernel.
            groups: number of groups of channels, each of which sees itself only.
            relu: whether a ReLU follows, in the same operator.

        Returns:
            The index of the feature map it writes.
        """
        _, height, width, channels = self._shape(x)
        assert channels % groups == out % groups == 0
        options = schema.Conv2DOptionsT()
        shape = (out, kernel, kernel, channels // groups)
        self._convolution(options, relu)
        inputs = [x, *self._weights(shape, math.prod(shape[1:]), out, channel_axis=0)]
        return self._operator("CONV_2D", options, inputs, (1, height, width, out))

    def strided(self, x: int, out: int, kernel: tuple[int, int], stride: tuple[int, int]) -> int:
        """A convolution of all channels with a stride, bias, ReLU and "same" padding; ``kernel`` and ``stride`` are (down, along)."""
        _, height, width, channels = self._shape(x)
        options, shape = schema.Conv2DOptionsT(), (out, *kernel, channels)
        self._convolution(options, True)
        options.strideH, options.strideW = stride
        inputs = [x, *self._weights(shape, math.prod(shape[1:]), out, channel_axis=0)]
        return self._operator(
            "CONV_2D", options, inputs, (1, -(-height // stride[0]), -(-width // stride[1]), out)
        )

    def depthwise(self, x: int, kernel: int = 3, relu: bool = True, stride: int = 1) -> int:
        """A depthwise convolution with bias, "same" padding; arguments as in :meth:`conv`."""
        _, height, width, channels = self._shape(x)
        options = schema.DepthwiseConv2DOptionsT()
        options.depthMultiplier = 1
        self._convolution(options, relu)
        options.strideH = options.strideW = stride
        weights = self._weights((1, kernel, kernel, channels), kernel**2, channels, channel_axis=3)
        shape = (1, -(-height // stride), -(-width // stride), channels)
        return self._operator("DEPTHWISE_CONV_2D", options, [x, *weights], shape)

    def add(self, x: int, y: int, relu: bool = False) -> int:
        """The sum of two feature maps, element by element."""
        options = schema.AddOptionsT()
        options.fusedActivationFunction = _activation(relu)
        return self._operator("ADD", options, [x, y], self._shape(x))

    def split(self, x: int, parts: int) -> list[int]:
        """The channels in equal parts, one after another."""
        shape = self._shape(x)
        options = schema.SplitOptionsT()
        options.numSplits = parts
        axis = self._constant("axis", np.array(3, np.int32), schema.TensorType.INT32)
        part = (*shape[:-1], shape[-1] // parts)
        first = self._operator("SPLIT", options, [axis, x], part)
        made = [first, *(self._map(part, f"part_{first}_{number}") for number in range(1, parts))]
        self._graph.operators[-1].outputs = np.array(made, np.int32)
        return made

    def concatenation(self, parts: Sequence[int]) -> int:
        """The channels of several feature maps, one after another."""
        options = schema.ConcatenationOptionsT()
        options.axis = 3
        channels = sum(self._shape(part)[-1] for part in parts)
        return self._operator("CONCATENATION", options, list(parts), (*self._shape(parts[0])[:-1], channels))

    def reshape(self, x: int, shape: tuple[int, ...]) -> int:
        """The same values in another ``shape``."""
        options = schema.ReshapeOptionsT()
        options.newShape = np.array(shape, np.int32)
        wanted = self._constant("shape", np.array(shape, np.int32), schema.TensorType.INT32)
        return self._operator("RESHAPE", options, [x, wanted], shape)

    def shuffle(self, x: int, groups: int) -> int:
        """The channel shuffle of ShuffleNet: the first channel of each of the groups, then the second of each, and so on."""
        _, height, width, channels = self._shape(x)
        each = channels // groups
        folded = self.reshape(x, (1, height * width, groups, each))
        order = self._constant("order", np.array([0, 1, 3, 2], np.int32), schema.TensorType.INT32)
        shape = (1, height * width, each, groups)
        turned = self._operator("TRANSPOSE", schema.TransposeOptionsT(), [folded, order], shape)
        return self.reshape(turned, (1, height, width, channels))

    def pack(self, *outputs: int) -> bytes:
        """The .tflite file whose outputs are these feature maps."""
        return self._packed(self._inputs, outputs)

    def _packed(self, inputs: Sequence[int], outputs: Sequence[int]) -> bytes:
        self._graph.inputs = np.array(inputs, np.int32)
        self._graph.outputs = np.array(outputs, np.int32)
        return flatbuffer.pack(self._model)

    def _convolution(self, options: Any, relu: bool) -> None:
        options.strideW = options.strideH = options.dilationWFactor = options.dilationHFactor = 1
        options.padding = schema.Padding.SAME
        options.fusedActivationFunction = _activation(relu)

    def _weights(self, shape: tuple[int, ...], fan_in: int, out: int, channel_axis: int) -> tuple[int, int]:
        """Indices of kernel and bias, with values that keep the deviation of feature maps near 1."""
        deviation = math.sqrt(2 / fan_in)
        if not self._small:
            values = self._rng.normal(0, deviation, shape).astype(np.float32)
            bias = np.zeros(out, np.float32)
            kinds = (self._kind, self._kind)
            return self._constant("kernel", values, kinds[0]), self._constant("bias", bias, kinds[1])
        # Uniform integers from -127 to 127 have a deviation of 73.6.
        scale = deviation / 73.6
        kernel = self._constant("kernel", self._rng.integers(-127, 128, shape, np.int8), self._kind)
        zero = self._constant("bias", np.zeros(out, np.int32), schema.TensorType.INT32)
        self._quantize(kernel, (scale,) * out, channel_axis)
        self._quantize(zero, (scale * ACTIVATION_SCALE,) * out, 0)
        return kernel, zero

    def _operator(
        self, name: str, options: Any, inputs: list[int], shape: tuple[int, ...], output: int | None = None
    ) -> int:
        """Add an operator, and the feature map of ``shape`` that it writes unless that is there; None for no options."""
        if output is None:
            output = self._map(shape, f"{name.lower()}_{len(self._graph.operators)}")
        operator = schema.OperatorT()
        operator.opcodeIndex = self._code(name)
        if options is not None:
            operator.builtinOptions = options
            operator.builtinOptionsType = getattr(
                schema.BuiltinOptions, type(options).__name__.removesuffix("T")
            )
        operator.inputs, operator.outputs = np.array(inputs, np.int32), np.array([output], np.int32)
        self._graph.operators.append(operator)
        return output

    def _code(self, name: str) -> int:
        number = getattr(schema.BuiltinOperator, name)
        for index, code in enumerate(self._model.operatorCodes):
            if code.builtinCode == number:
                return index
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = number
        code.version = _VERSIONS[name][self._small]
        self._model.operatorCodes.append(code)
        return len(self._model.operatorCodes) - 1

    def _shape(self, tensor: int) -> tuple[int, ...]:
        return tuple(int(side) for side in self._graph.tensors[tensor].shape)

    def _map(self, shape: tuple[int, ...], name: str) -> int:
        index = self._tensor(name, shape, self._kind, 0)
        if self._small:
            self._quantize(index, (ACTIVATION_SCALE,), 0)
        return index

    def _constant(self, name: str, values: npt.NDArray[Any], kind: int) -> int:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        return self._tensor(
            f"{name}_{len(self._graph.tensors)}", values.shape, kind, len(self._model.buffers) - 1
        )

    def _tensor(self, name: str, shape: tuple[int, ...], kind: int, buffer: int) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.type, tensor.buffer = name, kind, buffer
        tensor.shape = np.array(shape, np.int32)
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def _quantize(self, index: int, scales: tuple[float, ...], axis: int) -> None:
        parameters = self._graph.tensors[index].quantization = schema.QuantizationParametersT()
        parameters.scale = np.array(scales, np.float32)
        parameters.zeroPoint = np.zeros(len(scales), np.int64)
        parameters.quantizedDimension = axis


def _activation(relu: bool) -> int:
    kinds = schema.ActivationFunctionType
    return int(kinds.RELU if relu else kinds.NONE)


def empty() -> bytes:
    """A file whose one operator does nothing: it returns one number in another shape."""
    graph = Layers("float32", 1, 1, 1)
    return graph.pack(graph.reshape(graph.input, (1,)))


MATRIX = 512
"""Number of channels in and out of the matrix product: a float32 kernel of 1 MB, which a second-level
cache holds; the operation has 128 multiply-adds for each number that it moves."""

POSITIONS = 16
"""Number of positions of the matrix product along each side."""

PRODUCT_SHAPE = (1, POSITIONS, POSITIONS, MATRIX)
"""Shape of what :func:`matrix_product` takes and gives."""


def matrix_product(dtype: str) -> tuple[bytes, int]:
    """A file that does nothing but multiply matrices: a 1x1 convolution, 16 x 16 positions, 512 to 512 channels.

    Its speed is the device's peak for a convolution network, with this runtime's kernels.

    Args:
        dtype: type of the feature maps and the weights, one of :data:`DTYPES`.

    Returns:
        The .tflite file, and its number of multiply-adds.
    """
    graph = Layers(dtype, POSITIONS, POSITIONS, MATRIX)
    content = graph.pack(graph.conv(graph.input, MATRIX, relu=False))
    return content, POSITIONS * POSITIONS * MATRIX * MATRIX


def product(content: bytes, image: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """What the float32 file of :func:`matrix_product` should answer, computed by numpy.

    Args:
        content: the file.
        image: the input, of :data:`PRODUCT_SHAPE`.

    Returns:
        The output, of the same shape.
    """
    model = flatbuffer.parse(content, "matrix product")
    kernel = next(
        buffer.data
        for buffer in model.buffers
        if buffer.data is not None and len(buffer.data) == 4 * MATRIX**2
    )
    weights = np.frombuffer(kernel.tobytes(), "<f4").reshape(MATRIX, MATRIX)
    return image.astype(np.float64) @ weights.T.astype(np.float64)
