"""Cuts a .tflite file into parts, files of one operator each, so that any runtime can time them apart.

Runtimes say little about where the time goes: a delegate is one operator to them. A file that holds one
operator with its weights, its shapes and its quantization is timed like any other. What a runtime gains
by looking at several operators at once (a padding that it merges with the convolution after it) is not in
the parts; the time of the whole file, compared with their sum, shows it.
"""

import copy
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mobilecnn.convert.graph import bounds, flatbuffer, wellformed
from mobilecnn.convert.graph.flatbuffer import Operation, Tensor
from mobilecnn.convert.inspection import macs
from mobilecnn.errors import ModelFileError

TIMED = ("float32", "int8", "uint8", "int16")
"""Types of input that the worker on the device can fill with random data."""

MOST_ON_CONSTANTS = 256
"""Largest number of operators on constants that are timed with the operator that reads them."""

_FRAME = 1 << 13
"""Number of bytes of a part beside its constants, at most."""


@dataclass(frozen=True)
class Part:
    """One operator of a graph as a file of its own.

    Attributes:
        name: name of its first output in the whole file.
        kind: ``CONV_2D``, ...
        shape: shape of its first output.
        dtype: type of its first output.
        detail: kernel and groups of a convolution: ``convolution 1x1, grouped``; else empty.
        macs: number of multiply-adds.
        nbytes: bytes that it must move at least: each input, weight and output once.
        content: the .tflite file; None where the operator cannot run apart.
        reason: why it cannot; else empty.
        key: text that parts of the same cost share: those equal but for the values of their weights.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    dtype: str
    detail: str
    macs: int
    nbytes: int
    content: bytes | None
    reason: str
    key: str


def cut(content: bytes, name: str) -> tuple[Part, ...]:
    """One part for each operator of the first subgraph, in the order in which they run.

    An operator that works on constants alone (the widening of float16 weights) is no part of its own: it
    goes with those that read its output.

    Args:
        content: a .tflite file.
        name: what messages call it.

    Raises:
        ModelFileError: not a TFLite file, or damaged, or it has no operators.
    """
    model = flatbuffer.parse(content, name)
    subgraph = model.subgraphs[0]
    operators = list(subgraph.operators or [])
    graph = flatbuffer.graph_of(model)
    flatbuffer.check_runnable(graph, name)
    records = graph.operations
    makers = {
        index: position for position, operator in enumerate(operators) for index in _indices(operator.outputs)
    }
    fixed: set[int] = {
        index
        for index, tensor in enumerate(subgraph.tensors or [])
        if (data := model.buffers[tensor.buffer].data) is not None and len(data) > 0
    }
    parts: list[Part] = []
    left = bounds.SHARED * len(content) + len(operators) * _FRAME
    for operator, record in zip(operators, records, strict=True):
        if all(index in fixed for index in _indices(operator.inputs)):
            fixed.update(_indices(operator.outputs))
            continue
        if not record.outputs:
            raise ModelFileError(
                f"{name} has an operator without outputs ({record.kind}), which cannot be timed apart"
            )
        parts.append(_part(model, operator, operators, record, makers, fixed))
        left -= len(parts[-1].content or b"")
        if left < 0:
            raise ModelFileError(
                f"{name} shares its weights among so many operators that its parts would be many times its size"
            )
    if not parts:
        raise ModelFileError(f"{name} has no operators to time")
    return tuple(parts)


def _part(
    model: Any,
    operator: Any,
    operators: Sequence[Any],
    record: Operation,
    makers: dict[int, int],
    fixed: set[int],
) -> Part:
    subgraph = model.subgraphs[0]
    first = record.outputs[0]
    inputs = [index for index in dict.fromkeys(_indices(operator.inputs)) if index not in fixed]
    refused = sorted({_dtype(model, index) for index in inputs} - set(TIMED))
    content = None
    if not refused:
        chain = [*_behind(operator, operators, makers, fixed), operator]
        content = flatbuffer.pack(_alone(model, chain, inputs, _indices(operator.outputs)))
    return Part(
        name=first.name,
        kind=record.kind,
        shape=first.shape,
        dtype=first.dtype,
        detail=_detail(record),
        macs=macs(record),
        nbytes=moved_bytes(record),
        content=content,
        reason=f"it takes {', '.join(refused)}" if refused else "",
        key=_key(record, [_data(model, subgraph.tensors[index]) for index in _indices(operator.inputs)]),
    )


def _detail(record: Operation) -> str:
    if record.kind not in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        return ""
    image, weight = record.inputs[0], record.inputs[1]
    if image is None or weight is None or len(weight.shape) != 4:
        return ""
    kernel = f"{weight.shape[1]}x{weight.shape[2]}"
    if record.kind == "DEPTHWISE_CONV_2D":
        return f"depthwise convolution {kernel}"
    return f"convolution {kernel}" + (", grouped" if weight.shape[3] != image.shape[-1] else "")


def _behind(operator: Any, operators: Sequence[Any], makers: dict[int, int], fixed: set[int]) -> list[Any]:
    """The operators on constants that ``operator`` reads from, in the order in which they run.

    Raises:
        ModelFileError: they are more than :data:`MOST_ON_CONSTANTS`.
    """
    behind: set[int] = set()
    pending = [operator]
    while pending:
        for index in _indices(pending.pop().inputs):
            maker = makers.get(index)
            if index in fixed and maker is not None and maker not in behind:
                behind.add(maker)
                pending.append(operators[maker])
        if len(behind) > MOST_ON_CONSTANTS:
            raise ModelFileError(
                f"an operator reads from more than {MOST_ON_CONSTANTS} operators on constants, which would have to be "
                "timed with it; export the model again, so that they are computed beforehand"
            )
    return [operators[position] for position in sorted(behind)]


def _alone(model: Any, chain: Sequence[Any], inputs: Iterable[int], outputs: Iterable[int]) -> Any:
    """A model of the operators of ``chain`` only."""
    source = model.subgraphs[0]
    alone, graph = schema.ModelT(), schema.SubGraphT()
    alone.version, alone.description = model.version, b"a part"
    alone.subgraphs, alone.operatorCodes = [graph], []
    alone.buffers = [schema.BufferT()]  # The first is empty, as the schema demands.
    graph.tensors, graph.operators = [], []
    places: dict[int, int] = {}

    def place(index: int) -> int:
        if index < 0:
            return index
        if index not in places:
            tensor = copy.copy(source.tensors[index])
            data = model.buffers[tensor.buffer].data
            tensor.buffer = 0
            if data is not None and len(data) > 0:
                tensor.buffer = len(alone.buffers)
                buffer = schema.BufferT()
                buffer.data = data
                alone.buffers.append(buffer)
            places[index] = len(graph.tensors)
            graph.tensors.append(tensor)
        return places[index]

    for operator in chain:
        mine = copy.copy(operator)
        mine.opcodeIndex = len(alone.operatorCodes)
        alone.operatorCodes.append(model.operatorCodes[operator.opcodeIndex])
        mine.inputs = np.array([place(index) for index in wellformed.indices(operator.inputs)], np.int32)
        mine.outputs = np.array([place(index) for index in wellformed.indices(operator.outputs)], np.int32)
        graph.operators.append(mine)
    graph.inputs = np.array([place(index) for index in inputs], np.int32)
    graph.outputs = np.array([place(index) for index in outputs], np.int32)
    return alone


def _indices(indices: Any) -> list[int]:
    return [index for index in wellformed.indices(indices) if index >= 0]


def _dtype(model: Any, index: int) -> str:
    return flatbuffer.tensor_of(model, index).dtype


def moved_bytes(record: Operation) -> int:
    """Bytes that an operator must move at least: each input, weight and output once."""
    tensors = {id(tensor): tensor for tensor in (*record.inputs, *record.outputs) if tensor is not None}
    return sum(_nbytes(tensor) for tensor in tensors.values())


def _nbytes(tensor: Tensor) -> int:
    return tensor.nbytes if tensor.constant else tensor.elements * ITEM_BYTES.get(tensor.dtype, 4)


ITEM_BYTES = {
    "float32": 4,
    "float16": 2,
    "int8": 1,
    "uint8": 1,
    "int16": 2,
    "int32": 4,
    "int64": 8,
    "bool": 1,
}
"""Bytes of one element, by type."""


def _data(model: Any, tensor: Any) -> bytes:
    data = model.buffers[tensor.buffer].data
    return b"" if data is None else bytes(bytearray(data))


def _key(record: Operation, constants: Sequence[bytes]) -> str:
    """Digest of shapes, types and options, and of integers that say what to do (paddings, an order of axes)."""
    present = [tensor for tensor in record.inputs if tensor is not None]
    described = [
        (
            tensor.dtype, tensor.shape, tensor.constant, len(tensor.scales),
            data if tensor.dtype in ("int32", "int64") and tensor.elements <= 16 and not tensor.scales else b"",
        )
        for tensor, data in zip(present, constants, strict=True)
    ]  # fmt: skip
    outputs = [(tensor.dtype, tensor.shape, len(tensor.scales)) for tensor in record.outputs]
    options = sorted(
        (key, str(value)) for key, value in vars(record.options or object).items() if key[0] != "_"
    )
    text = repr((record.kind, record.version, options, described, outputs))
    return hashlib.sha256(text.encode()).hexdigest()
