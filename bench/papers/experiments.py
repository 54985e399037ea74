"""The ShuffleNet V2 paper's controlled experiments, made anew on any device.

N. Ma, X. Zhang, H.-T. Zheng, J. Sun, "ShuffleNet V2: Practical Guidelines for Efficient CNN
Architecture Design", arXiv 1807.11164 (ECCV 2018), section 2, Tables 1 to 4: networks of ten equal
blocks on feature maps of 56 x 56, which have the same number of multiply-adds and differ in one
thing. Published figures: images a second on one thread of a Snapdragon 810.

Each convolution has a bias and, but where the fourth experiment takes it away, a ReLU in the same
operator. Where the paper's numbers leave a choice:

* G2, 8 groups: 180 channels are no multiple of 8; 184 are taken (4.5 % more multiply-adds).
* G3: in a block of n fragments each has 1 / sqrt(n) of the channels, rounded; those side by side
  are added.
* G4: the three convolutions of a unit have equally many channels: that fits the published rates.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilecnn.bench.devices.claims import claimed
from mobilecnn.bench.devices.seam import Device
from mobilecnn.bench.judge.modelled import Beyond
from mobilecnn.bench.judge.statistics import Interval
from mobilecnn.bench.judge.summary import Result
from mobilecnn.bench.records.instructions import Instructions
from mobilecnn.bench.records.measurement import Measurement
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing.times import figures, take
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph.build import Layers
from mobilecnn.convert.inspection import macs
from mobilecnn.files import write_bytes
from mobilecnn.steps import Progress, Say, no_say

SIDE = 56
"""Pixels on each side of the feature maps (section 2: "the input image size is 56 x 56")."""

BLOCKS = 10
"""Number of blocks in each network (section 2)."""

SCALES = (1, 2, 4)
"""Factors of the channels: the columns of the tables."""

Block = Callable[[Layers, int, tuple[int, ...]], int]
"""Adds one block to a graph: the graph, a feature map, the channels -> the feature map that it yields."""


@dataclass(frozen=True)
class Case:
    """A row of one of the tables.

    Attributes:
        label: the paper's name for it.
        channels: channels at scale 1: of the input, and of what else the block needs.
        block: block that is repeated.
        published: images a second at each of :data:`SCALES`, on one thread of a Snapdragon 810.
    """

    label: str
    channels: tuple[int, ...]
    block: Block
    published: tuple[float, float, float]


@dataclass(frozen=True)
class Guideline:
    """One of the tables. The first case is what the guideline recommends."""

    name: str
    title: str
    cases: tuple[Case, ...]


def _pair(graph: Layers, x: int, channels: tuple[int, ...]) -> int:
    """G1: a pointwise convolution to other channels, and one back."""
    first, second = channels
    return graph.conv(graph.conv(x, second), first)


def _grouped(groups: int) -> Block:
    def block(graph: Layers, x: int, channels: tuple[int, ...]) -> int:
        return graph.conv(x, channels[0], groups=groups)

    return block


def _series(fragments: int) -> Block:
    def block(graph: Layers, x: int, channels: tuple[int, ...]) -> int:
        for _ in range(fragments):
            x = graph.conv(x, channels[0])
        return x

    return block


def _parallel(fragments: int) -> Block:
    def block(graph: Layers, x: int, channels: tuple[int, ...]) -> int:
        branches = [graph.conv(x, channels[0]) for _ in range(fragments)]
        total = branches[0]
        for branch in branches[1:]:
            total = graph.add(total, branch)
        return total

    return block


def _unit(relu: bool, shortcut: bool) -> Block:
    """G4: a bottleneck unit."""

    def block(graph: Layers, x: int, channels: tuple[int, ...]) -> int:
        y = graph.conv(x, channels[0], relu=relu)
        y = graph.depthwise(y, relu=relu)
        y = graph.conv(y, channels[0], relu=relu and not shortcut)
        return graph.add(x, y, relu=relu) if shortcut else y

    return block


GUIDELINES = (
    Guideline(
        "G1",
        "equal channel widths",  # Table 1: input : output channels
        (
            Case("1:1", (32, 32), _pair, (76.2, 21.7, 5.3)),
            Case("1:2", (22, 44), _pair, (72.9, 20.5, 5.1)),
            Case("1:6", (13, 78), _pair, (69.1, 17.9, 4.6)),
            Case("1:12", (9, 108), _pair, (57.6, 15.1, 4.4)),
        ),
    ),
    Guideline(
        "G2",
        "few groups",  # Table 2
        (
            Case("1 group", (64,), _grouped(1), (40.0, 10.2, 2.3)),
            Case("2 groups", (90,), _grouped(2), (35.0, 9.5, 2.2)),
            Case("4 groups", (128,), _grouped(4), (32.9, 8.7, 2.1)),
            Case("8 groups", (184,), _grouped(8), (27.8, 7.5, 1.8)),
        ),
    ),
    Guideline(
        "G3",
        "few fragments",  # Table 3
        (
            Case("1 fragment", (64,), _series(1), (40.2, 10.1, 2.3)),
            Case("2 in series", (45,), _series(2), (38.6, 10.1, 2.2)),
            Case("4 in series", (32,), _series(4), (38.4, 10.1, 2.3)),
            Case("2 in parallel", (45,), _parallel(2), (33.4, 9.1, 2.2)),
            Case("4 in parallel", (32,), _parallel(4), (35.0, 8.4, 2.1)),
        ),
    ),
    Guideline(
        "G4",
        "few element-wise operations",  # Table 4
        (
            Case("no ReLU, no shortcut", (32,), _unit(False, False), (66.3, 20.2, 5.4)),
            Case("ReLU", (32,), _unit(True, False), (61.9, 18.8, 5.2)),
            Case("shortcut", (32,), _unit(False, True), (57.3, 18.2, 5.1)),
            Case("ReLU and shortcut", (32,), _unit(True, True), (56.7, 16.9, 5.0)),
        ),
    ),
)


def network(case: Case, scale: int, dtype: str) -> bytes:
    """The .tflite file of ten blocks.

    Args:
        case: row of one of the tables.
        scale: factor of its channels.
        dtype: float32 or int8.
    """
    channels = tuple(scale * count for count in case.channels)
    graph = Layers(dtype, SIDE, SIDE, channels[0])
    x = graph.input
    for _ in range(BLOCKS):
        x = case.block(graph, x, channels)
    return graph.pack(x)


@dataclass(frozen=True)
class GuidelineRow:
    """One network of one guideline, timed.

    Attributes:
        guideline: G1 to G4.
        case: its row in the paper.
        scale: factor of the channels.
        dtype: float32 or int8.
        macs: multiply-adds of one inference.
        time: its time in ns, measured or modelled, with its interval.
        result: its timing; None where the time is modelled.
        rate: its images a second over those of the first case with equal scale: below 1 is
            slower; with the 95 % interval.
        paper_rate: the paper's value of ``rate``.
        beyond: what no published time speaks for in a modelled one; None where it is measured.
    """

    guideline: str
    case: Case
    scale: int
    dtype: str
    macs: int
    time: Interval
    result: Result | None
    rate: Interval
    paper_rate: float
    beyond: Beyond | None

    @property
    def valid(self) -> bool:
        """Whether nothing speaks against the time."""
        return self.result is None or self.result.valid

    @property
    def per_second(self) -> float:
        """Images a second here."""
        return 1e9 / self.time.value

    @property
    def published(self) -> float:
        """Images a second on the paper's Snapdragon 810."""
        return self.case.published[SCALES.index(self.scale)]

    def to_json(self) -> dict[str, Any]:
        """The row as a JSON object."""
        return {
            "guideline": self.guideline,
            "case": self.case.label,
            "scale": self.scale,
            "channels": [self.scale * count for count in self.case.channels],
            "format": self.dtype,
            "macs": self.macs,
            **figures(self.time, self.result, self.beyond),
            "images_per_second": self.per_second,
            "relative_rate": self.rate.value,
            "relative_rate_interval": [self.rate.low, self.rate.high],
            "paper_snapdragon_810": {
                "images_per_second": self.published,
                "relative_rate": self.paper_rate,
            },
        }


def guidelines(
    device: Device,
    protocol: Protocol,
    work: Path,
    dtypes: Sequence[str] = ("float32",),
    scales: Sequence[int] = SCALES,
    progress: Progress | None = None,
    command: Sequence[str] = (),
    *,
    keep: Callable[[Any], None] | None = None,
    say: Say = no_say,
) -> tuple[tuple[GuidelineRow, ...], Measurement | Instructions]:
    """Time the networks of all four guidelines on ``device``; on an emulated chip, model their time.

    Args:
        device: device to time on.
        protocol: protocol of the timing.
        work: a folder for their files (about 30 MB); the caller removes it.
        dtypes: types of the networks.
        scales: some of :data:`SCALES`.
        progress, command, keep: as :func:`mobilecnn.bench.timing.times.take` takes them.
        say: as :func:`mobilecnn.bench.devices.claims.claimed` takes it.

    Raises:
        EnvironmentProblem: the device or a child process failed, or another process times there; then nothing was written.
    """
    chosen = [
        (guideline, case, scale, dtype)
        for dtype in dtypes
        for guideline in GUIDELINES
        for scale in scales
        for case in guideline.cases
    ]
    paths, counts = [], []
    with claimed(device, say):
        for guideline, case, scale, dtype in chosen:
            content = network(case, scale, dtype)
            graph = flatbuffer.graph(content, case.label)
            counts.append(sum(macs(operation) for operation in graph.operations))
            name = case.label.replace(":", "-").replace(",", "").replace(" ", "-").lower()
            paths.append(work / f"{guideline.name.lower()}-{name}-x{scale}-{dtype}.tflite")
            write_bytes(paths[-1], content)
        taken = take(paths, device, protocol, progress, command, keep=keep)
    rows = []
    for index, (guideline, case, scale, dtype) in enumerate(chosen):
        base = next(
            number
            for number, other in enumerate(chosen)
            if other == (guideline, guideline.cases[0], scale, dtype)
        )
        rate = taken.speedup(base, index)
        column = SCALES.index(scale)
        paper = case.published[column] / guideline.cases[0].published[column]
        rows.append(
            GuidelineRow(
                guideline.name,
                case,
                scale,
                dtype,
                counts[index],
                taken.time(index),
                taken.result(index),
                rate,
                paper,
                taken.beyond(index),
            )
        )
    return tuple(rows), taken.record
