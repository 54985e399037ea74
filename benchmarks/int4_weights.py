"""Which operators LiteRT runs with weights of four bits, whether it computes the same, and how long they take.

    python benchmarks/int4_weights.py [--device emulated-pi4]

An operator of 64 channels, a map of 14 x 14 pixels (a dense layer: one), with weights of 8 and of 4 bits and a scale for each
output channel, on feature maps in float32 and in int8; the answers are held against arithmetic on the same weights. Times are the
shortest of several rounds on one thread of this machine. With an emulated device the dense layers' times are modelled on its chip
instead, each with the interval of the model's error.
"""

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

from mobilecnn.bench.devices.registry import device
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing.taking import adapted
from mobilecnn.bench.timing.times import take
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph.build import ACTIVATION_SCALE
from mobilecnn.convert.graph.operators import REPEATED, file_of
from mobilecnn.train.operators import CONVOLUTION, DENSE, DEPTHWISE, Operator

OPERATORS = (
    Operator(DENSE, 1, 1, 1024, 1024),
    Operator(CONVOLUTION, 14, 14, 64, 64),
    Operator(CONVOLUTION, 14, 14, 64, 64, 3, 3),
    Operator(DEPTHWISE, 14, 14, 64, 64, 3, 3),
)

VERSIONS = {"FULLY_CONNECTED": 9, "CONV_2D": 8, "DEPTHWISE_CONV_2D": 7}
"""First versions of the operators with weights of four bits."""

LARGEST = 7
"""Largest weight of four bits; -8 is left out, as by the quantizers."""

ROUNDS, SECONDS = 7, 0.05


def narrow(content: bytes, packed: bool) -> bytes:
    """The file with weights from -7 to 7, in bytes or, packed, two a byte."""
    model = flatbuffer.parse(content, "it")
    graph = model.subgraphs[0]
    for operator in graph.operators:
        code = model.operatorCodes[operator.opcodeIndex]
        name = flatbuffer.kind_of(code)
        if name not in VERSIONS:
            continue
        code.version = VERSIONS[name]
        tensor = graph.tensors[operator.inputs[1]]
        values = np.random.default_rng(0).integers(-LARGEST, LARGEST + 1, tuple(tensor.shape))
        if tensor.quantization is None or tensor.quantization.scale is None:
            tensor.quantization = schema.QuantizationParametersT()
            axis = 3 if name.startswith("DEPTHWISE") else 0
            tensor.quantization.quantizedDimension = axis
            count = tensor.shape[axis]
            tensor.quantization.scale = np.full(count, 0.01, np.float32)
            tensor.quantization.zeroPoint = np.zeros(count, np.int64)
        flat = values.reshape(-1)
        data = (flat[0::2] & 15) | ((flat[1::2] & 15) << 4) if packed else flat
        tensor.type = schema.TensorType.INT4 if packed else schema.TensorType.INT8
        model.buffers[tensor.buffer].data = data.astype(np.uint8)
    return flatbuffer.pack(model)


def answers(content: bytes) -> tuple[npt.NDArray[Any], float]:
    """What the file answers to random numbers, and microseconds of one of its operators."""
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]
    generator = np.random.default_rng(1)
    small = given["dtype"] == np.int8
    image = generator.integers(-100, 100, given["shape"]) if small else generator.normal(0, 1, given["shape"])
    interpreter.set_tensor(given["index"], image.astype(given["dtype"]))
    interpreter.invoke()
    answer = interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).astype(np.float64)
    best = float("inf")
    for _ in range(ROUNDS):
        start, count = time.perf_counter(), 0
        while time.perf_counter() - start < SECONDS:
            interpreter.invoke()
            count += 1
        best = min(best, (time.perf_counter() - start) / count)
    return answer * (ACTIVATION_SCALE if small else 1), 1e6 * best / REPEATED


def modelled(name: str) -> None:
    """Print the time of a dense layer on a chip, in both types of feature maps and of weights."""
    operator = OPERATORS[0]
    print(f"| operator | feature maps | weights | us on {name}, modelled | interval |")
    print("|---|---|---|--:|---|")
    with tempfile.TemporaryDirectory() as temporary, device(name, "litert") as where:
        paths = {}
        for dtype in ("float32", "int8"):
            for bits in (8, 4):
                paths[dtype, bits] = Path(temporary, f"{dtype}_{bits}.tflite")
                paths[dtype, bits].write_bytes(narrow(file_of(operator, dtype), packed=bits == 4))
        taken = take(list(paths.values()), where, adapted(where, Protocol()))
        for place, (dtype, bits) in enumerate(paths):
            value, low, high = (
                ns / 1e3 / REPEATED
                for ns in (taken.time(place).value, taken.time(place).low, taken.time(place).high)
            )
            print(f"| {operator.work} | {dtype} | int{bits} | {value:.0f} | {low:.0f} .. {high:.0f} |")


def main() -> None:
    """Print a row for each operator and type of its feature maps."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", help="an emulated device, on whose chip dense layers are modelled")
    asked = parser.parse_args()
    if asked.device is not None:
        modelled(asked.device)
        return
    print("| operator | feature maps | weights | bytes of the file | answers of 4 bits | us |")
    print("|---|---|---|--:|---|--:|")
    for operator in OPERATORS:
        for dtype in ("float32", "int8"):
            whole: npt.NDArray[Any] | None = None
            for bits in (8, 4):
                content = narrow(file_of(operator, dtype), packed=bits == 4)
                try:
                    answer, spent = answers(content)
                except (RuntimeError, ValueError) as error:
                    print(
                        f"| {operator.work} | {dtype} | int{bits} | {len(content):,} | refused: {str(error)[:60]} | |"
                    )
                    continue
                said = ""
                if bits == 4 and whole is not None:
                    apart = float(np.abs(answer - whole).max())
                    said = f"within {apart / np.abs(whole).max():.1%} of the largest"
                    if dtype == "int8":
                        said = f"within {apart / ACTIVATION_SCALE:.0f} steps"
                    said = "the same" if apart == 0 else said.replace("1 steps", "1 step")
                whole = answer if bits == 8 else whole
                print(
                    f"| {operator.work} | {dtype} | int{bits} | {len(content):,} | {said} | {spent:.1f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
