"""The chart of ``docs/arm_model.md``: how far modelled times are from published ones, of ncnn by chip, and of LiteRT.

python benchmarks/arm_model.py --works tests/bench/arm_works.csv --chart docs/arm_model.png
"""

import csv
from collections.abc import Mapping
from pathlib import Path

from arm_fit import Fit
from arm_litert import LIMIT

from mobilecnn.bench.pages import png
from mobilecnn.bench.pages.plot import OTHER, Axis, Line, Plot, Point, Series
from mobilecnn.bench.records.chips import CHIPS
from mobilecnn.bench.records.work import Work, milliseconds

WORKS = Path(__file__).parents[1] / "tests" / "bench" / "arm_works.csv"
"""Table that ``arm_model.py --table`` wrote, with what LiteRT's inferences are to each chip and their published times."""

COLOURS = {"sd821": 0, "sd810": 1, "rk3399": 2, "pi4": 6, "pi5": 4, "pi3": 3, "sd855plus": 5}
"""Chip -> its colour, and with it its mark: those that are alike are of chips whose times hardly overlap."""

SHORT = {"sd820": "first Pixel", "pi4-1500mhz": "Pi 4", "pi5": "Pi 5"}
"""Chip -> what its points of LiteRT's are called."""


def litert() -> list[Point]:
    """LiteRT's published times, and how far the modelled ones are off in per cent."""
    points = []
    with WORKS.open(newline="") as file:
        for row in csv.DictReader(file):
            if row["runtime"] != "litert":
                continue
            name, published = row["chip"], float(row["milliseconds"])
            work = Work(*(int(row[term]) for term in ("instructions", "cycles", "lines", "turns")))
            error = milliseconds(work, CHIPS[name]) / published - 1
            points.append(Point(published, 100 * error, key=SHORT[name], hollow=True))
    return points


def chart(fits: Mapping[str, Fit], times: Mapping[str, Mapping[str, float]]) -> bytes:
    """The chart, as PNG.

    Args:
        fits: chip -> its errors, each of constants fitted without the network.
        times: chip -> network -> published milliseconds.
    """
    series = [
        Series(
            f"ncnn, {CHIPS[name].title}",
            [Point(times[name][network], 100 * error) for network, error in found.errors.items()],
            colour=COLOURS[name],
        )
        for name, found in fits.items()
    ]
    series.append(Series("LiteRT, nothing fitted", litert(), colour=OTHER))
    across = [point.x for each in series for point in each.points]
    lines: tuple[tuple[float, str, Line], ...] = (
        (0.0, "modelled = published", "straight"),
        (100 * LIMIT, f"{LIMIT:.0%} too long or too short", "dashed"),
        (-100 * LIMIT, "", "dashed"),
    )
    for place, name, line in lines:
        ends = [Point(min(across), place), Point(max(across), place)]
        series.append(Series(name, ends, line=line, marks=False, colour=OTHER))
    plot = Plot(
        series,
        Axis("published time, ms", log=True),
        Axis("error of the modelled time", suffix=" %"),
        "Relative errors of modelled times against published times.",
    )
    return png.draw(
        [plot],
        "Error of modelled times, one thread: ncnn's with constants of its other networks, and LiteRT's",
    )
