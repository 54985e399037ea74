"""Charts of speedups and profiles."""

from collections.abc import Sequence

from mobilecnn.bench.judge.statistics import Interval
from mobilecnn.bench.pages.plot import OTHER, Axis, Plot, Point, Series
from mobilecnn.bench.papers.speedup import Speedup, SpeedupRow
from mobilecnn.bench.records.instructions import Instructions
from mobilecnn.bench.records.published import BASELINES, PUBLISHED_FORMAT
from mobilecnn.bench.timing.groups import group_of
from mobilecnn.bench.timing.profile import OperatorTime, Profile


def speedups(rows: Sequence[SpeedupRow]) -> Plot:
    """Theoretical against actual speedup over AlexNet, without and with LRN, with the paper's points."""
    return _speedups([(row.format, row) for row in rows])


def speedups_of_chips(tables: Sequence[Speedup]) -> Plot:
    """Theoretical against modelled speedup of some chips in the paper's format, as :func:`speedups`."""
    named = []
    for table in tables:
        assert isinstance(table.record, Instructions) and table.record.model is not None
        title = table.record.model.chip.title
        named += [(title, row) for row in table.rows if row.format == PUBLISHED_FORMAT]
    return _speedups(named)


def _speedups(named: Sequence[tuple[str, SpeedupRow]]) -> Plot:
    """Rows, each with what its series is called."""
    others = [(name, row) for name, row in named if row.published not in BASELINES]
    kind = "modelled" if any(row.result is None for _, row in others) else "actual"
    lines: dict[str, list[Point]] = {}
    for name, row in others:
        for over in row.over:
            lines.setdefault(f"{name}, over {over.base.label}", []).append(
                Point(
                    over.theoretical,
                    over.actual.value,
                    row.published.label,
                    None,
                    over.actual,
                    not row.valid,
                )
            )
    series = [Series(name, points, colour=colour) for colour, (name, points) in enumerate(lines.items())]
    published = {row.published.label: row for _, row in others}.values()
    paper = [Point(row.paper_theoretical, row.paper_actual, row.published.label) for row in published]
    return Plot(
        [*series, Series("paper: float32, Snapdragon 820", paper, colour=OTHER)],
        Axis("theoretical speedup over AlexNet (multiply-adds)", log=True, suffix="x"),
        Axis(f"{kind} speedup over AlexNet (time)", log=True, suffix="x"),
        f"Theoretical against {kind} speedup over AlexNet, log-log, with the paper's points; the figures are in the "
        "table above.",
        equal=f"{kind} = theoretical",
    )


def roofline(profile: Profile) -> Plot:
    """Operators under the roof of what the device can do: operations a second over operations for each byte."""
    distinct: dict[str, OperatorTime] = {}
    for row in profile.rows:
        if row.flops is not None:
            distinct.setdefault(row.part.key, row)
    groups: dict[str, list[Point]] = {}
    for row in distinct.values():
        groups.setdefault(group_of(row.part), []).append(_operator(row))
    operators = [Series(name, points, colour=colour) for colour, (name, points) in enumerate(groups.items())]
    intensities = [point.x for series in operators for point in series.points]
    limits = profile.limits
    peak = limits.flop_per_second / 1e9
    unit = "GFLOP/s" if profile.peak_dtype == "float32" else "GOP/s"
    modelled = ", modelled" if profile.modelled else ""
    published = ", published" if limits.published else ""
    bandwidth = None if limits.bytes_per_second is None else limits.bytes_per_second / 1e9
    left = min(intensities, default=1.0) / 2
    ridge = max(left, peak / bandwidth) if bandwidth else left
    right = 2 * max([*intensities, ridge])
    what = f"{profile.peak_dtype}, one core" if limits.published else f"{profile.peak_dtype} matrix product"
    roof = [_roof(f"{what}: {peak:.3g} {unit}{published}", [Point(ridge, peak), Point(right, peak)])]
    if bandwidth and ridge > left:
        slope = [Point(left, left * bandwidth), Point(ridge, peak)]
        roof.append(_roof(f"memory: {bandwidth:.3g} GB/s{published}", slope))
    return Plot(
        [*operators, *roof],
        Axis("operations for each byte that must be moved (two for a multiply-add)", log=True),
        Axis(f"{unit}{modelled}", log=True),
        f"Operators under the roofs of arithmetic and memory{modelled}, log-log.",
    )


def _operator(row: OperatorTime) -> Point:
    assert row.median is not None and row.flops is not None
    time, rate = row.median, row.flops / 1e9
    if row.bound is not None:  # Modelled: nothing is known of an operator's error.
        return Point(row.intensity, rate)
    return Point(
        row.intensity, rate, y_interval=Interval(rate, rate * time.value / time.high, rate * time.value / time.low)
    )  # fmt: skip


def _roof(name: str, points: Sequence[Point]) -> Series:
    return Series(name, points, "straight", marks=False, colour=OTHER)
