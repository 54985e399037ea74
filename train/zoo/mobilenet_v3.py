"""MobileNet V3, Large and Small, from ``keras.applications``.

Howard, Sandler, Chu, Chen, Chen, Tan, Wang, Zhu, Pang, Vasudevan, Le, Adam, "Searching for
MobileNetV3", arXiv 1905.02244, 2019, Tables 1 and 2.

* The minimalistic networks are the authors' public ones (TF-slim): no
  squeeze-and-excitation, ReLU instead of hard swish, and 3x3 instead of 5x5 kernels.
* The rescaling of pixels that ``keras.applications`` includes is left out: the input is
  -1..1, as for the other networks.
"""

import keras

from mobilecnn.train.zoo.shapes import image_shape

NETWORKS = {
    "large": keras.applications.MobileNetV3Large,
    "small": keras.applications.MobileNetV3Small,
}


def build(
    *, variant: str, width: float, minimalistic: bool, size: int | tuple[int, int], classes: int, name: str
) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        variant: "large" or "small".
        width: multiplier of the channels, which are rounded to multiples of 8; up to 1x the layer
            before the last keeps its channels.
        minimalistic: whether it has only operations that every accelerator runs well.
        size: input side, or (height, width), pixels.
        classes: number of outputs.
        name: name of the model.
    """
    return NETWORKS[variant](
        input_shape=image_shape(size),
        alpha=width,
        minimalistic=minimalistic,
        include_preprocessing=False,
        weights=None,
        classes=classes,
        name=name,
    )
