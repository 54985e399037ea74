"""Rewrite: padding with zeros before a convolution, done by the convolution."""

from collections.abc import Iterator
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from mobilecnn.convert.graph import wellformed
from mobilecnn.convert.graph.edit import Editor

CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
"""Convolutions that can pad."""


def merge_paddings(editor: Editor) -> Iterator[str]:
    """Let a convolution pad by itself where it would add the zeros that a PAD adds before it.

    conv_valid(pad(x)) = conv_same(x) where the PAD adds as many rows and columns on each side as "same" padding does for this
    kernel, stride and dilation: ``max((ceil(n / s) - 1) s + (k - 1) d + 1 - n, 0)``, the odd one at the end. A convolution
    pads with zeros as PAD does, so that this is bit-exact. Other paddings (the ShuffleNet papers' one pixel on each side
    before a stride of 2) stay, because no option of the operator says them.
    """
    merged = 0
    for pad in editor.operators:
        if editor.kind(pad) != "PAD":
            continue
        source, amounts = wellformed.indices(pad.inputs)[:2]
        (padded,) = wellformed.indices(pad.outputs)
        values = editor.integers(amounts)
        if values is None or len(values) != 8:
            continue
        for reader in editor.readers(padded):
            if editor.kind(reader) in CONVOLUTIONS and _same(editor, reader, source, padded, values):
                reader.builtinOptions.padding = schema.Padding.SAME
                editor.read_instead(padded, source, reader)
                merged += 1
    if merged:
        yield f"{merged} PAD by the convolution after it"


def _same(editor: Editor, convolution: Any, source: int, padded: int, amounts: list[int]) -> bool:
    """Whether "same" padding of the convolution adds what ``amounts`` says: (before, after) of each dimension."""
    options = convolution.builtinOptions
    inputs = wellformed.indices(convolution.inputs)
    shape, kernel = editor.tensor(source).shape, editor.tensor(inputs[1]).shape
    output = editor.tensor(wellformed.indices(convolution.outputs)[0]).shape
    if options.padding != schema.Padding.VALID or inputs[0] != padded or padded in inputs[1:]:
        return False
    if len(shape) != 4 or len(kernel) != 4 or amounts[:2] != [0, 0] or amounts[6:] != [0, 0]:
        return False
    for axis, stride, dilation in (
        (1, options.strideH, options.dilationHFactor),
        (2, options.strideW, options.dilationWFactor),
    ):
        wanted = -(-shape[axis] // stride)
        total = max((wanted - 1) * stride + (kernel[axis] - 1) * dilation + 1 - shape[axis], 0)
        if output[axis] != wanted or amounts[2 * axis : 2 * axis + 2] != [total // 2, total - total // 2]:
            return False
    return True
