"""Rewrite: int8 operators that XNNPACK does not take, on float32 values between int8 tensors."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from mobilecnn.convert.graph import wellformed
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.convert.xnnpack import MOST_TAPS, scales_taken, taps

KINDS = ("ABS", "AVERAGE_POOL_2D", "GELU", "HARD_SWISH", "PRELU", "RELU", "RELU6")
"""Operators that XNNPACK takes in float32 only and the quantizer writes in int8."""

LARGE_KERNELS = "DEPTHWISE_CONV_2D"
"""Operator whose int8 kernels end at :data:`~mobilecnn.convert.xnnpack.MOST_TAPS` weights of a channel."""

ANY_SCALES = ("ADD", "MUL", "SUB")
"""Operators that it takes in int8, if the scales of their tensors are not too far apart."""


def compute_in_float(editor: Editor) -> Iterator[str]:
    """Write an int8 operator f that XNNPACK does not take as DEQUANTIZE, f in float32, QUANTIZE.

    An int8 operator is defined as ``quantize(f(dequantize(q)))``, which is what is written out here: the nearest code of
    the exact value. The built-in int8 kernels approximate it with fixed-point arithmetic, and round ties of an average away
    from zero, where QUANTIZE rounds them to even; so a value may lie one step from theirs. All three operators are
    XNNPACK's, and those of one argument it makes a table of 256 values; the graph stays in one piece. An average pool
    leaves padding out of its count as before. A depthwise convolution of a large kernel is one of them: XNNPACK takes it, and
    has no kernel for it in int8. Its weights are then kept as the float32 values of their codes.
    """
    counts: Counter[str] = Counter()
    for operator in editor.operators:
        kind = editor.kind(operator)
        inputs, outputs = wellformed.indices(operator.inputs), wellformed.indices(operator.outputs)
        if not _left(editor, kind, inputs, outputs):
            continue
        made = editor.tensor(outputs[0])
        computed = editor.add_tensor(f"{made.name}/float", made.shape, "float32")
        widened = [_widened(editor, index, made.name) for index in inputs]
        steps = [step for _, step in widened if step is not None]
        steps.append(
            editor.operator(
                kind, [index for index, _ in widened], [computed], options=operator.builtinOptions
            )
        )
        editor.replace(operator, [*steps, editor.operator("QUANTIZE", [computed], outputs)])
        counts[kind] += 1
    for kind, count in sorted(counts.items()):
        yield f"{count} {kind} on float32 values"


def _left(editor: Editor, kind: str, inputs: list[int], outputs: list[int]) -> bool:
    """Whether XNNPACK leaves an int8 operator, or has no int8 kernel for it."""
    if kind not in (*KINDS, *ANY_SCALES, LARGE_KERNELS) or -1 in inputs:
        return False
    given, made = [editor.tensor(index) for index in inputs], editor.tensor(outputs[0])
    maps = [tensor for tensor in (*given, made) if tensor.data is None]
    if not all(tensor.dtype == "int8" and len(tensor.scales) == 1 for tensor in maps):
        return False
    if kind == LARGE_KERNELS:
        return (
            len(given) == 3
            and all(tensor.data is not None for tensor in given[1:])
            and taps(given[1]) > MOST_TAPS
        )
    if not all(tensor.dtype == "int8" and len(tensor.scales) == 1 for tensor in given):
        return False
    return kind in KINDS or not scales_taken(kind, given, made)


def _widened(editor: Editor, index: int, name: str) -> tuple[int, Any]:
    """A tensor in float32, and the operator that makes it of the int8 one; None for a constant."""
    tensor = editor.tensor(index)
    wide = editor.add_tensor(f"{name}/float_input", tensor.shape, "float32")
    if tensor.data is None:
        return wide, editor.operator("DEQUANTIZE", [index], [wide], version=2)
    codes = np.frombuffer(tensor.data.tobytes(), tensor.dtype).reshape(tensor.shape).astype(np.float64)
    # Scales of channels are along the last dimension, of a depthwise kernel and of its bias.
    values = (codes - np.array(tensor.zero_points)) * np.array(tensor.scales)
    editor.fill(wide, values.astype(np.float32))
    return wide, None
