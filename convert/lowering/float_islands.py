"""Rewrite: int8 operators that XNNPACK does not take, on float32 values between int8 tensors."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from mobilecnn.convert.graph import wellformed
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.convert.graph.flatbuffer import Tensor
from mobilecnn.convert.xnnpack import FLOAT_ONLY, MOST_TAPS, scales_taken, taps

FASTER_BUILT_IN = frozenset(["MAXIMUM", "MINIMUM"])
"""Operators that stay in int8, although XNNPACK takes them in float32 only: on maps of 28x28x40 the form in float32 takes ten and more
times as long as the built-in kernel alone, modelled on the Raspberry Pis 4 and 5 (``benchmarks/lowering_forms.py``), which is more
than the split of the graph costs. A difference that saturates at 0 and a sum give the same codes, and are hardly faster."""

KINDS = FLOAT_ONLY - FASTER_BUILT_IN
"""Operators that XNNPACK takes in float32 only, and that are faster so than on the built-in int8 kernels."""

FEWEST_CHANNELS = 32
"""Number of channels from which on a SOFTMAX of several places is written in float32. With fewer XNNPACK takes up to four times as
long as the built-in kernel on x86-64; on the Raspberry Pis it is then faster too."""

HAND_WRITTEN = 8
"""Number of channels whose multiples the built-in int8 kernel for depthwise convolutions of 3x3 on ARM computes. Others that it may not take,
such as dilated ones, were not timed, and stay too."""

BEHIND_SCORES = ("DEQUANTIZE", "QUANTIZE", "RESHAPE", "SQUEEZE")
"""Operators that may follow the last SOFTMAX of a graph, and compute nothing."""

ANY_SCALES = ("ADD", "MUL", "SUB")
"""Operators that it takes in int8, if the scales of their tensors are not too far apart."""


def compute_in_float(editor: Editor) -> Iterator[str]:
    """Write an int8 operator f that XNNPACK does not take as DEQUANTIZE, f in float32, QUANTIZE.

    An int8 operator is defined as ``quantize(f(dequantize(q)))``, which is what is written out here: the nearest code of
    the exact value. The built-in int8 kernels approximate it with fixed-point arithmetic, and round ties of an average away
    from zero, where QUANTIZE rounds them to even; so a value may lie one step from theirs. All three operators are
    XNNPACK's, and those of one argument it makes a table of 256 values; the graph stays in one piece. An average pool
    leaves padding out of its count as before.
    """
    return on_float_values(editor, _left)


def widen_large_kernels(editor: Editor) -> Iterator[str]:
    """Write an int8 depthwise convolution of a large kernel as DEQUANTIZE, the same in float32, QUANTIZE.

    It is a sum of products of codes times a scale of the channel, which is written out here on the float32 values of the codes;
    weights and bias are kept as the values of theirs. The int8 kernel scales the sum in fixed-point arithmetic, so that a value may
    lie one step from its. Beyond :data:`~mobilecnn.convert.xnnpack.MOST_TAPS` weights of a channel XNNPACK takes the int8
    operator, and has no kernel for it: it computes channel by channel. In float32 such a convolution is split into smaller ones
    (``split_large_kernels``).
    """
    return on_float_values(editor, _too_large)


def widen_depthwise(editor: Editor) -> Iterator[str]:
    """Write an int8 depthwise convolution as DEQUANTIZE, the same in float32, QUANTIZE, as ``widen_large_kernels`` does it.

    It is for runtimes that give float32 operators to XNNPACK and int8 ones to the built-in kernels: there it takes 0.2 to 0.85 times as long,
    the conversions included, on x86-64 and as modelled on the Raspberry Pis 4 and 5 (``benchmarks/built_in_depthwise.py``), up to 25 weights a
    channel. One of 3x3 with a multiple of :data:`HAND_WRITTEN` channels stays: on ARM it has an int8 kernel of its own, which with the stride
    1 takes 0.22 to 0.55 of this form's time from 14x14 on, 0.83 of it on 7x7, and with the stride 2 loses on the one board and wins on the other; on x86-64 this form
    gains. A weight takes four bytes and not one; such weights are few.
    """
    return on_float_values(editor, _without_own_kernel)


Condition = Callable[[Editor, str, list[int], list[int]], bool]
"""Function of a graph, an operator's kind, and the tensors that it reads and writes: whether it is written in float32."""


def on_float_values(editor: Editor, wanted: Condition) -> Iterator[str]:
    """Write the operators that are wanted as DEQUANTIZE of each input, the operator in float32, QUANTIZE; a phrase for each kind.

    Args:
        editor: the graph.
        wanted: which operators, whose inputs are all int8 with one scale, or constants.
    """
    counts: Counter[str] = Counter()
    for operator in editor.operators:
        kind = editor.kind(operator)
        inputs, outputs = wellformed.indices(operator.inputs), wellformed.indices(operator.outputs)
        if -1 in inputs or not wanted(editor, kind, inputs, outputs):
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
    """Whether XNNPACK leaves an int8 operator that is faster in float32."""
    if kind not in (*KINDS, *ANY_SCALES):
        return False
    given, made = [editor.tensor(index) for index in inputs], editor.tensor(outputs[0])
    if not all(_is_int8(tensor) for tensor in (*given, made)):
        return False
    if kind == "SOFTMAX":
        # The last one splits nothing: the graph ends there.
        return not _is_last(editor, outputs[0]) and _is_wide(made)
    return kind in KINDS or not scales_taken(kind, given, made)


def _is_last(editor: Editor, index: int) -> bool:
    """Whether nothing more is computed of a tensor."""
    pending = [index]
    while pending:
        for reader in editor.readers(pending.pop()):
            if editor.kind(reader) not in BEHIND_SCORES:
                return False
            pending += wellformed.indices(reader.outputs)
    return True


def _is_wide(scores: Tensor) -> bool:
    """Whether a SOFTMAX has one place, or channels enough for each."""
    return bool(scores.shape) and (scores.shape[-1] == scores.elements or scores.shape[-1] >= FEWEST_CHANNELS)


def _too_large(editor: Editor, kind: str, inputs: list[int], outputs: list[int]) -> bool:
    """Whether an int8 operator is a depthwise convolution for which XNNPACK has no kernel."""
    return is_int8_depthwise(editor, kind, inputs, outputs) and taps(editor.tensor(inputs[1])) > MOST_TAPS


def _without_own_kernel(editor: Editor, kind: str, inputs: list[int], outputs: list[int]) -> bool:
    """Whether an operator is an int8 depthwise convolution that ARM's built-in kernel for 3x3 does not compute."""
    if not is_int8_depthwise(editor, kind, inputs, outputs):
        return False
    _, rows, columns, channels = editor.tensor(inputs[1]).shape
    return (rows, columns) != (3, 3) or channels % HAND_WRITTEN != 0


def is_int8_depthwise(editor: Editor, kind: str, inputs: list[int], outputs: list[int]) -> bool:
    """Whether an operator is an int8 depthwise convolution with stored weights and a bias."""
    if kind != "DEPTHWISE_CONV_2D" or len(inputs) != 3:
        return False
    source, *constants = [editor.tensor(index) for index in inputs]
    return (
        _is_int8(source)
        and _is_int8(editor.tensor(outputs[0]))
        and all(tensor.data is not None for tensor in constants)
        and len(constants[0].shape) == 4
    )


def _is_int8(tensor: Tensor) -> bool:
    return tensor.dtype == "int8" and len(tensor.scales) == 1


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
