"""Pointwise convolutions that compute several places as one: which ones, how many places, and that the answers stay the same."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from int8_files import CONV, SAME, SCALE, VALID, of_channels
from test_rewrites import answers, kinds
from tflite_files import Made

from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.inspection import macs
from mobilecnn.convert.lowering import chosen
from mobilecnn.convert.lowering.costs import TARGETS, Costs, Table
from mobilecnn.convert.lowering.packed_places import MOST_WEIGHTS
from mobilecnn.convert.lowering.rewrites import Rewritten, rewrite

WIDE = Table(0, 0, 64, 16, 0.4, 14.0, 0, 0)
"""A chip with tiles of 64 outputs, whose writing is what costs time."""

NARROW = replace(WIDE, width=4)
"""One whose tiles are filled anyway."""


def pointwise(
    out: int,
    inputs: int = 6,
    sides: tuple[int, int] = (8, 8),
    dtype: str = "int8",
    kernel: int = 1,
    groups: int = 1,
    before: str = "",
    **options: Any,
) -> bytes:
    """A convolution of a map whose zero point is not 0, each output with a scale of its own, and a rectification in it."""
    small = dtype == "int8"
    made = Made((1, *sides, inputs), dtype, SCALE if small else (), 7 if small else 0)
    source = made.input
    if before:
        amounts = made.constant([[0, 0], [0, 0], [0, 0], [0, 0]], "int32")
        zero = [made.constant(np.full((), 7), "int8", SCALE)] if before == "PADV2" else []
        said = {"PAD": "PadOptions", "PADV2": "PadV2Options"}[before]
        source = made.add(before, source, amounts, *zero, scale=SCALE, zero_point=7, table=said)
    scales = np.linspace(0.001, 0.004, out) if small else None
    weights, sums = of_channels(made, (out, kernel, kernel, inputs // groups), scales, out)
    step = options.get("strideW", 1)
    reach = [-(-side // step) for side in sides]
    how = {**CONV, "padding": VALID if kernel == 1 else SAME, "fusedActivationFunction": 1, **options}
    return made.put(
        "CONV_2D", source, weights, sums, shape=(1, *reach, out), scale=0.05 if small else (), **how
    ).pack()


def lowered(content: bytes, *tables: Table) -> Rewritten:
    costs = Costs("a chip of the tests", {"int8": tables, "float32": tables} if tables else {})
    return rewrite(
        content, "it", [replace(row, costs=costs) for row in chosen(["places_to_channels"])], answers
    )


@pytest.mark.parametrize(
    ("out", "sides", "places"),
    [
        (8, (16, 16), 8),
        (8, (8, 8), 4),
        (16, (8, 8), 4),
        (20, (16, 16), 8),
        (32, (7, 8), 2),
        (9, (8, 8), 4),
        (8, (5, 20), 5),
        (48, (8, 8), 4),
    ],
)
@pytest.mark.parametrize("padding", [SAME, VALID])
def test_the_answers_are_the_same_to_the_bit(
    out: int, sides: tuple[int, int], places: int, padding: int
) -> None:
    made = pointwise(out, sides=sides, padding=padding)
    done = lowered(made, WIDE)
    assert not done.taken_back and kinds(done.content) == ["RESHAPE", "CONV_2D", "RESHAPE"]
    assert np.array_equal(answers(made), answers(done.content))
    (before,) = flatbuffer.graph(made, "it").operations
    after = flatbuffer.graph(done.content, "it").operations[1]
    assert after.outputs[0].shape == (1, 1, sides[0] * sides[1] // places, places * out)
    assert macs(before) == macs(after) == macs(after, zeros=True) // places
    assert lowered(done.content, WIDE).content == done.content


@pytest.mark.parametrize(
    "made",
    [
        pointwise(64),
        pointwise(8, sides=(11, 11)),
        pointwise(8, sides=(5, 6)),  # Too few places are left.
        pointwise(8, kernel=3),
        pointwise(8, strideW=2, strideH=2),
        pointwise(8, dtype="float32"),
        pointwise(8, groups=2),
        pointwise(8, before="PAD"),
        pointwise(8, before="PADV2"),
        pointwise(32, inputs=MOST_WEIGHTS // 32 // 4 + 1),
    ],
)
def test_others_are_left_alone(made: bytes) -> None:
    assert lowered(made, WIDE).content == made


@pytest.mark.parametrize("tables", [(), (NARROW,), (WIDE, replace(NARROW, unit=1, depth=10.0))])
def test_a_convolution_stays_where_the_costs_do_not_say_that_it_gains(tables: tuple[Table, ...]) -> None:
    made = pointwise(8)
    assert lowered(made, *tables).content == made


def chain(*outs: int, batch: int = 1, sparse: bool = False) -> bytes:
    """Pointwise convolutions one after another; of a sparse one the first output reads the first input, and nobody else does."""
    made = Made((batch, 8, 8, 8), "int8", SCALE, 7)
    generator, given = np.random.default_rng(3), 8
    said: dict[str, Any] = {**CONV, "padding": VALID}
    for out in outs:
        values = generator.integers(-127, 128, (out, 1, 1, given))
        if sparse:
            values[0, ..., 1:] = 0
            values[1:, ..., 0] = 0
        weights, sums = (
            made.constant(values, "int8", 0.01),
            made.constant(np.zeros(out), "int32", 0.01 * SCALE),
        )
        shape, zero = (batch, 8, 8, out), 7
        made.add(
            "CONV_2D",
            made.last,
            weights,
            sums,
            shape=shape,
            scale=SCALE,
            zero_point=zero,
            **said,
        )
        given = out
    return made.pack()


def test_of_reshapes_one_behind_another_the_last_remains() -> None:
    made = chain(8, 16)
    done = lowered(made, WIDE)
    assert kinds(done.content) == ["RESHAPE", "CONV_2D", "CONV_2D", "RESHAPE"]
    assert np.array_equal(answers(made), answers(done.content))


def test_several_pictures_at_once() -> None:
    made = chain(8, batch=2)
    done = lowered(made, WIDE)
    assert not done.taken_back and kinds(done.content) == ["RESHAPE", "CONV_2D", "RESHAPE"]
    assert np.array_equal(answers(made), answers(done.content))


def test_the_multiply_adds_are_those_of_the_network_also_where_it_falls_apart_unevenly() -> None:
    made = chain(8, sparse=True)
    done = lowered(made, WIDE)
    (before,) = flatbuffer.graph(made, "it").operations
    after = flatbuffer.graph(done.content, "it").operations[1]
    assert macs(before) == macs(after) == 64 * 64


def test_only_targets_that_gain_have_it_unless_it_is_named() -> None:
    name = "places_to_channels"
    have = {target for target in TARGETS if any(row.name == name for row in chosen("auto", target))}
    assert have == {"x86-amx"}
    assert [row.name for row in chosen(name, "pi5")] == [name]
