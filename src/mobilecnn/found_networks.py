"""What a search for networks is given, and what it finds: candidates, and those on the front."""

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mobilecnn.bench.records.operator_costs import OperatorCosts, WholeSample
from mobilecnn.convert.lowering.costs import ANY
from mobilecnn.train.operators import Network
from mobilecnn.train.zoo.candidates import Size, size_text
from mobilecnn.train.zoo.names import ModelName

DTYPES = {"float32": "float32", "float16": "float32", "int8": "int8"}
"""Format -> type of its feature maps: processors compute the float16 files in float32."""

FORMATS = ("float32", "int8")
"""Formats that are searched where the user names none."""

CHECKED = 3
"""Number of networks that are exported and timed whole where the user does not say."""


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
        check: number of networks that are timed whole.
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
        predicted: predicted time of an inference, ns.
        top1: published top-1 accuracy on ImageNet at this width and size, per cent; None where there is none.
        whole: time of the exported file; None where it was not timed.
        top1_source: who published ``top1``; empty where there is none.
    """

    name: ModelName
    network: Network
    format: str
    predicted: float
    top1: float | None
    whole: WholeSample | None = None
    top1_source: str = ""

    @property
    def error(self) -> float | None:
        """Relative error of the prediction; None where the network was not timed whole."""
        return None if self.whole is None else self.predicted / self.whole.ns - 1

    def to_json(self, times: str) -> dict[str, Any]:
        """The candidate as a JSON object, with the units in the names; ``times``: what the whole times are."""
        whole = {} if self.whole is None else {f"{times}_ns": self.whole.ns, "error": self.error}
        return {
            "network": str(self.name),
            "size": self.network.size if isinstance(self.network.size, int) else size_text(self.network.size),
            "format": self.format,
            "predicted_ns": self.predicted,
            **whole,
            "macs": self.network.macs,
            "params": self.network.params,
            "top1": self.top1,
            "top1_source": self.top1_source or None,
        }


@dataclass(frozen=True)
class Found:
    """What a search finds.

    Attributes:
        wanted: what was searched for.
        costs: table of costs that it was predicted from.
        candidates: all networks and formats that were looked at and have no more multiply-adds and parameters than allowed.
        front: those within the budget that no other one of their format beats, the slowest first.
        checked: those that were timed whole.
        fit_errors: relative errors, without sign, of the costs at the operators that they were fitted to; only of the kinds of
            work of the candidates.
        corrections: format -> number of whole networks of the family in the table, and the factor that they give the prediction of
            a network that is none of them; only where there are enough.
        left_out: network -> what in it nothing is known of the cost of, so that nothing is predicted of it.
    """

    wanted: Wanted
    costs: OperatorCosts
    candidates: tuple[Candidate, ...]
    front: tuple[Candidate, ...]
    checked: tuple[Candidate, ...] = field(default=())
    fit_errors: tuple[float, ...] = ()
    corrections: Mapping[str, tuple[int, float]] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """What was found as a JSON object, with the units in the names."""
        times = self.costs.times
        return {
            "family": self.wanted.family,
            "budget_ns": self.wanted.budget,
            "times": times,
            "operators": len(self.fit_errors),
            "doubtful_times": self.costs.doubtful,
            "corrections": {
                form: {"networks": networks, "factor": factor}
                for form, (networks, factor) in self.corrections.items()
            },
            "operators_median_error": statistics.median(self.fit_errors),
            "median_error": statistics.median(self.errors) if self.errors else None,
            "bias": self.bias,
            "largest_error": max(self.errors, default=None),
            "left_out": dict(self.left_out),
            "front": [row.to_json(times) for row in self.front],
            "candidates": [row.to_json(times) for row in self.candidates],
        }

    @property
    def within(self) -> int:
        """Number of candidates within the budget."""
        return sum(row.predicted <= self.wanted.budget for row in self.candidates)

    @property
    def errors(self) -> tuple[float, ...]:
        """Relative errors of the networks that were timed whole, without sign."""
        return tuple(abs(row.error) for row in self.checked if row.error is not None)

    @property
    def bias(self) -> float | None:
        """Median of these errors with their signs, below 0 where predictions are too short; None where none was timed whole."""
        signed = [row.error for row in self.checked if row.error is not None]
        return statistics.median(signed) if signed else None


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
        (other.predicted, one.predicted),
        (one.network.macs, other.network.macs),
        (one.network.params, other.network.params),
    ]
    if one.top1 is not None and other.top1 is not None:
        pairs.append((one.top1, other.top1))
    return all(mine >= theirs for mine, theirs in pairs) and any(mine > theirs for mine, theirs in pairs)


def duration(ns: float) -> str:
    """A time with its unit: ``12.3 ms``."""
    return f"{ns / 1e6:.3g} ms" if ns >= 1e4 else f"{ns / 1e3:.3g} us"
