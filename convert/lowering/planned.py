"""The operators of a network as the rewrites of an export leave them, planned from their shapes and not carried out.

What changes the cost of an int8 file is followed: an average pool becomes a depthwise convolution where its windows are small and
none reaches over the edge (:mod:`~mobilecnn.convert.lowering.pools`); one of a single place does in float32 too. The others are
computed in float32 (:mod:`~mobilecnn.convert.lowering.float_islands`), which the file of such an operator does as well. Pools over
one edge of an axis alone, which an export writes in pieces (:mod:`~mobilecnn.convert.lowering.padded_pools`), are in no network of
the zoo. Grouped pointwise convolutions are written dense, with the channel shuffle beside them, where a target's costs say so
(:mod:`~mobilecnn.convert.lowering.shuffles`). Not followed is that for tflite-runtime some become several without groups
(:mod:`~mobilecnn.convert.lowering.split_groups`): there what is predicted of a wide ShuffleNet in int8 is too slow.
"""

from collections.abc import Sequence
from dataclasses import replace

from mobilecnn.convert.lowering.costs import ANY, TARGETS, Costs, Trade
from mobilecnn.convert.xnnpack import MOST_TAPS
from mobilecnn.train.operators import AVERAGE_POOL, CONVOLUTION, DEPTHWISE, SHUFFLE, Operator


def planned(operators: Sequence[Operator], dtype: str, costs: Costs = TARGETS[ANY]) -> tuple[Operator, ...]:
    """The operators of a file with feature maps of type ``dtype``.

    Args:
        operators: operators of a network, in the order in which they run.
        dtype: one of :data:`mobilecnn.convert.graph.build.DTYPES`.
        costs: costs of the target by which an export chooses.
    """
    made = [_pooled(operator, dtype) for operator in operators]
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
