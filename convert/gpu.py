"""What the GPU accelerator of LiteRT takes of a graph: a forecast, operator by operator.

Asked of the accelerator that comes with ai-edge-litert 2.3, on a software Vulkan driver, with a file of one operator each
(``tests/convert/gpu_taken.csv``; ``benchmarks/delegates.py`` asks again). Phones have accelerators of their own drivers: what
those take of a shape or a type beyond this was not tried.
"""

from mobilecnn.convert.graph.flatbuffer import Operation

TAKEN = frozenset(
    [
        "ABS",
        "ADD",
        "AVERAGE_POOL_2D",
        "BATCH_MATMUL",
        "CEIL",
        "CONCATENATION",
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "DEPTH_TO_SPACE",
        "DEQUANTIZE",
        "DIV",
        "ELU",
        "EXP",
        "FLOOR",
        "FLOOR_DIV",
        "FLOOR_MOD",
        "FULLY_CONNECTED",
        "GATHER",
        "GELU",
        "HARD_SWISH",
        "LEAKY_RELU",
        "LOG",
        "LOGISTIC",
        "MAXIMUM",
        "MAX_POOL_2D",
        "MEAN",
        "MINIMUM",
        "MIRROR_PAD",
        "MUL",
        "NEG",
        "PAD",
        "POW",
        "PRELU",
        "QUANTIZE",
        "REDUCE_MAX",
        "REDUCE_MIN",
        "REDUCE_PROD",
        "RELU",
        "RELU6",
        "RELU_N1_TO_1",
        "RESHAPE",
        "RESIZE_BILINEAR",
        "RESIZE_NEAREST_NEIGHBOR",
        "REVERSE_V2",
        "ROUND",
        "RSQRT",
        "SLICE",
        "SOFTMAX",
        "SPACE_TO_DEPTH",
        "SPLIT",
        "SQRT",
        "SQUARE",
        "SQUARED_DIFFERENCE",
        "STRIDED_SLICE",
        "SUB",
        "SUM",
        "TANH",
        "TILE",
        "TRANSPOSE",
        "TRANSPOSE_CONV",
    ]
)
"""Operators of image classifiers that it takes, in float32 and in int8."""


def why_left(operation: Operation) -> str:
    """Why it leaves an operator, a phrase; empty of one that it is forecast to take."""
    tensors = [tensor for tensor in (*operation.inputs, *operation.outputs) if tensor is not None]
    if operation.kind.startswith("CUSTOM:"):
        return "a custom operator"
    if operation.kind not in TAKEN:
        return "an operator that it lacks"
    if any(tensor.dynamic for tensor in tensors):
        return "a shape that is not fixed"
    if any(tensor.dtype == "int16" for tensor in tensors):
        return "activations in int16"
    return ""
