"""The zoo's own layers as the operators that TFLite has for them: in the child process only."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def for_conversion() -> Iterator[None]:
    """Trace local response normalization as TensorFlow's operator, which the converter turns into TFLite's own.

    The Keras model is still asked with the layer as it is written, so that parity compares the two.
    """
    import tensorflow as tf

    from mobilecnn.train.zoo.local_response import ALPHA, BETA, BIAS, NEIGHBOURS, LocalResponseNormalization

    def operator(x: Any) -> Any:
        return tf.nn.local_response_normalization(
            x, depth_radius=NEIGHBOURS // 2, bias=BIAS, alpha=ALPHA, beta=BETA
        )

    LocalResponseNormalization.operator = operator
    try:
        yield
    finally:
        LocalResponseNormalization.operator = None
