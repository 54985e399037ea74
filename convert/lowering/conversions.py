"""Rewrites: conversions between number formats that an operator beside them can do."""

from collections.abc import Iterator
from typing import Any

from mobilecnn.convert.graph import wellformed
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.convert.graph.flatbuffer import Tensor
from mobilecnn.convert.xnnpack import scales_taken
from mobilecnn.remarks import plural

REQUANTIZING = frozenset(["ADD", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "MUL", "QUANTIZE", "SUB"])
"""int8 operators that write in any scale."""


def drop_conversions(editor: Editor) -> Iterator[str]:
    """Leave out a QUANTIZE to the scale and zero point that its int8 input has, and DEQUANTIZE with QUANTIZE behind it.

    quantize(dequantize(q)) to the same scale and zero point is q; to others it is a QUANTIZE of q, which rounds the same value
    once. Bit-exact, but for the kernels' rounding of that one.
    """
    dropped, joined = 0, 0
    for operator in editor.operators:
        if editor.kind(operator) != "QUANTIZE":
            continue
        source, target = wellformed.indices(operator.inputs)[0], wellformed.indices(operator.outputs)[0]
        maker = editor.maker(source)
        behind = maker is not None and editor.kind(maker) == "DEQUANTIZE"
        origin = wellformed.indices(maker.inputs)[0] if behind else source
        given, made = editor.tensor(origin), editor.tensor(target)
        if not given.dtype == made.dtype == "int8":
            continue
        if (given.scales, given.zero_points) == (made.scales, made.zero_points) and editor.between(target):
            editor.read_instead(target, origin)
            dropped += 1
        elif behind:
            editor.replace(operator, [editor.operator("QUANTIZE", [origin], [target], version=2)])
            joined += 1
    if dropped:
        yield f"{plural(dropped, 'conversion')} to the same scale"
    if joined:
        yield f"{joined} DEQUANTIZE and QUANTIZE as one"


def write_in_final_scale(editor: Editor) -> Iterator[str]:
    """Let an operator write in the scale that a QUANTIZE converts its output to, where nobody else reads that.

    QUANTIZE rounds ``round(y / a) a / b``, and the operator can round y / b itself: one rounding instead of two, so that a
    value may lie one step of the coarser scale from before, and no farther from y. The inputs of a CONCATENATION have one scale
    that way without being copied first. The scales stay within what XNNPACK takes. A QUANTIZE may stand for a rectification, by
    what it cannot represent: one that cuts off what the second would keep stays.
    """
    joined = 0
    for operator in editor.operators:
        if editor.kind(operator) != "QUANTIZE":
            continue
        source, target = wellformed.indices(operator.inputs)[0], wellformed.indices(operator.outputs)[0]
        maker = editor.maker(source)
        if (
            maker is None
            or editor.only_reader(source) is not operator
            or editor.kind(maker) not in REQUANTIZING
        ):
            continue
        if not editor.dtype(source) == editor.dtype(target) == "int8" or not _taken(editor, maker, target):
            continue
        if editor.kind(maker) == "QUANTIZE" and _cuts(editor.tensor(source), editor.tensor(target)):
            continue
        editor.replace(operator, [])
        editor.write_instead(maker, source, target)
        joined += 1
    if joined:
        yield f"{plural(joined, 'QUANTIZE', 'QUANTIZE')} by the operator before"


def _cuts(first: Tensor, second: Tensor) -> bool:
    """Whether an int8 tensor ends within what another one can represent, by more than half a step."""
    (low, high), (least, most) = (
        [(code - tensor.zero_points[0]) * tensor.scales[0] for code in (-128, 127)]
        for tensor in (first, second)
    )
    half = second.scales[0] / 2
    return low > least + half or high < most - half


def _taken(editor: Editor, operator: Any, output: int) -> bool:
    """Whether XNNPACK takes ``operator`` with the scale of the tensor ``output``."""
    inputs = [editor.tensor(index) for index in wellformed.indices(operator.inputs) if index >= 0]
    return scales_taken(editor.kind(operator), inputs, editor.tensor(output))
