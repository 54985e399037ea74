"""What counts of right and wrong answers say: the interval of a proportion, the exact paired test."""

import math

Z_95 = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""


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
