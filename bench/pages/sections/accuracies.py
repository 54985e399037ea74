"""Section "Accuracy against latency": joined by the SHA-256 of the model file, not by its name."""

from collections.abc import Sequence
from pathlib import Path

from mobilecnn.bench.judge.statistics import Interval
from mobilecnn.bench.pages import svg
from mobilecnn.bench.pages.numbers import short, span, time
from mobilecnn.bench.pages.page import Cell, Content, Figure, Heading, Note, Table
from mobilecnn.bench.pages.plot import Axis, Plot, Point, Series
from mobilecnn.bench.pages.result_files import Evaluated
from mobilecnn.bench.pages.subjects import TimedModel, run_name
from mobilecnn.quantize.evaluation import NO_BETTER, Accuracy
from mobilecnn.remarks import plural


def section(models: Sequence[TimedModel], evaluated: Sequence[Evaluated]) -> list[Content]:
    """A chart and a table for each evaluation."""
    if not evaluated:
        return [
            (
                "No result of `mobilecnn evaluate` was given. `mobilecnn evaluate MODEL... -o accuracy.json` makes one, for "
                "the same files."
            )
        ]
    return [part for given in evaluated for part in _accuracy(models, given)]


def _accuracy(models: Sequence[TimedModel], given: Evaluated) -> list[Content]:
    evaluation = given.evaluation
    known = {accuracy.sha256: accuracy for accuracy in evaluation.results}
    digests = [model.result.model.sha256 for model in models]
    joined = [
        (model, known[digest]) for model, digest in zip(models, digests, strict=True) if digest in known
    ]
    untimed = [accuracy for accuracy in evaluation.results if accuracy.sha256 not in digests]
    data = f"{evaluation.data}, {plural(evaluation.images, 'image')}"
    parts: list[Content] = [Heading(f"{data}: {given.file}")]
    if joined:
        parts += _front_chart(joined, data, evaluation.accuracy)
    if untimed:
        named = ", ".join(f"{short(Path(top.file).name)} {top.accuracy:.2%}" for top in untimed)
        parts.append(Note(f"Asked, but not in these measurements: {named}."))
    parts += [
        Note(
            f"{short(Path(top.file).name)} answers with NaN or infinity on {plural(top.not_finite, 'image')}; they count as wrong."
        )
        for top in evaluation.results
        if top.not_finite
    ]
    parts += [
        Note(f"{remark.text[0].upper()}{remark.text[1:]}.")
        for remark in evaluation.remarks
        if remark.code == NO_BETTER and remark.text
    ]
    parts.append(
        Note(
            f"{_title(evaluation.accuracy)} on {data}, with Wilson score intervals; .tflite files ran on {evaluation.runtime} where "
            "`mobilecnn evaluate` ran. Files are matched by their SHA-256. On the front: no other file is both at least as "
            "accurate and at least as fast on that device, with that runtime and as many threads. That is by the "
            "estimates alone; where intervals overlap, it may be otherwise."
        )
    )
    return parts


def _title(accuracy: str) -> str:
    """What the share of right answers is called, at the beginning of a sentence."""
    return "Accuracy" if accuracy == "accuracy" else f"{accuracy.capitalize()} accuracy"


def _front_chart(joined: Sequence[tuple[TimedModel, Accuracy]], data: str, accuracy: str) -> list[Content]:
    series: list[Series] = []
    front: set[int] = set()
    for colour, where in enumerate(dict.fromkeys(model.where for model, _ in joined)):
        mine = sorted(
            ((model, top) for model, top in joined if model.where == where),
            key=lambda pair: (pair[0].result.median.value, -pair[1].accuracy, pair[0].number),
        )
        best = pareto([(model.result.median.value, top.accuracy) for model, top in mine])
        points = [_point(model, top) for model, top in mine]
        front |= {mine[index][0].number for index in best}
        series.append(Series("", [points[index] for index in best], "steps", marks=False, colour=colour))
        series.append(Series(where, points, colour=colour))
    medians = [model.result.median.value for model, _ in joined]
    plot = Plot(
        series,
        Axis("median latency (ms)", log=max(medians) > 10 * min(medians)),
        Axis(f"{_title(accuracy).lower()} (%)", most=100.0),
        "Accuracy against latency; the figures are in the table below.",
    )
    rows: list[list[str | Cell]] = [
        [
            Cell(str(model.number), model.number),
            short(model.name, 80),
            run_name(model.run),
            model.format,
            time(model.result.median.value, bad=not model.result.valid),
            Cell(span(model.result.median), model.result.median.low),
            Cell(f"{top.accuracy:.2%}", top.accuracy),
            Cell(" to ".join(f"{end:.2%}" for end in top.interval), top.interval[0]),
            Cell(f"{top.correct}/{top.images}", top.correct),
            "yes" if model.number in front else "no",
        ]
        for model, top in joined
    ]
    groups = [model.where for model, _ in joined]
    header = (
        "#", "model", "run", "format", "median (ms)", "95 % interval", accuracy, f"95 % interval of {accuracy}",
        "correct", "on the front",
    )  # fmt: skip
    caption = f"Accuracy on {data} against latency."
    return [
        Figure(svg.draw(plot), f"{caption} Up and to the left is better; the steps join what is on a front."),
        Table(header, rows, caption, left=(0, 1, 2, 3, 10), sortable=True, heading=1, groups=groups),
    ]


def pareto(points: Sequence[tuple[float, float]]) -> list[int]:
    """The indices of (cost, gain) points that no other one beats, by cost.

    A point is beaten by one that costs no more and gains no less, and is better in one of the
    two. Of equal points all stay.
    """
    kept = [
        index
        for index, (cost, gain) in enumerate(points)
        if not any(
            other_cost <= cost and other_gain >= gain and (other_cost, other_gain) != (cost, gain)
            for other_cost, other_gain in points
        )
    ]
    return sorted(kept, key=lambda index: points[index][0])


def _point(model: TimedModel, top: Accuracy) -> Point:
    median = model.result.median
    return Point(
        median.value / 1e6,
        100 * top.accuracy,
        str(model.number),
        median.scaled(1e-6),
        Interval(100 * top.accuracy, 100 * top.interval[0], 100 * top.interval[1]),
        hollow=not model.result.valid,
        name=f"{model.number} {short(model.name)}",
    )
