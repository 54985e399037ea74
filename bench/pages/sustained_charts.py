"""Charts of a sustained load: latency, clock and temperature over time."""

from collections.abc import Iterable
from pathlib import Path

from mobilecnn.bench.judge import hygiene
from mobilecnn.bench.judge.streams import StreamSummary
from mobilecnn.bench.pages.plot import Axis, Plot, Point, Series
from mobilecnn.bench.records.stream import StreamSeries, Window
from mobilecnn.remarks import plural


def sustained(summary: StreamSummary) -> tuple[list[Plot], str]:
    """Latency, clock and temperature over time, one below the other, and the title above them.

    A chart of what is unknown everywhere is left out, and the title says so.
    """
    stream = summary.stream
    latency = [
        line
        for colour, (result, series) in enumerate(zip(summary.sustained, stream.series, strict=True))
        for line in _latency(Path(result.model.file).name, series, colour, result.outcome.changed_seconds)
    ]
    minutes = Axis("minutes")
    plots = [Plot(latency, minutes, Axis("latency, ms", zero=True), "Latency over time.")]
    unknown = []
    for what, unit, reading in (("clock", "GHz", _gigahertz), ("temperature", "\N{DEGREE SIGN}C", _celsius)):
        lines = [
            Series("", points, "straight", marks=False, colour=colour)
            for colour, series in enumerate(stream.series)
            if (
                points := [
                    Point(_minute(w), value) for w in series.windows if (value := reading(w)) is not None
                ]
            )
        ]
        if lines:
            plots.append(Plot(lines, minutes, Axis(f"{what}, {unit}"), f"{what} over time."))
        else:
            unknown.append(what)
    facts, threads = stream.device, stream.plan.threads
    title = (
        f"Sustained load: {facts.board or facts.cpu or facts.machine}, {stream.plan.runtime}, "
        f"{plural(threads, 'thread')}"
    )
    return plots, title + (f"\nnot readable here: {', '.join(unknown)}" if unknown else "")


def _latency(name: str, series: StreamSeries, colour: int, changed: float | None) -> Iterable[Series]:
    windows = series.windows
    medians = [Point(_minute(window), window.median_ns / 1e6) for window in windows]
    tails = [Point(_minute(window), window.p90_ns / 1e6) for window in windows]
    yield Series(f"{name}, median", medians, "straight", marks=False, colour=colour)
    yield Series("90th percentile", tails, "thin", marks=False, colour=colour)
    if changed is not None:
        ends = [Point(changed / 60, 0), Point(changed / 60, max(point.y for point in tails))]
        yield Series("the level changed", ends, "dashed", marks=False, colour=colour)
    throttled = [Point(_minute(w), 0) for w in windows if hygiene.throttling(w.state.throttled)]
    if throttled:
        yield Series("throttled, says the firmware", throttled, colour=colour)


def _minute(window: Window) -> float:
    return (window.begin_seconds + window.end_seconds) / 120


def _gigahertz(window: Window) -> float | None:
    return max(window.state.frequencies_khz.values(), default=0) / 1e6 or None


def _celsius(window: Window) -> float | None:
    return hygiene.processor_temperature(window.state.temperatures_c)
