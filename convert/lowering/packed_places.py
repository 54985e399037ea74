"""Rewrite: pointwise convolutions of few outputs, which compute several places as one."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn.convert.graph import wellformed
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.convert.inspection import MOST_PLACES
from mobilecnn.convert.lowering import layouts
from mobilecnn.convert.lowering.costs import Costs
from mobilecnn.convert.lowering.reshapes import drop_reshapes

LEAST_PLACES = 16
"""Number of places that are left at least: kernels compute up to 16 at once, and fewer take as long."""

MOST_WEIGHTS = 16384
"""Number of weights, of a byte each, up to which a convolution computes several places. For k places there are k squared times as many
as before, and beyond this they leave no room in a first-level cache for the feature map, and the file outgrows its float32 one."""


def places_to_channels(editor: Editor, costs: Costs) -> Iterator[str]:
    """Let an int8 pointwise convolution W compute k neighbouring places as one place of k times the channels.

    k places of C channels lie in memory as one of k C, so that the feature map needs a RESHAPE only, and so does what is computed:
    ``[y1; ...; yk] = diag(W, ..., W) [x1; ...; xk]``, the weights of other places being 0. A product with 0 is 0, so that it is exact in
    integers. A kernel whose tiles are wider than the convolution has outputs computes the rest of a tile in vain; k places fill
    it. Processors with AMX gain, whose tiles are of 64 outputs. On the others that were tried most layers took longer and few gained, and
    their costs do not tell which, so that a target has to say that it packs (:attr:`~mobilecnn.convert.lowering.costs.Costs.packs`) for ``auto`` to
    choose this; its costs tell how many places. Of RESHAPEs one behind another the last remains.
    A convolution behind a PAD stays, because XNNPACK takes the PAD into it.
    """
    changed = 0
    for operator in editor.operators:
        places = _places(editor, operator, costs) if _fits(editor, operator) else 1
        if places > 1:
            _write(editor, operator, places)
            changed += 1
    if changed:
        list(drop_reshapes(editor))
        yield f"{changed} CONV_2D of 1x1 with several places as one, by the costs of {costs.title}"


def _fits(editor: Editor, operator: Any) -> bool:
    if editor.kind(operator) != "CONV_2D":
        return False
    options, (source, weights, *rest) = operator.builtinOptions, wellformed.indices(operator.inputs)
    given, kernel = editor.tensor(source), editor.tensor(weights)
    if not (given.dtype == kernel.dtype == "int8" and kernel.data is not None and len(given.shape) == 4):
        return False
    if any(index >= 0 and editor.tensor(index).data is None for index in rest):
        return False
    if editor.between(source) and editor.kind(editor.maker(source)) in ("PAD", "PADV2"):
        return False
    made = editor.tensor(wellformed.indices(operator.outputs)[0])
    return (
        not (given.dynamic or made.dynamic)
        and kernel.shape[1:3] == (1, 1)
        and (options.strideH, options.strideW) == (1, 1)
        and layouts.groups(editor, operator) == 1
    )


def _places(editor: Editor, operator: Any, costs: Costs) -> int:
    """How many places cost the least as one; 1 where no number of them saves enough."""
    source, weights = wellformed.indices(operator.inputs)[:2]
    out, *_, channels = editor.tensor(weights).shape
    _, height, width, _ = editor.tensor(source).shape
    prices = {}
    for places in range(2, MOST_PLACES + 1):
        left, rest = divmod(height * width, places)
        if rest or left < LEAST_PLACES or places**2 * out * channels > MOST_WEIGHTS:
            continue
        trade = costs.packed("int8", height * width, channels, out, places)
        if trade.saves:
            prices[places] = trade.price
    return min(prices, key=prices.__getitem__) if prices else 1


def _write(editor: Editor, operator: Any, places: int) -> None:
    source, weights = wellformed.indices(operator.inputs)[:2]
    (target,) = wellformed.indices(operator.outputs)
    batch, height, width, channels = editor.tensor(source).shape
    out = editor.tensor(weights).shape[0]
    rows = (batch, 1, height * width // places)
    packed = editor.tensor_like(source, f"{editor.tensor(source).name}/places", (*rows, places * channels))
    made = editor.tensor_like(target, f"{editor.tensor(target).name}/places", (*rows, places * out))

    def diagonal(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        wide = np.zeros((places, out, places, channels), values.dtype)
        for place in range(places):
            wide[place, :, place] = values.reshape(out, channels)
        return wide.reshape(places * out, 1, 1, places * channels)

    repeat_outputs(editor, operator, packed, places, diagonal)
    operator.outputs = np.array([made], np.int32)
    editor.replace(
        operator,
        [editor.reshape(source, packed), operator, editor.reshape(made, target)],
    )


def repeat_outputs(
    editor: Editor,
    operator: Any,
    source: int,
    times: int,
    change: Callable[[npt.NDArray[Any]], npt.NDArray[Any]],
) -> None:
    """Let a convolution, whose weights and bias are constants, read another tensor and compute each of its outputs several times.

    Args:
        source: index of the tensor that it reads instead.
        times: how often each output is computed, all of them one after another.
        change: function of the weights, (outputs, rows, columns, channels), that makes those of ``times`` as many outputs.
    """
    weights, *biases = wellformed.indices(operator.inputs)[1:]
    again = list(range(editor.tensor(weights).shape[0])) * times
    constants = [editor.changed_constant(weights, change, again)]
    for index in biases:
        several = index if index < 0 else editor.changed_constant(index, lambda values: values[again], again)
        constants.append(several)
    operator.inputs = np.array([source, *constants], np.int32)
