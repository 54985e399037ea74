"""What the rewrites made of each part of a graph, and what they left as it was."""

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from mobilecnn.convert import xnnpack
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph.cut import moved_bytes
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.convert.graph.flatbuffer import Graph, Operation, Tensor
from mobilecnn.convert.inspection import macs
from mobilecnn.convert.lowering.costs import Costs
from mobilecnn.convert.lowering.routes import why_not_straight
from mobilecnn.convert.lowering.shuffles import why_unfolded


@dataclass(frozen=True)
class Side:
    """A part of a graph, before or after.

    Attributes:
        operators: number of operators of each kind, in words.
        macs: multiply-adds, those by zeros that were filled in too.
        nbytes: bytes that its operators move at least: each input, weight and output of each once.
        microseconds: time of its convolutions and channel shuffles by the costs that chose the form, on one chip; None where
            none did, or those of several chips together.
    """

    operators: str
    macs: int
    nbytes: int
    microseconds: float | None = None


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
        costs: costs that the rewrite chose by; None where it did not choose.
    """
    common = Counter(before.keys) & Counter(after.keys)
    gone, come = [_beyond(side.graph, side.keys, common) for side in (before, after)]
    parts = _connected([*gone, *come])
    rows = []
    for part in parts:
        was, now = ([row for row in side if id(row) in part] for side in (gone, come))
        last = (now or was)[-1]
        rows.append(Change(rewrite, last.outputs[0].name, _side(was, costs), _side(now, costs)))
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


def _beyond(graph: Graph, keys: Sequence[Hashable], common: Counter[Any]) -> list[Operation]:
    """The operators that the other graph does not have."""
    left = Counter(common)
    rows = []
    for operation, key in zip(graph.operations, keys, strict=True):
        if left[key]:
            left[key] -= 1
        else:
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


def _side(rows: Sequence[Operation], costs: Costs | None) -> Side:
    counts = Counter(row.kind for row in rows)
    words = ", ".join(kind if count == 1 else f"{count} {kind}" for kind, count in counts.items())
    times = [] if costs is None else [_time(row, costs) for row in rows]
    known = [time for time in times if time is not None]
    spent = round(sum(known) / 1000, 3) if known and len(known) == len(times) else None
    return Side(words, sum(macs(row, zeros=True) for row in rows), sum(map(moved_bytes, rows)), spent)


def _time(row: Operation, costs: Costs) -> float | None:
    """Nanoseconds of an operator by the costs of one chip, 0 of one that no choice is about; None where they are not known."""
    made, tables = row.outputs[0], costs.tables.get(row.outputs[0].dtype, ())
    if len(tables) != 1:
        return None
    if row.kind == "TRANSPOSE":
        channels = made.shape[-2] * made.shape[-1]
        return tables[0].shuffle(made.elements // channels, channels)
    if row.kind != "CONV_2D" or row.inputs[0] is None or row.inputs[1] is None:
        return 0.0
    kernel = row.inputs[1].shape
    groups = row.inputs[0].shape[-1] // kernel[3]
    products = kernel[1] * kernel[2] * kernel[3]
    return tables[0].convolution(made.elements // made.shape[-1], products, made.shape[-1] // groups, groups)
