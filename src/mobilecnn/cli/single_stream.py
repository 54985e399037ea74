"""``mobilecnn single-stream``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mobilecnn.cli import options, sections, streams
from mobilecnn.cli.output import data, document, json_option, prose, record_path, table

if TYPE_CHECKING:
    from mobilecnn.bench.records.protocol import Protocol

HEADER = ("file", "p90 ms, early stopping", "plain p90", "median", "queries", "seconds", "discarded")


@sections.command("single-stream")
@click.argument("models", metavar="MODEL...", nargs=-1, required=True, type=options.FILE)
@click.option(
    "--min-seconds",
    default=600.0,
    show_default=True,
    metavar="SECONDS",
    help="Ask a file for at least this long.",
)
@click.option(
    "--min-queries", default=64, show_default=True, help="Ask a file at least this many queries, 64 or more."
)
@options.timing_device
@options.long_process
@options.allow_wrong_answers
@options.record_output("single-stream", "Write the record to this file; an existing one is never replaced.")
@json_option
def command(
    models: tuple[Path, ...],
    min_seconds: float,
    min_queries: int,
    device_name: str,
    protocol: "Protocol",
    allow_wrong_answers: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    """Time queries one after another, MLPerf-style, to the 90th percentile.

    Every file first answers the golden pictures of its passport, then runs in one process until
    both minima are reached. The figure is the 90th percentile with MLPerf's early stopping. It
    is not an MLPerf submission, and must not be called an MLPerf result.

    For this machine and boards: a phone has no such mode, and an emulated device no clock.

    \b
    Example:
      mobilecnn single-stream out/digits.int8.tflite --min-seconds 60 --min-queries 1024
    """
    from mobilecnn.bench.devices.registry import timing_device
    from mobilecnn.bench.judge.single_stream import CLAIM
    from mobilecnn.bench.judge.streams import StreamSummary
    from mobilecnn.bench.pages import remarks
    from mobilecnn.bench.pages.numbers import ms
    from mobilecnn.bench.records.stream import StreamPlan

    plan = StreamPlan.single_stream(min_seconds, min_queries, protocol)
    device = timing_device(device_name, protocol.runtime)
    record = record_path(output, plan.kind)
    stream = streams.run(models, device, plan, record, "Single stream", allow_wrong_answers)
    summary = StreamSummary.of(stream)
    results = summary.single
    if as_json:
        document({"record": str(record), **summary.to_json()})
        return
    cells = [
        (
            result.model.file,
            ms(None if result.unmet else result.estimate),
            ms(result.p90),
            ms(result.median),
            f"{result.queries}",
            f"{result.seconds:.0f}",
            f"{result.discarded}",
        )
        for result in results
    ]
    data(table(HEADER, cells, spare=("discarded", "seconds", "queries")))
    for result in results:
        for why in result.unmet:
            prose(f"no single-stream figure: {result.model.file}: {why}")
    for line in remarks.lines(
        (result.model.file, warning) for result in results for warning in result.warnings
    ):
        prose(line)
    prose(CLAIM)
    streams.show_origin(stream, f"all samples: {record}", record)
