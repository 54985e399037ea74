"""What operators that only move values do to the channels of a feature map, however they are written.

A channel shuffle can be reshapes around a transposition in four or five dimensions, a gather, or a split and a stack. All of
them are run here on an array of places in place of the values: where each value of the output comes from says what they do
together.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn.convert.graph import wellformed
from mobilecnn.convert.graph.edit import NOT_FUSED, Editor

MOST_PLACES = 1 << 24
"""Largest number of values of a tensor whose way is followed: 64 MB of places."""

Places = npt.NDArray[np.int32]
"""For each value of a tensor its place among those of the tensor that it comes from."""

Permutation = tuple[int, ...]
"""For each channel of the output the channel of the input that it is."""


@dataclass(frozen=True)
class Shuffle:
    """A tensor that is another one with its channels in another order.

    Attributes:
        source: index of the tensor that the channels come from, whose shape is the same.
        target: index of the tensor.
        order: for each channel of the target the channel of the source that it is.
        operators: operators between the two, by their identity.
        kinds: their kinds, in the order in which they run.
    """

    source: int
    target: int
    order: Permutation
    operators: frozenset[int]
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class _Way:
    """Where the values of a tensor come from, and the operators on the way, in order."""

    source: int
    places: Places
    operators: tuple[Any, ...]


def shuffles(editor: Editor) -> Iterator[Shuffle]:
    """The channel shuffles of a graph, in order: of each chain of moving operators the longest beginning that is one.

    What is behind it, a split or a flattening, is no longer a feature map with the same channels.
    """
    found = []
    for target, way in _ways(editor).items():
        order = _order(way.places, editor.tensor(way.source).shape)
        if order is not None:
            names = tuple(editor.kind(operator) for operator in way.operators)
            found.append(Shuffle(way.source, target, order, frozenset(map(id, way.operators)), names))
    for shuffle in found:
        longer = [other.operators for other in found if other.operators > shuffle.operators]
        readers = editor.readers(shuffle.target)
        if not readers or not all(any(id(reader) in row for row in longer) for reader in readers):
            yield shuffle


def group_count(order: Sequence[int]) -> int | None:
    """Number of groups of a shuffle that interleaves equal groups of channels; None for any other order."""
    for groups in range(2, len(order) // 2 + 1):
        if len(order) % groups == 0 and tuple(order) == interleaved(len(order), groups):
            return groups
    return None


def interleaved(channels: int, groups: int) -> Permutation:
    """Order of the shuffle of ShuffleNet: the first channel of each group, then the second of each, and so on."""
    return tuple(np.arange(channels).reshape(groups, channels // groups).T.ravel().tolist())


def inverse(order: Sequence[int]) -> Permutation:
    """The order that takes an order back."""
    return tuple(np.argsort(order).tolist())


def _ways(editor: Editor) -> dict[int, _Way]:
    ways: dict[int, _Way] = {}
    for operator, inputs, maps in movers(editor):
        given = [ways.get(index) or _begun(editor, index) for index in maps]
        sources = {way.source for way in given if way is not None}
        if len(sources) != 1 or None in given or not same_codes(editor, [*maps, *_outputs(operator)]):
            continue
        arrays = dict(zip(maps, (way.places for way in given if way is not None), strict=True))
        passed = {id(other): other for way in given if way is not None for other in way.operators}
        way_there = (*passed.values(), operator)
        for index, places in moved(Move(editor, operator, inputs, arrays)).items():
            ways[index] = _Way(min(sources), places, way_there)
    return ways


def movers(editor: Editor, also: Collection[str] = ()) -> Iterator[tuple[Any, list[int], list[int]]]:
    """The operators that only move values, in order: each with its inputs, and those that are no constants.

    Args:
        editor: graph.
        also: kinds of one input that leave each value in its place, though not its code, and count as well.
    """
    for operator in editor.operators:
        if editor.kind(operator) not in MOVES and editor.kind(operator) not in also:
            continue
        inputs = [index for index in wellformed.indices(operator.inputs) if index >= 0]
        maps = [index for index in inputs if editor.tensor(index).data is None]
        if maps:
            yield operator, inputs, maps


def moved(move: "Move") -> dict[int, Places]:
    """Output -> its places, of those whose shapes fit; none where what the operator says does not: the runtime's business."""
    try:
        made = MOVES.get(move.editor.kind(move.operator), _reshape)(move)
    except (ValueError, IndexError, TypeError, KeyError):
        return {}
    return {
        index: places
        for index, places in zip(_outputs(move.operator), made, strict=False)
        if places.shape == move.editor.tensor(index).shape
    }


def _begun(editor: Editor, index: int) -> _Way | None:
    tensor = editor.tensor(index)
    if tensor.dynamic or not 0 < tensor.elements <= MOST_PLACES:
        return None
    return _Way(index, np.arange(tensor.elements, dtype=np.int32).reshape(tensor.shape), ())


def same_codes(editor: Editor, indices: Sequence[int]) -> bool:
    """Whether a value has the same code in all of these tensors."""
    return len({(row.dtype, row.scales, row.zero_points) for row in map(editor.tensor, indices)}) == 1


def _order(places: Places, shape: Sequence[int]) -> Permutation | None:
    """The order of the channels, if nothing else is moved."""
    if places.shape != tuple(shape) or not shape:
        return None
    rows = places.reshape(-1, shape[-1])
    order = rows[0]
    if not np.array_equal(np.sort(order), np.arange(shape[-1])):
        return None
    moved = order[None, :] + shape[-1] * np.arange(len(rows), dtype=np.int32)[:, None]
    return tuple(order.tolist()) if np.array_equal(rows, moved) else None


def _outputs(operator: Any) -> list[int]:
    return wellformed.indices(operator.outputs)


@dataclass(frozen=True)
class Move:
    """An operator that moves values: its inputs, and the places of those that are no constants.

    Attributes:
        editor: graph.
        operator: operator, of one of the kinds of :data:`MOVES`, or one that leaves each value in its place.
        inputs: indices of its inputs.
        arrays: for each input that is no constant the places of its values.
    """

    editor: Editor
    operator: Any
    inputs: list[int]
    arrays: dict[int, Places]

    @property
    def options(self) -> Any:
        return self.operator.builtinOptions

    @property
    def shape(self) -> tuple[int, ...]:
        return self.editor.tensor(_outputs(self.operator)[0]).shape

    def places(self, position: int = 0) -> Places:
        return self.arrays[self.inputs[position]]

    def integers(self, position: int) -> list[int]:
        values = self.editor.integers(self.inputs[position])
        if values is None:
            raise ValueError("not a constant")
        return values


def _reshape(move: Move) -> list[Places]:
    return [move.places().reshape(move.shape)]


def _transpose(move: Move) -> list[Places]:
    return [move.places().transpose(move.integers(1))]


def _gather(move: Move) -> list[Places]:
    if move.options.batchDims:
        raise ValueError("batches")
    chosen = np.array(move.integers(1)).reshape(move.editor.tensor(move.inputs[1]).shape)
    return [np.take(move.places(), chosen, move.options.axis)]


def _split(move: Move) -> list[Places]:
    return np.split(move.places(1), move.options.numSplits, move.integers(0)[0])


def _split_sizes(move: Move) -> list[Places]:
    return np.split(move.places(), np.cumsum(move.integers(1))[:-1], move.integers(2)[0])


def _slice(move: Move) -> list[Places]:
    begins = move.integers(1)
    return [
        move.places()[
            tuple(slice(begin, begin + size) for begin, size in zip(begins, move.shape, strict=True))
        ]
    ]


def _strided_slice(move: Move) -> list[Places]:
    options = move.options
    if options.ellipsisMask or options.newAxisMask or options.offset:
        raise ValueError("a form that is not followed")
    parts: list[slice | int] = []
    for axis, row in enumerate(zip(move.integers(1), move.integers(2), move.integers(3), strict=True)):
        begin, end, stride = row
        if options.shrinkAxisMask >> axis & 1:
            parts.append(begin)
        else:
            open_begin, open_end = (mask >> axis & 1 for mask in (options.beginMask, options.endMask))
            parts.append(slice(None if open_begin else begin, None if open_end else end, stride))
    return [move.places()[tuple(parts)]]


def _pack(move: Move) -> list[Places]:
    return [np.stack([move.arrays[index] for index in move.inputs], move.options.axis)]


def _unpack(move: Move) -> list[Places]:
    axis = move.options.axis
    return [np.take(move.places(), number, axis) for number in range(move.options.num)]


def _concatenation(move: Move) -> list[Places]:
    if move.options.fusedActivationFunction != NOT_FUSED:
        raise ValueError("an activation")
    return [np.concatenate([move.arrays[index] for index in move.inputs], move.options.axis)]


MOVES: dict[str, Callable[[Move], list[Places]]] = {
    "CONCATENATION": _concatenation,
    "EXPAND_DIMS": _reshape,
    "GATHER": _gather,
    "PACK": _pack,
    "RESHAPE": _reshape,
    "SLICE": _slice,
    "SPLIT": _split,
    "SPLIT_V": _split_sizes,
    "SQUEEZE": _reshape,
    "STRIDED_SLICE": _strided_slice,
    "TRANSPOSE": _transpose,
    "UNPACK": _unpack,
}
"""Operators that only move values -> function from one of them to the places of its outputs."""
