"""Layers that XNNPACK would not load: a channel with huge weights that read next to nothing while it was calibrated."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tflite_files import Made

from mobilecnn.contract import contract_for
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.lowering.description import Description
from mobilecnn.convert.lowering.ends import name_ends
from mobilecnn.errors import ModelFileError
from mobilecnn.quantize import formats
from mobilecnn.quantize.inference import TfliteProcess
from mobilecnn.quantize.rules import Rule, Rules
from mobilecnn.quantize.scale_ratios import LIMIT, limit_ratios
from mobilecnn.tensors import write

HUGE = 1e6
INT8 = formats.named("int8").rules
OPTIONS: dict[str, Any] = {
    "strideW": 1,
    "strideH": 1,
    "dilationWFactor": 1,
    "dilationHFactor": 1,
    "padding": 0,
}


@pytest.fixture
def process() -> Iterator[TfliteProcess]:
    with TfliteProcess("under test") as child:
        yield child


def network(kind: str, huge: float, bias: float = 0.0) -> bytes:
    """A layer of three channels whose last one is multiplied by ``huge``, and scores."""
    made, random = Made((1, 6, 6, 3)), np.random.default_rng(4)
    weights = random.uniform(0.2, 0.6, (1, 3, 3, 3))
    if kind == "CONV_2D":
        weights = np.zeros((3, 3, 3, 3))
        for channel in range(3):
            weights[channel, ..., channel] = random.uniform(0.2, 0.6, (3, 3))
        weights[2] *= huge
    else:
        weights[..., 2] *= huge
        OPTIONS_OF[kind]["depthMultiplier"] = 1
    kernel = made.constant(weights)
    biases = made.constant(np.array([0.1, -0.1, bias]))
    made.add(kind, made.last, kernel, biases, shape=(1, 6, 6, 3), table=TABLES[kind], **OPTIONS_OF[kind])
    model = flatbuffer.parse(made.scores(10).pack(), "it")
    name_ends(model, Description("it", contract_for("unit", (6, 6, 3)), ()))
    return flatbuffer.pack(model)


TABLES = {"CONV_2D": "Conv2DOptions", "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions"}
OPTIONS_OF: dict[str, dict[str, Any]] = {kind: dict(OPTIONS) for kind in TABLES}


def quantized(process: TfliteProcess, folder: Path, content: bytes, rules: Rules = INT8) -> bytes:
    """The int8 file, calibrated by images without anything in the last channel."""
    (folder / "base.tflite").write_bytes(content)
    values = np.random.default_rng(0).uniform(0, 1, (8, 6, 6, 3)).astype(np.float32)
    values[..., 2] = 0
    write(folder / "images.npy", values, values.shape)
    process.quantize(folder / "base.tflite", rules, folder / "raw.tflite", folder / "images.npy")
    return (folder / "raw.tflite").read_bytes()


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("bias", [0.0, 0.3])
def test_a_file_that_no_runtime_loads_is_mended(
    kind: str, bias: float, process: TfliteProcess, tmp_path: Path
) -> None:
    raw = quantized(process, tmp_path, network(kind, HUGE, bias))
    inputs = np.random.default_rng(1).uniform(0, 1, (16, 6, 6, 3)).astype(np.float32)
    inputs[:8, ..., 2] = 0  # As it was calibrated; and otherwise.
    write(tmp_path / "inputs.npy", inputs, inputs.shape)
    with TfliteProcess("that fails") as other, pytest.raises(ModelFileError, match="cannot run"):
        other.run(tmp_path / "raw.tflite", tmp_path / "inputs.npy", tmp_path / "none.npy")
    content, channels = limit_ratios(raw)
    assert channels == 1
    (tmp_path / "mended.tflite").write_bytes(content)
    process.run(tmp_path / "mended.tflite", tmp_path / "inputs.npy", tmp_path / "mended.npy")
    # The kernels that have no such limit say what the file before stood for.
    process.run(tmp_path / "raw.tflite", tmp_path / "inputs.npy", tmp_path / "builtin.npy", kernels="builtin")
    step = 1 / 256
    assert np.abs(np.load(tmp_path / "mended.npy") - np.load(tmp_path / "builtin.npy")).max() <= step
    graph = flatbuffer.graph(content, "it")
    (layer,) = [operation for operation in graph.operations if operation.kind == kind]
    source, weights, output = layer.inputs[0], layer.inputs[1], layer.outputs[0]
    assert source is not None and weights is not None
    factors = source.scales[0] * np.array(weights.scales) / output.scales[0]
    assert factors.max() == pytest.approx(LIMIT, rel=1e-5)
    assert limit_ratios(content) == (content, 0)


@pytest.mark.parametrize("kind", TABLES)
def test_a_healthy_file_stays_as_it_is(kind: str, process: TfliteProcess, tmp_path: Path) -> None:
    raw = quantized(process, tmp_path, network(kind, 1.0))
    assert limit_ratios(raw) == (raw, 0)


KERNELS = ("xnnpack", "builtin", "reference")


@pytest.mark.parametrize("kind", TABLES)
def test_one_scale_of_all_weights_is_mended_for_all_kernels(
    kind: str, process: TfliteProcess, tmp_path: Path
) -> None:
    raw = quantized(process, tmp_path, network(kind, HUGE, 0.3), (Rule(scales="tensor"),))
    content, channels = limit_ratios(raw)
    assert channels == 1  # The scale counts once.
    (tmp_path / "mended.tflite").write_bytes(content)
    values = np.random.default_rng(1).uniform(0, 1, (16, 6, 6, 3)).astype(np.float32)
    values[..., 2] = 0
    write(tmp_path / "inputs.npy", values, values.shape)
    scores = []
    for kernels in KERNELS:
        process.run(
            tmp_path / "mended.tflite", tmp_path / "inputs.npy", tmp_path / "out.npy", kernels=kernels
        )
        scores.append(np.load(tmp_path / "out.npy"))
    assert max(np.abs(each - scores[0]).max() for each in scores) <= 1 / 256
