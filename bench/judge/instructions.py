"""What counts of instructions say, of one record and of two side by side: what executes more?"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from mobilecnn.bench.judge.compare import both, name_of, pairs
from mobilecnn.bench.judge.findings import Finding
from mobilecnn.bench.records.instructions import Counts, CountSeries, Instructions
from mobilecnn.bench.records.measurement import Model
from mobilecnn.errors import CheckFailed, InputError

LARGEST_SPREAD = 0.001
"""Largest share by which the inferences of a process may differ without a warning."""


@dataclass(frozen=True)
class CountResult:
    """What was counted of one model.

    Attributes:
        model: the file.
        runtime_version: version of the runtime.
        counts: instructions of a typical inference.
        per_mac: instructions for each multiply-add of the network; None where its passport does not
            tell them.
        spread: how far the inferences are apart, as a share of the typical one.
        relative: instructions relative to those of the first model.
        warnings: what is odd about the counts.
    """

    model: Model
    runtime_version: str
    counts: Counts
    per_mac: float | None
    spread: float
    relative: float
    warnings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """The result as a JSON object."""
        return {
            **asdict(self.model),
            **with_total(self.counts),
            "instructions_per_multiply_add": self.per_mac,
            "spread": self.spread,
            "relative_to_first": self.relative,
            "warnings": [finding.to_json() for finding in self.warnings],
        }


@dataclass(frozen=True)
class CountSummary:
    """All that a record of instructions says by itself.

    Attributes:
        counted: record that is summarized.
        results: results of the models that were counted, in their order.
    """

    counted: Instructions
    results: tuple[CountResult, ...]

    @classmethod
    def of(cls, counted: Instructions) -> Self:
        """Compute it."""
        first = counted.series[0].typical.total
        # A record that was cut short has fewer series than models.
        made = zip(counted.models, counted.series, strict=False)
        return cls(counted, tuple(_result(model, series, first) for model, series in made))


def _result(model: Model, series: CountSeries, first: int) -> CountResult:
    macs = model.passport.macs if model.passport else None
    total, spread = series.typical.total, series.spread
    unsteady = Finding("unsteady-counts", f"its inferences differ by {100 * spread:.2g} %", "", "warning")
    return CountResult(
        model=model,
        runtime_version=series.runtime_version,
        counts=series.typical,
        per_mac=total / macs if macs else None,
        spread=spread,
        relative=total / first,
        warnings=(unsteady,) if spread > LARGEST_SPREAD else (),
    )


@dataclass(frozen=True)
class ComparedCounts:
    """One model, counted in A and in B.

    Attributes:
        name: name of its file, without folder and ``.tflite``; both names where they differ.
        a: what it executes in A.
        b: what it executes in B.
        limit: ``within`` or ``beyond`` what was allowed; None where no limit was given.
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
        """The comparison as a JSON object."""
        return {
            "model": self.name,
            "a": with_total(self.a),
            "b": with_total(self.b),
            "instructions_b_relative_to_a": self.ratio,
            "limit": self.limit,
        }


def with_total(counts: Counts) -> dict[str, int]:
    """Counts as a JSON object, with their sum."""
    return {"instructions": counts.total, **asdict(counts)}


def together(counted: Instructions, allowed: float | None = None) -> tuple[ComparedCounts, ...]:
    """The two files of one record: the first is A, the second B."""
    a, b = counted.models
    return (_row(both(name_of(a), name_of(b)), counted.series[0], counted.series[1], allowed),)


def apart(
    a: Instructions, b: Instructions, names: Sequence[str] = (), allowed: float | None = None
) -> tuple[ComparedCounts, ...]:
    """The models of two records that go by the same name.

    Args:
        a: record to compare with.
        b: record that is compared.
        names: compare these only; ``NAME=OTHER`` pairs A's NAME with B's OTHER.
        allowed: excess that B may have, as a share of A's; None for any.

    Raises:
        InputError: nothing to compare, a name that one record has not or has twice, or another
            processor, runtime or emulator.
    """
    chosen = pairs(a.models[: len(a.series)], b.models[: len(b.series)], names)
    unlike = [f"{what}: {here} and {there}" for what, here, there in _conditions(a, b) if here != there]
    if unlike:
        raise InputError(f"A and B were not counted alike: {'; '.join(unlike)}. Count them alike")
    return tuple(_row(name, a.series[first], b.series[second], allowed) for name, first, second in chosen)


def _conditions(a: Instructions, b: Instructions) -> list[tuple[str, str, str]]:
    def versions(counted: Instructions) -> str:
        return f"{counted.plan.runtime} {'/'.join(sorted({series.runtime_version for series in counted.series}))}"

    return [
        ("processor", a.device.cpu or "", b.device.cpu or ""),
        ("emulator", a.device.kernel, b.device.kernel),
        ("system", a.device.os or "", b.device.os or ""),
        ("runtime", versions(a), versions(b)),
    ]


def _row(name: str, a: CountSeries, b: CountSeries, allowed: float | None) -> ComparedCounts:
    row = ComparedCounts(name, a.typical, b.typical, None)
    if allowed is None:
        return row
    return ComparedCounts(name, row.a, row.b, "beyond" if row.ratio > 1 + allowed else "within")


def refuse_more(rows: Sequence[ComparedCounts], allowed: float) -> None:
    """Fail if a model of B executes more than A's by more than the share ``allowed``.

    Raises:
        CheckFailed: naming each.
    """
    beyond = [f"{row.name} executes {row.ratio - 1:.2%} more" for row in rows if row.limit == "beyond"]
    if beyond:
        raise CheckFailed(
            f"B may execute {100 * allowed:g}% more instructions than A, and {', '.join(beyond)}"
        )
