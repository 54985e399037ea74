"""Where the time of a model goes: each operator timed apart, on the device, by the same harness.

Each operator is a file of its own (:mod:`mobilecnn.convert.graph.cut`). Those that cost the same are
timed once. The whole file is timed in the same rounds, and so is a file that does nothing, because
every part's time contains one call of the interpreter.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from mobilecnn.bench.devices import jobs
from mobilecnn.bench.devices.adb.operator_profile import OperatorProfile
from mobilecnn.bench.devices.claims import claimed
from mobilecnn.bench.devices.seam import (
    CanMeasureBandwidth,
    CanProfileOperators,
    Device,
)
from mobilecnn.bench.judge import statistics
from mobilecnn.bench.judge.findings import Finding
from mobilecnn.bench.judge.modelled import Beyond, beyond_json, bound
from mobilecnn.bench.judge.statistics import Interval
from mobilecnn.bench.judge.summary import Result
from mobilecnn.bench.records.instructions import Instructions
from mobilecnn.bench.records.measurement import Measurement, Rounds
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing.groups import group_of
from mobilecnn.bench.timing.limits import Bandwidth, Limits
from mobilecnn.bench.timing.rounds import TIMING_TIMEOUT
from mobilecnn.bench.timing.taking import adapted, understood
from mobilecnn.bench.timing.times import Times, kind, take
from mobilecnn.convert.graph import build, cut
from mobilecnn.convert.graph.cut import Part
from mobilecnn.errors import ModelFileError
from mobilecnn.files import read_bytes, write_bytes
from mobilecnn.steps import Progress, Say, no_say

PRODUCT, EMPTY = "matrix-product", "empty"
"""Names of the files that are timed beside the operators."""

BANDWIDTH_TIMEOUT = 120.0
"""Seconds that measuring the bandwidth may take; a board imports numpy in ten, and allocates what it copies."""


@dataclass(frozen=True)
class OperatorTime:
    """Time of one operator, in ns.

    Attributes:
        part: operator that was timed.
        median: its time, measured with its interval, or modelled, of which only the value says something; None where it
            could not be timed apart.
        share: its share of the sum of all operators.
        reasons: findings that make the time unreliable.
        bound: what most of a modelled time is spent on; None where it is measured.
    """

    part: Part
    median: Interval | None
    share: float
    reasons: tuple[Finding, ...]
    bound: str | None = None

    @property
    def valid(self) -> bool:
        """Whether there is a time, and nothing speaks against it."""
        return self.median is not None and not self.reasons

    @property
    def flops(self) -> float | None:
        """Operations a second, two for a multiply-add; None for operators without any."""
        if self.median is None or not self.part.macs:
            return None
        return 2e9 * self.part.macs / self.median.value

    @property
    def intensity(self) -> float:
        """Operations for each byte that must be moved at least."""
        return 2 * self.part.macs / self.part.nbytes if self.part.nbytes else 0.0

    def _figures(self) -> dict[str, Any]:
        """The time, named for what it is; a modelled one has no interval, because no published time is of an operator."""
        time = self.median
        if self.bound is not None:
            return {"modelled_ns": time and time.value, "bound": self.bound}
        return {"median_ns": time and time.value, "interval_ns": time and [time.low, time.high]}

    def to_json(self) -> dict[str, Any]:
        """The operator as a JSON object, with the units in the names."""
        part = self.part
        return {
            "name": part.name,
            "operator": part.kind,
            "group": group_of(part),
            "shape": list(part.shape),
            "dtype": part.dtype,
            "macs": part.macs,
            "bytes": part.nbytes,
            **self._figures(),
            "flop_per_second": self.flops,
            "share": self.share,
            "valid": self.valid,
            "reasons": [finding.to_json() for finding in self.reasons],
        }


@dataclass(frozen=True)
class Group:
    """Figures of all operators of one kind of work.

    Attributes:
        name: kind of work, a value of :data:`mobilecnn.bench.timing.groups.GROUPS`.
        count: number of operators.
        macs: sum of their multiply-adds.
        time: sum of their times, ns.
        share: their part of the sum of all operators.
    """

    name: str
    count: int
    macs: int
    time: float
    share: float


@dataclass(frozen=True)
class Profile:
    """Times of a model and of its operators.

    Attributes:
        rows: times of the operators, in the order in which they run.
        total: sum of their times in ns, with its 95 % interval; of modelled times without any, as of each of them.
        whole: time of the whole file in ns.
        ratio: ratio of the sum to the whole, likewise.
        call: time in ns of an operator that does nothing, which each row contains.
        peak: operations per second of a matrix product by this runtime, in the type in which the
            file computes.
        peak_dtype: type in which the file computes.
        bandwidth: bandwidth of the memory; None where the device cannot measure it.
        record: measurement with the raw samples, or counts with the work of which the times are modelled.
        beyond: what no published time speaks for in the whole file's modelled one; None where it is measured.
        own: profile of the runtime itself, from one more run of the whole file; None where it gives none.
    """

    rows: tuple[OperatorTime, ...]
    total: Interval
    whole: Interval
    ratio: Interval
    call: float
    peak: float
    peak_dtype: str
    bandwidth: Bandwidth | None
    record: Measurement | Instructions
    beyond: Beyond | None = None
    own: OperatorProfile | None = None

    @property
    def modelled(self) -> bool:
        """Whether its times, that of the matrix product too, are modelled."""
        return isinstance(self.record, Instructions)

    @property
    def limits(self) -> Limits:
        """What its speeds are held against."""
        return Limits.of(self.record, self.peak, self.peak_dtype, self.bandwidth)

    def groups(self) -> tuple[Group, ...]:
        """The rows by kind of work, the longest first."""
        by_kind: dict[str, list[OperatorTime]] = {}
        for row in self.rows:
            by_kind.setdefault(group_of(row.part), []).append(row)
        made = [
            Group(
                name,
                len(rows),
                sum(row.part.macs for row in rows),
                sum(row.median.value for row in rows if row.median is not None),
                sum(row.share for row in rows),
            )
            for name, rows in by_kind.items()
        ]
        return tuple(sorted(made, key=lambda group: -group.time))

    def to_json(self) -> dict[str, Any]:
        """The profile as a JSON object, with the units in the names."""
        ends = {
            "sum_interval_ns": [self.total.low, self.total.high],
            "sum_over_whole_interval": [self.ratio.low, self.ratio.high],
        }
        return {
            "model": asdict(self.record.models[0]),
            "times": kind(self.record),
            "operators": [row.to_json() for row in self.rows],
            "groups": [
                {
                    "group": group.name,
                    "count": group.count,
                    "macs": group.macs,
                    "ns": group.time,
                    "share": group.share,
                }
                for group in self.groups()
            ],
            "sum_ns": self.total.value,
            "whole_ns": self.whole.value,
            "whole_interval_ns": [self.whole.low, self.whole.high],
            "sum_over_whole": self.ratio.value,
            **(beyond_json(self.beyond) if self.modelled else ends),
            "empty_call_ns": self.call,
            "peak_flop_per_second": self.peak,
            "peak_dtype": self.peak_dtype,
            "limits": asdict(self.limits),
            "bandwidth_bytes_per_second": self.bandwidth and self.bandwidth.bytes_per_second,
            "bandwidth_samples": self.bandwidth and asdict(self.bandwidth),
            "benchmark_model": self.own and asdict(self.own),
        }


def profile(
    path: Path,
    device: Device,
    protocol: Protocol,
    work: Path,
    progress: Progress | None = None,
    command: Sequence[str] = (),
    *,
    allow_wrong_answers: bool = False,
    keep: Callable[[Any], None] | None = None,
    say: Say = no_say,
) -> Profile:
    """Time ``path`` and each of its operators on ``device``; on an emulated chip, model their times.

    Args:
        path: a .tflite file.
        device: device to time on.
        protocol: protocol of the timing.
        work: a folder for the parts' files; the caller removes it.
        progress, command, allow_wrong_answers, keep, say: as :func:`mobilecnn.bench.timing.rounds.measure` takes them.

    Raises:
        UsageError: the device cannot time, or what times there wants passports.
        ModelFileError, CheckFailed, EnvironmentProblem: as :func:`mobilecnn.bench.timing.rounds.measure` does.
    """
    adapted(device, protocol)
    operators = cut.cut(read_bytes(path, "model", ModelFileError), str(path))
    dtype = _computed_in(operators)
    product, product_macs = build.matrix_product(dtype)
    contents = {EMPTY: build.empty(), PRODUCT: product}
    distinct = {part.key: part for part in operators if part.content is not None}
    for number, part in enumerate(distinct.values()):
        assert part.content is not None
        contents[f"{number:03d}-{part.kind.lower().replace(':', '-')}"] = part.content
    with claimed(device, say):
        files = []
        for name, content in contents.items():
            files.append(work / f"{name}.tflite")
            write_bytes(files[-1], content)
        bandwidth = _bandwidth(device, protocol.threads)
        taken = take(
            [path, *files],
            device,
            protocol,
            progress,
            command,
            allow_wrong_answers=allow_wrong_answers,
            keep=keep,
        )
        places = {key: 1 + list(contents).index(EMPTY) + 2 + number for number, key in enumerate(distinct)}
        analysed = analyse(taken, operators, places, product_macs, dtype, bandwidth)
        if isinstance(taken.record, Instructions):
            return analysed
        return replace(analysed, own=_own_profile(path, device, taken.record.protocol))


def _computed_in(operators: Iterable[Part]) -> str:
    """The type in which most multiply-adds are computed, of those that there is a product for."""
    small = sum(part.macs for part in operators if part.dtype in ("int8", "uint8"))
    return "int8" if 2 * small > sum(part.macs for part in operators) else "float32"


def _bandwidth(device: Device, threads: int) -> Bandwidth | None:
    if not isinstance(device, CanMeasureBandwidth):
        return None
    answer = device.bandwidth(threads, BANDWIDTH_TIMEOUT)
    return understood(Bandwidth, answer, f"that measures the memory's bandwidth of {device.name}")


def _own_profile(path: Path, device: Device, protocol: Protocol) -> OperatorProfile | None:
    if not isinstance(device, CanProfileOperators) or protocol.runtime != device.profiling_runtime:
        return None
    job = jobs.timing(device.put(path), protocol)
    doing = f"that profiles {path} with {protocol.runtime}"
    return understood(OperatorProfile, device.operators(job, doing, TIMING_TIMEOUT), doing)


def analyse(
    taken: Times,
    operators: Sequence[Part],
    places: dict[str, int],
    product_macs: int,
    dtype: str,
    bandwidth: Bandwidth | None,
) -> Profile:
    """Profile that times give; a pure function of them.

    Args:
        taken: times of the whole file, the empty one, the matrix product, and the distinct parts.
        operators: all parts.
        places: key of a part -> its index among the files.
        product_macs: multiply-adds of the matrix product.
        dtype: type in which it was computed.
        bandwidth: bandwidth of the memory; None where it was not measured.
    """
    timed = [(part, places.get(part.key)) for part in operators]
    total, ratio = _total(taken, [place for _, place in timed if place is not None])
    rows = []
    for part, place in timed:
        time = None if place is None else taken.time(place)
        share = 0.0 if time is None else time.value / total.value
        result = None if place is None else taken.result(place)
        rows.append(OperatorTime(part, time, share, _reasons(part, result), _bound(taken, place)))
    return Profile(
        rows=tuple(rows),
        total=total,
        whole=taken.time(0),
        ratio=ratio,
        call=taken.time(1).value,
        peak=2e9 * product_macs / taken.time(2).value,
        peak_dtype=dtype,
        bandwidth=bandwidth,
        record=taken.record,
        beyond=taken.beyond(0),
    )


def _total(taken: Times, places: Sequence[int]) -> tuple[Interval, Interval]:
    """Sum of the times of the parts at ``places``, and its ratio to the time of the whole file."""
    record = taken.record
    if isinstance(record, Instructions):
        assert record.model is not None
        # No published time is of an operator: there is no error that an interval could be made of.
        total = sum(taken.time(place).value for place in places)
        ratio = total / taken.time(0).value
        return Interval(total, total, total), Interval(ratio, ratio, ratio)
    sums: Rounds = {
        number: [sum(statistics.median(record.rounds_of(place)[number]) for place in places)]
        for number in range(record.rounds)
    }
    seed = record.protocol.seed
    return statistics.median_interval(sums, seed), statistics.ratio_interval(sums, record.rounds_of(0), seed)


def _bound(taken: Times, place: int | None) -> str | None:
    """What most of a part's modelled time is spent on; None where it is measured."""
    record = taken.record
    if isinstance(record, Measurement):
        return None
    assert record.model is not None
    return "unknown" if place is None else bound(record.series[place], record.model)


def _reasons(part: Part, result: Result | None) -> tuple[Finding, ...]:
    if part.reason:
        return (Finding("not-timed-apart", part.reason, ""),)
    return () if result is None else result.reasons
