"""The judgement of rewrites: where they meet the graph, part by part, and at the end against the first file."""

from collections.abc import Iterator

import numpy as np
import pytest
from int8_files import SCALE
from test_rewrites import STRIDED, answers, kinds
from tflite_files import Made

from mobilecnn.convert.graph.edit import Editor
from mobilecnn.convert.lowering import chosen
from mobilecnn.convert.lowering.moved_answers import drift
from mobilecnn.convert.lowering.pools import pool_by_convolution
from mobilecnn.convert.lowering.rewrites import Rewrite, Yardstick, rewrite

STEP = 0.25


def branches(hidden: bool = False) -> bytes:
    """Two strided pools of the same input, added; behind them a conversion in which all values are the same, if hidden."""
    made = Made(dtype="int8", scale=SCALE)
    first, second = (made.add("AVERAGE_POOL_2D", made.input, scale=SCALE, **STRIDED) for _ in range(2))
    total = made.add("ADD", first, second, scale=2 * SCALE, table="AddOptions", shape=(1, 3, 3, 3))
    if hidden:
        made.add("QUANTIZE", total, scale=100 * SCALE, zero_point=0, shape=(1, 3, 3, 3))
    return made.pack()


def one_wrong(editor: Editor) -> Iterator[str]:
    """Pools as convolutions, of which the first of the two clamps."""
    yield from pool_by_convolution(editor)
    total = next(operator for operator in editor.operators if editor.kind(operator) == "ADD")
    maker = editor.maker(int(total.inputs[0]))
    if editor.kind(maker) == "DEPTHWISE_CONV_2D":
        maker.builtinOptions.fusedActivationFunction = 1


@pytest.mark.parametrize(("exact", "hidden"), [(False, False), (False, True), (True, False)])
def test_a_part_that_moves_its_values_is_left_out_and_the_others_stay(exact: bool, hidden: bool) -> None:
    """Also where the answers do not show it, but for an exact rewrite, which is judged by them."""
    done = rewrite(branches(hidden), "it", [Rewrite(one_wrong, "quantized", exact=exact)], answers)
    assert sorted(kinds(done.content))[:3] == ["ADD", "AVERAGE_POOL_2D", "DEPTHWISE_CONV_2D"]
    reason = done.taken_back["one_wrong"]
    assert reason.startswith("1 of 2 parts, ") and "moved" in reason
    assert list(done.changes) == ["one_wrong"]


def shifting(editor: Editor) -> Iterator[str]:
    """A pool as a convolution whose sums are 0.9 of a step too large, in every value."""
    yield from pool_by_convolution(editor)
    for operator in editor.operators:
        if editor.kind(operator) == "DEPTHWISE_CONV_2D":
            bias = editor.changed_constant(int(operator.inputs[2]), lambda values: values + 8)
            editor.read_at(operator, 2, bias)


def test_the_last_file_is_held_against_the_first() -> None:
    """A rewrite that moves no value by more than a step, but all the same way, is left out at the end, and the next one stays."""
    made, rows = branches(), [Rewrite(shifting, "quantized", exact=False), *chosen(["compute_in_float"])]
    first = answers(made)
    assert list(rewrite(made, "it", rows, answers).changes) == [
        "shifting"
    ]  # A step, on the average, is allowed.
    done = rewrite(made, "it", rows, answers, lambda: Yardstick(answers, first))
    assert list(done.changes) == ["compute_in_float"] and list(done.taken_back) == ["shifting"]
    assert drift(first, answers(done.content), first, 2 * SCALE) is None
    assert "from the float32 file's" in done.taken_back["shifting"]


def pools(count: int) -> bytes:
    """Strided pools of the same input, and their sum, whose step is as many times 0.75 of theirs."""
    made = Made(dtype="int8", scale=SCALE)
    each = [made.add("AVERAGE_POOL_2D", made.input, scale=SCALE, **STRIDED) for _ in range(count)]
    total = each[0]
    for other in each[1:]:
        total = made.add(
            "ADD", total, other, scale=0.75 * count * SCALE, table="AddOptions", shape=(1, 3, 3, 3)
        )
    return made.pack()


@pytest.mark.parametrize(
    ("count", "steps", "stay"), [(2, 9, 1), (5, 3, 1), (5, 6, 2), (5, 8, 3), (5, 11, 4), (5, 1, 0)]
)
def test_of_parts_that_hold_each_but_not_together_those_stay_that_do(
    count: int, steps: int, stay: int
) -> None:
    """Each pool moves the answers by a part of a step away from what they should be, which is some steps off, and a tenth of these is allowed."""
    made, rows = pools(count), [Rewrite(shifting, "quantized", exact=False), *chosen(["compute_in_float"])]
    first = answers(made)
    done = rewrite(
        made, "it", rows, answers, lambda: Yardstick(answers, first - steps * 0.75 * count * SCALE)
    )
    each = [kind for kind in kinds(done.content) if kind in ("DEPTHWISE_CONV_2D", "AVERAGE_POOL_2D")]
    assert each == ["DEPTHWISE_CONV_2D"] * stay + ["AVERAGE_POOL_2D"] * (count - stay)
    assert list(done.taken_back) == ["shifting"] and "compute_in_float" in done.changes
    said = done.taken_back["shifting"]
    if stay:
        assert said.startswith(f"{count - stay} of {count} parts, ") and ", with which the answers to" in said
    else:
        assert said.startswith("the answers to")


@pytest.mark.parametrize(
    ("before", "after", "wanted", "one", "reason"),
    [
        ([[0.0, 0.5]], [[0.25, 0.25]], None, STEP, None),
        ([[0.0, 0.5]], [[0.75, 0.5]], None, STEP, "moved by 2.1 steps"),
        ([[0.0, 0.5]], [[0.0, np.inf]], None, STEP, "finite no more"),
        ([[1.0, 2.0]], [[1.0, 2.0001]], None, None, "moved by 5e-05 of the largest"),
        ([[0.0, 0.5]], [[0.25, 0.5]], [[0.0, 0.5]], STEP, None),
        ([[0.0, 0.5]], [[0.25, 0.25]], [[0.0, 0.5]], STEP, "would be 0.25 from the float32 file's, and are 0 from them"),
        ([[4.0, 0.5]], [[2.0, 2.0]], [[0.0, 0.0]], STEP, None),
        ([[4.0, 0.5]], [[4.5, 0.5]], [[0.0, 0.0]], STEP, "to 1 pictures"),
        ([[4.0, 0.5]], [[4.5, 0.5]], [[0.0, 0.0]], None, "to 1 pictures"),
        ([[4.0, 0.5]], [[4.3, 0.5]], [[0.0, 0.0]], None, None),
        # Another class is first: one that led by more than two steps, which the float32 file's answers do or do not say, or by less.
        ([[0.4, 0.0]] * 9, [[0.4, 0.5]] + 8 * [[0.4, 0.0]], [[0.4, 0.2]] * 9, 0.13, "another class would be first for 1 picture of 9"),
        ([[0.4, 0.0]] * 9, [[0.4, 0.5]] + 8 * [[0.4, 0.0]], [[0.4, 0.5]] * 9, 0.13, None),
        ([[0.4, 0.0]] * 9, [[0.4, 0.5]] + 8 * [[0.4, 0.0]], [[0.4, 0.2]] * 9, 0.21, None),
        ([[0.4, 0.0]] * 9, [[0.4, 0.5]] + 8 * [[0.4, 0.0]], None, 0.13, "another class would be first for 1 picture of 9"),
        ([[0.4, 0.0]] * 9, [[0.4, 0.5]] + 8 * [[0.4, 0.0]], None, 0.21, None),
        ([[0.7, 0.1]] * 9, [[0.4, 0.5]] + 8 * [[0.7, 0.1]], None, 0.3, None),  # By two steps, which floats make a little more of.
    ],
)  # fmt: skip
def test_how_far_the_answers_may_be_at_the_end(
    before: list[list[float]],
    after: list[list[float]],
    wanted: list[list[float]] | None,
    one: float | None,
    reason: str | None,
) -> None:
    given = [None if rows is None else np.array(rows, np.float32) for rows in (before, after, wanted)]
    assert given[0] is not None and given[1] is not None
    said = drift(given[0], given[1], given[2], one)
    assert said is None if reason is None else said is not None and reason in said
