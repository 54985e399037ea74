"""Times that a model of a chip gives: by every command that shows them, named so, and the same on every run."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tflite_files import Made

from mobilecnn.bench.devices.emulated import llvm
from mobilecnn.bench.devices.emulated.device import EmulatedDevice
from mobilecnn.bench.pages.remarks import ALONE, BOUND, model_errors
from mobilecnn.bench.papers import experiments
from mobilecnn.bench.records.chips import CHIPS
from mobilecnn.bench.records.instructions import CountPlan, Instructions
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.records.work import milliseconds
from mobilecnn.bench.timing.counting import count
from mobilecnn.cli import cli

pytestmark = pytest.mark.usefixtures("emulated_root")

REPEATABLE = 0.001
"""Share by which two runs may model a file's time differently."""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def modelled(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    record = tmp_path_factory.mktemp("modelled") / "pi5.json"
    models = [exported / f"theirs.{name}.tflite" for name in ("float32", "int8")]
    return run("bench", *models, "--device", "emulated-pi5", "-o", record), record


def test_bench_names_them_and_keeps_what_they_are_made_of(modelled: tuple[Result, Path]) -> None:
    done, path = modelled
    assert done.exit_code == 0, done.output
    header = done.stdout.splitlines()[0]
    assert "modelled ms" in header and "90 %" in header and "median" not in done.stdout
    assert "modelled, not measured: one thread of a Raspberry Pi 5 at 2.4 GHz" in done.stdout
    error, untried = done.stdout.splitlines()[-5:-3]
    assert error == f"error of the model: {model_errors(CHIPS['pi5'])}"
    assert untried.startswith("intervals not validated in float32,") and untried.endswith(": theirs.float32")
    record = Instructions.read(path)
    assert record.model is not None and record.model.chip.name == "pi5"
    for series in record.series:
        (work,) = series.work
        assert work.instructions == pytest.approx(series.typical.total, rel=REPEATABLE)
        assert 0 < work.cycles < work.instructions and milliseconds(work, record.model.chip) > 0
    again = run("report", path, "-o", path.with_name("page.html"))
    page = path.with_name("page.html").read_text()
    assert again.exit_code == 0, again.output
    assert "Modelled, not measured" in page and "hatched" in page and "Nothing was timed" in page


def test_another_process_with_other_data_models_the_same(
    modelled: tuple[Result, Path], exported: Path
) -> None:
    record = Instructions.read(modelled[1])
    with EmulatedDevice("emulated-a76") as pi5:
        again = count(
            [exported / "theirs.int8.tflite"],
            pi5,
            CountPlan(seed=7, runs=1, warmup_runs=2, counts_only=False),
        )
    assert record.model is not None and again.model == record.model
    now, before = again.series[0].typical_work, record.series[1].typical_work
    assert now is not None and before is not None
    assert now.cycles == pytest.approx(before.cycles, rel=REPEATABLE)
    assert now.instructions == pytest.approx(before.instructions, rel=REPEATABLE)


def test_compare_is_a_gate_on_modelled_times(exported: Path, tmp_path: Path) -> None:
    models = [exported / f"theirs.{name}.tflite" for name in ("float32", "int8")]
    record = tmp_path / "it.json"
    words = ("--device", "emulated-sd820", "--max-slowdown", "1%", "-o", record, "--json")
    beyond = run("compare", *models, *words)
    assert beyond.exit_code == 1, beyond.output
    assert "B may take 1% longer than A, and as modelled" in beyond.stderr
    (row,) = json.loads(beyond.stdout)["rows"]
    low, high = row["modelled_b_relative_to_a_interval"]
    assert row["limit"] == "beyond" and low < row["modelled_b_relative_to_a"] < high
    assert row["a"]["modelled_ns"] < row["b"]["modelled_ns"]
    alike = run("compare", record, record, "--model", "theirs.int8=theirs.int8", "--max-slowdown", "0%")
    assert alike.exit_code == 0, alike.output
    assert "modelled, not measured: one thread of a Snapdragon 820" in alike.stdout


def test_records_of_other_chips_are_not_compared(
    modelled: tuple[Result, Path], exported: Path, tmp_path: Path
) -> None:
    """Of one processor, they differ in the chip; counts alone have no model."""
    path, document = tmp_path / "other.json", json.loads(modelled[1].read_text())
    document["model"]["chip"]["gigahertz"] = 2.0
    path.write_text(json.dumps(document))
    refused = run("compare", modelled[1], path)
    assert refused.exit_code == 2 and "model of time: Raspberry Pi 5 at 2.4 GHz" in refused.stderr
    counted = tmp_path / "counted.json"
    models = [exported / "theirs.int8.tflite"]
    assert run("bench", *models, "--device", "emulated-pi5", "--counts-only", "-o", counted).exit_code == 0
    refused = run("compare", modelled[1], counted)
    assert refused.exit_code == 2 and "none (--counts-only)" in refused.stderr


def test_a_profile_says_what_each_operator_is_bound_by(tmp_path: Path) -> None:
    model = tmp_path / "made.tflite"
    model.write_bytes(Made((1, 96, 96, 3)).scores().pack())  # Few operators: each is run by itself.
    done = run("profile", model, "--device", "emulated-pi4", "-o", tmp_path, "--top", 3)
    assert done.exit_code == 0, done.output
    assert (
        "modelled ms" in done.stdout.split("\n\n")[0] and "bound" in done.stdout and "of peak" in done.stdout
    )
    above, _, table = done.stdout.partition(ALONE)  # Where the ranking stands, and not below it.
    assert "share" not in above and "share" in table and BOUND in table
    assert "90 %" not in done.stdout and "95 %" not in done.stdout  # No published time is of an operator.
    document = json.loads((tmp_path / "profile.json").read_text())
    assert document["times"] == "modelled" and document["bandwidth_bytes_per_second"] is None
    operators = document["operators"]
    assert {row["bound"] for row in operators} <= {"pipeline", "L2", "memory", "branches"}
    assert all(row["modelled_ns"] > 0 and "median_ns" not in row for row in operators)
    assert not [
        key
        for row in [document, *operators]
        for key in row
        if "interval" in key and key != "whole_interval_ns"
    ]
    assert sum(row["share"] for row in operators) == pytest.approx(1.0)
    assert 0.5 < document["sum_over_whole"] < 3
    assert set(document["modelled_beyond_validated"]) <= {"turns", "cycles", "lines", "type"}


def test_the_paper_s_experiments_on_the_paper_s_chip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = experiments.GUIDELINES[0]
    monkeypatch.setattr(experiments, "GUIDELINES", (replace(first, cases=(first.cases[0], first.cases[-1])),))
    with EmulatedDevice("emulated-sd810") as chip:
        rows, record = experiments.guidelines(chip, Protocol(), tmp_path, scales=(1,))
    assert isinstance(record, Instructions) and record.model is not None
    assert record.model.chip.title == "Snapdragon 810"
    assert len(rows) == sum(len(guideline.cases) for guideline in experiments.GUIDELINES)
    for row in rows:
        said: dict[str, Any] = row.to_json()
        assert said["modelled_ns"] > 0 and "median_ns" not in said and "valid" not in said
    assert rows[0].rate.value == 1.0 and rows[1].rate.value < 1.0


@pytest.mark.parametrize("command", ["bench", "profile", "speedup"])
def test_without_llvm_there_is_no_time_and_no_work(
    command: str, exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("qemu-aarch64", "env", "cc"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(tmp_path))
    llvm.tools.cache_clear()
    out = tmp_path / "out"
    models = [] if command == "speedup" else [exported / "theirs.int8.tflite"]
    try:
        done = run(command, *models, "--device", "emulated-pi4", "-o", out)
    finally:
        llvm.tools.cache_clear()
    assert done.exit_code == 3, done.output
    assert "modelled times need llvm-mca of LLVM 19 or newer" in done.stderr
    assert not out.exists() or not [*out.rglob("*.json")]


def test_what_is_for_chips_is_refused_elsewhere() -> None:
    refused = run("bench", "a.tflite", "--counts-only")
    assert refused.exit_code == 2
    assert (
        "--counts-only is for emulated chips, such as --device emulated-pi4; leave it out" in refused.stderr
    )
