"""The operators of a network, read off its layers: what they are, and that nothing is lost."""

from collections import Counter

import pytest

from mobilecnn.errors import UsageError
from mobilecnn.train.operators import AVERAGE_POOL, DEPTHWISE, MAX_POOL, MEAN, SHUFFLE, Operator, network

PLAIN = (
    ("lenet5", 32), ("alexnet_g4", 227), ("squeezenet_v1.0_complex_bypass", 224), ("googlenet_aux", 224),
    ("xception", 299), ("mobilenet_v3_small_x1.0", 224), ("shufflenet_v2_x0.5", 224), ("efficientnet_b0", 224),
    ("densenet121", 224), ("squeezenext23_x1.0_g2", 227), ("resnext50_32x4d", 224), ("inception_v2", 224),
)  # fmt: skip
"""Networks with all kinds of layers that are known, with the side of their input."""


@pytest.mark.parametrize(("name", "side"), PLAIN)
def test_the_operators_have_all_multiply_adds(name: str, side: int) -> None:
    """Those of the papers' counting, layer by layer, are the sum over the operators."""
    read = network(name, side)
    assert sum(operator.macs for operator in read.operators) == read.macs > 0
    assert all(operator.positions <= side**2 for operator in read.operators)


def test_what_a_converter_joins_is_one_operator() -> None:
    kinds = Counter(operator.work for operator in network("mobilenet_v2_x0.35_96", 96).operators)
    assert kinds == {
        "convolution 3x3, stride 2": 1, "convolution 1x1": 34, "depthwise 3x3": 13, "depthwise 3x3, stride 2": 4, "add": 10,
        "mean": 1, "dense": 1, "softmax": 1,
    }  # fmt: skip


def test_the_shapes_of_a_shuffle_unit() -> None:
    operators = network("shufflenet_v1_x0.5_g3", 224).operators
    first = next(operator for operator in operators if operator.kind == SHUFFLE)
    assert first == Operator(SHUFFLE, 1, 784, 30, 30, groups=3)
    deep = next(row for row in reversed(operators) if row.kind == DEPTHWISE)
    assert deep == Operator(DEPTHWISE, 7, 7, 120, 120, 3, 3)
    assert operators[-3] == Operator(MEAN, 1, 1, 480, 480, 7, 7)


@pytest.mark.parametrize(
    ("name", "pools"),
    [
        ("shufflenet_v1_x0.5_g3", {(MAX_POOL, 2, True), (AVERAGE_POOL, 2, False)}),
        ("inception_v4", {(MAX_POOL, 2, False), (AVERAGE_POOL, 1, True)}),
        ("bn_inception", {(MAX_POOL, 1, True), (MAX_POOL, 2, True), (AVERAGE_POOL, 1, False)}),
    ],
)  # fmt: skip
def test_pools_that_reach_over_the_edge_are_told_from_others(
    name: str, pools: set[tuple[str, int, bool]]
) -> None:
    """What an int8 file does for a pool depends on it; padding that is a layer of its own is none of the pool's."""
    read = [row for row in network(name, 224).operators if row.kind in (MAX_POOL, AVERAGE_POOL)]
    assert {(row.kind, row.stride, row.padded) for row in read} == pools


@pytest.mark.parametrize("name", ["nasnet_a_mobile", "randwire_ws_c78", "shiftnet_c"])
def test_a_layer_that_nothing_is_known_of_is_named(name: str) -> None:
    with pytest.raises(UsageError, match=rf"layer \w+ \(\w+\) of {name} costs; search a family without"):
        network(name, 224)


def test_an_operator_without_places_is_none() -> None:
    with pytest.raises(ValueError, match="not positive"):
        Operator(MEAN, 0, 1, 1, 1)
