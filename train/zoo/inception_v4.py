"""Inception-v4: a deeper Inception network whose modules are the same throughout a stage.

Szegedy, Ioffe, Vanhoucke, Alemi, "Inception-v4, Inception-ResNet and the Impact of Residual
Connections on Learning", arXiv 1602.07261, AAAI 2017, Figures 3 to 9, Table 1 (Reduction-A).

* Where the figures and the authors' code (TF-slim) differ, the code is followed: the published
  weights are those of the code. Figure 5 draws two 1x7 convolutions in a row where the code has 1x7
  and 7x1, and elsewhere code and figures have a 1x7 and a 7x1 in opposite order; no count changes.
  Figure 3 omits the stride of the stem's last convolution, without which the sides do not match.
* Batch normalization has a scale, as in the published counts of the PyTorch ports (timm).
* There is no auxiliary classifier: it is for training only.
* The average pools do not count their padding, as in TensorFlow.
"""

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import keras
from keras import layers

V: Literal["valid"] = "valid"
"""Mark of a convolution without padding, as in the figures."""


@dataclass(frozen=True)
class Conv:
    """A convolution with batch normalization and ReLU.

    Attributes:
        out: output channels.
        height: height of the kernel.
        width: width of the kernel.
        stride: stride in both directions.
        padding: "same" or "valid".
    """

    out: int
    height: int
    width: int
    stride: int = 1
    padding: Literal["same", "valid"] = "same"


Block: TypeAlias = "Conv | Literal['max pool', 'avg pool'] | tuple[Block, ...] | list[Block]"
"""Part of the network: a layer, a tuple of parts in sequence, or a list of parallel parts that are concatenated.

Pools are 3x3: a max pool has stride 2 and no padding, an average pool has stride 1.
"""

# Figure 3.
STEM: Block = (
    Conv(32, 3, 3, 2, V),  # 149
    Conv(32, 3, 3, 1, V),  # 147
    Conv(64, 3, 3),
    [
        "max pool",
        Conv(96, 3, 3, 2, V),
    ],  # 73
    [
        (Conv(64, 1, 1), Conv(96, 3, 3, 1, V)),
        (Conv(64, 1, 1), Conv(64, 1, 7), Conv(64, 7, 1), Conv(96, 3, 3, 1, V)),
    ],  # 71
    [
        Conv(192, 3, 3, 2, V),
        "max pool",
    ],  # 35
)

# Figure 4.
INCEPTION_A: Block = [
    Conv(96, 1, 1),
    (Conv(64, 1, 1), Conv(96, 3, 3)),
    (Conv(64, 1, 1), Conv(96, 3, 3), Conv(96, 3, 3)),
    ("avg pool", Conv(96, 1, 1)),
]

# Figure 7 with the k, l, m, n of Table 1.
REDUCTION_A: Block = [
    Conv(384, 3, 3, 2, V),
    (Conv(192, 1, 1), Conv(224, 3, 3), Conv(256, 3, 3, 2, V)),
    "max pool",
]

# Figure 5.
INCEPTION_B: Block = [
    Conv(384, 1, 1),
    (Conv(192, 1, 1), Conv(224, 1, 7), Conv(256, 7, 1)),
    (Conv(192, 1, 1), Conv(192, 7, 1), Conv(224, 1, 7), Conv(224, 7, 1), Conv(256, 1, 7)),
    ("avg pool", Conv(128, 1, 1)),
]

# Figure 8.
REDUCTION_B: Block = [
    (Conv(192, 1, 1), Conv(192, 3, 3, 2, V)),
    (Conv(256, 1, 1), Conv(256, 1, 7), Conv(320, 7, 1), Conv(320, 3, 3, 2, V)),
    "max pool",
]

# Figure 6.
INCEPTION_C: Block = [
    Conv(256, 1, 1),
    (Conv(384, 1, 1), [Conv(256, 1, 3), Conv(256, 3, 1)]),
    (Conv(384, 1, 1), Conv(448, 3, 1), Conv(512, 1, 3), [Conv(256, 1, 3), Conv(256, 3, 1)]),
    ("avg pool", Conv(256, 1, 1)),
]

# Figure 9: label, block, number of times that it is repeated. Side and channels at an input of 299.
NETWORK: tuple[tuple[str, Block, int], ...] = (
    ("stem", STEM, 1),  # 35, 384
    ("inception_a", INCEPTION_A, 4),
    ("reduction_a", REDUCTION_A, 1),  # 17, 1024
    ("inception_b", INCEPTION_B, 7),
    ("reduction_b", REDUCTION_B, 1),  # 8, 1536
    ("inception_c", INCEPTION_C, 3),
)


def build(*, size: int, classes: int, name: str) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        size: input side, pixels; at least 75.
        classes: number of outputs.
        name: name of the model.
    """
    inputs = x = layers.Input((size, size, 3), name="image")
    for label, block, times in NETWORK:
        for number in range(1, times + 1):
            x = apply(block, x, f"{label}{number}")
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(0.2, name="dropout")(x)
    outputs = layers.Dense(classes, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name=name)


def apply(block: Block, x: Any, label: str, bn_scale: bool = True) -> Any:
    """Append a block to ``x``.

    Args:
        block: the block.
        x: a feature map.
        label: beginning of the layers' names.
        bn_scale: whether batch normalization has a scale.
    """
    match block:
        case tuple():
            for number, step in enumerate(block, 1):
                x = apply(step, x, f"{label}_{number}", bn_scale)
            return x
        case list():
            branches = [
                apply(branch, x, f"{label}_branch{number}", bn_scale)
                for number, branch in enumerate(block, 1)
            ]
            return layers.Concatenate(name=f"{label}_concat")(branches)
        case "max pool":
            return layers.MaxPooling2D(3, strides=2, name=label)(x)
        case "avg pool":
            return layers.AveragePooling2D(3, strides=1, padding="same", name=label)(x)
        case Conv(out, height, width, stride, padding):
            x = layers.Conv2D(
                out, (height, width), strides=stride, padding=padding, use_bias=False, name=label
            )(x)
            x = layers.BatchNormalization(momentum=0.9, epsilon=1e-3, scale=bn_scale, name=f"{label}_bn")(x)
            return layers.ReLU(name=f"{label}_relu")(x)
