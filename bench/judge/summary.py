"""What a measurement says: one result for each model, and the ratio of two."""

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from mobilecnn.bench.judge import hygiene, statistics
from mobilecnn.bench.judge.statistics import Interval, Verdict
from mobilecnn.bench.records.measurement import Measurement, Model


@dataclass(frozen=True)
class Result:
    """What a measurement says of one model. Times in ns, memory in bytes.

    Attributes:
        model: the file.
        rounds: processes.
        count: timed inferences of all of them.
        median: over the rounds of each one's median, with its 95 % interval.
        of_means: whether it is over each one's mean, because the tool printed no median.
        p90: the 90th percentile of all samples together; None where there are no samples.
        p99: the 99th, which of few samples is nearly the slowest.
        minimum: the fastest sample.
        mean: of all samples; above the median when some were disturbed.
        first: the first inference of a process, median.
        init: loading the file and allocating the tensors, median.
        peak_rss: the highest resident memory of any of the processes.
        baseline_rss: what such a process takes before it loads the model.
        runtime_version: of the runtime.
        xnnpack_partitions: parts of the graph that XNNPACK took over.
        reasons: why the median is not to be relied on, and what to do; empty when it is.
        warnings: what else could be better about the machine, and what to do; none of it makes
            the result INVALID.
    """

    model: Model
    rounds: int
    count: int
    median: Interval
    of_means: bool
    p90: float | None
    p99: float | None
    minimum: int
    mean: float
    first: float
    init: float
    peak_rss: int | None
    baseline_rss: int | None
    runtime_version: str
    xnnpack_partitions: int | None
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def valid(self) -> bool:
        """Whether nothing speaks against the median."""
        return not self.reasons

    def to_json(self) -> dict[str, Any]:
        """As a JSON object, with the units in the names."""
        return {
            "file": self.model.file,
            "sha256": self.model.sha256,
            "bytes": self.model.bytes,
            "rounds": self.rounds,
            "count": self.count,
            "median_ns": self.median.value,
            "interval_ns": [self.median.low, self.median.high],
            "median_of_means": self.of_means,
            "p90_ns": self.p90,
            "p99_ns": self.p99,
            "minimum_ns": self.minimum,
            "mean_ns": self.mean,
            "first_ns": self.first,
            "init_ns": self.init,
            "peak_rss_bytes": self.peak_rss,
            "baseline_rss_bytes": self.baseline_rss,
            "runtime_version": self.runtime_version,
            "xnnpack_partitions": self.xnnpack_partitions,
            "answers": asdict(self.model.answers),
            "valid": self.valid,
            "reasons": list(self.reasons),
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True)
class Comparison:
    """One model's time relative to another's.

    Attributes:
        ratio: how many times as long, with its 95 % interval.
        verdict: faster or slower when the interval is all on one side of 1.
    """

    ratio: Interval
    verdict: Verdict

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        ratio = self.ratio
        return {"ratio": ratio.value, "interval": [ratio.low, ratio.high], "verdict": self.verdict}


def compare(measurement: Measurement, model: int, base: int = 0) -> Comparison:
    """The time of ``model`` relative to ``base``, both by index."""
    ratio = statistics.ratio_interval(
        measurement.rounds_of(model), measurement.rounds_of(base), measurement.protocol.seed
    )
    return Comparison(ratio, statistics.verdict(ratio))


def summarize(measurement: Measurement) -> tuple[Result, ...]:
    """One result for each model, in their order."""
    return tuple(_result(measurement, index) for index in range(len(measurement.models)))


def _result(measurement: Measurement, index: int) -> Result:
    runs = [run for run in measurement.runs if run.model == index]
    summaries = [run.summary for run in runs if run.summary is not None]
    samples = [sample for run in runs if run.summary is None for sample in run.samples_ns]
    count = sum(run.count for run in runs)
    total = math.fsum([*samples, *(summary.mean_ns * summary.count for summary in summaries)])
    interval = statistics.median_interval(measurement.rounds_of(index), measurement.protocol.seed)
    return Result(
        model=measurement.models[index],
        rounds=len(runs),
        count=count,
        median=interval,
        of_means=any(summary.median_ns is None for summary in summaries),
        p90=None if summaries else statistics.percentile(samples, 90),
        p99=None if summaries else statistics.percentile(samples, 99),
        minimum=min([*samples, *(summary.minimum_ns for summary in summaries)]),
        mean=total / count,
        first=statistics.median([run.first_ns for run in runs]),
        init=statistics.median([run.init_ns for run in runs]),
        peak_rss=max(_known(run.peak_rss_bytes for run in runs), default=None),
        baseline_rss=min(_known(run.baseline_rss_bytes for run in runs), default=None),
        runtime_version=runs[0].runtime_version,
        xnnpack_partitions=runs[0].xnnpack_partitions,
        reasons=tuple(hygiene.reasons(measurement.protocol, runs, interval)),
        warnings=tuple(hygiene.warnings(measurement.device, runs)),
    )


def gathered(
    results: Iterable[Result], texts: Callable[[Result], Iterable[str]]
) -> list[tuple[str, tuple[str, ...]]]:
    """What is said of several results (their reasons, their warnings), each text once with its files."""
    files: dict[str, list[str]] = {}
    for result in results:
        for text in texts(result):
            files.setdefault(text, []).append(result.model.file)
    return [(text, tuple(dict.fromkeys(names))) for text, names in files.items()]


def _known(values: Iterable[int | None]) -> list[int]:
    return [value for value in values if value is not None]
