"""Channel shuffles: how they are recognised, which form a target's costs choose, and what is said of it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from int8_files import depthwise as depthwise_of
from shuffled_files import (
    CHANNELS,
    GROUPS,
    UNIT,
    activation,
    converted,
    depthwise,
    depthwise_half,
    five,
    four,
    gather,
    graph,
    halved,
    pointwise,
    quantize,
    sliced,
    stacked,
    stage,
)
from test_rewrites import answers, applied, kinds

from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.convert.lowering import chosen
from mobilecnn.convert.lowering.costs import ANY, TARGETS, Costs, Table
from mobilecnn.convert.lowering.explanation import Untouched, explain
from mobilecnn.convert.lowering.movements import group_count, interleaved, inverse, shuffles
from mobilecnn.convert.lowering.rewrites import Rewritten, rewrite
from mobilecnn.errors import UsageError

EVEN = Table(call=0, group=0, width=1, unit=1, depth=1, tile=0, position=0, channel=0)
"""A chip on which multiply-adds alone cost something."""


def costs(**table: Any) -> Costs:
    row = replace(EVEN, **table)
    return Costs("a chip of the tests", {"float32": (row,), "int8": (row,)})


def lowered(content: bytes, table: Costs) -> Rewritten:
    rows = [replace(row, costs=table) for row in chosen(["write_groups_dense"])]
    return rewrite(content, "it", rows, answers)


@pytest.mark.parametrize("groups", [2, 3, 4, 6])
def test_a_shuffle_of_equal_groups_is_known_by_its_order(groups: int) -> None:
    order = interleaved(CHANNELS, groups)
    assert order == tuple(np.arange(CHANNELS).reshape(groups, -1).T.ravel())
    assert group_count(order) == groups
    assert inverse(order) == interleaved(CHANNELS, CHANNELS // groups)
    assert group_count(tuple(range(CHANNELS))) is None


@pytest.mark.parametrize("spelling", [four, five, gather(), stacked])
def test_the_order_of_the_channels_is_found_in_every_spelling(spelling: Any) -> None:
    model = flatbuffer.parse(graph(activation, spelling, activation), "it")
    (found,) = shuffles(Editor(model))
    assert found.order == interleaved(CHANNELS, GROUPS)


@pytest.mark.parametrize(("target", "stay"), [("pi5", 0), ("pi4", 0), (ANY, 0), ("pi3", 2)])
def test_whether_channels_go_straight_is_the_targets_to_say(target: str, stay: int) -> None:
    done = rewrite(graph(stage(2)), "it", chosen("auto", target), answers)
    assert kinds(done.content).count("TRANSPOSE") == kinds(done.content).count("SPLIT") == stay
    left = explain(done.content, "it", (), [TARGETS[target]]).untouched
    assert [row.why for row in left if row.what == "channels shuffled between units"] == [
        f"route_channels is not known to make it faster on {TARGETS[target].title}"
    ] * (stay > 0)
    (stuck,) = explain(graph(stage(2, pointwise(GROUPS))), "it", (), [None]).untouched
    assert stuck.why == "what reads the channels cannot have them in another order (a grouped convolution)"
    # Who names it gets it, whatever the target.
    named = rewrite(graph(stage(2)), "it", chosen("route_channels", target), answers)
    assert "TRANSPOSE" not in kinds(named.content)


def test_all_spellings_give_one_file_but_for_names() -> None:
    made = [
        graph(pointwise(GROUPS), spelling, depthwise, pointwise(GROUPS))
        for spelling in (four, five, gather(), stacked)
    ]
    done = [rewrite(content, "it", chosen("auto"), answers) for content in made]
    assert len({tuple(kinds(row.content)) for row in done}) == 1
    for row in done[1:]:
        assert np.array_equal(answers(row.content), answers(done[0].content))


DENSE = ["LEAKY_RELU", "CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D"]
NATIVE = ["LEAKY_RELU", "CONV_2D", "RESHAPE", "TRANSPOSE", "RESHAPE", "DEPTHWISE_CONV_2D", "CONV_2D"]


@pytest.mark.parametrize("dtype", ["float32", "int8"])
@pytest.mark.parametrize(
    ("table", "after", "dense"),
    [
        (costs(), NATIVE, 0),  # Only multiply-adds cost: everything stays as it is.
        (costs(group=1e6), DENSE, 2),  # Only groups cost.
        (costs(channel=1e6), DENSE, 1),  # Only shuffles cost: one convolution takes it.
        (costs(width=64, tile=1), DENSE, 2),  # A group fills no tile.
    ],
)
def test_the_costs_of_the_target_decide(dtype: str, table: Costs, after: list[str], dense: int) -> None:
    made = graph(*UNIT, dtype=dtype)
    done = lowered(made, table)
    assert kinds(done.content) == after and not done.taken_back
    weights = [
        row.inputs[1].shape[3]
        for row in flatbuffer.graph(done.content, "it").operations
        if row.kind == "CONV_2D" and row.inputs[1] is not None
    ]
    assert weights.count(CHANNELS) == dense
    if dense:
        (words,) = [row for row in done.changes["write_groups_dense"] if "grouped" in row]
        assert f"{dense} grouped" in words and "a chip of the tests" in words


def test_a_convolution_that_stays_in_its_groups_takes_an_order_without_becoming_dense() -> None:
    order = [*range(3, -1, -1), *range(4, CHANNELS)]  # Within the first of three groups.
    done = applied(graph(gather(order), pointwise(GROUPS)), "fold_shuffles")
    assert kinds(done.content) == ["LEAKY_RELU", "CONV_2D"]
    weight = flatbuffer.graph(done.content, "it").operations[1].inputs[1]
    assert weight is not None and weight.shape[3] == CHANNELS // GROUPS


def test_a_type_without_costs_keeps_its_groups() -> None:
    made = graph(*UNIT, dtype="int8")
    assert lowered(made, Costs("half a chip", {"float32": (EVEN,)})).content == made


@pytest.mark.parametrize("floats", [(), (EVEN,), (EVEN, EVEN)])
def test_a_shuffle_of_a_type_of_other_chips_stays(floats: tuple[Table, ...]) -> None:
    """The convolution behind the conversion could take it, and nothing says what that is worth on which chip."""
    made = graph(activation, four, quantize, pointwise(GROUPS))
    tables = {"int8": (replace(EVEN, channel=1e6),), **({"float32": floats} if floats else {})}
    known = Costs("two types of the tests", tables)
    done = lowered(made, known)
    assert done.content == made and not done.taken_back
    (row,) = explain(done.content, "it", (), [known]).untouched
    assert row.what == "channel shuffle" and "no costs, for two types of the tests, of" in row.why


@pytest.mark.parametrize(
    ("first", "second", "after"),
    [
        ({"channel": 1e6}, {"channel": 1e6}, DENSE),
        # The first saves a shuffle, and the second has only more to multiply.
        ({"channel": 1e6}, {}, NATIVE),
        # At each place a grouped convolution takes 48 ns, a dense one 144, and the shuffle 72 or 78.
        ({"channel": 1e6}, {"channel": 6.0}, NATIVE),
        ({"channel": 1e6}, {"channel": 6.5}, DENSE),
        # What the second loses is little, but more than what the first saves.
        ({"channel": 8.01}, {"channel": 6.5}, NATIVE),
    ],
)
def test_no_chip_of_a_target_is_made_slow_for_another(
    first: dict[str, Any], second: dict[str, Any], after: list[str]
) -> None:
    tables = tuple(replace(EVEN, **changed) for changed in (first, second))
    done = lowered(graph(*UNIT, dtype="int8"), Costs("two chips of the tests", {"int8": tables}))
    assert kinds(done.content) == after


@pytest.mark.parametrize(("second", "after"), [({"channel": 7.7}, NATIVE), ({"channel": 8.01}, DENSE)])
def test_in_float32_no_chip_may_lose(second: dict[str, Any], after: list[str]) -> None:
    """The second loses 3.6 ns of 140.4 at each place, or gains 0.1."""
    tables = tuple(replace(EVEN, **changed) for changed in ({"channel": 1e6}, second))
    done = lowered(graph(*UNIT), Costs("two chips of the tests", {"float32": tables}))
    assert kinds(done.content) == after


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_has_costs_that_grow_with_the_work(name: str) -> None:
    for dtype, tables in TARGETS[name].tables.items():
        assert dtype in ("float32", "int8") and tables
        for table in tables:
            small, wide = table.convolution(49, 100, 100, 1), table.convolution(49, 400, 400, 1)
            assert 0 < 4 * small < wide
            # A fit may give all of a shuffle's time to its calls.
            assert 0 < table.shuffle(49, 30) <= table.shuffle(784, 60)


def test_targets_are_chosen_by_name() -> None:
    (row,) = chosen(["write_groups_dense"], next(iter(TARGETS)))
    assert row.costs is TARGETS[next(iter(TARGETS))]
    with pytest.raises(UsageError, match=rf"unknown target 'pi9'; choose one of .*{ANY}"):
        chosen("auto", "pi9")


def test_what_was_done_and_what_stays_is_explained_part_by_part() -> None:
    made = graph(*UNIT, dtype="int8")
    table = costs(channel=1e6)
    done = lowered(made, table)
    found = explain(done.content, "it", done.parts, [None, table])
    (change,) = found.changes
    assert change.rewrite == "write_groups_dense"
    assert change.before.operators == "2 RESHAPE, TRANSPOSE, DEPTHWISE_CONV_2D, CONV_2D"
    assert change.after.operators == "DEPTHWISE_CONV_2D, CONV_2D"
    each = 16 * CHANNELS * CHANNELS
    assert (change.before.macs, change.after.macs) == (
        16 * CHANNELS * 9 + each // 3,
        16 * CHANNELS * 9 + each,
    )
    assert change.before.nbytes > change.after.nbytes > 0
    took = 16 * CHANNELS * CHANNELS // 3 + 16 * CHANNELS * 1e6
    assert change.before.microseconds == {"a chip of the tests": pytest.approx(took / 1000, abs=0.001)}
    assert change.after.microseconds == {"a chip of the tests": pytest.approx(each / 1000, abs=0.001)}
    assert change.layer
    assert [row.what for row in found.untouched] == []


@pytest.mark.parametrize("target", [ANY, "pi3"])
def test_a_shuffle_by_slices_is_seen_between_units(target: str) -> None:
    done = rewrite(
        graph(stage(2, shuffle=sliced, behind=(activation,))), "it", chosen("auto", target), answers
    )
    assert not {"STRIDED_SLICE", "GATHER"} & set(kinds(done.content)) and not done.taken_back
    assert kinds(done.content).count("TRANSPOSE") == (2 if target == "pi3" else 0)


def test_why_channels_are_shuffled_between_units_is_said_of_an_int8_file_too() -> None:
    """The quantizer puts conversions between the moving operators, which routes of the float32 file do not have."""
    said = "route_channels is not known to make it faster on the Raspberry Pi 3 B+"
    for between in ((), (converted,)):
        made = graph(stage(2, passing=between), dtype="int8")
        assert "QUANTIZE" in kinds(made) or not between
        (row,) = explain(made, "it", (), [TARGETS["pi3"]]).untouched
        assert (row.what, row.why) == ("channels shuffled between units", said)


def test_channels_that_no_convolution_gives_are_said_shuffle_by_shuffle() -> None:
    found = explain(graph(stage(2, behind=(depthwise_half,))), "it", (), [TARGETS[ANY]]).untouched
    assert [row.what for row in found] == 2 * ["channel shuffle"]
    assert all("after it (SPLIT)" in row.why for row in found)


def test_a_large_kernel_that_stays_is_said() -> None:
    (row,) = explain(depthwise_of(7, 7, "int8"), "it", (), [None]).untouched
    assert row.what == "DEPTHWISE_CONV_2D" and "more than 25 weights a channel" in row.why


def test_a_shuffle_that_stays_says_why() -> None:
    said: list[tuple[tuple[Any, ...], Costs | None, str]] = [
        (
            (four, activation),
            None,
            "(the graph's input or output) nor what is after it (the graph's input or output)",
        ),
        ((pointwise(), four), None, "it is the graph's output"),
        ((activation, four, halved), None, "what is after it (SPLIT) can have another order of channels"),
        (UNIT, costs(), "would be slower, by the costs of a chip of the tests"),
        (
            UNIT,
            Costs("two", {"float32": (EVEN, replace(EVEN, channel=1e6))}),
            "slower on one chip by too much",
        ),
        (UNIT, None, "no rewrite that folds it was asked for"),
        (UNIT, Costs("half a chip", {"int8": (EVEN,)}), "no costs, for half a chip, of the grouped"),
        ((four, pointwise(GROUPS, size=3)), costs(channel=1e6), "no costs, for a chip of the tests, of"),
        ((four, pointwise(GROUPS, half=True)), costs(channel=1e6), "no costs, for a chip of the tests, of"),
    ]
    for steps, table, words in said:
        (row,) = explain(graph(*steps), "it", (), [table]).untouched
        assert isinstance(row, Untouched) and row.what == "channel shuffle" and words in row.why
