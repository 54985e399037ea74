"""Rewrites: average pools without padding, as depthwise convolutions."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mobilecnn.convert.graph import wellformed
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.convert.xnnpack import MOST_TAPS


def pool_by_convolution(editor: Editor) -> Iterator[str]:
    """Write an int8 average pool as a depthwise convolution, where no window of it reaches over the edge.

    The mean of a window of h x w places is their sum with the weight 1 / (h w) each: the code 1 of a kernel with the scale
    1 / (h w), and a bias of 0. Both round the same sum to the nearest code; ties may go to the neighbour. A pool divides by
    the number of places inside, and a convolution has one divisor, so that this is no form for a padded pool. XNNPACK takes
    average pools in float32 only; on a Raspberry Pi 4 a convolution in int8 takes a third of the (modelled) time of the pool
    in float32, and a PAD before it is done by it.
    """
    written = 0
    for operator in editor.operators:
        if editor.kind(operator) != "AVERAGE_POOL_2D" or not _fits(editor, operator):
            continue
        (source,), (target,) = wellformed.indices(operator.inputs), wellformed.indices(operator.outputs)
        window = (operator.builtinOptions.filterHeight, operator.builtinOptions.filterWidth)
        kernel, bias = mean_kernel(editor, source, editor.tensor(target).name, window)
        editor.replace(operator, [_depthwise(editor, operator, kernel, bias, version=3)])
        written += 1
    if written:
        yield f"{written} AVERAGE_POOL_2D as depthwise convolutions"


def mean_kernel(editor: Editor, source: int, name: str, window: tuple[int, int]) -> tuple[int, int]:
    """Weights and bias with which a depthwise convolution of an int8 tensor is the mean of windows of (rows, columns)."""
    shape = (1, *window, editor.tensor(source).shape[3])
    kernel = editor.add_tensor(f"{name}/kernel", shape, "int8")
    bias = editor.add_tensor(f"{name}/bias", shape[3:], "int32")
    scales = np.full(shape[3], np.float32(1 / (window[0] * window[1])))
    editor.fill(kernel, np.ones(shape, np.int8), scales, axis=3)
    given = np.float32(editor.tensor(source).scales[0])
    editor.fill(bias, np.zeros(shape[3], np.int32), given * scales)
    return kernel, bias


def pick_by_convolution(editor: Editor) -> Iterator[str]:
    """Write an average pool of one place, which picks every s-th, as a depthwise convolution with the weight 1.

    The mean of one value is the value, and so is its product with 1. Bit-exact in float32. XNNPACK takes no pool of one place.
    """
    written = 0
    for operator in editor.operators:
        options = operator.builtinOptions
        if editor.kind(operator) != "AVERAGE_POOL_2D" or (options.filterHeight, options.filterWidth) != (
            1,
            1,
        ):
            continue
        (source,), (target,) = wellformed.indices(operator.inputs), wellformed.indices(operator.outputs)
        given = editor.tensor(source)
        if given.dtype != "float32" or len(given.shape) != 4:
            continue
        channels, name = given.shape[3], editor.tensor(target).name
        kernel = editor.add_tensor(f"{name}/kernel", (1, 1, 1, channels), "float32")
        bias = editor.add_tensor(f"{name}/bias", (channels,), "float32")
        editor.fill(kernel, np.ones(channels, np.float32))
        editor.fill(bias, np.zeros(channels, np.float32))
        editor.replace(operator, [_depthwise(editor, operator, kernel, bias, version=1)])
        written += 1
    if written:
        yield f"{written} AVERAGE_POOL_2D of one place as depthwise convolutions"


def _depthwise(editor: Editor, pool: Any, kernel: int, bias: int, version: int) -> Any:
    options, given = schema.DepthwiseConv2DOptionsT(), pool.builtinOptions
    options.padding = schema.Padding.VALID
    options.strideW, options.strideH = given.strideW, given.strideH
    options.depthMultiplier = options.dilationWFactor = options.dilationHFactor = 1
    options.fusedActivationFunction = given.fusedActivationFunction
    inputs = [*wellformed.indices(pool.inputs), kernel, bias]
    return editor.operator("DEPTHWISE_CONV_2D", inputs, wellformed.indices(pool.outputs), version, options)


def _fits(editor: Editor, operator: Any) -> bool:
    options = operator.builtinOptions
    rows = [
        editor.tensor(index)
        for row in (operator.inputs, operator.outputs)
        for index in wellformed.indices(row)
    ]
    if not all(row.dtype == "int8" and len(row.scales) == 1 and len(row.shape) == 4 for row in rows):
        return False
    given, made = rows[0].shape, rows[1].shape
    return options.filterHeight * options.filterWidth <= MOST_TAPS and all(
        (made[axis] - 1) * stride + window <= given[axis]
        for axis, stride, window in (
            (1, options.strideH, options.filterHeight),
            (2, options.strideW, options.filterWidth),
        )
    )
