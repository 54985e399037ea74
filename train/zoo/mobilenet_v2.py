"""MobileNet V2, from ``keras.applications``.

Sandler, Howard, Zhu, Zhmoginov, Chen, "MobileNetV2: Inverted Residuals and Linear
Bottlenecks", arXiv 1801.04381, Table 2.
"""

import keras

from mobilecnn.train.zoo.shapes import image_shape


def build(*, width: float, size: int | tuple[int, int], classes: int, name: str) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        width: multiplier of the channels, which are rounded to multiples of 8; up to 1x the last
            convolution keeps its 1280.
        size: input side, or (height, width), pixels.
        classes: number of outputs.
        name: name of the model.
    """
    return keras.applications.MobileNetV2(
        input_shape=image_shape(size), alpha=width, weights=None, classes=classes, name=name
    )
