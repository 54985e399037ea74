"""GoogLeNet: Inception blocks, which process their input in four parallel branches.

Szegedy et al., "Going Deeper with Convolutions", arXiv 1409.4842, 2014: Table 1 (the network),
Figure 2 (b) (the blocks), section 5 (the auxiliary classifiers).

* ``googlenet`` is the paper's network with biases and without batch normalization, as Caffe
  publishes it (bvlc_googlenet), for inference.
* ``googlenet_aux`` is the same network with both auxiliary classifiers, for training. Its
  outputs are ``predictions``, ``aux1_predictions`` and ``aux2_predictions``, all softmax; the
  paper adds the losses of the last two with a weight of 0.3.
* ``googlenet_bn`` is the network of torchvision: batch normalization instead of biases, a 3x3
  convolution in the branch that the paper calls 5x5, and a last max pool of 2x2.
* Table 1 prints 34M multiply-adds for the first convolution and 54M for block 5a. Their sizes
  and channels give 118M and 51M, as in all public implementations; the other rows agree.
* The last window of the max pools between blocks may extend beyond the edge, as in Caffe and
  torchvision.
* The local response normalization of the first layers (Figure 3) is left out: it has no
  parameters, and its multiply-adds are not counted.
* Dropout is the paper's 40 % in all variants; torchvision's is 20 %.
"""

from typing import Any

import keras
from keras import layers

from mobilecnn.train.zoo.squeezenet import ceil_pool

# Table 1: a block with the columns "#1x1", "#3x3 reduce", "#3x3", "#5x5 reduce", "#5x5",
# "pool proj", or a pool. Side of the output at an input of 224.
NETWORK: tuple[tuple[str, *tuple[int, ...]], ...] = (
    ("3a", 64, 96, 128, 16, 32, 32),
    ("3b", 128, 128, 192, 32, 96, 64),
    ("pool3",),  # 28 -> 14
    ("4a", 192, 96, 208, 16, 48, 64),
    ("4b", 160, 112, 224, 24, 64, 64),
    ("4c", 128, 128, 256, 24, 64, 64),
    ("4d", 112, 144, 288, 32, 64, 64),
    ("4e", 256, 160, 320, 32, 128, 128),
    ("pool4",),  # 14 -> 7
    ("5a", 256, 160, 320, 32, 128, 128),
    ("5b", 384, 192, 384, 48, 128, 128),
)

# Section 5: block -> the auxiliary classifier that follows it.
AUXILIARY = {"4a": "aux1", "4d": "aux2"}


def build(*, variant: str, size: int, classes: int, name: str) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        variant: ``""``, ``"_aux"`` (three outputs) or ``"_bn"``.
        size: input side, pixels.
        classes: number of outputs.
        name: name of the model.
    """
    normalized = variant == "_bn"
    inputs = layers.Input((size, size, 3), name="image")
    x = _conv(inputs, 64, 7, normalized, "conv1", stride=2)  # 224 -> 112
    x = ceil_pool(x, "pool1")  # 56
    x = _conv(x, 64, 1, normalized, "conv2_reduce")
    x = _conv(x, 192, 3, normalized, "conv2")
    x = ceil_pool(x, "pool2")  # 28
    auxiliary = []
    for label, *channels in NETWORK:
        if channels:
            x = _inception(x, channels, normalized, label)
        elif label == "pool4" and normalized:
            x = layers.MaxPooling2D(2, padding="same", name=label)(x)
        else:
            x = ceil_pool(x, label)
        if variant == "_aux" and label in AUXILIARY:
            auxiliary.append(_classifier(x, classes, AUXILIARY[label]))
    x = layers.GlobalAveragePooling2D(name="pool5")(x)
    x = layers.Dropout(0.4, name="dropout5")(x)
    main = layers.Dense(classes, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, [main, *auxiliary] if auxiliary else main, name=name)


def _inception(x: Any, channels: list[int], normalized: bool, label: str) -> Any:
    """Figure 2 (b); ``channels`` as in :data:`NETWORK`."""
    out1, reduce3, out3, reduce5, out5, projection = channels
    branch1 = _conv(x, out1, 1, normalized, f"{label}_1x1")
    branch3 = _conv(x, reduce3, 1, normalized, f"{label}_3x3_reduce")
    branch3 = _conv(branch3, out3, 3, normalized, f"{label}_3x3")
    branch5 = _conv(x, reduce5, 1, normalized, f"{label}_5x5_reduce")
    branch5 = _conv(branch5, out5, 3 if normalized else 5, normalized, f"{label}_5x5")
    pooled = layers.MaxPooling2D(3, strides=1, padding="same", name=f"{label}_pool")(x)
    pooled = _conv(pooled, projection, 1, normalized, f"{label}_pool_proj")
    return layers.Concatenate(name=f"{label}_concat")([branch1, branch3, branch5, pooled])


def _classifier(x: Any, classes: int, label: str) -> Any:
    """Section 5: an auxiliary classifier."""
    # On images so small that the published window of 5x5 does not fit, the whole feature map.
    x = layers.AveragePooling2D(min(5, x.shape[1]), strides=3, name=f"{label}_pool")(x)  # 14 -> 4
    x = _conv(x, 128, 1, False, f"{label}_conv")
    x = layers.Flatten(name=f"{label}_flatten")(x)
    x = layers.Dense(1024, activation="relu", kernel_initializer="he_normal", name=f"{label}_fc")(x)
    x = layers.Dropout(0.7, name=f"{label}_dropout")(x)
    return layers.Dense(classes, activation="softmax", name=f"{label}_predictions")(x)


def conv(
    x: Any, out: int, kernel: int, label: str, *, bias: bool, epsilon: float | None = None, stride: int = 1
) -> Any:
    """Convolution, batch normalization if there is an ``epsilon``, ReLU.

    The convolution is padded by half of the kernel on every side.
    """
    padding = "same"
    if stride == 2:
        x = layers.ZeroPadding2D(kernel // 2, name=f"{label}_pad")(x)
        padding = "valid"
    x = layers.Conv2D(
        out,
        kernel,
        strides=stride,
        padding=padding,
        use_bias=bias,
        # With the default, the activations of so many layers vanish, at least until batch
        # normalization has seen images.
        kernel_initializer="he_normal",
        name=label,
    )(x)
    if epsilon is not None:
        x = layers.BatchNormalization(momentum=0.9, epsilon=epsilon, name=f"{label}_bn")(x)
    return layers.ReLU(name=f"{label}_relu")(x)


def _conv(x: Any, out: int, kernel: int, normalized: bool, label: str, *, stride: int = 1) -> Any:
    epsilon = 1e-3 if normalized else None  # torchvision's
    return conv(x, out, kernel, label, bias=not normalized, epsilon=epsilon, stride=stride)
