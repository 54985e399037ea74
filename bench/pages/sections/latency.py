"""Section "Latency": medians with their intervals, and what must be said of them; what happens once, and the files."""

from collections.abc import Sequence

from mobilecnn.bench.pages import reasons, svg
from mobilecnn.bench.pages.numbers import ms, number, short, span, time
from mobilecnn.bench.pages.page import Cell, Content, Figure, Note, Reasons, Table
from mobilecnn.bench.pages.subjects import TimedModel, run_name, summarized
from mobilecnn.bench.records.measurement import DIFFERS

_HEADER = (
    "#", "model", "format", "median (ms)", "95 % interval", "judgement", "answers", "p90 (ms)", "p99 (ms)",
    "minimum (ms)", "run",
)  # fmt: skip
_ONCE = (
    "#", "model", "format", "first (ms)", "initialization (ms)", "peak memory (MB)", "multiply-adds (M)",
    "parameters (M)", "size (kB)",
)  # fmt: skip


def section(models: Sequence[TimedModel]) -> list[Content]:
    """The chart, the table, and why figures are INVALID."""
    groups: dict[str, list[svg.Bar]] = {}
    for model in models:
        median, valid = model.result.median, model.result.valid
        shown = f"{ms(median.value)} ms ({span(median)})"
        groups.setdefault(model.where, []).append(
            svg.Bar(
                _name(model),
                median.scaled(1e-6),
                shown if valid else f"{shown} INVALID",
                hollow=not valid,
            )
        )
    chart = Figure(
        svg.bars(list(groups.items()), "ms"),
        "Median latency with its 95 % interval, by device, runtime and threads. A hollow mark: INVALID, the reasons are below.",
        wide=True,
    )
    table = Table(
        _HEADER,
        [_row(model) for model in models],
        "Every model of every measurement.",
        left=(0, 1, 2, 5, 6),
        sortable=True,
        heading=1,
        groups=[model.where for model in models],
    )
    once = Table(
        _ONCE,
        [_once(model) for model in models],
        "What happens once in a process, and the files.",
        left=(0, 1, 2),
        sortable=True,
        heading=1,
        groups=[model.where for model in models],
    )
    note = _NOTE + (_SUMMARY_NOTE if any(summarized(model.timed.measurement) for model in models) else "")
    return [
        chart,
        table,
        Reasons(reasons.of_results([(_name(model), model.result) for model in models])),
        Note(note),
        once,
        Note(_ONCE_NOTE),
    ]


_NOTE = (
    "Median: over the processes of each one's median, with a bootstrap interval. p90, p99 and minimum: of all samples "
    "together; p99 of few samples is nearly the slowest. Answers: whether the file gave its passport's scores on the "
    "device. INVALID: the device was too restless for the median to be relied on."
)

_ONCE_NOTE = (
    "First: the first inference of a process. Initialization: loading the file and allocating the tensors. Peak memory: of "
    "the whole process, with Python."
)

_SUMMARY_NOTE = (
    ' "-": benchmark_model, which times on phones, keeps no samples. Of each process it tells the minimum and the median '
    "(the mean, where it prints no median), which stands for it."
)


def _row(row: TimedModel) -> list[str | Cell]:
    result = row.result
    answers = result.model.answers.verdict
    return [
        Cell(str(row.number), row.number),
        short(row.name, 80),
        row.format,
        time(result.median.value),
        Cell(span(result.median), result.median.low),
        Cell("VALID" if result.valid else "INVALID", bad=not result.valid),
        Cell(answers, bad=answers == DIFFERS),
        time(result.p90),
        time(result.p99),
        time(result.minimum),
        run_name(row.run),
    ]


def _once(row: TimedModel) -> list[str | Cell]:
    result, file = row.result, row.result.model
    known = file.passport
    return [
        Cell(str(row.number), row.number),
        short(row.name, 80),
        row.format,
        time(result.first),
        time(result.init),
        number(result.peak_rss, 1e6, 1),
        number(known.macs if known else None, 1e6, 2),
        number(known.parameters if known else None, 1e6, 3),
        number(file.bytes, 1e3, 1),
    ]


def _name(model: TimedModel) -> str:
    return f"{model.number} {short(model.name)}"
