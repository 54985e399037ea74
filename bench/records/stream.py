"""The record of models that each run without a pause for long, in one process.

For what rounds of short processes cannot show: heat (:mod:`mobilecnn.bench.judge.sustained`) and tails
(:mod:`mobilecnn.bench.judge.single_stream`). There is no warm-up but the one first inference, because
the cool start belongs to the question. The stream is cut into windows of time; between two of
them, which takes some milliseconds, clock, temperature and throttling are read.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Self

from mobilecnn.bench.records.measurement import Cooled, Facts, Model
from mobilecnn.bench.records.protocol import DEFAULT, Protocol, check_range
from mobilecnn.bench.records.told import Delegated
from mobilecnn.documents import Members
from mobilecnn.records import Stored, Upgrade

SUSTAINED, SINGLE_STREAM = "sustained", "single-stream"

WINDOWS = 120
"""Number of windows of a stream: enough to see when something changed, each long enough for a median."""

SHORTEST_WINDOW, LONGEST_WINDOW = 0.5, 5.0
"""Seconds of a window. Reading the state takes some milliseconds, which shall stay below 1 %; and what
moves within 5 s (a Raspberry Pi at its limit changes its clock every second) averages out."""

MOST_QUERIES = 1_000_000
"""Largest number of queries of a single stream, all of which are kept: about 20 MB."""

LONGEST_SECONDS = 24 * 3600.0
"""Seconds of the longest stream that may be asked for."""

FEWEST_QUERIES = 64
"""Smallest number of queries that gives an early-stopping estimate of a 90th percentile; a test computes it."""


@dataclass(frozen=True)
class StreamPlan:
    """Duration and settings of a long run.

    Attributes:
        kind: ``sustained`` or ``single-stream``.
        seconds: shortest duration.
        queries: smallest number of inferences.
        threads: threads of the interpreter.
        runtime: one of :data:`mobilecnn.quantize.runtimes.RUNTIMES`.
        seed: seed of the input data.
        cool_down: seconds, as in :class:`mobilecnn.bench.records.protocol.Protocol`; so are the next two.
        delegate: delegate that was asked for.
        cores: cores that the process was to be bound to; None for any.

    Raises:
        UsageError: a value is out of its range.
    """

    kind: str
    seconds: float
    queries: int
    threads: int
    runtime: str
    seed: int
    cool_down: float
    delegate: str = DEFAULT
    cores: str | None = None

    def __post_init__(self) -> None:
        if self.kind == SUSTAINED:
            check_range("--minutes", self.seconds / 60, 0.01, LONGEST_SECONDS / 60)
        elif self.kind == SINGLE_STREAM:
            check_range("--min-seconds", self.seconds, 0.1, LONGEST_SECONDS)
            check_range("--min-queries", self.queries, FEWEST_QUERIES, MOST_QUERIES)
        else:
            raise ValueError(f"kind must be {SUSTAINED} or {SINGLE_STREAM}")
        self.protocol()

    def protocol(self) -> Protocol:
        """The protocol of a measurement with the same runtime, threads, seed, waits, delegate and cores."""
        return Protocol(
            threads=self.threads, runtime=self.runtime, seed=self.seed, cool_down=self.cool_down, delegate=self.delegate,
            cores=self.cores,
        )  # fmt: skip

    @classmethod
    def sustained(cls, minutes: float, protocol: Protocol) -> Self:
        """A sustained load of so many minutes."""
        check_range("--minutes", minutes, 0.01, LONGEST_SECONDS / 60)
        return cls(SUSTAINED, 60 * minutes, 1, *_common(protocol))

    @classmethod
    def single_stream(cls, seconds: float, queries: int, protocol: Protocol) -> Self:
        """Queries one after another, for at least so long and so many."""
        return cls(SINGLE_STREAM, seconds, queries, *_common(protocol))

    @property
    def window_seconds(self) -> float:
        """Seconds of a window."""
        return min(max(self.seconds / WINDOWS, SHORTEST_WINDOW), LONGEST_WINDOW)


def _common(protocol: Protocol) -> tuple[int, str, int, float, str, str | None]:
    return (
        protocol.threads, protocol.runtime, protocol.seed, protocol.cool_down, protocol.delegate, protocol.cores
    )  # fmt: skip


@dataclass(frozen=True)
class State:
    """The device at the end of a window.

    Attributes:
        frequencies_khz: clock by core; empty where unreadable.
        temperatures_c: degrees Celsius by sensor; empty where unreadable.
        throttled: the Raspberry Pi firmware's throttling word; None elsewhere.
    """

    frequencies_khz: dict[str, int]
    temperatures_c: dict[str, float]
    throttled: int | None


@dataclass(frozen=True)
class Window:
    """A part of a stream. Times in ns unless the name says otherwise.

    Attributes:
        begin_seconds: its begin, since the stream began.
        end_seconds: its end, since the stream began.
        count: number of inferences.
        median_ns: median of all of them.
        p90_ns: 90th percentile of all of them.
        minimum_ns: time of the fastest.
        maximum_ns: time of the slowest.
        samples_ns: times of all, in their order; of a sustained load every k-th, where there are more
            than ``MOST_SAMPLES`` of :mod:`mobilecnn.bench.timing.long_run`.
        other_cpu_seconds: CPU time of everything else on the machine meanwhile; None if unreadable.
        state: state of the device at its end.
    """

    begin_seconds: float
    end_seconds: float
    count: int
    median_ns: float
    p90_ns: float
    minimum_ns: int
    maximum_ns: int
    samples_ns: tuple[int, ...]
    other_cpu_seconds: float | None
    state: State

    def __post_init__(self) -> None:
        if not 1 <= len(self.samples_ns) <= self.count:
            raise ValueError("there are no samples_ns, or more than count")
        if not 0 < self.minimum_ns <= min(self.samples_ns) <= max(self.samples_ns) <= self.maximum_ns:
            raise ValueError("a sample is not positive, or not from minimum_ns to maximum_ns")
        if not self.minimum_ns <= self.median_ns <= self.p90_ns <= self.maximum_ns:
            raise ValueError("minimum_ns, median_ns, p90_ns and maximum_ns are not in order")
        if not 0 <= self.begin_seconds < self.end_seconds:
            raise ValueError("it ends before it begins")


@dataclass(frozen=True)
class Start:
    """State and times before the first window.

    Attributes:
        runtime_version: version of the package that ``StreamPlan.runtime`` names.
        xnnpack_partitions: parts of the graph that XNNPACK took over; None if unknown.
        init_ns: time of loading the file and allocating the tensors.
        first_ns: time of the first inference.
        state: state of the device after it.
        cores: cores that the process could run on, a hexadecimal mask: bit i is core i; None if unknown.
        delegates: delegates that the runtime tells of; empty where it says that there are none, None where it
            says nothing.
    """

    runtime_version: str
    xnnpack_partitions: int | None
    init_ns: int
    first_ns: int
    state: State
    cores: str | None = None
    delegates: tuple[Delegated, ...] | None = None

    def __post_init__(self) -> None:
        if self.cores is not None and not re.fullmatch("[0-9a-f]{1,1024}", self.cores):
            raise ValueError("cores is no hexadecimal mask")


@dataclass(frozen=True)
class StreamSeries:
    """All windows of one model.

    Attributes:
        start: state and times before the first window.
        cooled: the wait before the process; None without one.
        windows: in their order; at least one.
    """

    start: Start
    cooled: Cooled | None
    windows: tuple[Window, ...]

    def __post_init__(self) -> None:
        ends = [time for window in self.windows for time in (window.begin_seconds, window.end_seconds)]
        if not ends or ends != sorted(ends):
            raise ValueError("there are no windows, or they are not in order")

    @property
    def seconds(self) -> float:
        """Length of the stream in seconds."""
        return self.windows[-1].end_seconds

    @property
    def other_share(self) -> float | None:
        """Share of one core that everything else used; None where a window does not know."""
        spent = [window.other_cpu_seconds for window in self.windows]
        known = [seconds for seconds in spent if seconds is not None]
        return math.fsum(known) / self.seconds if len(known) == len(spent) else None

    @property
    def states(self) -> tuple[State, ...]:
        """All states that were read, in their order."""
        return (self.start.state, *(window.state for window in self.windows))


def _from_version_1(members: Members) -> Members:
    """Members of version 2; version 1 knows no delegates and no cores."""
    plan, series = members.get("plan"), members.get("series")

    def with_start(value: object) -> object:
        start = value.get("start") if isinstance(value, dict) else None
        if not isinstance(value, dict) or not isinstance(start, dict):
            return value
        return {**value, "start": {"cores": None, "delegates": None, **start}}

    return {
        **members,
        **({"plan": {"delegate": DEFAULT, "cores": None, **plan}} if isinstance(plan, dict) else {}),
        **({"series": [with_start(value) for value in series]} if isinstance(series, list) else {}),
    }


@dataclass(frozen=True)
class Stream(Stored):
    """Long runs of one or several models, one after another.

    Version 1 knows no delegates and no cores.

    Attributes:
        created: when it began, ISO 8601 with the time zone.
        tool: version of mobilecnn.
        command: command line; empty when called from Python.
        device: device that was run on.
        plan: how long each model was to be run.
        models: files that were run.
        series: windows of the models, in their order. One that was cut short has fewer, and the last
            may be shorter than planned.
    """

    SCHEMA: ClassVar[str] = "mobilecnn.stream"
    VERSION: ClassVar[int] = 2
    NOUN: ClassVar[str] = "record of a stream"
    UPGRADES: ClassVar[Mapping[int, Upgrade]] = {1: _from_version_1}

    created: str
    tool: str
    command: tuple[str, ...]
    device: Facts
    plan: StreamPlan
    models: tuple[Model, ...]
    series: tuple[StreamSeries, ...]

    def __post_init__(self) -> None:
        if datetime.fromisoformat(self.created).tzinfo is None:
            raise ValueError("created has no time zone")
        if not 1 <= len(self.series) <= len(self.models):
            raise ValueError("there are no series, or more than models")

    @property
    def cores_used(self) -> str | None:
        """Masks of the cores that the processes were bound to; None where they were not."""
        if self.plan.cores is None:
            return None
        return "/".join(sorted({series.start.cores or "unknown" for series in self.series}))

    @property
    def kept(self) -> str:
        """Statement of how much of the record is complete."""
        done = sum(series.seconds for series in self.series) / 60
        return f"{done:.1f} of {len(self.models) * self.plan.seconds / 60:.1f} min are kept"
