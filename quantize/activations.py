"""What flows through a float32 file: means and ranges of its activations over some images."""

import warnings
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from mobilecnn.convert.graph import flatbuffer, wellformed
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.quantize.runtimes import interpreter_class
from mobilecnn.quantize.weighted_layers import Reals, WeightedLayer, weighted_layers


@dataclass(frozen=True)
class Activations:
    """The activations of a float32 file over some images.

    Attributes:
        patches: for each layer with weights, in order, the mean of what each of its weights is multiplied by, over all
            images and positions of its output: (rows, columns, input channels) of a convolution, (inputs,) of a dense layer.
        lows, highs: tensor -> the smallest and the largest value of each channel, (channels,); of those that were asked for.
        scores: the file's answers, (images, outputs).
    """

    patches: tuple[Reals, ...]
    lows: dict[int, Reals]
    highs: dict[int, Reals]
    scores: npt.NDArray[np.float32]

    def write(self, path: Path) -> None:
        """Write them to a ``.npz`` file."""
        named: dict[str, Any] = {f"patch_{index}": patch for index, patch in enumerate(self.patches)}
        named |= {f"low_{index}": low for index, low in self.lows.items()}
        named |= {f"high_{index}": high for index, high in self.highs.items()}
        with path.open("wb") as file:
            np.savez(file, scores=self.scores, **named)


def read(path: Path) -> Activations:
    """The activations in a file that :meth:`Activations.write` made."""
    with np.load(path, allow_pickle=False) as file:
        parts = {name: file[name] for name in file.files}
    rows = {
        kind: {int(name.partition("_")[2]): part for name, part in parts.items() if name.startswith(kind)}
        for kind in ("patch_", "low_", "high_")
    }
    patches = tuple(rows["patch_"][index] for index in range(len(rows["patch_"])))
    return Activations(patches, rows["low_"], rows["high_"], parts["scores"])


def observe(
    content: bytes,
    images: Iterable[npt.NDArray[np.float32]],
    threads: int,
    ranged: Collection[int] | None = None,
) -> Activations:
    """Run images through a float32 file of one graph, and keep sums and extremes, so that their number costs no memory.

    Args:
        content: the file.
        images: the tensors that it is given, (height, width, channels) each.
        threads: number of threads.
        ranged: tensors whose ranges are kept.  [default: all activations with channels on their last axis]
    """
    editor = Editor(flatbuffer.parse(content, "the float32 file"))
    layers = weighted_layers(editor)
    with warnings.catch_warnings():
        # It is for debugging, the runtime says, because it takes the memory of all tensors, as it must here.
        warnings.simplefilter("ignore", UserWarning)
        interpreter = interpreter_class("litert")(
            model_content=content, num_threads=threads, experimental_preserve_all_tensors=True
        )
    interpreter.allocate_tensors()
    given = interpreter.get_input_details()[0]["index"]
    result = interpreter.get_output_details()[0]["index"]
    ranged = _activations(editor) if ranged is None else ranged
    sums: dict[int, Any] = dict.fromkeys((layer.source for layer in layers), 0.0)
    lows: dict[int, Any] = {}
    highs: dict[int, Any] = {}
    scores = []
    for image in images:
        interpreter.set_tensor(given, image[None])
        interpreter.invoke()
        for index in {*sums, *ranged}:
            values = interpreter.get_tensor(index)
            if index in sums:
                sums[index] += values.astype(
                    np.float64
                )  # In float32 the thousandth image would count for less.
            if index in ranged:
                # Place by place: that is several times as fast as channel by channel.
                lows[index] = np.minimum(lows.get(index, values), values)
                highs[index] = np.maximum(highs.get(index, values), values)
        scores.append(interpreter.get_tensor(result).reshape(-1).copy())
    patches = tuple(_patch(editor, layer, sums[layer.source] / len(scores)) for layer in layers)
    lows = {index: values.reshape(-1, values.shape[-1]).min(axis=0) for index, values in lows.items()}
    highs = {index: values.reshape(-1, values.shape[-1]).max(axis=0) for index, values in highs.items()}
    return Activations(patches, lows, highs, np.stack(scores).astype(np.float32))


def _activations(editor: Editor) -> set[int]:
    """The float32 tensors between operators that have channels on their last axis."""
    made = [index for operator in editor.operators for index in wellformed.indices(operator.outputs)]
    shapes = {index: editor.tensor(index) for index in made if index >= 0}
    return {
        index
        for index, tensor in shapes.items()
        if tensor.dtype == "float32" and 2 <= len(tensor.shape) <= 4 and tensor.elements > 0
    }


def _patch(editor: Editor, layer: WeightedLayer, mean: Any) -> Reals:
    """The mean of what each weight of a layer is multiplied by, of the mean of its input over the images."""
    values = np.asarray(mean, np.float64)
    if layer.kind == "FULLY_CONNECTED":
        inputs = editor.tensor(layer.weights).shape[1]
        return np.asarray(values.reshape(-1, inputs).mean(axis=0))
    rows, columns = (_shares(editor, layer, axis) for axis in (1, 2))
    return np.asarray(np.einsum("ai,bj,ijc->abc", rows, columns, values[0], optimize=True))


def _shares(editor: Editor, layer: WeightedLayer, axis: int) -> Reals:
    """How much of the mean of a weight's factors each position of the input is, along one axis: (weights, positions).

    A weight of a convolution meets one position of the input for each position of the output, and a padding of zeros
    where that is outside. A transposed convolution adds each position of the input, times a weight, to one position of
    the output, or to none.
    """
    options = layer.operator.builtinOptions
    stride = int((options.strideH, options.strideW)[axis - 1])
    dilation = int((getattr(options, "dilationHFactor", 1), getattr(options, "dilationWFactor", 1))[axis - 1])
    size, kernel, out = (
        editor.tensor(index).shape[axis] for index in (layer.source, layer.weights, layer.output)
    )
    turned = layer.kind == "TRANSPOSE_CONV"
    small, large = (size, out) if turned else (out, size)
    reach = (small - 1) * stride + (kernel - 1) * dilation + 1
    before = max(0, reach - large) // 2 if options.padding == schema.Padding.SAME else 0
    shares = np.zeros((kernel, size))
    for tap in range(kernel):
        for place in range(small):
            other = place * stride + tap * dilation - before
            if 0 <= other < large:
                shares[tap, place if turned else other] += 1 / out
    return shares
