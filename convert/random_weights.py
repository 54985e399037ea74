"""Random weights at the scale of trained ones, for exports that measure latency."""

from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn.contract import InputContract
from mobilecnn.train.images import random_pixels, to_tensor


def settle(model: Any, contract: InputContract) -> None:
    """Give random weights the scale of trained ones, on random pictures.

    With the initial statistics of batch normalization (mean 0, variance 1) the activations of
    a deep network shrink to nothing: an int8 range of nothing overflows the fixed-point
    multipliers (tflite-runtime refuses such a file), and float32 denormals would be slow. Where
    the last layer gives scores that are all but equal, or 0 and 1, no comparison of answers
    would mean anything: its kernel is scaled to logits of standard deviation 1.
    """
    # More of them where they are small: the last feature maps have one to four pixels then, and statistics
    # of few values make the network chaotic on all other pictures.
    count = min(64, max(8, 800_000 // (contract.height * contract.width)))
    images = to_tensor(random_pixels(count, contract, seed=1), contract)
    norms = [layer for layer in model.layers if type(layer).__name__ == "BatchNormalization"]
    momenta = [layer.momentum for layer in norms]
    for layer in norms:
        layer.momentum = 0.0  # Take the statistics of the one batch that comes.
    if norms:
        _forward(model, images, training=True)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum
    logits = np.log(np.maximum(_forward(model, images, training=False).astype(np.float64), 1e-300))
    spread = logits.std(axis=1).mean()
    last = [layer for layer in model.layers if hasattr(layer, "kernel")][-1]
    if spread > 0:
        last.kernel.assign(last.kernel / spread)


def _forward(model: Any, images: npt.NDArray[np.float32], training: bool) -> npt.NDArray[np.float32]:
    """All scores in one step, (images, classes), as a graph function.

    Without one Keras keeps the output of every layer until the end, and the feature maps of a thousand
    layers for 64 pictures take 16 GB.
    """
    import tensorflow as tf

    function = tf.function(lambda batch: model(batch, training=training), autograph=False)
    return np.asarray(function(tf.constant(images)), np.float32)
