"""RandWire: stages are random graphs of separable convolutions, drawn from a seed.

Xie, Kirillov, Girshick, He, "Exploring Randomly Wired Neural Networks for Image Recognition",
arXiv 1904.01569, 2019: section 3 and Table 1, with the Watts-Strogatz generator WS(K=4, P=0.75) and
N=32 nodes.

* Each seed gives a different network, with slightly different counts. The paper's figures are means
  over several graphs; the counts here are those of seed 0. A seed gives the same graphs everywhere.
* A graph that is not connected is drawn again.
* A node with a single input has no weighted sum: batch normalization cancels a positive factor, so
  that the network can express the same.
* All stem convolutions are ordinary ones: with separable ones the small network would have 16 % fewer
  multiply-adds than published.
* The 1x1 convolution of the head is also followed by a ReLU; without it the convolution would add
  nothing to the classifier, which is linear too.
* Half of an odd number of channels (the stem) is rounded down.
* The regularization used in training (dropped edges, dropout) is left out.
"""

from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from mobilecnn.train.zoo.randwire_graph import Wiring, wirings
from mobilecnn.train.zoo.weighted_sum import WeightedSum

NEIGHBOURS = 4
"""Number of neighbours of a node in the ring, K: WS(K=4, P=0.75) is the best generator of section 4."""

PROBABILITY = 0.75
"""Probability that an edge is rewired, P (section 4)."""

HEAD = 1280
"""Channels of the last 1x1 convolution (Table 1)."""


@dataclass(frozen=True)
class Regime:
    """A column of Table 1.

    Attributes:
        second_conv: whether conv2 is a convolution and not a random graph.
        graphs: random stages that follow: (nodes, channels as a multiple of C).
    """

    second_conv: bool
    graphs: tuple[tuple[int, int], ...]


SMALL = Regime(
    second_conv=True,  # side 56 at an input of 224
    graphs=(
        (32, 1),  # 28
        (32, 2),  # 14
        (32, 4),  # 7
    ),
)
REGULAR = Regime(
    second_conv=False,
    graphs=(
        (16, 1),  # 56
        (32, 2),  # 28
        (32, 4),  # 14
        (32, 8),  # 7
    ),
)

REGIMES = {78: SMALL, 109: REGULAR, 154: REGULAR}
"""The paper's C -> column of Table 1 (section 4, Tables 2 and 3)."""


def build(*, channels: int, seed: int, size: int, classes: int, name: str) -> keras.Model:
    """The network with a softmax output, randomly initialized; its wiring depends on the seed only.

    Args:
        channels: a key of :data:`REGIMES`, the paper's C.
        seed: seed of the random graphs, from 0.
        size: input side, pixels.
        classes: number of outputs.
        name: name of the model.
    """
    regime = REGIMES[channels]
    drawn = wirings(tuple(nodes for nodes, _ in regime.graphs), NEIGHBOURS, PROBABILITY, seed)
    inputs = layers.Input((size, size, 3), name="image")
    x = _conv_bn(inputs, channels // 2, 3, 2, "conv1")  # 224 -> 112
    if regime.second_conv:
        x = layers.ReLU(name="conv2_relu")(x)
        x = _conv_bn(x, channels, 3, 2, "conv2")
    first = 3 if regime.second_conv else 2
    for stage, (wiring, (_, multiple)) in enumerate(zip(drawn, regime.graphs, strict=True), start=first):
        x = _random_stage(x, wiring, multiple * channels, f"conv{stage}")
    x = layers.ReLU(name="head_relu")(x)
    x = _conv_bn(x, HEAD, 1, 1, "head_conv")
    x = layers.ReLU(name="head_conv_relu")(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    outputs = layers.Dense(classes, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name=name)


def _random_stage(x: Any, wiring: Wiring, channels: int, label: str) -> Any:
    """Section 3.2: nodes without a source read the stage's input with stride 2; outputs that no node reads are averaged."""
    maps: list[Any] = []
    for node, sources in enumerate(wiring.sources):
        node_label = f"{label}_node{node}"
        inputs = [maps[source] for source in sources] or [x]
        summed = WeightedSum(name=f"{node_label}_sum")(inputs) if len(inputs) > 1 else inputs[0]
        maps.append(_node(summed, channels, 1 if sources else 2, node_label))
    outputs = [maps[node] for node in wiring.outputs]
    return layers.Average(name=f"{label}_average")(outputs) if len(outputs) > 1 else outputs[0]


def _node(x: Any, channels: int, stride: int, label: str) -> Any:
    """ReLU, 3x3 separable convolution without activation between its halves, batch normalization."""
    x = layers.ReLU(name=f"{label}_relu")(x)
    padding = "same"
    if stride == 2:
        x = layers.ZeroPadding2D(1, name=f"{label}_pad")(x)
        padding = "valid"
    x = layers.SeparableConv2D(
        channels, 3, strides=stride, padding=padding, use_bias=False, name=f"{label}_conv"
    )(x)
    return _bn(x, label)


def _conv_bn(x: Any, channels: int, kernel: int, stride: int, label: str) -> Any:
    x = layers.ZeroPadding2D(kernel // 2, name=f"{label}_pad")(x)
    x = layers.Conv2D(channels, kernel, strides=stride, use_bias=False, name=label)(x)
    return _bn(x, label)


def _bn(x: Any, label: str) -> Any:
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{label}_bn")(x)
