"""Where a rewrite meets the graph that it leaves as it is, and how far the values move there.

What a rewrite claims, "within one step", holds for the output of an operator that is given the same as before. The answers of
the file cannot show it: a value that is rounded to its neighbour early in a network moves others behind it, some by several
steps. So each tensor that is written by other operators than before, and was there before, is computed in both ways from
the *same* values of the graph before, in one file whose only output is how far the two are apart.
"""

import copy
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from mobilecnn.convert.graph import flatbuffer, wellformed
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.convert.graph.flatbuffer import Graph, Operation, Tensor
from mobilecnn.convert.lowering.explanation import Snapshot, differing

JUST_OVER = 1.001
"""Number of steps from which on a difference is more than one: the two are float32, and not exact."""

FIGURES = 3
"""Number of figures of a place for each picture, in order: the largest difference, the share of differences of more than one
step, and the largest value."""


@dataclass(frozen=True)
class Place:
    """A tensor that a rewrite lets other operators write.

    Attributes:
        name: name of the tensor.
        one: step that its values may move by: the coarsest of what was written on the way to it; 0 of a float32 tensor.
        behind: names of what the operators wrote that are gone for it.
    """

    name: str
    one: float
    behind: frozenset[str]


def places(before: Snapshot, after: Snapshot) -> tuple[Place, ...]:
    """The places of a rewrite, in the order in which they are written.

    Args:
        before, after: the graph, taken of one model in memory.
    """
    gone, come = differing(before, after)
    kept = _kept(before.graph, after.graph)
    makers = {tensor.name: row for row in gone for tensor in row.outputs}
    found = []
    for tensor in (tensor for row in come for tensor in row.outputs):
        if tensor.name in kept:
            behind = _behind(tensor.name, makers, kept)
            steps = [scale for made in behind if made.dtype == "int8" for scale in made.scales]
            one = max((*steps, *tensor.scales)) if tensor.dtype == "int8" else 0.0
            found.append(Place(tensor.name, one, frozenset(made.name for made in behind)))
    return tuple(found)


def twin(
    content: bytes, name: str, before: Snapshot, after: tuple[Snapshot, Any], at: Sequence[Place]
) -> bytes:
    """A file that computes each place in both ways, and answers with :data:`FIGURES` for each.

    Args:
        content: the file before the rewrite.
        name: what messages call it.
        before: its graph.
        after: the graph afterwards, and its ``ModelT``.
        at: places of the rewrite, at least one.

    Raises:
        ModelFileError: ``content`` is not a TFLite file.
    """
    model = flatbuffer.parse(content, name)
    editor = Editor(model)
    editor.sweep()
    (later, changed), kept = after, _kept(before.graph, after[0].graph)
    tensors = enumerate(map(editor.tensor, range(len(model.subgraphs[0].tensors))))
    as_before = {tensor.name: index for index, tensor in tensors if not tensor.constant}
    first_code = len(model.operatorCodes)
    model.operatorCodes += changed.operatorCodes
    come = {id(row) for row in differing(before, later)[1]}
    between: dict[int, int] = {-1: -1}  # Tensor of the graph afterwards -> the one that stands for it.
    again: dict[str, int] = {}  # Name of a kept tensor -> the one that is written again.
    operators = []
    for row, operator in zip(later.graph.operations, changed.subgraphs[0].operators, strict=True):
        if id(row) not in come:
            continue
        for index in wellformed.indices(operator.inputs):
            if index in between:
                continue
            tensor = flatbuffer.tensor_of(changed, index)
            between[index] = _copied(model, changed, index) if tensor.constant else as_before[tensor.name]
        step = copy.copy(operator)
        step.opcodeIndex = first_code + operator.opcodeIndex
        step.inputs = np.array([between[index] for index in wellformed.indices(operator.inputs)], np.int32)
        outputs = []
        for index in wellformed.indices(operator.outputs):
            outputs.append(_copied(model, changed, index))
            # What reads a kept tensor reads it as it was.
            name_of = flatbuffer.tensor_of(changed, index).name
            if name_of in kept:
                again[name_of] = outputs[-1]
            else:
                between[index] = outputs[-1]
        step.outputs = np.array(outputs, np.int32)
        operators.append(step)
    figures: list[int] = []
    for place in at:
        compared, three = _compared(editor, as_before[place.name], again[place.name], place.one)
        operators += compared
        figures += three
    joined = editor.add_tensor("figures", (1, len(figures)), "float32")
    options = schema.ConcatenationOptionsT()
    options.axis = 1
    operators.append(editor.operator("CONCATENATION", figures, [joined], options=options))
    model.subgraphs[0].outputs = np.array([joined], np.int32)
    model.signatureDefs, model.metadata = None, None
    last = model.subgraphs[0].operators[-1]
    editor.replace(last, [last, *operators])
    editor.sweep()
    return flatbuffer.pack(model)


def moved(
    at: Sequence[Place], figures: npt.NDArray[np.float32], tolerance: float, share: float
) -> dict[Place, str]:
    """The places that move by more than they may, each with by how much, a phrase.

    Args:
        at: places.
        figures: answers of their :func:`twin`, (pictures, places x :data:`FIGURES`).
        tolerance: largest difference of a float32 tensor, relative to the largest of its values.
        share: largest share of the values of an int8 tensor that may move by more than one step.
    """
    rows = figures.astype(np.float64).reshape(len(figures), len(at), FIGURES)
    found = {}
    for place, row in zip(at, rows.transpose(1, 0, 2), strict=True):
        apart, beyond, largest = row[:, 0].max(), row[:, 1].mean(), row[:, 2].max()
        if not np.isfinite(row).all():
            found[place] = "values are finite no more"
        elif place.one and beyond > share:
            found[place] = (
                f"{beyond:.1%} of the values moved by more than one step, the farthest by {apart / place.one:.0f}"
            )
        elif not place.one and apart > tolerance * (largest or 1.0):
            found[place] = f"values moved by {apart / (largest or 1.0):.0e} of the largest"
    return found


def _kept(before: Graph, after: Graph) -> frozenset[str]:
    """Names of the tensors that hold the same in both graphs, as far as their type, shape and scale say."""
    first, second = ({_held(tensor): tensor for tensor in _values(graph)} for graph in (before, after))
    return frozenset(tensor.name for key, tensor in first.items() if key in second)


def _held(tensor: Tensor) -> Hashable:
    return tensor.name, tensor.dtype, tensor.shape, tensor.scales, tensor.zero_points


def _values(graph: Graph) -> Iterable[Tensor]:
    for tensor in (*graph.inputs, *(tensor for row in graph.operations for tensor in row.outputs)):
        if tensor.dtype in ("int8", "float32"):
            yield tensor


def _behind(name: str, makers: dict[str, Operation], kept: frozenset[str]) -> list[Tensor]:
    """What the operators wrote that are gone and made a tensor, back to tensors that are kept."""
    found: dict[str, Tensor] = {}
    pending = [name]
    while pending:
        row = makers.get(pending.pop())
        if row is None or row.outputs[0].name in found:
            continue
        found |= {tensor.name: tensor for tensor in row.outputs}
        pending += [tensor.name for tensor in row.inputs if tensor is not None and tensor.name not in kept]
    return list(found.values())


def _copied(model: Any, other: Any, index: int) -> int:
    """Index of a new tensor of ``model`` that is like one of another model, its constant included."""
    tensor = copy.copy(other.subgraphs[0].tensors[index])
    data = other.buffers[tensor.buffer].data
    tensor.buffer = 0
    if data is not None and len(data):
        tensor.buffer = len(model.buffers)
        buffer = schema.BufferT()
        buffer.data = data
        model.buffers.append(buffer)
    model.subgraphs[0].tensors.append(tensor)
    return len(model.subgraphs[0].tensors) - 1


def _compared(editor: Editor, old: int, new: int, one: float) -> tuple[list[Any], list[int]]:
    """The operators that compare two tensors, and the three tensors of figures that they write, (1, 1) each."""
    steps: list[Any] = []

    def then(
        kind: str, inputs: Sequence[int], shape: tuple[int, ...], dtype: str = "float32", **how: Any
    ) -> int:
        made = editor.add_tensor(f"compared/{kind}", shape, dtype)
        steps.append(editor.operator(kind, inputs, [made], **how))
        return made

    count = editor.tensor(old).elements
    flat, axis = editor.add_constant("flat", [1, count]), editor.add_constant("axis", [1])
    reduced = schema.ReducerOptionsT()
    reduced.keepDims = True
    values = []
    for index in (old, new):
        tensor = editor.tensor(index)
        wide = index if tensor.dtype == "float32" else then("DEQUANTIZE", [index], tensor.shape, version=2)
        options = schema.ReshapeOptionsT()
        options.newShape = np.array([1, count], np.int32)
        values.append(then("RESHAPE", [wide, flat], (1, count), options=options))
    apart = then("ABS", [then("SUB", values, (1, count), options=schema.SubOptionsT())], (1, count))
    limit = editor.add_tensor("limit", (1, 1), "float32")
    editor.fill(limit, np.full((1, 1), JUST_OVER * one, np.float32))
    beyond = then("GREATER", [apart, limit], (1, count), "bool", options=schema.GreaterOptionsT())
    cast = schema.CastOptionsT()
    cast.inDataType, cast.outDataType = schema.TensorType.BOOL, schema.TensorType.FLOAT32
    share = then("MEAN", [then("CAST", [beyond], (1, count), options=cast), axis], (1, 1), options=reduced)
    size = then("ABS", values[:1], (1, count))
    peaks = [then("REDUCE_MAX", [row, axis], (1, 1), options=reduced) for row in (apart, size)]
    return steps, [peaks[0], share, peaks[1]]
