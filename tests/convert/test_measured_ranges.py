"""Quantized inputs whose extremes were measured on pictures: these may fill less than their range, and never more."""

import numpy as np
import pytest
from tflite_files import Made

from mobilecnn.contract import RANGES, contract_for
from mobilecnn.convert.file_preprocessing import follow_file
from mobilecnn.convert.findings import contradicts

LEVELS = [(0, 255), (0, 1), (0, 40), (3, 3), (120, 135), (128, 255), (250, 255), (30, 220)]
"""Darkest and brightest pixel of the pictures."""


def calibrated(name: str, levels: tuple[int, int], dtype: str) -> Made:
    """A file for inputs of a named range, quantized as after a calibration on pictures of these levels."""
    _, means, stds = RANGES[name]
    values = [(level - mean) / std for level in levels for mean, std in zip(means, stds, strict=True)]
    low, high = min(0.0, *values), max(0.0, *values)
    if dtype == "int16":
        return Made(dtype=dtype, scale=max(-low, high, 1e-6) / 32767)
    scale = max(high - low, 1e-6) / 255
    return Made(dtype=dtype, scale=scale, zero_point=int(np.clip(round(-128 - low / scale), -128, 127)))


@pytest.mark.parametrize("levels", LEVELS)
@pytest.mark.parametrize("dtype", ["int8", "int16"])
@pytest.mark.parametrize("name", RANGES)
def test_what_it_was_calibrated_for_is_never_excluded(name: str, dtype: str, levels: tuple[int, int]) -> None:
    made = calibrated(name, levels, dtype).then("DEQUANTIZE", dtype="float32")
    assert not contradicts(follow_file(made.graph(), measured=True), contract_for(name, (8, 8, 3)))


@pytest.mark.parametrize(
    ("name", "levels", "others"),
    [
        ("raw", (0, 255), {"unit", "tf", "torch", "lite", "caffe"}),
        ("raw", (0, 40), {"unit", "tf", "torch", "lite"}),
        ("caffe", (0, 255), {"unit", "tf", "torch", "lite", "raw"}),
        ("torch", (0, 255), {"unit", "tf", "lite", "raw"}),
        ("lite", (0, 200), {"unit", "raw"}),
        # The values of these are within those of others, or could be if they were symmetric, which is no contradiction.
        ("unit", (0, 255), set()),
        ("tf", (0, 255), set()),
    ],
)
def test_ranges_that_never_give_such_values_are_excluded(
    name: str, levels: tuple[int, int], others: set[str]
) -> None:
    found = follow_file(calibrated(name, levels, "int8").graph(), measured=True)
    assert {other for other in RANGES if contradicts(found, contract_for(other, (8, 8, 3)))} == others
