"""``mobilecnn speedup``."""

import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mobilecnn.cli import options, proposals, sections
from mobilecnn.cli.measured import about, refuse_clockless
from mobilecnn.cli.output import (
    data,
    document,
    json_option,
    lock,
    new_name,
    progress,
    prose,
    table,
    talk,
    then,
)
from mobilecnn.cli.speedup_experiments import SpeedupRequest, decomposition, guidelines, sweep
from mobilecnn.quantize import formats

if TYPE_CHECKING:
    from mobilecnn.bench.papers.speedup import Speedup
    from mobilecnn.bench.records.protocol import OnPhone

# Spelled out here as well, so that --help needs no numpy; a test holds them equal to the tables.
RESOLUTIONS = ("224", "480x640", "720x1280")
DEFAULT = ("float32", "int8")
SWEEPS = ("complexity", "squeeze-excite", "groups")


@sections.command()
@options.device
@options.phone
@options.delegate
@options.cores
@options.runtime
@click.option(
    "--experiment", type=click.Choice(("table8", *SWEEPS, "guidelines", "decomposition")), default="table8",
    show_default=True,
    help="Make this experiment: table8 is the speedup over AlexNet; complexity, squeeze-excite and groups are "
         "the ShuffleNet paper's other claims about time; guidelines are the ShuffleNet V2 paper's four "
         "controlled experiments; decomposition is what kinds of work the time of ShuffleNet V1 and MobileNet "
         "V2 consists of.",
)  # fmt: skip
@click.option(
    "--resolution", "resolutions", multiple=True, type=click.Choice(RESOLUTIONS), default=("224",), show_default=True,
    help="Time table8 at this input size; may be repeated. At the larger ones AlexNet averages its last "
         "feature map to 6 x 6.",
)  # fmt: skip
@click.option(
    "--format", "formats", multiple=True, type=click.Choice(formats.usual()),
    help="Time this format; may be repeated.  [default: float32 and int8 for table8; else float32]",
)  # fmt: skip
@click.option(
    "--threads", default=1, show_default=True, help="Give the runtime this many threads. The papers used one."
)
@click.option("--rounds", default=3, show_default=True, help="Time each file in this many processes.")
@options.seed("the order and the inputs")
@options.allow_wrong_answers
@click.option(
    "-o", "--output", type=options.FILE, default=Path("mobilecnn-speedup"), show_default=True,
    help="Write speedup.png, speedup.json and measurement-*.json into this folder.",
)  # fmt: skip
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    device_name: str,
    phone: "OnPhone | None",
    delegate: str,
    cores: str | None,
    runtime: str,
    experiment: str,
    resolutions: tuple[str, ...],
    formats: tuple[str, ...],
    threads: int,
    rounds: int,
    seed: int,
    allow_wrong_answers: bool,
    output: Path,
    as_json: bool,
) -> None:
    """The ShuffleNet papers' measurements, made anew on a device.

    Builds AlexNet without and with local response normalization (LRN), ShuffleNet V1 0.5x,
    1x, 2x (g=3) and MobileNet V1 at 224, exports them in float32 and int8 with random
    weights, times them, and prints the speedup over either AlexNet that the multiply-adds
    promise beside the one that the device delivers. Right of the bar: the paper's own
    figures. A "!" after a time: INVALID, the reason is below.
    """
    from mobilecnn.bench.devices.registry import device
    from mobilecnn.bench.records.protocol import Protocol
    from mobilecnn.errors import UsageError
    from mobilecnn.extras import require
    from mobilecnn.files import check_writable
    from mobilecnn.replacing import check_picture, check_result

    if experiment != "table8" and resolutions != ("224",):
        raise UsageError(f"--resolution is for table8; {experiment} has sizes of its own")
    if experiment == "guidelines" and (other := set(formats) - set(DEFAULT)):
        raise UsageError(
            f"--format {min(other)} is not for the guidelines, whose networks are written in one of: {', '.join(DEFAULT)}"
        )
    where = device(device_name, runtime, phone, talk)
    refuse_clockless(ctx, where, threads)
    default = DEFAULT if experiment == "table8" else DEFAULT[:1]
    quick: dict[str, Any] = {"seconds": 0.2, "warmup_seconds": 0.1} if experiment == "decomposition" else {}
    protocol = replace(
        Protocol(rounds=rounds, threads=threads, runtime=runtime, seed=seed, delegate=delegate, cores=cores),
        **quick,
    )
    require("a chart", "report")
    check_writable(output)
    lock(output / experiment)
    resolutions = tuple(dict.fromkeys(resolutions))
    kept = "networks" if experiment == "decomposition" else "measurement"
    for stem in map(_stem, resolutions) if experiment == "table8" else [experiment]:
        check_result(output / f"{stem}.json", ("source", kept))
        check_picture(output / f"{stem}.png", "a chart", "-o")
    request = SpeedupRequest(
        where, protocol, tuple(dict.fromkeys(formats)) or default, output, allow_wrong_answers
    )
    with where:
        if experiment == "guidelines":
            content = guidelines(request, as_json)
        elif experiment == "decomposition":
            content = decomposition(request, as_json)
        elif experiment in SWEEPS:
            content = sweep(request, experiment, as_json)
        else:
            contents = [_table8(request, name, as_json) for name in resolutions]
            content = contents[0] if len(contents) == 1 else {"resolutions": contents}
    if as_json:
        document(content)


def _stem(resolution: str) -> str:
    return "speedup" if resolution == RESOLUTIONS[0] else f"speedup-{resolution}"


def _table8(request: SpeedupRequest, resolution: str, as_json: bool) -> dict[str, Any]:
    """Theoretical against actual speedup at one resolution."""
    from mobilecnn.bench.pages import charts, modelled, paper_tables, png
    from mobilecnn.bench.papers import speedup as bench
    from mobilecnn.bench.records.measurement import Measurement
    from mobilecnn.bench.records.published import PUBLISHED_FORMAT
    from mobilecnn.bench.records.published import RESOLUTIONS as SIZES
    from mobilecnn.files import write_bytes, write_json
    from mobilecnn.networks import exporter
    from mobilecnn.records import recording

    record = new_name(request.output, "measurement")
    with (
        tempfile.TemporaryDirectory(prefix="mobilecnn-") as work,
        recording(record) as keep,
        progress("Speedup" if resolution == "224" else f"Speedup at {resolution}") as update,
    ):
        speedup = bench.speedup(
            exporter(request.formats, Path(work), SIZES[resolution]),
            request.device,
            request.protocol,
            update,
            sys.argv[1:],
            formats=request.formats,
            resolution=resolution,
            allow_wrong_answers=request.allow_wrong_answers,
            keep=keep,
            say=talk,
        )
    line = modelled.where(speedup.record)
    stem = _stem(resolution)
    picture = request.output / f"{stem}.png"
    where = "" if resolution == "224" else f", {resolution}"
    is_modelled = not isinstance(speedup.record, Measurement)
    kind = "modelled" if is_modelled else "actual"
    title = f"Theoretical and {kind} speedup over AlexNet{where}\n{line}"
    write_bytes(picture, png.draw([charts.speedups(speedup.rows)], title))
    content = {**speedup.to_json(), "measurement": str(record), "chart": str(picture)}
    write_json(request.output / f"{stem}.json", content)
    if as_json:
        return content
    prose(f"{resolution}: {line}" if where else line)
    rows = [paper_tables.speedup(row) for row in speedup.rows]
    data(table(paper_tables.speedup_header(is_modelled), rows, left=2, spare=paper_tables.SPEEDUP_SPARE))
    for line in [*about(speedup.record), *speedup.notes, *_said(speedup)]:
        prose(line)
    prose(f"Chart: {picture}")
    prose(f"{modelled.kept(speedup.record)}: {record}")
    if resolution == RESOLUTIONS[0] and PUBLISHED_FORMAT in request.formats:
        words = ("tables", "shufflenet-8", "--times", record)
        then(proposals.line(*words), "the whole of the paper's table beside these times")
    else:  # The table is of that size and format.
        then(*proposals.page([record]))
    return content


def _said(speedup: "Speedup") -> list[str]:
    """Why some measured times are INVALID, warnings, and answers that were not verified."""
    from mobilecnn.bench.pages import remarks

    measured = [
        (f"{row.published.label} {row.format}", row.result) for row in speedup.rows if row.result is not None
    ]
    return remarks.results(measured) or remarks.answers(
        (model.file, model) for model in speedup.record.models
    )
