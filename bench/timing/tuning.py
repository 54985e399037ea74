"""What the forms of an operator cost on a device: timed, or modelled on an emulated chip, and fitted to a table."""

import itertools
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn.bench.devices.seam import Device
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing.taking import adapted
from mobilecnn.bench.timing.times import take
from mobilecnn.convert.graph.build import Layers, empty
from mobilecnn.convert.lowering.costs import Table
from mobilecnn.errors import CheckFailed
from mobilecnn.files import write_bytes
from mobilecnn.steps import Progress

SHAPES = ((28, 120, 30), (14, 240, 60), (28, 240, 60), (7, 480, 120))
"""Side, outer and bottleneck channels of units of stride 1 of ShuffleNet V1 0.5x and 1x with three groups."""

GROUPS = 3

REPEATED = 3
"""Number of equal operators in a file, so that the call of the interpreter counts less."""

WIDTHS, UNITS = (1, 4, 8, 16, 32, 64), (1, 2, 4, 8, 16)
"""Numbers of output channels of a tile, and of input channels that are multiplied at once, that are tried."""

LARGEST_ERROR = 0.5
"""Largest median relative error of a table that says something."""


@dataclass(frozen=True)
class Case:
    """An operator that is timed.

    Attributes:
        positions: number of places of the feature map.
        inputs: input channels of a group; 0 for a channel shuffle.
        outputs: output channels of a group; of a shuffle the channels of all groups.
        groups: number of groups.
    """

    positions: int
    inputs: int
    outputs: int
    groups: int

    @property
    def name(self) -> str:
        """Stem of the name of its file."""
        return "-".join(map(str, (self.positions, self.inputs, self.outputs, self.groups)))


NOTHING = Case(0, 0, 0, 0)
"""The file that does nothing, whose time is taken off."""


@dataclass(frozen=True)
class Fit:
    """A table with how well it fits.

    Attributes:
        table: table of costs.
        error: median relative error of the times that it was fitted to.
    """

    table: Table
    error: float


def files(dtype: str) -> dict[Case, bytes]:
    """Files of grouped and dense pointwise convolutions and of channel shuffles, and the one that does nothing."""
    made: dict[Case, bytes] = {NOTHING: empty()}
    for side, outer, inner in SHAPES:
        for given, out in ((outer, inner), (inner, outer)):
            for groups in (1, GROUPS):
                graph = Layers(dtype, side, side, given)
                rows = [graph.conv(graph.input, out, groups=groups) for _ in range(REPEATED)]
                made[Case(side**2, given // groups, out // groups, groups)] = graph.pack(*rows)
        graph = Layers(dtype, side, side, inner)
        shuffled = [graph.shuffle(graph.input, GROUPS) for _ in range(REPEATED)]
        made[Case(side**2, 0, inner, GROUPS)] = graph.pack(*shuffled)
    return made


def tune(
    device: Device,
    protocol: Protocol,
    dtypes: Sequence[str],
    work: Path,
    progress: Progress | None = None,
    command: Sequence[str] = (),
) -> dict[str, Fit]:
    """Time the forms on a device, and fit a table to them for each type.

    Args:
        device: device to time or to count on.
        protocol: protocol of the timing.
        dtypes: types of the feature maps, of :data:`mobilecnn.convert.graph.build.DTYPES`.
        work: a folder for the files; the caller removes it.
        progress, command: as :func:`mobilecnn.bench.timing.rounds.measure` takes them.

    Raises:
        CheckFailed, EnvironmentProblem, UsageError: as :func:`mobilecnn.bench.timing.times.take`,
            :func:`mobilecnn.bench.timing.taking.adapted` and :func:`fitted` do.
    """
    protocol = adapted(device, protocol)
    cases = [(dtype, case) for dtype in dtypes for case in files(dtype)]
    paths = [work / f"{dtype}-{case.name}.tflite" for dtype, case in cases]
    for dtype in dtypes:
        for case, content in files(dtype).items():
            write_bytes(work / f"{dtype}-{case.name}.tflite", content)
    taken = take(paths, device, protocol, progress, command)
    spent = {row: taken.time(index).value for index, row in enumerate(cases)}
    return {
        dtype: fitted({
            case: max(time - spent[dtype, NOTHING], 1.0) / REPEATED
            for (kind, case), time in spent.items()
            if kind == dtype and case != NOTHING
        })
        for dtype in dtypes
    }  # fmt: skip


def fitted(times: Mapping[Case, float]) -> Fit:
    """The table whose costs are nearest to times in ns, in squared relative error; none of them is negative.

    Raises:
        CheckFailed: the times do not follow from the multiply-adds and the values moved.
    """
    best: tuple[float, Fit] | None = None
    for width, unit, tiled in itertools.product(WIDTHS, UNITS, (True, False)):
        rows = np.array([_terms(case, width, unit, tiled) for case in times])
        costs = not_negative(rows / np.array([[spent] for spent in times.values()]))
        call, group, depth, tile, position, channel, product, output = costs.tolist()
        if depth <= 0 or (not tiled and product <= 0):
            continue
        misses = np.abs(rows @ costs / np.array(list(times.values())) - 1)
        table = Table(call, group, width, unit, depth, tile, position, channel, product, output)
        total = float((misses**2).sum())
        if best is None or total < best[0]:
            best = total, Fit(table, float(statistics.median(misses.tolist())))
    if best is None or best[1].error > LARGEST_ERROR:
        raise CheckFailed(
            "the times do not follow from the multiply-adds, so that nothing can be chosen by them: the device was busy with "
            "something else; tune again, with more --seconds"
        )
    return best[1]


def _terms(case: Case, width: int, unit: int, tiled: bool) -> tuple[float, ...]:
    """How often each cost is in an operator; ``tiled``: whether the runtime has tiles for convolutions of several groups."""
    if not case.inputs:
        return (3, 0, 0, 0, case.positions, case.positions * case.outputs, 0, 0)
    outputs = case.positions * case.groups * case.outputs
    if case.groups > 1 and not tiled:
        return (1, 0, 0, 0, 0, 0, outputs * case.inputs, outputs)
    tiles = case.positions * case.groups * -(-case.outputs // width)
    return (1, case.groups, tiles * -(-case.inputs // unit), tiles, 0, 0, 0, 0)


def not_negative(rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The costs x that are not negative and bring ``rows @ x`` near 1: least squares, without those that would be negative."""
    terms = rows.shape[1]
    kept, costs = list(range(terms)), np.zeros(terms)
    while kept:
        found = np.linalg.lstsq(rows[:, kept], np.ones(len(rows)), rcond=None)[0]
        if (found >= 0).all():
            costs[kept] = found
            break
        kept.pop(int(found.argmin()))
    return costs
