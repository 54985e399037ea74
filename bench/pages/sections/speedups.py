"""Section "Theoretical against actual speedup": of each measurement with two networks of one format."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from mobilecnn.bench.judge.findings import Finding
from mobilecnn.bench.judge.statistics import Interval
from mobilecnn.bench.pages import reasons, svg
from mobilecnn.bench.pages.numbers import share, short, times
from mobilecnn.bench.pages.page import Cell, Content, Figure, Heading, Note, Reasons, Table
from mobilecnn.bench.pages.plot import OTHER, Axis, Plot, Point, Series
from mobilecnn.bench.pages.subjects import TimedModel
from mobilecnn.bench.records.published import (
    BASELINES,
    PUBLISHED_FORMAT,
    TABLE_8,
    UNKNOWN,
    actual,
    theoretical,
)

_ALEXNETS = tuple(row.model for row in BASELINES)

_LETTERS = dict(zip("abcd", TABLE_8[1:], strict=True))
"""Letter by which the charts name a network of the paper -> its row."""


@dataclass(frozen=True)
class _Pair:
    """One model against the base of its format, in one measurement.

    Attributes:
        base: what it is compared with.
        model: the model.
        theoretical: ratio of the multiply-adds.
        actual: ratio of the times.
        notes: what must be said of that ratio.
    """

    base: TimedModel
    model: TimedModel
    theoretical: float
    actual: Interval
    notes: tuple[Finding, ...]

    @property
    def valid(self) -> bool:
        """Whether nothing speaks against either time."""
        return self.base.result.valid and self.model.result.valid


_HEADER = (
    "#", "model", "format", "base", "theoretical", "actual", "95 % interval", "efficiency", "paper: theoretical",
    "paper: actual", "paper: efficiency",
)  # fmt: skip


def section(models: Sequence[TimedModel]) -> list[Content]:
    """A chart and a table for each measurement that has a speedup to show."""
    runs = [
        [model for model in models if model.run == run] for run in sorted({model.run for model in models})
    ]
    parts = [part for mine in runs for part in _speedup(_pairs(mine))]
    if not parts:
        return [
            (
                "No measurement has two networks of one format with different multiply-adds, so there is no speedup to show. "
                "`mobilecnn speedup` times those of the ShuffleNet paper."
            )
        ]
    letters = ", ".join(f"{letter} {row.label}" for letter, row in _LETTERS.items())
    return [
        *parts,
        Note(
            "Theoretical: the multiply-adds of the base over the model's, as their passports count them. Actual: the "
            "base's time over the model's, in the same format and the same rounds. Efficiency: actual over theoretical. "
            "The base is AlexNet, as in the paper, without LRN and with it where both were timed; else the file with the "
            "most multiply-adds. Paper: X. Zhang et al., ShuffleNet, arXiv 1707.01083v2, Table 8: float32, over its "
            f"AlexNet, one thread of a Snapdragon 820; in the charts {letters}."
        ),
        Note(UNKNOWN),
    ]


def _pairs(models: Sequence[TimedModel]) -> list[_Pair]:
    """The speedups of one measurement.

    The bases of a format are the AlexNets, without and with local response normalization; else what has the most
    multiply-adds.
    """
    pairs = []
    for name in dict.fromkeys(model.format for model in models):
        mine = [model for model in models if model.format == name != "-" and model.macs]
        if len({model.macs for model in mine}) < 2:
            continue
        alexnets: dict[str, TimedModel] = {}
        for model in mine:
            if model.architecture in _ALEXNETS:
                alexnets.setdefault(model.architecture, model)
        bases = [alexnets[name] for name in _ALEXNETS if name in alexnets]
        bases = bases or [max(mine, key=lambda model: (model.macs, -model.number))]
        for base in bases:
            for model in mine:
                # What AlexNet costs without LRN stands once: as that with LRN over it.
                if model is not base and (base is bases[0] or model is not bases[0]):
                    time = base.summary.compare(base.index, model.index)
                    pairs.append(_Pair(base, model, base.macs / model.macs, time.ratio, time.notes))
    return pairs


def _speedup(pairs: Sequence[_Pair]) -> list[Content]:
    """The chart and the table of one measurement; nothing where there are no pairs."""
    if not pairs:
        return []
    bases = list(dict.fromkeys(pair.base.number for pair in pairs))
    series = [
        Series(
            f"{mine[0].base.format}, over {mine[0].base.number} {short(mine[0].base.name)}",
            [
                Point(
                    pair.theoretical,
                    pair.actual.value,
                    str(pair.model.number),
                    None,
                    pair.actual,
                    not pair.valid,
                    f"{pair.model.number} {short(pair.model.name)}",
                )
                for pair in mine
            ],
            colour=index,
        )
        for index, mine in enumerate([pair for pair in pairs if pair.base.number == base] for base in bases)
    ]
    paper = [Point(theoretical(row), actual(row), letter, name=row.label) for letter, row in _LETTERS.items()]
    series.append(Series("paper: float32, over AlexNet, Snapdragon 820", paper, colour=OTHER))
    first = pairs[0].model
    where = f"{first.place.label}, {first.timed.file}"
    plot = Plot(
        series,
        Axis("theoretical speedup (multiply-adds)", log=True, suffix="x"),
        Axis("actual speedup (time)", log=True, suffix="x"),
        f"Theoretical against actual speedup on {where}; the figures are in the table below.",
        equal="actual = theoretical",
    )
    return [
        Heading(where),
        Figure(
            svg.draw(plot),
            "Theoretical against actual speedup, beside the ShuffleNet paper's. A hollow mark: INVALID.",
        ),
        Table(
            _HEADER,
            [_row(pair) for pair in pairs],
            f"Speedup on {where}.",
            left=(0, 1, 2, 3),
            wrap=(3,),
            sortable=True,
            heading=1,
        ),
        *_notes(pairs),
    ]


def _notes(pairs: Sequence[_Pair]) -> list[Content]:
    """What must be said of some ratios; nothing where there is nothing."""
    said = [(f"{pair.model.number} {short(pair.model.name)}", note) for pair in pairs for note in pair.notes]
    return [Reasons(reasons.of_findings(said))] if said else []


def _row(pair: _Pair) -> list[str | Cell]:
    model, base = pair.model, pair.base
    published = next((row for row in _LETTERS.values() if row.model == model.architecture), None)
    # The paper's are float32, over its AlexNet, of pictures of this size: beside others they would be
    # another quantity.
    alike = model.format == PUBLISHED_FORMAT and base.architecture in _ALEXNETS
    alike = alike and math.isclose(base.macs, 1e6 * TABLE_8[0].mflops, rel_tol=0.1)
    theory, time = (theoretical(published), actual(published)) if published and alike else (None, None)
    return [
        Cell(str(model.number), model.number),
        short(model.name, 80),
        model.format,
        f"{base.number} {short(base.name)}",
        times(pair.theoretical),
        times(pair.actual.value, bad=not pair.valid),
        Cell(f"{pair.actual.low:.2f} to {pair.actual.high:.2f}", pair.actual.low),
        share(pair.actual.value / pair.theoretical),
        times(theory),
        times(time),
        share(time / theory if time and theory else None),
    ]
