"""Rewrite: equal convolutions of one feature map, as one."""

from collections.abc import Hashable, Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn.convert.graph import wellformed
from mobilecnn.convert.graph.edit import NOT_FUSED, Editor
from mobilecnn.convert.graph.flatbuffer import Tensor
from mobilecnn.convert.lowering import layouts

CHANNELS = (3, -1)
"""Axis of the channels of a feature map (1, height, width, channels), either way that an operator may say it."""


def merge_branches(editor: Editor) -> Iterator[str]:
    """Compute neighbouring parts of a concatenation by one convolution, where equal ones of one input make them.

    concat(act(W x + a), act(V x + b)) = act([W; V] x + [a; b]): an output channel depends on its own weights only, so stacking the
    weights of two convolutions stacks their channels. Exact but for the order of a float sum, which kernels may choose by the number
    of channels. Equal are kernel size, stride, padding, dilation and fused activation. A concatenation that is left with one input
    goes away. What another operator reads, or the graph gives out, stays a convolution of its own. So do convolutions of several
    groups: those of the whole would have to alternate between the branches, which is another order of channels. Where a recipe gives
    a weight one scale for all channels, the branches share it.
    """
    merged = made = 0
    for operator in editor.operators:
        runs = _runs(editor, operator)
        if all(len(run) == 1 for run in runs):
            continue
        (output,) = wellformed.indices(operator.outputs)
        parts = [_merge(editor, run) if len(run) > 1 else run[0] for run in runs]
        merged += sum(len(run) for run in runs if len(run) > 1)
        made += sum(len(run) > 1 for run in runs)
        if len(parts) > 1:
            operator.inputs = np.array(parts, np.int32)
            editor.replace(operator, [operator])
            continue
        if editor.between(output):
            editor.rename(output, f"{editor.tensor(parts[0]).name};{editor.tensor(output).name}")
        editor.replace(operator, [])
        editor.write_instead(editor.maker(parts[0]), parts[0], output)
    if merged:
        yield f"{merged} convolutions beside each other as {made}"


def _runs(editor: Editor, operator: Any) -> list[list[int]]:
    """The inputs of a concatenation of channels, those together that one convolution can make; of other operators none."""
    if editor.kind(operator) != "CONCATENATION":
        return []
    inputs, options = wellformed.indices(operator.inputs), operator.builtinOptions
    if options.fusedActivationFunction != NOT_FUSED or options.axis not in CHANNELS or -1 in inputs:
        return []
    keys = [_key(editor, operator, index) if inputs.count(index) == 1 else None for index in inputs]
    # What cannot be merged is its own key.
    told = [
        (place if key is None else key, index)
        for place, (key, index) in enumerate(zip(keys, inputs, strict=True))
    ]
    return [[index for _, index in run] for _, run in groupby(told, key=lambda pair: pair[0])]


def _key(editor: Editor, reader: Any, index: int) -> Hashable | None:
    """What convolutions have in common that can be one; None where a tensor is made by something else, or not for ``reader`` alone."""
    maker = editor.maker(index)
    if maker is None or editor.kind(maker) != "CONV_2D" or editor.only_reader(index) is not reader:
        return None
    source, *constants = wellformed.indices(maker.inputs)
    stored = [index >= 0 and editor.tensor(index).data is not None for index in constants]
    if stored != [True, True] or any(editor.dtype(index) != "float32" for index in constants):
        return None
    if layouts.groups(editor, maker) != 1:
        return None
    settings = tuple(sorted((name, str(value)) for name, value in vars(maker.builtinOptions).items()))
    return source, maker.opcodeIndex, editor.tensor(constants[0]).shape[1:], settings


def _merge(editor: Editor, run: Sequence[int]) -> int:
    """The tensor that a convolution writes in place of those that make the tensors ``run``."""
    makers = [editor.maker(index) for index in run]
    names = ";".join(editor.tensor(index).name for index in run)
    source = wellformed.indices(makers[0].inputs)[0]
    weights, bias = (
        _stacked(editor, f"{names}/{name}", [wellformed.indices(maker.inputs)[place] for maker in makers])
        for place, name in enumerate(("weights", "bias"), 1)
    )
    # A recipe's rules find layers by name, and find this one by the name of each.
    shape = (*editor.tensor(run[0]).shape[:3], editor.tensor(bias).elements)
    output = editor.add_tensor(names, shape, editor.dtype(run[0]))
    order = {id(operator): place for place, operator in enumerate(editor.operators)}
    last = max(makers, key=lambda maker: order[id(maker)])
    for maker in makers:
        if maker is not last:
            editor.replace(maker, [])
    last.inputs, last.outputs = np.array([source, weights, bias], np.int32), np.array([output], np.int32)
    editor.replace(last, [last])
    return output


def _stacked(editor: Editor, name: str, parts: Sequence[int]) -> int:
    """Index of a new constant with the values of others, one behind the other along their first axis."""
    values = np.concatenate([_values(editor.tensor(index)) for index in parts])
    index = editor.add_tensor(name, values.shape, "float32")
    editor.fill(index, values)
    return index


def _values(tensor: Tensor) -> npt.NDArray[np.float32]:
    assert tensor.data is not None
    return np.frombuffer(tensor.data.tobytes(), np.float32).reshape(tensor.shape)
