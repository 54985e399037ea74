"""What every network of the zoo must do once exported: the smallest of each family here, all of them in the sweep."""

from pathlib import Path

import numpy as np
import pytest
from installed import INSTALLED

from mobilecnn.convert.conversion import Source
from mobilecnn.convert.inspection import inspect
from mobilecnn.quantize.export import RANDOM, Calibration, export
from mobilecnn.quantize.inference import ask
from mobilecnn.train import zoo
from mobilecnn.train.images import random_pixels
from mobilecnn.train.zoo.names import FAMILIES

SMALL = {
    # family -> a small member and a small size that its stride allows
    "alexnet": ("alexnet", 67),
    "mobilenet_v1": ("mobilenet_v1_x0.25_128", 64),
    "mobilenet_v2": ("mobilenet_v2_x0.35_96", 64),
    "shufflenet_v1": ("shufflenet_v1_x0.25_g8", 64),
    "shufflenet_v2": ("shufflenet_v2_x0.5", 64),
    "squeezenet": ("squeezenet_v1.1", 64),
}


def test_every_family_has_its_small_member() -> None:
    assert {family.name for family in FAMILIES} == set(SMALL)


@pytest.mark.parametrize("family", SMALL)
def test_the_smallest_of_a_family(family: str, tmp_path: Path) -> None:
    name, size = SMALL[family]
    conforms(name, size, tmp_path)


@pytest.mark.sweep
@pytest.mark.parametrize("name", zoo.listed())
def test_every_listed_network(name: str, tmp_path: Path) -> None:
    conforms(name, None, tmp_path)


def conforms(name: str, size: int | None, folder: Path) -> None:
    """float32 gives Keras' answers, int8 runs, multiply-adds survive, no Flex, on every runtime."""
    float32, int8 = export(
        Source(name, size=size, classes=10), ("float32", "int8"), folder, Calibration(RANDOM)
    )
    assert float32.holds and float32.parity.relative <= 1e-4
    pixels = random_pixels(3, zoo.contract(zoo.parse(name, size=size)), seed=9)
    reference = None
    for one in (float32, int8):
        seen = inspect(one.path)
        assert not [
            warning
            for warning in seen.warnings
            if "Flex" in warning or "dynamic" in warning or "understated" in warning
        ]
        assert seen.minimum_runtime is not None
        for runtime in INSTALLED:
            (answers,) = ask([one.path], lambda _contract: pixels, len(pixels), runtime=runtime)
            scores = answers.scores
            assert scores.shape == (3, 10) and np.isfinite(scores).all()
            reference = scores if reference is None else reference
            if one is float32:
                np.testing.assert_allclose(scores, reference, atol=1e-4)
            else:
                # Random weights amplify rounding, so this shows that the file computes this network,
                # not that it is accurate: accuracy is tested on trained ones.
                np.testing.assert_allclose(scores.sum(axis=1), 1, atol=0.05)
                if reference.std() > 0.01:
                    assert np.corrcoef(scores.ravel(), reference.ravel())[0, 1] > 0.4
    assert inspect(float32.path).macs == inspect(int8.path).macs
    if size is None:
        counted = zoo.stored_counts()[name]
        head = inspect(float32.path).macs
        # The stored counts are for 1000 classes, these files have 10: only the last layer differs.
        assert head < counted.macs
