"""Rewrites: rectifications, in the operator before them, or as what the runtimes take in int8."""

from collections.abc import Iterator

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
