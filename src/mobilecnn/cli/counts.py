"""What ``bench`` and ``compare`` do on an emulated chip, which counts instructions and models their time."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mobilecnn.cli import options, proposals
from mobilecnn.cli.output import (
    data,
    document,
    millions,
    progress,
    prose,
    record_path,
    say_short_names,
    short_names,
    table,
    talk,
    then,
)
from mobilecnn.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mobilecnn.bench.judge.instructions import ComparedCounts, CountResult, CountSummary
    from mobilecnn.bench.records.instructions import CountPlan, Counts, Instructions
    from mobilecnn.bench.records.protocol import Protocol

FOR_TIMING = (
    "rounds",
    "warmup_seconds",
    "seconds",
    "cool_down",
    "delegate",
    "cores",
    "even_invalid",
    *options.PHONE,
)
"""Parameters of the two commands that mean nothing to counting."""

KINDS = ("multiply-add", "dot product", "load/store", "other")
COUNTED = ("file", "instructions", *KINDS, "per MAC", "answers", "/ first")
MODELLED = ("file", "modelled ms", "90 %", "/ first", "90 %", "instructions", "per MAC", "answers")
COUNTED_SPARE = (*KINDS, "per MAC", "answers")
"""Columns of :data:`COUNTED` that a narrow terminal does without, the one that says least first."""

MODELLED_SPARE = ("per MAC", "instructions", "answers")
"""Columns of :data:`MODELLED` that a narrow terminal does without."""

UNIT = "instructions of an inference, emulated"


MODELLED_RUNS = 1
"""Number of inferences that are counted where time is modelled: simulated caches make each slow, and all are alike."""


def counts_instead(names: Sequence[str]) -> bool:
    """Whether the device counts instructions and models time, instead of measuring it.

    Args:
        names: names of the devices, as the user gives them.

    Raises:
        UsageError: a device that counts is one of several.
    """
    from mobilecnn.bench.devices.registry import counts

    counting = [name for name in names if counts(name)]
    if counting and len(names) > 1:
        raise UsageError(
            f"--device {counting[0]} counts instructions and is named alone; compare two counts with: "
            "mobilecnn compare A.json B.json"
        )
    return bool(counting)


def refuse_here(ctx: click.Context) -> None:
    """Refuse what means something on an emulated chip only, for a device that times.

    Raises:
        UsageError: such an option is given.
    """
    options.refuse(ctx, ["counts_only"], "is for emulated chips, such as --device emulated-pi4; leave it out")


def plan_of(ctx: click.Context, device: str, protocol: "Protocol", counts_only: bool) -> "CountPlan":
    """What to count, from the options.

    Raises:
        UsageError: an option is for timing.
    """
    from mobilecnn.bench.devices.names import ONE_CORE
    from mobilecnn.bench.records.instructions import CountPlan

    options.refuse(ctx, FOR_TIMING, f"is for timing, and {device} counts instructions; leave it out")
    if protocol.threads != 1:
        raise UsageError(ONE_CORE.format(name=device))
    # The defaults are those of counting and not those of timing.
    given = options.given(ctx)
    chosen = {name: getattr(protocol, name) for name in ("runs", "warmup_runs") if name in given}
    if not counts_only:
        chosen = {"runs": MODELLED_RUNS, **chosen}
    return CountPlan(protocol.runtime, protocol.seed, counts_only=counts_only, **chosen)


def count(
    models: Sequence[Path], device: str, plan: "CountPlan", output: Path | None, stem: str, wrong: bool
) -> "tuple[Instructions, Path]":
    """Count the instructions of files, and keep the record at ``output``, else under a new name."""
    from mobilecnn.bench.devices.registry import device as named
    from mobilecnn.bench.timing.counting import count as counting
    from mobilecnn.records import recording

    path = record_path(output, stem)
    with (
        recording(path) as keep,
        named(device, say=talk) as where,
        progress("Counting") as update,
    ):
        counted = counting(models, where, plan, update, sys.argv[1:], allow_wrong_answers=wrong, keep=keep)
    return counted, path


def bench(
    models: Sequence[Path], device: str, plan: "CountPlan", output: Path | None, wrong: bool, as_json: bool
) -> None:
    """Count, and print a row for each file."""
    from mobilecnn.bench.judge.instructions import CountSummary
    from mobilecnn.bench.pages import modelled

    counted, path = count(models, device, plan, output, "instructions", wrong)
    summary = CountSummary.of(counted)
    if as_json:
        about = {
            "record": str(path),
            "unit": UNIT,
            "device": asdict(counted.device),
            "plan": asdict(counted.plan),
            "model": counted.model and asdict(counted.model),
        }
        document({**about, "results": [result.to_json() for result in summary.results]})
        return
    files = [result.model.file for result in summary.results]
    names = short_names(files)
    if counted.model is None:
        data(table(COUNTED, _counted(summary, names), spare=COUNTED_SPARE))
    else:
        data(table(MODELLED, _modelled(summary, names), spare=MODELLED_SPARE))
    say_short_names(files)
    for line in _remarks([("", summary)], names):
        prose(line)
    data("")
    for line in modelled.notes(counted):
        prose(line)
    prose(f"{modelled.device(counted)}; every inference: {path}")
    then(*proposals.page([path]))


def compare_files(
    a: Path,
    b: Path,
    device: str,
    plan: "CountPlan",
    output: Path | None,
    wrong: bool,
    allowed: float | None,
    as_json: bool,
) -> None:
    """Count two files and print what B executes beyond A; fail if that is more than ``allowed``."""
    from mobilecnn.bench.judge.instructions import CountSummary, together
    from mobilecnn.bench.pages import modelled

    counted, path = count((a, b), device, plan, output, "compare", wrong)
    about = {"a": str(a), "b": str(b), "record": str(path)}
    lines = [
        f"A: {a}",
        f"B: {b}",
        *modelled.notes(counted),
        modelled.device(counted),
        f"every inference: {path}",
    ]
    _show(
        together(counted, allowed),
        about,
        [*_remarks([("", CountSummary.of(counted))]), "", *lines],
        allowed,
        as_json,
        [path],
    )


def compare_records(a: Path, b: Path, names: Sequence[str], allowed: float | None, as_json: bool) -> None:
    """Print what B's models execute beyond A's; fail if that is more than ``allowed``."""
    from mobilecnn.bench.judge.compare import alone
    from mobilecnn.bench.judge.instructions import CountSummary, apart
    from mobilecnn.bench.pages import modelled
    from mobilecnn.bench.records.instructions import Instructions

    sides = Instructions.read(a), Instructions.read(b)
    rows = apart(*sides, names, allowed)
    only = alone(sides[0].models, sides[1].models, names)
    about = {"a": str(a), "b": str(b), "only_in_a": list(only[0]), "only_in_b": list(only[1])}
    lines = _remarks([("A ", CountSummary.of(sides[0])), ("B ", CountSummary.of(sides[1]))])
    lines += [
        f"only in {side}: {', '.join(models)}" for side, models in zip("AB", only, strict=True) if models
    ]
    lines.append("")
    for side, path, counted in zip("AB", (a, b), sides, strict=True):
        lines.append(f"{side}: {path}, {counted.created}")
    notes = dict.fromkeys(line for side in sides for line in modelled.notes(side))
    _show(rows, about, [*lines, *notes, modelled.device(sides[0])], allowed, as_json, [a, b])


def _show(
    rows: "Sequence[ComparedCounts]",
    about: dict[str, Any],
    lines: Sequence[str],
    allowed: float | None,
    as_json: bool,
    records: Sequence[Path],
) -> None:
    from mobilecnn.bench.judge.instructions import refuse_more

    if as_json:
        document({**about, "unit": UNIT, "rows": [row.to_json() for row in rows]})
    else:
        data(_compared(rows))
        for line in lines:
            prose(line)
        then(*proposals.page(records))
    if allowed is not None:
        refuse_more(rows, allowed)


def _compared(rows: "Sequence[ComparedCounts]") -> str:
    """A and B side by side: modelled times, or instructions and by how much each kind of them grew."""
    from mobilecnn.bench.pages.numbers import interval, ms

    shown, header = [], ["model", "A", "B", "B / A", *(f"{kind}, B - A" for kind in KINDS)]
    for row in rows:
        cells = [millions(row.a.total), millions(row.b.total), f"{row.ratio:.4f}"]
        if row.a_time is None or row.b_time is None or row.time is None:
            cells += [f"{(y - x) / 1e6:+,.2f}" for x, y in zip(_kinds(row.a), _kinds(row.b), strict=True)]
        else:
            header = [
                "model",
                "A modelled ms",
                "B modelled ms",
                "B / A",
                "90 %",
                "A instructions",
                "B instructions",
                "B / A instructions",
            ]
            times = [ms(row.a_time.value, 2), ms(row.b_time.value, 2), f"{row.time.value:.4f}"]
            cells = [*times, interval(row.time), *cells]
        shown.append([row.name, *cells, *([] if row.limit is None else [row.limit])])
    spare = (
        "A instructions",
        "B instructions",
        *(f"{kind}, B - A" for kind in KINDS),
        "B / A instructions",
        "90 %",
    )
    titles = [*header, *(["limit"] if rows[0].limit is not None else [])]
    return table(titles, shown, spare=spare, keep=("B / A", "limit"))


def _kinds(counts: "Counts") -> tuple[int, int, int, int]:
    return counts.multiply_add, counts.dot_product, counts.load_store, counts.other


def _counted(summary: "CountSummary", names: "Mapping[str, str]") -> list[Sequence[str]]:
    """A row for each file, under :data:`COUNTED`."""
    return [
        (
            names[result.model.file],
            millions(result.counts.total),
            *map(millions, _kinds(result.counts)),
            *_checked(result),
            f"{result.relative:.3f}",
        )
        for result in summary.results
    ]


def _modelled(summary: "CountSummary", names: "Mapping[str, str]") -> list[Sequence[str]]:
    """A row for each file, under :data:`MODELLED`."""
    from mobilecnn.bench.pages.numbers import interval, ms

    rows: list[Sequence[str]] = []
    for result in summary.results:
        time, relative = result.modelled, result.modelled_relative
        assert time is not None and relative is not None
        times = (ms(time.value, 2), interval(time, 1e6, 2), f"{relative.value:.3f}", interval(relative))
        rows.append((names[result.model.file], *times, millions(result.counts.total), *_checked(result)))
    return rows


def _checked(result: "CountResult") -> tuple[str, str]:
    """Instructions for each multiply-add, and whether the answers are right."""
    from mobilecnn.bench.pages.remarks import VERDICTS

    return "-" if result.per_mac is None else f"{result.per_mac:.3f}", VERDICTS[result.model.answers.verdict]


def _remarks(
    sides: "Sequence[tuple[str, CountSummary]]", names: "Mapping[str, str] | None" = None
) -> list[str]:
    """Lines about answers, and about files whose inferences differ, which they hardly ever do.

    Args:
        sides: what names the side before its files, such as ``A``, and its summary.
        names: other names of files, where the table shows them.
    """
    from mobilecnn.bench.pages import remarks

    short = names or {}
    answers = [
        (f"{side}{short.get(model.file, model.file)}", model)
        for side, summary in sides
        for model in summary.counted.models
    ]
    warnings = [
        (f"{side}{short.get(result.model.file, result.model.file)}", finding)
        for side, summary in sides
        for result in summary.results
        for finding in result.warnings
    ]
    return [*remarks.answers(answers), *remarks.lines(warnings)]
