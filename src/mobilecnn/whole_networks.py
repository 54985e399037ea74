"""Whole networks of a search: which are timed, what they say of the sums of their operators, and timing one."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from mobilecnn.bench.devices.seam import Device
from mobilecnn.bench.records.operator_costs import OperatorCosts, WholeSample
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing.operator_costs import CORRECTING, Predictor, valid_at, version_of
from mobilecnn.bench.timing.times import take
from mobilecnn.convert.lowering.costs import ANY, costs_of
from mobilecnn.convert.lowering.planned import planned
from mobilecnn.files import sha256, temporary_folder
from mobilecnn.found_networks import DTYPES, Candidate, Held, Wanted
from mobilecnn.networks import exporter
from mobilecnn.train import zoo
from mobilecnn.train.operators import Network
from mobilecnn.train.zoo.candidates import Size

FARTHEST = 2.0
"""Largest ratio of a network's time to the budget at which it is timed whole for the sake of a correction alone."""


def held_against(
    sums: Predictor, costs: OperatorCosts, read: Callable[[str, Size], Network], wanted: Wanted
) -> dict[str, Held]:
    """What the whole networks of a family in a table say, by format; those of another target say nothing.

    Args:
        sums: predicts networks from their operators.
        costs: table of costs.
        read: gives the operators of a network at a size.
        wanted: what is searched for.
    """
    target = target_label(wanted.target)
    ratios: dict[str, dict[tuple[str, Size], float]] = {form: {} for form in wanted.formats}
    doubtful: dict[str, set[tuple[str, Size]]] = {form: set() for form in wanted.formats}
    for row in costs.wholes:
        if row.format not in ratios or row.target != target:
            continue
        if zoo.parse(row.network).family.name != wanted.family:
            continue
        key, dtype = (row.network, row.image), DTYPES[row.format]
        operators = planned(read(*key).operators, dtype, costs_of(wanted.target))
        if all((dtype, operator.work) in sums.fits for operator in operators):
            ratios[row.format][key] = row.ns / sums.network(operators, dtype)
            if not row.valid:
                doubtful[row.format].add(key)
    return {form: Held(ratios[form], frozenset(doubtful[form])) for form in wanted.formats}


def to_time(
    front: Sequence[Candidate], rows: Sequence[Candidate], held: Mapping[str, Held], wanted: Wanted
) -> list[Candidate]:
    """The networks to time whole next; none where enough were.

    Of each format of the front so many that ``wanted.check`` of it are timed: the slowest, the fastest, and between them. Where a front is
    too short for a correction, other networks of its format that take about the budget.

    Args:
        front: networks that are shown, the slowest first.
        rows: all networks that were looked at.
        held: format -> whole networks of the family that are in the table.
        wanted: what is searched for.
    """
    picked: list[Candidate] = []
    for form in dict.fromkeys(row.format for row in front):
        shown = [row for row in front if row.format == form]
        left = [row for row in shown if row.whole is None]
        chosen = _spread(left, max(0, wanted.check - (len(shown) - len(left))))
        picked += chosen
        lacking = CORRECTING - len(held[form].ratios) - len(chosen)
        if wanted.check < CORRECTING or lacking < 1:
            continue
        others = [row for row in rows if row.format == form and row.whole is None and row not in shown]
        near = [row for row in others if row.time <= FARTHEST * wanted.budget]
        picked += sorted(near, key=lambda row: abs(math.log(row.time / wanted.budget)))[:lacking]
    return picked


def _spread(rows: Sequence[Candidate], count: int) -> list[Candidate]:
    if count >= len(rows):
        return list(rows)
    if count < 2:
        return list(rows[:count])
    return [rows[round(place * (len(rows) - 1) / (count - 1))] for place in range(count)]


def target_label(target: str) -> str:
    """What tells the files of a target from those of others: the SHA-256 of its costs, which may change under one name.

    Raises:
        UsageError: there is no target of that name.
        InputError: it is a file that has no costs.
    """
    return sha256(json.dumps(costs_of(target).to_json(), sort_keys=True).encode())


def timed_whole(
    costs: OperatorCosts,
    name: str,
    side: Size,
    form: str,
    device: Device,
    protocol: Protocol,
    path: Path,
    command: Sequence[str] = (),
    target: str = ANY,
) -> OperatorCosts:
    """The table with the time of a network, exported with random weights.

    Raises:
        CheckFailed: the device has another release of the runtime than the table; or as
            :func:`mobilecnn.export.export` does.
        EnvironmentProblem, ModelFileError, UsageError: as that and :func:`mobilecnn.bench.timing.times.take` do.
    """
    with temporary_folder() as work:
        made = exporter([form], work, side, target)(name)
        taken = take([made[form]], device, protocol, None, command)
    time = taken.time(0)
    label = target_label(target)
    height, width = (side, None) if isinstance(side, int) else side
    valid = valid_at(taken, 0)
    sample = WholeSample(name, height, form, label, time.value, time.low, time.high, valid, width)
    return replace(costs.at_version(version_of(taken), path), wholes=(*costs.wholes, sample))
