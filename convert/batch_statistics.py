"""What images make of the inputs of a model's first batch normalizations, beside what these remember of the training.

A batch normalization keeps the mean and the variance of each channel of its input as the training saw them. Images that are
fed as those of the training were give about the same, and images in another range, or of another kind, do not. It runs in the
child process that holds the Keras model; :mod:`mobilecnn.quantize.calibration.statistics` says what the figures mean.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

LAYERS = 3
"""Number of batch normalizations that are looked at, in the order in which they run."""

Numbers = npt.NDArray[np.float64]


class _EnoughError(BaseException):
    """What ends a run of the model when the last of the layers has been seen. Keras rewrites what is an ``Exception``."""


@dataclass
class _Sums:
    count: int = 0
    first: Numbers = field(default_factory=lambda: np.zeros(0))
    second: Numbers = field(default_factory=lambda: np.zeros(0))

    def add(self, values: Numbers) -> None:
        if not self.count:
            self.first, self.second = np.zeros(values.shape[1]), np.zeros(values.shape[1])
        self.count += len(values)
        self.first += values.sum(axis=0)
        self.second += (values**2).sum(axis=0)


def statistics(
    model: Any, run: Callable[[Any], Any], batches: Iterable[npt.NDArray[np.float32]]
) -> list[dict[str, list[float]]]:
    """For each of the first batch normalizations, in the order in which they run, four values of each channel.

    Args:
        model: a Keras model.
        run: runs it on a batch.
        batches: inputs, float32 (images, height, width, channels).

    Returns:
        ``mean`` and ``variance`` as the layer remembers them, the small number that it adds included, and
        ``observed_mean`` and ``observed_variance`` of these inputs. Nothing of a layer that no training has moved.
    """
    import tensorflow as tf

    layers = [layer for layer in _flat(model) if type(layer).__name__ == "BatchNormalization" and layer.built]
    sums: dict[int, _Sums] = {}
    order: list[Any] = []
    with _watched(layers, order, sums):
        for batch in batches:
            order.clear()
            try:
                run(tf.constant(batch))
            except _EnoughError:
                continue
    found = []
    for layer in order:
        mean, variance = (np.asarray(each, np.float64) for each in (layer.moving_mean, layer.moving_variance))
        total = sums[id(layer)]
        if total.count == 0 or ((mean == 0).all() and (variance == 1).all()):
            continue
        observed = total.first / total.count
        spread = np.maximum(total.second / total.count - observed**2, 0)
        rows = (mean, variance + layer.epsilon, observed, spread + layer.epsilon)
        if all(np.isfinite(row).all() for row in rows):
            names = ("mean", "variance", "observed_mean", "observed_variance")
            found.append({name: row.tolist() for name, row in zip(names, rows, strict=True)})
    return found


def _flat(layer: Any) -> Iterator[Any]:
    """A layer and all that it holds, once each."""
    yield layer
    for inner in dict.fromkeys(getattr(layer, "layers", None) or ()):
        yield from _flat(inner)


@contextmanager
def _watched(layers: list[Any], order: list[Any], sums: dict[int, _Sums]) -> Iterator[None]:
    """Within the block these layers add up what they are given, and the last of :data:`LAYERS` ends the run."""

    def watching(layer: Any, call: Any) -> Any:
        def watched(inputs: Any, *arguments: Any, **options: Any) -> Any:
            if not any(layer is seen for seen in order):
                order.append(layer)
                values = np.asarray(inputs, np.float64)
                channels = values.shape[layer.axis]
                sums.setdefault(id(layer), _Sums()).add(
                    np.moveaxis(values, layer.axis, -1).reshape(-1, channels)
                )
                if len(order) == min(LAYERS, len(layers)):
                    raise _EnoughError
            return call(inputs, *arguments, **options)

        return watched

    try:
        for layer in layers:
            # As an attribute of the object: Keras would track what is set in its own way.
            object.__setattr__(layer, "call", watching(layer, layer.call))
        yield
    finally:
        for layer in layers:
            vars(layer).pop("call", None)
