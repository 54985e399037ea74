"""The passes: what each changes, and that a finished file has nothing left to change."""

from pathlib import Path
from typing import Any

import pytest
from ai_edge_litert.interpreter import Interpreter

from mobilecnn.contract import contract_for
from mobilecnn.convert import lowering
from mobilecnn.convert.graph import build, flatbuffer
from mobilecnn.convert.graph.build import Layers
from mobilecnn.convert.graph.metadata import ENTRY
from mobilecnn.convert.lowering import PASSES, lower
from mobilecnn.convert.lowering.description import Description
from mobilecnn.convert.lowering.tflite_metadata import build as metadata
from mobilecnn.errors import ModelFileError

DESCRIPTION = Description("two", contract_for("unit", (8, 8, 3)), ("cat", "dog"))


def raw(dtype: str = "int8") -> bytes:
    """A file as a quantizer may leave it: no signature, no metadata, all versions 1."""
    graph = Layers(dtype, 8, 8, 3)
    model = flatbuffer.parse(graph.pack(graph.conv(graph.conv(graph.input, 4), 2)), "raw")
    for code in model.operatorCodes:
        code.version = 1
    return flatbuffer.pack(model)


def test_each_pass_says_what_it_is_in_one_line_and_stands_in_a_module_of_its_own() -> None:
    assert len({step.__module__ for step in PASSES}) == len(PASSES)
    for step in PASSES:
        first = (step.__doc__ or "").splitlines()[0]
        assert first.endswith((".", ",")) and len(first) < 110, step


def test_every_pass_reports_what_it_changed() -> None:
    lowered = lower(raw(), DESCRIPTION)
    assert list(lowered.changes) == [step.__name__ for step in PASSES]
    assert lowered.changes["name_ends"] == ("tensor 6 is named scores",)
    assert lowered.changes["stamp_versions"] == ("2 operators have another version",)
    assert lowered.changes["describe"] == ("TFLite Metadata",)
    assert lowered.beyond_names == {"stamp_versions": ("2 operators have another version",)}


def test_a_finished_file_is_left_as_it_is() -> None:
    once = lower(raw(), DESCRIPTION)
    twice = lower(once.content, DESCRIPTION)
    assert not any(twice.changes.values())
    assert twice.content == once.content


def test_a_finished_file_says_what_it_is_and_runs() -> None:
    content = lower(raw(), DESCRIPTION).content
    graph = flatbuffer.graph(content, "two")
    assert {(operation.kind, operation.version) for operation in graph.operations} == {("CONV_2D", 3)}
    assert graph.metadata["min_runtime_version"].rstrip(b"\0") == b"1.14.0"
    assert graph.metadata[ENTRY] == metadata(DESCRIPTION.contract, DESCRIPTION.labels, "two")
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    assert interpreter.get_signature_list() == {
        "serving_default": {"inputs": ["image"], "outputs": ["scores"]}
    }


def test_another_pass_is_one_more_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def forget_description(model: Any, _: Description) -> list[str]:
        """Take the description out."""
        model.description = None
        return ["no description"]

    monkeypatch.setattr(lowering, "PASSES", (forget_description, *PASSES))
    lowered = lower(raw(), DESCRIPTION)
    assert next(iter(lowered.changes)) == "forget_description"
    assert flatbuffer.graph(lowered.content, "two").description == ""


def test_what_is_no_model_is_refused_by_its_title() -> None:
    with pytest.raises(ModelFileError, match=r"two is not a \.tflite file"):
        lower(b"something else", DESCRIPTION)


def test_a_graph_of_one_operator_without_weights_is_lowered_too(tmp_path: Path) -> None:
    path = tmp_path / "empty.tflite"
    path.write_bytes(lower(build.empty(), DESCRIPTION).content)
    Interpreter(model_path=str(path)).allocate_tensors()
