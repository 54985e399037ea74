"""AlexNet, in two groups as published, with and without its normalization, in one and four, and as a single tower.

Krizhevsky, Sutskever, Hinton, "ImageNet Classification with Deep Convolutional Neural
Networks", NIPS 2012, sections 3.3 and 3.5: ``alexnet_lrn``; without section 3.3: ``alexnet``, whose
layers are otherwise those of the single file that Caffe publishes (bvlc_alexnet). Krizhevsky,
"One weird trick for parallelizing convolutional neural networks",
arXiv 1404.5997, 2014: ``alexnet_1tower``, with the channels and padding of torchvision.

* The two halves of the original, one on each of two GPUs, are here two groups of a convolution.
  The single tower has no groups and fewer channels. ``alexnet_g1`` and ``alexnet_g4`` have the channels
  of the original and, in the same three convolutions, no groups and four: the row of filter groups 1, 2
  and 4 that is drawn to show what groups save.
* The paper says that images are 224x224, but its first feature map of 55x55 without padding
  needs 227x227, which Caffe takes. torchvision pads by two pixels and takes 224x224.
* The local response normalization of section 3.3 follows the ReLU of the first two convolutions
  in ``alexnet_lrn``: 5 channels, k = 2, alpha = 0.0001, beta = 0.75. Caffe has k = 1 and divides
  alpha by 5. It has no parameters and applies no weights, so that the counts of both networks are
  equal; the time is not. The layer is mobilecnn's own: Keras loads it once
  ``mobilecnn.train.zoo.own_layers`` is imported, and the commands import it. In a ``.tflite`` it is
  one operator, which exists for float32 only: an int8 file converts to float32 before it, and back
  after it.
* Later work found no use for this normalization, so ``alexnet`` and ``alexnet_1tower`` have none.
* torchvision averages the last feature map to 6x6. At 224x224 it is 6x6 already, so the average
  is left out here; another input side changes the first fully connected layer.
* Dropout follows the first two fully connected layers, as in section 4.2 of the paper;
  torchvision has it before them.
"""

from typing import Any

import keras
from keras import layers

from mobilecnn.errors import ModelNameError
from mobilecnn.train.zoo.local_response import LocalResponseNormalization
from mobilecnn.train.zoo.squeezenet import ceil_pool

LayerRow = tuple[str, *tuple[int, ...]]
"""Row of a table of layers: ("conv", channels, kernel, stride, padding, groups), ("pool",),
("ceil_pool",) for a pool whose last window may extend beyond the edge, or ("lrn",)."""

# Side of the output at an input of 227.
GROUPED: tuple[LayerRow, ...] = (
    ("conv", 96, 11, 4, 0, 1),  # 55
    ("pool",),  # 27
    ("conv", 256, 5, 1, 2, 2),
    ("pool",),  # 13
    ("conv", 384, 3, 1, 1, 1),
    ("conv", 384, 3, 1, 1, 2),
    ("conv", 256, 3, 1, 1, 2),
    ("pool",),  # 6
)

# Section 3.3: after the first two convolutions, and before the pools.
GROUPED_LRN: tuple[LayerRow, ...] = (GROUPED[0], ("lrn",), *GROUPED[1:3], ("lrn",), *GROUPED[3:])

# Side of the output at an input of 224.
SINGLE_TOWER: tuple[LayerRow, ...] = (
    ("conv", 64, 11, 4, 2, 1),  # 55
    ("pool",),  # 27
    ("conv", 192, 5, 1, 2, 1),
    ("pool",),  # 13
    ("conv", 384, 3, 1, 1, 1),
    ("conv", 256, 3, 1, 1, 1),
    ("conv", 256, 3, 1, 1, 1),
    ("pool",),  # 6
)


def _regrouped(groups: int) -> tuple[LayerRow, ...]:
    rows: list[LayerRow] = []
    for row in GROUPED:
        kind, *numbers = row
        regrouped = [*numbers[:-1], groups] if numbers and numbers[-1] == 2 else numbers
        rows.append((str(kind), *map(int, regrouped)))
    return tuple(rows)


NETWORKS = {
    "": GROUPED,
    "_lrn": GROUPED_LRN,
    "_1tower": SINGLE_TOWER,
    "_g1": _regrouped(1),
    "_g4": _regrouped(4),
}


def build(*, variant: str, size: int | tuple[int, int], classes: int, name: str) -> keras.Model:
    """The network with a softmax output, randomly initialized.

    Args:
        variant: a key of :data:`NETWORKS`.
        size: input side, pixels; 227 gives the two groups their published feature maps, 224
            the single tower. Or (height, width): then the last feature map is averaged to 6x6,
            the only size that the fully connected layers take.
        classes: number of outputs.
        name: name of the model.
    """
    return assemble(NETWORKS[variant], size=size, classes=classes, name=name)


def assemble(
    rows: tuple[LayerRow, ...], *, size: int | tuple[int, int], classes: int, name: str
) -> keras.Model:
    """Build a network of the layers in ``rows`` and AlexNet's three fully connected layers.

    Args:
        rows: the layers before the fully connected ones.
        size: input side, or (height, width), pixels.
        classes: number of outputs.
        name: name of the model.
    """
    sides = (size, size) if isinstance(size, int) else size
    inputs = x = layers.Input((*sides, 3), name="image")
    number = 0
    for kind, *numbers in rows:
        if kind == "pool":
            x = layers.MaxPooling2D(3, strides=2, name=f"pool{number}")(x)
        elif kind == "ceil_pool":
            x = ceil_pool(x, f"pool{number}")
        elif kind == "lrn":
            x = LocalResponseNormalization(name=f"norm{number}")(x)
        else:
            number += 1
            out, kernel, stride, padding, groups = numbers
            if stride > 1 and padding:
                # "same" padding would pad an even side at its end only.
                x = layers.ZeroPadding2D(padding, name=f"conv{number}_pad")(x)
                padding = 0
            x = layers.Conv2D(
                out,
                kernel,
                strides=stride,
                padding="same" if padding else "valid",
                groups=groups,
                activation="relu",
                name=f"conv{number}",
            )(x)
    if not isinstance(size, int):
        x = _averaged(x, MAP)
    x = layers.Flatten(name="flatten")(x)
    for number in (6, 7):
        x = layers.Dense(4096, activation="relu", name=f"fc{number}")(x)
        x = layers.Dropout(0.5, name=f"dropout{number}")(x)
    outputs = layers.Dense(classes, activation="softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name=name)


MAP = 6
"""Side in pixels of the feature map that the fully connected layers take, in both networks at their own size."""


def _averaged(x: Any, side: int) -> Any:
    """Average a feature map to ``side`` x ``side``: an adaptive average pool.

    Raises:
        ModelNameError: the feature map is smaller than that.
    """
    height, width = x.shape[1:3]
    if min(height, width) < side:
        raise ModelNameError("alexnet takes rectangles of at least 227 x 227 pixels; choose larger sides")
    strides = (height // side, width // side)
    windows = (height - (side - 1) * strides[0], width - (side - 1) * strides[1])
    return layers.AveragePooling2D(windows, strides=strides, name="average")(x)
