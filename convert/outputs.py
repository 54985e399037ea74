"""What the end of a graph shows of its scores: softmax, sigmoid, linear, or nothing.

Two readers: one walks a Keras model from its output backwards, the other a ``.tflite`` file. Both pass
what changes no value (reshapes, casts, dropout) and what keeps a kind (averages of probabilities are
probabilities), stop at the operation that makes the scores, and conclude only what that proves.
"""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from mobilecnn.convert.output_kinds import Shown
from mobilecnn.convert.user_code import calls_as_keras
from mobilecnn.errors import ModelFileError

if TYPE_CHECKING:
    from mobilecnn.convert.graph.flatbuffer import Graph, Operation

_DEEPEST = 200
"""Number of operations behind one another through which a Keras model's output is followed."""

_SAME = frozenset(
    [
        "ActivityRegularization",
        "AlphaDropout",
        "Cast",
        "Copy",
        "Dropout",
        "ExpandDims",
        "Flatten",
        "GaussianDropout",
        "GaussianNoise",
        "GetItem",
        "Identity",
        "Ravel",
        "Reshape",
        "SaturateCast",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "Squeeze",
        "StopGradient",
    ]
)
"""Layers and operations that leave the values as they are, wherever they leave all of them."""

_AVERAGES = frozenset(
    [
        "Average",
        "AveragePooling1D",
        "AveragePooling2D",
        "GlobalAveragePooling1D",
        "GlobalAveragePooling2D",
        "Mean",
    ]
)
"""Those that average over positions or branches: the kind of their inputs stays."""

_PICKS = frozenset(
    [
        "Concatenate",
        "GlobalMaxPooling1D",
        "GlobalMaxPooling2D",
        "Max",
        "MaxPooling1D",
        "MaxPooling2D",
        "Maximum",
        "Minimum",
    ]
)
"""Those that pick among scores, or put them side by side: all kinds stay but softmax."""

_AFFINE = frozenset(["Add", "BatchNormalization", "Rescaling", "Subtract"])
"""Those that leave only linear scores what they are."""

_LINEAR = frozenset(
    [
        "Conv1D",
        "Conv2D",
        "Conv2DTranspose",
        "Dense",
        "DepthwiseConv2D",
        "EinsumDense",
        "SeparableConv1D",
        "SeparableConv2D",
    ]
)
"""Layers of weights, with an activation of their own."""

_ACTIVATIONS: dict[str, Shown] = {"softmax": "softmax", "sigmoid": "sigmoid", "log_softmax": "linear"}
"""Name of a Keras activation -> what it shows. The softmax of a log softmax is that softmax: it is a logit."""


_OPERATIONS: dict[str, Shown] = {"Softmax": "softmax", "Sigmoid": "sigmoid", "LogSoftmax": "linear"}
"""Name of a layer or operation without weights -> what it shows."""


def score_count(keras: Any, model: Any, size: Sequence[int | None]) -> int:
    """Number of scores that a Keras model gives for one picture.

    Args:
        keras: the package.
        model: a model with one input.
        size: (height, width), None each where free.

    Raises:
        ModelFileError: it gives several tensors, or one that is not a score for each class.
    """
    if len(model.outputs) != 1:
        raise ModelFileError(_several(keras, model))
    output = model.outputs[0]
    dtype = str(output.dtype)
    if not dtype.startswith(("float", "bfloat")):
        raise ModelFileError(
            f"the model answers with {dtype} values, such as the number of a class, and not with scores; export the "
            "part before that operation: keras.Model(model.inputs, model.operations[-1].input)"
        )
    shape = tuple(output.shape)[1:]
    if None in shape and None not in size:
        (source,) = model.inputs
        picture = keras.KerasTensor((1, *size, *tuple(source.shape)[3:]), dtype=source.dtype)
        (made,) = keras.tree.flatten(model.compute_output_spec(as_input(model, picture)))
        shape = tuple(made.shape)[1:]
    if None not in shape and sum(extent > 1 for extent in shape) <= 1 and 0 not in shape:
        return math.prod(shape)
    raise ModelFileError(_not_scores(tuple(output.shape[:1]) + shape))


def as_input(model: Any, picture: Any) -> Any:
    """``picture`` as a Keras model with one input takes it: alone, or in the list or dictionary of its inputs."""
    given = getattr(
        model, "input", None
    )  # A Sequential model has none before it is called, and takes one tensor.
    if isinstance(given, dict):
        return dict.fromkeys(given, picture)
    return [picture] if isinstance(given, list | tuple) else picture


def _several(keras: Any, model: Any) -> str:
    made = getattr(model, "output", None)  # A Sequential model has none before it is called.
    if isinstance(made, dict):
        names = ", ".join(map(str, made))
        part = f"model.output[{next(iter(made))!r}]"
    else:
        names = ", ".join(model.output_names)
        part = "model.outputs[0]"
    return (
        f"the model has {len(model.outputs)} outputs ({names[:200]}), and an image classifier has one of scores; export "
        f"the part that gives them: keras.Model(model.inputs, {part})"
    )


def _not_scores(shape: tuple[int | None, ...]) -> str:
    what = "several values for each class"
    if None in shape[1:]:
        what = "as many scores as the picture's size brings about: fix the size of the model's input, or export with --size"
    elif len(shape) == 4:
        what = "scores for each place in the picture, as a network for segmentation or detection does"
    elif len(shape) == 3:
        what = "scores for each step of a sequence, or for each of several boxes"
    shown = ", ".join(
        "batch" if extent is None and not index else str(extent) for index, extent in enumerate(shape)
    )
    return (
        f"the model gives ({shown}), {what}; an image classifier maps (batch, height, width, channels) to (batch, "
        "classes)"
    )


def shown_by_keras(model: Any, classes: int) -> Shown:
    """What the last operation of a Keras model with one output shows of its ``classes`` scores."""
    return _Walk(classes).shown(model.outputs[0], (), 0) if calls_as_keras(model) else "unknown"


class _Walk:
    """A walk from a Keras tensor backwards; a tensor that many ways lead to is judged once."""

    def __init__(self, classes: int) -> None:
        self._classes = classes
        self._known: dict[tuple[int, ...], Shown] = {}

    def shown(self, tensor: Any, frames: tuple[Any, ...], depth: int) -> Shown:
        """What ``tensor`` is; ``frames`` are the calls of nested models that it lies in, innermost last."""
        if depth > _DEEPEST:
            return "unknown"
        key = (id(tensor), *(id(call) for _, call in frames))
        if key not in self._known:
            self._known[key] = "unknown"
            self._known[key] = self._judged(tensor, frames, depth + 1)
        return self._known[key]

    def _judged(self, tensor: Any, frames: tuple[Any, ...], depth: int) -> Shown:
        history = getattr(tensor, "_keras_history", None)
        if history is None or history.operation is None:
            return "unknown"
        operation, node_index, tensor_index = history
        name = type(operation).__name__
        # A class of the user's own may have the name of one of Keras, and do something else.
        if type(operation).__module__.split(".")[0] != "keras":
            return "unknown"
        node = operation._inbound_nodes[node_index]
        if name in ("Functional", "Sequential"):
            return self.shown(operation.outputs[tensor_index], (*frames, (operation, node)), depth)
        if name == "InputLayer":
            return self._outside(tensor, frames, depth)
        inputs = list(node.input_tensors)

        def of_inputs() -> Shown:
            kinds = {self.shown(source, frames, depth) for source in inputs}
            return kinds.pop() if len(kinds) == 1 else "unknown"

        if name in _SAME:
            whole = len(inputs) == 1 and _elements(inputs[0]) == _elements(tensor) == self._classes
            whole = whole and "float" in str(tensor.dtype)  # Integers are no probabilities any more.
            return of_inputs() if whole else "unknown"
        if name in _OPERATIONS:
            return self._activated(_OPERATIONS[name], tensor, getattr(operation, "axis", -1))
        if name == "Activation" or name in _LINEAR:
            return self._activation(operation, tensor, of_inputs)
        if name in _AVERAGES:
            kind = of_inputs()
            return kind if tensor.shape[-1] == self._classes or kind != "softmax" else "unknown"
        if name in _PICKS:
            kind = of_inputs()
            return "unknown" if kind == "softmax" else kind
        if name in _AFFINE:
            return "linear" if of_inputs() == "linear" else "unknown"
        return "unknown"

    def _outside(self, tensor: Any, frames: tuple[Any, ...], depth: int) -> Shown:
        """What a nested model was given where its own input is ``tensor``."""
        if not frames:
            return "unknown"
        *outer, (nested, call) = frames
        for index, source in enumerate(nested.inputs):
            if source is tensor and index < len(call.input_tensors):
                return self.shown(call.input_tensors[index], tuple(outer), depth)
        return "unknown"

    def _activation(self, operation: Any, tensor: Any, of_inputs: Callable[[], Shown]) -> Shown:
        """What an ``Activation`` or a layer of weights with an activation of its own shows."""
        function = getattr(operation, "activation", None)
        if type(function).__name__ in _OPERATIONS:  # A layer in a function's place.
            return self._activated(
                _OPERATIONS[type(function).__name__], tensor, getattr(function, "axis", -1)
            )
        name = getattr(function, "__name__", "linear" if function is None else "")
        module = getattr(function, "__module__", "keras") or ""
        if function is not None and module.split(".")[0] != "keras":
            return "unknown"
        if name == "linear":
            return of_inputs() if type(operation).__name__ == "Activation" else "linear"
        kind = _ACTIVATIONS.get(name)
        return "unknown" if kind is None else self._activated(kind, tensor, -1)

    def _activated(self, kind: Shown, tensor: Any, axis: Any) -> Shown:
        """``kind``, where a softmax is over all classes and nothing else."""
        if kind != "softmax":
            return kind
        rank = len(tensor.shape)
        axes = {number % rank for number in (axis if isinstance(axis, list | tuple) else [axis])}
        whole = axes == {rank - 1} and tensor.shape[-1] == self._classes
        extents = [tensor.shape[number] for number in axes]
        spread = None not in extents and math.prod(extents) == _elements(tensor) == self._classes
        return "softmax" if whole or spread else "unknown"


def _elements(tensor: Any) -> int | None:
    """Number of values of one picture in a Keras tensor; None where that is free."""
    extents = tuple(tensor.shape)[1:]
    return None if None in extents else math.prod(extents)


_SAME_IN_FILES = frozenset(["CAST", "DEQUANTIZE", "EXPAND_DIMS", "QUANTIZE", "RESHAPE", "SQUEEZE"])
_AVERAGES_IN_FILES = frozenset(["AVERAGE_POOL_2D", "MEAN"])
_LINEAR_IN_FILES = frozenset(["CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV"])


def shown_by_file(graph: "Graph") -> Shown:
    """What the last operation of a ``.tflite`` file shows of its scores; ``unknown`` where it has not one output."""
    if len(graph.outputs) != 1:
        return "unknown"
    makers = {id(tensor): operation for operation in graph.operations for tensor in operation.outputs}
    (tensor,) = graph.outputs
    classes = tensor.elements
    for _ in graph.operations:
        operation = makers.get(id(tensor))
        if operation is None or not operation.inputs or operation.inputs[0] is None:
            return "unknown"
        source = operation.inputs[0]
        if operation.kind == "SOFTMAX":
            beta = getattr(operation.options, "beta", 1.0)
            return "softmax" if beta == 1.0 and source.shape[-1:] == (classes,) else "unknown"
        if operation.kind == "LOGISTIC":
            return "sigmoid"
        if operation.kind == "LOG_SOFTMAX":
            return "linear"
        if operation.kind in _LINEAR_IN_FILES:
            return "unknown" if _clipped(operation) else "linear"
        averages = operation.kind in _AVERAGES_IN_FILES and tensor.shape[-1:] == (classes,)
        if (
            (not averages and (operation.kind not in _SAME_IN_FILES or source.elements != classes))
            or (operation.kind == "CAST" and "float" not in tensor.dtype)  # Cut to integers.
            or _clipped(operation)
        ):
            return "unknown"
        tensor = source
    return "unknown"


def _clipped(operation: "Operation") -> bool:
    """Whether an activation is part of the operation: 0 is none."""
    return bool(getattr(operation.options, "fusedActivationFunction", 0))
