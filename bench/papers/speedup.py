"""The ShuffleNet paper's question, asked of any device: do fewer multiply-adds mean less time?

Theoretical speedup is AlexNet's multiply-adds over the model's; actual speedup is
AlexNet's time over the model's, both in the same format on the same device; efficiency is
actual over theoretical. Whether the paper's AlexNet had its local response normalization is
unknown, so that each is over AlexNet without and with it. Published figures: X. Zhang, X. Zhou, M. Lin, J. Sun, "ShuffleNet:
An Extremely Efficient Convolutional Neural Network for Mobile Devices", arXiv 1707.01083v2
(CVPR 2018), Table 8: one thread of a Snapdragon 820.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilecnn.bench.devices.claims import claimed
from mobilecnn.bench.devices.seam import CanCount, Device
from mobilecnn.bench.judge.modelled import Beyond
from mobilecnn.bench.judge.statistics import Interval
from mobilecnn.bench.judge.summary import Result
from mobilecnn.bench.records.instructions import Instructions
from mobilecnn.bench.records.measurement import Measurement, Model
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.records.published import (
    BASELINES,
    NETWORKS,
    RESOLUTIONS,
    Published,
    actual,
    by_ncnn,
    notes,
    theoretical,
)
from mobilecnn.bench.timing.times import Times, figures, kind, take
from mobilecnn.quantize import formats
from mobilecnn.steps import Progress, Say, Steps, no_say

FORMATS = ("float32", "int8")
"""Formats that are timed unless others are asked for."""

Exporter = Callable[[str], Mapping[str, Path]]
"""Exports a network of the zoo: its name -> the file of each format."""


@dataclass(frozen=True)
class Over:
    """A model's speedup over one of the AlexNets.

    Attributes:
        base: one of :data:`mobilecnn.bench.records.published.BASELINES`.
        theoretical: its multiply-adds over the model's.
        actual: its time over the model's, with the 95 % interval.
    """

    base: Published
    theoretical: float
    actual: Interval

    @property
    def efficiency(self) -> float:
        """Actual over theoretical speedup."""
        return self.actual.value / self.theoretical

    def to_json(self) -> dict[str, Any]:
        """The figures as a JSON object; the base is said where they are put."""
        return {
            "theoretical_speedup": self.theoretical,
            "actual_speedup": self.actual.value,
            "actual_speedup_interval": [self.actual.low, self.actual.high],
            "efficiency": self.efficiency,
        }


@dataclass(frozen=True)
class SpeedupRow:
    """One model in one format.

    Attributes:
        published: its row in the paper; both AlexNets have the same.
        resolution: one of :data:`mobilecnn.bench.records.published.RESOLUTIONS`.
        format: name of a row of :data:`mobilecnn.quantize.formats.FORMATS`.
        macs: multiply-adds, counted in the exported file.
        time: its time in ns, measured or modelled, with its interval.
        result: its timing; None where the time is modelled.
        beyond: what no published time speaks for in a modelled one; None where it is measured.
        over: its speedup over each of the AlexNets that were timed in the format, plain AlexNet first.
        paper_actual: the paper's time ratio.
        paper_theoretical: the paper's multiply-adds ratio.
    """

    published: Published
    resolution: str
    format: str
    macs: int
    time: Interval
    result: Result | None
    beyond: Beyond | None
    over: tuple[Over, ...]
    paper_actual: float
    paper_theoretical: float

    @property
    def valid(self) -> bool:
        """Whether nothing speaks against the time."""
        return self.result is None or self.result.valid

    @property
    def paper_efficiency(self) -> float:
        """The paper's actual over its theoretical speedup."""
        return self.paper_actual / self.paper_theoretical

    def to_json(self) -> dict[str, Any]:
        """The row as a JSON object; times in ns unless the name says otherwise."""
        first, *others = self.over
        return {
            "model": self.published.model,
            "resolution": self.resolution,
            "format": self.format,
            "top1_error_published_percent": self.published.top1_error,
            "mflops_published": self.published.mflops,
            "macs": self.macs,
            **figures(self.time, self.result, self.beyond),
            "base": first.base.model,
            **first.to_json(),
            **{f"over_{other.base.model}": other.to_json() for other in others},
            "paper_snapdragon_820": {
                "milliseconds": self.published.at(self.resolution),
                "theoretical_speedup": self.paper_theoretical,
                "actual_speedup": self.paper_actual,
                "efficiency": self.paper_efficiency,
            },
        }


@dataclass(frozen=True)
class Speedup:
    """The whole table, with the record that it is made of.

    Attributes:
        record: the measurement, or the counts of a chip whose time is modelled.
        resolution: one of :data:`mobilecnn.bench.records.published.RESOLUTIONS`.
        rows: the rows.
    """

    record: Measurement | Instructions
    resolution: str
    rows: tuple[SpeedupRow, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """What must be said beside the table."""
        record = self.record
        if (
            isinstance(record, Measurement)
            or record.model is None
            or RESOLUTIONS[self.resolution] is not None
        ):
            return notes(self.resolution)
        return (*notes(self.resolution), *by_ncnn(record.model.chip))

    def to_json(self) -> dict[str, Any]:
        """The table as a JSON object."""
        return {
            "source": "arXiv 1707.01083v2, Table 8 (columns under paper_snapdragon_820)",
            "times": kind(self.record),
            "notes": list(self.notes),
            "rows": [row.to_json() for row in self.rows],
        }


def speedup(
    export: Exporter,
    device: Device,
    protocol: Protocol,
    progress: Progress | None = None,
    command: Sequence[str] = (),
    *,
    formats: Sequence[str] = FORMATS,
    resolution: str = "224",
    allow_wrong_answers: bool = False,
    keep: Callable[[Any], None] | None = None,
    say: Say = no_say,
) -> Speedup:
    """Export and time :data:`mobilecnn.bench.records.published.NETWORKS` on ``device``; on an emulated chip, model it.

    Args:
        export: exports one network at that resolution.
        device: device to time the files on.
        protocol: protocol of the timing.
        progress: called with (steps done, all, what is next).
        command: the command line, for the record.
        formats: formats to time, of those that ``export`` makes.
        resolution: one of :data:`mobilecnn.bench.records.published.RESOLUTIONS`.
        allow_wrong_answers, keep: as :func:`mobilecnn.bench.timing.times.take` takes them.
        say: as :func:`mobilecnn.bench.devices.claims.claimed` takes it.

    Raises:
        CheckFailed: a file does not answer on the device as its passport says.
        EnvironmentProblem: the device or a child process failed, or another process times there; then nothing was exported.
        OutputError: the files cannot be written.
    """
    taken = timed(
        [row.model for row in NETWORKS],
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
    return Speedup(taken.record, resolution, table(taken, resolution))


def timed(
    networks: Sequence[str],
    export: Exporter,
    device: Device,
    protocol: Protocol,
    progress: Progress | None = None,
    command: Sequence[str] = (),
    *,
    formats: Sequence[str] = FORMATS,
    allow_wrong_answers: bool = False,
    keep: Callable[[Any], None] | None = None,
    say: Say = no_say,
) -> Times:
    """Export networks and time them on ``device``, in one record; on an emulated chip, model their time.

    Args:
        networks: names of the zoo.
        export, device, protocol, progress, command, formats, allow_wrong_answers, keep, say: as :func:`speedup` takes
            them.

    Returns:
        The times: of each network in turn, those of the formats in their order.

    Raises:
        CheckFailed, EnvironmentProblem, OutputError: as :func:`speedup` does.
    """
    # Each file is asked its golden pictures once before it is timed.
    processes = 1 if isinstance(device, CanCount) else protocol.rounds
    total = len(networks) + (1 + processes) * len(networks) * len(formats)
    steps = Steps(progress, total)

    def timing(done: int, _all: int, what: str) -> None:
        if progress is not None:
            progress(len(networks) + done, total, f"timing {what}" if what else "")

    device.probe()  # Before the minutes of work: it may not be there, or be busy.
    with claimed(device, say):
        files: list[Path] = []
        for name in networks:
            steps(f"exporting {name}")
            made = export(name)
            files += [made[kind] for kind in formats]
        return take(
            files, device, protocol, timing, command, allow_wrong_answers=allow_wrong_answers, keep=keep
        )


def table(taken: Times, resolution: str = "224") -> tuple[SpeedupRow, ...]:
    """The rows, from times of the paper's networks at one resolution: a pure function of them.

    A format appears when AlexNet was timed in it; then the others must have been too, but for AlexNet with
    local response normalization, which older measurements do not have.
    """
    index = {}
    for position, model in enumerate(taken.models):
        assert model.passport is not None
        index[model.passport.architecture, model.passport.format] = position
    rows = []
    for name in formats.usual():
        if (BASELINES[0].model, name) not in index:
            continue
        bases = {row: index[row.model, name] for row in BASELINES if (row.model, name) in index}
        for published in (*bases, *(row for row in NETWORKS if row not in BASELINES)):
            position = index[published.model, name]
            rows.append(
                SpeedupRow(
                    published=published,
                    resolution=resolution,
                    format=name,
                    macs=macs(taken.models[position]),
                    time=taken.time(position),
                    result=taken.result(position),
                    beyond=taken.beyond(position),
                    over=tuple(
                        Over(
                            row,
                            macs(taken.models[base]) / macs(taken.models[position]),
                            taken.speedup(base, position),
                        )
                        for row, base in bases.items()
                    ),
                    paper_actual=actual(published, resolution),
                    paper_theoretical=theoretical(published),
                )
            )
    return tuple(rows)


def macs(model: Model) -> int:
    """Multiply-adds of an exported network, as its passport counts them."""
    assert model.passport is not None and model.passport.macs is not None
    return model.passport.macs
