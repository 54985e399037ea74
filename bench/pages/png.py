"""Charts as pictures, drawn by matplotlib without a display: files to put into a text or a talk.

Colours are those of :mod:`mobilecnn.bench.pages.palette`, the order of the marks is that of the SVG charts.
"""

import math
import os
import warnings
from bisect import bisect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

from mobilecnn.bench.pages.page import UNPRINTABLE
from mobilecnn.bench.pages.palette import Theme, colour, palette
from mobilecnn.bench.pages.plot import OTHER, Axis, Plot, Point, Series, ends
from mobilecnn.extras import require
from mobilecnn.replacing import SOFTWARE

MARKERS = ("o", "s", "D", "^", "v", "<", ">", "P")
LINES = {"straight": ("-", 1.6), "thin": ("-", 0.8), "dashed": ("--", 1.0), "steps": ("-", 1.0)}
"""Style and width in points of each way to join points."""

TITLE_SIZE, LEGEND_SIZE = 10.5, 8.5
"""Sizes in points of the lines above a picture, and of the names of its series."""

MARGIN, ROOM, HANDLE = 0.02, 0.96, 0.08
"""Shares of a picture's width: left of its title, for a line of text, and for the mark before a name and what is around."""


def draw(plots: Sequence[Plot], title: str, theme: Theme = "light") -> bytes:
    """Charts one below the other, across the same x, as one PNG file.

    Args:
        plots: at least one; the first is the tallest, and its legend is that of the picture.
        title: lines above the first.
        theme: ground that it is drawn for.
    """
    require("a chart", "report")
    with drawing(theme):
        return _draw(plots, plain(title), theme)


@contextmanager
def drawing(theme: Theme = "light") -> Iterator[None]:
    """Draw with matplotlib while the block runs: any name as it is, and without a word on the terminal."""
    matplotlib = _imported()
    with warnings.catch_warnings():
        # A letter that the font does not have is drawn as a box.
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        # A name may have dollar signs, which are no formula.
        with matplotlib.rc_context():
            # What the user has set for other pictures, such as LaTeX for all text, is not for these.
            matplotlib.rcdefaults()
            matplotlib.rcParams["text.parse_math"] = False
            matplotlib.rcParams.update(_ground(palette(theme)))
            yield


def _ground(colours: Mapping[str, str]) -> dict[str, str]:
    """matplotlib's settings for the ground, and for what stands on it beside the series."""
    grounds = ("figure.facecolor", "savefig.facecolor", "axes.facecolor")
    inks = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
    return {**dict.fromkeys(grounds, colours["page"]), **dict.fromkeys(inks, colours["ink"])}


def _imported() -> Any:
    """matplotlib, imported whatever the settings of the user are: it reads them as it is imported, and some end that."""
    found = find_spec("matplotlib")
    assert found is not None and found.origin is not None  # Callers have asked require.
    own = {"MPLBACKEND": "agg", "MATPLOTLIBRC": str(Path(found.origin).parent / "mpl-data" / "matplotlibrc")}
    before = {name: os.environ.get(name) for name in own}
    os.environ.update(own)
    try:
        import matplotlib
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
    return matplotlib


def plain(text: str) -> str:
    """``text`` as it is drawn: a replacement character for what cannot be, as on a page; lines stay lines."""
    return "".join(letter if letter.isprintable() or letter == "\n" else UNPRINTABLE for letter in text)


def _draw(plots: Sequence[Plot], title: str, theme: Theme) -> bytes:
    stream = BytesIO()
    drawn(plots, title, theme).savefig(stream, format="png", metadata={"Software": SOFTWARE})
    return stream.getvalue()


def drawn(plots: Sequence[Plot], title: str, theme: Theme = "light") -> Any:
    """What :func:`draw` saves: matplotlib's figure, with all its texts within its edges."""
    # The figure classes directly: pyplot would look for a display and keep every figure alive.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    square = bool(plots[0].equal)
    height = 7.6 if square else 3.4 + 1.5 * (len(plots) - 1) if len(plots) > 1 else 4.4
    figure = Figure(figsize=(7.2, height), dpi=144, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(
        len(plots), 1, sharex=True, squeeze=False, height_ratios=[2.2, *[1] * (len(plots) - 1)]
    )
    for row, plot in zip(grid, plots, strict=True):
        _panel(row[0], plot, theme)
    # Of the figure, which is wider than the axes.
    figure.suptitle(_wrapped(figure, title, TITLE_SIZE, ROOM), fontsize=TITLE_SIZE, x=MARGIN, ha="left")
    grid[-1][0].set_xlabel(plots[-1].x.label)
    _legend(figure, *grid[0][0].get_legend_handles_labels())
    figure.draw_without_rendering()
    for row in grid:
        for text in row[0].texts:
            _pull_in(figure, text)
    return figure


def _legend(figure: Any, handles: Sequence[Any], labels: Sequence[str]) -> None:
    """Name the series below everything: inside, some curve would run through the names."""
    widest = max((_width(figure, label, LEGEND_SIZE) for label in labels), default=0.0)
    columns = 2 if widest <= ROOM / 2 - HANDLE else 1
    shown = [_wrapped(figure, label, LEGEND_SIZE, ROOM / columns - HANDLE) for label in labels]
    figure.legend(
        handles, shown, loc="outside lower left", frameon=False, fontsize=LEGEND_SIZE, ncols=columns
    )


def _width(figure: Any, text: str, size: float) -> float:
    """Width of one line of text, as a share of the figure's."""
    from matplotlib.font_manager import FontProperties

    renderer = figure.canvas.get_renderer()
    width, _, _ = renderer.get_text_width_height_descent(text, FontProperties(size=size), ismath=False)
    return float(width / figure.bbox.width)


def _wrapped(figure: Any, text: str, size: float, room: float) -> str:
    """``text`` in lines of at most ``room``, a share of the figure's width: broken at spaces, or in a word without any."""
    lines: list[str] = []
    for whole in text.split("\n"):
        line = whole
        while _width(figure, line, size) > room:
            fitting = _fitting(figure, line, size, room)
            end = line.rfind(" ", 1, fitting + 1)
            end = fitting if end < 1 or not line[:end].strip() else end
            lines.append(line[:end])
            line = line[end:].lstrip()
        lines.append(line)
    return "\n".join(lines)


def _fitting(figure: Any, line: str, size: float, room: float) -> int:
    """Number of the first letters of ``line`` that have room, at least one."""
    counts = range(1, len(line) + 1)
    return max(1, bisect(counts, room, key=lambda count: _width(figure, line[:count], size)))


def _pull_in(figure: Any, text: Any) -> None:
    """Move a text beside a mark to the mark's other side where it would be cut off."""
    box = text.get_window_extent()
    if box.x1 > figure.bbox.width:
        text.set_ha("right")
    elif box.x0 < 0:
        text.set_ha("left")


def _panel(axes: Any, plot: Plot, theme: Theme) -> None:
    for series in plot.series:
        _series(axes, series, theme)
    if plot.equal:
        points = [point for series in plot.series for point in series.points]
        values = [
            end
            for point in points
            for end in (*ends(point.x, point.x_interval), *ends(point.y, point.y_interval))
        ]
        limits = [min(values) / 1.9, max(values) * 1.6]
        axes.plot(
            limits,
            limits,
            color=colour(OTHER, theme),
            linewidth=1,
            linestyle="--",
            label=plot.equal,
            zorder=0,
        )
        axes.set(xlim=limits, ylim=limits, aspect="equal")
    _scale(axes, True, plot.x)
    _scale(axes, False, plot.y)
    axes.set_ylabel(plot.y.label)
    _keys(axes, plot)
    axes.grid(color=palette(theme)["line"], linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _series(axes: Any, series: Series, theme: Theme) -> None:
    points = series.points
    style, width = LINES[series.line] if series.line else ("", 1.0)
    axes.plot(
        [point.x for point in points],
        [point.y for point in points],
        linestyle=style,
        linewidth=width,
        marker=MARKERS[series.colour % len(MARKERS)] if series.marks else "",
        markersize=6,
        color=colour(series.colour, theme),
        # What begins with an underscore has no place in a legend.
        label=f" {plain(series.name)}" if series.name else "_",
        clip_on=False,
    )
    _intervals(axes, series, theme)
    hollow = [point for point in points if point.hollow and series.marks]
    if hollow:
        axes.plot(
            [point.x for point in hollow], [point.y for point in hollow], linestyle="", color=palette(theme)["page"],
            marker=MARKERS[series.colour % len(MARKERS)], markersize=3.5, clip_on=False, zorder=3,
        )  # fmt: skip


def _intervals(axes: Any, series: Series, theme: Theme) -> None:
    """Draw each interval from end to end: as lengths from its point, one that lies beside the point has no form."""
    drawn = {"color": colour(series.colour, theme), "clip_on": False, "label": "_"}
    bars = {"linewidth": 1.0, "zorder": 2, **drawn}
    caps = {"linestyle": "", "markersize": 4, **drawn}
    for point in series.points:
        if point.x_interval is not None:
            low, high = point.x_interval.low, point.x_interval.high
            axes.hlines(point.y, low, high, **bars)
            axes.plot([low, high], [point.y] * 2, marker="|", **caps)
        if point.y_interval is not None:
            low, high = point.y_interval.low, point.y_interval.high
            axes.vlines(point.x, low, high, **bars)
            axes.plot([point.x] * 2, [low, high], marker="_", **caps)


def _scale(axes: Any, across: bool, shown: Axis) -> None:
    from matplotlib.ticker import FixedLocator

    axis = axes.xaxis if across else axes.yaxis
    if shown.log:
        (axes.set_xscale if across else axes.set_yscale)("log")
        low, high = axis.get_view_interval()
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        factors = (1, 2, 5) if high / low < 1000 else (1,)
        axis.set_major_locator(FixedLocator([factor * 10.0**power for power in powers for factor in factors]))
        axis.set_minor_locator(FixedLocator([]))
        (axes.set_xlim if across else axes.set_ylim)(low, high)
    elif shown.zero:
        (axes.set_xlim if across else axes.set_ylim)(0)
    elif not across:
        axes.margins(y=0.15)
    axis.set_major_formatter(lambda value, _place: f"{value:g}{shown.suffix}")


def _keys(axes: Any, plot: Plot) -> None:
    """Write each key once, above the highest point of that key."""
    tops: dict[str, Point] = {}
    for point in (point for series in plot.series for point in series.points if point.key):
        top = tops.get(point.key)
        if top is None or _high(point) > _high(top):
            tops[point.key] = point
    ordered = sorted(tops.values(), key=lambda point: point.x)
    for index, point in enumerate(ordered):
        # Two columns side by side: the left name goes to the left, the right one to the right.
        right_is_near = index + 1 < len(ordered) and ordered[index + 1].x < 1.4 * point.x
        left_is_near = index > 0 and point.x < 1.4 * ordered[index - 1].x
        side, across = {(True, False): ("right", -9), (False, True): ("left", 9)}.get(
            (right_is_near, left_is_near), ("center", 0)
        )
        axes.annotate(
            plain(point.key), (point.x, _high(point)), xytext=(across, 9 if side == "center" else -2),
            textcoords="offset points", fontsize=8.5, ha=side,
        )  # fmt: skip


def _high(point: Point) -> float:
    return max(ends(point.y, point.y_interval))
