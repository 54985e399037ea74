"""The networks of a family that meet a latency budget on a device: predicted from what their operators cost there."""

import math
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from mobilecnn.bench.devices.claims import claimed
from mobilecnn.bench.devices.seam import CanCount, CanFindRuntimes, Device
from mobilecnn.bench.records.operator_costs import MEASURED, MODELLED, OperatorCosts
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing.operator_costs import Predictor, chosen, complete
from mobilecnn.bench.timing.taking import adapted
from mobilecnn.convert.lowering.costs import Costs, costs_of
from mobilecnn.convert.lowering.planned import planned
from mobilecnn.errors import CheckFailed, UsageError
from mobilecnn.files import exists, temporary_folder, write_json
from mobilecnn.found_networks import DTYPES, Candidate, Found, Held, Wanted, duration, front
from mobilecnn.steps import Progress, Say, no_say
from mobilecnn.train import zoo
from mobilecnn.train.operators import Network, Operator, UnknownOperator, network
from mobilecnn.train.zoo import candidates
from mobilecnn.train.zoo.candidates import Size, size_text
from mobilecnn.train.zoo.names import ModelName
from mobilecnn.whole_networks import held_against, target_label, timed_whole, to_time


def check(wanted: Wanted) -> None:
    """Refuse what cannot be searched for, before anything is loaded.

    Raises:
        UsageError: an unknown family or format, a budget or a limit that is not positive.
        ModelNameError: the family has no such networks.
    """
    if not 0 < wanted.budget < math.inf:
        raise UsageError("the budget must be longer than no time; give one such as 20ms")
    unknown = [name for name in wanted.formats if name not in DTYPES]
    if unknown or not wanted.formats:
        raise UsageError(f"unknown format {''.join(unknown[:1])!r}; choose of {', '.join(DTYPES)}")
    for limit, option in ((wanted.max_macs, "--max-macs"), (wanted.max_params, "--max-params")):
        if limit is not None and not 0 < limit < math.inf:
            raise UsageError(f"{option} must be more than 0 million, or be left out")
    costs_of(wanted.target)
    candidates.networks(candidates.family(wanted.family), wanted.sides, wanted.widths)


def search(
    wanted: Wanted,
    device: Device,
    protocol: Protocol,
    path: Path,
    progress: Callable[[str], Progress],
    command: Sequence[str] = (),
    say: Say = no_say,
) -> Found:
    """Time what operators of the family cost, predict its networks, time some of them whole, and correct the predictions by these.

    Args:
        wanted: what is searched for.
        device: device to time or to count on.
        protocol: protocol of the timing.
        path: file of the table of costs; one that is there is continued, and kept after every step. The caller locks it.
        progress: gives a :data:`mobilecnn.steps.Progress` for a label.
        command: the command line, for the records.
        say: told where nothing keeps another process from timing there meanwhile.

    Raises:
        UsageError, ModelNameError: as :func:`check` does; or what times on the device wants passports.
        InputError: the file is no table of costs.
        CheckFailed: it is of another device, runtime or release, or nothing meets the budget.
        EnvironmentProblem, ModelFileError: as :func:`mobilecnn.bench.timing.times.take` and
            :func:`mobilecnn.export.export` do.
    """
    check(wanted)
    protocol = adapted(device, protocol)
    with claimed(device, say):
        return _search(wanted, device, protocol, path, progress, command)


def _search(
    wanted: Wanted,
    device: Device,
    protocol: Protocol,
    path: Path,
    progress: Callable[[str], Progress],
    command: Sequence[str],
) -> Found:
    costs = table(path, device, protocol)
    family = candidates.family(wanted.family)
    update = progress("Reading networks")
    names = candidates.networks(family, wanted.sides, wanted.widths)
    read = cache(network)
    made: dict[tuple[str, Size], tuple[ModelName, Network]] = {}
    left_out: dict[str, str] = {}
    for number, (name, side) in enumerate(names):
        update(number, len(names), str(name))
        try:
            built = read(str(name), side)
        except UnknownOperator as error:
            left_out[str(name)] = error.what
            if len(left_out) == len({str(each) for each, _ in names}):  # Of the whole family.
                raise
            continue
        if _allowed(built, wanted):
            made[str(name), side] = name, built
    update(len(names), len(names), "")
    if not made:
        raise CheckFailed(
            f"none of the {len(names)} networks of {wanted.family} has so few multiply-adds and parameters; allow more with "
            "--max-macs or --max-params, or smaller ones with --width and --size"
        )

    def keep(changed: OperatorCosts) -> None:
        write_json(path, changed.to_json())

    with temporary_folder() as work:
        operators = {
            f"{dtype} {work_name}": rows
            for dtype in dict.fromkeys(DTYPES[form] for form in wanted.formats)
            for work_name, rows in chosen(
                (operator for _, built in made.values() for operator in _forms(built, dtype, wanted)),
                (row.operator for row in costs.operators if row.dtype == dtype),
            ).items()
        }
        timing = progress("Timing operators")
        costs = complete(costs, operators, device, protocol, work, keep, path, timing, command)
    sums, label = Predictor(costs), ""
    while True:
        found = replace(_predicted(wanted, sums, costs, list(made.values()), names, read), left_out=left_out)
        if not found.front:
            raise CheckFailed(_nothing(found))
        picked = to_time(found.front, found.candidates, found.held, wanted)
        if not picked:
            return found
        # What they took moves the front, and with it what is worth timing.
        label = "Timing further whole networks" if label else "Timing whole networks"
        update = progress(label)
        for number, row in enumerate(picked):
            update(number, len(picked), f"{row.name} {row.format}")
            costs = timed_whole(
                costs, str(row.name), row.network.size, row.format, device, protocol, path, command, wanted.target
            )  # fmt: skip
            keep(costs)
        update(len(picked), len(picked), "")


def _predicted(
    wanted: Wanted,
    sums: Predictor,
    costs: OperatorCosts,
    made: Sequence[tuple[ModelName, Network]],
    names: Sequence[tuple[ModelName, Size]],
    read: Callable[[str, Size], Network],
) -> Found:
    """All networks with their predictions, corrected by the whole ones of the table, and the front of them."""
    predictor = _Predictor(sums, costs, held_against(sums, costs, read, wanted), read)
    rows = [row for name, built in made for row in _candidates(name, built, predictor, wanted)]
    if candidates.scalable(candidates.family(wanted.family)) and not wanted.widths:
        rows += _between(rows, [_width(name) for name, _ in names], predictor, wanted)
        rows += _timed(rows, {side for _, side in names}, predictor, wanted)
    rows.sort(key=lambda row: (-row.time, str(row.name)))
    best = front([row for row in rows if row.time <= wanted.budget])
    errors = _fit_errors(rows, sums, wanted)
    return Found(wanted, costs, tuple(rows), best, errors, predictor.held)


def table(path: Path, device: Device, protocol: Protocol) -> OperatorCosts:
    """The table of costs of a file, or an empty one where there is no file.

    Raises:
        InputError: the file is something else.
        CheckFailed: it is of another device, runtime, release of it, or number of threads.
    """
    facts, chip = device.probe(), ""
    if isinstance(device, CanCount):
        chip = str(device.time_model())
    if exists(path):
        kept = OperatorCosts.read(path)
        kept.check_same(facts, chip, protocol.runtime, protocol.threads, path)
        # Before anything is predicted from it: a search that has all it needs times nothing that would tell.
        if isinstance(device, CanFindRuntimes):
            return kept.at_version(device.version(protocol.runtime), path)
        return kept
    times = MODELLED if chip else MEASURED
    return OperatorCosts(facts, protocol.runtime, "", protocol.threads, times, chip, 0.0, (), (), ())


def _planned(built: Network, dtype: str, wanted: Wanted) -> tuple[Operator, ...]:
    return planned(built.operators, dtype, costs_of(wanted.target))


def _forms(built: Network, dtype: str, wanted: Wanted) -> tuple[Operator, ...]:
    """The operators of a network as they are planned, and with every group as it is: a width between may be written so."""
    return *_planned(built, dtype, wanted), *planned(built.operators, dtype, Costs("no target", {}))


def _allowed(built: Network, wanted: Wanted) -> bool:
    most_macs, most_params = wanted.max_macs, wanted.max_params
    return (most_macs is None or built.macs <= 1e6 * most_macs) and (
        most_params is None or built.params <= 1e6 * most_params
    )


@dataclass(frozen=True)
class _Predictor:
    """Predictions of networks, and what whole ones took.

    Attributes:
        sums: predicts networks from their operators.
        costs: table of costs, with whole networks.
        held: format -> what the whole networks of the family say of these sums.
        read: gives the operators of a network at a size.
    """

    sums: Predictor
    costs: OperatorCosts
    held: Mapping[str, Held]
    read: Callable[[str, Size], Network]

    def candidate(self, name: ModelName, built: Network, form: str, wanted: Wanted) -> Candidate:
        """A network in a format, with its prediction, and its time where it was timed whole."""
        dtype, (top1, source) = DTYPES[form], _published(name, built)
        summed = self.sums.network(_planned(built, dtype, wanted), dtype)
        whole = self.costs.whole(str(name), built.size, form, target_label(wanted.target))
        return Candidate(name, built, form, summed, top1, whole, source, self.held[form].factor)


def _published(name: ModelName, built: Network) -> tuple[float | None, str]:
    """The published accuracy of a network at its own side, and who published it."""
    known = zoo.stored_counts().get(str(name))
    if known is None or known.top1 is None or known.height != built.size:
        return None, ""
    # Behind the semicolon stands who published the multiply-adds, where that is another.
    return known.top1, known.source.partition("; multiply-adds: ")[0]


def _candidates(name: ModelName, built: Network, predictor: _Predictor, wanted: Wanted) -> list[Candidate]:
    return [predictor.candidate(name, built, form, wanted) for form in wanted.formats]


def _fit_errors(rows: Iterable[Candidate], predictor: Predictor, wanted: Wanted) -> tuple[float, ...]:
    """The relative errors of the operators of those kinds of work that the candidates have, without sign."""
    used = {
        (dtype, operator.work)
        for dtype, built in {(DTYPES[row.format], row.network) for row in rows}
        for operator in _planned(built, dtype, wanted)
    }
    return tuple(miss for work in sorted(used) for miss in predictor.fits[work].misses)


def _between(
    rows: Sequence[Candidate], listed: Sequence[float], predictor: _Predictor, wanted: Wanted
) -> list[Candidate]:
    """The widest networks that are allowed and within the budget, in steps of :data:`~mobilecnn.train.zoo.candidates.STEP`.

    Of every form, side and format, with the networks that the bisection met on its way.
    """
    series: dict[object, Candidate] = {}
    for row in sorted(rows, key=lambda row: _width(row.name)):
        if row.time <= wanted.budget:
            series[candidates.form(row.name), row.network.size, row.format] = row
    made: dict[tuple[str, Size, str], Candidate] = {}
    for row in series.values():
        wider = [width for width in listed if width > _width(row.name)]
        low, high = (round(width / candidates.STEP) for width in (_width(row.name), min(wider, default=0)))
        while high - low > 1:
            middle = (low + high) // 2
            found = _at(row.name, round(candidates.STEP * middle, 4), row.network.size, predictor, wanted)
            made.update({(str(each.name), each.network.size, each.format): each for each in found})
            if any(each.format == row.format and each.time <= wanted.budget for each in found):
                low = middle
            else:
                high = middle
    known = {(str(row.name), row.network.size, row.format) for row in rows}
    return [row for key, row in made.items() if key not in known]


def _timed(
    rows: Sequence[Candidate], sides: Container[Size], predictor: _Predictor, wanted: Wanted
) -> list[Candidate]:
    """The networks of these sides that were timed whole and are not among the rows: a corrected bisection meets others."""
    known = {(str(row.name), row.network.size, row.format) for row in rows}
    return [
        predictor.candidate(zoo.parse(name), built, form, wanted)
        for form, held in predictor.held.items()
        for name, side in held.ratios
        if side in sides
        and (name, side, form) not in known
        and _allowed(built := predictor.read(name, side), wanted)
    ]


def _width(name: ModelName) -> float:
    return candidates.width_of(name) or 0.0


def _at(name: ModelName, width: float, side: Size, predictor: _Predictor, wanted: Wanted) -> list[Candidate]:
    """A network at another width in every format; none where it cannot be built, or has too many multiply-adds or parameters."""
    other = candidates.at(name, width, side)
    if other is None or not _allowed(built := predictor.read(str(other), side), wanted):
        return []
    return _candidates(other, built, predictor, wanted)


def _nothing(found: Found) -> str:
    nearest = min(found.candidates, key=lambda row: row.time)
    known, whole = "is predicted to take", ""
    if nearest.whole is not None:
        known, whole = "takes", ", timed whole"
    return (
        f"no network of {found.wanted.family} {known} {duration(found.wanted.budget)} or less; the nearest of "
        f"{len(found.candidates)} is {nearest.name} at {size_text(nearest.network.size)} pixels in {nearest.format} with "
        f"{duration(nearest.time)}{whole}. Give a longer --budget, or smaller networks with --width and --size"
    )
