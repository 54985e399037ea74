"""MobileNet V1 with full convolutions, or with fewer layers: the networks that its paper compares it with.

Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision
Applications", arXiv 1704.04861, 2017: Table 1 (the network), Table 4 (full convolutions),
Table 5 (the shallow network).

* "Conv MobileNet" has one 3x3 convolution with batch normalization and ReLU in place of
  each depthwise separable convolution.
* "Shallow MobileNet" lacks the five layers at 14x14x512 that Table 1 repeats.
* Table 1 gives the last depthwise convolution stride 2, which does not fit its own 7x7
  output: as in the authors' public code (TF-slim) the stride is 1. As there, padding is
  "same", and ReLUs are ReLU6.
"""

from typing import Any

import keras
from keras import layers

# Table 1: a full convolution first, then (output channels, stride) of the separable ones.
STEM = (32, 2)  # 112
REPEATED = ((512, 1),) * 5  # 14
SEPARABLE = (
    (64, 1),  # 112
    (128, 2),  # 56
    (128, 1),
    (256, 2),  # 28
    (256, 1),
    (512, 2),  # 14
    *REPEATED,
    (1024, 2),  # 7
    (1024, 1),
)


def build(*, variant: str, size: int, classes: int, name: str) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        variant: "conv", "shallow", or "" for Table 1 itself.
        size: input side, pixels.
        classes: number of outputs.
        name: name of the model.
    """
    table = [row for row in SEPARABLE if variant != "shallow" or row not in REPEATED]
    inputs = layers.Input((size, size, 3), name="image")
    x = _conv(inputs, *STEM, "conv1")
    for number, (out, stride) in enumerate(table, 2):
        x = (_conv if variant == "conv" else _separable)(x, out, stride, f"conv{number}")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(0.001, name="dropout")(x)
    outputs = layers.Dense(classes, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name=name)


def _conv(x: Any, out: int, stride: int, label: str) -> Any:
    x = layers.Conv2D(out, 3, strides=stride, padding="same", use_bias=False, name=label)(x)
    return _bn_relu(x, label)


def _separable(x: Any, out: int, stride: int, label: str) -> Any:
    x = layers.DepthwiseConv2D(3, strides=stride, padding="same", use_bias=False, name=f"{label}_depthwise")(
        x
    )
    x = _bn_relu(x, f"{label}_depthwise")
    x = layers.Conv2D(out, 1, use_bias=False, name=f"{label}_pointwise")(x)
    return _bn_relu(x, f"{label}_pointwise")


def _bn_relu(x: Any, label: str) -> Any:
    x = layers.BatchNormalization(name=f"{label}_bn")(x)
    return layers.ReLU(6.0, name=f"{label}_relu")(x)
