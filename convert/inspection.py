"""What is in a ``.tflite`` file: operators, inputs and outputs, the runtime it needs, warnings."""

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilecnn.convert import versions
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph.flatbuffer import Graph, Operation, Tensor
from mobilecnn.errors import ModelFileError
from mobilecnn.files import read_bytes, sha256

_FLOAT_ONLY_IN_XNNPACK = frozenset(["AVERAGE_POOL_2D", "HARD_SWISH", "RELU", "RELU6", "SOFTMAX"])
"""Operators that the XNNPACK delegate takes in float32 only, read in ``xnnpack_delegate.cc``
(LiteRT, August 2026): in an int8 graph each runs on the built-in kernels and splits the graph."""


@dataclass(frozen=True)
class OperatorRow:
    """All uses of one operator in one version.

    Attributes:
        operator: ``CONV_2D``, ...
        version: the version the file asks for.
        count: how often it occurs.
        macs: multiply-adds, summed.
        parameters: constant elements read, summed (a constant shared by two operators counts once).
        nbytes: bytes of those constants.
        runtime: first release that knows this version, and answers rightly; None when unknown.
    """

    operator: str
    version: int
    count: int
    macs: int
    parameters: int
    nbytes: int
    runtime: str | None


@dataclass(frozen=True)
class Inspection:
    """A ``.tflite`` file read, not run."""

    file: str
    nbytes: int
    sha256: str
    operators: tuple[OperatorRow, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    macs: int
    parameters: int
    minimum_runtime: str | None
    warnings: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "file": self.file,
            "bytes": self.nbytes,
            "sha256": self.sha256,
            "minimum_runtime": self.minimum_runtime,
            "macs": self.macs,
            "parameters": self.parameters,
            "inputs": [tensor_json(tensor) for tensor in self.inputs],
            "outputs": [tensor_json(tensor) for tensor in self.outputs],
            "operators": [
                {
                    "operator": row.operator,
                    "version": row.version,
                    "count": row.count,
                    "macs": row.macs,
                    "parameters": row.parameters,
                    "bytes": row.nbytes,
                    "minimum_runtime": row.runtime,
                }
                for row in self.operators
            ],
            "warnings": list(self.warnings),
        }


def tensor_json(tensor: Tensor) -> dict[str, Any]:
    """A tensor's type for a report: name, dtype, shape, and scale and zero point where quantized."""
    quantization = None
    if tensor.scales:
        quantization = {"scale": tensor.scales[0], "zero_point": tensor.zero_points[0]}
    return {
        "name": tensor.name,
        "dtype": tensor.dtype,
        "shape": list(tensor.shape),
        "dynamic": tensor.dynamic,
        "quantization": quantization,
    }


def macs(operation: Operation) -> int:
    """Multiply-adds of one operation: one for each application of a weight.

    Bias, activation, pooling and element-wise operators count nothing, as in the papers.
    """
    if operation.kind in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
        weight, output = operation.inputs[1], operation.outputs[0]
        if weight is None or not weight.shape:
            return 0
        if operation.kind == "CONV_2D":  # weight: (out, rows, columns, in / groups)
            return output.elements * math.prod(weight.shape[1:])
        if operation.kind == "DEPTHWISE_CONV_2D":  # weight: (1, rows, columns, channels)
            return output.elements * math.prod(weight.shape[1:3])
        return output.elements * weight.shape[-1]  # weight: (out, in)
    if operation.kind == "TRANSPOSE_CONV":
        weight, image = operation.inputs[1], operation.inputs[2]  # weight: (out, rows, columns, in)
        if weight is None or image is None:
            return 0
        return image.elements * math.prod(weight.shape[:3])
    if operation.kind == "BATCH_MATMUL":
        left = operation.inputs[0]
        return 0 if left is None else operation.outputs[0].elements * left.shape[-1]
    return 0


def inspect(path: Path) -> Inspection:
    """Read a ``.tflite`` file without running it.

    Raises:
        ModelFileError: missing, not a TFLite file, truncated or damaged.
    """
    content = read_bytes(path, "model", ModelFileError)
    return summarize(flatbuffer.graph(content, str(path)), str(path), len(content), sha256(content))


def summarize(graph: Graph, file: str, nbytes: int, digest: str) -> Inspection:
    """The inspection of a graph that is already read."""
    groups: dict[tuple[str, int], list[Operation]] = {}
    for operation in graph.operations:
        groups.setdefault((operation.kind, operation.version), []).append(operation)
    rows = []
    for (kind, version), operations in groups.items():
        constants = {
            id(tensor): tensor for operation in operations for tensor in operation.inputs
            if tensor is not None and tensor.constant
        }  # fmt: skip
        rows.append(
            OperatorRow(
                operator=kind,
                version=version,
                count=len(operations),
                macs=sum(macs(operation) for operation in operations),
                parameters=sum(tensor.elements for tensor in constants.values()),
                nbytes=sum(tensor.nbytes for tensor in constants.values()),
                runtime=versions.minimum_runtime(versions.release_for(each, version) for each in operations),
            )
        )
    rows.sort(key=lambda row: (-row.macs, row.operator, row.version))
    return Inspection(
        file=file,
        nbytes=nbytes,
        sha256=digest,
        operators=tuple(rows),
        inputs=graph.inputs,
        outputs=graph.outputs,
        macs=sum(row.macs for row in rows),
        parameters=sum(row.parameters for row in rows),
        minimum_runtime=versions.minimum_runtime(row.runtime for row in rows),
        warnings=tuple(_warnings(graph)),
    )


def _warnings(graph: Graph) -> list[str]:
    found = []
    free = [tensor.name for tensor in (*graph.inputs, *graph.outputs) if tensor.dynamic]
    if free:
        found.append(
            f"dynamic shape in {', '.join(free)}: XNNPACK may refuse the graph (several times slower on "
            "tflite-runtime 2.14); export with a static batch of 1"
        )
    custom = sorted(
        {operation.kind for operation in graph.operations if operation.kind.startswith("CUSTOM:")}
    )
    flex = [kind for kind in custom if kind.startswith("CUSTOM:Flex")]
    if flex:
        found.append(
            f"needs the Flex (select TensorFlow) delegate for {', '.join(kind[len('CUSTOM:') :] for kind in flex)}: "
            "the plain runtimes refuse the file"
        )
    other = [kind for kind in custom if kind not in flex]
    if other:
        found.append(
            f"custom operators: {', '.join(kind[len('CUSTOM:') :] for kind in other)}; the app must bring them"
        )
    understated = Counter(
        operation.kind
        for operation in graph.operations
        if versions.version_needed(operation) > operation.version
    )
    if understated:
        kinds = ", ".join(f"{kind} ({count})" for kind, count in understated.items())
        found.append(
            f"operator versions are understated for {kinds}: an old runtime would accept the file and misread it"
        )
    quantized = [operation for operation in graph.operations if _quantized(operation)]
    if quantized:
        left = Counter(
            operation.kind
            for operation in graph.operations
            if not _quantized(operation) and operation.kind not in ("QUANTIZE", "DEQUANTIZE")
        )
        if left:
            kinds = ", ".join(f"{kind} ({count})" for kind, count in left.items())
            found.append(f"left in float32 between quantized operators: {kinds}")
        split = Counter(
            operation.kind for operation in quantized[:-1] if operation.kind in _FLOAT_ONLY_IN_XNNPACK
        )
        if split:
            kinds = ", ".join(f"{kind} ({count})" for kind, count in split.items())
            found.append(
                f"XNNPACK does not take {kinds} in int8: each splits the graph onto the built-in kernels"
            )
    if graph.subgraphs > 1:
        found.append(f"{graph.subgraphs} subgraphs; only the first is described here")
    return found


def _quantized(operation: Operation) -> bool:
    return any(tensor.dtype in ("int8", "uint8", "int16") for tensor in operation.outputs)
