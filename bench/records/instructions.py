"""How many instructions an inference executes on an emulated processor: the record, and how it is made.

Instructions are no time: a processor executes several at once or waits hundreds of cycles for one.
But they are the same on every run and every machine, so that a file, an exporter or a runtime that
became costlier on ARM shows, by a few thousandths, without a board.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from mobilecnn.bench.records.measurement import Facts, Model
from mobilecnn.bench.records.protocol import Protocol, check_range
from mobilecnn.records import load, members_of, record

SCHEMA = "mobilecnn.instructions"

VERSION = 1


@dataclass(frozen=True)
class Plan:
    """What is counted.

    Attributes:
        runtime: one of :data:`mobilecnn.quantize.runtimes.RUNTIMES`.
        seed: of the input data.
        warmup_runs: inferences after the first whose counts are kept apart.
        runs: inferences counted, all in one process, because each gives almost the same number.

    Raises:
        UsageError: a value is out of its range.
    """

    runtime: str = Protocol.runtime
    seed: int = Protocol.seed
    warmup_runs: int = 1
    runs: int = 3

    def __post_init__(self) -> None:
        check_range("--warmup-runs", self.warmup_runs, 0, 1000)
        check_range("--runs", self.runs, 1, 1000)
        self.protocol()

    def protocol(self) -> Protocol:
        """What it has in common with a measurement: one thread, always."""
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
        """All of them."""
        return self.multiply_add + self.dot_product + self.load_store + self.other


@dataclass(frozen=True)
class Series:
    """The inferences of one model.

    Attributes:
        runtime_version: of the package that ``Plan.runtime`` names.
        xnnpack_partitions: parts of the graph that XNNPACK took over; None if unknown.
        warmup: of each inference before those that count; the first of the process is in none.
        samples: of each that counts.
    """

    runtime_version: str
    xnnpack_partitions: int | None
    warmup: tuple[Counts, ...]
    samples: tuple[Counts, ...]

    def __post_init__(self) -> None:
        if not self.samples:
            raise ValueError("there are no samples")

    @property
    def typical(self) -> Counts:
        """The sample of the median total; the lower of the two in the middle."""
        return sorted(self.samples, key=lambda counts: counts.total)[(len(self.samples) - 1) // 2]

    @property
    def spread(self) -> float:
        """How far the samples' totals are apart, as a share of the typical one."""
        totals = [counts.total for counts in self.samples]
        return (max(totals) - min(totals)) / self.typical.total


@dataclass(frozen=True)
class Instructions:
    """What was counted.

    Attributes:
        created: when it began, ISO 8601 with the time zone.
        tool: the version of mobilecnn.
        command: the command line; empty when called from Python.
        device: the processor that was modelled, and what modelled it (``kernel``).
        plan: how.
        models: what.
        series: of the models, in their order. One that was cut short has fewer.
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
        if self.device.kind != "emulated":
            raise ValueError("its device is not emulated")
        for each in self.series:
            if (len(each.warmup), len(each.samples)) != (self.plan.warmup_runs, self.plan.runs):
                raise ValueError("a series has not the inferences that were planned")

    @property
    def kept(self) -> str:
        """How much of it there is."""
        return f"{len(self.series)} of {len(self.models)} files are counted"

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {"schema": SCHEMA, "version": VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, document: Any) -> Self:
        """Back from :meth:`to_json`.

        Raises:
            InputError: it is none, of a version unknown here, or damaged.
        """
        _, members = members_of(document, "a record of instructions", SCHEMA, VERSION, VERSION)
        return record(cls, members)


def read(path: Path) -> Instructions:
    """Read a record of instructions.

    Raises:
        InputError: missing, not such a record, of an unknown version, or damaged.
    """
    return load(path, "record of instructions", Instructions.from_json)
