"""What a measurement says: one result for each model, and its time relative to the first's.

:meth:`Summary.of` computes it once; text (:mod:`mobilecnn.bench.pages.terminal`), JSON and HTML are
rendered from that one object.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

from mobilecnn.bench.judge import doubts, hygiene, statistics
from mobilecnn.bench.judge.findings import Finding
from mobilecnn.bench.judge.statistics import Interval, Verdict
from mobilecnn.bench.records.measurement import Measurement, Model
from mobilecnn.bench.records.told import Delegated


@dataclass(frozen=True)
class Result:
    """What a measurement says of one model. Times in ns, memory in bytes.

    Attributes:
        model: the file.
        rounds: number of processes.
        count: number of timed inferences in all of them.
        median: median over the rounds of each round's median, with its 95 % interval.
        of_means: whether it is over each round's mean, because the tool printed no median.
        p90: 90th percentile of all samples together; None where there are no samples.
        p99: 99th percentile, which of few samples is nearly the slowest.
        minimum: time of the fastest sample.
        mean: mean of all samples; above the median when some were disturbed.
        first: median time of the first inference of a process.
        init: median time of loading the file and allocating the tensors.
        peak_rss: highest resident memory of any of the processes.
        baseline_rss: memory of such a process before it loads the model.
        p5: median over the processes of the 5th percentile that the tool prints; None where there are samples, or
            it prints none.
        p95: the same of the 95th percentile.
        delegates: delegates that ran the model; empty where the runtime says that there were none, None where
            it says nothing.
        cores: mask of the cores that the processes could run on; None if unknown.
        runtime_version: version of the runtime.
        xnnpack_partitions: parts of the graph that XNNPACK took over.
        reasons: why the median is not to be relied on; empty when it is.
        warnings: what else could be better about the machine; none of it makes the result INVALID.
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
    p5: float | None
    p95: float | None
    delegates: tuple[Delegated, ...] | None
    cores: str | None
    runtime_version: str
    xnnpack_partitions: int | None
    reasons: tuple[Finding, ...]
    warnings: tuple[Finding, ...]

    @property
    def valid(self) -> bool:
        """Whether nothing speaks against the median."""
        return not self.reasons

    def to_json(self) -> dict[str, Any]:
        """The result as a JSON object, with the units in the names."""
        return {
            "file": self.model.file,
            "sha256": self.model.sha256,
            "bytes": self.model.bytes,
            "rounds": self.rounds,
            "count": self.count,
            "median_ns": self.median.value,
            "interval_ns": [self.median.low, self.median.high],
            "interval_uncut_ns": self.median.uncut and list(self.median.uncut),
            "median_of_means": self.of_means,
            "p90_ns": self.p90,
            "p99_ns": self.p99,
            "minimum_ns": self.minimum,
            "mean_ns": self.mean,
            "first_ns": self.first,
            "init_ns": self.init,
            "peak_rss_bytes": self.peak_rss,
            "baseline_rss_bytes": self.baseline_rss,
            "p5_ns": self.p5,
            "p95_ns": self.p95,
            "delegates": None
            if self.delegates is None
            else [asdict(delegate) for delegate in self.delegates],
            "cores": self.cores,
            "runtime_version": self.runtime_version,
            "xnnpack_partitions": self.xnnpack_partitions,
            "answers": asdict(self.model.answers),
            "valid": self.valid,
            "reasons": [finding.to_json() for finding in self.reasons],
            "warnings": [finding.to_json() for finding in self.warnings],
        }


@dataclass(frozen=True)
class Comparison:
    """One model's time relative to another's.

    Attributes:
        ratio: factor of the time, with its 95 % interval.
        verdict: faster or slower when the interval is all on one side of 1, and both results are VALID; else
            undecided, unless the comparison was asked for even so.
        valid: whether both results are VALID.
        notes: what must be said of the ratio.
    """

    ratio: Interval
    verdict: Verdict
    valid: bool = True
    notes: tuple[Finding, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The comparison as a JSON object."""
        ratio = self.ratio
        return {
            "ratio": ratio.value,
            "interval": [ratio.low, ratio.high],
            "verdict": self.verdict,
            "valid": self.valid,
            "notes": [note.to_json() for note in self.notes],
        }


def comparison(ratio: Interval, model: Result, base: Result, *, even_invalid: bool = False) -> Comparison:
    """What a ratio of two times says.

    Args:
        ratio: time of ``model`` over that of ``base``, with its interval.
        model: result of the one.
        base: result of the other.
        even_invalid: whether a verdict is given on INVALID results, too.
    """
    valid = model.valid and base.valid
    verdict = statistics.verdict(ratio) if valid or even_invalid else "undecided"
    return Comparison(ratio, verdict, valid, tuple(_contradiction(ratio, model, base)))


def compare(
    measurement: Measurement,
    model: int,
    base: int = 0,
    *,
    results: Sequence[Result] | None = None,
    even_invalid: bool = False,
) -> Comparison:
    """The time of ``model`` relative to ``base``, both by index.

    Args:
        measurement: measurement of both.
        model: the one.
        base: the other.
        results: what :func:`summarize` says of the measurement; None to compute it.
        even_invalid: as :func:`comparison` has it.
    """
    ratio = statistics.ratio_interval(
        measurement.rounds_of(model), measurement.rounds_of(base), measurement.protocol.seed
    )
    known = summarize(measurement) if results is None else results
    return comparison(ratio, known[model], known[base], even_invalid=even_invalid)


def _contradiction(ratio: Interval, model: Result, base: Result) -> Iterator[Finding]:
    """That the medians, which stand beside the ratio, would say otherwise."""
    medians = model.median.value / base.median.value
    shown = round(ratio.value, 3), round(medians, 3)
    if ratio.low <= medians <= ratio.high and not min(shown) < 1 < max(shown):
        return
    yield Finding(
        "ratio-against-medians",
        f"the times are {shown[0]:.3f} to 1 within the rounds, and the medians {shown[1]:.3f} to 1: the machine changed from "
        "round to round, and only the first compares what ran side by side",
        "use more --rounds, on a machine that is at rest",
        "warning",
    )


def summarize(measurement: Measurement) -> tuple[Result, ...]:
    """One result for each model, in their order."""
    return tuple(_result(measurement, index) for index in range(len(measurement.models)))


@dataclass(frozen=True)
class Summary:
    """All that a measurement says by itself.

    Attributes:
        measurement: measurement that is summarized.
        results: results of the models, in their order.
        relative: time of each model relative to the first; None for the first itself.
    """

    measurement: Measurement
    results: tuple[Result, ...]
    relative: tuple[Comparison | None, ...]

    @classmethod
    def of(cls, measurement: Measurement) -> Self:
        """Compute it."""
        results = summarize(measurement)
        others = range(1, len(results))
        relative = (None, *(compare(measurement, index, results=results) for index in others))
        return cls(measurement, results, relative)

    @property
    def named(self) -> list[tuple[str, Result]]:
        """The results with their files' names."""
        return [(result.model.file, result) for result in self.results]

    @property
    def compared(self) -> list[tuple[str, Comparison | None]]:
        """The times relative to the first, with the files' names."""
        return [
            (result.model.file, relative)
            for result, relative in zip(self.results, self.relative, strict=True)
        ]

    def compare(self, model: int, base: int) -> Comparison:
        """The time of ``model`` relative to ``base``, both by index."""
        known = self.relative[model] if base == 0 else None
        if known is not None:
            return known
        return compare(self.measurement, model, base, results=self.results)

    def to_json(self) -> dict[str, Any]:
        """The summary as a JSON object, with the units in the names."""
        return {
            "device": asdict(self.measurement.device),
            "protocol": asdict(self.measurement.protocol),
            "results": [
                {**result.to_json(), "time_relative_to_first": ratio and ratio.to_json()}
                for result, ratio in zip(self.results, self.relative, strict=True)
            ],
        }


def _result(measurement: Measurement, index: int) -> Result:
    runs = [run for run in measurement.runs if run.model == index]
    summaries = [run.summary for run in runs if run.summary is not None]
    samples = [sample for run in runs if run.summary is None for sample in run.samples_ns]
    count = sum(run.count for run in runs)
    total = math.fsum([*samples, *(summary.mean_ns * summary.count for summary in summaries)])
    fastest = min([*samples, *(summary.minimum_ns for summary in summaries)])
    slowest = max([*samples, *(summary.maximum_ns for summary in summaries)])
    interval = statistics.median_interval(
        measurement.rounds_of(index), measurement.protocol.seed, extremes=(fastest, slowest)
    )
    return Result(
        model=measurement.models[index],
        rounds=len(runs),
        count=count,
        median=interval,
        of_means=any(summary.median_ns is None for summary in summaries),
        p90=None if summaries else statistics.percentile(samples, 90),
        p99=None if summaries else statistics.percentile(samples, 99),
        minimum=fastest,
        mean=total / count,
        first=statistics.median([run.first_ns for run in runs]),
        init=statistics.median([run.init_ns for run in runs]),
        peak_rss=max(_known(run.peak_rss_bytes for run in runs), default=None),
        baseline_rss=min(_known(run.baseline_rss_bytes for run in runs), default=None),
        p5=_typical(summary.p5_ns for summary in summaries),
        p95=_typical(summary.p95_ns for summary in summaries),
        delegates=runs[0].delegates,
        cores=runs[0].cores,
        runtime_version=runs[0].runtime_version,
        xnnpack_partitions=runs[0].xnnpack_partitions,
        reasons=(*hygiene.reasons(measurement.protocol, runs, interval), *doubts.reasons(runs)),
        warnings=(
            *hygiene.warnings(measurement.device, runs),
            *doubts.warnings(measurement, runs, interval),
        ),
    )


def _typical(values: Iterable[int | None]) -> float | None:
    """The median of the values; None where there are none, or one is unknown."""
    every = list(values)
    known = _known(every)
    return statistics.median(known) if known and len(known) == len(every) else None


def _known(values: Iterable[int | None]) -> list[int]:
    return [value for value in values if value is not None]
