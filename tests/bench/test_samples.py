"""Records of today, kept as files: they still read, and what they say is unchanged.

``tests/samples/said.json`` was written when the records were. A new version of a record adds a sample
and leaves the older ones.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mobilecnn.bench.judge import instructions
from mobilecnn.bench.judge.single_stream import single_stream
from mobilecnn.bench.judge.statistics import Interval
from mobilecnn.bench.judge.streams import StreamSummary
from mobilecnn.bench.judge.summary import Summary
from mobilecnn.bench.pages import report, result_files
from mobilecnn.bench.papers import speedup
from mobilecnn.bench.records.instructions import Instructions
from mobilecnn.bench.records.measurement import Measurement
from mobilecnn.bench.records.stream import Stream
from mobilecnn.bench.timing.times import times
from mobilecnn.errors import CheckFailed
from mobilecnn.quantize.evaluation import Evaluation
from mobilecnn.records import Stored

SAMPLES = Path(__file__).parent.parent / "samples"
REWORDED = {"); on the device: ": "): run on the device: "}
"""Words of the samples -> the words for the same today."""


def said(name: str) -> Any:
    """What a sample says, in today's words."""
    text = (SAMPLES / name).read_text()
    for old, new in REWORDED.items():
        text = text.replace(old, new)
    return json.loads(text)


SAID: dict[str, Any] = said("said.json")
MEASUREMENTS = sorted(path.name for path in SAMPLES.glob("measurement-*.json"))
KINDS: dict[str, type[Stored]] = {
    "measurement-4.json": Measurement,
    "measurement-4-phone.json": Measurement,
    "stream-2.json": Stream,
    "instructions-3.json": Instructions,
    "evaluation-6.json": Evaluation,
}
"""Samples of the versions that are written today."""


def plain(value: Any) -> Any:
    """As JSON, and findings as the sentences that they were when the samples were made."""
    if isinstance(value, dict) and {"code", "text", "fix", "severity"} == set(value):
        return f"{value['text']}: {value['fix']}" if value["fix"] else value["text"]
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def near(value: Any) -> Any:
    """Equal but for the last digits, which another numpy may compute otherwise."""
    if isinstance(value, dict):
        return {key: near(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [near(inner) for inner in value]
    return pytest.approx(value, rel=1e-9) if isinstance(value, float) else value


def test_there_is_a_sample_of_each_version_that_is_read() -> None:
    assert [name.split("-")[1][0] for name in MEASUREMENTS] == ["1", "2", "3", "3", "4", "4"]
    versions = {*Measurement.UPGRADES, Measurement.VERSION}
    assert versions == {json.loads((SAMPLES / name).read_text())["version"] for name in MEASUREMENTS}
    for name, kind in KINDS.items():
        assert json.loads((SAMPLES / name).read_text())["version"] == kind.VERSION


@pytest.mark.parametrize("name", KINDS)
def test_todays_version_is_written_as_it_was(name: str) -> None:
    """The same members in the same order, and the same values."""
    document = json.loads((SAMPLES / name).read_text())
    record = KINDS[name].read(SAMPLES / name)
    assert json.dumps(record.to_json(), indent=1) == json.dumps(document, indent=1)


def test_evaluations_of_older_versions_read_and_say_nothing_of_what_they_did_not_know() -> None:
    old, new, third, fourth, fifth, sixth = (
        Evaluation.read(SAMPLES / f"evaluation-{version}.json") for version in (1, 2, 3, 4, 5, 6)
    )
    unsaid_times: dict[str, Any] = {
        "interval": None,
        "inference_interval": None,
        "decoding": None,
        "running": None,
        "inference": None,
    }
    for row, before in zip(sixth.results, fifth.results, strict=True):
        assert row.speed is not None and row.speed.interval is not None
        assert replace(row.speed, **unsaid_times) == before.speed and row == replace(before, speed=row.speed)
    speed = fifth.results[0].speed
    assert speed is not None and speed.images_per_second == speed.images / 2.25
    today = replace(fifth, results=tuple(replace(row, speed=None, parameters=None) for row in fifth.results))
    assert fourth == today
    without = tuple(replace(row, figures=None) for row in today.results)
    assert today.results[0].figures is not None and third == replace(today, results=without)
    assert new == replace(third, remarks=()) and today.remarks[0].names == ("2 .txt", "1 .csv")
    document = today.to_json()
    remarks = [{"code": "hidden", "count": 1, "text": "1 hidden"}]
    unknown = ("figures", "speed", "parameters")
    results = [
        {key: value for key, value in row.items() if key not in unknown} for row in document["results"]
    ]
    older = {**document, "version": 2, "results": results, "remarks": remarks}
    (remark,) = Evaluation.from_json(older).remarks
    assert (remark.text, remark.names) == ("1 hidden", ())
    unsaid = tuple(replace(row, output_kind="unknown", positive="", not_finite=None) for row in new.results)
    assert old == replace(new, results=unsaid)


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_what_measurements_say(name: str) -> None:
    results = Summary.of(Measurement.read(SAMPLES / name)).to_json()["results"]
    relative = [result.pop("time_relative_to_first") for result in results]
    assert {"results": plain(results), "relative": relative[1:]} == near(SAID[name])


def test_a_stream_of_version_1_reads_and_says_nothing_of_what_it_did_not_know() -> None:
    old, new = (Stream.read(SAMPLES / f"stream-{version}.json") for version in (1, 2))
    assert (new.plan.delegate, new.cores_used, old.cores_used) == ("xnnpack", "c", None)
    unsaid = [
        replace(series, start=replace(series.start, cores=None, delegates=None)) for series in new.series
    ]
    assert old == replace(new, plan=replace(new.plan, delegate="default", cores=None), series=tuple(unsaid))


@pytest.mark.parametrize("name", ["stream-1.json", "stream-2.json"])
def test_what_a_stream_says(name: str) -> None:
    stream = Stream.read(SAMPLES / name)
    made = zip(stream.models, stream.series, strict=False)
    results = StreamSummary.of(stream).sustained
    outcomes = [result.outcome.to_json() for result in results]
    said = {
        # A sentence was a member of its own.
        "sustained": [{"text": outcome.pop("finding"), **outcome} for outcome in outcomes],
        "remarks": [[remark.to_json() for remark in result.remarks] for result in results],
        "single_stream": [single_stream(stream, *pair).to_json() for pair in made],
    }
    assert plain(said) == near(SAID["stream-1.json"])


def test_what_modelled_times_say() -> None:
    """The times of the sample by hand: its work, constants 1, 4 and 10 cycles, 2.4 GHz, errors of 12.5 and 20 %."""
    counted = Instructions.read(SAMPLES / "instructions-3.json")
    first, second = instructions.CountSummary.of(counted).results
    cycles = 61.5 + 3 * 4 + 2 * 10, 71.5 + 3 * 4 + 2 * 10  # The middle one of three.
    for result, spent in zip((first, second), cycles, strict=True):
        assert result.modelled is not None
        time = spent / 2.4
        assert result.modelled == near_interval(time, time / 1.125, time / 0.875)
    ratio = cycles[1] / cycles[0]
    assert first.modelled_relative == Interval(1.0, 1.0, 1.0)
    assert second.modelled_relative == near_interval(ratio, ratio / 1.2, ratio / 0.8)
    (row,) = instructions.together(counted, 0.1)
    assert (row.time, row.limit) == (second.modelled_relative, "beyond")
    with pytest.raises(
        CheckFailed, match=r"may take 10% longer than A, and as modelled a = b takes 10\.70% longer"
    ):
        instructions.refuse_more([row], 0.1)


def near_interval(value: float, low: float, high: float) -> Any:
    """An interval but for the last digits."""
    ends: Any = [pytest.approx(end, rel=1e-12) for end in (value, low, high)]
    return Interval(*ends)


def test_instructions_of_version_1_have_no_model_of_time() -> None:
    old, new = (Instructions.read(SAMPLES / f"instructions-{version}.json") for version in (1, 2))
    counted = tuple(replace(series, work=()) for series in new.series)
    assert old == replace(new, plan=replace(new.plan, counts_only=True), series=counted, model=None)


def test_instructions_of_version_2_do_not_say_where_lines_came_from() -> None:
    old, new = (Instructions.read(SAMPLES / f"instructions-{version}.json") for version in (2, 3))
    counted = tuple(
        replace(series, work=tuple(replace(work, memory=None) for work in series.work))
        for series in new.series
    )
    assert new.series[0].work[0].memory == 1 and old == replace(new, series=counted)


def test_what_instructions_say() -> None:
    counted = Instructions.read(SAMPLES / "instructions-1.json")
    found = {
        "typical": [instructions.with_total(series.typical) for series in counted.series],
        "together": [row.to_json() for row in instructions.together(counted, 0.1)],
    }
    assert found == near(SAID["instructions-1.json"])


def test_what_a_speedup_says() -> None:
    """The rows of the file, from the measurement beside it."""
    kept = said("speedup.json")
    rows = [row.to_json() for row in speedup.table(times(Measurement.read(SAMPLES / "measurement-3.json")))]
    # Then there was one AlexNet, and no need to name it.
    assert [row.pop("base") for row in rows] == ["alexnet"] * len(rows)
    assert plain(rows) == near(plain(kept["rows"]))


def test_all_that_can_stand_on_a_page(tmp_path: Path) -> None:
    names = [
        *MEASUREMENTS,
        "evaluation-1.json",
        "evaluation-2.json",
        "evaluation-3.json",
        "evaluation-4.json",
        "evaluation-5.json",
        "evaluation-6.json",
        "instructions-1.json",
        "speedup.json",
    ]
    text = report.html(result_files.read([SAMPLES / name for name in names]))
    for name in MEASUREMENTS:
        assert f"{name}" in text
    assert "ShuffleNet 1x (g=3)" in text and "Instructions, emulated" in text
