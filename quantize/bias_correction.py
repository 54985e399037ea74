"""Bias correction: what rounded weights add to the mean of a layer's output is taken from its bias.

A quantized layer computes ``(W + dW) x + b``, and ``dW x`` has a mean that is not 0: a channel of which most weights
were rounded up answers too much on every image. Nagel et al. (Data-Free Quantization Through Weight Equalization and
Bias Correction, ICCV 2019, arXiv:1906.04721), section 4.2, take its expected value, ``dW E[x]``, from the bias. They
derive ``E[x]`` from batch normalization; here it is the mean over the calibration images, at each weight of the kernel, so
that zeros of a padding count as what they are. It is the mean of the float32 file: once every layer's mean is put right, it
is the quantized file's as well.

No weight, operator or scale changes, so that the file is as large and as fast as without. A bias has as many scales as its layer's weights:
the built-in kernels take no dense layer whose weights have one scale and whose bias has one for each output.
"""

from typing import Any

import numpy as np

from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.quantize.activations import Activations
from mobilecnn.quantize.weighted_layers import PLACES, Reals, WeightedLayer, real_values, weighted_layers

LIMIT = 2**31 - 1
"""Largest code of a bias, and the opposite of the smallest."""


def correct_biases(quantized: bytes, base: bytes, activations: Activations) -> tuple[bytes, int]:
    """Correct the biases of the layers whose weights are stored as int8; those of other layers stay as they are.

    The weights are taken as the kernels see them: codes times the scales of their channels.

    Args:
        quantized: what the quantizer made of ``base``.
        base: the float32 file.
        activations: those of ``base``.

    Returns:
        The corrected file, and the number of layers that were corrected; the same file where that is 0.
    """
    editor = Editor(flatbuffer.parse(quantized, "the quantized file"))
    original = Editor(flatbuffer.parse(base, "the float32 file"))
    layers, floats = weighted_layers(editor), weighted_layers(original)
    if [layer.kind for layer in layers] != [layer.kind for layer in floats]:
        return quantized, 0
    corrected = 0
    for layer, exact, patch in zip(layers, floats, activations.patches, strict=True):
        if editor.dtype(layer.weights) != "int8":
            continue
        error = _products(editor, layer, patch) - _products(original, exact, patch)
        if np.isfinite(error).all() and error.any():
            _add_to_bias(editor, layer, _bias(original, exact, len(error)) - error)
            corrected += 1
    if corrected == 0:
        return quantized, 0
    editor.sweep()
    return flatbuffer.pack(editor.model), corrected


def _products(editor: Editor, layer: WeightedLayer, patch: Reals) -> Reals:
    """The mean output of each channel without its bias, (channels,)."""
    if layer.kind == "DEPTHWISE_CONV_2D":
        ((_, weights),) = real_values(editor, layer.weights)
        multiplier = weights.shape[3] // patch.shape[2]
        return np.asarray((weights[0] * np.repeat(patch, multiplier, axis=2)).sum(axis=(0, 1)))
    made: list[Reals] = []
    channels = editor.tensor(layer.weights).shape
    groups = patch.shape[-1] // channels[-1]
    for start, weights in real_values(editor, layer.weights):
        if groups == 1:
            made.append(weights.reshape(len(weights), -1) @ patch.reshape(-1))
            continue
        for channel, row in enumerate(weights, start):
            first = channel // (channels[0] // groups) * channels[-1]
            made.append(np.array([(row * patch[..., first : first + channels[-1]]).sum()]))
    return np.concatenate(made)


def _bias(editor: Editor, layer: WeightedLayer, channels: int) -> Reals:
    if layer.bias < 0:
        return np.zeros(channels)
    ((_, values),) = real_values(editor, layer.bias)
    return values


def _add_to_bias(editor: Editor, layer: WeightedLayer, bias: Reals) -> None:
    """Give a layer of a quantized file the bias ``bias``, real numbers, in a tensor of its own: two may share one."""
    source, name = editor.tensor(layer.source), editor.tensor(layer.output).name
    stored: Any = bias.astype(np.float32)
    scales: Any = None
    dtype = "float32"
    if source.dtype != "float32":
        dtype = "int64" if source.dtype == "int16" else "int32"
        scales = np.float32(source.scales[0]) * np.array(editor.tensor(layer.weights).scales, np.float32)
        codes = np.rint(bias / scales.astype(np.float64))
        stored = np.clip(codes, -LIMIT, LIMIT).astype(dtype)
    index = editor.add_tensor(f"{name}/corrected_bias", bias.shape, dtype)
    editor.fill(index, stored, scales)
    editor.set_input(layer.operator, PLACES[layer.kind][2], index)
