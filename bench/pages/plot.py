"""Charts as data: points and lines in a plane, which :mod:`~mobilecnn.bench.pages.svg` draws into a page and
:mod:`~mobilecnn.bench.pages.png` as a picture."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mobilecnn.bench.judge.statistics import Interval

COLOURS = 8
"""Number of colours of series, enough for four formats over two baselines; ``page.css`` defines them."""

OTHER = -1
"""Colour index of published figures, which were not measured here."""

Line = Literal["straight", "thin", "dashed", "steps"]
"""How points are joined; ``steps``: across, then up or down."""


@dataclass(frozen=True)
class Axis:
    """Quantity of an axis, and its scale.

    Attributes:
        label: with the unit.
        log: whether equal ratios are equally far apart.
        zero: whether it begins at 0 (not with ``log``).
        suffix: text after each number.
        most: a number that it does not go beyond, if the data do not.
    """

    label: str
    log: bool = False
    zero: bool = False
    suffix: str = ""
    most: float = math.inf


@dataclass(frozen=True)
class Point:
    """One mark.

    Attributes:
        x: place across.
        y: place up.
        key: text beside it, such as the number of its row in a table; points of the same key stand for the
            same thing.
        x_interval: interval of ``x``; None without one.
        y_interval: interval of ``y``; None without one.
        hollow: whether it is not to be relied on.
        name: what it is, in words, where it is pointed at; empty for the key.
    """

    x: float
    y: float
    key: str = ""
    x_interval: Interval | None = None
    y_interval: Interval | None = None
    hollow: bool = False
    name: str = ""


@dataclass(frozen=True)
class Series:
    """Points of one colour and shape.

    Attributes:
        name: name in the legend; empty to leave it out.
        points: points in the order of the line.
        line: way to join them; None for none.
        marks: whether the points show, or the line alone.
        colour: index of the colour; :data:`OTHER` for grey.
    """

    name: str
    points: Sequence[Point]
    line: Line | None = None
    marks: bool = True
    colour: int = 0


@dataclass(frozen=True)
class Plot:
    """A chart.

    Attributes:
        series: at least one with a point; with a logarithmic axis all its numbers are positive.
        x: across.
        y: up.
        what: sentence for those who cannot see it.
        equal: where both axes are the same and the line "x is y" is drawn: the name of that line.
    """

    series: Sequence[Series]
    x: Axis
    y: Axis
    what: str
    equal: str = ""


def ends(value: float, interval: Interval | None) -> tuple[float, ...]:
    """All that must have room on an axis for a figure: itself, and both ends of its interval, which may lie beside it."""
    return (value,) if interval is None else (interval.low, value, interval.high)
