"""``mobilecnn bench``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mobilecnn.bench.protocol import Protocol
from mobilecnn.cli import options
from mobilecnn.cli.output import data, document, json_option, progress, table
from mobilecnn.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mobilecnn.bench.measurement import Comparison, Measurement, Result
    from mobilecnn.bench.statistics import Interval

FOLDER = Path("mobilecnn-runs")


@click.command()
@click.argument("models", metavar="MODEL...", nargs=-1, required=True, type=options.FILE)
@options.device
@options.runtime
@click.option("--threads", default=Protocol.threads, show_default=True, help="Of the runtime.")
@click.option("--rounds", default=Protocol.rounds, show_default=True, help="Fresh processes for each file.")
@click.option(
    "--warmup-runs",
    default=Protocol.warmup_runs,
    show_default=True,
    help="Untimed inferences of a process, at least.",
)
@click.option("--warmup-seconds", default=Protocol.warmup_seconds, show_default=True, help="And for so long.")
@click.option(
    "--runs", default=Protocol.runs, show_default=True, help="Timed inferences of a process, at least."
)
@click.option("--seconds", default=Protocol.seconds, show_default=True, help="And for so long.")
@click.option("--seed", default=Protocol.seed, show_default=True, help="Of the order and the inputs.")
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
    runtime: str,
    threads: int,
    rounds: int,
    warmup_runs: int,
    warmup_seconds: float,
    runs: int,
    seconds: float,
    seed: int,
    output: Path | None,
    as_json: bool,
) -> None:
    """Time .tflite files on a device.

    Every file is timed in several fresh processes, the files in turn. The table gives the
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
    from mobilecnn.bench.measurement import compare, summarize, write
    from mobilecnn.bench.run import measure
    from mobilecnn.files import check_writable

    where = device(device_name, runtime)
    protocol = Protocol(rounds, warmup_runs, warmup_seconds, runs, seconds, threads, runtime, seed)
    # Before the minutes of work, not after.
    if output is not None and output.exists():
        raise OutputError(f"{output} exists, and a measurement never replaces a file; choose another with -o")
    check_writable(FOLDER if output is None else output.parent)
    with where, progress("Timing") as update:
        measurement = measure(models, where, protocol, update, sys.argv[1:])
    record = new_name(FOLDER, "bench") if output is None else output
    write(record, measurement)

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
    data(f"\n{device_line(measurement)}; {_xnnpack(results)}")
    data(f"raw samples: {record}")


def new_name(folder: Path, stem: str) -> Path:
    """``folder/stem-YYYYmmdd-HHMMSS.json`` of the present second; numbered if it is taken."""
    from datetime import datetime

    stem = f"{stem}-{datetime.now():%Y%m%d-%H%M%S}"
    path, number = folder / f"{stem}.json", 2
    while path.exists():
        path, number = folder / f"{stem}-{number}.json", number + 1
    return path


def device_line(measurement: "Measurement") -> str:
    """The device and the runtime, in one line."""
    facts, protocol = measurement.device, measurement.protocol
    parts = [
        facts.board, facts.cpu, f"{facts.cores} cores", facts.machine,
        f"governor {'/'.join(facts.governors)}" if facts.governors else None,
        "virtual machine" if facts.virtualised else None,
    ]  # fmt: skip
    versions = sorted({run.runtime_version for run in measurement.runs})
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
        "time / first",
        "95 % interval",
        "",
    )
    rows = [
        (
            result.model.file,
            "VALID" if result.valid else "INVALID",
            f"{result.median.value / 1e6:.3f}",
            _range(result.median, 1e6),
            f"{result.p90 / 1e6:.3f}",
            f"{result.minimum / 1e6:.3f}",
            f"{result.rounds} x {result.count / result.rounds:.0f}",
            *(
                ("", "", "")
                if ratio is None
                else (f"{ratio.ratio.value:.3f}", _range(ratio.ratio), ratio.verdict)
            ),
        )
        for result, ratio in zip(results, relative, strict=True)
    ]
    return table(header, rows, left=2)


def _range(interval: "Interval", unit: float = 1.0) -> str:
    return f"{interval.low / unit:.3f} .. {interval.high / unit:.3f}"


def _xnnpack(results: "Sequence[Result]") -> str:
    """Whether XNNPACK ran the files, as far as the runtime says."""
    counts = [result.xnnpack_partitions for result in results]
    if None in counts:
        return "XNNPACK: unknown"
    without = [result.model.file for result in results if not result.xnnpack_partitions]
    return f"without XNNPACK: {', '.join(without)}" if without else "with XNNPACK"
