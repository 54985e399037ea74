"""ResNet-50 with a depthwise convolution in place of every 3x3 convolution.

Two networks, ``Separable_dw`` and ``Separable_dw_linear``, of a comparison on skin lesions (ISIC 2018
Task 3, 7 classes). No paper defines them. The ResNet-50 is that of He, Zhang, Ren, Sun, "Deep Residual
Learning for Image Recognition", arXiv 1512.03385, 2015, Table 1.

- The network is known to have 12 million parameters with 7 classes. A depthwise convolution in place of
  each 3x3 convolution gives 12.27 million; a depthwise and a 1x1 convolution would give 13.53 million.
- ``_linear`` is taken to mean that no ReLU follows the depthwise convolution.
- The rest is ResNet-50 as in ``keras.applications``, with biases and with the stride in the first 1x1
  convolution of a stage.
"""

from functools import partial
from typing import Any

import keras
from keras import layers

from mobilecnn.train.zoo.residual import bn, conv_bn, conv_bn_relu, network


def build(*, linear: bool, size: int | tuple[int, int], classes: int, name: str) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        linear: whether the ReLU after the depthwise convolutions is left out.
        size: input side, or (height, width), pixels.
        classes: number of outputs.
        name: name of the model.
    """
    branch = partial(_branch, linear=linear)
    return network(depth=50, branch=branch, bias=True, size=size, classes=classes, name=name)


def _branch(x: Any, out: int, stride: int, label: str, *, linear: bool) -> Any:
    x = conv_bn_relu(x, out // 4, 1, stride, f"{label}_conv1", bias=True)
    x = layers.DepthwiseConv2D(3, padding="same", name=f"{label}_depthwise")(x)
    x = bn(x, f"{label}_depthwise")
    if not linear:
        x = layers.ReLU(name=f"{label}_depthwise_relu")(x)
    return conv_bn(x, out, 1, 1, f"{label}_conv3", bias=True)
