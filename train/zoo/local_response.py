"""Local response normalization over neighbouring channels.

Krizhevsky, Sutskever, Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", NIPS 2012, section 3.3.
"""

from collections.abc import Callable
from typing import Any, ClassVar

import keras

NEIGHBOURS, BIAS, ALPHA, BETA = 5, 2.0, 1e-4, 0.75
"""The paper's n (channels), k, alpha and beta (section 3.3)."""


@keras.saving.register_keras_serializable(package="mobilecnn")
class LocalResponseNormalization(keras.layers.Layer):  # type: ignore[misc]
    """``x[i] / (BIAS + ALPHA * sum(x[j] ** 2)) ** BETA``: j are the :data:`NEIGHBOURS` channels around i that there are.

    As in the paper, and in TensorFlow and TFLite, alpha is not divided by the number of neighbours; Caffe and PyTorch
    divide it. There are no weights, and no multiply-adds are counted: beside the power, an output takes 5 squares, 5
    additions, a product and a quotient.
    """

    operator: ClassVar[Callable[[Any], Any] | None] = None
    """What computes the same in one operator, while :mod:`mobilecnn.convert.own_operators` has a model converted."""

    def call(self, x: Any) -> Any:
        """Normalize a feature map (batch, height, width, channels)."""
        if (operator := type(self).operator) is not None:
            return operator(x)
        radius = NEIGHBOURS // 2
        squares = keras.ops.pad(keras.ops.square(x), ((0, 0), (0, 0), (0, 0), (radius, radius)))
        channels = x.shape[-1]
        energy = sum(squares[..., offset : offset + channels] for offset in range(NEIGHBOURS))
        return x / (BIAS + ALPHA * energy) ** BETA

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """The shape of the input."""
        return input_shape
