"""ShuffleNet V2: split the channels, convolve one half, concatenate, shuffle.

Ma, Zhang, Zheng, Sun, "ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture
Design", arXiv 1807.11164: Table 5 (the network), Figure 3 (c) and (d) (the units).

Strided convolutions are padded by one pixel on every side, as in the authors' public code;
the max pool is not, for the reason given in :mod:`mobilecnn.train.zoo.shufflenet_v1`.
"""

from typing import Any

import keras
from keras import layers

from mobilecnn.train.zoo.shapes import image_shape

# Table 5: width -> output channels of Stages 2, 3, 4 and of the last convolution.
CHANNELS = {
    0.5: (48, 96, 192, 1024),
    1.0: (116, 232, 464, 1024),
    1.5: (176, 352, 704, 1024),
    2.0: (244, 488, 976, 2048),
}
STEM = 24

# Table 5: stage -> units, the first of each with stride 2. At 224x224 the stem and its
# max pool give 56x56.
STAGES = (
    (2, 4),  # 56 -> 28
    (3, 8),  # 28 -> 14
    (4, 4),  # 14 -> 7
)


def build(*, width: float, size: int | tuple[int, int], classes: int, name: str) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        width: a key of :data:`CHANNELS`.
        size: input side, or (height, width), pixels.
        classes: number of outputs.
        name: name of the model.
    """
    *stages, last = CHANNELS[width]
    inputs = layers.Input(image_shape(size), name="image")
    x = layers.ZeroPadding2D(1, name="stem_pad")(inputs)
    x = layers.Conv2D(STEM, 3, strides=2, use_bias=False, name="stem_conv")(x)  # 224 -> 112
    x = _bn_relu(x, "stem")
    x = layers.MaxPooling2D(3, strides=2, padding="same", name="stem_pool")(x)  # 112 -> 56
    for (stage, units), out in zip(STAGES, stages, strict=True):
        for unit in range(1, units + 1):
            label = f"stage{stage}_unit{unit}"
            x = _down(x, out, label) if unit == 1 else _same(x, out, label)
    x = _pointwise(x, last, "conv5")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    outputs = layers.Dense(classes, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name=name)


def _same(x: Any, out: int, label: str) -> Any:
    """Figure 3 (c): stride 1; one half of the channels passes unchanged."""
    kept, branch = keras.ops.split(x, 2, axis=-1)
    branch = _pointwise(branch, out // 2, f"{label}_conv1")
    branch = _depthwise(branch, 1, f"{label}_depthwise")
    branch = _pointwise(branch, out // 2, f"{label}_conv2")
    return _concat_shuffle([kept, branch], label)


def _down(x: Any, out: int, label: str) -> Any:
    """Figure 3 (d): stride 2; both branches read all channels."""
    shortcut = _depthwise(x, 2, f"{label}_shortcut_depthwise")
    shortcut = _pointwise(shortcut, out // 2, f"{label}_shortcut_conv")
    branch = _pointwise(x, out // 2, f"{label}_conv1")
    branch = _depthwise(branch, 2, f"{label}_depthwise")
    branch = _pointwise(branch, out // 2, f"{label}_conv2")
    return _concat_shuffle([shortcut, branch], label)


def _concat_shuffle(halves: list[Any], label: str) -> Any:
    """Interleave the two halves: channel 0 of the first, 0 of the second, 1 of the first, and so on."""
    x = layers.Concatenate(name=f"{label}_concat")(halves)
    _, height, width, depth = x.shape
    x = layers.Reshape((height * width, 2, depth // 2), name=f"{label}_shuffle_fold")(x)
    x = layers.Permute((1, 3, 2), name=f"{label}_shuffle")(x)
    return layers.Reshape((height, width, depth), name=f"{label}_shuffle_unfold")(x)


def _pointwise(x: Any, out: int, label: str) -> Any:
    x = layers.Conv2D(out, 1, use_bias=False, name=label)(x)
    return _bn_relu(x, label)


def _depthwise(x: Any, stride: int, label: str) -> Any:
    """3x3 depthwise convolution and batch normalization, without a ReLU."""
    padding = "same"
    if stride == 2:
        x = layers.ZeroPadding2D(1, name=f"{label}_pad")(x)
        padding = "valid"
    x = layers.DepthwiseConv2D(3, strides=stride, padding=padding, use_bias=False, name=label)(x)
    return _bn(x, label)


def _bn_relu(x: Any, label: str) -> Any:
    return layers.ReLU(name=f"{label}_relu")(_bn(x, label))


def _bn(x: Any, label: str) -> Any:
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{label}_bn")(x)
