"""The early-stopping estimate, held to MLPerf's own figures; and what is claimed."""

import dataclasses
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_stream import STREAM

from mobilecnn.bench.judge.single_stream import CLAIM, early_stopping, most_slow, single_streams
from mobilecnn.bench.records.stream import FEWEST_QUERIES, SINGLE_STREAM, StreamPlan, Window


@pytest.mark.parametrize(
    ("queries", "discarded"),
    [
        # Published LoadGen summaries: "Processed at least 64 queries (2048)", "Would discard 172 highest".
        (2048, 172),
        (2116, 178),
        (2145, 181),
        (7469, 685),
        (64, 0),
    ],
)
def test_as_many_are_discarded_as_loadgen_says(queries: int, discarded: int) -> None:
    assert most_slow(queries) - 1 == discarded


def test_the_fewest_queries_are_those_that_loadgen_asks_for() -> None:
    # "Need to process at least 64 queries" for the 90th, 662 for the 99th percentile.
    assert (most_slow(FEWEST_QUERIES - 1), most_slow(FEWEST_QUERIES)) == (0, 1)
    assert (most_slow(661, 0.99), most_slow(662, 0.99)) == (0, 1)


def test_by_hand() -> None:
    # At most 1 of 64 slow: 0.9^64 + 64 * 0.1 * 0.9^63 = 0.00957 < 0.01; of 63: 0.01049.
    at_most_one = [0.9**q + q * 0.1 * 0.9 ** (q - 1) for q in (63, 64)]
    assert at_most_one[0] > 0.01 > at_most_one[1]
    latencies = list(range(1, 65))
    assert early_stopping(latencies) == 64
    assert early_stopping(latencies[:63]) is None
    # 172 of 2048 are left out: the 173rd from above is reported.
    assert early_stopping(list(range(2048, 0, -1))) == 2048 - 172


@given(st.integers(0, 400))
def test_it_is_the_binomial_condition_of_the_rules(queries: int) -> None:
    def at_most(slow: int) -> float:
        return math.fsum(math.comb(queries, k) * 0.1**k * 0.9 ** (queries - k) for k in range(slow + 1))

    slow = most_slow(queries)
    assert at_most(slow) < 0.01 or slow == 0
    assert at_most(slow + 1) >= 0.01


@given(st.lists(st.integers(1, 10**9), min_size=64, max_size=300))
def test_the_estimate_is_a_sample_and_not_below_the_plain_percentile(latencies: list[int]) -> None:
    estimate = early_stopping(latencies)
    assert estimate in latencies
    assert estimate >= sorted(latencies)[math.ceil(0.9 * len(latencies)) - 1]


PLAN = StreamPlan(SINGLE_STREAM, 10.0, 64, 1, "litert", 0, 0.0)


def stream_of(*latencies: int, seconds: float = 12.0, other: float = 0.0) -> dict[str, Any]:
    ordered = sorted(latencies)
    median = float(ordered[len(ordered) // 2])
    window = Window(
        0.0, seconds, len(latencies), median, float(ordered[-1]), ordered[0], ordered[-1], latencies,
        other, STREAM.series[0].start.state,
    )  # fmt: skip
    series = dataclasses.replace(STREAM.series[0], windows=(window,))
    (result,) = single_streams(dataclasses.replace(STREAM, plan=PLAN, series=(series,)))
    return result.to_json()


def test_a_result_says_what_it_is() -> None:
    stream = stream_of(*range(1_000_000, 1_002_048))
    assert stream["claim"] == CLAIM == "MLPerf-style single-stream, not an MLPerf submission"
    assert (stream["queries"], stream["discarded"], stream["unmet"]) == (2048, 172, [])
    assert stream["p90_early_stopping_ns"] == 1_002_047 - 172
    assert stream["median_ns"] == 1_001_023.5


def test_minima_that_were_not_reached_are_told() -> None:
    stream = stream_of(*range(1, 51), seconds=4.0)
    assert [(unmet["code"], unmet["text"]) for unmet in stream["unmet"]] == [
        ("ended-early", "it ended early, after 4 of 10 s"),
        ("few-queries", "only 50 of 64 queries were made"),
    ]
    assert stream["p90_early_stopping_ns"] is None


def test_what_may_have_moved_the_tail_is_warned_of() -> None:
    assert stream_of(*range(1, 101))["warnings"] == []
    (warning,) = stream_of(*range(1, 101), other=6.0)["warnings"]
    assert warning["text"].endswith("used 50% of a core") and warning["fix"].startswith("close them")
    assert (warning["code"], warning["severity"]) == ("other-programs", "warning")
