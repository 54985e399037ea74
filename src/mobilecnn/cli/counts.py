"""What ``bench`` and ``compare`` do on a device that counts instructions instead of timing."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mobilecnn.cli import options
from mobilecnn.cli.output import data, document, millions, progress, record_path, table, talk
from mobilecnn.errors import UsageError

if TYPE_CHECKING:
    from mobilecnn.bench.judge.instructions import ComparedCounts, CountSummary
    from mobilecnn.bench.records.instructions import CountPlan, Counts, Instructions
    from mobilecnn.bench.records.protocol import Protocol

FOR_TIMING = ("rounds", "warmup_seconds", "seconds", "cool_down", *options.PHONE)
"""Parameters of the two commands that mean nothing to counting."""

KINDS = ("multiply-add", "dot product", "load/store", "other")
HEADER = ("file", "instructions", *KINDS, "per MAC", "answers", "/ first")
NOTE = "emulated, instructions: millions of an inference, counted and exact; they are not times"
UNIT = "instructions of an inference, emulated"


def counts_instead(names: Sequence[str]) -> bool:
    """Whether the device counts instructions instead of timing.

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


def plan_of(ctx: click.Context, device: str, protocol: "Protocol") -> "CountPlan":
    """What to count, from the options.

    Raises:
        UsageError: an option is for timing.
    """
    from mobilecnn.bench.records.instructions import CountPlan

    options.refuse(ctx, FOR_TIMING, f"is for timing, and {device} counts instructions; leave it out")
    if protocol.threads != 1:
        raise UsageError(f"--threads must be 1 on {device}: instructions are counted on one core")
    # The defaults are those of counting and not those of timing.
    given = options.given(ctx)
    chosen = {name: getattr(protocol, name) for name in ("runs", "warmup_runs") if name in given}
    return CountPlan(protocol.runtime, protocol.seed, **chosen)


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

    counted, path = count(models, device, plan, output, "instructions", wrong)
    summary = CountSummary.of(counted)
    if as_json:
        about = {
            "record": str(path),
            "unit": UNIT,
            "device": asdict(counted.device),
            "plan": asdict(counted.plan),
        }
        document({**about, "results": [result.to_json() for result in summary.results]})
        return
    data(table(HEADER, _rows(summary)))
    for line in _remarks([("", summary)]):
        data(line)
    data("")
    data(NOTE)
    data(f"{device_line(counted)}; counts of every inference: {path}")


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

    counted, path = count((a, b), device, plan, output, "compare", wrong)
    about = {"a": str(a), "b": str(b), "record": str(path)}
    lines = [f"A: {a}", f"B: {b}", device_line(counted), f"counts of every inference: {path}"]
    _show(
        together(counted, allowed),
        about,
        [*_remarks([("", CountSummary.of(counted))]), "", *lines],
        allowed,
        as_json,
    )


def compare_records(a: Path, b: Path, names: Sequence[str], allowed: float | None, as_json: bool) -> None:
    """Print what B's models execute beyond A's; fail if that is more than ``allowed``."""
    from mobilecnn.bench.judge.compare import alone
    from mobilecnn.bench.judge.instructions import CountSummary, apart
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
    _show(rows, about, [*lines, device_line(sides[0])], allowed, as_json)


def _show(
    rows: "Sequence[ComparedCounts]",
    about: dict[str, Any],
    lines: Sequence[str],
    allowed: float | None,
    as_json: bool,
) -> None:
    from mobilecnn.bench.judge.instructions import refuse_more

    if as_json:
        document({**about, "unit": UNIT, "rows": [row.to_json() for row in rows]})
    else:
        for line in [_compared(rows), *lines, f"{NOTE}; by kind: B minus A"]:
            data(line)
    if allowed is not None:
        refuse_more(rows, allowed)


def device_line(counted: "Instructions") -> str:
    """The processor, the emulator and the runtime, in one line."""
    facts, versions = counted.device, sorted({series.runtime_version for series in counted.series})
    return f"{facts.kind}: {facts.cpu}, {facts.kernel}; {counted.plan.runtime} {'/'.join(versions)}, 1 thread"


def _compared(rows: "Sequence[ComparedCounts]") -> str:
    """A and B side by side, and by how much each kind of instruction grew."""
    header = ["model", "A", "B", "B / A", *KINDS]
    if rows[0].limit is not None:
        header.append("limit")
    return table(
        header,
        [
            [
                row.name,
                millions(row.a.total),
                millions(row.b.total),
                f"{row.ratio:.4f}",
                *(f"{(y - x) / 1e6:+,.2f}" for x, y in zip(_kinds(row.a), _kinds(row.b), strict=True)),
                *([] if row.limit is None else [row.limit]),
            ]
            for row in rows
        ],
    )


def _kinds(counts: "Counts") -> tuple[int, int, int, int]:
    return counts.multiply_add, counts.dot_product, counts.load_store, counts.other


def _rows(summary: "CountSummary") -> list[Sequence[str]]:
    from mobilecnn.bench.pages.remarks import VERDICTS

    return [
        (
            result.model.file,
            millions(result.counts.total),
            *map(millions, _kinds(result.counts)),
            "-" if result.per_mac is None else f"{result.per_mac:.3f}",
            VERDICTS[result.model.answers.verdict],
            f"{result.relative:.3f}",
        )
        for result in summary.results
    ]


def _remarks(sides: "Sequence[tuple[str, CountSummary]]") -> list[str]:
    """Lines about answers, and about files whose inferences differ, which they hardly ever do.

    Args:
        sides: what names the side before its files, such as ``A``, and its summary.
    """
    from mobilecnn.bench.pages import remarks

    answers = [(f"{side}{model.file}", model) for side, summary in sides for model in summary.counted.models]
    warnings = [
        (f"{side}{result.model.file}", finding)
        for side, summary in sides
        for result in summary.results
        for finding in result.warnings
    ]
    return [*remarks.answers(answers), *remarks.lines(warnings)]
