"""The networks of a family that meet a latency budget on a device: predicted from what their operators cost there."""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mobilecnn.bench.devices.claims import claimed
from mobilecnn.bench.devices.seam import CanCount, CanFindRuntimes, Device
from mobilecnn.bench.records.operator_costs import (
    MEASURED,
    MODELLED,
    OperatorCosts,
    WholeSample,
)
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing.operator_costs import (
    Predictor,
    chosen,
    complete,
    correction,
    valid_at,
    version_of,
)
from mobilecnn.bench.timing.taking import adapted
from mobilecnn.bench.timing.times import take
from mobilecnn.convert.lowering.costs import ANY, Costs, costs_of
from mobilecnn.convert.lowering.planned import planned
from mobilecnn.errors import CheckFailed, UsageError
from mobilecnn.files import exists, sha256, temporary_folder, write_json
from mobilecnn.found_networks import DTYPES, Candidate, Found, Wanted, duration, front
from mobilecnn.networks import exporter
from mobilecnn.steps import Progress, Say, no_say
from mobilecnn.train import zoo
from mobilecnn.train.operators import Network, Operator, UnknownOperator, network
from mobilecnn.train.zoo import candidates
from mobilecnn.train.zoo.candidates import Size, size_text
from mobilecnn.train.zoo.names import ModelName


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
    """Time what operators of the family cost, predict its networks, and time some of them whole.

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
    made: dict[tuple[str, Size], tuple[ModelName, Network]] = {}
    left_out: dict[str, str] = {}
    for number, (name, side) in enumerate(names):
        update(number, len(names), str(name))
        try:
            built = network(str(name), side)
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
    sums = Predictor(costs)
    predictor = _Corrected(sums, _ratios(sums, costs, made, wanted))
    rows = [row for name, built in made.values() for row in _candidates(name, built, predictor, wanted)]
    if candidates.scalable(family) and not wanted.widths:
        rows += _between(rows, [_width(name) for name, _ in names], predictor, wanted)
    rows.sort(key=lambda row: (-row.predicted, str(row.name)))
    best = front([row for row in rows if row.predicted <= wanted.budget])
    errors = _fit_errors(rows, sums, wanted)
    found = Found(
        wanted,
        costs,
        tuple(rows),
        best,
        fit_errors=errors,
        corrections=predictor.corrections(),
        left_out=left_out,
    )
    if not best:
        raise CheckFailed(_nothing(found))
    return _checked(found, device, protocol, keep, path, progress, command)


def table(path: Path, device: Device, protocol: Protocol) -> OperatorCosts:
    """The table of costs of a file, or an empty one where there is no file.

    Raises:
        InputError: the file is something else.
        CheckFailed: it is of another device, runtime, release of it, or number of threads.
    """
    facts, chip = device.probe(), ""
    if isinstance(device, CanCount):
        model = device.time_model()
        chip = f"{model.chip.title} at {model.chip.gigahertz:g} GHz, as LLVM {model.llvm} models it"
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
class _Corrected:
    """Predictions of networks, corrected by whole ones.

    Attributes:
        sums: predicts them from their operators.
        ratios: format -> name and side of each whole network of the family -> its time over that prediction.
    """

    sums: Predictor
    ratios: Mapping[str, Mapping[tuple[str, Size], float]]

    def network(self, name: str, built: Network, form: str, wanted: Wanted) -> float:
        """Nanoseconds of a network in a format."""
        dtype = DTYPES[form]
        alone = self.sums.network(_planned(built, dtype, wanted), dtype)
        return alone * correction(self.ratios[form], (name, built.size))

    def corrections(self) -> dict[str, tuple[int, float]]:
        """What :class:`~mobilecnn.found_networks.Found` has of them."""
        made = {form: (len(ratios), correction(ratios)) for form, ratios in self.ratios.items()}
        return {form: row for form, row in made.items() if row[1] != 1.0}


def _ratios(
    sums: Predictor, costs: OperatorCosts, made: Mapping[tuple[str, Size], tuple[ModelName, Network]], wanted: Wanted
) -> dict[str, dict[tuple[str, Size], float]]:  # fmt: skip
    """The ratios of :class:`_Corrected`; of times that nothing speaks against."""
    target = target_label(wanted.target)
    ratios: dict[str, dict[tuple[str, Size], float]] = {form: {} for form in wanted.formats}
    for row in costs.wholes:
        if row.format not in ratios or row.target != target or not row.valid:
            continue
        if zoo.parse(row.network).family.name != wanted.family:
            continue
        key, dtype = (row.network, row.image), DTYPES[row.format]
        operators = _planned(made[key][1] if key in made else network(*key), dtype, wanted)
        if all((dtype, operator.work) in sums.fits for operator in operators):
            ratios[row.format][key] = row.ns / sums.network(operators, dtype)
    return ratios


def _candidates(name: ModelName, built: Network, predictor: _Corrected, wanted: Wanted) -> list[Candidate]:
    known = zoo.stored_counts().get(str(name))
    top1, source = None, ""
    if known is not None and known.top1 is not None and known.height == built.size:
        # Behind the semicolon stands who published the multiply-adds, where that is another.
        top1, source = known.top1, known.source.partition("; multiply-adds: ")[0]
    return [
        Candidate(
            name, built, form, predictor.network(str(name), built, form, wanted), top1, top1_source=source
        )
        for form in wanted.formats
    ]


def _fit_errors(rows: Iterable[Candidate], predictor: Predictor, wanted: Wanted) -> tuple[float, ...]:
    """The relative errors of the operators of those kinds of work that the candidates have, without sign."""
    used = {
        (dtype, operator.work)
        for dtype, built in {(DTYPES[row.format], row.network) for row in rows}
        for operator in _planned(built, dtype, wanted)
    }
    return tuple(miss for work in sorted(used) for miss in predictor.fits[work].misses)


def _between(
    rows: Sequence[Candidate], listed: Sequence[float], predictor: _Corrected, wanted: Wanted
) -> list[Candidate]:
    """The widest networks that are allowed and within the budget, in steps of :data:`~mobilecnn.train.zoo.candidates.STEP`.

    Of every form, side and format, with the networks that the bisection met on its way.
    """
    series: dict[object, Candidate] = {}
    for row in sorted(rows, key=lambda row: _width(row.name)):
        if row.predicted <= wanted.budget:
            series[candidates.form(row.name), row.network.size, row.format] = row
    made: dict[tuple[str, Size, str], Candidate] = {}
    for row in series.values():
        wider = [width for width in listed if width > _width(row.name)]
        low, high = (round(width / candidates.STEP) for width in (_width(row.name), min(wider, default=0)))
        while high - low > 1:
            middle = (low + high) // 2
            found = _at(row.name, round(candidates.STEP * middle, 4), row.network.size, predictor, wanted)
            made.update({(str(each.name), each.network.size, each.format): each for each in found})
            if any(each.format == row.format and each.predicted <= wanted.budget for each in found):
                low = middle
            else:
                high = middle
    known = {(str(row.name), row.network.size, row.format) for row in rows}
    return [row for key, row in made.items() if key not in known]


def _width(name: ModelName) -> float:
    return candidates.width_of(name) or 0.0


def _at(name: ModelName, width: float, side: Size, predictor: _Corrected, wanted: Wanted) -> list[Candidate]:
    """A network at another width in every format; none where it cannot be built, or has too many multiply-adds or parameters."""
    other = candidates.at(name, width, side)
    if other is None or not _allowed(built := network(str(other), side), wanted):
        return []
    return _candidates(other, built, predictor, wanted)


def _nothing(found: Found) -> str:
    nearest = min(found.candidates, key=lambda row: row.predicted)
    return (
        f"no network of {found.wanted.family} is predicted to take {duration(found.wanted.budget)} or less; the nearest of "
        f"{len(found.candidates)} is {nearest.name} at {size_text(nearest.network.size)} pixels in {nearest.format} with "
        f"{duration(nearest.predicted)}. Give a longer --budget, or smaller networks with --width and --size"
    )


def _checked(
    found: Found,
    device: Device,
    protocol: Protocol,
    keep: Callable[[OperatorCosts], None],
    path: Path,
    progress: Callable[[str], Progress],
    command: Sequence[str],
) -> Found:
    """With some networks of the front timed whole: the slowest, the fastest, and between them."""
    picked = _spread(found.front, found.wanted.check)
    target = target_label(found.wanted.target)
    costs, update = found.costs, progress("Timing whole networks")
    for number, row in enumerate(picked):
        update(number, len(picked), f"{row.name} {row.format}")
        name, side = str(row.name), row.network.size
        if costs.whole(name, side, row.format, target) is None:
            costs = timed_whole(
                costs, name, side, row.format, device, protocol, path, command, found.wanted.target
            )
            keep(costs)
    if picked:
        update(len(picked), len(picked), "")

    def with_whole(row: Candidate) -> Candidate:
        return replace(row, whole=costs.whole(str(row.name), row.network.size, row.format, target))

    front_rows = tuple(with_whole(row) for row in found.front)
    return replace(
        found,
        costs=costs,
        front=front_rows,
        checked=tuple(row for row in front_rows if row.whole is not None),
    )


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
