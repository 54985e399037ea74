"""A Keras model whose weights are moved as the rounding of float32 moves its sums: in the child process only.

A layer's output is a sum s = w[1] x[1] + ... + w[n] x[n], which float32 computes as s[k] = (s[k-1] + w[k] x[k] (1 + e[k]))
(1 + d[k]), every e[k] and d[k] at most u = 2^-24. That is the exact sum of moved weights w[i] (1 + e[i]) (1 + d[i]) ...
(1 + d[n]): a weight is moved the farther the earlier it is added, at most by about n u (N. J. Higham, "Accuracy and
Stability of Numerical Algorithms", 2nd edition, 2002, section 3.1). Roundings do not all go the same way; with d that are
independent and of mean 0 the movement is a random walk, of some sqrt(n) u (N. J. Higham, T. Mary, "A New Approach to
Probabilistic Rounding Error Analysis", SIAM J. Sci. Comput. 41(5), 2019, theorem 3.1).

So a model with its weights moved by such walks answers as if it had computed the same sums in float32 otherwise, and
what its further layers make of that is what they make of any rounding. The walk of a dense layer of 9,216 inputs is
twenty times as long as that of a 3x3 convolution of a picture. An average pool has no weights: its averages are moved.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn.convert.saved_model import SavedClassifier

ROUNDING = 2.0**-24
"""Relative error of one rounding of float32 at most (u)."""

AT_ONCE = 1 << 22
"""Number of weights that are moved together: what that takes beside the model stays below 100 MB."""


@contextmanager
def moved(model: Any, seed: int) -> Iterator[None]:
    """Move the weights of a model, and its averages, while the block runs; afterwards they are what they were.

    A function that was traced before has the averages as they are.

    Args:
        model: a Keras model, or a :class:`mobilecnn.convert.saved_model.SavedClassifier`.
        seed: seed of the walks.
    """
    rng = np.random.default_rng(seed)
    sums = _sums(model)
    before = [(variable, np.array(variable.numpy())) for variable in model.variables]
    pools = {
        id(layer): layer for layer in _layers(model) if _terms(layer)
    }.values()  # One may be in two models.
    try:
        for pool in pools:
            pool.call = _rounding_pool(pool, rng)
        for variable, values in before:
            if values.dtype == np.float32 and values.size:
                variable.assign(walked(values, sums.get(id(variable), ()), rng))
        yield
    finally:
        for pool in pools:
            del pool.call  # Its class has the original.
        for variable, values in before:
            variable.assign(values)


def walked(
    weights: npt.NDArray[np.float32], axes: tuple[int, ...], rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Weights, each times (1 + e) and the (1 + d) of all additions from its own to the last.

    Args:
        weights: of any shape.
        axes: the axes that a sum runs over, in its order; empty where there is none: then each has its own e alone.
        rng: draws e and d between -u and u.
    """
    rows = math.prod(weights.shape[axis] for axis in axes)
    others = [axis for axis in range(weights.ndim) if axis not in axes]
    order = [*axes, *others]
    columns = np.array(weights.transpose(order)).reshape(
        rows, -1
    )  # A copy: what a variable gives may be its own.
    width = max(1, AT_ONCE // rows)
    for start in range(0, columns.shape[1], width):
        part = columns[:, start : start + width]
        walk = rng.uniform(-ROUNDING, ROUNDING, part.shape)
        if axes:
            walk = np.cumsum(walk[::-1], axis=0)[::-1] + rng.uniform(-ROUNDING, ROUNDING, part.shape)
        columns[:, start : start + width] = part * (1 + walk)
    shape = [weights.shape[axis] for axis in order]
    return columns.reshape(shape).transpose(np.argsort(order))


def _sums(model: Any) -> dict[int, tuple[int, ...]]:
    """Identity of a kernel -> the axes that its layer sums over, in the order of their place in memory."""
    import keras

    layers = keras.layers
    found: dict[int, tuple[int, ...]] = {}
    if isinstance(model, SavedClassifier):  # Its layers are gone, and their names are left.
        for variable in model.variables:
            rank = len(variable.shape)
            if rank >= 2:
                found[id(variable)] = tuple(range(rank - (2 if "depthwise" in variable.name else 1)))
    for layer in _layers(model):
        depthwise = isinstance(layer, layers.DepthwiseConv1D | layers.DepthwiseConv2D)
        for name, along in (
            ("kernel", -2 if depthwise else -1),
            ("depthwise_kernel", -2),
            ("pointwise_kernel", -1),
        ):
            kernel = getattr(layer, name, None)
            rank = len(getattr(kernel, "shape", ()))
            if not isinstance(kernel, keras.Variable) or rank < 2:
                continue
            if isinstance(layer, layers.Conv1DTranspose | layers.Conv2DTranspose | layers.Conv3DTranspose):
                found[id(kernel)] = (*range(rank - 2), rank - 1)
            else:
                found[id(kernel)] = tuple(range(rank + along))
    return found


def _terms(layer: Any) -> int:
    """Number of the values that a pool averages; 0 for other layers."""
    import keras

    layers = keras.layers
    if isinstance(
        layer, layers.GlobalAveragePooling1D | layers.GlobalAveragePooling2D | layers.GlobalAveragePooling3D
    ):
        sides = layer.input.shape[1:-1]
        return math.prod(side or 1 for side in sides)
    if isinstance(layer, layers.AveragePooling1D | layers.AveragePooling2D | layers.AveragePooling3D):
        return math.prod(layer.pool_size)
    return 0


def _rounding_pool(pool: Any, rng: np.random.Generator) -> Callable[..., Any]:
    """The ``call`` of a pool, whose averages are moved: by some sqrt(n) u, since neighbours are much alike, and then
    roundings go the same way for a while."""
    original, spread = pool.call, ROUNDING * math.sqrt(_terms(pool))

    def call(*arguments: Any, **options: Any) -> Any:
        averages = original(*arguments, **options)
        return averages * rng.normal(1.0, spread, averages.shape[-1]).astype(np.float32)

    return call


def _layers(model: Any) -> Iterator[Any]:
    """A model's layers and those inside of them, as Keras lists them; none of a SavedModel."""
    for layer in getattr(model, "layers", ()):
        yield layer
        yield from _layers(layer)
