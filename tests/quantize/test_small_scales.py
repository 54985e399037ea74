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


def layer(made: Made, weights: Any, **options: Any) -> int:
    """A convolution of the picture."""
    kernel, bias = made.constant(np.asarray(weights)), made.constant(np.zeros(4))
    strides: dict[str, Any] = {
        "strideW": 1,
        "strideH": 1,
        "dilationWFactor": 1,
        "dilationHFactor": 1,
        "padding": 0,
    }
    made.add("CONV_2D", made.input, kernel, bias, shape=(1, 6, 6, 4), table="Conv2DOptions", **strides, **options)  # fmt: skip
    return made.last


def capped(made: Made, size: float) -> None:
    """A ReLU6 of next to nothing, and the softmax of its mean."""
    layer(made, WEIGHTS * size, fusedActivationFunction=ActivationFunctionType.RELU6)


def cancelled(made: Made, size: float) -> None:
    """A sum whose terms differ by next to nothing."""
    terms = layer(made, WEIGHTS), layer(made, size - WEIGHTS)
    made.add("ADD", *terms, shape=(1, 6, 6, 4), table="AddOptions")


@pytest.mark.parametrize("name", ["int8", "int16x8"])
@pytest.mark.parametrize("size", [0.0, 1e-12, 1e-5, 1e-3])
@pytest.mark.parametrize("small", [capped, cancelled])
def test_small_scales_run_on_all_kernels(
    name: str, size: float, small: Callable[[Made, float], None], tmp_path: Path
) -> None:
    made = Made((1, 6, 6, 3))
    small(made, size)
    model = flatbuffer.parse(made.scores(10).pack(), "it")
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
            assert np.abs(np.load(scores) - expected).max() <= 1 / 256, kernels
