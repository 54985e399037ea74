"""Charts that are files of their own, drawn by matplotlib without a display; those of pages are in ``svg.py``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO

from mobilecnn.extras import require

COLORS = ("#1f6feb", "#d1242f", "#6e7781", "#1a7f37", "#9a6700")
MARKERS = ("o", "s", "D", "^", "v")


@dataclass(frozen=True)
class Point:
    """One model in a scatter: ``low`` and ``high`` are the ends of y's interval, or equal to y."""

    label: str
    x: float
    y: float
    low: float
    high: float


def speedups(series: Mapping[str, Sequence[Point]], title: str) -> bytes:
    """Theoretical against actual speedup, log-log, with the line where they are equal, as PNG.

    Args:
        series: name -> its points; the name ``paper`` is no different from the others.
        title: above the chart.
    """
    figure, axes = _figure(7.2, 7.4)
    everything = [value for points in series.values() for point in points for value in (point.x, point.y)]
    low, high = min([*everything, 1.0]) / 1.9, max([*everything, 1.0]) * 1.6
    axes.plot([low, high], [low, high], color="#8c959f", linewidth=1, linestyle="--")
    axes.annotate(
        "actual = theoretical", (low * 1.1, low * 1.1), xytext=(6, -6), textcoords="offset points",
        color="#57606a", fontsize=8, rotation=45, rotation_mode="anchor", ha="left", va="top",
    )  # fmt: skip
    _scatter(axes, series, markersize=7, capsize=3)
    # Models stand at (nearly) the same x in every series: one name each, at the top of its column.
    named: dict[str, tuple[float, float]] = {}
    for points in series.values():
        for point in points:
            x, y = named.get(point.label, (point.x, point.high))
            named[point.label] = (max(x, point.x), max(y, point.high))
    ordered = sorted(named.items(), key=lambda entry: entry[1][0])
    for index, (label, (x, y)) in enumerate(ordered):
        # Two columns side by side: the left name goes to the left, the right one to the right.
        right_is_near = index + 1 < len(ordered) and ordered[index + 1][1][0] < 1.4 * x
        left_is_near = index > 0 and x < 1.4 * ordered[index - 1][1][0]
        place = {(True, False): ("right", -9), (False, True): ("left", 9)}.get(
            (right_is_near, left_is_near), ("center", 0)
        )
        height = 9 if place[0] == "center" else -2
        axes.annotate(
            label, (x, y), xytext=(place[1], height), textcoords="offset points", fontsize=8.5, ha=place[0]
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    axes.set_aspect("equal")
    ticks = [tick for tick in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if low <= tick <= high]
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(_fixed(ticks))
        axis.set_minor_locator(_fixed([]))
        axis.set_major_formatter(lambda value, _position: f"{value:g}x")
    axes.set_xlabel("theoretical speedup over AlexNet (multiply-adds)")
    axes.set_ylabel("actual speedup over AlexNet (time)")
    axes.grid(color="#d0d7de", linewidth=0.6)
    axes.legend(loc="upper left", frameon=False)
    axes.set_title(title, fontsize=10.5, loc="left")
    return _png(figure)


def roofline(
    series: Mapping[str, Sequence[Point]], peak: float, bandwidth: float | None, dtype: str, title: str
) -> bytes:
    """Operators under the roof of what the device can do, log-log, as PNG.

    Args:
        series: name -> points of (operations a byte, 10^9 operations a second).
        peak: 10^9 operations a second of a matrix product.
        bandwidth: of the memory, 10^9 bytes a second; without it there is no slope.
        dtype: in which the product was computed.
        title: above the chart.
    """
    figure, axes = _figure(8.4, 5.6)
    points = [point for each in series.values() for point in each]
    left = min([point.x for point in points], default=1.0) / 2
    right = max([*(point.x for point in points), 2 * peak / bandwidth if bandwidth else 1.0]) * 2
    bottom = min([point.low for point in points], default=peak / 100) / 2
    ridge = peak / bandwidth if bandwidth else left
    style = {"color": "#24292f", "linewidth": 1.2}
    if bandwidth and ridge > left:
        axes.plot([left, ridge], [left * bandwidth, peak], **style)
        place = (1.5 * left, 1.5 * left * bandwidth)
        axes.annotate(
            f"memory: {bandwidth:.3g} GB/s", place, xytext=(9, -5), textcoords="offset points", fontsize=8.5,
            color="#57606a", va="top",
        )  # fmt: skip
    axes.plot([max(ridge, left), right], [peak, peak], **style)
    unit = "GFLOP/s" if dtype == "float32" else "GOP/s"
    axes.annotate(
        f"{dtype} matrix product: {peak:.3g} {unit}", (right, peak), xytext=(-4, 5), textcoords="offset points",
        fontsize=8.5, color="#57606a", ha="right",
    )  # fmt: skip
    _scatter(axes, series, markersize=5, linewidth=0.8)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, max([peak, *(point.high for point in points)]) * 2)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _position: f"{value:g}")
    axes.set_xlabel("operations for each byte that must be moved (two for a multiply-add)")
    axes.set_ylabel(unit)
    axes.grid(color="#d0d7de", linewidth=0.6)
    axes.legend(loc="lower right", frameon=False, fontsize=8.5)
    axes.set_title(title, fontsize=10.5, loc="left")
    return _png(figure)


@dataclass(frozen=True)
class Course:
    """One model in a chart over time: a point for each window.

    Attributes:
        label: its name.
        minutes: the middle of each window.
        median_ms: latency.
        p90_ms: the 90th percentile.
        gigahertz: the clock of the fastest core; None where unknown.
        celsius: of the processor; None where unknown.
        throttled: the firmware says that it slows the board down.
        changed: minutes at which the level changed; None if it did not.
    """

    label: str
    minutes: Sequence[float]
    median_ms: Sequence[float]
    p90_ms: Sequence[float]
    gigahertz: Sequence[float | None]
    celsius: Sequence[float | None]
    throttled: Sequence[bool]
    changed: float | None


def courses(items: Sequence[Course], title: str) -> bytes:
    """Latency, clock and temperature over time, one below the other, as PNG.

    A panel for what is unknown everywhere is left out, and the title says so. Dots at the foot
    of the first panel: the firmware says that it slows the board down.
    """
    require("a chart", "report")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = [
        ("clock, GHz", [item.gigahertz for item in items]),
        ("temperature, °C", [item.celsius for item in items]),
    ]
    known = [panel for panel in panels if any(value is not None for line in panel[1] for value in line)]
    unknown = [name.split(",")[0] for name, _ in panels if name not in {name for name, _ in known}]
    figure = Figure(figsize=(7.2, 3.2 + 1.5 * len(known)), dpi=144, layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(
        1 + len(known), 1, sharex=True, squeeze=False, height_ratios=[2.2, *[1] * len(known)]
    )
    latency, *others = (row[0] for row in grid)
    for index, item in enumerate(items):
        color = COLORS[index % len(COLORS)]
        latency.plot(item.minutes, item.median_ms, color=color, linewidth=1.6, label=f"{item.label}, median")
        latency.plot(
            item.minutes, item.p90_ms, color=color, linewidth=0.8, alpha=0.5, label="90th percentile"
        )
        if item.changed is not None:
            latency.axvline(item.changed, color=color, linewidth=1, linestyle="--")
        slowed = [minute for minute, yes in zip(item.minutes, item.throttled, strict=True) if yes]
        if slowed:
            latency.plot(
                slowed, [0] * len(slowed), color=color, linestyle="", marker=MARKERS[0], markersize=4,
                clip_on=False, label="throttled, says the firmware",
            )  # fmt: skip
        for axes, (_, lines) in zip(others, known, strict=True):
            values = [float("nan") if value is None else value for value in lines[index]]
            axes.plot(item.minutes, values, color=color, linewidth=1.6)
    latency.set_ylabel("latency, ms")
    latency.set_ylim(0, 1.15 * max(value for item in items for value in item.p90_ms))
    for axes, (name, _) in zip(others, known, strict=True):
        axes.set_ylabel(name)
        axes.margins(y=0.15)
    for axes in (latency, *others):
        axes.grid(color="#d0d7de", linewidth=0.6)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    (others or [latency])[-1].set_xlabel("minutes")
    # Below everything: inside, some curve would run through it.
    handles, labels = latency.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower left", frameon=False, fontsize=8.5, ncols=2)
    missing = f"\nnot readable here: {', '.join(unknown)}" if unknown else ""
    latency.set_title(title + missing, fontsize=10.5, loc="left")
    return _png(figure)


def _scatter(axes, series: Mapping[str, Sequence[Point]], **style: float) -> None:  # type: ignore[no-untyped-def]
    """Draw each series in its own colour and mark, with the intervals."""
    for index, (name, points) in enumerate(series.items()):
        axes.errorbar(
            [point.x for point in points],
            [point.y for point in points],
            yerr=[[max(0.0, p.y - p.low) for p in points], [max(0.0, p.high - p.y) for p in points]],
            fmt=MARKERS[index % len(MARKERS)],
            color=COLORS[index % len(COLORS)],
            label=name,
            **style,
        )


def _figure(width: float, height: float):  # type: ignore[no-untyped-def]
    # The figure classes directly: pyplot would look for a display and keep every figure alive.
    require("a chart", "report")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=144, layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.add_subplot()


def _fixed(ticks: Sequence[float]):  # type: ignore[no-untyped-def]
    from matplotlib.ticker import FixedLocator

    return FixedLocator(list(ticks))


def _png(figure) -> bytes:  # type: ignore[no-untyped-def]
    stream = BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()
