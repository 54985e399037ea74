"""The steps on a Keras model: in the child process only."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn.errors import ModelFileError, UsageError
from mobilecnn.quantize.compress.plan import EVERY, PerLayer
from mobilecnn.quantize.compress.schedules import Levels
from mobilecnn.quantize.compress.weights import (
    Shared,
    Weights,
    factorized,
    pruned,
    saves,
    shared,
    with_shared,
)

KERNELS = ("kernel", "depthwise_kernel", "pointwise_kernel")
"""Names of the weights of a layer that are compressed; biases and batch normalization are few."""


def kernels(model: Any) -> dict[str, Any]:
    """Name -> each kernel of a model, a Keras variable: the layer's name, and behind a slash the kernel's if it has two."""
    found: dict[str, Any] = {}
    for layer in model._flatten_layers(include_self=False):
        own = [(name, getattr(layer, name, None)) for name in KERNELS]
        there = [(name, weight) for name, weight in own if getattr(weight, "shape", None) is not None]
        for name, weight in there:
            found[layer.name if len(there) == 1 else f"{layer.name}/{name}"] = weight
    return found


def value_of(values: PerLayer, name: str) -> float | None:
    """The value for a kernel: that of its layer, else that of every layer; None without."""
    return values.get(name, values.get(name.partition("/")[0], values.get(EVERY)))


def check_names(values: PerLayer, names: Sequence[str], option: str) -> None:
    """Refuse names of layers that the model does not have.

    Raises:
        UsageError: it has none of a name.
    """
    known = {*names, *(name.partition("/")[0] for name in names), EVERY}
    for name in values:
        if name not in known:
            shown = ", ".join(list(names)[:20]) + (", ..." if len(names) > 20 else "")
            raise UsageError(f"{option}: the model has no layer {name!r} with weights; choose from {shown}")


def with_factors(keras: Any, model: Any, shares: PerLayer) -> Any:
    """The model with dense layers as two of them, of that share of their full rank, where that saves weights.

    Raises:
        ModelFileError: the model is no graph of layers.
    """
    ranks: dict[str, int] = {}
    for layer in model.layers:
        share = value_of(shares, layer.name)
        if type(layer) is keras.layers.Dense and share is not None:
            rank = max(1, round(share * min(layer.kernel.shape)))
            if saves(tuple(layer.kernel.shape), rank):
                ranks[layer.name] = rank
    if not ranks:
        return model
    firsts = {
        name: keras.layers.Dense(rank, use_bias=False, name=f"{name}_svd") for name, rank in ranks.items()
    }

    def call(layer: Any, *args: Any, **keywords: Any) -> Any:
        if layer.name in firsts:
            args = (firsts[layer.name](args[0]), *args[1:])
        return layer(*args, **keywords)

    graph = keras.Model(model.inputs, model.outputs, name=model.name)
    try:
        made = keras.models.clone_model(graph, call_function=call)
    except (ValueError, TypeError, NotImplementedError) as error:
        raise ModelFileError(f"its dense layers cannot be replaced ({error}); leave --svd out") from error
    for layer in model.layers:
        weights = [np.asarray(weight) for weight in layer.get_weights()]
        if layer.name in ranks:
            first, second = factorized(weights[0], ranks[layer.name])
            made.get_layer(f"{layer.name}_svd").set_weights([first])
            weights = [second, *weights[1:]]
        made.get_layer(layer.name).set_weights(weights)
    return made


Project = Callable[[], None]
"""Function that puts a model's kernels back to what a step made of them: zeros stay 0, shared values stay shared."""


ALL_AT_ONCE: Levels = {0: 1.0}
"""Levels of a pruning before training."""


def prune(model: Any, shares: PerLayer, levels: Levels = ALL_AT_ONCE) -> Project:
    """Set the smallest weights of each kernel to 0, now or in the course of training.

    What is 0 stays 0. The function that is returned is called after each batch, and prunes further at a batch of ``levels``.

    Args:
        model: a Keras model.
        shares: shares of the weights that are 0 in the end.
        levels: number of batches -> part of the shares that is pruned then.
    """
    chosen = {name: (kernel, value_of(shares, name)) for name, kernel in kernels(model).items()}
    masks: dict[str, npt.NDArray[np.bool_]] = {}
    batches = 0

    def project() -> None:
        nonlocal batches
        batches += 1
        _apply(levels.get(batches))

    def _apply(part: float | None) -> None:
        for name, (kernel, share) in chosen.items():
            if share is None or (part is None and name not in masks):
                continue
            weights = np.asarray(kernel)
            if name in masks:
                weights = np.where(masks[name], weights, np.float32(0))
            if part is not None:
                weights = pruned(weights, part * share)
                masks[name] = weights != 0
            kernel.assign(weights)

    _apply(levels.get(0))
    return project


def cluster(model: Any, bits: PerLayer) -> Project:
    """Let the weights of each kernel share values; a pruned weight stays 0.

    While it is trained, a shared value moves by the mean of what its weights move (arXiv 1510.00149, section 3.3,
    where it is their sum).
    """
    sharing: dict[str, tuple[Any, Shared]] = {}
    for name, kernel in kernels(model).items():
        chosen = value_of(bits, name)
        if chosen is not None:
            weights = np.asarray(kernel)
            made = shared(weights, int(chosen))
            sharing[name] = kernel, made
            kernel.assign(with_shared(weights, made))
    masks = {name: np.asarray(kernel) != 0 for name, (kernel, _) in sharing.items()}

    def project() -> None:
        for name, (kernel, made) in sharing.items():
            kernel.assign(_shared_again(np.asarray(kernel), masks[name], made))

    return project


def _shared_again(weights: Weights, mask: npt.NDArray[np.bool_], made: Shared) -> Weights:
    counts = np.bincount(made.indices, minlength=len(made.codebook))
    sums = np.bincount(made.indices, weights[mask].astype(np.float64), len(made.codebook))
    codebook = np.where(counts > 0, sums / np.maximum(counts, 1), made.codebook).astype(np.float32)
    codebook[codebook == 0] = np.finfo(np.float32).tiny
    out = np.zeros(weights.shape, np.float32)
    out[mask] = codebook[made.indices]
    return out


def counted(model: Any) -> tuple[int, int]:
    """Number of weights of all kernels, and of those that are not 0."""
    arrays = [np.asarray(kernel) for kernel in kernels(model).values()]
    return sum(array.size for array in arrays), int(sum(np.count_nonzero(array) for array in arrays))


def tensors_of(model: Any) -> Mapping[str, Weights]:
    """Name -> each weight of the model, for the coded file."""
    return {weight.path: np.asarray(weight, np.float32) for weight in model.weights}
