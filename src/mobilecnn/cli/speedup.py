"""``mobilecnn speedup``."""

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mobilecnn.cli import options
from mobilecnn.cli.output import data, document, json_option, progress, table, talk

if TYPE_CHECKING:
    from mobilecnn.bench.protocol import OnPhone


@click.command()
@options.device
@options.phone
@options.runtime
@click.option("--threads", default=1, show_default=True, help="Of the runtime. The paper used one.")
@click.option("--rounds", default=3, show_default=True, help="Processes for each file.")
@click.option("--seed", default=0, show_default=True, help="Of the order and the inputs.")
@options.allow_wrong_answers
@click.option(
    "-o", "--output", type=options.FILE, default=Path("mobilecnn-speedup"), show_default=True,
    help="Folder for speedup.png, speedup.json and measurement-*.json.",
)  # fmt: skip
@json_option
def command(
    device_name: str,
    phone: "OnPhone | None",
    runtime: str,
    threads: int,
    rounds: int,
    seed: int,
    allow_wrong_answers: bool,
    output: Path,
    as_json: bool,
) -> None:
    """The ShuffleNet paper's theoretical against actual speedup, on a device.

    Builds AlexNet, ShuffleNet V1 0.5x, 1x, 2x (g=3) and MobileNet V1 at 224, exports them
    in float32 and int8 with random weights, times them, and prints the speedup over AlexNet
    that the multiply-adds promise beside the one that the device delivers. Right of the
    bar: the paper's own figures. A "!" after a time: INVALID, the reason is below.
    """
    from mobilecnn.bench import speedup as bench
    from mobilecnn.bench.devices import device
    from mobilecnn.bench.measurement import recording
    from mobilecnn.bench.protocol import Protocol
    from mobilecnn.cli.bench import answer_lines, device_line, new_name
    from mobilecnn.files import check_writable, write_bytes, write_json

    where = device(device_name, runtime, phone)
    protocol = Protocol(rounds=rounds, threads=threads, runtime=runtime, seed=seed)
    check_writable(output)
    record = new_name(output, "measurement")
    with (
        where,
        tempfile.TemporaryDirectory(prefix="mobilecnn-") as work,
        recording(record) as keep,
        progress("Speedup") as update,
    ):
        found = bench.speedup(
            where,
            protocol,
            Path(work),
            update,
            sys.argv[1:],
            allow_wrong_answers=allow_wrong_answers,
            keep=keep,
        )
    line = device_line(found.measurement)
    picture = output / "speedup.png"
    write_bytes(picture, bench.chart(found.rows, f"Theoretical and actual speedup over AlexNet\n{line}"))
    content = {**found.to_json(), "measurement": str(record), "chart": str(picture)}
    write_json(output / "speedup.json", content)

    if as_json:
        document(content)
        return
    data(line)
    data(table(bench.HEADER, [bench.cells(row) for row in found.rows], left=2))
    for row in found.rows:
        for reason in row.result.reasons:
            talk(f"INVALID: {row.published.label} {row.format}: {reason}")
    for words in answer_lines([row.result for row in found.rows]):
        talk(words)
    data(f"Chart: {picture}   raw samples: {record}")
