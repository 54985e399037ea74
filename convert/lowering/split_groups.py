"""Rewrite: grouped convolutions as several without groups, for a runtime that computes groups output by output."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mobilecnn.convert.graph import wellformed
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.convert.lowering import layouts
from mobilecnn.convert.lowering.costs import Costs, Table
from mobilecnn.remarks import plural


def split_groups(editor: Editor, costs: Costs) -> Iterator[str]:
    """Write a grouped convolution as several without groups, between a SPLIT and a CONCATENATION, where that is faster.

    The outputs of a group depend on its own inputs only, so the convolution of g groups is m convolutions of g / m groups, each of
    its part of the channels. Each of these gets the weights of all its inputs, those of other groups 0. Exact in integers, and in
    floats but for the order of a sum. It is for runtimes that have no tiles for groups (:attr:`Table.product`): with tiles nothing is
    gained, and others keep their groups. A pointwise convolution is left to ``write_groups_dense`` where that could be faster with
    the channel shuffle beside it.
    """
    split = 0
    for operator in editor.operators:
        table = _table(editor, operator, costs)
        if table is None:
            continue
        pieces = _best(editor, operator, table)
        if pieces == 1:
            layouts.write_dense(editor, operator)
        elif pieces is not None:
            editor.replace(operator, _split(editor, operator, pieces))
        split += pieces is not None
    if split:
        yield f"{plural(split, 'grouped convolution')} as several without groups, by the costs of {costs.title}"


def _table(editor: Editor, operator: Any, costs: Costs) -> Table | None:
    """The costs of a grouped convolution with stored weights on a runtime without tiles for groups; else None."""
    if editor.kind(operator) != "CONV_2D":
        return None
    source, weights, *bias = wellformed.indices(operator.inputs)
    dtype, tables = editor.dtype(source), costs.tables.get(editor.dtype(source), ())
    constant = all(index < 0 or editor.tensor(index).data is not None for index in (weights, *bias))
    if not constant or editor.dtype(weights) != dtype or layouts.groups(editor, operator) < 2:
        return None
    return tables[0] if len(tables) == 1 and tables[0].product > 0 else None


def _best(editor: Editor, operator: Any, table: Table) -> int | None:
    """Number of convolutions that take least; 1 for a dense one, None where the groups should stay, or another pass decides."""
    groups = layouts.groups(editor, operator)
    source, weights = wellformed.indices(operator.inputs)[:2]
    given, made = (editor.tensor(index).shape for index in (source, wellformed.indices(operator.outputs)[0]))
    kernel = editor.tensor(weights).shape
    positions, products = made[1] * made[2], int(np.prod(kernel[1:]))

    def taken(pieces: int) -> float:
        each = pieces * table.convolution(positions, products * (groups // pieces), made[3] // pieces, 1)
        handing = 0.0 if pieces == 1 else moved(given, pieces, table) + moved(made, pieces, table)
        return each + handing

    as_it_is = table.convolution(positions, products, made[3] // groups, groups)
    best = min((pieces for pieces in range(1, groups + 1) if groups % pieces == 0), key=taken)
    if kernel[1:3] == (1, 1):
        # Dense it might take a shuffle, of its inputs or its outputs, as well.
        shuffle = max(table.shuffle(shape[1] * shape[2], shape[3]) for shape in (given, made))
        if best == 1 or taken(best) >= taken(1) - shuffle:
            return None
    return best if taken(best) < as_it_is else None


def moved(shape: tuple[int, ...], pieces: int, table: Table) -> float:
    """Nanoseconds of a SPLIT or CONCATENATION: at each place the channels are copied piece by piece."""
    return table.call + shape[1] * shape[2] * (pieces * table.position + shape[3] * table.channel)


def _split(editor: Editor, operator: Any, pieces: int) -> list[Any]:
    """The operators that compute the same: a SPLIT, the convolutions, a CONCATENATION."""
    source, weights, *rest = wellformed.indices(operator.inputs)
    (target,) = wellformed.indices(operator.outputs)
    groups, name = layouts.groups(editor, operator), editor.tensor(target).name
    given, made = editor.tensor(source).shape, editor.tensor(target).shape
    each_in, each_out = given[3] // pieces, made[3] // pieces
    parts = [
        editor.tensor_like(source, f"{name}/input{number}", (*given[:3], each_in)) for number in range(pieces)
    ]
    results = [
        editor.tensor_like(target, f"{name}/part{number}", (*made[:3], each_out)) for number in range(pieces)
    ]
    split, join = schema.SplitOptionsT(), schema.ConcatenationOptionsT()
    split.numSplits, join.axis = pieces, 3
    axis = editor.add_constant(f"{name}/axis", 3)
    operators = [editor.operator("SPLIT", [axis, source], parts, options=split)]
    code = editor.model.operatorCodes[operator.opcodeIndex].version
    for number, (part, result) in enumerate(zip(parts, results, strict=True)):
        own = range(number * each_out, (number + 1) * each_out)
        constants = [index if index < 0 else layouts.rows(editor, index, own) for index in (weights, *rest)]
        convolution = editor.operator("CONV_2D", [part, *constants], [result], code, operator.builtinOptions)
        if groups > pieces:
            layouts.write_dense(editor, convolution)
        operators.append(convolution)
    return [*operators, editor.operator("CONCATENATION", results, [target], options=join)]
