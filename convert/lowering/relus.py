"""Rewrites: rectifications, in the operator before them, or as what the runtimes take in int8."""

from collections.abc import Iterator
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from mobilecnn.convert.graph import wellformed
from mobilecnn.convert.graph.edit import NOT_FUSED, Editor
from mobilecnn.convert.xnnpack import scales_taken
from mobilecnn.remarks import plural

_ACTIVATIONS = {
    "RELU": schema.ActivationFunctionType.RELU,
    "RELU6": schema.ActivationFunctionType.RELU6,
    "RELU_N1_TO_1": schema.ActivationFunctionType.RELU_N1_TO_1,
}

FUSING = frozenset(["ADD", "CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "MAX_POOL_2D", "MUL", "SUB"])
"""Operators that can rectify what they write."""

RECTIFIED = frozenset(_ACTIVATIONS.values()) - {schema.ActivationFunctionType.RELU_N1_TO_1}
"""Fused activations that leave nothing below 0."""

NEVER_NEGATIVE = frozenset(["LOGISTIC", "RELU", "RELU6", "SOFTMAX"])
"""Operators that write nothing below 0."""

KEEPING = frozenset(
    [
        "AVERAGE_POOL_2D", "CONCATENATION", "GATHER", "MAX_POOL_2D", "MEAN", "PAD", "RESHAPE", "SLICE", "STRIDED_SLICE",
        "TRANSPOSE",
    ]
)  # fmt: skip
"""Operators that write nothing below 0 where they read nothing below 0."""

LOWEST = -128
"""Smallest code of int8."""


def fuse_relus(editor: Editor) -> Iterator[str]:
    """Let the operator before a rectification rectify what it writes, where nobody else reads that.

    relu(f(x)) is f with a fused ReLU: the runtimes clamp the same values before they store them. Bit-exact.
    """
    fused = 0
    for operator in editor.operators:
        activation = _ACTIVATIONS.get(editor.kind(operator))
        if activation is None:
            continue
        source, target = wellformed.indices(operator.inputs)[0], wellformed.indices(operator.outputs)[0]
        maker = editor.maker(source)
        if maker is None or editor.kind(maker) not in FUSING or editor.only_reader(source) is not operator:
            continue
        if getattr(maker.builtinOptions, "fusedActivationFunction", None) != NOT_FUSED:
            continue
        maker.builtinOptions.fusedActivationFunction = activation
        editor.replace(operator, [])
        editor.write_instead(maker, source, target)
        fused += 1
    if fused:
        yield f"{plural(fused, 'rectification')} in the operator before"


def rectify_branches(editor: Editor) -> Iterator[str]:
    """Rectify the inputs of a concatenation instead of its output, where that costs nothing.

    relu(concat(a, b)) = concat(relu(a), relu(b)), and relu(a) = a where a is not negative, such as a pool of rectified values. The
    other inputs are rectified by the operators that make them. Bit-exact. That is the unit of stride 2 of ShuffleNet V1 as
    the paper draws it: no runtime fuses a rectification into a concatenation, and in int8 one by itself is slow.
    """
    moved = 0
    for operator in editor.operators:
        if editor.kind(operator) not in ("RELU", "RELU6"):
            continue
        source, target = wellformed.indices(operator.inputs)[0], wellformed.indices(operator.outputs)[0]
        maker = editor.maker(source)
        if (
            maker is None
            or editor.kind(maker) != "CONCATENATION"
            or editor.only_reader(source) is not operator
        ):
            continue
        if maker.builtinOptions.fusedActivationFunction != NOT_FUSED:
            continue
        activation = _ACTIVATIONS[editor.kind(operator)]
        parts = wellformed.indices(maker.inputs)
        open_parts = [index for index in parts if not _rectified(editor, index, activation)]
        makers = [editor.maker(index) for index in open_parts]
        if not all(_can_rectify(editor, index, maker) for index in open_parts):
            continue
        for made in makers:
            made.builtinOptions.fusedActivationFunction = activation
        editor.replace(operator, [])
        editor.write_instead(maker, source, target)
        moved += 1
    if moved:
        yield f"{plural(moved, 'rectification')} before the concatenation"


def _can_rectify(editor: Editor, index: int, reader: Any) -> bool:
    """Whether the operator that makes a tensor can rectify it, and nobody but ``reader`` sees it."""
    maker = editor.maker(index)
    return (
        maker is not None
        and editor.kind(maker) in FUSING
        and editor.only_reader(index) is reader
        and getattr(maker.builtinOptions, "fusedActivationFunction", None) == NOT_FUSED
    )


def _rectified(editor: Editor, index: int, activation: int) -> bool:
    """Whether a rectification changes nothing of a tensor, as the operators that made it say."""
    pending, seen = [index], set()
    while pending:
        maker = editor.maker(pending.pop())
        if maker is None:
            return False
        fused, kind = getattr(maker.builtinOptions, "fusedActivationFunction", None), editor.kind(maker)
        bounded = activation == schema.ActivationFunctionType.RELU6
        if fused == activation or kind == ("RELU6" if bounded else "RELU"):
            continue
        if not bounded and (fused in RECTIFIED or kind in NEVER_NEGATIVE):
            continue
        if kind not in KEEPING:
            return False
        values = [given for given in wellformed.indices(maker.inputs) if editor.dtype(given) != "int32"]
        if any(editor.tensor(given).data is not None for given in values):
            return False
        if id(maker) not in seen:
            seen.add(id(maker))
            pending += values
    return True


def requantize_relus(editor: Editor) -> Iterator[str]:
    """Write a stand-alone int8 RELU as a QUANTIZE to its output's scale, where 0 is the lowest code there.

    RELU stores ``clamp(round(max(x, 0) / s) - 128, -128, 127)``, and QUANTIZE ``clamp(round(x / s) - 128, -128, 127)``: for
    x < 0 both are -128, for all others the same expression. XNNPACK takes QUANTIZE in int8 and RELU in float32 only. The two
    kernels may round a value that lies between two codes to either.
    """
    written = 0
    for operator in editor.operators:
        if editor.kind(operator) != "RELU":
            continue
        source, target = wellformed.indices(operator.inputs)[0], wellformed.indices(operator.outputs)[0]
        given, made = editor.tensor(source), editor.tensor(target)
        if not (given.dtype == made.dtype == "int8" and given.scales and made.zero_points == (LOWEST,)):
            continue
        if scales_taken("QUANTIZE", [given], made):
            editor.replace(operator, [editor.operator("QUANTIZE", [source], [target], version=2)])
            written += 1
    if written:
        yield f"{written} RELU as QUANTIZE, which saturates at 0"
