"""Squeeze-and-excitation, which other networks add to their blocks.

Hu, Shen, Albanie, Sun, Wu, "Squeeze-and-Excitation Networks", arXiv 1709.01507, 2017: section 3;
and the authors' Caffe networks (hujie-frank/SENet), whose two layers have biases.
"""

import math
from typing import Any

from keras import layers

REDUCTION = 16
"""Section 4: the averages are squeezed to a 16th of the channels."""


def squeeze_excite(x: Any, label: str) -> Any:
    """Weight the channels by their averages: squeeze these, excite each channel between 0 and 1.

    Args:
        x: the feature map, (n, h, w, c).
        label: how the names of the layers begin.
    """
    channels = x.shape[-1]
    weights = layers.GlobalAveragePooling2D(keepdims=True, name=f"{label}_average")(x)
    # Fully connected layers, as convolutions on a feature map of one pixel.
    squeezed = math.ceil(channels / REDUCTION)
    weights = layers.Conv2D(squeezed, 1, activation="relu", name=f"{label}_squeeze")(weights)
    weights = layers.Conv2D(channels, 1, activation="sigmoid", name=f"{label}_excite")(weights)
    return layers.Multiply(name=f"{label}_scale")([x, weights])
