"""ResNet: bottlenecks of three convolutions, each added to its own input.

He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", arXiv 1512.03385, 2015: Table 1
(50, 101 and 152 layers), Figure 5 right (the bottleneck). Version 2: the same authors, "Identity
Mappings in Deep Residual Networks", arXiv 1603.05027, 2016: Figure 4 (e) (batch normalization and
ReLU come before the convolutions), section 5 (200 layers). ``_1x100d``: Xie, Girshick, Dollár, Tu,
He, "Aggregated Residual Transformations for Deep Neural Networks", arXiv 1611.05431, 2016, Table 4
(bottlenecks of 100 channels instead of 64).

- Without a suffix: the first 1x1 convolution of a stage has the stride, as in the paper, and
  convolutions have biases, as in ``keras.applications``, whose weights fit.
- ``_v1.5`` and ``_1x100d``: the stride is on the 3x3 convolution and convolutions have no biases, as
  in torchvision and in the networks that the ResNeXt paper compares with. Its ResNet-50 (1x64d) is
  ``resnet50_v1.5``.
- ``_v2`` with 50, 101 and 152 layers: as in ``keras.applications``, whose weights fit. The stride is on
  the 3x3 convolution of a stage's last unit. The stem, the projections and the last convolution of a
  unit have biases, and no batch normalization follows them directly.
- ``resnet200_v2`` is not in ``keras.applications``. The stride is on the 3x3 convolution of a stage's first
  unit, convolutions have no biases, and batch normalization and ReLU follow the stem. This gives
  the 64,666,280 parameters that other implementations count.
- Strided convolutions and the max pool are padded equally on every side.
"""

from functools import partial
from typing import Any

import keras
from keras import layers

from mobilecnn.train.zoo.residual import (
    REPEATS,
    bn,
    bottleneck,
    classifier,
    conv,
    conv_bn_relu,
    network,
    pool,
    stages,
)
from mobilecnn.train.zoo.shapes import image_shape


def build(*, depth: int, version: str, size: int | tuple[int, int], classes: int, name: str) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        depth: 50, 101, 152 or 200 layers.
        version: suffix of the name: "", "_v1.5", "_v2" or "_1x100d".
        size: input side, or (height, width), pixels.
        classes: number of outputs.
        name: name of the model.
    """
    if version == "_v2":
        return _version_2(depth, size, classes, name)
    original = version == ""
    width = 100 if version == "_1x100d" else 64
    branch = partial(bottleneck, width=width, bias=original, first_strides=original)
    return network(depth=depth, branch=branch, bias=original, size=size, classes=classes, name=name)


def _version_2(depth: int, size: int | tuple[int, int], classes: int, name: str) -> keras.Model:
    as_keras = depth != 200
    inputs = layers.Input(image_shape(size), name="image")
    stem = conv if as_keras else conv_bn_relu
    x = stem(inputs, 64, 7, 2, "stem", bias=as_keras)
    x = stages(pool(x), REPEATS[depth], partial(_unit, bias=as_keras), last_strides=as_keras)
    x = layers.ReLU(name="last_relu")(bn(x, "last"))
    return classifier(inputs, x, classes, name)


def _unit(x: Any, out: int, stride: int, label: str, *, bias: bool) -> Any:
    """A unit of version 2: nothing follows the addition, so that a shortcut is an identity."""
    active = layers.ReLU(name=f"{label}_relu")(bn(x, label))
    branch = conv_bn_relu(active, out // 4, 1, 1, f"{label}_conv1")
    branch = conv_bn_relu(branch, out // 4, 3, stride, f"{label}_conv2")
    branch = conv(branch, out, 1, 1, f"{label}_conv3", bias=bias)
    if x.shape[-1] != out:
        x = conv(active, out, 1, stride, f"{label}_shortcut", bias=bias)
    elif stride > 1:
        x = layers.MaxPooling2D(1, strides=stride, name=f"{label}_shortcut")(x)
    return layers.Add(name=f"{label}_add")([x, branch])
