"""Graphs that can be read and still are wrong: what a file says must fit what else it says.

Only what every runtime refuses, or what would be a number without a meaning, is refused here: a file that
some runtime takes is described as it is.
"""

import math
from collections.abc import Sequence
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from mobilecnn.remarks import plural

FEWEST_INPUTS = {
    number: fewest
    for name, fewest in (
        ("CONV_2D", 2), ("DEPTHWISE_CONV_2D", 2), ("FULLY_CONNECTED", 2), ("TRANSPOSE_CONV", 3),
        ("BATCH_MATMUL", 2), ("ADD", 2), ("SUB", 2), ("MUL", 2), ("DIV", 2), ("MAXIMUM", 2), ("MINIMUM", 2),
    )
    for number in [getattr(schema.BuiltinOperator, name)]
}  # fmt: skip
"""Smallest number of inputs, by code of the operator, of those whose arithmetic is counted or versioned."""

MOST_METADATA = 1 << 20
"""Largest number of bytes of metadata entries that share buffers."""

_QUANTIZED = (
    schema.TensorType.INT4, schema.TensorType.INT8, schema.TensorType.UINT8, schema.TensorType.INT16,
    schema.TensorType.INT32,
)  # fmt: skip


def check(model: Any) -> None:
    """Refuse a ``ModelT`` that contradicts itself.

    Raises:
        ValueError: naming the operator or tensor, and what does not fit.
    """
    for subgraph in model.subgraphs:
        for index, tensor in enumerate(subgraph.tensors or []):
            _check_tensor(_called(index, tensor.name), tensor, model)
        _check_operators(subgraph, model)
    _check_signatures(model)
    _check_metadata(model)


def _check_tensor(what: str, tensor: Any, model: Any) -> None:
    if not 0 <= tensor.buffer < len(model.buffers):
        raise ValueError(f"{what} has no buffer")
    shape = indices(tensor.shape)
    if any(size < 0 for size in shape):
        raise ValueError(f"{what} has the shape {_shown(shape)}")
    parameters = tensor.quantization
    if parameters is None or parameters.scale is None or len(parameters.scale) == 0:
        return
    scales, points = parameters.scale, parameters.zeroPoint
    if points is None or len(points) != len(scales):
        count = 0 if points is None else len(points)
        raise ValueError(f"{what} has {plural(len(scales), 'scale')} and {plural(count, 'zero point')}")
    if not all(math.isfinite(scale) and scale >= 0 for scale in scales.tolist()):
        raise ValueError(f"{what} has a scale that is negative or not finite")
    axis = parameters.quantizedDimension
    if shape and not 0 <= axis < len(shape):
        raise ValueError(f"{what} is quantized along dimension {axis} of {len(shape)}")
    if len(scales) > 1 and shape and shape[axis] != len(scales):
        raise ValueError(f"{what} has {len(scales)} scales for {plural(shape[axis], 'channel')}")


def _check_operators(subgraph: Any, model: Any) -> None:
    tensors = subgraph.tensors or []
    given = indices(subgraph.inputs)
    for index in (*given, *indices(subgraph.outputs)):
        if not 0 <= index < len(tensors):
            raise ValueError(f"an input or output of the graph is tensor {index} of {len(tensors)}")
    _check_ends(subgraph, tensors)
    constants = {index for index, tensor in enumerate(tensors) if _data(tensor, model)}
    # A state starts at zero, and what has no element needs no writer.
    written = {*given, *constants} | {
        index for index, tensor in enumerate(tensors) if tensor.isVariable or 0 in indices(tensor.shape)
    }
    for position, operator in enumerate(subgraph.operators or []):
        what = f"operator {position}"
        if not 0 <= operator.opcodeIndex < len(model.operatorCodes):
            raise ValueError(f"{what} has code {operator.opcodeIndex} of {len(model.operatorCodes)}")
        code = model.operatorCodes[operator.opcodeIndex]
        number = max(int(code.builtinCode), int(code.deprecatedBuiltinCode))
        inputs, outputs = indices(operator.inputs), indices(operator.outputs)
        for index in (*inputs, *outputs):
            if not -1 <= index < len(tensors):
                raise ValueError(f"{what} has tensor {index} of {len(tensors)}")
        fewest = FEWEST_INPUTS.get(number, 0)
        if len(inputs) < fewest or -1 in inputs[:fewest]:
            raise ValueError(
                f"{what} has {plural(len([i for i in inputs if i >= 0]), 'input')}; it needs {fewest}"
            )
        if number in FEWEST_INPUTS and not [index for index in outputs if index >= 0]:
            raise ValueError(f"{what} has no output")
        unwritten = [index for index in inputs if index >= 0 and index not in written]
        if unwritten:
            name = _called(unwritten[0], tensors[unwritten[0]].name)
            raise ValueError(f"{what} reads {name} before anything is in it")
        overwritten = [index for index in outputs if index in constants]
        if overwritten:
            raise ValueError(
                f"{what} writes into the constant {_called(overwritten[0], tensors[overwritten[0]].name)}"
            )
        written.update(outputs)
    for index in indices(subgraph.outputs):
        if index not in written:
            raise ValueError(f"nothing writes the output {_called(index, tensors[index].name)}")


def _check_ends(subgraph: Any, tensors: Sequence[Any]) -> None:
    """Refuse a scale of 0 where values are divided by it, or come out all the same."""
    for index in (*indices(subgraph.inputs), *indices(subgraph.outputs)):
        parameters = tensors[index].quantization
        scales = () if parameters is None or parameters.scale is None else parameters.scale
        if tensors[index].type in _QUANTIZED and any(scale == 0 for scale in scales):
            raise ValueError(f"{_called(index, tensors[index].name)} has the scale 0")


def _check_signatures(model: Any) -> None:
    for signature in model.signatureDefs or []:
        if not 0 <= signature.subgraphIndex < len(model.subgraphs):
            raise ValueError(f"a signature is of graph {signature.subgraphIndex} of {len(model.subgraphs)}")
        tensors = len(model.subgraphs[signature.subgraphIndex].tensors or [])
        for entry in (*(signature.inputs or []), *(signature.outputs or [])):
            if not 0 <= entry.tensorIndex < tensors:
                raise ValueError(f"a signature names tensor {entry.tensorIndex} of {tensors}")


def _check_metadata(model: Any) -> None:
    buffers = [entry.buffer for entry in model.metadata or []]
    if any(not 0 <= index < len(model.buffers) for index in buffers):
        raise ValueError("a metadata entry has no buffer")
    sizes = [len(data) for index in buffers if (data := model.buffers[index].data) is not None]
    if len(set(buffers)) < len(buffers) and sum(sizes) > MOST_METADATA:
        raise ValueError("metadata entries share a buffer, and would be many times as large as it is")


def _data(tensor: Any, model: Any) -> bool:
    data = model.buffers[tensor.buffer].data
    return data is not None and len(data) > 0


def indices(values: Any) -> list[int]:
    """A vector of whole numbers as a list; empty where the file has none."""
    return [] if values is None else [int(value) for value in values]


def _called(index: int, name: Any) -> str:
    text = name.decode(errors="replace") if isinstance(name, bytes) else str(name or "")
    return f"tensor {index} ({text[:80]!r})"


def _shown(shape: Sequence[int]) -> str:
    return f"({', '.join(map(str, shape[:8]))}{', ...' if len(shape) > 8 else ''})"
