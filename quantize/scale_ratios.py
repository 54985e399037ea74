"""Mends int8 layers that XNNPACK refuses: scales of a channel's weights that are too coarse beside that of its output.

A kernel multiplies its sums by ``input scale x weight scale / output scale``, and XNNPACK takes no such factor of 256 or more:
the whole file cannot be loaded then. A channel has one where its weights are huge and its values are small, because all
that it read while the ranges were measured was next to 0: batch normalization divides by what a channel varied in training,
and of a channel that hardly did, nothing is left.

One step of the input times the largest code of a weight is more than the 255 codes of the output then. So a finer scale, whose
codes end at 127, gives the same answer wherever a weight that was cut meets anything but the input's zero point, but for sums in
which such weights cancel.
"""

from typing import Any

import numpy as np

from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.quantize.weighted_layers import PLACES, WeightedLayer, real_values, weighted_layers

LIMIT = 255.0
"""Largest factor between the sums of a layer and its output that is left: XNNPACK takes what is below 256."""

LARGEST_CODE, LARGEST_BIAS = 127, 2**31 - 1
"""Largest code of a weight, and of a bias."""


def limit_ratios(content: bytes) -> tuple[bytes, int]:
    """Give the channels of int8 layers with a larger factor than :data:`LIMIT` finer weights.

    Args:
        content: a quantized file.

    Returns:
        The file, and the number of channels that were changed; the same file where that is 0.
    """
    editor = Editor(flatbuffer.parse(content, "the quantized file"))
    changed = sum(_limit(editor, layer) for layer in weighted_layers(editor))
    if changed == 0:
        return content, 0
    editor.sweep()
    return flatbuffer.pack(editor.model), changed


def _limit(editor: Editor, layer: WeightedLayer) -> int:
    source, weights, output = (editor.tensor(index) for index in (layer.source, layer.weights, layer.output))
    if {source.dtype, weights.dtype, output.dtype} != {"int8"} or not source.scales or not output.scales:
        return 0
    scales = np.array(weights.scales, np.float64)
    finest = LIMIT * output.scales[0] / source.scales[0]
    large = scales > finest * (1 + 1e-6)  # Scales are stored in float32.
    if not large.any():
        return 0
    finer = np.where(large, finest, scales).astype(np.float32)
    axis = editor.quantized_axis(layer.weights) if len(scales) > 1 else 0
    reals = np.concatenate([rows for _, rows in real_values(editor, layer.weights)])
    along = [-1 if place == axis and len(scales) > 1 else 1 for place in range(reals.ndim)]
    codes = np.rint(reals / finer.astype(np.float64).reshape(along))
    name = weights.name
    index = editor.add_tensor(f"{name}/limited", weights.shape, "int8")
    editor.fill(index, np.clip(codes, -LARGEST_CODE, LARGEST_CODE).astype(np.int8), finer, axis)
    editor.set_input(layer.operator, PLACES[layer.kind][1], index)
    if layer.bias >= 0:
        _rescale_bias(editor, layer, finer, source.scales[0])
    return int(large.sum())


def _rescale_bias(editor: Editor, layer: WeightedLayer, finer: Any, source: float) -> None:
    bias = editor.tensor(layer.bias)
    reals = np.concatenate([rows for _, rows in real_values(editor, layer.bias)])
    scales = np.float32(source) * finer  # As many as the weights have, which the built-in kernels ask for.
    codes = np.clip(np.rint(reals / scales.astype(np.float64)), -LARGEST_BIAS, LARGEST_BIAS)
    index = editor.add_tensor(f"{bias.name}/limited", bias.shape, bias.dtype)
    editor.fill(index, codes.astype(bias.dtype), scales.astype(np.float32))
    editor.set_input(layer.operator, PLACES[layer.kind][2], index)
