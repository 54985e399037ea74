"""``mobilecnn search``."""

import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mobilecnn.cli import options, parameters, proposals, sections, suggestions
from mobilecnn.cli.measured import refuse_clockless
from mobilecnn.cli.output import FOLDER, data, document, json_option, lock, progress, prose, table, talk, then

if TYPE_CHECKING:
    from mobilecnn.bench.devices.seam import Device
    from mobilecnn.bench.records.chips import Chip
    from mobilecnn.bench.records.protocol import OnPhone
    from mobilecnn.found_networks import Candidate, Errors, Found
    from mobilecnn.steps import Progress

FORMATS = ("float32", "float16", "int8")


@sections.command()
@click.argument("family", type=suggestions.FAMILY)
@click.option(
    "--budget",
    type=parameters.DURATION,
    required=True,
    metavar="TIME",
    help="Take at most this time for an inference; with its unit: 20ms, 800us.",
)
@options.device
@options.phone
@options.runtime
@options.part_rounds("operator and network")
@click.option(
    "--format", "formats", type=click.Choice(FORMATS), multiple=True, help="Take only this format; may be repeated.  [default: float32, int8]",
)  # fmt: skip
@click.option(
    "--size", "sides", type=options.SIZE, multiple=True, metavar="SIDE|WIDTHxHEIGHT",
    help="Take only this input size in pixels, such as 224 or 320x240; may be repeated.  [default: 128, 160, 192, 224, as far as the family has them]",
)  # fmt: skip
@click.option(
    "--width", "widths", type=float, multiple=True, metavar="X",
    help="Take only this width multiplier; may be repeated.  [default: the listed ones, and between them the widest within the budget]",
)  # fmt: skip
@click.option(
    "--max-macs", type=float, metavar="M", help="Take only networks of at most M million multiply-adds."
)
@click.option(
    "--max-params", type=float, metavar="M", help="Take only networks of at most M million parameters."
)
@click.option(
    "--check", type=click.IntRange(min=0), default=3, show_default=True,
    help="Time this many of the networks found of each format whole, exported; three or more correct the predictions.",
)  # fmt: skip
@click.option(
    "--target", type=suggestions.TARGET, default="any", show_default=True, metavar="TARGET",
    help="Make the files for this target, as `mobilecnn export --target` does.",
)  # fmt: skip
@click.option(
    "-o", "--output", type=options.FILE,
    help=f"Write the table of costs here; one that is there is continued, and nothing in it timed again.  [default: {FOLDER}/"
    "operators-DEVICE-RUNTIME-THREADS.json]",
)  # fmt: skip
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    family: str,
    budget: float,
    device_name: str,
    phone: "OnPhone | None",
    runtime: str,
    threads: int,
    rounds: int,
    seconds: float,
    seed: int,
    formats: tuple[str, ...],
    sides: tuple[int | tuple[int, int], ...],
    widths: tuple[float, ...],
    max_macs: float | None,
    max_params: float | None,
    check: int,
    target: str,
    output: Path | None,
    as_json: bool,
) -> None:
    """The networks of a family that meet a latency budget on a device.

    FAMILY is a family of the zoo, such as mobilenet_v1. What its operators cost on the device is timed for some of them, on
    an emulated chip modelled, and fitted for the others; the time of a network is the sum. Shown are those within the budget
    that no other one of their format beats. Some of each format are exported and timed whole; what these take corrects the
    predictions, and the errors without and with that are said.

    \b
    Example:
      mobilecnn search mobilenet_v1 --budget 20ms --device pi4
      mobilecnn search shufflenet_v1 --budget 10ms --device emulated-pi4 --size 224 --format int8
    """
    from mobilecnn import searching
    from mobilecnn.bench.devices.registry import device
    from mobilecnn.bench.records.operator_costs import OperatorCosts
    from mobilecnn.bench.records.protocol import Protocol
    from mobilecnn.files import check_file, check_writable, exists
    from mobilecnn.found_networks import FORMATS, Wanted

    path = output or FOLDER / f"operators-{_word(device_name)}-{runtime}-{threads}.json"
    if output is None:
        check_writable(FOLDER)
    if exists(path):
        OperatorCosts.read(path)  # What is none is said before anything is done.
    check_file(path)
    lock(path)
    wanted = Wanted(
        family=family,
        budget=budget,
        formats=tuple(dict.fromkeys(formats)) or FORMATS,
        sides=tuple(dict.fromkeys(sides)),
        widths=tuple(dict.fromkeys(widths)),
        max_macs=max_macs,
        max_params=max_params,
        check=check,
        target=target,
    )
    searching.check(wanted)
    where = device(device_name, runtime, phone, talk)
    refuse_clockless(ctx, where, threads)
    protocol = Protocol(
        rounds=rounds,
        threads=threads,
        runtime=runtime,
        seed=seed,
        seconds=seconds,
        warmup_seconds=seconds / 2,
    )
    with where, _Bars() as bars:
        found = searching.search(wanted, where, protocol, path, bars.begin, sys.argv[1:], talk)
    if as_json:
        document({"record": str(path), **found.to_json()})
        return
    data(_front(found))
    for line in _lines(found, where):
        prose(line)
    if found.costs.doubtful:
        talk(
            f"Note: something speaks against {found.costs.doubtful} of the times in {path}, such as other work on the device; "
            "when that has ended, name another file with -o, and they are taken anew"
        )
    data(f"Costs of operators: {path}")
    then(*_proposal(found))


def _proposal(found: "Found") -> tuple[str, str]:
    """Export the first network of the table about which nothing is undecided, or else the first."""
    from mobilecnn.quantize import formats as known

    undecided = found.undecided
    first = next((row for row in found.front if row not in undecided), found.front[0])
    size, target = _size(first), found.wanted.target
    calibration = ("--calibration", "random") if known.named(first.format).needs_calibration else ()
    chosen = () if target == "any" else ("--target", target)
    words = (
        "export",
        str(first.name),
        "--size",
        size,
        f"--{first.format}",
        *calibration,
        *chosen,
        "-o",
        "out",
    )
    return proposals.line(*words), "a file of it to time, before any training"


def _word(name: str) -> str:
    """A device's name as a part of a file's."""
    return re.sub(r"[^A-Za-z0-9_.-]+", "-", name)[:60]


class _Bars(ExitStack):
    """Progress bars, one after the other."""

    def begin(self, label: str) -> "Progress":
        """End the bar before, and begin one."""
        self.close()
        update: Progress = self.enter_context(progress(label))
        return update


def _front(found: "Found") -> Any:
    times = found.costs.times
    header = [
        "network", "size", "format", "predicted ms", f"{times} ms", "multiply-adds M", "parameters M", "top-1 %",
    ]  # fmt: skip
    return table(header, [_cells(row) for row in found.front], left=1)


def _cells(row: "Candidate") -> list[str]:
    return [
        str(row.name),
        _size(row),
        row.format,
        f"{row.predicted / 1e6:.3g}",
        "-" if row.whole is None else f"{row.whole.ns / 1e6:.3g}",
        f"{row.network.macs / 1e6:.2f}",
        f"{row.network.params / 1e6:.3f}",
        "-" if row.top1 is None else f"{row.top1:g}",
    ]


def _lines(found: "Found", where: "Device") -> Iterator[str]:
    import statistics

    from mobilecnn.bench.devices.seam import CanCount
    from mobilecnn.bench.pages import remarks
    from mobilecnn.remarks import plural

    yield within(found)
    for name, what in found.left_out.items():
        yield f"{name} is left out: nothing is known of what {what} costs"
    operators, error = plural(len(found.fit_errors), "operator"), statistics.median(found.fit_errors)
    yield f"predicted from {operators}, {found.costs.times} alone, to which costs are fitted: median error {error:.1%}"
    yield from sources(found)
    if isinstance(where, CanCount):
        chip = where.time_model().chip
        yield f"{remarks.modelled_on(chip)}; {remarks.model_errors(chip)}"
        yield from _untried(found, chip)
        yield from uncorrected(found, chip)
    yield from errors(found)


def within(found: "Found") -> str:
    """How many of the networks are within the budget: as timed whole, as predicted, and by their sums alone."""
    from mobilecnn.found_networks import duration

    wanted, rows = found.wanted, found.within
    whole = sum(row.whole is not None for row in rows)
    said = f"{len(rows)} of {len(found.candidates)} networks and formats of {wanted.family}"
    budget = f"{duration(wanted.budget)} or less"
    shown = f"shown are the {len(found.front)} that no other one of their format beats"
    if all(row.whole is None for row in found.candidates) and not any(
        held.factor != 1.0 for held in found.held.values()
    ):
        return f"{said} are predicted to take {budget}; {shown}"
    summed = sum(row.summed <= wanted.budget for row in found.candidates)
    return (
        f"{said} take {budget}, {whole} as timed whole and {len(rows) - whole} as predicted ({summed} by the sums of their "
        f"operators alone); {shown}"
    )


def sources(found: "Found") -> Iterator[str]:
    """Who published the accuracies that are shown, a line for each source."""
    networks: dict[str, dict[str, None]] = {}
    for row in found.front:
        if row.top1 is not None:
            networks.setdefault(row.top1_source, {})[str(row.name)] = None
    for source, names in networks.items():
        of = "" if len(networks) == 1 else f" of {', '.join(names)}"
        yield f"top-1{of}: as published for float32: {source}"


def _untried(found: "Found", chip: "Chip") -> Iterator[str]:
    """That no published time of a chip speaks for the types that some of the formats compute in."""
    from mobilecnn.bench.judge.modelled import untried
    from mobilecnn.bench.pages import remarks
    from mobilecnn.bench.records.chips import CHECKS

    checks = CHECKS.get(chip.name)
    forms = {} if checks is None else {form: untried(form, checks.types) for form in _shown(found)}
    for dtype in dict.fromkeys(filter(None, forms.values())):
        yield f"not validated {remarks.untried(chip, dtype)}: {', '.join(form for form in forms if forms[form] == dtype)}"


def uncorrected(found: "Found", chip: "Chip") -> Iterator[str]:
    """That the sums of the formats that nothing corrects are too short on a chip, where they are."""
    from mobilecnn.bench.pages import remarks
    from mobilecnn.found_networks import DTYPES

    forms = [form for form in _shown(found) if found.held[form].left_out is None]
    said = remarks.sum_errors(chip, (DTYPES[form] for form in forms))
    if forms and said:
        yield f"not corrected, {', '.join(forms)}: {said}; --check 3 corrects them"


def errors(found: "Found") -> Iterator[str]:
    """How far the sums and the predictions were off where networks were timed whole, who is over the budget, and who may be."""
    from mobilecnn.found_networks import duration

    if not any(held.ratios for held in found.held.values()):
        yield "no network was timed whole, so that nothing says how far the predictions are off; give --check"
        return
    for form in _shown(found):
        yield _held(form, found)
    for row in found.over:
        yield f"over the budget when timed: {row.name} at {_size(row)} {row.format}, {duration(row.time)}"
    budget = duration(found.wanted.budget)
    for row in found.undecided:
        # Below the budget more checks time it; above it nothing here does.
        may = (
            f"may take more than {budget}; a larger --check times it"
            if row in found.front
            else f"may take {budget} or less; not shown: export it, and time it with `mobilecnn bench`"
        )
        yield f"undecided: {row.name} at {_size(row)} {row.format}, predicted to take {duration(row.predicted)}, {may}"


def _shown(found: "Found") -> list[str]:
    return list(dict.fromkeys(row.format for row in found.front))


def _held(form: str, found: "Found") -> str:
    from mobilecnn.bench.timing.operator_costs import CORRECTING
    from mobilecnn.remarks import plural

    held = found.held[form]
    if held.errors is None:
        return f"{form}: no network was timed whole, so that nothing says how far the predictions are off"
    said = f"{form}, sums of operators against {plural(len(held.ratios), 'whole network')} {found.costs.times}: {_errors(held.errors)}"
    if held.left_out is None:
        lacking = (
            f" against whose times nothing speaks, as something does against {len(held.doubtful)} of these"
            if held.doubtful
            else f" (--check {CORRECTING})"
        )
        return f"{said}; not corrected, which takes {CORRECTING}{lacking}"
    said += f"; each corrected by the others: {_errors(held.left_out)}"
    if held.factor == 1.0:
        return f"{said}; that is no better, so that nothing is corrected: whether it should be is undecided"
    return f"{said}; all predictions are these sums times {held.factor:.2f}"


def _errors(errors: "Errors") -> str:
    bias = f"{errors.bias:+.1%}"
    way = "" if not float(bias[:-1]) else " (too short)" if errors.bias < 0 else " (too long)"
    return f"median error {errors.median:.1%}, bias {bias}{way}, largest {errors.largest:.1%}"


def _size(row: "Candidate") -> str:
    from mobilecnn.train.zoo.candidates import size_text

    return size_text(row.network.size)
