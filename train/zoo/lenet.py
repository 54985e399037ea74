"""LeNet: two convolutions, each followed by a pool, and fully connected layers, for small grey images.

LeCun, Bottou, Bengio, Haffner, "Gradient-Based Learning Applied to Document Recognition",
Proceedings of the IEEE 86(11), 1998, section II.B and Figure 2: ``lenet5``. The network of
Caffe's MNIST example (``examples/mnist/lenet.prototxt``): ``lenet_caffe``.

* ``lenet5`` is the simplification in common use, with 61,706 parameters. The paper connects
  each map of C3 to some of the maps of S2 (Table I), scales and shifts every pooled map by
  trained coefficients, and ends in radial basis functions. Here C3 reads all maps, the pools
  are plain averages and the output is a softmax.
* C5 is written as a fully connected layer. On 32x32 images it is the paper's convolution,
  whose 5x5 kernel covers the whole feature map.
* ``lenet_caffe`` has a ReLU after its first fully connected layer only, as the example does.
"""

import keras
from keras import layers


def build(*, variant: str, size: int, classes: int, name: str) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        variant: ``"5"`` or ``"_caffe"``.
        size: input side, pixels; published: 32 for LeNet-5, 28 for Caffe's.
        classes: number of outputs.
        name: name of the model.
    """
    if variant == "5":
        hidden = [
            layers.Conv2D(6, 5, activation="tanh", name="c1"),  # 32 -> 28
            layers.AveragePooling2D(2, name="s2"),  # 14
            layers.Conv2D(16, 5, activation="tanh", name="c3"),  # 10
            layers.AveragePooling2D(2, name="s4"),  # 5
            layers.Flatten(name="flatten"),
            layers.Dense(120, activation="tanh", name="c5"),
            layers.Dense(84, activation="tanh", name="f6"),
        ]
    else:
        hidden = [
            layers.Conv2D(20, 5, name="conv1"),  # 28 -> 24
            layers.MaxPooling2D(2, name="pool1"),  # 12
            layers.Conv2D(50, 5, name="conv2"),  # 8
            layers.MaxPooling2D(2, name="pool2"),  # 4
            layers.Flatten(name="flatten"),
            layers.Dense(500, activation="relu", name="ip1"),
        ]
    inputs = x = layers.Input((size, size, 1), name="image")
    for layer in hidden:
        x = layer(x)
    outputs = layers.Dense(classes, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name=name)
