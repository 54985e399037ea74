"""What a search for networks is given, and what it finds: candidates, and those on the front."""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mobilecnn.bench.records.operator_costs import OperatorCosts, WholeSample
from mobilecnn.bench.timing.operator_costs import CORRECTING, correction
from mobilecnn.convert.lowering.costs import ANY
from mobilecnn.train.operators import Network
from mobilecnn.train.zoo.candidates import Size, size_text
from mobilecnn.train.zoo.names import ModelName

DTYPES = {"float32": "float32", "float16": "float32", "int8": "int8"}
"""Format -> type of its feature maps: processors compute the float16 files in float32."""

FORMATS = ("float32", "int8")
"""Formats that are searched where the user names none."""

CHECKED = 3
"""Number of networks of each format that are exported and timed whole where the user does not say: enough for a correction."""


@dataclass(frozen=True)
class Wanted:
    """What is searched for.

    Attributes:
        family: name of the family.
        budget: nanoseconds of an inference.
        formats: names of formats, keys of :data:`DTYPES`.
        sides: input sides, or heights and widths, in pixels; none for several.
        widths: width multipliers; none for those of the listed networks and all between that matter.
        max_macs: largest number of multiply-adds, in millions; None for any.
        max_params: largest number of parameters, in millions; None for any.
        check: number of the networks shown of each format that are timed whole.
        target: target of the export, for whose costs its rewrites choose.
    """

    family: str
    budget: float
    formats: tuple[str, ...] = FORMATS
    sides: tuple[Size, ...] = ()
    widths: tuple[float, ...] = ()
    max_macs: float | None = None
    max_params: float | None = None
    check: int = CHECKED
    target: str = ANY


@dataclass(frozen=True)
class Candidate:
    """A network in a format.

    Attributes:
        name: its parsed name.
        network: it as a device runs it.
        format: name of the format.
        summed: sum of what its operators take, what its weights take more, and a call, ns.
        top1: published top-1 accuracy on ImageNet at this width and size, per cent; None where there is none.
        whole: time of the exported file; None where it was not timed.
        top1_source: who published ``top1``; empty where there is none.
        factor: factor that whole networks gave all sums of its format.
    """

    name: ModelName
    network: Network
    format: str
    summed: float
    top1: float | None
    whole: WholeSample | None = None
    top1_source: str = ""
    factor: float = 1.0

    @property
    def predicted(self) -> float:
        """Predicted time of an inference, ns."""
        return self.summed * self.factor

    @property
    def time(self) -> float:
        """Time by which the network is ranked, ns: that of the whole network where it was timed, else the predicted one."""
        return self.predicted if self.whole is None else self.whole.ns

    def to_json(self, times: str) -> dict[str, Any]:
        """The candidate as a JSON object, with the units in the names; ``times``: what the whole times are."""
        whole = (
            {}
            if self.whole is None
            else {f"{times}_ns": self.whole.ns, "error": self.summed / self.whole.ns - 1}
        )
        return {
            **self.named(),
            "operators_ns": self.summed,
            "predicted_ns": self.predicted,
            **whole,
            "macs": self.network.macs,
            "params": self.network.params,
            "top1": self.top1,
            "top1_source": self.top1_source or None,
        }

    def named(self) -> dict[str, Any]:
        """Network, size and format as members of a JSON object."""
        size = self.network.size
        return {
            "network": str(self.name),
            "size": size if isinstance(size, int) else size_text(size),
            "format": self.format,
        }


@dataclass(frozen=True)
class Errors:
    """Relative errors of predictions: predicted over timed, less 1.

    Attributes:
        signed: error of each network, below 0 where its prediction is too short; at least one.
    """

    signed: tuple[float, ...]

    @property
    def median(self) -> float:
        """Median of the errors without their signs."""
        return statistics.median(map(abs, self.signed))

    @property
    def bias(self) -> float:
        """Median of the errors with their signs."""
        return statistics.median(self.signed)

    @property
    def largest(self) -> float:
        """Largest error, without its sign."""
        return max(map(abs, self.signed))

    def to_json(self) -> dict[str, Any]:
        """The errors as members of a JSON object."""
        return {"median_error": self.median, "bias": self.bias, "largest_error": self.largest}


@dataclass(frozen=True)
class Held:
    """Whole networks of a family in a format, held against the sums of their operators.

    Attributes:
        ratios: name and size of each -> its time over the sum.
        doubtful: those whose times something speaks against; they correct nothing.
    """

    ratios: Mapping[tuple[str, Size], float] = field(default_factory=dict)
    doubtful: frozenset[tuple[str, Size]] = frozenset()

    @property
    def errors(self) -> Errors | None:
        """The errors of the sums; None where there is no whole network."""
        return Errors(tuple(1 / ratio - 1 for ratio in self.ratios.values())) if self.ratios else None

    @property
    def left_out(self) -> Errors | None:
        """The errors of the sums, each multiplied by what the other networks needed; None where these are too few."""
        if len(self._sound) < CORRECTING:
            return None
        return Errors(tuple(correction(self._sound, key) / ratio - 1 for key, ratio in self.ratios.items()))

    @property
    def factor(self) -> float:
        """The factor of all sums of the format; 1 where the networks are too few, or where the errors with it are no smaller."""
        before, after = self.errors, self.left_out
        helps = before is not None and after is not None and after.median < before.median
        return correction(self._sound) if helps else 1.0

    @property
    def remaining(self) -> Errors | None:
        """The errors of the predictions as they are used: with the factor where there is one."""
        return self.errors if self.factor == 1.0 else self.left_out

    @property
    def _sound(self) -> dict[tuple[str, Size], float]:
        return {key: ratio for key, ratio in self.ratios.items() if key not in self.doubtful}

    def to_json(self) -> dict[str, Any]:
        """What the networks say as a JSON object; at least one."""
        assert self.errors is not None
        after = None if self.left_out is None else self.left_out.to_json()
        return {"networks": len(self.ratios), **self.errors.to_json(), "corrected": after}


@dataclass(frozen=True)
class Found:
    """What a search finds.

    Attributes:
        wanted: what was searched for.
        costs: table of costs that it was predicted from.
        candidates: all networks and formats that were looked at and have no more multiply-adds and parameters than allowed.
        front: those within the budget that no other one of their format beats, the slowest first.
        fit_errors: relative errors, without sign, of the costs at the operators that they were fitted to; only of the kinds of
            work of the candidates.
        held: format -> the whole networks of the family in the table.
        left_out: network -> what in it nothing is known of the cost of, so that nothing is predicted of it.
    """

    wanted: Wanted
    costs: OperatorCosts
    candidates: tuple[Candidate, ...]
    front: tuple[Candidate, ...]
    fit_errors: tuple[float, ...] = ()
    held: Mapping[str, Held] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """What was found as a JSON object, with the units in the names."""
        times, held = self.costs.times, {form: row for form, row in self.held.items() if row.ratios}
        signed = tuple(error for row in held.values() if row.errors for error in row.errors.signed)
        none = {"median_error": None, "bias": None, "largest_error": None}
        return {
            "family": self.wanted.family,
            "budget_ns": self.wanted.budget,
            "times": times,
            "operators": len(self.fit_errors),
            "doubtful_times": self.costs.doubtful,
            "corrections": {
                form: {"networks": len(row.ratios) - len(row.doubtful), "factor": row.factor}
                for form, row in held.items()
                if row.factor != 1.0
            },
            "operators_median_error": statistics.median(self.fit_errors),
            **(Errors(signed).to_json() if signed else none),
            "errors": {form: row.to_json() for form, row in held.items()},
            "left_out": dict(self.left_out),
            "undecided": [row.named() for row in self.undecided],
            "front": [row.to_json(times) for row in self.front],
            "candidates": [row.to_json(times) for row in self.candidates],
        }

    @property
    def within(self) -> tuple[Candidate, ...]:
        """The candidates within the budget."""
        return tuple(row for row in self.candidates if row.time <= self.wanted.budget)

    @property
    def over(self) -> tuple[Candidate, ...]:
        """The candidates over the budget when they were timed whole, and within it by the sums of their operators."""
        budget = self.wanted.budget
        return tuple(
            row for row in self.candidates if row.summed <= budget < row.time and row.whole is not None
        )

    @property
    def undecided(self) -> tuple[Candidate, ...]:
        """Networks that were not timed whole, and are on the other side of the budget if their predictions are off like the worst ones.

        Of the front those that may be over the budget; of the others those that may be within it.
        """
        shown = [row for row in self.front if self._budget_is_between(row)]
        above = [
            row for row in self.candidates if row.time > self.wanted.budget and self._budget_is_between(row)
        ]
        return (*shown, *above)

    def _budget_is_between(self, row: Candidate) -> bool:
        errors = self.held[row.format].remaining if row.format in self.held else None
        if row.whole is not None or errors is None:
            return False
        ends = [row.predicted / (1 + error) for error in (min(0.0, *errors.signed), max(0.0, *errors.signed))]
        return ends[1] <= self.wanted.budget < ends[0]


def front(rows: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """The candidates that no other one of the same format beats.

    One beats another if it is no slower, has no fewer multiply-adds and parameters, and no lower published accuracy where both
    have one, and is better in one of these. Formats are not held against each other: what quantizing costs in accuracy is
    not known before a network is trained.
    """
    kept = list(rows)
    return tuple(row for row in kept if not any(_beats(other, row) for other in kept))


def _beats(one: Candidate, other: Candidate) -> bool:
    if one.format != other.format:
        return False
    pairs = [
        (other.time, one.time),
        (one.network.macs, other.network.macs),
        (one.network.params, other.network.params),
    ]
    if one.top1 is not None and other.top1 is not None:
        pairs.append((one.top1, other.top1))
    return all(mine >= theirs for mine, theirs in pairs) and any(mine > theirs for mine, theirs in pairs)


def duration(ns: float) -> str:
    """A time with its unit: ``12.3 ms``."""
    return f"{ns / 1e6:.3g} ms" if ns >= 1e4 else f"{ns / 1e3:.3g} us"
