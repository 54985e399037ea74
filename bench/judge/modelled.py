"""Modelled times with what is known of their error: not measured, and no interval of any sample.

The error of a chip's model is that of ncnn's networks whose published times had no part in its constants. The interval of a
time reaches as far as the 90th percentile of these errors, within which 15 of 17 lie. That of a ratio reaches as far as the same
of the ratios of two of them, which on every chip is further: the errors of two networks do not cancel. They do where the work is the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mobilecnn.bench.judge.statistics import Interval
from mobilecnn.bench.records.chips import CHECKS, CHIPS, LARGEST_SHARES
from mobilecnn.bench.records.instructions import CountSeries
from mobilecnn.bench.records.measurement import Model
from mobilecnn.bench.records.work import TimeModel, Work, milliseconds, parts

TERMS = ("instructions", "cycles", "lines", "turns")
"""Members of a :class:`Work` by which two are alike."""

PART_OF = {"turns": "branches", "cycles": "pipeline", "lines": "data"}
"""Term of the work -> what :func:`mobilecnn.bench.records.work.parts` calls its part of the time."""

REPEATABLE = 0.001
"""Share of any term of the work by which two runs of one file may differ."""


COMPUTED_IN = {"float16": "float32"}
"""Format -> type that its files are computed in, where that is another: weights in float16 are unpacked first."""

UNKNOWN = "unknown"
"""Type of a file without a passport."""


@dataclass(frozen=True)
class Beyond:
    """What no published time speaks for in a modelled one.

    Attributes:
        terms: term (``turns``, ``cycles``, ``lines``) -> its share of the modelled time, and the largest one of the networks that
            the model was held against, both from 0 to 1 and rounded to 1 %.
        type: type that the file computes in, or :data:`UNKNOWN`, where no such network of the chip computes in it; empty where one does.
        validated: types that they compute in.
    """

    terms: Mapping[str, tuple[float, float]]
    type: str
    validated: tuple[str, ...]


def modelled_ns(series: CountSeries, model: TimeModel) -> Interval:
    """Time of one inference in ns, with the interval of the model's error: its 90th percentile, to either side.

    Args:
        series: counts with the work of each inference.
        model: what turns it into time.
    """
    work = series.typical_work
    assert work is not None
    return _within(1e6 * milliseconds(work, model.chip), model.chip.error)


def modelled_ratio(series: CountSeries, base: CountSeries, model: TimeModel) -> Interval:
    """Time of ``series`` over that of ``base`` on one chip.

    The interval is a point where both are the same work, such as one file in two processes: what the model misses in one
    it misses in the other.
    """
    mine, other = series.typical_work, base.typical_work
    assert mine is not None and other is not None
    ratio = milliseconds(mine, model.chip) / milliseconds(other, model.chip)
    return Interval(ratio, ratio, ratio) if _alike(mine, other) else _within(ratio, model.chip.ratio_error)


def beyond(model: Model, series: CountSeries, by: TimeModel) -> Beyond | None:
    """What no published time of a chip speaks for in the modelled time of a file, nor in a ratio with it.

    That is a term that takes more of it than of the time of any network that the model was held against there, in whole per cent,
    and a type that none of these computes in.

    Args:
        model: the file.
        series: its counts.
        by: what turns work into time.

    Returns:
        It; None where it is not known what the model was held against: of another chip, or with other constants than today's.
    """
    work, largest, checks = series.typical_work, LARGEST_SHARES.get(by.chip.name), CHECKS.get(by.chip.name)
    assert work is not None
    today = CHIPS.get(by.chip.name)
    if largest is None or checks is None or today is None or by.chip.constants != today.constants:
        return None
    spent = parts(work, by.chip)
    shares = {term: round(spent[part] / sum(spent.values()), 2) for term, part in PART_OF.items()}
    terms = {
        term: (share, getattr(largest, term))
        for term, share in shares.items()
        if share > getattr(largest, term)
    }
    return Beyond(
        terms, untried(model.passport.format if model.passport else None, checks.types), checks.types
    )


def untried(form: str | None, validated: Sequence[str]) -> str:
    """The type that files of a format compute in, if it is none of ``validated``, else nothing.

    Of a file of unknown format that is :data:`UNKNOWN` where one of the two types that others have is not validated.
    """
    if form is None:
        return "" if {"float32", "int8"} <= set(validated) else UNKNOWN
    dtype = COMPUTED_IN.get(form, form)
    return "" if dtype in validated else dtype


def beyond_json(found: Beyond | None) -> dict[str, Any]:
    """What :func:`beyond` found as a member of a JSON object: its value is null where nothing is known."""
    if found is None:
        return {"modelled_beyond_validated": None}
    said: dict[str, Any] = {
        term: {"share": share, "largest_validated": largest} for term, (share, largest) in found.terms.items()
    }
    if found.type:
        said["type"] = {
            "is": None if found.type == UNKNOWN else found.type,
            "validated": list(found.validated),
        }
    return {"modelled_beyond_validated": said}


def bound(series: CountSeries, model: TimeModel) -> str:
    """What most of a modelled time is given to: ``pipeline``, ``branches``, or where most of its data comes from.

    That is ``memory`` or ``L2``, on a chip with a third level ``L2, L3``; ``data`` in records that do not say from where.
    """
    work = series.typical_work
    assert work is not None
    spent = parts(work, model.chip)
    most = max(spent, key=spent.__getitem__)
    if most != "data" or work.memory is None:
        return most
    if 2 * work.memory >= work.lines:
        return "memory"
    return ", ".join(f"L{level}" for level in range(2, len(model.chip.caches) + 1))


def _alike(one: Work, other: Work) -> bool:
    """Whether no term of the work differs by more than it may from run to run."""
    pairs = ((getattr(one, term), getattr(other, term)) for term in TERMS)
    return all(abs(mine - theirs) <= REPEATABLE * max(mine, theirs) for mine, theirs in pairs)


def _within(value: float, error: float) -> Interval:
    """Where the true value lies if the modelled one is ``error`` too large at most, or too small."""
    return Interval(value, value / (1 + error), value / (1 - error))
