"""Which runtime a file needs: from operators to operator versions to releases.

An interpreter refuses an operator version it does not know; that is how a file made today announces
itself to a board's old runtime. The quantizer rewrites tensors but leaves the versions of the float file
in place, so an int8 file claims to run on runtimes that would misread it.
:mod:`mobilecnn.convert.lowering.operator_versions` writes the versions that the tensors really call for.

Sources: ``lite/tools/versioning/op_version.cc`` and ``runtime_version.cc`` of TensorFlow (Apache-2.0), from
which the tables below take their figures: the operators of image classifiers. A type of activations and
weights that the tables do not have is unknown: no version is guessed, the file keeps its own, and no
release is named. To add a type, give the operators that it is used with an entry in :data:`BY_TYPE` or
:data:`WEIGHTED`.
"""

from collections.abc import Callable, Iterable

from mobilecnn.convert.graph.flatbuffer import Operation, Tensor

RELEASES: dict[str, tuple[str | None, ...]] = {
    "ABS": ("1.13.0", "2.4.0", "2.5.0", "2.6.0"),
    "ADD": ("1.5.0", "1.14.0", "2.4.0", "2.6.0"),
    "ARG_MAX": ("1.9.0", "1.14.0", "2.9.0"),
    "AVERAGE_POOL_2D": ("1.5.0", "1.14.0", "2.3.0"),
    "BATCH_MATMUL": ("2.3.0", "2.3.0", "2.4.0", "2.5.0"),
    "BROADCAST_TO": (None, "2.5.0", "2.5.0"),
    "CAST": ("1.5.0", "2.7.0", "2.8.0", "2.9.0"),
    "CONCATENATION": ("1.5.0", "1.14.0", "2.3.0"),
    "CONV_2D": ("1.5.0", "1.14.0", "1.14.0", "2.3.0", "2.4.0", "2.9.0", "2.11.0", "2.15.0"),
    "DEPTHWISE_CONV_2D": ("1.5.0", "1.12.0", "1.14.0", "2.2.0", "2.3.0", "2.3.0", "2.11.0"),
    "DEPTH_TO_SPACE": ("2.1.0", "2.5.0"),
    "DEQUANTIZE": ("1.13.1", "1.14.0", "1.15.0", "2.2.0", "2.7.0"),
    "DIV": ("1.6.0", "2.3.0"),
    "ELU": ("1.14.0",),
    "EXP": ("1.7.0",),
    "EXPAND_DIMS": ("1.10.0",),
    # 12: float activations with a scale for each row of int8 weights.
    "FULLY_CONNECTED": (
        "1.5.0", "1.10.0", "1.14.0", "1.14.0", "2.0.0", "2.1.0",
        "2.3.0", "2.3.0", "2.3.0", "2.11.0", "2.15.0", "2.17.0",
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
    "TRANSPOSE_CONV": ("1.9.0", "2.2.0", "2.3.0", "2.13.0", "2.15.0"),
}  # fmt: skip
"""Releases by operator: the first that knows version 1, 2, 3, ...; None where TensorFlow lists none."""

CLAIMED = frozenset(["float32", "int32", "int64", "bool", "uint8"])
"""Types of activations for which the version in the file is taken: those that converters write themselves."""

_INT8, _INT8_IS_2, _INT16_IS_3 = {"int8": 1}, {"int8": 2}, {"int8": 2, "int16": 3}

BY_TYPE: dict[str, dict[str, int]] = {
    "ABS": {"int8": 2, "int16": 3},
    "ARG_MAX": _INT8_IS_2,
    "AVERAGE_POOL_2D": _INT16_IS_3,
    "BATCH_MATMUL": _INT16_IS_3,
    "BROADCAST_TO": {"int8": 3, "int16": 3},
    "CAST": {"int8": 3, "float16": 5},
    "CONCATENATION": _INT16_IS_3,
    "DEPTH_TO_SPACE": _INT8_IS_2,
    "DIV": _INT8,
    "ELU": _INT8,
    "EXP": {"int8": 2, "int16": 2},
    "EXPAND_DIMS": {"int8": 1, "int16": 1},
    "GATHER": {"int8": 2, "int16": 4},
    "GELU": _INT8_IS_2,
    "HARD_SWISH": _INT8,
    "L2_NORMALIZATION": _INT8_IS_2,
    "LEAKY_RELU": {"int8": 2, "int16": 2},
    "LOG": {"int8": 2, "int16": 2},
    "LOGISTIC": _INT16_IS_3,
    "MAXIMUM": {"int8": 2, "int16": 4},
    "MAX_POOL_2D": _INT16_IS_3,
    "MEAN": _INT16_IS_3,
    "MINIMUM": {"int8": 2, "int16": 4},
    "MIRROR_PAD": _INT8_IS_2,
    "NEG": _INT8,
    "PACK": _INT16_IS_3,
    "PAD": _INT16_IS_3,
    "PADV2": _INT16_IS_3,
    "PRELU": _INT8,
    "REDUCE_MAX": _INT16_IS_3,
    "REDUCE_MIN": _INT16_IS_3,
    "RELU": _INT16_IS_3,
    "RELU6": _INT16_IS_3,
    "RESHAPE": {"int8": 1, "int16": 1},
    "RESIZE_BILINEAR": {"int8": 2, "int16": 4},
    "RESIZE_NEAREST_NEIGHBOR": {"int8": 2, "int16": 4},
    "RSQRT": _INT8_IS_2,
    "SHAPE": {"int8": 1, "int16": 1},
    "SLICE": {"int8": 2, "int16": 4},
    "SOFTMAX": _INT16_IS_3,
    "SPACE_TO_DEPTH": _INT8_IS_2,
    "SPLIT": {"int8": 2, "int16": 4},
    "SPLIT_V": _INT8_IS_2,
    "SQUARED_DIFFERENCE": _INT8_IS_2,
    "SQUEEZE": {"int8": 1, "int16": 1},
    "STRIDED_SLICE": _INT8_IS_2,
    "SUM": _INT8_IS_2,
    "TANH": _INT16_IS_3,
    "TILE": {"int8": 3},
    "TRANSPOSE": {"int8": 2, "int16": 5},
}
"""Lowest versions by operator and type of activations, for the types beyond :data:`CLAIMED`."""


PER_ROW_DENSE = "2.10.0"
"""Release that first knows int8 dense layers with a scale for each row of the weights.

No version of the operator says so: older runtimes take the file and answer wrongly. Tried with a layer of
known answers: the Java library 2.6.2 and tflite-runtime 2.8.0 and 2.9.1 are wrong, 2.10.0 and newer are
right, with and without XNNPACK.
"""


WEIGHTED: dict[str, dict[tuple[str, str], int]] = {
    "CONV_2D": {
        ("float32", "float32"): 1, ("float32", "int8"): 2, ("int8", "int8"): 3, ("int16", "int16"): 4,
        ("int16", "int8"): 4,
    },
    "DEPTHWISE_CONV_2D": {
        ("float32", "float32"): 1, ("float32", "int8"): 4, ("int8", "int8"): 3, ("int16", "int16"): 5,
        ("int16", "int8"): 5,
    },
    "FULLY_CONNECTED": {
        ("float32", "float32"): 1, ("float32", "int8"): 3, ("int8", "int8"): 4, ("int16", "int16"): 7,
        ("int16", "int8"): 7,
    },
    "TRANSPOSE_CONV": {("float32", "float32"): 1, ("float32", "int8"): 2, ("int8", "int8"): 2},
}  # fmt: skip
"""Versions by operator and (type of activations, type of weights), where nothing else is special.

DEPTHWISE_CONV_2D of int16 activations with int8 weights is version 5. ``op_version.cc`` says "If the op accepts int16, we return
version 5", and then asks for weights in int16 as well, for which there is no kernel: the one for int16 activations in
``lite/kernels/depthwise_conv.cc`` (``EvalQuantizedPerChannel16x8``) reads int8 weights. So TensorFlow writes 1, which any runtime
believes to know. ``runtime_version.cc`` has version 5 from release 2.3 on, as it has CONV_2D's 4 and FULLY_CONNECTED's 7, and
``lite/kernels/register.cc`` registers 1 to 7 today: a runtime without that kernel refuses 5.
"""

PER_CHANNEL_HYBRID = {"CONV_2D": 5, "DEPTHWISE_CONV_2D": 6, "FULLY_CONNECTED": 12}
"""Versions by operator of float32 activations with int8 weights that have a scale for each channel."""

BIAS_TYPED = {"CONV_2D": 8, "FULLY_CONNECTED": 11, "TRANSPOSE_CONV": 5}
"""Versions by operator of int16 activations with int8 weights, where the operator states the bias' type."""


def types_of(operation: Operation) -> str:
    """Types of the activations, and of the weights where there are any, for messages: ``int16 with int8``."""
    activations, weights = _weighted_types(operation) if operation.kind in WEIGHTED else ("", "")
    return f"{activations} with {weights}" if weights else _activations(operation)


def _activations(operation: Operation) -> str:
    """Type of the data that the operator works on: its first input, or else its output."""
    index = {"SPLIT": 1}.get(operation.kind, 0)
    return _dtype(operation, index) or (operation.outputs[0].dtype if operation.outputs else "")


def _input(operation: Operation, index: int) -> Tensor | None:
    """An input; None where it is absent, also where a damaged file lacks one that the operator must have."""
    return operation.inputs[index] if index < len(operation.inputs) else None


def _dtype(operation: Operation, index: int) -> str:
    tensor = _input(operation, index)
    return "" if tensor is None else tensor.dtype


def _weighted_types(operation: Operation) -> tuple[str, str]:
    """Types of the activations and of the weights."""
    activations = 2 if operation.kind == "TRANSPOSE_CONV" else 0
    return _dtype(operation, activations), _dtype(operation, 1)


def _weighted(operation: Operation) -> int | None:
    """The version that the types of activations and weights call for."""
    types = _weighted_types(operation)
    if types == ("int16", "int8") and getattr(operation.options, "quantizedBiasType", False):
        return BIAS_TYPED.get(operation.kind)
    version = WEIGHTED[operation.kind].get(types)
    weight = _input(operation, 1)
    if types == ("float32", "int8") and weight is not None and len(weight.scales) > 1:
        return PER_CHANNEL_HYBRID.get(operation.kind, version)
    # What converters write themselves they also version.
    return operation.version if version is None and set(types) <= CLAIMED else version


def _conv(operation: Operation) -> int | None:
    version = _weighted(operation)
    image, weight = _input(operation, 0), _input(operation, 1)
    grouped = image is not None and weight is not None and image.shape[-1:] != weight.shape[-1:]
    return version if version is None or not grouped else max(version, 6)


def _depthwise(operation: Operation) -> int | None:
    version, options = _weighted(operation), operation.options
    dilated = getattr(options, "dilationWFactor", 1) != 1 or getattr(options, "dilationHFactor", 1) != 1
    return version if version is None or not dilated else max(version, 2)


def _fully_connected(operation: Operation) -> int | None:
    version, options = _weighted(operation), operation.options
    if version is None or version >= 7:
        return version  # Of types that came after the options below.
    if len(operation.inputs) == 2:
        return 6
    if getattr(options, "keepNumDims", False):
        return 5
    hybrid = _weighted_types(operation) == ("float32", "int8")
    return 9 if hybrid and getattr(options, "asymmetricQuantizeInputs", False) else version


def _transpose_conv(operation: Operation) -> int | None:
    version = _weighted(operation)
    return None if version is None else max(version, operation.version)


def _sum(int16: int) -> Callable[[Operation], int | None]:
    """The rule of ADD and SUB, whose int16 kernels have version ``int16`` unless scales are powers of two."""

    def rule(operation: Operation) -> int | None:
        match _activations(operation):
            case "int8":
                return max(2, operation.version)
            case "int16":
                return None if getattr(operation.options, "potScaleInt16", True) else int16
            case claimed:
                return operation.version if claimed in CLAIMED else None

    return rule


def _mul(operation: Operation) -> int | None:
    tensors = (*operation.inputs[:2], *operation.outputs[:1])
    scales = [tensor.scales for tensor in tensors if tensor is not None]
    quantized = len(scales) == 3 and all(scales)
    match _activations(operation):
        case "int8":
            return 3 if quantized and scales[0][0] * scales[1][0] >= scales[2][0] else 2
        case "int16":
            return 4 if quantized else 7
        case claimed:
            return operation.version if claimed in CLAIMED else None


def _dequantize(operation: Operation) -> int | None:
    source = _input(operation, 0)
    if source is not None and source.dtype == "int8" and len(source.scales) > 1:
        return 5
    kind = _activations(operation)
    return {"float16": 3, "int8": 2, "int16": 3}.get(kind, operation.version if kind in CLAIMED else None)


def _quantize(operation: Operation) -> int | None:
    result = operation.outputs[0].dtype if operation.outputs else ""
    match _activations(operation), result:
        case (("int8" | "uint8" | "int16"), ("int8" | "uint8" | "int16")):
            return 2
        case "float32", "int16":
            return 2
        case "float32", ("int8" | "uint8"):
            return max(operation.version, 1)
        case _:
            return None


RULES: dict[str, Callable[[Operation], int | None]] = {
    "ADD": _sum(int16=3),
    "CONV_2D": _conv,
    "DEPTHWISE_CONV_2D": _depthwise,
    "DEQUANTIZE": _dequantize,
    "FULLY_CONNECTED": _fully_connected,
    "MUL": _mul,
    "QUANTIZE": _quantize,
    "SUB": _sum(int16=5),
    "TRANSPOSE_CONV": _transpose_conv,
}
"""Operators whose version follows from more than the type of their activations."""


def version_needed(operation: Operation) -> int | None:
    """The operator version that this operation's tensors call for; None when the tables do not know.

    The converter gives all operators of a kind the version of the most demanding one; here each has its
    own.
    """
    rule = RULES.get(operation.kind)
    if rule is not None:
        return rule(operation)
    kind = _activations(operation)
    if kind in CLAIMED:
        return operation.version
    lowest = BY_TYPE.get(operation.kind, {}).get(kind)
    return None if lowest is None else max(lowest, operation.version)


def release_of(kind: str, version: int) -> str | None:
    """The first TFLite release that runs this operator version; None when unknown."""
    releases = RELEASES.get(kind, ())
    return releases[version - 1] if 0 < version <= len(releases) else None


def release_for(operation: Operation, version: int) -> str | None:
    """The first release that runs this operation, which the file gives ``version``, and answers rightly.

    None when unknown.
    """
    if version_needed(operation) is None:
        return None
    release = release_of(operation.kind, version)
    return PER_ROW_DENSE if release is not None and _per_row_dense(operation) else release


def _per_row_dense(operation: Operation) -> bool:
    if operation.kind != "FULLY_CONNECTED" or _dtype(operation, 0) != "int8":
        return False
    weight = _input(operation, 1)
    return weight is not None and len(weight.scales) > 1


def minimum_runtime(releases: Iterable[str | None]) -> str | None:
    """The latest of some releases; None when one of them is unknown, or there is none."""
    given = list(releases)
    known = [release for release in given if release is not None]
    if not known or len(known) < len(given):
        return None
    return max(known, key=lambda release: tuple(int(part) for part in release.split(".")))
