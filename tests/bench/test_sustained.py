"""What is said of a sustained load, on made-up windows: steady, throttled, drifting, noisy, too short."""

import dataclasses
import io
import json
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from test_stream import STREAM

from mobilecnn.bench.judge.streams import StreamSummary
from mobilecnn.bench.judge.sustained import FEWEST_WINDOWS, SustainedVerdict, judge, remarks
from mobilecnn.bench.pages import png, sustained_charts
from mobilecnn.bench.records.stream import State, StreamSeries, Window

Levels = npt.NDArray[np.float64]
COOL = State({"cpu0": 600_000, "cpu1": 1_500_000}, {"thermal_zone0 cpu-thermal": 48.2}, 0)


def windows(milliseconds: Sequence[float] | Levels, seconds: float = 5.0) -> list[Window]:
    """One window for each median."""
    made = []
    for number, ms in enumerate(milliseconds):
        median = float(ms) * 1e6
        low, high = int(median * 0.99), int(median * 1.05) + 1
        begin = number * seconds
        made.append(Window(begin, begin + seconds, 9, median, median, low, high, (low, high), 0.0, COOL))
    return made


def noise(count: int, spread: float, seed: int = 0) -> Levels:
    made: Levels = np.exp(np.random.default_rng(seed).normal(0, spread, count))
    return made


def test_steady() -> None:
    outcome = judge(windows(31 * noise(120, 0.005)))
    assert (outcome.verdict, outcome.seconds, outcome.changed_seconds) == ("steady", 600, None)
    assert str(outcome.finding).startswith("steady: the median stayed at 31.0 ms for 10.0 min, within 1.")
    assert outcome.first_ns == outcome.last_ns


def test_throttling_is_told_with_its_time_and_its_price() -> None:
    levels = np.where(np.arange(120) < 50, 31.0, 47.0) * noise(120, 0.01)
    outcome = judge(windows(levels))
    assert (outcome.verdict, outcome.changed_seconds) == ("slower", 250)
    assert (
        str(outcome.finding)
        == "after 4.2 min the median rose from 31.0 to 47.1 ms and stayed there: 66% of the first speed"
    )
    assert outcome.to_json()["changed_seconds"] == 250


def test_a_device_that_speeds_up() -> None:
    outcome = judge(windows(np.where(np.arange(60) < 12, 40.0, 31.0), 0.5))
    assert (outcome.verdict, outcome.changed_seconds) == ("faster", 6)
    assert str(outcome.finding).startswith(
        "after 6.0 s the median fell from 40.0 to 31.0 ms and stayed there: 129%"
    )


def test_a_drift() -> None:
    outcome = judge(windows(np.linspace(31, 36, 120) * noise(120, 0.005)))
    assert outcome.verdict == "drifting"
    assert outcome.first_ns == pytest.approx(31e6, rel=0.01) and outcome.last_ns == pytest.approx(
        36e6, rel=0.01
    )
    assert str(outcome.finding).endswith("ms in 10.0 min: 86% of the first speed")


@pytest.mark.parametrize(
    ("levels", "text"),
    [
        # All the time, after a while, for a while; only at the very end; noise.
        (np.where(np.arange(120) % 10 < 5, 31.0, 47.0), "undecided: the median moved between 31.0 and 47.0 ms, and no change stayed"),
        (
            np.where((np.arange(120) > 50) & (np.arange(120) % 2 > 0), 47.0, 31.0),
            "for 4.2 min the median was 31.0 ms, then it moved between 31.0 and 47.0 ms, and no change stayed",
        ),
        (
            np.where((np.arange(120) >= 42) & (np.arange(120) < 80), 47.0, 31.0),
            "for 3.5 min the median was 31.0 ms, then it moved between 31.0 and 47.0 ms",
        ),
        (np.r_[31 * noise(112, 0.03), [47.0] * 8], "ms, too near the end to tell whether that stays"),
        (31 * noise(120, 0.15), "undecided: the median moved between 25."),
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_undecided(levels: Levels, text: str) -> None:
    outcome = judge(windows(levels))
    assert outcome.verdict == "undecided"
    assert text in str(outcome.finding)
    assert outcome.changed_seconds is None


def test_mere_noise_is_never_a_change() -> None:
    """Neither much of it nor little, in few windows or in many."""
    for seed in range(40):
        for count in (FEWEST_WINDOWS, 60, 120):
            for spread in (0.002, 0.03, 0.1, 0.3):
                outcome = judge(windows(31 * noise(count, spread, seed)))
                assert outcome.verdict in ("steady", "undecided"), (seed, count, spread)


def test_single_slow_windows_move_nothing() -> None:
    levels = 31 * noise(120, 0.005)
    levels[[7, 50, 51, 90]] = 300
    assert judge(windows(levels)).verdict == "steady"
    levels[60:] *= 1.5
    assert judge(windows(levels)).changed_seconds == 300


def test_too_few_windows_are_undecided() -> None:
    outcome = judge(windows([31.0] * 10 + [47.0] * (FEWEST_WINDOWS - 11)))
    assert outcome.verdict == "undecided"
    finding = outcome.finding
    assert "19 windows are too few" in finding.text and finding.fix == "run it for longer"
    assert outcome.to_json()["finding"] == finding.to_json()
    assert judge(windows([31.0])).verdict == "undecided"


@given(st.lists(st.floats(1e-5, 1e7), min_size=1, max_size=60), st.floats(1e-3, 100))
def test_any_windows_get_a_sentence(levels: list[float], scale: float) -> None:
    outcome = judge(windows(levels))
    assert outcome.finding.text
    assert math.isfinite(outcome.first_ns) and math.isfinite(outcome.last_ns)
    assert (outcome.changed_seconds is not None) == (outcome.verdict in ("slower", "faster"))
    if outcome.verdict == "slower":
        assert outcome.last_ns > outcome.first_ns


def test_the_verdict_does_not_depend_on_the_unit() -> None:
    levels = np.where(np.arange(120) < 50, 31.0, 47.0) * noise(120, 0.01)
    verdicts: set[SustainedVerdict] = {judge(windows(levels * scale)).verdict for scale in (0.001, 1, 1000)}
    assert verdicts == {"slower"}


def test_what_the_device_did_meanwhile() -> None:
    hot = State({"cpu0": 600_000, "cpu1": 1_000_000}, {"thermal_zone0 cpu-thermal": 82.5}, 0x60006)
    cooler = dataclasses.replace(hot, temperatures_c={"thermal_zone0 cpu-thermal": 80.0})

    def series(other: float | None, *states: State) -> StreamSeries:
        made = [
            dataclasses.replace(window, state=state, other_cpu_seconds=other)
            for window, state in zip(windows([31.0] * len(states)), states, strict=True)
        ]
        start = dataclasses.replace(STREAM.series[0].start, state=states[0])
        return StreamSeries(start, None, tuple(made))

    assert list(map(str, remarks(series(0.2, COOL, hot, cooler)))) == [
        "clock 1.00 to 1.50 GHz",
        "48.2 C at the start, at most 82.5 C",
        "the firmware said: the clock is capped, throttled",
    ]
    dark = [State({}, {}, None)] * 3
    (unreadable,) = remarks(series(None, *dark))
    assert (unreadable.text, unreadable.severity) == ("no clock and no temperature can be read here", "note")
    _, others = remarks(series(2.0, *dark))
    assert others.text == "other programs, or the host of this virtual machine, used 40% of a core"
    assert others.fix.startswith("close them") and others.severity == "warning"


def test_a_stream_is_summarized_once_for_text_and_json() -> None:
    summary = StreamSummary.of(STREAM)
    (result,) = summary.sustained
    assert (result.model, summary.single) == (STREAM.models[0], ())
    assert result.outcome == judge(STREAM.series[0].windows)
    assert list(result.remarks) == remarks(STREAM.series[0])
    document = json.loads(json.dumps(summary.to_json()))
    assert document["plan"]["kind"] == "sustained" and "claim" not in document
    (row,) = document["results"]
    assert (row["file"], row["verdict"], row["finding"]["code"]) == ("a.tflite", "undecided", "few-windows")
    assert [remark["code"] for remark in row["remarks"]] == [remark.code for remark in result.remarks]


def test_the_chart_has_a_panel_for_all_that_is_known() -> None:
    def height(*states: State) -> int:
        dressed = [
            dataclasses.replace(window, state=state) for window, state in zip(made, states, strict=True)
        ]
        series = dataclasses.replace(STREAM.series[0], windows=tuple(dressed))
        drawn = png.draw(
            *sustained_charts.sustained(StreamSummary.of(dataclasses.replace(STREAM, series=(series,))))
        )
        with Image.open(io.BytesIO(drawn)) as picture:
            assert picture.format == "PNG"
            return picture.height

    made = windows([31.0, 47.0])
    dark, throttled = State({}, {}, None), dataclasses.replace(COOL, throttled=4)
    only_clock = dataclasses.replace(COOL, temperatures_c={})
    assert height(dark, dark) < height(only_clock, dark) < height(COOL, throttled)
