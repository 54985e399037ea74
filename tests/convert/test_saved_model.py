"""SavedModels as classifiers, and which are refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_files import SHAPE, answers, loaded, network

from mobilecnn.convert import keras_child
from mobilecnn.convert.saved_model import SavedClassifier
from mobilecnn.errors import ModelFileError


def test_a_saved_model_is_run_by_its_signature(keras: Any, tmp_path: Path) -> None:
    network(keras).export(tmp_path / "sm", verbose=False)
    model = loaded(keras, tmp_path / "sm").model
    assert isinstance(model, SavedClassifier)
    np.testing.assert_allclose(answers(model), answers(network(keras)), atol=1e-6)
    about = model.describe()
    assert (about["height"], about["width"], about["channels"], about["classes"]) == (12, 12, 3, 3)
    assert about["proven_range"] is None and about["range_evidence"]
    assert about["parameters"] == network(keras).count_params()
    keras_child._convert(model, list(SHAPE), tmp_path / "a.tflite")
    assert (tmp_path / "a.tflite").read_bytes()[4:8] == b"TFL3"


def _module(make: Callable[[Any, Any], Any]) -> Callable[[Path], None]:
    """Saves a SavedModel whose signature ``make`` gives."""

    def write(path: Path) -> None:
        import tensorflow as tf

        module = tf.Module()
        module.weights = tf.Variable(tf.ones((3, 4)))
        tf.saved_model.save(module, str(path), signatures=make(tf, module))

    return write


def _signature(body: Callable[[Any, Any, Any], Any], shape: list[int | None], dtype: str = "float32") -> Any:
    return _module(
        lambda tf, module: tf.function(lambda image: body(tf, module, image)).get_concrete_function(
            tf.TensorSpec(shape, dtype, name="image")
        )
    )


def _mean(tf: Any, module: Any, image: Any) -> Any:
    return {"scores": tf.reduce_mean(tf.cast(image, "float32"), [1, 2]) @ module.weights}


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (_signature(_mean, [None, 8, 8, 3], "uint8"), "takes uint8; save the model with a signature that takes the image as float32"),
        (_signature(_mean, [8, 8, 8, 3]), "takes 8 images at a time"),
        (_signature(lambda tf, module, image: {"a": image}, [None, 8, 8, 3]), "an image classifier maps"),
        (_signature(lambda tf, module, image: {"a": _mean(tf, module, image)["scores"], "b": image}, [None, 8, 8, 3]), r"outputs \['a', 'b'\]"),
        (_signature(lambda tf, module, image: {"a": tf.strings.length(image)}, [None], "string"), "takes string"),
        (_module(lambda tf, module: {}), "has no signature 'serving_default'"),
        (
            _signature(lambda tf, module, image: {"a": tf.cast(tf.strings.length(tf.io.read_file("/etc/passwd")), "float32") + _mean(tf, module, image)["scores"]}, [None, 8, 8, 3]),
            r"can reach files or other programs \(ReadFile\).*--allow-code",
        ),
        (
            _signature(lambda tf, module, image: {"a": _mean(tf, module, tf.quantization.fake_quant_with_min_max_args(image))["scores"]}, [None, 8, 8, 3]),
            "was trained for quantization",
        ),
        (lambda path: (path.mkdir(), (path / "saved_model.pb").write_bytes(b"\xff" * 50)), "is damaged"),
        (lambda path: (path.mkdir(), (path / "saved_model.pbtxt").write_bytes(b"")), "has its graph as text"),
    ],
    ids=["uint8", "batch", "picture", "two", "text", "none", "reads", "qat", "damaged", "as text"],
)  # fmt: skip
def test_a_saved_model_that_is_no_classifier(keras: Any, write: Any, words: str, tmp_path: Path) -> None:
    write(tmp_path / "sm")
    with pytest.raises(ModelFileError, match=words):
        loaded(keras, tmp_path / "sm")
