"""Modelled times with what is known of their error: not measured, and no interval of any sample.

The error of a chip's model is that of networks whose published times had no part in its constants. The interval of a
time reaches as far as nine of ten of them were missed; that of a ratio likewise, in which the constants mostly cancel.
"""

from mobilecnn.bench.judge.statistics import Interval
from mobilecnn.bench.records.instructions import CountSeries
from mobilecnn.bench.records.work import TimeModel, milliseconds


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
    """Time of ``series`` over that of ``base`` on one chip; exactly 1 where both are one."""
    mine, other = series.typical_work, base.typical_work
    assert mine is not None and other is not None
    ratio = milliseconds(mine, model.chip) / milliseconds(other, model.chip)
    return Interval(1.0, 1.0, 1.0) if series is base else _within(ratio, model.chip.ratio_error)


def _within(value: float, error: float) -> Interval:
    """Where the true value lies if the modelled one is ``error`` too large at most, or too small."""
    return Interval(value, value / (1 + error), value / (1 - error))
