"""``mobilecnn bench``."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mobilecnn.cli import options
from mobilecnn.cli.output import data, document, json_option, progress, several_progresses, table, talk
from mobilecnn.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from mobilecnn.bench.judge.statistics import Interval
    from mobilecnn.bench.judge.summary import Comparison, Result
    from mobilecnn.bench.records.measurement import Facts, Measurement, Model
    from mobilecnn.bench.records.protocol import OnPhone, Protocol
    from mobilecnn.bench.timing.fleet import Outcome

FOLDER = Path("mobilecnn-runs")

WORDS = {"verified": "verified", "differs": "WRONG", "not checked": "not checked"}
"""How the tables write what a measurement says of a file's answers."""


@click.command()
@click.argument("models", metavar="MODEL...", nargs=-1, required=True, type=options.FILE)
@options.devices
@options.phone
@options.protocol
@click.option(
    "--sustained",
    type=float,
    metavar="MINUTES",
    help="Run each file without a pause for so long: does it become slower as the device gets hot?",
)
@click.option(
    "--single-stream",
    is_flag=True,
    help="MLPerf-style single stream: the 90th percentile of queries one after another.",
)
@click.option("--min-seconds", default=600.0, show_default=True, help="Of a single stream.")
@click.option("--min-queries", default=64, show_default=True, help="Of a single stream, at least 64.")
@options.allow_wrong_answers
@click.option(
    "-o",
    "--output",
    type=options.FILE,
    help="The measurement file; one that exists is never replaced. With several devices each has its own: it.json "
    f"becomes it-DEVICE.json.  [default: {FOLDER}/bench-DATE-TIME.json]",
)
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    models: tuple[Path, ...],
    device_names: tuple[str, ...],
    phone: "OnPhone | None",
    protocol: "Protocol",
    sustained: float | None,
    single_stream: bool,
    min_seconds: float,
    min_queries: int,
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
    failure: the exit code is 0. Warnings say what could be better about the machine.

    With --sustained or --single-stream every file is run in one long process instead.

    With --device emulated (a Cortex-A72; emulated-a53, emulated-a76) instructions are counted
    instead, by kind, without any board. They are no times.

    Several devices are timed side by side; when one fails, the others go on, and the exit
    code is that of the failure.

    \b
    Example:
      mobilecnn bench out/*.tflite --rounds 5
      mobilecnn bench out/digits.int8.tflite --sustained 10
      mobilecnn bench out/*.tflite --device pi4 --device pi5
    """
    from mobilecnn.bench.devices.registry import device
    from mobilecnn.bench.judge.summary import summarize
    from mobilecnn.bench.records.stream import Plan
    from mobilecnn.bench.timing.rounds import measure
    from mobilecnn.cli import counts, streams
    from mobilecnn.files import check_writable
    from mobilecnn.records import recording

    if counts.is_emulated(device_names):
        counting = counts.plan_of(ctx, device_names[0], protocol)
        counts.bench(models, device_names[0], counting, output, allow_wrong_answers, as_json)
        return
    streams.refuse_options(ctx, sustained, single_stream)
    plan = None
    if sustained is not None:
        plan = Plan.sustained(sustained, protocol)
    elif single_stream:
        plan = Plan.single_stream(min_seconds, min_queries, protocol)
    if len(device_names) > 1:
        if plan is not None:
            raise UsageError(f"--{plan.kind} takes one --device, and {len(device_names)} are named")
        outcomes = _fleet(models, device_names, phone, protocol, allow_wrong_answers, output)
        _show_fleet(outcomes, as_json)
        return
    where = device(device_names[0], protocol.runtime, phone)
    check_writable(FOLDER if output is None else output.parent)  # Before the minutes of work, not after.
    record = new_name(FOLDER, plan.kind if plan else "bench") if output is None else output
    if plan is not None:
        show = streams.single_stream if single_stream else streams.sustain
        show(models, where, plan, record, allow_wrong_answers, as_json)
        return
    with recording(record) as keep, where, progress("Timing") as update:
        measurement = measure(
            models,
            where,
            protocol,
            update,
            sys.argv[1:],
            allow_wrong_answers=allow_wrong_answers,
            keep=keep,
            say=talk,
        )

    if as_json:
        document(_document(measurement, record))
        _name_the_report([record])
        return
    results = summarize(measurement)
    data(table(HEADER, _rows(measurement), left=2))
    data("")
    data(table(ONCE, _once(results)))
    for result in results:
        for reason in result.reasons:
            data(f"INVALID: {result.model.file}: {reason}")
    for line in [*warning_lines(results), *answer_lines(results)]:
        data(line)
    data(f"\n{device_line(measurement)}; {_xnnpack(results)}")
    data(f"{what_is_kept(measurement)}: {record}")
    _name_the_report([record])


def what_is_kept(measurement: "Measurement") -> str:
    """What the measurement file has of each process."""
    summaries = [run.summary for run in measurement.runs if run.summary is not None]
    if not summaries:
        return "raw samples"
    typical = "median" if summaries[0].median_ns is not None else "mean, because its build prints no median"
    return f"{measurement.protocol.runtime} keeps no samples; each process's summary ({typical}, minimum, maximum)"


def _fleet(
    models: tuple[Path, ...],
    names: tuple[str, ...],
    phone: "OnPhone | None",
    protocol: "Protocol",
    allow_wrong_answers: bool,
    output: Path | None,
) -> "tuple[Outcome, ...]":
    """Time on several devices side by side."""
    from mobilecnn.bench.devices.registry import devices
    from mobilecnn.bench.timing import fleet
    from mobilecnn.files import check_writable

    fleet.refuse_twice(names)
    places = devices(names, protocol.runtime, phone)
    check_writable(FOLDER if output is None else output.parent)
    records = fleet.records(new_name(FOLDER, "bench", names) if output is None else output, names)
    with several_progresses([f"Timing on {name}" for name in names]) as updates:
        says = [_talk_of(name) for name in names]
        members = [fleet.Member(*each) for each in zip(names, places, records, updates, says, strict=True)]
        outcomes = fleet.measure_all(
            models, members, protocol, sys.argv[1:], allow_wrong_answers=allow_wrong_answers
        )
    everywhere = fleet.common_failure(outcomes)
    if everywhere is not None:
        raise everywhere
    return outcomes


def _talk_of(name: str) -> "Callable[[str], None]":
    return lambda text: talk(f"{name}: {text}")


def _show_fleet(outcomes: "Sequence[Outcome]", as_json: bool) -> None:
    """Say what became of each device, and fail if one failed."""
    from mobilecnn.bench.timing import fleet

    if as_json:
        document({"devices": [{"name": each.name, **_outcome(each)} for each in outcomes]})
    else:
        _tell_fleet(outcomes)
    _name_the_report([each.record for each in outcomes if each.measurement is not None])
    fleet.refuse_failed(outcomes)


def _tell_fleet(outcomes: "Sequence[Outcome]") -> None:
    """One table of all devices, and below it what is to be said of each."""
    from mobilecnn.bench.judge.summary import summarize

    rows: list[Sequence[str]] = []
    once: list[Sequence[str]] = []
    below = []
    for each in outcomes:
        if each.measurement is None:
            rows.append([each.name, "", "FAILED", *[""] * (len(HEADER) - 2)])
            below.append(f"FAILED: {each.name}: {each.failure}")
            continue
        rows += [[each.name, *row] for row in _rows(each.measurement)]
        results = summarize(each.measurement)
        once += [[each.name, *row] for row in _once(results)]
        below += [f"INVALID: {each.name}: {r.model.file}: {reason}" for r in results for reason in r.reasons]
        below += [f"{each.name}: {line}" for line in [*warning_lines(results), *answer_lines(results)]]
    data(table(("device", *HEADER), rows, left=3))
    if once:
        data("")
        data(table(("device", *ONCE), once, left=2))
    for line in [*below, ""]:
        data(line)
    for each in outcomes:
        if each.measurement is not None:
            results = summarize(each.measurement)
            data(f"{each.name}: {device_line(each.measurement)}; {_xnnpack(results)}")
            data(f"{each.name}: {what_is_kept(each.measurement)}: {each.record}")


def _outcome(outcome: "Outcome") -> "dict[str, Any]":
    """What became of one device, as JSON."""
    if outcome.measurement is not None:
        return _document(outcome.measurement, outcome.record)
    failure = outcome.failure
    assert failure is not None
    return {
        "error": {
            "kind": type(failure).__name__,
            "message": str(failure),
            "exit_code": failure.exit_code,
        }
    }


def _document(measurement: "Measurement", record: Path) -> "dict[str, Any]":
    """What one device's measurement says, as JSON."""
    from mobilecnn.bench.judge.summary import summarize

    rows = [
        {**result.to_json(), "time_relative_to_first": None if ratio is None else ratio.to_json()}
        for result, ratio in zip(summarize(measurement), _relative(measurement), strict=True)
    ]
    about = {name: measurement.to_json()[name] for name in ("device", "protocol")}
    return {"measurement": str(record), **about, "results": rows}


def _name_the_report(records: "Sequence[Path]") -> None:
    if records:
        talk(f"As a page: mobilecnn report {shlex.join(map(str, records))}")


def new_name(folder: Path, stem: str, devices: "Sequence[str]" = ()) -> Path:
    """``folder/stem-YYYYmmdd-HHMMSS.json`` of the present second; numbered if it is taken.

    With several devices it is not itself the name of a file, but those made of it are free.
    """
    from datetime import datetime

    from mobilecnn.bench.timing.fleet import records
    from mobilecnn.records import partial

    stem = f"{stem}-{datetime.now():%Y%m%d-%H%M%S}"
    path, number = folder / f"{stem}.json", 2
    while any(each.exists() or partial(each).exists() for each in records(path, devices) or (path,)):
        path, number = folder / f"{stem}-{number}.json", number + 1
    return path


def answer_lines(results: "Sequence[Result]") -> list[str]:
    """What is to be said of answers that were not checked, or are wrong; a reason once, with its files."""
    return model_lines([result.model for result in results])


def model_lines(models: "Sequence[Model]") -> list[str]:
    """:func:`answer_lines` where there are no results yet, or of another kind."""
    said: dict[str, list[str]] = {}
    for model in models:
        if model.answers.reason:
            said.setdefault(f"answers {WORDS[model.answers.verdict]}: {model.answers.reason}", []).append(
                model.file
            )
    return [f"{reason}: {', '.join(files)}" for reason, files in said.items()]


def warning_lines(results: "Sequence[Result]") -> list[str]:
    """What could be better about the machine; once, with the files where it is not so for all."""
    from mobilecnn.bench.judge.summary import gathered

    return [
        f"Warning: {warning}" if len(files) == len(results) else f"Warning: {', '.join(files)}: {warning}"
        for warning, files in gathered(results, lambda result: result.warnings)
    ]


def device_line(measurement: "Measurement") -> str:
    """The device and the runtime, in one line."""
    protocol = measurement.protocol
    return facts_line(measurement.device, protocol.runtime, measurement.runtime_versions, protocol.threads)


def facts_line(facts: "Facts", runtime: str, versions: str, threads: int) -> str:
    """:func:`device_line` of the facts themselves."""
    parts = [
        facts.board, facts.cpu, f"{facts.cores} cores", facts.machine,
        f"governor {'/'.join(facts.governors)}" if facts.governors else None,
        "virtual machine" if facts.virtualised else None,
        None if facts.android is None else f"on its cores {facts.android.cores} (mask)",
    ]  # fmt: skip
    known = ", ".join(part for part in parts if part)
    return f"{facts.kind}: {known}; {runtime} {versions}, {threads} thread{'' if threads == 1 else 's'}"


HEADER = (
    "file", "", "median ms", "95 % interval", "p90", "p99", "min", "runs", "answers", "time / first", "95 % interval", "",
)  # fmt: skip
ONCE = ("file", "first inference ms", "initialization ms", "peak memory MB", "before loading MB")
"""What happens once in a process."""


def _rows(measurement: "Measurement") -> "list[Sequence[str]]":
    """What one measurement says, under :data:`HEADER`."""
    from mobilecnn.bench.judge.summary import summarize

    return [
        (
            result.model.file,
            "VALID" if result.valid else "INVALID",
            f"{result.median.value / 1e6:.3f}",
            interval_text(result.median, 1e6),
            *("-" if each is None else f"{each / 1e6:.3f}" for each in (result.p90, result.p99)),
            f"{result.minimum / 1e6:.3f}",
            f"{result.rounds} x {result.count / result.rounds:.0f}",
            WORDS[result.model.answers.verdict],
            *(
                ("", "", "")
                if ratio is None
                else (f"{ratio.ratio.value:.3f}", interval_text(ratio.ratio), ratio.verdict)
            ),
        )
        for result, ratio in zip(summarize(measurement), _relative(measurement), strict=True)
    ]


def _once(results: "Sequence[Result]") -> "list[Sequence[str]]":
    """What one measurement says, under :data:`ONCE`."""
    return [
        (
            result.model.file,
            f"{result.first / 1e6:.3f}",
            f"{result.init / 1e6:.3f}",
            *(
                "-" if size is None else f"{size / 1e6:.1f}"
                for size in (result.peak_rss, result.baseline_rss)
            ),
        )
        for result in results
    ]


def _relative(measurement: "Measurement") -> "list[Comparison | None]":
    """The time of each model relative to the first."""
    from mobilecnn.bench.judge.summary import compare

    return [None, *(compare(measurement, index) for index in range(1, len(measurement.models)))]


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
