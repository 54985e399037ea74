"""Section "Temperature and clock": before and after each process, where the device tells them."""

from collections.abc import Callable, Mapping

from mobilecnn.bench.pages import svg
from mobilecnn.bench.pages.page import Cell, Content, Figure, Heading, Note, Table
from mobilecnn.bench.pages.plot import Axis, Plot, Point, Series
from mobilecnn.bench.pages.result_files import Results, Timed
from mobilecnn.bench.pages.subjects import Place, identity, run_name
from mobilecnn.bench.records.measurement import Run

MOST_CHARTS = 12
"""Largest number of measurements whose states are drawn, the latest; the table has all."""

MOST_DRAWN = 300
"""Largest number of processes in a chart; of more, every second or n-th is drawn."""


def section(results: Results, places: Mapping[str, Place]) -> list[Content]:
    """A table of all measurements, charts of the latest, and the names of those that tell nothing."""
    parts: list[Content] = []
    silent: list[str] = []
    rows: list[list[str | Cell]] = []
    groups: list[str] = []
    for index, timed in enumerate(results.timed):
        place = places[identity(timed.measurement.device)]
        heat, clock = (_range(timed, value) for value in (_hottest, _fastest))
        if heat.value is None and clock.value is None:
            silent.append(f"{place.label}, {timed.file}")
            continue
        rows.append([run_name(index), timed.file, heat, clock])
        groups.append(place.label)
        if index >= len(results.timed) - MOST_CHARTS:
            drawn = [
                *_state(timed, place, "hottest sensor (\N{DEGREE SIGN}C)", "Temperature", _hottest),
                *_state(timed, place, "fastest core (GHz)", "Clock", _fastest),
            ]
            parts += [Heading(f"{place.label}: {timed.file}"), *drawn]
    if len(rows) > 1:
        caption = "Lowest and highest temperature and clock of each measurement."
        header = ("run", "file", "hottest sensor (\N{DEGREE SIGN}C)", "fastest core (GHz)")
        parts.insert(0, Table(header, rows, caption, left=(0, 1), heading=1, sortable=True, groups=groups))
    if silent:
        parts.append(Note(f"Neither temperature nor clock is told by: {'; '.join(silent)}."))
    return parts


def _range(timed: Timed, value: Callable[[Run], tuple[float, float] | None]) -> Cell:
    """The lowest and highest reading; unknown where there is none. Sorts by the highest."""
    read = [reading for run in timed.measurement.runs for reading in value(run) or ()]
    return Cell(f"{min(read):.4g} to {max(read):.4g}", max(read)) if read else Cell("-")


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
