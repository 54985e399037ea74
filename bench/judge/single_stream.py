"""MLPerf-style single stream: queries one after another, and what the 90th percentile is at most.

**What is taken from MLPerf.** The next query begins as soon as the last one is answered, one
sample each, for a minimum of seconds and of queries; the figure is the early-stopping estimate
of the 90th percentile ("MLPerf Inference Rules", sections "Scenarios" and "Early Stopping
Criterion", github.com/mlcommons/inference_policies; ``loadgen/early_stopping.cc`` and
``loadgen/results.cc`` in github.com/mlcommons/inference).

**The estimate.** A system whose true percentile lay above the reported latency would show so few
slow queries only by luck; the reported latency is the lowest for which that luck has a
probability below 1 %. With q queries, t is the largest number of slow ones for which

    P[at most t of q are slow, if each is slow with probability 1 - 0.9] < 1 - 0.99,

the t - 1 highest latencies are discarded, and the highest that is left is the estimate. It is
above the plain percentile, by less the more queries there are; from 64 queries on there is one.

**What is not.** The load generator is not MLPerf's LoadGen, the input is random instead of the
data set's, there is no accuracy run and no review. So a result is never called an MLPerf result.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mobilecnn.bench.judge import hygiene, statistics
from mobilecnn.bench.judge.findings import Finding
from mobilecnn.bench.records.measurement import Model
from mobilecnn.bench.records.stream import MOST_QUERIES, Stream, StreamPlan, StreamSeries

CLAIM = "MLPerf-style single-stream, not an MLPerf submission"

PERCENTILE = 0.90
"""Percentile of single stream, as a share ("Scenarios", column "Tail latency")."""
CONFIDENCE = 0.99
"""Confidence: the constant c of the rules. Their tolerance d is 0, and so stands nowhere here."""


def most_slow(queries: int, percentile: float = PERCENTILE, confidence: float = CONFIDENCE) -> int:
    """Largest number of slow queries among ``queries``: t of the module's text; 0 where not even one is allowed."""
    slow, fast = math.log(1 - percentile), math.log(percentile)
    count, probability = -1, 0.0
    while count < queries:
        more = count + 1
        ways = math.lgamma(queries + 1) - math.lgamma(more + 1) - math.lgamma(queries - more + 1)
        probability += math.exp(ways + more * slow + (queries - more) * fast)
        if probability >= 1 - confidence:
            break
        count = more
    return max(count, 0)


def early_stopping(
    latencies_ns: Sequence[int], percentile: float = PERCENTILE, confidence: float = CONFIDENCE
) -> int | None:
    """The early-stopping estimate of a percentile, in ns; None for too few queries."""
    slow = most_slow(len(latencies_ns), percentile, confidence)
    return sorted(latencies_ns)[len(latencies_ns) - slow] if slow else None


@dataclass(frozen=True)
class SingleStream:
    """What a stream of queries says of one model. Times in ns.

    Attributes:
        model: the file.
        queries: number of queries that were answered.
        seconds: time from the first to the end of the last.
        estimate: the early-stopping estimate of the 90th percentile; None for too few queries.
        p90: plain 90th percentile.
        median: plain median.
        discarded: number of the highest latencies that the estimate leaves out.
        unmet: which of the minima were not reached, and why; then it is no single-stream figure.
        warnings: what moved, or may have moved.
    """

    model: Model
    queries: int
    seconds: float
    estimate: int | None
    p90: float
    median: float
    discarded: int
    unmet: tuple[Finding, ...]
    warnings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """The result as a JSON object, with the units in the names."""
        return {
            "file": self.model.file,
            "sha256": self.model.sha256,
            "claim": CLAIM,
            "queries": self.queries,
            "seconds": self.seconds,
            "p90_early_stopping_ns": self.estimate,
            "p90_ns": self.p90,
            "median_ns": self.median,
            "discarded": self.discarded,
            "unmet": [finding.to_json() for finding in self.unmet],
            "warnings": [finding.to_json() for finding in self.warnings],
        }


def single_stream(stream: Stream, model: Model, series: StreamSeries) -> SingleStream:
    """The figures of one model of ``stream``."""
    latencies = [sample for window in series.windows for sample in window.samples_ns]
    return SingleStream(
        model=model,
        queries=len(latencies),
        seconds=series.seconds,
        estimate=early_stopping(latencies),
        p90=statistics.percentile(latencies, 100 * PERCENTILE),
        median=statistics.median(latencies),
        discarded=max(0, most_slow(len(latencies)) - 1),
        unmet=tuple(_unmet(stream.plan, len(latencies), series.seconds)),
        warnings=tuple(hygiene.stream_warnings(stream.device, series)),
    )


def _unmet(plan: StreamPlan, queries: int, seconds: float) -> Iterator[Finding]:
    if seconds < plan.seconds:
        full = queries >= MOST_QUERIES
        why = f"at the bound of {MOST_QUERIES:,} queries" if full else "early"
        yield Finding(
            "ended-early",
            f"it ended {why}, after {seconds:.0f} of {plan.seconds:.0f} s",
            "use a smaller --min-seconds" if full else "let it run to its end",
        )
    if queries < plan.queries:
        text = f"only {queries} of {plan.queries} queries were made"
        yield Finding("few-queries", text, "let it run to its end")
