"""A ladder of repairs as one HTML page: what each step costs, and what it keeps."""

from collections.abc import Callable, Sequence

from mobilecnn.bench.judge.statistics import Interval
from mobilecnn.bench.pages import svg
from mobilecnn.bench.pages.page import Cell, Content, Figure, Note, Section, Table, page
from mobilecnn.bench.pages.plot import Axis, Plot, Point, Series
from mobilecnn.bench.pages.sections.accuracies import pareto
from mobilecnn.convert.rungs import Ladder, Rung
from mobilecnn.quantize.proportions import wilson
from mobilecnn.remarks import plural

HEADER = (
    "step", "kB", "right", "accuracy", "points lost", "95 % interval", "p", "agreement", "calibration SQNR dB", "latency ms",
    "on the front", "",
)  # fmt: skip
"""Headers of the table of steps."""


def row(rung: Rung) -> list[str]:
    """The cells of a step, those of :data:`HEADER`."""
    if rung.labelled is None or rung.loss is None or rung.verdict is None:
        return [rung.name, *["-"] * (len(HEADER) - 2), f"left out: {rung.left_out}"]
    check, loss, verdict = rung.labelled, rung.loss, rung.verdict
    ratio, latency = rung.calibration_sqnr_db, rung.latency
    return [
        rung.name,
        f"{(rung.bytes or 0) / 1000:,.0f}",
        f"{check.correct}/{check.images}",
        f"{check.correct / check.images:.2%}",
        f"{loss.points:+.2f}",
        f"{loss.low:+.2f} .. {loss.high:+.2f}",
        f"{loss.p:.2g}",
        f"{verdict.agreeing}/{verdict.images}",
        "-" if ratio is None else f"{ratio:.1f}",
        "-" if latency is None else f"{latency.ns / 1e6:.3f}",
        "yes" if rung.front else "no",
        rung.refused or "chosen",
    ]


def lead(ladder: Ladder) -> str:
    """What was asked, and how times are to be read, in a sentence or two."""
    times = {
        "measured": f"Times are measured on {ladder.device}.",
        "modelled": f"Times are modelled for {ladder.device}, not measured.",
    }
    limit = f"loses at most {ladder.max_drop:g} points of the right answers"
    asked = (
        f"The first step that {limit}." if ladder.passed else f"No step {limit}, or passes the other checks."
    )
    judging = ladder.judged[-1].labelled
    of = "" if judging is None else f" of {judging.images:,}"
    judged = (
        f", and {ladder.shared:,}{of} that judge are among them, so that new images may lose more"
        if ladder.shared
        else " and judged on others"
    )
    return (
        f"{asked} Each is chosen on the images that "
        f"calibrate{judged}. {times.get(ladder.times, 'No file was timed.')}"
    )


def html(ladder: Ladder, model: str) -> str:
    """The whole page: the same ladder gives the same page, byte for byte."""
    first = ladder.judged[0].labelled
    assert first is not None
    parts: list[Content] = [
        Table(
            ("#", *HEADER),
            [[Cell(str(number), number), *row(rung)] for number, rung in enumerate(ladder.rungs, 1)],
            left=(0, 1, 12),
            wrap=(1, 12),
            heading=1,
        ),
        Note(
            f"{first.keras_correct} of {plural(first.images, 'image')} of {first.data} are right by the Keras model. On the front: "
            "no other step is both at least as small and at least as often right. The numbers in the charts are those of the table."
        ),
    ]
    charts = [
        _chart(ladder, "size (kB)", lambda rung: Interval(size := (rung.bytes or 0) / 1000, size, size))
    ]
    if all(rung.latency is not None for rung in ladder.judged):
        kind = "modelled latency" if ladder.times == "modelled" else "median latency"
        charts.append(_chart(ladder, f"{kind} (ms)", _milliseconds))
    return page(
        f"mobilecnn export --int8 auto: {model}",
        lead(ladder),
        [Section("Steps", parts), Section("What accuracy costs", charts)],
    )


def _milliseconds(rung: Rung) -> Interval:
    assert rung.latency is not None
    return Interval(rung.latency.ns, rung.latency.low, rung.latency.high).scaled(1e-6)


def _chart(ladder: Ladder, label: str, cost: Callable[[Rung], Interval]) -> Figure:
    numbered = [(number, rung) for number, rung in enumerate(ladder.rungs, 1) if not rung.left_out]
    points = sorted(
        (_point(number, rung, cost(rung)) for number, rung in numbered), key=lambda point: point.x
    )
    best = pareto([(point.x, point.y) for point in points])
    front: Sequence[Point] = [points[index] for index in best]
    plot = Plot(
        [Series("", front, "steps", marks=False), Series("steps of the ladder", points)],
        Axis(label),
        Axis("accuracy (%)", most=100.0),
        f"Accuracy against {label}; the figures are in the table above.",
    )
    return Figure(
        svg.draw(plot), f"Accuracy against {label}. Up and to the left is better; the line joins the front."
    )


def _point(number: int, rung: Rung, cost: Interval) -> Point:
    check = rung.labelled
    assert check is not None
    low, high = wilson(check.correct, check.images)
    share = check.correct / check.images
    interval = Interval(100 * share, 100 * low, 100 * high)
    return Point(cost.value, 100 * share, str(number), cost, interval, hollow=bool(rung.refused))
