"""What the ShuffleNet paper says of time beside its Table 8, asked of any device.

X. Zhang, X. Zhou, M. Lin, J. Sun, "ShuffleNet: An Extremely Efficient Convolutional Neural Network for Mobile Devices",
arXiv 1707.01083v2 (CVPR 2018), sections 4.3 and 4.5, of one thread of a Snapdragon 820. Each sweep compares ShuffleNets
that differ in one thing.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mobilecnn.bench.devices.seam import Device
from mobilecnn.bench.judge.modelled import Beyond
from mobilecnn.bench.judge.statistics import Interval
from mobilecnn.bench.judge.summary import Result
from mobilecnn.bench.papers.speedup import Exporter, macs, timed
from mobilecnn.bench.records.instructions import Instructions
from mobilecnn.bench.records.measurement import Measurement
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.records.published import TABLE_8
from mobilecnn.bench.timing.times import figures
from mobilecnn.steps import Progress, Say, no_say


@dataclass(frozen=True)
class Sweep:
    """One claim of the paper.

    Attributes:
        name: what ``--experiment`` calls it.
        title: what is asked.
        claim: the paper's answer, in its words, with the section.
        cases: networks of the zoo, each with the one that it is compared with; None for one that is only compared with.
        fourfold: whether the answer is the factor of the time for four times the multiply-adds.
        paper: the paper's answer for every case, where it is a figure.
    """

    name: str
    title: str
    claim: str
    cases: tuple[tuple[str, str | None], ...]
    fourfold: bool = False
    paper: str = ""


def _widths(*widths: str) -> tuple[tuple[str, str | None], ...]:
    """ShuffleNets of three groups, each compared with the next narrower one."""
    names = [f"shufflenet_v1_x{width}_g3" for width in widths]
    return tuple(zip(names, (*names[1:], None), strict=True))


def _groups(width: str) -> tuple[tuple[str, str | None], ...]:
    """ShuffleNets of all numbers of groups of the paper's Table 2, compared with that of three groups."""
    three = f"shufflenet_v1_x{width}_g3"
    others = [(f"shufflenet_v1_x{width}_g{groups}", three) for groups in (1, 2, 4, 8)]
    return (*others[:2], (three, None), *others[2:])


def _squeezed(*widths: str) -> tuple[tuple[str, str | None], ...]:
    """ShuffleNets without and with squeeze-and-excitation."""
    names = [f"shufflenet_v1_x{width}_g3" for width in widths]
    return tuple(case for name in names for case in ((name, None), (f"{name}_se", name)))


SWEEPS = {
    sweep.name: sweep
    for sweep in (
        Sweep(
            "complexity",
            "how much time does a fourfold cut in complexity buy?",
            '"every 4x theoretical complexity reduction usually results in ~2.6x actual speedup" (section 4.5)',
            _widths("2.0", "1.0", "0.5", "0.25"),
            fourfold=True,
        ),
        Sweep(
            "squeeze-excite",
            "what does squeeze-and-excitation cost?",
            '"usually 25~40% slower than the "raw" ShuffleNets on mobile devices" (section 4.3)',
            _squeezed("2.0", "1.0", "0.5"),
            paper="1.25x to 1.40x",
        ),
        Sweep(
            "groups",
            "which number of groups is the fastest?",
            'of 4 and 8 groups: "less efficient in our current implementation. Empirically g = 3 usually has a proper '
            'trade-off between accuracy and actual inference time" (section 4.5)',
            (*_groups("1.0"), *_groups("0.5")),
        ),
    )
}
"""The sweeps by their names."""


@dataclass(frozen=True)
class SweepRow:
    """One network in one format.

    Attributes:
        model: its name in the zoo.
        format: name of a row of :data:`mobilecnn.quantize.formats.FORMATS`.
        macs: multiply-adds, counted in the exported file.
        time: its time in ns, measured or modelled, with its interval.
        result: its timing; None where the time is modelled.
        beyond: what no published time speaks for in a modelled one; None where it is measured.
        base: network that it is compared with; None for one that is only compared with, as are the others then.
        macs_ratio: its multiply-adds over those of the base.
        time_ratio: its time over that of the base, in the same format, with its interval.
        paper_ratio: the paper's value of ``time_ratio``; None where its Table 8 does not have both.
    """

    model: str
    format: str
    macs: int
    time: Interval
    result: Result | None
    beyond: Beyond | None = None
    base: str | None = None
    macs_ratio: float | None = None
    time_ratio: Interval | None = None
    paper_ratio: float | None = None

    @property
    def valid(self) -> bool:
        """Whether nothing speaks against the time."""
        return self.result is None or self.result.valid

    @property
    def fourfold(self) -> float | None:
        """Factor of the time for four times the multiply-adds, if each further factor of them costs as much."""
        if self.time_ratio is None or self.macs_ratio is None or self.macs_ratio < 2:
            return None
        return float(self.time_ratio.value ** (math.log(4) / math.log(self.macs_ratio)))

    def to_json(self) -> dict[str, Any]:
        """The row as a JSON object."""
        return {
            "model": self.model,
            "format": self.format,
            "macs": self.macs,
            **figures(self.time, self.result, self.beyond),
            "base": self.base,
            "macs_over_base": self.macs_ratio,
            "time_over_base": self.time_ratio and self.time_ratio.value,
            "time_over_base_interval": self.time_ratio and [self.time_ratio.low, self.time_ratio.high],
            "time_at_four_times_the_macs": self.fourfold,
            "paper_snapdragon_820": {"time_over_base": self.paper_ratio},
        }


def sweep(
    which: Sweep,
    export: Exporter,
    device: Device,
    protocol: Protocol,
    progress: Progress | None = None,
    command: Sequence[str] = (),
    *,
    formats: Sequence[str] = ("float32",),
    allow_wrong_answers: bool = False,
    keep: Callable[[Any], None] | None = None,
    say: Say = no_say,
) -> tuple[tuple[SweepRow, ...], Measurement | Instructions]:
    """Export and time the networks of a sweep on ``device``; on an emulated chip, model their time.

    Args:
        which: one of :data:`SWEEPS`.
        export, device, protocol, progress, command, formats, allow_wrong_answers, keep, say: as
            :func:`mobilecnn.bench.papers.speedup.speedup` takes them.

    Returns:
        The rows, and the record that they are made of.

    Raises:
        CheckFailed, EnvironmentProblem, OutputError: as :func:`mobilecnn.bench.papers.speedup.speedup` does.
    """
    names = [model for model, _ in which.cases]
    taken = timed(
        names,
        export,
        device,
        protocol,
        progress,
        command,
        formats=formats,
        allow_wrong_answers=allow_wrong_answers,
        keep=keep,
        say=say,
    )
    rows = []
    for column, kind in enumerate(formats):
        for number, (model, base) in enumerate(which.cases):
            own = number * len(formats) + column
            row = SweepRow(
                model,
                kind,
                macs(taken.models[own]),
                taken.time(own),
                taken.result(own),
                taken.beyond(own),
            )
            if base is not None:
                other = names.index(base) * len(formats) + column
                row = replace(
                    row,
                    base=base,
                    macs_ratio=row.macs / macs(taken.models[other]),
                    time_ratio=taken.speedup(own, other),
                    paper_ratio=_paper(model, base),
                )
            rows.append(row)
    return tuple(rows), taken.record


def _paper(model: str, base: str) -> float | None:
    """The ratio of two times in the paper's Table 8 at 224 pixels; None where it has not both."""
    times = {row.model: row.at("224") for row in TABLE_8}
    return times[model] / times[base] if {model, base} <= set(times) else None
