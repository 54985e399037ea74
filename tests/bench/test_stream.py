"""Streams: the record, the plan, and real processes that run without a pause, here and over SSH."""

import copy
import dataclasses
import json
import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from test_run import workers

from mobilecnn.bench.devices import entries, jobs
from mobilecnn.bench.devices.local.device import LocalDevice
from mobilecnn.bench.devices.registry import device
from mobilecnn.bench.devices.seam import CanReadState, CanStream, require
from mobilecnn.bench.devices.ssh.entry import SshEntry
from mobilecnn.bench.records.measurement import NOT_CHECKED, Answers, Cooled, Facts, Model
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.records.stream import Start, State, Stream, StreamPlan, StreamSeries, Window
from mobilecnn.bench.records.told import Delegated
from mobilecnn.bench.timing import long_run
from mobilecnn.errors import ChildCrashed, EnvironmentProblem, InputError, ModelFileError, UsageError
from mobilecnn.records import partial, recording

STATE = State({"cpu0": 1_500_000}, {"thermal_zone0 cpu-thermal": 48.25}, 0)
STREAM = Stream(
    created="2026-01-02T03:04:05+00:00",
    tool="0.1.0",
    command=("sustained", "a.tflite", "--minutes", "1"),
    device=Facts(
        kind="ssh", machine="aarch64", board="Raspberry Pi 4 Model B Rev 1.4", cpu=None, cpu_features=(), cores=4,
        memory_bytes=None, os=None, kernel="Linux 6.6.51", python=None, numpy=None, governors=("performance",),
        max_frequencies_khz={}, virtualised=None,
    ),
    plan=StreamPlan("sustained", 60.0, 1, 1, "litert", 0, 30.0),
    models=tuple(Model(f"{name}.tflite", name * 64, 9, None, Answers(NOT_CHECKED, "no")) for name in "ab"),
    series=(
        StreamSeries(
            Start("2.3.0", 1, 5_000_000, 9_000_000, STATE, "f0", (Delegated("xnnpack", None, 1),)),
            Cooled(2.5, 51.0, 50.5),
            (
                Window(0.0, 0.5, 3, 11.0, 12.0, 10, 13, (11, 13, 10), 0.1, STATE),
                Window(0.51, 1.0, 9, 11.0, 12.0, 10, 13, (11, 12), None, STATE),
            ),
        ),
    ),
)  # fmt: skip
DOCUMENT: dict[str, Any] = json.loads(json.dumps(STREAM.to_json()))
BRIEF = dataclasses.replace(StreamPlan.sustained(0.01, Protocol()), seconds=0.61)


def test_json_and_back(tmp_path: Path) -> None:
    assert Stream.from_json(DOCUMENT) == STREAM
    (tmp_path / "it.json").write_text(json.dumps(DOCUMENT))
    assert Stream.read(tmp_path / "it.json") == STREAM
    assert STREAM.kept == "0.0 of 2.0 min are kept"


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("schema",), "mobilecnn.measurement", "its schema is not mobilecnn.stream"),
        (("version",), 3, "a stream of version 3; this mobilecnn reads 1 to 2"),
        (("version",), True, "a stream of version True"),
        (("created",), "2026-01-02T03:04:05", "no time zone"),
        (("plan", "kind"), "endless", "kind must be sustained or single-stream"),
        (("plan", "seconds"), 0, "--minutes must be from 0.01 to 1440"),
        (("plan", "runtime"), "onnx", "choose one of"),
        (("series",), [], "no series"),
        (("series",), DOCUMENT["series"] * 3, "more than models"),
        (("series", 0, "windows"), [], "no windows"),
        (("series", 0, "windows", 1, "begin_seconds"), 0.4, "not in order"),
        (("series", 0, "windows", 1, "end_seconds"), 0.51, "it ends before it begins"),
        (("series", 0, "windows", 0, "samples_ns"), [], "there are no samples_ns"),
        (("series", 0, "windows", 0, "count"), 2, "more than count"),
        (("series", 0, "windows", 0, "samples_ns", 0), 14, "not from minimum_ns to maximum_ns"),
        (("series", 0, "windows", 0, "median_ns"), 12.5, "not in order"),
        (("series", 0, "windows", 0, "state", "throttled"), "0x5", "throttled must be a whole number"),
        (("series", 0, "surprise"), 1, "'series[0].surprise' is not known here"),
    ],
)
def test_damage_is_named(path: tuple[Any, ...], value: Any, words: str) -> None:
    document = copy.deepcopy(DOCUMENT)
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(InputError) as caught:
        Stream.from_json(document)
    assert words in str(caught.value)


def test_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "it.json").write_text("{")
    with pytest.raises(InputError, match=r"it\.json is not a record of a stream"):
        Stream.read(tmp_path / "it.json")


@pytest.mark.parametrize(
    ("seconds", "queries", "words"),
    [
        (0.0, 64, "--min-seconds must be from 0.1 to 86400, and is 0"),
        (600.0, 63, "--min-queries must be from 64 to 1000000, and is 63"),
        (float("nan"), 64, "--min-seconds must be from"),
    ],
)
def test_a_single_stream_out_of_range_is_refused(seconds: float, queries: int, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        StreamPlan.single_stream(seconds, queries, Protocol())


@pytest.mark.parametrize("minutes", [0, -1, 1441, float("nan"), float("inf")])
def test_minutes_out_of_range_are_refused(minutes: float) -> None:
    with pytest.raises(UsageError, match=r"--minutes must be from 0\.01 to 1440"):
        StreamPlan.sustained(minutes, Protocol())


@pytest.mark.parametrize(("minutes", "window"), [(0.1, 0.5), (2, 1.0), (5, 2.5), (10, 5.0), (600, 5.0)])
def test_the_length_of_a_window(minutes: float, window: float) -> None:
    assert StreamPlan.sustained(minutes, Protocol()).window_seconds == window


@pytest.fixture(params=["local", "ssh"])
def streamer(request: pytest.FixtureRequest) -> Iterator[CanStream]:
    name = "local"
    if request.param == "ssh":
        request.getfixturevalue("board")
        entries.write({"pi": SshEntry("board", sys.executable)})
        name = "pi"
    with require(device(name, "litert"), CanStream) as connected:
        yield connected


def test_models_are_run_one_after_another(streamer: CanStream, exported: Path, tmp_path: Path) -> None:
    models = [exported / f"theirs.{name}.tflite" for name in ("float32", "int8")]
    plan = dataclasses.replace(BRIEF, seconds=1.2)
    seen: list[tuple[int, int, str]] = []
    with recording(tmp_path / "it.json") as keep:
        made = long_run.run(models, streamer, plan, lambda *what: seen.append(what), ["bench"], keep=keep)
    assert Stream.read(tmp_path / "it.json") == made
    assert [model.answers.verdict for model in made.models] == ["verified"] * 2
    assert len(made.series) == 2
    for series in made.series:
        assert series.seconds >= plan.seconds
        # 0.5 s, and the rest, which would make no window of its own; one more when the clock says so.
        assert 1 <= len(series.windows) <= 3
        for window in series.windows:
            assert window.count >= len(window.samples_ns) >= 1
            assert len(window.samples_ns) <= jobs.MOST_SAMPLES
            if window.count == len(window.samples_ns):
                assert window.minimum_ns == min(window.samples_ns)
    assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen)
    assert seen[0][2] == "checking theirs.float32.tflite"
    assert seen[-1] == (2, 2, "")


def test_a_single_stream_keeps_all_queries(exported: Path) -> None:
    plan = StreamPlan.single_stream(0.1, 3000, Protocol())
    made = long_run.run([exported / "theirs.float32.tflite"], LocalDevice(), plan)
    (series,) = made.series
    counts = [window.count for window in series.windows]
    assert counts == [len(window.samples_ns) for window in series.windows]
    assert sum(counts) >= 3000
    assert series.seconds >= 0.1


def test_a_model_that_the_runtime_refuses_is_named(
    exported: Path, streamer: CanStream, tmp_path: Path
) -> None:
    there = streamer.put(exported / "theirs.float32.tflite")
    job = jobs.stream(there + ".gone", BRIEF)
    with pytest.raises(ModelFileError, match="cannot load"):
        list(streamer.stream(job, "that runs it", 60))


def test_closing_the_messages_ends_the_process(exported: Path, streamer: CanStream) -> None:
    """On the board its fixture looks for what is left."""
    job = jobs.stream(
        streamer.put(exported / "theirs.float32.tflite"), dataclasses.replace(BRIEF, seconds=60.0)
    )
    messages = streamer.stream(job, "that runs it", 60)
    assert "first_ns" in next(messages)
    assert next(messages)["count"] >= 1
    messages.close()
    assert workers(os.getpid()) == []
    assert "throttled" in require(streamer, CanReadState).state()


class Breaking(LocalDevice):
    """A device that is gone, or a user who has had enough, after so many messages."""

    def __init__(self, messages: int, error: BaseException) -> None:
        super().__init__()
        self.messages, self.error = messages, error

    def stream(
        self, job: dict[str, Any], doing: str, timeout: float
    ) -> Generator[dict[str, Any], None, None]:
        for number, message in enumerate(super().stream(job, doing, timeout)):
            if number == self.messages:
                raise self.error
            yield message


@pytest.mark.parametrize(
    ("error", "said"),
    [(KeyboardInterrupt(), "{}"), (EnvironmentProblem("the board is gone"), "the board is gone; {}")],
)
def test_what_there_is_survives(exported: Path, tmp_path: Path, error: BaseException, said: str) -> None:
    path = tmp_path / "it.json"
    plan = dataclasses.replace(BRIEF, seconds=60.0)
    with pytest.raises(type(error)) as caught, recording(path) as keep:
        long_run.run([exported / "theirs.float32.tflite"] * 2, Breaking(3, error), plan, keep=keep)
    kept = Stream.read(partial(path))
    assert str(caught.value) == said.format(f"{kept.kept}, in {partial(path)}")
    assert [len(series.windows) for series in kept.series] == [2]
    assert not path.exists()


def test_a_failure_before_the_first_window_leaves_nothing(exported: Path, tmp_path: Path) -> None:
    with pytest.raises(ChildCrashed, match=r"^gone$"), recording(tmp_path / "it.json") as keep:
        long_run.run(
            [exported / "theirs.float32.tflite"], Breaking(1, ChildCrashed("gone")), BRIEF, keep=keep
        )
    assert not list(tmp_path.iterdir())


def test_a_wrong_answer_names_the_model(exported: Path) -> None:
    class Wrong(LocalDevice):
        def stream(
            self, job: dict[str, Any], doing: str, timeout: float
        ) -> Generator[dict[str, Any], None, None]:
            yield {"runtime_version": 3}

    with pytest.raises(EnvironmentProblem, match=r"theirs\.float32\.tflite with litert answered wrongly"):
        long_run.run([exported / "theirs.float32.tflite"], Wrong(), BRIEF)
