"""What the forms of an operator cost on a device: timed, or modelled on an emulated chip, and fitted to a table.

What such a table does not tell is found by timing networks in two forms (:mod:`~mobilecnn.bench.timing.network_forms`).

Operators are timed in files of many, as a network has them. Alone they would cost less: their data would be in the caches, and the
processor would foresee where their loops end, because no other operator runs the same code another number of times.
"""

import itertools
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn.bench.devices.seam import Device
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing.network_forms import Shares, judged
from mobilecnn.bench.timing.taking import adapted
from mobilecnn.bench.timing.times import take
from mobilecnn.convert.graph.build import Layers, empty
from mobilecnn.convert.lowering.costs import Costs, Table
from mobilecnn.errors import CheckFailed
from mobilecnn.files import write_bytes
from mobilecnn.steps import Progress
from mobilecnn.train.zoo.shufflenet_v1_channels import UNITS, channels

NETWORKS = ((0.25, 3), (0.25, 8), (0.5, 3), (0.5, 8))
"""Width and number of groups of the ShuffleNets V1 whose pointwise convolutions and channel shuffles are timed."""

SIDES = (28, 14, 7)
"""Sides of the feature maps of their three stages."""

GROUPED, FIRST, SECOND, BOTH = (False, False), (True, False), (False, True), (True, True)
"""Which of the two convolutions of a unit is written with the weights of all inputs; where one is, it takes the shuffle."""

FORMS = (
    (GROUPED, GROUPED, GROUPED), (FIRST, FIRST, FIRST), (SECOND, SECOND, SECOND),
    (FIRST, GROUPED, GROUPED), (FIRST, FIRST, GROUPED), (BOTH, FIRST, GROUPED),
)  # fmt: skip
"""Forms of the units of the three stages in a file: the wider a stage, the less is gained by all weights."""

WIDTHS, INPUTS = (1, 4, 8, 16, 32, 64), (1, 2, 4, 8, 16)
"""Numbers of output channels of a tile, and of input channels that are multiplied at once, that are tried."""

PICTURES = ((3, 16), (7, 64))
"""Side of the kernel and number of outputs of first convolutions of 224x224x3 with stride 2, those of MobileNet V2 0.35x and of a ResNet."""

UNTILED = 0.25
"""Share of the squared errors, of the best table with tiles for grouped convolutions, that one without may have to be taken: it
has a parameter more, and nearly all runtimes have tiles."""

LARGEST_ERROR = 0.5
"""Largest median relative error of a table that says something."""


@dataclass(frozen=True)
class Case:
    """An operator in a file that is timed.

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


Stack = tuple[Case, ...]
"""Operators of one file, in the order in which they run."""

NOTHING: Stack = ()
"""The file that does nothing, whose time is taken off."""


@dataclass(frozen=True)
class Fit:
    """A table with how well it fits.

    Attributes:
        table: table of costs.
        error: median relative error of the times that it was fitted to.
        shares: what whole networks take in other forms.
    """

    table: Table
    error: float
    shares: Shares


def files(dtype: str) -> dict[Stack, bytes]:
    """Files of the pointwise convolutions and channel shuffles of whole ShuffleNets, and the one that does nothing.

    What is between them in a network is left out; what has a stride there reads an input of the file here.
    """
    made: dict[Stack, bytes] = {NOTHING: empty()}
    for (width, groups), forms in itertools.product(NETWORKS, FORMS):
        found = channels(width, groups)
        given, graph, ends = found.stem, _Pointwise(dtype, groups, 2 * SIDES[0], found.stem), []
        for stage, (side, (first, second)) in enumerate(zip(SIDES, forms, strict=True)):
            inner, outer = found.bottlenecks[stage], found.stages[stage]
            if stage == 0:  # The first of the network has no groups, and its weights took the shuffle.
                ends.append(graph.written(graph.input, inner, dense=True))
            else:
                x = graph.written(graph.add_input(2 * side, 2 * side, given), inner, first)
                ends.append(x if first or second else graph.mixed(x))
            ends.append(graph.written(graph.add_input(side, side, inner), outer - given, second))
            x = graph.add_input(side, side, outer)
            for _ in range(1, UNITS[stage]):
                x = graph.written(x, inner, first)
                x = graph.written(x if first or second else graph.mixed(x), outer, second)
            ends.append(x)
            given = outer
        made[tuple(graph.cases)] = graph.pack(*ends)
    return made


@dataclass(frozen=True)
class Picture:
    """A first convolution in a file that is timed.

    Attributes:
        kernel: side of the kernel as it is.
        columns: number of its columns with two columns of the picture as the channels of one; None as it is.
    """

    kernel: int
    columns: int | None


def pictures() -> dict[Picture, bytes]:
    """int8 files of one first convolution each, as it is and with neighbouring columns as channels."""
    made = {}
    for kernel, out in PICTURES:
        graph = Layers("int8", 224, 224, 3)
        made[Picture(kernel, None)] = graph.pack(graph.strided(graph.input, out, (kernel, kernel), (2, 2)))
        graph, columns = Layers("int8", 224, 224, 3), -(-kernel // 2)
        folded = graph.reshape(graph.input, (1, 224, 112, 6))
        made[Picture(kernel, columns)] = graph.pack(graph.strided(folded, out, (kernel, columns), (2, 1)))
    return made


def places(times: Mapping[Picture, float]) -> float:
    """The :attr:`Table.places` that explains times in ns best: between a time that goes with the places of a kernel and one that goes
    with its multiply-adds, by least squares."""
    above = below = 0.0
    for picture, spent in times.items():
        if picture.columns is not None:
            fewer, more = picture.columns / picture.kernel, 2 * picture.columns / picture.kernel
            above += (more - fewer) * (more - spent / times[Picture(picture.kernel, None)])
            below += (more - fewer) ** 2
    return min(max(above / below, 0.0), 1.0)


class _Pointwise(Layers):
    """A graph of pointwise convolutions and channel shuffles, and what is in it."""

    def __init__(self, dtype: str, groups: int, side: int, given: int) -> None:
        super().__init__(dtype, side, side, given)
        self.cases: list[Case] = []
        self._groups = groups

    def written(self, x: int, out: int, dense: bool) -> int:
        """A convolution with the groups, or with the weights of all inputs."""
        _, height, width, given = self._shape(x)
        groups = 1 if dense else self._groups
        self.cases.append(Case(height * width, given // groups, out // groups, groups))
        return self.conv(x, out, groups=groups)

    def mixed(self, x: int) -> int:
        """A channel shuffle."""
        _, height, width, given = self._shape(x)
        self.cases.append(Case(height * width, 0, given, self._groups))
        return self.shuffle(x, self._groups)


def tune(
    device: Device,
    protocol: Protocol,
    dtypes: Sequence[str],
    work: Path,
    progress: Progress | None = None,
    command: Sequence[str] = (),
) -> dict[str, Fit]:
    """Time the forms on a device, fit a table to them for each type, and time whole networks in the forms that no table tells of.

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
    contents: dict[tuple[str, Stack | Picture], bytes] = {
        (dtype, what): content
        for dtype in dtypes
        for what, content in (*files(dtype).items(), *(pictures().items() if dtype == "int8" else ()))
    }
    paths = [work / f"{dtype}-{number}.tflite" for number, (dtype, _) in enumerate(contents)]
    for path, content in zip(paths, contents.values(), strict=True):
        write_bytes(path, content)
    taken = take(paths, device, protocol, progress, command)
    spent: dict[str, dict[Stack | Picture, float]] = {dtype: {} for dtype in dtypes}
    for index, (dtype, what) in enumerate(contents):
        spent[dtype][what] = taken.time(index).value
    fits = {dtype: _fit(times) for dtype, times in spent.items()}
    costs = Costs(device.name, {dtype: (fit.table,) for dtype, fit in fits.items()})
    shares = judged(costs, device, protocol, work, progress, command)
    return {dtype: replace(fit, shares=shares[dtype]) for dtype, fit in fits.items()}


def _fit(times: Mapping[Stack | Picture, float]) -> Fit:
    """The table of one type."""
    alone = {what: max(spent - times[NOTHING], 1.0) for what, spent in times.items() if what != NOTHING}
    fit = fitted({what: spent for what, spent in alone.items() if not isinstance(what, Picture)})
    firsts = {what: spent for what, spent in alone.items() if isinstance(what, Picture)}
    return replace(fit, table=replace(fit.table, places=places(firsts))) if firsts else fit


def fitted(times: Mapping[Stack, float]) -> Fit:
    """The table whose costs are nearest to times in ns, in squared relative error; none of them is negative.

    Raises:
        CheckFailed: the times do not follow from the multiply-adds and the values moved.
    """
    best: tuple[float, Fit] | None = None
    for tiled, width, unit in itertools.product((True, False), WIDTHS, INPUTS):
        rows = np.array([
            np.sum([_terms(case, width, unit, tiled) for case in stack], axis=0) for stack in times
        ])  # fmt: skip
        costs = not_negative(rows / np.array([[spent] for spent in times.values()]))
        call, group, depth, tile, position, channel, product, output = costs.tolist()
        if depth <= 0 or (not tiled and product <= 0):
            continue
        misses = np.abs(rows @ costs / np.array(list(times.values())) - 1)
        table = Table(call, group, width, unit, depth, tile, position, channel, product, output)
        total = float((misses**2).sum()) / (1 if tiled else UNTILED)
        if best is None or total < best[0]:
            best = total, Fit(table, float(statistics.median(misses.tolist())), Shares())
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
