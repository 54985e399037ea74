"""What the costs of the target say of the parts that rewrites changed: a time for each chip, or none."""

from dataclasses import replace

import branch_files
import pytest
import shuffled_files
from int8_files import depthwise
from test_rewrites import answers, concatenated

from mobilecnn.convert.lowering import chosen
from mobilecnn.convert.lowering.costs import TARGETS, Costs, chips
from mobilecnn.convert.lowering.explanation import Change
from mobilecnn.convert.lowering.rewrites import rewrite

TWO = branch_files.graph(branch_files.convolution(2), branch_files.convolution(5))
SHUFFLED = shuffled_files.graph(shuffled_files.pointwise(), shuffled_files.four, shuffled_files.activation)


def part(made: bytes, name: str, target: str) -> Change:
    """The one part that a rewrite changes."""
    (change,) = rewrite(made, "it", chosen([name], target), answers).parts
    return change


def test_each_chip_of_a_target_has_a_time_of_its_own() -> None:
    change = part(TWO, "merge_branches", "any")
    places, inputs = branch_files.SIDE**2, branch_files.CHANNELS
    for chip in ("x86", "pi5"):
        (table,) = TARGETS[chip].tables["float32"]
        one, two, both = (table.convolution(places, inputs, out, 1) / 1000 for out in (2, 5, 7))
        assert change.before.microseconds[chip] == pytest.approx(one + two, abs=0.001)
        assert change.after.microseconds[chip] == pytest.approx(both, abs=0.001)
    assert list(change.after.microseconds) == ["x86", "pi5"]


def test_a_shuffle_that_goes_is_a_gain_whichever_rewrite_takes_it() -> None:
    change = part(SHUFFLED, "fold_shuffles", "x86")
    (table,) = TARGETS["x86"].tables["float32"]
    gone = change.before.microseconds["x86"] - change.after.microseconds["x86"]
    assert gone == pytest.approx(table.shuffle(16, shuffled_files.CHANNELS) / 1000, abs=0.001)


@pytest.mark.parametrize(
    ("made", "name", "target"),
    [
        (TWO, "merge_branches", "pi4"),  # It has no costs in float32.
        (depthwise(7, 7), "split_large_kernels", "any"),  # No costs are known of depthwise convolutions.
        (shuffled_files.graph(shuffled_files.gather(), shuffled_files.activation), "spell_shuffles", "any"),
        (concatenated(5), "nest_concatenations", "any"),
    ],
)
def test_nothing_is_said_where_the_costs_do_not_know_what_came(made: bytes, name: str, target: str) -> None:
    rows = rewrite(made, "it", chosen([name], target), answers).parts
    assert rows and all(side.microseconds == {} for row in rows for side in (row.before, row.after))


def test_chips_are_called_as_the_targets_and_others_as_their_costs() -> None:
    assert chips(TARGETS["any"], "int8") == ("x86", "x86-amx", "pi4", "pi5")
    assert chips(TARGETS["any"], "int16") == ()
    for name, target in TARGETS.items():
        if name != "any":
            assert {chips(target, dtype) for dtype in target.tables} == {(name,)}
    (table,) = TARGETS["pi4"].tables["int8"]
    others = (replace(table, call=1.0), replace(table, call=2.0))
    assert chips(Costs("mine", {"int8": others}), "int8") == ("mine, 1", "mine, 2")
    assert chips(Costs("mine", {"int8": others[:1]}), "int8") == ("mine",)
