"""``mobilecnn demo``."""

import sys
import tempfile
from pathlib import Path

import click

from mobilecnn.cli import options, sections
from mobilecnn.cli.output import (
    data,
    document,
    json_option,
    kilobytes,
    lock,
    new_name,
    progress,
    prose,
    table,
    talk,
    then,
)


@sections.command()
@click.option("--epochs", default=12, show_default=True, help="Train for this many epochs.")
@click.option("--rounds", default=3, show_default=True, help="Time each file in this many processes.")
@click.option(
    "-o", "--output", type=options.FILE, default=Path("mobilecnn-demo"), show_default=True,
    help="Write the page, the model and the exported files into this folder.",
)  # fmt: skip
@json_option
def command(epochs: int, rounds: int, output: Path, as_json: bool) -> None:
    """Train, export, check, time and report, on embedded data.

    A small ShuffleNet V1 learns scikit-learn's handwritten digits, is exported in four
    formats, each is checked against the Keras model, asked the held-out digits and timed;
    then comes the ShuffleNet paper's speedup table, for this machine and, from stored
    records, as modelled on the paper's chip. Everything is on one HTML page. Takes some
    minutes.
    """
    from mobilecnn.bench.devices.registry import device
    from mobilecnn.bench.pages import paper_tables, terminal
    from mobilecnn.bench.pages.numbers import ms
    from mobilecnn.bench.records.protocol import Protocol
    from mobilecnn.demo import demo, said_of_chip
    from mobilecnn.demo import page as render
    from mobilecnn.files import write_text
    from mobilecnn.replacing import check_page

    protocol = Protocol(rounds=rounds)
    page = output / "index.html"
    check_page(page)
    lock(page)
    with tempfile.TemporaryDirectory(prefix="mobilecnn-") as work, device("local") as where:
        made = demo(output, Path(work), where, protocol, epochs, progress, sys.argv[1:], talk)
    timing = made.timing.measurement
    timing.write(new_name(output, "measurement"))
    made.paper.record.write(new_name(output, "measurement-speedup"))
    write_text(page, render(made))
    if as_json:
        document({**made.to_json(), "page": str(page)})
        return
    header = ("file", "size", "held-out top-1", "95 % interval", "median ms", "")
    # The Keras model, which is not timed, and then the files.
    times = [
        ("-", ""),
        *((ms(result.median.value), terminal.validity(result)) for result in made.timing.results),
    ]
    rows = [
        (
            accuracy.file,
            kilobytes(accuracy.bytes),
            f"{accuracy.accuracy:.2%}",
            " .. ".join(f"{end:.1%}" for end in accuracy.interval),
            *time,
        )
        for accuracy, time in zip(made.accuracy, times, strict=True)
    ]
    data(table(header, rows, spare=("size",)))
    data("")
    data(
        table(
            paper_tables.speedup_header(modelled=False),
            [paper_tables.speedup(row) for row in made.paper.rows],
            left=2,
            spare=paper_tables.SPEEDUP_SPARE,
        )
    )
    for line in ("", terminal.device(timing), ""):
        prose(line)
    data("Modelled, not measured: the same table on the paper's own chip and on a Raspberry Pi 4")
    for chip in made.chips:
        data("")
        data(table(*paper_tables.chips([chip]), left=2, spare=paper_tables.CHIPS_SPARE))
        for line in said_of_chip(chip):
            prose(line)
    data("")
    data(f"The page: {page.resolve()}")
    then(
        "mobilecnn models",
        "networks to train on images of your own; `mobilecnn export` takes any Keras classifier",
    )
