"""``mobilecnn demo``."""

import sys
import tempfile
from pathlib import Path

import click

from mobilecnn.cli import options
from mobilecnn.cli.measured import device_line
from mobilecnn.cli.output import data, document, json_option, kilobytes, new_name, progress, table


@click.command()
@click.option("--epochs", default=12, show_default=True, help="Of the training.")
@click.option("--rounds", default=3, show_default=True, help="Processes for each timed file.")
@click.option(
    "-o", "--output", type=options.FILE, default=Path("mobilecnn-demo"), show_default=True,
    help="Folder for the page, the model and the exported files.",
)  # fmt: skip
@json_option
def command(epochs: int, rounds: int, output: Path, as_json: bool) -> None:
    """Train, export, check, time and report, on embedded data.

    A small ShuffleNet V1 learns scikit-learn's handwritten digits, is exported in four
    formats, each is checked against the Keras model, asked the held-out digits and timed;
    then comes the ShuffleNet paper's speedup table. Everything is on one HTML page. Takes
    some minutes.
    """
    from mobilecnn import demo as bench
    from mobilecnn.bench.devices.registry import device
    from mobilecnn.bench.papers.speedup import HEADER, cells
    from mobilecnn.bench.records.measurement import write
    from mobilecnn.bench.records.protocol import Protocol
    from mobilecnn.files import check_writable, write_text

    protocol = Protocol(rounds=rounds)
    check_writable(output)
    with tempfile.TemporaryDirectory(prefix="mobilecnn-") as work, device("local") as where:
        made = bench.demo(output, Path(work), where, protocol, epochs, progress, sys.argv[1:])
    write(new_name(output, "measurement"), made.timing)
    write(new_name(output, "measurement-speedup"), made.paper.measurement)
    page = output / "index.html"
    write_text(page, bench.page(made, device_line(made.timing)))
    if as_json:
        document({**made.to_json(), "page": str(page)})
        return
    header = ["file", "size", "held-out top-1", "95 % interval", "median ms", ""]
    keras, *files = made.accuracy
    rows = [
        [
            str(keras.path),
            kilobytes(keras.nbytes),
            f"{keras.accuracy:.2%}",
            f"{keras.low:.1%} .. {keras.high:.1%}",
            "-",
            "",
        ]
    ]
    rows += [
        [
            str(one.path),
            kilobytes(one.nbytes),
            f"{one.accuracy:.2%}",
            f"{one.low:.1%} .. {one.high:.1%}",
            f"{result.median.value / 1e6:.3f}",
            "VALID" if result.valid else "INVALID",
        ]
        for one, result in zip(files, made.results, strict=True)
    ]
    data(table(header, rows))
    data("")
    data(table(HEADER, [cells(row) for row in made.paper.rows], left=2))
    data(f"\n{device_line(made.timing)}\nThe page: {page.resolve()}")
