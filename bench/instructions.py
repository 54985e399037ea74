"""How many instructions an inference executes on an emulated processor: the record, and how it is made.

Instructions are no time: a processor executes several at once or waits hundreds of cycles for one.
But they are the same on every run and every machine, so that a file, an exporter or a runtime that
became costlier on ARM shows, by a few thousandths, without a board.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from mobilecnn import __version__
from mobilecnn.bench.compare import both, name_of, pairs
from mobilecnn.bench.emulated import EmulatedDevice
from mobilecnn.bench.measurement import Facts, Model, load, members_of, record
from mobilecnn.bench.protocol import Protocol, check_range
from mobilecnn.bench.run import check_answers, look_at
from mobilecnn.errors import CheckFailed, EnvironmentProblem, InputError
from mobilecnn.steps import Progress, Steps

SCHEMA = "mobilecnn.instructions"
VERSION = 1

LONGEST_SECONDS = 3600.0
"""That one process may take; AlexNet takes a minute on a laptop."""


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


def count(
    models: Sequence[Path],
    device: EmulatedDevice,
    plan: Plan,
    progress: Progress | None = None,
    command: Sequence[str] = (),
    *,
    allow_wrong_answers: bool = False,
    keep: Callable[[Instructions], None] | None = None,
) -> Instructions:
    """Check the answers of ``models`` on ``device``, then count what each executes.

    Args:
        models: .tflite files.
        device: where.
        plan: how.
        progress: called with (processes done, all, what is next).
        command: the command line, for the record.
        allow_wrong_answers: count files that differ from their passports nevertheless.
        keep: called after each model with what is complete, such as
            :func:`mobilecnn.bench.measurement.recording` gives.

    Raises:
        UsageError: no models.
        ModelFileError: one is missing, damaged, or refused by the runtime.
        CheckFailed: one does not answer there as its passport says; none is counted.
        EnvironmentProblem: something that emulating needs is missing, or a process crashed.
    """
    looked_at = look_at(models)
    created = datetime.now(UTC).isoformat(timespec="seconds")
    facts = device.probe()
    asked = sum(one.questions is not None for one in looked_at)
    steps = Steps(progress, asked + len(models))
    placed = check_answers(looked_at, device, plan.protocol(), steps, allow_wrong_answers=allow_wrong_answers)
    done: list[Series] = []
    for one in placed:
        steps(f"counting {one.path.name}")
        job = {"task": "count", "model": one.there, "threads": 1, **asdict(plan)}
        doing = f"that counts {one.path} with {plan.runtime}"
        answer = device.run(job, doing, LONGEST_SECONDS)
        try:
            done.append(record(Series, answer))
        except InputError as error:
            raise EnvironmentProblem(f"the process {doing} answered wrongly: {error}") from error
        counted = Instructions(
            created, __version__, tuple(command), facts, plan, tuple(one.model for one in placed), tuple(done)
        )
        if keep is not None:
            keep(counted)
    steps("")
    return counted


@dataclass(frozen=True)
class Row:
    """One model in A and in B.

    Attributes:
        name: of its file, without folder and ``.tflite``; both names where they differ.
        a: what it executes in A.
        b: what it executes in B.
        limit: ``within`` or ``beyond`` what was allowed; None where nothing was said to be.
    """

    name: str
    a: Counts
    b: Counts
    limit: str | None

    @property
    def ratio(self) -> float:
        """B's instructions relative to A's."""
        return self.b.total / self.a.total

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "model": self.name,
            "a": with_total(self.a),
            "b": with_total(self.b),
            "instructions_b_relative_to_a": self.ratio,
            "limit": self.limit,
        }


def with_total(counts: Counts) -> dict[str, int]:
    """As plain JSON values."""
    return {"instructions": counts.total, **asdict(counts)}


def together(counted: Instructions, allowed: float | None = None) -> tuple[Row, ...]:
    """The two files of one record: the first is A, the second B."""
    a, b = counted.models
    return (_row(both(name_of(a), name_of(b)), counted.series[0], counted.series[1], allowed),)


def apart(
    a: Instructions, b: Instructions, names: Sequence[str] = (), allowed: float | None = None
) -> tuple[Row, ...]:
    """The models of two records that go by the same name.

    Args:
        a: the one to compare with.
        b: the other.
        names: compare these only; ``NAME=OTHER`` pairs A's NAME with B's OTHER.
        allowed: by how much B may have more, as a share of A's.

    Raises:
        InputError: nothing to compare, a name that one has not or has twice, or another processor,
            runtime or emulator.
    """
    chosen = pairs(a.models[: len(a.series)], b.models[: len(b.series)], names)
    unlike = [f"{what}: {one} and {other}" for what, one, other in _conditions(a, b) if one != other]
    if unlike:
        raise InputError(f"A and B were not counted alike: {'; '.join(unlike)}. Count them alike")
    return tuple(_row(name, a.series[first], b.series[second], allowed) for name, first, second in chosen)


def _conditions(a: Instructions, b: Instructions) -> list[tuple[str, str, str]]:
    def versions(counted: Instructions) -> str:
        return f"{counted.plan.runtime} {'/'.join(sorted({each.runtime_version for each in counted.series}))}"

    return [
        ("processor", a.device.cpu or "", b.device.cpu or ""),
        ("emulator", a.device.kernel, b.device.kernel),
        ("system", a.device.os or "", b.device.os or ""),
        ("runtime", versions(a), versions(b)),
    ]


def _row(name: str, a: Series, b: Series, allowed: float | None) -> Row:
    row = Row(name, a.typical, b.typical, None)
    if allowed is None:
        return row
    return Row(name, row.a, row.b, "beyond" if row.ratio > 1 + allowed else "within")


def refuse_more(rows: Sequence[Row], allowed: float) -> None:
    """Fail if a model of B executes more than A's by more than the share ``allowed``.

    Raises:
        CheckFailed: naming each.
    """
    beyond = [f"{row.name} executes {row.ratio - 1:.2%} more" for row in rows if row.limit == "beyond"]
    if beyond:
        raise CheckFailed(
            f"B may execute {100 * allowed:g}% more instructions than A, and {', '.join(beyond)}"
        )
