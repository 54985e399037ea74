"""What the commands share about measurements: making one, and the lines about its device and its answers."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mobilecnn.cli.output import progress, record_path, talk

if TYPE_CHECKING:
    from mobilecnn.bench.judge.statistics import Interval
    from mobilecnn.bench.judge.summary import Result
    from mobilecnn.bench.records.measurement import Facts, Measurement, Model
    from mobilecnn.bench.records.protocol import OnPhone, Protocol

WORDS = {"verified": "verified", "differs": "WRONG", "not checked": "not checked"}
"""Verdict on a file's answers, as a measurement stores it -> as the tables write it."""


def time_models(
    models: Sequence[Path],
    device_name: str,
    phone: "OnPhone | None",
    protocol: "Protocol",
    allow_wrong_answers: bool,
    output: Path | None,
    stem: str,
) -> "tuple[Measurement, Path]":
    """Time files on one device; the measurement and its file, which is named ``output`` or after ``stem``."""
    from mobilecnn.bench.devices.registry import device
    from mobilecnn.bench.timing.rounds import measure
    from mobilecnn.records import recording

    where = device(device_name, protocol.runtime, phone)
    record = record_path(output, stem)
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
    return measurement, record


def device_line(measurement: "Measurement") -> str:
    """The device and the runtime, in one line."""
    protocol = measurement.protocol
    return facts_line(measurement.device, protocol.runtime, measurement.runtime_versions, protocol.threads)


def facts_line(facts: "Facts", runtime: str, versions: str, threads: int) -> str:
    """:func:`device_line` from its parts, for records other than measurements."""
    parts = [
        facts.board, facts.cpu, f"{facts.cores} cores", facts.machine,
        f"governor {'/'.join(facts.governors)}" if facts.governors else None,
        "virtual machine" if facts.virtualised else None,
        None if facts.android is None else f"on its cores {facts.android.cores} (mask)",
    ]  # fmt: skip
    known = ", ".join(part for part in parts if part)
    return f"{facts.kind}: {known}; {runtime} {versions}, {threads} thread{'' if threads == 1 else 's'}"


def what_is_kept(measurement: "Measurement") -> str:
    """What the measurement's file holds of each process: raw samples, or only a summary."""
    summaries = [run.summary for run in measurement.runs if run.summary is not None]
    if not summaries:
        return "raw samples"
    typical = "median" if summaries[0].median_ns is not None else "mean, because its build prints no median"
    return f"{measurement.protocol.runtime} keeps no samples; each process's summary ({typical}, minimum, maximum)"


def answer_lines(results: "Sequence[Result]") -> list[str]:
    """A line for each reason why answers were not checked or are wrong, with the files it applies to."""
    return model_lines([result.model for result in results])


def model_lines(models: "Sequence[Model]") -> list[str]:
    """:func:`answer_lines` for models whose results are of another kind."""
    files: dict[str, list[str]] = {}
    for model in models:
        if model.answers.reason:
            text = f"answers {WORDS[model.answers.verdict]}: {model.answers.reason}"
            files.setdefault(text, []).append(model.file)
    return [f"{text}: {', '.join(names)}" for text, names in files.items()]


def warning_lines(results: "Sequence[Result]") -> list[str]:
    """A line for each warning about the machine, with the files it applies to unless that is all."""
    from mobilecnn.bench.judge.summary import gathered

    return [
        f"Warning: {warning}" if len(files) == len(results) else f"Warning: {', '.join(files)}: {warning}"
        for warning, files in gathered(results, lambda result: result.warnings)
    ]


def interval_text(interval: "Interval", unit: float = 1.0) -> str:
    """An interval as a table shows it, in units of ``unit``."""
    return f"{interval.low / unit:.3f} .. {interval.high / unit:.3f}"
