"""One process that runs a model without a pause for long: the record, and how it is made.

For what rounds of short processes cannot show: heat (:mod:`mobilecnn.bench.judge.sustained`) and tails
(:mod:`mobilecnn.bench.judge.single_stream`). There is no warm-up but the one first inference, because
the cool start belongs to the question. The stream is cut into windows of time; between two of
them, which takes some milliseconds, clock, temperature and throttling are read.
"""

import math
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from mobilecnn.bench.records.measurement import Cooled, Facts, Model
from mobilecnn.bench.records.protocol import Protocol, check_range
from mobilecnn.records import load, members_of, record

SCHEMA = "mobilecnn.stream"

VERSION = 1

SUSTAINED, SINGLE_STREAM = "sustained", "single-stream"

WINDOWS = 120
"""Of a stream: enough to see when something changed, each long enough for a median."""

SHORTEST_WINDOW, LONGEST_WINDOW = 0.5, 5.0
"""Seconds. Reading the state takes some milliseconds, which shall stay below 1 %; and what moves
within 5 s (a Raspberry Pi at its limit changes its clock every second) averages out."""

MOST_QUERIES = 1_000_000
"""Of a single stream, all of which are kept: about 20 MB."""

LONGEST_SECONDS = 24 * 3600.0

FEWEST_QUERIES = 64
"""For which there is an early-stopping estimate of a 90th percentile; a test computes it."""


@dataclass(frozen=True)
class Plan:
    """How long a model is run.

    Attributes:
        kind: ``sustained`` or ``single-stream``.
        seconds: at least.
        queries: inferences, at least.
        threads: of the interpreter.
        runtime: one of :data:`mobilecnn.quantize.runtimes.RUNTIMES`.
        seed: of the input data.
        cool_down: seconds, as in :class:`mobilecnn.bench.records.protocol.Protocol`.

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
        """What it has in common with a measurement."""
        return Protocol(threads=self.threads, runtime=self.runtime, seed=self.seed, cool_down=self.cool_down)

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
        """How long a window is."""
        return min(max(self.seconds / WINDOWS, SHORTEST_WINDOW), LONGEST_WINDOW)


def _common(protocol: Protocol) -> tuple[int, str, int, float]:
    return protocol.threads, protocol.runtime, protocol.seed, protocol.cool_down


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
        begin_seconds: since the stream began.
        end_seconds: the same.
        count: inferences.
        median_ns: of all of them.
        p90_ns: the same.
        minimum_ns: the same.
        maximum_ns: the same.
        samples_ns: all of them, in their order; of a sustained load every k-th, where there
            are more than :data:`MOST_SAMPLES`.
        other_cpu_seconds: CPU time of everything else on the machine meanwhile; None if unreadable.
        state: at its end.
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
    """What comes before the first window.

    Attributes:
        runtime_version: of the package that ``Plan.runtime`` names.
        xnnpack_partitions: parts of the graph that XNNPACK took over; None if unknown.
        init_ns: loading the file and allocating the tensors.
        first_ns: the first inference.
        state: of the device after it.
    """

    runtime_version: str
    xnnpack_partitions: int | None
    init_ns: int
    first_ns: int
    state: State


@dataclass(frozen=True)
class Series:
    """All of one model.

    Attributes:
        start: what comes before the first window.
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
        """How long it took."""
        return self.windows[-1].end_seconds

    @property
    def other_share(self) -> float | None:
        """Of one core, by everything else on the machine; None where a window does not know."""
        spent = [window.other_cpu_seconds for window in self.windows]
        known = [each for each in spent if each is not None]
        return math.fsum(known) / self.seconds if len(known) == len(spent) else None

    @property
    def states(self) -> tuple[State, ...]:
        """All that were read."""
        return (self.start.state, *(window.state for window in self.windows))


@dataclass(frozen=True)
class Stream:
    """What was run without a pause, model after model.

    Attributes:
        created: when it began, ISO 8601 with the time zone.
        tool: the version of mobilecnn.
        command: the command line; empty when called from Python.
        device: where.
        plan: how long.
        models: what.
        series: of the models, in their order. One that was cut short has fewer, and the last
            may be shorter than planned.
    """

    created: str
    tool: str
    command: tuple[str, ...]
    device: Facts
    plan: Plan
    models: tuple[Model, ...]
    series: tuple[Series, ...]

    def __post_init__(self) -> None:
        if datetime.fromisoformat(self.created).tzinfo is None:
            raise ValueError("created has no time zone")
        if not 1 <= len(self.series) <= len(self.models):
            raise ValueError("there are no series, or more than models")

    @property
    def kept(self) -> str:
        """How much of it there is."""
        done = sum(series.seconds for series in self.series) / 60
        return f"{done:.1f} of {len(self.models) * self.plan.seconds / 60:.1f} min are kept"

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {"schema": SCHEMA, "version": VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, document: Any) -> Self:
        """Back from :meth:`to_json`.

        Raises:
            InputError: it is none, of a version unknown here, or damaged.
        """
        _, members = members_of(document, "a stream", SCHEMA, VERSION, VERSION)
        return record(cls, members)


def read(path: Path) -> Stream:
    """Read the record of a stream.

    Raises:
        InputError: missing, not such a record, of an unknown version, or damaged.
    """
    return load(path, "record of a stream", Stream.from_json)
