"""SqueezeNext: channels reduced twice, separable 3x1 and 1x3 convolutions, and shortcuts.

Gholami, Kwon, Wu, Tai, Yue, Jin, Zhao, Keutzer, "SqueezeNext: Hardware-Aware Neural
Network Design", arXiv 1803.10615, 2018: the networks of 23 layers and their versions 2 to 5 (Table 3),
followed in the form that the authors publish as Caffe files (amirgholami/SqueezeNext), and those of 34 and
44 layers.

* The first convolution has 64 channels and the last 128 at every width; only the stages
  between them are scaled.
* Every convolution is followed by batch normalization and a ReLU, in the shortcut and at the
  end of a block too, and has no bias. The last layer has biases, as in the other networks
  of this zoo; in the files it has none.
* The ReLU that the files have after each sum is left out: both terms are outputs of a
  ReLU, or sums of such outputs, and so never negative.
* The first block of every stage has a convolution in its shortcut. The other branch reads
  the block's input and has a stride of its own, except in version 5, where it reads the
  output of the convolution in the shortcut.
* Versions 2 to 5 begin with a 5x5 instead of a 7x7 convolution. Their feature maps are one pixel
  larger at first, as the pool's last window extends beyond the edge. Versions 3, 4 and 5 move blocks to
  a later stage, where there are many channels and arrays of multipliers are well used. Of these the
  authors publish the file of version 5 alone: versions 2 to 4 follow it in their shortcuts.
* In the grouped network ("G") the first 1x1 convolution of a block and its 3x1 and 1x3
  convolutions have two groups; the other 1x1 convolutions have one.
* How many blocks each stage of the networks of 34 and 44 layers has is in no source; the names stand for 32 and 42
  blocks. Of 42 blocks 87 divisions give both figures that the paper prints, 1.2 million parameters at 1x and 4.4 at
  2x (its abstract). One of them is the plain network twice over, (12, 12, 16, 2), and is taken. One and a half times
  (9, 9, 12, 2 blocks) would give the network of 34 layers 1.05 million parameters, where the paper prints 1.0; the
  division here, of a single last block as in the plain network, gives 1.005. Multiply-adds of neither are published.
"""

from typing import Any

import keras
from keras import layers

from mobilecnn.train.zoo.squeezenet import ceil_pool

# Version -> kernel of the first convolution, blocks of the stages.
VERSIONS = {
    "23": (7, (6, 6, 8, 1)),
    "23v2": (5, (6, 6, 8, 1)),
    "23v3": (5, (4, 8, 8, 1)),
    "23v4": (5, (2, 10, 8, 1)),
    "23v5": (5, (2, 4, 14, 1)),
    "34": (7, (8, 8, 15, 1)),
    "44": (7, (12, 12, 16, 2)),
}
STEM, HEAD = 64, 128

# Output channels of the stages at 1x. All but the first begin with stride 2.
CHANNELS = (
    32,  # 55 (56 in version 5)
    64,  # 28
    128,  # 14
    256,  # 7
)


def build(*, version: str, width: float, g2: bool, size: int, classes: int, name: str) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        version: a key of :data:`VERSIONS`.
        width: multiplier of the stages' channels; a multiple of 1/8, with groups of 1/4.
        g2: whether three of a block's convolutions have two groups: the "G" network.
        size: input side, pixels.
        classes: number of outputs.
        name: name of the model.
    """
    kernel, depths = VERSIONS[version]
    groups = 2 if g2 else 1
    inputs = layers.Input((size, size, 3), name="image")
    x = _conv(inputs, STEM, kernel, "stem", stride=2)  # 227 -> 111 (112 in version 5)
    x = ceil_pool(x, "stem_pool")
    for stage, (channels, blocks) in enumerate(zip(CHANNELS, depths, strict=True), 1):
        out = round(channels * width)
        for block in range(1, blocks + 1):
            label = f"stage{stage}_block{block}"
            if block == 1:
                stride = 1 if stage == 1 else 2
                shortcut = _conv(x, out, 1, f"{label}_shortcut", stride=stride)
                if "v" in version:
                    x, stride = shortcut, 1
            else:
                shortcut, stride = x, 1
            x = _residual(x, out, stride, groups, block % 2 == 1, label)
            x = layers.Add(name=f"{label}_add")([shortcut, x])
    x = _conv(x, HEAD, 1, "head")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    outputs = layers.Dense(classes, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name=name)


def _residual(x: Any, out: int, stride: int, groups: int, tall_first: bool, label: str) -> Any:
    """Reduce the channels to a half and to a quarter, convolve 3x1 and 1x3 in either order, expand."""
    x = _conv(x, out // 2, 1, f"{label}_squeeze1", stride=stride, groups=groups)
    x = _conv(x, out // 4, 1, f"{label}_squeeze2")
    for height, width in ((3, 1), (1, 3)) if tall_first else ((1, 3), (3, 1)):
        x = _conv(x, out // 2, (height, width), f"{label}_{height}x{width}", groups=groups)
    return _conv(x, out, 1, f"{label}_expand")


def _conv(
    x: Any, out: int, kernel: int | tuple[int, int], label: str, stride: int = 1, groups: int = 1
) -> Any:
    # Only 1x1 convolutions, where padding has no meaning, and the unpadded first one have strides.
    padding = "same" if stride == 1 else "valid"
    x = layers.Conv2D(
        out, kernel, strides=stride, padding=padding, groups=groups, use_bias=False, name=label
    )(x)
    x = layers.BatchNormalization(momentum=0.9, epsilon=1e-5, name=f"{label}_bn")(x)
    return layers.ReLU(name=f"{label}_relu")(x)
