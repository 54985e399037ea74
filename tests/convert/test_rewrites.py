"""The rewrites: what each makes of a graph, that the graph computes the same, and what becomes of one that does not hold."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import branch_files
import int8_files
import numpy as np
import pytest
import shuffled_files
from ai_edge_litert.interpreter import Interpreter
from int8_files import CONV, POOL, RELU, SAME, SCALE, VALID, depthwise, int8
from tflite_files import Made

from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.convert.lowering import REWRITES, chosen
from mobilecnn.convert.lowering.moved_answers import difference, step
from mobilecnn.convert.lowering.rewrites import Rewrite, Rewritten, rewrite
from mobilecnn.errors import ModelFileError, UsageError
from mobilecnn.quantize.codes import decode

RELU_N1_TO_1 = 2

STRIDED = {**POOL, "strideW": 2, "strideH": 2, "padding": VALID, "shape": (1, 3, 3, 3)}

PICK = {**POOL, "filterWidth": 1, "filterHeight": 1, "strideW": 2, "strideH": 2, "shape": (1, 4, 4, 3)}
UNPADDED = {"padding": SAME, "filterWidth": 2, "filterHeight": 2, "shape": (1, 4, 4, 3)}


def answers(content: bytes) -> Any:
    """What LiteRT answers for three random inputs, (3, outputs)."""
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    source, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    generator = np.random.default_rng(0)
    rows = []
    for _ in range(3):
        if source["dtype"] == np.int8:
            image = generator.integers(-128, 128, source["shape"], np.int8)
        else:
            image = generator.normal(0, 2, source["shape"]).astype(np.float32)
        interpreter.set_tensor(source["index"], image)
        interpreter.invoke()
        rows.append(decode(interpreter.get_tensor(result["index"]), *result["quantization"]).reshape(1, -1))
    return np.concatenate(rows)


def kinds(content: bytes) -> list[str]:
    return [operation.kind for operation in flatbuffer.graph(content, "it").operations]


def applied(made: bytes, name: str) -> Rewritten:
    return rewrite(made, "it", chosen([name]), answers)


def conv(made: Made, source: int, kernel: int = 3, **options: Any) -> int:
    """A 3 to 3 channel convolution of the tensor ``source``, float32; ``shape`` among the options."""
    weights = np.random.default_rng(kernel).normal(0, 1, (3, kernel, kernel, 3))
    constants = made.constant(weights), made.constant(np.zeros(3))
    return made.add("CONV_2D", source, *constants, **{**CONV, "padding": SAME, **options})


def twice(kind: str, **options: Any) -> bytes:
    made = Made()
    first, second = (made.add(kind, made.input, **options) for _ in range(2))
    return made.put("ADD", first, second, table="AddOptions").pack()


def convolved_twice(seeds: tuple[int, int]) -> bytes:
    made = Made()
    first, second = (conv(made, made.input, kernel) for kernel in seeds)
    return made.put("ADD", first, second, table="AddOptions").pack()


def padded(before: int, after: int, stride: int, kernel: int, padding: int = VALID) -> bytes:
    made = Made()
    side = 8 + before + after
    amounts = made.constant([[0, 0], [before, after], [before, after], [0, 0]], "int32")
    pad = made.add("PAD", made.input, amounts, shape=(1, side, side, 3), table="PadOptions")
    out = (side - kernel) // stride + 1 if padding == VALID else -(-side // stride)
    conv(made, pad, kernel, padding=padding, strideW=stride, strideH=stride, shape=(1, out, out, 3))
    return made.pack()


def rectified(shared: bool = False, fused: int = 0) -> bytes:
    made = Made()
    middle = conv(made, made.input, fusedActivationFunction=fused)
    relu = made.add("RELU", middle)
    return made.put("ADD", relu, middle if shared else made.input, table="AddOptions").pack()


def rectified_after(kind: str = "RELU", first: str = "RELU", fused: int = 0, shared: bool = False) -> bytes:
    """The unit of stride 2 of ShuffleNet V1: a pool of rectified values beside a convolution, rectified together."""
    made = Made()
    pool = made.add("AVERAGE_POOL_2D", made.add(first, made.input), **POOL)
    branch = conv(made, made.input, fusedActivationFunction=fused)
    both = made.add("CONCATENATION", pool, branch, shape=(1, 8, 8, 6), table="ConcatenationOptions", axis=3)
    made.add(kind, both)
    if shared:
        made.add("ADD", made.last, both, table="AddOptions")
    return made.pack()


def reshaped(*shapes: tuple[int, ...]) -> bytes:
    made = Made()
    made.add("RELU", made.input)
    for shape in shapes:
        made.then("RESHAPE", shape, integers=True, shape=shape, table="ReshapeOptions")
    return made.put("RELU", made.last).pack()


def summed(final: float, shared: bool = False) -> bytes:
    """A sum in int8, and a QUANTIZE of it to the scale ``final``; a second QUANTIZE of it if it is shared."""
    made = Made(dtype="int8", scale=SCALE)
    total = made.add("ADD", made.input, made.input, scale=2 * SCALE, table="AddOptions")
    last = made.add("QUANTIZE", total, scale=final)
    if shared:
        made.add("CONCATENATION", last, made.add("QUANTIZE", total, scale=final), shape=(1, 8, 8, 6), scale=final,
                 table="ConcatenationOptions", axis=3)  # fmt: skip
    return made.pack()


def converted_twice(zero_point: int) -> bytes:
    """A QUANTIZE to a scale with a zero point, -128 for a rectification, and one of that to a scale that has negative values."""
    return int8(
        ("QUANTIZE", {"scale": 2 * SCALE, "zero_point": zero_point}),
        ("QUANTIZE", {"scale": 0.09, "zero_point": -10}),
    )


def sums(count: int, padded: bool = True) -> list[str]:
    one = ["SLICE", "DEPTHWISE_CONV_2D"]
    return ["PAD"] * padded + one + (count - 1) * [*one, "ADD"]


def concatenated(count: int) -> bytes:
    made = Made()
    parts = [made.add("RELU", made.input)] + [conv(made, made.input, kernel) for kernel in range(1, count)]
    return made.put(
        "CONCATENATION", *parts, shape=(1, 8, 8, 3 * count), table="ConcatenationOptions", axis=3
    ).pack()


PART = ["SLICE", "DEPTHWISE_CONV_2D"]
HALVES = ["DEPTHWISE_CONV_2D", *PART, "CONCATENATION"]
QUARTERS = [*HALVES, *PART, *PART, "CONCATENATION", "CONCATENATION"]
POOL_OF_2 = {**POOL, "filterWidth": 2, "filterHeight": 2}


CASES: list[tuple[str, bytes, list[str] | None]] = [
    # rewrite, graph, kinds after it; None where it must leave the graph alone
    ("merge_equal_operators", twice("RELU"), ["RELU", "ADD"]),
    ("merge_equal_operators", twice("AVERAGE_POOL_2D", **POOL), ["AVERAGE_POOL_2D", "ADD"]),
    ("merge_equal_operators", convolved_twice((3, 3)), ["CONV_2D", "ADD"]),
    ("merge_equal_operators", convolved_twice((3, 5)), None),
    ("merge_paddings", padded(0, 1, stride=2, kernel=3), ["CONV_2D"]),
    ("merge_paddings", padded(1, 1, stride=1, kernel=3), ["CONV_2D"]),
    ("merge_paddings", padded(2, 2, stride=1, kernel=5), ["CONV_2D"]),
    ("merge_paddings", padded(1, 1, stride=2, kernel=3), None),
    ("merge_paddings", padded(2, 2, stride=1, kernel=3), None),
    ("merge_paddings", padded(1, 1, stride=1, kernel=3, padding=SAME), None),
    ("fuse_relus", rectified(), ["CONV_2D", "ADD"]),
    ("fuse_relus", rectified(shared=True), None),
    ("fuse_relus", rectified(fused=RELU), None),
    ("rectify_branches", rectified_after(), ["RELU", "AVERAGE_POOL_2D", "CONV_2D", "CONCATENATION"]),
    ("rectify_branches", rectified_after(kind="RELU6"), None),
    ("rectify_branches", rectified_after(first="LEAKY_RELU"), None),
    ("rectify_branches", rectified_after(fused=RELU_N1_TO_1), None),
    ("rectify_branches", rectified_after(shared=True), None),
    ("drop_reshapes", reshaped((1, 8, 8, 3)), ["RELU", "RELU"]),
    ("drop_reshapes", reshaped((1, 4, 16, 3), (1, 64, 1, 3)), ["RELU", "RESHAPE", "RELU"]),
    ("drop_reshapes", reshaped((1, 4, 16, 3)), None),
    ("nest_concatenations", concatenated(5), ["RELU"] + 4 * ["CONV_2D"] + 2 * ["CONCATENATION"]),
    ("nest_concatenations", concatenated(9), ["RELU"] + 8 * ["CONV_2D"] + 3 * ["CONCATENATION"]),
    ("nest_concatenations", concatenated(4), None),
    ("drop_conversions", int8(("QUANTIZE", {}), ("RELU", {})), ["RELU"]),
    ("drop_conversions", int8(("DEQUANTIZE", {"dtype": "float32", "scale": ()}), ("QUANTIZE", {"scale": 0.1})), ["QUANTIZE"]),
    ("drop_conversions", int8(("QUANTIZE", {"scale": 0.1})), None),
    ("requantize_relus", int8(("RELU", {"scale": 0.03, "zero_point": -128})), ["QUANTIZE"]),
    ("requantize_relus", int8(("RELU", {"scale": SCALE, "zero_point": -128})), ["QUANTIZE"]),
    ("requantize_relus", int8(("RELU", {"scale": 0.06})), None),
    ("requantize_relus", int8(("RELU", {"scale": 1e-5, "zero_point": -128})), None),
    ("pool_by_convolution", int8(("AVERAGE_POOL_2D", STRIDED)), ["DEPTHWISE_CONV_2D"]),
    ("pool_by_convolution", int8(("AVERAGE_POOL_2D", {**STRIDED, "padding": SAME, "shape": (1, 4, 4, 3)})), None),
    ("pool_by_convolution", int8(("AVERAGE_POOL_2D", {**STRIDED, **UNPADDED})), ["DEPTHWISE_CONV_2D"]),
    ("pool_by_convolution", int8(("AVERAGE_POOL_2D", POOL)), None),
    ("pool_in_pieces", int8(("AVERAGE_POOL_2D", {**STRIDED, "padding": SAME, "shape": (1, 4, 4, 3)})), QUARTERS),
    ("pool_in_pieces", int8(("AVERAGE_POOL_2D", POOL_OF_2)), QUARTERS),
    ("pool_in_pieces", int8(("AVERAGE_POOL_2D", {**STRIDED, "padding": SAME, "filterWidth": 2, "shape": (1, 4, 4, 3)})), HALVES),
    ("pool_in_pieces", int8(("AVERAGE_POOL_2D", POOL)), None),
    ("pool_in_pieces", int8(("AVERAGE_POOL_2D", STRIDED)), None),
    ("pick_by_convolution", twice("AVERAGE_POOL_2D", **PICK), 2 * ["DEPTHWISE_CONV_2D"] + ["ADD"]),
    ("pick_by_convolution", twice("AVERAGE_POOL_2D", **POOL), None),
    ("split_large_kernels", depthwise(7, 7), sums(3)),
    ("split_large_kernels", depthwise(6, 6), sums(2)),
    ("split_large_kernels", depthwise(2, 13), sums(2)),
    ("split_large_kernels", depthwise(9, 9, padding=VALID, shape=(1, 1, 1, 3)), sums(5, padded=False)),
    ("split_large_kernels", depthwise(7, 7, strideW=2, strideH=2, shape=(1, 5, 5, 3)), sums(3)),
    ("split_large_kernels", depthwise(7, 7, dilationWFactor=2, dilationHFactor=2), sums(3)),
    ("split_large_kernels", depthwise(5, 5), None),
    ("split_large_kernels", depthwise(1, 27), sums(2)),
    ("split_large_kernels", depthwise(3, 31, strideW=2, dilationHFactor=2, shape=(1, 9, 5, 3)), sums(4)),
    ("split_large_kernels", depthwise(31, 31), sums(44)),
    ("split_large_kernels", depthwise(7, 7, "int8"), None),
    ("write_in_final_scale", summed(0.08), ["ADD"]),
    ("write_in_final_scale", summed(1e-4), None),
    ("write_in_final_scale", converted_twice(zero_point=-128), None),
    ("write_in_final_scale", converted_twice(zero_point=0), ["QUANTIZE"]),
    ("write_in_final_scale", summed(0.08, shared=True), None),
    *branch_files.CASES,
    *int8_files.CASES,
    *shuffled_files.CASES,
]  # fmt: skip


IN_ANOTHER_ORDER = ("fold_shuffles", "merge_branches", "route_channels", "write_groups_dense")
"""Rewrites after which a float32 sum may be added up in another order."""


@pytest.mark.parametrize(("name", "made", "after"), CASES)
def test_a_rewrite_changes_what_it_knows_and_the_answers_hold(
    name: str, made: bytes, after: list[str] | None
) -> None:
    done = applied(made, name)
    assert done.taken_back == {}
    if after is None:
        assert (done.changes, done.content) == ({}, made)
        return
    assert kinds(done.content) == after
    assert list(done.changes) == [name] and all(done.changes[name])
    again = applied(done.content, name)
    assert (again.changes, again.content) == ({}, done.content)
    before, now = answers(made), answers(done.content)
    one = step(flatbuffer.graph(made, "it"))
    sums = one is None and name in IN_ANOTHER_ORDER
    if next(row for row in REWRITES if row.name == name).exact and not sums:
        assert np.array_equal(before, now)
    else:
        assert np.abs(before - now).max() <= (1e-5 * np.abs(before).max() if one is None else 1.001 * one)


ELSEWHERE = {
    "split_groups": "test_split_groups.py",
    "columns_to_channels": "test_columns.py",
    "places_to_channels": "test_packed_places.py",
}
"""Rewrite that goes by costs -> the file with its cases, which have costs of their own."""


def test_every_rewrite_is_tried_above_on_graphs_of_both_kinds() -> None:
    for row in REWRITES:
        if row.name in ELSEWHERE:
            assert row.name in Path(__file__).with_name(ELSEWHERE[row.name]).read_text()
            continue
        rows = [after for name, _, after in CASES if name == row.name]
        assert None in rows and [after for after in rows if after], row.name


def test_each_rewrite_says_its_algebra() -> None:
    for row in REWRITES:
        first, _, algebra = (row.run.__doc__ or "").partition("\n\n")
        assert first.endswith((".", ",")) and "\n" not in first
        assert len(algebra) > 100, row.name


def _wrong(editor: Editor) -> Iterator[str]:
    operator = editor.operators[0]
    operator.builtinOptions.fusedActivationFunction = RELU_N1_TO_1
    yield "a convolution is clamped"


def _refused(editor: Editor) -> Iterator[str]:
    editor.operators[0].builtinOptions.strideW = 0
    yield "a convolution without a stride"


@pytest.mark.parametrize(("run", "reason"), [(_wrong, "answers moved by"), (_refused, "refuses it")])
def test_a_rewrite_that_does_not_hold_is_taken_back_and_said(
    run: Callable[[Editor], Iterator[str]], reason: str
) -> None:
    def asked(content: bytes) -> Any:
        try:
            return answers(content)
        except (RuntimeError, ValueError) as error:
            raise ModelFileError(f"litert refuses it ({error})") from error

    made = rectified()
    rows = [Rewrite(run, "converted", exact=True), *chosen(["fuse_relus"])]
    done = rewrite(made, "it", rows, asked)
    assert list(done.taken_back) == [run.__name__] and reason in done.taken_back[run.__name__]
    assert list(done.changes) == ["fuse_relus"]
    assert np.array_equal(answers(made), answers(done.content))


STEP = 0.25


@pytest.mark.parametrize(
    ("before", "after", "one", "reason"),
    [
        ([[1.0, 2.0]], [[1.0, 2.00001]], None, None),
        ([[1.0, 2.0]], [[1.0, 2.0001]], None, "moved by 5e-05 of the largest"),
        ([[1.0, 2.0]], [[1.0, np.nan]], None, "finite no more"),
        ([[0.0, 0.5]], [[0.0, 0.5]], STEP, None),
        ([[0.0, 0.5]], [[0.0, 0.75]], STEP, "1 of 2 answers moved, and none may"),
    ],
)
def test_what_answers_may_do_after_an_exact_rewrite(
    before: list[list[float]], after: list[list[float]], one: float | None, reason: str | None
) -> None:
    said = difference(np.array(before, np.float32), np.array(after, np.float32), one)
    assert said is None if reason is None else said is not None and reason in said


def test_the_step_is_that_of_the_scores_behind_a_float_output() -> None:
    made = int8(("RELU", {"scale": 0.03}), ("DEQUANTIZE", {"dtype": "float32", "scale": ()}))
    assert step(flatbuffer.graph(made, "it")) == pytest.approx(0.03)
    assert step(flatbuffer.graph(rectified(), "it")) is None


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ("auto", [row.name for row in REWRITES if row.name not in ("widen_depthwise", "places_to_channels")]),
        ("none", []),
        ("fuse_relus,merge_paddings", ["merge_paddings", "fuse_relus"]),
        (["fuse_relus"], ["fuse_relus"]),
        ("fuse_relus, merge_paddings", ["merge_paddings", "fuse_relus"]),
        ([" fuse_relus "], ["fuse_relus"]),
        (" none ", []),
    ],
)
def test_rewrites_are_chosen_by_name_in_the_tables_order(wanted: str | list[str], names: list[str]) -> None:
    assert [row.name for row in chosen(wanted)] == names


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("auto,none", "auto stands for all rewrites and has no other beside it"),
        (["fuse_relus", "none"], "none stands for no rewrites and has no other beside it"),
        ("fuse,auto", "unknown rewrite 'fuse'"),
    ],
)
def test_auto_and_none_stand_alone(wanted: str | list[str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        chosen(wanted)


@pytest.mark.parametrize("wanted", ["", "fuse", "fuse_relus,", "fuse relus"])
def test_an_unknown_rewrite_is_refused_with_those_there_are(wanted: str | list[str]) -> None:
    with pytest.raises(UsageError, match=r"unknown rewrite .*merge_paddings.*with commas between"):
        chosen(wanted)


def test_the_parts_of_an_int8_concatenation_have_its_scale() -> None:
    """The runtime refuses those of another one."""
    made = Made((1, 4, 4, 2), "int8", 0.05)
    parts = [made.add("RELU", made.input, scale=0.05) for _ in range(6)]
    made.put("CONCATENATION", *parts, shape=(1, 4, 4, 12), scale=0.05, table="ConcatenationOptions", axis=3)
    done = applied(made.pack(), "nest_concatenations")
    assert kinds(done.content) == 6 * ["RELU"] + 2 * ["CONCATENATION"]
    for operation in flatbuffer.graph(done.content, "it").operations:
        assert operation.outputs[0].scales == pytest.approx((0.05,))
