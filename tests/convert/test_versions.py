"""Operator versions and the runtime they need, held against the TensorFlow converter's own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilecnn.convert import versions
from mobilecnn.convert.graph import flatbuffer


def converted(model: Any, adjust: Callable[[Any], None]) -> bytes:
    import tensorflow as tf

    function = tf.function(lambda image: model(image, training=False), autograph=False)
    shape = [1, *model.inputs[0].shape[1:]]
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function(tf.TensorSpec(shape, tf.float32))]
    )
    adjust(converter)
    content: bytes = converter.convert()
    return content


def float32(converter: Any) -> None:
    pass


def float16(converter: Any) -> None:
    import tensorflow as tf

    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]


def dynamic(converter: Any) -> None:
    import tensorflow as tf

    converter.optimizations = [tf.lite.Optimize.DEFAULT]


def int8(converter: Any) -> None:
    import tensorflow as tf

    images = np.random.default_rng(0).uniform(0, 255, (4, 1, 48, 48, 3)).astype(np.float32)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([image] for image in images)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8


@pytest.fixture(scope="module")
def model(keras: Any, third_party: Path) -> Any:
    return keras.models.load_model(third_party / "theirs.keras", compile=False)


@pytest.mark.filterwarnings("ignore")  # The converter's own warnings about its old options.
@pytest.mark.parametrize("adjust", [float32, float16, dynamic, int8])
def test_our_versions_are_the_converters(model: Any, adjust: Callable[[Any], None]) -> None:
    content = converted(model, adjust)
    graph = flatbuffer.graph(content, "converted")
    needed: dict[str, int] = {}
    for operation in graph.operations:
        needed[operation.kind] = max(needed.get(operation.kind, 0), versions.version_needed(operation))
    # The converter gives all operators of a kind the version of the most demanding one.
    assert needed == {operation.kind: operation.version for operation in graph.operations}
    claimed = graph.metadata["min_runtime_version"].rstrip(b"\0").decode()
    assert (
        versions.minimum_runtime(versions.release_of(o.kind, o.version) for o in graph.operations) == claimed
    )
    # Of a scale for each row of a dense layer the converter says nothing.
    ours = versions.minimum_runtime(versions.release_for(o, o.version) for o in graph.operations)
    assert ours == ("2.10.0" if adjust is int8 else claimed)


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        ("float32", {("CONV_2D", 6), ("DEPTHWISE_CONV_2D", 1), ("CONV_2D", 1), ("FULLY_CONNECTED", 1)}),
        (
            "int8",
            {
                ("CONV_2D", 6),
                ("DEPTHWISE_CONV_2D", 3),
                ("CONV_2D", 3),
                ("FULLY_CONNECTED", 4),
                ("SOFTMAX", 2),
            },
        ),
        ("dynamic", {("CONV_2D", 6), ("DEPTHWISE_CONV_2D", 6), ("CONV_2D", 5), ("FULLY_CONNECTED", 3)}),
        ("float16", {("CONV_2D", 6), ("DEQUANTIZE", 3)}),
    ],
)
def test_exported_files_say_what_they_need(exported: Path, name: str, needed: set[tuple[str, int]]) -> None:
    graph = flatbuffer.graph((exported / f"theirs.{name}.tflite").read_bytes(), name)
    found = {(operation.kind, operation.version) for operation in graph.operations}
    assert needed <= found
    # The grouped convolution is the newest thing in it, or the dense layer with a scale for each row.
    newest = b"2.10.0" if name == "int8" else b"2.9.0"
    assert graph.metadata["min_runtime_version"].rstrip(b"\0") == newest


@pytest.mark.parametrize(
    ("needs", "release"),
    [
        ([("CONV_2D", 1)], "1.5.0"),
        ([("CONV_2D", 3), ("ADD", 2)], "1.14.0"),
        ([("CONV_2D", 6), ("ADD", 2)], "2.9.0"),
        ([("ADD", 1), ("FULLY_CONNECTED", 12)], "2.17.0"),
        ([("MEAN", 2), ("RELU", 2), ("DEQUANTIZE", 3)], "2.1.0"),
        ([("CONV_2D", 1), ("SOMETHING_NEW", 1)], None),
        ([("CONV_2D", 99)], None),
        ([], None),
    ],
)
def test_minimum_runtime(needs: list[tuple[str, int]], release: str | None) -> None:
    assert versions.minimum_runtime(versions.release_of(*need) for need in needs) == release
