"""Which runtime a file needs: from operators to operator versions to releases.

An interpreter refuses an operator version it does not know; that is how a file made
today announces itself to a board's old runtime. The quantizer rewrites tensors but
leaves the versions of the float file in place, so an int8 file claims to run on
runtimes that would misread it. :func:`stamp` writes the versions that the tensors
really call for, and with them the ``min_runtime_version`` entry.

Sources: ``lite/tools/versioning/op_version.cc`` and ``runtime_version.cc`` of TensorFlow
(Apache-2.0), from which the two tables below take their figures: the operators of image
classifiers. For an operator or version not in the tables the file's own claim stands, and
the release is unknown (None).
"""

import copy
from collections.abc import Callable, Iterable
from typing import Any

from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph.flatbuffer import Operation

METADATA = "min_runtime_version"

RELEASES: dict[str, tuple[str | None, ...]] = {
    # operator: the first release that knows version 1, 2, 3, ...; None where unlisted
    "ABS": ("1.13.0", "2.4.0", "2.5.0", "2.6.0"),
    "ADD": ("1.5.0", "1.14.0", "2.4.0", "2.6.0"),
    "ARG_MAX": ("1.9.0", "1.14.0", "2.9.0"),
    "AVERAGE_POOL_2D": ("1.5.0", "1.14.0", "2.3.0"),
    "BATCH_MATMUL": ("2.3.0", "2.3.0", "2.4.0", "2.5.0"),
    "BROADCAST_TO": (None, "2.5.0", "2.5.0"),
    "CAST": ("1.5.0", "2.7.0", "2.8.0", "2.9.0"),
    "CONCATENATION": ("1.5.0", "1.14.0", "2.3.0"),
    "CONV_2D": ("1.5.0", "1.14.0", "1.14.0", "2.3.0", "2.4.0", "2.9.0"),
    "DEPTHWISE_CONV_2D": ("1.5.0", "1.12.0", "1.14.0", "2.2.0", "2.3.0", "2.3.0"),
    "DEPTH_TO_SPACE": ("2.1.0", "2.5.0"),
    "DEQUANTIZE": ("1.13.1", "1.14.0", "1.15.0", "2.2.0", "2.7.0"),
    "DIV": ("1.6.0", "2.3.0"),
    "ELU": ("1.14.0",),
    "EXP": ("1.7.0",),
    "EXPAND_DIMS": ("1.10.0",),
    # Versions 10 and 11 are unlisted; 12 (float activations with per-channel int8
    # weights) came with release 2.17.
    "FULLY_CONNECTED": (
        "1.5.0", "1.10.0", "1.14.0", "1.14.0", "2.0.0", "2.1.0",
        "2.3.0", "2.3.0", "2.3.0", None, None, "2.17.0",
    ),
    "GATHER": ("1.6.0", "1.14.0", "1.15.0", "2.4.0", "2.5.0"),
    "GELU": ("2.9.0", "2.9.0"),
    "HARD_SWISH": ("1.15.0",),
    "L2_NORMALIZATION": ("1.5.0", "1.14.0"),
    "LEAKY_RELU": ("1.13.1", "2.3.0"),
    "LOCAL_RESPONSE_NORMALIZATION": ("1.5.0",),
    "LOG": ("1.14.0",),
    "LOGISTIC": ("1.14.0", "1.14.0", "2.3.0"),
    "MAXIMUM": ("1.14.0", "1.14.0", "2.3.0", "2.3.0"),
    "MAX_POOL_2D": ("1.5.0", "1.14.0", "2.3.0"),
    "MEAN": ("1.6.0", "1.14.0", "2.4.0"),
    "MINIMUM": ("1.14.0", "1.14.0", "2.3.0", "2.3.0"),
    "MIRROR_PAD": ("1.13.1", "2.3.0"),
    "MUL": ("1.5.0", "1.14.0", "1.15.0", "2.3.0", "2.6.0"),
    "NEG": ("1.9.0",),
    "PACK": ("1.11.0", "1.14.0", "2.3.0"),
    "PAD": ("1.5.0", "1.14.0", "2.4.0", "2.6.0"),
    "PADV2": ("1.9.0", "1.14.0", "2.4.0", "2.6.0"),
    "POW": ("1.10.0",),
    "PRELU": ("1.8.0",),
    "QUANTIZE": ("1.14.0", "1.15.0", "2.7.0"),
    "REDUCE_MAX": ("1.11.0", "1.14.0", "2.5.0"),
    "REDUCE_MIN": ("1.11.0", "1.14.0", "2.5.0"),
    "RELU": ("1.5.0", "2.1.0", "2.5.0"),
    "RELU6": ("1.5.0", "1.14.0", "2.5.0"),
    "RESHAPE": ("1.5.0",),
    "RESIZE_BILINEAR": ("1.7.0", "1.14.0", "2.2.0", "2.5.0"),
    "RESIZE_NEAREST_NEIGHBOR": ("1.13.1", "1.14.0", "2.3.0", "2.4.0"),
    "RSQRT": ("1.10.0", "2.5.0"),
    "SELECT_V2": ("2.2.0",),
    "SHAPE": ("1.10.0",),
    "SLICE": ("1.14.0", "1.14.0", "1.14.0", "2.4.0", "2.5.0"),
    "SOFTMAX": ("1.5.0", "1.14.0", "2.3.0"),
    "SPACE_TO_DEPTH": ("1.5.0", "1.14.0"),
    "SPLIT": ("1.5.0", "1.14.0", "1.14.0", "2.3.0"),
    "SPLIT_V": ("1.13.1", "2.3.0"),
    "SQRT": ("1.10.0",),
    "SQUARE": ("1.12.0",),
    "SQUARED_DIFFERENCE": ("1.13.1", "2.5.0"),
    "SQUEEZE": ("1.6.0", "2.5.0"),
    "STRIDED_SLICE": ("1.6.0", "1.14.0", "2.1.0", "2.2.0", "2.5.0", "2.6.0"),
    "SUB": ("1.6.0", "1.14.0", "2.3.0", "2.4.0", "2.4.0"),
    "SUM": ("1.10.0", "1.15.0"),
    "TANH": ("1.14.0", "1.14.0", "2.3.0"),
    "TILE": ("1.10.1", "2.2.0", "2.8.0"),
    "TRANSPOSE": ("1.6.0", "1.14.0", "1.15.0", "2.3.0", "2.4.0"),
    "TRANSPOSE_CONV": ("1.9.0", "2.2.0", "2.3.0"),
}  # fmt: skip

INT8_IS_VERSION_2 = frozenset(
    [
        "ADD",
        "AVERAGE_POOL_2D",
        "CONCATENATION",
        "GATHER",
        "LEAKY_RELU",
        "LOGISTIC",
        "L2_NORMALIZATION",
        "MAXIMUM",
        "MAX_POOL_2D",
        "MEAN",
        "MINIMUM",
        "MIRROR_PAD",
        "PACK",
        "PAD",
        "PADV2",
        "REDUCE_MAX",
        "REDUCE_MIN",
        "RELU",
        "RELU6",
        "RESIZE_BILINEAR",
        "RESIZE_NEAREST_NEIGHBOR",
        "RSQRT",
        "SLICE",
        "SOFTMAX",
        "SPACE_TO_DEPTH",
        "SQUARED_DIFFERENCE",
        "STRIDED_SLICE",
        "SUB",
        "SUM",
        "TANH",
        "TRANSPOSE",
    ]
)
"""Operators whose version 2 is "the same with int8 activations"."""


PER_ROW_DENSE = "2.10.0"
"""The first release whose int8 dense layers know a scale for each row of the weights.

No version of the operator says so: older runtimes take the file and answer wrongly. Tried with a
layer of known answers: the Java library 2.6.2 and tflite-runtime 2.8.0 and 2.9.1 are wrong, 2.10.0 and
newer right, with and without XNNPACK.
"""


def _per_row_dense(operation: Operation) -> bool:
    if operation.kind != "FULLY_CONNECTED" or _dtype(operation, 0) != "int8":
        return False
    weight = operation.inputs[1]
    return weight is not None and len(weight.scales) > 1


def _dtype(operation: Operation, index: int) -> str:
    tensor = operation.inputs[index] if index < len(operation.inputs) else None
    return "" if tensor is None else tensor.dtype


WEIGHTED: dict[str, tuple[int, int, int, int]] = {
    # operator: float32; int8; float32 with int8 weights of one scale; ... of a scale a channel
    "CONV_2D": (1, 3, 2, 5),
    "DEPTHWISE_CONV_2D": (1, 3, 4, 6),
    "FULLY_CONNECTED": (1, 4, 3, 12),
}
"""Versions by the types of activations and weights, where nothing else about the operator is special."""


def _weighted(operation: Operation) -> int:
    """The version that the types of activations and weights call for."""
    float32, int8, hybrid, hybrid_per_channel = WEIGHTED[operation.kind]
    weight = operation.inputs[1]
    if weight is not None and len(weight.scales) > 1:
        hybrid = hybrid_per_channel
    known = {("float32", "float32"): float32, ("int8", "int8"): int8, ("float32", "int8"): hybrid}
    return known.get((_dtype(operation, 0), _dtype(operation, 1)), operation.version)


def _conv(operation: Operation) -> int:
    image, weight = operation.inputs[0], operation.inputs[1]
    if image is not None and weight is not None and image.shape[-1] != weight.shape[-1]:
        return 6  # grouped
    return _weighted(operation)


def _depthwise(operation: Operation) -> int:
    options = operation.options
    dilated = getattr(options, "dilationWFactor", 1) != 1 or getattr(options, "dilationHFactor", 1) != 1
    return max(_weighted(operation), 2 if dilated else 1)


def _fully_connected(operation: Operation) -> int:
    version, options = _weighted(operation), operation.options
    if version == WEIGHTED["FULLY_CONNECTED"][3]:
        return version
    if len(operation.inputs) == 2:
        return 6
    if getattr(options, "keepNumDims", False):
        return 5
    asymmetric = getattr(options, "asymmetricQuantizeInputs", False)
    return 9 if asymmetric and version == WEIGHTED["FULLY_CONNECTED"][2] else version


def _mul(operation: Operation) -> int:
    if _dtype(operation, 0) != "int8":
        return operation.version
    scales = [tensor.scales for tensor in (*operation.inputs[:2], operation.outputs[0]) if tensor is not None]
    if len(scales) == 3 and all(scales) and scales[0][0] * scales[1][0] / scales[2][0] >= 1:
        return 3
    return 2


def _dequantize(operation: Operation) -> int:
    source = operation.inputs[0]
    if source is not None and len(source.scales) > 1:
        return 5
    return {"float16": 3, "int8": 2}.get(_dtype(operation, 0), operation.version)


def _quantize(operation: Operation) -> int:
    return 2 if _dtype(operation, 0) in ("int8", "uint8") else max(operation.version, 1)


RULES: dict[str, Callable[[Operation], int]] = {
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "DEQUANTIZE": _dequantize,
    "FULLY_CONNECTED": _fully_connected,
    "MUL": _mul,
    "QUANTIZE": _quantize,
    "SPLIT": lambda operation: 2 if _dtype(operation, 1) == "int8" else operation.version,
    "TRANSPOSE_CONV": lambda operation: max(operation.version, 2 if _dtype(operation, 1) == "int8" else 1),
}


def version_needed(operation: Operation) -> int:
    """The operator version that this operation's tensors call for.

    The converter gives all operators of a kind the version of the most demanding one; here
    each has its own. Where no rule applies, the file's claim stands.
    """
    rule = RULES.get(operation.kind)
    if rule is not None:
        return rule(operation)
    if operation.kind in INT8_IS_VERSION_2 and _dtype(operation, 0) == "int8":
        return max(2, operation.version)
    return operation.version


def release_of(kind: str, version: int) -> str | None:
    """The first TFLite release that runs this operator version, or None when unknown."""
    releases = RELEASES.get(kind, ())
    return releases[version - 1] if 0 < version <= len(releases) else None


def release_for(operation: Operation, version: int) -> str | None:
    """The first release that runs this operation, said to be of ``version``, and rightly; None when unknown."""
    release = release_of(operation.kind, version)
    return PER_ROW_DENSE if release is not None and _per_row_dense(operation) else release


def minimum_runtime(releases: Iterable[str | None]) -> str | None:
    """The latest of some releases; None when one of them is unknown, or there is none."""
    given = list(releases)
    known = [release for release in given if release is not None]
    if not known or len(known) < len(given):
        return None
    return max(known, key=lambda release: tuple(int(part) for part in release.split(".")))


def stamp(model: Any) -> None:
    """Write the operator versions that the tensors call for, and ``min_runtime_version``.

    Each (operator, version) gets its own operator code, so one grouped convolution does
    not raise the version of the others. Changes ``model`` (a schema ``ModelT``) in place; a
    file with several subgraphs (control flow: no image classifier) is left as it is.
    """
    if len(model.subgraphs) != 1:
        return
    subgraph = model.subgraphs[0]
    operations = flatbuffer.graph_of(model).operations
    codes: list[Any] = []
    index: dict[tuple[int, int], int] = {}
    for operator, operation in zip(subgraph.operators, operations, strict=True):
        version = version_needed(operation)
        key = (operator.opcodeIndex, version)
        if key not in index:
            code = copy.copy(model.operatorCodes[operator.opcodeIndex])
            code.version = version
            index[key] = len(codes)
            codes.append(code)
        operator.opcodeIndex = index[key]
    model.operatorCodes = codes
    minimum = minimum_runtime(release_for(each, version_needed(each)) for each in operations)
    # The runtime reads a fixed field of 16 bytes; an unknown minimum is left empty.
    flatbuffer.set_metadata(model, METADATA, (minimum or "").encode().ljust(16, b"\0"))
