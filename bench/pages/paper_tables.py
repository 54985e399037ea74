"""The tables of the ShuffleNet papers' measurements as text."""

from mobilecnn.bench.pages.numbers import interval, ms
from mobilecnn.bench.papers.experiments import GuidelineRow
from mobilecnn.bench.papers.speedup import SpeedupRow
from mobilecnn.bench.records.published import BASELINES

SPEEDUP_HERE = (
    "model", "format", "multiply-adds (M)", "ms", "95 % interval",
    "theoretical", *(part for base in BASELINES for part in (f"over {base.label}", "95 % interval", "efficiency")),
)  # fmt: skip
SPEEDUP_PAPER = ("published err %", "MFLOPs", "ms", "theoretical", "actual", "efficiency")
SPEEDUP = (*SPEEDUP_HERE, "", *SPEEDUP_PAPER)
"""Header of the speedup table. Left of the empty column: counted and timed here; right of it: the paper's figures,
of its Snapdragon 820."""


def speedup_here(row: SpeedupRow) -> list[str]:
    """What was counted and timed here, as text, under :data:`SPEEDUP_HERE`."""
    median = row.result.median
    return [
        row.published.label,
        row.format,
        f"{row.macs / 1e6:.1f}",
        ms(median.value, 2) + ("" if row.result.valid else " !"),
        interval(median, 1e6, 2),
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
    """One row as text, under :data:`SPEEDUP`."""
    return [*speedup_here(row), "|", *speedup_paper(row)]


GUIDELINES = (
    "", "case", "channels", "format", "multiply-adds M", "ms", "images/s", "relative", "95 % interval", "",
    "images/s", "relative",
)  # fmt: skip
"""Header of the guidelines' tables. Left of the empty column: counted and timed here; right of it: the paper's
figures, of its Snapdragon 810."""


def guideline(row: GuidelineRow) -> list[str]:
    """One row as text, under :data:`GUIDELINES`."""
    return [
        row.guideline,
        f"{row.case.label}, x{row.scale}",
        ",".join(str(row.scale * count) for count in row.case.channels),
        row.dtype,
        f"{row.macs / 1e6:.1f}",
        ms(row.result.median.value) + ("" if row.result.valid else " !"),
        f"{row.per_second:.1f}",
        f"{row.rate.value:.2f}",
        interval(row.rate, digits=2),
        "|",
        f"{row.published:.1f}",
        f"{row.paper_rate:.2f}",
    ]
