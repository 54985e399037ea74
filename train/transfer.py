"""Fine-tuning: the layers of a trained model, a new classifier on them, and which of them are trained."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from mobilecnn.contract import InputContract
from mobilecnn.errors import ModelFileError, UsageError
from mobilecnn.remarks import Remarked, listed, plural
from mobilecnn.train.backend import load_keras
from mobilecnn.train.datasets.dataset import Dataset
from mobilecnn.train.datasets.overlap import say_trained_on

HEAD = "predictions"
"""Name of the new classifier, where no other layer has it."""


@dataclass(frozen=True)
class Base:
    """A trained model to begin with.

    Attributes:
        model: Keras model of one input, whose shape is known.
        contract: its input.
        what: its file, or the origin of its weights, for messages.
        sha256: SHA-256 of the file of its weights.
        architecture: zoo name; empty for a model from elsewhere.
        code: the user's Python file that defines layers of the model; None without one.
        code_sha256: SHA-256 of that file; empty without one.
        training: what its file says of its training; None where it says nothing.
    """

    model: Any
    contract: InputContract
    what: str
    sha256: str
    architecture: str = ""
    code: Path | None = None
    code_sha256: str = ""
    training: dict[str, Any] | None = None


def say_validated(
    base: Base | None, validation: Dataset, digests: Sequence[str], data_sha256: str, remarked: Remarked
) -> None:
    """Say which of the images that are to be validated on the base has seen: the epoch that is kept is chosen by them.

    Nothing is said where the base was trained on the same images, divided the same, and began with none itself: what it
    validated on is validated on again.

    Args:
        base: the model to begin with.
        validation: the images.
        digests: SHA-256 of each, in hexadecimal.
        data_sha256: SHA-256 of all images with their classes and parts.
        remarked: told of them.
    """
    if base is None:
        return
    facts = base.training or {}
    if facts.get("data_sha256") != data_sha256 or facts.get("base_is_trained"):
        say_trained_on(validation, [base.what], base.training, dict(enumerate(digests)), remarked)


@dataclass(frozen=True)
class Ending:
    """What of a model is taken over.

    Attributes:
        features: output of the layers that are taken over, symbolic.
        classifier: the layer that is not; None where the model has none, and is taken whole.
    """

    features: Any
    classifier: Any


def ending_of(model: Any, what: str) -> Ending:
    """Where a model's classifier begins.

    A classifier is the last layer with weights, if it is dense (and no ReLU follows), or a convolution whose scores end in
    a softmax or sigmoids. What has no weights, such as pooling and softmax, goes with it.

    Args:
        model: Keras model of layers.
        what: the model, for messages.

    Raises:
        ModelFileError: the model is no graph of layers with one input and one answer.
    """
    outputs, inputs = getattr(model, "outputs", None), getattr(model, "inputs", None)
    if not outputs or not inputs or len(inputs) != 1:
        raise ModelFileError(
            f"{what} has no graph of layers from one input to its scores, and its classifier cannot be told from the rest; "
            "build it with keras.Model(image, scores), and save that"
        )
    features, classifier = _cut(load_keras(), outputs[0], False)
    return Ending(outputs[0] if classifier is None else features, classifier)


_SCORES = ("softmax", "sigmoid")
"""Activations and layers that make scores."""

_RECTIFIERS = ("relu", "relu6", "leakyrelu", "prelu", "elu")
"""Layers that end features."""


def _cut(keras: Any, tensor: Any, scored: bool) -> tuple[Any, Any]:
    """What a tensor's classifier is computed from, and the classifier: (None, None) where it comes from none.

    ``scored`` says whether what follows makes scores of it.
    """
    while True:
        operation, place, _ = tensor._keras_history
        before = operation._inbound_nodes[place].input_tensors
        if isinstance(operation, keras.Model):
            inner, classifier = _cut(keras, operation.outputs[0], scored)
            if classifier is None:
                return None, None
            return keras.Model(operation.inputs[0], inner, name=operation.name)(before[0]), classifier
        activation = getattr(getattr(operation, "activation", None), "__name__", "")
        scored = scored or activation in _SCORES or type(operation).__name__.lower() in _SCORES
        if getattr(operation, "weights", None):
            dense = isinstance(operation, keras.layers.Dense) and (scored or activation == "linear")
            convolution = isinstance(operation, keras.layers.Conv2D) and scored
            return (before[0], operation) if dense or convolution else (None, None)
        name = type(operation).__name__.lower()
        rectified = name in _RECTIFIERS or activation not in ("", "linear", *_SCORES)
        # SqueezeNet has a ReLU among its scores, before pooling and softmax; elsewhere features end in one.
        if len(before) != 1 or (rectified and not scored):
            return None, None
        tensor = before[0]


def headed(model: Any, classes: int, what: str) -> Any:
    """A model with the layers of another, and a new classifier: pooling over feature maps, and a dense softmax.

    Args:
        model: Keras model of layers; its layers are shared.
        classes: number of classes.
        what: the model, for messages.

    Raises:
        ModelFileError: the model has no graph of layers, or no features that a classifier could take.
    """
    keras = load_keras()
    x = ending_of(model, what).features
    if len(x.shape) == 4:
        x = keras.layers.GlobalAveragePooling2D()(x)
    if len(x.shape) != 2 or x.shape[1] is None:
        raise ModelFileError(
            f"{what} ends in values of shape {tuple(x.shape)}, of which no classifier is made; give one that ends in feature "
            "maps (batch, height, width, channels) or in features (batch, channels)"
        )
    taken = {layer.name for layer, _ in leaves(model)}
    name = next(
        name for name in (HEAD, *(f"{HEAD}_{n}" for n in range(1, len(taken) + 2))) if name not in taken
    )
    scores = keras.layers.Dense(classes, activation="softmax", name=name)(x)
    return keras.Model(model.inputs[0], scores, name=model.name)


def leaves(model: Any, around: tuple[str, ...] = ()) -> Iterator[tuple[Any, tuple[str, ...]]]:
    """Each layer of a model and of the models in it, with the names that mean it: its own, and those of models around it."""
    keras = load_keras()
    for layer in model.layers:
        names = (*around, layer.name)
        if isinstance(layer, keras.Model):
            yield from leaves(layer, names)
        else:
            yield layer, names


def freeze(model: Any, frozen: Sequence[str], thawed: Sequence[str]) -> None:
    """Keep layers from being trained, but for the classifier.

    A pattern (``block1_*``) means the layers that have such a name, and those of a model inside that has it.

    Args:
        model: the model from :func:`headed`.
        frozen: patterns of the layers that are not trained.
        thawed: patterns of those of them that are.

    Raises:
        UsageError: a pattern means no layer, or none of those that are frozen.
    """
    last = model.layers[-1]
    rows = [(layer, names) for layer, names in leaves(model) if layer is not last and layer.weights]
    for option, patterns, trained in (("--freeze", frozen, False), ("--thaw", thawed, True)):
        for pattern in patterns:
            meant = _meant(rows, option, pattern)
            if trained and all(layer.trainable for layer in meant):
                raise UsageError(f"--thaw {pattern} means no layer that --freeze has frozen; leave it out")
            for layer in meant:
                layer.trainable = trained


def refuse_without_layers(model: Any, frozen: Sequence[str], thawed: Sequence[str]) -> None:
    """Refuse patterns that mean no layer of a model, before any image is read.

    Raises:
        UsageError: naming the first, and layers that there are.
    """
    rows = [(layer, names) for layer, names in leaves(model) if layer.weights]
    for option, patterns in (("--freeze", frozen), ("--thaw", thawed)):
        for pattern in patterns:
            _meant(rows, option, pattern)


def _meant(rows: Sequence[tuple[Any, tuple[str, ...]]], option: str, pattern: str) -> list[Any]:
    """The layers that a pattern means, of those with weights and their names."""
    meant = [layer for layer, names in rows if any(fnmatchcase(name, pattern) for name in names)]
    if not meant:
        every = listed(list(dict.fromkeys(layer.name for layer, _ in rows)))
        raise UsageError(f"{option} {pattern} means no layer with weights; there are {every}")
    return meant


def frozen_of(model: Any) -> str:
    """What of a model is trained, for people: ``12 of 53 layers with weights are trained``."""
    rows = [layer for layer, _ in leaves(model) if layer.weights]
    trained = sum(1 for layer in rows if layer.trainable)
    return f"{trained} of {plural(len(rows), 'layer')} with weights are trained"
