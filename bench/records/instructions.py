"""The record of the instructions that an inference executes on an emulated processor, and of the time that a model of
a chip gives them.

Instructions are no time: a processor executes several at once or waits hundreds of cycles for one.
But they are the same on every run and every machine, so that a file, an exporter or a runtime that
became costlier on ARM shows, by a few thousandths, without a board. A modelled time is no measurement: the record keeps
the work that it is made of, the model's constants and their errors.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from mobilecnn.bench.records.measurement import Facts, Model
from mobilecnn.bench.records.protocol import Protocol, check_range
from mobilecnn.bench.records.work import TimeModel, Work, milliseconds
from mobilecnn.documents import Members
from mobilecnn.records import Stored, Upgrade


@dataclass(frozen=True)
class CountPlan:
    """Plan of a count.

    Attributes:
        runtime: one of :data:`mobilecnn.quantize.runtimes.RUNTIMES`.
        seed: seed of the input data.
        warmup_runs: number of inferences after the first whose counts are kept apart.
        runs: number of inferences counted, all in one process, because each gives almost the same number.
        counts_only: whether no time is modelled.

    Raises:
        UsageError: a value is out of its range.
    """

    runtime: str = Protocol.runtime
    seed: int = Protocol.seed
    warmup_runs: int = 1
    runs: int = 3
    counts_only: bool = True

    def __post_init__(self) -> None:
        check_range("--warmup-runs", self.warmup_runs, 0, 1000)
        check_range("--runs", self.runs, 1, 1000)
        self.protocol()

    def protocol(self) -> Protocol:
        """The protocol of a measurement with the same runtime and seed; one thread, always."""
        return Protocol(threads=1, runtime=self.runtime, seed=self.seed)


@dataclass(frozen=True)
class Counts:
    """Instructions that one inference executed, by kind; the kinds exclude each other.

    Attributes:
        multiply_add: multiplications that add to their target, of the vector and floating-point
            registers: fmla, smlal, fmadd and their relatives.
        dot_product: sums of products in one instruction: sdot, udot, smmla and their relatives.
        load_store: all that address memory, prefetches and atomic ones too.
        other: the rest: plain multiplications, additions, conversions, addresses, branches.
    """

    multiply_add: int
    dot_product: int
    load_store: int
    other: int

    def __post_init__(self) -> None:
        if min(self.multiply_add, self.dot_product, self.load_store, self.other) < 0 or self.total == 0:
            raise ValueError("a count is negative, or all are 0")

    @property
    def total(self) -> int:
        """Sum of all kinds."""
        return self.multiply_add + self.dot_product + self.load_store + self.other


@dataclass(frozen=True)
class CountSeries:
    """Counted inferences of one model.

    Attributes:
        runtime_version: version of the package that ``CountPlan.runtime`` names.
        xnnpack_partitions: parts of the graph that XNNPACK took over; None if unknown.
        warmup: counts of each inference before those that count; the first of the process is in none.
        samples: counts of each that counts.
        work: work of each that counts, in the same order; empty where no time is modelled.
    """

    runtime_version: str
    xnnpack_partitions: int | None
    warmup: tuple[Counts, ...]
    samples: tuple[Counts, ...]
    work: tuple[Work, ...] = ()

    def __post_init__(self) -> None:
        if not self.samples:
            raise ValueError("there are no samples")
        if self.work and len(self.work) != len(self.samples):
            raise ValueError("there is not as much work as samples")

    @property
    def typical(self) -> Counts:
        """The sample of the median total; the lower of the two in the middle."""
        return sorted(self.samples, key=lambda counts: counts.total)[(len(self.samples) - 1) // 2]

    @property
    def typical_work(self) -> Work | None:
        """The work of the median cycles; the lower of the two in the middle. None where no time is modelled."""
        ordered = sorted(self.work, key=lambda work: work.cycles)
        return ordered[(len(ordered) - 1) // 2] if ordered else None

    @property
    def spread(self) -> float:
        """Range of the samples' totals, as a share of the typical one."""
        totals = [counts.total for counts in self.samples]
        return (max(totals) - min(totals)) / self.typical.total


def _from_version_1(members: Members) -> Members:
    """Members of version 2; version 1 models no time. Damage passes through, and the strict reader names it."""
    plan, series = members.get("plan"), members.get("series")
    if isinstance(plan, dict):
        plan = {**plan, "counts_only": True}
    if isinstance(series, list):
        series = [{**each, "work": []} if isinstance(each, dict) else each for each in series]
    filled = {"plan": plan, "series": series}
    return {**members, **{name: value for name, value in filled.items() if name in members}, "model": None}


def _from_version_2(members: Members) -> Members:
    """Members of version 3; version 2 does not say which lines came from the memory."""
    series = members.get("series")
    if not isinstance(series, list):
        return members

    def filled(each: Any) -> Any:
        if not isinstance(each, dict) or not isinstance(each.get("work"), list):
            return each
        return {
            **each,
            "work": [{**one, "memory": None} if isinstance(one, dict) else one for one in each["work"]],
        }

    return {**members, "series": [filled(each) for each in series]}


@dataclass(frozen=True)
class Instructions(Stored):
    """Counted instructions of one or several models.

    Attributes:
        created: when it began, ISO 8601 with the time zone.
        tool: version of mobilecnn.
        command: command line; empty when called from Python.
        device: processor that was emulated, and what emulated it (``kernel``).
        plan: what was counted.
        models: files whose instructions were counted.
        series: counts of the models, in their order. One that was cut short has fewer.
        model: what turns the work of the series into time; None where no time is modelled.
    """

    SCHEMA: ClassVar[str] = "mobilecnn.instructions"
    VERSION: ClassVar[int] = 3
    UPGRADES: ClassVar[Mapping[int, Upgrade]] = {1: _from_version_1, 2: _from_version_2}
    NOUN: ClassVar[str] = "record of instructions"

    created: str
    tool: str
    command: tuple[str, ...]
    device: Facts
    plan: CountPlan
    models: tuple[Model, ...]
    series: tuple[CountSeries, ...]
    model: TimeModel | None = None

    def __post_init__(self) -> None:
        if datetime.fromisoformat(self.created).tzinfo is None:
            raise ValueError("created has no time zone")
        if not 1 <= len(self.series) <= len(self.models):
            raise ValueError("there are no series, or more than models")
        for series in self.series:
            if (len(series.warmup), len(series.samples)) != (self.plan.warmup_runs, self.plan.runs):
                raise ValueError("a series has not the inferences that were planned")
            if bool(series.work) == (self.model is None):
                raise ValueError("a series has work and there is no model of time, or the reverse")
            if (
                self.model is not None
                and min(milliseconds(work, self.model.chip) for work in series.work) < 1e-6
            ):
                raise ValueError(
                    "a modelled time is less than a nanosecond: its work or the chip's constants are none"
                )

    @property
    def kept(self) -> str:
        """Statement of how much of the record is complete."""
        return f"{len(self.series)} of {len(self.models)} files are counted"
