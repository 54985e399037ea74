"""Cross-layer equalization: no answer moves by a bit, the ranges become alike, and what does not scale is left alone."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from ai_edge_litert.interpreter import Interpreter
from hypothesis import given, settings
from hypothesis import strategies as st
from tflite_files import Made

from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.quantize.activations import observe
from mobilecnn.quantize.equalization import RATIO, equalize, groups_of, ratio_of, rescale
from mobilecnn.quantize.weighted_layers import weighted_layers

SAME = 0
NO, RELU, RELU6 = 0, 1, 3
STEP = {"strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1, "padding": SAME}
CHANNELS, SIDE = 8, 6


class Net(Made):
    """A graph of layers of as many channels each, with random weights."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__((1, SIDE, SIDE, CHANNELS))
        self.random = np.random.default_rng(seed)

    def weights(self, *shape: int) -> npt.NDArray[np.float32]:
        return self.random.normal(0.1, 1, shape).astype(np.float32)

    def conv(
        self,
        source: int,
        activation: int = RELU,
        groups: int = 1,
        large: float = 1.0,
        channels: int = CHANNELS,
    ) -> int:
        """A convolution, of which one channel is ``large`` times as large."""
        weights = self.weights(CHANNELS, 3, 3, channels // groups)
        weights[2] *= large
        constants = self.constant(weights), self.constant(self.weights(CHANNELS))
        side = int(self._graph.tensors[source].shape[1])
        options: dict[str, Any] = {"table": "Conv2DOptions", "fusedActivationFunction": activation, **STEP}
        return self.add("CONV_2D", source, *constants, shape=(1, side, side, CHANNELS), **options)

    def depthwise(self, source: int, activation: int = RELU) -> int:
        constants = self.constant(self.weights(1, 3, 3, CHANNELS)), self.constant(self.weights(CHANNELS))
        options: dict[str, Any] = {"depthMultiplier": 1, "fusedActivationFunction": activation, **STEP}
        return self.add("DEPTHWISE_CONV_2D", source, *constants, table="DepthwiseConv2DOptions", **options)

    def dense(self, source: int, inputs: int) -> int:
        constants = self.constant(self.weights(5, inputs)), self.constant(self.weights(5))
        return self.add("FULLY_CONNECTED", source, *constants, shape=(1, 5), table="FullyConnectedOptions")

    def pool(self, kind: str, source: int) -> int:
        options: dict[str, Any] = {
            "filterWidth": 2,
            "filterHeight": 2,
            "strideW": 1,
            "strideH": 1,
            "padding": SAME,
        }
        return self.add(kind, source, table="Pool2DOptions", **options)

    def mean(self, source: int) -> int:
        axes = self.constant([1, 2], "int32")
        return self.add("MEAN", source, axes, shape=(1, CHANNELS), table="ReducerOptions")

    def padded(self, source: int) -> int:
        amounts = self.constant([[0, 0], [1, 1], [1, 1], [0, 0]], "int32")
        shape = (1, SIDE + 2, SIDE + 2, CHANNELS)
        return self.add("PAD", source, amounts, shape=shape, table="PadOptions")

    def sum(self, first: int, second: int) -> int:
        return self.add("ADD", first, second, table="AddOptions")


def residual(net: Net) -> int:
    first = net.conv(net.input, NO)
    return net.conv(net.sum(first, net.conv(first, NO)))


def rectified(net: Net) -> int:
    leaky = net.add("LEAKY_RELU", net.conv(net.input, NO), table="LeakyReluOptions", alpha=0.1)
    return net.conv(net.add("RELU", leaky))


EQUALIZED: dict[str, Callable[[Net], int]] = {
    "two convolutions": lambda net: net.conv(net.conv(net.input)),
    "two without an activation": lambda net: net.conv(net.conv(net.input, NO)),
    "with a depthwise one between": lambda net: net.conv(net.depthwise(net.conv(net.input))),
    "around a sum": residual,
    "around pools": lambda net: net.conv(
        net.pool("AVERAGE_POOL_2D", net.pool("MAX_POOL_2D", net.conv(net.input)))
    ),
    "a mean and a dense layer": lambda net: net.dense(net.mean(net.conv(net.input)), CHANNELS),
    "a dense layer of all places": lambda net: net.dense(net.conv(net.input), SIDE * SIDE * CHANNELS),
    "into groups": lambda net: net.conv(net.conv(net.input), groups=4),
    "out of groups": lambda net: net.conv(net.conv(net.input, groups=2)),
    "around a padding": lambda net: net.conv(net.padded(net.conv(net.input))),
    "around rectifications": rectified,
}


def broken(content: bytes) -> bytes:
    """The same function, with two channels of each tensor that scales enlarged."""
    editor = Editor(flatbuffer.parse(content, "it"))
    layers = weighted_layers(editor)
    scales = np.ones(CHANNELS)
    scales[[2, 5]] = 2.0**-10, 2.0**-8
    groups = groups_of(editor, layers)
    assert groups
    for group in groups:
        rescale(editor, layers, group, scales)
    editor.sweep()
    return flatbuffer.pack(editor.model)


def answers(content: bytes, images: Any) -> Any:
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    rows = []
    for image in images:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image[None])
        interpreter.invoke()
        rows.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).copy())
    return np.concatenate(rows)


def pictures(seed: int = 0) -> npt.NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0.3, 1, (4, SIDE, SIDE, CHANNELS)).astype(np.float32)


def largest_ratio(content: bytes) -> float:
    """The largest ratio of a tensor between layers."""
    seen, editor = observe(content, pictures(), 1), Editor(flatbuffer.parse(content, "it"))
    return max(ratio_of(seen.highs[index] - seen.lows[index]) for index in seen.lows if editor.between(index))


@pytest.mark.parametrize("name", EQUALIZED)
@settings(max_examples=5)
@given(seed=st.integers(0, 2**31))
def test_the_answers_are_the_same_bit_for_bit(name: str, seed: int) -> None:
    net = Net(seed)
    whole = net.pack(EQUALIZED[name](net))
    base = broken(whole)
    found = equalize(base, observe(base, pictures(), 1))
    assert found is not None and found.ratio > RATIO
    for others in (pictures(), 50 * pictures(seed)):
        wanted = answers(whole, others)
        np.testing.assert_array_equal(answers(base, others), wanted)
        np.testing.assert_array_equal(answers(found.content, others), wanted)
    # What bias correction is told is what the equalized file has.
    for ours, theirs in zip(
        found.activations.patches, observe(found.content, pictures(), 1).patches, strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", EQUALIZED)
def test_the_ranges_become_alike(name: str) -> None:
    net = Net(1)
    base = broken(net.pack(EQUALIZED[name](net)))
    found = equalize(base, observe(base, pictures(), 1))
    assert found is not None
    assert largest_ratio(base) > 100
    assert largest_ratio(found.content) < 10


def read_elsewhere(net: Net) -> int:
    large = net.conv(net.input, large=1000)
    return net.add("MUL", net.conv(large), net.add("LOGISTIC", large), table="MulOptions")


def concatenated(net: Net) -> int:
    large, shape = net.conv(net.input, large=1000), (1, SIDE, SIDE, 2 * CHANNELS)
    both = net.add("CONCATENATION", large, net.input, shape=shape, table="ConcatenationOptions", axis=3)
    return net.conv(both, channels=2 * CHANNELS)


LEFT_ALONE: dict[str, Callable[[Net], int]] = {
    "like ranges": lambda net: net.conv(net.conv(net.input, large=5)),
    "ReLU6": lambda net: net.conv(net.conv(net.input, RELU6, large=1000)),
    "an output of the graph": lambda net: net.conv(net.input, large=1000),
    "also read by what does not scale": read_elsewhere,
    "a concatenation": concatenated,
    "a sum with the input": lambda net: net.conv(net.sum(net.conv(net.input, NO, large=1000), net.input)),
}


@pytest.mark.parametrize("name", LEFT_ALONE)
def test_what_does_not_scale_is_left_alone(name: str) -> None:
    net = Net(1)
    base = net.pack(LEFT_ALONE[name](net))
    assert equalize(base, observe(base, pictures(), 1)) is None


@pytest.mark.parametrize(
    ("ranges", "ratio"), [([1.0, 1.0, 1.0], 1), ([1.0, 2.0, 600.0], 300), ([0.0, 0.0, 3.0], 1), ([0.0], 1)]
)
def test_a_ratio_is_that_of_the_channels_that_say_something(ranges: list[float], ratio: float) -> None:
    assert ratio_of(np.array(ranges)) == ratio
