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
    from mobilecnn.bench.records.protocol import OnPhone
    from mobilecnn.found_networks import Candidate, Found
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
    help="Time this many of the networks found whole, exported.",
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
    that no other one of their format beats. Some are exported and timed whole, and the error of the prediction is said.

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
    """Export the first network of the table that was not over the budget when it was timed whole."""
    from mobilecnn.quantize import formats as known
    from mobilecnn.train.zoo.candidates import size_text

    within = (row for row in found.front if row.whole is None or row.whole.ns <= found.wanted.budget)
    first = next(within, found.front[0])
    size, target = size_text(first.network.size), found.wanted.target
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
    from mobilecnn.train.zoo.candidates import size_text

    return [
        str(row.name),
        size_text(row.network.size),
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
    from mobilecnn.found_networks import duration
    from mobilecnn.remarks import plural

    wanted = found.wanted
    yield (
        f"{found.within} of {len(found.candidates)} networks and formats of {wanted.family} are predicted to take "
        f"{duration(wanted.budget)} or less; shown are the {len(found.front)} that no other one of their format beats"
    )
    for name, what in found.left_out.items():
        yield f"{name} is left out: nothing is known of what {what} costs"
    operators, error = plural(len(found.fit_errors), "operator"), statistics.median(found.fit_errors)
    yield f"predicted from {operators}, {found.costs.times} alone, to which costs are fitted: median error {error:.1%}"
    yield from sources(found)
    for form, (networks, factor) in found.corrections.items():
        whole = plural(networks, "whole network")
        yield f"{form}: multiplied by {factor:.2f}, as {whole} of the family in the table took over the sum of the operators"
    if isinstance(where, CanCount):
        chip = where.time_model().chip
        yield f"{remarks.modelled_on(chip)}; {remarks.model_errors(chip)}"
    yield from errors(found)


def sources(found: "Found") -> Iterator[str]:
    """Who published the accuracies that are shown, a line for each source."""
    networks: dict[str, dict[str, None]] = {}
    for row in found.front:
        if row.top1 is not None:
            networks.setdefault(row.top1_source, {})[str(row.name)] = None
    for source, names in networks.items():
        of = "" if len(networks) == 1 else f" of {', '.join(names)}"
        yield f"top-1{of}: as published for float32: {source}"


def errors(found: "Found") -> Iterator[str]:
    """How far the prediction was off where a network was timed whole."""
    import statistics

    from mobilecnn.found_networks import duration
    from mobilecnn.remarks import plural

    bias = found.bias
    if bias is None:
        yield "no network was timed whole, so that nothing says how far the predictions are off; give --check"
        return
    count = plural(len(found.checked), "whole network")
    way = "predicted too short" if bias < 0 else "predicted too long"
    yield (
        f"predicted against {found.costs.times}, {count}: median error {statistics.median(found.errors):.1%}, bias {bias:+.1%} "
        f"({way}), largest {max(found.errors):.1%}"
    )
    budget = found.wanted.budget
    for row in found.checked:
        if row.whole is not None and row.whole.ns > budget:
            yield f"over the budget when timed: {row.name} {row.format}, {duration(row.whole.ns)}"
