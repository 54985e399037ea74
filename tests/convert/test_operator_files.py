"""Files of one operator: that a runtime runs them, that they do what the operator says, and that an export's are the same."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph.build import DTYPES
from mobilecnn.convert.graph.operators import REPEATED, file_of
from mobilecnn.convert.inspection import macs
from mobilecnn.convert.lowering.costs import TARGETS, Costs, Table
from mobilecnn.convert.lowering.planned import planned
from mobilecnn.networks import exporter
from mobilecnn.quantize.partitions import partitions
from mobilecnn.train import operators as kinds
from mobilecnn.train.operators import Operator, network

CASES = (
    Operator(kinds.CONVOLUTION, 4, 5, 6, 8), Operator(kinds.CONVOLUTION, 4, 5, 6, 9, groups=3),
    Operator(kinds.CONVOLUTION, 4, 5, 3, 8, 3, 3, 2), Operator(kinds.CONVOLUTION, 4, 5, 6, 8, 1, 3),
    Operator(kinds.DEPTHWISE, 4, 5, 6, 6, 3, 3), Operator(kinds.DEPTHWISE, 4, 5, 6, 6, 5, 5, 2),
    Operator(kinds.DEPTHWISE, 4, 5, 3, 24, 7, 7, 2),
    Operator(kinds.DENSE, 1, 1, 12, 10), Operator(kinds.MAX_POOL, 4, 5, 6, 6, 3, 3, 2),
    Operator(kinds.MAX_POOL, 4, 5, 6, 6, 3, 3, 2, padded=True), Operator(kinds.AVERAGE_POOL, 4, 5, 6, 6, 7, 7, 3),
    Operator(kinds.AVERAGE_POOL, 4, 5, 6, 6, 2, 2, 2), Operator(kinds.AVERAGE_POOL, 4, 5, 6, 6, 3, 3, padded=True), Operator(kinds.MEAN, 1, 1, 6, 6, 7, 7),
    Operator(kinds.SHUFFLE, 1, 20, 6, 6, groups=3), Operator(kinds.SPLIT, 4, 5, 6, 6, groups=2),
    Operator(kinds.CONCATENATION, 4, 5, 6, 6, groups=2), Operator(kinds.CONCATENATION, 4, 5, 12, 12, groups=4),
    Operator(kinds.ADD, 4, 5, 6, 6), Operator(kinds.MULTIPLY, 4, 5, 6, 6), Operator(kinds.GATE, 4, 5, 6, 6),
    Operator(kinds.SCALE, 4, 5, 6, 6), Operator(kinds.HARD_SWISH, 4, 5, 6, 6), Operator(kinds.SIGMOID, 4, 5, 6, 6), Operator(kinds.TANH, 4, 5, 6, 6),
    Operator(kinds.SOFTMAX, 1, 1, 10, 10), Operator(kinds.RELU, 4, 5, 6, 6),
)  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("operator", CASES, ids=lambda operator: operator.work)
def test_a_file_has_the_operator_several_times_and_runs(
    operator: Operator, dtype: str, tmp_path: Path
) -> None:
    content = file_of(operator, dtype)
    graph = flatbuffer.graph(content, "it")
    assert sum(macs(operation) for operation in graph.operations) == REPEATED * operator.macs
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    for given in interpreter.get_input_details():
        interpreter.set_tensor(given["index"], np.ones(given["shape"], given["dtype"]))
    interpreter.invoke()
    outputs = interpreter.get_output_details()
    written = sum(int(np.prod(row["shape"])) for row in outputs)
    assert written == REPEATED * operator.positions * operator.outputs
    assert {row["dtype"] for row in outputs} == {np.float32 if dtype == "float32" else np.int8}
    path = tmp_path / "it.tflite"
    path.write_bytes(content)
    # All of it is XNNPACK's, as in an export: what that takes in float32 only is between conversions.
    assert partitions(path).count == 1


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Path]]:
    made = exporter(["float32", "int8"], tmp_path_factory.mktemp("shuffle"), 64)
    return {name: made(name) for name in NETWORKS}


NETWORKS = ("shufflenet_v1_x0.5_g3", "shufflenet_v2_x0.5")


@pytest.mark.usefixtures("forked")
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_what_is_planned_is_what_an_export_has(
    files: dict[str, dict[str, Path]], dtype: str, name: str
) -> None:
    """All convolutions, by shape, grouped or not, and all other operators that take time."""
    graph = flatbuffer.graph(files[name][dtype].read_bytes(), dtype)
    made: Counter[object] = Counter()
    for operation in graph.operations:
        out = operation.outputs[0].shape
        if operation.kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            weights = operation.inputs[1]
            assert weights is not None
            made[operation.kind, out[1:], weights.shape[1:]] += 1
        elif operation.kind == "CONCATENATION":
            made[operation.kind, out[1:], len(operation.inputs)] += 1
        elif operation.kind in (
            "ADD",
            "TRANSPOSE",
            "SPLIT",
            "MEAN",
            "MAX_POOL_2D",
            "FULLY_CONNECTED",
        ):
            made[operation.kind] += 1
    wanted: Counter[object] = Counter()
    names = {
        kinds.ADD: "ADD", kinds.SHUFFLE: "TRANSPOSE", kinds.SPLIT: "SPLIT", kinds.MEAN: "MEAN",
        kinds.MAX_POOL: "MAX_POOL_2D", kinds.DENSE: "FULLY_CONNECTED",
    }  # fmt: skip
    for row in planned(network(name, 64).operators, dtype):
        shape = row.rows, row.columns, row.outputs
        if row.kind == kinds.CONVOLUTION:
            wanted["CONV_2D", shape, (row.kernel_rows, row.kernel_columns, row.inputs // row.groups)] += 1
        elif row.kind == kinds.DEPTHWISE:
            wanted["DEPTHWISE_CONV_2D", shape, (row.kernel_rows, row.kernel_columns, row.outputs)] += 1
        elif row.kind == kinds.CONCATENATION:
            wanted["CONCATENATION", shape, row.groups] += 1
        elif row.kind in names:
            wanted[names[row.kind]] += 1
    assert made == wanted


def test_channels_go_straight_where_the_target_gains_by_it() -> None:
    operators = network("shufflenet_v2_x0.5", 64).operators
    straight, otherwise = (planned(operators, "int8", TARGETS[name]) for name in ("pi5", "pi3"))
    assert otherwise == operators
    assert not {kinds.SHUFFLE, kinds.SPLIT} & {row.kind for row in straight}
    assert sum(row.macs for row in straight) == sum(row.macs for row in operators)


def test_a_target_decides_what_is_written_dense() -> None:
    rows = (
        Operator(kinds.CONVOLUTION, 28, 28, 120, 30, groups=3), Operator(kinds.SHUFFLE, 1, 784, 30, 30, groups=3),
        Operator(kinds.DEPTHWISE, 28, 28, 30, 30, 3, 3), Operator(kinds.CONVOLUTION, 28, 28, 30, 120, groups=3),
    )  # fmt: skip
    dear = Costs("dear groups", {"int8": (Table(0, 1e9, 8, 1, 1, 1, 1, 1),)})
    cheap = Costs("cheap groups", {"int8": (Table(0, 0, 1, 1, 1, 0, 0, 0),)})
    assert [row.groups for row in planned(rows, "int8", dear)] == [1, 1, 1]
    assert planned(rows, "int8", cheap) == rows
    # What costs as much with the shuffle as without is written dense, as the rewrite does.
    even = Costs("even", {"int8": (Table(0, 0, 1, 1, 1, 0, 2400, 0),)})
    assert [row.groups for row in planned(rows, "int8", even)] == [1, 1, 3]
    # A type that a target has no table of stays as it is.
    assert planned(rows, "float32", TARGETS["tflite-runtime"]) == rows


@pytest.mark.parametrize(
    ("window", "stride", "padded", "convolutions"),
    [
        (3, 2, False, {"int8"}), (5, 5, False, {"int8"}), (1, 2, False, {"float32", "int8"}),
        (3, 1, True, set()), (6, 6, False, set()),
    ],
)  # fmt: skip
def test_average_pools_that_become_convolutions(
    window: int, stride: int, padded: bool, convolutions: set[str]
) -> None:
    """Those of an int8 file without padding, of at most 25 places; and those of one place."""
    pool = Operator(kinds.AVERAGE_POOL, 4, 4, 8, 8, window, window, stride, padded=padded)
    for dtype in DTYPES:
        made = replace(pool, kind=kinds.DEPTHWISE) if dtype in convolutions else pool
        assert planned([pool], dtype) == (made,)
