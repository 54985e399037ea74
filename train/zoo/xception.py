"""Xception, from ``keras.applications``: Inception with nothing but separable convolutions.

Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", arXiv 1610.02357,
CVPR 2017, Figure 5.

* This is the network for ImageNet, without the optional fully connected layers.
* There is no ReLU between the depthwise and the pointwise half of a separable convolution
  (section 4.7 of the paper compares both).
"""

import keras


def build(*, size: int, classes: int, name: str) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        size: input side, pixels; at least 71.
        classes: number of outputs.
        name: name of the model.
    """
    return keras.applications.Xception(input_shape=(size, size, 3), weights=None, classes=classes, name=name)
