"""``mobilecnn tune``."""

import sys
from dataclasses import asdict, astuple
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
    "places",
    "median error",
)

DTYPES = ("float32", "int8")

NETWORKS = {
    "routes": "ShuffleNet V2 with channels routed",
    "packs": "MobileNet V1 with several outputs or places as one",
    "packed_routes": "ShuffleNet V2 with channels routed, both with several places as one",
}
"""Members of :class:`~mobilecnn.bench.timing.network_forms.Shares`, and what they are called."""


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
@click.option("--fresh", is_flag=True, help="Measure again what was tuned before, and keep the new table.")
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
    fresh: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    """What the forms of an operator cost on a device, for export to choose by.

    Pointwise convolutions, grouped and dense, and channel shuffles are timed in the order of whole
    ShuffleNets, and in int8 first convolutions, on an emulated chip modelled, and a table of costs is
    fitted to them. A ShuffleNet V2 and in int8 a MobileNet V1 are then timed in two forms each, to choose
    what no table tells of. A table of the same device, runtime, type and number of threads is kept, and taken again the next time.

    \b
    Example:
      mobilecnn tune --device pi4 -o pi4-costs.json
      mobilecnn export digits.keras --int8 --calibration digits --target pi4-costs.json
    """
    from mobilecnn.bench.devices.registry import device
    from mobilecnn.bench.records.protocol import Protocol
    from mobilecnn.bench.timing import kept_costs, network_forms
    from mobilecnn.bench.timing.tuning import tune
    from mobilecnn.convert.lowering.costs import Costs, check_name
    from mobilecnn.errors import EnvironmentProblem, OutputError
    from mobilecnn.files import temporary_folder
    from mobilecnn.quantize.float_choice import PACKAGE
    from mobilecnn.records import check_free

    if output is not None and output.name:  # An empty name is refused below, as everywhere.
        check_name(output)
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
        wanted = {dtype: kept_costs.key(where, protocol, dtype) for dtype in dtypes or DTYPES}
        found = {dtype: None if fresh else kept_costs.kept(key, protocol) for dtype, key in wanted.items()}
        there = {dtype: table for dtype, table in found.items() if table is not None}
        missing = [dtype for dtype in wanted if dtype not in there]
        tuned = tune(where, protocol, missing, work, update, sys.argv[1:]) if missing else {}
    for dtype, table_kept in there.items():
        talk(
            f"Note: {dtype}: the table tuned on {table_kept.created[:10]} of this device, runtime and number of threads is taken "
            "again; --fresh measures anew"
        )
    for dtype, fit in tuned.items():
        try:
            kept_costs.keep(wanted[dtype], protocol, fit)
        except (EnvironmentProblem, OutputError) as error:  # The record is what was asked for.
            talk(f"Note: the table of {dtype} is not kept for the next time: {error}")
    fits = {dtype: there[dtype].fit if dtype in there else tuned[dtype] for dtype in wanted}
    title = f"{device_name} ({runtime}, {threads} thread{'' if threads == 1 else 's'})"
    routes, packs = network_forms.gains(fit.shares for fit in fits.values())
    costs = Costs(
        title,
        {dtype: (fit.table,) for dtype, fit in fits.items()},
        routes=routes,
        delegated=runtime != PACKAGE,
        packs=packs,
    )
    costs.write(record)
    if as_json:
        document(
            {
                "record": str(record),
                **costs.to_json(),
                "errors": {name: fit.error for name, fit in fits.items()},
                "shares": {name: asdict(fit.shares) for name, fit in fits.items()},
                "kept": {name: table_kept.created for name, table_kept in there.items()},
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
    for member, what in NETWORKS.items():
        shares = {dtype: getattr(fit.shares, member) for dtype, fit in fits.items()}
        known = [f"{share} in {dtype}" for dtype, share in shares.items() if share is not None]
        if known:
            data(f"{what} takes, of the time without: {', '.join(known)}")
    data(f"Chosen: route_channels {_yes(routes)}, several outputs or places as one {_yes(packs)}")
    data(f"Costs in ns: {record}")
    dtype = "int8" if "int8" in fits else "float32"
    then(
        proposals.line(
            "export", "shufflenet_v1_x0.5_g3", f"--{dtype}", "--calibration", "random", "--target", record, "--explain", "-o",
            "out",
        ),
        "the forms that these costs choose, in a network that has the choice",
    )  # fmt: skip


def _yes(chosen: bool) -> str:
    return "yes" if chosen else "no"
