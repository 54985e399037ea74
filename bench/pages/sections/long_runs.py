"""Section "Long runs": what heat does under a sustained load, and the tails of single streams."""

from collections.abc import Mapping, Sequence

from mobilecnn.bench.judge.compare import name_of
from mobilecnn.bench.judge.single_stream import CLAIM, SingleStream
from mobilecnn.bench.judge.streams import StreamSummary
from mobilecnn.bench.judge.sustained import SustainedResult
from mobilecnn.bench.pages import reasons, sustained_charts, svg
from mobilecnn.bench.pages.numbers import number, short, time
from mobilecnn.bench.pages.page import Cell, Content, Figure, Heading, Note, Reasons, Table
from mobilecnn.bench.pages.result_files import Streamed
from mobilecnn.bench.pages.subjects import Place, identity
from mobilecnn.remarks import plural


def section(streamed: Sequence[Streamed], places: Mapping[str, Place]) -> list[Content]:
    """A table of each long run, and the charts of a sustained load."""
    parts: list[Content] = []
    for given in streamed:
        summary = StreamSummary.of(given.stream)
        place = places[identity(given.stream.device)]
        parts.append(Heading(f"{place.label}: {given.file}"))
        parts += _sustained(summary, given.file) if summary.sustained else _single(summary, given.file)
    return parts


def _sustained(summary: StreamSummary, file: str) -> list[Content]:
    plan = summary.stream.plan
    plots, _ = sustained_charts.sustained(summary)
    said = [
        (short(name_of(result.model)), remark)
        for result in summary.sustained
        for remark in result.remarks
        if remark.severity != "note"
    ]
    return [
        *(f"{short(name_of(result.model))}: {result.outcome.finding}." for result in summary.sustained),
        Table(
            ("model", "verdict", "lasted (min)", "changed after (min)", "median at first (ms)", "median at last (ms)",
             "last speed of the first", "meanwhile"),
            [_sustained_row(result) for result in summary.sustained],
            f"Sustained load of {plan.seconds / 60:g} min each, {plan.runtime}, {plural(plan.threads, 'thread')}: {file}.",
            left=(0, 1, 7),
            wrap=(7,),
            sortable=True,
        ),
        *(Figure(svg.draw(plot), f"{plot.what[0].upper()}{plot.what[1:]}") for plot in plots),
        Reasons(reasons.of_findings(said)),
    ]  # fmt: skip


def _sustained_row(result: SustainedResult) -> list[str | Cell]:
    outcome = result.outcome
    return [
        short(name_of(result.model)),
        Cell(outcome.verdict, bad=outcome.verdict == "slower"),
        number(outcome.seconds, 60, 1),
        number(outcome.changed_seconds, 60, 1),
        time(outcome.first_ns),
        time(outcome.last_ns),
        Cell(f"{outcome.first_ns / outcome.last_ns:.0%}", outcome.first_ns / outcome.last_ns),
        "; ".join(remark.text for remark in result.remarks if remark.severity == "note"),
    ]


def _single(summary: StreamSummary, file: str) -> list[Content]:
    plan = summary.stream.plan
    said = [
        (short(name_of(result.model)), finding)
        for result in summary.single
        for finding in (*result.unmet, *result.warnings)
    ]
    return [
        Table(
            ("model", "90th percentile, early stopping (ms)", "plain 90th percentile (ms)", "median (ms)", "queries", "lasted (s)",
             "discarded"),
            [_single_row(result) for result in summary.single],
            f"Single stream, {plan.runtime}, {plural(plan.threads, 'thread')}: {file}.",
            sortable=True,
        ),
        Reasons(reasons.of_findings(said)),
        Note(f"{CLAIM}. Early stopping: at most this for sure, and above the plain percentile by less the more queries there are."),
    ]  # fmt: skip


def _single_row(result: SingleStream) -> list[str | Cell]:
    return [
        short(name_of(result.model)),
        time(result.estimate, bad=bool(result.unmet)),
        time(result.p90),
        time(result.median),
        number(result.queries, 1, 0),
        number(result.seconds, 1, 1),
        number(result.discarded, 1, 0),
    ]
