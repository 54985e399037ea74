"""SENet: ResNet and ResNeXt whose channels are weighted by the content of the whole feature map.

Hu, Shen, Albanie, Sun, Wu, "Squeeze-and-Excitation Networks", arXiv 1709.01507, 2017: Figure 3 (the
unit), Table 1 (SE-ResNet-50, SE-ResNeXt-50), Table 2 (deeper ones), appendix (SENet-154); and the
authors' Caffe networks (hujie-frank/SENet).

- The stride is in the first 1x1 convolution of a stage in SE-ResNet, and on the 3x3 convolution in
  SE-ResNeXt and SENet-154, as in the authors' networks.
- The two fully connected layers of squeeze-and-excitation are 1x1 convolutions on a feature map of
  one pixel. They have biases, as in the authors' networks; the other convolutions have none.
- SENet-154 is a ResNeXt-152 (64x4d) with three 3x3 convolutions as its stem, half the channels in the
  first convolution of a unit, 3x3 projections where the stride is 2, and dropout of 0.2.
- Strided convolutions are padded equally on every side. The last window of the max pool may extend
  beyond the edge, as in Caffe.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
from keras import layers

from mobilecnn.train.zoo.residual import (
    REPEATS,
    ResidualPart,
    bottleneck,
    classifier,
    conv_bn,
    conv_bn_relu,
    join,
    stages,
)
from mobilecnn.train.zoo.squeeze_excite import squeeze_excite
from mobilecnn.train.zoo.squeezenet import ceil_pool


@dataclass(frozen=True)
class Base:
    """The network that squeeze-and-excitation is added to.

    Attributes:
        branch: convolutions parallel to a shortcut.
        stem: convolutions before the max pool: (output channels, kernel, stride).
        projection: kernel side of the projections with stride 2.
        dropout: rate of the dropout before the classifier; 0 for none.
    """

    branch: ResidualPart
    stem: tuple[tuple[int, int, int], ...] = ((64, 7, 2),)
    projection: int = 1
    dropout: float = 0.0


def _branch_154(x: Any, out: int, stride: int, label: str) -> Any:
    """The 64x4d bottleneck with half the channels in its first convolution."""
    x = conv_bn_relu(x, out // 2, 1, 1, f"{label}_conv1")
    x = conv_bn_relu(x, out, 3, stride, f"{label}_conv2", groups=64)
    return conv_bn(x, out, 1, 1, f"{label}_conv3")


RESNET = Base(partial(bottleneck, first_strides=True))
RESNEXT = Base(partial(bottleneck, width=32 * 4, groups=32))
BASE_154 = Base(_branch_154, stem=((64, 3, 2), (64, 3, 1), (128, 3, 1)), projection=3, dropout=0.2)

VARIANTS = {
    "se_resnet50": (RESNET, 50),
    "se_resnet101": (RESNET, 101),
    "se_resnet152": (RESNET, 152),
    "se_resnext50_32x4d": (RESNEXT, 50),
    "se_resnext101_32x4d": (RESNEXT, 101),
    "senet154": (BASE_154, 152),  # and two more layers in the stem
}
"""Name -> base network and its depth."""


def build(*, variant: str, size: int, classes: int, name: str) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        variant: a key of :data:`VARIANTS`.
        size: input side, pixels.
        classes: number of outputs.
        name: name of the model.
    """
    base, depth = VARIANTS[variant]

    def unit(x: Any, out: int, stride: int, label: str) -> Any:
        branch = squeeze_excite(base.branch(x, out, stride, label), label)
        return join(x, branch, stride, label, kernel=base.projection if stride > 1 else 1)

    inputs = x = layers.Input((size, size, 3), name="image")
    for number, (out, kernel, stride) in enumerate(base.stem, 1):
        x = conv_bn_relu(x, out, kernel, stride, f"stem{number}")
    x = stages(ceil_pool(x, "stem_pool"), REPEATS[depth], unit)
    if base.dropout:
        x = layers.Dropout(base.dropout, name="dropout")(x)
    return classifier(inputs, x, classes, name)
