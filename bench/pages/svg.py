"""Charts as HTML with SVG in it: pure functions of numbers and names.

Across, everything is placed in per cent, so that a chart fits a phone and a desk with
letters of the same size; down, in pixels. Colours are classes of ``page.css``, which knows
light and dark; every series has a shape of its own besides. A point's ``key`` is the number
of its row in the table that stands by the chart, and its ``data-tip`` is what ``page.js`` shows
where it is pointed at.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from mobilecnn.bench.judge.statistics import Interval
from mobilecnn.bench.pages.page import text
from mobilecnn.bench.pages.plot import COLOURS, OTHER, Axis, Line, Plot, Point, Series, ends

LONGEST_KEY = 4
"""Most letters of a key that may stand to the right of a point at the right edge."""

LETTER, LINE = 0.014, 0.07
"""Room of a letter of a key and of its line, as shares of a chart's width and height, on a narrow page."""

_HEIGHT, _TOP, _FOOT = 300.0, 12.0, 26.0
_SHAPES = (
    '<circle r="5"/>',
    '<path d="M-5-5H5V5H-5Z"/>',
    '<path d="M0-6L6 0L0 6L-6 0Z"/>',
    '<path d="M0-6L6 5H-6Z"/>',
    '<path d="M0 6L6-5H-6Z"/>',
    '<path d="M-6 0L5-6V6Z"/>',
    '<path d="M6 0L-5-6V6Z"/>',
    '<path d="M-6-2H-2V-6H2V-2H6V2H2V6H-2V2H-6Z"/>',
)

_LINES: dict[Line | None, str] = {"straight": "bar", "thin": "thin"}
"""Class of a line; the others are dotted."""

_SPOT = '<circle r="4"/>'
"""Mark of a line's point, which shows where it is pointed at."""


@dataclass(frozen=True)
class Bar:
    """One line of :func:`bars`: a figure with its interval, and how both are written."""

    name: str
    figure: Interval
    shown: str
    hollow: bool = False
    hatched: bool = False


def draw(plot: Plot) -> str:
    """A chart as HTML."""
    series, x, y, what, equal = plot.series, plot.x, plot.y, plot.what, plot.equal
    xs = [value for line in series for p in line.points for value in ends(p.x, p.x_interval)]
    ys = [value for line in series for p in line.points for value in ends(p.y, p.y_interval)]
    if equal:
        xs = ys = [*xs, *ys]
    across, up = _Scale(xs, x), _Scale(ys, y)
    area: list[str] = []
    ticks: list[str] = []
    bottom = _HEIGHT - _FOOT
    for value in up.ticks:
        place = _down(up.share(value))
        area.append(f'<line class="grid" x1="0%" x2="100%" y1="{place}" y2="{place}"/>')
        ticks.append(
            f'<text class="tick" x="92%" y="{place}" dy="4" text-anchor="end">{up.shown(value)}</text>'
        )
    for value in across.ticks:
        place = _percent(across.share(value))
        area.append(f'<line class="grid" x1="{place}" x2="{place}" y1="{_TOP:g}" y2="{bottom:g}"/>')
        area.append(
            f'<text class="tick" x="{place}" y="{bottom + 18:g}" text-anchor="middle">{across.shown(value)}</text>'
        )
    if equal:
        area.append(f'<line class="equal" x1="0%" x2="100%" y1="{_down(0)}" y2="{_down(1)}"/>')
    named: dict[str, Series] = {}
    for line in series:
        if line.marks:
            named.update({point.key: line for point in line.points if point.key not in named})
    below = _below([_first(line, key) for key, line in named.items() if key], across, up)
    for line in reversed(series):  # The first on top.
        area += _drawn(line, plot, across, up, {key for key, first in named.items() if first is line}, below)
    legend = [_legend(line) for line in series if line.name]
    if equal:
        dashes = (
            '<svg height="14" aria-hidden="true"><line class="equal" x1="0" x2="22" y1="7" y2="7"/></svg>'
        )
        legend.append(f"<li>{dashes}{text(equal)}</li>")
    return (
        f'<div class="y-label" aria-hidden="true">{text(y.label)}</div>\n'
        f'<div class="plot" role="img" aria-label="{text(what)}">\n'
        f'<svg height="{_HEIGHT:g}" aria-hidden="true">{"".join(ticks)}</svg>\n'
        f'<svg height="{_HEIGHT:g}" aria-hidden="true">{"".join(area)}</svg>\n</div>\n'
        f'<div class="x-label" aria-hidden="true">{text(x.label)}</div>\n'
        + (f'<ul class="legend">{"".join(legend)}</ul>' if legend else "")
    )


def bars(groups: Sequence[tuple[str, Sequence[Bar]]], unit: str) -> str:
    """Figures with their intervals, one below the other, in groups with a common scale.

    The scale begins at 0, or is logarithmic where one is more than 30 times another.
    """
    everything = [
        value for _, group in groups for bar in group for value in ends(bar.figure.value, bar.figure)
    ]
    log = max(everything) > 30 * min(everything)
    scale = _Scale(everything, Axis(unit, log=log, zero=not log))
    grid = "".join(
        f'<line class="grid" x1="{place}" x2="{place}" y1="0" y2="20"/>'
        for place in (_percent(scale.share(value)) for value in scale.ticks)
    )
    lines = []
    for index, (name, group) in enumerate(groups):
        colour = f"s{index % COLOURS}"
        lines.append(f'<li class="group">{text(name)}</li>')
        for bar in group:
            low, middle, high = (
                _percent(scale.share(value)) for value in (bar.figure.low, bar.figure.value, bar.figure.high)
            )
            kind = f"bar {colour} hatched" if bar.hatched else f"bar {colour}"
            # A line from 0 makes lengths comparable; a logarithmic scale has no 0.
            stem = "" if log else f'<line class="{kind}" x1="0%" x2="{middle}" y1="10" y2="10"/>'
            # What is hatched is the line from 0, or the interval where there is none; over the other it would hide where
            # the interval begins.
            whole = kind if log else f"bar {colour}"
            lines.append(
                f'<li><span>{text(bar.name)}</span><span class="value">{text(bar.shown)}</span>'
                f'<svg height="20" aria-hidden="true">{grid}{stem}'
                f'<line class="{whole}" x1="{low}" x2="{high}" y1="10" y2="10"/>'
                f"{_bound(low, colour)}{_bound(high, colour)}{_mark(middle, '10', 0, colour, bar.hollow)}</svg></li>"
            )
    numbers = "".join(
        f'<text class="tick" x="{_percent(scale.share(value))}" y="14" text-anchor="middle">{scale.shown(value)}</text>'
        for value in scale.ticks
    )
    words = f"{unit}, logarithmic scale" if log else unit
    lines.append(
        f'<li aria-hidden="true"><span></span><span class="value unit">{text(words)}</span>'
        f'<svg height="20">{numbers}</svg></li>'
    )
    return '<ul class="rows">\n' + "\n".join(lines) + "\n</ul>"


class _Scale:
    """Where numbers stand on an axis, as a share of its length."""

    def __init__(self, values: Sequence[float], axis: Axis) -> None:
        self._axis = axis
        low, high = min(values), max(values)
        if axis.log:
            low, high = low / 1.25, high * 1.25
            self._ends = math.log(low), math.log(high)
            self.ticks = _log_ticks(low, high)
        else:
            low = 0.0 if axis.zero else low
            room = 0.06 * (high - low) or 0.05 * abs(high) or 1.0
            low, high = (low if axis.zero else low - room), high + room
            if max(values) <= axis.most:
                high = min(high, axis.most)
            self._ends = low, high
            self.ticks = _ticks(low, high)

    def share(self, value: float) -> float:
        """From 0 to 1."""
        low, high = self._ends
        place = math.log(value) if self._axis.log else value
        return (place - low) / (high - low)

    def shown(self, value: float) -> str:
        """A tick's number."""
        return f"{value:.6g}{self._axis.suffix}"


def _ticks(low: float, high: float) -> list[float]:
    """Three to eight round numbers from ``low`` to ``high``."""
    rough = (high - low) / 7
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def _log_ticks(low: float, high: float) -> list[float]:
    """1, 2, 5 times powers of ten; the powers alone where those are many, round numbers where they are few."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    fine = [
        factor * 10.0**power
        for power in powers
        for factor in (1, 2, 5)
        if low <= factor * 10.0**power <= high
    ]
    coarse = [10.0**power for power in powers if low <= 10.0**power <= high]
    if len(fine) < 2:
        return _ticks(low, high)
    return fine if len(fine) <= 7 else coarse


def _first(series: Series, key: str) -> Point:
    return next(point for point in series.points if point.key == key)


def _below(points: Sequence[Point], across: _Scale, up: _Scale) -> set[str]:
    """Keys that are written below their points, because another's would be written over them: names, for numbers are short."""
    below: set[str] = set()
    free: list[tuple[float, float]] = []  # Where a key above a point ends, and how high it stands.
    for point in sorted(
        (point for point in points if len(point.key) > LONGEST_KEY), key=lambda point: point.x
    ):
        x, y = across.share(point.x), up.share(point.y)
        if any(x < end and abs(y - high) < LINE for end, high in free):
            below.add(point.key)
        else:
            free.append((x + LETTER * (len(point.key) + 1), y))
    return below


def _drawn(
    series: Series, plot: Plot, across: _Scale, up: _Scale, keys: set[str], below: set[str]
) -> list[str]:
    """The elements of a series.

    Args:
        series: its points.
        plot: the chart, whose axes name the values.
        across, up: the axes.
        keys: keys that are written beside its points.
        below: those of them that are written below.
    """
    colour = _colour(series.colour)
    kind = _LINES.get(series.line, "join")
    drawn = []
    if series.line is not None:
        corners = [(point.x, point.y) for point in series.points]
        if series.line == "steps":
            corners = [
                corner
                for index, (x, y) in enumerate(corners)
                for corner in ([(x, corners[index - 1][1])] if index else []) + [(x, y)]
            ]
        for (x1, y1), (x2, y2) in itertools.pairwise(corners):
            drawn.append(
                _line(across.share(x1), up.share(y1), across.share(x2), up.share(y2), f"{kind} {colour}")
            )
    for point in series.points:
        x, y = across.share(point.x), up.share(point.y)
        tip = "" if series.line in ("steps", "dashed") else _tip(series, point, plot)
        if not series.marks:
            if tip:
                drawn.append(
                    f'<svg x="{_percent(x)}" y="{_down(y)}" class="spot {colour}"{tip}>{_SPOT}</svg>'
                )
            continue
        if point.x_interval is not None:
            low, high = across.share(point.x_interval.low), across.share(point.x_interval.high)
            drawn.append(_line(low, y, high, y, f"interval {colour}"))
        if point.y_interval is not None:
            low, high = up.share(point.y_interval.low), up.share(point.y_interval.high)
            drawn.append(_line(x, low, x, high, f"interval {colour}"))
        drawn.append(_mark(_percent(x), _down(y), series.colour, colour, point.hollow, tip))
        if point.key and point.key in keys:
            # Ours above to the right, others' below to the left: they often stand on each other.
            dy = 15 if series.colour == OTHER or point.key in below else -6
            side = 'dx="-7" dy="15" text-anchor="end"' if series.colour == OTHER else f'dx="8" dy="{dy}"'
            if len(point.key) > LONGEST_KEY and x > 0.7:  # It would end beyond the frame.
                side = f'dx="-8" dy="{dy if point.key in below else -6}" text-anchor="end"'
            drawn.append(f'<text x="{_percent(x)}" y="{_down(y)}" {side}>{text(point.key)}</text>')
    return drawn


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    places = f'x1="{_percent(x1)}" y1="{_down(y1)}" x2="{_percent(x2)}" y2="{_down(y2)}"'
    return f'<line class="{kind}" {places}/>'


def _mark(x: str, y: str, shape: int, colour: str, hollow: bool, tip: str = "") -> str:
    kind = f"mark {colour} hollow" if hollow else f"mark {colour}"
    return f'<svg x="{x}" y="{y}" class="{kind}"{tip}>{_SHAPES[shape % len(_SHAPES)]}</svg>'


def _tip(series: Series, point: Point, plot: Plot) -> str:
    """The attribute that says what a point is, and its values."""
    said = [
        point.name or point.key,
        series.name,
        f"{plot.x.label}: {_value(point.x, point.x_interval, plot.x)}",
        f"{plot.y.label}: {_value(point.y, point.y_interval, plot.y)}",
        "not to be relied on" if point.hollow else "",
    ]
    return f' data-tip="{text("; ".join(filter(None, said)))}"'


def _value(value: float, interval: Interval | None, axis: Axis) -> str:
    ends = f" ({interval.low:.4g} to {interval.high:.4g})" if interval else ""
    return f"{value:.4g}{axis.suffix}{ends}"


def _bound(x: str, colour: str) -> str:
    return f'<line class="bar {colour}" x1="{x}" x2="{x}" y1="6" y2="14"/>'


def _legend(series: Series) -> str:
    colour = _colour(series.colour)
    kind = _LINES.get(series.line, "join")
    line = f'<line class="{kind} {colour}" x1="0" x2="22" y1="7" y2="7"/>' if series.line else ""
    mark = _mark("11", "7", series.colour, colour, False) if series.marks else ""
    return f'<li><svg height="14" aria-hidden="true">{line}{mark}</svg>{text(series.name)}</li>'


def _colour(index: int) -> str:
    return "other" if index == OTHER else f"s{index % COLOURS}"


def _percent(share: float) -> str:
    return f"{100 * share:.2f}%"


def _down(share: float) -> str:
    """The place of a share of the height, from the top, in pixels."""
    return f"{_HEIGHT - _FOOT - share * (_HEIGHT - _FOOT - _TOP):.1f}"
