"""``.tflite`` files of int8 operators, and what the rewrites that write them on float32 values make of them."""

from typing import Any

import numpy as np
import numpy.typing as npt
from tflite_files import Made

SCALE = 0.05
"""Scale of the int8 feature maps, whose values reach from -6.4 to 6.35."""

CONV = {"table": "Conv2DOptions", "strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1}
POOL: dict[str, Any] = {
    "table": "Pool2DOptions",
    "strideW": 1,
    "strideH": 1,
    "filterWidth": 3,
    "filterHeight": 3,
    "padding": 0,
}
SAME, VALID, RELU = 0, 1, 1


def int8(*operators: tuple[str, dict[str, Any]]) -> bytes:
    """A chain of int8 operators of one input."""
    made = Made(dtype="int8", scale=SCALE)
    for kind, options in operators:
        made.add(kind, made.last, **{"scale": SCALE, "dtype": "int8", **options})
    return made.pack()


def added(constant_scale: float) -> bytes:
    """A sum of the input and a constant of a scale that XNNPACK may not take."""
    made = Made(dtype="int8", scale=SCALE)
    three = made.constant(np.full((), 100), "int8", constant_scale)
    return made.put("ADD", made.input, three, scale=SCALE, table="AddOptions").pack()


def of_channels(
    made: Made, shape: tuple[int, ...], scales: npt.NDArray[np.float64] | None, seed: int
) -> tuple[int, int]:
    """Random weights and bias of a convolution, each output with a scale of its own; without scales in float32, the bias 0."""
    generator = np.random.default_rng(seed)
    if scales is None:
        return made.constant(generator.normal(0, 1, shape)), made.constant(np.zeros(shape[0]))
    weights = made.constant(generator.integers(-127, 128, shape), "int8", scales)
    made._graph.tensors[weights].quantization.quantizedDimension = 0
    return weights, made.constant(generator.integers(-500, 500, shape[0]), "int32", scales * SCALE)


def depthwise(rows: int, columns: int, dtype: str = "float32", channels: int = 3, **options: Any) -> bytes:
    """A depthwise convolution of a map of 9x9, whose output has that shape or the ``shape`` among the options."""
    small = dtype == "int8"
    made = Made((1, 9, 9, channels), dtype, SCALE if small else ())
    generator = np.random.default_rng(rows)
    scales, fused = np.linspace(0.001, 0.003, channels).tolist(), {"fusedActivationFunction": RELU}
    if small:
        kernel = made.constant(generator.integers(-127, 128, (1, rows, columns, channels)), dtype, scales)
        bias = made.constant(
            generator.integers(-500, 500, channels), "int32", [SCALE * scale for scale in scales]
        )
    else:
        kernel = made.constant(generator.normal(0, 1, (1, rows, columns, channels)))
        bias = made.constant(generator.normal(0, 1, channels))
    said = {
        **CONV,
        "table": "DepthwiseConv2DOptions",
        "depthMultiplier": 1,
        "padding": SAME,
        **fused,
        **options,
    }
    return made.put("DEPTHWISE_CONV_2D", made.input, kernel, bias, scale=0.1 if small else (), **said).pack()


def island(kind: str) -> list[str]:
    return ["DEQUANTIZE", kind, "QUANTIZE"]


def leaking() -> bytes:
    """A PRELU in int8, with a slope for each channel."""
    made = Made(dtype="int8", scale=SCALE)
    slopes = made.constant([[[10, -20, 100]]], "int8", 0.01)
    return made.put("PRELU", made.input, slopes, scale=0.06).pack()


def of_positives(kind: str, *constants: int, **options: Any) -> bytes:
    """An int8 operator of values from 0 to 12.75, and of tensors of these codes, of values from 1."""
    made = Made(dtype="int8", scale=SCALE, zero_point=-128)
    others = [made.constant(np.full((1, 1, 1, 3), code), "int8", SCALE, -128) for code in constants]
    return made.put(kind, made.input, *others, **{"scale": SCALE, "zero_point": -128, **options}).pack()


SOFTMAX: dict[str, Any] = {"table": "SoftmaxOptions", "beta": 1.0, "scale": 1 / 256, "zero_point": -128}


def softmaxed(shape: tuple[int, ...], *after: str) -> bytes:
    """A SOFTMAX in int8, and operators behind it."""
    made = Made(shape, "int8", SCALE)
    made.add("SOFTMAX", made.input, **SOFTMAX)
    for kind in after:
        options: dict[str, Any] = {"table": "ReshapeOptions"} if kind == "RESHAPE" else POOL
        shape = (1, 1, 1, int(np.prod(shape))) if kind == "RESHAPE" else shape
        constants = [made.constant(shape, "int32")] if kind == "RESHAPE" else []
        made.add(kind, made.last, *constants, shape=shape, scale=1 / 256, zero_point=-128, **options)
    return made.pack()


CASES: list[tuple[str, bytes, list[str] | None]] = [
    # rewrite, graph, kinds after it; None where it must leave the graph alone
    ("compute_in_float", int8(("HARD_SWISH", {"zero_point": -100})), island("HARD_SWISH")),
    ("compute_in_float", int8(("GELU", {"table": "GeluOptions", "approximate": False})), island("GELU")),
    ("compute_in_float", int8(("GELU", {"table": "GeluOptions", "approximate": True})), island("GELU")),
    ("compute_in_float", int8(("ABS", {"scale": 0.04})), island("ABS")),
    ("compute_in_float", leaking(), island("PRELU")),
    ("compute_in_float", int8(("RELU", {"scale": 0.06})), island("RELU")),
    ("compute_in_float", int8(("AVERAGE_POOL_2D", POOL)), island("AVERAGE_POOL_2D")),
    ("compute_in_float", int8(("MAX_POOL_2D", POOL)), None),
    ("compute_in_float", added(1e-5), island("ADD")),
    ("compute_in_float", added(0.03), None),
    ("compute_in_float", of_positives("DIV", 0, table="DivOptions", scale=0.01), island("DIV")),
    ("compute_in_float", of_positives("SQUARED_DIFFERENCE", 0, table="SquaredDifferenceOptions"), island("SQUARED_DIFFERENCE")),
    ("compute_in_float", of_positives("SQRT"), island("SQRT")),
    ("compute_in_float", of_positives("EXP"), island("EXP")),
    ("compute_in_float", int8(("RELU_N1_TO_1", {})), island("RELU_N1_TO_1")),
    ("compute_in_float", of_positives("MAXIMUM", 0, table="MaximumMinimumOptions"), None),
    ("compute_in_float", softmaxed((1, 8, 8, 32), "MAX_POOL_2D"), [*island("SOFTMAX"), "MAX_POOL_2D"]),
    ("compute_in_float", softmaxed((1, 1, 1, 16), "MAX_POOL_2D"), [*island("SOFTMAX"), "MAX_POOL_2D"]),
    ("compute_in_float", softmaxed((1, 8, 8, 16), "MAX_POOL_2D"), None),
    ("compute_in_float", softmaxed((1, 8, 8, 32)), None),
    ("compute_in_float", softmaxed((1, 8, 8, 32), "RESHAPE"), None),
    ("compute_in_float", softmaxed((1, 8, 8, 32), "RESHAPE", "MAX_POOL_2D"), [*island("SOFTMAX"), "RESHAPE", "MAX_POOL_2D"]),
    ("compute_in_float", depthwise(7, 7, "int8"), None),
    ("widen_large_kernels", depthwise(7, 7, "int8"), island("DEPTHWISE_CONV_2D")),
    ("widen_large_kernels", depthwise(5, 5, "int8"), None),
    ("widen_large_kernels", depthwise(7, 7), None),
    ("widen_depthwise", depthwise(3, 3, "int8"), island("DEPTHWISE_CONV_2D")),
    ("widen_depthwise", depthwise(5, 5, "int8"), island("DEPTHWISE_CONV_2D")),
    ("widen_depthwise", depthwise(3, 3), None),
    ("widen_depthwise", depthwise(3, 3, "int8", channels=8), None),
    ("widen_depthwise", depthwise(5, 5, "int8", channels=8), island("DEPTHWISE_CONV_2D")),
]  # fmt: skip
