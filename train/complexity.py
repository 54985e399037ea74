"""Parameters and multiply-adds of any Keras model with a graph, without running it.

The counting rules are those of the papers: one multiply-add per weight application of a
convolution or a dense layer. Biases, batch normalization, activations and pooling are not
counted. (Papers that print "FLOPs" for mobile networks mean this number, not twice as many.)
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from mobilecnn.errors import ModelFileError
from mobilecnn.train.backend import load_keras

Visitor = Callable[[Any, str, list[Any], Any], None]
"""Function called with a layer, its name, its inputs and its outputs."""


@dataclass(frozen=True)
class LayerCount:
    """One call of one layer.

    Attributes:
        name: name of the layer, after those of the models that it is nested in: ``outer/inner``.
        kind: name of the layer's class.
        output_shape: shape of the (first) output without the batch; None where a side is free.
        params_trainable: number of trainable parameters; 0 from the layer's second call on, so that
            the column adds up.
        params_total: number of parameters, trainable or not; 0 from the second call on.
        macs: multiply-adds of this call on one image; None where they are unknown.
    """

    name: str
    kind: str
    output_shape: tuple[int | None, ...]
    params_trainable: int
    params_total: int
    macs: int | None


@dataclass(frozen=True)
class ModelCounts:
    """The totals of a model.

    Attributes:
        params_trainable: number of trainable parameters; a shared one counts once.
        params_total: number of parameters, trainable or not.
        macs: multiply-adds of one image; None if those of any layer are unknown.
        uncounted: names of the layers whose multiply-adds are unknown.
    """

    params_trainable: int
    params_total: int
    macs: int | None
    uncounted: tuple[str, ...]


def count(model: Any) -> ModelCounts:
    """The totals of a model: :func:`total` of its :func:`layers`.

    Raises:
        ModelFileError: the model is subclassed or was never built, so that it has no graph.
    """
    return total(layers(model))


def total(rows: tuple[LayerCount, ...]) -> ModelCounts:
    """Add up the rows that :func:`layers` returned."""
    known = [row.macs for row in rows if row.macs is not None]
    uncounted = tuple(row.name for row in rows if row.macs is None)
    return ModelCounts(
        params_trainable=sum(row.params_trainable for row in rows),
        params_total=sum(row.params_total for row in rows),
        macs=None if uncounted else sum(known),
        uncounted=uncounted,
    )


def layers(model: Any, size: int | Sequence[int] | None = None) -> tuple[LayerCount, ...]:
    """Count every layer call, in the order in which the model runs them; nested models are entered.

    Args:
        model: a functional or Sequential Keras model.
        size: input side in pixels, or height and width, where the model leaves it free.

    Raises:
        ModelFileError: the model is subclassed or was never built, so that it has no graph.
    """
    keras = load_keras()
    rows: list[LayerCount] = []
    seen: set[int] = set()
    visit(
        model,
        lambda operation, name, inputs, outputs: rows.append(
            _row(keras, operation, name, inputs, outputs, seen)
        ),
        size,
    )
    return tuple(rows)


def visit(model: Any, visitor: Visitor, size: int | Sequence[int] | None = None) -> None:
    """Call ``visitor`` for every layer call, in the order in which the model runs them; nested models are entered.

    Args:
        model: a functional or Sequential Keras model.
        visitor: called with the layer, its name, and its inputs and outputs, which have shapes and no values.
        size: input side in pixels, or height and width, where the model leaves it free.

    Raises:
        ModelFileError: the model is subclassed or was never built, so that it has no graph.
    """
    keras = load_keras()
    graph = _graph(keras, model)
    if graph is None:
        raise ModelFileError(
            f"{getattr(model, 'name', model)!r} ({type(model).__name__}) has no graph of layers to count; build it as "
            "a functional or Sequential model with an Input"
        )
    inputs = [
        keras.KerasTensor((x.shape[0], *_sides(x.shape[1:], size)), dtype=x.dtype) for x in graph.inputs
    ]
    _walk(keras, graph, inputs, "", visitor)


def _sides(shape: Sequence[int | None], size: int | Sequence[int] | None) -> list[int | None]:
    """The sides of an input, (height, width, ...), those left free as ``size`` says."""
    given = list(size) if isinstance(size, Sequence) else [size] * len(shape)
    return [side or (given[place] if place < len(given) else None) for place, side in enumerate(shape)]


def _graph(keras: Any, operation: Any) -> Any:
    """The functional model behind ``operation``, or None if there is none."""
    if isinstance(operation, keras.Sequential):
        operation = operation._functional
    return operation if hasattr(operation, "_run_through_graph") else None


def _walk(keras: Any, graph: Any, inputs: list[Any], prefix: str, visitor: Visitor) -> Any:
    """Run the shapes, not the numbers, through the graph; visit each operation.

    A nested model is walked with the shapes it is called with, which may be more definite
    than its own.
    """

    def symbolic(operation: Any) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            name = prefix + operation.name
            tensors = [x for x in keras.tree.flatten((args, kwargs)) if isinstance(x, keras.KerasTensor)]
            if (inner := _graph(keras, operation)) is not None:
                return _walk(keras, inner, tensors, name + "/", visitor)
            outputs = operation.compute_output_spec(*args, **kwargs)
            visitor(operation, name, tensors, outputs)
            return outputs

        return call

    return graph._run_through_graph(inputs, operation_fn=symbolic)


def _row(
    keras: Any, operation: Any, name: str, inputs: list[Any], outputs: Any, seen: set[int]
) -> LayerCount:
    fresh = [weight for weight in getattr(operation, "weights", []) if id(weight) not in seen]
    seen.update(id(weight) for weight in fresh)
    shape = tuple(keras.tree.flatten(outputs)[0].shape)
    return LayerCount(
        name=name,
        kind=type(operation).__name__,
        output_shape=shape[1:],
        params_trainable=sum(_size(weight) for weight in fresh if weight.trainable),
        params_total=sum(_size(weight) for weight in fresh),
        macs=_macs(keras, operation, inputs, shape),
    )


def _size(weight: Any) -> int:
    return math.prod(weight.shape)


_PRODUCTS = frozenset(
    {"Conv", "ConvTranspose", "DepthwiseConv", "SeparableConv", "Matmul", "Dot", "Tensordot", "Einsum"}
)
"""Class names of bare operations (``keras.ops``) that may apply weights which no layer owns."""


def _macs(keras: Any, operation: Any, inputs: list[Any], output: tuple[int | None, ...]) -> int | None:
    """Multiply-adds of one call; None if its kind is unknown and has weights, or if a side is free."""
    kinds = keras.layers
    free_of_products = (
        kinds.BatchNormalization,
        kinds.GroupNormalization,
        kinds.LayerNormalization,
        kinds.Normalization,
        kinds.PReLU,
    )
    match operation:
        case kinds.Conv1DTranspose() | kinds.Conv2DTranspose() | kinds.Conv3DTranspose():
            # Each input position spreads the whole kernel.
            return _times(_size(operation.kernel), _positions(operation, inputs[0].shape))
        case kinds.SeparableConv1D() | kinds.SeparableConv2D():
            kernel = _size(operation.depthwise_kernel) + _size(operation.pointwise_kernel)
            return _times(kernel, _positions(operation, output))
        case (
            kinds.Conv1D()
            | kinds.Conv2D()
            | kinds.Conv3D()
            | kinds.DepthwiseConv1D()
            | kinds.DepthwiseConv2D()
        ):
            # With groups the kernel holds only the input channels of one group.
            return _times(_size(operation.kernel), _positions(operation, output))
        case kinds.Dense():
            return _times(_size(operation.kernel), output[1:-1])
    # A layer of the zoo declares it itself: this module knows Keras' own layers only.
    if isinstance(operation, free_of_products) or getattr(operation, "counts_no_products", False):
        return 0
    if getattr(operation, "weights", []) or type(operation).__name__ in _PRODUCTS:
        return None
    return 0


def _positions(layer: Any, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
    """The spatial sides of a feature map."""
    return shape[1:-1] if layer.data_format == "channels_last" else shape[2:]


def _times(kernel: int, sides: tuple[int | None, ...]) -> int | None:
    positions = 1
    for side in sides:
        if side is None:
            return None
        positions *= side
    return kernel * positions
