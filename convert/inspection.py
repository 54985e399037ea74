"""What is in a ``.tflite`` file: operators, inputs and outputs, the runtime it needs, warnings."""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn.convert import versions
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph.flatbuffer import Graph, Operation, Tensor
from mobilecnn.convert.output_kinds import Shown
from mobilecnn.convert.outputs import shown_by_file
from mobilecnn.convert.passport import OperatorUse, Quantization, TensorType
from mobilecnn.convert.xnnpack import FLOAT_ONLY
from mobilecnn.errors import ModelFileError
from mobilecnn.files import read_bytes, sha256
from mobilecnn.records import Signed

_CUSTOM = "CUSTOM:"
"""Prefix of the kind of a custom operator, before its name."""

FEW = 4
"""Number of channels up to which a convolution may read neighbouring columns as the channels of one: those of a picture, whose kernels
multiply 4, 8 or 16 channels of a place at once."""

COLUMNS, PADDED_COLUMNS = "/columns", "/columns/padded"
"""Ends of the names of pictures whose neighbouring columns are the channels of one."""

TOGETHER = (1, 2, 4, 8)
"""Numbers of neighbouring outputs that such a convolution may compute as the channels of one."""

MOST_PLACES = 8
"""Largest number of places that a pointwise convolution may compute as one."""


@dataclass(frozen=True)
class Inspection:
    """What a ``.tflite`` file says, read and not run.

    Attributes:
        file: path or name.
        bytes: size in bytes.
        sha256: SHA-256 in hexadecimal.
        minimum_runtime: first TFLite release that runs the file; None when unknown.
        macs: multiply-adds of one inference.
        parameters: number of constant elements.
        inputs: input tensors.
        outputs: output tensors.
        ends_in: last operation as far as it says what the scores are: ``softmax``, ``sigmoid``, ``linear``, or
            ``unknown``.
        operators: a row for each kind and version of operator, most multiply-adds first.
        warnings: what will hurt on a device.
    """

    file: str
    bytes: int
    sha256: str
    minimum_runtime: str | None
    macs: int
    parameters: int
    inputs: tuple[TensorType, ...]
    outputs: tuple[TensorType, ...]
    ends_in: Shown
    operators: tuple[OperatorUse, ...]
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The inspection as a JSON object."""
        return asdict(self)


def tensor_type(tensor: Tensor) -> TensorType:
    """What ``tensor`` holds; its first scale and zero point where it is quantized."""
    quantization = None
    if tensor.scales:
        # A tensor without zero points is symmetric.
        quantization = Quantization(tensor.scales[0], Signed((*tensor.zero_points, 0)[0]))
    return TensorType(tensor.name, tensor.dtype, tensor.shape, tensor.dynamic, quantization)


def macs(operation: Operation, zeros: bool = False) -> int:
    """Number of multiply-adds of one operation: one for each application of a weight.

    Bias, activation, pooling and element-wise operators count nothing, as in the papers; nor does an average pool that is
    written as a depthwise convolution, nor the zeros of a grouped convolution that is written with weights for all inputs or of
    one that reads several columns as the channels of one.

    Args:
        operation: operation.
        zeros: whether to count those zeros nevertheless, because a processor multiplies by them.
    """
    if operation.kind in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
        weight, output = operation.inputs[1], operation.outputs[0]
        if weight is None or not weight.shape:
            return 0
        if operation.kind == "CONV_2D":  # weight: (out, rows, columns, in / groups)
            if zeros:
                return output.elements * math.prod(weight.shape[1:])
            was = folded(operation)
            parts = 1 if was is not None and was.together > 1 else _parts(weight)
            columns = weight.shape[2] * weight.shape[3] if was is None else was.columns * was.channels
            return output.elements * weight.shape[1] * columns // parts
        if operation.kind == "DEPTHWISE_CONV_2D":  # weight: (1, rows, columns, channels)
            if _pools(weight):
                return 0
            return output.elements * math.prod(weight.shape[1:3])
        return output.elements * weight.shape[-1]  # weight: (out, in)
    if operation.kind == "TRANSPOSE_CONV":
        weight, image = operation.inputs[1], operation.inputs[2]  # weight: (out, rows, columns, in)
        if weight is None or image is None:
            return 0
        return image.elements * math.prod(weight.shape[:3])
    if operation.kind == "BATCH_MATMUL":
        left = operation.inputs[0]
        return 0 if left is None else operation.outputs[0].elements * math.prod(left.shape[-1:])
    return 0


def _pools(kernel: Tensor) -> bool:
    """Whether all weights are the same number, so that a depthwise convolution is a mean, or picks places."""
    values = _weights(kernel)
    if values is None or kernel.elements < 2:
        return False
    return len(set(kernel.scales)) <= 1 and bool((values == values.flat[0]).all())


def _parts(kernel: Tensor) -> int:
    """Number of equal parts of a convolution's weights of which each input is multiplied with one: the places that a pointwise convolution
    computes as one, times the groups that are written with the weights of all inputs; 1 of most."""
    values = _weights(kernel)
    if values is None or len(kernel.shape) != 4 or (values != 0).all() or not values.any():
        return 1
    places = next((count for count in range(MOST_PLACES, 1, -1) if _repeats(values, count)), 1)
    out, *_, inputs = values.shape
    return places * _groups(values[: out // places, ..., : inputs // places])


def _repeats(values: npt.NDArray[Any], count: int) -> bool:
    """Whether the weights of a pointwise convolution are the same block, some times along the diagonal, and zeros."""
    out, height, width, inputs = values.shape
    if (height, width) != (1, 1) or out % count or inputs % count:
        return False
    parts = values.reshape(count, out // count, count, inputs // count)
    blocks = [parts[place, :, place] for place in range(count)]
    rest = np.count_nonzero(values) == sum(map(np.count_nonzero, blocks))
    return bool(rest) and all(np.array_equal(block, blocks[0]) for block in blocks)


def _groups(values: npt.NDArray[Any]) -> int:
    """Number of groups that a convolution falls into because all weights between two of them are 0; 1 of most.

    Outputs and inputs belong together that a weight connects. Weights that are 0 by chance take nothing apart.
    """
    linked = (values != 0).any(axis=(1, 2))  # (outputs, inputs)
    left, sizes = linked.any(axis=1), []
    while left.any():
        outputs = np.zeros(len(linked), bool)
        outputs[int(left.argmax())] = True
        while True:
            inputs = linked[outputs].any(axis=0)
            reached = linked[:, inputs].any(axis=1)
            if (reached == outputs).all():
                break
            outputs = reached
        sizes.append((int(outputs.sum()), int(inputs.sum())))
        left &= ~outputs
    count = max(len(sizes), 1)
    outs, ins = (side // count for side in linked.shape)
    even = linked.shape[0] % count == linked.shape[1] % count == 0
    return count if even and all(out <= outs and given <= ins for out, given in sizes) else 1


@dataclass(frozen=True)
class Folded:
    """What a convolution is that reads several columns of a picture as the channels of one.

    Attributes:
        together: number of neighbouring outputs that it computes as the channels of one.
        columns: number of columns of its kernel as it was.
        channels: number of channels of the picture.
    """

    together: int
    columns: int
    channels: int


def folded(operation: Operation) -> Folded | None:
    """What a convolution was before :mod:`mobilecnn.convert.lowering.columns` wrote it, by the name of what it reads, its stride and the zeros in its kernel.

    It is None of one that this has not written, going by the name.
    """
    read, kernel, options = operation.inputs[0], operation.inputs[1], operation.options
    if read is None or not read.name.endswith((COLUMNS, PADDED_COLUMNS)):
        return None
    along, down = getattr(options, "strideW", 1), getattr(options, "strideH", 1)
    if kernel is None or len(kernel.shape) != 4 or not along == 1 < down:
        return None
    values = _weights(kernel)
    if values is None:
        return None
    for together in reversed(TOGETHER):
        channels, rest = divmod(kernel.shape[3], down * together)
        if kernel.shape[0] % together or rest or not 1 <= channels <= FEW:
            continue
        parts = values.reshape(together, -1, kernel.shape[1], kernel.shape[2] * down * together * channels)
        used = parts[0].reshape(*parts.shape[1:3], -1, channels).any(axis=(0, 1, 3)).nonzero()[0]
        steps = range(1, together)
        if len(used) and all(_shifted(parts[0], number * down * channels, parts[number]) for number in steps):
            return Folded(together, int(used[-1] - used[0]) + 1, channels)
    return None


def _shifted(values: npt.NDArray[Any], by: int, other: npt.NDArray[Any]) -> bool:
    """Whether the other values are these, some places farther behind along the last axis, and zeros."""
    inside = np.array_equal(values[..., :-by], other[..., by:])
    return inside and not (values[..., -by:].any() or other[..., :by].any())


def _weights(kernel: Tensor) -> npt.NDArray[Any] | None:
    """The stored values of a kernel of float32 or int8; None without them."""
    size = {"int8": 1, "float32": 4}.get(kernel.dtype, 0)
    if kernel.data is None or kernel.nbytes != size * kernel.elements or not kernel.elements:
        return None
    return np.frombuffer(kernel.data.tobytes(), kernel.dtype).reshape(kernel.shape)


def inspect(path: Path) -> Inspection:
    """Read a ``.tflite`` file without running it.

    Raises:
        ModelFileError: missing, not a TFLite file, truncated or damaged.
    """
    content = read_bytes(path, "model", ModelFileError)
    return inspection_of(flatbuffer.graph(content, str(path)), str(path), len(content), sha256(content))


def inspection_of(graph: Graph, file: str, nbytes: int, digest: str) -> Inspection:
    """The inspection of a graph that is already read; ``digest`` is the file's SHA-256."""
    groups: dict[tuple[str, int], list[Operation]] = {}
    for operation in graph.operations:
        groups.setdefault((operation.kind, operation.version), []).append(operation)
    uses = [_use(kind, version, operations) for (kind, version), operations in groups.items()]
    uses.sort(key=lambda use: (-use.macs, use.operator, use.version))
    return Inspection(
        file=file,
        bytes=nbytes,
        sha256=digest,
        minimum_runtime=versions.minimum_runtime(use.minimum_runtime for use in uses),
        macs=sum(use.macs for use in uses),
        parameters=sum(use.parameters for use in uses),
        inputs=tuple(tensor_type(tensor) for tensor in graph.inputs),
        outputs=tuple(tensor_type(tensor) for tensor in graph.outputs),
        ends_in=shown_by_file(graph),
        operators=tuple(uses),
        warnings=tuple(_warnings(graph)),
    )


def _use(kind: str, version: int, operations: list[Operation]) -> OperatorUse:
    constants = {
        id(tensor): tensor
        for operation in operations
        for tensor in operation.inputs
        if tensor is not None and tensor.constant
    }
    return OperatorUse(
        operator=kind,
        version=version,
        count=len(operations),
        macs=sum(macs(operation) for operation in operations),
        parameters=sum(tensor.elements for tensor in constants.values()),
        bytes=sum(tensor.nbytes for tensor in constants.values()),
        minimum_runtime=versions.minimum_runtime(
            versions.release_for(operation, version) for operation in operations
        ),
    )


def _warnings(graph: Graph) -> Iterator[str]:
    """What will hurt on a device, a sentence each."""
    free = [tensor.name for tensor in (*graph.inputs, *graph.outputs) if tensor.dynamic]
    if free:
        yield (
            f"dynamic shape in {', '.join(free)}: XNNPACK may refuse the graph (several times slower on "
            "tflite-runtime 2.14); export with a static batch of 1"
        )
    yield from _custom_operators(graph)
    yield from _versions(graph)
    yield from _left_in_float(graph)
    if graph.subgraphs > 1:
        yield f"{graph.subgraphs} subgraphs; only the first is described here"


def _custom_operators(graph: Graph) -> Iterator[str]:
    custom = sorted(
        {
            operation.kind.removeprefix(_CUSTOM)
            for operation in graph.operations
            if operation.kind.startswith(_CUSTOM)
        }
    )
    flex = [name for name in custom if name.startswith("Flex")]
    if flex:
        yield (
            f"needs the Flex (select TensorFlow) delegate for {', '.join(flex)}: the plain runtimes refuse the file"
        )
    others = [name for name in custom if name not in flex]
    if others:
        yield f"custom operators: {', '.join(others)}; the app must bring them"


def _versions(graph: Graph) -> Iterator[str]:
    unknown: Counter[str] = Counter()
    understated: Counter[str] = Counter()
    for operation in graph.operations:
        needed = versions.version_needed(operation)
        if needed is None and not operation.kind.startswith(_CUSTOM):
            unknown[f"{operation.kind} of {versions.types_of(operation)}"] += 1
        elif needed is not None and needed > operation.version:
            understated[operation.kind] += 1
    if unknown:
        yield (
            f"which runtime runs it is unknown, because the operator versions of {_counted(unknown)} are not in the "
            "tables of this mobilecnn; try the file on the runtime that it is meant for"
        )
    if understated:
        yield (
            f"operator versions are understated for {_counted(understated)}: an old runtime would accept the file "
            "and misread it"
        )


def _left_in_float(graph: Graph) -> Iterator[str]:
    quantized = [operation for operation in graph.operations if _quantized(operation)]
    if not quantized:
        return
    meant = _on_float_values(graph)
    left = Counter(
        operation.kind
        for operation in graph.operations
        if not _quantized(operation)
        and operation.kind not in ("QUANTIZE", "DEQUANTIZE")
        and id(operation) not in meant
        and any(tensor.dtype == "float32" for tensor in operation.outputs)
    )
    if left:
        yield f"left in float32 between quantized operators: {_counted(left)}"
    split = Counter(
        operation.kind
        for operation in quantized[:-1]
        if operation.kind in FLOAT_ONLY and operation.outputs[0].dtype in ("int8", "uint8")
    )
    if split:
        yield f"XNNPACK does not take {_counted(split)} in int8: each splits the graph onto the built-in kernels"


def _on_float_values(graph: Graph) -> set[int]:
    """The operators between a DEQUANTIZE and a QUANTIZE that XNNPACK takes so only: their place is there."""
    makers: dict[int, str] = {}
    readers: dict[int, list[str]] = {}
    for operation in graph.operations:
        makers.update({id(tensor): operation.kind for tensor in operation.outputs})
        for tensor in operation.inputs:
            readers.setdefault(id(tensor), []).append(operation.kind)
    return {
        id(operation)
        for operation in graph.operations
        if operation.kind in FLOAT_ONLY
        and operation.inputs
        and operation.outputs
        and makers.get(id(operation.inputs[0])) == "DEQUANTIZE"
        and readers.get(id(operation.outputs[0])) == ["QUANTIZE"]
    }


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in counts.items())


def _quantized(operation: Operation) -> bool:
    # Pixels of 8 bits that are only resized or padded are no quantized values: those have a scale.
    return any(tensor.dtype in ("int8", "uint8", "int16") and tensor.scales for tensor in operation.outputs)
