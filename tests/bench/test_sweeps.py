"""The paper's other claims about time: their networks are what the claims say, and they are compared."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from mobilecnn.bench.devices.local.device import LocalDevice
from mobilecnn.bench.judge.statistics import Interval
from mobilecnn.bench.pages import paper_tables
from mobilecnn.bench.papers import sweeps
from mobilecnn.bench.papers.sweeps import SWEEPS, Sweep, SweepRow, sweep
from mobilecnn.bench.records.measurement import Measurement
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.cli import cli
from mobilecnn.cli import speedup as command
from mobilecnn.networks import exporter
from mobilecnn.train import zoo

SHORT = Protocol(rounds=1, warmup_runs=0, warmup_seconds=0, runs=2, seconds=0)
ROOT = Path(__file__).parents[2]
MACS = {
    row["name"]: int(row["macs"])
    for row in csv.DictReader((ROOT / "train/zoo/counts.csv").read_text().splitlines())
}
SMALL = Sweep(
    "small",
    "what is asked?",
    "what is answered",
    (("mobilenet_v1_x0.25_160", "mobilenet_v1_x0.25_128"), ("mobilenet_v1_x0.25_128", None)),
    fourfold=True,
)


def test_the_command_knows_them() -> None:
    assert tuple(SWEEPS) == command.SWEEPS


@pytest.mark.parametrize("which", SWEEPS.values(), ids=lambda which: which.name)
def test_every_network_is_in_the_zoo_and_compared_within_the_sweep(which: Sweep) -> None:
    names = [model for model, _ in which.cases]
    assert len(set(names)) == len(names)
    for model, base in which.cases:
        assert zoo.parse(model) and (base is None or base in names) and model != base


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("complexity", 2.8, 4.0), ("groups", 0.9, 1.15)],
)
def test_multiply_adds_differ_as_the_claim_says(name: str, low: float, high: float) -> None:
    ratios = [MACS[model] / MACS[base] for model, base in SWEEPS[name].cases if base is not None]
    assert ratios and all(low < ratio < high for ratio in ratios), ratios


@pytest.mark.parametrize(
    ("macs", "time", "expected"),
    [(4.0, 2.6, 2.6), (16.0, 2.6**2, 2.6), (2.0, 2.0, 4.0), (1.02, 1.3, None), (None, None, None)],
)
def test_the_time_at_four_times_the_multiply_adds(
    macs: float | None, time: float | None, expected: float | None
) -> None:
    ratio = None if time is None else Interval(time, time, time)
    row = SweepRow("m", "float32", 1, Interval(1, 1, 1), None, None, "b", macs, ratio)
    assert row.fourfold == (None if expected is None else pytest.approx(expected))


def test_the_paper_s_own_ratios_are_those_of_its_table_8() -> None:
    rows = [(model, base) for model, base in SWEEPS["complexity"].cases if base is not None]
    found = [sweeps._paper(model, base) for model, base in rows]
    assert [None if ratio is None else round(ratio, 2) for ratio in found] == [2.88, 2.49, None]


def test_a_sweep_on_this_machine(tmp_path: Path) -> None:
    formats = ("float32", "int8")
    rows, record = sweep(SMALL, exporter(formats, tmp_path), LocalDevice(), SHORT, formats=formats)
    assert isinstance(record, Measurement)
    names = [model for model, _ in SMALL.cases]
    assert [(row.format, row.model) for row in rows] == [(kind, name) for kind in formats for name in names]
    for large, small in (rows[:2], rows[2:]):
        assert large.base == small.model and small.base is None
        assert large.macs_ratio == large.macs / small.macs > 1
        assert large.time_ratio is not None
        assert large.time_ratio.value == pytest.approx(large.time.value / small.time.value, rel=1e-6)
        for which in (SMALL, replace(SMALL, fourfold=False, paper="1.3x")):
            header = paper_tables.sweep_header(which, modelled=False)
            shown = [paper_tables.sweep(row, which) for row in (large, small)]
            assert {len(cells) for cells in shown} == {len(header)}
            assert [cells[-1] for cells in shown] == [which.paper or "-", "-"]


def test_the_command_writes_its_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(SWEEPS, "complexity", SMALL)
    done = CliRunner().invoke(cli, ["speedup", "--experiment", "complexity", "--rounds", "1"])
    assert done.exit_code == 0, done.output
    assert "what is asked?" in done.stdout and "what is answered" in done.stdout
    kept = json.loads((tmp_path / "mobilecnn-speedup" / "complexity.json").read_text())
    assert kept["times"] == "measured"
    assert [row["base"] for row in kept["rows"]] == [base for _, base in SMALL.cases]
    assert kept["rows"][0]["time_over_base"] > 0 and kept["rows"][1]["time_over_base"] is None
    report = CliRunner().invoke(cli, ["report", "mobilecnn-speedup/complexity.json", "-o", "page.html"])
    assert report.exit_code == 0, report.output
    refused = CliRunner().invoke(cli, ["speedup", "--experiment", "groups", "--resolution", "480x640"])
    assert refused.exit_code == 2 and "--resolution is for table8; groups has sizes" in refused.stderr
