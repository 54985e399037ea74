"""Reading .tflite files: whole ones exactly, damaged ones with one clear error."""

import random
from pathlib import Path

import pytest
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilecnn.convert.graph import flatbuffer
from mobilecnn.errors import ModelFileError

FORMATS = ("float32", "float16", "int8", "dynamic")


@pytest.fixture(scope="module")
def content(exported: Path) -> bytes:
    return (exported / "theirs.int8.tflite").read_bytes()


@pytest.mark.parametrize("name", FORMATS)
def test_packing_keeps_the_graph(exported: Path, name: str) -> None:
    original = (exported / f"theirs.{name}.tflite").read_bytes()
    again = flatbuffer.pack(flatbuffer.parse(original, name))
    first, second = flatbuffer.graph(original, name), flatbuffer.graph(again, name)
    assert [(o.kind, o.version, o.inputs, o.outputs) for o in first.operations] == [
        (o.kind, o.version, o.inputs, o.outputs) for o in second.operations
    ]
    assert first.metadata == second.metadata


@pytest.mark.parametrize("name", FORMATS)
def test_the_graph_is_what_the_runtime_sees(exported: Path, name: str) -> None:
    path = exported / f"theirs.{name}.tflite"
    graph = flatbuffer.graph(path.read_bytes(), name)
    interpreter = Interpreter(model_path=str(path))
    for ours, theirs in (
        (graph.inputs[0], interpreter.get_input_details()[0]),
        (graph.outputs[0], interpreter.get_output_details()[0]),
    ):
        assert ours.name == theirs["name"]
        assert ours.dtype == theirs["dtype"].__name__
        assert ours.shape == tuple(theirs["shape"])
        if ours.scales:
            assert (ours.scales[0], ours.zero_points[0]) == pytest.approx(theirs["quantization"])
    assert interpreter.get_signature_list() == {
        "serving_default": {"inputs": ["image"], "outputs": ["scores"]}
    }


def test_every_truncation_is_refused_by_name(content: bytes) -> None:
    generator = random.Random(5)
    end = content.rindex(b"PK\x03\x04")  # The labels lie behind the graph, which is whole without them.
    cuts = {0, 1, 4, 7, 8, 9, 100, end // 2, end - 100}
    for cut in cuts | {generator.randrange(end - 8) for _ in range(60)}:
        with pytest.raises(ModelFileError, match=r"^cut\.tflite is "):
            flatbuffer.graph(content[:cut], "cut.tflite")


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_mangled_file_is_read_or_refused_but_never_crashes(content: bytes, data: st.DataObject) -> None:
    mangled = bytearray(content)
    for _ in range(data.draw(st.integers(1, 6))):
        mangled[data.draw(st.integers(8, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        flatbuffer.graph(bytes(mangled), "mangled.tflite")
    except ModelFileError as error:
        assert "mangled.tflite" in str(error)


def test_another_file_is_refused(photos: Path) -> None:
    with pytest.raises(ModelFileError, match="identifier is not TFL3"):
        flatbuffer.graph((photos / "cat" / "0.jpg").read_bytes(), "0.jpg")
