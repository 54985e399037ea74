"""Parts that the residual networks with bottlenecks share.

He, Zhang, Ren, Sun, "Deep Residual Learning for Image Recognition", arXiv 1512.03385: Table 1
(the networks), Figure 5 right (the bottleneck). A family passes to :func:`network` the branch that
runs parallel to its shortcuts: a variant of :func:`bottleneck`, or its own. A family whose shortcuts
or stem differ too passes its whole unit to :func:`stages`.
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import layers

from mobilecnn.train.zoo.shapes import image_shape

REPEATS = {
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    200: (3, 24, 36, 3),  # arXiv 1603.05027, section 5
}
"""Depth -> number of units in Stages 2 to 5 (conv2_x to conv5_x in the paper)."""

OUT = (
    256,  # 56
    512,  # 28
    1024,  # 14
    2048,  # 7
)
"""Output channels of Stages 2 to 5; the comments give the side of their feature maps at an input of 224."""

ResidualPart = Callable[[Any, int, int, str], Any]
"""Function that appends a part of a network: (feature map, output channels, stride, beginning of the layers' names)
-> feature map."""


def network(
    *,
    depth: int,
    branch: ResidualPart,
    bias: bool = False,
    size: int | tuple[int, int],
    classes: int,
    name: str,
) -> keras.Model:
    """A residual network with a softmax output, randomly initialized.

    Args:
        depth: a key of :data:`REPEATS`.
        branch: branch parallel to the shortcut of every unit.
        bias: whether the convolutions of the stem and of the shortcuts have biases.
        size: input side, or (height, width), pixels.
        classes: number of outputs.
        name: name of the model.
    """

    def unit(x: Any, out: int, stride: int, label: str) -> Any:
        return join(x, branch(x, out, stride, label), stride, label, bias=bias)

    inputs = layers.Input(image_shape(size), name="image")
    x = pool(conv_bn_relu(inputs, 64, 7, 2, "stem", bias=bias))  # 224 -> 112 -> 56
    return classifier(inputs, stages(x, REPEATS[depth], unit), classes, name)


def stages(x: Any, repeats: tuple[int, ...], unit: ResidualPart, *, last_strides: bool = False) -> Any:
    """Stages 2 to 5; the first unit of Stages 3, 4 and 5 has stride 2.

    Args:
        x: feature map of the stem.
        repeats: number of units in each stage.
        unit: a unit with its shortcut.
        last_strides: whether instead the last unit of Stages 2, 3 and 4 has stride 2.
    """
    for stage, (units, out) in enumerate(zip(repeats, OUT, strict=True), 2):
        for number in range(1, units + 1):
            strides = stage < 5 and number == units if last_strides else stage > 2 and number == 1
            x = unit(x, out, 2 if strides else 1, f"stage{stage}_unit{number}")
    return x


def bottleneck(
    x: Any,
    out: int,
    stride: int,
    label: str,
    *,
    width: int = 64,
    inside: int = 0,
    groups: int = 1,
    bias: bool = False,
    first_strides: bool = False,
) -> Any:
    """1x1, 3x3 and 1x1 convolution, no ReLU after the last.

    Args:
        x: feature map.
        out: output channels.
        stride: stride of the 3x3 convolution.
        label: beginning of the layers' names.
        width: channels of the first two convolutions in Stage 2; every later stage doubles them, as
            it doubles ``out``.
        inside: channels of the first two convolutions; 0 for those of ``width``.
        groups: number of groups of the 3x3 convolution.
        bias: whether the convolutions have biases.
        first_strides: whether the first convolution has the stride instead.
    """
    inside = inside or width * out // OUT[0]
    first, second = (stride, 1) if first_strides else (1, stride)
    x = conv_bn_relu(x, inside, 1, first, f"{label}_conv1", bias=bias)
    x = conv_bn_relu(x, inside, 3, second, f"{label}_conv2", groups=groups, bias=bias)
    return conv_bn(x, out, 1, 1, f"{label}_conv3", bias=bias)


def join(x: Any, branch: Any, stride: int, label: str, *, kernel: int = 1, bias: bool = False) -> Any:
    """Add the branch to its input, which is projected where the channels differ; ReLU.

    Args:
        x: input of the branch.
        branch: output of the branch.
        stride: stride of the branch.
        label: beginning of the layers' names.
        kernel: kernel side of the projection.
        bias: whether the projection has biases.
    """
    if x.shape[-1] != branch.shape[-1]:
        x = conv_bn(x, branch.shape[-1], kernel, stride, f"{label}_shortcut", bias=bias)
    x = layers.Add(name=f"{label}_add")([x, branch])
    return layers.ReLU(name=f"{label}_relu")(x)


def classifier(inputs: Any, x: Any, classes: int, name: str) -> keras.Model:
    """Average the last feature map, classify, and return the model."""
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    outputs = layers.Dense(classes, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name=name)


def pool(x: Any) -> Any:
    """The stem's max pool."""
    x, padding = _pad(x, 3, 2, "stem_pool")
    return layers.MaxPooling2D(3, strides=2, padding=padding, name="stem_pool")(x)


def conv_bn_relu(
    x: Any, out: int, kernel: int, stride: int, label: str, *, groups: int = 1, bias: bool = False
) -> Any:
    """Convolution, batch normalization, ReLU."""
    x = conv_bn(x, out, kernel, stride, label, groups=groups, bias=bias)
    return layers.ReLU(name=f"{label}_relu")(x)


def conv_bn(
    x: Any, out: int, kernel: int, stride: int, label: str, *, groups: int = 1, bias: bool = False
) -> Any:
    """Convolution, batch normalization."""
    return bn(conv(x, out, kernel, stride, label, groups=groups, bias=bias), label)


def conv(
    x: Any, out: int, kernel: int, stride: int, label: str, *, groups: int = 1, bias: bool = False
) -> Any:
    """Convolution, padded equally on every side."""
    x, padding = _pad(x, kernel, stride, label)
    return layers.Conv2D(
        out, kernel, strides=stride, padding=padding, groups=groups, use_bias=bias, name=label
    )(x)


def bn(x: Any, label: str) -> Any:
    """Batch normalization."""
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{label}_bn")(x)


def _pad(x: Any, kernel: int, stride: int, label: str) -> tuple[Any, str]:
    """``x`` padded for a layer, and the ``padding`` that the layer then has."""
    if kernel == 1 or stride == 1:
        return x, "same"
    # "same" padding would pad an even side only at its end.
    return layers.ZeroPadding2D(kernel // 2, name=f"{label}_pad")(x), "valid"
