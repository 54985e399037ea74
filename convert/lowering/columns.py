"""Rewrite: a convolution of few channels, which reads neighbouring columns as the channels of one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from mobilecnn.convert.graph import wellformed
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.convert.inspection import COLUMNS, FEW, PADDED_COLUMNS, TOGETHER
from mobilecnn.convert.lowering.costs import Costs
from mobilecnn.convert.lowering.packed_places import repeat_outputs

Amounts = tuple[tuple[int, int], ...]
"""Zeros before and behind each dimension."""


@dataclass(frozen=True)
class Around:
    """What lies around a convolution's input.

    Attributes:
        source: index of the tensor that it reads, or of what a PAD before it reads.
        amounts: what the PAD, or "same" padding, adds to rows and columns.
        padded: whether a PAD adds it.
    """

    source: int
    amounts: Amounts
    padded: bool


@dataclass(frozen=True)
class Form:
    """Another form of a convolution.

    Attributes:
        together: number of neighbouring outputs that are the channels of one.
        block: number of columns that are the channels of one.
        first: where the kernel begins, in blocks; negative where that is in the padding.
        columns: number of its columns.
        behind: number of columns of padding behind the last.
    """

    together: int
    block: int
    first: int
    columns: int
    behind: int


def columns_to_channels(editor: Editor, costs: Costs) -> Iterator[str]:
    """Let an int8 convolution of few channels with the stride s read s neighbouring columns as one of s times the channels.

    A row of W columns of C channels lies in memory as one of W / s columns of s C channels, so that the picture needs a RESHAPE
    only. A kernel of k columns that begins l columns to the left becomes one of ceil(l / s) + 1 + floor((k - 1 - l) / s) columns, in
    which the places that it did not have are 0, and its stride along the row becomes 1. Padding stays padding: beyond the edge all
    is the zero point. A product with 0 is 0, so that it is exact in integers. XNNPACK computes a place of the kernel at a time and
    fills its tile of channels, which three channels leave nearly empty; fewer, fuller places take less time though they have more
    multiply-adds. Where that is so, the target's costs tell (:attr:`Table.places`).

    Where the target packs places (:attr:`~mobilecnn.convert.lowering.costs.Costs.packs`), p neighbouring outputs may become the channels of
    one, of p s columns, which a RESHAPE behind it puts beside each other again: a tile of 64 outputs is then filled by p times as many.

    Where the block does not divide W, each row is filled up by a PAD behind its last value, in three dimensions, which copies rows; one
    of a picture with channels copies place by place, in forty times as long. A PAD before the convolution is one of whole blocks behind
    the RESHAPE afterwards, so that XNNPACK takes it into the convolution as before.
    """
    changed = 0
    for operator in editor.operators:
        around = _around(editor, operator)
        form = None if around is None else _form(editor, operator, around, costs)
        if around is not None and form is not None:
            _write(editor, operator, around, form)
            changed += 1
    if changed:
        yield f"{changed} CONV_2D of few channels with neighbouring columns as channels, by the costs of {costs.title}"


def _around(editor: Editor, operator: Any) -> Around | None:
    """What lies around the input of a convolution that may have another form; None of other operators."""
    if editor.kind(operator) != "CONV_2D":
        return None
    options, (source, weights, *rest) = operator.builtinOptions, wellformed.indices(operator.inputs)
    given, kernel, stride = editor.tensor(source), editor.tensor(weights), options.strideW
    made = editor.tensor(wellformed.indices(operator.outputs)[0])
    if not (given.dtype == kernel.dtype == "int8" and kernel.data is not None and len(given.shape) == 4):
        return None
    if any(index >= 0 and editor.tensor(index).data is None for index in rest):
        return None
    if given.dynamic or made.dynamic or given.shape[3] > FEW or given.shape[3] != kernel.shape[3]:
        return None
    if not 2 <= stride == options.strideH or kernel.shape[2] == 1:
        return None
    if (options.dilationHFactor, options.dilationWFactor) != (1, 1):
        return None
    maker = editor.maker(source) if editor.between(source) else None
    if maker is not None and editor.kind(maker) in ("PAD", "PADV2"):
        return _pad(editor, operator, maker)
    if options.padding != schema.Padding.SAME:
        return Around(source, ((0, 0), (0, 0)), False)
    sides = zip(given.shape[1:3], made.shape[1:3], kernel.shape[1:3], strict=True)
    zeros = [max((out - 1) * stride + reach - side, 0) for side, out, reach in sides]
    return Around(source, tuple((each // 2, each - each // 2) for each in zeros), False)


def _pad(editor: Editor, operator: Any, maker: Any) -> Around | None:
    """What a PAD of rows and columns, which this convolution alone reads, adds to what; None of others."""
    source, said = wellformed.indices(maker.inputs)[:2]
    (target,) = wellformed.indices(maker.outputs)
    before, after, amounts = editor.tensor(source), editor.tensor(target), editor.integers(said)
    if editor.kind(maker) != "PAD" or operator.builtinOptions.padding != schema.Padding.VALID:
        return None
    if editor.only_reader(target) is not operator or amounts is None or before.dynamic:
        return None
    if (before.scales, before.zero_points) != (after.scales, after.zero_points):
        return None
    if len(amounts) != 8 or any(amounts[:2] + amounts[6:]) or min(amounts) < 0:
        return None
    return Around(source, ((amounts[2], amounts[3]), (amounts[4], amounts[5])), True)


def _form(editor: Editor, operator: Any, around: Around, costs: Costs) -> Form | None:
    """The cheapest other form; None where there is none that costs less than the convolution as it is."""
    kernel = editor.tensor(wellformed.indices(operator.inputs)[1]).shape
    made = editor.tensor(wellformed.indices(operator.outputs)[0])
    width, (left, _) = editor.tensor(around.source).shape[2], around.amounts[1]
    stride, reach, forms = operator.builtinOptions.strideW, made.shape[2], dict[Form, float]()
    for together in TOGETHER if costs.packs else TOGETHER[:1]:
        block = stride * together
        if reach % together:
            continue
        first = -left // block
        columns = (stride * (together - 1) - left + kernel[2] - 1) // block - first + 1
        behind = reach // together + columns - 1 + first - -(-width // block)
        if behind < 0 or columns == 1 or (together == 1 and columns >= kernel[2]):
            continue
        form = Form(together, block, first, columns, behind)
        trade = costs.columns("int8", made.elements // made.shape[3], kernel, columns, block, together)
        # Several outputs take a RESHAPE of all of them, too, which the costs do not know.
        if trade is not None and (trade.price < 0 if together == 1 else trade.saves):
            forms[form] = trade.price
    return min(forms, key=forms.__getitem__) if forms else None


def _write(editor: Editor, operator: Any, around: Around, form: Form) -> None:
    (target,) = wellformed.indices(operator.outputs)
    given, (left, _) = editor.tensor(around.source), around.amounts[1]
    batch, rows, width, channels = given.shape
    wide, steps, last = -(-width // form.block), [], around.source
    if width % form.block:
        row, full = width * channels, wide * form.block * channels
        last = editor.tensor_like(around.source, f"{given.name}/rows", (batch, rows, row))
        filled = editor.tensor_like(around.source, f"{given.name}/filled", (batch, rows, full))
        steps = [
            editor.reshape(around.source, last),
            _padded(editor, last, filled, ((0, 0), (0, 0), (0, full - row))),
        ]
        last = filled
    folded = editor.tensor_like(
        around.source, f"{given.name}{COLUMNS}", (batch, rows, wide, channels * form.block)
    )
    steps.append(editor.reshape(last, folded))
    options, stride = operator.builtinOptions, operator.builtinOptions.strideW
    options.strideW = 1
    if not _says(around, form, options.padding):
        amounts = (0, 0), around.amounts[0], (-form.first, form.behind), (0, 0)
        shape = [side + sum(more) for side, more in zip(editor.tensor(folded).shape, amounts, strict=True)]
        padded = editor.tensor_like(around.source, f"{given.name}{PADDED_COLUMNS}", shape)
        steps.append(_padded(editor, folded, padded, amounts))
        folded, options.padding = padded, schema.Padding.VALID

    def spread(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        out, height, reach, each = values.shape
        made = np.zeros((form.together, out, height, form.columns * form.block, each), values.dtype)
        for number in range(form.together):
            start = stride * number - left - form.first * form.block
            made[number, :, :, start : start + reach] = values
        return made.reshape(form.together * out, height, form.columns, form.block * each)

    repeat_outputs(editor, operator, folded, form.together, spread)
    if form.together == 1:
        editor.replace(operator, [*steps, operator])
        return
    *outer, reach, out = editor.tensor(target).shape
    several = (*outer, reach // form.together, form.together * out)
    made = editor.tensor_like(target, f"{editor.tensor(target).name}/places", several)
    operator.outputs = np.array([made], np.int32)
    editor.replace(operator, [*steps, operator, editor.reshape(made, target)])


def _says(around: Around, form: Form, padding: int) -> bool:
    """Whether the convolution's own padding says what is to be added: "same" puts the smaller half before."""
    if padding == schema.Padding.SAME:
        zeros = form.columns - 1
        return (-form.first, form.behind) == (zeros // 2, zeros - zeros // 2)
    return not around.padded and (form.first, form.behind) == (0, 0)


def _padded(editor: Editor, source: int, target: int, amounts: Amounts) -> Any:
    said = editor.add_constant(f"{editor.tensor(target).name}/amounts", amounts)
    return editor.operator("PAD", [source, said], [target], 2, schema.PadOptionsT())
