"""A summary as lines and table rows of a terminal."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from mobilecnn.bench.judge.summary import Comparison, Result, Summary
from mobilecnn.bench.pages.numbers import interval, ms
from mobilecnn.bench.pages.remarks import VERDICTS
from mobilecnn.bench.records.measurement import Facts, Measurement
from mobilecnn.bench.records.protocol import DEFAULT
from mobilecnn.bench.records.stream import Stream
from mobilecnn.remarks import plural

NO_NAMES: Mapping[str, str] = MappingProxyType({})
"""Names of files where tables show them as they are."""

HEADER = (
    "file", "", "median ms", "95 % interval", "p90", "p99", "min", "runs", "answers", "time / first", "ratio 95 %", "verdict",
)  # fmt: skip
"""Header of :func:`rows`."""

SPARE = ("runs", "min", "p99", "p90", "ratio 95 %", "answers", "95 % interval")
"""Columns of :data:`HEADER` that a narrow terminal does without, the one that says least first."""

ONCE = ("file", "first inference ms", "initialization ms", "peak memory MB", "before loading MB")
"""Header of :func:`once`: what happens once in a process."""

ONCE_SPARE = ("before loading MB", "initialization ms")
"""Columns of :data:`ONCE` that a narrow terminal does without."""


def rows(summary: Summary, names: Mapping[str, str] = NO_NAMES) -> list[tuple[str, ...]]:
    """A row for each model, under :data:`HEADER`; ``names`` has other names for files."""
    return [
        (
            names.get(result.model.file, result.model.file),
            validity(result),
            ms(result.median.value),
            interval(result.median, 1e6),
            ms(result.p90),
            ms(result.p99),
            ms(result.minimum),
            f"{result.rounds} x {result.count / result.rounds:.0f}",
            VERDICTS[result.model.answers.verdict],
            *(
                ("", "", "")
                if relative is None
                else (f"{relative.ratio.value:.3f}", interval(relative.ratio), verdict(relative))
            ),
        )
        for result, relative in zip(summary.results, summary.relative, strict=True)
    ]


def verdict(relative: Comparison) -> str:
    """The verdict on a ratio, marked where a result is INVALID."""
    return relative.verdict if relative.valid else f"{relative.verdict} (INVALID)"


def once(results: Iterable[Result], names: Mapping[str, str] = NO_NAMES) -> list[tuple[str, ...]]:
    """A row for each model, under :data:`ONCE`; ``names`` has other names for files."""
    return [
        (
            names.get(result.model.file, result.model.file),
            ms(result.first),
            ms(result.init),
            *(
                "-" if size is None else f"{size / 1e6:.1f}"
                for size in (result.peak_rss, result.baseline_rss)
            ),
        )
        for result in results
    ]


def device(measurement: Measurement) -> str:
    """The device and the runtime, in one line."""
    return _with_settings(
        facts(
            measurement.device,
            measurement.protocol.runtime,
            measurement.runtime_versions,
            measurement.protocol.threads,
        ),
        measurement.cores_used,
        measurement.protocol.delegate,
    )


def stream_device(stream: Stream) -> str:
    """:func:`device` of a stream."""
    versions = "/".join(sorted({series.start.runtime_version for series in stream.series}))
    plan = stream.plan
    return _with_settings(
        facts(stream.device, plan.runtime, versions, plan.threads), stream.cores_used, plan.delegate
    )


def _with_settings(known: str, cores: str | None, delegate: str) -> str:
    parts = [
        known,
        f"on its cores {cores} (mask)" if cores else None,
        f"delegate {delegate}" if delegate != DEFAULT else None,
    ]
    return ", ".join(part for part in parts if part)


def facts(device: Facts, runtime: str, versions: str, threads: int) -> str:
    """:func:`device` of the facts themselves."""
    parts = [
        device.board, device.cpu, plural(device.cores, "core"), device.machine,
        f"governor {'/'.join(device.governors)}" if device.governors else None,
        "virtual machine" if device.virtualised else None,
    ]  # fmt: skip
    known = ", ".join(part for part in parts if part)
    return f"{device.kind}: {known}; {runtime} {versions}, {plural(threads, 'thread')}"


def xnnpack(results: Iterable[Result]) -> str:
    """Whether XNNPACK ran the files, or another delegate, as far as the runtime says."""
    results = list(results)
    others = {
        delegate.name
        for result in results
        for delegate in result.delegates or ()
        if delegate.name != "xnnpack" and delegate.parts != 0
    }
    if others:
        return f"with the delegate {' and '.join(sorted(others))}"
    partitions = {result.model.file: result.xnnpack_partitions for result in results}
    if None in partitions.values():
        return "XNNPACK: unknown"
    without = [file for file, count in partitions.items() if not count]
    return f"without XNNPACK: {', '.join(without)}" if without else "with XNNPACK"


def kept(measurement: Measurement) -> str:
    """What the measurement file holds of each process."""
    summary = next((run.summary for run in measurement.runs if run.summary is not None), None)
    if summary is None:
        return "raw samples"
    typical = "median" if summary.median_ns is not None else "mean, because its build prints no median"
    return f"{measurement.protocol.runtime} keeps no samples; each process's summary ({typical}, minimum, maximum)"


def validity(result: Result) -> str:
    """VALID or INVALID."""
    return "VALID" if result.valid else "INVALID"
