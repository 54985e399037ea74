"""The operators of a network as the rewrites of an export leave them, planned from their shapes and not carried out.

What changes the cost of an int8 file is followed: an average pool becomes a depthwise convolution where its windows are small and
none reaches over the edge (:mod:`~mobilecnn.convert.lowering.pools`); one of a single place does in float32 too. The others are
computed in float32 (:mod:`~mobilecnn.convert.lowering.float_islands`), which the file of such an operator does as well. Pools over
one edge of an axis alone, which an export writes in pieces (:mod:`~mobilecnn.convert.lowering.padded_pools`), are in no network of
the zoo. Grouped pointwise convolutions are written dense, with the channel shuffle beside them, where a target's costs say so
(:mod:`~mobilecnn.convert.lowering.shuffles`). The channels of ShuffleNet V2 go straight to where they are used
(:mod:`~mobilecnn.convert.lowering.routes`). Not followed is that for tflite-runtime some become several without groups
(:mod:`~mobilecnn.convert.lowering.split_groups`): there what is predicted of a wide ShuffleNet in int8 is too slow; nor that the first
convolution may read columns as channels (:mod:`~mobilecnn.convert.lowering.columns`): what is predicted of it is too slow there.
Equal branches (:mod:`~mobilecnn.convert.lowering.branches`) are in no network of the zoo either.
"""

from collections.abc import Sequence
from dataclasses import replace

from mobilecnn.convert.lowering.costs import ANY, TARGETS, Costs, Trade
from mobilecnn.convert.xnnpack import MOST_CONCATENATED, MOST_TAPS
from mobilecnn.train.operators import (
    AVERAGE_POOL,
    CONCATENATION,
    CONVOLUTION,
    DEPTHWISE,
    SHUFFLE,
    SPLIT,
    Operator,
)


def planned(operators: Sequence[Operator], dtype: str, costs: Costs = TARGETS[ANY]) -> tuple[Operator, ...]:
    """The operators of a file with feature maps of type ``dtype``.

    Args:
        operators: operators of a network, in the order in which they run.
        dtype: one of :data:`mobilecnn.convert.graph.build.DTYPES`.
        costs: costs of the target by which an export chooses.
    """
    made = [_pooled(operator, dtype) for operator in (_routed(operators) if costs.routes else operators)]
    trades = {
        place: _dense(operator, dtype, costs)
        for place, operator in enumerate(made)
        if _grouped(operator) and dtype in costs.tables
    }
    dense = {place for place, trade in trades.items() if trade.price < 0}
    gone = set()
    for place, operator in enumerate(made):
        if operator.kind != SHUFFLE:
            continue
        left_out = costs.without_shuffle(dtype, operator.positions, operator.outputs)
        prices = {
            near: float("-inf") if near in dense else (trades[near] + left_out).price
            for near in _beside(made, place)
            if near in trades
        }
        best = min(prices, key=prices.__getitem__, default=None)
        if best is not None and prices[best] <= 0:
            gone.add(place)
            dense.add(best)
    return tuple(
        replace(operator, groups=1) if place in dense else operator
        for place, operator in enumerate(made)
        if place not in gone
    )


STAGE = (CONVOLUTION, CONVOLUTION, CONCATENATION, SHUFFLE)
"""Beginning of a stage of ShuffleNet V2: the ends of the two branches of its first unit, and what joins them."""

UNIT = (SPLIT, CONVOLUTION, DEPTHWISE, CONVOLUTION, CONCATENATION, SHUFFLE)
"""Operators of each further unit of a stage."""


def _routed(operators: Sequence[Operator]) -> list[Operator]:
    """The operators with the channels of each stage of ShuffleNet V2 as convolutions of their own, for what takes them."""
    kinds = tuple(operator.kind for operator in operators)
    made: list[Operator] = []
    place = 0
    while place < len(operators):
        units, end = 0, place + len(STAGE)
        while kinds[place : place + len(STAGE)] == STAGE and kinds[end : end + len(UNIT)] == UNIT:
            units, end = units + 1, end + len(UNIT)
        if units and _halves(operators[place:end]):
            made += _stage(operators[place:end], units)
            place = end
        else:
            made.append(operators[place])
            place += 1
    return made


def _halves(operators: Sequence[Operator]) -> bool:
    """Whether all that is joined, shuffled and split are two halves of the same width."""
    width = operators[0].outputs
    return all(
        (row.groups, row.outputs) == (2, 2 * width)
        for row in operators
        if row.kind in (CONCATENATION, SHUFFLE, SPLIT)
    )


def _stage(operators: Sequence[Operator], units: int) -> list[Operator]:
    """The operators of a stage with ``units`` units after the first."""
    each, join = operators[0].outputs, operators[2]
    # Where the convolutions' channels go: the unit that computes them further, or what is after the last one.
    ways: list[list[int]] = [[units] * each for _ in range(units + 2)]
    state = [(source, channel) for source in (0, 1) for channel in range(each)]
    for unit in range(units):
        state = [channel for pair in zip(state[:each], state[each:], strict=True) for channel in pair]
        for source, channel in state[each:]:
            ways[source][channel] = unit
        state = [*state[:each], *((unit + 2, channel) for channel in range(each))]
    ends = [*operators[:2], *(operators[len(STAGE) + len(UNIT) * unit + 3] for unit in range(units))]
    parts = [
        [replace(end, outputs=way.count(unit)) for unit in range(units + 1) if unit in way]
        for end, way in zip(ends, ways, strict=True)
    ]
    made = [*parts[0], *parts[1]]
    for unit in range(units + 1):
        given = [way.count(unit) for way in ways if unit in way]
        made += _joined(join, given)
        if unit < units:
            first = len(STAGE) + len(UNIT) * unit
            made += [*operators[first + 1 : first + 3], *parts[unit + 2]]
    return made


def _joined(join: Operator, given: list[int]) -> list[Operator]:
    """The concatenations of some feature maps, as :mod:`~mobilecnn.convert.lowering.concatenations` nests them."""
    made = []
    while len(given) > 1:
        rest = len(given) - MOST_CONCATENATED
        first = given[: min(MOST_CONCATENATED, rest + 1)] if rest > 0 else given
        made.append(replace(join, inputs=sum(first), outputs=sum(first), groups=len(first)))
        given = [sum(first), *given[len(first) :]]
    return made


def _pooled(operator: Operator, dtype: str) -> Operator:
    if operator.kind != AVERAGE_POOL:
        return operator
    fits = dtype == "int8" and operator.taps <= MOST_TAPS and not operator.padded
    return replace(operator, kind=DEPTHWISE) if fits or operator.taps == 1 else operator


def _grouped(operator: Operator) -> bool:
    return operator.kind == CONVOLUTION and operator.groups > 1 and operator.taps == 1


def _dense(operator: Operator, dtype: str, costs: Costs) -> Trade:
    """What becomes of the convolution's time with weights for all inputs."""
    return costs.dense(
        dtype, operator.positions, operator.inputs // operator.groups, operator.groups, operator.outputs
    )


def _beside(operators: Sequence[Operator], place: int) -> list[int]:
    """The convolutions before and after a shuffle; a depthwise one passes the order of channels on."""
    near = [place - 1] if place else []
    after = place + 1
    while after < len(operators) and operators[after].kind == DEPTHWISE:
        after += 1
    return [*near, after] if after < len(operators) else near
