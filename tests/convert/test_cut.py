"""A file cut into operators: the parts put together are the whole again."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert import schema_py_generated as schema

from mobilecnn.convert.graph import build, cut, flatbuffer
from mobilecnn.convert.inspection import inspect, inspection_of
from mobilecnn.errors import ModelFileError
from mobilecnn.quantize.runtimes import interpreter_class

FORMATS = ("float32", "float16", "int8", "dynamic")


def run(content: bytes, values: dict[str, npt.NDArray[Any]], folder: Path) -> None:
    """Run a file on inputs by name, and add its outputs to them. (One process has room for one runtime.)"""
    path = folder / "part.tflite"
    path.write_bytes(content)
    interpreter = interpreter_class("litert")(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    for details in interpreter.get_input_details():
        interpreter.set_tensor(details["index"], values[details["name"]])
    interpreter.invoke()
    for details in interpreter.get_output_details():
        values[details["name"]] = interpreter.get_tensor(details["index"])


@pytest.mark.parametrize("kind", FORMATS)
def test_the_parts_one_after_another_give_what_the_whole_gives(
    exported: Path, tmp_path: Path, kind: str
) -> None:
    content = (exported / f"theirs.{kind}.tflite").read_bytes()
    shape = (1, 48, 48, 3)
    rng = np.random.default_rng(1)
    image: npt.NDArray[Any] = (
        rng.integers(-128, 128, shape, np.int8)
        if kind == "int8"
        else rng.uniform(-1, 1, shape).astype(np.float32)
    )
    whole = {"image": image}
    run(content, whole, tmp_path)
    values = {"image": image}
    for part in cut.cut(content, "theirs"):
        assert part.content is not None and not part.reason
        run(part.content, values, tmp_path)
    # In int8 by a step: what the runtime merges, it rounds once.
    step = 1.0 if kind == "int8" else 1e-5
    again, at_once = (answers["scores"].astype(np.float64) for answers in (values, whole))
    np.testing.assert_allclose(again, at_once, atol=step)
    assert whole["scores"].std() > 0


@pytest.mark.parametrize("kind", FORMATS)
def test_a_part_for_each_operator(exported: Path, kind: str) -> None:
    path = exported / f"theirs.{kind}.tflite"
    graph = flatbuffer.graph(path.read_bytes(), str(path))
    parts = cut.cut(path.read_bytes(), str(path))
    # The widening of float16 weights goes with what reads them.
    expected = [
        operation for operation in graph.operations if kind != "float16" or operation.kind != "DEQUANTIZE"
    ]
    assert [(part.kind, part.shape) for part in parts] == [
        (operation.kind, operation.outputs[0].shape) for operation in expected
    ]
    assert sum(part.macs for part in parts) == inspect(path).macs > 0
    for part in parts:
        assert part.content is not None
        again = inspection_of(flatbuffer.graph(part.content, part.name), part.name, len(part.content), "")
        assert again.macs == part.macs
        assert len(part.content) <= path.stat().st_size + 4096


def test_what_convolutions_are_called(exported: Path) -> None:
    path = exported / "theirs.float32.tflite"
    details = [part.detail for part in cut.cut(path.read_bytes(), str(path)) if part.detail]
    assert details == [
        "convolution 3x3", "depthwise convolution 3x3", "convolution 3x3, grouped", "depthwise convolution 3x3",
        "convolution 1x1",
    ]  # fmt: skip


def test_bytes_that_must_move(exported: Path) -> None:
    path = exported / "theirs.float32.tflite"
    first = next(part for part in cut.cut(path.read_bytes(), str(path)) if part.detail == "convolution 3x3")
    assert first.nbytes == 4 * (48 * 48 * 3 + 8 * 3 * 3 * 3 + 8 + 24 * 24 * 8)


def test_equal_parts_have_equal_keys_whatever_their_weights(exported: Path) -> None:
    content = (exported / "theirs.float32.tflite").read_bytes()
    keys = [part.key for part in cut.cut(content, "theirs")]
    assert len(set(keys)) == len(keys), "no two operators of this network are alike"

    model = flatbuffer.parse(content, "theirs")
    graph = model.subgraphs[0]
    conv = next(
        operator
        for operator in graph.operators
        if flatbuffer.kind_of(model.operatorCodes[operator.opcodeIndex]) == "CONV_2D"
    )
    kernel = model.buffers[graph.tensors[int(conv.inputs[1])].buffer]
    kernel.data = np.flip(np.array(kernel.data))
    assert [part.key for part in cut.cut(flatbuffer.pack(model), "theirs")] == keys
    conv.builtinOptions.fusedActivationFunction = schema.ActivationFunctionType.NONE
    changed = [part.key for part in cut.cut(flatbuffer.pack(model), "theirs")]
    assert sum(new != old for new, old in zip(changed, keys, strict=True)) == 1


def test_integers_that_say_what_to_do_are_in_the_key() -> None:
    model = flatbuffer.parse(build.empty(), "empty")
    graph = model.subgraphs[0]
    (part,) = cut.cut(build.empty(), "empty")
    model.buffers[graph.tensors[1].buffer].data = np.frombuffer(np.array([-1], np.int32).tobytes(), np.uint8)
    (other,) = cut.cut(flatbuffer.pack(model), "empty")
    assert part.key != other.key


def test_what_cannot_be_timed_apart_says_why() -> None:
    model = flatbuffer.parse(build.empty(), "empty")
    for index in (0, 2):
        model.subgraphs[0].tensors[index].type = schema.TensorType.INT32
    (part,) = cut.cut(flatbuffer.pack(model), "empty")
    assert part.content is None and part.reason == "it takes int32"


def test_no_operators_and_no_model() -> None:
    model = flatbuffer.parse(build.empty(), "empty")
    model.subgraphs[0].operators, model.subgraphs[0].outputs = [], model.subgraphs[0].inputs
    with pytest.raises(ModelFileError, match=r"empty has no operators to time"):
        cut.cut(flatbuffer.pack(model), "empty")
    with pytest.raises(ModelFileError, match=r"not a \.tflite file"):
        cut.cut(b"something else", "other")
