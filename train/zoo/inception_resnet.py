"""Inception-ResNet v1 and v2: Inception modules as the residual branches of a ResNet.

Szegedy, Ioffe, Vanhoucke, Alemi, "Inception-v4, Inception-ResNet and the Impact of Residual
Connections on Learning", arXiv 1602.07261, AAAI 2017: Figures 10 to 14 (v1) and 16 to 19 (v2),
Figure 15 (both), Table 1 (Reduction-A), section 3.3 (the scaling of residuals). The trained
networks of these names differ from the figures; the trained networks are followed:

* ``inception_resnet_v1_paper`` is version 1 as the figures draw it: without the sixth module and the
  bottleneck. No weights of it are published.
* Version 1 is the definition of facenet and of osmr's ports: a sixth Inception-ResNet-C module
  and, before the classifier, a bottleneck of 512 units with batch normalization. Version 2 is that
  of TF-slim and ``keras.applications``: 10, 20 and 10 modules instead of 5, 10 and 5, the stem of
  Inception-v3 followed by an Inception module (320 channels), and a last 1x1 convolution. The
  1088 and 2080 channels of its modules are what its reductions give; the paper's 1154 is a
  misprint even for its own network (1152).
* Residuals are scaled by 0.17, 0.1 and 0.2. The last module's is not scaled, and no ReLU follows it.
  The last 1x1 convolution of a residual is linear, with a bias and without batch normalization.
* Batch normalization has a scale in version 1 and none in version 2, as in the published counts.
* Version 1's dropout of 0.2 is the paper's and facenet's (osmr's ports have 0.6).
* There is no auxiliary classifier: it is for training only.
"""

from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

from mobilecnn.train.zoo.inception_v4 import Block, Conv, V, apply


@dataclass(frozen=True)
class Residual:
    """A module that is added to its input.

    Attributes:
        block: the branches; a linear 1x1 convolution with the input's channels follows.
        scale: factor of what is added.
        relu: whether the module ends with a ReLU.
    """

    block: Block
    scale: float
    relu: bool = True


@dataclass(frozen=True)
class InceptionResNet:
    """A version of the network.

    Attributes:
        rows: (label, module, number of times that it is repeated).
        bn_scale: whether batch normalization has a scale.
        bottleneck: number of units between the last pool and the classifier; 0 for no such layer.
    """

    rows: "tuple[tuple[str, Block | Residual, int], ...]"
    bn_scale: bool
    bottleneck: int


# The beginning of Figure 14, which is also Inception-v3's. Side at an input of 299.
STEM: tuple[Block, ...] = (
    Conv(32, 3, 3, 2, V),  # 149
    Conv(32, 3, 3, 1, V),  # 147
    Conv(64, 3, 3),
    "max pool",  # 73
    Conv(80, 1, 1),
    Conv(192, 3, 3, 1, V),  # 71
)

# Figure 13.
V1_C: Block = [Conv(192, 1, 1), (Conv(192, 1, 1), Conv(192, 1, 3), Conv(192, 3, 1))]
# Figure 19.
V2_C: Block = [Conv(192, 1, 1), (Conv(192, 1, 1), Conv(224, 1, 3), Conv(256, 3, 1))]

# Version 1 as Figures 10 to 14 draw it. Side and channels at an input of 299.
V1_ROWS: "tuple[tuple[str, Block | Residual, int], ...]" = (
    ("stem", (*STEM, Conv(256, 3, 3, 2, V)), 1),  # 35, 256
    (
        "inception_a",  # Figure 10
        Residual(
            [
                Conv(32, 1, 1),
                (Conv(32, 1, 1), Conv(32, 3, 3)),
                (Conv(32, 1, 1), Conv(32, 3, 3), Conv(32, 3, 3)),
            ],
            0.17,
        ),
        5,
    ),
    (
        "reduction_a",  # Figure 7 with the k, l, m, n of Table 1: 17, 896
        [
            Conv(384, 3, 3, 2, V),
            (Conv(192, 1, 1), Conv(192, 3, 3), Conv(256, 3, 3, 2, V)),
            "max pool",
        ],
        1,
    ),
    (
        "inception_b",  # Figure 11
        Residual([Conv(128, 1, 1), (Conv(128, 1, 1), Conv(128, 1, 7), Conv(128, 7, 1))], 0.1),
        10,
    ),
    (
        "reduction_b",  # Figure 12: 8, 1792
        [
            (Conv(256, 1, 1), Conv(384, 3, 3, 2, V)),
            (Conv(256, 1, 1), Conv(256, 3, 3, 2, V)),
            (Conv(256, 1, 1), Conv(256, 3, 3), Conv(256, 3, 3, 2, V)),
            "max pool",
        ],
        1,
    ),
    ("inception_c", Residual(V1_C, 0.2), 5),
)

# Side and channels at an input of 299.
NETWORKS = {
    "v1_paper": InceptionResNet(rows=V1_ROWS, bn_scale=True, bottleneck=0),
    "v1": InceptionResNet(
        rows=(*V1_ROWS, ("inception_c_last", Residual(V1_C, 1.0, relu=False), 1)),
        bn_scale=True,
        bottleneck=512,
    ),
    "v2": InceptionResNet(
        rows=(
            ("stem", (*STEM, "max pool"), 1),  # 35, 192
            (
                "inception",  # 35, 320
                [
                    Conv(96, 1, 1),
                    (Conv(48, 1, 1), Conv(64, 5, 5)),
                    (Conv(64, 1, 1), Conv(96, 3, 3), Conv(96, 3, 3)),
                    ("avg pool", Conv(64, 1, 1)),
                ],
                1,
            ),
            (
                "inception_a",  # Figure 16
                Residual(
                    [
                        Conv(32, 1, 1),
                        (Conv(32, 1, 1), Conv(32, 3, 3)),
                        (Conv(32, 1, 1), Conv(48, 3, 3), Conv(64, 3, 3)),
                    ],
                    0.17,
                ),
                10,
            ),
            (
                "reduction_a",  # Figure 7 with the k, l, m, n of Table 1: 17, 1088
                [
                    Conv(384, 3, 3, 2, V),
                    (Conv(256, 1, 1), Conv(256, 3, 3), Conv(384, 3, 3, 2, V)),
                    "max pool",
                ],
                1,
            ),
            (
                "inception_b",  # Figure 17
                Residual([Conv(192, 1, 1), (Conv(128, 1, 1), Conv(160, 1, 7), Conv(192, 7, 1))], 0.1),
                20,
            ),
            (
                "reduction_b",  # Figure 18: 8, 2080
                [
                    (Conv(256, 1, 1), Conv(384, 3, 3, 2, V)),
                    (Conv(256, 1, 1), Conv(288, 3, 3, 2, V)),
                    (Conv(256, 1, 1), Conv(288, 3, 3), Conv(320, 3, 3, 2, V)),
                    "max pool",
                ],
                1,
            ),
            ("inception_c", Residual(V2_C, 0.2), 9),
            ("inception_c_last", Residual(V2_C, 1.0, relu=False), 1),
            ("conv_last", Conv(1536, 1, 1), 1),
        ),
        bn_scale=False,
        bottleneck=0,
    ),
}


def build(*, version: str, size: int, classes: int, name: str) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        version: a key of :data:`NETWORKS`.
        size: input side, pixels; at least 75.
        classes: number of outputs.
        name: name of the model.
    """
    network = NETWORKS[version]
    inputs = x = layers.Input((size, size, 3), name="image")
    for label, module, times in network.rows:
        for number in range(1, times + 1):
            if isinstance(module, Residual):
                x = _residual(module, x, f"{label}{number}", network.bn_scale)
            else:
                x = apply(module, x, f"{label}{number}", network.bn_scale)
    x = layers.GlobalAveragePooling2D(name="pool")(x)
    x = layers.Dropout(0.2, name="dropout")(x)
    if network.bottleneck:
        x = layers.Dense(network.bottleneck, use_bias=False, name="bottleneck")(x)
        x = layers.BatchNormalization(momentum=0.9, epsilon=1e-3, name="bottleneck_bn")(x)
    outputs = layers.Dense(classes, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name=name)


def _residual(module: Residual, x: Any, label: str, bn_scale: bool) -> Any:
    branch = apply(module.block, x, label, bn_scale)
    branch = layers.Conv2D(x.shape[-1], 1, name=f"{label}_up")(branch)
    branch = layers.Rescaling(module.scale, name=f"{label}_scale")(branch)
    x = layers.Add(name=f"{label}_add")([x, branch])
    return layers.ReLU(name=f"{label}_relu")(x) if module.relu else x
