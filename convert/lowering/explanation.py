"""What the rewrites made of each part of a graph, and what they left as it was."""

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mobilecnn.convert import xnnpack
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph.cut import moved_bytes
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.convert.graph.flatbuffer import Graph, Operation, Tensor
from mobilecnn.convert.inspection import folded, macs
from mobilecnn.convert.lowering.costs import Costs, Table, chips
from mobilecnn.convert.lowering.routes import why_not_straight
from mobilecnn.convert.lowering.shuffles import why_unfolded
from mobilecnn.convert.lowering.split_groups import moved


@dataclass(frozen=True)
class Side:
    """A part of a graph, before or after.

    Attributes:
        operators: number of operators of each kind, in words.
        macs: multiply-adds, those by zeros that were filled in too.
        nbytes: bytes that its operators move at least: each input, weight and output of each once.
        microseconds: time of its convolutions and channel shuffles by the costs of the target, chip -> microseconds. Empty where
            the costs say nothing of the type, or not of what the part gained: the rest of a part is the same before and after,
            or gone.
    """

    operators: str
    macs: int
    nbytes: int
    microseconds: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """A part of a graph that a rewrite changed.

    Attributes:
        rewrite: name of the rewrite.
        layer: name of the last tensor that the part writes.
        before: the part as it was.
        after: the part as it is.
    """

    rewrite: str
    layer: str
    before: Side
    after: Side


@dataclass(frozen=True)
class Untouched:
    """Operators that could be faster in another form, and have none.

    Attributes:
        what: what it is: ``HARD_SWISH``, ``channel shuffle``, ``channels shuffled between units``.
        layer: name of what it writes.
        why: why it stays, a phrase.
    """

    what: str
    layer: str
    why: str


@dataclass(frozen=True)
class Explanation:
    """What the rewrites did to one file.

    Attributes:
        changes: parts that were changed, in the order of the rewrites.
        untouched: what stays in the file.
    """

    changes: tuple[Change, ...] = ()
    untouched: tuple[Untouched, ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """A graph as it is now, whatever becomes of the model in memory.

    Attributes:
        graph: graph.
        keys: for each operator what tells it from others.
    """

    graph: Graph
    keys: tuple[Hashable, ...]


def snapshot(model: Any) -> Snapshot:
    """The first graph of a schema ``ModelT``."""
    graph = flatbuffer.graph_of(model)
    return Snapshot(graph, tuple(_keys(graph)))


def changed(
    rewrite: str, before: Snapshot, after: Snapshot, costs: Costs | None = None
) -> tuple[Change, ...]:
    """The parts in which two graphs differ, each made of operators that share feature maps.

    Args:
        rewrite: name of what made the second of the first.
        before, after: the two, taken of one model in memory: a weight is the same if it is the same array.
        costs: what operators cost on the target; None where that is not known.
    """
    gone, come = differing(before, after)
    parts = _connected([*gone, *come])
    rows = []
    for part in parts:
        was, now = ([row for row in side if id(row) in part] for side in (gone, come))
        last = (now or was)[-1]
        tables = _tables(was, now, costs)
        rows.append(Change(rewrite, last.outputs[0].name, _side(was, tables), _side(now, tables)))
    return tuple(rows)


def explain(
    content: bytes, name: str, changes: Iterable[Change], costs: Iterable[Costs | None]
) -> Explanation:
    """What the rewrites did to a file, and left.

    Args:
        content: the finished ``.tflite`` file.
        name: what messages call it.
        changes: what they changed.
        costs: costs of each rewrite, of those that choose by it.

    Raises:
        ModelFileError: ``content`` is not a TFLite file.
    """
    chosen_by = next((table for table in costs if table is not None), None)
    return Explanation(tuple(changes), untouched(content, name, chosen_by))


def untouched(content: bytes, name: str, costs: Costs | None = None) -> tuple[Untouched, ...]:
    """What of a finished file XNNPACK is known to leave or to be slow at, and the channel shuffles in it.

    Args:
        content: the ``.tflite`` file.
        name: what messages call it.
        costs: costs that chose among the forms; None where none did.

    Raises:
        ModelFileError: ``content`` is not a TFLite file.
    """
    model = flatbuffer.parse(content, name)
    if len(model.subgraphs) != 1:
        return (Untouched("graph", name, "it has control flow"),)
    rows = [
        Untouched(operation.kind, operation.outputs[0].name, f"XNNPACK: {why}")
        for operation in flatbuffer.graph_of(model).operations
        if operation.outputs and (why := xnnpack.why_left(operation) or xnnpack.why_slow(operation))
    ]
    editor = Editor(model)
    stages = list(why_not_straight(editor, costs))
    told = {operator for _, _, operators in stages for operator in operators}
    shuffles = (Untouched("channel shuffle", *row) for row in why_unfolded(editor, costs, told))
    straight = (Untouched("channels shuffled between units", layer, why) for layer, why, _ in stages)
    return (*rows, *shuffles, *straight)


def _keys(graph: Graph) -> list[Hashable]:
    return [
        (
            row.kind,
            tuple(sorted((name, str(value)) for name, value in vars(row.options or object()).items()))
            if row.options
            else (),
            tuple(_key(tensor) for tensor in (*row.inputs, *row.outputs)),
        )
        for row in graph.operations
    ]


def _key(tensor: Tensor | None) -> Hashable:
    return tensor and (tensor.name, tensor.dtype, tensor.shape, tensor.scales, id(tensor.data))


def differing(before: Snapshot, after: Snapshot) -> tuple[list[Operation], list[Operation]]:
    """The operators of each graph that the other does not have."""
    common = Counter(before.keys) & Counter(after.keys)
    return _beyond(before, common), _beyond(after, common)


def _beyond(side: Snapshot, common: Counter[Hashable]) -> list[Operation]:
    left = Counter(common)
    rows = []
    for operation, key in zip(side.graph.operations, side.keys, strict=True):
        left[key] -= 1
        if left[key] < 0:
            rows.append(operation)
    return rows


def _connected(rows: Sequence[Operation]) -> list[set[int]]:
    """The operators, by their identity, in sets that share feature maps, in the order of their first."""
    parts: list[tuple[set[int], set[str]]] = []
    for row in rows:
        names = set(_maps(row))
        touching = [part for part in parts if part[1] & names]
        merged = (
            {id(row)}.union(*(part[0] for part in touching)),
            names.union(*(part[1] for part in touching)),
        )
        place = min((parts.index(part) for part in touching), default=len(parts))
        parts = [part for part in parts if not any(part is other for other in touching)]
        parts.insert(place, merged)
    return [part[0] for part in parts]


def _maps(row: Operation) -> Iterable[str]:
    return (
        tensor.name for tensor in (*row.inputs, *row.outputs) if tensor is not None and not tensor.constant
    )


def _tables(was: Sequence[Operation], now: Sequence[Operation], costs: Costs | None) -> dict[str, Table]:
    """The chips whose costs say what a part takes before and after; none where it gained operators that they do not know."""
    dtypes = {row.outputs[0].dtype for row in (*was, *now)}
    if costs is None or len(dtypes) != 1:
        return {}
    (dtype,) = dtypes
    tables = dict(zip(chips(costs, dtype), costs.tables.get(dtype, ()), strict=True))
    for table in tables.values():
        before, after = (
            Counter(row.kind for row in side if _time(row, table) is None) for side in (was, now)
        )
        if after - before or not any(_time(row, table) for row in was):
            return {}
    return tables


def _side(rows: Sequence[Operation], tables: Mapping[str, Table]) -> Side:
    counts = Counter(row.kind for row in rows)
    words = ", ".join(kind if count == 1 else f"{count} {kind}" for kind, count in counts.items())
    times = {
        chip: round(sum(_time(row, table) or 0.0 for row in rows) / 1000, 3) for chip, table in tables.items()
    }
    return Side(words, sum(macs(row, zeros=True) for row in rows), sum(map(moved_bytes, rows)), times)


def _time(row: Operation, table: Table) -> float | None:
    """Nanoseconds of an operator by the costs of a chip; None of one that they do not know."""
    made = row.outputs[0].shape
    if row.kind == "RESHAPE":
        return 0.0  # Those of a shuffle are counted with its transposition, and of others the costs know nothing.
    if row.kind == "TRANSPOSE" and _swaps_the_last(row):
        channels = made[-2] * made[-1]
        return table.shuffle(row.outputs[0].elements // channels, channels)
    if row.kind in ("SPLIT", "CONCATENATION") and table.product > 0 and len(made) == 4:
        whole, pieces = (row.inputs[-1], row.outputs) if row.kind == "SPLIT" else (row.outputs[0], row.inputs)
        return None if whole is None else moved(whole.shape, len(pieces), table)
    if row.kind != "CONV_2D" or row.inputs[0] is None or row.inputs[1] is None:
        return None
    kernel = row.inputs[1].shape
    groups = row.inputs[0].shape[-1] // kernel[3]
    positions, was = row.outputs[0].elements // made[-1], folded(row)
    if was is not None:
        before = (kernel[0] // was.together, kernel[1], was.columns, was.channels)
        block = kernel[3] // was.channels
        return table.columns(positions * was.together, before, kernel[2], block, was.together)
    products = kernel[1] * kernel[2] * kernel[3]
    return table.convolution(positions, products, made[-1] // groups, groups)


def _swaps_the_last(row: Operation) -> bool:
    """Whether a transposition is that of a channel shuffle: the last two axes, of four or more."""
    order = row.inputs[1]
    if order is None or order.data is None or order.dtype != "int32":
        return False
    axes = np.frombuffer(order.data.tobytes(), np.int32).tolist()
    count = len(axes)
    return count > 3 and axes == [*range(count - 2), count - 1, count - 2]
