"""Files that can be read and still are wrong: refused in a sentence that names the place, or described rightly."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from click.testing import CliRunner

from mobilecnn.cli import cli
from mobilecnn.convert.graph import build, flatbuffer
from mobilecnn.convert.inspection import inspect
from mobilecnn.errors import ModelFileError
from mobilecnn.quantize.runtimes import interpreter_class

Change = Callable[[Any], object]


def sound(dtype: str = "int8") -> Any:
    """A network of a convolution, a sum and a reshaping: tensor 0 is the input, 1 and 2 kernel and bias."""
    graph = build.Layers(dtype, 4, 4, 3)
    first = graph.conv(graph.input, 4, 3)
    return flatbuffer.parse(graph.pack(graph.reshape(graph.add(first, first), (1, 64))), "sound")


def tensor(model: Any, index: int) -> Any:
    return model.subgraphs[0].tensors[index]


def operator(model: Any, index: int) -> Any:
    return model.subgraphs[0].operators[index]


def numbers(*values: int) -> Any:
    return np.array(values, np.int32)


def scales(*values: float) -> Any:
    return np.array(values, np.float32)


def requantize(tensor: Any, count: int) -> None:
    tensor.quantization.scale, tensor.quantization.zeroPoint = (
        scales(*[1.0] * count),
        np.zeros(count, np.int64),
    )


WRONG: dict[str, tuple[Change, str]] = {
    "no input of a convolution": (lambda m: setattr(operator(m, 0), "inputs", None), "operator 0 has 0 inputs; it needs 2"),
    "one input": (lambda m: setattr(operator(m, 0), "inputs", numbers(0)), "operator 0 has 1 input; it needs 2"),
    "no kernel": (lambda m: setattr(operator(m, 0), "inputs", numbers(0, -1)), "operator 0 has 1 input; it needs 2"),
    "one summand": (lambda m: setattr(operator(m, 1), "inputs", numbers(3)), "operator 1 has 1 input; it needs 2"),
    "no output": (lambda m: setattr(operator(m, 0), "outputs", numbers()), "operator 0 has no output"),
    "input beyond": (lambda m: setattr(operator(m, 0), "inputs", numbers(0, 1, 99)), "operator 0 has tensor 99 of"),
    "output far below": (lambda m: setattr(operator(m, 1), "outputs", numbers(-7)), "operator 1 has tensor -7 of"),
    "graph's input beyond": (lambda m: setattr(m.subgraphs[0], "inputs", numbers(77)), "input or output of the graph is tensor 77"),
    "graph's output absent": (lambda m: setattr(m.subgraphs[0], "outputs", numbers(-1)), "input or output of the graph is tensor -1"),
    "code beyond": (lambda m: setattr(operator(m, 0), "opcodeIndex", 1000), "operator 0 has code 1000 of 3"),
    "buffer beyond": (lambda m: setattr(tensor(m, 1), "buffer", 4000), r"tensor 1 \('kernel_1'\) has no buffer"),
    "a negative side": (lambda m: setattr(tensor(m, 0), "shape", numbers(1, -4, 4, 3)), r"tensor 0 .* has the shape \(1, -4, 4, 3\)"),
    "scales without zero points": (lambda m: setattr(tensor(m, 0).quantization, "zeroPoint", None), "tensor 0 .* has 1 scale and 0 zero points"),
    "more zero points": (lambda m: setattr(tensor(m, 0).quantization, "zeroPoint", np.zeros(2, np.int64)), "has 1 scale and 2 zero points"),
    "scale NaN": (lambda m: setattr(tensor(m, 0).quantization, "scale", scales(float("nan"))), "has a scale that is negative or not finite"),
    "scale infinite": (lambda m: setattr(tensor(m, 2).quantization, "scale", scales(*[float("inf")] * 4)), "tensor 2 .* negative or not finite"),
    "scale negative": (lambda m: setattr(tensor(m, 0).quantization, "scale", scales(-1)), "negative or not finite"),
    "scale 0 of the input": (lambda m: setattr(tensor(m, 0).quantization, "scale", scales(0)), "tensor 0 .* has the scale 0"),
    "too few scales": (lambda m: requantize(tensor(m, 1), 3), "tensor 1 .* has 3 scales for 4 channels"),
    "no such dimension": (lambda m: setattr(tensor(m, 1).quantization, "quantizedDimension", 9), "tensor 1 .* along dimension 9 of 4"),
    "a dimension below": (lambda m: setattr(tensor(m, 1).quantization, "quantizedDimension", -1), "along dimension -1 of 4"),
    "read before written": (lambda m: m.subgraphs[0].operators.reverse(), "operator 0 reads tensor .* before anything is in it"),
    "reads its own output": (lambda m: setattr(operator(m, 1), "inputs", operator(m, 1).outputs.repeat(2)), "operator 1 reads tensor"),
    "an output of nothing": (lambda m: m.subgraphs[0].operators.pop(), "nothing writes the output tensor"),
    "a constant written": (lambda m: setattr(operator(m, 0), "outputs", numbers(1)), "operator 0 writes into the constant tensor 1"),
}  # fmt: skip
"""What is wrong with a file, how it is made so, and what is said."""


@pytest.mark.parametrize("name", WRONG)
def test_a_graph_that_contradicts_itself_is_refused(tmp_path: Path, name: str) -> None:
    change, words = WRONG[name]
    model = sound()
    change(model)
    path = tmp_path / "it.tflite"
    path.write_bytes(flatbuffer.pack(model))
    with pytest.raises(
        ModelFileError, match=rf"it\.tflite is a truncated or damaged \.tflite file \(.*{words}"
    ):
        inspect(path)
    result = CliRunner().invoke(cli, ["inspect", str(path)])
    assert result.exit_code == 2 and result.stderr.count("\n") == 1 and not result.stdout


REFUSED_BY_THE_RUNTIME = (
    "input beyond", "code beyond", "buffer beyond", "scales without zero points", "more zero points",
    "too few scales", "no such dimension", "a dimension below", "graph's input beyond", "one input", "one summand",
)  # fmt: skip


@pytest.mark.parametrize("name", REFUSED_BY_THE_RUNTIME)
def test_the_runtime_refuses_it_too(name: str) -> None:
    model = sound()
    WRONG[name][0](model)
    with pytest.raises((ValueError, RuntimeError)):
        interpreter_class("litert")(model_content=flatbuffer.pack(model), num_threads=1).allocate_tensors()


def test_a_state_and_an_empty_tensor_need_no_writer() -> None:
    model = sound("float32")
    extra = schema.TensorT()
    extra.name, extra.type, extra.buffer, extra.shape = (
        b"state",
        schema.TensorType.FLOAT32,
        0,
        numbers(1, 4, 4, 4),
    )
    extra.isVariable = True
    model.subgraphs[0].tensors.append(extra)
    first = operator(model, 1).inputs[0]
    operator(model, 1).inputs = numbers(first, len(model.subgraphs[0].tensors) - 1)
    assert len(flatbuffer.graph(flatbuffer.pack(model), "it").operations) == 3
    extra.isVariable, extra.shape = False, numbers(0)
    assert len(flatbuffer.graph(flatbuffer.pack(model), "it").operations) == 3


def name_it(model: Any, name: bytes) -> None:
    tensor(model, 0).name = name


ODD: dict[str, tuple[Change, Callable[[Any], bool]]] = {
    "a name of 300 letters": (lambda m: name_it(m, b"x" * 300), lambda seen: seen.inputs[0].name == "x" * 300),
    "a name that is no UTF-8": (lambda m: name_it(m, b"\xff\xfe"), lambda seen: seen.inputs[0].name == "\ufffd\ufffd"),
    "no name": (lambda m: name_it(m, b""), lambda seen: seen.inputs[0].name == ""),
    "an unknown type": (lambda m: setattr(tensor(m, 0), "type", 99), lambda seen: seen.inputs[0].dtype == "type_99"),
    "an unknown operator": (
        lambda m: setattr(m.operatorCodes[1], "builtinCode", 9999),
        lambda seen: any(row.operator == "BUILTIN_9999" for row in seen.operators) and seen.minimum_runtime is None,
    ),
    "version 0": (
        lambda m: setattr(m.operatorCodes[0], "version", 0),
        lambda seen: any("understated for CONV_2D" in warning for warning in seen.warnings),
    ),
    "version 1000": (lambda m: setattr(m.operatorCodes[0], "version", 1000), lambda seen: seen.minimum_runtime is None),
    "no description": (lambda m: setattr(m, "description", None), lambda seen: seen.macs == 4 * 4 * 4 * 27),
    "a huge side": (
        lambda m: setattr(tensor(m, 3), "shape", numbers(1, 2**31 - 1, 2**31 - 1, 4)),
        lambda seen: seen.macs == 4 * (2**31 - 1) ** 2 * 27,
    ),
    "a free batch": (
        lambda m: setattr(tensor(m, 0), "shapeSignature", numbers(-1, 4, 4, 3)),
        lambda seen: seen.inputs[0].dynamic and any("dynamic shape" in warning for warning in seen.warnings),
    ),
}  # fmt: skip
"""What is odd about a file that still says something, and what is read."""


@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_is_described_as_it_is(tmp_path: Path, name: str) -> None:
    change, holds = ODD[name]
    model = sound()
    change(model)
    path = tmp_path / "it.tflite"
    path.write_bytes(flatbuffer.pack(model))
    assert holds(inspect(path)), inspect(path)
    for more in ([], ["--json"]):
        assert CliRunner().invoke(cli, ["inspect", str(path), *more]).exit_code == 0


def test_metadata_that_share_a_buffer_are_not_multiplied() -> None:
    model = sound()
    flatbuffer.set_metadata(model, "first", bytes(300_000))
    for number in range(8):
        entry = schema.MetadataT()
        entry.name, entry.buffer = f"again {number}", model.metadata[0].buffer
        model.metadata.append(entry)
    content = flatbuffer.pack(model)
    with pytest.raises(ModelFileError, match="metadata entries share a buffer"):
        flatbuffer.graph(content, "it")
    model.metadata = model.metadata[:2]
    assert set(flatbuffer.graph(flatbuffer.pack(model), "it").metadata) == {"first", "again 0"}
