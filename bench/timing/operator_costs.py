"""What the operators of a family of networks cost on a device: some of them timed alone, the others fitted to these.

Of each kind of work the operators that are farthest from one another in shape are timed, each three times over in a file of its
own, as :mod:`mobilecnn.bench.timing.tuning` does; the time of a file that does nothing is taken off. Costs that are not
negative (of a call, a product, a value read, a value written, a weight) are fitted to them, in relative error.

Alone, an operator finds its weights in the cache, and in a network it may not. What that takes is seen on chains of equal
convolutions whose weights are more and more: the time of a long one is more than that of as many short ones. The predicted time
of a network is the sum over its operators, what its weights take more, and one call. Where whole networks of its family were
timed, what these took over their sums corrects it.
"""

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn.bench.devices.seam import Device
from mobilecnn.bench.records.measurement import Measurement
from mobilecnn.bench.records.operator_costs import ChainSample, OperatorCosts, OperatorSample
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing.times import Times, take
from mobilecnn.bench.timing.tuning import not_negative
from mobilecnn.convert.graph.build import empty
from mobilecnn.convert.graph.operators import REPEATED, STREAM_BYTES, chain, file_of
from mobilecnn.files import write_bytes
from mobilecnn.steps import Progress
from mobilecnn.train.operators import CONVOLUTION, DENSE, DEPTHWISE, Operator

POINTS: Mapping[str, int] = {CONVOLUTION: 12, DEPTHWISE: 5}
"""Number of operators of a kind of work that are timed; of the kinds that are not here :data:`OTHER_POINTS`."""

OTHER_POINTS = 4

FEW_PLACES = 4
"""Number of operators of a convolution with a larger kernel that are timed: most families have one or two layers of each."""

FAR = math.log(4)
"""Distance of shapes (of the logarithms of their sides and channels) beyond which an operator is timed although enough others are."""

WIDTHS = (1, 8, 16, 32, 64)
"""Numbers of output channels of a tile that are tried."""

CHAINS = (2, 16, 48, 96)
"""Numbers of convolutions of the chains that are timed, of 64 KB of weights each. Those of the shortest are in every cache."""

ITEM_BYTES = {"float32": 4, "int8": 1}
"""Bytes of a weight by type."""

LEAST = 1.0
"""Smallest time of an operator, ns."""

CORRECTING = 3
"""Least number of whole networks of a family and format that correct its predictions."""

Keep = Callable[[OperatorCosts], None]
"""Function called with the table after each kind of work."""


def points(operators: Iterable[Operator], work: str) -> int:
    """How many operators of a kind of work are timed."""
    kind = next(iter(operators)).kind
    if kind == CONVOLUTION and not work.startswith(f"{CONVOLUTION} 1x1"):
        return FEW_PLACES
    return POINTS.get(kind, OTHER_POINTS)


def chosen(operators: Iterable[Operator], known: Iterable[Operator] = ()) -> dict[str, tuple[Operator, ...]]:
    """The operators to time, by kind of work: the largest, and then those that are farthest from all that are timed.

    The same operators give the same choice, in whatever order they come.

    Args:
        operators: operators of all networks.
        known: operators that were timed before; where they are enough, and near enough, none is added.
    """
    by_work: dict[str, set[Operator]] = defaultdict(set)
    timed: dict[str, list[Operator]] = defaultdict(list)
    for operator in operators:
        by_work[operator.work].add(operator)
    for operator in known:
        timed[operator.work].append(operator)
    made = {work: _spread(sorted(by_work[work], key=_order), timed[work]) for work in sorted(by_work)}
    return {work: rows for work, rows in made.items() if rows}


def _order(operator: Operator) -> tuple[Any, ...]:
    return (
        -operator.positions * operator.inputs * operator.outputs,
        *map(str, _shape(operator)),
        operator.groups,
        operator.rows,
        operator.padded,
    )


def _spread(operators: Sequence[Operator], timed: Sequence[Operator]) -> tuple[Operator, ...]:
    wanted = points(operators, operators[0].work)
    shapes = np.array([_shape(operator) for operator in operators])
    added: list[int] = [] if timed else [0]
    there = [np.array(_shape(operator)) for operator in timed] or [shapes[0]]
    while len(added) < wanted:
        apart = np.min([np.linalg.norm(shapes - shape, axis=1) for shape in there], axis=0)
        farthest = int(apart.argmax())
        if apart[farthest] <= (FAR if len(there) >= wanted else 0.0):
            break
        added.append(farthest)
        there.append(shapes[farthest])
    return tuple(operators[place] for place in added)


def _shape(operator: Operator) -> tuple[float, ...]:
    return (
        math.log(operator.positions), math.log(operator.inputs), math.log(operator.outputs), math.log(operator.groups),
    )  # fmt: skip


def missing(costs: OperatorCosts, wanted: Mapping[str, Iterable[Operator]]) -> dict[str, list[Operator]]:
    """By kind of work, as ``TYPE KIND``, the operators that are to be timed and are not in the table."""
    made = {
        work: [row for row in rows if costs.known(row, work.partition(" ")[0]) is None]
        for work, rows in wanted.items()
    }
    return {work: rows for work, rows in made.items() if rows}


def complete(
    costs: OperatorCosts,
    wanted: Mapping[str, Iterable[Operator]],
    device: Device,
    protocol: Protocol,
    work: Path,
    keep: Keep,
    path: Path,
    progress: Progress | None = None,
    command: Sequence[str] = (),
) -> OperatorCosts:
    """The table with the operators that it lacks, timed.

    Args:
        costs: table.
        wanted: operators by ``TYPE KIND``.
        device: device to time or to count on.
        protocol: protocol of the timing.
        work: a folder for the files; the caller removes it.
        keep: told of the table after each kind of work, so that an interrupted one is continued.
        path: the table's file, for messages.
        progress, command: as :func:`mobilecnn.bench.timing.rounds.measure` takes them.

    Raises:
        CheckFailed: the device has another release of the runtime than the table.
        EnvironmentProblem, ModelFileError, UsageError: as :func:`mobilecnn.bench.timing.times.take` does.
    """
    left = missing(costs, wanted)
    total, done = sum(map(len, left.values())), 0
    for label, operators in left.items():
        dtype = label.partition(" ")[0]
        if progress is not None:
            progress(done, total, label)
        files = [work / "empty.tflite"]
        write_bytes(files[0], empty())
        for number, operator in enumerate(operators):
            files.append(work / f"{label.replace(' ', '-').replace(',', '')}-{number}.tflite")
            write_bytes(files[-1], file_of(operator, dtype))
        taken = take(files, device, protocol, None, command)
        for file in files:
            file.unlink()
        call = taken.time(0)
        samples = tuple(
            _sample(operator, dtype, taken, 1 + number, call.value)
            for number, operator in enumerate(operators)
        )
        costs = costs.at_version(version_of(taken), path)
        costs = replace(costs, call=costs.call or call.value, operators=(*costs.operators, *samples))
        keep(costs)
        done += len(operators)
    for dtype in dict.fromkeys(label.partition(" ")[0] for label in wanted):
        if any(row.dtype == dtype for row in costs.chains):
            continue
        if progress is not None:
            progress(total, total, f"{dtype} chains")
        costs = _with_chains(costs, dtype, device, protocol, work, path, command)
        keep(costs)
    if progress is not None:
        progress(total, total, "")
    return costs


def _with_chains(
    costs: OperatorCosts, dtype: str, device: Device, protocol: Protocol, work: Path, path: Path, command: Sequence[str]
) -> OperatorCosts:  # fmt: skip
    files = [work / "empty.tflite", *(work / f"chain-{length}.tflite" for length in CHAINS)]
    for file, content in zip(files, (empty(), *(chain(length, dtype) for length in CHAINS)), strict=True):
        write_bytes(file, content)
    taken = take(files, device, protocol, None, command)
    for file in files:
        file.unlink()
    call = taken.time(0).value
    made = []
    for place, length in enumerate(CHAINS):
        time = taken.time(1 + place)
        low, ns, high = (max(value - call, LEAST) for value in (time.low, time.value, time.high))
        valid = valid_at(taken, 1 + place)
        made.append(ChainSample(dtype, length * STREAM_BYTES, ns, low, high, valid))
    return replace(costs.at_version(version_of(taken), path), chains=(*costs.chains, *made))


def version_of(taken: Times) -> str:
    """The release of the runtime that was timed."""
    record = taken.record
    return (
        record.runs[0].runtime_version
        if isinstance(record, Measurement)
        else record.series[0].runtime_version
    )


def valid_at(taken: Times, index: int) -> bool:
    """Whether nothing speaks against a time; a modelled one has nothing that could."""
    result = taken.result(index)
    return result is None or result.valid


def _sample(operator: Operator, dtype: str, taken: Times, index: int, call: float) -> OperatorSample:
    time = taken.time(index)
    alone = [max((value - call) / REPEATED, LEAST) for value in (time.low, time.value, time.high)]
    return OperatorSample(operator, dtype, alone[1], alone[0], alone[2], valid_at(taken, index))


@dataclass(frozen=True)
class Fitted:
    """Costs of a kind of work.

    Attributes:
        width: output channels of a tile.
        costs: nanoseconds of each of the terms.
        misses: relative errors of the operators that they were fitted to, without sign.
    """

    width: int
    costs: tuple[float, ...]
    misses: tuple[float, ...]


class Predictor:
    """Times of operators and networks by a table of costs."""

    def __init__(self, costs: OperatorCosts) -> None:
        by_work: dict[tuple[str, str], list[OperatorSample]] = defaultdict(list)
        for sample in costs.operators:
            by_work[sample.dtype, sample.operator.work].append(sample)
        self.call = costs.call
        self.fits = {work: fitted(samples) for work, samples in by_work.items()}
        self._known = {(row.dtype, row.operator): row.ns for row in costs.operators}
        self._more = {
            dtype: more([row for row in costs.chains if row.dtype == dtype])
            for dtype in {row.dtype for row in costs.chains}
        }

    def operator(self, operator: Operator, dtype: str) -> float:
        """Nanoseconds of an operator: as timed if it was, else by the costs of its kind of work, which must be there."""
        known = self._known.get((dtype, operator))
        if known is not None:
            return known
        fit = self.fits[dtype, operator.work]
        return max(LEAST, float(np.dot(terms(operator, fit.width), fit.costs)))

    def network(self, operators: Iterable[Operator], dtype: str) -> float:
        """Nanoseconds of a network of these operators."""
        rows = list(operators)
        weights = [ITEM_BYTES[dtype] * operator.weights for operator in rows]
        alone = sum(self.operator(operator, dtype) for operator in rows)
        # Large weights did not fit where the operator was timed either.
        there = sum(self.streamed(REPEATED * each, dtype) / REPEATED for each in weights)
        return self.call + alone + max(0.0, self.streamed(sum(weights), dtype) - there)

    def streamed(self, weights: int, dtype: str) -> float:
        """Nanoseconds that ``weights`` bytes of weights take more in one network than each operator's alone."""
        curve = self._more.get(dtype, ())
        if not curve:
            return 0.0
        (near, less), (far, most) = curve[-2:]
        if weights > far:
            return most + max(0.0, most - less) / (far - near) * (weights - far)
        sizes, times = zip(*curve, strict=True)
        return float(np.interp(weights, list(sizes), list(times)))


def correction(ratios: Mapping[Any, float], own: object = None) -> float:
    """The factor of the predictions: the median of what whole networks needed, 1 where these are fewer than :data:`CORRECTING`.

    Args:
        ratios: whole network of the same family, format and target -> its time over its prediction.
        own: a network whose own time is left out, so that the corrected prediction can be held against it; None for the factor of all
            predictions.
    """
    if len(ratios) < CORRECTING:
        return 1.0
    return statistics.median(ratio for network, ratio in ratios.items() if network != own)


def more(chains: Sequence[ChainSample]) -> tuple[tuple[int, float], ...]:
    """What the weights of a chain take more than those of short ones: (bytes, ns), growing; from 0 on."""
    short = min(chains, key=lambda row: row.bytes)
    curve, most = [(0, 0.0), (short.bytes, 0.0)], 0.0
    for row in sorted(chains, key=lambda row: row.bytes):
        if row.bytes > short.bytes:
            most = max(most, row.ns - short.ns * row.bytes / short.bytes)
            curve.append((row.bytes, most))
    return tuple(curve)


def fitted(samples: Sequence[OperatorSample]) -> Fitted:
    """The costs that are nearest to the times of operators of one kind of work, in squared relative error."""
    times = np.array([sample.ns for sample in samples])
    best: tuple[float, Fitted] | None = None
    for width in WIDTHS:
        rows: npt.NDArray[Any] = np.array(
            [terms(sample.operator, width) for sample in samples], np.float64
        )  # Of numbers beyond 64 bits numpy makes objects otherwise.
        rates = rows / times[:, None]
        scales = rates.max(axis=0, initial=1e-300)
        costs = not_negative(rates / scales) / scales
        misses = np.abs(rows @ costs / times - 1)
        total = float((misses**2).sum())
        if best is None or total < best[0] - 1e-9:
            best = total, Fitted(width, tuple(costs.tolist()), tuple(misses.tolist()))
    assert best is not None
    return best[1]


def terms(operator: Operator, width: int) -> tuple[float, ...]:
    """How often each cost is in an operator.

    A call, a product in tiles of ``width`` channels, a value written (of a convolution, a tile at one place), one read, a
    weight, a group at one place.
    """
    written = operator.positions * operator.outputs
    read = operator.positions * operator.stride**2 * operator.inputs
    if operator.kind in (CONVOLUTION, DENSE):
        each = -(-operator.outputs // (operator.groups * width)) * width * operator.groups
        products = operator.positions * each * operator.taps * (operator.inputs // operator.groups)
        written = operator.positions * each // width
    elif operator.kind == DEPTHWISE:
        products = operator.positions * operator.taps * -(-operator.outputs // width) * width
    else:
        products = operator.positions * operator.taps * operator.outputs
    groups = operator.groups if operator.kind == CONVOLUTION and operator.groups > 1 else 0
    return 1, products, written, read, operator.weights, operator.positions * groups
