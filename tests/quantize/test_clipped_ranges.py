"""Which ranges are clipped, and to what, from the smallest and the largest value in each image."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilecnn.convert.lowering.ends import INPUT_NAME, OUTPUT_NAME
from mobilecnn.quantize.litert_ranges import STRETCHED, clipped, keep_each


def rows(name: str, ends: list[tuple[float, float]]) -> dict[str, Any]:
    """What the calibrator keeps of a tensor with so many images."""
    row: dict[str, Any] = {}
    for low, high in ends:
        row = keep_each(
            row, {"min": np.full((1, 1), low, np.float32), "max": np.full((1, 1), high, np.float32)}
        )
    return {name: row}


ORDINARY = [(-1.0, 2.0)] * 18


@pytest.mark.parametrize(
    ("name", "ends", "share", "range_", "times"),
    [
        ("it", [*ORDINARY, (-1.0, 60.0), (-40.0, 2.0)], None, (-40, 60), []),
        ("it", [*ORDINARY, (-1.0, 60.0), (-40.0, 2.0)], 0.9, (-1, 2), [pytest.approx(100 / 3)]),
        # Nineteen of twenty reach that far, on one side.
        ("it", [*ORDINARY, (-1.0, 60.0), (-1.0, 60.0)], 0.95, (-1, 60), []),
        # Not twice as wide.
        ("it", [*ORDINARY, (-1.0, 4.9), (-1.0, 2.0)], 0.9, (-1, 4.9), []),
        # 0 has a code in any range.
        ("it", [*[(1.0, 2.0)] * 18, (1.0, 60.0), (1.0, 2.0)], 0.9, (0, 2), [pytest.approx(30)]),
        # Nothing but one image has a value.
        ("it", [*[(0.0, 0.0)] * 19, (0.0, 9.0)], 0.9, (0, 9), []),
        (INPUT_NAME, [*ORDINARY, (-1.0, 60.0), (-40.0, 2.0)], 0.9, (-40, 60), []),
        (OUTPUT_NAME, [*ORDINARY, (-1.0, 60.0), (-40.0, 2.0)], 0.9, (-40, 60), []),
    ],
)  # fmt: skip
def test_a_range_is_that_of_a_share_of_the_images(
    name: str,
    ends: list[tuple[float, float]],
    share: float | None,
    range_: tuple[float, float],
    times: list[Any],
) -> None:
    made, found = clipped(rows(name, ends), share)
    assert set(made[name]) == {"min", "max"} and made[name]["min"].shape == (1, 1)
    assert (made[name]["min"].item(), made[name]["max"].item()) == pytest.approx(range_)
    assert made[name]["max"].dtype == np.float32
    assert found == times


VALUES = st.floats(-1e6, 1e6, width=32)


@settings(deadline=None)
@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=40), st.floats(0.1, 1))
def test_a_clipped_range_lies_in_that_of_all_images_and_is_at_most_half_of_it(
    pairs: list[tuple[float, float]], share: float
) -> None:
    ends = [(min(pair), max(pair)) for pair in pairs]
    (whole,), none = [*clipped(rows("it", ends), None)[0].values()], clipped(rows("it", ends), None)[1]
    (part,), found = [*clipped(rows("it", ends), share)[0].values()], clipped(rows("it", ends), share)[1]
    assert none == []
    assert (whole["min"].item(), whole["max"].item()) == (
        min(low for low, _ in ends),
        max(high for _, high in ends),
    )
    if not found:
        assert part == whole
        return
    low, high = part["min"].item(), part["max"].item()
    lowest, highest = min(0.0, whole["min"].item()), max(0.0, whole["max"].item())
    assert lowest <= low <= 0 <= high <= highest
    assert found == [pytest.approx((highest - lowest) / (high - low))] and found[0] >= STRETCHED * (1 - 1e-6)
    # No end cuts more images than the share allows.
    for beyond in (sum(each < low for each, _ in ends), sum(each > high for _, each in ends)):
        assert beyond <= len(ends) * (1 - share) + 1e-9
