"""The papers' experiments: their networks are what the tables say, and they are timed."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from mobilecnn.bench.devices.local.device import LocalDevice
from mobilecnn.bench.pages import charts, paper_tables, png
from mobilecnn.bench.papers import decomposition, experiments, speedup
from mobilecnn.bench.papers.experiments import GUIDELINES, SCALES, guidelines, network
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.records.published import (
    BASELINES,
    RATIO_OF_224,
    RATIOS,
    RESOLUTIONS,
    TABLE_8,
    UNKNOWN,
    actual,
    notes,
    theoretical,
)
from mobilecnn.cli import cli
from mobilecnn.cli import speedup as command
from mobilecnn.convert.graph import build as graphs
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.inspection import inspect, macs
from mobilecnn.networks import exporter

SHORT = Protocol(rounds=1, warmup_runs=0, warmup_seconds=0, runs=2, seconds=0)


@pytest.mark.parametrize("guideline", GUIDELINES, ids=lambda guideline: guideline.name)
@pytest.mark.parametrize("scale", SCALES)
def test_the_networks_of_a_guideline_cost_the_same(guideline: experiments.Guideline, scale: int) -> None:
    counts = [
        sum(
            macs(operation)
            for operation in flatbuffer.graph(network(case, scale, "float32"), case.label).operations
        )
        for case in guideline.cases
    ]
    assert max(counts) < 1.07 * min(counts)


def test_fragments_are_as_wide_as_their_multiply_adds_allow() -> None:
    (third,) = (guideline for guideline in GUIDELINES if guideline.name == "G3")
    for case, fragments in zip(third.cases, (1, 2, 4, 2, 4), strict=True):
        assert case.channels == (round(64 / math.sqrt(fragments)),)
        kinds = [
            operation.kind for operation in flatbuffer.graph(network(case, 1, "int8"), case.label).operations
        ]
        assert kinds.count("CONV_2D") == 10 * fragments
        assert kinds.count("ADD") == (10 * (fragments - 1) if "parallel" in case.label else 0)


def test_element_wise_operations_come_and_go() -> None:
    (fourth,) = (guideline for guideline in GUIDELINES if guideline.name == "G4")
    for case in fourth.cases:
        graph = flatbuffer.graph(network(case, 1, "float32"), case.label)
        relus = sum(operation.options.fusedActivationFunction != 0 for operation in graph.operations)
        adds = sum(operation.kind == "ADD" for operation in graph.operations)
        assert adds == (10 if "shortcut" in case.label and "no" not in case.label else 0)
        assert relus == (30 if "ReLU" in case.label and "no" not in case.label else 0)


def test_what_the_paper_recommends_is_the_fastest_there() -> None:
    for guideline in GUIDELINES:
        for column in range(len(SCALES)):
            rates = [case.published[column] for case in guideline.cases]
            assert rates[0] == max(rates)


def test_guidelines_on_this_machine(tmp_path: Path) -> None:
    rows, measurement = guidelines(LocalDevice(), SHORT, tmp_path, ("float32",), (1,))
    assert [row.guideline for row in rows] == [g.name for g in GUIDELINES for _ in g.cases]
    assert len(measurement.models) == len(rows) == 17
    for row, model in zip(rows, measurement.models, strict=True):
        assert row.macs == inspect(Path(model.file)).macs > 60e6
        assert row.per_second > 0 and row.published == row.case.published[0]
        first = next(other for other in rows if other.guideline == row.guideline)
        # How many images a second here over there: the ratio of the medians, upside down.
        assert row.rate.value == pytest.approx(row.per_second / first.per_second, rel=1e-6)
        assert row.paper_rate == pytest.approx(row.published / first.published)


def test_the_papers_resolutions() -> None:
    # Section 4.5: "~13x actual speedup" of ShuffleNet 0.5x over AlexNet.
    alexnet, half = TABLE_8[:2]
    ratios = [round(alexnet.at(size) / half.at(size), 2) for size in RESOLUTIONS]
    assert ratios == [12.11, 13.23, 13.97]
    assert tuple(RESOLUTIONS) == command.RESOLUTIONS
    assert command.DEFAULT == speedup.FORMATS == graphs.DTYPES


def test_the_papers_theoretical_speedup_is_that_of_224_at_every_resolution() -> None:
    half = TABLE_8[1]
    assert round(theoretical(half), 2) == 18.95
    assert [round(actual(half, size) / theoretical(half), 2) for size in RESOLUTIONS] == [0.64, 0.7, 0.74]
    assert [notes(size) for size in RESOLUTIONS] == [
        (UNKNOWN, RATIOS),
        *[(UNKNOWN, RATIOS, RATIO_OF_224)] * 2,
    ]
    # What the text says stands beside what the table gives.
    for figure in ("13x actual", "18x theoretical", f"{actual(half):.1f}x", f"{theoretical(half):.1f}x"):
        assert figure in RATIOS
    assert f"480 x 640 {actual(half, '480x640'):.1f}x" in RATIOS


@pytest.mark.parametrize(
    "bases",
    [
        pytest.param(("alexnet", "alexnet_lrn"), marks=pytest.mark.sweep),
        ("mobilenet_v1_x0.25_224", "mobilenet_v1_x0.5_224"),
    ],
)
def test_another_resolution(bases: tuple[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The same way at a size that does not take minutes; converting AlexNet's 60 million weights takes one by itself.
    baselines = tuple(replace(row, model=name) for row, name in zip(BASELINES, bases, strict=True))
    rows = (*baselines, TABLE_8[1])
    monkeypatch.setitem(RESOLUTIONS, "480x640", (240, 256))
    monkeypatch.setattr(speedup, "BASELINES", baselines)
    monkeypatch.setattr(charts, "BASELINES", baselines)
    monkeypatch.setattr(speedup, "NETWORKS", rows)
    export = exporter(("float16",), tmp_path, RESOLUTIONS["480x640"])
    made = speedup.speedup(export, LocalDevice(), SHORT, formats=("float16",), resolution="480x640")
    assert tuple(row.published for row in made.rows) == rows
    assert {(row.resolution, row.format) for row in made.rows} == {("480x640", "float16")}
    plot = charts.speedups(made.rows)
    assert [(series.name, len(series.points)) for series in plot.series] == [
        ("float16, over AlexNet", 1),
        ("float16, over AlexNet+LRN", 1),
        ("paper: float32, Snapdragon 820", 1),
    ]
    assert png.draw([plot], "title").startswith(b"\x89PNG")
    assert made.rows[2].paper_actual == pytest.approx(1156.7 / 87.4)
    assert made.to_json()["notes"] == [UNKNOWN, RATIOS, RATIO_OF_224]
    for model in made.record.models:
        seen = inspect(Path(model.file))
        assert [tensor.shape for tensor in seen.inputs] == [(1, 240, 256, 3)]
    assert paper_tables.speedup_paper(made.rows[2])[2] == "87.4"


def test_decomposition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(decomposition, "NETWORKS", ("lenet5",))
    done = CliRunner().invoke(cli, ["speedup", "--experiment", "decomposition", "--rounds", "1"])
    assert done.exit_code == 0, done.output
    kept = json.loads((tmp_path / "mobilecnn-speedup" / "decomposition.json").read_text())
    (network,) = kept["networks"]
    assert network["model"]["file"].endswith("lenet5.float32.tflite")
    shares = {group["group"]: group["share"] for group in network["groups"]}
    assert "fully connected" in shares and all(f"{name} " in done.stdout for name in shares)
    assert len(list((tmp_path / "mobilecnn-speedup").glob("decomposition-lenet5.float32-*.json"))) == 1


def test_a_resolution_for_an_experiment_without() -> None:
    done = CliRunner().invoke(cli, ["speedup", "--experiment", "guidelines", "--resolution", "480x640"])
    assert done.exit_code == 2 and "--resolution is for table8" in done.stderr


def test_a_format_that_the_guidelines_do_not_know() -> None:
    done = CliRunner().invoke(cli, ["speedup", "--experiment", "guidelines", "--format", "dynamic"])
    assert done.exit_code == 2 and "whose networks are written in one of: float32, int8" in done.stderr


def test_the_guidelines_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(experiments, "GUIDELINES", GUIDELINES[1:2])
    done = CliRunner().invoke(cli, ["speedup", "--experiment", "guidelines", "--rounds", "1"])
    assert done.exit_code == 0, done.output
    assert "G2: few groups" in done.stdout and "8 groups, x4" in done.stdout
    kept = json.loads((tmp_path / "mobilecnn-speedup" / "guidelines.json").read_text())
    assert kept["times"] == "measured"
    assert [row["channels"] for row in kept["rows"] if row["scale"] == 2] == [[128], [180], [256], [368]]
    assert Path(kept["measurement"]).is_file()
