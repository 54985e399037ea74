"""SqueezeNet: 1x1 convolutions reduce the channels that the 3x3 convolutions read.

Iandola, Han, Moskewicz, Ashraf, Dally, Keutzer, "SqueezeNet: AlexNet-level accuracy with
50x fewer parameters and <0.5MB model size", arXiv 1602.07360, 2016, Table 1: version 1.0.
Version 1.1 is the authors' public revision (forresti/SqueezeNet), which pools earlier.
Both are as in torchvision: convolutions outside the fire modules are not padded; at 227
(``squeezenet_v1.0_227``) the network is that of the authors' Caffe files. The bypasses around
the fire modules of version 1.0 are those of section 6 and Figure 2:

* The simple bypass adds the input of fire3, fire5, fire7 and fire9 to their output, with
  no ReLU after the sum, as in the public network of Han, one of the authors
  (songhan/SqueezeNet-Residual).
* The complex bypass does so too, and has a 1x1 convolution around the other four modules,
  which change the number of channels. The paper does not say whether that has biases and a
  ReLU: here it has biases, like all of SqueezeNet, and no ReLU, like the shortcuts of ResNet.
* The 7.7 MB that the paper's Table 3 prints for the complex bypass fit no such network:
  with four bypass convolutions 32-bit weights take 6.1 MiB, with eight 7.9 MiB.
"""

from typing import Any

import keras
from keras import layers

from mobilecnn.train.zoo.shapes import image_shape

INITIALIZER = "he_normal"
"""Initializer of the kernels. Without batch normalization, activations vanish with the default of Keras."""

# A row is ("conv", channels, kernel, stride), ("pool",) or ("fire", squeeze, expand 1x1,
# expand 3x3); convolutions and fire modules number themselves from 1 together, as the
# paper names them. Side of the output at an input of 224.
NETWORKS: dict[int, tuple[tuple[str, *tuple[int, ...]], ...]] = {
    0: (
        ("conv", 96, 7, 2),  # 109
        ("pool",),  # 54
        ("fire", 16, 64, 64),
        ("fire", 16, 64, 64),
        ("fire", 32, 128, 128),
        ("pool",),  # 27
        ("fire", 32, 128, 128),
        ("fire", 48, 192, 192),
        ("fire", 48, 192, 192),
        ("fire", 64, 256, 256),
        ("pool",),  # 13
        ("fire", 64, 256, 256),
    ),
    1: (
        ("conv", 64, 3, 2),  # 111
        ("pool",),  # 55
        ("fire", 16, 64, 64),
        ("fire", 16, 64, 64),
        ("pool",),  # 27
        ("fire", 32, 128, 128),
        ("fire", 32, 128, 128),
        ("pool",),  # 13
        ("fire", 48, 192, 192),
        ("fire", 48, 192, 192),
        ("fire", 64, 256, 256),
        ("fire", 64, 256, 256),
    ),
}


def build(*, minor: int, variant: str, size: int | tuple[int, int], classes: int, name: str) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        minor: 0 for version 1.0, 1 for version 1.1.
        variant: "", "_227" (which differs in the size only), "_simple_bypass" or "_complex_bypass".
        size: input side, or (height, width), pixels.
        classes: number of outputs.
        name: name of the model.
    """
    inputs = x = layers.Input(image_shape(size), name="image")
    number = 0
    for kind, *numbers in NETWORKS[minor]:
        if kind == "pool":
            x = ceil_pool(x, f"pool{number}")
            continue
        number += 1
        if kind == "conv":
            out, kernel, stride = numbers
            x = layers.Conv2D(
                out,
                kernel,
                strides=stride,
                activation="relu",
                kernel_initializer=INITIALIZER,
                name=f"conv{number}",
            )(x)
        else:
            squeeze, expand1, expand3 = numbers
            fire = _fire(x, squeeze, expand1, expand3, f"fire{number}")
            x = _bypass(x, fire, variant, f"fire{number}")
    x = layers.Dropout(0.5, name=f"dropout{number}")(x)
    x = layers.Conv2D(
        classes, 1, activation="relu", kernel_initializer=INITIALIZER, name=f"conv{number + 1}"
    )(x)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    outputs = layers.Softmax(name="predictions")(x)
    return keras.Model(inputs, outputs, name=name)


def _fire(x: Any, squeeze: int, expand1: int, expand3: int, label: str) -> Any:
    x = layers.Conv2D(squeeze, 1, activation="relu", kernel_initializer=INITIALIZER, name=f"{label}_squeeze")(
        x
    )
    expanded1 = layers.Conv2D(
        expand1, 1, activation="relu", kernel_initializer=INITIALIZER, name=f"{label}_expand1x1"
    )(x)
    expanded3 = layers.Conv2D(
        expand3,
        3,
        padding="same",
        activation="relu",
        kernel_initializer=INITIALIZER,
        name=f"{label}_expand3x3",
    )(x)
    return layers.Concatenate(name=f"{label}_concat")([expanded1, expanded3])


def _bypass(x: Any, fire: Any, variant: str, label: str) -> Any:
    """Add a fire module's input to its output, where this kind of bypass does so."""
    out = fire.shape[-1]
    if x.shape[-1] != out and variant == "_complex_bypass":
        x = layers.Conv2D(out, 1, name=f"{label}_bypass")(x)
    if not variant.endswith("bypass") or x.shape[-1] != out:
        return fire
    return layers.Add(name=f"{label}_add")([x, fire])


def ceil_pool(x: Any, label: str) -> Any:
    """3x3 max pool with stride 2 whose last window may extend beyond the edge, as in Caffe and torchvision.

    On an even side that window lacks one row, which "same" padding adds at the end; on an odd
    side all windows fit.
    """
    padding = "same" if x.shape[1] % 2 == 0 else "valid"
    return layers.MaxPooling2D(3, strides=2, padding=padding, name=label)(x)
