"""Files that load and then fail: at an operator, or by never coming to an end."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from click.testing import CliRunner
from PIL import Image
from tflite_files import Made

from mobilecnn.cli import cli
from mobilecnn.errors import ChildCrashed, ModelFileError
from mobilecnn.quantize import corrections, inference
from mobilecnn.quantize.inference import TfliteProcess, image_seconds


def beyond() -> bytes:
    """Picks a channel that the picture does not have."""
    picked = {"shape": (1, 8, 8, 3), "table": "GatherOptions", "axis": 3}
    return Made().then("GATHER", [0, 1, 7], integers=True, **picked).scores().pack()


def endless() -> bytes:
    """A WHILE whose condition is a constant, and whose body negates the picture."""
    made = Made()
    made.add("WHILE", made.input, table="WhileOptions", condSubgraphIndex=1, bodySubgraphIndex=2)
    made.scores()
    goes_on = made.constant(np.asarray([True]), "bool")
    made.add("NEG", made.input)
    for operators, output in ([], goes_on), ([made._graph.operators.pop()], made.last):
        inner = schema.SubGraphT()
        inner.tensors, inner.operators = made._graph.tensors, operators
        inner.inputs, inner.outputs = np.array([made.input], np.int32), np.array([output], np.int32)
        made._model.subgraphs.append(inner)
    return made.pack(made._graph.operators[-1].outputs[0])


def run(content: bytes, folder: Path) -> None:
    path, inputs = folder / "it.tflite", folder / "inputs.npy"
    path.write_bytes(content)
    np.save(inputs, np.ones((2, 8, 8, 3), np.float32))
    with TfliteProcess("under test") as process:
        process.run(path, inputs, folder / "outputs.npy")


def test_an_operator_that_fails_is_a_fault_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(
        ModelFileError, match=r"litert cannot run it\.tflite \(.*GATHER.*an operator in it fails"
    ):
        run(beyond(), tmp_path)
    Image.new("RGB", (8, 8)).save(tmp_path / "it.png")
    arguments = ["predict", str(tmp_path / "it.tflite"), str(tmp_path / "it.png"), "--input-range", "unit"]
    done = CliRunner().invoke(cli, arguments)
    assert done.exit_code == 2 and "an operator in it fails on this input" in done.output


def test_a_format_that_cannot_be_had_names_the_model_and_no_temporary_file(
    third_party: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise ModelFileError("litert cannot run int8.tflite (why)")

    monkeypatch.setattr(corrections, "quantize", refused)
    arguments = [
        "export",
        str(third_party / "theirs.keras"),
        "--calibration",
        str(photos),
        "-o",
        str(tmp_path),
    ]
    done = CliRunner().invoke(cli, [*arguments, "--int8"])
    assert done.exit_code == 2, done.output
    (line,) = [line for line in done.output.splitlines() if line.startswith("Error")]
    assert line == (
        "Error: theirs cannot be had as int8: litert cannot run int8.tflite (why); take another format"
    )
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(("make", "fails"), [(endless, True), (lambda: Made().scores().pack(), False)])
def test_a_loop_without_an_end_is_ended(
    make: Callable[[], bytes], fails: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fails:
        monkeypatch.setattr(inference, "LOADING_SECONDS", 3.0)
        with pytest.raises(
            ChildCrashed,
            match=r"said nothing for 3 s and was stopped: it ran one image of .*it\.tflite.*WHILE",
        ):
            run(make(), tmp_path)
    else:
        run(make(), tmp_path)
        assert np.load(tmp_path / "outputs.npy").shape == (2, 2)


def test_a_large_file_has_longer() -> None:
    assert 120 <= image_seconds(1000) < 121
    assert 300 < image_seconds(500_000_000) < 1000


@pytest.mark.parametrize("name", ["it.lite", "it.bin", "it"])
def test_a_file_by_another_name_is_to_be_renamed(name: str, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "it.png")
    path, right = tmp_path / name, tmp_path / "it.tflite"
    path.write_bytes(Made().scores().pack())
    arguments = (str(tmp_path / "it.png"), "--input-range", "unit")
    done = CliRunner().invoke(cli, ["predict", str(path), *arguments])
    assert done.exit_code == 2 and done.output.rstrip().endswith(f"mv {path} {right}")
    path.rename(right)
    assert CliRunner().invoke(cli, ["predict", str(right), *arguments]).exit_code == 0


@pytest.mark.parametrize("other", ["it.png", "a/../it.png"])
def test_one_name_for_two_outputs_is_refused(other: str, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    names = ("-o", str(tmp_path / "it.png"), "--confusion", str(tmp_path / other))
    done = CliRunner().invoke(cli, ["evaluate", "it.tflite", "--data", "digits", *names])
    assert done.exit_code == 2 and "--output and --confusion both name" in done.output
    assert not (tmp_path / "it.png").exists()
