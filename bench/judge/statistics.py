"""What samples say: medians, intervals, ratios, verdicts. Pure functions on numbers.

A set of latency samples has two levels. Samples of one process scatter a little; whole
processes differ by more, because memory layout, neighbours and temperature do. Thousands
of samples from one process therefore tell little, and an interval from them alone is far
too narrow. Every function here takes ``Rounds``: the samples of each process by its round.

**The bootstrap.** Each resample draws as many processes as there are, with replacement,
then each drawn process's samples with replacement, and takes the median over the processes
of their medians; the interval is the 2.5th to 97.5th percentile of the resamples. That is
the multi-level bootstrap of A. C. Davison, D. V. Hinkley, "Bootstrap Methods and their
Application" (1997), section 3.8, on logarithms, because disturbances of time multiply.

**Few processes.** With three processes such an interval is far too narrow: where the
processes differ by more than their samples do, it holds the truth 77 % of the time, and two
identical files would often be called different. The narrowness is sqrt((n - 1) / n) times
the normal quantile over Student's (T. C. Hesterberg, "What Teachers Should Know about the
Bootstrap", The American Statistician 69 (2015)). So the processes' deviations from their
median, and only they, are widened by its inverse before the resampling. The coverage is then
93 % to 99.8 %, with 3 to 10 processes, whether they differ not at all or in nothing else
(``tests/bench/test_statistics.py`` repeats that).

**No latency that nobody saw.** Widened so, an interval of few processes may reach below the fastest sample
of all, or above the slowest. Such a latency was never seen, so that the interval of a median ends at the
samples; but no interval within the samples of three processes holds the truth 95 % of the time. Hence
:class:`Interval` keeps where it would have ended, its width is judged by that, and a finding says it. The
interval of a ratio is never cut: an end that is moved might decide what is undecided.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from mobilecnn.bench.records.measurement import Rounds
from mobilecnn.quantize.proportions import STUDENT_95, Z_95

Verdict = Literal["faster", "slower", "undecided"]

RESAMPLES = 2000
"""Number of bootstrap resamples: the standard error of an end of a 95 % interval is then 3 % of the half width."""

ROUNDING = 1e-9
"""Relative difference of two ends that are the same but for the rounding of their logarithms."""

_Array = npt.NDArray[np.float64]

_Draw = Callable[[int, int, np.random.Generator], _Array]


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval.

    Attributes:
        value: the estimate.
        low: the lower end.
        high: the upper end.
        uncut: the ends before they were cut at the fastest and the slowest sample; None where nothing was cut.
    """

    value: float
    low: float
    high: float
    uncut: tuple[float, float] | None = None

    def scaled(self, factor: float) -> "Interval":
        """The same in another unit."""
        uncut = None if self.uncut is None else (factor * self.uncut[0], factor * self.uncut[1])
        return Interval(factor * self.value, factor * self.low, factor * self.high, uncut)

    @property
    def relative_width(self) -> float:
        """The whole width as a share of the value, with what was cut off."""
        low, high = self.uncut or (self.low, self.high)
        return (high - low) / self.value


def median(values: Sequence[float]) -> float:
    """The middle value; of an even number, the mean of the middle two."""
    return percentile(values, 50)


def percentile(values: Sequence[float], percent: float) -> float:
    """The ``percent``-th percentile, linear between the two nearest ranks.

    Definition 7 of R. J. Hyndman, Y. Fan, "Sample Quantiles in Statistical Packages", The
    American Statistician 50 (1996): that of numpy, R and spreadsheets.

    Raises:
        ValueError: no values, or ``percent`` outside 0 to 100.
    """
    if len(values) == 0:
        raise ValueError("no values")
    return float(np.percentile(np.asarray(values, np.float64), percent))


def median_of_rounds(rounds: Rounds) -> float:
    """The headline: the median over the processes of each one's median.

    Every process weighs the same, however many samples it had time for, and one disturbed
    process among three does not move it far.
    """
    return median([median(samples) for samples in rounds.values()])


def median_interval(
    rounds: Rounds,
    seed: int = 0,
    resamples: int = RESAMPLES,
    extremes: tuple[float, float] | None = None,
) -> Interval:
    """:func:`median_of_rounds` with its 95 % bootstrap interval (see the module), cut at the extremes.

    One process alone gives an interval that knows nothing of other processes.

    Args:
        rounds: samples of each process.
        seed: seed of the bootstrap.
        resamples: number of resamples.
        extremes: the fastest and the slowest sample, where ``rounds`` has not all of them.
    """
    logs = np.percentile(_resampled_logs(rounds, np.random.default_rng(seed), resamples), (2.5, 97.5))
    whole = _around(median_of_rounds(rounds), float(logs[0]), float(logs[1]))
    if extremes is None:
        extremes = (
            min(min(samples) for samples in rounds.values()),
            max(max(samples) for samples in rounds.values()),
        )
    low, high = max(whole.low, extremes[0]), min(whole.high, extremes[1])
    # Logarithms and back: what differs in the last digits only was not cut.
    if math.isclose(low, whole.low, rel_tol=ROUNDING) and math.isclose(high, whole.high, rel_tol=ROUNDING):
        return Interval(whole.value, low, high)
    return Interval(whole.value, low, high, (whole.low, whole.high))


def ratio_interval(a: Rounds, b: Rounds, seed: int = 0, resamples: int = RESAMPLES) -> Interval:
    """How many times as long ``a`` takes as ``b``, with its 95 % bootstrap interval.

    The median over the rounds that both have of the ratio of their medians in that round,
    so that what moves slowly (a warming machine, a busy hour) drops out.

    Raises:
        ValueError: they have no round in common.
    """
    common = [number for number in a if number in b]
    if not common:
        raise ValueError("no common round")
    tops, bottoms = ([_sorted_logs(side[number]) for number in common] for side in (a, b))
    centres = [_middle(top) - _middle(bottom) for top, bottom in zip(tops, bottoms, strict=True)]

    def draw(index: int, count: int, rng: np.random.Generator) -> _Array:
        return _resampled_medians(tops[index], count, rng) - _resampled_medians(bottoms[index], count, rng)

    low, high = np.percentile(_two_levels(centres, draw, np.random.default_rng(seed), resamples), (2.5, 97.5))
    return _around(
        median([median(a[number]) / median(b[number]) for number in common]), float(low), float(high)
    )


def independent_ratio_interval(a: Rounds, b: Rounds, seed: int = 0, resamples: int = RESAMPLES) -> Interval:
    """:func:`ratio_interval` for sides that were not timed in turn, whose rounds are no pairs.

    The ratio of their medians; both sides are resampled, each by itself, so the numbers of
    processes may differ. What drifted between the two is not in the interval. Exchanging two
    sides that are not equal gives exactly the inverse.
    """
    if _ordered(a) > _ordered(b):
        inverse = independent_ratio_interval(b, a, seed, resamples)
        return Interval(1 / inverse.value, 1 / inverse.high, 1 / inverse.low)
    rng = np.random.default_rng(seed)
    top, bottom = (_resampled_logs(side, rng, resamples) for side in (a, b))
    low, high = np.percentile(top - bottom, (2.5, 97.5))
    return _around(median_of_rounds(a) / median_of_rounds(b), float(low), float(high))


def verdict(ratio: Interval) -> Verdict:
    """What the ratio of a time to another says: below 1 for sure is faster, above is slower."""
    if ratio.high < 1:
        return "faster"
    return "slower" if ratio.low > 1 else "undecided"


def widening(processes: int) -> float:
    """Factor by which the deviations of so few processes are multiplied (see the module)."""
    if processes < 2:
        return 1.0
    freedom = processes - 1
    student = STUDENT_95[freedom - 1] if freedom <= len(STUDENT_95) else Z_95
    return student / Z_95 * math.sqrt(processes / freedom)


def _resampled_logs(rounds: Rounds, rng: np.random.Generator, resamples: int) -> _Array:
    """``resamples`` logarithms of what :func:`median_of_rounds` would be for resampled ``rounds``."""
    logs = [_sorted_logs(samples) for samples in rounds.values()]

    def draw(index: int, count: int, rng: np.random.Generator) -> _Array:
        return _resampled_medians(logs[index], count, rng)

    return _two_levels([_middle(values) for values in logs], draw, rng, resamples)


def _two_levels(centres: Sequence[float], draw: _Draw, rng: np.random.Generator, resamples: int) -> _Array:
    """The resamples, as logarithms, of the two-level bootstrap.

    ``centres`` has each process's own logarithm; ``draw(process, count, rng)`` gives
    ``count`` of them from its resampled samples.
    """
    own = np.asarray(centres)
    shift = (widening(len(own)) - 1) * (own - np.median(own))
    chosen = rng.integers(len(own), size=(resamples, len(own)))
    values = np.empty(chosen.shape)
    for process in range(len(own)):
        places = chosen == process
        values[places] = shift[process] + draw(process, int(places.sum()), rng)
    middle: _Array = np.median(values, axis=1)
    return middle


def _ordered(rounds: Rounds) -> list[list[float]]:
    """Sort key of a side: which of two is drawn first shall not depend on which is given first."""
    return [list(rounds[number]) for number in sorted(rounds)]


def _sorted_logs(samples: Sequence[float]) -> _Array:
    return np.log(np.sort(np.asarray(samples, np.float64)))


def _middle(ordered: _Array) -> float:
    return float(np.median(ordered))


def _resampled_medians(ordered: _Array, count: int, rng: np.random.Generator) -> _Array:
    """``count`` medians of resamples (with replacement, same size) of ``ordered`` values.

    A resample need not be drawn to know its median. It is n places drawn evenly in [0, 1),
    looked up in ``ordered``; the k-th smallest of those places has the beta distribution
    (k, n + 1 - k), and the lookup keeps the order. So one beta variate is one median; for an
    even n the next place is drawn beyond it, as the smallest of the places that are left.
    """
    size = len(ordered)
    rank = (size + 1) // 2
    place = rng.beta(rank, size + 1 - rank, count)
    low: _Array = ordered[np.minimum((place * size).astype(np.intp), size - 1)]
    if size % 2:
        return low
    place += (1 - place) * rng.beta(1, size - rank, count)
    high: _Array = ordered[np.minimum((place * size).astype(np.intp), size - 1)]
    return (low + high) / 2


def _around(value: float, low: float, high: float) -> Interval:
    """An interval from logarithms; it holds its own estimate, whatever the rounding."""
    return Interval(value, min(value, math.exp(low)), max(value, math.exp(high)))
