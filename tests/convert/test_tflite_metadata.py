"""TFLite Metadata: what other tools read out of our files."""

import zipfile
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from mobilecnn.contract import contract_for
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph import metadata as fields
from mobilecnn.convert.lowering import tflite_metadata as metadata
from mobilecnn.convert.lowering.description import Description
from mobilecnn.convert.output_kinds import named
from mobilecnn.files import sha256


@pytest.mark.parametrize(
    ("range_name", "shape", "digest"),
    [
        # These bytes were read back with the schema's generated reader (mediapipe 1.2.3):
        # names, size, colour space, mean, std, statistics and the labels file all as meant.
        ("torch", (224, 192, 3), "4fce7443680b141f62d7268225c2e527a45c7d4dcd005c5846295a9c492631b9"),
        ("unit", (28, 28, 1), "44ea207df220dcffbf4b705d2229af69f1c2d4073768b8dcb1abb64c8cbf4606"),
    ],
)
def test_the_bytes_are_those_that_the_schemas_reader_understood(
    range_name: str, shape: tuple[int, int, int], digest: str
) -> None:
    assert (
        sha256(metadata.build(contract_for(range_name, shape), ["a", "b"], "demo", named("softmax")))
        == digest
    )


@pytest.mark.parametrize(
    ("kind", "words", "bounded"),
    [
        ("softmax", b"A score for each class", True),
        ("sigmoid-binary", b"The probability of the second of two classes", True),
        ("sigmoid-multi-label", b"A probability for each label by itself", True),
        ("logits", b"A logit for each class", False),
        ("unknown", b"A score for each class", False),
    ],
)
def test_scores_are_described_and_bounded_where_they_are_probabilities(
    kind: str, words: bytes, bounded: bool
) -> None:
    def content(name: str) -> bytes:
        return metadata.build(contract_for("unit", (8, 8, 3)), [], "demo", named(name))

    assert words in content(kind)
    output = output_of(content(kind))
    assert bool(field(output, 5)) is bounded


def test_one_output_has_one_label_in_the_file() -> None:
    contract = contract_for("unit", (8, 8, 3))
    assert Description("it", contract, ("dark", "bright"), named("sigmoid-binary")).output_labels == (
        "bright",
    )
    assert Description("it", contract, ("dark", "bright"), named("softmax")).output_labels == (
        "dark",
        "bright",
    )
    assert Description("it", contract, (), named("sigmoid-binary")).output_labels == ()


def output_of(content: bytes) -> flatbuffers.table.Table:
    """The table of the output, by way of model -> subgraph -> outputs."""
    table = flatbuffers.table.Table(content, flatbuffers.encode.Get(flatbuffers.packer.uoffset, content, 0))
    for slot in (3, 3):
        table = flatbuffers.table.Table(content, table.Indirect(table.Vector(field(table, slot))))
    return table


def field(table: flatbuffers.table.Table, slot: int) -> int:
    return int(table.Offset(4 + 2 * slot))


def test_the_mean_is_where_a_reader_looks_for_it() -> None:
    """By hand through model -> subgraph -> input -> process unit -> options -> mean."""
    content = metadata.build(contract_for("torch", (8, 8, 3)), [], "demo")
    root = flatbuffers.encode.Get(flatbuffers.packer.uoffset, content, 0)
    table = flatbuffers.table.Table(content, root)
    for slot in (3, 2, 4):  # each a vector of tables, of which the first
        start = table.Vector(field(table, slot))
        table = flatbuffers.table.Table(content, table.Indirect(start))
    options = table.Indirect(field(table, 1) + table.Pos)
    table = flatbuffers.table.Table(content, options)
    mean = np.frombuffer(content, np.float32, 3, table.Vector(field(table, 0)))
    assert mean.tolist() == pytest.approx([123.675, 116.28, 103.53])


@pytest.mark.parametrize("name", ["float32", "float16", "int8", "dynamic"])
def test_a_file_carries_metadata_and_labels_and_still_runs(exported: Path, name: str) -> None:
    path = exported / f"theirs.{name}.tflite"
    graph = flatbuffer.graph(path.read_bytes(), name)
    assert graph.metadata[fields.ENTRY][4:8] == b"M001"
    with zipfile.ZipFile(path) as archive:
        assert archive.read(metadata.LABELS) == b"cat\ndog\n"
    Interpreter(model_path=str(path)).allocate_tensors()


def test_without_labels_nothing_is_appended() -> None:
    assert metadata.append_labels(b"model", []) == b"model"
