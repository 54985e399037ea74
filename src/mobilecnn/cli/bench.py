"""``mobilecnn bench``."""

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mobilecnn.cli import options
from mobilecnn.cli.output import data, document, json_option, progress, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mobilecnn.bench.measurement import Comparison, Measurement, Result
    from mobilecnn.bench.protocol import OnPhone, Protocol
    from mobilecnn.bench.statistics import Interval

FOLDER = Path("mobilecnn-runs")

WORDS = {"verified": "verified", "differs": "WRONG", "not checked": "not checked"}
"""How the tables write what a measurement says of a file's answers."""


@click.command()
@click.argument("models", metavar="MODEL...", nargs=-1, required=True, type=options.FILE)
@options.device
@options.phone
@options.protocol
@options.allow_wrong_answers
@click.option(
    "-o",
    "--output",
    type=options.FILE,
    help=f"The measurement file; one that exists is never replaced.  [default: {FOLDER}/bench-DATE-TIME.json]",
)
@json_option
def command(
    models: tuple[Path, ...],
    device_name: str,
    phone: "OnPhone | None",
    protocol: "Protocol",
    allow_wrong_answers: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    """Time .tflite files on a device.

    Every file first answers the golden pictures of its passport on the device. If one is
    wrong there, nothing is timed, and the exit code is 1.

    Then every file is timed in several fresh processes, the files in turn. The table gives the
    median latency of one inference (batch 1, warm) with its 95 % interval, and the time
    relative to the first file. All raw samples are kept in a JSON file.

    A file is INVALID when the machine was too restless for its median to be relied on;
    the reasons stand below the table. That is a finding about the machine and not a
    failure: the exit code is 0.

    \b
    Example:
      mobilecnn bench out/*.tflite --rounds 5
    """
    from mobilecnn.bench.devices import device
    from mobilecnn.bench.measurement import compare, recording, summarize
    from mobilecnn.bench.run import measure
    from mobilecnn.files import check_writable

    where = device(device_name, protocol.runtime, phone)
    check_writable(FOLDER if output is None else output.parent)  # Before the minutes of work, not after.
    record = new_name(FOLDER, "bench") if output is None else output
    with recording(record) as keep, where, progress("Timing") as update:
        measurement = measure(
            models, where, protocol, update, sys.argv[1:], allow_wrong_answers=allow_wrong_answers, keep=keep
        )

    results = summarize(measurement)
    relative = [None, *(compare(measurement, index) for index in range(1, len(results)))]
    if as_json:
        rows = [
            {**result.to_json(), "time_relative_to_first": None if ratio is None else ratio.to_json()}
            for result, ratio in zip(results, relative, strict=True)
        ]
        about = {name: measurement.to_json()[name] for name in ("device", "protocol")}
        document({"measurement": str(record), **about, "results": rows})
        return
    data(_table(results, relative))
    for result in results:
        for reason in result.reasons:
            data(f"INVALID: {result.model.file}: {reason}")
    for line in answer_lines(results):
        data(line)
    data(f"\n{device_line(measurement)}; {_xnnpack(results)}")
    data(f"{_kept(measurement, results)}: {record}")


def _kept(measurement: "Measurement", results: "Sequence[Result]") -> str:
    """What the measurement file has of each process."""
    if any(run.summary is None for run in measurement.runs):
        return "raw samples"
    typical = "mean, because its build prints no median" if results[0].of_means else "median"
    return f"{measurement.protocol.runtime} keeps no samples; each process's summary ({typical}, minimum, maximum)"


def new_name(folder: Path, stem: str) -> Path:
    """``folder/stem-YYYYmmdd-HHMMSS.json`` of the present second; numbered if it is taken."""
    from datetime import datetime

    from mobilecnn.bench.measurement import partial

    stem = f"{stem}-{datetime.now():%Y%m%d-%H%M%S}"
    path, number = folder / f"{stem}.json", 2
    while path.exists() or partial(path).exists():
        path, number = folder / f"{stem}-{number}.json", number + 1
    return path


def answer_lines(results: "Sequence[Result]") -> list[str]:
    """What is to be said of answers that were not checked, or are wrong; a reason once, with its files."""
    said: dict[str, list[str]] = {}
    for result in results:
        answers = result.model.answers
        if answers.reason:
            said.setdefault(f"answers {WORDS[answers.verdict]}: {answers.reason}", []).append(
                result.model.file
            )
    return [f"{reason}: {', '.join(files)}" for reason, files in said.items()]


def device_line(measurement: "Measurement") -> str:
    """The device and the runtime, in one line."""
    facts, protocol = measurement.device, measurement.protocol
    parts = [
        facts.board, facts.cpu, f"{facts.cores} cores", facts.machine,
        f"governor {'/'.join(facts.governors)}" if facts.governors else None,
        "virtual machine" if facts.virtualised else None,
        None if facts.android is None else f"on its cores {facts.android.cores} (mask)",
    ]  # fmt: skip
    # A digest is a version to a machine; its beginning will do for a person.
    versions = sorted(
        {re.sub(r"(sha256:[0-9a-f]{12})[0-9a-f]+", r"\1", run.runtime_version) for run in measurement.runs}
    )
    threads = f"{protocol.threads} thread{'' if protocol.threads == 1 else 's'}"
    known = ", ".join(part for part in parts if part)
    return f"{facts.kind}: {known}; {protocol.runtime} {'/'.join(versions)}, {threads}"


def _table(results: "Sequence[Result]", relative: "Sequence[Comparison | None]") -> str:
    header = (
        "file",
        "",
        "median ms",
        "95 % interval",
        "p90",
        "min",
        "runs",
        "answers",
        "time / first",
        "95 % interval",
        "",
    )
    rows = [
        (
            result.model.file,
            "VALID" if result.valid else "INVALID",
            f"{result.median.value / 1e6:.3f}",
            interval_text(result.median, 1e6),
            "-" if result.p90 is None else f"{result.p90 / 1e6:.3f}",
            f"{result.minimum / 1e6:.3f}",
            f"{result.rounds} x {result.count / result.rounds:.0f}",
            WORDS[result.model.answers.verdict],
            *(
                ("", "", "")
                if ratio is None
                else (f"{ratio.ratio.value:.3f}", interval_text(ratio.ratio), ratio.verdict)
            ),
        )
        for result, ratio in zip(results, relative, strict=True)
    ]
    return table(header, rows, left=2)


def interval_text(interval: "Interval", unit: float = 1.0) -> str:
    """An interval as a table shows it, in units of ``unit``."""
    return f"{interval.low / unit:.3f} .. {interval.high / unit:.3f}"


def _xnnpack(results: "Sequence[Result]") -> str:
    """Whether XNNPACK ran the files, as far as the runtime says."""
    counts = [result.xnnpack_partitions for result in results]
    if None in counts:
        return "XNNPACK: unknown"
    without = [result.model.file for result in results if not result.xnnpack_partitions]
    return f"without XNNPACK: {', '.join(without)}" if without else "with XNNPACK"
