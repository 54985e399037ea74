"""``mobilecnn bench`` from the outside."""

import json
import os
import re
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from installed import OTHER

from mobilecnn.bench.records.measurement import Measurement
from mobilecnn.cli import COMMANDS, cli
from mobilecnn.cli.output import FOLDER, new_name

QUICK = ["--rounds", "2", "--warmup-seconds", "0", "--warmup-runs", "1", "--seconds", "0", "--runs", "3"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def bench(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["bench", *map(str, arguments)])


def two(exported: Path) -> list[Path]:
    return [exported / "theirs.float32.tflite", exported / "theirs.int8.tflite"]


def test_the_table(exported: Path, here: Path) -> None:
    models = two(exported)
    done = bench(*models, *QUICK)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    for word in ("median ms", "95 % interval", "p90", "min", "runs", "answers", "time / first"):
        assert word in lines[0]
    for line, path in zip(lines[2:4], models, strict=True):
        assert line.startswith(str(path))
        assert "VALID" in line
        assert "2 x 3  verified" in line
    assert re.search(r"(faster|slower|undecided|undecided \(INVALID\))$", lines[3])
    assert "litert" in lines[-2] and "1 thread" in lines[-2] and "XNNPACK" in lines[-2]
    assert "Timing" in done.stderr
    (record,) = (here / FOLDER).iterdir()
    assert lines[-1] == f"raw samples: {FOLDER / record.name}"
    measured = Measurement.read(record)
    # The first column's numbers are those of the record.
    middle = sorted(sorted(run.samples_ns)[1] for run in measured.runs if run.model == 0)
    assert f"{sum(middle) / 2 / 1e6:.3f}" in lines[2]


def test_json_is_the_only_thing_on_stdout(exported: Path, here: Path) -> None:
    done = bench(
        *two(exported),
        *QUICK,
        "--runtime",
        OTHER,
        "--threads",
        2,
        "--seed",
        5,
        "--json",
        "-o",
        "x/it.json",
    )
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["measurement"] == "x/it.json"
    measured = Measurement.read(here / "x/it.json")
    assert document["protocol"] == asdict(measured.protocol)
    assert (measured.protocol.runtime, measured.protocol.threads, measured.protocol.seed) == (
        OTHER,
        2,
        5,
    )
    first, second = document["results"]
    assert first["time_relative_to_first"] is None
    assert set(second["time_relative_to_first"]) == {"ratio", "interval", "verdict", "valid", "notes"}
    assert first["count"] == 6
    assert first["minimum_ns"] <= first["median_ns"] <= first["p90_ns"]
    assert document["device"]["kind"] == "local"


def test_invalid_is_said_and_is_no_failure(exported: Path, here: Path) -> None:
    done = bench(two(exported)[0], *QUICK, "--rounds", 1)
    assert done.exit_code == 0
    assert "INVALID" in done.stdout.splitlines()[2]
    assert "--rounds 3 or more" in done.stdout


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("0x50005", "INVALID: {}: under-voltage, says the board's firmware: give it the power supply"),
        ("0x50000", "Warning: since the board was started it was like this: under-voltage, throttled"),
    ],
)
def test_what_a_firmware_says_is_passed_on(
    exported: Path, here: Path, monkeypatch: pytest.MonkeyPatch, word: str, line: str
) -> None:
    (here / "vcgencmd").write_text(f"#!/bin/sh\necho throttled={word}\n")
    (here / "vcgencmd").chmod(0o755)
    monkeypatch.setenv("PATH", f"{here}:{os.environ['PATH']}")
    model = two(exported)[0]
    done = bench(model, *QUICK, "-o", "it.json")
    assert done.exit_code == 0, done.output
    assert any(printed.startswith(line.format(model)) for printed in done.stdout.splitlines())
    assert {run.after.throttled for run in Measurement.read(here / "it.json").runs} == {int(word, 16)}


def test_default_names_never_collide(exported: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taken = new_name(FOLDER, "bench")
    FOLDER.mkdir()
    taken.write_text("kept")
    for _ in range(50):  # Until the clock has shown the taken second, or moved past it.
        name = new_name(FOLDER, "bench")
        assert not name.exists()
        if name.name.startswith(taken.stem):
            assert name.name == f"{taken.stem}-2.json"
    assert taken.read_text() == "kept"


def test_an_existing_record_is_kept(exported: Path, here: Path) -> None:
    (here / "it.json").write_text("kept")
    done = bench(two(exported)[0], *QUICK, "-o", "it.json")
    assert done.exit_code == 2
    assert "never replaces" in done.stderr
    assert "Timing" not in done.stderr
    assert (here / "it.json").read_text() == "kept"


def altered(exported: Path, folder: Path) -> Path:
    """A file whose passport says that the other class wins."""
    source = exported / "theirs.int8.tflite"
    path = folder / "altered.int8.tflite"
    path.write_bytes(source.read_bytes())
    document = json.loads(source.with_suffix(".json").read_text())
    for entry in document["golden"]:
        entry["scores"].reverse()
    path.with_suffix(".json").write_text(json.dumps(document))
    return path


def test_wrong_answers_are_not_timed_unless_asked_for(exported: Path, here: Path) -> None:
    wrong = altered(exported, here)
    (here / "bare.tflite").write_bytes(wrong.read_bytes())
    models = (two(exported)[0], wrong, "bare.tflite")
    done = bench(*models, *QUICK)
    assert done.exit_code == 1
    assert done.stdout == ""
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert str(wrong) in line and "golden picture" in line and "Nothing was timed" in line
    assert not list((here / FOLDER).iterdir())

    done = bench(*models, *QUICK, "--allow-wrong-answers")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert ["verified" in lines[2], "WRONG" in lines[3], "not checked" in lines[4]] == [True] * 3
    assert f"answers not checked: there is no passport beside it: {models[2]}" in lines
    assert any(line.startswith("answers WRONG: golden picture") and str(wrong) in line for line in lines)
    (record,) = (here / FOLDER).iterdir()
    assert [model.answers.verdict for model in Measurement.read(record).models] == [
        "verified",
        "differs",
        "not checked",
    ]

    done = bench(*models, *QUICK, "--allow-wrong-answers", "--json")
    results = json.loads(done.stdout)["results"]
    assert [result["answers"]["verdict"] for result in results] == ["verified", "differs", "not checked"]
    assert json.loads(bench(wrong, "--json").stdout)["error"]["exit_code"] == 1


def test_rounds_that_were_kept_are_not_replaced(exported: Path, here: Path) -> None:
    (here / "it.partial.json").write_text("kept")
    done = bench(two(exported)[0], *QUICK, "-o", "it.json")
    assert done.exit_code == 2
    assert "it.partial.json exists" in done.stderr
    assert (here / "it.partial.json").read_text() == "kept"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["missing.tflite"], 2, "no such model: missing.tflite"),
        (["bad.tflite"], 2, "not a .tflite file"),
        (["bad.tflite", "--device", "-pi"], 2, "'-pi' is no SSH host"),
        (["bad.tflite", "--device", "pi.invalid"], 2, "not a .tflite file"),
        (["bad.tflite", "--rounds", "0"], 2, "--rounds must be from 1 to 1000"),
        (["bad.tflite", "--seconds", "nan"], 2, "--seconds must be from 0 to 150"),
        (["bad.tflite", "-o", "bad.tflite/it.json"], 2, "cannot write"),
    ],
)
def test_what_is_wrong_is_one_line_and_one_document(
    here: Path, arguments: list[str], code: int, words: str
) -> None:
    (here / "bad.tflite").write_text("hello, this is no model")
    done = bench(*arguments, "--json")
    assert done.exit_code == code
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    problem = json.loads(done.stdout)["error"]
    assert words in problem["message"]
    assert problem["exit_code"] == code
    assert not list(here.glob("**/*.json"))


def test_an_unknown_runtime_lists_the_known(here: Path) -> None:
    done = bench("a.tflite", "--runtime", "onnx")
    assert done.exit_code == 2
    assert "'litert'" in done.stderr and "'tflite-runtime'" in done.stderr


def test_no_model_is_a_usage_error(here: Path) -> None:
    assert bench().exit_code == 2


def test_help_is_light_and_true() -> None:
    from mobilecnn.cli.bench import command

    assert command.get_short_help_str(200) == COMMANDS["bench"]
    code = "import sys, mobilecnn.cli.bench; print([m for m in ('numpy', 'keras', 'tensorflow') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
