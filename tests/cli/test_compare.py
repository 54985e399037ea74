"""``mobilecnn compare`` from the outside."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mobilecnn.bench.records.measurement import Measurement
from mobilecnn.cli import COMMANDS, cli, compare, counts, load
from mobilecnn.cli.output import FOLDER

QUICK = ["--rounds", "2", "--warmup-seconds", "0", "--warmup-runs", "1", "--seconds", "0", "--runs", "3"]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [*map(str, arguments)])


@pytest.fixture(scope="module")
def original(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A measurement of two files with a passport and of one without, as JSON."""
    folder = tmp_path_factory.mktemp("compare")
    bare = folder / "bare.tflite"
    bare.write_bytes((exported / "theirs.float32.tflite").read_bytes())
    models = [exported / "theirs.float32.tflite", exported / "theirs.int8.tflite", bare]
    done = run("bench", *models, *QUICK, "-o", folder / "a.json")
    assert done.exit_code == 0, done.output
    document: dict[str, Any] = json.loads((folder / "a.json").read_text())
    # The tests need known samples, whatever this machine did.
    for process in document["runs"]:
        process["samples_ns"] = [10_000_000, 10_010_000, 10_020_000]
        process["other_cpu_seconds"] = 0.0
        process["before"] = process["after"] = document["runs"][0]["after"]
    return document


@pytest.fixture
def here(original: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a.json, and b.json in which int8 takes 1.5 times as long."""
    monkeypatch.chdir(tmp_path)
    slower = json.loads(json.dumps(original))
    for process in slower["runs"]:
        if process["model"] == 1:
            process["samples_ns"] = [sample * 3 // 2 for sample in process["samples_ns"]]
    (tmp_path / "a.json").write_text(json.dumps(original))
    (tmp_path / "b.json").write_text(json.dumps(slower))
    return tmp_path


def changed(here: Path, **members: Any) -> None:
    """Change b.json: ``device`` and ``protocol`` are updated, others replaced."""
    document = json.loads((here / "b.json").read_text())
    for name, value in members.items():
        document[name] = {**document[name], **value} if isinstance(value, dict) else value
    (here / "b.json").write_text(json.dumps(document))


def test_the_table(here: Path) -> None:
    done = run("compare", "a.json", "b.json")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0].split() == [
        "model", "A", "ms", "B", "ms", "B", "/", "A", "95", "%", "interval", "verdict",
    ]  # fmt: skip
    assert lines[2].split()[:5] == ["theirs.float32", "10.010", "10.010", "1.000", "0.999"]
    assert lines[2].split()[-1] == "undecided"
    assert lines[3].split()[:4] == ["theirs.int8", "10.010", "15.015", "1.500"]
    assert lines[3].split()[-1] == "slower"
    assert "A and B were timed apart: what changed in between" in done.stdout
    assert "answers not checked: there is no passport beside it: A bare, B bare" in lines
    assert lines[-2].startswith("A: a.json, 20") and "litert" in lines[-2] and "1 thread" in lines[-2]
    assert lines[-1].startswith("B: b.json, 20")
    back = run("compare", "b.json", "a.json").stdout.splitlines()
    assert back[3].split()[3] == "0.667"
    assert back[3].split()[-1] == "faster"


def test_a_slowdown_exits_with_1_and_one_document(here: Path) -> None:
    done = run("compare", "a.json", "b.json", "--max-slowdown", "5%")
    assert done.exit_code == 1
    assert [line.split()[-1] for line in done.stdout.splitlines()[2:5]] == ["within", "beyond", "within"]
    assert "B may take 5% longer than A, and theirs.int8 takes at least 4" in done.stderr
    assert "Traceback" not in done.stderr
    assert run("compare", "b.json", "a.json", "--max-slowdown", "5%").exit_code == 0
    assert run("compare", "a.json", "b.json", "--max-slowdown", "60%").exit_code == 0
    assert (
        run("compare", "a.json", "b.json", "--max-slowdown", "5%", "--model", "theirs.float32").exit_code == 0
    )

    done = run("compare", "a.json", "b.json", "--max-slowdown", "5%", "--json")
    assert done.exit_code == 1
    document = json.loads(done.stdout)
    assert [row["slowdown"] for row in document["rows"]] == ["within", "beyond", "within"]
    assert "theirs.int8 takes" in done.stderr


def test_json(here: Path) -> None:
    done = run("compare", "a.json", "b.json", "--json", "--model", "theirs.int8", "--model", "bare=bare")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["a"]["measurement"] == "a.json"
    assert document["a"]["rounds"] == 2
    assert document["b"]["device"] == json.loads((here / "b.json").read_text())["device"]
    assert document["interleaved"] is False
    int8, bare = document["rows"]
    assert int8["model"] == "theirs.int8"
    assert int8["b_relative_to_a"]["verdict"] == "slower"
    assert int8["b"]["median_ns"] == 15_015_000
    assert bare["a"]["answers"]["verdict"] == "not checked"


def test_what_speaks_against_a_result_is_shown(here: Path, original: dict[str, Any]) -> None:
    models = json.loads(json.dumps(original["models"]))
    models[0]["answers"].update(verdict="differs", reason="golden picture 1: score 0 is 0.9")
    cores = original["device"]["cores"] + 1
    changed(here, runs=original["runs"][:3], models=models, device={"cores": cores})
    done = run("compare", "a.json", "b.json", "--across")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[2].split()[:4] == ["theirs.float32", "10.010", "10.010", "!"]
    assert any(
        line.startswith("INVALID: B theirs.float32, B theirs.int8, B bare: one round does not show")
        for line in lines
    )
    assert "answers WRONG: golden picture 1: score 0 is 0.9: B theirs.float32" in lines
    assert any(line.startswith("A and B were not timed alike: cores: ") for line in lines)
    assert lines[-1].startswith("B: b.json (cut short: 1 of 2 rounds), ")


def test_unlike_runs_are_refused(here: Path) -> None:
    changed(here, protocol={"threads": 3}, device={"cpu": "Another CPU"})
    done = run("compare", "a.json", "b.json")
    assert done.exit_code == 2
    assert "and Another CPU; threads: 1 and 3" in done.stderr
    assert "--across" in done.stderr


def test_two_files_are_timed_in_turn(exported: Path, here: Path) -> None:
    files = [exported / "theirs.float32.tflite", exported / "theirs.int8.tflite"]
    done = run("compare", *files, *QUICK)
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[2].startswith("theirs.float32 = theirs.int8 ")
    assert re.search(r"(faster|slower|undecided|undecided \(INVALID\))$", lines[2])
    assert "timed apart" not in done.stdout
    (record,) = (here / FOLDER).iterdir()
    assert record.name.startswith("compare-")
    assert lines[-1] == f"Timed in turn; raw samples: {FOLDER / record.name}"
    measured = Measurement.read(record)
    assert [model.file for model in measured.models] == [str(path) for path in files]
    assert measured.protocol.runs == 3

    done = run("compare", *files, *QUICK, "--json", "-o", "it.json")
    document = json.loads(done.stdout)
    assert (document["a"], document["measurement"], document["interleaved"]) == (
        str(files[0]),
        "it.json",
        True,
    )
    assert Measurement.read(here / "it.json").rounds == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["a.json", "x.tflite"], "of different kinds"),
        (["a.json", "missing.json"], "no such measurement: missing.json"),
        (["x.tflite", "y.tflite"], "no such model: x.tflite"),
        (["a.json", "b.json", "--rounds", "3"], "--rounds is for two .tflite files"),
        (["a.json", "b.json", "--device", "local"], "--device is for two .tflite files"),
        (["a.json", "b.json", "-o", "x.json"], "--output is for two .tflite files"),
        (["x.tflite", "y.tflite", "--across"], "--across is for two measurement files"),
        (["x.tflite", "y.tflite", "--model", "x"], "--model is for two measurement files"),
        (["a.json", "b.json", "--max-slowdown", "5"], "such as 5%"),
        (
            ["a.json", "b.json", "--model", "z"],
            "A has no model 'z'; it has theirs.float32, theirs.int8, bare",
        ),
        (["junk.json", "a.json"], "junk.json is not a measurement"),
    ],
)
def test_what_is_wrong_is_one_line_and_one_document(here: Path, arguments: list[str], words: str) -> None:
    (here / "junk.json").write_text("junk")
    done = run("compare", *arguments, "--json")
    assert done.exit_code == 2
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert words in json.loads(done.stdout)["error"]["message"]


def test_help_is_true() -> None:
    assert compare.command.get_short_help_str(200) == COMMANDS["compare"]


OF_COUNTING = {
    "models", "device_names", "device_name", "runtime", "threads", "runs", "warmup_runs", "seed", "allow_wrong_answers",
    "output", "counts_only",
}  # fmt: skip
OF_RECORDS = {"names", "across"}
OF_ALL = {"verbose", "a", "b", "max_slowdown", "as_json"}


def test_no_option_is_ignored_silently() -> None:
    """An option that is new must be placed: what does it mean to records, to files, to counting?"""
    of_compare, of_bench = (
        {str(parameter.name) for parameter in command.params} for command in (compare.command, load("bench"))
    )
    assert of_compare == {*compare.FOR_FILES} | OF_RECORDS | OF_ALL | {
        "even_invalid"
    }  # Of times, in either form.
    assert of_compare | of_bench == {*counts.FOR_TIMING} | OF_COUNTING | OF_RECORDS | OF_ALL


def test_an_invalid_result_decides_nothing_and_the_gate_says_so_with_3(here: Path) -> None:
    document = json.loads((here / "b.json").read_text())
    for process in document["runs"]:
        if process["model"] == 1:
            process["other_cpu_seconds"] = 10 * process["timed_seconds"] + 1
    (here / "b.json").write_text(json.dumps(document))
    done = run("compare", "a.json", "b.json", "--max-slowdown", "5%")
    assert done.exit_code == 3, done.output
    assert done.stdout.splitlines()[3].endswith("undecided (INVALID)  undecided (INVALID)")
    assert "is undecided, because results are INVALID: theirs.int8 (other-programs)" in done.stderr
    assert "Traceback" not in done.output
    assert run("compare", "a.json", "b.json").exit_code == 0
    assert run("compare", "a.json", "b.json", "--max-slowdown", "5%", "--model", "bare").exit_code == 0

    document = json.loads(run("compare", "a.json", "b.json", "--json").stdout)
    assert [row["b_relative_to_a"]["valid"] for row in document["rows"]] == [True, False, True]
    assert document["rows"][1]["b_relative_to_a"]["verdict"] == "undecided"

    forced = run("compare", "a.json", "b.json", "--max-slowdown", "5%", "--even-invalid")
    assert forced.exit_code == 1
    assert forced.stdout.splitlines()[3].endswith("slower (INVALID)  beyond (INVALID)")
    assert "Verdicts on INVALID results were asked for (--even-invalid): do not quote them." in forced.stdout
    assert "theirs.int8 takes at least 4" in forced.stderr
