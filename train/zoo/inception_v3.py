"""Inception-v3, from ``keras.applications``: large kernels factorized into asymmetric ones.

Szegedy, Vanhoucke, Ioffe, Shlens, Wojna, "Rethinking the Inception Architecture for
Computer Vision", arXiv 1512.00567, 2015: Table 1 (the outline), Figures 5 to 7 and 10 (the
modules).

* The 7x7 convolution of the stem is three 3x3 ones, and those of the modules on 17x17 are pairs
  of 1x7 and 7x1. Widths that the paper leaves open are those of its authors' public code.
* There is no auxiliary classifier: it is for training only.
* Batch normalization has no scale, as in the authors' code.
"""

import keras


def build(*, size: int, classes: int, name: str) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        size: input side, pixels; at least 75.
        classes: number of outputs.
        name: name of the model.
    """
    return keras.applications.InceptionV3(
        input_shape=(size, size, 3), weights=None, classes=classes, name=name
    )
