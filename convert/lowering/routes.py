"""Rewrite: channels that splits, shuffles and concatenations lead from unit to unit go straight to where they are used."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mobilecnn.convert.graph import wellformed
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.convert.lowering import layouts
from mobilecnn.convert.lowering.costs import Costs
from mobilecnn.convert.lowering.layouts import Layouts
from mobilecnn.convert.lowering.movements import (
    MOST_PLACES,
    MOVES,
    Move,
    Permutation,
    Places,
    moved,
    movers,
    same_codes,
)
from mobilecnn.remarks import plural

WHOLE_PARTS = frozenset(
    ["CONCATENATION", "EXPAND_DIMS", "RESHAPE", "SLICE", "SPLIT", "SPLIT_V", "SQUEEZE", "STRIDED_SLICE"]
)
"""Moving operators that copy neighbouring channels together: they alone are cheap, and nothing to mend. A STRIDED_SLICE is
one as long as it takes every channel between its first and its last."""

CONVERSIONS = frozenset(["QUANTIZE"])
"""Operators that lie between moving ones once a graph is quantized, and leave each value in its place."""

EACH_BY_ITSELF = frozenset(
    [
        "ABS", "DEQUANTIZE", "ELU", "GELU", "HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "QUANTIZE", "RELU", "RELU6", "RELU_N1_TO_1",
        "TANH",
    ]
)  # fmt: skip
"""Operators of one input and no constants that compute each value of it alone: of some channels as of all."""

Channel = tuple[int, int]
"""Output of a convolution, and one of its channels."""


@dataclass(frozen=True)
class _Way:
    """Places of a tensor's values among those of all convolutions' outputs, and the moving operators before it."""

    places: Places
    operators: dict[int, Any]


@dataclass(frozen=True)
class _Region:
    """Moving operators that belong together, between convolutions.

    Attributes:
        sinks: tensor that others than moving operators read -> for each of its channels where it comes from, in order.
        operators: moving operators, by their identity.
    """

    sinks: dict[int, tuple[Channel, ...]]
    operators: dict[int, Any]

    def pieces(self) -> dict[int, dict[int, list[int]]]:
        """Convolution's output -> tensor -> the channels of the first that the second takes, in order."""
        pieces: dict[int, dict[int, list[int]]] = {}
        for sink, channels in self.sinks.items():
            for source, channel in channels:
                pieces.setdefault(source, {}).setdefault(sink, []).append(channel)
        return {
            source: {sink: sorted(own) for sink, own in taken.items()} for source, taken in pieces.items()
        }


def route_channels(editor: Editor) -> Iterator[str]:
    """Compute the channels that go to different places by convolutions of their own, and bypass what lies between.

    A unit of ShuffleNet V2 lets half of its channels pass, and computes the other half: a split, a concatenation and a shuffle
    that decide which channels the next unit computes. What each of the units takes is known beforehand. The outputs of a
    convolution W do not depend on each other, so that it is several, W = [W1; W2; ...], one for each place that its outputs go
    to, and what is read there is a concatenation of such parts, P x. An activation behind W is done to each part. The convolution
    that reads it takes any order of its inputs, ``V x = (V P') (P x)``. Bit-exact in integers, and in floats but for the order of sums. No value is moved but by
    the concatenations. It takes more convolutions, of fewer channels: whether that is faster is the target's to say
    (:attr:`~mobilecnn.convert.lowering.costs.Costs.routes`), where no rewrite is named.
    """
    routed = 0
    for region in _regions(editor):
        found = _reordered(editor, region) if _as_stored(editor, region) else None
        if found is not None:
            _route(editor, region, found)
            routed += 1
    if routed:
        yield f"channels of {plural(routed, 'stage')} routed straight to where they are used"


def why_not_straight(editor: Editor, costs: Costs | None) -> Iterator[tuple[str, str, frozenset[int]]]:
    """The stages of a finished graph whose channels are still shuffled from unit to unit.

    What the quantizer put between the moving operators since is passed over: channels are routed before it runs.

    Yields:
        What each stage writes, why it stays, and its moving operators, by their identity.
    """
    for region in _regions(editor, CONVERSIONS):
        stuck = layouts.obstacle(editor, _wanted(region), frozenset(region.operators))
        if stuck:
            why = f"what reads the channels cannot have them in another order ({stuck})"
        elif _reordered(editor, region) is None:
            why = "what reads the channels cannot have them in another order (a grouped convolution)"
        elif costs is None or costs.routes:
            why = "route_channels was not asked for, or was taken back"
        else:
            why = f"route_channels is not known to make it faster on {costs.title}"
        yield editor.tensor(list(region.sinks)[-1]).name, why, frozenset(region.operators)


def _regions(editor: Editor, also: Collection[str] = ()) -> list[_Region]:
    """The regions with a shuffle in which each output channel of the convolutions before goes to one place.

    Args:
        editor: graph.
        also: kinds of operators that count as moving ones.
    """
    if not any(_shuffling(editor, operator) for operator in editor.operators):
        return []
    ways, begun = _ways(editor, also)
    regions: list[_Region] = []
    for index, way in ways.items():
        readers = editor.readers(index)
        if editor.between(index) and all(_moving(ways, reader) for reader in readers):
            continue
        channels = _channels(way.places, editor.tensor(index).shape, begun)
        together = [row for row in regions if row.operators.keys() & way.operators.keys()]
        regions = [row for row in regions if row not in together]
        sinks = {index: channels or ()}
        operators = dict(way.operators)
        for row in together:
            sinks = {**row.sinks, **sinks}
            operators = {**row.operators, **operators}
        regions.append(_Region(sinks, operators))
    return [region for region in regions if _fits(editor, region)]


def _shuffling(editor: Editor, operator: Any) -> bool:
    """Whether an operator moves values and does not keep neighbouring channels together."""
    kind = editor.kind(operator)
    if kind != "STRIDED_SLICE":
        return kind in MOVES and kind not in WHOLE_PARTS
    strides = editor.integers(wellformed.indices(operator.inputs)[3])
    return not strides or strides[-1] != 1


def _moving(ways: dict[int, _Way], operator: Any) -> bool:
    return any(index in ways for index in wellformed.indices(operator.outputs))


def _ways(editor: Editor, also: Collection[str]) -> tuple[dict[int, _Way], dict[int, tuple[int, int]]]:
    """Tensor that moving operators make -> its way; tensor that such a way begins at -> its first place, its channels."""
    ways: dict[int, _Way] = {}
    begun: dict[int, tuple[int, int]] = {}
    count = 0
    for operator, inputs, maps in movers(editor, also):
        arrays: dict[int, Places] = {}
        passed = {id(operator): operator}
        for index in maps:
            tensor = editor.tensor(index)
            if index in ways:
                arrays[index] = ways[index].places
                passed.update(ways[index].operators)
                continue
            if tensor.dynamic or not tensor.shape or not 0 < tensor.elements <= MOST_PLACES - count:
                break
            if index not in begun:
                begun[index] = (count, tensor.shape[-1])
                count += tensor.elements
            first = begun[index][0]
            arrays[index] = np.arange(first, first + tensor.elements, dtype=np.int32).reshape(tensor.shape)
        if len(arrays) < len(set(maps)):
            continue
        for index, places in moved(Move(editor, operator, inputs, arrays)).items():
            ways[index] = _Way(places, passed)
    return ways, begun


def _channels(
    places: Places, shape: tuple[int, ...], begun: dict[int, tuple[int, int]]
) -> tuple[Channel, ...] | None:
    """Where each channel comes from, if every place has its channels from the same place of the convolutions' outputs."""
    if not shape or not places.size:
        return None
    rows = places.reshape(-1, shape[-1])
    sources = sorted(begun, key=lambda index: begun[index][0])
    firsts, widths = (np.array([begun[index][part] for index in sources], np.int32) for part in (0, 1))
    origin = np.searchsorted(firsts, rows[0], side="right") - 1
    channel = rows[0] - firsts[origin]
    expected = rows[0][None, :] + np.arange(len(rows), dtype=np.int32)[:, None] * widths[origin][None, :]
    if (channel >= widths[origin]).any() or not np.array_equal(rows, expected):
        return None
    return tuple((sources[place], int(own)) for place, own in zip(origin, channel, strict=True))


def _fits(editor: Editor, region: _Region) -> bool:
    """Whether there is a shuffle, and every channel of the convolutions before goes to one place, in the middle of the graph."""
    taken = [channel for channels in region.sinks.values() for channel in channels]
    sources = {source for source, _ in taken}
    return (
        any(_shuffling(editor, operator) for operator in region.operators.values())
        and all(region.sinks.values())
        and all(editor.between(sink) for sink in region.sinks)
        and all(
            editor.tensor(source).shape[:-1] == editor.tensor(sink).shape[:-1]
            for sink, channels in region.sinks.items()
            for source, _ in channels
        )
        and len(set(taken)) == len(taken) == sum(editor.tensor(source).shape[-1] for source in sources)
        and all(_divisible(editor, source, region) for source in sources)
        and len(region.sinks) > 1
    )


def _divisible(editor: Editor, source: int, region: _Region) -> bool:
    """Whether a tensor is what a convolution without groups, with stored weights, gives to the region alone.

    An activation may lie between.
    """
    steps = _steps(editor, source)
    if not steps:
        return False
    constants = [index for index in wellformed.indices(steps[0].inputs)[1:] if index >= 0]
    return (
        layouts.groups(editor, steps[0]) == 1
        and all(layouts.stored(editor, index) is not None for index in constants)
        and all(id(reader) in region.operators for reader in editor.readers(source))
    )


def _steps(editor: Editor, source: int) -> list[Any]:
    """The convolution that a tensor comes from, and what is done to each of its values alone behind it; empty if it is another."""
    steps: list[Any] = []
    while editor.between(source):
        maker = editor.maker(source)
        if steps and editor.only_reader(source) is not steps[0]:
            break
        steps.insert(0, maker)
        if editor.kind(maker) == "CONV_2D":
            return steps
        if editor.kind(maker) not in EACH_BY_ITSELF:
            break
        source = wellformed.indices(maker.inputs)[0]
    return []


def _as_stored(editor: Editor, region: _Region) -> bool:
    """Whether a value has one code all the way, and the convolutions' weights are stored as they are used."""
    maps = [
        index
        for operator in region.operators.values()
        for index in (*wellformed.indices(operator.inputs), *wellformed.indices(operator.outputs))
        if index >= 0 and editor.tensor(index).data is None
    ]
    constants = [
        index
        for source in region.pieces()
        for index in wellformed.indices(_steps(editor, source)[0].inputs)[1:]
        if index >= 0
    ]
    return same_codes(editor, maps) and all(editor.tensor(index).data is not None for index in constants)


def _order(region: _Region, sink: int) -> list[Channel]:
    """The channels of a sink in their new order: convolution by convolution."""
    return [(source, channel) for source, taken in region.pieces().items() for channel in taken.get(sink, ())]


def _reordered(editor: Editor, region: _Region) -> Layouts | None:
    """The layouts of what reads the sinks in their new order; None where something cannot."""
    found = layouts.solve(editor, _wanted(region), frozenset(region.operators))
    return None if found is None or layouts.to_become_dense(found) else found


def _wanted(region: _Region) -> dict[int, Permutation]:
    """The new layout of each sink."""
    wanted = {}
    for sink, channels in region.sinks.items():
        before = {channel: place for place, channel in enumerate(channels)}
        wanted[sink] = tuple(before[channel] for channel in _order(region, sink))
    return wanted


def _route(editor: Editor, region: _Region, found: Layouts) -> None:
    layouts.apply(found)
    parts: dict[int, list[int]] = {sink: [] for sink in region.sinks}
    for source, taken in region.pieces().items():
        for sink, part in zip(taken, _divided(editor, source, list(taken.values())), strict=True):
            parts[sink].append(part)
    for sink, together in parts.items():
        if len(together) == 1:
            editor.read_instead(sink, together[0])
            continue
        maker, tensor = editor.maker(sink), editor.tensor(sink)
        editor.write_instead(maker, sink, editor.tensor_like(sink, f"{tensor.name}/before", tensor.shape))
        options = schema.ConcatenationOptionsT()
        options.axis = len(tensor.shape) - 1
        join = editor.operator("CONCATENATION", together, [sink], options=options)
        editor.replace(maker, [maker, join])


def _divided(editor: Editor, source: int, parts: list[list[int]]) -> list[int]:
    """What convolutions of some channels each give, in place of one of all, with the activation behind."""
    if len(parts) == 1:
        return [source]
    steps = _steps(editor, source)
    image, *constants = wellformed.indices(steps[0].inputs)
    made, operators = [], steps[-1:]
    for own in parts:
        inputs = [image, *(index if index < 0 else layouts.rows(editor, index, own) for index in constants)]
        for step in steps:
            (whole,) = wellformed.indices(step.outputs)
            tensor = editor.tensor(whole)
            name = layouts.reordered(tensor.name, own)
            part = editor.tensor_like(whole, name, (*tensor.shape[:-1], len(own)))
            version = editor.model.operatorCodes[step.opcodeIndex].version
            operators.append(editor.operator(editor.kind(step), inputs, [part], version, step.builtinOptions))
            inputs = [part]
        made += inputs
    editor.replace(steps[-1], operators)
    return made
