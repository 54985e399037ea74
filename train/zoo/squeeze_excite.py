"""Squeeze-and-excitation, which several networks add to their blocks.

Hu, Shen, Albanie, Sun, Wu, "Squeeze-and-Excitation Networks", arXiv 1709.01507, 2017: section 3;
and the authors' Caffe networks (hujie-frank/SENet), whose two layers have biases.
"""

import math
from typing import Any

from keras import layers

REDUCTION = 16
"""Ratio of the channels to those that their averages are squeezed to (section 4)."""


def squeeze_excite(x: Any, label: str) -> Any:
    """Weight each channel by a factor from 0 to 1 that is computed from the averages of all channels.

    Args:
        x: feature map, (n, h, w, c).
        label: beginning of the layers' names.
    """
    channels = x.shape[-1]
    weights = layers.GlobalAveragePooling2D(keepdims=True, name=f"{label}_average")(x)
    # Fully connected layers, as convolutions on a feature map of one pixel.
    squeezed = math.ceil(channels / REDUCTION)
    weights = layers.Conv2D(squeezed, 1, activation="relu", name=f"{label}_squeeze")(weights)
    weights = layers.Conv2D(channels, 1, activation="sigmoid", name=f"{label}_excite")(weights)
    return layers.Multiply(name=f"{label}_scale")([x, weights])
