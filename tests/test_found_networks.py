"""Which networks a search looks at, and which of them others beat."""

from typing import Any

import pytest

from mobilecnn.errors import ModelNameError, UsageError
from mobilecnn.found_networks import Candidate, front
from mobilecnn.train.operators import Network
from mobilecnn.train.zoo import candidates, parse


def candidate(ms: float, macs: int, params: int, top1: float | None, form: str) -> Candidate:
    built = Network("it", 224, (), macs, params)
    return Candidate(parse("alexnet"), built, form, ms, top1)


@pytest.mark.parametrize(
    ("other", "stays"),
    [
        ((9, 110, 10, None, "int8"), False), ((10, 100, 11, None, "int8"), False), ((10, 100, 10, None, "int8"), True),
        ((11, 200, 20, 80.0, "int8"), True), ((9, 110, 9, 80.0, "int8"), True), ((9, 110, 10, 69.0, "int8"), True),
        ((10, 100, 10, 71.0, "int8"), False), ((9, 110, 10, 80.0, "float32"), True),
    ],
)  # fmt: skip
def test_what_beats_a_network(other: tuple[Any, ...], stays: bool) -> None:
    """Another one that is no worse in time, multiply-adds, parameters and accuracy, and better in one; of the same format."""
    one = candidate(10, 100, 10, 70.0, "int8")
    assert (one in front([one, candidate(*other)])) == stays


def test_a_search_narrows_the_width_down() -> None:
    family = candidates.family("shufflenet_v1")
    names = {str(name) for name, side in candidates.networks(family)}
    assert {"shufflenet_v1_x0.5_g8", "shufflenet_v1_x2.0_g3_se", "shufflenet_v1_x0.25_g1"} <= names
    assert {side for _, side in candidates.networks(family)} == {128, 160, 192, 224}
    assert {side for _, side in candidates.networks(candidates.family("lenet"))} == {32, 28}
    assert str(candidates.at(parse("shufflenet_v1_x0.5_g3"), 0.55, 160)) == "shufflenet_v1_x0.55_g3"
    assert candidates.at(parse("mobilenet_v1_x0.5_128"), 40, 128) is None


def test_rectangles_are_of_networks_at_every_width_once() -> None:
    """Names that differ in their size alone are one network there."""
    names = candidates.networks(candidates.family("mobilenet_v1"), ((240, 320),), (0.25, 0.3))
    assert [(str(name), size) for name, size in names] == [
        ("mobilenet_v1_x0.25_224", (240, 320)), ("mobilenet_v1_x0.3_224", (240, 320)),
    ]  # fmt: skip
    assert candidates.size_text(names[0][1]) == "320x240"
    with pytest.raises(UsageError, match="nasnet_a_mobile takes square images only"):
        candidates.networks(candidates.family("nasnet"), ((240, 320),))
    with pytest.raises(ModelNameError, match="images of 8x8 pixels"):
        candidates.networks(candidates.family("mobilenet_v1"), ((240, 8),))
