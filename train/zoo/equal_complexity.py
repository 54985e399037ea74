"""Units compared at equal complexity: the networks with which ShuffleNet V1's Table 4 compares its own unit.

Zhang, Zhou, Lin, Sun, "ShuffleNet: An Extremely Efficient Convolutional Neural Network for Mobile
Devices", arXiv 1707.01083v2, 2017, section 4.2 and Table 4: in the network of Table 1 the units of
Stages 2 to 4 are replaced, and their channels chosen so that 140, 38 or 13 million multiply-adds remain.

* ``vgg``: two 3x3 convolutions, each followed by batch normalization and a ReLU.
* ``resnet``: a bottleneck with a quarter of the channels inside.
* ``resnext``: a bottleneck with half of the channels inside and a 3x3 convolution in 16 groups; where 16
  does not divide them, they are rounded up to a multiple of 16.
* The Xception-like unit is ShuffleNet's own with one group: ``shufflenet_v1_x1.0_g1``,
  ``shufflenet_v1_x0.5_g1`` and ``shufflenet_v1_x0.25_g1``.

The first convolution has 24 channels at 140 million multiply-adds and 12 at less, as in ShuffleNet V1 with 1
group. The channels of Stage 4 at 38 million are those of a review of the paper (VGG-like 50, ResNet and
ResNeXt 192), which give 36.4 to 40.9 million here. The others are not published: each is the even number with
which the network comes nearest to the complexity, within 1.7 %. The published 50 are no multiple of 4 either, so that
Stages 2 and 3 have a quarter and a half of them, rounded. Where the paper is silent, the first
1x1 convolution of a stage has the stride, and a shortcut whose shape changes is a 1x1 convolution, as in the
ResNet paper (arXiv 1512.03385).
"""

from functools import partial
from typing import Any

import keras
from keras import layers

from mobilecnn.train.zoo.residual import ResidualPart, bottleneck, classifier, conv_bn_relu, join, pool
from mobilecnn.train.zoo.shapes import image_shape

UNITS = (4, 8, 4)
"""Number of units in Stages 2, 3 and 4 (Table 1)."""

STAGE4 = {
    ("vgg", 140): 98,
    ("vgg", 38): 50,
    ("vgg", 13): 26,
    ("resnet", 140): 386,
    ("resnet", 38): 192,
    ("resnet", 13): 98,
    ("resnext", 140): 374,
    ("resnext", 38): 192,
    ("resnext", 13): 76,
}
"""(Unit, millions of multiply-adds) -> output channels of Stage 4; Stage 3 has half of them, Stage 2 a quarter."""

CARDINALITY = 16
"""Number of groups of the ResNeXt-like unit (section 4.2)."""


def build(*, unit: str, macs: int, size: int | tuple[int, int], classes: int, name: str) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        unit: "vgg", "resnet" or "resnext".
        macs: complexity, millions of multiply-adds: 140, 38 or 13.
        size: input side, or (height, width), pixels.
        classes: number of outputs.
        name: name of the model.
    """
    kinds: dict[str, ResidualPart] = {
        "vgg": _vgg,
        "resnet": partial(_bottleneck, share=4, groups=1),
        "resnext": partial(_bottleneck, share=2, groups=CARDINALITY),
    }
    append = kinds[unit]
    last = STAGE4[unit, macs]
    inputs = layers.Input(image_shape(size), name="image")
    x = pool(conv_bn_relu(inputs, 24 if macs == 140 else 12, 3, 2, "stem"))  # 224 -> 112 -> 56
    for stage, units in enumerate(UNITS, 2):
        for number in range(1, units + 1):
            x = append(
                x, round(last / 2 ** (4 - stage)), 2 if number == 1 else 1, f"stage{stage}_unit{number}"
            )
    return classifier(inputs, x, classes, name)


def _vgg(x: Any, out: int, stride: int, label: str) -> Any:
    x = conv_bn_relu(x, out, 3, stride, f"{label}_conv1")
    return conv_bn_relu(x, out, 3, 1, f"{label}_conv2")


def _bottleneck(x: Any, out: int, stride: int, label: str, *, share: int, groups: int) -> Any:
    inside = -(-out // (share * groups)) * groups
    branch = bottleneck(x, out, stride, label, inside=inside, groups=groups, first_strides=True)
    return join(x, branch, stride, label)
