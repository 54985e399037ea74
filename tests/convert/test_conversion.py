"""Models that the converter refuses: the cause is told."""

from typing import Any

import pytest
from keras_files import SHAPE

from mobilecnn.convert import keras_child
from mobilecnn.errors import ModelFileError


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        (lambda ops, x: ops.erfinv(x), "Erfinv"),
        (lambda ops, x: ops.qr(ops.reshape(x, (-1, 12, 36)))[0], "Qr"),
        (lambda ops, x: ops.fft2((x, x))[0], "Complex, FFT2D"),
    ],
)
def test_operations_that_tflite_lacks_are_listed(keras: Any, operation: Any, name: str) -> None:
    image = keras.Input(SHAPE)
    x = keras.layers.Flatten()(operation(keras.ops, image))
    with pytest.raises(ModelFileError, match=rf"TFLite does not have \({name}\); replace"):
        model = keras.Model(image, keras.layers.Dense(3)(x))
        keras_child._converted(keras_child._function(model, list(SHAPE)))


def test_a_graph_in_float16_is_told() -> None:
    import tensorflow as tf

    class Half:
        inputs = (tf.TensorSpec((None, *SHAPE)),)

        def __call__(self, image: Any, training: bool) -> Any:
            flat = tf.cast(tf.reshape(image, (1, -1)), tf.float16)
            return tf.cast(tf.matmul(flat, tf.ones((432, 3), tf.float16)), tf.float32)

    with pytest.raises(ModelFileError, match="computes in float16"):
        keras_child._converted(keras_child._function(Half(), list(SHAPE)))


def test_a_model_that_cannot_be_run_at_that_size(keras: Any) -> None:
    """Keras' own words stand in the middle of others, in bold."""
    image = keras.Input((None, None, 3))
    x = keras.layers.Reshape((-1, 5))(image)
    model = keras.Model(image, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling1D()(x)))
    with pytest.raises(
        ModelFileError, match=r"cannot be run on a picture of 4x4x3 \(\w.*\); where .* give --size"
    ) as failed:
        keras_child._converted(keras_child._function(model, [4, 4, 3]))
    assert str(failed.value).isprintable() and "Exception encountered" not in str(failed.value)
