"""Inception-v3, from ``keras.applications``: large kernels factorized into asymmetric ones.

Szegedy, Vanhoucke, Ioffe, Shlens, Wojna, "Rethinking the Inception Architecture for
Computer Vision", arXiv 1512.00567, 2015: Table 1 (the outline), Figures 5 to 7 and 10 (the
modules), section 4 and Figure 8 (the auxiliary classifier).

* The 7x7 convolution of the stem is three 3x3 ones, and those of the modules on 17x17 are pairs
  of 1x7 and 7x1. Widths that the paper leaves open are those of its authors' public code.
* ``inception_v3`` is the network for inference. ``inception_v3_bn_aux`` has the auxiliary classifier
  on the last 17x17 map too, for training, batch-normalized as in the last row of the paper's Table 3;
  ``inception_v3_aux`` is the network of the row before it, whose auxiliary classifier is not. Their outputs are
  ``predictions`` and ``aux_predictions``, both softmax.
* The auxiliary classifier's channels are those of the public networks, TF-slim's and torchvision's: 128, then 768.
* Batch normalization has no scale, as in the authors' code.
"""

from typing import Any

import keras
from keras import layers

LAST_17X17 = "mixed7"
"""Layer of Keras' network whose output is the last map of 17x17, which the auxiliary classifier reads."""


def build(*, variant: str, size: int, classes: int, name: str) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        variant: ``""``, ``"_aux"`` or ``"_bn_aux"`` (two outputs).
        size: input side, pixels; at least 75.
        classes: number of outputs.
        name: name of the model.
    """
    main = keras.applications.InceptionV3(
        input_shape=(size, size, 3), weights=None, classes=classes, name=name
    )
    if not variant:
        return main
    auxiliary = _classifier(main.get_layer(LAST_17X17).output, classes, normalized=variant == "_bn_aux")
    return keras.Model(main.inputs, [main.output, auxiliary], name=name)


def _classifier(x: Any, classes: int, normalized: bool) -> Any:
    """Figure 8: the auxiliary classifier."""
    # On images so small that the published window of 5x5 does not fit, the whole feature map.
    x = layers.AveragePooling2D(min(5, x.shape[1]), strides=3, name="aux_pool")(x)  # 17 -> 5
    x = _conv(x, 128, 1, normalized, "aux_conv1")
    x = _conv(x, 768, min(5, x.shape[1]), normalized, "aux_conv2")  # 5 -> 1
    x = layers.GlobalAveragePooling2D(name="aux_flatten")(x)
    return layers.Dense(classes, activation="softmax", name="aux_predictions")(x)


def _conv(x: Any, out: int, kernel: int, normalized: bool, label: str) -> Any:
    x = layers.Conv2D(out, kernel, use_bias=not normalized, kernel_initializer="he_normal", name=label)(x)
    if normalized:
        x = layers.BatchNormalization(scale=False, name=f"{label}_bn")(x)
    return layers.ReLU(name=f"{label}_relu")(x)
