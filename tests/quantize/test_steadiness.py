"""What roundings do to real networks: right files are within the limit that comes from it, wrong ones beyond."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from mobilecnn.convert.conversion import Source
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.lowering import lower
from mobilecnn.export import export
from mobilecnn.quantize.calibration.images import Calibration
from mobilecnn.quantize.gate import STEADY
from mobilecnn.train import datasets, fit
from mobilecnn.train.plan import TrainingPlan

pytestmark = pytest.mark.usefixtures("forked")


def changed(content: bytes, factor: float) -> bytes:
    """The flatbuffer with the largest weight of its first convolution times ``factor``."""
    model = flatbuffer.parse(content, "under test")
    graph = model.subgraphs[0]
    kinds = {index: code.builtinCode for index, code in enumerate(model.operatorCodes)}
    first = next(row for row in graph.operators if kinds[row.opcodeIndex] == schema.BuiltinOperator.CONV_2D)
    buffer = model.buffers[graph.tensors[first.inputs[1]].buffer]
    weights = np.frombuffer(bytes(bytearray(buffer.data)), np.float32).copy()
    weights[np.abs(weights).argmax()] *= factor
    buffer.data = np.frombuffer(weights.tobytes(), np.uint8)
    return flatbuffer.pack(model)


@pytest.mark.sweep
def test_a_trained_alexnet_is_right_and_one_with_a_wrong_weight_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its small input is not enlarged, so that only its long sums explain how far its right file is from Keras."""
    plan = dataclasses.replace(TrainingPlan("alexnet", datasets.DIGITS, 67, 1), batch_size=64)
    fit.run(fit.prepare(plan, tmp_path / "it.keras"))
    source = Source(str(tmp_path / "it.keras"))
    (right,) = export(source, ["float32"], tmp_path / "right", Calibration(datasets.DIGITS))
    assert right.holds and right.parity.relative > STEADY / 2, right.parity
    monkeypatch.setattr(
        "mobilecnn.export.lower", lambda content, description: lower(changed(content, 1.05), description)
    )
    (wrong,) = export(source, ["float32"], tmp_path / "wrong", Calibration(datasets.DIGITS))
    assert not wrong.holds, wrong.parity


@pytest.mark.sweep
@pytest.mark.parametrize(
    ("name", "size"),
    [("lenet5", None), ("alexnet", 67), ("squeezenet_v1.1", 64), ("mobilenet_v1_x0.25_128", None),
     ("mobilenet_v3_small_x0.75", 64), ("shufflenet_v1_x0.25_g3", 64), ("googlenet", 64)],
)  # fmt: skip
def test_a_right_file_of_random_weights_is_within_its_limit(
    name: str, size: int | None, tmp_path: Path
) -> None:
    (file,) = export(Source(name, classes=10, size=size), ["float32"], tmp_path)
    assert file.holds, (file.parity, file.passport.parity.tolerance)
