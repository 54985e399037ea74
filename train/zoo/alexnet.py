"""AlexNet with two groups.

Krizhevsky, Sutskever, Hinton, "ImageNet Classification with Deep Convolutional Neural
Networks", NIPS 2012, section 3.5, as the single-file network that Caffe publishes
(bvlc_alexnet): the two halves of the original's two GPUs are two groups of a convolution.

The local response normalization of section 3.3 is left out: it has no parameters and no
multiply-adds in this count, and later work found no use for it.
"""

import keras
from keras import layers


def build(*, size: int, classes: int, name: str) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        size: input side, pixels; 227 gives the published 55x55 first feature map.
        classes: outputs.
        name: the model's name.
    """
    return keras.Sequential(
        [
            layers.Input((size, size, 3), name="image"),
            layers.Conv2D(96, 11, strides=4, activation="relu", name="conv1"),  # 227 -> 55
            layers.MaxPooling2D(3, strides=2, name="pool1"),  # 27
            layers.Conv2D(256, 5, padding="same", groups=2, activation="relu", name="conv2"),
            layers.MaxPooling2D(3, strides=2, name="pool2"),  # 13
            layers.Conv2D(384, 3, padding="same", activation="relu", name="conv3"),
            layers.Conv2D(384, 3, padding="same", groups=2, activation="relu", name="conv4"),
            layers.Conv2D(256, 3, padding="same", groups=2, activation="relu", name="conv5"),
            layers.MaxPooling2D(3, strides=2, name="pool5"),  # 6
            layers.Flatten(name="flatten"),
            layers.Dense(4096, activation="relu", name="fc6"),
            layers.Dropout(0.5, name="dropout6"),
            layers.Dense(4096, activation="relu", name="fc7"),
            layers.Dropout(0.5, name="dropout7"),
            layers.Dense(classes, activation="softmax", name="predictions"),
        ],
        name=name,
    )
