"""Networks of which nearly nothing is left on the way: their quantized files run on all kernels all the same."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.schema_py_generated import ActivationFunctionType
from tflite_files import Made

from mobilecnn.contract import contract_for
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.lowering.description import Description
from mobilecnn.convert.lowering.ends import name_ends
from mobilecnn.quantize import formats
from mobilecnn.quantize.inference import TfliteProcess
from mobilecnn.tensors import write

WEIGHTS = np.random.default_rng(4).uniform(0.2, 0.6, (4, 3, 3, 3))


def layer(made: Made, weights: Any, bias: float = 0.0, **options: Any) -> int:
    """A convolution of the picture."""
    kernel, biases = made.constant(np.asarray(weights)), made.constant(np.full(4, bias))
    strides: dict[str, Any] = {"strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1, "padding": 0}  # fmt: skip
    return made.add("CONV_2D", made.input, kernel, biases, shape=(1, 6, 6, 4), table="Conv2DOptions", **strides, **options)  # fmt: skip


def capped(made: Made, size: float) -> Made:
    """A ReLU6 of next to nothing, and the softmax of its mean."""
    layer(made, WEIGHTS * size, fusedActivationFunction=ActivationFunctionType.RELU6)
    return made.scores(10)


def capped_and_joined(made: Made, size: float) -> Made:
    """Two of them, whose values have one scale."""
    two = [layer(made, WEIGHTS * size, fusedActivationFunction=ActivationFunctionType.RELU6) for _ in "ab"]
    return made.put("CONCATENATION", *two, shape=(1, 6, 6, 8), table="ConcatenationOptions", axis=3).scores(
        10
    )


def cancelled(made: Made, size: float) -> Made:
    """A sum whose terms differ by next to nothing."""
    terms = layer(made, WEIGHTS), layer(made, size - WEIGHTS)
    return made.put("ADD", *terms, shape=(1, 6, 6, 4), table="AddOptions").scores(10)


def far_from_zero(made: Made, size: float) -> Made:
    """A sum whose terms hardly vary, but are large."""
    terms = layer(made, 1e-4 * WEIGHTS, 100.0), layer(made, size - 1e-4 * WEIGHTS, -100.0)
    return made.put("ADD", *terms, shape=(1, 6, 6, 4), table="AddOptions").scores(10)


def cancelled_twice(made: Made, size: float) -> Made:
    """A sum that is a term of another, both with the scale of what they are joined with."""
    terms = layer(made, WEIGHTS), layer(made, size - WEIGHTS)
    first = made.add("ADD", *terms, shape=(1, 6, 6, 4), table="AddOptions")
    second = made.add("ADD", first, layer(made, WEIGHTS * size), shape=(1, 6, 6, 4), table="AddOptions")
    joined = {"shape": (1, 6, 6, 8), "table": "ConcatenationOptions", "axis": 3}
    return made.put("CONCATENATION", first, second, **joined).scores(10)


def reshaped(made: Made, size: float) -> Made:
    """The end of MobileNet V1: what SOFTMAX reads has the scale of what was reshaped."""
    layer(made, WEIGHTS * size)
    made.add("MEAN", made.last, made.constant([1, 2], "int32"), shape=(1, 1, 1, 4), table="ReducerOptions", keepDims=True)  # fmt: skip
    made.then("RESHAPE", [1, 4], integers=True, shape=(1, 4), table="ReshapeOptions", newShape=np.array([1, 4], np.int32))  # fmt: skip
    return made.put("SOFTMAX", made.last, table="SoftmaxOptions", beta=1.0)


@pytest.mark.parametrize("name", ["int8", "int16x8"])
@pytest.mark.parametrize("size", [0.0, 1e-12, 1e-5, 1e-3])
@pytest.mark.parametrize(
    "small", [capped, capped_and_joined, cancelled, far_from_zero, cancelled_twice, reshaped]
)
def test_small_scales_run_on_all_kernels(
    name: str, size: float, small: Callable[[Made, float], Made], tmp_path: Path
) -> None:
    model = flatbuffer.parse(small(Made((1, 6, 6, 3)), size).pack(), "it")
    name_ends(model, Description("it", contract_for("unit", (6, 6, 3)), ()))
    float32, quantized, inputs, scores = (
        tmp_path / file for file in ("base.tflite", "it.tflite", "in.npy", "out.npy")
    )
    float32.write_bytes(flatbuffer.pack(model))
    images = np.random.default_rng(0).uniform(0, 1, (8, 6, 6, 3)).astype(np.float32)
    write(inputs, images, images.shape)
    with TfliteProcess("under test") as process:
        process.quantize(float32, formats.named(name).rules, quantized, inputs)
        process.run(float32, inputs, scores)
        expected = np.load(scores)
        for kernels in ("xnnpack", "builtin", "reference"):
            process.run(quantized, inputs, scores, kernels=kernels)
            assert np.abs(np.load(scores) - expected).max() <= 2 / 256, kernels  # Two steps.
