"""``mobilecnn sustained``."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mobilecnn.cli import options, sections, streams
from mobilecnn.cli.output import document, json_option, prose, record_path, talk
from mobilecnn.errors import MobileCnnError, OutputError, UsageError

if TYPE_CHECKING:
    from mobilecnn.bench.judge.streams import StreamSummary
    from mobilecnn.bench.records.protocol import Protocol
    from mobilecnn.bench.records.stream import Stream


@sections.command()
@click.argument("models", metavar="MODEL...", nargs=-1, required=True, type=options.FILE)
@click.option(
    "--minutes", type=float, default=10.0, show_default=True, help="Run each file this long without a pause."
)
@options.timing_device
@options.long_process
@options.allow_wrong_answers
@options.record_output(
    "sustained",
    "Write the record to this JSON file, and the chart beside it as .png; existing ones are never replaced.",
)
@json_option
def command(
    models: tuple[Path, ...],
    minutes: float,
    device_name: str,
    protocol: "Protocol",
    allow_wrong_answers: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    """Run .tflite files without a pause: do they become slower as the device gets hot?

    Every file first answers the golden pictures of its passport, then runs in one process for
    so many minutes. The result says whether its latency was steady, rose and stayed up, or
    drifted; the chart shows latency, clock and temperature.

    For this machine and boards: a phone has no such mode, and an emulated device no clock.
    Ctrl-C keeps and shows what there is.

    \b
    Example:
      mobilecnn sustained out/digits.int8.tflite --minutes 10 --device pi4
    """
    from mobilecnn.bench.devices.registry import timing_device
    from mobilecnn.bench.judge.streams import StreamSummary
    from mobilecnn.bench.pages import png, sustained_charts
    from mobilecnn.bench.records.stream import StreamPlan
    from mobilecnn.extras import require
    from mobilecnn.files import write_bytes
    from mobilecnn.records import partial

    require("a chart", "report")  # Before the minutes of work, not after.

    plan = StreamPlan.sustained(minutes, protocol)
    device = timing_device(device_name, protocol.runtime)
    record = record_path(output, plan.kind)
    picture = record.with_suffix(".png")
    if picture == record:
        raise UsageError(f"{record} would be the record, a JSON file, and the chart; name the record with -o")
    if picture.exists():
        raise OutputError(f"{picture} exists, and the chart would replace it; choose another name with -o")
    kept: list[Stream] = []
    try:
        stream = streams.run(models, device, plan, record, "Sustained", allow_wrong_answers, kept.append)
    except (KeyboardInterrupt, MobileCnnError):
        # Minutes of work are shown as well as kept.
        if kept:
            summary = StreamSummary.of(kept[-1])
            write_bytes(partial(record).with_suffix(".png"), png.draw(*sustained_charts.sustained(summary)))
            for line in _lines(summary):
                talk(line)
        raise
    summary = StreamSummary.of(stream)
    write_bytes(picture, png.draw(*sustained_charts.sustained(summary)))
    if as_json:
        document({"record": str(record), "chart": str(picture), **summary.to_json()})
        return
    for line in _lines(summary):
        prose(line)
    streams.show_origin(stream, f"Chart: {picture}   windows and samples: {record}", record)


def _lines(summary: "StreamSummary") -> list[str]:
    """Two lines for each model that ran: what became of its latency, and the state of the device."""
    return [
        line
        for result in summary.sustained
        for line in (
            f"{result.model.file}: {result.outcome.finding}",
            f"  {'; '.join(map(str, result.remarks))}",
        )
    ]
