"""Files of one operator each, in the types that image classifiers have, to ask delegates for."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from tflite_files import Made

SHAPE = (1, 8, 8, 4)

UNARY = (
    "ABS", "AVERAGE_POOL_2D", "CEIL", "ELU", "EXP", "FLOOR", "GELU", "HARD_SWISH", "LEAKY_RELU", "LOCAL_RESPONSE_NORMALIZATION",
    "L2_NORMALIZATION", "LOG", "LOGISTIC", "LOG_SOFTMAX", "MAX_POOL_2D", "NEG", "RELU", "RELU6", "RELU_N1_TO_1", "ROUND",
    "RSQRT", "SOFTMAX", "SQRT", "SQUARE", "TANH",
)  # fmt: skip

BINARY = (
    "ADD", "DIV", "FLOOR_DIV", "FLOOR_MOD", "MAXIMUM", "MINIMUM", "MUL", "POW", "SQUARED_DIFFERENCE", "SUB",
)  # fmt: skip

REDUCING = ("MEAN", "REDUCE_MAX", "REDUCE_MIN", "REDUCE_PROD", "SUM")

POOL = {"padding": 0, "strideW": 2, "strideH": 2, "filterWidth": 2, "filterHeight": 2}
OPTIONS: dict[str, dict[str, Any]] = {
    "ADD": {"table": "AddOptions"},
    "AVERAGE_POOL_2D": {"table": "Pool2DOptions", **POOL},
    "DIV": {"table": "DivOptions"},
    "GELU": {"table": "GeluOptions"},
    "LEAKY_RELU": {"table": "LeakyReluOptions", "alpha": 0.1},
    "LOCAL_RESPONSE_NORMALIZATION": {
        "table": "LocalResponseNormalizationOptions",
        "radius": 2,
        "bias": 1.0,
        "alpha": 0.1,
        "beta": 0.5,
    },
    "L2_NORMALIZATION": {"table": "L2NormOptions"},
    "MAX_POOL_2D": {"table": "Pool2DOptions", **POOL},
    "MUL": {"table": "MulOptions"},
    "SOFTMAX": {"table": "SoftmaxOptions", "beta": 1.0},
    "SUB": {"table": "SubOptions"},
}

CONV: dict[str, Any] = {"strideW": 1, "strideH": 1, "dilationWFactor": 1, "dilationHFactor": 1, "padding": 0}

SCALES: dict[str, Any] = {"float32": (), "int8": 0.05, "uint8": 0.05, "int16": 0.001}


def probes() -> Iterator[tuple[str, bytes]]:
    """The name of each, ``KIND types``, and the file."""
    for dtype in ("float32", "int8", "int16"):
        scale = SCALES[dtype]
        quantized: dict[str, Any] = {"scale": scale}

        def made(dtype: str = dtype, scale: Any = scale) -> Made:
            return Made(SHAPE, dtype=dtype, scale=scale)

        for kind in UNARY:
            one = made()
            shape = (1, 4, 4, 4) if kind.endswith("POOL_2D") else SHAPE
            fixed = _fixed(kind, dtype)
            one.add(kind, one.input, shape=shape, **{**quantized, **fixed}, **OPTIONS.get(kind, {}))
            yield f"{kind} {dtype}", one.pack()
        for kind in BINARY:
            one = made()
            other = one.constant(np.full(SHAPE, 3), dtype, scale)
            one.add(kind, one.input, other, **quantized, **OPTIONS.get(kind, {}))
            yield f"{kind} {dtype}", one.pack()
        for kind in REDUCING:
            one = made()
            axes = one.constant([1, 2], "int32")
            one.add(
                kind, one.input, axes, shape=(1, 1, 1, 4), **quantized, table="ReducerOptions", keepDims=True
            )
            yield f"{kind} {dtype}", one.pack()
        yield from ((f"{kind} {dtype}", content) for kind, content in _moving(made, quantized))
        for weights in dict.fromkeys([dtype if dtype != "int16" else "int8", "int8"]):
            yield from _weighted(dtype, weights)
    for given, taken in (
        ("float32", "int8"),
        ("int8", "float32"),
        ("int8", "int8"),
        ("uint8", "int8"),
        ("int16", "float32"),
    ):
        one = Made(SHAPE, dtype=given, scale=SCALES[given])
        kind = "DEQUANTIZE" if taken == "float32" else "QUANTIZE"
        one.add(kind, one.input, dtype=taken, scale=SCALES[taken])
        yield f"{kind} {given}-{taken}", one.pack()


def _fixed(kind: str, dtype: str) -> dict[str, Any]:
    """The scale and zero point that TFLite demands of some outputs."""
    if dtype == "float32":
        return {}
    byte = dtype == "int8"
    return {
        "LOGISTIC": {"scale": 1 / 256 if byte else 1 / 32768, "zero_point": -128 if byte else 0},
        "SOFTMAX": {"scale": 1 / 256 if byte else 1 / 32768, "zero_point": -128 if byte else 0},
        "TANH": {"scale": 1 / 128 if byte else 1 / 32768},
        "L2_NORMALIZATION": {"scale": 1 / 128},
        "LOG_SOFTMAX": {"scale": 16 / 256, "zero_point": 127},
    }.get(kind, {})


def _moving(made: Any, quantized: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """Operators that move values."""

    def one(
        kind: str, shape: tuple[int, ...], *constants: Any, outputs: int = 1, **options: Any
    ) -> tuple[str, bytes]:
        graph = made()
        extra = [graph.constant(values, "int32") for values in constants]
        inputs = [*extra, graph.input] if kind == "SPLIT" else [graph.input, *extra]
        graph.add(
            kind,
            *inputs,
            shape=shape,
            dtype=None if kind != "SPLIT" else _type(graph),
            outputs=outputs,
            **quantized,
            **options,
        )
        return kind, graph.pack()

    yield one("PAD", (1, 10, 10, 4), [[0, 0], [1, 1], [1, 1], [0, 0]], table="PadOptions")
    yield one(
        "MIRROR_PAD", (1, 10, 10, 4), [[0, 0], [1, 1], [1, 1], [0, 0]], table="MirrorPadOptions", mode=0
    )
    yield one("RESHAPE", (1, 256), [1, 256], table="ReshapeOptions", newShape=[1, 256])
    yield one("SQUEEZE", (8, 8, 4), table="SqueezeOptions", squeezeDims=[0])
    yield one("EXPAND_DIMS", (1, 1, 8, 8, 4), 0, table="ExpandDimsOptions")
    yield one("TRANSPOSE", (1, 4, 8, 8), [0, 3, 1, 2], table="TransposeOptions")
    yield one(
        "RESIZE_BILINEAR", (1, 16, 16, 4), [16, 16], table="ResizeBilinearOptions", halfPixelCenters=True
    )
    yield one(
        "RESIZE_NEAREST_NEIGHBOR",
        (1, 16, 16, 4),
        [16, 16],
        table="ResizeNearestNeighborOptions",
        halfPixelCenters=True,
    )
    yield one("SLICE", (1, 4, 4, 4), [0, 0, 0, 0], [1, 4, 4, 4], table="SliceOptions")
    yield one(
        "STRIDED_SLICE", (1, 4, 4, 4), [0, 0, 0, 0], [1, 4, 4, 4], [1, 1, 1, 1], table="StridedSliceOptions"
    )
    for name, begin, end, steps, shape, said in (
        ("step", [0, 0, 0, 1], [1, 8, 8, 4], [1, 1, 1, 2], (1, 8, 8, 2), {}),
        ("rows", [0, 0, 0, 0], [1, 8, 8, 4], [1, 2, 2, 1], (1, 4, 4, 4), {}),
        ("open", [0, 0, 0, 0], [0, 0, 0, -1], [1, 1, 1, 1], (1, 8, 8, 3), {"beginMask": 15, "endMask": 7}),
        ("dropping", [0, 0, 0, 1], [1, 8, 8, 2], [1, 1, 1, 1], (1, 8, 8), {"shrinkAxisMask": 8}),
        ("unnamed", [0, 0], [0, 2], [1, 1], (1, 8, 8, 2), {"ellipsisMask": 1}),
        ("adding", [0] * 5, [1, 1, 8, 8, 4], [1] * 5, (1, 1, 8, 8, 4), {"newAxisMask": 1}),
    ):
        kind, content = one("STRIDED_SLICE", shape, begin, end, steps, table="StridedSliceOptions", **said)
        yield f"{kind}+{name}", content
    yield one("SPLIT", (1, 8, 8, 2), 3, outputs=2, table="SplitOptions", numSplits=2)
    yield one("TILE", (1, 16, 8, 4), [1, 2, 1, 1], table="TileOptions")
    yield one("GATHER", (1, 8, 8, 2), [0, 2], table="GatherOptions", axis=3)
    yield one("SPACE_TO_DEPTH", (1, 4, 4, 16), table="SpaceToDepthOptions", blockSize=2)
    yield one("DEPTH_TO_SPACE", (1, 16, 16, 1), table="DepthToSpaceOptions", blockSize=2)
    yield one("REVERSE_V2", SHAPE, [1])
    graph = made()
    slopes = graph.constant(np.full((1, 1, 4), 2), _type(graph), quantized["scale"])
    graph.add("PRELU", graph.input, slopes, **quantized)
    yield "PRELU", graph.pack()
    graph = made()
    matrix = graph.constant(np.ones((1, 8, 4, 4)), _type(graph), quantized["scale"])
    graph.add("BATCH_MATMUL", graph.input, matrix, **quantized, table="BatchMatMulOptions")
    yield "BATCH_MATMUL", graph.pack()
    graph = made()
    other = graph.add("RELU6", graph.input, **quantized)
    graph.add(
        "CONCATENATION",
        graph.input,
        other,
        shape=(1, 8, 8, 8),
        **quantized,
        table="ConcatenationOptions",
        axis=3,
    )
    yield "CONCATENATION+RELU6", graph.pack()


def _type(graph: Made) -> str:
    return {0: "float32", 9: "int8", 7: "int16"}[graph._graph.tensors[graph.input].type]


def _weighted(dtype: str, weights: str) -> Iterator[tuple[str, bytes]]:
    """Convolutions and dense layers."""
    random = np.random.default_rng(0)
    wide: Any = {"float32": (), "int8": 0.05, "int16": 0.001}[dtype]
    bias_type = "float32" if dtype == "float32" else "int32" if dtype == "int8" else "int64"

    def graph(
        kind: str, kernel: tuple[int, ...], shape: tuple[int, ...], channels: int, axis: int, **options: Any
    ) -> bytes:
        made = Made(SHAPE, dtype=dtype, scale=wide)
        values = random.integers(-100, 100, kernel)
        scale = () if weights == "float32" else (0.01,) * channels
        held = made.constant(values, weights, scale)
        if scale:
            made._graph.tensors[held].quantization.quantizedDimension = axis
        bias_scale = () if dtype == "float32" else tuple([wide * 0.01] * channels)
        bias = made.constant(np.zeros(channels), bias_type, bias_scale)
        made.add(kind, made.input, held, bias, shape=shape, dtype=dtype, scale=wide, **options)
        return made.pack()

    name = f"{dtype}-{weights}"
    yield f"CONV_2D {name}", graph("CONV_2D", (8, 3, 3, 4), (1, 8, 8, 8), 8, 0, table="Conv2DOptions", **CONV)
    yield (
        f"CONV_2D grouped {name}",
        graph("CONV_2D", (8, 3, 3, 2), (1, 8, 8, 8), 8, 0, table="Conv2DOptions", **CONV),
    )
    yield (
        f"DEPTHWISE_CONV_2D {name}",
        graph(
            "DEPTHWISE_CONV_2D",
            (1, 3, 3, 4),
            SHAPE,
            4,
            3,
            table="DepthwiseConv2DOptions",
            depthMultiplier=1,
            **CONV,
        ),
    )
    yield (
        f"DEPTHWISE_CONV_2D doubling {name}",
        graph(
            "DEPTHWISE_CONV_2D",
            (1, 3, 3, 8),
            (1, 8, 8, 8),
            8,
            3,
            table="DepthwiseConv2DOptions",
            depthMultiplier=2,
            **CONV,
        ),
    )
    made = Made(SHAPE, dtype=dtype, scale=wide)
    sizes = made.constant([1, 16, 16, 8], "int32")
    scale = () if weights == "float32" else tuple([0.01] * 8)
    held = made.constant(random.integers(-100, 100, (8, 2, 2, 4)), weights, scale)
    if scale:
        made._graph.tensors[held].quantization.quantizedDimension = 0
    options: dict[str, Any] = {"table": "TransposeConvOptions", "padding": 0, "strideW": 2, "strideH": 2}
    made.add(
        "TRANSPOSE_CONV", sizes, held, made.input, shape=(1, 16, 16, 8), dtype=dtype, scale=wide, **options
    )
    yield f"TRANSPOSE_CONV {name}", made.pack()
    yield (
        f"FULLY_CONNECTED {name}",
        graph("FULLY_CONNECTED", (5, 256), (1, 5), 5, 0, table="FullyConnectedOptions"),
    )
