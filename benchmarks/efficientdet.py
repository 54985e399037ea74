"""EfficientDet-Lite0 with random weights, up to where its detections are sorted out: a network with published times.

M. Tan, R. Pang, Q. V. Le, "EfficientDet: Scalable and Efficient Object Detection", CVPR 2020, arXiv 1911.09070, with the
settings that its authors publish for Lite0 (github.com/google/automl, efficientdet): the backbone EfficientNet-Lite0, 320
pixels, three layers of BiFPN with 64 channels that add without weights, heads of three layers, nine anchors, 90 classes.
The operator behind the heads, which chooses the boxes (TFLite_Detection_PostProcess), is left out.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from mobilecnn.files import write_bytes
from mobilecnn.train import zoo

SIDE, CHANNELS, REPEATS, ANCHORS, CLASSES = 320, 64, 3, 9, 90
LEVELS = range(3, 8)
"""Levels of the pyramid: level n has maps of 1 / 2**n of the picture's side."""

TAPS = ("block5_add", "block11_add", "block16_project_bn")
"""Layers of the backbone that are levels 3, 4 and 5: the last ones of their size."""


def build() -> keras.Model:
    """The network; outputs are the boxes (1, anchors, 4) and the classes' probabilities (1, anchors, 90)."""
    keras.utils.set_random_seed(0)  # So that the same file is made again, whose trace may be known.
    backbone = zoo.build("efficientnet_lite0", size=SIDE)
    image = layers.Input((SIDE, SIDE, 3), batch_size=1, name="image")
    taps = keras.Model(backbone.inputs, [backbone.get_layer(name).output for name in TAPS])(image)
    pyramid = dict(zip(LEVELS, taps, strict=False))
    pyramid[6] = _pool(_resampled(pyramid[5]))
    pyramid[7] = _pool(pyramid[6])
    for _ in range(REPEATS):
        pyramid = _bifpn(pyramid)
    boxes = _head(pyramid, 4, "boxes")
    classes = layers.Activation("sigmoid", name="sigmoid")(_head(pyramid, CLASSES, "classes"))
    return keras.Model(image, [boxes, classes], name="efficientdet_lite0")


def _bifpn(given: dict[int, Any]) -> dict[int, Any]:
    """One layer: from the coarsest maps to the finest, and back."""
    down = {7: given[7]}
    for level in (6, 5, 4, 3):
        side = given[level].shape[1]
        above = keras.ops.image.resize(down[level + 1], (side, side), interpolation="nearest")
        down[level] = _fused([_resampled(given[level]), above])
    up = {3: down[3]}
    for level in (4, 5, 6):
        up[level] = _fused([_resampled(given[level]), down[level], _pool(up[level - 1])])
    up[7] = _fused([given[7], _pool(up[6])])
    return up


def _resampled(x: Any) -> Any:
    """The map with the pyramid's number of channels."""
    if x.shape[-1] == CHANNELS:
        return x
    return layers.BatchNormalization()(layers.Conv2D(CHANNELS, 1)(x))


def _pool(x: Any) -> Any:
    return layers.MaxPooling2D(3, strides=2, padding="same")(x)


def _fused(maps: list[Any]) -> Any:
    x = maps[0]
    for other in maps[1:]:
        x = layers.Add()([x, other])
    x = layers.SeparableConv2D(CHANNELS, 3, padding="same")(layers.ReLU(6.0)(x))
    return layers.BatchNormalization()(x)


def _head(pyramid: dict[int, Any], values: int, name: str) -> Any:
    """Some values for each anchor of all levels: convolutions that the levels share, normalizations of their own."""
    shared = [layers.SeparableConv2D(CHANNELS, 3, padding="same") for _ in range(REPEATS)]
    last = layers.SeparableConv2D(ANCHORS * values, 3, padding="same")
    found = []
    for level in LEVELS:
        x = pyramid[level]
        for convolution in shared:
            x = layers.ReLU(6.0)(layers.BatchNormalization()(convolution(x)))
        found.append(layers.Reshape((-1, values))(last(x)))
    return layers.Concatenate(axis=1, name=name)(found)


def write(path: Path, *, int8: bool) -> None:
    """The network as a ``.tflite`` file; in int8 pictures are bytes and what comes out is float32, as in the published."""
    converter = tf.lite.TFLiteConverter.from_keras_model(build())
    if int8:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = _pictures
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.uint8
    write_bytes(path, converter.convert())


def _pictures() -> Iterator[list[Any]]:
    random = np.random.default_rng(0)
    for _ in range(4):
        yield [random.uniform(-1, 1, (1, SIDE, SIDE, 3)).astype(np.float32)]
