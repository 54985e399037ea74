"""Modelled times with what is known of their error: not measured, and no interval of any sample.

The error of a chip's model is that of ncnn's networks whose published times had no part in its constants. The interval of a
time reaches as far as nine of ten of them were missed. That of a ratio reaches as far as nine of ten ratios of two of them
were missed, which on every chip is further: the errors of two networks do not cancel. They do where the work is the same.
"""

from collections.abc import Mapping
from typing import Any

from mobilecnn.bench.judge.statistics import Interval
from mobilecnn.bench.records.chips import LARGEST_SHARES
from mobilecnn.bench.records.instructions import CountSeries
from mobilecnn.bench.records.work import TimeModel, Work, milliseconds, parts

TERMS = ("instructions", "cycles", "lines", "turns")
"""Members of a :class:`Work` by which two are alike."""

PART_OF = {"turns": "branches", "cycles": "pipeline", "lines": "data"}
"""Term of the work -> what :func:`mobilecnn.bench.records.work.parts` calls its part of the time."""

REPEATABLE = 0.001
"""Share of any term of the work by which two runs of one file may differ."""


Beyond = Mapping[str, tuple[float, float]]
"""Term (``turns``, ``cycles``, ``lines``) -> its share of a modelled time, and the largest one of the networks that the model was
held against, both from 0 to 1 and rounded to 1 %."""


def modelled_ns(series: CountSeries, model: TimeModel) -> Interval:
    """Time of one inference in ns, with the interval that nine of ten published times lay in.

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


def beyond(series: CountSeries, model: TimeModel) -> Beyond | None:
    """Terms that take more of a modelled time than of that of any network that the model was held against on its chip.

    The chip's error says nothing of such a time, nor of a ratio with it. Shares are compared in whole per cent.

    Returns:
        Those terms; None for a chip of which no largest shares are known.
    """
    work, largest = series.typical_work, LARGEST_SHARES.get(model.chip.name)
    assert work is not None
    if largest is None:
        return None
    spent = parts(work, model.chip)
    shares = {term: round(spent[part] / sum(spent.values()), 2) for term, part in PART_OF.items()}
    return {
        term: (share, getattr(largest, term))
        for term, share in shares.items()
        if share > getattr(largest, term)
    }


def beyond_json(found: Beyond | None) -> dict[str, Any]:
    """What :func:`beyond` found as a member of a JSON object: its value is null where nothing is known."""
    if found is None:
        return {"modelled_beyond_validated": None}
    terms = found.items()
    return {
        "modelled_beyond_validated": {
            term: {"share": share, "largest_validated": largest} for term, (share, largest) in terms
        }
    }


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
