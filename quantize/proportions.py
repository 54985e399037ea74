"""What counts of right and wrong answers say: the interval of a proportion, the exact paired test; and how sure a total time is."""

import math
from collections.abc import Sequence

from mobilecnn.stretches import Stretches

Z_95 = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""

# fmt: off
STUDENT_95 = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
    2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
    2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)
# fmt: on
"""Quantiles, 97.5 %, of Student's distribution with 1 to 30 degrees of freedom (NIST/SEMATECH
e-Handbook of Statistical Methods, section 1.3.6.7.2)."""

LARGEST_EXPONENT = 100.0
"""Logarithm of the factor that an interval of a time reaches at most: two stretches can differ by any factor, and a float ends at
e to the 709."""


def wilson(correct: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a proportion, ``correct`` of ``total``.

    The score interval of E. B. Wilson, "Probable Inference, the Law of Succession, and
    Statistical Inference", Journal of the American Statistical Association 22 (1927): unlike
    the usual plus-minus it stays within 0 to 1, and has a width at 0 % and 100 %.

    Raises:
        ValueError: not 0 <= correct <= total, or total is 0.
    """
    if not 0 <= correct <= total or total == 0:
        raise ValueError(f"{correct} of {total} is not a proportion")
    share, spread = correct / total, Z_95**2 / total
    centre = share + spread / 2
    half = Z_95 * math.sqrt((share * (1 - share) + spread / 4) / total)
    low, high = (centre - half) / (1 + spread), (centre + half) / (1 + spread)
    # Exact in theory; rounding may leave the share itself outside at 0 % and 100 %.
    return max(0.0, min(low, share)), min(1.0, max(high, share))


def worse(lost: int, gained: int) -> float:
    """One-sided p-value of the exact McNemar test: how often a fair coin gives ``lost`` heads or more.

    The tosses are the images on which two classifiers differ, as in :func:`mcnemar`.
    """
    tosses = lost + gained
    return float(sum(math.comb(tosses, count) for count in range(lost, tosses + 1)) / 2**tosses)


def mcnemar(lost: int, gained: int) -> float:
    """Two-sided p-value of the exact McNemar test: are ``lost`` and ``gained`` equally likely?

    The images on which two classifiers differ are tosses of a fair coin if neither is better
    (McNemar, 1947; the exact binomial form).
    """
    tosses = lost + gained
    if tosses == 0:
        return 1.0
    tail = sum(math.comb(tosses, count) for count in range(min(lost, gained) + 1)) / 2**tosses
    return float(min(1.0, 2 * tail))


FEWEST = 5
"""Smallest number of stretches that an interval is told from: of two, Student's t makes factors of thousands."""


def total(seconds: float, parts: Sequence[Stretches]) -> tuple[float, float] | None:
    """The 95 % interval of a total time: where it would lie if as many such images were run again, here and under the same load.

    By Student's t over the stretches, the method of batch means (A. M. Law, W. D. Kelton, "Simulation Modeling and Analysis", 3rd
    edition (2000), section 9.5.3), on the logarithm of the time: a time is not below 0. The variances of parts that ran one
    after the other add up, and the fewest degrees of freedom of them count.

    Args:
        seconds: the total, in seconds.
        parts: the stretches of each part of it.

    Returns:
        The ends in seconds; None where a part has fewer stretches than :data:`FEWEST`, or there is no time.
    """
    freedom = min(len(part.images) for part in parts) - 1
    if freedom + 1 < FEWEST or seconds <= 0:
        return None
    spread = math.sqrt(sum(part.variance for part in parts)) / seconds
    factor = math.exp(min(STUDENT_95[freedom - 1] * spread, LARGEST_EXPONENT))
    return seconds / factor, seconds * factor
