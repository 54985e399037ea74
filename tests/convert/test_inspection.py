"""What ``inspect`` says of a file."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tflite_files import Made

from mobilecnn.convert import gpu, xnnpack
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.inspection import inspect, inspection_of, macs
from mobilecnn.errors import ModelFileError
from mobilecnn.quantize.partitions import forecast
from mobilecnn.train import complexity


@pytest.mark.parametrize("name", ["float32", "float16", "int8", "dynamic"])
def test_multiply_adds_are_those_of_the_keras_graph(
    keras: Any, third_party: Path, exported: Path, name: str
) -> None:
    model = keras.models.load_model(third_party / "theirs.keras", compile=False)
    assert inspect(exported / f"theirs.{name}.tflite").macs == complexity.count(model).macs


@pytest.mark.parametrize(
    ("weights", "dtype", "scales", "counted"),
    [
        (np.ones((1, 3, 3, 3)), "int8", (0.1, 0.1, 0.1), False),
        (np.full((1, 1, 1, 3), 127), "int8", (), False),
        (np.ones((1, 1, 1, 3)), "float32", (), False),
        (np.ones((1, 3, 3, 3)), "int8", (0.1, 0.2, 0.1), True),
        (np.arange(27).reshape(1, 3, 3, 3), "float32", (), True),
    ],
)
def test_a_pool_that_is_written_as_a_convolution_has_no_multiply_adds(
    weights: Any, dtype: str, scales: tuple[float, ...], counted: bool
) -> None:
    made = Made()
    kernel = made.constant(weights, dtype, scales)
    made.add(
        "DEPTHWISE_CONV_2D", made.input, kernel, made.constant(np.zeros(3)), table="DepthwiseConv2DOptions"
    )
    assert inspection_of(made.graph(), "it", 0, "").macs == (8 * 8 * weights.size if counted else 0)


BLOCKS = np.kron(np.eye(3), np.ones((4, 2)))
"""Weights of three groups, 12 outputs and 6 inputs."""


def linked(*places: tuple[int, int], value: float = 1) -> Any:
    weights = BLOCKS.copy()
    for place in places:
        weights[place] = value
    return weights


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize(
    ("weights", "groups"),
    [
        (BLOCKS, 3),
        (BLOCKS[:, [0, 3, 5, 1, 2, 4]], 3),
        (BLOCKS[[5, 0, 11, 3, 4, 7, 1, 2, 6, 8, 9, 10]], 3),
        (linked((0, 0), (1, 1), value=0), 3),
        (linked((0, 5)), 1),
        (linked((0, 0), (0, 1), value=0), 3),
        (np.zeros((12, 6)), 1),
        (np.kron(np.eye(2), np.ones((6, 3)))[:, [0, 1, 2, 3, 3, 3]], 2),
        (np.concatenate([np.ones((12, 1)), np.zeros((12, 5))], axis=1), 1),
        (np.ones((12, 6)), 1),
    ],
)
def test_the_zeros_of_a_grouped_convolution_with_all_weights_are_not_counted(
    weights: Any, groups: int, dtype: str
) -> None:
    made = Made((1, 8, 8, 6), dtype, 0.1 if dtype == "int8" else ())
    kernel = made.constant(weights.reshape(12, 1, 1, 6), dtype, 0.1 if dtype == "int8" else ())
    made.add(
        "CONV_2D", made.input, kernel, made.constant(np.zeros(12)), shape=(1, 8, 8, 12), table="Conv2DOptions"
    )
    (row,) = made.graph().operations
    assert (macs(row), macs(row, zeros=True)) == (64 * 72 // groups, 64 * 72)


@pytest.mark.parametrize("stored", [np.ones(5, np.uint8), np.ones(0, np.uint8), np.ones(4, np.uint8)])
def test_a_kernel_of_another_size_than_its_shape_is_counted_by_its_shape(stored: Any) -> None:
    """Files from elsewhere may say so; the runtimes refuse them."""
    made = Made()
    kernel, bias = made.constant(np.ones((1, 3, 3, 3))), made.constant(np.zeros(3))
    made.add("DEPTHWISE_CONV_2D", made.input, kernel, bias, table="DepthwiseConv2DOptions")
    model = flatbuffer.parse(made.pack(), "it")
    model.buffers[model.subgraphs[0].tensors[kernel].buffer].data = stored
    assert inspection_of(flatbuffer.graph_of(model), "it", 0, "").macs == 8 * 8 * 27


def test_rows_add_up(exported: Path) -> None:
    seen = inspect(exported / "theirs.int8.tflite")
    content = (exported / "theirs.int8.tflite").read_bytes()
    assert seen.bytes == len(content)
    assert sum(row.count for row in seen.operators) == len(flatbuffer.graph(content, "").operations)
    assert sum(row.macs for row in seen.operators) == seen.macs
    document = seen.to_json()
    assert document["inputs"][0]["dtype"] == document["outputs"][0]["dtype"] == "int8"
    assert document["inputs"][0]["shape"] == (1, 48, 48, 3)
    assert document["inputs"][0]["quantization"]["scale"] > 0
    assert document["minimum_runtime"] == "2.10.0"  # The dense layer has a scale for each row.


def test_an_exported_file_has_nothing_that_splits_the_graph(exported: Path) -> None:
    for name in ("float32", "int8"):
        assert inspect(exported / f"theirs.{name}.tflite").warnings == ()


POOL = {"table": "Pool2DOptions", "strideW": 1, "strideH": 1, "filterWidth": 3, "filterHeight": 3}
INT8 = {"dtype": "int8", "scale": 0.05}
FLOAT = {"dtype": "float32"}


@pytest.mark.parametrize(
    ("operators", "warning"),
    [
        ((("AVERAGE_POOL_2D", {**INT8, **POOL}), ("RELU", INT8)), "XNNPACK does not take AVERAGE_POOL_2D (1) in int8"),
        ((("LOGISTIC", INT8), ("RELU", INT8)), None),
        # Pixels of 8 bits without a scale are no quantized values.
        ((("CAST", {"dtype": "uint8"}), ("CAST", FLOAT), ("ABS", FLOAT), ("RELU", FLOAT)), None),
        ((("CAST", {"dtype": "int16"}), ("CAST", FLOAT), ("LOGISTIC", FLOAT)), None),
        ((("CAST", {"dtype": "uint8"}), ("QUANTIZE", INT8), ("DEQUANTIZE", FLOAT), ("RELU", {}), ("ABS", {}), ("QUANTIZE", INT8)), "left in float32 between quantized operators: RELU (1), ABS (1)"),
        ((("DEQUANTIZE", FLOAT), ("AVERAGE_POOL_2D", POOL), ("QUANTIZE", INT8)), None),
        ((("DEQUANTIZE", FLOAT), ("RELU", {}), ("ABS", {}), ("QUANTIZE", INT8)), "left in float32 between quantized operators: RELU (1), ABS (1)"),
        ((("DEQUANTIZE", FLOAT), ("LOGISTIC", {}), ("QUANTIZE", INT8)), "left in float32 between quantized operators: LOGISTIC (1)"),
    ],
)  # fmt: skip
def test_int8_names_what_splits_the_graph_and_what_was_left_in_float(
    operators: tuple[tuple[str, dict[str, Any]], ...], warning: str | None
) -> None:
    made = Made(dtype="int8", scale=0.05)
    for kind, options in operators:
        made.add(kind, made.last, **options)
    seen = inspection_of(made.graph(), "it", 0, "").warnings
    said = [text for text in seen if "XNNPACK" in text or "left in float32" in text]
    assert said == [] if warning is None else len(said) == 1 and said[0].startswith(warning)


@pytest.mark.filterwarnings("ignore")
def test_a_plain_conversion_is_warned_about(keras: Any, third_party: Path, tmp_path: Path) -> None:
    """What users have on disk: a free batch dimension, and here a Flex operator."""
    import tensorflow as tf

    function = tf.function(
        lambda image: tf.reshape(tf.image.adjust_hue(image, 0.1), [-1, 192]),
        input_signature=[tf.TensorSpec([None, 8, 8, 3], tf.float32)],
        autograph=False,
    )
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function()], tf.Module()
    )
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    content = converter.convert()
    seen = inspection_of(flatbuffer.graph(content, "hue"), "hue.tflite", len(content), "")
    assert any("dynamic shape" in warning for warning in seen.warnings)
    assert any("Flex" in warning and "FlexAdjustHue" in warning for warning in seen.warnings)
    assert seen.minimum_runtime is None


def test_understated_versions_are_warned_about(exported: Path) -> None:
    model = flatbuffer.parse((exported / "theirs.int8.tflite").read_bytes(), "int8")
    for code in model.operatorCodes:
        code.version = 1
    seen = inspection_of(flatbuffer.graph_of(model), "old.tflite", 0, "")
    assert any("understated for" in warning and "CONV_2D" in warning for warning in seen.warnings)


@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8", "int16"])
@pytest.mark.parametrize("end", ["inputs", "outputs"])
def test_an_operator_without_inputs_or_outputs_is_refused_or_described(end: str, dtype: str) -> None:
    """Of whatever kind: that it can be read is no promise that a runtime takes it."""
    described = set()
    for kind in sorted(xnnpack.TAKEN | gpu.TAKEN):
        made = Made(dtype=dtype, scale=() if dtype == "float32" else 0.1)
        made.add(kind, *[made.input] * 3, dtype="int8", scale=0.1)
        model = flatbuffer.parse(made.pack(made.input), kind)
        setattr(model.subgraphs[0].operators[0], end, np.zeros(0, np.int32))
        try:
            graph = flatbuffer.graph(flatbuffer.pack(model), kind)
        except ModelFileError as error:
            assert "operator 0 has" in str(error)
            continue
        assert inspection_of(graph, kind, 0, "").operators[0].count == forecast(graph).operators == 1
        described.add(kind)
    assert {"QUANTIZE", "DEQUANTIZE", "CONCATENATION", "RELU"} <= described


@pytest.mark.parametrize("name", ["missing.tflite", "."])
def test_no_file(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelFileError):
        inspect(tmp_path / name)
