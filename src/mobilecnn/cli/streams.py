"""``mobilecnn bench --sustained`` and ``--single-stream``: one process without a pause."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from mobilecnn.cli.output import data, document, progress, table, talk
from mobilecnn.errors import MobileCnnError, OutputError, UsageError

if TYPE_CHECKING:
    from mobilecnn.bench.devices.seam import Device
    from mobilecnn.bench.records.stream import Plan, Stream

OF_ROUNDS = ("rounds", "warmup_runs", "warmup_seconds", "runs", "seconds")
OF_SINGLE_STREAM = ("min_seconds", "min_queries")


def refuse_options(ctx: click.Context, sustained: float | None, single_stream: bool) -> None:
    """An option that would change nothing is a misunderstanding.

    Raises:
        UsageError: there is one.
    """
    if sustained is not None and single_stream:
        raise UsageError("--sustained and --single-stream are two ways to time; choose one")
    chosen = "--single-stream" if single_stream else None if sustained is None else "--sustained"
    for parameter in ctx.command.params:
        if ctx.get_parameter_source(str(parameter.name)) != ParameterSource.COMMANDLINE:
            continue
        if parameter.name in OF_SINGLE_STREAM and not single_stream:
            raise UsageError(f"{parameter.opts[-1]} is for --single-stream; leave it out")
        if parameter.name in OF_ROUNDS and chosen is not None:
            raise UsageError(
                f"{parameter.opts[-1]} is for rounds of short processes, and {chosen} runs one long one; leave it out"
            )


def sustain(
    models: Sequence[Path], where: "Device", plan: "Plan", record: Path, wrong: bool, as_json: bool
) -> None:
    """Run models for minutes; print what became of their latency, and draw it."""
    from mobilecnn.bench.judge.sustained import chart, judge, remarks
    from mobilecnn.files import write_bytes
    from mobilecnn.records import partial

    picture = record.with_suffix(".png")
    if picture == record:
        raise UsageError(f"{record} would be the record, a JSON file, and the chart; name the record with -o")
    if picture.exists():
        raise OutputError(f"{picture} exists, and the chart would replace it; choose another name with -o")
    last: list[Stream] = []

    def lines(stream: "Stream") -> list[str]:
        return [
            line
            for model, series in zip(stream.models, stream.series, strict=False)
            for line in (
                f"{model.file}: {judge(series.windows).text}",
                f"  {'; '.join(remarks(series))}",
            )
        ]

    try:
        stream = _run(models, where, plan, record, wrong, "Sustained", last.append)
    except (KeyboardInterrupt, MobileCnnError):
        # What there is of it is shown as well as kept.
        if last:
            write_bytes(partial(record).with_suffix(".png"), chart(last[-1]))
            for line in lines(last[-1]):
                talk(line)
        raise
    write_bytes(picture, chart(stream))
    if as_json:
        results = [
            {
                "file": model.file,
                "sha256": model.sha256,
                **judge(series.windows).to_json(),
                "remarks": remarks(series),
            }
            for model, series in zip(stream.models, stream.series, strict=True)
        ]
        document({**_about(stream, record), "chart": str(picture), "results": results})
        return
    for line in lines(stream):
        data(line)
    _say_where(stream, f"Chart: {picture}   windows and samples: {record}")


def single_stream(
    models: Sequence[Path], where: "Device", plan: "Plan", record: Path, wrong: bool, as_json: bool
) -> None:
    """Run queries one after another; print the 90th percentile as MLPerf's rules estimate it."""
    from mobilecnn.bench.judge.single_stream import CLAIM, single_streams

    stream = _run(models, where, plan, record, wrong, "Single stream", lambda _: None)
    results = single_streams(stream)
    if as_json:
        rows = [result.to_json() for result in results]
        document({**_about(stream, record), "claim": CLAIM, "results": rows})
        return
    header = ("file", "p90 ms, early stopping", "plain p90", "median", "queries", "seconds", "discarded")
    rows_of_text = [
        (
            result.model.file,
            "-" if result.estimate is None or result.unmet else f"{result.estimate / 1e6:.3f}",
            f"{result.p90 / 1e6:.3f}",
            f"{result.median / 1e6:.3f}",
            f"{result.queries}",
            f"{result.seconds:.0f}",
            f"{result.discarded}",
        )
        for result in results
    ]
    data(table(header, rows_of_text))
    for result in results:
        for why in result.unmet:
            data(f"no single-stream figure: {result.model.file}: {why}")
        for warning in result.warnings:
            data(f"Warning: {result.model.file}: {warning}")
    data(CLAIM)
    _say_where(stream, f"all samples: {record}")


def _run(
    models: Sequence[Path],
    where: "Device",
    plan: "Plan",
    record: Path,
    wrong: bool,
    label: str,
    seen: "Callable[[Stream], None]",
) -> "Stream":
    from mobilecnn.bench.timing.long_run import run
    from mobilecnn.records import recording

    with recording(record) as keep, where, progress(f"{label}, s") as update:

        def both(stream: "Stream") -> None:
            keep(stream)
            seen(stream)

        return run(models, where, plan, update, sys.argv[1:], allow_wrong_answers=wrong, keep=both, say=talk)


def _about(stream: "Stream", record: Path) -> dict[str, Any]:
    whole = stream.to_json()
    return {"record": str(record), "device": whole["device"], "plan": whole["plan"]}


def _say_where(stream: "Stream", files: str) -> None:
    from mobilecnn.cli.bench import facts_line, model_lines

    versions = "/".join(sorted({series.start.runtime_version for series in stream.series}))
    for line in model_lines(stream.models):
        data(line)
    data(f"\n{facts_line(stream.device, stream.plan.runtime, versions, stream.plan.threads)}")
    data(files)
