"""What a ``.tflite`` file does to its input before the network proper begins.

The graph is followed from the input as :mod:`mobilecnn.convert.preprocessing` follows a Keras model's: past what moves
pixels or reshapes them, through arithmetic with constants and what picks channels, up to the first operator that is
neither. The type and the quantization of the input, and of what the input is quantized to, are findings too.

Probes are of one colour, so that no more of a tensor is kept than its channels: what has become of them is an array
(probes, axes of the tensor), all of whose axes have the extent 1 but that of the channels.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mobilecnn.convert.findings import ALL, WHOLE, Finding, cast, judged, quantized, together
from mobilecnn.convert.graph.flatbuffer import Graph, Operation, Tensor
from mobilecnn.convert.input_range import Channel
from mobilecnn.convert.probes import MixedError, Values, channels_of, colors

NETWORK = frozenset(
    {
        "BATCH_MATMUL", "CONV_2D", "CONV_3D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "SPACE_TO_BATCH_ND",
        "SPACE_TO_DEPTH", "TRANSPOSE_CONV",
    }
)  # fmt: skip
"""Operators with which the network proper begins."""

SAME = frozenset(
    {
        "AVERAGE_POOL_2D", "CAST", "DEQUANTIZE", "MAX_POOL_2D", "MIRROR_PAD", "PAD", "PADV2", "QUANTIZE",
        "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR",
    }
)  # fmt: skip
"""Operators that leave the range of the values as it is, where their type holds it."""

_MEANS: dict[str, Callable[..., Any]] = {"MEAN": np.mean, "REDUCE_MAX": np.max, "REDUCE_MIN": np.min}
"""Operators that leave the range of the values as it is, and leave axes out."""

BLURS = {*_MEANS, "AVERAGE_POOL_2D", "MAX_POOL_2D", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"}
"""Operators that leave a picture of one colour alone and others not: a picture less its mean is not what it is on probes."""

ROUNDINGS = frozenset({"CEIL", "FLOOR", "ROUND"})
"""Operators that cast to whole numbers and keep the type."""

MOST_CHANNELS = 64
"""Largest number of channels of a tensor that is followed."""

LARGEST_CONSTANT = 1 << 22
"""Largest number of values of a constant that is read: a mean picture of 1000 x 1000 pixels has 3 million."""

_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "ADD": np.add, "SUB": np.subtract, "MUL": np.multiply, "DIV": np.divide, "MAXIMUM": np.maximum, "MINIMUM": np.minimum,
}  # fmt: skip

_OF_ONE: dict[str, Callable[[Any], Any]] = {
    "NEG": np.negative,
    "RELU": lambda values: np.maximum(values, 0),
    "RELU_N1_TO_1": lambda values: np.clip(values, -1, 1),
    "RELU_0_TO_1": lambda values: np.clip(values, 0, 1),
    "RELU6": lambda values: np.clip(values, 0, 6),
}

_FUSED = {0: None, 1: "RELU", 2: "RELU_N1_TO_1", 3: "RELU6"}
"""Code of the activation within an operator -> the operator that computes it."""

_FLOATS = frozenset({"float16", "bfloat16", "float32", "float64"})

_INTEGERS = frozenset(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))

_CONSTANTS = _INTEGERS | (_FLOATS - {"bfloat16"})
"""Types of constants that are read."""


def follow_file(graph: Graph, measured: bool = False) -> Finding:
    """What the operators at the input of a file with one input prove about the range of that input.

    Args:
        graph: the file.
        measured: whether the extremes of its quantized tensors were measured on pictures, which may fill less than
            their range.
    """
    (entry,) = graph.inputs
    rows = colors(entry.shape[-1])
    probes = rows.reshape(len(rows), *(1,) * (len(entry.shape) - 1), rows.shape[1])
    walk = _Walk({id(entry): probes}, {}, measured, set())
    findings = list(_of_input(entry, probes, measured))
    with np.errstate(all="ignore"):  # A division by zero is a finding.
        for operation in graph.operations:
            findings += walk.step(operation)
    ends = [walk.known[id(tensor)] for tensor in graph.outputs if id(tensor) in walk.known]
    findings += [_judged(values, "the network comes next") for values in ends]
    return together(findings or [Finding(None, "nothing in it works on its input")])


def _of_input(entry: Tensor, probes: Values, measured: bool) -> Iterator[Finding]:
    for found in _of_type(entry, probes, measured):
        evidence = found.evidence if entry.scales else f"its input is of type {entry.dtype}"
        yield Finding(found.proven, evidence, possible=found.possible)


def _of_type(tensor: Tensor, values: Values, measured: bool) -> Iterator[Finding]:
    """What the type and the quantization of a tensor tell that holds ``values``."""
    if tensor.dtype in _FLOATS:
        return
    if tensor.scales:
        zero_point = (*tensor.zero_points, 0)[0]
        yield quantized(_channels(values), tensor.dtype, tensor.scales[0], zero_point, measured)
    else:
        yield cast(_channels(values), tensor.dtype)


def _channels(values: Values) -> tuple[Channel, ...]:
    return channels_of(values.reshape(len(values), 1, 1, -1))


def _judged(values: Values, follows: str) -> Finding:
    return judged(_channels(values), follows)


@dataclass(frozen=True)
class _Operand:
    """An input of an operator.

    Attributes:
        tensor: which.
        values: what the probes are there, (probes, axes of the tensor); of a constant its values.
        followed: whether it depends on the network's input.
    """

    tensor: Tensor
    values: Any
    followed: bool


@dataclass(frozen=True)
class _Walk:
    """What is known of a graph's tensors so far.

    Attributes:
        known: id of a tensor -> what the probes are there.
        constants: id of a tensor -> the constant that it is made of.
        measured: whether the extremes of quantized tensors were measured on pictures.
        blurred: id of each tensor behind :data:`BLURS`.
    """

    known: dict[int, Values]
    constants: dict[int, Tensor]
    measured: bool
    blurred: set[int]

    def step(self, operation: Operation) -> Iterator[Finding]:
        """Follow one operator: keep what its outputs are; give what is found, and the end where following ends."""
        kind = operation.kind
        places = [self.known[id(tensor)] for tensor in operation.inputs if id(tensor) in self.known]
        try:
            if not places:
                self._keep_constant(operation)
                return
            made, blurs = None, any(id(tensor) in self.blurred for tensor in operation.inputs)
            if len(places) > 1 and blurs and kind in _ARITHMETIC:
                raise MixedError("does more than scale it")
            if kind not in NETWORK:  # Its weights may be of any type.
                operands = [self._operand(tensor) for tensor in operation.inputs if tensor is not None]
                if all(operand is not None for operand in operands):
                    made = _computed(operation, [operand for operand in operands if operand is not None])
            if made is None:
                yield from (_judged(values, f"{kind} comes next") for values in places)
                return
            for tensor, computed in zip(operation.outputs, made, strict=True):
                values = _fitting(_activated(operation, computed), tensor)
                channels = _channels(values)
                if kind in ROUNDINGS:
                    yield cast(channels, WHOLE)
                if kind in ("CAST", "QUANTIZE"):
                    yield from _of_type(tensor, values, self.measured)
                self.known[id(tensor)] = values
                if blurs or kind in BLURS:
                    self.blurred.add(id(tensor))
        except MixedError as mixed:
            possible = frozenset[str]() if mixed.nothing and len(places) == 1 else ALL
            yield Finding(None, f"{kind} at its input {mixed}", possible=possible)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            # A constant for each pixel, another axis, an option that is missing.
            yield Finding(None, f"{kind} at its input does more than scale it")

    def _keep_constant(self, operation: Operation) -> None:
        """Keep what an operator makes of constants: files in float16 hold theirs so."""
        source = operation.inputs[0] if operation.inputs else None
        if operation.kind == "DEQUANTIZE" and operation.outputs and source is not None and source.constant:
            self.constants[id(operation.outputs[0])] = source

    def _operand(self, tensor: Tensor) -> _Operand | None:
        """An operator's input; None where it depends on what is not followed."""
        if id(tensor) in self.known:
            return _Operand(tensor, self.known[id(tensor)], followed=True)
        source = self.constants.get(id(tensor), tensor)
        return _Operand(tensor, _constant(source), followed=False) if source.constant else None


def _constant(tensor: Tensor) -> Any:
    """The values of a constant, of its own shape.

    Raises:
        ValueError: they are not those of its shape, too many, or of a type that is not read.
    """
    if tensor.data is None or tensor.dtype not in _CONSTANTS or tensor.elements > LARGEST_CONSTANT:
        raise ValueError("it is not read")
    values = np.frombuffer(tensor.data.tobytes(), np.dtype(tensor.dtype).newbyteorder("<")).reshape(
        tensor.shape
    )
    if not tensor.scales or tensor.dtype in _FLOATS:
        return values
    if len(tensor.scales) > 1:
        raise ValueError("it has a scale for each channel")
    return (values.astype(np.float64) - (*tensor.zero_points, 0)[0]) * tensor.scales[0]


def _fitting(values: Any, tensor: Tensor) -> Values:
    """``values`` as what the probes are in ``tensor``.

    Raises:
        ValueError: they are not of its shape, or too many.
    """
    extents = values.shape[1:]
    if len(extents) != len(tensor.shape) or math.prod(extents) > MOST_CHANNELS:
        raise ValueError("it is of another shape")
    if any(extent not in (1, whole) for extent, whole in zip(extents, tensor.shape, strict=True)):
        raise ValueError("it is of another shape")
    return np.asarray(values, np.float32)


def _activated(operation: Operation, values: Any) -> Any:
    """``values`` behind the activation within an operator."""
    fused = _FUSED[int(getattr(operation.options, "fusedActivationFunction", 0) or 0)]
    return values if fused is None else _OF_ONE[fused](values)


def _computed(operation: Operation, operands: list[_Operand]) -> list[Any] | None:
    """What an operator makes of its inputs; None where the network proper begins.

    Raises:
        MixedError: it may do anything to the values.
        ArithmeticError, AttributeError, LookupError, TypeError, ValueError: it does something else than scale them.
    """
    kind, first = operation.kind, operands[0]
    if kind in SAME or kind in ROUNDINGS:
        return [first.values]
    if kind in _OF_ONE:
        return [_OF_ONE[kind](first.values)]
    if kind in _ARITHMETIC:
        left, right = (_aligned(operand, operands, operation.outputs[0]) for operand in operands)
        return [_ARITHMETIC[kind](left, right)]
    if kind in _MEANS:
        return [_meant(operation, first, operands[1])]
    if kind in ("EXPAND_DIMS", "RESHAPE", "SQUEEZE"):
        return _reshaped(first, operation.outputs[0])
    if kind in _PICKS:
        return _PICKS[kind](operation, operands)
    raise MixedError("may do anything to the values")


def _aligned(operand: _Operand, operands: list[_Operand], made: Tensor) -> Any:
    """The values of one operand of arithmetic, its axes as many as those of the result."""
    rank = len(made.shape)
    if operand.followed:
        missing = rank - (operand.values.ndim - 1)
        return operand.values.reshape(len(operand.values), *(1,) * missing, *operand.values.shape[1:])
    values = operand.values.reshape(*(1,) * (rank - operand.values.ndim), *operand.values.shape)
    for axis in range(rank):
        if values.shape[axis] > 1 and any(_alike(other, axis - rank) for other in operands if other.followed):
            if np.ptp(values, axis=axis).any():
                raise ValueError("it has a value for each pixel")
            values = values.take([0], axis)
    if values.size > MOST_CHANNELS:
        raise ValueError("it has too many values")
    return values[None]


def _alike(operand: _Operand, axis: int) -> bool:
    """Whether all places along an axis, counted from the last, are one in what is kept of a followed tensor."""
    shape = operand.tensor.shape
    return -axis <= len(shape) and shape[axis] > 1 and operand.values.shape[axis] == 1


def _reshaped(operand: _Operand, made: Tensor) -> list[Any] | None:
    """The same values in another shape; None where that mixes the channels with the places."""
    values, before, after = operand.values, operand.tensor.shape, made.shape
    apart = [axis for axis, extent in enumerate(values.shape[1:]) if extent > 1]
    extents = [1] * len(after)
    if apart:
        (channels,) = apart
        inner = math.prod(before[channels + 1 :])
        places = [
            axis
            for axis, extent in enumerate(after)
            if extent == before[channels] and math.prod(after[axis + 1 :]) == inner
        ]
        if not places:
            return None
        extents[places[0]] = before[channels]
    return [values.reshape(len(values), *extents)]


def _meant(operation: Operation, image: _Operand, axes: _Operand) -> Any:
    """What remains where axes are averaged."""
    places = {int(axis) % len(image.tensor.shape) + 1 for axis in np.reshape(axes.values, -1)}
    return _MEANS[operation.kind](image.values, axis=tuple(places), keepdims=bool(operation.options.keepDims))


def _axis(operand: _Operand, axis: int) -> int:
    """The axis of what is kept of a followed tensor; that of all places is none that can be picked from."""
    index = axis % len(operand.tensor.shape)
    if not operand.followed or _alike(operand, index - len(operand.tensor.shape)):
        raise ValueError("it picks places")
    return index + 1


def _strided(operation: Operation, operands: list[_Operand]) -> list[Any]:
    image, begin, end, strides = operands
    options, values = operation.options, image.values
    if options.ellipsisMask or options.newAxisMask:
        raise ValueError("it adds axes")
    index: list[Any] = [slice(None)]
    for axis, (first, last, step) in enumerate(zip(begin.values, end.values, strides.values, strict=True)):
        bit, whole = 1 << axis, image.tensor.shape[axis]
        alike = whole > 1 and values.shape[axis + 1] == 1
        if options.shrinkAxisMask & bit:
            index.append(0 if alike else int(first))
        elif alike:
            index.append(slice(None))
        else:
            start = None if options.beginMask & bit else int(first)
            index.append(slice(start, None if options.endMask & bit else int(last), int(step)))
    return [values[tuple(index)]]


def _sliced(operation: Operation, operands: list[_Operand]) -> list[Any]:
    image, begin, size = operands
    index: list[Any] = [slice(None)]
    for axis, (first, count) in enumerate(zip(begin.values, size.values, strict=True)):
        alike = image.tensor.shape[axis] > 1 and image.values.shape[axis + 1] == 1
        end = None if count < 0 else int(first + count)
        index.append(slice(None) if alike else slice(int(first), end))
    return [image.values[tuple(index)]]


def _gathered(operation: Operation, operands: list[_Operand]) -> list[Any]:
    image, indices = operands
    if getattr(operation.options, "batchDims", 0):
        raise ValueError("it picks by picture")
    return [image.values.take(indices.values, _axis(image, int(operation.options.axis)))]


def _joined(operation: Operation, operands: list[_Operand]) -> list[Any]:
    axis = int(operation.options.axis)
    if not all(operand.followed for operand in operands):
        raise ValueError("it adds channels")
    if operation.kind == "PACK":
        axis %= len(operands[0].tensor.shape) + 1
        return [np.stack([operand.values for operand in operands], axis + 1)]
    places = [_axis(operand, axis) for operand in operands]
    return [np.concatenate([operand.values for operand in operands], places[0])]


def _divided(operation: Operation, operands: list[_Operand]) -> list[Any]:
    axis, image = (operands[0], operands[1]) if operation.kind == "SPLIT" else (operands[2], operands[0])
    place = _axis(image, int(axis.values.reshape(-1)[0]))
    ends = np.cumsum([tensor.shape[place - 1] for tensor in operation.outputs])[:-1]
    return list(np.split(image.values, ends, place))


def _unpacked(operation: Operation, operands: list[_Operand]) -> list[Any]:
    place = _axis(operands[0], int(operation.options.axis))
    return [part.squeeze(place) for part in np.split(operands[0].values, len(operation.outputs), place)]


_PICKS: dict[str, Callable[[Operation, list[_Operand]], list[Any]]] = {
    "CONCATENATION": _joined,
    "GATHER": _gathered,
    "PACK": _joined,
    "REVERSE_V2": lambda _, operands: [
        np.flip(
            operands[0].values,
            tuple(int(axis) % len(operands[0].tensor.shape) + 1 for axis in operands[1].values),
        )
    ],
    "SLICE": _sliced,
    "SPLIT": _divided,
    "SPLIT_V": _divided,
    "STRIDED_SLICE": _strided,
    "TRANSPOSE": lambda _, operands: [
        operands[0].values.transpose(0, *(int(axis) + 1 for axis in operands[1].values))
    ],
    "UNPACK": _unpacked,
}
"""Operators that pick, join and order channels and axes."""
