"""Rewrites: channel shuffles in one spelling, in the weights around them, and grouped convolutions with all weights."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from mobilecnn.convert.graph import wellformed
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.convert.lowering import layouts
from mobilecnn.convert.lowering.costs import Costs, Trade
from mobilecnn.convert.lowering.layouts import Layouts
from mobilecnn.convert.lowering.movements import Shuffle, group_count, inverse, shuffles
from mobilecnn.remarks import plural

SPELLING = ("RESHAPE", "TRANSPOSE", "RESHAPE")
"""How a shuffle is written, in four dimensions: (1, positions, groups, channels of a group)."""


def spell_shuffles(editor: Editor) -> Iterator[str]:
    """Write a channel shuffle as RESHAPE, TRANSPOSE and RESHAPE in four dimensions, however it was written.

    Reshapes and a transposition in five dimensions, a gather, a split and a stack move the same values to the same places:
    where each comes from is followed through all of these operators. Bit-exact. XNNPACK takes no gather and no stack, and in
    four dimensions the fewest are moved around. Two shuffles that cancel are left out.
    """
    spelled, cancelled = 0, 0
    while True:
        found = next((row for row in shuffles(editor) if _foreign(editor, row)), None)
        if found is None:
            break
        if _keeps(found):
            editor.read_instead(found.target, found.source)
            cancelled += 1
            continue
        _spell(editor, found)
        spelled += 1
    if spelled:
        yield f"{plural(spelled, 'channel shuffle')} as one transposition in four dimensions"
    if cancelled:
        yield f"{plural(cancelled, 'channel shuffle')} that changed nothing, or took another one back"


def fold_shuffles(editor: Editor) -> Iterator[str]:
    """Leave out a channel shuffle P whose order the weights before or after it can have.

    A dense convolution W takes its input channels in any order, ``W (P x) = (W P) x``, and gives its output channels in any,
    ``P (W x) = (P W) x``: both are W with its columns or rows in another order. Between, P passes through what treats every
    channel by itself: a depthwise convolution with its kernels in the other order, ``D (P x) = P (D' x)``, activations,
    pools, sums and products of tensors that have the same order, concatenations of whole parts. A grouped convolution takes
    and gives any order that stays within its groups. The same products are added, so that integers are the same to the bit,
    and floats within the rounding of sums in another order.
    """
    folded = _folded(editor, None)
    if folded:
        yield f"{plural(folded, 'channel shuffle')} in the weights around"


def write_groups_dense(editor: Editor, costs: Costs) -> Iterator[str]:
    """Write a grouped pointwise convolution with the weights of all inputs, those of other groups 0, where that is faster.

    A product with 0 is 0, and adding it changes nothing: exact in integers, and in floats but for the order of a sum. It costs more
    multiply-adds, and saves the calls, and the unused columns of the kernels' tiles, that a group of few channels costs. A dense convolution
    also takes a channel shuffle P before or after it, which then goes away. The target's costs, which are of pointwise
    convolutions, decide for each convolution and shuffle.
    """
    dense = 0
    for operator in editor.operators:
        if _priced(editor, operator, costs) and _dense(editor, operator, costs).price < 0:
            layouts.write_dense(editor, operator)
            dense += 1
    before = sum(_grouped(editor, operator) for operator in editor.operators)
    folded = _folded(editor, costs)
    dense += before - sum(_grouped(editor, operator) for operator in editor.operators)
    if dense:
        yield f"{plural(dense, 'grouped convolution')} with the weights of all inputs, by the costs of {costs.title}"
    if folded:
        yield f"{plural(folded, 'channel shuffle')} in the weights around"


def _keeps(shuffle: Shuffle) -> bool:
    return shuffle.order == tuple(range(len(shuffle.order)))


def _foreign(editor: Editor, shuffle: Shuffle) -> bool:
    """Whether a shuffle is to be written anew."""
    if _keeps(shuffle):
        return editor.between(shuffle.target) and bool(editor.readers(shuffle.target))
    if (
        group_count(shuffle.order) is None
        or len(wellformed.indices(editor.maker(shuffle.target).outputs)) > 1
    ):
        return False
    ranks = [len(editor.tensor(index).shape) for index in _on_the_way(editor, shuffle)]
    return shuffle.kinds != SPELLING or max(ranks) > 4


def _on_the_way(editor: Editor, shuffle: Shuffle) -> list[int]:
    """The tensors between the source and the target."""
    return [
        index
        for operator in editor.operators
        if id(operator) in shuffle.operators
        for index in wellformed.indices(operator.outputs)
        if index != shuffle.target
    ]


def _spell(editor: Editor, shuffle: Shuffle) -> None:
    made, given = editor.tensor(shuffle.target), editor.tensor(shuffle.source)
    groups, channels = group_count(shuffle.order), len(shuffle.order)
    assert groups is not None
    positions, each = given.elements // channels, channels // groups
    steps, last = [], shuffle.source
    for name, shape in (("fold", (1, positions, groups, each)), ("shuffle", (1, positions, each, groups))):
        step = editor.tensor_like(shuffle.source, f"{made.name}/{name}", shape)
        if name == "fold":
            steps.append(editor.reshape(last, step))
        else:
            order = editor.add_constant(f"{made.name}/order", [0, 1, 3, 2])
            steps.append(
                editor.operator("TRANSPOSE", [last, order], [step], options=schema.TransposeOptionsT())
            )
        last = step
    steps.append(editor.reshape(last, shuffle.target))
    editor.replace(editor.maker(shuffle.target), steps)


def _folded(editor: Editor, costs: Costs | None) -> int:
    """Fold the shuffles that can be, or with ``costs`` those that should be; returns how many."""
    folded = 0
    left: set[int] = set()
    while True:
        found = next((row for row in shuffles(editor) if row.target not in left), None)
        if found is None:
            return folded
        best = None if _keeps(found) else _cheapest(editor, found, costs)
        if best is None:
            left.add(found.target)
            continue
        layouts.apply(best)
        editor.read_instead(found.target, found.source)
        folded += 1


def _cheapest(editor: Editor, shuffle: Shuffle, costs: Costs | None) -> Layouts | None:
    """The cheaper way to do without a shuffle; None where it should stay."""
    priced = [(_price(editor, shuffle, way, costs), way) for way in _ways(editor, shuffle)]
    price, best = min(priced, key=lambda row: row[0], default=(float("inf"), None))
    return best if price <= 0 else None


def _ways(editor: Editor, shuffle: Shuffle) -> list[Layouts]:
    """The ways to do without a shuffle: the operators after it, or those before it, have the other order."""
    if not editor.between(shuffle.target) or not editor.readers(shuffle.target):
        return []
    ways = [layouts.solve(editor, {shuffle.target: inverse(shuffle.order)}, shuffle.operators)]
    inside = _on_the_way(editor, shuffle)
    if all(id(reader) in shuffle.operators for index in inside for reader in editor.readers(index)):
        ways.append(layouts.solve(editor, {shuffle.source: shuffle.order}, shuffle.operators))
    return [way for way in ways if way is not None]


def _obstacles(editor: Editor, shuffle: Shuffle) -> tuple[str, str]:
    """What keeps what is before a shuffle, and what is after it, from another order of channels."""
    before = layouts.obstacle(editor, {shuffle.source: shuffle.order}, shuffle.operators)
    after = layouts.obstacle(editor, {shuffle.target: inverse(shuffle.order)}, shuffle.operators)
    return before or "others read parts of it", after or "nothing"


def _price(editor: Editor, shuffle: Shuffle, way: Layouts, costs: Costs | None) -> float:
    """What a way to do without a shuffle takes longer than with it, negative where it saves time."""
    mixed = layouts.to_become_dense(way)
    if not mixed:
        return float("-inf")
    if costs is None or not _known(editor, shuffle, mixed, costs):
        return float("inf")
    trades = (_dense(editor, operator, costs) for operator in mixed)
    return sum(trades, _left_out(editor, shuffle, costs)).price


def _known(editor: Editor, shuffle: Shuffle, mixed: Sequence[Any], costs: Costs) -> bool:
    """Whether there are costs of convolutions that would take a shuffle, and of the shuffle on the same chips.

    A QUANTIZE or DEQUANTIZE may lie between them, and the chips of one type are not those of another.
    """
    dtype = editor.dtype(shuffle.target)
    return all(
        _priced(editor, operator, costs) and editor.dtype(wellformed.indices(operator.inputs)[0]) == dtype
        for operator in mixed
    )


def _grouped(editor: Editor, operator: Any) -> bool:
    """Whether an operator is a grouped pointwise convolution whose weights are stored as they are used."""
    if editor.kind(operator) != "CONV_2D":
        return False
    source, weights = wellformed.indices(operator.inputs)[:2]
    same = editor.dtype(source) == editor.dtype(weights) and editor.tensor(weights).shape[1:3] == (1, 1)
    return same and layouts.groups(editor, operator) > 1 and editor.tensor(weights).data is not None


def _priced(editor: Editor, operator: Any, costs: Costs) -> bool:
    """Whether an operator is a grouped pointwise convolution whose forms have costs."""
    return _grouped(editor, operator) and editor.dtype(wellformed.indices(operator.inputs)[0]) in costs.tables


def _dense(editor: Editor, operator: Any, costs: Costs) -> Trade:
    """What becomes of the time of a grouped convolution if it is dense."""
    source, weights = wellformed.indices(operator.inputs)[:2]
    (output,) = wellformed.indices(operator.outputs)
    made, kernel = editor.tensor(output), editor.tensor(weights).shape
    positions, products = made.elements // made.shape[-1], kernel[1] * kernel[2] * kernel[3]
    return costs.dense(
        editor.dtype(source), positions, products, layouts.groups(editor, operator), made.shape[-1]
    )


def _left_out(editor: Editor, shuffle: Shuffle, costs: Costs) -> Trade:
    """What becomes of the time of a shuffle without it."""
    tensor = editor.tensor(shuffle.target)
    return costs.without_shuffle(tensor.dtype, tensor.elements // tensor.shape[-1], tensor.shape[-1])


def why_unfolded(
    editor: Editor, costs: Costs | None, told: Collection[int] = ()
) -> Iterator[tuple[str, str]]:
    """The channel shuffles of a finished graph: what each writes, and why it stays.

    Args:
        editor: graph.
        costs: costs that chose among the forms; None where none did.
        told: operators, by their identity, of shuffles of which all is said elsewhere.
    """
    for shuffle in shuffles(editor):
        if _keeps(shuffle) or shuffle.operators <= set(told):
            continue
        ways = _ways(editor, shuffle)
        if not editor.between(shuffle.target):
            why = "it is the graph's output"
        elif not ways:
            before, after = _obstacles(editor, shuffle)
            why = f"neither what is before it ({before}) nor what is after it ({after}) can have another order of channels"
        elif costs is None:
            why = "no rewrite that folds it was asked for"
        elif not any(_known(editor, shuffle, layouts.to_become_dense(way), costs) for way in ways):
            why = f"there are no costs, for {costs.title}, of the grouped convolutions that would take it"
        else:
            several = len(costs.tables.get(editor.dtype(shuffle.target), ())) > 1
            slower = "slower on one chip by too much, or on all in sum" if several else "slower"
            why = f"a grouped convolution that takes it as well would be {slower}, by the costs of {costs.title}"
        yield editor.tensor(shuffle.target).name, why
