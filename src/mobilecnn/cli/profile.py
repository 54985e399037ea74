"""``mobilecnn profile``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mobilecnn.cli import options, sections
from mobilecnn.cli.measured import about, refuse_clockless
from mobilecnn.cli.output import (
    data,
    document,
    json_option,
    lock,
    new_name,
    progress,
    prose,
    table,
    talk,
    then,
)
from mobilecnn.cli.terminal import joined, typed

if TYPE_CHECKING:
    from mobilecnn.bench.devices.adb.operator_profile import OperatorProfile
    from mobilecnn.bench.records.protocol import OnPhone
    from mobilecnn.bench.timing.profile import OperatorTime, Profile


WIDEST = 40
"""Most characters of an operator's name in the table; the end says more than the beginning."""


@sections.command()
@click.argument("model", type=options.FILE)
@options.device
@options.phone
@options.delegate
@options.cores
@options.runtime
@options.part_rounds("different operator")
@click.option(
    "--top", type=click.IntRange(min=0), default=15, show_default=True,
    help="Show this many operators in the table, the slowest first; 0 shows all, in the order in which they "
         "run.",
)  # fmt: skip
@options.allow_wrong_answers
@click.option(
    "-o", "--output", type=options.FILE, default=Path("mobilecnn-profile"), show_default=True,
    help="Write roofline.png, profile.json, measurement-*.json and the operators' files into this folder.",
)  # fmt: skip
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    model: Path,
    device_name: str,
    phone: "OnPhone | None",
    delegate: str,
    cores: str | None,
    runtime: str,
    threads: int,
    rounds: int,
    seconds: float,
    seed: int,
    top: int,
    allow_wrong_answers: bool,
    output: Path,
    as_json: bool,
) -> None:
    """Where the time of a .tflite file goes, operator by operator.

    Every operator becomes a file of its own and is timed on the device like any other file, those
    of the same shape once. Their sum stands beside the time of the whole file: a runtime may
    merge operators, and each part contains one call of the interpreter. The roofline chart
    shows which operators the arithmetic limits and which the memory; its roofs are measured
    on the device. On an emulated chip, such as emulated-pi4, all times are modelled, and the roofs
    are published ones.

    \b
    Example:
      mobilecnn profile out/digits.int8.tflite --device pi4
    """
    from mobilecnn.bench.devices.registry import device
    from mobilecnn.bench.pages import charts, modelled, png, remarks
    from mobilecnn.bench.records.instructions import Instructions
    from mobilecnn.bench.records.protocol import Protocol
    from mobilecnn.bench.timing import profile as bench
    from mobilecnn.extras import require
    from mobilecnn.files import check_writable, write_bytes, write_json
    from mobilecnn.records import recording
    from mobilecnn.remarks import plural
    from mobilecnn.replacing import check_picture, check_result

    where = device(device_name, runtime, phone, talk)
    refuse_clockless(ctx, where, threads)
    protocol = Protocol(
        rounds=rounds,
        threads=threads,
        runtime=runtime,
        seed=seed,
        delegate=delegate,
        cores=cores,
        seconds=seconds,
        warmup_seconds=seconds / 2,
    )
    require("a chart", "report")
    check_writable(output)
    lock(output / "profile.json")
    check_result(output / "profile.json", {"operators", "groups", "measurement"})
    check_picture(output / "roofline.png", "a chart", "-o")
    record = new_name(output, "measurement")
    with where, recording(record) as keep, progress("Profiling") as update:
        profile = bench.profile(
            model,
            where,
            protocol,
            output / f"operators-{model.stem}",
            update,
            sys.argv[1:],
            allow_wrong_answers=allow_wrong_answers,
            keep=keep,
            say=talk,
        )
    line = modelled.where(profile.record)
    picture = output / "roofline.png"
    what = f"{model.name}: modelled, not measured" if profile.modelled else model.name
    write_bytes(picture, png.draw([charts.roofline(profile)], f"{what}\n{line}"))
    content = {**profile.to_json(), "measurement": str(record), "chart": str(picture)}
    write_json(output / "profile.json", content)

    if as_json:
        document(content)
        return
    prose(line)
    for note in about(profile.record, profile.record.models[:1]):  # The others are operators.
        prose(note)
    if isinstance(profile.record, Instructions) and profile.record.model is not None:
        prose(remarks.ALONE)
    data(_groups(profile))
    data("")
    data(_operators(profile, top))
    for words in _lines(profile):
        prose(words)
    if profile.own is not None:
        data("")
        data(_own(profile.own))
    restless = sorted({row.part.name for row in profile.rows if row.median is not None and not row.valid})
    if restless:
        prose(remarks.elsewhere(plural(len(restless), "operator"), "profile.json"))
    for row in profile.rows:
        if row.part.reason:
            talk(f"not timed: {row.part.name}: {row.part.reason}")
    whole = profile.record.models[0]
    for words in remarks.answers([(whole.file, whole)]):
        talk(words)
    prose(f"Chart: {picture}")
    prose(f"{modelled.kept(profile.record)}: {record}")
    then(f"mobilecnn inspect {typed([model])}", "where the runtime leaves its fast kernels")


def _unit(profile: "Profile") -> str:
    return "GFLOP/s" if profile.peak_dtype == "float32" else "GOP/s"


def _time(profile: "Profile") -> str:
    return "modelled ms" if profile.modelled else "ms"


def _groups(profile: "Profile") -> str:
    from mobilecnn.bench.pages.numbers import ms

    rows = [
        (
            group.name,
            str(group.count),
            f"{group.macs / 1e6:.2f}",
            ms(group.time),
            f"{group.share:.1%}",
            f"{2 * group.macs / group.time:.1f}" if group.macs else "-",
        )
        for group in profile.groups()
    ]
    header = ("work", "operators", "multiply-adds M", _time(profile), "share", _unit(profile))
    return table(header, rows, spare=("operators", "multiply-adds M", _unit(profile)))


def _operators(profile: "Profile", top: int) -> str:
    rows = list(profile.rows)
    if top:
        rows = sorted(rows, key=lambda row: -(row.median.value if row.median else 0.0))[:top]
    header = [
        "operator", "kind", "output", "multiply-adds M", _time(profile), "95 % interval", _unit(profile), "of peak", "share",
    ]  # fmt: skip
    cells = [_cells(row, profile.limits.flop_per_second) for row in rows]
    if (
        profile.modelled
    ):  # No published time is of an operator, that could tell how far a modelled one is off.
        at = header.index("95 % interval")
        header = [*header[:at], *header[at + 1 :], "bound"]
        cells = [
            [*line[:at], *line[at + 1 :], row.bound or ""] for line, row in zip(cells, rows, strict=True)
        ]
    spare = ("95 % interval", "of peak", "output", "multiply-adds M", _unit(profile))
    return table(header, cells, left=3, spare=spare, keep=("share",))


def _own(said: "OperatorProfile") -> str:
    rows = [
        (kind.type, str(kind.count), f"{kind.mean_ms:.3f}", f"{kind.percent:.1f}%") for kind in said.types
    ]
    header = ("benchmark_model's own profile", "operators", "ms", "share")
    return joined(table(header, rows), "of the whole file, with the profiling on, which costs time itself")


def _cells(row: "OperatorTime", limit: float) -> list[str]:
    from mobilecnn.bench.pages.numbers import interval, ms

    part = row.part
    return [
        part.name if len(part.name) <= WIDEST else "..." + part.name[-WIDEST + 3 :],
        part.kind,
        "x".join(map(str, part.shape)),
        f"{part.macs / 1e6:.3f}",
        "-" if row.median is None else ms(row.median.value, 4) + ("" if row.valid else " !"),
        "-" if row.median is None else interval(row.median, 1e6),
        "-" if row.flops is None else f"{row.flops / 1e9:.1f}",
        "-" if row.flops is None else f"{row.flops / limit:.0%}",
        f"{row.share:.1%}",
    ]


def _lines(profile: "Profile") -> list[str]:
    from mobilecnn.bench.pages.numbers import interval, ms
    from mobilecnn.bench.pages.remarks import BOUND

    calls, ratio = len(profile.rows), profile.ratio
    ends = f" ({interval(ratio)})" if ratio.low < ratio.high else ""
    times = f"{ratio.value:.2f} times{ends}"
    article = "an" if profile.peak_dtype == "int8" else "a"
    unit, product = (
        _time(profile),
        f"{profile.peak_dtype} matrix product: {profile.peak / 1e9:.1f} {_unit(profile)}",
    )
    lines = [
        f"sum {ms(profile.total.value)} {unit}, whole file {ms(profile.whole.value)} {unit}: {times}",
        f"{calls} calls of an operator that does nothing: {ms(calls * profile.call)} {unit}, in the sum",
    ]
    limits = profile.limits
    memory = (
        ""
        if limits.bytes_per_second is None
        else f"memory, reading and writing: {limits.bytes_per_second / 1e9:.2f} GB/s"
    )
    if not limits.published:
        unknown = "memory: unknown, because the device cannot measure its bandwidth; the chart has no slope"
        return [*lines, f"peak of {article} {product}", memory or unknown]
    peak = f"{limits.flop_per_second / 1e9:.1f} {_unit(profile)}"
    return [
        *lines,
        f"peak of one core, {profile.peak_dtype}: {peak}, published ({limits.arithmetic})",
        f"modelled speed of {article} {product}, {profile.peak / limits.flop_per_second:.0%} of that",
        f"{memory}, published ({limits.memory})"
        if memory
        else "memory: no published bandwidth was found; the chart has no slope",
        BOUND,
    ]
