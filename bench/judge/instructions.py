"""Two counts of instructions side by side: what executes more?"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from mobilecnn.bench.judge.compare import both, name_of, pairs
from mobilecnn.bench.records.instructions import Counts, CountSeries, Instructions
from mobilecnn.errors import CheckFailed, InputError


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
        """As plain JSON values."""
        return {
            "model": self.name,
            "a": with_total(self.a),
            "b": with_total(self.b),
            "instructions_b_relative_to_a": self.ratio,
            "limit": self.limit,
        }


def with_total(counts: Counts) -> dict[str, int]:
    """Counts as plain JSON values, with their sum."""
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
