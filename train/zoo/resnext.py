"""ResNeXt: ResNet whose 3x3 convolutions work in groups.

Xie, Girshick, Dollár, Tu, He, "Aggregated Residual Transformations for Deep Neural Networks",
arXiv 1611.05431, 2016: Table 1 (50 layers), Table 2 (cardinality and width of the bottleneck),
Figure 3 (c) (the unit), Tables 3 and 4 (the networks). ``32x4d`` is 32 groups, the cardinality, of
4 channels in Stage 2. Every later stage has twice the channels.

- 1x64d is ResNet itself: ``resnet50_v1.5`` and ``resnet101_v1.5``.
- The stride is on the 3x3 convolution (section 4), and convolutions have no biases.
- Strided convolutions and the max pool are padded equally on every side, as in torchvision.
"""

from functools import partial

import keras

from mobilecnn.train.zoo import residual


def build(
    *, depth: int, cardinality: int, bottleneck: int, size: int | tuple[int, int], classes: int, name: str
) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        depth: 50 or 101 layers.
        cardinality: number of groups of the 3x3 convolutions.
        bottleneck: channels of a group in Stage 2.
        size: input side, or (height, width), pixels.
        classes: number of outputs.
        name: name of the model.
    """
    branch = partial(residual.bottleneck, width=cardinality * bottleneck, groups=cardinality)
    return residual.network(depth=depth, branch=branch, size=size, classes=classes, name=name)
