"""Kinds of work by which the operators of a profile are added up."""

from mobilecnn.convert.graph.cut import Part

GROUPS = {
    "CONV_2D": "convolution",
    "DEPTHWISE_CONV_2D": "depthwise convolution",
    "TRANSPOSE_CONV": "convolution",
    "FULLY_CONNECTED": "fully connected",
    "BATCH_MATMUL": "fully connected",
    **dict.fromkeys(("AVERAGE_POOL_2D", "MAX_POOL_2D", "MEAN", "SUM", "REDUCE_MAX"), "pooling"),
    **dict.fromkeys(
        (
            "ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "RELU", "RELU6", "RELU_N1_TO_1", "LEAKY_RELU",
            "PRELU", "ELU", "GELU", "HARD_SWISH", "LOGISTIC", "TANH", "EXP", "SQRT", "RSQRT", "SOFTMAX",
            "LOCAL_RESPONSE_NORMALIZATION",
        ),
        "element-wise",
    ),
    **dict.fromkeys(
        (
            "RESHAPE", "TRANSPOSE", "CONCATENATION", "SPLIT", "SPLIT_V", "SLICE", "STRIDED_SLICE", "PAD", "PADV2",
            "MIRROR_PAD", "SQUEEZE", "EXPAND_DIMS", "GATHER", "PACK", "UNPACK", "DEPTH_TO_SPACE",
            "SPACE_TO_DEPTH", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR",
        ),
        "data movement",
    ),
    **dict.fromkeys(("QUANTIZE", "DEQUANTIZE", "CAST"), "conversion of types"),
}  # fmt: skip
"""Kinds of work by operator; an operator that is not here is "other"."""


def group_of(part: Part) -> str:
    """What kind of work an operator is; convolutions are told apart by kernel and groups."""
    return part.detail or GROUPS.get(part.kind, "other")
