"""Graphs with channel shuffles, in every spelling, between what can have another order of channels and what cannot."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from tflite_files import Made

SHAPE, CHANNELS, GROUPS = (1, 4, 4, 12), 12, 3
CONV = {
    "table": "Conv2DOptions",
    "strideW": 1,
    "strideH": 1,
    "dilationWFactor": 1,
    "dilationHFactor": 1,
    "padding": 0,
}
DEPTHWISE = {**CONV, "table": "DepthwiseConv2DOptions", "depthMultiplier": 1}
SCALE = 0.05
"""Scale of the int8 feature maps."""

Step = Callable[[Any], Any]


def _like(made: Any) -> dict[str, Any]:
    """Quantization of a new feature map: of all the same."""
    return {"scale": SCALE} if made.small else {}


class Graph(Made):
    """A graph of one type that begins with an activation, so that a shuffle does not read its input."""

    def __init__(self, dtype: str = "float32", shape: tuple[int, ...] = SHAPE) -> None:
        self.dtype, self.small = dtype, dtype == "int8"
        super().__init__(shape, dtype, SCALE if self.small else ())
        activation(self)


def kernel(made: Graph, shape: Sequence[int], axis: int, half: bool = False) -> tuple[int, int]:
    """Weights and bias of a convolution, of int8 with a scale for each channel; widened from float16 on request."""
    generator, out = np.random.default_rng(shape[axis]), shape[axis]
    if not made.small:
        weights = generator.normal(0, 1, shape)
        bias = made.constant(generator.normal(0, 1, out))
        if not half:
            return made.constant(weights), bias
        last = made.last
        wide = made.add("DEQUANTIZE", made.constant(weights, "float16"), dtype="float32")
        made.last = last
        return wide, bias
    scales = np.linspace(0.001, 0.004, out)
    stored = made.constant(generator.integers(-127, 128, shape), "int8", scales)
    made._graph.tensors[stored].quantization.quantizedDimension = axis
    return stored, made.constant(generator.integers(-500, 500, out), "int32", scales * SCALE)


def pointwise(groups: int = 1, out: int = CHANNELS, half: bool = False, size: int = 1) -> Step:
    def step(made: Any) -> Any:
        shape = [int(side) for side in made._graph.tensors[made.last].shape]
        weights = kernel(made, (out, size, size, shape[3] // groups), 0, half)
        return made.add("CONV_2D", made.last, *weights, shape=(*shape[:3], out), **CONV, **_like(made))

    return step


def depthwise(made: Any) -> Any:
    return made.add(
        "DEPTHWISE_CONV_2D", made.last, *kernel(made, (1, 3, 3, CHANNELS), 3), **DEPTHWISE, **_like(made)
    )


def depthwise_half(made: Any) -> Any:
    weights = kernel(made, (1, 3, 3, CHANNELS // 2), 3)
    return made.add("DEPTHWISE_CONV_2D", made.last, *weights, **DEPTHWISE, **_like(made))


def activation(made: Any) -> Any:
    return made.add("LEAKY_RELU", made.last, table="LeakyReluOptions", alpha=0.25, **_like(made))


def quantize(made: Any) -> Any:
    """What follows is in int8."""
    made.dtype, made.small = "int8", True
    return made.add("QUANTIZE", made.last, dtype="int8", **_like(made))


def converted(made: Any) -> Any:
    """To the same scale again, as the quantizer writes it where it finds another one."""
    return made.add("QUANTIZE", made.last, dtype="int8", **_like(made))


def reshape(made: Any, *shape: int) -> Any:
    wanted = made.constant(shape, "int32")
    return made.add("RESHAPE", made.last, wanted, shape=shape, table="ReshapeOptions", **_like(made))


def transpose(made: Any, order: Sequence[int]) -> Any:
    given = made._graph.tensors[made.last].shape
    shape = tuple(int(given[axis]) for axis in order)
    constant = made.constant(order, "int32")
    return made.add("TRANSPOSE", made.last, constant, shape=shape, table="TransposeOptions", **_like(made))


def four(made: Any, groups: int = GROUPS) -> Any:
    reshape(made, 1, 16, groups, CHANNELS // groups)
    transpose(made, (0, 1, 3, 2))
    return reshape(made, *SHAPE)


def five(made: Any) -> Any:
    reshape(made, 1, 4, 4, GROUPS, CHANNELS // GROUPS)
    transpose(made, (0, 1, 2, 4, 3))
    return reshape(made, *SHAPE)


ORDER = np.arange(CHANNELS).reshape(GROUPS, CHANNELS // GROUPS).T.ravel()


def gather(order: Sequence[int] = tuple(ORDER), axis: int = 3) -> Step:
    def step(made: Any) -> Any:
        chosen = made.constant(order, "int32")
        return made.add("GATHER", made.last, chosen, table="GatherOptions", axis=axis, **_like(made))

    return step


def _packed(made: Any, first: int) -> Any:
    """The groups, tensors from ``first`` on, side by side on a last axis, and flat."""
    made.add(
        "PACK",
        *range(first, first + GROUPS),
        shape=(1, 4, 4, CHANNELS // GROUPS, GROUPS),
        table="PackOptions",
        axis=4,
        valuesCount=GROUPS,
        **_like(made),
    )
    return reshape(made, *SHAPE)


def stacked(made: Any) -> Any:
    axis, each = made.constant(3, "int32"), CHANNELS // GROUPS
    first = made.add("SPLIT", axis, made.last, shape=(1, 4, 4, each), dtype=made.dtype, outputs=GROUPS,
                     table="SplitOptions", numSplits=GROUPS, **_like(made))  # fmt: skip
    return _packed(made, first)


def sliced(made: Any) -> Any:
    source, each, parts = made.last, CHANNELS // GROUPS, []
    for first in range(each):
        begin, end, stride = (
            made.constant(row, "int32") for row in ((0, 0, 0, first), (0, 0, 0, 0), (1, 1, 1, each))
        )
        parts.append(made.add("STRIDED_SLICE", source, begin, end, stride, shape=(1, 4, 4, GROUPS), table="StridedSliceOptions",
                              beginMask=7, endMask=15, **_like(made)))  # fmt: skip
    return made.add("CONCATENATION", *parts, shape=SHAPE, table="ConcatenationOptions", axis=3, **_like(made))


def unpacked(made: Any) -> Any:
    each = CHANNELS // GROUPS
    reshape(made, 1, 4, 4, GROUPS, each)
    first = made.add("UNPACK", made.last, shape=(1, 4, 4, each), outputs=GROUPS, table="UnpackOptions", axis=3, num=GROUPS,
                     **_like(made))  # fmt: skip
    return _packed(made, first)


def graph(*steps: Step, dtype: str = "float32") -> bytes:
    made = Graph(dtype)
    for step in steps:
        step(made)
    return made.pack()


def sums(made: Any) -> Any:
    """The sum of a shuffled feature map with numbers for each channel, with one for all, and with a convolution's output."""
    last = made.last
    options = {"table": "AddOptions", **_like(made)}
    if made.small:
        numbers = [made.constant(np.arange(size), "int8", SCALE, 3) for size in (CHANNELS, 1)]
    else:
        numbers = [made.constant(np.arange(size)) for size in (CHANNELS, 1)]
    for constant in numbers:
        last = made.add("ADD", last, constant, **options)
    made.last = made.input
    other = pointwise()(made)
    return made.add("ADD", last, other, **options)


def excited(made: Any) -> Any:
    """A shuffled feature map times a gate of its own means."""
    shuffled = made.last
    axes = made.constant([1, 2], "int32")
    made.add("MEAN", shuffled, axes, shape=(1, CHANNELS), table="ReducerOptions", **_like(made))
    reshape(made, 1, 1, 1, CHANNELS)
    pointwise(out=4)(made)
    pointwise()(made)
    gate = activation(made)
    return made.add("MUL", shuffled, gate, shape=SHAPE, table="MulOptions", **_like(made))


def joined(made: Any) -> Any:
    shuffled = made.last
    return made.add("CONCATENATION", made.input, shuffled, shape=(1, 4, 4, 2 * CHANNELS), table="ConcatenationOptions", axis=3,
                    **_like(made))  # fmt: skip


def classified(made: Any) -> Any:
    axes = made.constant([1, 2], "int32")
    made.add("MEAN", made.last, axes, shape=(1, CHANNELS), table="ReducerOptions", **_like(made))
    if made.small:
        dense = (
            made.constant(np.arange(24).reshape(2, 12), "int8", 0.01),
            made.constant([0, 9], "int32", 0.01 * SCALE),
        )
    else:
        dense = made.constant(np.arange(24).reshape(2, 12)), made.constant([0, 1])
    return made.add(
        "FULLY_CONNECTED", made.last, *dense, shape=(1, 2), table="FullyConnectedOptions", **_like(made)
    )


def cropped(made: Any) -> Any:
    """The first two rows of places, and a convolution of them."""
    begin, size = (made.constant(row, "int32") for row in ((0, 0, 0, 0), (1, 2, 4, CHANNELS)))
    made.add("SLICE", made.last, begin, size, shape=(1, 2, 4, CHANNELS), table="SliceOptions", **_like(made))
    return pointwise()(made)


def flat(made: Any) -> Any:
    """A shuffled feature map with its places in one row, and its mean."""
    four(made, 2)
    reshape(made, 1, 16, CHANNELS)
    axes = made.constant([1], "int32")
    return made.add("MEAN", made.last, axes, shape=(1, CHANNELS), table="ReducerOptions", **_like(made))


def halved(made: Any) -> Any:
    """What a unit of ShuffleNet V2 does behind a shuffle: half of the channels pass, and a convolution reads the others."""
    half, axis = CHANNELS // 2, made.constant(3, "int32")
    left = made.add("SPLIT", axis, made.last, shape=(1, 4, 4, half), dtype=made.dtype, outputs=2, table="SplitOptions",
                    numSplits=2, **_like(made))  # fmt: skip
    made.last = left + 1
    right = pointwise(out=half)(made)
    return made.add(
        "CONCATENATION", left, right, shape=SHAPE, table="ConcatenationOptions", axis=3, **_like(made)
    )


def flattened(made: Any) -> Any:
    reshape(made, 1, 16 * CHANNELS)
    return activation(made)


def stage(
    units: int = 2,
    last: Step | None = None,
    read: str = "",
    shuffle: Step = lambda made: four(made, 2),
    behind: Sequence[Step] = (),
    passing: Sequence[Step] = (),
) -> Step:
    """Units of ShuffleNet V2 behind two convolutions, and what reads the last one.

    Args:
        units: number of units.
        last: what reads the channels of the last unit; by default a convolution.
        read: what a sum beside the units reads as well: ``end``, the output of the second convolution, or ``passing``, the channels
            that the last unit lets pass.
        shuffle: how the channels are shuffled.
        behind: what is done to the outputs of the first two convolutions and of the units'.
        passing: what is done to the channels that a unit lets pass.
    """
    half = CHANNELS // 2

    def join(made: Any, *parts: int) -> Any:
        return made.add(
            "CONCATENATION", *parts, shape=SHAPE, table="ConcatenationOptions", axis=3, **_like(made)
        )

    def convolved(made: Any, size: int = 1) -> int:
        pointwise(out=half, size=size)(made)
        for one in behind:
            one(made)
        return int(made.last)

    def step(made: Any) -> Any:
        image, ends = made.last, []
        for size in (1, 3):
            made.last = image
            ends.append(convolved(made, size))
        join(made, *ends)
        for _ in range(units):
            shuffle(made)
            axis = made.constant(3, "int32")
            left = made.add("SPLIT", axis, made.last, shape=(1, 4, 4, half), dtype=made.dtype, outputs=2, table="SplitOptions",
                            numSplits=2, **_like(made))  # fmt: skip
            made.last = left
            for one in passing:
                one(made)
            passed, made.last = made.last, left + 1
            join(made, passed, convolved(made))
        (last or pointwise())(made)
        answer = made.last
        if read:
            other = {"end": ends[1], "passing": left}[read]
            made.last = other
            pointwise()(made)
            made.add("ADD", answer, made.last, table="AddOptions", **_like(made))
        return made.last

    return step


def padded_channels(made: Any) -> Any:
    amounts = made.constant([[0, 0], [0, 0], [0, 0], [0, 4]], "int32")
    return made.add(
        "PAD", made.last, amounts, shape=(1, 4, 4, CHANNELS + 4), table="PadOptions", **_like(made)
    )


def _rows(name: str, after: list[str] | None, *steps: Step) -> list[tuple[str, bytes, list[str] | None]]:
    """A row for float32 and one for int8."""
    kinds = None if after is None else ["LEAKY_RELU", *after]
    return [(name, graph(*steps, dtype=dtype), kinds) for dtype in ("float32", "int8")]


SHUFFLE = ["RESHAPE", "TRANSPOSE", "RESHAPE"]
LEAKY = ["LEAKY_RELU"]
ACTIVE = 4 * ["CONV_2D", *2 * LEAKY]
ENDS, JOINED = ["CONV_2D"] * 4, ["CONCATENATION", "CONV_2D"]
UNIT = (pointwise(GROUPS), four, depthwise, pointwise(GROUPS))

CASES: list[tuple[str, bytes, list[str] | None]] = [
    # rewrite, graph, kinds after it; None where it must leave the graph alone
    *(
        row
        for spelling in (five, gather(), stacked, sliced, unpacked)
        for row in _rows("spell_shuffles", [*SHUFFLE, "LEAKY_RELU"], spelling, activation)
    ),
    *_rows("spell_shuffles", ["LEAKY_RELU"], four, lambda made: four(made, CHANNELS // GROUPS), activation),
    *(
        row
        for spelling in (five, gather(), stacked, sliced, unpacked)
        for row in _rows("spell_shuffles", [*SHUFFLE, "SPLIT", "CONV_2D", "CONCATENATION"], spelling, halved)
    ),
    *_rows("spell_shuffles", [*SHUFFLE, "RESHAPE", "LEAKY_RELU"], gather(), flattened),
    *_rows("spell_shuffles", ["SPLIT", "CONV_2D", "CONCATENATION"], four, lambda made: four(made, CHANNELS // GROUPS), halved),
    *_rows("spell_shuffles", None, four, halved),
    *_rows("spell_shuffles", None, four, activation),
    *_rows("spell_shuffles", None, gather(tuple(range(CHANNELS))[::-1]), activation),
    *_rows("spell_shuffles", None, gather((3, 2, 1, 0), axis=1), activation),
    *_rows("fold_shuffles", ["CONV_2D", "LEAKY_RELU"], pointwise(), four, activation),
    *_rows("fold_shuffles", ["CONV_2D", "LEAKY_RELU"], pointwise(), gather(tuple(range(CHANNELS))[::-1]), activation),
    *_rows("fold_shuffles", ["DEPTHWISE_CONV_2D", "LEAKY_RELU", "CONV_2D"], four, depthwise, activation, pointwise()),
    *_rows("fold_shuffles", ["ADD", "ADD", "CONV_2D", "ADD", "CONV_2D"], four, sums, pointwise()),
    *_rows("fold_shuffles", ["MEAN", "RESHAPE", "CONV_2D", "CONV_2D", "LEAKY_RELU", "MUL", "CONV_2D"], four, excited, pointwise()),
    *_rows("fold_shuffles", ["CONCATENATION", "CONV_2D"], four, joined, pointwise()),
    *_rows("fold_shuffles", ["MEAN", "FULLY_CONNECTED"], four, classified),
    *_rows("fold_shuffles", ["CONV_2D", "CONV_2D", "CONV_2D"], pointwise(), four, pointwise(), four, pointwise()),
    *_rows("fold_shuffles", ["CONV_2D", "RESHAPE", "LEAKY_RELU"], pointwise(), gather(), flattened),
    *_rows("fold_shuffles", ["CONV_2D", "SPLIT", "CONV_2D", "CONCATENATION"], pointwise(), sliced, halved),
    *_rows("fold_shuffles", None, four, halved),
    *_rows("fold_shuffles", None, four, flattened),
    ("fold_shuffles", graph(four, pointwise(half=True)), ["LEAKY_RELU", "DEQUANTIZE", "CONV_2D"]),
    *_rows("fold_shuffles", None, *UNIT),
    *_rows("fold_shuffles", None, four, activation),
    *_rows("fold_shuffles", None, four, padded_channels, pointwise()),
    *_rows("fold_shuffles", None, four, depthwise, pointwise(2)),
    *_rows("route_channels", [*ENDS, "CONV_2D", "CONV_2D", "CONCATENATION", "CONV_2D", "CONV_2D", *JOINED, *JOINED], stage()),
    *_rows("route_channels", [*ENDS, "CONCATENATION", "CONV_2D", *JOINED], stage(1)),
    *_rows("route_channels", [*ENDS, "CONCATENATION", "CONV_2D", *JOINED], stage(1, shuffle=gather())),
    *_rows("route_channels", [*ENDS, "CONCATENATION", "CONV_2D", *JOINED], stage(1, shuffle=sliced)),
    *_rows("route_channels", [*ACTIVE, "CONCATENATION", "CONV_2D", *2 * LEAKY, *JOINED], stage(1, behind=(activation, activation))),
    *_rows("route_channels", None, stage(1, behind=(depthwise_half,))),
    *_rows("route_channels", None, stage(last=activation)),  # The graph's answer keeps its order.
    *_rows("route_channels", None, stage(last=pointwise(GROUPS))),
    *_rows("route_channels", None, stage(read="end")),
    *_rows("route_channels", None, stage(read="passing")),
    *_rows("route_channels", None, stage(last=cropped)),
    *_rows("route_channels", None, stage(last=flat)),
    *_rows("route_channels", None, pointwise(), four, pointwise()),
    *_rows("write_groups_dense", ["CONV_2D", "DEPTHWISE_CONV_2D", "CONV_2D"], *UNIT),
    *_rows("write_groups_dense", None, four, activation),
    *_rows("write_groups_dense", None, pointwise(GROUPS, size=3), activation),
    ("write_groups_dense", graph(pointwise(GROUPS, half=True), activation), None),
]  # fmt: skip
