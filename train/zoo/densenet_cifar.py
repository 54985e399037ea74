"""DenseNet-BC for the 32x32 images of CIFAR.

Huang, Liu, van der Maaten, Weinberger, "Densely Connected Convolutional Networks", arXiv
1608.06993, 2016 (CVPR 2017): section 3, "Implementation Details", and Table 2. Three dense blocks
of equal depth; the layers are those of the ImageNet networks.

* The stem is a bare 3x3 convolution with twice the growth rate: the first layer of a dense block
  begins with the batch normalization.
* The paper's dropout of 0.2 is left out: it belongs to training without data augmentation.
"""

import keras
from keras import layers

from mobilecnn.train.zoo.densenet import dense_blocks

BLOCKS = 3
"""Number of dense blocks."""

OUTSIDE = 4
"""Number of weight layers outside the dense blocks: the stem, two transitions, the classifier."""


def build(*, depth: int, growth: int, size: int, classes: int, name: str) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        depth: number of weight layers, the paper's L: 4 more than a multiple of 6 (two in each dense
            layer, three blocks).
        growth: channels that a dense layer adds, the paper's k.
        size: input side, pixels.
        classes: number of outputs.
        name: name of the model.
    """
    per_block = (depth - OUTSIDE) // (2 * BLOCKS)
    inputs = layers.Input((size, size, 3), name="image")
    x = layers.Conv2D(2 * growth, 3, padding="same", use_bias=False, name="stem_conv")(inputs)
    # Sides at an input of 32: 32, 16, 8.
    return keras.Model(inputs, dense_blocks(x, (per_block,) * BLOCKS, growth, classes), name=name)
