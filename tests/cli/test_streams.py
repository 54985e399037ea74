"""``mobilecnn sustained`` and ``single-stream`` from the outside."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from mobilecnn.bench.records.stream import Stream
from mobilecnn.cli import cli
from mobilecnn.cli.output import FOLDER

MINUTES = "0.012"

OF_ROUNDS = ("--rounds", "--runs", "--seconds", "--warmup-runs", "--warmup-seconds")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def models(exported: Path) -> list[str]:
    return [str(exported / f"theirs.{name}.tflite") for name in ("float32", "int8")]


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def test_a_sustained_load(models: list[str], here: Path) -> None:
    done = run("sustained", *models, "--minutes", MINUTES, "--threads", "2")
    assert done.exit_code == 0, done.output
    record, picture = sorted((here / FOLDER).iterdir())
    made = Stream.read(record)
    assert (made.plan.kind, made.plan.threads, len(made.series)) == ("sustained", 2, 2)
    lines = done.stdout.splitlines()
    for line, model in zip(lines[::2], models, strict=False):
        assert line.startswith(f"{model}: undecided: ") and "too few to tell" in line
    assert "litert" in lines[-2] and "2 threads" in lines[-2]
    assert lines[-1] == f"Chart: {FOLDER / picture.name}   windows and samples: {FOLDER / record.name}"
    assert (record.stem, record.suffix, picture.suffix) == (picture.stem, ".json", ".png")
    assert record.name.startswith("sustained-")
    with Image.open(picture) as image:
        assert image.width > 500
    assert "Sustained, s: " in done.stderr


def test_a_sustained_load_as_json(models: list[str], here: Path) -> None:
    done = run("sustained", models[0], "--minutes", MINUTES, "--cool-down", "5", "-o", "it.json", "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert (document["record"], document["chart"]) == ("it.json", "it.png")
    assert document["plan"]["cool_down"] == 5
    (result,) = document["results"]
    assert result["verdict"] == "undecided"
    assert result["first_ns"] == result["last_ns"] > 0
    assert (here / "it.png").exists()


LONG = {"sustained": ("--minutes", MINUTES), "single-stream": ("--min-seconds", "0.3")}


@pytest.mark.parametrize("command", LONG)
def test_cores_and_the_delegate_are_asked_for_and_recorded(
    command: str, models: list[str], here: Path
) -> None:
    last = f"{1 << max(os.sched_getaffinity(0)):x}"
    done = run(
        command, models[0], *LONG[command], "--cores", f"0x{last}", "--delegate", "none", "-o", "it.json"
    )
    assert done.exit_code == 0, done.output
    made = Stream.read(here / "it.json")
    assert (made.plan.cores, made.plan.delegate) == (f"0x{last}", "none")
    assert (made.series[0].start.cores, made.series[0].start.delegates) == (last, ())
    assert f"on its cores {last} (mask), delegate none" in done.stdout


@pytest.mark.parametrize("command", LONG)
@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (("--delegate", "gpu"), 2, "--delegate gpu is for phones"),
        (("--cores", "fast"), 2, "unknown --cores 'fast'"),
        (("--cores", "1" + 64 * "0"), 3, "cannot be had"),
        (
            ("--cores", "1", "--threads", "2"),
            2,
            "--threads 2 is more than the 1 core that --cores 1 stands for",
        ),
        (
            ("--delegate", "none", "--device", "emulated"),
            2,
            "emulated counts instructions, models their time, and has no clock",
        ),
    ],
)
def test_cores_and_delegates_that_are_not_there_are_refused(
    command: str, options: tuple[str, ...], code: int, words: str, models: list[str], here: Path
) -> None:
    refused = run(command, models[0], *LONG[command], *options, "-o", "it.json")
    assert refused.exit_code == code, refused.output
    assert words in refused.stderr and list(here.iterdir()) == []


def test_a_single_stream(models: list[str], here: Path) -> None:
    done = run("single-stream", *models, "--min-seconds", "0.3", "--min-queries", "100")
    assert done.exit_code == 0, done.output
    (record,) = (here / FOLDER).iterdir()
    assert record.name.startswith("single-stream-")
    lines = done.stdout.splitlines()
    assert "p90 ms, early stopping" in lines[0]
    assert [line.split()[0] for line in lines[2:4]] == models
    assert "MLPerf-style single-stream, not an MLPerf submission" in lines
    assert lines[-1] == f"all samples: {FOLDER / record.name}"
    (series, _) = Stream.read(record).series
    assert f"{sum(window.count for window in series.windows)}" in lines[2].split()


def test_a_single_stream_as_json(models: list[str], here: Path) -> None:
    done = run("single-stream", models[0], "--min-seconds", "0.3", "-o", "it.json", "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["claim"] == "MLPerf-style single-stream, not an MLPerf submission"
    (result,) = document["results"]
    assert result["queries"] >= 64 and result["unmet"] == []
    assert result["median_ns"] <= result["p90_ns"] <= result["p90_early_stopping_ns"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sustained", "-o", "it.png"], "it.png would be the record, a JSON file, and the chart"),
        (["sustained", "--minutes", "0"], "--minutes must be from 0.01 to 1440, and is 0"),
        (
            ["sustained", "--device", "local", "--device", "pi"],
            "sustained takes one --device, and 2 are named",
        ),
        (
            ["sustained", "--device", "emulated"],
            "emulated counts instructions, models their time, and has no clock",
        ),
        (["single-stream", "--min-queries", "63"], "--min-queries must be from 64"),
        (["single-stream", "--min-seconds", "nan"], "--min-seconds must be from 0.1"),
    ],
)
def test_values_that_cannot_be_meant_are_refused(here: Path, arguments: list[str], words: str) -> None:
    command, *options = arguments
    done = run(command, "a.tflite", *options, "--json")
    assert done.exit_code == 2
    assert words in json.loads(done.stdout)["error"]["message"]
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    ("command", "option"),
    [
        ("bench", "--sustained"),
        ("bench", "--single-stream"),
        ("bench", "--min-queries"),
        *((command, option) for command in ("sustained", "single-stream") for option in OF_ROUNDS),
        ("single-stream", "--minutes"),
    ],
)
def test_no_command_has_an_option_of_another(here: Path, command: str, option: str) -> None:
    refused = run(command, "a.tflite", option, "3")
    assert refused.exit_code == 2
    assert f"No such option '{option}'" in refused.stderr


@pytest.mark.parametrize("taken", ["it.json", "it.partial.json", "it.png"])
def test_nothing_is_replaced(models: list[str], here: Path, taken: str) -> None:
    (here / taken).write_text("kept")
    done = run("sustained", models[0], "--minutes", MINUTES, "-o", "it.json")
    assert done.exit_code == 2
    assert f"{taken} exists" in done.stderr
    assert (here / taken).read_text() == "kept"
    assert len(list(here.iterdir())) == 1


def test_ctrl_c_keeps_and_shows_what_there_is(models: list[str], here: Path) -> None:
    # SIGINT as in a terminal: a test run in the background would hand down an ignored one.
    command = ["env", "--default-signal=INT", sys.executable, "-m", "mobilecnn", "sustained", models[0]]
    with subprocess.Popen(
        [*command, "--minutes", "1", "-o", "it.json"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            assert process.stderr is not None
            # The log tells every tenth of the 60 s, with the latency of a window.
            line = process.stderr.readline()
            while line and not line.endswith(" ms\n"):
                line = process.stderr.readline()
            os.killpg(process.pid, signal.SIGINT)
            stdout, stderr = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == 130, stderr
    assert stdout == ""
    assert "Traceback" not in stderr
    assert sorted(path.name for path in here.iterdir()) == ["it.partial.json", "it.partial.png"]
    (series,) = Stream.read(here / "it.partial.json").series
    assert 1 <= series.seconds < 60
    assert f"{models[0]}: " in stderr
    assert re.fullmatch(
        r"Interrupted: [01]\.\d of 1\.0 min are kept, in it\.partial\.json", stderr.splitlines()[-1]
    )
