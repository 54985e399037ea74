"""Rewrite: pointwise convolutions of few outputs, which compute several places as one."""

from collections.abc import Iterator
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

LEAST_GAIN = 0.1
"""Share of its time, on each of the target's chips, that a convolution must save. The RESHAPEs around it cost something that is not known."""

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
        if trade.saves(LEAST_GAIN):
            prices[places] = trade.price
    return min(prices, key=prices.__getitem__) if prices else 1


def _write(editor: Editor, operator: Any, places: int) -> None:
    source, weights, *rest = wellformed.indices(operator.inputs)
    (target,) = wellformed.indices(operator.outputs)
    batch, height, width, channels = editor.tensor(source).shape
    out = editor.tensor(weights).shape[0]
    rows = (batch, 1, height * width // places)
    packed = editor.tensor_like(source, f"{editor.tensor(source).name}/places", (*rows, places * channels))
    made = editor.tensor_like(target, f"{editor.tensor(target).name}/places", (*rows, places * out))
    again = list(range(out)) * places

    def diagonal(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        wide = np.zeros((places, out, places, channels), values.dtype)
        for place in range(places):
            wide[place, :, place] = values.reshape(out, channels)
        return wide.reshape(places * out, 1, 1, places * channels)

    kernel = editor.changed_constant(weights, diagonal, again)
    biases = [
        editor.changed_constant(index, lambda values: np.tile(values, places), again) if index >= 0 else index
        for index in rest
    ]
    operator.inputs = np.array([packed, kernel, *biases], np.int32)
    operator.outputs = np.array([made], np.int32)
    editor.replace(
        operator,
        [editor.reshape(source, packed), operator, editor.reshape(made, target)],
    )
