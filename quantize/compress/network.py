"""The steps on a Keras model: in the child process only."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn.errors import CheckFailed, ModelFileError, UsageError
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
from mobilecnn.remarks import listed

KERNELS = ("kernel", "depthwise_kernel", "pointwise_kernel")
"""Names of the weights of a layer that are compressed; biases and batch normalization are few."""


def _leaves(layer: Any, folder: str = "") -> Iterator[tuple[str, Any]]:
    """The layers that are no models, each with the names of the models around it before its own."""
    for inner in getattr(layer, "layers", None) or ():
        name = f"{folder}{inner.name}"
        if getattr(inner, "layers", None):
            yield from _leaves(inner, f"{name}/")
        else:
            # Such as a wrapper around another layer.
            below = [part for part in inner._flatten_layers(include_self=False) if part is not inner]
            yield from ((name if part is inner else f"{name}/{part.name}", part) for part in (inner, *below))


def layers_of(model: Any) -> dict[str, Any]:
    """Name -> each layer of a model, once: its own name or, where layers of two models inside have one name, with the model's
    before it (``first/conv``)."""
    places: dict[int, tuple[str, Any]] = {}
    for place, layer in _leaves(model):
        places.setdefault(id(layer), (place, layer))
    counts = Counter(layer.name for _, layer in places.values())
    return {place if counts[layer.name] > 1 else layer.name: layer for place, layer in places.values()}


def kernels(model: Any) -> dict[str, Any]:
    """Name -> each kernel of a model, a Keras variable: the layer's name, and behind a slash the kernel's if it has two."""
    found: dict[str, Any] = {}
    for place, layer in layers_of(model).items():
        own = [(name, getattr(layer, name, None)) for name in KERNELS]
        there = [(name, weight) for name, weight in own if getattr(weight, "shape", None) is not None]
        for name, weight in there:
            found[place if len(there) == 1 else f"{place}/{name}"] = weight
    return found


def check_finite(model: Any, what: str) -> None:
    """Refuse a model with damaged weights: a step would make finite ones of them, which look healthy.

    Kernels hold finite numbers. Other weights may hold infinity, as a mask does, and no NaN.

    Args:
        model: a Keras model.
        what: the model, for messages.

    Raises:
        UsageError: it has no kernels.
        ModelFileError: a weight is NaN, or one of a kernel infinite.
    """
    found = kernels(model)
    if not found:
        raise UsageError(
            f"{what} has no kernels, which are what is compressed; give a model with convolutions or dense layers"
        )
    damaged = _not_finite(found)
    whole = {id(kernel) for kernel in found.values()}
    for weight in model.weights:
        if id(weight) not in whole and np.isnan(_floats(weight)).any():
            damaged.append(weight.path)
    if damaged:
        shown = listed(damaged)
        raise ModelFileError(
            f"{what} is damaged: not all weights of {shown} are finite numbers; give a model from before it broke, or train it again "
            "with a lower learning rate"
        )


def check_trained(model: Any, step: str, rate: float) -> None:
    """Refuse kernels that training after ``step`` at this learning rate has left without finite numbers.

    Raises:
        CheckFailed: one has a NaN or infinity.
    """
    if damaged := _not_finite(kernels(model)):
        raise CheckFailed(
            f"training after {step} left numbers that are not finite in {listed(damaged)}; give a lower --learning-rate than "
            f"{rate:g}"
        )


def _floats(weight: Any) -> npt.NDArray[Any]:
    values = np.asarray(weight)
    return values if values.dtype.kind == "f" else values.astype(np.float32)


def _not_finite(named: Mapping[str, Any]) -> list[str]:
    return [name for name, kernel in named.items() if not np.isfinite(_floats(kernel)).all()]


def value_of(values: PerLayer, name: str) -> float | None:
    """The value for a kernel: its own, else that of its layer or of a model around it, else that of every layer; None without."""
    while name:
        if name in values:
            return values[name]
        name = name.rpartition("/")[0]
    return values.get(EVERY)


def _around(name: str) -> Iterator[str]:
    """A name, and those of what is around it."""
    while name:
        yield name
        name = name.rpartition("/")[0]


def check_names(values: PerLayer, names: Sequence[str], option: str) -> None:
    """Refuse names of layers that the model does not have.

    Raises:
        UsageError: it has none of a name.
    """
    known = {EVERY, *(around for name in names for around in _around(name))}
    for name in values:
        if name not in known:
            shown = ", ".join(list(names)[:20]) + (", ..." if len(names) > 20 else "")
            raise UsageError(f"{option}: the model has no layer {name!r} with weights; choose from {shown}")


def with_factors(keras: Any, model: Any, shares: PerLayer) -> Any:
    """The model with dense layers as two of them, of that share of their full rank, where that saves weights.

    Raises:
        UsageError: a layer that is named cannot be replaced, or a dense one lies in a model inside the model.
        ModelFileError: the model is no graph of layers.
    """
    ranks = ranks_of(keras, model, shares)
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


def ranks_of(keras: Any, model: Any, shares: PerLayer) -> dict[str, int]:
    """Rank of each dense layer that is replaced.

    Raises:
        UsageError: one that is meant cannot be, and none may be left as it is without a word.
    """
    ranks: dict[str, int] = {}
    for name, layer in layers_of(model).items():
        share = value_of(shares, name)
        if share is None:
            continue
        named = any(around in shares for around in _around(name))
        if type(layer) is not keras.layers.Dense:
            if named and getattr(layer, "kernel", None) is not None:
                raise UsageError(
                    f"--svd: {name} is no dense layer; name dense layers, or give one share for all of them"
                )
            continue
        rank = max(1, round(share * min(layer.kernel.shape)))
        if not saves(tuple(layer.kernel.shape), rank):
            if named:
                raise UsageError(
                    f"--svd: {share:g} of the rank of {name} ({rank}) saves no weights of its {layer.kernel.shape[0]} x "
                    f"{layer.kernel.shape[1]}; give it less, or leave it out"
                )
            continue
        if not any(layer is outer for outer in model.layers):
            raise UsageError(
                f"--svd: the dense layer {name} lies in a model inside the model, where it cannot be replaced; make one model of "
                "both, or name the dense layers outside"
            )
        ranks[name] = rank
    return ranks


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


def to_prune(model: Any, shares: PerLayer) -> int:
    """Number of kernels of which these shares make a weight 0 that is not yet."""
    chosen = [(np.asarray(kernel), value_of(shares, name)) for name, kernel in kernels(model).items()]
    return sum(
        share is not None and not np.array_equal(pruned(weights, share), weights) for weights, share in chosen
    )


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
    """Name -> each weight of the model, for the coded file: its path, and a number where models inside have two of one path."""
    found: dict[str, Weights] = {}
    for weight in model.weights:
        name, number = weight.path, 2
        while name in found:
            name, number = f"{weight.path} {number}", number + 1
        found[name] = np.asarray(weight, np.float32)
    return found
