"""Known answers, properties, and the coverage that the module's docstring claims."""

import math
from random import Random

import numpy as np
import pytest
import scipy.stats
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mobilecnn.bench.judge.statistics import (
    Interval,
    _resampled_medians,
    independent_ratio_interval,
    median,
    median_interval,
    median_of_rounds,
    percentile,
    ratio_interval,
    verdict,
    widening,
)
from mobilecnn.bench.records.measurement import Rounds
from mobilecnn.quantize.proportions import STUDENT_95, Z_95, wilson

values = st.lists(st.integers(1, 10**12), min_size=1, max_size=40)
several_rounds = st.dictionaries(st.integers(0, 9), values, min_size=1, max_size=6)


@pytest.mark.parametrize(
    ("given_values", "percent", "expected"),
    [
        ([3], 90, 3),
        ([1, 2], 50, 1.5),
        ([5, 1, 3], 50, 3),
        ([4, 1, 3, 2], 50, 2.5),
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 90, 9.1),  # Hyndman and Fan, definition 7
        ([10, 20, 30, 40, 50], 0, 10),
        ([10, 20, 30, 40, 50], 100, 50),
    ],
)
def test_percentiles(given_values: list[float], percent: float, expected: float) -> None:
    assert percentile(given_values, percent) == pytest.approx(expected)


def test_no_values_and_no_percentile_are_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        median([])
    with pytest.raises(ValueError):
        percentile([1], 101)


@given(values, st.floats(0, 100), st.randoms())
def test_a_percentile_is_within_and_knows_no_order(
    numbers: list[int], percent: float, random: Random
) -> None:
    found = percentile(numbers, percent)
    assert min(numbers) <= found <= max(numbers)
    shuffled = list(numbers)
    random.shuffle(shuffled)
    assert percentile(shuffled, percent) == found


def test_every_process_weighs_the_same() -> None:
    rounds = {0: [10] * 1000, 1: [20], 2: [30]}
    assert median_of_rounds(rounds) == 20


# R. G. Newcombe, "Two-sided confidence intervals for the single proportion", Statistics in
# Medicine 17 (1998), table I, method 3.
@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0000, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_matches_the_published_table(correct: int, total: int, low: float, high: float) -> None:
    assert wilson(correct, total) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 10**6), st.data())
def test_wilson_is_the_inverse_of_the_score_test(total: int, data: st.DataObject) -> None:
    correct = data.draw(st.integers(0, total))
    low, high = wilson(correct, total)
    assert 0 <= low <= correct / total <= high <= 1
    assert low < high
    for end in (low, high):
        if 0 < end < 1:
            score = abs(correct / total - end) / math.sqrt(end * (1 - end) / total)
            assert score == pytest.approx(Z_95, rel=1e-4)
    mirrored = wilson(total - correct, total)
    assert (1 - mirrored[1], 1 - mirrored[0]) == pytest.approx((low, high))


@pytest.mark.parametrize(("correct", "total"), [(0, 0), (2, 1), (-1, 5)])
def test_wilson_refuses_what_is_no_proportion(correct: int, total: int) -> None:
    with pytest.raises(ValueError, match="not a proportion"):
        wilson(correct, total)


def test_the_quantiles_are_students_and_the_normal() -> None:
    assert pytest.approx(scipy.stats.norm.ppf(0.975), abs=1e-12) == Z_95
    expected = [scipy.stats.t.ppf(0.975, freedom) for freedom in range(1, 31)]
    assert pytest.approx(expected, abs=5.1e-4) == STUDENT_95


def test_widening_shrinks_to_one() -> None:
    assert widening(1) == 1
    assert widening(3) == pytest.approx(4.303 / Z_95 * math.sqrt(1.5))
    factors = [widening(processes) for processes in range(2, 200)]
    assert factors == sorted(factors, reverse=True)
    assert factors[-1] == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("size", [1, 2, 3, 8, 51])
def test_a_beta_variate_is_the_median_of_a_resample(size: int) -> None:
    """The short cut has the distribution of the long way: drawing the resamples."""
    ordered = np.sort(np.random.default_rng(1).exponential(size=size))
    rng = np.random.default_rng(2)
    short = _resampled_medians(ordered, 20_000, rng)
    long = np.median(rng.choice(ordered, (20_000, size)), axis=1)
    # Atoms make equal values common; both sides must put the same weight below each value.
    for edge in np.quantile(long, (0.05, 0.25, 0.5, 0.75, 0.95)):
        assert np.mean(short <= edge + 1e-12) == pytest.approx(np.mean(long <= edge + 1e-12), abs=0.015)


@settings(deadline=None)
@given(st.integers(1, 10**12), st.integers(1, 6), st.integers(1, 30))
def test_constant_samples_have_no_width(value: int, processes: int, samples: int) -> None:
    interval = median_interval({number: [value] * samples for number in range(processes)}, resamples=50)
    assert (interval.value, interval.low, interval.high) == pytest.approx((value, value, value), rel=1e-12)


@settings(deadline=None)
@given(several_rounds, st.integers(0, 5))
def test_an_interval_holds_its_value_and_repeats(rounds: Rounds, seed: int) -> None:
    interval = median_interval(rounds, seed, resamples=60)
    assert 0 < interval.low <= interval.value <= interval.high < math.inf
    assert interval == median_interval(rounds, seed, resamples=60)


@settings(deadline=None)
@given(several_rounds, st.integers(0, 5))
@example({0: [10, 11], 1: [12, 13], 2: [30, 31]}, 0)
@example({0: [100], 1: [101], 2: [99]}, 1)
def test_no_interval_of_a_median_leaves_the_samples(rounds: Rounds, seed: int) -> None:
    every = [sample for samples in rounds.values() for sample in samples]
    interval = median_interval(rounds, seed, resamples=60)
    assert min(every) <= interval.low <= interval.value <= interval.high <= max(every)
    if interval.uncut is not None:
        low, high = interval.uncut
        assert low < min(every) or high > max(every)
        assert (interval.low, interval.high) == (max(low, min(every)), min(high, max(every)))
        # What was cut off still counts: a cut interval is no narrower for the judge.
        assert interval.relative_width == (high - low) / interval.value
    # The extremes of a tool that keeps no samples.
    wide = median_interval(rounds, seed, resamples=60, extremes=(min(every) / 2, max(every) * 2))
    assert wide.low <= interval.low and wide.high >= interval.high


@settings(deadline=None)
@given(several_rounds, several_rounds)
def test_a_ratio_turned_round_is_its_inverse(a: Rounds, b: Rounds) -> None:
    if not set(a) & set(b):
        with pytest.raises(ValueError, match="no common round"):
            ratio_interval(a, b)
        return
    same = ratio_interval(a, a, resamples=20)
    assert same.value == 1
    assert verdict(ratio_interval(a, b, resamples=20)) in ("faster", "slower", "undecided")


@settings(deadline=None)
@given(several_rounds, st.integers(2, 1000))
def test_intervals_scale_with_the_unit(rounds: Rounds, factor: int) -> None:
    scaled = {number: [factor * sample for sample in samples] for number, samples in rounds.items()}
    one, other = median_interval(rounds, resamples=40), median_interval(scaled, resamples=40)
    expected = (factor * one.value, factor * one.low, factor * one.high)
    assert (other.value, other.low, other.high) == pytest.approx(expected, rel=1e-6)


@settings(deadline=None)
@given(several_rounds, several_rounds, st.integers(0, 5))
@example({0: [1, 2, 1, 1, 1]}, {1: [1, 2, 1, 1, 1]}, 0)  # Equal sides: the rounds' numbers do not count.
def test_exchanging_independent_sides_gives_the_inverse(a: Rounds, b: Rounds, seed: int) -> None:
    one = independent_ratio_interval(a, b, seed, resamples=40)
    other = independent_ratio_interval(b, a, seed, resamples=40)
    assert one.value == pytest.approx(median_of_rounds(a) / median_of_rounds(b), rel=1e-12)
    assert one.low <= one.value <= one.high
    if [a[number] for number in sorted(a)] != [b[number] for number in sorted(b)]:
        assert (1 / one.value, 1 / one.high, 1 / one.low) == pytest.approx(
            (other.value, other.low, other.high), rel=1e-12
        )
    opposite = {"faster": "slower", "slower": "faster", "undecided": "undecided"}
    assert verdict(one) == opposite[verdict(other)]
    assert verdict(independent_ratio_interval(a, a, seed, resamples=40)) == "undecided"


@pytest.mark.parametrize(("few", "many"), [(3, 3), (3, 10), (10, 10)])
@pytest.mark.parametrize(("between", "within"), [(0.0, 0.02), (0.01, 0.02), (0.02, 0.002)])
def test_the_interval_of_independent_sides_covers_the_truth(
    few: int, many: int, between: float, within: float
) -> None:
    rng = np.random.default_rng(few + many)
    trials = [
        independent_ratio_interval(
            simulated(rng, few, between, within), simulated(rng, many, between, within), seed, 400
        )
        for seed in range(300)
    ]
    assert 0.92 <= np.mean([trial.low <= 1 <= trial.high for trial in trials]) <= 1


def test_the_interval_of_independent_sides_is_not_just_wide() -> None:
    rng = np.random.default_rng(8)
    sides = [[simulated(rng, 10, 0.02, 0.002) for _ in range(100)] for _ in range(2)]
    widths = [independent_ratio_interval(a, b, 0, 400).relative_width for a, b in zip(*sides, strict=True)]
    assert np.median(widths) < 2.2 * 2 * 1.96 * 0.02 * math.sqrt(2 / 10)


def test_slow_drift_drops_out_of_a_ratio() -> None:
    rng = np.random.default_rng(3)
    a, b = {}, {}
    for number, drift in enumerate((1.0, 2.0, 4.0)):
        a[number] = (3e6 * drift * rng.normal(1, 0.01, 200)).astype(int).tolist()
        b[number] = (2e6 * drift * rng.normal(1, 0.01, 200)).astype(int).tolist()
    ratio = ratio_interval(a, b)
    assert ratio.value == pytest.approx(1.5, rel=0.01)
    assert ratio.relative_width < 0.03
    assert median_interval(a).relative_width > 1


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.8, 0.99, "faster"),
        (1.01, 1.2, "slower"),
        (0.99, 1.01, "undecided"),
        (1.0, 1.2, "undecided"),
        (0.9, 1.0, "undecided"),
    ],
)
def test_verdicts(low: float, high: float, expected: str) -> None:
    assert verdict(Interval(1.0, low, high)) == expected


def simulated(
    rng: np.random.Generator, processes: int, between: float, within: float
) -> dict[int, list[float]]:
    """Processes whose true median is 1 ms: log-normal between and within."""
    levels = rng.normal(0, between, (processes, 1))
    return dict(enumerate(np.exp(levels + rng.normal(0, within, (processes, 50))).tolist()))


SCENARIOS = [
    (processes, *spread) for processes in (3, 5, 10) for spread in ((0.0, 0.02), (0.01, 0.02), (0.02, 0.002))
]


@pytest.mark.parametrize(("processes", "between", "within"), SCENARIOS)
def test_the_interval_covers_the_truth(processes: int, between: float, within: float) -> None:
    rng = np.random.default_rng(processes)
    trials = [median_interval(simulated(rng, processes, between, within), seed, 400) for seed in range(400)]
    ends = [trial.uncut or (trial.low, trial.high) for trial in trials]
    assert 0.90 <= np.mean([low <= 1 <= high for low, high in ends]) <= 1
    # What is cut covers less, and says that it was cut.
    silent = [trial for trial in trials if trial.uncut is None]
    if len(silent) > 50:
        assert np.mean([trial.low <= 1 <= trial.high for trial in silent]) >= 0.88


def test_the_interval_is_not_just_wide() -> None:
    """With ten processes it is at most 2.2 times what the known spread would allow."""
    rng = np.random.default_rng(5)
    widths = [
        median_interval(simulated(rng, 10, 0.02, 0.002), seed, 400).relative_width for seed in range(100)
    ]
    assert np.median(widths) < 2.2 * 2 * 1.96 * 0.02 / math.sqrt(10)


def test_identical_files_are_rarely_told_apart() -> None:
    rng = np.random.default_rng(6)
    verdicts = []
    for seed in range(300):
        a, b = simulated(rng, 3, 0.02, 0.005), simulated(rng, 3, 0.02, 0.005)
        verdicts.append(verdict(ratio_interval(a, b, seed, 400)))
    assert verdicts.count("undecided") >= 0.88 * len(verdicts)


def test_a_difference_beyond_the_noise_is_seen() -> None:
    rng = np.random.default_rng(7)
    verdicts = []
    for seed in range(100):
        a, b = simulated(rng, 3, 0.01, 0.02), simulated(rng, 3, 0.01, 0.02)
        slower = {number: [1.2 * sample for sample in samples] for number, samples in a.items()}
        verdicts.append(verdict(ratio_interval(slower, b, seed, 400)))
    assert verdicts.count("slower") >= 95
    assert verdicts.count("faster") == 0
