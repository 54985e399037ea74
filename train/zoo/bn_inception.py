"""BN-Inception: GoogLeNet with batch normalization and two 3x3 convolutions for each 5x5 one.

Ioffe, Szegedy, "Batch Normalization: Accelerating Deep Network Training by Reducing Internal
Covariate Shift", arXiv 1502.03167, 2015, Figure 5: ``bn_inception``. Hu, Shen, Albanie, Sun, Wu,
"Squeeze-and-Excitation Networks", arXiv 1709.01507, 2017, Figure 2 and Table 2:
``se_bn_inception``.

* In Figure 5 the output sizes of blocks 4c and 4d do not agree with the channels of their
  branches. The public Caffe network has the channels of the branches, 128 after both pools, and so
  608 outputs instead of 576. It is followed here, with its plain 7x7 convolution at the front.
* The public Caffe network has biases in its convolutions, although the batch normalization that
  follows removes any constant. ``bn_inception`` keeps them, and with them the published parameter
  count. ``se_bn_inception`` has none, as in the network that its authors publish
  (``SE-BN-Inception.prototxt``); its squeeze-and-excitation layers have biases.
* Squeeze-and-excitation follows the concatenation of every block and reduces to a 16th of the
  channels.
* An average pool divides by 9 at the border too, as in Caffe: the padding is counted.
* Blocks 3c and 4e halve the side. Their max pool has "same" padding, which agrees with Caffe's
  pool on even sides. On odd ones Caffe's pool would not fit its convolutions.
"""

from typing import Any, NamedTuple

import keras
from keras import layers

from mobilecnn.train.zoo.googlenet import conv
from mobilecnn.train.zoo.squeeze_excite import squeeze_excite
from mobilecnn.train.zoo.squeezenet import ceil_pool


class BnInceptionBlock(NamedTuple):
    """A row of Figure 5.

    Attributes:
        label: name of the block, as in "inception (3a)".
        out1: channels of the 1x1 convolution; 0 where there is none.
        reduce3: channels of the 1x1 convolution before the 3x3 one.
        out3: channels of the 3x3 convolution.
        reduce_double: channels of the 1x1 convolution before the double 3x3 one.
        double: channels of each of the two 3x3 convolutions.
        pool: kind of the pool, "average" or "max".
        projection: channels of the 1x1 convolution after the pool; 0 where the pool passes its
            channels through. Such a block halves the side.
    """

    label: str
    out1: int
    reduce3: int
    out3: int
    reduce_double: int
    double: int
    pool: str
    projection: int


# Figure 5. Side of the input at an input of 224.
BLOCKS = (
    BnInceptionBlock("3a", 64, 64, 64, 64, 96, "average", 32),  # 28
    BnInceptionBlock("3b", 64, 64, 96, 64, 96, "average", 64),
    BnInceptionBlock("3c", 0, 128, 160, 64, 96, "max", 0),
    BnInceptionBlock("4a", 224, 64, 96, 96, 128, "average", 128),  # 14
    BnInceptionBlock("4b", 192, 96, 128, 96, 128, "average", 128),
    BnInceptionBlock("4c", 160, 128, 160, 128, 160, "average", 128),
    BnInceptionBlock("4d", 96, 128, 192, 160, 192, "average", 128),
    BnInceptionBlock("4e", 0, 128, 192, 192, 256, "max", 0),
    BnInceptionBlock("5a", 352, 192, 320, 160, 224, "average", 128),  # 7
    BnInceptionBlock("5b", 352, 192, 320, 192, 224, "max", 128),
)


def build(*, se: bool, size: int, classes: int, name: str) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        se: whether the blocks have squeeze-and-excitation.
        size: input side, pixels.
        classes: number of outputs.
        name: name of the model.
    """
    bias = not se
    inputs = layers.Input((size, size, 3), name="image")
    x = _conv(inputs, 64, 7, bias, "conv1", stride=2)  # 224 -> 112
    x = ceil_pool(x, "pool1")  # 56
    x = _conv(x, 64, 1, bias, "conv2_reduce")
    x = _conv(x, 192, 3, bias, "conv2")
    x = ceil_pool(x, "pool2")  # 28
    for block in BLOCKS:
        x = _inception(x, block, bias)
        if se:
            x = squeeze_excite(x, block.label)
    x = layers.GlobalAveragePooling2D(name="pool5")(x)
    outputs = layers.Dense(classes, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name=name)


def _inception(x: Any, block: BnInceptionBlock, bias: bool) -> Any:
    label = block.label
    stride = 1 if block.projection else 2
    branches = []
    if block.out1:
        branches.append(_conv(x, block.out1, 1, bias, f"{label}_1x1"))
    branch = _conv(x, block.reduce3, 1, bias, f"{label}_3x3_reduce")
    branches.append(_conv(branch, block.out3, 3, bias, f"{label}_3x3", stride=stride))
    branch = _conv(x, block.reduce_double, 1, bias, f"{label}_double3x3_reduce")
    branch = _conv(branch, block.double, 3, bias, f"{label}_double3x3_1")
    branches.append(_conv(branch, block.double, 3, bias, f"{label}_double3x3_2", stride=stride))
    if block.pool == "max":
        branch = layers.MaxPooling2D(3, strides=stride, padding="same", name=f"{label}_pool")(x)
    else:
        # "same" padding would leave the padding out of the average.
        branch = layers.ZeroPadding2D(1, name=f"{label}_pool_pad")(x)
        branch = layers.AveragePooling2D(3, strides=1, name=f"{label}_pool")(branch)
    if block.projection:
        branch = _conv(branch, block.projection, 1, bias, f"{label}_pool_proj")
    branches.append(branch)
    return layers.Concatenate(name=f"{label}_concat")(branches)


def _conv(x: Any, out: int, kernel: int, bias: bool, label: str, *, stride: int = 1) -> Any:
    return conv(x, out, kernel, label, bias=bias, epsilon=1e-5, stride=stride)
