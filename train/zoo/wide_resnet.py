"""Wide ResNet: ResNet with more channels inside its bottlenecks.

Zagoruyko, Komodakis, "Wide Residual Networks", arXiv 1605.07146, 2016: Table 8, WRN-50-2-bottleneck
(50 layers, twice the channels).

- Only the first two convolutions of a bottleneck are wider, not the output of a unit, which gives the
  paper's 68.9 million parameters.
- The stride is on the 3x3 convolution and convolutions have no biases, as in torchvision.
"""

from functools import partial

import keras

from mobilecnn.train.zoo.residual import bottleneck, network


def build(*, size: int | tuple[int, int], classes: int, name: str) -> keras.Model:
    """WRN-50-2-bottleneck with a softmax output, randomly initialized.

    Args:
        size: input side, or (height, width), pixels.
        classes: number of outputs.
        name: name of the model.
    """
    branch = partial(bottleneck, width=2 * 64)
    return network(depth=50, branch=branch, size=size, classes=classes, name=name)
