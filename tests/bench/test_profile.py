"""Where the time goes: what the parts' times say, and the whole thing on this machine."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from installed import INSTALLED

from mobilecnn.bench.devices.local.device import LocalDevice
from mobilecnn.bench.devices.seam import Answer
from mobilecnn.bench.pages import charts, png
from mobilecnn.bench.pages.remarks import BOUND
from mobilecnn.bench.records.chips import CHIPS
from mobilecnn.bench.records.instructions import Instructions
from mobilecnn.bench.records.measurement import VERIFIED, Measurement
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing.limits import Bandwidth
from mobilecnn.bench.timing.profile import Profile, analyse, profile
from mobilecnn.bench.timing.times import times
from mobilecnn.cli import profile as command
from mobilecnn.cli import speedup_experiments as decomposition
from mobilecnn.convert.graph.cut import Part, cut
from mobilecnn.convert.inspection import inspect
from mobilecnn.errors import EnvironmentProblem, ModelFileError

SHORT = Protocol(rounds=2, warmup_runs=1, warmup_seconds=0, runs=4, seconds=0)


@pytest.fixture(scope="module")
def profiled(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Profile:
    return profile(exported / "theirs.float32.tflite", LocalDevice(), SHORT, tmp_path_factory.mktemp("parts"))


def test_a_real_file_on_this_machine(profiled: Profile, exported: Path) -> None:
    path = exported / "theirs.float32.tflite"
    parts = cut(path.read_bytes(), str(path))
    assert [row.part for row in profiled.rows] == list(parts)
    assert all(row.median is not None and row.median.value > 0 for row in profiled.rows)
    assert all(row.share > 0 for row in profiled.rows)
    assert profiled.record.models[0].answers.verdict == VERIFIED
    assert profiled.peak > 0 and profiled.peak_dtype == "float32"
    assert profiled.bandwidth is not None and profiled.bandwidth.bytes_per_second > 0
    assert sum(group.macs for group in profiled.groups()) == inspect(path).macs
    assert [group.time for group in profiled.groups()] == sorted(
        (g.time for g in profiled.groups()), reverse=True
    )


@pytest.mark.parametrize("runtime", INSTALLED)
def test_int8_is_held_against_the_int8_product(exported: Path, tmp_path: Path, runtime: str) -> None:
    protocol = replace(SHORT, runtime=runtime, rounds=1)
    profiled = profile(exported / "theirs.int8.tflite", LocalDevice(), protocol, tmp_path)
    assert profiled.peak_dtype == "int8"
    assert inspect(Path(profiled.record.models[2].file)).macs == 67_108_864
    assert profiled.record.models[2].file.endswith("matrix-product.tflite")


def part(
    key: str, macs: int = 0, content: bytes | None = b"x", detail: str = "", kind: str = "CONV_2D"
) -> Part:
    reason = "" if content else "it takes int32"
    return Part(key, kind, (1, 2), "float32", detail, macs, 100, content, reason, key)


def with_times(profiled: Profile, samples: dict[int, list[int]]) -> Measurement:
    """The real measurement with other samples: model -> ns in each round."""
    document: dict[str, Any] = profiled.record.to_json()
    for run in document["runs"]:
        run["samples_ns"] = [samples.get(run["model"], [1, 1])[run["round"]]] * 3
    return Measurement.from_json(document)


def test_what_known_times_say(profiled: Profile) -> None:
    measurement = with_times(
        profiled, {0: [9_000, 9_000], 1: [100, 100], 2: [2_000, 2_000], 3: [4_000, 4_000], 4: [1_000, 1_000]}
    )
    parts = [
        part("a", 500, detail="convolution 1x1"),
        part("b", kind="ADD"),
        part("a", 500, detail="convolution 1x1"),
    ]
    said = analyse(
        times(measurement),
        [*parts, part("c", content=None, kind="ODD")],
        {"a": 3, "b": 4},
        8_000,
        "int8",
        None,
    )
    assert said.total.value == pytest.approx(9_000)
    assert said.ratio.value == pytest.approx(1.0)
    assert [said.call, said.whole.value] == pytest.approx([100, 9_000])
    assert said.peak == pytest.approx(8e9)  # 16 000 operations in 2 us
    assert [row.share for row in said.rows] == pytest.approx([4 / 9, 1 / 9, 4 / 9, 0])
    assert said.rows[0].flops == pytest.approx(1000 / 4e-6)
    assert said.rows[0].intensity == 10
    assert said.rows[1].flops is None and said.rows[3].median is None
    groups = [(group.name, group.count, group.macs, round(group.time)) for group in said.groups()]
    assert groups == [("convolution 1x1", 2, 1000, 8000), ("element-wise", 1, 0, 1000), ("other", 1, 0, 0)]
    document = said.to_json()
    assert document["bandwidth_bytes_per_second"] is None
    (reason,) = document["operators"][3]["reasons"]
    assert (reason["code"], reason["text"]) == ("not-timed-apart", "it takes int32")


def test_the_fastest_pass_is_the_bandwidth() -> None:
    assert Bandwidth(1000, (10, 5, 20)).bytes_per_second == 2e11
    for wrong in ((0, (1,)), (10, ()), (10, (0,))):
        with pytest.raises(ValueError, match="no passes"):
            Bandwidth(*wrong)


def test_the_chart_is_a_picture(profiled: Profile) -> None:
    roofs = []
    for shown in (profiled, replace(profiled, bandwidth=None)):
        plot = charts.roofline(shown)
        assert png.draw([plot], "title").startswith(b"\x89PNG")
        roofs.append([series.name.split(":")[0] for series in plot.series if series.line])
        keys = {row.part.key for row in profiled.rows if row.flops is not None}
        assert sum(len(series.points) for series in plot.series if not series.line) == len(keys)
    assert roofs == [["float32 matrix product", "memory"], ["float32 matrix product"]]


def on_chip(profiled: Profile, name: str) -> Profile:
    """The profile as if its times were modelled on a chip."""
    record = Instructions.read(Path(__file__).parents[1] / "samples" / "instructions-2.json")
    assert record.model is not None
    return replace(
        profiled, record=replace(record, model=replace(record.model, chip=CHIPS[name])), bandwidth=None
    )


def test_what_is_modelled_is_named_so_wherever_a_figure_stands(profiled: Profile) -> None:
    for shown, named in ((profiled, False), (on_chip(profiled, "pi5"), True)):
        plot = charts.roofline(shown)
        lines = command._lines(shown)
        (product,) = (line for line in lines if "matrix product" in line)
        said = [plot.y.label, plot.what, *lines[:2], product, *command._groups(shown).splitlines()[:1]]
        assert ["modelled" in words for words in said] == [named] * len(said)
        # What is published of a chip is neither measured nor modelled.
        roofs = [series.name for series in plot.series if series.line]
        assert ["published" in roof and "modelled" not in roof for roof in roofs] == [named] * 2
        assert shown.to_json()["times"] == ("modelled" if named else "measured")
        shares = decomposition._shares([("net", "float32", shown)])
        assert ["modelled" in row[0] for row in shares[-2:]] == [named] * 2
        assert (BOUND in lines) == named


@pytest.mark.parametrize(
    ("chip", "dtype", "peak", "memory"),
    [
        ("pi3", "float32", 11.2, 2.26),
        ("pi4", "float32", 14.4, 5.16),
        ("pi4", "int8", 28.8, 5.16),
        ("pi4-1500mhz", "float32", 12.0, 5.1),
        ("pi5", "float32", 38.4, 12.05),
        ("pi5", "int8", 153.6, 12.05),
        ("rk3399", "float32", 14.4, 7.3),
        ("sd810", "float32", 16.0, None),
        ("sd820", "float32", 17.2, None),
        ("sd821", "float32", 18.8, None),
        ("sd855", "float32", 45.44, None),
        ("sd855plus", "int8", 189.44, None),
    ],
)
def test_speeds_on_a_modelled_chip_are_held_against_what_is_published_of_it(
    profiled: Profile, chip: str, dtype: str, peak: float, memory: float | None
) -> None:
    shown = replace(on_chip(profiled, chip), peak_dtype=dtype)
    limits = shown.to_json()["limits"]
    assert limits["flop_per_second"] == pytest.approx(peak * 1e9) and limits["published"]
    assert limits["bytes_per_second"] == (None if memory is None else pytest.approx(memory * 1e9))
    row = next(row for row in shown.rows if row.flops)
    assert row.flops is not None
    assert command._cells(row, shown.limits.flop_per_second)[7] == f"{row.flops / peak / 1e9:.0%}"
    lines = command._lines(shown)
    assert any(f"peak of one core, {dtype}: {peak:.1f} G" in line and "published" in line for line in lines)
    assert any(
        ("no published bandwidth was found" if memory is None else f"{memory:.2f} GB/s, published") in line
        for line in lines
    )
    roofs = [series.name.split(":")[0] for series in charts.roofline(shown).series if series.line]
    assert roofs == ([f"{dtype}, one core"] if memory is None else [f"{dtype}, one core", "memory"])


def test_a_worker_that_talks_nonsense_of_its_memory(exported: Path, tmp_path: Path) -> None:
    class Odd(LocalDevice):
        def bandwidth(self, threads: int, timeout: float) -> Answer:
            return {"bytes": 1, "samples_ns": []}

    with pytest.raises(EnvironmentProblem, match="bandwidth of local answered wrongly: "):
        profile(exported / "theirs.int8.tflite", Odd(), SHORT, tmp_path)


def test_no_model(tmp_path: Path) -> None:
    (tmp_path / "no.tflite").write_bytes(b"no")
    with pytest.raises(ModelFileError, match=r"no\.tflite is not a \.tflite file"):
        profile(tmp_path / "no.tflite", LocalDevice(), SHORT, tmp_path)
