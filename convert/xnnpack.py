"""What the XNNPACK delegate takes of an int8 graph, as read in its source (``xnnpack_delegate.cc``, LiteRT, August 2026) and
tried on LiteRT 2.3. What it leaves runs on the built-in kernels, and each such operator splits the graph.
"""

from collections.abc import Sequence

import numpy as np

from mobilecnn.convert.graph.flatbuffer import Operation, Tensor

FLOAT_ONLY = frozenset(
    [
        "ABS",
        "AVERAGE_POOL_2D",
        "DIV",
        "EXP",
        "GELU",
        "HARD_SWISH",
        "LOG",
        "MAXIMUM",
        "MINIMUM",
        "NEG",
        "PRELU",
        "RELU",
        "RELU6",
        "RELU_N1_TO_1",
        "RSQRT",
        "SOFTMAX",
        "SQRT",
        "SQUARED_DIFFERENCE",
    ]
)
"""Operators that it takes in float32 only."""

TAKEN = FLOAT_ONLY | frozenset(
    [
        "ADD",
        "BATCH_MATMUL",
        "CEIL",
        "CONCATENATION",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "DEPTH_TO_SPACE",
        "DEQUANTIZE",
        "ELU",
        "FLOOR",
        "FULLY_CONNECTED",
        "LEAKY_RELU",
        "LOGISTIC",
        "MAX_POOL_2D",
        "MEAN",
        "MUL",
        "PAD",
        "QUANTIZE",
        "REDUCE_MAX",
        "REDUCE_MIN",
        "RESHAPE",
        "RESIZE_BILINEAR",
        "ROUND",
        "SLICE",
        "SPACE_TO_DEPTH",
        "SPLIT",
        "SQUARE",
        "STRIDED_SLICE",
        "SUB",
        "SUM",
        "TANH",
        "TRANSPOSE",
        "TRANSPOSE_CONV",
    ]
)
"""Operators of image classifiers that it takes, in float32 at least."""

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
    """Why it leaves an operator, a phrase; empty of one that it is forecast to take.

    The forecast is held against LiteRT 2.3 itself (`tests/convert/test_delegates.py`, `benchmarks/delegates.py`).
    """
    quantized = any(tensor.dtype in ("int8", "uint8") for tensor in operation.outputs)
    if operation.kind.startswith("CUSTOM:"):
        return "a custom operator"
    if operation.kind not in TAKEN:
        return "an operator that it lacks"
    if any(
        tensor.dtype == "int16" for tensor in (*operation.inputs, *operation.outputs) if tensor is not None
    ):
        return "activations in int16"
    if any(tensor.dynamic for tensor in (*operation.inputs, *operation.outputs) if tensor is not None):
        return "a shape that is not fixed"
    if operation.kind in FLOAT_ONLY and quantized:
        return "taken in float32 only"
    if operation.outputs and not scales_taken(operation.kind, operation.inputs, operation.outputs[0]):
        return "scales too far apart"
    if operation.kind == "DEPTHWISE_CONV_2D" and _weights(operation) == "int8" and not quantized:
        return "int8 weights with float32 activations"
    if operation.kind == "QUANTIZE" and _first(operation) == "uint8" and _made(operation) == "int8":
        return "from uint8 to int8"
    if operation.kind == "CONCATENATION" and len(operation.inputs) > MOST_CONCATENATED:
        return f"more than {MOST_CONCATENATED} inputs"
    if operation.kind == "STRIDED_SLICE":
        return _why_slice_left(operation)
    return ""


def why_slow(operation: Operation) -> str:
    """Why it is slow at an operator that it takes, a phrase; empty of others.

    Grouped convolutions are not among these: what they cost is a question of their sizes (`convert/lowering/costs.py`).
    """
    kernel = operation.inputs[1] if len(operation.inputs) > 1 else None
    if operation.kind == "DEPTHWISE_CONV_2D" and kernel is not None and taps(kernel) > MOST_TAPS:
        return f"more than {MOST_TAPS} weights a channel, so that it computes each channel by itself"
    return ""


def _why_slice_left(operation: Operation) -> str:
    """Why it leaves a STRIDED_SLICE: it takes one of a step of 1 that keeps the dimensions, with open ends or not."""
    options, steps = operation.options, operation.inputs[3] if len(operation.inputs) > 3 else None
    if steps is None or steps.data is None or steps.dtype not in ("int32", "int64"):
        return "steps that are computed"
    if any(step != 1 for step in np.frombuffer(steps.data.tobytes(), steps.dtype)):
        return "steps other than 1"
    if options is not None and (options.ellipsisMask or options.newAxisMask or options.shrinkAxisMask):
        return "dimensions added, left out or not named"
    return ""


def _first(operation: Operation) -> str:
    return operation.inputs[0].dtype if operation.inputs and operation.inputs[0] is not None else ""


def _made(operation: Operation) -> str:
    return operation.outputs[0].dtype if operation.outputs else ""


def _weights(operation: Operation) -> str:
    return operation.inputs[1].dtype if len(operation.inputs) > 1 and operation.inputs[1] is not None else ""
