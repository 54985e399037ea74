"""Cross-layer equalization: channels of one tensor brought to like ranges, by scales that the layers around it take up.

An int8 tensor has one scale. Where one channel is a hundred times as large as the others, they are left with two or three
codes. A layer may write the channel divided by s, ``W[c] / s`` and ``b[c] / s``, and those that read it multiply it by
s again, in their weights: ``f(x / s) = f(x) / s`` for s > 0 and every f that is linear on either side of 0, as ReLU and sums are.
Nagel et al. (Data-Free Quantization Through Weight Equalization and Bias Correction, ICCV 2019, arXiv:1906.04721),
section 4.1, choose s so that a channel has the same range in both layers' weights. Here the weights have a scale for each
output channel anyway, and what one scale must hold is the activations: so s balances a channel's range in the
activations with that of the weights that read it. It is a power of two, which changes no digit of a float32 value: the
float32 file gives the very same answers.

ReLU6 does not scale: channels that go through one are left alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from mobilecnn.convert.graph import flatbuffer, wellformed
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.quantize.activations import Activations
from mobilecnn.quantize.weighted_layers import PLACES, Reals, WeightedLayer, real_values, weighted_layers

RATIO = 40.0
"""Largest channel range of a tensor over its median, above which it is equalized: in networks that keep their answers in
int8 it was at most 9, in broken ones 193 and more."""

LARGEST_SCALE = 2.0**30
"""Largest scale of a channel."""

HOMOGENEOUS = (schema.ActivationFunctionType.NONE, schema.ActivationFunctionType.RELU)
"""Activations that scale: ``f(x / s) = f(x) / s``."""

CHANNELWISE = {
    "ADD": 2, "AVERAGE_POOL_2D": 1, "LEAKY_RELU": 1, "MAX_POOL_2D": 1, "MEAN": 1, "PAD": 1, "PRELU": 1, "RELU": 1, "RESHAPE": 1,
    "SUB": 2,
}  # fmt: skip
"""Operator that treats each channel alike, whatever its scale -> number of its inputs that must be scaled with its output."""


@dataclass(frozen=True)
class Equalized:
    """A float32 file after equalization.

    Attributes:
        content: the file; its answers are the same, bit for bit.
        activations: those of the file.
        tensors: number of tensors that were equalized.
        ratio: largest channel range of a tensor over its median, before.
        halved: name of a tensor -> channel -> how often it was halved, where it was.
    """

    content: bytes
    activations: Activations
    tensors: int
    ratio: float
    halved: dict[str, dict[str, int]]


@dataclass
class Group:
    """Tensors that have one scale for each channel, because operators between them keep the channels apart.

    Attributes:
        tensors: their indices.
        writers, readers: places of the layers that write and read them, among the layers with weights.
        blocked: whether something reads or writes one that does not scale.
    """

    tensors: set[int]
    writers: list[int]
    readers: list[int]
    blocked: bool = False


def rescale(editor: Editor, layers: Sequence[WeightedLayer], group: Group, scales: Reals) -> None:
    """Divide the channels of a group's tensors by ``scales``, powers of two, and let those that read them multiply by them."""
    for index in group.writers:
        _write_scaled(editor, layers[index], scales)
    for index in group.readers:
        _read_scaled(editor, layers[index], scales)


def ratio_of(ranges: Reals) -> float:
    """The largest of the ranges of a tensor's channels over the median of those that are not 0; 1 without any."""
    some = ranges[ranges > 0]
    return float(some.max() / np.median(some)) if some.size else 1.0


def scaling(base: bytes) -> list[int]:
    """The tensors of a float32 file that can be equalized, in order."""
    editor = Editor(flatbuffer.parse(base, "the float32 file"))
    return sorted({index for group in groups_of(editor, weighted_layers(editor)) for index in group.tensors})


def equalize(base: bytes, activations: Activations) -> Equalized | None:
    """Equalize the tensors of a float32 file whose channels differ by more than :data:`RATIO`; None where there are none.

    Args:
        base: the file.
        activations: its activations, with the ranges of the tensors that :func:`scaling` names.
    """
    editor = Editor(flatbuffer.parse(base, "the float32 file"))
    layers = weighted_layers(editor)
    ranges = {index: activations.highs[index] - activations.lows[index] for index in activations.lows}
    patches = list(activations.patches)
    tensors, worst = 0, 1.0
    halved: dict[str, dict[str, int]] = {}
    for group in groups_of(editor, layers):
        found = max((ratio_of(ranges[index]) for index in group.tensors if index in ranges), default=1.0)
        if not found > RATIO:
            continue
        reach = np.max([ranges[index] for index in group.tensors if index in ranges], axis=0)
        if not np.isfinite(reach).all():
            continue
        scales = _scales(reach, _read_by(editor, [layers[index] for index in group.readers], len(reach)))
        if (scales == 1).all():
            continue
        rescale(editor, layers, group, scales)
        for index in group.readers:
            patches[index] = patches[index] / _along(scales, patches[index].shape[-1])
        tensors += len(group.tensors)
        powers = np.rint(np.log2(scales)).astype(int)
        changed = {str(channel): int(powers[channel]) for channel in np.flatnonzero(powers)}
        halved |= {editor.tensor(index).name: changed for index in sorted(group.tensors)}
        worst = max(worst, found)
    if tensors == 0:
        return None
    editor.sweep()
    content = flatbuffer.pack(editor.model)
    # Tensors may have another index after sweeping; nobody asks for their ranges again.
    without_ranges = replace(activations, patches=tuple(patches), lows={}, highs={})
    return Equalized(content, without_ranges, tensors, worst, halved)


def _scales(reach: Reals, weights: Reals | None) -> Reals:
    """What each channel is divided by, powers of two, at least 1: a channel that is no larger than most stays as it is.

    Args:
        reach: range of each channel.
        weights: the largest weight that each is multiplied by; None where that does not matter.
    """
    usual = np.median(reach[reach > 0])
    if weights is None:
        wanted = reach / usual
    else:
        read = (weights > 0) & (reach > 0)
        balance = np.sqrt(np.divide(reach, weights, out=np.zeros_like(reach), where=read))
        # A channel that nobody reads takes no more room than the others do.
        wanted = (
            np.where(read, balance / np.median(balance[read]), reach / usual) if read.any() else reach / usual
        )
    return np.asarray(np.exp2(np.rint(np.log2(np.clip(wanted, 1.0, LARGEST_SCALE)))))


def groups_of(editor: Editor, layers: Sequence[WeightedLayer]) -> list[Group]:
    """The groups of tensors of a graph whose channels can be scaled without any answer moving.

    Args:
        editor: the graph.
        layers: its layers with weights.
    """
    groups: dict[int, Group] = {}

    def group(index: int) -> Group:
        return groups.setdefault(index, Group({index}, [], []))

    weighted = {id(layer.operator): number for number, layer in enumerate(layers)}
    for operator in editor.operators:
        read = [index for index in wellformed.indices(operator.inputs) if index >= 0]
        written = wellformed.indices(operator.outputs)
        if (number := weighted.get(id(operator))) is not None:
            layer = layers[number]
            source, output = group(layer.source), group(layer.output)
            source.readers.append(number)
            source.blocked |= _channels(editor, layer.source) == 0 or not _reads_channels(editor, layer)
            output.writers.append(number)
            output.blocked |= operator.builtinOptions.fusedActivationFunction not in HOMOGENEOUS
            continue
        shared = _shared(editor, operator)
        for index in (*read, *written):
            group(index).blocked |= shared is None and editor.tensor(index).data is None
        if shared is not None:
            for index in shared[1:]:
                _merge(groups, group(shared[0]), group(index))
    return [
        one
        for one in {id(one): one for one in groups.values()}.values()
        if one.writers and one.readers and not one.blocked and all(map(editor.between, one.tensors))
    ]


def _merge(groups: dict[int, Group], first: Group, second: Group) -> None:
    if first is second:
        return
    first.tensors |= second.tensors
    first.writers += second.writers
    first.readers += second.readers
    first.blocked |= second.blocked
    for index in second.tensors:
        groups[index] = first


def _shared(editor: Editor, operator: Any) -> list[int] | None:
    """The tensors that an operator keeps channel by channel in one scale; None where it does something else with them."""
    kind = editor.kind(operator)
    if kind not in CHANNELWISE:
        return None
    options = operator.builtinOptions
    inputs = wellformed.indices(operator.inputs)
    (output,) = wellformed.indices(operator.outputs)
    shared = [*inputs[: CHANNELWISE[kind]], output]
    rows = [editor.tensor(index) for index in shared]
    channels = rows[-1].shape[-1:]
    if (
        getattr(options, "fusedActivationFunction", 0) not in HOMOGENEOUS
        or any(row.dtype != "float32" or row.data is not None or row.shape[-1:] != channels for row in rows)
        or (CHANNELWISE[kind] == 2 and rows[0].shape != rows[1].shape)
    ):
        return None
    if kind in ("MEAN", "PAD"):
        numbers = editor.integers(inputs[1])
        rank = len(rows[0].shape)
        if numbers is None:
            return None
        touched = [axis % rank for axis in numbers] if kind == "MEAN" else _padded(numbers)
        if rank - 1 in touched:
            return None
    return shared


def _padded(amounts: list[int]) -> list[int]:
    return [axis for axis in range(len(amounts) // 2) if any(amounts[2 * axis : 2 * axis + 2])]


def _channels(editor: Editor, index: int) -> int:
    shape = editor.tensor(index).shape
    return shape[-1] if shape else 0


def _reads_channels(editor: Editor, layer: WeightedLayer) -> bool:
    """Whether each weight of a layer is multiplied by one channel of its input, as it lies there."""
    if layer.kind != "FULLY_CONNECTED":
        return True
    return editor.tensor(layer.weights).shape[1] % _channels(editor, layer.source) == 0


def _along(scales: Reals, size: int) -> Reals:
    """The channels' scales for the last axis of weights or patches; a dense layer may read several places in a row."""
    return np.tile(scales, size // len(scales))


def _factors(editor: Editor, layer: WeightedLayer, scales: Reals) -> Iterator[tuple[int, int, Reals]]:
    """For rows of a layer's weights, from and to, the scales of the channels that they are multiplied by."""
    shape = editor.tensor(layer.weights).shape
    if layer.kind == "DEPTHWISE_CONV_2D":
        yield 0, 1, np.repeat(scales, shape[3] // len(scales))
    elif shape[-1] >= len(scales):
        yield 0, shape[0], _along(scales, shape[-1])
    else:
        groups = len(scales) // shape[-1]
        rows = shape[0] // groups
        for group in range(groups):
            yield group * rows, (group + 1) * rows, scales[group * shape[-1] : (group + 1) * shape[-1]]


def _read_by(editor: Editor, readers: list[WeightedLayer], channels: int) -> Reals | None:
    """The largest weight that each channel is multiplied by, relative to the layer's others; None of depthwise layers alone.

    A depthwise layer has a scale for each channel, and another range costs it nothing.
    """
    found = np.zeros(channels)
    says = False
    for layer in readers:
        if layer.kind == "DEPTHWISE_CONV_2D":
            continue
        says = True
        weights = np.abs(_floats(editor, _stored(editor, layer, 1)))
        largest = weights.reshape(len(weights), -1, weights.shape[-1]).max(axis=1)
        if weights.shape[-1] >= channels:
            seen = largest.max(axis=0).reshape(-1, channels).max(axis=0)
        else:
            groups = channels // weights.shape[-1]
            seen = largest.reshape(groups, -1, weights.shape[-1]).max(axis=1).reshape(-1)
        found = np.maximum(found, seen / (np.median(seen[seen > 0]) if seen.any() else 1.0))
    return found if says else None


def _write_scaled(editor: Editor, layer: WeightedLayer, scales: Reals) -> None:
    """Let a layer write each channel divided by its scale."""
    shape = [
        -1 if axis == layer.channel_axis else 1 for axis in range(len(editor.tensor(layer.weights).shape))
    ]
    _replace(editor, layer, 1, _floats(editor, _stored(editor, layer, 1)) / scales.reshape(shape))
    if layer.bias >= 0:
        _replace(editor, layer, 2, _floats(editor, _stored(editor, layer, 2)) / scales)


def _read_scaled(editor: Editor, layer: WeightedLayer, scales: Reals) -> None:
    """Let a layer multiply each channel that it reads by its scale."""
    weights = _floats(editor, _stored(editor, layer, 1))
    for start, stop, factors in _factors(editor, layer, scales):
        weights[start:stop] *= factors
    _replace(editor, layer, 1, weights)


def _stored(editor: Editor, layer: WeightedLayer, part: int) -> int:
    return wellformed.indices(layer.operator.inputs)[PLACES[layer.kind][part]]


def _floats(editor: Editor, index: int) -> Reals:
    return np.concatenate([rows for _, rows in real_values(editor, index)])


def _replace(editor: Editor, layer: WeightedLayer, part: int, values: Reals) -> None:
    """Give a layer other weights or another bias, in a tensor of its own: two layers may share one."""
    place = PLACES[layer.kind][part]
    name = editor.tensor(wellformed.indices(layer.operator.inputs)[place]).name
    index = editor.add_tensor(name, values.shape, "float32")
    editor.fill(index, values.astype(np.float32))
    editor.set_input(layer.operator, place, index)
