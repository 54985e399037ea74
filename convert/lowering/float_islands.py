"""Rewrite: int8 operators that XNNPACK takes in float32 only, on float32 values between int8 tensors."""

from collections import Counter
from collections.abc import Iterator

from mobilecnn.convert.graph import wellformed
from mobilecnn.convert.graph.edit import Editor

KINDS = ("AVERAGE_POOL_2D", "HARD_SWISH", "RELU", "RELU6")
"""Operators that the XNNPACK delegate takes in float32 only (``xnnpack_delegate.cc``, LiteRT, August 2026)."""


def compute_in_float(editor: Editor) -> Iterator[str]:
    """Write an int8 operator f that XNNPACK does not take as DEQUANTIZE, f in float32, QUANTIZE.

    An int8 operator is defined as ``quantize(f(dequantize(q)))``, which is what is written out here: the nearest code of
    the exact value. The built-in int8 kernels approximate it with fixed-point arithmetic, and round ties of an average away
    from zero, where QUANTIZE rounds them to even; so a value may lie one step from theirs. All three operators are XNNPACK's, and
    those of one argument it makes a table of 256 values; the graph stays in one piece. An average pool leaves padding
    out of its count as before.
    """
    counts: Counter[str] = Counter()
    for operator in editor.operators:
        kind = editor.kind(operator)
        source, target = (wellformed.indices(row)[:1] for row in (operator.inputs, operator.outputs))
        if kind not in KINDS or not source or not target:
            continue
        given, made = editor.tensor(source[0]), editor.tensor(target[0])
        if not (given.dtype == made.dtype == "int8" and len(given.scales) == len(made.scales) == 1):
            continue
        wide = editor.add_tensor(f"{made.name}/float_input", given.shape, "float32")
        computed = editor.add_tensor(f"{made.name}/float_output", made.shape, "float32")
        editor.replace(
            operator,
            [
                editor.operator("DEQUANTIZE", source, [wide], version=2),
                editor.operator(kind, [wide], [computed], options=operator.builtinOptions),
                editor.operator("QUANTIZE", [computed], target),
            ],
        )
        counts[kind] += 1
    for kind, count in sorted(counts.items()):
        yield f"{count} {kind} on float32 values"
