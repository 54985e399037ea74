"""Rewrite: int8 average pools without padding, as depthwise convolutions."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mobilecnn.convert.graph import wellformed
from mobilecnn.convert.graph.edit import Editor


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
        options = operator.builtinOptions
        channels, name = editor.tensor(source).shape[3], editor.tensor(target).name
        places = options.filterHeight * options.filterWidth
        scale = np.float32(1 / places)
        kernel = editor.add_tensor(
            f"{name}/kernel", (1, options.filterHeight, options.filterWidth, channels), "int8"
        )
        editor.fill(kernel, np.ones(places * channels, np.int8), np.full(channels, scale), axis=3)
        bias = editor.add_tensor(f"{name}/bias", (channels,), "int32")
        given = np.float32(editor.tensor(source).scales[0])
        editor.fill(bias, np.zeros(channels, np.int32), np.full(channels, given * scale))
        convolution = schema.DepthwiseConv2DOptionsT()
        convolution.padding = schema.Padding.VALID
        convolution.strideW, convolution.strideH = options.strideW, options.strideH
        convolution.depthMultiplier = convolution.dilationWFactor = convolution.dilationHFactor = 1
        convolution.fusedActivationFunction = options.fusedActivationFunction
        editor.replace(
            operator,
            [
                editor.operator(
                    "DEPTHWISE_CONV_2D", [source, kernel, bias], [target], version=3, options=convolution
                )
            ],
        )
        written += 1
    if written:
        yield f"{written} AVERAGE_POOL_2D as depthwise convolutions"


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
    return all(
        (made[axis] - 1) * stride + window <= given[axis]
        for axis, stride, window in (
            (1, options.strideH, options.filterHeight),
            (2, options.strideW, options.filterWidth),
        )
    )
