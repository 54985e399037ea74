"""Parity figures against hand-made answers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mobilecnn.convert.checks import LARGEST_TOLERANCE
from mobilecnn.quantize.gate import ROUNDINGS, STEADY, doubt, float32_limit
from mobilecnn.quantize.parity import compare


def scores(*rows: list[float]) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.asarray(rows, np.float32)


def test_known_answer() -> None:
    reference = scores([0.0, 3.0, 4.0], [1.0, 0.0, 0.0])
    given = scores([0.0, 3.5, 4.0], [0.0, 0.0, 1.0])
    parity = compare(reference, given)
    assert parity.images == 2 and parity.distinct == 2
    assert parity.agreement == 0.5
    assert parity.max_difference == 1.0
    assert parity.mean_difference == pytest.approx(2.5 / 6)
    assert parity.relative == pytest.approx(0.25)
    assert parity.sqnr_db == pytest.approx(10 * math.log10(26 / 2.25))


@pytest.mark.parametrize(
    ("wrong", "words"), [(0, None), (1, None), (2, "on only 80% of the images; evaluate")]
)
def test_a_file_that_agrees_on_less_than_nine_in_ten_is_in_doubt(wrong: int, words: str | None) -> None:
    reference = scores(*[[0.0, 1.0]] * 10)
    given = scores(*[[1.0, 0.0]] * wrong, *[[0.0, 1.0]] * (10 - wrong))
    told = doubt(compare(reference, given))
    assert told is None if words is None else words in (told or "")


def test_identical_answers() -> None:
    reference = scores([0.25, 0.75])
    parity = compare(reference, reference)
    assert (parity.agreement, parity.max_difference, parity.sqnr_db) == (1.0, 0.0, math.inf)
    assert parity.to_json()["sqnr_db"] is None and parity.to_json()["identical"]


def test_all_zero_answers_are_no_agreement() -> None:
    """An int8 file whose scores all fall below half a step answers class 0 to everything."""
    assert compare(scores([0.1, 0.2, 0.3]), scores([0.0, 0.0, 0.0])).agreement == 0.0


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_answers_that_are_not_finite_never_agree(bad: float) -> None:
    parity = compare(scores([0.1, 0.9], [0.9, 0.1]), scores([0.1, bad], [0.9, 0.1]))
    assert parity.agreement == 0.5
    assert parity.max_difference == math.inf and parity.sqnr_db == -math.inf
    assert not parity.to_json()["finite"] and parity.to_json()["max_difference"] is None


@given(hnp.arrays(np.float32, (4, 5), elements=st.floats(0.0078125, 1, width=32)), st.floats(1e-4, 0.1))
def test_noise_in_proportion_gives_its_decibels(
    reference: np.ndarray[tuple[int, int], np.dtype[np.float32]], share: float
) -> None:
    noisy = (reference.astype(np.float64) * (1 + share)).astype(np.float32)
    parity = compare(reference, noisy)
    assert parity.sqnr_db == pytest.approx(-20 * math.log10(share), abs=0.2)
    assert parity.relative == pytest.approx(share, rel=0.01)
    assert parity.agreement == 1.0


@pytest.mark.parametrize(
    ("movement", "limit"),
    [
        (0.0, STEADY),
        (1e-7, STEADY),
        (1e-4, ROUNDINGS * 1e-4),
        (0.5, LARGEST_TOLERANCE),
        (math.inf, LARGEST_TOLERANCE),
    ],
)
def test_what_unsteadiness_excuses_is_bounded(movement: float, limit: float) -> None:
    assert float32_limit(movement) == limit
