"""What counts of instructions say, of one record and of two side by side: what executes more?"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from mobilecnn.bench.judge.compare import both, name_of, pairs
from mobilecnn.bench.judge.findings import Finding
from mobilecnn.bench.judge.modelled import Beyond, beyond, beyond_json, modelled_ns, modelled_ratio
from mobilecnn.bench.judge.statistics import Interval
from mobilecnn.bench.records.instructions import Counts, CountSeries, Instructions
from mobilecnn.bench.records.measurement import Model
from mobilecnn.bench.records.work import TimeModel
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
        modelled: modelled time in ns, with the interval of the model's error; None where only instructions were
            counted.
        modelled_relative: modelled time relative to that of the first model, likewise.
        beyond: what no published time speaks for in the modelled one, as
            :func:`mobilecnn.bench.judge.modelled.beyond` tells it.
    """

    model: Model
    runtime_version: str
    counts: Counts
    per_mac: float | None
    spread: float
    relative: float
    warnings: tuple[Finding, ...]
    modelled: Interval | None = None
    modelled_relative: Interval | None = None
    beyond: Beyond | None = None

    def to_json(self) -> dict[str, Any]:
        """The result as a JSON object, with the units in the names."""
        return {
            **asdict(self.model),
            **with_total(self.counts),
            "instructions_per_multiply_add": self.per_mac,
            "spread": self.spread,
            "relative_to_first": self.relative,
            "warnings": [finding.to_json() for finding in self.warnings],
            **_time(self.modelled, self.beyond),
            **_modelled("relative_to_first_", self.modelled_relative),
        }


def _time(time: Interval | None, found: Beyond | None) -> dict[str, Any]:
    """A modelled time in ns as members of a JSON object, with what no published time speaks for; none where there is none."""
    return {} if time is None else {**_modelled("", time, "_ns"), **beyond_json(found)}


def _modelled(name: str, figure: Interval | None, unit: str = "") -> dict[str, Any]:
    """A modelled figure and its interval as members of a JSON object; none where there is none."""
    ends = f"modelled_{name}interval{unit}"
    whole = f"modelled_{name}".rstrip("_") + unit
    return {} if figure is None else {whole: figure.value, ends: [figure.low, figure.high]}


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
        first = counted.series[0]
        # A record that was cut short has fewer series than models.
        made = zip(counted.models, counted.series, strict=False)
        return cls(counted, tuple(_result(model, series, first, counted.model) for model, series in made))


def _result(model: Model, series: CountSeries, first: CountSeries, time: TimeModel | None) -> CountResult:
    macs = model.passport.macs if model.passport else None
    total, spread = series.typical.total, series.spread
    unsteady = Finding("unsteady-counts", f"its inferences differ by {100 * spread:.2g} %", "", "warning")
    return CountResult(
        model=model,
        runtime_version=series.runtime_version,
        counts=series.typical,
        per_mac=total / macs if macs else None,
        spread=spread,
        relative=total / first.typical.total,
        warnings=(unsteady,) if spread > LARGEST_SPREAD else (),
        modelled=None if time is None else modelled_ns(series, time),
        modelled_relative=None if time is None else modelled_ratio(series, first, time),
        beyond=None if time is None else beyond(model, series, time),
    )


@dataclass(frozen=True)
class ComparedCounts:
    """One model, counted in A and in B.

    Attributes:
        name: name of its file, without folder and ``.tflite``; both names where they differ.
        a: what it executes in A.
        b: what it executes in B.
        limit: ``within`` or ``beyond`` what was allowed; None where no limit was given.
        a_time: its modelled time in A, ns; None where only instructions were counted.
        b_time: its modelled time in B, likewise.
        time: B's modelled time relative to A's, with the interval of the model's error of ratios, likewise.
        a_beyond: what no published time speaks for in its modelled one in A, as :class:`CountResult` has it.
        b_beyond: the same of that in B.
    """

    name: str
    a: Counts
    b: Counts
    limit: str | None = None
    a_time: Interval | None = None
    b_time: Interval | None = None
    time: Interval | None = None
    a_beyond: Beyond | None = None
    b_beyond: Beyond | None = None

    @property
    def ratio(self) -> float:
        """B's instructions relative to A's."""
        return self.b.total / self.a.total

    @property
    def relative(self) -> float:
        """What B has, relative to A's: modelled time, or instructions where there is none."""
        return self.ratio if self.time is None else self.time.value

    def to_json(self) -> dict[str, Any]:
        """The comparison as a JSON object, with the units in the names."""
        return {
            "model": self.name,
            "a": {**with_total(self.a), **_time(self.a_time, self.a_beyond)},
            "b": {**with_total(self.b), **_time(self.b_time, self.b_beyond)},
            "instructions_b_relative_to_a": self.ratio,
            **_modelled("b_relative_to_a_", self.time),
            "limit": self.limit,
        }


def with_total(counts: Counts) -> dict[str, int]:
    """Counts as a JSON object, with their sum."""
    return {"instructions": counts.total, **asdict(counts)}


def together(counted: Instructions, allowed: float | None = None) -> tuple[ComparedCounts, ...]:
    """The two files of one record: the first is A, the second B."""
    a, b = counted.models
    return (_row(both(name_of(a), name_of(b)), (counted, 0), (counted, 1), allowed),)


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
            processor, runtime, emulator or model of time.
    """
    chosen = pairs(a.models[: len(a.series)], b.models[: len(b.series)], names)
    unlike = [f"{what}: {here} and {there}" for what, here, there in _conditions(a, b) if here != there]
    if unlike:
        raise InputError(f"A and B were not counted alike: {'; '.join(unlike)}. Count them alike")
    return tuple(_row(name, (a, first), (b, second), allowed) for name, first, second in chosen)


def _conditions(a: Instructions, b: Instructions) -> list[tuple[str, str, str]]:
    def versions(counted: Instructions) -> str:
        return f"{counted.plan.runtime} {'/'.join(sorted({series.runtime_version for series in counted.series}))}"

    def told(model: TimeModel | None) -> str:
        return "none (--counts-only)" if model is None else str(model)

    return [
        ("processor", a.device.cpu or "", b.device.cpu or ""),
        ("emulator", a.device.kernel, b.device.kernel),
        ("system", a.device.os or "", b.device.os or ""),
        ("runtime", versions(a), versions(b)),
        ("model of time", told(a.model), told(b.model)),
    ]


def _row(
    name: str, a: tuple[Instructions, int], b: tuple[Instructions, int], allowed: float | None
) -> ComparedCounts:
    """A row from the record and the number of each side."""
    ours, theirs = (record.series[number] for record, number in (a, b))
    row = ComparedCounts(name, ours.typical, theirs.typical)
    if (model := a[0].model) is not None:
        row = replace(
            row,
            a_time=modelled_ns(ours, model),
            b_time=modelled_ns(theirs, model),
            time=modelled_ratio(theirs, ours, model),
            a_beyond=beyond(a[0].models[a[1]], ours, model),
            b_beyond=beyond(b[0].models[b[1]], theirs, model),
        )
    if allowed is None:
        return row
    return replace(row, limit="beyond" if row.relative > 1 + allowed else "within")


def refuse_more(rows: Sequence[ComparedCounts], allowed: float) -> None:
    """Fail if a model of B takes more than A's by more than the share ``allowed``, modelled, or executes more.

    Raises:
        CheckFailed: naming each.
    """
    refused = [row for row in rows if row.limit == "beyond"]
    if not refused:
        return
    if refused[0].time is None:
        each = ", ".join(f"{row.name} executes {row.relative - 1:.2%} more" for row in refused)
        raise CheckFailed(f"B may execute {100 * allowed:g}% more instructions than A, and {each}")
    each = ", ".join(f"{row.name} takes {row.relative - 1:.2%} longer" for row in refused)
    raise CheckFailed(f"B may take {100 * allowed:g}% longer than A, and as modelled {each}")
