"""Channels of a tensor in another order than before: what that asks of the operators around it, and who can undo it.

A layout of a tensor says for each of its channels which one it was. The convolutions and dense layers around absorb
a layout, because the order of their weights is free; other operators pass it on.
"""

import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn.convert.graph import wellformed
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.convert.lowering.movements import Permutation

PASSING = frozenset(
    [
        "ABS", "AVERAGE_POOL_2D", "DEQUANTIZE", "ELU", "GELU", "HARD_SWISH", "LEAKY_RELU", "LOGISTIC", "MAX_POOL_2D",
        "QUANTIZE", "RELU", "RELU6", "RELU_N1_TO_1", "RESHAPE", "RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "TANH",
    ]
)  # fmt: skip
"""Operators of one input that do the same to each channel by itself; a RESHAPE does if the channels stay the last dimension."""

COMBINING = frozenset(["ADD", "DIV", "MAXIMUM", "MINIMUM", "MUL", "PRELU", "SQUARED_DIFFERENCE", "SUB"])
"""Operators that combine the same channels of two inputs."""


REORDERED = ";channels "
"""What follows the name of a tensor whose channels are in another order than those of the model, before a word for the order."""


class Stuck(Exception):
    """An operator can neither pass a layout on nor absorb it; the message is its kind, or what else is in the way."""


@dataclass
class Layouts:
    """Layouts that follow from one another.

    Attributes:
        editor: graph.
        ignored: operators, by their identity, that will be gone.
        of: tensor -> its layout, of those that the first one asks something of.
        touched: operators that read or write one of them, by their identity.
    """

    editor: Editor
    ignored: frozenset[int]
    of: dict[int, Permutation] = field(default_factory=dict)
    touched: dict[int, Any] = field(default_factory=dict)

    def moved(self, index: int) -> bool:
        """Whether a tensor's channels are in another order than before."""
        layout = self.of.get(index)
        return layout is not None and layout != tuple(range(len(layout)))

    def of_or_same(self, index: int) -> Permutation:
        """The layout of a tensor; that of none is the order of before."""
        return self.of.get(index) or tuple(range(self.editor.tensor(index).shape[-1]))


def solve(editor: Editor, wanted: Mapping[int, Permutation], ignored: frozenset[int]) -> Layouts | None:
    """The layouts that follow if some tensors get new ones; None where an operator cannot follow.

    Args:
        editor: graph, which is not changed.
        wanted: tensor -> its layout.
        ignored: operators, by their identity, that will be gone.
    """
    try:
        return _followed(editor, wanted, ignored)
    except Stuck:
        return None


def obstacle(editor: Editor, wanted: Mapping[int, Permutation], ignored: frozenset[int]) -> str:
    """What cannot follow if some tensors get new layouts, a word or two; empty where all can. Arguments as of :func:`solve`."""
    try:
        _followed(editor, wanted, ignored)
    except Stuck as error:
        return str(error)
    return ""


def _followed(editor: Editor, wanted: Mapping[int, Permutation], ignored: frozenset[int]) -> Layouts:
    layouts = Layouts(editor, ignored)
    pending = list(wanted.items())
    while pending:
        index, layout = pending.pop()
        known = layouts.of.get(index)
        if known is not None:
            if known != layout:
                raise Stuck("two orders that meet")
            continue
        layouts.of[index] = layout
        if not layouts.moved(index):
            continue
        makers = [maker for maker in (editor.maker(index),) if maker is not None]
        if not editor.between(index):
            raise Stuck("the graph's input or output")
        for operator in (*makers, *editor.readers(index)):
            if id(operator) not in ignored:
                layouts.touched[id(operator)] = operator
                pending += _demands(layouts, operator)
    return layouts


def _demands(layouts: Layouts, operator: Any) -> list[tuple[int, Permutation]]:
    """The layouts that an operator asks of the tensors around it."""
    kind = layouts.editor.kind(operator)
    rule = _RULES.get(kind, _passed if kind in PASSING else _combined if kind in COMBINING else None)
    if rule is None:
        raise Stuck(kind)
    try:
        return list(rule(layouts, operator))
    except Stuck:
        raise Stuck(kind) from None


def _maps(editor: Editor, operator: Any) -> list[int]:
    """Inputs that are no constants."""
    return [
        index
        for index in wellformed.indices(operator.inputs)
        if index >= 0 and editor.tensor(index).data is None
    ]


def _shared(layouts: Layouts, operator: Any, inputs: Sequence[int]) -> Iterator[tuple[int, Permutation]]:
    """Inputs and output have one layout."""
    (output,) = wellformed.indices(operator.outputs)
    row = [*inputs, output]
    layout = next((layouts.of[index] for index in row if layouts.moved(index)), None)
    if layout is None or any(layouts.editor.tensor(index).shape[-1:] != (len(layout),) for index in row):
        raise Stuck
    for index in row:
        yield index, layout


def _passed(layouts: Layouts, operator: Any) -> Iterator[tuple[int, Permutation]]:
    yield from _shared(layouts, operator, wellformed.indices(operator.inputs)[:1])


def _combined(layouts: Layouts, operator: Any) -> Iterator[tuple[int, Permutation]]:
    # A number for each place, or for all, has no channels.
    (output,) = wellformed.indices(operator.outputs)
    rank = len(layouts.editor.tensor(output).shape)
    for index in wellformed.indices(operator.inputs):
        if len(layouts.editor.tensor(index).shape) > rank:
            raise Stuck
    wide = [
        index for index in _maps(layouts.editor, operator) if layouts.editor.tensor(index).shape[-1:] != (1,)
    ]
    yield from _shared(layouts, operator, wide)


def _depthwise(layouts: Layouts, operator: Any) -> Iterator[tuple[int, Permutation]]:
    _check_constants(layouts.editor, operator)
    yield from _shared(layouts, operator, wellformed.indices(operator.inputs)[:1])


def _absorbed(layouts: Layouts, operator: Any) -> Iterator[tuple[int, Permutation]]:
    editor, (source, weights, *_) = layouts.editor, wellformed.indices(operator.inputs)
    fits = editor.kind(operator) != "FULLY_CONNECTED" or (
        editor.tensor(source).shape[-1:] == editor.tensor(weights).shape[1:]
    )
    if not fits:
        raise Stuck
    _check_constants(editor, operator)
    return iter(())


def _check_constants(editor: Editor, operator: Any) -> None:
    """Refuse a convolution or dense layer whose weights or bias are computed."""
    if any(index >= 0 and stored(editor, index) is None for index in wellformed.indices(operator.inputs)[1:]):
        raise Stuck


def _mean(layouts: Layouts, operator: Any) -> Iterator[tuple[int, Permutation]]:
    editor, inputs = layouts.editor, wellformed.indices(operator.inputs)
    axes, rank = editor.integers(inputs[1]), len(editor.tensor(inputs[0]).shape)
    if axes is None or any(axis % rank == rank - 1 for axis in axes):
        raise Stuck
    yield from _shared(layouts, operator, inputs[:1])


def _pad(layouts: Layouts, operator: Any) -> Iterator[tuple[int, Permutation]]:
    amounts = layouts.editor.integers(wellformed.indices(operator.inputs)[1])
    if amounts is None or amounts[-2:] != [0, 0]:
        raise Stuck
    yield from _shared(layouts, operator, wellformed.indices(operator.inputs)[:1])


def _concatenated(layouts: Layouts, operator: Any) -> Iterator[tuple[int, Permutation]]:
    editor, inputs = layouts.editor, wellformed.indices(operator.inputs)
    (output,) = wellformed.indices(operator.outputs)
    axis, rank = operator.builtinOptions.axis, len(editor.tensor(output).shape)
    if len(_maps(editor, operator)) != len(inputs):
        raise Stuck
    if axis % rank != rank - 1:
        yield from _shared(layouts, operator, inputs)
        return
    ends = np.cumsum([editor.tensor(index).shape[-1] for index in inputs]).tolist()
    begins = [0, *ends[:-1]]
    if output not in layouts.of:
        together = [
            begin + channel
            for index, begin in zip(inputs, begins, strict=True)
            for channel in layouts.of_or_same(index)
        ]
        yield output, tuple(together)
        return
    whole = layouts.of[output]
    for index, begin, end in zip(inputs, begins, ends, strict=True):
        part = tuple(channel - begin for channel in whole[begin:end])
        if sorted(part) != list(range(end - begin)):
            raise Stuck
        yield index, part


_RULES: dict[str, Callable[[Layouts, Any], Iterator[tuple[int, Permutation]]]] = {
    "CONCATENATION": _concatenated,
    "CONV_2D": _absorbed,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _absorbed,
    "MEAN": _mean,
    "PAD": _pad,
}
"""Operators that do something else with channels than those above."""


def stored(editor: Editor, index: int) -> int | None:
    """Index of the constant that a weight is, or is widened from (float16); None where it is computed."""
    if editor.tensor(index).data is not None:
        return index
    maker = editor.maker(index)
    if maker is None or editor.kind(maker) != "DEQUANTIZE":
        return None
    origin = wellformed.indices(maker.inputs)[0]
    return origin if editor.tensor(origin).data is not None else None


def apply(layouts: Layouts) -> None:
    """Put the constants of all operators around into the new order; grouped convolutions that mix groups then become dense."""
    for operator in layouts.touched.values():
        _reorder(layouts, operator)
    for index, layout in layouts.of.items():
        if layouts.moved(index):
            name = reordered(layouts.editor.tensor(index).name, layout)
            layouts.editor.rename(index, name)


def reordered(name: str, channels: Sequence[int]) -> str:
    """Name of a tensor that has other channels, or in another order.

    Whoever holds two files of a model against each other by the names of their tensors must not take for the same what
    has other channels in the same place.

    Args:
        name: its name before.
        channels: for each of its channels, which one it was.
    """
    return f"{name}{REORDERED}{zlib.crc32(np.asarray(channels, '<i4').tobytes()):08x}"


def _reorder(layouts: Layouts, operator: Any) -> None:
    editor, inputs = layouts.editor, wellformed.indices(operator.inputs)
    (output,) = wellformed.indices(operator.outputs)
    source, made = (list(layouts.of_or_same(index)) for index in (inputs[0], output))
    match editor.kind(operator):
        case "CONV_2D":
            if mixes_groups(layouts, operator):
                write_dense(editor, operator)
            _reorder_convolution(editor, operator, source, made)
        case "FULLY_CONNECTED":
            _change(editor, operator, 1, lambda values: values[made][:, source], made)
            _reorder_bias(editor, operator, made)
        case "DEPTHWISE_CONV_2D":
            _change(editor, operator, 1, lambda values: values[..., made], made, 3)
            _reorder_bias(editor, operator, made)
        case kind if kind in COMBINING:
            for position, index in enumerate(inputs):
                tensor = editor.tensor(index)
                if tensor.data is not None and tensor.shape[-1:] == (len(made),):
                    _change(editor, operator, position, lambda values: values[..., made], made, -1)


def groups(editor: Editor, operator: Any) -> int:
    """Number of groups of a CONV_2D."""
    source, weights = wellformed.indices(operator.inputs)[:2]
    each = editor.tensor(weights).shape[-1]
    return editor.tensor(source).shape[-1] // each if each else 1


def mixes_groups(layouts: Layouts, operator: Any) -> bool:
    """Whether new layouts take channels of a grouped convolution from one group into another."""
    editor = layouts.editor
    count = groups(editor, operator)
    source, output = wellformed.indices(operator.inputs)[0], wellformed.indices(operator.outputs)[0]
    for layout in (layouts.of_or_same(source), layouts.of_or_same(output)):
        each = len(layout) // count
        if any(channel // each != place // each for place, channel in enumerate(layout)):
            return True
    return False


def to_become_dense(layouts: Layouts) -> list[Any]:
    """The grouped convolutions that get channels of other groups, and with them more multiply-adds."""
    return [
        operator
        for operator in layouts.touched.values()
        if layouts.editor.kind(operator) == "CONV_2D"
        and groups(layouts.editor, operator) > 1
        and mixes_groups(layouts, operator)
    ]


def rows(editor: Editor, index: int, own: Sequence[int]) -> int:
    """Index of a new constant with some output channels of another one, the weights or the bias of a convolution."""

    def taken(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return values[list(own)]

    return editor.changed_constant(index, taken, own)


def write_dense(editor: Editor, operator: Any) -> None:
    """Give a grouped convolution the weights of all inputs: those of other groups are 0."""
    count = groups(editor, operator)

    def dense(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        out, rows, columns, each = values.shape
        wide = np.zeros((out, rows, columns, count * each), values.dtype)
        for group in range(count):
            own = slice(group * out // count, (group + 1) * out // count)
            wide[own, ..., group * each : (group + 1) * each] = values[own]
        return wide

    if count > 1:
        _change(editor, operator, 1, dense)


def _reorder_convolution(editor: Editor, operator: Any, source: list[int], made: list[int]) -> None:
    count = groups(editor, operator)
    each = len(source) // count

    def reorder(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        ordered = values[made]
        out = len(made) // count
        for group in range(count):
            columns = [channel - group * each for channel in source[group * each : (group + 1) * each]]
            own = slice(group * out, (group + 1) * out)
            ordered[own] = ordered[own][..., columns]
        return ordered

    _change(editor, operator, 1, reorder, made)
    _reorder_bias(editor, operator, made)


def _reorder_bias(editor: Editor, operator: Any, made: list[int]) -> None:
    inputs = wellformed.indices(operator.inputs)
    if len(inputs) > 2 and inputs[2] >= 0:
        _change(editor, operator, 2, lambda values: values[made], made)


def _change(
    editor: Editor,
    operator: Any,
    position: int,
    change: Callable[[npt.NDArray[Any]], npt.NDArray[Any]],
    order: list[int] | None = None,
    axis: int = 0,
) -> None:
    """Let one operator read another constant: ``change`` of its values, its scales along ``axis`` in ``order``."""
    index = wellformed.indices(operator.inputs)[position]
    origin = stored(editor, index)
    assert origin is not None
    changed = editor.changed_constant(origin, change, order, axis)
    if origin != index:
        changed = editor.widened(index, changed)
    editor.read_at(operator, position, changed)
