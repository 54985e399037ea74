"""Graphs with a concatenation of convolutions of one input, some equal and some not."""

from collections.abc import Callable
from typing import Any

import numpy as np
from tflite_files import Made

SIDE, CHANNELS = 6, 4
RELU, RELU6 = 1, 3
SAME, VALID = 0, 1
CONV: dict[str, Any] = {
    "table": "Conv2DOptions",
    "strideW": 1,
    "strideH": 1,
    "dilationWFactor": 1,
    "dilationHFactor": 1,
    "padding": SAME,
}

Branch = Callable[[Made], int]


def convolution(
    out: int = 3, size: int = 1, groups: int = 1, source: int | None = None, **options: Any
) -> Branch:
    """A convolution of the graph's input, or of the tensor ``source``, with weights of its own."""

    def add(made: Made) -> int:
        generator = np.random.default_rng(len(made._graph.tensors))
        shapes = (out, size, size, CHANNELS // groups), (out,)
        constants = [made.constant(generator.normal(0, 1, shape)) for shape in shapes]
        stride = options.get("strideW", 1)
        reach = options.get("dilationWFactor", 1) * (size - 1)
        side = -(-(SIDE - (reach if options.get("padding") == VALID else 0)) // stride)
        given = made.input if source is None else source
        return made.add("CONV_2D", given, *constants, shape=(1, side, side, out), **{**CONV, **options})

    return add


def pool(made: Made) -> int:
    return made.add("MAX_POOL_2D", made.input, table="Pool2DOptions", strideW=1, strideH=1, filterWidth=3, filterHeight=3, padding=SAME)  # fmt: skip


def int8(made: Made) -> int:
    """An equal convolution in int8, of which this rewrite makes nothing: it works on float32 graphs."""
    kernel = made.constant(np.arange(3 * CHANNELS).reshape(3, 1, 1, CHANNELS), "int8", 0.01)
    bias = made.constant(np.arange(3), "int32", 0.0005)
    return made.add("CONV_2D", made.input, kernel, bias, shape=(1, SIDE, SIDE, 3), scale=0.05, **CONV)


def joined(made: Made, *parts: int, axis: int = 3, fused: int = 0, **options: Any) -> int:
    shapes = [tuple(map(int, made._graph.tensors[part].shape)) for part in parts]
    shape = list(shapes[0])
    shape[axis] = sum(one[axis] for one in shapes)
    return made.add("CONCATENATION", *parts, shape=tuple(shape), table="ConcatenationOptions", axis=axis,
                    fusedActivationFunction=fused, **options)  # fmt: skip


def graph(*branches: Branch, axis: int = 3, fused: int = 0, last: str = "RELU") -> bytes:
    """A concatenation of branches, and an activation of it; without ``last`` the concatenation is the output."""
    made = Made((1, SIDE, SIDE, CHANNELS))
    joined(made, *(branch(made) for branch in branches), axis=axis, fused=fused)
    if last:
        made.add(last, made.last)
    return made.pack()


def turned() -> bytes:
    """The concatenation has the convolutions in another order than they run in."""
    made = Made((1, SIDE, SIDE, CHANNELS))
    first, second, third = (convolution(out)(made) for out in (2, 3, 4))
    joined(made, third, first, second)
    return made.pack()


def nested() -> bytes:
    """A concatenation of one and of a third branch; the second concatenation becomes a convolution, too."""
    made = Made((1, SIDE, SIDE, CHANNELS))
    inner = joined(made, convolution(2)(made), convolution(3)(made))
    joined(made, inner, convolution(4)(made))
    return made.pack()


def read_twice(reader: str) -> bytes:
    """One of two equal convolutions is read by another operator, is an output of the graph, or is there twice."""
    made = Made((1, SIDE, SIDE, CHANNELS))
    first, second = convolution()(made), convolution()(made)
    last = joined(made, first, second, *([first] if reader == "twice" else []))
    if reader == "other":
        return made.pack(last, made.add("MUL", first, second, table="MulOptions"))
    return made.pack(last, first) if reader == "output" else made.pack()


def of_two_inputs() -> bytes:
    """Equal convolutions, one of the graph's input and one of an activation of that."""
    made = Made((1, SIDE, SIDE, CHANNELS))
    other = made.add("RELU", made.input)
    joined(made, convolution()(made), convolution(source=other)(made))
    return made.pack()


def quantized() -> bytes:
    made = Made((1, SIDE, SIDE, CHANNELS), "int8", 0.05)
    joined(made, int8(made), int8(made), scale=0.05)
    return made.pack()


ONE, SOME = ["CONV_2D", "RELU"], ["CONV_2D", "CONCATENATION", "RELU"]
STRIDE = {"strideW": 2, "strideH": 2}
APART = {"dilationWFactor": 2, "dilationHFactor": 2}

_EQUAL: list[tuple[bytes, list[str]]] = [
    (graph(convolution(2), convolution(5)), ONE),
    (graph(convolution(2), convolution(5), convolution(1), convolution(3)), ONE),
    (graph(convolution(size=3), convolution(size=3)), ONE),
    (graph(convolution(size=3, padding=VALID, **STRIDE), convolution(size=3, padding=VALID, **STRIDE)), ONE),
    (graph(convolution(size=3, **APART), convolution(size=3, **APART)), ONE),
    (graph(convolution(fusedActivationFunction=RELU6), convolution(fusedActivationFunction=RELU6)), ONE),
    (graph(convolution(), convolution(), axis=-1), ONE),
    (graph(convolution(), convolution(), last=""), ["CONV_2D"]),
    (graph(pool, convolution(), convolution()), ["MAX_POOL_2D", *SOME]),
    (graph(convolution(), convolution(), pool, convolution()), ["CONV_2D", "MAX_POOL_2D", *SOME]),
    (graph(convolution(), convolution(), convolution(size=3), convolution(size=3)), ["CONV_2D", *SOME]),
    (turned(), ["CONV_2D"]),
    (nested(), ["CONV_2D"]),
]
"""Graph, and its operators after the rewrite."""

_OTHER: list[bytes] = [
    graph(convolution(), pool, convolution()),
    graph(convolution(), convolution(size=3)),
    graph(convolution(size=3), convolution(size=3, **APART)),
    graph(convolution(), convolution(fusedActivationFunction=RELU)),
    graph(convolution(groups=2, out=4), convolution(groups=2, out=4)),
    graph(convolution(), convolution(), axis=2),
    graph(convolution(), convolution(), fused=RELU),
    graph(convolution()),
    read_twice("other"),
    read_twice("output"),
    read_twice("twice"),
    of_two_inputs(),
    quantized(),
]
"""Graphs that stay as they are."""

CASES: list[tuple[str, bytes, list[str] | None]] = [
    *(("merge_branches", made, after) for made, after in _EQUAL),
    *(("merge_branches", made, None) for made in _OTHER),
]
"""Rewrite, graph, kinds after it; None where it must leave the graph alone."""
