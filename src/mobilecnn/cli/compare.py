"""``mobilecnn compare``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from mobilecnn.cli import options
from mobilecnn.cli.bench import FOLDER, answer_lines, device_line, interval_text, new_name, what_is_kept
from mobilecnn.cli.output import data, document, json_option, progress, table, talk
from mobilecnn.errors import UsageError

if TYPE_CHECKING:
    from mobilecnn.bench.judge.compare import Compared
    from mobilecnn.bench.judge.summary import Result
    from mobilecnn.bench.records.measurement import Measurement
    from mobilecnn.bench.records.protocol import OnPhone, Protocol

FOR_MEASUREMENTS = ("names", "across")
FOR_BOTH = ("a", "b", "max_slowdown", "as_json")
"""Parameters; all others are for the timing of .tflite files."""

HEADER = ("model", "A ms", "", "B ms", "", "B / A", "95 % interval", "verdict")


@click.command()
@click.argument("a", type=options.FILE)
@click.argument("b", type=options.FILE)
@click.option(
    "--model",
    "names",
    metavar="NAME[=OTHER]",
    multiple=True,
    help="Compare only this model, or A's NAME with B's OTHER. May be repeated.",
)
@click.option("--across", is_flag=True, help="Compare runs on unlike devices, runtimes or threads, too.")
@click.option(
    "--max-slowdown",
    metavar="PERCENT",
    help="Exit with 1 if B is slower than A, or executes more instructions, by more; for sure.",
)
@options.device
@options.phone
@options.protocol
@options.allow_wrong_answers
@click.option(
    "-o",
    "--output",
    type=options.FILE,
    help=f"Where the measurement of two .tflite files goes.  [default: {FOLDER}/compare-DATE-TIME.json]",
)
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    a: Path,
    b: Path,
    names: tuple[str, ...],
    across: bool,
    max_slowdown: str | None,
    device_name: str,
    phone: "OnPhone | None",
    protocol: "Protocol",
    allow_wrong_answers: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    """What became faster or slower between two measurements, or two .tflite files.

    A and B are two measurement files of `mobilecnn bench`, whose models are matched by name,
    or two .tflite files, which are timed in turn. The table gives B's time relative to A's
    with its 95 % interval; undecided means that the interval includes 1. "!" marks an INVALID
    result.

    With --device emulated, or two of its records, instructions are compared, which need no
    interval: they are the same on every run.

    \b
    Example:
      mobilecnn compare before.json after.json --max-slowdown 5%
      mobilecnn compare old/digits.int8.tflite new/digits.int8.tflite
      mobilecnn compare old/digits.int8.tflite new/digits.int8.tflite --device emulated-a76 --max-slowdown 1%
    """
    from mobilecnn.bench.judge import compare as bench
    from mobilecnn.bench.records import instructions
    from mobilecnn.bench.records.measurement import read
    from mobilecnn.cli import counts
    from mobilecnn.records import schema

    models = [path.suffix.lower() == ".tflite" for path in (a, b)]
    if models[0] != models[1]:
        raise UsageError(f"{a} and {b} are of different kinds: give two .tflite files, or two measurements")
    counted = not models[0] and [schema(path) == instructions.SCHEMA for path in (a, b)]
    if counted and counted[0] != counted[1]:
        raise UsageError(
            f"{a} and {b} are of different kinds: one holds times, the other emulated instructions"
        )
    _refuse_options(ctx, timed=models[0])
    allowed = None if max_slowdown is None else bench.percentage(max_slowdown)
    if models[0] and counts.is_emulated([device_name]):
        counting = counts.plan_of(ctx, device_name, protocol)
        counts.compare_files(a, b, device_name, counting, output, allow_wrong_answers, allowed, as_json)
        return
    if counted and all(counted):
        if across:
            raise UsageError(
                "--across is for times: instructions of unlike processors or runtimes say nothing"
            )
        counts.compare_records(a, b, names, allowed, as_json)
        return
    if models[0]:
        measured, record = _time(a, b, device_name, phone, protocol, allow_wrong_answers, output)
        compared = bench.together(measured, allowed)
        about: dict[str, Any] = {"a": str(a), "b": str(b), "measurement": str(record)}
        lines = [
            f"A: {a}",
            f"B: {b}",
            device_line(measured),
            f"Timed in turn; {what_is_kept(measured)}: {record}",
        ]
    else:
        sides = read(a), read(b)
        compared = bench.apart(*sides, names, across=across, max_slowdown=allowed)
        about = {"a": _about(a, sides[0]), "b": _about(b, sides[1])}
        lines = [_line("A", a, sides[0]), _line("B", b, sides[1])]
    if as_json:
        document({**about, **compared.to_json()})
    else:
        data(_table(compared))
        for line in [*_remarks(compared), "", *lines]:
            data(line)
    if allowed is not None:
        bench.refuse_slowdown(compared, allowed)


def _refuse_options(ctx: click.Context, timed: bool) -> None:
    """An option that would change nothing is a misunderstanding."""
    for parameter in ctx.command.params:
        assert parameter.name is not None
        if parameter.name in FOR_BOTH or (parameter.name in FOR_MEASUREMENTS) != timed:
            continue
        if ctx.get_parameter_source(parameter.name) == ParameterSource.COMMANDLINE:
            which = (
                "two measurement files, and these are .tflite files"
                if timed
                else "two .tflite files, and these are timed already"
            )
            raise UsageError(f"{parameter.opts[-1]} is for {which}; leave it out")


def _time(
    a: Path,
    b: Path,
    device_name: str,
    phone: "OnPhone | None",
    protocol: "Protocol",
    allow_wrong_answers: bool,
    output: Path | None,
) -> "tuple[Measurement, Path]":
    from mobilecnn.bench.devices.registry import device
    from mobilecnn.bench.timing.rounds import measure
    from mobilecnn.files import check_writable
    from mobilecnn.records import recording

    where = device(device_name, protocol.runtime, phone)
    check_writable(FOLDER if output is None else output.parent)
    record = new_name(FOLDER, "compare") if output is None else output
    with recording(record) as keep, where, progress("Timing") as update:
        measured = measure(
            (a, b),
            where,
            protocol,
            update,
            sys.argv[1:],
            allow_wrong_answers=allow_wrong_answers,
            keep=keep,
            say=talk,
        )
    return measured, record


def _about(path: Path, measured: "Measurement") -> dict[str, Any]:
    whole = measured.to_json()
    about = {name: whole[name] for name in ("created", "device", "protocol")}
    return {"measurement": str(path), **about, "rounds": measured.rounds}


def _line(side: str, path: Path, measured: "Measurement") -> str:
    asked = measured.protocol.rounds
    short = "" if measured.rounds == asked else f" (cut short: {measured.rounds} of {asked} rounds)"
    return f"{side}: {path}{short}, {measured.created}, {device_line(measured)}"


def _table(compared: "Compared") -> str:
    header, rows = list(HEADER), []
    for row in compared.rows:
        ratio = row.time.ratio
        rows.append(
            [
                row.name,
                *_median(row.a),
                *_median(row.b),
                f"{ratio.value:.3f}",
                interval_text(ratio),
                row.time.verdict,
            ]
        )
        if row.slowdown is not None:
            rows[-1].append(row.slowdown)
    if compared.rows[0].slowdown is not None:
        header.append("slowdown")
    return table(header, rows)


def _median(result: "Result") -> tuple[str, str]:
    return f"{result.median.value / 1e6:.3f}", "" if result.valid else "!"


def _remarks(compared: "Compared") -> list[str]:
    """What a reader must know before believing the table."""
    said = [
        f"INVALID: {side} {row.name}: {reason}"
        for row in compared.rows
        for side, result in (("A", row.a), ("B", row.b))
        for reason in result.reasons
    ]
    for side in ("a", "b"):
        results = [getattr(row, side) for row in compared.rows]
        said += [f"{side.upper()} {line}" for line in answer_lines(results)]
    said += [f"only in A: {', '.join(compared.only_a)}"] if compared.only_a else []
    said += [f"only in B: {', '.join(compared.only_b)}"] if compared.only_b else []
    if compared.unlike:
        said.append(f"A and B were not timed alike: {'; '.join(compared.unlike)}")
    if not compared.interleaved:
        said.append(
            "A and B were timed apart: what changed in between, such as temperature or other load, is not in the "
            "intervals. To have it drop out, compare the .tflite files."
        )
    return said
