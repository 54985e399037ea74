"""What a model's file keeps of the inputs of its training."""

from typing import Any

import numpy as np
import pytest

from mobilecnn.errors import ModelFileError
from mobilecnn.train.input_statistics import KEPT, measured, remembered, spread

KEPT_INPUTS: dict[str, Any] = {
    "images": 9, "height": 2, "width": 3, "mean": [0.5], "variance": [0.1], "step_variance": [0.02],
}  # fmt: skip


def test_the_statistics_are_those_of_all_batches_together() -> None:
    inputs = np.random.default_rng(0).normal(3, 2, (7, 4, 5, 3)).astype(np.float32)
    found = measured([inputs[:4], inputs[4:6], inputs[6:]])
    assert (found.images, found.height, found.width) == (7, 4, 5)
    wide = inputs.astype(np.float64)
    np.testing.assert_allclose(found.mean, wide.mean(axis=(0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(found.variance, wide.var(axis=(0, 1, 2)), rtol=1e-6)
    steps = (wide[:, :, 1:] - wide[:, :, :-1]) ** 2
    np.testing.assert_allclose(found.step_variance, steps.mean(axis=(0, 1, 2)), rtol=1e-6)
    assert measured([np.full((1, 4, 1, 1), 2.0, np.float32)]).step_variance == (0.0,)


@pytest.mark.parametrize("count", [1, 7, KEPT, KEPT + 1, 60_000])
def test_images_are_taken_from_all_over(count: int) -> None:
    chosen = spread(count)
    assert len(set(chosen)) == len(chosen) == min(count, KEPT)
    assert chosen[0] == 0 and chosen[-1] == count - 1


def test_what_a_file_keeps_is_read_strictly() -> None:
    assert remembered(None, "it") is None and remembered({"epochs": 1}, "it") is None
    found = remembered({"inputs": KEPT_INPUTS}, "it")
    assert found is not None and (found.width, found.mean) == (3, (0.5,))
    changes: tuple[dict[str, Any], ...] = (
        {"mean": []}, {"mean": [0.5, 0.5]}, {"variance": [-0.1]}, {"mean": ["x"]}, {"mean": None}, {"images": "many"},
        {"step_variance": [float("nan")]},
    )  # fmt: skip
    for change in changes:
        with pytest.raises(ModelFileError, match="it is damaged"):
            remembered({"inputs": KEPT_INPUTS | change}, "it")
    with pytest.raises(ModelFileError, match="it is damaged"):
        remembered({"inputs": 3}, "it")
