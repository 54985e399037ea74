"""DenseNet: every layer of a block reads the concatenated outputs of all layers before it.

Huang, Liu, van der Maaten, Weinberger, "Densely Connected Convolutional Networks", arXiv
1608.06993, 2016 (CVPR 2017): Table 1 and section 3, the variant with bottlenecks and compression
(DenseNet-BC). DenseNet-161 is only in Table 1 of the paper's early versions.

* Strided layers are padded by the same number of pixels on every side, as in torchvision and
  ``keras.applications``.
* DenseNet-161 has growth rate 48 and a stem of twice that, the others 32 and 64, as in
  torchvision.
* DenseNet-264 follows its column of the table, although that has 265 layers if counted like the
  other networks. No other implementation publishes its exact count.
"""

from typing import Any

import keras
from keras import layers

# Table 1: depth -> growth rate k, layers of the four dense blocks. Sides at an input of 224: 56, 28, 14, 7.
NETWORKS = {
    121: (32, (6, 12, 24, 16)),
    161: (48, (6, 12, 36, 24)),
    169: (32, (6, 12, 32, 32)),
    201: (32, (6, 12, 48, 32)),
    264: (32, (6, 12, 64, 48)),
}

BOTTLENECK = 4
"""Channels of a layer's 1x1 convolution, as a multiple of the growth rate (section 3, "Bottleneck layers")."""

COMPRESSION = 0.5
"""Share of the channels that a transition keeps, rounded down (section 3, "Compression")."""


def build(*, depth: int, size: int, classes: int, name: str) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        depth: a key of :data:`NETWORKS`.
        size: input side, pixels.
        classes: number of outputs.
        name: name of the model.
    """
    growth, blocks = NETWORKS[depth]
    inputs = layers.Input((size, size, 3), name="image")
    x = layers.ZeroPadding2D(3, name="stem_pad")(inputs)
    x = layers.Conv2D(2 * growth, 7, strides=2, use_bias=False, name="stem_conv")(x)  # 224 -> 112
    x = _bn_relu(x, "stem")
    x = layers.ZeroPadding2D(1, name="stem_pool_pad")(x)
    x = layers.MaxPooling2D(3, strides=2, name="stem_pool")(x)  # 112 -> 56
    return keras.Model(inputs, dense_blocks(x, blocks, growth, classes), name=name)


def dense_blocks(x: Any, blocks: tuple[int, ...], growth: int, classes: int) -> Any:
    """What follows the stem: dense blocks with transitions between them, and the classifier."""
    for block, depth in enumerate(blocks, start=1):
        if block > 1:
            x = _transition(x, f"transition{block - 1}")
        for layer in range(1, depth + 1):
            x = _dense_layer(x, growth, f"block{block}_layer{layer}")
    x = _bn_relu(x, "last")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    return layers.Dense(classes, activation="softmax", name="predictions")(x)


def _dense_layer(x: Any, growth: int, label: str) -> Any:
    """Section 3: BN-ReLU-Conv(1x1)-BN-ReLU-Conv(3x3); its ``growth`` channels are appended to the input's."""
    new = _bn_relu(x, f"{label}_conv1")
    new = layers.Conv2D(BOTTLENECK * growth, 1, use_bias=False, name=f"{label}_conv1")(new)
    new = _bn_relu(new, f"{label}_conv2")
    new = layers.Conv2D(growth, 3, padding="same", use_bias=False, name=f"{label}_conv2")(new)
    return layers.Concatenate(name=f"{label}_concat")([x, new])


def _transition(x: Any, label: str) -> Any:
    """Compress the channels and halve the side."""
    x = _bn_relu(x, label)
    x = layers.Conv2D(int(COMPRESSION * x.shape[-1]), 1, use_bias=False, name=f"{label}_conv")(x)
    return layers.AveragePooling2D(2, name=f"{label}_pool")(x)


def _bn_relu(x: Any, label: str) -> Any:
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{label}_bn")(x)
    return layers.ReLU(name=f"{label}_relu")(x)
