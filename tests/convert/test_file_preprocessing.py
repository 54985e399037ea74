"""Following a ``.tflite`` graph from its input, and the quantization of that: right, or nothing."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tflite_files import Made

from mobilecnn.contract import RANGES
from mobilecnn.convert.file_preprocessing import follow_file
from mobilecnn.convert.graph import flatbuffer

CAFFE = (103.939, 116.779, 123.68)
IMAGENET = (0.485, 0.456, 0.406)

OTHERS = {"unit", "tf", "torch", "lite"}


def slices(made: Made, begin: int, end: int, step: int, masks: int = 7) -> Made:
    """The channels from ``begin`` to ``end``."""
    picked = len(range(3)[slice(None if masks & 8 else begin, None if masks & 8 else end, step)])
    return made.then(
        "STRIDED_SLICE", [0, 0, 0, begin], [0, 0, 0, end], [1, 1, 1, step], integers=True, shape=(1, 8, 8, picked),
        table="StridedSliceOptions", beginMask=masks, endMask=masks,
    )  # fmt: skip


def split(made: Made) -> Made:
    """Each channel by itself, as torchvision's constants say, and put together again."""
    parts = made.add("SPLIT", made.constant(3, "int32"), made.input, shape=(1, 8, 8, 1), dtype="float32", outputs=3,
                     table="SplitOptions", numSplits=3)  # fmt: skip
    scaled = []
    for index, mean in enumerate(IMAGENET):
        less = made.add("SUB", parts + index, made.constant(255 * mean))
        scaled.append(made.add("MUL", less, made.constant([1 / 57.0])))
    made.add("CONCATENATION", *scaled, shape=(1, 8, 8, 3), table="ConcatenationOptions", axis=3)
    return made


def stacked(made: Made) -> Made:
    """Channels in the order 2, 1, 0 by way of UNPACK and PACK, less the means of caffe."""
    parts = made.add("UNPACK", made.input, shape=(1, 8, 8), outputs=3, table="UnpackOptions", num=3, axis=3)
    made.add(
        "PACK", parts + 2, parts + 1, parts, shape=(1, 8, 8, 3), table="PackOptions", valuesCount=3, axis=-1
    )
    return made.then("SUB", CAFFE)


def channels_first(made: Made) -> Made:
    made.then("TRANSPOSE", [0, 3, 1, 2], integers=True, shape=(1, 3, 8, 8))
    return made.then("SUB", np.reshape([123.0, 116.0, 103.0], (3, 1, 1)))


def dequantized(made: Made) -> Made:
    """Constants of float16, as files in that format have them."""
    factor = made.add("DEQUANTIZE", made.constant([1 / 255], "float16"), dtype="float32")
    made.add("MUL", made.input, factor)
    return made


def quantized_constant(made: Made) -> Made:
    factor = made.constant([100], "int8", scale=0.02, zero_point=0)
    made.add("MUL", made.input, factor)
    return made.then("SUB", 1.0)


CASES: dict[str, tuple[Callable[[Made], Made], str | None]] = {
    "nothing": (lambda m: m, None),
    "a factor": (lambda m: m.then("MUL", 1 / 255), "raw"),
    "a divisor": (lambda m: m.then("DIV", [255.0]), "raw"),
    "a factor and a summand": (lambda m: m.then("MUL", 1 / 127.5).then("ADD", [-1.0]), "raw"),
    "0..1 to -1..1": (lambda m: m.then("MUL", 2.0).then("SUB", 1.0), "unit"),
    "-1..1 to 0..255": (lambda m: m.then("ADD", 1.0).then("MUL", np.full((1, 1, 1, 3), 127.5)), "tf"),
    "constant first": (lambda m: m.put("SUB", m.constant([255.0]), m.input, shape=(1, 8, 8, 3)), "raw"),
    "by channel": (lambda m: m.then("SUB", [120.0, 115.0, 100.0]).then("MUL", [1 / 58.0] * 3), "raw"),
    "a constant in full size": (lambda m: m.then("MUL", np.full((1, 8, 8, 3), 1 / 255)), "raw"),
    "forth and back": (lambda m: m.then("MUL", 1 / 255).then("MUL", 255.0), None),
    "twice the input": (lambda m: m.put("ADD", m.input, m.input), None),
    "negated": (lambda m: m.then("NEG").then("ADD", 255.0), "raw"),
    "bounds": (lambda m: m.then("MUL", 1 / 255).then("MINIMUM", 1.0).then("MAXIMUM", 0.0), "raw"),
    "an activation within": (
        lambda m: m.then("MUL", 1 / 255, table="MulOptions", fusedActivationFunction=3), "raw"),
    "a part of the values": (
        lambda m: m.then("MUL", 1 / 127.5).then("ADD", -1.0, table="AddOptions", fusedActivationFunction=1), None),
    "resizing and padding": (
        lambda m: m.then("RESIZE_BILINEAR", [9, 9], integers=True, shape=(1, 9, 9, 3))
        .then("PAD", [[0, 0], [1, 1], [1, 1], [0, 0]], integers=True, shape=(1, 11, 11, 3)).then("MUL", 1 / 255), "raw"),
    "another shape": (
        lambda m: m.then("RESHAPE", [1, 64, 3], integers=True, shape=(1, 64, 3)).then("MUL", 1 / 255), "raw"),
    "flat": (lambda m: m.then("MUL", 1 / 255).then("RESHAPE", [1, 192], integers=True, shape=(1, 192)), "raw"),
    "channels first": (channels_first, "raw"),
    "channel by channel": (split, "raw"),
    "caffe": (stacked, "raw"),
    "caffe by reversal": (lambda m: m.then("REVERSE_V2", [3], integers=True).then("SUB", CAFFE), "raw"),
    "caffe by slices": (lambda m: slices(m, 0, 0, -1, 15).then("SUB", CAFFE), "raw"),
    "caffe by indices": (
        lambda m: m.then("GATHER", [2, 1, 0], integers=True, table="GatherOptions", axis=3)
        .then("MUL", 255.0).then("SUB", CAFFE), "unit"),
    "turned upside down": (lambda m: m.then("REVERSE_V2", [1], integers=True).then("MUL", 1 / 255), "raw"),
    "reversed alone": (lambda m: m.then("REVERSE_V2", [3], integers=True).then("MUL", 1 / 255), None),
    "one channel": (lambda m: slices(m, 1, 2, 1).then("MUL", 1 / 255), "raw"),
    "float16": (dequantized, "raw"),
    "a constant of int8": (quantized_constant, "unit"),
    "a cast": (lambda m: m.then("CAST", dtype="uint8").then("CAST", dtype="float32").then("MUL", 1 / 255), "raw"),
    "rounded": (lambda m: m.then("MUL", 255.0).then("ROUND"), "unit"),
    "quantized to 0..1": (lambda m: m.then("QUANTIZE", dtype="int8", scale=1 / 255, zero_point=-128), "unit"),
    "-1..1, quantized": (
        lambda m: m.then("MUL", 2.0).then("SUB", 1.0).then("QUANTIZE", dtype="int8", scale=2 / 255, zero_point=0), "unit"),
    # Whatever may happen to the values.
    "a logarithm": (lambda m: m.then("MUL", 1 / 255).then("LOG"), None),
    "less its mean": (lambda m: m.put("SUB", m.input, m.add("MEAN", m.input, m.constant([1, 2], "int32"))), None),
    "a mean picture": (lambda m: m.then("SUB", np.random.default_rng(1).uniform(0, 255, (8, 8, 3))), None),
    "another operator": (lambda m: m.then("MUL", 1 / 255).then("TILE", [1, 1, 1, 1], integers=True), None),
    "joined with a constant": (
        lambda m: m.put("CONCATENATION", m.input, m.constant(np.zeros((1, 8, 8, 1))), shape=(1, 8, 8, 4),
                        table="ConcatenationOptions", axis=3), None),
    "a factor of another shape": (lambda m: m.then("MUL", np.ones((5,))), None),
    "no options": (lambda m: m.then("GATHER", [2, 1, 0], integers=True), None),
}  # fmt: skip


@pytest.mark.parametrize("network", ["CONV_2D", None])
@pytest.mark.parametrize("name", CASES)
def test_what_a_graph_proves(name: str, network: str | None) -> None:
    build, proven = CASES[name]
    made = build(Made())
    if network:
        made.then(network, np.zeros((4, 3, 3, 3)), shape=(1, 6, 6, 4), table="Conv2DOptions")
    finding = follow_file(made.graph())
    assert finding.proven == proven, finding
    assert finding.possible == {proven} if proven else finding.possible


@pytest.mark.parametrize("kind", ["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"])
@pytest.mark.parametrize(
    ("dtype", "scale"), [("int8", 0.1), ("int8", (0.1, 0.2, 0.3)), ("bool", ()), ("float16", ())]
)
def test_the_weights_of_the_network_proper_may_be_of_any_type(kind: str, dtype: str, scale: Any) -> None:
    made = Made().then("MUL", 1 / 127.5).then("ADD", [-1.0])
    weights = made.constant(np.zeros((1, 1, 1, 3)), dtype, scale)
    made.add(kind, made.last, weights)
    assert follow_file(made.graph()).proven == "raw"


def test_grey_pictures() -> None:
    made = (
        Made((1, 28, 28, 1))
        .then("RESHAPE", [1, 28, 28], integers=True, shape=(1, 28, 28))
        .then("MUL", 1 / 255)
    )
    assert follow_file(made.graph()).proven == "raw"
    made = Made((1, 28, 28, 1)).then("MUL", [2.0, 2.0, 2.0], shape=(1, 28, 28, 3)).then("SUB", [1.0])
    assert follow_file(made.graph()).proven == "unit"


CONTRADICTIONS: dict[str, tuple[Callable[[], Made], str]] = {
    "divided by 255 twice": (lambda: Made().then("MUL", 1 / 255).then("MUL", 1 / 255), "leaves nothing usable of any input range"),
    "times 255 twice": (lambda: Made().then("MUL", 255.0).then("MUL", 255.0), "leaves nothing usable of any input range"),
    "divided by 0": (lambda: Made().then("DIV", 0.0), "makes numbers of it that are not finite"),
    "times 0": (lambda: Made().then("MUL", 0.0), "makes the same numbers of all pictures"),
    "far away": (lambda: Made().then("ADD", 1e4), "leaves nothing usable of any input range"),
    "a cast to int8": (lambda: Made().then("CAST", dtype="int8"), "casts its input to int8, which destroys"),
    "a cast of 0..1": (lambda: Made().then("MUL", 1 / 255).then("CAST", dtype="int32"), "to int32, which destroys"),
    "a cast to bool": (lambda: Made().then("CAST", dtype="bool"), "to bool, which destroys"),
    "rounded 0..1": (lambda: Made().then("MUL", 1 / 255).then("FLOOR"), "to whole numbers, which destroys"),
    "uint8 times 255": (
        lambda: Made(dtype="uint8").then("CAST", dtype="float32").then("MUL", 255.0),
        "contradicts itself: its input is of type uint8, and it computes 255"),
    "0..1 by quantization, 0..255 by arithmetic": (
        lambda: Made(dtype="int8", scale=1 / 255, zero_point=-128).then("DEQUANTIZE", dtype="float32").then("MUL", 1 / 255),
        "contradicts itself: it quantizes its input to int8 for values from 0 to 1, and it computes 0.003922"),
    "quantized for a thousandth": (
        lambda: Made(dtype="int8", scale=1e-5, zero_point=-128), "which fits no input range"),
    "quantized for what is far": (lambda: Made().then("QUANTIZE", dtype="uint8", scale=1e4, zero_point=0), "fits no input range"),
    "BGR": (lambda: Made().then("SUB", CAFFE), "its input is BGR"),
    "int8 without a scale": (lambda: Made(dtype="int8"), "its input is of type int8"),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_what_is_right_for_no_range(name: str) -> None:
    build, words = CONTRADICTIONS[name]
    made = build()
    made.then("CONV_2D", np.zeros((4, 3, 3, 3)), shape=(1, 6, 6, 4), table="Conv2DOptions")
    finding = follow_file(made.graph())
    assert finding.proven is None and not finding.possible, finding
    assert re.search(words, finding.evidence), finding.evidence


def codes(name: str, dtype: str, channels: int = 3) -> tuple[float, int]:
    """Scale and zero point that hold exactly the values of a named range, as a quantizer chooses them."""
    _, means, stds = RANGES[name]
    low = min(0.0, *((0 - mean) / std for mean, std in zip(means, stds, strict=True)))
    high = max((255 - mean) / std for mean, std in zip(means, stds, strict=True))
    least = int(np.iinfo(dtype).min)
    scale = (high - low) / 255
    return scale, round(least - low / scale)


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
@pytest.mark.parametrize("name", RANGES)
def test_the_quantization_of_a_named_range_is_known(name: str, dtype: str) -> None:
    scale, zero_point = codes(name, dtype)
    finding = follow_file(Made(dtype=dtype, scale=scale, zero_point=zero_point).graph())
    assert finding.possible == {name}, finding
    # Extremes of three channels do not tell in which order they are.
    assert finding.proven == (None if name in ("torch", "caffe") else name)


QUANTIZED: list[tuple[str, float, int, str | None, set[str]]] = [
    # As TensorFlow's quantizers and others choose them.
    ("uint8", 1.0, 0, "raw", {"raw"}),
    ("int8", 1.0, -128, "raw", {"raw"}),
    ("int8", 0.003921569, -128, "unit", {"unit"}),
    ("int8", 0.007843138, -1, "tf", {"tf"}),
    ("int8", 0.007843138, 0, "tf", {"tf"}),
    ("uint8", 0.007843138, 127, "tf", {"tf"}),
    ("uint8", 0.0078125, 127, "lite", {"lite"}),
    # Between both: a level or less from either.
    ("uint8", 0.0078125, 128, None, {"tf", "lite"}),
    ("int8", 0.00784, 2, None, {"tf", "lite"}),
    # Symmetric: the largest value alone is known.
    ("int8", 1 / 127, 0, None, {"unit", "tf", "lite"}),
    ("int16", 1 / 32767, 0, None, {"unit", "tf", "lite"}),
    ("int16", 255 / 32767, 0, "raw", {"raw"}),
    # Calibrated on pictures without white.
    ("int8", 0.8 / 255, -128, None, {"unit"}),
    ("uint8", 0.85, 0, None, {"raw"}),
    ("int8", 1.8 / 255, -3, None, {"tf", "lite"}),
    ("int8", 1.8 / 255, 0, None, {"unit", "tf", "lite"}),
    # Calibrated on something else: nothing is cut, and levels are left.
    ("int8", 9 / 255, 0, None, OTHERS),
    ("int8", 1.0, 0, None, {"caffe"}),
]


@pytest.mark.parametrize(("dtype", "scale", "zero_point", "proven", "possible"), QUANTIZED)
def test_quantizations(
    dtype: str, scale: float, zero_point: int, proven: str | None, possible: set[str]
) -> None:
    finding = follow_file(Made(dtype=dtype, scale=scale, zero_point=zero_point).graph())
    assert (finding.proven, set(finding.possible)) == (proven, possible), finding
    assert f"it quantizes its input to {dtype} for values from" in finding.evidence
    behind = Made().then("QUANTIZE", dtype=dtype, scale=scale, zero_point=zero_point)
    assert follow_file(behind.graph()) == finding


@pytest.mark.parametrize(
    ("dtype", "proven"), [("uint8", "raw"), ("int32", "raw"), ("int64", "raw"), ("uint16", "raw"), ("float32", None)]
)  # fmt: skip
def test_types_of_the_input(dtype: str, proven: str | None) -> None:
    assert follow_file(Made(dtype=dtype).then("CAST", dtype="float32").graph()).proven == proven


def test_constants_that_are_not_what_they_say_are_not_read() -> None:
    for shape, dtype in (((3,), "float32"), ((2,), "bfloat16")):
        made = Made().then("MUL", [1 / 255, 1 / 255])
        constant = made._graph.tensors[made.input + 1]
        constant.shape = np.array(shape, np.int32)
        made._graph.tensors[made.input + 1].type = {"float32": 0, "bfloat16": 18}[dtype]
        finding = follow_file(made.graph())
        assert finding.proven is None and "does more than scale it" in finding.evidence, finding


def test_an_operator_of_a_constant_without_an_output_says_nothing_of_the_input() -> None:
    made = Made().put("RELU", 0)
    last = made.last
    made.put("DEQUANTIZE", made.constant(np.ones(3), "float16"), dtype="float32").add("LOGISTIC", last)
    model = flatbuffer.parse(made.pack(), "it")
    model.subgraphs[0].operators[1].outputs = np.zeros(0, np.int32)
    assert follow_file(flatbuffer.graph_of(model)).evidence.startswith("LOGISTIC")


def test_work_is_bounded() -> None:
    """Channels that double with each operator."""
    made = Made()
    for doubled in range(1, 30):
        made.add(
            "CONCATENATION",
            made.last,
            made.last,
            shape=(1, 8, 8, 3 << doubled),
            table="ConcatenationOptions",
            axis=3,
        )
    finding = follow_file(made.graph())
    assert finding.proven is None and "does more than scale it" in finding.evidence
