"""EfficientNet: depth, width and input side scaled up together, from ``keras.applications``.

Tan, Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
ICML 2019, arXiv 1905.11946: Table 1 (B0), section 3.3 (the scaling), Table 2 (B0 to B7).

* The paper gives the rule of the scaling but not each network's numbers; widths, depths and input
  sides (224, 240, 260, 300, 380, 456, 528, 600 for B0 to B7) are those of the authors' public code.
* The input is 0..255: the network itself divides by 255. Its normalization by a mean and a deviation
  is the identity until it is adapted, and has 7 parameters that are not trained.
* Squeeze-and-excitation has a quarter of the channels that enter the block, not of the expanded ones.
"""

import keras

from mobilecnn.train.zoo.shapes import image_shape


def build(*, number: int, size: int | tuple[int, int], classes: int, name: str) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        number: 0 to 7, for B0 to B7.
        size: input side, or (height, width), pixels.
        classes: number of outputs.
        name: name of the model.
    """
    network = getattr(keras.applications, f"EfficientNetB{number}")
    return network(input_shape=image_shape(size), weights=None, classes=classes, name=name)
