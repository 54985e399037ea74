"""EfficientNet-Lite: EfficientNet without the parts that suit neither int8 nor accelerators.

Tan, Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
ICML 2019, arXiv 1905.11946, Table 1 (B0), with the changes that the authors publish with the Lite
networks (tensorflow/tpu, models/official/efficientnet/lite, 2020).

* There is no squeeze-and-excitation, and ReLU6 instead of swish.
* Lite1 to Lite4 scale the channels and the number of blocks of Lite0, in the middle stages; the stem and the
  head stay as they are (B1 to B7 scale them too), and the first and the last stage keep their single block.
  Scaled channels are rounded to a multiple of 8, but never down by more than a tenth; blocks are rounded up.
* The input is (pixels - 127) / 128, which int8 represents exactly.
* Strided convolutions have "same" padding, as in TensorFlow, where the published weights come from.
* Stochastic depth, which concerns training only, is left out.
"""

import math
from typing import Any

import keras
from keras import layers

from mobilecnn.train.zoo.shapes import image_shape

# Table 1: expansion, channels, blocks, stride of the first block, kernel. A 224x224 input
# leaves the stem as 112x112.
STAGES = (
    (1, 16, 1, 1, 3),  # 112
    (6, 24, 2, 2, 3),  # 112 -> 56
    (6, 40, 2, 2, 5),  # 56 -> 28
    (6, 80, 3, 2, 3),  # 28 -> 14
    (6, 112, 3, 1, 5),  # 14
    (6, 192, 4, 2, 5),  # 14 -> 7
    (6, 320, 1, 1, 3),  # 7
)
STEM = 32
HEAD = 1280

SCALES = {
    0: (1.0, 1.0, 0.2),
    1: (1.0, 1.1, 0.2),
    2: (1.1, 1.2, 0.3),
    3: (1.2, 1.4, 0.3),
    4: (1.4, 1.8, 0.3),
}
"""Number -> multiplier of the channels, multiplier of the blocks, rate of the dropout (the authors' code). The input
sides are in the table of families."""


def build(*, number: int, size: int | tuple[int, int], classes: int, name: str) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        number: 0 to 4, for Lite0 to Lite4.
        size: input side, or (height, width), pixels.
        classes: number of outputs.
        name: name of the model.
    """
    inputs = layers.Input(image_shape(size), name="image")
    x = layers.Conv2D(STEM, 3, strides=2, padding="same", use_bias=False, name="stem_conv")(inputs)
    x = _bn_relu(x, "stem")
    width, depth, dropout = SCALES[number]
    label = 0
    for stage, (expansion, out, blocks, stride, kernel) in enumerate(STAGES):
        times = blocks if stage in (0, len(STAGES) - 1) else math.ceil(blocks * depth)
        for block in range(times):
            label += 1
            x = _block(x, expansion, scaled(out, width), stride if block == 0 else 1, kernel, f"block{label}")
    x = layers.Conv2D(HEAD, 1, use_bias=False, name="head_conv")(x)
    x = _bn_relu(x, "head")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(dropout, name="dropout")(x)
    outputs = layers.Dense(classes, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name=name)


def scaled(channels: int, width: float) -> int:
    """``channels`` times ``width``, to the nearest multiple of 8, but never down by more than a tenth."""
    wanted = channels * width
    nearest = max(8, int(wanted + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * wanted else nearest + 8


def _block(x: Any, expansion: int, out: int, stride: int, kernel: int, label: str) -> Any:
    """The inverted residual of MobileNet V2: expand, depthwise, project; added where the shape stays."""
    shortcut = x
    if expansion > 1:
        x = layers.Conv2D(expansion * x.shape[-1], 1, use_bias=False, name=f"{label}_expand")(x)
        x = _bn_relu(x, f"{label}_expand")
    x = layers.DepthwiseConv2D(
        kernel, strides=stride, padding="same", use_bias=False, name=f"{label}_depthwise"
    )(x)
    x = _bn_relu(x, f"{label}_depthwise")
    x = layers.Conv2D(out, 1, use_bias=False, name=f"{label}_project")(x)
    x = _bn(x, f"{label}_project")
    if x.shape == shortcut.shape:
        x = layers.Add(name=f"{label}_add")([shortcut, x])
    return x


def _bn_relu(x: Any, label: str) -> Any:
    return layers.ReLU(6.0, name=f"{label}_relu")(_bn(x, label))


def _bn(x: Any, label: str) -> Any:
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-3, name=f"{label}_bn")(x)
