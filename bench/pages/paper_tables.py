"""The tables of the ShuffleNet papers' measurements as text."""

from collections.abc import Sequence

from mobilecnn.bench.judge.statistics import Interval
from mobilecnn.bench.pages.numbers import interval, ms
from mobilecnn.bench.papers.experiments import GuidelineRow
from mobilecnn.bench.papers.speedup import Speedup, SpeedupRow
from mobilecnn.bench.papers.sweeps import Sweep, SweepRow
from mobilecnn.bench.records.instructions import Instructions
from mobilecnn.bench.records.published import BASELINES, PUBLISHED_FORMAT

SPEEDUP_PAPER = (
    "paper err %",
    "paper MFLOPs",
    "paper ms",
    "paper theoretical",
    "paper actual",
    "paper efficiency",
)
"""Columns of the paper's figures, of its Snapdragon 820."""


SPEEDUP_SPARE = (
    "paper err %", "paper MFLOPs", "paper ms", "efficiency", "multiply-adds (M)", "paper efficiency", "90 %", "95 % interval",
    *(f"over {base.label}" for base in BASELINES[1:]), "ms", "modelled ms",
)  # fmt: skip
"""Columns of :func:`speedup` that a narrow terminal does without, the one that says least first; what is left compares
the theoretical with the actual speedup."""

CHIPS_SPARE = ("90 %", "paper ms", f"over {BASELINES[1].label}", "paper over AlexNet")
"""Columns of :func:`chips` that a narrow terminal does without, the one that says least first."""

SWEEP_SPARE = ("90 %", "95 % interval", "multiply-adds M", "paper: time")
"""Columns of :func:`sweep` that a narrow terminal does without."""

GUIDELINES_SPARE = ("multiply-adds M", "paper images/s", "90 %", "95 % interval", "images/s")
"""Columns of :func:`guideline` that a narrow terminal does without."""


def speedup_here_header(modelled: bool) -> tuple[str, ...]:
    """Columns of what was counted and timed, or modelled, here."""
    time, ends = ("modelled ms", "90 %") if modelled else ("ms", "95 % interval")
    over = (part for base in BASELINES for part in (f"over {base.label}", ends, "efficiency"))
    return ("model", "format", "multiply-adds (M)", time, ends, "theoretical", *over)


def speedup_header(modelled: bool) -> tuple[str, ...]:
    """Columns of :func:`speedup`: left of the empty one those of here, right of it the paper's."""
    return (*speedup_here_header(modelled), "", *SPEEDUP_PAPER)


def speedup_here(row: SpeedupRow) -> list[str]:
    """What was counted and timed here, as text, under :func:`speedup_here_header`."""
    return [
        row.published.label,
        row.format,
        f"{row.macs / 1e6:.1f}",
        ms(row.time.value, 2) + ("" if row.valid else " !"),
        interval(row.time, 1e6, 2),
        f"{row.over[0].theoretical:.2f}x",  # That over either AlexNet: their multiply-adds are equal.
        *(
            part
            for over in row.over
            for part in (
                f"{over.actual.value:.2f}x",
                interval(over.actual, digits=2),
                f"{over.efficiency:.0%}",
            )
        ),
    ]


def speedup_paper(row: SpeedupRow) -> list[str]:
    """The paper's figures, as text, under :data:`SPEEDUP_PAPER`."""
    paper = row.published
    return [
        f"{paper.top1_error:.1f}",
        str(paper.mflops),
        f"{paper.at(row.resolution):.1f}",
        f"{row.paper_theoretical:.2f}x",
        f"{row.paper_actual:.2f}x",
        f"{row.paper_efficiency:.0%}",
    ]


def speedup(row: SpeedupRow) -> list[str]:
    """One row as text, under :func:`speedup_header`."""
    return [*speedup_here(row), "|", *speedup_paper(row)]


def chips(tables: Sequence[Speedup]) -> tuple[tuple[str, ...], list[list[str]]]:
    """Header and rows of the paper's figures beside the modelled ones of some chips.

    Args:
        tables: a modelled table of each chip; of all, the same networks and formats in the same order.
    """
    header = ["model", "format", "paper ms", "paper over AlexNet"]
    for table in tables:
        assert isinstance(table.record, Instructions) and table.record.model is not None
        title = table.record.model.chip.title
        header += [f"{title}, modelled ms", "90 %", *(f"over {base.label}" for base in BASELINES)]
    rows = []
    for alike in zip(*(table.rows for table in tables), strict=True):
        first = alike[0]
        paper = (f"{first.published.at(first.resolution):.1f}", f"{first.paper_actual:.2f}x")
        cells = [
            first.published.label,
            first.format,
            *(paper if first.format == PUBLISHED_FORMAT else ("-", "-")),
        ]
        for row in alike:
            cells += [ms(row.time.value, 1), interval(row.time, 1e6, 1, "to")]
            cells += [speedup_within(over.actual) for over in row.over]
        rows.append(cells)
    return tuple(header), rows


def speedup_within(ratio: Interval) -> str:
    """A modelled speedup with its 90 % interval, which is none where both networks are the same."""
    ends = f" ({interval(ratio, digits=2, to='to')})" if ratio.low < ratio.high else ""
    return f"{ratio.value:.2f}x{ends}"


def sweep_header(which: Sweep, modelled: bool) -> tuple[str, ...]:
    """Columns of a sweep: of the networks, and of each over another one.

    Args:
        which: it decides whether the factor for four times the multiply-adds is shown.
        modelled: whether its times are.
    """
    time, ends = ("modelled ms", "90 %") if modelled else ("ms", "95 % interval")
    own = ("model", "format", "multiply-adds M", time)
    four = ("time at 4x",) if which.fourfold else ()
    return (*own, "over", "multiply-adds", "time", ends, *four, "paper: time")


def sweep(row: SweepRow, which: Sweep) -> list[str]:
    """One row as text, under :func:`sweep_header`."""
    time = ms(row.time.value, 2) + ("" if row.valid else " !")
    own = [row.model, row.format, f"{row.macs / 1e6:.1f}", time]
    if row.base is None or row.macs_ratio is None or row.time_ratio is None:
        return [*own, *["-"] * (6 if which.fourfold else 5)]
    ratios = [f"{row.macs_ratio:.2f}x", f"{row.time_ratio.value:.2f}x", interval(row.time_ratio, digits=2)]
    four = [] if not which.fourfold else ["-" if row.fourfold is None else f"{row.fourfold:.2f}x"]
    paper = which.paper or "-" if row.paper_ratio is None else f"{row.paper_ratio:.2f}x"
    return [*own, row.base, *ratios, *four, paper]


def guidelines_header(modelled: bool) -> tuple[str, ...]:
    """Columns of the guidelines' tables. Left of the empty one: counted and timed, or modelled, here; right of it: the
    paper's figures, of its Snapdragon 810."""
    time, ends = ("modelled ms", "90 %") if modelled else ("ms", "95 % interval")
    here = ("", "case", "channels", "format", "multiply-adds M", time, "images/s", "relative", ends)
    return (*here, "", "paper images/s", "paper relative")


def guideline(row: GuidelineRow) -> list[str]:
    """One row as text, under :func:`guidelines_header`."""
    return [
        row.guideline,
        f"{row.case.label}, x{row.scale}",
        ",".join(str(row.scale * count) for count in row.case.channels),
        row.dtype,
        f"{row.macs / 1e6:.1f}",
        ms(row.time.value) + ("" if row.valid else " !"),
        f"{row.per_second:.1f}",
        f"{row.rate.value:.2f}",
        interval(row.rate, digits=2),
        "|",
        f"{row.published:.1f}",
        f"{row.paper_rate:.2f}",
    ]
