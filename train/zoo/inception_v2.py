"""Inception-v2: GoogLeNet with batch normalization and two 3x3 convolutions for each 5x5 one.

Ioffe, Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal
Covariate Shift", arXiv 1502.03167, ICML 2015, Figure 5 (the table in the appendix), as TF-slim
publishes it.

* Several networks have this name. This one is TF-slim's ``inception_v2``, whose stem is
  separable: a 7x7 depthwise convolution with 8 maps per input channel, then a 1x1 convolution.
  The paper's appendix describes the same stem; the better-known Caffe network has a plain 7x7 one.
* The pool projections of 4c and 4d have 96 channels, as in TF-slim. With the 128 of the Caffe
  network the modules would give 608 channels instead of 576.
* As in TF-slim, batch normalization has no scale, the stem has a bias and no batch normalization,
  and strided layers have "same" padding.
* Modules have the paper's names. TF-slim numbers them differently: its ``Mixed_3b`` is 3a, its
  ``Mixed_4a`` 3c, its ``Mixed_5a`` 4e.
"""

from typing import Any

import keras
from keras import layers

# Figure 5: name, channels of the 1x1 branch, of the 3x3 branch (1x1 reduction, 3x3), of the
# double 3x3 branch (1x1 reduction, both 3x3), the pool, channels of its projection. A module
# without a 1x1 branch halves the side, and its pool is not projected. Side at an input of 224.
MODULES = (
    ("3a", 64, (64, 64), (64, 96), "avg", 32),  # 28
    ("3b", 64, (64, 96), (64, 96), "avg", 64),
    ("3c", 0, (128, 160), (64, 96), "max", 0),  # 14
    ("4a", 224, (64, 96), (96, 128), "avg", 128),
    ("4b", 192, (96, 128), (96, 128), "avg", 128),
    ("4c", 160, (128, 160), (128, 160), "avg", 96),
    ("4d", 96, (128, 192), (160, 192), "avg", 96),
    ("4e", 0, (128, 192), (192, 256), "max", 0),  # 7
    ("5a", 352, (192, 320), (160, 224), "avg", 128),
    ("5b", 352, (192, 320), (192, 224), "max", 128),
)


def build(*, size: int, classes: int, name: str) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        size: input side, pixels.
        classes: number of outputs.
        name: name of the model.
    """
    inputs = layers.Input((size, size, 3), name="image")
    x = layers.SeparableConv2D(
        64, 7, strides=2, padding="same", depth_multiplier=8, activation="relu", name="conv1"
    )(inputs)  # 224 -> 112
    x = layers.MaxPooling2D(3, strides=2, padding="same", name="pool1")(x)  # 56
    x = _conv(x, 64, 1, 1, "conv2_reduce")
    x = _conv(x, 192, 3, 1, "conv2")
    x = layers.MaxPooling2D(3, strides=2, padding="same", name="pool2")(x)  # 28
    for module, single, three, double, pool, projection in MODULES:
        x = _inception(x, single, three, double, pool, projection, f"inception_{module}")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(0.2, name="dropout")(x)
    outputs = layers.Dense(classes, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name=name)


def _inception(
    x: Any,
    single: int,
    three: tuple[int, int],
    double: tuple[int, int],
    pool: str,
    projection: int,
    label: str,
) -> Any:
    """Append the module of a row of :data:`MODULES`."""
    stride = 1 if single else 2
    branches = [_conv(x, single, 1, 1, f"{label}_1x1")] if single else []
    reduction, out = three
    branch = _conv(x, reduction, 1, 1, f"{label}_3x3_reduce")
    branches.append(_conv(branch, out, 3, stride, f"{label}_3x3"))
    reduction, out = double
    branch = _conv(x, reduction, 1, 1, f"{label}_double3x3_reduce")
    branch = _conv(branch, out, 3, 1, f"{label}_double3x3_1")
    branches.append(_conv(branch, out, 3, stride, f"{label}_double3x3_2"))
    pooling = {"avg": layers.AveragePooling2D, "max": layers.MaxPooling2D}[pool]
    branch = pooling(3, strides=stride, padding="same", name=f"{label}_pool")(x)
    branches.append(_conv(branch, projection, 1, 1, f"{label}_pool_proj") if projection else branch)
    return layers.Concatenate(name=f"{label}_concat")(branches)


def _conv(x: Any, out: int, kernel: int, stride: int, label: str) -> Any:
    x = layers.Conv2D(out, kernel, strides=stride, padding="same", use_bias=False, name=label)(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-3, scale=False, name=f"{label}_bn")(x)
    return layers.ReLU(name=f"{label}_relu")(x)
