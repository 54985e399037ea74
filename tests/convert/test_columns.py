"""First convolutions that read neighbouring columns as channels: which ones, for whom, and that the answers stay the same."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from int8_files import CONV, SAME, SCALE, VALID, of_channels
from test_rewrites import answers, kinds
from tflite_files import Made

from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph.build import Layers
from mobilecnn.convert.inspection import folded, macs
from mobilecnn.convert.lowering import chosen
from mobilecnn.convert.lowering.costs import TARGETS, Costs, Table
from mobilecnn.convert.lowering.rewrites import Rewritten, rewrite

PLACES = Table(0, 0, 16, 8, 1, 1, 0, 0, places=0.9)
"""A chip on which a convolution of few channels takes as long as its kernel has places, nearly."""

FREE = replace(PLACES, places=1.0)
"""One on which multiply-adds cost nothing there, so that every kernel of fewer places gains."""

OUT = 5


def picture(
    kernel: tuple[int, int] = (3, 3),
    stride: tuple[int, int] = (2, 2),
    padding: int = SAME,
    sides: tuple[int, int] = (12, 12),
    channels: int = 3,
    dtype: str = "int8",
    batch: int = 1,
    computed_bias: bool = False,
    **options: Any,
) -> bytes:
    """A convolution of a picture whose zero point is not 0, each output with a scale of its own."""
    small = dtype == "int8"
    made = Made((batch, *sides, channels), dtype, SCALE if small else (), 7 if small else 0)
    scales = np.linspace(0.001, 0.004, OUT)
    weights, bias = of_channels(made, (OUT, *kernel, channels), scales if small else None, kernel[1])
    if computed_bias:
        flat = made.constant([OUT], "int32")
        bias = made.add(
            "RESHAPE", bias, flat, shape=(OUT,), scale=tuple(scales * SCALE), table="ReshapeOptions"
        )
    reach = [
        -(-side // step) if padding == SAME else (side - window) // step + 1
        for side, step, window in zip(sides, stride, kernel, strict=True)
    ]
    said = {**CONV, "strideH": stride[0], "strideW": stride[1], "padding": padding, **options}
    return made.put(
        "CONV_2D", made.input, weights, bias, shape=(batch, *reach, OUT), scale=0.05 if small else (), **said
    ).pack()


def lowered(content: bytes, *tables: Table, packs: bool = False) -> Rewritten:
    costs = Costs("a chip of the tests", {"int8": tables, "float32": tables} if tables else {}, packs=packs)
    return rewrite(
        content, "it", [replace(row, costs=costs) for row in chosen(["columns_to_channels"])], answers
    )


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("padding", [SAME, VALID])
@pytest.mark.parametrize(
    ("kernel", "stride", "same", "valid"),
    [
        # Columns of the other kernel: with "same" padding a column may begin before the places that the kernel had.
        (3, 2, 2, 2),
        (4, 2, 3, 2),
        (5, 2, 3, 3),
        (7, 2, 4, 4),
        (5, 3, 3, 2),
        (7, 3, 3, 3),
        (6, 4, 3, 2),
        (7, 4, 3, 2),
        (11, 4, 3, 3),
    ],
)
def test_the_answers_are_the_same_to_the_bit(
    kernel: int, stride: int, same: int, valid: int, padding: int, channels: int
) -> None:
    made = picture((kernel, kernel), (stride, stride), padding, (24, 24), channels)
    done, columns = lowered(made, FREE), same if padding == SAME else valid
    assert not done.taken_back and kinds(done.content) == ["RESHAPE", "CONV_2D"]
    assert np.array_equal(answers(made), answers(done.content))
    before, after = (flatbuffer.graph(content, "it").operations[-1] for content in (made, done.content))
    weights = after.inputs[1]
    assert weights is not None and weights.shape[2:] == (columns, stride * channels)
    assert macs(before) == macs(after) == macs(before, zeros=True) <= macs(after, zeros=True)


@pytest.mark.parametrize("width", [13, 14])
def test_what_same_cannot_say_a_padding_does(width: int) -> None:
    """It begins a column to the left where the row is odd, and a block of two columns is the least that a kernel of two can begin earlier."""
    made = picture(sides=(12, width), batch=2)
    done = lowered(made, FREE)
    assert not done.taken_back and kinds(done.content)[-2:] == (
        ["PAD", "CONV_2D"] if width % 2 else ["RESHAPE", "CONV_2D"]
    )
    assert np.array_equal(answers(made), answers(done.content))


@pytest.mark.parametrize("together", [False, True])
def test_a_patch_embedding_stays(together: bool) -> None:
    made = picture((4, 4), (4, 4), VALID, (32, 32))
    assert lowered(made, FREE, packs=together).content == made


def test_a_kernel_need_not_be_square_nor_the_picture() -> None:
    made = picture((2, 5), sides=(9, 16))
    done = lowered(made, PLACES)
    assert kinds(done.content) == ["RESHAPE", "CONV_2D"]
    assert np.array_equal(answers(made), answers(done.content))


@pytest.mark.parametrize(
    ("kernel", "stride", "padding", "width"),
    [(3, 2, VALID, 13), (7, 2, VALID, 15), (11, 4, VALID, 27), (5, 3, VALID, 23), (6, 2, SAME, 13), (4, 2, SAME, 13)],
)  # fmt: skip
def test_a_row_that_the_stride_does_not_divide_is_filled_up(
    kernel: int, stride: int, padding: int, width: int
) -> None:
    made = picture((kernel, kernel), (stride, stride), padding, (16, width))
    done = lowered(made, FREE)
    assert not done.taken_back and kinds(done.content) == ["RESHAPE", "PAD", "RESHAPE", "CONV_2D"]
    assert np.array_equal(answers(made), answers(done.content))


@pytest.mark.parametrize(
    "made",
    [
        picture(stride=(1, 1)),
        picture(stride=(1, 2)),
        picture(kernel=(3, 1)),
        picture(kernel=(1, 1)),
        picture(kernel=(2, 2)),
        picture(kernel=(4, 4), sides=(13, 13), padding=VALID),  # It would reach a place further.
        picture(channels=8),
        picture(dtype="float32"),
        picture(dilationWFactor=2),
        picture(dilationHFactor=2),
        picture(sides=(12, 13), dilationHFactor=2),
        picture(computed_bias=True),
    ],
)  # fmt: skip
def test_others_are_left_alone(made: bytes) -> None:
    assert lowered(made, PLACES).content == made


@pytest.mark.parametrize(
    "tables",
    [
        (),
        (replace(PLACES, places=0.0),),  # Not found out.
        (PLACES, replace(PLACES, places=0.0)),
        (replace(PLACES, places=0.3),),  # Multiply-adds are what costs time.
        (PLACES, replace(PLACES, places=0.2)),  # Too much slower on one chip.
    ],
)
def test_a_convolution_stays_where_the_costs_do_not_say_that_it_gains(tables: tuple[Table, ...]) -> None:
    made = picture()
    assert lowered(made, *tables).content == made


def test_what_else_reads_the_picture_reads_it_as_it_is() -> None:
    made = Made((1, 12, 12, 3), "int8", SCALE)
    bias = made.constant(np.zeros(OUT), "int32", 0.01 * SCALE)
    options: dict[str, Any] = {**CONV, "padding": SAME, "strideW": 2, "strideH": 2}
    sums = [
        made.add("CONV_2D", made.input, made.constant(np.full((OUT, side, side, 3), 3), "int8", 0.01), bias,
                 shape=(1, 6, 6, OUT), scale=0.2, **options)
        for side in (3, 1)
    ]  # fmt: skip
    content = made.put("ADD", *sums, scale=0.4, table="AddOptions").pack()
    done = lowered(content, PLACES)
    assert kinds(done.content) == ["RESHAPE", "CONV_2D", "CONV_2D", "ADD"]
    assert np.array_equal(answers(content), answers(done.content))


def padded(
    *around: tuple[int, int],
    side: int = 12,
    kernel: int = 3,
    value: bool = False,
    padding: int = VALID,
    shared: bool = False,
) -> bytes:
    """A convolution with stride 2 of a picture that a PAD adds zeros to."""
    made = Made((1, side, side, 3), "int8", SCALE, 7)
    wide = (1, *(side + sum(more) for more in around), 3)
    amounts = made.constant([[0, 0], *around, [0, 0]], "int32")
    zero = [made.constant(np.full((), 7), "int8", SCALE)] if value else []
    kind = "PADV2" if value else "PAD"
    source = made.add(
        kind,
        made.input,
        amounts,
        *zero,
        shape=wide,
        scale=SCALE,
        zero_point=7,
        table="PadV2Options" if value else "PadOptions",
    )
    bias = made.constant(np.arange(OUT), "int32", 0.01 * SCALE)
    weights = made.constant(
        np.random.default_rng(0).integers(-127, 128, (OUT, kernel, kernel, 3)), "int8", 0.01
    )
    options: dict[str, Any] = {**CONV, "padding": padding, "strideW": 2, "strideH": 2}
    reach = [-(-each // 2) if padding == SAME else (each - kernel) // 2 + 1 for each in wide[1:3]]
    output = made.add("CONV_2D", source, weights, bias, shape=(1, *reach, OUT), scale=0.2, **options)
    others = [made.add("QUANTIZE", source, scale=2 * SCALE, shape=wide)] if shared else []
    return made.pack(output, *others)


@pytest.mark.parametrize("side", [12, 13])
@pytest.mark.parametrize("kernel", [3, 5, 7])
@pytest.mark.parametrize("around", [((1, 1), (1, 1)), ((3, 3), (3, 3)), ((0, 1), (0, 1)), ((2, 1), (0, 3))])
def test_a_padding_before_it_stays_before_it_in_whole_columns(
    around: tuple[tuple[int, int], ...], kernel: int, side: int
) -> None:
    made = padded(*around, side=side, kernel=kernel)
    done = lowered(made, FREE)
    filled = ["RESHAPE", "PAD"] if side % 2 else []
    assert not done.taken_back and kinds(done.content) == [*filled, "RESHAPE", "PAD", "CONV_2D"]
    assert np.array_equal(answers(made), answers(done.content))
    before, after = (flatbuffer.graph(content, "it").operations[-1] for content in (made, done.content))
    assert macs(before) == macs(after)


@pytest.mark.parametrize(
    "made",
    [
        padded((1, 1), (1, 1), value=True),
        padded((1, 1), (1, 1), padding=SAME),
        padded((1, 1), (1, 1), shared=True),
    ],
)
def test_another_padding_before_it_leaves_it_as_it_is(made: bytes) -> None:
    assert lowered(made, FREE).content == made


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("padding", [SAME, VALID])
@pytest.mark.parametrize(("kernel", "stride"), [(3, 2), (5, 2), (7, 2), (5, 3), (11, 4)])
def test_outputs_beside_each_other_become_channels_where_the_target_packs(
    kernel: int, stride: int, padding: int, channels: int
) -> None:
    """As many as fill the tile, if the row divides into them."""
    reach, tile = 12, Table(0, 0, 8 * OUT, 1, 1, 100, 0, 0, places=0.95)
    side = reach * stride if padding == SAME else (reach - 1) * stride + kernel
    made = picture((kernel, kernel), (stride, stride), padding, (side, side), channels)
    done = lowered(made, tile, packs=True)
    assert not done.taken_back and kinds(done.content)[-2:] == ["CONV_2D", "RESHAPE"]
    assert np.array_equal(answers(made), answers(done.content))
    (was,) = flatbuffer.graph(made, "it").operations
    now = flatbuffer.graph(done.content, "it").operations[-2]
    assert now.outputs[0].shape == (1, reach, 3, 4 * OUT)
    assert macs(was) == macs(now)
    (change,) = done.parts
    if kinds(done.content) == ["RESHAPE", "CONV_2D", "RESHAPE"]:  # What a PAD takes the costs do not know.
        (before,), (after,) = (row.microseconds.values() for row in (change.before, change.after))
        assert 0 < after < before


@pytest.mark.parametrize(
    ("kernel", "taken"),
    [
        (3, {"x86", "x86-amx", "pi4", "rk3399", "sd810"}),
        (7, {"any", "x86", "x86-amx", "pi3", "pi4", "rk3399", "sd810"}),
    ],
)
def test_whose_first_convolution_is_written_so(kernel: int, taken: set[str]) -> None:
    made = picture((kernel, kernel), sides=(64, 64))
    rows = {name: [replace(row, costs=costs) for row in chosen(["columns_to_channels"])] for name, costs in TARGETS.items()}  # fmt: skip
    changed = {name for name, row in rows.items() if rewrite(made, "it", row, answers).changes}
    assert changed == taken


def test_a_convolution_that_a_user_strides_along_the_rows_is_none_of_ours() -> None:
    graph = Layers("int8", 8, 8, 6)
    content = graph.pack(graph.strided(graph.input, 8, (3, 2), (2, 1)))
    (operation,) = flatbuffer.graph(content, "it").operations
    assert folded(operation) is None
    assert macs(operation) == 4 * 8 * 8 * 3 * 2 * 6
