"""ShiftNet: a shift of channel groups by whole pixels replaces the spatial convolution.

Wu, Wan, Yue, Jin, Zhao, Golmant, Gholaminejad, Gonzalez, Keutzer, "Shift: A Zero FLOP, Zero
Parameter Alternative to Spatial Convolutions", arXiv 1711.08141, 2017 (CVPR 2018): section 3 (the
shift, the conv-shift-conv module) and the tables of ShiftNet-A, B and C.

* A shift with kernel k has one group of channels for each of the k x k offsets. Channels left over
  by the division are not moved: they belong to the group of offset 0.
* In a module that halves the side, the second convolution has the stride, and a 3x3 average pool
  of the input is concatenated to its output. Added instead of concatenated, A would be larger than
  the published 4.1 million parameters.
* The modules are pre-activated, so that the stem has neither batch normalization nor ReLU of its
  own, and both follow the last module.
* ShiftNet-B halves all channels of A, those of the stem too: this gives the published 371 million
  multiply-adds.
* Nothing can be concatenated in ShiftNet-C: its first module has 32 input and 32 output channels.
  Its strided modules have no shortcut here. This is our reading; it gives the published 0.78 million
  parameters, but C's depths and widths are not verified against the paper.
"""

from dataclasses import dataclass, replace
from typing import Any

import keras
from keras import layers


@dataclass(frozen=True)
class ModuleGroup:
    """A row of a network: conv-shift-conv modules, the first of which halves the side.

    Attributes:
        channels: output channels.
        modules: number of modules.
        kernel: kernel of the shift: side of the square of its offsets.
        first: expansion of the first module: channels between its two convolutions, as a multiple
            of the second one's output channels.
        rest: expansion of the other modules.
    """

    channels: int
    modules: int
    kernel: int
    first: int
    rest: int


@dataclass(frozen=True)
class ShiftNet:
    """A network of the paper.

    Attributes:
        stem: channels of the first convolution.
        concatenate: whether the strided modules concatenate their pooled input to their output.
        groups: groups of modules; at an input of 224 their outputs have the sides 56, 28, 14, 7.
    """

    stem: int
    concatenate: bool
    groups: tuple[ModuleGroup, ...]


_A = ShiftNet(
    stem=32,
    concatenate=True,
    groups=(
        ModuleGroup(channels=64, modules=5, kernel=5, first=4, rest=4),
        ModuleGroup(channels=128, modules=6, kernel=5, first=4, rest=3),
        ModuleGroup(channels=256, modules=7, kernel=3, first=3, rest=2),
        ModuleGroup(channels=512, modules=3, kernel=3, first=2, rest=1),
    ),
)

NETWORKS = {
    "a": _A,
    "b": ShiftNet(
        stem=_A.stem // 2,
        concatenate=True,
        groups=tuple(replace(group, channels=group.channels // 2) for group in _A.groups),
    ),
    "c": ShiftNet(
        stem=32,
        concatenate=False,
        groups=(
            ModuleGroup(channels=32, modules=1, kernel=3, first=1, rest=1),
            ModuleGroup(channels=64, modules=4, kernel=3, first=1, rest=1),
            ModuleGroup(channels=128, modules=4, kernel=3, first=1, rest=1),
            ModuleGroup(channels=256, modules=3, kernel=3, first=1, rest=1),
        ),
    ),
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
    x = layers.ZeroPadding2D(3, name="stem_pad")(inputs)
    x = layers.Conv2D(network.stem, 7, strides=2, use_bias=False, name="stem_conv")(x)  # 224 -> 112
    for number, group in enumerate(network.groups, start=2):  # The paper calls the stem group 1.
        x = _down(x, group, network.concatenate, f"group{number}_module1")
        for module in range(2, group.modules + 1):
            x = _same(x, group, f"group{number}_module{module}")
    x = _bn_relu(x, "last")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    outputs = layers.Dense(classes, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name=name)


def _same(x: Any, group: ModuleGroup, label: str) -> Any:
    """A module with stride 1, added to its input."""
    branch = _conv_shift_conv(x, group.channels, group.rest, group.kernel, 1, label)
    return layers.Add(name=f"{label}_add")([x, branch])


def _down(x: Any, group: ModuleGroup, concatenate: bool, label: str) -> Any:
    """A module with stride 2; the channels of a concatenated input count towards the group's."""
    if not concatenate:
        return _conv_shift_conv(x, group.channels, group.first, group.kernel, 2, label)
    branch = _conv_shift_conv(x, group.channels - x.shape[-1], group.first, group.kernel, 2, label)
    shortcut = layers.ZeroPadding2D(1, name=f"{label}_pool_pad")(x)
    shortcut = layers.AveragePooling2D(3, strides=2, name=f"{label}_pool")(shortcut)
    return layers.Concatenate(name=f"{label}_concat")([branch, shortcut])


def _conv_shift_conv(x: Any, out: int, expansion: int, kernel: int, stride: int, label: str) -> Any:
    """BN-ReLU-Conv(1x1), shift, BN-ReLU-Conv(1x1)."""
    x = _bn_relu(x, f"{label}_conv1")
    x = layers.Conv2D(expansion * out, 1, use_bias=False, name=f"{label}_conv1")(x)
    x = shift(x, kernel, label)
    x = _bn_relu(x, f"{label}_conv2")
    return layers.Conv2D(out, 1, strides=stride, use_bias=False, name=f"{label}_conv2")(x)


def shift(x: Any, kernel: int, label: str) -> Any:
    """Read every group of channels at an offset of its own, zeros beyond the edge (section 3).

    The offsets go through the kernel's window row by row, from the top left.
    """
    _, height, width, depth = x.shape
    widths = [depth // kernel**2] * kernel**2
    widths[kernel**2 // 2] += depth % kernel**2
    padded = layers.ZeroPadding2D(kernel // 2, name=f"{label}_shift_pad")(x)
    shifted, start = [], 0
    for offset, channels in enumerate(widths):
        row, column = divmod(offset, kernel)
        window = padded[:, row : row + height, column : column + width, start : start + channels]
        shifted.append(window)
        start += channels
    return layers.Concatenate(name=f"{label}_shift")(shifted)


def _bn_relu(x: Any, label: str) -> Any:
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{label}_bn")(x)
    return layers.ReLU(name=f"{label}_relu")(x)
