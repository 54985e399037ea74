"""Rewrite: a convolution of few channels with a stride, which reads neighbouring columns as the channels of one."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from mobilecnn.convert.graph import wellformed
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.convert.lowering.costs import Costs

FEW = 4
"""Number of channels up to which a convolution gains: those of a picture. Kernels multiply 4, 8 or 16 channels of a place at once."""


def columns_to_channels(editor: Editor, costs: Costs) -> Iterator[str]:
    """Let an int8 convolution of few channels with the stride s read s neighbouring columns as one of s times the channels.

    A row of W columns of C channels lies in memory as one of W / s columns of s C channels, so that the picture needs a RESHAPE
    only. A kernel of k columns that begins l columns to the left becomes one of ceil(l / s) + 1 + floor((k - 1 - l) / s) columns, in
    which the places that it did not have are 0, and its stride along the row becomes 1. Padding stays padding: beyond the edge all
    is the zero point. A product with 0 is 0, so that it is exact in integers. XNNPACK computes a place of the kernel at a time and
    fills its tile of channels, which three channels leave nearly empty; fewer, fuller places take less time though they have more
    multiply-adds. Where that is so, the target's costs tell (:attr:`Table.places`). Where s does not divide W, each row is filled up by a
    PAD behind its last value, in three dimensions, which copies rows; one of a picture with channels copies place by place, in forty times as long. A convolution behind a PAD stays for that
    reason: XNNPACK takes the PAD into it, and could not if a RESHAPE lay between.
    """
    changed = 0
    for operator in editor.operators:
        found = _kernel(editor, operator)
        if found is not None and _gains(editor, operator, costs, *found):
            _write(editor, operator, *found)
            changed += 1
    if changed:
        yield f"{changed} CONV_2D of few channels with neighbouring columns as channels, by the costs of {costs.title}"


def _kernel(editor: Editor, operator: Any) -> tuple[int, int] | None:
    """Number of columns of the other kernel, and of the places in its first column that are new; None where there is none."""
    if editor.kind(operator) != "CONV_2D":
        return None
    options, (source, weights, *_) = operator.builtinOptions, wellformed.indices(operator.inputs)
    given, kernel, stride = editor.tensor(source), editor.tensor(weights), options.strideW
    if not (given.dtype == kernel.dtype == "int8" and kernel.data is not None and len(given.shape) == 4):
        return None
    if editor.between(source) and editor.kind(editor.maker(source)) in ("PAD", "PADV2"):
        return None
    if given.dynamic or given.shape[3] > FEW or given.shape[3] != kernel.shape[3]:
        return None
    if stride < 2 or options.strideH != stride or options.dilationWFactor != 1:
        return None
    wide, reach = (
        -(-given.shape[2] // stride),
        editor.tensor(wellformed.indices(operator.outputs)[0]).shape[2],
    )
    same = options.padding == schema.Padding.SAME
    left = max((wide - 1) * stride + kernel.shape[2] - given.shape[2], 0) // 2 if same else 0
    first = -(-left // stride)
    columns = first + 1 + (kernel.shape[2] - 1 - left) // stride
    # What "same" puts before a kernel of these columns, and how many places it then has, must be what they were.
    fits = (columns - 1) // 2 == first if same else wide - columns + 1 == reach
    return (columns, first * stride - left) if fits and 1 < columns < kernel.shape[2] else None


def _gains(editor: Editor, operator: Any, costs: Costs, columns: int, _: int) -> bool:
    source, weights = wellformed.indices(operator.inputs)[:2]
    made, kernel = editor.tensor(wellformed.indices(operator.outputs)[0]), editor.tensor(weights).shape
    positions, stride = made.elements // made.shape[3], operator.builtinOptions.strideW
    trade = costs.columns(editor.dtype(source), positions, kernel, columns, stride)
    return trade is not None and trade.price < 0


def _write(editor: Editor, operator: Any, columns: int, before: int) -> None:
    source, weights = wellformed.indices(operator.inputs)[:2]
    given, stride = editor.tensor(source), operator.builtinOptions.strideW
    batch, rows, width, channels = given.shape
    wide, steps, last = -(-width // stride), [], source
    if width % stride:
        row, full = width * channels, wide * stride * channels
        last = editor.tensor_like(source, f"{given.name}/rows", (batch, rows, row))
        filled = editor.tensor_like(source, f"{given.name}/filled", (batch, rows, full))
        amounts = editor.add_constant(f"{given.name}/filled/amounts", [[0, 0], [0, 0], [0, full - row]])
        steps = [
            _reshape(editor, source, last),
            editor.operator("PAD", [last, amounts], [filled], 2, schema.PadOptionsT()),
        ]
        last = filled
    folded = editor.tensor_like(source, f"{given.name}/columns", (batch, rows, wide, channels * stride))

    def spread(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        out, height, width, each = values.shape
        made = np.zeros((out, height, columns * stride, each), values.dtype)
        made[:, :, before : before + width] = values
        return made.reshape(out, height, columns, stride * each)

    kernel = editor.changed_constant(weights, spread)
    editor.replace(operator, [*steps, _reshape(editor, last, folded), operator])
    editor.read_at(operator, 0, folded)
    editor.read_at(operator, 1, kernel)
    operator.builtinOptions.strideW = 1


def _reshape(editor: Editor, source: int, target: int) -> Any:
    made, options = editor.tensor(target), schema.ReshapeOptionsT()
    options.newShape = list(made.shape)
    shape = editor.add_constant(f"{made.name}/shape", made.shape)
    return editor.operator("RESHAPE", [source, shape], [target], options=options)
