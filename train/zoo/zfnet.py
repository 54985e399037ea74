"""ZFNet: AlexNet with a smaller kernel and stride at the front, in two widths.

Zeiler, Fergus, "Visualizing and Understanding Convolutional Networks", arXiv 1311.2901, 2013:
Figure 3 (``zfnet``) and the wider convolutions of Table 3 (``zfnet_b``).

* Figure 3 gives the sides of the feature maps and not the padding. With one pixel around the
  image, none around the input of the second convolution, and pools whose last window may extend
  beyond the edge, they are the published 110, 55, 26, 13 and 6.
* Table 3 shows 512-1024-512 channels in the last three convolutions as one of several changes
  to the network: ``zfnet_b``. The fully connected layers keep 4096 units.
* The contrast normalization of Figure 3 is left out, as in ``alexnet``: it has no parameters.
"""

import keras

from mobilecnn.train.zoo.alexnet import LayerRow, assemble

# Figure 3: side of the output at an input of 224.
FRONT: tuple[LayerRow, ...] = (
    ("conv", 96, 7, 2, 1, 1),  # 110
    ("ceil_pool",),  # 55
    ("conv", 256, 5, 2, 0, 1),  # 26
    ("ceil_pool",),  # 13
)

# Figure 3 and Table 3: variant -> channels of the 3x3 convolutions that follow.
CHANNELS = {
    "": (384, 384, 256),
    "_b": (512, 1024, 512),
}


def build(*, variant: str, size: int, classes: int, name: str) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        variant: a key of :data:`CHANNELS`.
        size: input side, pixels; 224 gives the published feature maps.
        classes: number of outputs.
        name: name of the model.
    """
    convolutions: tuple[LayerRow, ...] = tuple(("conv", out, 3, 1, 1, 1) for out in CHANNELS[variant])
    rows = (*FRONT, *convolutions, ("ceil_pool",))  # 6
    return assemble(rows, size=size, classes=classes, name=name)
