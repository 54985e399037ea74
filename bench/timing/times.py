"""Times of files on one device, measured where it has a clock, modelled where it is an emulated chip; never mixed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilecnn.bench.devices.seam import CanCount, Device
from mobilecnn.bench.judge.modelled import Beyond, beyond, beyond_json, modelled_ns, modelled_ratio
from mobilecnn.bench.judge.statistics import Interval
from mobilecnn.bench.judge.summary import Result, compare, summarize
from mobilecnn.bench.records.instructions import CountPlan, Instructions
from mobilecnn.bench.records.measurement import Measurement, Model
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing.counting import count
from mobilecnn.bench.timing.rounds import measure
from mobilecnn.steps import Progress


@dataclass(frozen=True)
class Times:
    """Times of the files of one record.

    Attributes:
        record: record that they are of; Instructions are a complete one with a model of time.
        results: results of a measurement, a file each; empty where the times are modelled.
    """

    record: Measurement | Instructions
    results: tuple[Result, ...]

    @property
    def models(self) -> tuple[Model, ...]:
        """The files."""
        return self.record.models

    def time(self, index: int) -> Interval:
        """Time of a file in ns: the median with its 95 % interval, or as modelled with that of the model's error."""
        if isinstance(self.record, Measurement):
            return self.results[index].median
        assert self.record.model is not None
        return modelled_ns(self.record.series[index], self.record.model)

    def speedup(self, base: int, index: int) -> Interval:
        """How many times as long the file ``base`` takes as the file ``index``; it itself exactly once."""
        if base == index:
            return Interval(1.0, 1.0, 1.0)
        if isinstance(self.record, Measurement):
            return compare(self.record, base, index, results=self.results).ratio
        assert self.record.model is not None
        return modelled_ratio(self.record.series[base], self.record.series[index], self.record.model)

    def beyond(self, index: int) -> Beyond | None:
        """What no published time speaks for in a modelled one, as :func:`mobilecnn.bench.judge.modelled.beyond` tells
        it; None where the times are measured."""
        if isinstance(self.record, Measurement):
            return None
        assert self.record.model is not None
        return beyond(self.models[index], self.record.series[index], self.record.model)

    def result(self, index: int) -> Result | None:
        """What the measurement says of a file; None where the times are modelled."""
        return self.results[index] if self.results else None


def times(record: Measurement | Instructions) -> Times:
    """The times of a record."""
    return Times(record, summarize(record) if isinstance(record, Measurement) else ())


def take(
    files: Sequence[Path],
    device: Device,
    protocol: Protocol,
    progress: Progress | None = None,
    command: Sequence[str] = (),
    *,
    allow_wrong_answers: bool = False,
    keep: Callable[[Any], None] | None = None,
) -> Times:
    """Time files on ``device``, or model their time where it counts.

    Args:
        files: paths of ``.tflite`` files.
        device: device to time or to count on.
        protocol: protocol of the timing; of its members, a count takes runtime and seed.
        progress, command, allow_wrong_answers, keep: as :func:`mobilecnn.bench.timing.rounds.measure` takes them.

    Raises:
        CheckFailed, EnvironmentProblem, ModelFileError, UsageError: as :func:`mobilecnn.bench.timing.rounds.measure` and
            :func:`mobilecnn.bench.timing.counting.count` do.
    """
    options: dict[str, Any] = {"allow_wrong_answers": allow_wrong_answers, "keep": keep}
    if isinstance(device, CanCount):
        plan = CountPlan(protocol.runtime, protocol.seed, runs=1, counts_only=False)
        return times(count(files, device, plan, progress, command, **options))
    return times(measure(files, device, protocol, progress, command, **options))


def kind(record: Measurement | Instructions) -> str:
    """What the times of a record are: ``measured`` or ``modelled``."""
    return "measured" if isinstance(record, Measurement) else "modelled"


def figures(time: Interval, result: Result | None, beyond: Beyond | None) -> dict[str, Any]:
    """A time as members of a JSON object, with the units in the names: a modelled one is named so.

    Args:
        time: the time in ns, with its interval.
        result: what a measurement says of it; None where it is modelled.
        beyond: what :meth:`Times.beyond` says of a modelled one.
    """
    ends = [time.low, time.high]
    if result is None:
        return {"modelled_ns": time.value, "modelled_interval_ns": ends, **beyond_json(beyond)}
    return {
        "median_ns": time.value,
        "interval_ns": ends,
        "valid": result.valid,
        "reasons": [finding.to_json() for finding in result.reasons],
        "warnings": [finding.to_json() for finding in result.warnings],
    }
