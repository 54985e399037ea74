"""Charts, drawn by matplotlib without a display."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO

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


@dataclass(frozen=True)
class Bar:
    """One bar with its interval."""

    label: str
    value: float
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
    for index, (name, points) in enumerate(series.items()):
        axes.errorbar(
            [point.x for point in points],
            [point.y for point in points],
            yerr=[[max(0.0, p.y - p.low) for p in points], [max(0.0, p.high - p.y) for p in points]],
            fmt=MARKERS[index % len(MARKERS)],
            color=COLORS[index % len(COLORS)],
            markersize=7,
            capsize=3,
            label=name,
        )
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
        axes.annotate(
            f"memory: {bandwidth:.3g} GB/s", (left, left * bandwidth), xytext=(4, 6), textcoords="offset points",
            fontsize=8.5, color="#57606a", rotation_mode="anchor",
        )  # fmt: skip
    axes.plot([max(ridge, left), right], [peak, peak], **style)
    unit = "GFLOP/s" if dtype == "float32" else "GOP/s"
    axes.annotate(
        f"{dtype} matrix product: {peak:.3g} {unit}", (right, peak), xytext=(-4, 5), textcoords="offset points",
        fontsize=8.5, color="#57606a", ha="right",
    )  # fmt: skip
    for index, (name, each) in enumerate(series.items()):
        axes.errorbar(
            [point.x for point in each],
            [point.y for point in each],
            yerr=[[max(0.0, p.y - p.low) for p in each], [max(0.0, p.high - p.y) for p in each]],
            fmt=MARKERS[index % len(MARKERS)],
            color=COLORS[index % len(COLORS)],
            markersize=5,
            linewidth=0.8,
            label=name,
        )
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


def bars(items: Sequence[Bar], unit: str, title: str) -> bytes:
    """Horizontal bars with intervals, as PNG; the value is written beside each."""
    figure, axes = _figure(7.2, 0.9 + 0.45 * len(items))
    names = [item.label for item in items]
    axes.barh(
        names,
        [item.value for item in items],
        xerr=[[max(0.0, i.value - i.low) for i in items], [max(0.0, i.high - i.value) for i in items]],
        color=COLORS[0],
        ecolor="#24292f",
        capsize=3,
        height=0.6,
    )
    widest = max((item.high for item in items), default=1.0)
    for row, item in enumerate(items):
        axes.annotate(
            f"{item.value:.3g} {unit}",
            (item.high, row),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    axes.set_xlim(0, widest * 1.22)
    axes.invert_yaxis()
    axes.set_xlabel(unit)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.set_title(title, fontsize=10.5, loc="left")
    return _png(figure)


def _figure(width: float, height: float):  # type: ignore[no-untyped-def]
    # The figure classes directly: pyplot would look for a display and keep every figure alive.
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
