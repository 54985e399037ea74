"""ResNet for the 32x32 images of CIFAR, 20 to 110 layers, the plain networks of 20 and 56, and the pre-activation ResNet-1001.

He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", arXiv 1512.03385, 2015,
section 4.2 (ResNet-20 to -110; the plain networks of Figure 1, whose deeper one errs more), and "Identity Mappings in Deep Residual Networks", arXiv 1603.05027,
2016, Figure 1 (b) and section 4 with its appendix (ResNet-1001).

* Where the shape changes, the shortcut is a 1x1 convolution. The first paper's CIFAR networks pad
  the missing channels with zeros; the public count of 1,730,714 parameters includes the projection. A
  plain network has no shortcut, and counts as many parameters as the paper's residual one of its depth.
* In ResNet-1001 the stride of a bottleneck is in its 3x3 convolution. The projection in the first
  unit of a stage reads the activated input and has no batch normalization.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

STEM = 16
"""Channels of the first 3x3 convolution, and of the 3x3 convolutions in the first stage (section 4.2)."""

STAGES = (
    (1, 1),  # side 32
    (2, 2),  # 16
    (4, 2),  # 8
)
"""Stages: channels as a multiple of the stem's, and stride of the first unit (section 4.2)."""

_Unit = Callable[[Any, int, int, str], Any]


@dataclass(frozen=True)
class CifarResNet:
    """A row of :data:`NETWORKS`.

    Attributes:
        depth: number of weight layers on the longest path: the stem, those of the units, the classifier.
        per_unit: number of weight layers in a unit.
        preactivated: whether batch normalization and ReLU come before the convolutions, not after them.
        plain: whether the shortcuts are left out.
    """

    depth: int
    per_unit: int
    preactivated: bool
    plain: bool = False

    @property
    def units(self) -> int:
        """Number of units in a stage: the papers' n; the depth is 6n + 2 (ResNet-110) or 9n + 2 (ResNet-1001)."""
        return (self.depth - 2) // (len(STAGES) * self.per_unit)


NETWORKS = {
    **{
        f"resnet{depth}": CifarResNet(depth=depth, per_unit=2, preactivated=False)
        for depth in (20, 32, 44, 56, 110)
    },
    "resnet1001_v2": CifarResNet(depth=1001, per_unit=3, preactivated=True),
    **{
        f"plain{depth}": CifarResNet(depth=depth, per_unit=2, preactivated=False, plain=True)
        for depth in (20, 56)
    },
}


def build(*, variant: str, size: int, classes: int, name: str) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        variant: a key of :data:`NETWORKS`.
        size: input side, pixels.
        classes: number of outputs.
        name: name of the model.
    """
    network = NETWORKS[variant]
    inputs = layers.Input((size, size, 3), name="image")
    x = _conv(inputs, STEM, 3, 1, "stem")
    if not network.preactivated:
        x = _bn_relu(x, "stem")
    unit: _Unit = _bottleneck_unit if network.preactivated else _basic_unit
    if network.plain:
        unit = _plain_unit
    for stage, (multiple, first_stride) in enumerate(STAGES, start=1):
        for number in range(1, network.units + 1):
            stride = first_stride if number == 1 else 1
            x = unit(x, multiple * STEM, stride, f"stage{stage}_unit{number}")
    if network.preactivated:
        x = _bn_relu(x, "last")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    outputs = layers.Dense(classes, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name=name)


def _basic_unit(x: Any, channels: int, stride: int, label: str) -> Any:
    """arXiv 1512.03385, Figure 5, left: two 3x3 convolutions, ReLU after the addition."""
    branch = _conv(x, channels, 3, stride, f"{label}_conv1")
    branch = _bn_relu(branch, f"{label}_conv1")
    branch = _conv(branch, channels, 3, 1, f"{label}_conv2")
    branch = _bn(branch, f"{label}_conv2")
    shortcut = x
    if x.shape[-1] != channels:
        shortcut = _conv(x, channels, 1, stride, f"{label}_shortcut")
        shortcut = _bn(shortcut, f"{label}_shortcut")
    x = layers.Add(name=f"{label}_add")([shortcut, branch])
    return layers.ReLU(name=f"{label}_relu")(x)


def _plain_unit(x: Any, channels: int, stride: int, label: str) -> Any:
    """The two convolutions of :func:`_basic_unit` without a shortcut, a ReLU after each."""
    x = _bn_relu(_conv(x, channels, 3, stride, f"{label}_conv1"), f"{label}_conv1")
    return _bn_relu(_conv(x, channels, 3, 1, f"{label}_conv2"), f"{label}_conv2")


def _bottleneck_unit(x: Any, channels: int, stride: int, label: str) -> Any:
    """arXiv 1603.05027, Figure 1 (b), as a bottleneck: 1x1, 3x3, 1x1 to four times the channels."""
    out = 4 * channels
    activated = _bn_relu(x, f"{label}_conv1")
    branch = _conv(activated, channels, 1, 1, f"{label}_conv1")
    branch = _bn_relu(branch, f"{label}_conv2")
    branch = _conv(branch, channels, 3, stride, f"{label}_conv2")
    branch = _bn_relu(branch, f"{label}_conv3")
    branch = _conv(branch, out, 1, 1, f"{label}_conv3")
    shortcut = x if x.shape[-1] == out else _conv(activated, out, 1, stride, f"{label}_shortcut")
    # The shortcut first: Keras walks a graph depth first, by recursion, and through 333 units it stays
    # within Python's limit only along the shortcuts.
    return layers.Add(name=f"{label}_add")([shortcut, branch])


def _conv(x: Any, channels: int, kernel: int, stride: int, label: str) -> Any:
    padding = "same"
    if stride == 2 and kernel == 3:
        x = layers.ZeroPadding2D(1, name=f"{label}_pad")(x)
        padding = "valid"
    return layers.Conv2D(channels, kernel, strides=stride, padding=padding, use_bias=False, name=label)(x)


def _bn(x: Any, label: str) -> Any:
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{label}_bn")(x)


def _bn_relu(x: Any, label: str) -> Any:
    return layers.ReLU(name=f"{label}_relu")(_bn(x, label))
