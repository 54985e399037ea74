"""Reading and writing the TFLite flatbuffer.

The schema is the one that ships with the runtime (``ai_edge_litert``). Reading goes
through the schema's object form, which follows every offset in the file, so a truncated
or mangled file fails here, in memory-safe Python, and not in a native parser. Before that,
:mod:`~mobilecnn.convert.graph.bounds` bounds the work; after it,
:mod:`~mobilecnn.convert.graph.wellformed` refuses graphs that contradict themselves.
"""

import math
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from mobilecnn.convert.graph import bounds, wellformed
from mobilecnn.errors import ModelFileError

IDENTIFIER = b"TFL3"
"""Bytes 4 to 8 of every .tflite file."""


@dataclass(frozen=True)
class Tensor:
    """One tensor of a graph.

    Attributes:
        name: its name in the file.
        dtype: numpy-style name: ``float32``, ``int8``, ...
        shape: as stored; static.
        dynamic: whether some dimension is free (-1) in the shape signature.
        scales: quantization scales, one, or one for each channel; empty when not quantized.
        zero_points: zero points, as many as scales.
        constant: whether it carries data (a weight).
        nbytes: size of that data in bytes.
        data: that data as it is stored, uint8; None without it.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    dynamic: bool
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    constant: bool
    nbytes: int
    data: npt.NDArray[np.uint8] | None = field(default=None, repr=False, compare=False)

    @property
    def elements(self) -> int:
        """The number of elements."""
        return math.prod(self.shape)


@dataclass(frozen=True)
class Operation:
    """One operator of a graph.

    Attributes:
        kind: ``CONV_2D``, ...; custom operators as ``CUSTOM:FlexErf``.
        version: operator version that the file states.
        inputs: its inputs; None where an optional one is absent.
        outputs: its outputs.
        options: options object of the schema; None where the operator has none.
    """

    kind: str
    version: int
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    options: Any


@dataclass(frozen=True)
class Graph:
    """The first subgraph of a model, and what the file says of the whole.

    Attributes:
        operations: operators in the order in which they run.
        inputs: input tensors.
        outputs: output tensors.
        subgraphs: number of subgraphs in the file.
        description: the file's description.
        metadata: metadata entries by name.
    """

    operations: tuple[Operation, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    subgraphs: int
    description: str
    metadata: dict[str, bytes]


def parse(content: bytes, name: str) -> Any:
    """The schema's ``ModelT`` of a .tflite file's ``content``; ``name`` is for messages.

    Raises:
        ModelFileError: not a TFLite file, or truncated or damaged.
    """
    if content[4:8] != IDENTIFIER:
        raise ModelFileError(f"{name} is not a .tflite file (its identifier is not TFL3)")
    try:
        bounds.check(content)
        model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
        if not model.subgraphs or model.buffers is None or model.operatorCodes is None:
            raise ValueError("no graph in it")
        _bring_in(model.buffers, content)
        wellformed.check(model)
    except (
        struct.error,
        ValueError,
        TypeError,
        IndexError,
        AttributeError,
        OverflowError,
        UnicodeDecodeError,
    ) as error:
        raise ModelFileError(
            f"{name} is a truncated or damaged .tflite file ({error}); export or copy it again"
        ) from error
    return model


def _bring_in(buffers: Iterable[Any], content: bytes) -> None:
    """Turn data behind the flatbuffer, where the quantizer writes it, into ordinary data."""
    left = bounds.SHARED * len(content)
    for buffer in buffers:
        if buffer.data is None and buffer.offset > 1:
            if buffer.offset + buffer.size > len(content):
                raise ValueError("a buffer ends behind the file")
            left -= buffer.size
            if left < 0:
                raise ValueError(
                    "its parts overlap: its buffers are together many times as large as the file"
                )
            buffer.data = np.frombuffer(content, np.uint8, buffer.size, buffer.offset)
            buffer.offset = buffer.size = 0


def pack(model: Any) -> bytes:
    """The flatbuffer of a ``ModelT``."""
    size = sum(0 if buffer.data is None else len(buffer.data) for buffer in model.buffers)
    builder = flatbuffers.Builder(size + (1 << 16))
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def graph(content: bytes, name: str) -> Graph:
    """The first subgraph of a .tflite file as plain records.

    Raises:
        ModelFileError: see :func:`parse`.
    """
    return graph_of(parse(content, name))


MOST_VALUES = 1 << 28
"""Largest number of values in a tensor of a graph that is run: 1 GB as float32. A picture of 4000 x 3000 has 36 million."""


def check_runnable(graph: Graph, name: str) -> None:
    """Refuse a graph whose tensors nothing could hold, before any memory is asked for.

    Raises:
        ModelFileError: naming the tensor and its shape.
    """
    tensors = [*graph.inputs, *graph.outputs]
    for operation in graph.operations:
        tensors += [*(tensor for tensor in operation.inputs if tensor is not None), *operation.outputs]
    for tensor in tensors:
        if tensor.elements > MOST_VALUES:
            raise ModelFileError(
                f"{name} cannot be run: its tensor {tensor.name[:80]!r} {list(tensor.shape)} has {tensor.elements:,} "
                f"values, and at most {MOST_VALUES:,} are computed; export it with a smaller input"
            )


def graph_of(model: Any) -> Graph:
    """The first subgraph of a ``ModelT`` as plain records."""
    subgraph = model.subgraphs[0]
    tensors = [_tensor(tensor, model) for tensor in subgraph.tensors or []]

    def pick(indices: Any) -> tuple[Tensor | None, ...]:
        return tuple(tensors[index] if index >= 0 else None for index in wellformed.indices(indices))

    def all_of(indices: Any) -> tuple[Tensor, ...]:
        return tuple(tensor for tensor in pick(indices) if tensor is not None)

    return Graph(
        operations=tuple(
            Operation(
                kind=kind_of(model.operatorCodes[operator.opcodeIndex]),
                version=int(model.operatorCodes[operator.opcodeIndex].version),
                inputs=pick(operator.inputs),
                outputs=all_of(operator.outputs),
                options=operator.builtinOptions,
            )
            for operator in subgraph.operators or []
        ),
        inputs=all_of(subgraph.inputs),
        outputs=all_of(subgraph.outputs),
        subgraphs=len(model.subgraphs),
        description=_text(model.description),
        metadata={_text(entry.name): _data(model, entry.buffer) for entry in model.metadata or []},
    )


def kind_of(code: Any) -> str:
    """An operator code's name: ``CONV_2D``; custom operators as ``CUSTOM:FlexErf``."""
    number = max(int(code.builtinCode), int(code.deprecatedBuiltinCode))
    name = _names("BuiltinOperator").get(number, f"BUILTIN_{number}")
    return f"CUSTOM:{_text(code.customCode)}" if name == "CUSTOM" else name


@cache
def _names(enumeration: str) -> dict[int, str]:
    table = vars(getattr(schema, enumeration))
    return {value: key for key, value in table.items() if isinstance(value, int)}


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value or "")


def _data(model: Any, index: int) -> bytes:
    data = model.buffers[index].data if 0 <= index < len(model.buffers) else None
    return b"" if data is None else bytes(data)


def tensor_of(model: Any, index: int) -> Tensor:
    """One tensor of the first subgraph of a ``ModelT``."""
    return _tensor(model.subgraphs[0].tensors[index], model)


def _tensor(tensor: Any, model: Any) -> Tensor:
    data = model.buffers[tensor.buffer].data
    quantization = tensor.quantization
    scales = () if quantization is None or quantization.scale is None else quantization.scale
    zero_points = () if quantization is None or quantization.zeroPoint is None else quantization.zeroPoint
    signature = tensor.shapeSignature
    return Tensor(
        name=_text(tensor.name),
        dtype=_names("TensorType").get(int(tensor.type), f"TYPE_{tensor.type}").lower(),
        shape=tuple(wellformed.indices(tensor.shape)),
        dynamic=any(size < 0 for size in wellformed.indices(signature)),
        scales=tuple(float(scale) for scale in scales),
        zero_points=tuple(int(point) for point in zero_points),
        constant=data is not None and len(data) > 0,
        nbytes=0 if data is None else len(data),
        data=data,
    )


def set_metadata(model: Any, name: str, content: bytes) -> bool:
    """Store ``content`` as the file's metadata entry ``name``, in place of one of that name.

    Returns:
        Whether that changed the file.
    """
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(content, np.uint8)
    for entry in model.metadata or []:
        if _text(entry.name) == name:
            changed = _data(model, entry.buffer) != content
            model.buffers[entry.buffer] = buffer
            return changed
    entry = schema.MetadataT()
    entry.name = name
    entry.buffer = len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]
    return True
