"""The exact McNemar test against known answers and scipy."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilecnn.quantize.proportions import mcnemar


@pytest.mark.parametrize(
    ("lost", "gained", "p"),
    [
        (0, 0, 1.0),
        (5, 5, 1.0),
        (0, 5, 2 / 32),
        (0, 6, 2 / 64),
        (1, 9, 2 * (1 + 10) / 1024),
        (59, 6, pytest.approx(4.965e-12, rel=1e-3)),  # scipy.stats.binomtest(6, 65).pvalue
    ],
)
def test_known_p_values(lost: int, gained: int, p: float) -> None:
    assert mcnemar(lost, gained) == p


@given(st.integers(0, 60), st.integers(0, 60))
def test_symmetric_and_a_probability(lost: int, gained: int) -> None:
    assert mcnemar(lost, gained) == mcnemar(gained, lost)
    assert 0 < mcnemar(lost, gained) <= 1


@settings(deadline=None)  # The first example pays for importing scipy.
@given(st.integers(0, 30), st.integers(0, 30))
def test_is_scipys_binomial_test(lost: int, gained: int) -> None:
    from scipy.stats import binomtest

    if lost + gained:
        assert math.isclose(mcnemar(lost, gained), binomtest(lost, lost + gained).pvalue, rel_tol=1e-9)
