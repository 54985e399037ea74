"""ResNet of 18 and 34 layers, and the plain networks of the same layers without shortcuts.

He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", arXiv 1512.03385, 2015: Table 1
(the networks), Figure 5 left (the unit of two 3x3 convolutions), Figure 4 and Table 2 (the degradation:
34 plain layers err more than 18, and 34 residual ones less).

* Where the shape changes, the shortcut is a 1x1 convolution with batch normalization (option B), as in
  torchvision. The networks of Table 2 and Figure 4 have option A there, zeros in place of the missing
  channels, which has no parameters: at equal depth they count as many as the plain networks.
* The published accuracies of Table 2 are of ten crops, and with option A; those of the table below are
  torchvision's, of one crop, for the residual networks, and Table 2's for the plain ones.
* Strided convolutions and the max pool are padded equally on every side.
"""

from typing import Any

import keras
from keras import layers

from mobilecnn.train.zoo.residual import classifier, conv_bn, conv_bn_relu, join, pool
from mobilecnn.train.zoo.shapes import image_shape

REPEATS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
"""Depth -> number of units in Stages 2 to 5 (Table 1)."""

OUT = (
    64,  # 56
    128,  # 28
    256,  # 14
    512,  # 7
)
"""Output channels of Stages 2 to 5; the comments give the side of their feature maps at an input of 224."""


def build(*, kind: str, depth: int, size: int | tuple[int, int], classes: int, name: str) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        kind: "resnet" or, without shortcuts, "plain".
        depth: 18 or 34 layers.
        size: input side, or (height, width), pixels.
        classes: number of outputs.
        name: name of the model.
    """
    inputs = layers.Input(image_shape(size), name="image")
    x = pool(conv_bn_relu(inputs, 64, 7, 2, "stem"))  # 224 -> 112 -> 56
    for stage, (units, out) in enumerate(zip(REPEATS[depth], OUT, strict=True), 2):
        for number in range(1, units + 1):
            stride = 2 if stage > 2 and number == 1 else 1
            x = _unit(x, out, stride, f"stage{stage}_unit{number}", shortcut=kind == "resnet")
    return classifier(inputs, x, classes, name)


def _unit(x: Any, out: int, stride: int, label: str, *, shortcut: bool) -> Any:
    branch = conv_bn_relu(x, out, 3, stride, f"{label}_conv1")
    if not shortcut:
        return conv_bn_relu(branch, out, 3, 1, f"{label}_conv2")
    return join(x, conv_bn(branch, out, 3, 1, f"{label}_conv2"), stride, label)
