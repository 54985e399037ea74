"""EfficientNet: depth, width and input side scaled up together, from ``keras.applications``.

Tan, Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
ICML 2019, arXiv 1905.11946: Table 1 (B0), section 3.3 (the scaling), Table 2 (B0 to B7). B8: Xie, Tan,
Gong, Wang, Yuille, Le, "Adversarial Examples Improve Image Recognition", arXiv 1911.09665, CVPR 2020.

* The paper gives the rule of the scaling but not each network's numbers; widths, depths and input
  sides (224, 240, 260, 300, 380, 456, 528, 600, 672 for B0 to B8) are those of the authors' public code.
* ``efficientnet_phi`` is that rule itself, for any phi whose input side a network of the zoo takes (-14.03 to 15.83): depth times 1.2^phi, width times
  1.1^phi, input side times 1.15^phi, which about doubles the multiply-adds with each step (1.2 x 1.1^2 x
  1.15^2 = 1.92; blocks are rounded up, which at phi 1 makes it 2.5). Phi 0 is B0, a
  negative phi makes it smaller. Each step has at least a third more parameters. The published networks are not on the rule: B1 is 1.1 times as deep and no
  wider, at 240 pixels, where the rule says 1.2 times, 1.1 times and 258 pixels.
* The input is 0..255: the network itself divides by 255. Its normalization by a mean and a deviation
  is the identity until it is adapted, and has 7 parameters that are not trained.
* Squeeze-and-excitation has a quarter of the channels that enter the block, not of the expanded ones.
"""

from functools import partial

import keras

# The scaling with free coefficients; keras.applications itself names B0 to B7 alone.
from keras.src.applications.efficientnet import EfficientNet

from mobilecnn.train.zoo.compound_scaling import DEPTH, WIDTH
from mobilecnn.train.zoo.shapes import image_shape

B8 = (2.2, 3.6, 0.5)
"""Multiplier of the width, multiplier of the depth and rate of the dropout of B8 (the authors' public code)."""


def build(
    *,
    number: int = 0,
    phi: float | None = None,
    size: int | tuple[int, int],
    classes: int,
    name: str,
) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        number: 0 to 8, for B0 to B8.
        phi: the compound coefficient of section 3.3, in place of a number.
        size: input side, or (height, width), pixels.
        classes: number of outputs.
        name: name of the model.
    """
    if phi is not None:
        network = partial(EfficientNet, WIDTH**phi, DEPTH**phi, 0)
    elif number == 8:
        width, depth, dropout = B8
        network = partial(EfficientNet, width, depth, 0, dropout)
    else:
        network = getattr(keras.applications, f"EfficientNetB{number}")
    return network(input_shape=image_shape(size), weights=None, classes=classes, name=name)
