"""VGG: blocks of 3x3 convolutions, each followed by a pool that halves the side.

Simonyan, Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
arXiv 1409.1556, 2014, Table 1: configurations D (``vgg16``) and E (``vgg19``).

* The layers are those of ``keras.applications``, with dropout after the first two fully
  connected layers as in section 3.1 of the paper.
* Weights are initialized from He's normal distribution. With the default of Keras, which
  ``keras.applications`` uses, the activations of so many layers without normalization vanish.
"""

import keras
from keras import layers

# Table 1: depth -> convolutions of each block.
CONVOLUTIONS = {
    16: (2, 2, 3, 3, 3),
    19: (2, 2, 4, 4, 4),
}

# Table 1: channels of each block's convolutions.
CHANNELS = (
    64,  # 224 -> 112
    128,  # 112 -> 56
    256,  # 56 -> 28
    512,  # 28 -> 14
    512,  # 14 -> 7
)


def build(*, depth: int, size: int, classes: int, name: str) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        depth: a key of :data:`CONVOLUTIONS`: number of layers with weights.
        size: input side, pixels.
        classes: number of outputs.
        name: name of the model.
    """
    inputs = x = layers.Input((size, size, 3), name="image")
    for block, (count, out) in enumerate(zip(CONVOLUTIONS[depth], CHANNELS, strict=True), 1):
        for number in range(1, count + 1):
            x = layers.Conv2D(
                out,
                3,
                padding="same",
                activation="relu",
                kernel_initializer="he_normal",
                name=f"block{block}_conv{number}",
            )(x)
        x = layers.MaxPooling2D(2, name=f"block{block}_pool")(x)
    x = layers.Flatten(name="flatten")(x)
    for number in (1, 2):
        x = layers.Dense(4096, activation="relu", kernel_initializer="he_normal", name=f"fc{number}")(x)
        x = layers.Dropout(0.5, name=f"dropout{number}")(x)
    outputs = layers.Dense(classes, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name=name)
