"""``mobilecnn compare``: two records, or two files that are timed or counted first."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mobilecnn.cli import counts, looks, options, proposals, sections
from mobilecnn.cli.measured import time_models
from mobilecnn.cli.output import (
    data,
    document,
    json_option,
    prose,
    say_short_names,
    short_names,
    table,
    talk,
    then,
)
from mobilecnn.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mobilecnn.bench.judge.compare import Compared
    from mobilecnn.bench.judge.summary import Result
    from mobilecnn.bench.records.measurement import Measurement
    from mobilecnn.bench.records.protocol import OnPhone, Protocol

FILES, TIMES, COUNTS = "a model", "times", "emulated instructions"
"""Kinds of what is compared: two .tflite files, or two records."""

FOR_FILES = ("device_name", *options.PROTOCOL, *options.PHONE, "allow_wrong_answers", "output", "counts_only")
"""Parameters that mean something to .tflite files only, which are timed or counted first."""

HEADER = ("model", "A ms", "B ms", "B / A", "95 % interval", "verdict")

SPARE = ("A ms", "B ms", "95 % interval", "B / A")
"""Columns of :data:`HEADER` that a narrow terminal does without, the one that says least first."""


@sections.command()
@click.argument("a", type=options.FILE)
@click.argument("b", type=options.FILE)
@click.option(
    "--model",
    "names",
    metavar="NAME[=OTHER]",
    multiple=True,
    help="Compare only this model of two records, or A's NAME with B's OTHER. May be repeated.",
)
@click.option(
    "--across", is_flag=True, help="Compare records of unlike devices, runtimes or thread counts, too."
)
@click.option(
    "--max-slowdown",
    metavar="PERCENT",
    help="Exit with 1 if B is certainly slower than A by more than this, as measured or modelled (with --counts-only: "
    "executes that many more instructions); with 3 "
    "if that cannot be told because a result is INVALID.",
)
@click.option(
    "--even-invalid", is_flag=True, help="Give verdicts on INVALID results, too; they are marked INVALID."
)
@options.device
@options.protocol
@options.phone
@options.counts_only
@options.allow_wrong_answers
@options.record_output("compare", "Write the measurement of two .tflite files to this file.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    a: Path,
    b: Path,
    names: tuple[str, ...],
    across: bool,
    max_slowdown: str | None,
    even_invalid: bool,
    device_name: str,
    phone: "OnPhone | None",
    protocol: "Protocol",
    counts_only: bool,
    allow_wrong_answers: bool,
    output: Path | None,
    as_json: bool,
) -> None:
    """What became faster or slower between two measurements, or two .tflite files.

    A and B are two measurement files of `mobilecnn bench`, whose models are matched by name,
    or two .tflite files, which are timed in turn. The table gives B's time relative to A's
    with its 95 % interval; undecided means that the interval includes 1, or that a result is
    INVALID, which "!" marks.

    With --device emulated-pi4, or two of its records, modelled times are compared, or with
    --counts-only instructions. Both are the same on every run: a gate that needs no board. The
    ratio of modelled times is no surer than they are: its 90 % interval is the wider one.

    \b
    Example:
      mobilecnn compare before.json after.json --max-slowdown 5%
      mobilecnn compare old/digits.int8.tflite new/digits.int8.tflite
      mobilecnn compare old/digits.int8.tflite new/digits.int8.tflite --device emulated-pi5 --max-slowdown 1%
    """
    from mobilecnn.bench.judge import compare as bench
    from mobilecnn.bench.pages import terminal
    from mobilecnn.bench.records.measurement import Measurement

    kind = _kind(a)
    if _kind(b) != kind:
        raise UsageError(
            f"{a} and {b} are of different kinds: one holds {kind}, the other {_kind(b)}; give two .tflite files, or two "
            "records of one kind"
        )
    if kind == FILES:
        because = "is for two measurement files, and these are .tflite files; leave it out"
        options.refuse(ctx, ("names", "across"), because)
    else:
        options.refuse(ctx, FOR_FILES, "is for two .tflite files, and these are records; leave it out")
    if kind == COUNTS:
        options.refuse(
            ctx,
            ["across", "even_invalid"],
            "is for times, and these are records of instructions; leave it out",
        )
    allowed = None if max_slowdown is None else bench.percentage(max_slowdown)
    if kind == COUNTS:
        counts.compare_records(a, b, names, allowed, as_json)
        return
    if kind == FILES and counts.counts_instead([device_name]):
        plan = counts.plan_of(ctx, device_name, protocol, counts_only)
        counts.compare_files(a, b, device_name, plan, output, allow_wrong_answers, allowed, as_json)
        return
    record: Path | None = None
    if kind == FILES:
        counts.refuse_here(ctx)
        measured, record = time_models(
            (a, b), device_name, phone, protocol, allow_wrong_answers, output, "compare"
        )
        compared = bench.together(measured, allowed, even_invalid=even_invalid)
        about: dict[str, Any] = {"a": str(a), "b": str(b), "measurement": str(record)}
        lines = [
            f"A: {a}",
            f"B: {b}",
            terminal.device(measured),
            f"Timed in turn; {terminal.kept(measured)}: {record}",
        ]
    else:
        sides = Measurement.read(a), Measurement.read(b)
        compared = bench.apart(*sides, names, across=across, max_slowdown=allowed, even_invalid=even_invalid)
        about = {"a": _about(a, sides[0]), "b": _about(b, sides[1])}
        lines = [_line("A", a, sides[0]), _line("B", b, sides[1])]
    if as_json:
        document({**about, **compared.to_json()})
    else:
        files = [row.name for row in compared.rows]
        pairs = any(" = " in file for file in files)  # Names of two files are no name of a file.
        shown = dict(zip(files, files, strict=True)) if pairs else short_names(files)
        data(_table(compared, shown))
        say_short_names(files)
        for line in [*_remarks(compared, shown), "", *lines]:
            prose(line)
        _say_what_next(compared, (a, b) if record is None else (record,))
    if allowed is not None:
        bench.refuse_slowdown(compared, allowed)


def _kind(path: Path) -> str:
    """What the file has to compare: :data:`FILES`, :data:`TIMES` or :data:`COUNTS`."""
    from mobilecnn.bench.records.instructions import Instructions
    from mobilecnn.records import schema

    if path.suffix.lower() == ".tflite":
        return FILES
    return COUNTS if schema(path) == Instructions.SCHEMA else TIMES


def _about(path: Path, measured: "Measurement") -> dict[str, Any]:
    whole = measured.to_json()
    about = {name: whole[name] for name in ("created", "device", "protocol")}
    return {"measurement": str(path), **about, "rounds": measured.rounds}


def _line(side: str, path: Path, measured: "Measurement") -> str:
    from mobilecnn.bench.pages import terminal

    asked = measured.protocol.rounds
    short = "" if measured.rounds == asked else f" (cut short: {measured.rounds} of {asked} rounds)"
    return f"{side}: {path}{short}, {measured.created}, {terminal.device(measured)}"


def _say_what_next(compared: "Compared", records: "Sequence[Path]") -> None:
    """Name the command that makes a page of what was timed, or say how to know more where nothing was decided."""
    if all(row.time.verdict == "undecided" for row in compared.rows):
        talk(
            looks.prose(
                "Next: more --rounds on a quiet machine narrow the intervals that decided nothing", True
            )
        )
    else:
        then(*proposals.page(records))


def _table(compared: "Compared", names: "Mapping[str, str]") -> str:
    from mobilecnn.bench.pages import terminal
    from mobilecnn.bench.pages.numbers import interval

    header, rows = list(HEADER), []
    restless = not all(result.valid for row in compared.rows for result in (row.a, row.b))
    for row in compared.rows:
        ratio = row.time.ratio
        rows.append(
            [
                names[row.name],
                _median(row.a, restless),
                _median(row.b, restless),
                f"{ratio.value:.3f}",
                interval(ratio),
                terminal.verdict(row.time),
            ]
        )
        if row.slowdown is not None:
            rows[-1].append(row.slowdown if row.time.valid else f"{row.slowdown} (INVALID)")
    if compared.rows[0].slowdown is not None:
        header.append("slowdown")
    return table(header, rows, spare=SPARE, keep=("verdict", "slowdown"))


def _median(result: "Result", restless: bool) -> str:
    """The median, with a mark if it is INVALID; ``restless`` says that any is, so that the figures stay in line."""
    from mobilecnn.bench.pages.numbers import ms

    return ms(result.median.value) + ("" if not restless else "  " if result.valid else " !")


def _remarks(compared: "Compared", names: "Mapping[str, str]") -> list[str]:
    """Lines that a reader must know before believing the table."""
    from mobilecnn.bench.pages import remarks

    sides = [
        (f"{side} {names[row.name]}", result)
        for row in compared.rows
        for side, result in (("A", row.a), ("B", row.b))
    ]
    lines = remarks.lines((name, reason) for name, result in sides for reason in result.reasons)
    lines += remarks.lines((names[row.name], note) for row in compared.rows for note in row.time.notes)
    lines += (
        []
        if not compared.even_invalid
        else ["Verdicts on INVALID results were asked for (--even-invalid): do not quote them."]
    )
    lines += remarks.answers((name, result.model) for name, result in sides)
    lines += [f"only in A: {', '.join(compared.only_a)}"] if compared.only_a else []
    lines += [f"only in B: {', '.join(compared.only_b)}"] if compared.only_b else []
    if compared.unlike:
        lines.append(f"A and B were not timed alike: {'; '.join(compared.unlike)}")
    if not compared.interleaved:
        lines.append(
            "A and B were timed apart: what changed in between, such as temperature or other load, is not in the "
            "intervals. To have it drop out, compare the .tflite files."
        )
    return lines
