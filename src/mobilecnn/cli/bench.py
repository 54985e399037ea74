"""``mobilecnn bench``: times files in rounds, on one device or on several side by side."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mobilecnn.cli import counts, options, proposals, sections
from mobilecnn.cli.measured import time_models
from mobilecnn.cli.output import (
    data,
    document,
    json_option,
    prose,
    record_path,
    say_short_names,
    several_progresses,
    short_names,
    table,
    talk,
    then,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from mobilecnn.bench.judge.summary import Summary
    from mobilecnn.bench.records.protocol import OnPhone, Protocol
    from mobilecnn.bench.timing.fleet import Outcome


@sections.command()
@click.argument("models", metavar="MODEL...", nargs=-1, required=True, type=options.FILE)
@options.devices
@options.protocol
@options.phone
@options.counts_only
@options.allow_wrong_answers
@options.record_output(
    "bench",
    "Write the measurement to this file; an existing one is never replaced. With several devices each has its "
    "own: it.json becomes it-DEVICE.json.",
)
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    models: tuple[Path, ...],
    device_names: tuple[str, ...],
    phone: "OnPhone | None",
    protocol: "Protocol",
    counts_only: bool,
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

    With --device emulated-pi4 (or -pi3, -pi5, -rk3399, -sd810, -sd820, -sd821, -sd855) no board is
    needed: instructions are counted and the time of that chip is modelled, with the error of the model.

    Several devices are timed side by side; when one fails, the others go on, and the exit
    code is that of the failure.

    \b
    Example:
      mobilecnn bench out/*.tflite --rounds 5
      mobilecnn bench out/*.tflite --device pi4 --device pi5
    """
    if counts.counts_instead(device_names):
        plan = counts.plan_of(ctx, device_names[0], protocol, counts_only)
        counts.bench(models, device_names[0], plan, output, allow_wrong_answers, as_json)
        return
    counts.refuse_here(ctx)
    if len(device_names) == 1:
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
    from mobilecnn.bench.judge.summary import Summary

    measurement, record = time_models(
        models, device_name, phone, protocol, allow_wrong_answers, output, "bench"
    )
    summary = Summary.of(measurement)
    if as_json:
        document({"measurement": str(record), **summary.to_json()})
    else:
        _show(summary)
        for line in ["", *_origin(summary, record)]:
            prose(line)
    _say_what_next([record], [(device_name, summary)])


def _show(summary: "Summary") -> None:
    """Both tables of one device, and the findings below them."""
    from mobilecnn.bench.pages import remarks, terminal

    files = [result.model.file for result in summary.results]
    names = short_names(files)
    data(
        table(terminal.HEADER, terminal.rows(summary, names), left=2, spare=terminal.SPARE, keep=("verdict",))
    )
    say_short_names(files)
    data("")
    data(table(terminal.ONCE, terminal.once(summary.results, names), spare=terminal.ONCE_SPARE))
    found = remarks.results(_named(summary.named, names), _named(summary.compared, names))
    for line in ["", *found] if found else []:
        prose(line)


def _named(pairs: "Iterable[tuple[str, Any]]", names: "Mapping[str, str]") -> "list[tuple[str, Any]]":
    """Pairs whose first parts are the names that the table shows."""
    return [(names.get(name, name), thing) for name, thing in pairs]


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
    from mobilecnn.bench.judge.summary import Summary
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
    made = [None if outcome.measurement is None else Summary.of(outcome.measurement) for outcome in outcomes]
    if as_json:
        parts = [_outcome(outcome, summary) for outcome, summary in zip(outcomes, made, strict=True)]
        document({"devices": parts})
    else:
        _show_outcomes(outcomes, made)
    done = [outcome for outcome in outcomes if outcome.measurement is not None]
    judged = [(name, summary) for name, summary in zip(names, made, strict=True) if summary is not None]
    _say_what_next([outcome.record for outcome in done], judged)
    fleet.refuse_failed(outcomes)


def _talk_of(name: str) -> "Callable[[str], None]":
    return lambda text: talk(f"{name}: {text}")


def _show_outcomes(outcomes: "Sequence[Outcome]", summaries: "Sequence[Summary | None]") -> None:
    """One table of all devices, and below it the findings about each."""
    from mobilecnn.bench.pages import remarks, terminal

    rows: list[Sequence[str]] = []
    once: list[Sequence[str]] = []
    findings, origins = [], []
    for outcome, summary in zip(outcomes, summaries, strict=True):
        name = outcome.name
        if summary is None:
            rows.append([name, "", "FAILED", *[""] * (len(terminal.HEADER) - 2)])
            findings.append(f"FAILED: {name}: {outcome.failure}")
            continue
        short = short_names(result.model.file for result in summary.results)
        rows += [[name, *row] for row in terminal.rows(summary, short)]
        once += [[name, *row] for row in terminal.once(summary.results, short)]
        found = remarks.results(_named(summary.named, short), _named(summary.compared, short))
        findings += [f"{name}: {line}" for line in found]
        origins += [f"{name}: {line}" for line in _origin(summary, outcome.record)]
    header = ("device", *terminal.HEADER)
    data(table(header, rows, left=3, spare=terminal.SPARE, keep=("verdict",)))
    if once:
        data("")
        data(table(("device", *terminal.ONCE), once, left=2, spare=terminal.ONCE_SPARE))
    for line in [*findings, "", *origins]:
        prose(line)


def _outcome(outcome: "Outcome", summary: "Summary | None") -> "dict[str, Any]":
    """What became of one device, as JSON."""
    if summary is not None:
        return {"name": outcome.name, "measurement": str(outcome.record), **summary.to_json()}
    failure = outcome.failure
    assert failure is not None
    error = {"kind": type(failure).__name__, "message": str(failure), "exit_code": failure.exit_code}
    return {"name": outcome.name, "error": error}


def _origin(summary: "Summary", record: Path) -> list[str]:
    """The last lines: the device, the runtime and the file."""
    from mobilecnn.bench.pages import terminal

    measurement = summary.measurement
    return [
        f"{terminal.device(measurement)}; {terminal.xnnpack(summary.results)}",
        f"{terminal.kept(measurement)}: {record}",
    ]


def _say_what_next(records: "Sequence[Path]", judged: "Sequence[tuple[str, Summary]]") -> None:
    """Name the command that makes a page of the records, and for a restless device the one that examines it."""
    for name, summary in judged:
        if not all(result.valid for result in summary.results):
            then(f"mobilecnn devices diagnose {name}", "why figures are INVALID, and what to do about it")
    if records:
        then(*proposals.page(records))
