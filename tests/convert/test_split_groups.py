"""Grouped convolutions as several without groups: for which runtime, in how many, and that the answers stay the same."""

from dataclasses import replace

import numpy as np
import pytest
from int8_files import depthwise, int8
from shuffled_files import CHANNELS, GROUPS, UNIT, graph, pointwise
from test_rewrites import answers, kinds

from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph.build import Layers
from mobilecnn.convert.lowering import REWRITES, chosen
from mobilecnn.convert.lowering.costs import TARGETS, Costs, Table
from mobilecnn.convert.lowering.rewrites import Rewritten, rewrite

BY_OUTPUT = Table(0, 0, 1, 1, 1, 0, position=1, channel=1, product=100, output=100)
"""A runtime on which a multiply-add of a grouped convolution costs a hundred times as much as another one."""


def lowered(content: bytes, costs: Costs, *names: str) -> Rewritten:
    return rewrite(content, "it", [replace(row, costs=costs) for row in chosen(names)], answers)


def costs(*tables: Table) -> Costs:
    return Costs("a runtime of the tests", {"float32": tables, "int8": tables})


def groups(content: bytes) -> list[int]:
    """The number of groups of each convolution."""
    return [
        row.inputs[0].shape[3] // row.inputs[1].shape[3]
        for row in flatbuffer.graph(content, "it").operations
        if row.kind == "CONV_2D" and row.inputs[0] is not None and row.inputs[1] is not None
    ]


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize(("position", "pieces"), [(1000, 1), (150, 2), (100, 3), (1, 6)])
def test_the_number_of_pieces_is_the_one_that_costs_least(dtype: str, position: float, pieces: int) -> None:
    made = graph(pointwise(6, size=3), dtype=dtype)
    done = lowered(made, costs(replace(BY_OUTPUT, position=position)), "split_groups")
    assert not done.taken_back and done.changes["split_groups"] == (
        "1 grouped convolution as several without groups, by the costs of a runtime of the tests",
    )
    around = ([], []) if pieces == 1 else (["SPLIT"], ["CONCATENATION"])
    assert kinds(done.content) == ["LEAKY_RELU", *around[0], *["CONV_2D"] * pieces, *around[1]]
    assert groups(done.content) == [1] * pieces
    assert np.allclose(
        answers(done.content), answers(made), rtol=1e-5, atol=1e-4 if dtype == "float32" else 0
    )


@pytest.mark.parametrize(
    "known",
    [
        costs(replace(BY_OUTPUT, product=0)),  # It has tiles for groups.
        costs(replace(BY_OUTPUT, depth=1e4)),  # All weights cost more than the groups do.
        costs(BY_OUTPUT, BY_OUTPUT),  # Several places together: groups are not dear on all.
        Costs("no type of the graph", {}),
    ],
)
def test_groups_stay_where_nothing_is_gained(known: Costs) -> None:
    made = graph(pointwise(6, size=3), dtype="int8")
    assert lowered(made, known, "split_groups").content == made


@pytest.mark.parametrize("weights", [{"half": True}, {}])
def test_what_is_no_grouped_convolution_of_stored_weights_stays(weights: dict[str, bool]) -> None:
    made = graph(pointwise(6 if weights else 1, size=3, **weights))
    assert lowered(made, costs(BY_OUTPUT), "split_groups").content == made


@pytest.mark.parametrize(
    ("position", "after"),
    [
        (1, [1] * 2 * GROUPS),  # Split they are faster than dense without a shuffle.
        (20, [1, 1]),  # Pieces are dear: one of the two takes the shuffle.
    ],
)
def test_a_pointwise_convolution_is_split_where_that_beats_a_dense_one_without_the_shuffle(
    position: float, after: list[int]
) -> None:
    known = costs(replace(BY_OUTPUT, position=position))
    done = lowered(graph(*UNIT, dtype="int8"), known, "split_groups", "write_groups_dense")
    assert not done.taken_back and groups(done.content) == after
    assert ("TRANSPOSE" in kinds(done.content)) == (len(after) > 2)


@pytest.mark.parametrize("name", TARGETS)
def test_only_a_runtime_without_tiles_for_groups_gets_other_files(name: str) -> None:
    layers = Layers("int8", 14, 14, 64)
    made = layers.pack(layers.conv(layers.input, 64, kernel=3, groups=16))
    changed = lowered(made, TARGETS[name], "split_groups").content != made
    assert changed == (name == "tflite-runtime")


def test_weights_are_those_of_the_groups() -> None:
    (weights,) = [
        row.inputs[1]
        for row in flatbuffer.graph(
            lowered(
                graph(pointwise(6, size=3)), costs(replace(BY_OUTPUT, position=1000)), "split_groups"
            ).content,
            "it",
        ).operations
        if row.kind == "CONV_2D"
    ]
    assert weights is not None and weights.shape == (CHANNELS, 3, 3, CHANNELS)


@pytest.mark.parametrize("name", TARGETS)
def test_a_runtime_of_built_in_kernels_keeps_the_operators_that_they_are_faster_in(name: str) -> None:
    built_in = name == "tflite-runtime"
    for_xnnpack = {"pool_by_convolution", "pool_in_pieces", "compute_in_float"}
    left_out = (
        {row.name for row in REWRITES}
        - {row.name for row in chosen("auto", name)}
        - {"route_channels", "places_to_channels"}
    )
    assert left_out == (for_xnnpack if built_in else {"widen_depthwise"})
    kernel = depthwise(5, 5, "int8")
    assert (rewrite(kernel, "it", chosen("auto", name), answers).content != kernel) == built_in
    made = int8(("HARD_SWISH", {"zero_point": -100}))
    assert (rewrite(made, "it", chosen("auto", name), answers).content == made) == built_in
    # Large kernels gain there as well, and who names a rewrite gets it.
    large = rewrite(depthwise(7, 7, "int8"), "it", chosen("auto", name), answers)
    assert "DEQUANTIZE" in kinds(large.content)
    assert "DEQUANTIZE" in kinds(rewrite(made, "it", chosen("compute_in_float", name), answers).content)
