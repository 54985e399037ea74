"""Whether float32 is faster than int8 on tflite-runtime, which runs int8 on TFLite's built-in kernels and float32 by XNNPACK.

Both times are estimates: the work of each operator in the graph, times what such work took on an x86-64 machine.
"""

import math
from dataclasses import astuple, dataclass

from mobilecnn.convert.graph.flatbuffer import Graph, Operation

PACKAGE = "tflite-runtime"
"""Runtime that the estimates are of."""


@dataclass(frozen=True)
class Work:
    """How much of each kind of work a file is.

    Attributes:
        operators: number of operators.
        convolution: multiply-adds of convolutions without groups.
        grouped: multiply-adds of convolutions with groups.
        depthwise: multiply-adds of depthwise convolutions.
        dense: multiply-adds of dense layers.
        pooled: values that windows of pools read.
        combined: values that sums and products write.
        values: values that all other operators write.
    """

    operators: float = 0
    convolution: float = 0
    grouped: float = 0
    depthwise: float = 0
    dense: float = 0
    pooled: float = 0
    combined: float = 0
    values: float = 0


FLOAT32 = Work(0, 0.0195, 0.0161, 0.0545, 0.274, 0, 1.05, 0.233)
"""Nanoseconds of each unit of work in float32, on tflite-runtime 2.14, x86-64 with AVX-512 and VNNI, one thread.

They were fitted to the times of ten networks by ``benchmarks/built_in_kernels.py --fit``. The time of a network that they were not
fitted to is missed by a median of 14 %, and by 36 % in nine of ten cases."""

INT8 = Work(23500, 0.0253, 0.394, 1.45, 0.228, 2.42, 6.22, 0)
"""Nanoseconds of each unit of work in int8, found in the same way (median 13 %, nine of ten 43 %); that of a product of a convolution
without groups is the one of the target ``tflite-runtime`` in :mod:`mobilecnn.convert.lowering.costs`."""


@dataclass(frozen=True)
class Estimate:
    """What a network takes on tflite-runtime, estimated.

    Attributes:
        float32: ms of the float32 file.
        int8: ms of the int8 file.
    """

    float32: float
    int8: float

    @property
    def words(self) -> str | None:
        """What is said of the choice between the two; None where int8 is no slower."""
        if self.int8 <= self.float32:
            return None
        times = (
            f"{PACKAGE} runs int8 on its built-in kernels: there the int8 file takes about {self.int8:.3g} ms and the float32 file "
            f"about {self.float32:.3g} ms (estimated of their operators for x86-64, one thread, not measured)"
        )
        if self.int8 < (1 + ERROR) * self.float32:
            return f"{times}, too near for an estimate to tell; time both with mobilecnn bench --runtime {PACKAGE}"
        return f"{times}; --float32 is the better choice for it"


ERROR = 0.56
"""Share by which the ratio of two estimates may be off: the root of the sum of the squares of the errors of the two, 36 and 43 %, which nine
of ten times are within."""


def work(graph: Graph) -> dict[str, Work]:
    """The work of a file by the type of what operators write, ``float32`` or ``int8``."""
    found: dict[str, Work] = {}
    for operation in graph.operations:
        if operation.outputs:
            dtype = "float32" if operation.outputs[0].dtype == "float32" else "int8"
            total = zip(astuple(found.get(dtype, Work())), astuple(_work(operation)), strict=True)
            found[dtype] = Work(*map(sum, total))
    return found


def _work(operation: Operation) -> Work:
    made, weight = operation.outputs[0], operation.inputs[1] if len(operation.inputs) > 1 else None
    match operation.kind:
        case "CONV_2D" if weight is not None and operation.inputs[0] is not None:
            products = made.elements * math.prod(weight.shape[1:])
            if operation.inputs[0].shape[-1] != weight.shape[-1]:
                return Work(1, grouped=products)
            return Work(1, convolution=products)
        case "DEPTHWISE_CONV_2D" if weight is not None:
            return Work(1, depthwise=made.elements * math.prod(weight.shape[1:3]))
        case "FULLY_CONNECTED" if weight is not None:
            return Work(1, dense=made.elements * weight.shape[-1])
        case "AVERAGE_POOL_2D" | "MAX_POOL_2D":
            options = operation.options
            return Work(1, pooled=made.elements * options.filterHeight * options.filterWidth)
        case "ADD" | "SUB" | "MUL":
            return Work(1, combined=made.elements)
        case "RESHAPE":
            return Work()
        case _:
            return Work(1, values=sum(tensor.elements for tensor in operation.outputs))


def milliseconds(graph: Graph) -> float:
    """The estimated time of a file in ms, one thread."""
    spent = 0.0
    for dtype, amounts in work(graph).items():
        prices = FLOAT32 if dtype == "float32" else INT8
        spent += sum(amount * price for amount, price in zip(astuple(amounts), astuple(prices), strict=True))
    return spent / 1e6


def compared(float32: Graph, int8: Graph) -> Estimate:
    """The estimated times of the two files of a network."""
    return Estimate(milliseconds(float32), milliseconds(int8))
