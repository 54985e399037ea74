"""Figures as text and as cells of a page's tables."""

import math

from mobilecnn.bench.judge.statistics import Interval
from mobilecnn.bench.pages.page import Cell


def ms(nanoseconds: float | None, digits: int = 3) -> str:
    """A time in milliseconds; a dash when unknown."""
    return "-" if nanoseconds is None else f"{nanoseconds / 1e6:.{digits}f}"


def interval(ends: Interval, unit: float = 1.0, digits: int = 3, to: str = "..") -> str:
    """Both ends of an interval in units of ``unit``."""
    return f"{ends.low / unit:.{digits}f} {to} {ends.high / unit:.{digits}f}"


def span(ends: Interval) -> str:
    """Both ends of an interval of nanoseconds, in milliseconds, as pages write it."""
    return interval(ends, 1e6, to="to")


def time(nanoseconds: float | None, *, bad: bool = False) -> Cell:
    """A time in milliseconds; "!" marks one that is not to be relied on."""
    if nanoseconds is None:
        return Cell("-")
    return Cell(ms(nanoseconds) + (" !" if bad else ""), nanoseconds, bad)


def number(count: float | None, unit: float, digits: int) -> Cell:
    """A count in units of ``unit``."""
    return Cell("-") if count is None else Cell(f"{count / unit:,.{digits}f}", count)


def times(factor: float | None, *, bad: bool = False) -> Cell:
    """A speedup: ``2.50x``; "!" marks one that is not to be relied on."""
    return Cell("-") if factor is None else Cell(f"{factor:.2f}x" + (" !" if bad else ""), factor, bad)


def share(value: float | None) -> Cell:
    """A share in per cent."""
    return Cell("-") if value is None else Cell(f"{value:.0%}", value)


def below(error: float) -> str:
    """The whole per cent that an error, known to 0.1 %, is certainly less than: what is rounded down understates it."""
    return f"{math.ceil(round(100 * error + 0.05, 6))}%"


def short(name: str, most: int = 48) -> str:
    """A name that fits; the table of the files has all of it."""
    return (
        name if len(name) <= most else f"{name[: most // 2]}\N{HORIZONTAL ELLIPSIS}{name[-(most // 2 - 1) :]}"
    )
