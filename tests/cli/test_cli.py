"""The command line as a whole: help, lazy imports, JSON, exit codes, one line for bad input."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from click.testing import CliRunner, Result
from tflite_files import replaced, saying

from mobilecnn import contract
from mobilecnn.cli import COMMANDS, cli, load, options
from mobilecnn.convert.findings import Finding
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.lowering import lower, tflite_metadata


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def test_help_lists_every_command() -> None:
    shown = run("--help")
    assert shown.exit_code == 0
    assert all(name in shown.output for name in COMMANDS)


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys, click.testing, mobilecnn.cli as c; click.testing.CliRunner().invoke(c.cli, ['--help']);"
        "print([m for m in ('numpy', 'tensorflow', 'keras', 'PIL', 'matplotlib', 'sklearn') if m in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_is_described_the_same_in_both_places(name: str) -> None:
    command = load(name)
    assert command.help is not None
    assert " ".join(command.help.split("\n\n")[0].split()) == COMMANDS[name]
    assert "as_json" in {parameter.name for parameter in command.params}
    code = f"import sys; from mobilecnn.cli import load; load({name!r}); print('tensorflow' in sys.modules, 'keras' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "False False"


def test_options_spelled_out_for_speed_are_the_tables() -> None:
    assert tuple(contract.RANGES) == options.RANGES


def test_an_unknown_command_is_refused() -> None:
    refused = run("exprot")
    assert refused.exit_code == 2 and "exprot" in refused.output


@pytest.fixture(scope="module")
def material(
    third_party: Path, photos: Path, exported: Path, keras: Any, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder of good and bad things to give to commands."""
    folder = tmp_path_factory.mktemp("material")
    shutil.copy(third_party / "theirs.keras", folder / "good.keras")
    for suffix in (".tflite", ".json"):
        shutil.copy((exported / "theirs.int8.tflite").with_suffix(suffix), folder / f"good{suffix}")
    shutil.copy(folder / "good.tflite", folder / "bare.tflite")
    shutil.copytree(photos, folder / "photos")
    shutil.copytree(photos, folder / "damaged")
    picture = folder / "damaged" / "dog" / "0.jpg"
    picture.write_bytes(picture.read_bytes()[:200])
    (folder / "empty" / "a").mkdir(parents=True)
    (folder / "loose").mkdir()
    shutil.copy(photos / "cat" / "0.jpg", folder / "loose" / "0.jpg")
    (folder / "truncated.tflite").write_bytes((exported / "theirs.int8.tflite").read_bytes()[:5000])
    (folder / "truncated.keras").write_bytes((third_party / "theirs.keras").read_bytes()[:5000])
    (folder / "noise.h5").write_bytes(b"no HDF5 at all" * 100)
    (folder / "text.jpg").write_text("not a picture")
    (folder / "text.bin").write_bytes(b"\xff\xfe")
    (folder / "three.txt").write_text("a\nb\nc\n")
    layers = keras.layers
    twice = keras.Sequential(
        [keras.Input((8, 8, 3)), layers.Lambda(lambda x: 2 * x), layers.Flatten(), layers.Dense(2)]
    )
    twice.save(folder / "lambda.keras")
    keras.utils.set_random_seed(0)
    tall = keras.Input((98, 98, 3))
    x = layers.Conv2D(1, 3, activation="relu", kernel_initializer=keras.initializers.RandomUniform(0, 0.1))(
        layers.Rescaling(1 / 255)(tall)
    )
    positive = keras.initializers.RandomUniform(0, 2 / 96**2)
    keras.Model(tall, layers.Dense(10, kernel_initializer=positive)(layers.Flatten()(x))).save(
        folder / "long.keras"
    )
    vector = keras.Sequential([keras.Input((8,)), layers.Dense(2)])
    vector.save(folder / "vector.keras")
    image = keras.Input((8, 8, 3))
    flat = layers.Flatten()(image)
    keras.Model(image, [layers.Dense(2)(flat), layers.Dense(2)(flat)]).save(folder / "two_outputs.keras")
    return folder


GOOD_EXPORT = ("export", "good.keras", "--float32", "-o", "out")

BAD: list[tuple[tuple[str, ...], str]] = [
    # what was typed, what the one line must say
    (("export", "missing.keras", "--float32", "-o", "out"), "no such model"),
    (("export", "photos", "--float32", "-o", "out"), "is a folder"),
    (("export", "text.jpg", "--float32", "-o", "out"), ".keras"),
    (("export", "truncated.keras", "--float32", "-o", "out"), "its end is missing"),
    (("export", "noise.h5", "--float32", "-o", "out"), "not a model file that is known here"),
    (("export", "lambda.keras", "--float32", "-o", "out"), "Lambda layer"),
    (("export", "vector.keras", "--float32", "-o", "out"), "an image classifier maps"),
    (("export", "two_outputs.keras", "--float32", "-o", "out"), "2 outputs"),
    (("export", "mobilenet_v9", "--float32", "-o", "out"), "no network is named 'mobilenet_v9'"),
    (("export", "good.keras", "-o", "out"), "no format chosen"),
    (("export", "good.keras", "--int8", "-o", "out"), "--calibration"),
    (("export", "good.keras", "--all", "-o", "out"), "--calibration"),
    (("export", "good.keras", "--int8", "--calibration", "nowhere", "-o", "out"), "no such folder"),
    (("export", "good.keras", "--int8", "--calibration", "empty", "-o", "out"), "no images"),
    (("export", "good.keras", "--int8", "--calibration", "damaged", "-o", "out"), "0.jpg is a damaged image"),
    (("export", "good.keras", "--int8", "--calibration", "photos", "--samples", "0", "-o", "out"), "--samples"),
    (("export", "good.keras", "--float32", "--classes", "3", "-o", "out"), "--classes"),
    (("export", "good.keras", "--float32", "--size", "64", "-o", "out"), "48x48"),
    (("export", "good.keras", "--float32", "--labels", "three.txt", "-o", "out"), "3 labels for 2 outputs"),
    (("export", "good.keras", "--float32", "--labels", "text.bin", "-o", "out"), "not a UTF-8 text file"),
    (("export", "good.keras", "--float32", "--labels", "nothing.txt", "-o", "out"), "no such labels file"),
    (("export", "good.keras", "--float32", "--input-range", "0..1", "-o", "out"), "'raw', 'unit', 'tf'"),
    (("export", "good.keras", "--float32", "--input-range", "tf", "-o", "out"), "--override-input-range"),
    (("export", "good.keras", "--float32", "--override-input-range", "-o", "out"), "give --input-range"),
    (("export", "lenet5", "--float32", "--data", "photos", "-o", "out"), "its weights are random"),
    (("export", "good.keras", "--float32", "--data", "loose", "-o", "out"), "one folder a class"),
    (("export", "good.keras", "--float32", "--data", "nowhere", "-o", "out"), "no such folder"),
    (("export", "good.keras", "--float32", "-o", "/proc/here"), "cannot write"),
    (("export", "good.keras", "--float32", "-o", "text.jpg"), "cannot write"),
    (("evaluate", "missing.tflite", "--data", "photos"), "no such model"),
    (("evaluate", "truncated.tflite", "--data", "photos"), "truncated or damaged"),
    (("evaluate", "text.jpg", "--data", "photos"), "not a model file"),
    (("evaluate", "good.tflite", "--data", "loose"), "one folder a class"),
    (("evaluate", "good.tflite", "--data", "empty"), "no images"),
    (("evaluate", "good.tflite", "--data", "damaged"), "damaged image"),
    (("evaluate", "good.tflite", "--data", "digits"), "no class '0', '1', '2'"),
    (("evaluate", "bare.tflite", "--data", "digits", "--input-range", "raw"), "no class '0', '1', '2'"),
    (("evaluate", "bare.tflite", "--data", "photos", "--input-range", "tf"), "because its TFLITE_METADATA says so"),
    (("evaluate", "good.keras", "--data", "photos", "--input-range", "tf"), "--input-range says tf (-1..1)"),
    (("predict", "bare.tflite", "photos/cat/0.jpg", "--input-range", "unit"), "because its TFLITE_METADATA says so"),
    (("evaluate", "lambda.keras", "--data", "photos"), "Lambda layer"),
    (("evaluate", "good.tflite", "--data", "photos", "--runtime", "tflm"), "'litert', 'tflite-runtime'"),
    (("predict", "good.tflite", "missing.jpg"), "no such image"),
    (("predict", "good.tflite", "text.jpg"), "is not a JPEG"),
    (("predict", "good.tflite", "damaged/dog/0.jpg"), "damaged image"),
    (("predict", "good.tflite", "photos"), "is a folder"),
    (("predict", "truncated.tflite", "photos/cat/0.jpg"), "truncated or damaged"),
    (("inspect", "missing.tflite"), "no such model"),
    (("inspect", "truncated.tflite"), "truncated or damaged"),
    (("inspect", "text.jpg"), "not a .tflite file"),
    (("inspect", "photos"), "is a folder"),
    (("bench", "missing.tflite"), "no such model"),
    (("bench", "truncated.tflite"), "truncated or damaged"),
    (("bench", "good.tflite", "--device", "-pi4"), "is no SSH host"),
    (("bench", "good.tflite", "--rounds", "0"), "--rounds"),
    (("bench", "good.tflite", "-o", "/proc/here.json"), "cannot write"),
    (("speedup", "--device", "pi 4"), "is no SSH host"),
    (("devices", "remove", "pi4"), "no device is named 'pi4'"),
    (("devices", "add", "pi 4", "--host", "h"), "is no name for a device"),
    (("devices", "add", "local", "--host", "h"), "local is this machine"),
    (("devices", "add", "pi4", "--host", "-h"), "is no SSH host"),
    (("devices", "add", "pi4", "--host", "h", "--profile", "pi2"), "'pi3', 'pi4'"),
    (("devices", "probe", "-x"), "No such option"),
    (("devices", "setup", "local"), "this machine has its runtimes"),
    (("devices", "fly"), "No such command 'fly'"),
    (("speedup", "--threads", "0"), "--threads"),
    (("speedup", "-o", "/proc/here"), "cannot write"),
    (("demo", "-o", "/proc/here"), "cannot write"),
    (("models", "resnet_of_mine"), "resnet_of_mine"),
    (("train", "alexnot", "--data", "photos", "-o", "x.keras"), "alexnet"),
]  # fmt: skip


@pytest.mark.parametrize(("typed", "words"), BAD, ids=[" ".join(typed) for typed, _ in BAD])
def test_bad_input_is_one_clear_line(
    typed: tuple[str, ...], words: str, material: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(material)
    before = sorted(material.rglob("*"))
    refused = run(*typed)
    assert refused.exit_code == 2, refused.output
    error = [line for line in refused.stderr.splitlines() if line.startswith("Error: ")]
    assert len(error) == 1 and words in error[0], refused.stderr
    assert "Traceback" not in refused.output
    assert refused.stdout == ""
    left = [path for path in material.rglob("*") if path not in before and path.is_file()]
    assert left == [], "something half-written is left"


def test_errors_under_json_are_one_document(material: Path) -> None:
    refused = run("inspect", material / "missing.tflite", "--json")
    assert refused.exit_code == 2
    problem = json.loads(refused.stdout)["error"]
    assert (
        problem["kind"] == "ModelFileError"
        and problem["exit_code"] == 2
        and "no such model" in problem["message"]
    )


def exports(material: Path, out: Path) -> tuple[object, ...]:
    return ("export", material / "good.keras", "--all", "--calibration", material / "photos", "-o", out)


JSON: dict[str, Callable[[Path, Path], tuple[object, ...]]] = {
    "models": lambda _m, _o: ("models",),
    "export": exports,
    "evaluate": lambda m, _o: ("evaluate", m / "good.tflite", m / "good.keras", "--data", m / "photos"),
    "predict": lambda m, _o: ("predict", m / "good.tflite", m / "photos" / "cat" / "0.jpg"),
    "inspect": lambda m, _o: ("inspect", m / "good.tflite"),
    "devices": lambda _m, _o: ("devices",),
    "bench": lambda m, o: ("bench", m / "good.tflite", "--rounds", 1, "--seconds", 0.05, "-o", o / "m.json"),
}


@pytest.mark.parametrize("name", JSON)
def test_json_is_one_document_and_nothing_else(name: str, material: Path, tmp_path: Path) -> None:
    done = run(*JSON[name](material, tmp_path), "--json")
    assert done.exit_code == 0, done.output
    json.loads(done.stdout)


def test_export_prints_a_table_and_writes_files_and_passports(material: Path, tmp_path: Path) -> None:
    done = run(*exports(material, tmp_path))
    assert done.exit_code == 0, done.output
    assert "top-1 agreement" in done.stdout and "SQNR dB" in done.stdout
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        f"good.{f}.{s}" for f in ("float32", "float16", "int8", "dynamic") for s in ("tflite", "json")
    }


# A network that enlarges a rounding several hundredfold: its right float32 file differs from Keras by more than
# a steady network's wrong one may.
UNSTEADY = ("squeezenext23_x1.0_g2", "--size", "107", "--classes", "10")
# Sums of 9,216 terms, which are rounded as often: its right file differs by 3e-6, and no rounding is enlarged.
LONG = ("long.keras", "--output-kind", "logits")


def with_one_weight_changed(content: bytes) -> bytes:
    """The flatbuffer with the largest weight of its first convolution 1 % larger."""
    model = flatbuffer.parse(content, "under test")
    graph = model.subgraphs[0]
    first = next(
        operator
        for operator in graph.operators
        if model.operatorCodes[operator.opcodeIndex].builtinCode == schema.BuiltinOperator.CONV_2D
    )
    buffer = model.buffers[graph.tensors[first.inputs[1]].buffer]
    weights = np.frombuffer(bytes(bytearray(buffer.data)), np.float32).copy()
    weights[np.abs(weights).argmax()] *= 1.01
    buffer.data = np.frombuffer(weights.tobytes(), np.uint8)
    return flatbuffer.pack(model)


@pytest.mark.parametrize("wrong", [False, True], ids=["right", "wrong"])
@pytest.mark.parametrize(
    "what",
    [
        pytest.param(("good.keras",), id="steady"),
        # Twice a minute; test_export.py holds the rule for an unsteady model, this the command.
        pytest.param(UNSTEADY, id="unsteady", marks=pytest.mark.sweep),
        pytest.param(LONG, id="long"),
    ],
)
def test_one_weight_off_by_a_per_cent_fails_the_command(
    what: tuple[str, ...], wrong: bool, material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(material)
    if wrong:
        monkeypatch.setattr(
            "mobilecnn.export.lower",
            lambda content, description: lower(with_one_weight_changed(content), description),
        )
    ended = run("export", *what, "--float32", "-o", tmp_path)
    (beside,) = tmp_path.glob("*.float32.json")
    parity = json.loads(beside.read_text())["parity"]
    assert parity["holds"] is not wrong, parity
    assert ended.exit_code == (1 if wrong else 0), ended.output
    assert ("does not give the Keras model's answers" in ended.stderr) is wrong


def test_code_in_a_file_runs_only_when_allowed(material: Path, tmp_path: Path) -> None:
    code = ("export", material / "lambda.keras", "--float32", "--allow-code", "-o", tmp_path)
    allowed = run(*code, "--input-range", "unit")
    assert allowed.exit_code == 0, allowed.output
    asked = run(*code)
    assert asked.exit_code == 2
    assert "Lambda at its input may do anything to the values" in asked.stderr


def test_a_contradicted_range_is_refused_or_said_aloud(material: Path, tmp_path: Path) -> None:
    model = ("export", material / "good.keras", "--float32", "-o", tmp_path, "--input-range", "unit")
    refused = run(*model)
    assert refused.exit_code == 2 and "raw (0..255)" in refused.stderr and "unit (0..1)" in refused.stderr
    assert list(tmp_path.iterdir()) == []
    overridden = run(*model, "--override-input-range")
    assert overridden.exit_code == 0 and "the model's own input range is raw" in overridden.stderr
    picture = material / "photos" / "cat" / "0.jpg"
    for command in (("evaluate", "--data", material / "photos"), ("predict", picture)):
        name, *options = command
        model = (name, tmp_path / "good.float32.tflite", *options)
        assert run(*model).exit_code == 0
        assert run(*model, "--input-range", "unit").exit_code == 0
        refused = run(*model, "--input-range", "raw")
        assert refused.exit_code == 2 and "because its passport says so" in refused.stderr
        assert run(*model, "--input-range", "raw", "--override-input-range").exit_code == 0


def test_an_old_passport_that_assumed_a_range_is_warned_about(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for suffix in (".tflite", ".json"):
        shutil.copy((material / "good.tflite").with_suffix(suffix), tmp_path / f"old{suffix}")
    old = tmp_path / "old.tflite"
    said = tflite_metadata.build(contract.contract_for("unit", (48, 48, 3)), [], "it")

    def change(document: dict[str, Any]) -> None:
        document["input"]["contract"].update(std=[255.0] * 3, stated=False)
        document["golden"] = []  # Those of another range.

    replaced(old, saying(old.read_bytes(), said), change)
    for command in (("evaluate", "--data", material / "photos"), ("predict", material / "photos/cat/0.jpg")):
        name, *options = command
        proven = run(name, tmp_path / "old.tflite", *options)
        assert proven.exit_code == 0 and "assumes" not in proven.stderr
        with monkeypatch.context() as silent:
            # The file itself proves its range, and nothing is assumed any more.
            silent.setattr(
                "mobilecnn.convert.file_input.follow_file", lambda graph: Finding(None, "it says nothing")
            )
            warned = run(name, tmp_path / "old.tflite", *options)
        assert warned.exit_code == 0 and "its passport assumes 0..1" in warned.stderr


def test_random_calibration_is_said_aloud_and_hides_no_other_warning(
    material: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mobilecnn.convert.versions.version_needed", lambda operation: None)
    warned = run("export", material / "good.keras", "--int8", "--calibration", "random", "-o", tmp_path)
    assert warned.exit_code == 0 and "latency only" in warned.stderr
    assert "good.int8.tflite: which runtime runs it is unknown" in warned.stderr
    assert "agrees with the Keras model" not in warned.stderr


def test_predict_names_the_label(material: Path, exported: Path) -> None:
    shown = run("predict", exported / "theirs.int8.tflite", material / "photos" / "cat" / "0.jpg")
    assert shown.exit_code == 0 and ("cat" in shown.stdout and "dog" in shown.stdout)


def test_inspect_shows_operators_and_ends(exported: Path) -> None:
    shown = run("inspect", exported / "theirs.int8.tflite")
    assert shown.exit_code == 0
    for words in (
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "input image: int8 [1, 48, 48, 3], scale",
        "2.10.0",
        "total",
    ):
        assert words in shown.stdout


def test_evaluate_sets_files_side_by_side(material: Path, exported: Path) -> None:
    files = [exported / f"theirs.{name}.tflite" for name in ("float32", "int8")]
    shown = run("evaluate", material / "good.keras", *files, "--data", material / "photos", "--json")
    assert shown.exit_code == 0, shown.output
    results = json.loads(shown.stdout)["results"]
    assert [result["format"] for result in results] == ["keras", "float32", "int8"]
    assert results[0]["verdict_against_first"] == "-"
    assert results[1]["agreement_with_first"] == 1.0
    assert all(result["interval"][0] <= result["accuracy"] <= result["interval"][1] for result in results)
