"""MobileNet V1, from ``keras.applications``.

Howard et al., "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision
Applications", arXiv 1704.04861, Table 1; width and resolution multipliers: section 3.3.
"""

import keras


def build(*, width: float, size: int | tuple[int, int], classes: int, name: str) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        width: multiplier of all channels, which are rounded down: the paper's alpha.
        size: input side, or (height, width), pixels.
        classes: number of outputs.
        name: name of the model.
    """
    height, width_pixels = (size, size) if isinstance(size, int) else size
    return keras.applications.MobileNet(
        input_shape=(height, width_pixels, 3), alpha=width, weights=None, classes=classes, name=name
    )
