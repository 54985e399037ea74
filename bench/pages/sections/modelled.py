"""Section "Modelled, not measured": times that a model of a chip gives, in a chart and a table of their own."""

from collections.abc import Sequence

from mobilecnn.bench.judge.compare import name_of
from mobilecnn.bench.judge.instructions import CountResult, CountSummary
from mobilecnn.bench.judge.modelled import bound
from mobilecnn.bench.judge.statistics import Interval
from mobilecnn.bench.pages import svg
from mobilecnn.bench.pages.modelled import not_validated
from mobilecnn.bench.pages.numbers import ms, number, short, times
from mobilecnn.bench.pages.page import Cell, Content, Figure, Note, Table
from mobilecnn.bench.pages.remarks import BOUND, CONDITIONS, model_errors, other_llvm
from mobilecnn.bench.pages.result_files import Counted
from mobilecnn.bench.records.measurement import DIFFERS
from mobilecnn.bench.records.work import TimeModel

_HEADER = (
    "model", "format", "modelled (ms)", "90 % interval", "relative to the file's first", "90 % interval",
    "most of it", "instructions (M)", "answers",
)  # fmt: skip


def section(counted: Sequence[Counted]) -> list[Content]:
    """The chart, the table, and how far the model may be wrong; ``counted`` are records with a model of time."""
    groups: dict[str, list[svg.Bar]] = {}
    rows: list[list[str | Cell]] = []
    alike: list[str] = []
    models: dict[str, TimeModel] = {}
    for given in counted:
        model = given.instructions.model
        assert model is not None
        chip = f"{model.chip.title} at {model.chip.gigahertz:g} GHz"
        models[chip] = model
        for result in CountSummary.of(given.instructions).results:
            assert result.modelled is not None
            shown = f"{_ms(result.modelled.value)} ms modelled ({_span(result.modelled)})"
            bar = svg.Bar(
                short(name_of(result.model)), result.modelled.scaled(1e-6), shown, hollow=True, hatched=True
            )
            groups.setdefault(f"modelled: {chip}", []).append(bar)
            runtime = f"{given.instructions.plan.runtime} {result.runtime_version}"
            alike.append(f"modelled: {chip}, {runtime}, {given.file}")
            rows.append(_row(given, result, model))
    chart = Figure(
        svg.bars(list(groups.items()), "modelled ms"),
        "Modelled time of one inference, by chip; hatched, because nothing was timed. The intervals reach as "
        "far as the model's 90th percentile of error of ncnn's published times.",
        wide=True,
    )
    caption = "Every file whose time was modelled. None of these figures is a measurement."
    table = Table(_HEADER, rows, caption, left=(0, 1, 6, 8), sortable=True, groups=alike)
    return [
        chart,
        table,
        Note(f"Most of it: {BOUND.removeprefix('bound: ')}."),
        *(Note(_error(chip, model)) for chip, model in models.items()),
        *(Note(f"{given.file}: {line}.") for given in counted for line in not_validated(given.instructions)),
        *map(Note, dict.fromkeys(line for model in models.values() for line in other_llvm(model.llvm))),
    ]


def _row(given: Counted, result: CountResult, model: TimeModel) -> list[str | Cell]:
    modelled, relative, known = result.modelled, result.modelled_relative, result.model.passport
    assert modelled is not None and relative is not None
    series = given.instructions.series[given.instructions.models.index(result.model)]
    answers = result.model.answers.verdict
    return [
        short(name_of(result.model), 80),
        (known.format if known else None) or "-",
        Cell(_ms(modelled.value), modelled.value),
        Cell(_span(modelled), modelled.low),
        times(relative.value),
        Cell(f"{relative.low:.2f} to {relative.high:.2f}", relative.low),
        bound(series, model),
        number(result.counts.total, 1e6, 2),
        Cell(answers, bad=answers == DIFFERS),
    ]


def _ms(nanoseconds: float) -> str:
    """A modelled time in milliseconds, with no more digits than it is worth."""
    return ms(nanoseconds, 1 if nanoseconds >= 1e7 else 2)


def _span(modelled: Interval) -> str:
    return f"{_ms(modelled.low)} to {_ms(modelled.high)}"


def _error(chip: str, model: TimeModel) -> str:
    of = model.chip
    return (
        f"{chip}: one thread, {CONDITIONS}. Cycles by the {of.model} of LLVM {model.llvm}, simulated caches, "
        f"and constants fitted to published times: {model_errors(of)}."
    )
