"""What the forms of an int8 operator that the rewrites of the graph choose among take, each alone, as modelled on boards.

    python benchmarks/lowering_forms.py [--device emulated-pi5] [--device emulated-pi4]

A file of one operator, as the converter leaves it, and what a rewrite makes of it. The time of a file that does nothing is
taken off. Prints microseconds of each form on each device; no published time is of a single operator, so that how far they
are off is not known.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from mobilecnn.bench.devices.emulated.device import EmulatedDevice
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing.times import take
from mobilecnn.convert.graph import build, flatbuffer
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.convert.lowering import chosen
from mobilecnn.convert.lowering.float_islands import on_float_values
from mobilecnn.convert.lowering.rewrites import Rewrite, rewrite
from mobilecnn.quantize.runtimes import RUNTIMES, interpreter_class

SAME, VALID = 0, 1
SCALE = 0.05
"""Step of the feature maps' codes."""

POOL = {"filterWidth": 3, "filterHeight": 3, "padding": SAME}

FLOAT = "float32"
"""Form on float32 values, whether ``compute_in_float`` writes it or not."""

OPERATORS: dict[str, tuple[str, int, int, int, dict[str, Any], tuple[str, ...]]] = {
    "h-swish, 28x28x120": ("HARD_SWISH", 28, 28, 120, {}, ("compute_in_float",)),
    "average pool 3x3, padded, 28x28x44": (
        "AVERAGE_POOL_2D", 28, 28, 44, {**POOL, "strideW": 1, "strideH": 1}, ("compute_in_float",),
    ),
    "average pool 3x3, stride 2, 30x30x240": (
        "AVERAGE_POOL_2D", 30, 14, 240, {**POOL, "strideW": 2, "strideH": 2, "padding": VALID},
        ("pool_by_convolution", "compute_in_float"),
    ),
    'average pool 3x3, stride 2, "same", 28x28x120': (
        "AVERAGE_POOL_2D", 28, 14, 120, {**POOL, "strideW": 2, "strideH": 2}, ("compute_in_float", "pool_in_pieces"),
    ),
    "RELU, 28x28x44": ("RELU", 28, 28, 44, {}, ("requantize_relus",)),
    "square root, 28x28x40": ("SQRT", 28, 28, 40, {}, ("compute_in_float",)),
    "maximum of two, 28x28x40": ("MAXIMUM", 28, 28, 40, {}, (FLOAT,)),
    "softmax, 14x14x8": ("SOFTMAX", 14, 14, 8, {"beta": 1.0}, (FLOAT,)),
    "softmax, 14x14x64": ("SOFTMAX", 14, 14, 64, {"beta": 1.0}, (FLOAT,)),
}  # fmt: skip
"""What it is -> its kind, sides of its input and output, channels, options, and the rewrites that change it."""


def single(kind: str, side: int, out: int, channels: int, options: dict[str, Any]) -> bytes:
    """The int8 file of one operator."""
    model, graph, operator, code = (
        schema.ModelT(),
        schema.SubGraphT(),
        schema.OperatorT(),
        schema.OperatorCodeT(),
    )
    graph.tensors = []
    for number, length in enumerate((side, out)):
        tensor, steps = schema.TensorT(), schema.QuantizationParametersT()
        steps.scale, steps.zeroPoint = (
            np.array([1 / 256 if kind == "SOFTMAX" and number else SCALE], np.float32),
            np.array([-128 if kind == "SQRT" or (kind in ("RELU", "SOFTMAX") and number) else -20], np.int64),
        )
        tensor.name, tensor.type, tensor.buffer = f"t{number}".encode(), schema.TensorType.INT8, 0
        tensor.shape, tensor.quantization = np.array([1, length, length, channels], np.int32), steps
        graph.tensors.append(tensor)
    code.builtinCode = getattr(schema.BuiltinOperator, kind)
    code.deprecatedBuiltinCode, code.version = code.builtinCode, 1 if kind == "HARD_SWISH" else 2
    operator.opcodeIndex, operator.inputs, operator.outputs = (
        0,
        np.array([0, 0] if kind == "MAXIMUM" else [0], np.int32),
        np.array([1], np.int32),
    )
    if options:
        table = "SoftmaxOptions" if kind == "SOFTMAX" else "Pool2DOptions"
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, table)
        operator.builtinOptions = getattr(schema, f"{table}T")()
        for name, value in options.items():
            setattr(operator.builtinOptions, name, value)
    graph.operators, graph.inputs, graph.outputs = [operator], operator.inputs[:1], operator.outputs
    model.version, model.operatorCodes, model.subgraphs, model.buffers = (
        3,
        [code],
        [graph],
        [schema.BufferT()],
    )
    return flatbuffer.pack(model)


def answers(content: bytes) -> npt.NDArray[np.float32]:
    """What a file answers here to a random picture, (1, values)."""
    interpreter = interpreter_class(RUNTIMES[0])(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    source, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    picture = np.random.default_rng(0).integers(-128, 128, source["shape"], np.int8)
    interpreter.set_tensor(source["index"], picture)
    interpreter.invoke()
    values = interpreter.get_tensor(result["index"]).reshape(1, -1)
    return np.asarray(result["quantization"][0] * values, np.float32)


def float32(editor: Editor) -> Iterator[str]:
    """Every operator of a graph on float32 values."""
    return on_float_values(editor, lambda *_: True)


def forms() -> dict[tuple[str, str], bytes]:
    """What it is, and the rewrite that was applied or "as it is" -> the file."""
    made = {}
    for what, (kind, side, out, channels, options, names) in OPERATORS.items():
        made[what, "as it is"] = before = single(kind, side, out, channels, options)
        for name in names:
            rows = [Rewrite(float32, "quantized", exact=False)] if name == FLOAT else chosen([name])
            done = rewrite(before, what, rows, answers)
            assert list(done.changes) == [name], (what, name, done.taken_back)
            made[what, name] = done.content
    return made


def main() -> None:
    """Print a line a form."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", action="append", default=[])
    devices = parser.parse_args().device or ["emulated-pi5", "emulated-pi4"]
    made = {("nothing", ""): build.empty(), **forms()}
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / f"{number}.tflite" for number in range(len(made))]
        for file, content in zip(files, made.values(), strict=True):
            file.write_bytes(content)
        columns = []
        for device in devices:
            with EmulatedDevice(device, lambda text: print(text, file=sys.stderr)) as emulated:
                taken = take(files, emulated, Protocol(), lambda done, _, what: print(what, file=sys.stderr))
            nothing, *spent = (taken.time(index).value / 1e3 for index in range(len(files)))
            columns.append([time - nothing for time in spent])
    print(f"| what | form | {' | '.join(f'{device}, modelled us' for device in devices)} |")
    print(f"|---|---|{'--:|' * len(devices)}")
    for (what, form), *times in zip([*made][1:], *columns, strict=True):
        print(f"| {what} | {form} | {' | '.join(f'{time:.1f}' for time in times)} |")


if __name__ == "__main__":
    main()
