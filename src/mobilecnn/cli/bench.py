"""``mobilecnn bench``: times files in rounds, on one device or on several side by side."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mobilecnn.cli import counts, options
from mobilecnn.cli.measured import (
    WORDS,
    answer_lines,
    device_line,
    interval_text,
    time_models,
    warning_lines,
    what_is_kept,
)
from mobilecnn.cli.output import (
    data,
    document,
    json_option,
    record_path,
    several_progresses,
    table,
    talk,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from mobilecnn.bench.judge.summary import Comparison, Result
    from mobilecnn.bench.records.measurement import Measurement
    from mobilecnn.bench.records.protocol import OnPhone, Protocol
    from mobilecnn.bench.timing.fleet import Outcome

HEADER = (
    "file", "", "median ms", "95 % interval", "p90", "p99", "min", "runs", "answers", "time / first", "95 % interval", "",
)  # fmt: skip
ONCE = ("file", "first inference ms", "initialization ms", "peak memory MB", "before loading MB")
"""Header of the table of what happens once in a process."""


@click.command(cls=options.SectionedCommand)
@click.argument("models", metavar="MODEL...", nargs=-1, required=True, type=options.FILE)
@options.devices
@options.protocol
@options.phone
@options.allow_wrong_answers
@options.record_output(
    "bench",
    "The measurement file; an existing one is never replaced. With several devices each has its own: it.json becomes "
    "it-DEVICE.json.",
)
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    models: tuple[Path, ...],
    device_names: tuple[str, ...],
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
    failure: the exit code is 0. Warnings say what could be better about the machine.

    With --device emulated (a Cortex-A72; emulated-a53, emulated-a76) instructions are counted
    instead, by kind, without any board. They are not times.

    Several devices are timed side by side; when one fails, the others go on, and the exit
    code is that of the failure.

    \b
    Example:
      mobilecnn bench out/*.tflite --rounds 5
      mobilecnn bench out/*.tflite --device pi4 --device pi5
    """
    if counts.counts_instead(device_names):
        plan = counts.plan_of(ctx, device_names[0], protocol)
        counts.bench(models, device_names[0], plan, output, allow_wrong_answers, as_json)
    elif len(device_names) == 1:
        _time(models, device_names[0], phone, protocol, allow_wrong_answers, output, as_json)
    else:
        _time_on_all(models, device_names, phone, protocol, allow_wrong_answers, output, as_json)


def _time(
    models: "Sequence[Path]",
    device_name: str,
    phone: "OnPhone | None",
    protocol: "Protocol",
    allow_wrong_answers: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    from mobilecnn.bench.judge.summary import summarize

    measurement, record = time_models(
        models, device_name, phone, protocol, allow_wrong_answers, output, "bench"
    )
    results = summarize(measurement)
    if as_json:
        document(_document(measurement, results, record))
    else:
        data(table(HEADER, _rows(measurement, results), left=2))
        data("")
        data(table(ONCE, _once(results)))
        for line in [*_findings(results), "", *_origin(measurement, results, record)]:
            data(line)
    _name_the_report([record])


def _time_on_all(
    models: "Sequence[Path]",
    names: "Sequence[str]",
    phone: "OnPhone | None",
    protocol: "Protocol",
    allow_wrong_answers: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    """Time on several devices side by side, show what became of each, and fail if one failed."""
    from mobilecnn.bench.devices.registry import devices
    from mobilecnn.bench.timing import fleet

    fleet.refuse_twice(names)
    places = devices(names, protocol.runtime, phone)
    records = fleet.records(record_path(output, "bench", names), names)
    with several_progresses([f"Timing on {name}" for name in names]) as updates:
        talks = [_talk_of(name) for name in names]
        members = [fleet.Member(*parts) for parts in zip(names, places, records, updates, talks, strict=True)]
        outcomes = fleet.measure_all(
            models, members, protocol, sys.argv[1:], allow_wrong_answers=allow_wrong_answers
        )
    everywhere = fleet.common_failure(outcomes)
    if everywhere is not None:
        raise everywhere
    if as_json:
        document({"devices": [{"name": outcome.name, **_outcome(outcome)} for outcome in outcomes]})
    else:
        _show_outcomes(outcomes)
    _name_the_report([outcome.record for outcome in outcomes if outcome.measurement is not None])
    fleet.refuse_failed(outcomes)


def _talk_of(name: str) -> "Callable[[str], None]":
    return lambda text: talk(f"{name}: {text}")


def _show_outcomes(outcomes: "Sequence[Outcome]") -> None:
    """One table of all devices, and below it the findings about each."""
    from mobilecnn.bench.judge.summary import summarize

    rows: list[Sequence[str]] = []
    once: list[Sequence[str]] = []
    findings, origins = [], []
    for outcome in outcomes:
        name, measurement = outcome.name, outcome.measurement
        if measurement is None:
            rows.append([name, "", "FAILED", *[""] * (len(HEADER) - 2)])
            findings.append(f"FAILED: {name}: {outcome.failure}")
            continue
        results = summarize(measurement)
        rows += [[name, *row] for row in _rows(measurement, results)]
        once += [[name, *row] for row in _once(results)]
        findings += [f"{name}: {line}" for line in _findings(results)]
        origins += [f"{name}: {line}" for line in _origin(measurement, results, outcome.record)]
    data(table(("device", *HEADER), rows, left=3))
    if once:
        data("")
        data(table(("device", *ONCE), once, left=2))
    for line in [*findings, "", *origins]:
        data(line)


def _outcome(outcome: "Outcome") -> "dict[str, Any]":
    """What became of one device, as JSON."""
    from mobilecnn.bench.judge.summary import summarize

    if outcome.measurement is not None:
        return _document(outcome.measurement, summarize(outcome.measurement), outcome.record)
    failure = outcome.failure
    assert failure is not None
    return {
        "error": {
            "kind": type(failure).__name__,
            "message": str(failure),
            "exit_code": failure.exit_code,
        }
    }


def _document(measurement: "Measurement", results: "Sequence[Result]", record: Path) -> "dict[str, Any]":
    """What one device's measurement says, as JSON."""
    rows = [
        {**result.to_json(), "time_relative_to_first": None if ratio is None else ratio.to_json()}
        for result, ratio in zip(results, _relative(measurement), strict=True)
    ]
    about = {name: measurement.to_json()[name] for name in ("device", "protocol")}
    return {"measurement": str(record), **about, "results": rows}


def _rows(measurement: "Measurement", results: "Sequence[Result]") -> "list[Sequence[str]]":
    """What one measurement says, under :data:`HEADER`."""
    return [
        (
            result.model.file,
            "VALID" if result.valid else "INVALID",
            f"{result.median.value / 1e6:.3f}",
            interval_text(result.median, 1e6),
            *("-" if time is None else f"{time / 1e6:.3f}" for time in (result.p90, result.p99)),
            f"{result.minimum / 1e6:.3f}",
            f"{result.rounds} x {result.count / result.rounds:.0f}",
            WORDS[result.model.answers.verdict],
            *(
                ("", "", "")
                if ratio is None
                else (f"{ratio.ratio.value:.3f}", interval_text(ratio.ratio), ratio.verdict)
            ),
        )
        for result, ratio in zip(results, _relative(measurement), strict=True)
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


def _findings(results: "Sequence[Result]") -> list[str]:
    """The lines below the table: what is INVALID and why, warnings, and answers that were not right."""
    invalid = [f"INVALID: {result.model.file}: {reason}" for result in results for reason in result.reasons]
    return [*invalid, *warning_lines(results), *answer_lines(results)]


def _origin(measurement: "Measurement", results: "Sequence[Result]", record: Path) -> list[str]:
    """The last lines: the device, the runtime and the file."""
    partitions = [result.xnnpack_partitions for result in results]
    without = [result.model.file for result in results if not result.xnnpack_partitions]
    xnnpack = f"without XNNPACK: {', '.join(without)}" if without else "with XNNPACK"
    if None in partitions:
        xnnpack = "XNNPACK: unknown"
    return [f"{device_line(measurement)}; {xnnpack}", f"{what_is_kept(measurement)}: {record}"]


def _name_the_report(records: "Sequence[Path]") -> None:
    if records:
        talk(f"As a page: mobilecnn report {shlex.join(map(str, records))}")
