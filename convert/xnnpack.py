"""What the XNNPACK delegate takes of an int8 graph, as read in its source (``xnnpack_delegate.cc``, LiteRT, August 2026) and
tried on LiteRT 2.3. What it leaves runs on the built-in kernels, and each such operator splits the graph.
"""

from collections.abc import Sequence

from mobilecnn.convert.graph.flatbuffer import Operation, Tensor

FLOAT_ONLY = frozenset(
    [
        "ABS",
        "AVERAGE_POOL_2D",
        "GELU",
        "HARD_SWISH",
        "MAXIMUM",
        "MINIMUM",
        "RELU",
        "RELU6",
        "RSQRT",
        "SOFTMAX",
    ]
)  # fmt: skip
"""Operators that it takes in float32 only."""

SUM_RATIOS = (2.0**-10, 2.0**8)
"""Ratios of an input's scale to the output's that it takes in an ADD or SUB: from, and below."""

PRODUCT_RATIOS = (2.0**-16, 2.0**8)
"""Ratios of the product of the inputs' scales to the output's that it takes in a MUL: from, and below."""

CONVERSION_RATIOS = (2.0**-8, 2.0**7)
"""Ratios of the input's scale to the output's that it takes in a QUANTIZE of int8: from, to."""

MOST_CONCATENATED = 4
"""Largest number of inputs of a CONCATENATION that every release takes; LiteRT 2.3 takes five."""


MOST_TAPS = 25
"""Largest number of weights of a channel in a depthwise convolution that there are kernels for. Beyond, each channel is
computed by itself: on x86 a hundred times as long for an int8 weight, 15 times for a float32 one."""


def taps(kernel: Tensor) -> int:
    """Number of weights of a channel of a depthwise kernel (1, rows, columns, channels)."""
    return kernel.shape[1] * kernel.shape[2] if len(kernel.shape) == 4 else 0


def scales_taken(kind: str, inputs: Sequence[Tensor | None], output: Tensor) -> bool:
    """Whether it takes the scales of an int8 operator that reads ``inputs`` and writes ``output``."""
    given = [tensor.scales for tensor in inputs[:2] if tensor is not None and tensor.dtype == "int8"]
    if output.dtype != "int8" or not output.scales or not all(given):
        return True  # Not a question of scales.
    scale = output.scales[0]
    if scale <= 0:
        return False
    match kind:
        case "ADD" | "SUB":
            low, high = SUM_RATIOS
            return all(low <= scales[0] / scale < high for scales in given)
        case "MUL" if len(given) == 2:
            low, high = PRODUCT_RATIOS
            return low <= given[0][0] * given[1][0] / scale < high
        case "QUANTIZE" if given:
            low, high = CONVERSION_RATIOS
            return low <= given[0][0] / scale <= high
        case _:
            return True


def why_left(operation: Operation) -> str:
    """Why it may have left an operator: a phrase; empty where these rules have no reason for it."""
    quantized = any(tensor.dtype in ("int8", "uint8") for tensor in operation.outputs)
    if operation.kind.startswith("CUSTOM:"):
        return "a custom operator"
    if any(tensor.dynamic for tensor in (*operation.inputs, *operation.outputs) if tensor is not None):
        return "a shape that is not fixed"
    if operation.kind in FLOAT_ONLY and quantized:
        return "taken in float32 only"
    if operation.outputs and not scales_taken(operation.kind, operation.inputs, operation.outputs[0]):
        return "scales too far apart"
    if operation.kind == "CONCATENATION" and len(operation.inputs) > MOST_CONCATENATED:
        return f"more than {MOST_CONCATENATED} inputs"
    return ""
