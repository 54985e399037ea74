"""What gains nothing by being quantized: a graph that is quantized already, and one of which no part is, are refused."""

from collections import Counter
from pathlib import Path

from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph.flatbuffer import Graph, Operation, Tensor
from mobilecnn.errors import ModelFileError, UsageError
from mobilecnn.files import exists, is_folder, open_input, read_bytes
from mobilecnn.quantize.formats import Format
from mobilecnn.remarks import Remark, Remarked
from mobilecnn.train.keras_archive import TFLITE

NARROW = ("int4", "int8", "uint8", "int16", "float16")
"""Types of constants that a quantized file has, of which the first that a file has is named."""

CONVERSIONS = ("QUANTIZE", "DEQUANTIZE", "FAKE_QUANT", "CAST")
"""Operators that turn one type into another, and compute nothing."""

MARKS = ("QUANTIZE", "FAKE_QUANT")
"""Those that a float32 graph has only where it was quantized, or trained for it."""


def refuse_converted(path: Path) -> None:
    """Refuse a .tflite file as a model to export, and say what its weights are stored as.

    Raises:
        ModelFileError: it is one.
    """
    if is_folder(path) or not exists(path):
        return
    with open_input(path, "model", ModelFileError) as file:
        if file.read(8)[4:] != TFLITE:
            return
    graph = flatbuffer.graph(read_bytes(path, "model", ModelFileError), str(path))
    stored = {
        tensor.dtype
        for operation in graph.operations
        for tensor in operation.inputs
        if tensor is not None and tensor.constant
    }
    narrow = [dtype for dtype in NARROW if dtype in stored]
    raise ModelFileError(
        f"{path} is a TFLite file, which is converted already{f', with constants in {narrow[0]}' if narrow else ''}; give it to inspect, "
        "evaluate, predict or bench, and export the Keras model that it was made of"
    )


def refuse_quantized(row: Format, graph: Graph, name: str) -> None:
    """Refuse to quantize a float32 graph that is quantized already.

    Args:
        row: the format.
        graph: the float32 file.
        name: what messages call the model.

    Raises:
        UsageError: it is.
    """
    marks = Counter(operation.kind for operation in graph.operations if operation.kind in MARKS)
    if row.rules and marks:
        named = ", ".join(f"{kind} ({count})" for kind, count in marks.items())
        raise UsageError(
            f"{name} is quantized already, or was trained for it: its graph has {named}, and {row.name} would round a second time "
            "what was rounded; export the model as it was before, or this one with --float32"
        )


def refuse_no_gain(row: Format, graph: Graph, name: str) -> None:
    """Refuse a file that is called quantized and computes and keeps all as the float32 file does.

    Args:
        row: its format.
        graph: the file.
        name: what messages call the model.

    Raises:
        UsageError: it is such a file.
    """
    if not row.rules or any(_gains(operation) for operation in graph.operations):
        return
    kinds = Counter(operation.kind for operation in graph.operations if operation.kind not in CONVERSIONS)
    most = ", ".join(f"{kind} ({count})" for kind, count in kinds.most_common(5))
    raise UsageError(
        f"{row.name} gains nothing for {name}: all of its operators stay in float32 ({most}), as large and as slow as before; export "
        "it with --float32, or leave out the rules that keep them so (--keep-float, --recipe)"
    )


WORTH_SAYING = 10_000
"""Smallest size of a float32 file, in bytes, of which it is said that a quantized one is no smaller: below, the graph and its names
are most of either."""


def say_no_smaller(row: Format, nbytes: int, float32_nbytes: int, name: str, remarked: Remarked) -> None:
    """Tell ``remarked`` of a quantized file that is no smaller than the float32 file.

    It is not refused, for it may be faster: in a network of few weights their scales, and the operators that turn one type into
    another, take more bytes than the narrower weights save.

    Args:
        row: the format of the file.
        nbytes: size of the file in bytes.
        float32_nbytes: size of the float32 file of the same network in bytes.
        name: what messages call the model.
        remarked: told.
    """
    if row.rules and nbytes >= float32_nbytes >= WORTH_SAYING:
        text = (
            f"{row.name} makes no smaller file of {name}: {nbytes:,} bytes, and float32 has {float32_nbytes:,}; take it for its speed "
            "alone, as `mobilecnn bench` measures it"
        )
        remarked(Remark("no-smaller", 1, text, (row.name,)))


def _gains(operation: Operation) -> bool:
    """Whether an operator keeps a constant in fewer bits, or computes with integers."""
    tensors = [tensor for tensor in (*operation.inputs, *operation.outputs) if tensor is not None]
    if any(tensor.constant and _narrow(tensor) for tensor in tensors):
        return True
    return operation.kind not in CONVERSIONS and any(_narrow(tensor) for tensor in tensors)


def _narrow(tensor: Tensor) -> bool:
    return tensor.dtype == "float16" or (
        tensor.dtype in ("int4", "int8", "uint8", "int16") and bool(tensor.scales)
    )
