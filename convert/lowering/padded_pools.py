"""Rewrite: average pools with padding, as a depthwise convolution for each extent of their windows."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from mobilecnn.convert.graph import wellformed
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.convert.lowering.pools import mean_kernel
from mobilecnn.convert.xnnpack import MOST_TAPS

MOST_PIECES = 4
"""Largest number of pieces of a pool: the windows inside, those over one edge of each axis, and those over both."""


@dataclass(frozen=True)
class _Span:
    """Windows along one axis that cover equally many places.

    Attributes:
        begin: first place that they cover.
        end: place behind the last that they cover.
        window: number of places that each covers.
        count: number of windows.
    """

    begin: int
    end: int
    window: int
    count: int


def pool_in_pieces(editor: Editor) -> Iterator[str]:
    """Write an int8 average pool that reaches over one edge of an axis as depthwise convolutions, one for each extent of its windows.

    A window over the edge is divided by the places inside, so its mean is that of a smaller pool without padding. The windows of
    equal extent are a rectangle of the output: "same" padding with a stride of 2 on an even side has the windows inside, the last
    row, the last column and the corner. Each is a pool without padding of its part of the input, written as the convolution with
    equal weights, and the parts are concatenated. Both round the same sum to the nearest code; ties may go to the neighbour. A
    pool over both edges of an axis has nine such parts, and stays.
    """
    written = 0
    for operator in editor.operators:
        if editor.kind(operator) != "AVERAGE_POOL_2D":
            continue
        spans = _spans(editor, operator)
        if spans is not None:
            editor.replace(operator, _pieces(editor, operator, *spans))
            written += 1
    if written:
        yield f"{written} AVERAGE_POOL_2D with padding as depthwise convolutions"


def _spans(editor: Editor, operator: Any) -> tuple[list[_Span], list[_Span]] | None:
    """The windows of a pool along rows and columns, by their extent; None of one that is not written anew."""
    options = operator.builtinOptions
    (source,), (target,) = wellformed.indices(operator.inputs), wellformed.indices(operator.outputs)
    given, made = editor.tensor(source), editor.tensor(target)
    if not all(row.dtype == "int8" and len(row.scales) == 1 and len(row.shape) == 4 for row in (given, made)):
        return None
    if options.padding != schema.Padding.SAME or options.filterHeight * options.filterWidth > MOST_TAPS:
        return None
    rows = _along(given.shape[1], made.shape[1], options.filterHeight, options.strideH)
    columns = _along(given.shape[2], made.shape[2], options.filterWidth, options.strideW)
    return (rows, columns) if 1 < len(rows) * len(columns) <= MOST_PIECES else None


def _along(size: int, count: int, window: int, stride: int) -> list[_Span]:
    before = max((count - 1) * stride + window - size, 0) // 2
    covered = [
        (max(start, 0), min(start + window, size))
        for start in range(-before, count * stride - before, stride)
    ]
    spans = []
    for _, group in groupby(covered, key=lambda row: row[1] - row[0]):
        rows = list(group)
        spans.append(_Span(rows[0][0], rows[-1][1], rows[0][1] - rows[0][0], len(rows)))
    return spans


def _pieces(editor: Editor, operator: Any, rows: list[_Span], columns: list[_Span]) -> list[Any]:
    (target,) = wellformed.indices(operator.outputs)
    name, made = editor.tensor(target).name, editor.tensor(target)
    steps: list[Any] = []
    stripes = []
    for row in rows:
        parts = []
        for column in columns:
            label = f"{name}/{row.begin}-{column.begin}"
            part = editor.tensor_like(target, label, (made.shape[0], row.count, column.count, made.shape[3]))
            steps += _piece(editor, operator, row, column, part)
            parts.append(part)
        whole = (made.shape[0], row.count, *made.shape[2:])
        stripe = target if len(rows) == 1 else editor.tensor_like(target, f"{name}/{row.begin}", whole)
        if len(parts) == 1:
            stripes.append(parts[0])
            continue
        steps.append(_joined(editor, parts, stripe, axis=2))
        stripes.append(stripe)
    if len(rows) > 1:
        steps.append(_joined(editor, stripes, target, axis=1))
    return steps


def _piece(editor: Editor, pool: Any, row: _Span, column: _Span, part: int) -> Iterator[Any]:
    """The operators that compute the windows of one extent."""
    (source,), options = wellformed.indices(pool.inputs), pool.builtinOptions
    shape, name = editor.tensor(source).shape, editor.tensor(part).name
    # A convolution leaves out by itself what is behind its last window.
    strides = (options.strideH, options.strideW)
    whole = all(
        span.begin == 0 and (side - span.window) // stride + 1 == span.count
        for span, side, stride in zip((row, column), shape[1:3], strides, strict=True)
    )
    if not whole:
        sizes = [shape[0], row.end - row.begin, column.end - column.begin, shape[3]]
        begin = editor.add_constant(f"{name}/begin", [0, row.begin, column.begin, 0])
        size = editor.add_constant(f"{name}/size", sizes)
        cut = editor.tensor_like(source, f"{name}/input", sizes)
        yield editor.operator("SLICE", [source, begin, size], [cut], 2, schema.SliceOptionsT())
        source = cut
    kernel, bias = mean_kernel(editor, source, name, (row.window, column.window))
    convolution = schema.DepthwiseConv2DOptionsT()
    convolution.padding = schema.Padding.VALID
    convolution.strideH, convolution.strideW = strides
    convolution.depthMultiplier = convolution.dilationWFactor = convolution.dilationHFactor = 1
    convolution.fusedActivationFunction = options.fusedActivationFunction
    yield editor.operator("DEPTHWISE_CONV_2D", [source, kernel, bias], [part], 3, convolution)


def _joined(editor: Editor, parts: list[int], target: int, axis: int) -> Any:
    options = schema.ConcatenationOptionsT()
    options.axis = axis
    return editor.operator("CONCATENATION", parts, [target], 2, options)
