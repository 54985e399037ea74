"""``mobilecnn tune``."""

import sys
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mobilecnn.cli import options, proposals, sections
from mobilecnn.cli.measured import refuse_clockless
from mobilecnn.cli.output import data, document, json_option, lock, progress, record_path, table, talk, then

if TYPE_CHECKING:
    from mobilecnn.bench.records.protocol import OnPhone

HEADER = (
    "type",
    "call",
    "group",
    "tile of",
    "unit of",
    "depth",
    "tile",
    "position",
    "channel",
    "product",
    "output",
    "median error",
)

DTYPES = ("float32", "int8")


@sections.command()
@options.device
@options.phone
@options.runtime
@options.part_rounds("form")
@click.option(
    "--dtype",
    "dtypes",
    type=click.Choice(DTYPES),
    multiple=True,
    help="Measure this type only.  [default: both]",
)
@options.record_output(
    "costs", "Write the table of costs, for export --target, to this file; an existing one is never replaced."
)
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    device_name: str,
    phone: "OnPhone | None",
    runtime: str,
    threads: int,
    rounds: int,
    seconds: float,
    seed: int,
    dtypes: tuple[str, ...],
    output: Path | None,
    as_json: bool,
) -> None:
    """What the forms of an operator cost on a device, for export to choose by.

    Pointwise convolutions, grouped and dense, and channel shuffles are timed in the order of whole
    ShuffleNets, on an emulated chip modelled, and a table of costs is fitted to them.

    \b
    Example:
      mobilecnn tune --device pi4 -o pi4-costs.json
      mobilecnn export digits.keras --int8 --calibration digits --target pi4-costs.json
    """
    from mobilecnn.bench.devices.registry import device
    from mobilecnn.bench.records.protocol import Protocol
    from mobilecnn.bench.timing.tuning import tune
    from mobilecnn.convert.lowering.costs import Costs
    from mobilecnn.files import temporary_folder
    from mobilecnn.records import check_free

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
    record = record_path(output, "costs")
    check_free(record)
    lock(record)
    with where, temporary_folder() as work, progress("Tuning") as update:
        fits = tune(where, protocol, dtypes or DTYPES, work, update, sys.argv[1:])
    title = f"{device_name} ({runtime}, {threads} thread{'' if threads == 1 else 's'})"
    costs = Costs(title, {dtype: (fit.table,) for dtype, fit in fits.items()})
    costs.write(record)
    if as_json:
        document(
            {
                "record": str(record),
                **costs.to_json(),
                "errors": {name: fit.error for name, fit in fits.items()},
            }
        )
        return
    rows = [
        (
            dtype,
            *(f"{value:.3g}" for value in astuple(fit.table)),
            f"{fit.error:.1%}",
        )
        for dtype, fit in fits.items()
    ]
    data(table(HEADER, rows))
    data(f"Costs in ns: {record}")
    dtype = "int8" if "int8" in fits else "float32"
    then(
        proposals.line(
            "export", "shufflenet_v1_x0.5_g3", f"--{dtype}", "--calibration", "random", "--target", record, "--explain", "-o",
            "out",
        ),
        "the forms that these costs choose, in a network that has the choice",
    )  # fmt: skip
