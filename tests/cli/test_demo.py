"""The demo and the paper's table, run as a user runs them."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from proposed import proposed

from mobilecnn.bench.papers import speedup
from mobilecnn.bench.records import published
from mobilecnn.bench.records.measurement import Measurement
from mobilecnn.bench.timing.times import times
from mobilecnn.cli import cli


# Epochs, and the accuracy that the network reaches in them at least. The demo's own twelve take a minute more.
@pytest.mark.parametrize(
    ("epochs", "reached"), [("4", 0.9), pytest.param("12", 0.97, marks=pytest.mark.sweep)]
)
def test_the_demo_does_the_main_job(tmp_path: Path, epochs: str, reached: float) -> None:
    program = Path(sys.executable).with_name("mobilecnn")
    done = subprocess.run(
        [program, "demo", "--rounds", "1", "--epochs", epochs, "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)

    accuracy = {row["format"]: row["accuracy"] for row in document["accuracy"]}
    assert set(accuracy) == {"keras", "float32", "float16", "int8", "dynamic"}
    assert accuracy["keras"] >= reached
    # The same arithmetic in another order: at most one image on the edge may fall otherwise.
    assert abs(accuracy["float32"] - accuracy["keras"]) <= 1 / 359 + 1e-9
    # The demo's promise: int8 within one point of float32 on the held-out digits.
    assert abs(accuracy["int8"] - accuracy["float32"]) <= 0.01
    assert [row["verdict_against_first"] for row in document["accuracy"]][1:] == ["undecided"] * 4

    rows = {(row["model"], row["format"]): row for row in document["speedup"]["rows"]}
    assert set(rows) == {(row.model, name) for row in published.NETWORKS for name in ("float32", "int8")}
    small = rows["shufflenet_v1_x0.5_g3", "float32"]
    assert small["theoretical_speedup"] == pytest.approx(724.41 / 37.59, rel=1e-3)
    assert small["paper_snapdragon_820"]["actual_speedup"] == pytest.approx(12.11, abs=0.01)
    # How much faster it is here than AlexNet is a result and no test.
    base = rows["alexnet", "float32"]
    assert small["actual_speedup"] == pytest.approx(base["median_ns"] / small["median_ns"], rel=0.01)
    normalized = rows["alexnet_lrn", "float32"]
    over = small["over_alexnet_lrn"]
    assert over["actual_speedup"] == pytest.approx(normalized["median_ns"] / small["median_ns"], rel=0.01)
    assert document["speedup"]["notes"] == [published.UNKNOWN, published.RATIOS]
    for chip in document["stored"]:
        assert chip["times"] == "modelled" and chip["created"] and len(chip["rows"]) == len(rows)
    assert len(document["stored"]) == 2

    page = tmp_path / "mobilecnn-demo" / "index.html"
    assert document["page"] == str(page.relative_to(tmp_path))
    # Long names may break.
    text = page.read_text().replace("<wbr>", "")
    assert text.count("<figure") == 3 and text.count('class="plot"') == 2 and 'class="mark' in text
    assert not re.search(r'src=|href="(?!#)', text), "the page needs nothing from elsewhere"
    for words in (
        "The answer",
        "digits.int8.tflite",
        "ShuffleNet 0.5x (g=3)",
        "1. Trained",
        "held-out",
        "over AlexNet+LRN",
        "Unknown of the paper",
        "Snapdragon 820, modelled ms",
        "Stored, not made on this machine",
    ):
        assert words in text
    records = sorted(path.name for path in page.parent.glob("measurement-*.json"))
    assert len(records) == 2


def test_speedup_writes_its_table_chart_and_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Another network under AlexNet's name: converting its 60 million weights takes a minute, and the demo does it.
    names = ("mobilenet_v1_x0.25_128", "mobilenet_v1_x0.25_160")
    stand_ins = tuple(replace(row, model=name) for row, name in zip(published.BASELINES, names, strict=True))
    monkeypatch.setattr(speedup, "BASELINES", stand_ins)
    monkeypatch.setattr(speedup, "NETWORKS", (*stand_ins, published.TABLE_8[1]))
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli, ["speedup", "--rounds", "1"])
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[1].split()[:2] == ["model", "format"]
    assert [line.split()[0] for line in lines[3:9]] == ["AlexNet", "AlexNet+LRN", "ShuffleNet"] * 2
    assert lines[9:11] == [published.UNKNOWN, published.RATIOS]

    folder = tmp_path / "mobilecnn-speedup"
    assert (folder / "speedup.png").read_bytes()[:4] == b"\x89PNG"
    document = json.loads((folder / "speedup.json").read_text())
    assert proposed(done.stderr) == [["tables", "shufflenet-8", "--times", document["measurement"]]]
    measured = Measurement.read(tmp_path / document["measurement"])
    rows = {(row["model"], row["format"]): row for row in document["rows"]}
    # The table is a pure function of the measurement file.
    for row in speedup.table(times(measured)):
        assert rows[row.published.model, row.format] == json.loads(json.dumps(row.to_json()))
    small = rows["shufflenet_v1_x0.5_g3", "int8"]
    assert small["base"] == names[0]
    for name, over in zip(names, (small, small[f"over_{names[1]}"]), strict=True):
        base = rows[name, "int8"]
        itself = base if name == names[0] else base[f"over_{name}"]
        assert itself["actual_speedup"] == itself["theoretical_speedup"] == 1
        assert over["theoretical_speedup"] == base["macs"] / small["macs"]
        assert over["actual_speedup"] == pytest.approx(base["median_ns"] / small["median_ns"], rel=0.01)
        assert over["efficiency"] == pytest.approx(over["actual_speedup"] / over["theoretical_speedup"])
        low, high = over["actual_speedup_interval"]
        assert low <= over["actual_speedup"] <= high


def test_the_papers_figures() -> None:
    """Table 8's derived columns, from its milliseconds and MFLOPs."""
    alexnet, *others = published.TABLE_8
    derived = [
        (round(alexnet.mflops / row.mflops, 2), round(alexnet.at("224") / row.at("224"), 2)) for row in others
    ]
    assert derived == [(18.95, 12.11), (5.14, 4.87), (1.37, 1.69), (1.27, 1.67)]
