"""Rewrite: depthwise convolutions of kernels that XNNPACK is slow on, as sums of small ones."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mobilecnn.convert.graph import wellformed
from mobilecnn.convert.graph.edit import NOT_FUSED, Editor
from mobilecnn.convert.xnnpack import MOST_TAPS, taps


def split_large_kernels(editor: Editor) -> Iterator[str]:
    """Write a float32 depthwise convolution of more than 25 weights a channel as a sum of several of some rows each.

    A convolution is a sum over the rows of its kernel, ``y[i] = b + sum_r w[r] x[s i + d r]``, so the sum over the rows r0 to
    r1 - 1 is the convolution with these rows of the input from row ``d r0`` on, and y is the sum of these. So it is over the
    columns of a kernel of more than 25, which is cut both ways. "Same" padding is done before, once. Sums of float32 are added in
    another order, within 1e-5. XNNPACK has kernels for up to 25 weights, and computes larger ones channel by channel.
    """
    split = 0
    for operator in editor.operators:
        if editor.kind(operator) == "DEPTHWISE_CONV_2D" and _fits(editor, operator):
            editor.replace(operator, _pieces(editor, operator))
            split += 1
    if split:
        yield f"{split} DEPTHWISE_CONV_2D of more than {MOST_TAPS} weights a channel as sums"


def _fits(editor: Editor, operator: Any) -> bool:
    inputs = wellformed.indices(operator.inputs)
    if len(inputs) != 3 or -1 in inputs:
        return False
    image, kernel, bias = (editor.tensor(index) for index in inputs)
    return (
        image.dtype == kernel.dtype == bias.dtype == "float32"
        and kernel.data is not None
        and bias.data is not None
        and len(image.shape) == 4
        and taps(kernel) > MOST_TAPS
    )


def _blocks(rows: int, columns: int) -> Iterator[tuple[slice, slice]]:
    """The rows and columns of the pieces of a kernel: whole rows where one fits, else as few blocks as there can be."""
    widths = [columns] if columns <= MOST_TAPS else range(MOST_TAPS, 0, -1)
    numbers = [(-(-rows // (MOST_TAPS // width)), -(-columns // width)) for width in widths]
    high, wide = min(numbers, key=lambda number: number[0] * number[1])
    for own_rows in np.array_split(np.arange(rows), high):
        for own_columns in np.array_split(np.arange(columns), wide):
            yield (
                slice(int(own_rows[0]), int(own_rows[-1]) + 1),
                slice(int(own_columns[0]), int(own_columns[-1]) + 1),
            )


def _pieces(editor: Editor, operator: Any) -> list[Any]:
    (source, kernel, bias), (target,) = (
        wellformed.indices(operator.inputs),
        wellformed.indices(operator.outputs),
    )
    options, made = operator.builtinOptions, editor.tensor(target)
    data = editor.tensor(kernel).data
    assert data is not None
    _, rows, columns, channels = editor.tensor(kernel).shape
    weights = np.frombuffer(data.tobytes(), np.float32).reshape(1, rows, columns, channels)
    steps = []
    if options.padding == schema.Padding.SAME:
        source, pad = _padded(editor, source, options, (rows, columns), made)
        steps.append(pad)
    shape = editor.tensor(source).shape
    blocks = list(_blocks(rows, columns))
    total = -1
    for number, (own_rows, own_columns) in enumerate(blocks):
        held = np.ascontiguousarray(weights[:, own_rows, own_columns])
        _, height, width, _ = held.shape
        first = [0, own_rows.start * options.dilationHFactor, own_columns.start * options.dilationWFactor, 0]
        needed = [
            shape[0],
            (made.shape[1] - 1) * options.strideH + (height - 1) * options.dilationHFactor + 1,
            (made.shape[2] - 1) * options.strideW + (width - 1) * options.dilationWFactor + 1,
            shape[3],
        ]
        part = editor.add_tensor(f"{made.name}/rows{number}", needed, "float32")
        begin = editor.add_constant(f"{made.name}/begin{number}", first)
        size = editor.add_constant(f"{made.name}/size{number}", needed)
        steps.append(editor.operator("SLICE", [source, begin, size], [part], options=schema.SliceOptionsT()))
        own = editor.add_tensor(f"{made.name}/kernel{number}", held.shape, "float32")
        editor.fill(own, held)
        offset = bias
        if number:
            offset = editor.add_tensor(f"{made.name}/zero{number}", (channels,), "float32")
            editor.fill(offset, np.zeros(channels, np.float32))
        summand = editor.add_tensor(f"{made.name}/part{number}", made.shape, "float32")
        steps.append(
            editor.operator("DEPTHWISE_CONV_2D", [part, own, offset], [summand], options=_options(options))
        )
        if number:
            last = number == len(blocks) - 1
            into = target if last else editor.add_tensor(f"{made.name}/sum{number}", made.shape, "float32")
            add = schema.AddOptionsT()
            add.fusedActivationFunction = options.fusedActivationFunction if last else NOT_FUSED
            steps.append(editor.operator("ADD", [total, summand], [into], options=add))
            summand = into
        total = summand
    return steps


def _padded(editor: Editor, source: int, options: Any, kernel: tuple[int, int], made: Any) -> tuple[int, Any]:
    """The input with the zeros that "same" padding adds, and the operator that adds them."""
    shape = editor.tensor(source).shape
    amounts = [(0, 0)]
    for axis, stride, dilation in (
        (1, options.strideH, options.dilationHFactor),
        (2, options.strideW, options.dilationWFactor),
    ):
        reach = (made.shape[axis] - 1) * stride + (kernel[axis - 1] - 1) * dilation + 1
        zeros = max(reach - shape[axis], 0)
        amounts.append((zeros // 2, zeros - zeros // 2))
    amounts.append((0, 0))
    wide = [side + sum(zeros) for side, zeros in zip(shape, amounts, strict=True)]
    padded = editor.add_tensor(f"{made.name}/padded", wide, "float32")
    said = editor.add_constant(f"{made.name}/paddings", amounts)
    return padded, editor.operator("PAD", [source, said], [padded], options=schema.PadOptionsT())


def _options(given: Any) -> Any:
    options = schema.DepthwiseConv2DOptionsT()
    options.padding = schema.Padding.VALID
    options.strideW, options.strideH = given.strideW, given.strideH
    options.dilationWFactor, options.dilationHFactor = given.dilationWFactor, given.dilationHFactor
    options.depthMultiplier = given.depthMultiplier
    options.fusedActivationFunction = NOT_FUSED
    return options
