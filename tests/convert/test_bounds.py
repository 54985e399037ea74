"""How much work a .tflite file may ask for, and that nothing larger is unpacked."""

import inspect
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from mobilecnn.bench.devices.worker import runtimes
from mobilecnn.bench.devices.worker.problem import Problem
from mobilecnn.bench.timing import rounds
from mobilecnn.contract import contract_for
from mobilecnn.convert.graph import bounds, build, cut, flatbuffer
from mobilecnn.convert.inspection import inspect as inspect_file
from mobilecnn.errors import ModelFileError
from mobilecnn.quantize.classifiers import open_tflite


def test_every_field_that_points_somewhere_is_followed() -> None:
    """The table holds each vector, string, table and union that the schema's own readers know."""
    for name, reader in vars(schema).items():
        if not (inspect.isclass(reader) and hasattr(reader, "Init")):
            continue
        pointing = set()
        for method, function in vars(reader).items():
            if not inspect.isfunction(function) or method.endswith(("Length", "IsNone", "AsNumpy")):
                continue
            code = function.__code__
            if {"Vector", "String", "Union", "Indirect"} & set(code.co_names):
                offset = next(value for value in code.co_consts if isinstance(value, int) and value >= 4)
                pointing.add((offset - 4) // 2)
        assert set(bounds.FIELDS.get(name, {})) == pointing, name


def shared_subgraphs(count: int) -> bytes:
    """A file with many offsets to one graph of 200 tensors."""
    b = flatbuffers.Builder(1024)
    names = [b.CreateString("x" * 50) for _ in range(200)]
    tensors = []
    for name in names:
        schema.TensorStart(b)
        schema.TensorAddName(b, name)
        tensors.append(schema.TensorEnd(b))
    vector = offsets(b, tensors)
    schema.SubGraphStart(b)
    schema.SubGraphAddTensors(b, vector)
    graph = schema.SubGraphEnd(b)
    return finished(b, subgraphs=offsets(b, [graph] * count))


def shared_names(count: int) -> bytes:
    """A file whose operator codes all have one long name."""
    b = flatbuffers.Builder(1024)
    name = b.CreateString("x" * 20_000)
    codes = []
    for _ in range(count):
        schema.OperatorCodeStart(b)
        schema.OperatorCodeAddCustomCode(b, name)
        codes.append(schema.OperatorCodeEnd(b))
    return finished(b, codes=offsets(b, codes))


def shared_scales(count: int) -> bytes:
    """A file whose tensors all have the quantization of one, with a scale for each of 5,000 channels."""
    b = flatbuffers.Builder(1024)
    scales = b.CreateNumpyVector(np.ones(5000, np.float32))
    schema.QuantizationParametersStart(b)
    schema.QuantizationParametersAddScale(b, scales)
    parameters = schema.QuantizationParametersEnd(b)
    tensors = []
    for _ in range(count):
        schema.TensorStart(b)
        schema.TensorAddQuantization(b, parameters)
        tensors.append(schema.TensorEnd(b))
    vector = offsets(b, tensors)
    schema.SubGraphStart(b)
    schema.SubGraphAddTensors(b, vector)
    return finished(b, subgraphs=offsets(b, [schema.SubGraphEnd(b)]))


def many_tables(count: int) -> bytes:
    """A file of so many buffers, each of them empty and a table of its own."""
    b = flatbuffers.Builder(1024)
    made = []
    for _ in range(count):
        schema.BufferStart(b)
        made.append(schema.BufferEnd(b))
    return finished(b, buffers=offsets(b, made))


def offsets(b: flatbuffers.Builder, tables: list[int]) -> int:
    b.StartVector(4, len(tables), 4)
    for table in reversed(tables):
        b.PrependUOffsetTRelative(table)
    return int(b.EndVector())


def finished(b: flatbuffers.Builder, subgraphs: int = 0, codes: int = 0, buffers: int = 0) -> bytes:
    schema.ModelStart(b)
    for add, vector in (
        (schema.ModelAddSubgraphs, subgraphs),
        (schema.ModelAddOperatorCodes, codes),
        (schema.ModelAddBuffers, buffers),
    ):
        if vector:
            add(b, vector)
    b.Finish(schema.ModelEnd(b), flatbuffer.IDENTIFIER)
    return bytes(b.Output())


def claiming(count: int) -> bytes:
    """A sound file, one of whose vectors claims so many entries."""
    content = bytearray(build.empty())
    model = struct.unpack_from("<I", content, 0)[0]
    vtable = model - struct.unpack_from("<i", content, model)[0]
    place = model + struct.unpack_from("<H", content, vtable + 4 + 2 * 2)[0]  # Its graphs.
    struct.pack_into("<I", content, place + struct.unpack_from("<I", content, place)[0], count)
    return bytes(content)


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "10,000 offsets to one graph": (lambda: shared_subgraphs(10_000), "its parts overlap"),
    "one name for all": (lambda: shared_names(2000), "its parts overlap"),
    "one quantization for all": (lambda: shared_scales(2000), "its parts overlap"),
    "2^31 - 1 graphs": (
        lambda: claiming(2**31 - 1),
        "a vector of 2,147,483,647 entries reaches past the end",
    ),
    "2^32 - 1 graphs": (
        lambda: claiming(2**32 - 1),
        "a vector of 4,294,967,295 entries reaches past the end",
    ),
    "more tables than are read": (lambda: many_tables(bounds.MOST_TABLES), "it has more than 131,072 tables"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_asks_for_too_much_is_refused_before_it_is_unpacked(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, words = HOSTILE[name]
    content = make()
    monkeypatch.setattr(schema.ModelT, "InitFromObj", None)  # Whoever calls it fails.
    began = time.process_time()
    with pytest.raises(ModelFileError, match=rf"hostile is a truncated or damaged .*\({words}"):
        flatbuffer.parse(content, "hostile")
    # A fraction of a second; it was minutes.
    assert time.process_time() - began < 20


def test_buffers_behind_the_flatbuffer_may_not_overlap_either() -> None:
    model = flatbuffer.parse(build.empty(), "empty")
    for index in range(300):
        buffer = schema.BufferT()
        buffer.offset, buffer.size = 8 + index, 2000
        model.buffers.append(buffer)
    content = flatbuffer.pack(model) + bytes(3000)
    with pytest.raises(ModelFileError, match="its parts overlap"):
        flatbuffer.parse(content, "hostile")


def with_input(*shape: int) -> bytes:
    """A classifier of grey or coloured pictures of a size that it only claims."""
    graph = build.Layers("float32", 1, 1, 3)
    content = graph.pack(graph.reshape(graph.input, (1, 3)))
    model = flatbuffer.parse(content, "it")
    model.subgraphs[0].tensors[0].shape = np.array(shape, np.int32)
    return flatbuffer.pack(model)


HUGE = ((1, 100_000, 100_000, 3), (1, 2**31 - 1, 2**31 - 1, 3), (1, 2**30, 1, 3))


@pytest.mark.parametrize("shape", HUGE)
def test_an_input_that_nothing_could_hold_is_described_and_not_run(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    path = tmp_path / "it.tflite"
    path.write_bytes(with_input(*shape))
    assert inspect_file(path).inputs[0].shape == shape
    words = r"it\.tflite cannot be run: its tensor 'image' .* values, and at most 268,435,456"
    for use in (
        open_tflite,
        lambda path: rounds.look_at([path]),
        lambda path: cut.cut(path.read_bytes(), str(path)),
    ):
        with pytest.raises(ModelFileError, match=words):
            use(path)


def test_the_largest_product_of_sides_is_exact() -> None:
    tensor = flatbuffer.graph(with_input(1, 2**31 - 1, 2**31 - 1, 3), "it").inputs[0]
    assert tensor.elements == 3 * (2**31 - 1) ** 2


@pytest.mark.parametrize("shape", [(100_000, 100_000, 3), (1 << 14, 1 << 13, 1), (0, 5, 3)])
def test_no_contract_is_made_for_such_pictures(shape: tuple[int, int, int]) -> None:
    with pytest.raises(ModelFileError, match="from 1 to 67,108,864 are possible"):
        contract_for("unit", shape)


def test_the_worker_on_a_device_has_the_same_bound() -> None:
    assert runtimes.MOST_VALUES == flatbuffer.MOST_VALUES
    details: list[dict[str, Any]] = [{"name": "image", "shape": np.array([1, 100_000, 100_000, 3], np.int32)}]
    with pytest.raises(Problem, match="30,000,000,000 values"):
        runtimes._refuse_huge(details)


@pytest.mark.parametrize("length", [10, 300, 2000])
def test_a_long_chain_of_operators_on_constants_is_cut_or_refused(length: int) -> None:
    graph = build.Layers("float32", 1, 1, 1)
    value = graph._constant("one", np.ones((1, 1, 1, 1), np.float32), schema.TensorType.FLOAT32)
    for _ in range(length):
        value = graph.add(value, value)
    content = graph.pack(graph.add(graph.input, value))
    if length <= cut.MOST_ON_CONSTANTS:
        (part,) = cut.cut(content, "chain")
        assert (
            part.content is not None and len(flatbuffer.graph(part.content, "part").operations) == length + 1
        )
    else:
        with pytest.raises(ModelFileError, match="more than 256 operators on constants"):
            cut.cut(content, "chain")


def test_parts_that_share_a_large_constant_are_not_multiplied() -> None:
    graph = build.Layers("float32", 1, 1, 64)
    shared = graph._constant("shared", np.ones((1, 200, 200, 64), np.float32), schema.TensorType.FLOAT32)
    value = graph.input
    for _ in range(8):
        value = graph.add(value, shared)
    with pytest.raises(ModelFileError, match="many times its size"):
        cut.cut(graph.pack(value), "shared")
