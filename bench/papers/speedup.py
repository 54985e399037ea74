"""The ShuffleNet paper's question, asked of any device: do fewer multiply-adds mean less time?

Theoretical speedup is AlexNet's multiply-adds over the model's; actual speedup is
AlexNet's time over the model's, both in the same format on the same device; efficiency is
actual over theoretical. Published figures: X. Zhang, X. Zhou, M. Lin, J. Sun, "ShuffleNet:
An Extremely Efficient Convolutional Neural Network for Mobile Devices", arXiv 1707.01083v2
(CVPR 2018), Table 8: one thread of a Snapdragon 820.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilecnn.bench.devices.seam import Device
from mobilecnn.bench.judge.statistics import Interval
from mobilecnn.bench.judge.summary import Result, compare, summarize
from mobilecnn.bench.pages import charts
from mobilecnn.bench.pages.charts import Point
from mobilecnn.bench.records.measurement import Measurement
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing.rounds import measure
from mobilecnn.convert.conversion import Source
from mobilecnn.export import RANDOM, Calibration, export
from mobilecnn.quantize import formats

FORMATS = ("float32", "int8")
"""Formats that are timed unless others are asked for."""

PUBLISHED_FORMAT = "float32"
"""Format of the paper's networks."""


@dataclass(frozen=True)
class Published:
    """A row of the paper's Table 8.

    Attributes:
        model: zoo name.
        label: what the paper calls it.
        top1_error: ImageNet classification error, per cent.
        mflops: multiply-adds in millions, as the paper rounds them.
        milliseconds: on a Snapdragon 820, one thread, at each of :data:`RESOLUTIONS`.
    """

    model: str
    label: str
    top1_error: float
    mflops: int
    milliseconds: tuple[float, float, float]

    def at(self, resolution: str) -> float:
        """The milliseconds at one of :data:`RESOLUTIONS`."""
        return self.milliseconds[list(RESOLUTIONS).index(resolution)]


RESOLUTIONS: dict[str, tuple[int, int] | None] = {"224": None, "480x640": (480, 640), "720x1280": (720, 1280)}
"""The table's columns: name -> height and width in pixels, or None: each network's own size."""

TABLE_8 = (
    Published("alexnet", "AlexNet", 42.8, 720, (184.0, 1156.7, 3633.9)),
    Published("shufflenet_v1_x0.5_g3", "ShuffleNet 0.5x (g=3)", 43.2, 38, (15.2, 87.4, 260.1)),
    Published("shufflenet_v1_x1.0_g3", "ShuffleNet 1x (g=3)", 32.6, 140, (37.8, 222.2, 684.5)),
    Published("shufflenet_v1_x2.0_g3", "ShuffleNet 2x (g=3)", 26.3, 524, (108.8, 617.0, 1857.6)),
    Published("mobilenet_v1_x1.0_224", "1.0 MobileNet-224", 29.4, 569, (110.0, 612.0, 1879.2)),
)
"""AlexNet first: the others are compared with it."""


@dataclass(frozen=True)
class Row:
    """One model in one format.

    Attributes:
        published: its row in the paper.
        resolution: one of :data:`RESOLUTIONS`.
        format: name of a row of :data:`mobilecnn.quantize.formats.FORMATS`.
        macs: multiply-adds, counted in the exported file.
        result: its timing.
        actual: AlexNet's time over this one's, with its 95 % interval.
        theoretical: AlexNet's multiply-adds over this one's.
        paper_actual: the paper's time ratio.
        paper_theoretical: the paper's multiply-adds ratio.
    """

    published: Published
    resolution: str
    format: str
    macs: int
    result: Result
    actual: Interval
    theoretical: float
    paper_actual: float
    paper_theoretical: float

    @property
    def efficiency(self) -> float:
        """Actual over theoretical speedup."""
        return self.actual.value / self.theoretical

    @property
    def paper_efficiency(self) -> float:
        """The same of the paper's figures."""
        return self.paper_actual / self.paper_theoretical

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values; times in ns unless the name says otherwise."""
        return {
            "model": self.published.model,
            "resolution": self.resolution,
            "format": self.format,
            "top1_error_published_percent": self.published.top1_error,
            "mflops_published": self.published.mflops,
            "macs": self.macs,
            "median_ns": self.result.median.value,
            "interval_ns": [self.result.median.low, self.result.median.high],
            "valid": self.result.valid,
            "reasons": list(self.result.reasons),
            "warnings": list(self.result.warnings),
            "theoretical_speedup": self.theoretical,
            "actual_speedup": self.actual.value,
            "actual_speedup_interval": [self.actual.low, self.actual.high],
            "efficiency": self.efficiency,
            "paper_snapdragon_820": {
                "milliseconds": self.published.at(self.resolution),
                "theoretical_speedup": self.paper_theoretical,
                "actual_speedup": self.paper_actual,
                "efficiency": self.paper_efficiency,
            },
        }


@dataclass(frozen=True)
class Speedup:
    """The whole table, with the measurement it is made of."""

    measurement: Measurement
    rows: tuple[Row, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "source": "arXiv 1707.01083v2, Table 8 (columns under paper_snapdragon_820)",
            "rows": [row.to_json() for row in self.rows],
        }


def speedup(
    device: Device,
    protocol: Protocol,
    work: Path,
    progress: Callable[[int, int, str], None] | None = None,
    command: Sequence[str] = (),
    *,
    formats: Sequence[str] = FORMATS,
    resolution: str = "224",
    allow_wrong_answers: bool = False,
    keep: Callable[[Measurement], None] | None = None,
) -> Speedup:
    """Build, export and time the paper's five networks on ``device``.

    Args:
        device: where to time them.
        protocol: how.
        work: a folder for the exported files (about 470 MB); the caller removes it.
        progress: called with (steps done, all, what is next).
        command: the command line, for the record.
        formats: names of rows of :data:`mobilecnn.quantize.formats.FORMATS`.
        resolution: one of :data:`RESOLUTIONS`.
        allow_wrong_answers, keep: as :func:`mobilecnn.bench.timing.rounds.measure` takes them.

    Raises:
        CheckFailed: a file does not answer on the device as its passport says.
        EnvironmentProblem: the device or a child process failed.
        OutputError: the files cannot be written.
    """
    device.probe()  # Before the minutes of work: it may not be there.
    # Each file is asked its golden pictures once before it is timed.
    total = len(TABLE_8) + (1 + protocol.rounds) * len(TABLE_8) * len(formats)
    files: dict[tuple[str, str], Path] = {}
    for number, row in enumerate(TABLE_8):
        if progress is not None:
            progress(number, total, f"exporting {row.model}")
        source = Source(row.model, size=RESOLUTIONS[resolution])
        for one in export(source, formats, work, Calibration(RANDOM)):
            files[row.model, one.format] = one.path

    def timing(done: int, _all: int, what: str) -> None:
        if progress is not None:
            progress(len(TABLE_8) + done, total, f"timing {what}" if what else "")

    order = [(row.model, name) for row in TABLE_8 for name in formats]
    measurement = measure(
        [files[key] for key in order], device, protocol, timing, command,
        allow_wrong_answers=allow_wrong_answers, keep=keep,
    )  # fmt: skip
    return Speedup(measurement, table(measurement, resolution))


def table(measurement: Measurement, resolution: str = "224") -> tuple[Row, ...]:
    """The rows, from a measurement of the paper's networks at one resolution: a pure function of it.

    A format appears when AlexNet was timed in it; then the others must have been too.
    """
    results = summarize(measurement)
    index = {}
    for position, model in enumerate(measurement.models):
        assert model.passport is not None
        index[model.passport.architecture, model.passport.format] = position
    rows = []
    for name in formats.names():
        base = index.get((TABLE_8[0].model, name))
        if base is None:
            continue
        for published in TABLE_8:
            position = index[published.model, name]
            rows.append(
                Row(
                    published=published,
                    resolution=resolution,
                    format=name,
                    macs=_macs(measurement, position),
                    result=results[position],
                    # How many times as long AlexNet takes; it is itself exactly.
                    actual=Interval(1.0, 1.0, 1.0)
                    if position == base
                    else compare(measurement, base, position).ratio,
                    theoretical=_macs(measurement, base) / _macs(measurement, position),
                    paper_actual=TABLE_8[0].at(resolution) / published.at(resolution),
                    paper_theoretical=TABLE_8[0].mflops / published.mflops,
                )
            )
    return tuple(rows)


def _macs(measurement: Measurement, position: int) -> int:
    passport = measurement.models[position].passport
    assert passport is not None and passport.macs is not None
    return passport.macs


def chart(rows: Sequence[Row], title: str) -> bytes:
    """Theoretical against actual speedup, log-log, with the paper's points, as PNG. AlexNet is 1, 1."""
    others = [row for row in rows if row.published is not TABLE_8[0]]
    series: dict[str, list[Point]] = {
        name: [
            Point(row.published.label, row.theoretical, row.actual.value, row.actual.low, row.actual.high)
            for row in others
            if row.format == name
        ]
        for name in dict.fromkeys(row.format for row in rows)
    }
    series["paper: float32, Snapdragon 820"] = [
        Point(
            row.published.label, row.paper_theoretical, row.paper_actual, row.paper_actual, row.paper_actual
        )
        for row in {row.published: row for row in others}.values()
    ]
    return charts.speedups(series, title)


HEADER_HERE = (
    "model", "format", "multiply-adds (M)", "ms", "95 % interval",
    "theoretical", "actual", "95 % interval", "efficiency",
)  # fmt: skip
HEADER_PAPER = ("published err %", "MFLOPs", "ms", "theoretical", "actual", "efficiency")
HEADER = (*HEADER_HERE, "", *HEADER_PAPER)
"""Left of the empty column: what was counted and timed here; right of it: the paper, on its Snapdragon 820."""


def cells_here(row: Row) -> list[str]:
    """What was counted and timed here, as text, under :data:`HEADER_HERE`."""
    median, actual = row.result.median, row.actual
    return [
        row.published.label,
        row.format,
        f"{row.macs / 1e6:.1f}",
        f"{median.value / 1e6:.2f}" + ("" if row.result.valid else " !"),
        f"{median.low / 1e6:.2f} .. {median.high / 1e6:.2f}",
        f"{row.theoretical:.2f}x",
        f"{actual.value:.2f}x",
        f"{actual.low:.2f} .. {actual.high:.2f}",
        f"{row.efficiency:.0%}",
    ]


def cells_paper(row: Row) -> list[str]:
    """The paper's figures, as text, under :data:`HEADER_PAPER`."""
    paper = row.published
    return [
        f"{paper.top1_error:.1f}",
        str(paper.mflops),
        f"{paper.at(row.resolution):.1f}",
        f"{row.paper_theoretical:.2f}x",
        f"{row.paper_actual:.2f}x",
        f"{row.paper_efficiency:.0%}",
    ]


def cells(row: Row) -> list[str]:
    """One row as text, under :data:`HEADER`."""
    return [*cells_here(row), "|", *cells_paper(row)]
