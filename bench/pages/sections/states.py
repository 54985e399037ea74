"""Section "Temperature and clock": before and after each process, where the device tells them."""

from collections.abc import Callable, Mapping

from mobilecnn.bench.pages import svg
from mobilecnn.bench.pages.page import Content, Figure, Heading, Note
from mobilecnn.bench.pages.plot import Axis, Plot, Point, Series
from mobilecnn.bench.pages.result_files import Results, Timed
from mobilecnn.bench.pages.subjects import Place, identity
from mobilecnn.bench.records.measurement import Run

MOST_DRAWN = 300
"""Largest number of processes in a chart; of more, every second or n-th is drawn."""


def section(results: Results, places: Mapping[str, Place]) -> list[Content]:
    """Charts for each measurement, and the names of those that tell nothing."""
    parts: list[Content] = []
    silent: list[str] = []
    for timed in results.timed:
        place = places[identity(timed.measurement.device)]
        drawn = [
            *_state(timed, place, "hottest sensor (\N{DEGREE SIGN}C)", "Temperature", _hottest),
            *_state(timed, place, "fastest core (GHz)", "Clock", _fastest),
        ]
        if drawn:
            parts += [Heading(f"{place.label}: {timed.file}"), *drawn]
        else:
            silent.append(f"{place.label}, {timed.file}")
    if silent:
        parts.append(Note(f"Neither temperature nor clock is told by: {'; '.join(silent)}."))
    return parts


def _state(
    timed: Timed, place: Place, label: str, what: str, value: Callable[[Run], tuple[float, float] | None]
) -> list[Content]:
    runs = timed.measurement.runs
    step = -(-len(runs) // MOST_DRAWN)
    # A quarter to either side of its process's number.
    read = [(number, value(run)) for number, run in enumerate(runs, start=1)][::step]
    points = [
        Point(number + side, reading)
        for number, pair in read
        if pair is not None
        for side, reading in zip((-0.25, 0.25), pair, strict=True)
    ]
    if not points:
        return []
    some = f" Of {len(runs)} processes, one in {step} is drawn." if step > 1 else ""
    plot = Plot(
        [Series("", points, "straight", marks=len(points) <= 60, colour=place.index)],
        Axis("processes, in the order they ran"),
        Axis(label),
        f"{what} before and after each process.",
    )
    low, high = min(point.y for point in points), max(point.y for point in points)
    caption = (
        f"{what} just before and just after the timed part of each process: {low:.4g} to {high:.4g}.{some}"
    )
    return [Figure(svg.draw(plot), caption)]


def _hottest(run: Run) -> tuple[float, float] | None:
    before, after = run.before.temperatures_c, run.after.temperatures_c
    return (max(before.values()), max(after.values())) if before and after else None


def _fastest(run: Run) -> tuple[float, float] | None:
    # An unreadable clock has no entry, or 0.
    before, after = (max(reading.frequencies_khz.values(), default=0) for reading in (run.before, run.after))
    return (before / 1e6, after / 1e6) if before and after else None
