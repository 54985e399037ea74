"""What a measurement says: known samples, and when a result is not to be believed."""

import dataclasses
import json
from typing import Any

import pytest
from test_measurement import ANSWERS, GOOD, MS, QUIET, measurement, run, summed

from mobilecnn.bench.judge.findings import Finding, gathered
from mobilecnn.bench.judge.summary import Result, Summary, compare, summarize
from mobilecnn.bench.pages import remarks, terminal
from mobilecnn.bench.records.measurement import DIFFERS, NOT_CHECKED, Answers, Reading, Run


def alone(*runs: Run, **protocol: Any) -> Result:
    (result,) = summarize(measurement(*runs, rounds=len(runs), models=1, **protocol))
    return result


def quiet_but(**change: Any) -> tuple[str, ...]:
    """The reasons against three quiet rounds, each with ``change``."""
    return said(alone(*(run(number, 0, 10.0, 10.1, 10.2, **change) for number in range(3))))


def said(result: Result) -> tuple[str, ...]:
    """Its reasons as text."""
    return tuple(map(str, result.reasons))


def test_what_is_said_of_known_samples() -> None:
    first, second = summarize(GOOD)
    assert first.median.value == 10.1 * MS
    assert second.median.value == 20.2 * MS
    assert first.median.low <= 10.1 * MS <= first.median.high
    assert (first.rounds, first.count, first.minimum) == (3, 9, 10 * MS)
    # 10.0 x3, 10.1 x3, 10.2, 10.3, 10.4: rank 0.9 * 8 = 7.2
    assert first.p90 == pytest.approx(10.32 * MS)
    assert first.mean == pytest.approx((30 + 30.3 + 30.9) / 9 * MS)
    assert first.first == 30 * MS
    assert first.init == 5 * MS + 1
    assert (first.peak_rss, first.baseline_rss) == (52 << 20, 40 << 20)
    assert (first.runtime_version, first.xnnpack_partitions) == ("2.3.0", 1)
    assert first.valid
    assert first.reasons == ()
    document = first.to_json()
    assert document["median_ns"] == 10.1 * MS
    assert document["interval_ns"] == [first.median.low, first.median.high]
    assert document["valid"] is True


def test_models_are_compared_round_by_round() -> None:
    comparison = compare(GOOD, 1)
    assert comparison.ratio.value == pytest.approx(2)
    assert comparison.verdict == "slower"
    assert compare(GOOD, 0, base=1).verdict == "faster"
    assert compare(GOOD, 0).verdict == "undecided"
    assert comparison.to_json() == {
        "ratio": comparison.ratio.value, "interval": [comparison.ratio.low, comparison.ratio.high], "verdict": "slower",
        "valid": True, "notes": [],
    }  # fmt: skip


def clock(khz: int) -> Reading:
    return dataclasses.replace(QUIET, frequencies_khz={"cpu0": 600_000, "cpu1": khz})


def spin(milliseconds: float) -> Reading:
    return dataclasses.replace(QUIET, probe_ns=(int(milliseconds * MS),) * 5)


def test_quiet_is_valid() -> None:
    assert quiet_but() == ()
    assert quiet_but(before=clock(1_500_000), after=clock(1_440_000)) == ()
    assert quiet_but(before=spin(2.0), after=spin(2.15)) == ()
    assert quiet_but(other_cpu_seconds=0.19) == ()
    unreadable = Reading({}, (2_000_000,), {})
    assert quiet_but(before=unreadable, after=unreadable, other_cpu_seconds=None, peak_rss_bytes=None) == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"after": clock(1_000_000)}, ["clock moved between 1.00 and 1.50 GHz", "cpupower"]),
        ({"before": spin(2.0), "after": spin(2.3)}, ["speed moved", "2.00 and 2.30 ms", "cool"]),
        ({"other_cpu_seconds": 0.5}, ["used 48% of a core", "close them"]),
    ],
)
def test_each_unrest_has_its_one_reason_and_its_fix(change: dict[str, Any], words: list[str]) -> None:
    (reason,) = quiet_but(**change)
    for word in words:
        assert word in reason


def test_unrest_from_round_to_round_is_seen() -> None:
    levels = ((2.0, 2.0), (2.1, 2.2), (2.3, 2.4))
    runs = [run(n, 0, 10, 10, 10, before=spin(b), after=spin(a)) for n, (b, a) in enumerate(levels)]
    (reason,) = said(alone(*runs))
    assert "2.00 and 2.30 ms" in reason
    runs = [
        run(n, 0, 10, 10, 10, before=clock(k), after=clock(k))
        for n, k in enumerate((1_500_000, 1_500_000, 1_000_000))
    ]
    (reason,) = said(alone(*runs))
    assert "1.00 and 1.50 GHz" in reason


def test_one_stray_reading_is_no_reason() -> None:
    runs = [run(n, 0, 10, 10, 10, before=spin(5.0 if n == 1 else 2.0), after=spin(2.0)) for n in range(3)]
    assert alone(*runs).valid


def test_one_stray_sample_is_no_reason() -> None:
    runs = [run(n, 0, *[10.0, 10.1, 10.2] * 20, *([500.0] if n == 1 else [])) for n in range(3)]
    result = alone(*runs)
    assert result.valid
    assert result.median.relative_width < 0.02


def test_an_unsure_median_is_a_reason() -> None:
    (reason,) = said(alone(run(0, 0, 10, 10, 10), run(1, 0, 10.5, 10.5, 10.5), run(2, 0, 11, 11, 11)))
    assert "interval is 26% of the median wide" in reason
    assert "--rounds" in reason


def test_a_single_round_is_a_reason() -> None:
    (reason,) = said(alone(run(0, 0, 10, 10, 10)))
    assert "--rounds 3" in reason


def test_a_time_limit_is_a_reason() -> None:
    (reason,) = said(alone(*(run(number, 0, 10, 10, 10) for number in range(3)), runs=50))
    assert reason.startswith("only 3 of 50 runs")


def test_a_summary_in_place_of_samples() -> None:
    result = alone(*(summed(number, 10.5) for number in range(3)), runs=50)
    assert (result.median.value, result.of_means, result.reasons) == (10.5 * MS, False, ())
    assert (result.count, result.minimum, result.p90) == (150, 10 * MS, None)
    assert result.mean == 11 * MS
    assert result.to_json()["p90_ns"] is None
    means = alone(*(summed(number, None) for number in range(3)), runs=50)
    assert (means.median.value, means.of_means) == (11 * MS, True)


@pytest.mark.parametrize(("status", "name"), [(1, "light"), (3, "severe"), (9, "shutdown")])
def test_a_phone_that_throttles_is_a_reason(status: int, name: str) -> None:
    hot = Reading({}, (), {}, thermal_status=status)
    quiet = Reading({}, (), {}, thermal_status=0)
    runs = (dataclasses.replace(summed(number, 10.5), before=quiet, after=hot) for number in range(3))
    (reason,) = said(alone(*runs, runs=50))
    assert f"(thermal status {status}, {name})" in reason


def test_the_result_says_what_is_known_of_the_answers() -> None:
    first, second = summarize(GOOD)
    assert first.to_json()["answers"] == dataclasses.asdict(ANSWERS[0])
    assert second.to_json()["answers"]["verdict"] == NOT_CHECKED
    with pytest.raises(ValueError, match="a reason exactly when"):
        Answers(DIFFERS)


def test_a_summary_is_computed_once_and_holds_all() -> None:
    summary = Summary.of(GOOD)
    assert summary.results == summarize(GOOD)
    assert summary.relative == (None, compare(GOOD, 1))
    assert summary.compare(1, 0) is summary.relative[1]
    assert summary.compare(0, 1) == compare(GOOD, 0, 1)
    document = json.loads(json.dumps(summary.to_json()))
    assert document["device"] == json.loads(json.dumps(GOOD.to_json()))["device"]
    first, second = document["results"]
    assert first["time_relative_to_first"] is None
    assert second["time_relative_to_first"] == compare(GOOD, 1).to_json()
    header, (one, two) = terminal.HEADER, terminal.rows(summary)
    assert len(one) == len(two) == len(header) and two[-1] == "slower"
    assert f"{document['results'][0]['median_ns'] / 1e6:.3f}" == one[2]


def test_findings_are_data_and_gathered_with_what_they_are_said_of() -> None:
    moved = [
        run(number, model, 10.0, 10.1, 10.2, after=clock(1_000_000))
        for number in range(3)
        for model in range(2)
    ]
    made = measurement(*moved)
    summary = Summary.of(dataclasses.replace(made, device=dataclasses.replace(made.device, board="A board")))
    results = summary.results
    ((finding, files),) = gathered(
        (name, reason) for name, result in summary.named for reason in result.reasons
    )
    assert files == ("0.tflite", "1.tflite")
    assert (finding.code, finding.text) == ("clock-moved", "the clock moved between 1.00 and 1.50 GHz")
    assert str(finding) == f"{finding.text}: {finding.fix}"
    assert results[0].to_json()["reasons"] == [
        {"code": finding.code, "text": finding.text, "fix": finding.fix, "severity": "invalid"}
    ]
    assert [[warning.code for warning in result.warnings] for result in results] == [["unseen"]] * 2
    said, warned, *answers = remarks.results(summary.named)
    assert said == f"INVALID: all 2: {finding}"
    assert warned == f"Warning: {results[0].warnings[0]}"
    assert answers == [f"answers not checked: {ANSWERS[1].reason}: 1.tflite"]


def test_a_warning_about_all_stands_without_names() -> None:
    warning = Finding("a", "it is warm", "wait", "warning")
    reason = Finding("b", "it is hot", "")
    said = [("x", warning), ("y", warning), ("x", reason), ("y", reason)]
    assert remarks.lines(said, 2) == ["INVALID: all 2: it is hot", "Warning: it is warm: wait"]
    assert remarks.lines(said, 3) == ["INVALID: x, y: it is hot", "Warning: x, y: it is warm: wait"]
    assert remarks.lines(said[:1], 2) == ["Warning: x: it is warm: wait"]
    assert remarks.lines(said[1:2]) == ["Warning: y: it is warm: wait"]


def test_a_finding_without_a_remedy_is_its_text_alone() -> None:
    a, b = Finding("a", "one", ""), Finding("b", "two", "mend it", "warning")
    assert [str(a), str(b)] == ["one", "two: mend it"]
    assert gathered([("x", b), ("y", a), ("y", b), ("x", b)]) == [(a, ("y",)), (b, ("x", "y"))]


def used(share: str, program: str = "chrome") -> Finding:
    return Finding("other-programs", f"others used {share} of a core ({program})", "close them")


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        # One figure that differs becomes a range.
        (
            [("x", used("38%")), ("y", used("9.5%")), ("z", used("52%"))],
            ["INVALID: x, y, z: others used 9.5 to 52% of a core (chrome): close them"],
        ),
        # Other words are another reason, and so are two figures.
        (
            [("x", used("38%")), ("y", used("40%", "make"))],
            [
                "INVALID: x: others used 38% of a core (chrome): close them",
                "INVALID: y: others used 40% of a core (make): close them",
            ],
        ),
        (
            [("x", used("38%", "a 1")), ("y", used("40%", "a 2"))],
            [
                "INVALID: x: others used 38% of a core (a 1): close them",
                "INVALID: y: others used 40% of a core (a 2): close them",
            ],
        ),
        # Digits of a name are no figure.
        (
            [("x", used("38%", "python3.9")), ("y", used("40%", "python3.11"))],
            [
                "INVALID: x: others used 38% of a core (python3.9): close them",
                "INVALID: y: others used 40% of a core (python3.11): close them",
            ],
        ),
        # Another remedy is another line.
        (
            [("x", Finding("c", "it is 1", "cool it")), ("y", Finding("c", "it is 2", "wait"))],
            ["INVALID: x: it is 1: cool it", "INVALID: y: it is 2: wait"],
        ),
        # What most have is first, whatever was said first; a digit in a name is no figure.
        (
            [("x", Finding("a", "pi4 is odd", "")), ("y", used("1%")), ("z", used("1%"))],
            ["INVALID: y, z: others used 1% of a core (chrome): close them", "INVALID: x: pi4 is odd"],
        ),
    ],
)
def test_a_reason_is_one_line(said: list[tuple[str, Finding]], expected: list[str]) -> None:
    assert remarks.lines(said, 9) == expected
