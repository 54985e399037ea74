"""The operators that a device runs for a network, from its graph of layers alone: nothing is converted.

What a converter joins is joined: a batch normalization and a rectification belong to the convolution or the sum before them, a
padding to what reads it. What a runtime does for nothing (reshapes, dropout) is left out.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from mobilecnn.errors import UsageError
from mobilecnn.train import complexity, zoo
from mobilecnn.train.backend import load_keras
from mobilecnn.train.zoo.candidates import Size


class UnknownOperator(UsageError):
    """Nothing is known of what a layer or an activation of a network costs.

    Attributes:
        what: what it is, such as ``the layer norm1 (LocalResponseNormalization)``.
    """

    def __init__(self, what: str, network: str) -> None:
        self.what = what
        super().__init__(
            f"nothing is known of what {what} of {network} costs; search a family without it, or time its networks with "
            "mobilecnn bench"
        )


CONVOLUTION, DEPTHWISE, DENSE = "convolution", "depthwise", "dense"
MAX_POOL, AVERAGE_POOL, MEAN = "max pool", "average pool", "mean"
SHUFFLE, SPLIT, CONCATENATION = "shuffle", "split", "concatenation"
ADD, MULTIPLY, GATE, SCALE = "add", "multiply", "gate", "scale"
HARD_SWISH, SIGMOID, TANH, SOFTMAX, RELU = "hard swish", "sigmoid", "tanh", "softmax", "relu"


@dataclass(frozen=True)
class Operator:
    """An operator on one image.

    Attributes:
        kind: what it computes: ``convolution``, ``depthwise``, ``dense``, ``max pool``, ``average pool``, ``mean``,
            ``shuffle``, ``split``, ``concatenation``, ``add``, ``multiply``, ``gate`` (a product with a number a channel),
            ``scale`` (a batch normalization that no convolution takes), ``hard swish``, ``sigmoid``, ``tanh``, ``softmax`` or
            ``relu``.
        rows, columns: sides of its output.
        inputs: channels that it reads; of a concatenation all, of a sum those of one summand.
        outputs: channels that it writes; of a split all.
        kernel_rows, kernel_columns: sides of a kernel or window.
        stride: stride of a kernel or window.
        groups: groups of a convolution, or of a shuffle; inputs of a concatenation; outputs of a split.
        padded: whether windows of a pool reach over the edge.
    """

    kind: str
    rows: int
    columns: int
    inputs: int
    outputs: int
    kernel_rows: int = 1
    kernel_columns: int = 1
    stride: int = 1
    groups: int = 1
    padded: bool = False

    def __post_init__(self) -> None:
        sides = (self.rows, self.columns, self.inputs, self.outputs, self.kernel_rows, self.kernel_columns)
        if min(*sides, self.stride, self.groups) < 1:
            raise ValueError("a side, a number of channels, a stride or a number of groups is not positive")

    @property
    def positions(self) -> int:
        """Number of places of the output."""
        return self.rows * self.columns

    @property
    def taps(self) -> int:
        """Number of places of the kernel."""
        return self.kernel_rows * self.kernel_columns

    @property
    def weights(self) -> int:
        """Number of weights, without biases."""
        if self.kind in (CONVOLUTION, DENSE):
            return self.outputs * self.taps * (self.inputs // self.groups)
        return self.outputs * self.taps if self.kind == DEPTHWISE else 0

    @property
    def macs(self) -> int:
        """Number of multiply-adds."""
        return self.positions * self.weights

    @property
    def work(self) -> str:
        """Operators of the same kind of work, whose costs follow from one another: ``depthwise 3x3, stride 2``."""
        words = self.kind
        if self.kind in (CONVOLUTION, DEPTHWISE, MAX_POOL, AVERAGE_POOL):
            words += f" {self.kernel_rows}x{self.kernel_columns}"
            words += f", stride {self.stride}" if self.stride > 1 else ""
        if self.kind == CONVOLUTION:
            words += ", grouped" if self.groups > 1 else ""
        if self.kind == DEPTHWISE and self.outputs > self.inputs:
            words += f", {self.outputs // self.inputs} outputs a channel"
        return words


@dataclass(frozen=True)
class Network:
    """A network of the zoo as a device runs it.

    Attributes:
        name: canonical name.
        size: input side, or height and width, pixels.
        operators: its operators, in the order in which they run.
        macs: multiply-adds of one image.
        params: number of trainable parameters.
    """

    name: str
    size: Size
    operators: tuple[Operator, ...]
    macs: int
    params: int


@cache
def network(name: str, size: Size) -> Network:
    """A network of the zoo at an input side, or a height and a width, in pixels.

    Raises:
        ModelNameError: no network has the name, or it cannot be built at the size.
        UnknownOperator: it has a layer or an activation of which no operator is known here.
        EnvironmentProblem: Keras or its backend is missing.
    """
    keras = load_keras()
    model = zoo.main_output(zoo.graph(name, size=size))
    reader = _Reader(keras, name)
    complexity.visit(model, reader.visit)
    counts = complexity.count(model)
    assert counts.macs is not None
    # The graphs of a hundred networks would stay in memory.
    keras.backend.clear_session()
    return Network(name, size, tuple(reader.operators), counts.macs, counts.params_trainable)


_FREE = frozenset(
    [
        "InputLayer", "ZeroPadding2D", "Dropout", "SpatialDropout2D", "Flatten", "Reshape", "Identity", "GaussianNoise",
    ]
)  # fmt: skip
"""Layers that a runtime does for nothing, or as a part of the operator that reads them."""

_RECTIFIED = frozenset(["relu", "relu6", "linear"])
"""Activations that belong to the operator before them."""

_ACTIVATIONS = {
    "sigmoid": (SIGMOID,), "tanh": (TANH,), "softmax": (SOFTMAX,), "hard_silu": (HARD_SWISH,), "hard_swish": (HARD_SWISH,),
    "silu": (SIGMOID, MULTIPLY), "swish": (SIGMOID, MULTIPLY),
}  # fmt: skip

_TAKES_NORMALIZATION = frozenset([CONVOLUTION, DEPTHWISE, DENSE])
_TAKES_RELU = _TAKES_NORMALIZATION | {ADD, MULTIPLY, GATE, SCALE, MAX_POOL, AVERAGE_POOL, CONCATENATION, MEAN}


class _Reader:
    """Collects the operators of a graph that is visited."""

    def __init__(self, keras: Any, name: str) -> None:
        self.operators: list[Operator] = []
        self._keras, self._name = keras, name
        self._makers: dict[int, str] = {}
        self._kept: list[Any] = []  # Identities are those of living objects.

    def visit(self, layer: Any, name: str, inputs: list[Any], outputs: Any) -> None:
        """A :data:`mobilecnn.train.complexity.Visitor`."""
        written = self._keras.tree.flatten(outputs)
        before = len(self.operators)
        passed = self._makers.get(id(inputs[0]), "") if inputs else ""
        self._read(layer, name, inputs, written, passed)
        maker = self.operators[-1].kind if len(self.operators) > before else passed
        for tensor in written:
            self._kept.append(tensor)
            self._makers[id(tensor)] = maker

    def _read(self, layer: Any, name: str, inputs: list[Any], outputs: list[Any], maker: str) -> None:
        kind = type(layer).__name__
        shape: Any = outputs[0].shape
        given: Any = inputs[0].shape if inputs else ()
        match kind:
            case "Conv2D":
                self._add(CONVOLUTION, shape, given[-1], layer.kernel_size, _stride(layer), layer.groups)
            case "DepthwiseConv2D":
                self._add(DEPTHWISE, shape, given[-1], layer.kernel_size, _stride(layer))
            case "SeparableConv2D":
                between = given[-1] * layer.depth_multiplier
                self._add(DEPTHWISE, (*shape[:-1], between), given[-1], layer.kernel_size, _stride(layer))
                self._add(CONVOLUTION, shape, between)
            case "Dense":
                self._add(DENSE, shape, given[-1])
            case "MaxPooling2D" | "AveragePooling2D":
                pool = MAX_POOL if kind == "MaxPooling2D" else AVERAGE_POOL
                self._add(
                    pool,
                    shape,
                    given[-1],
                    layer.pool_size,
                    _stride(layer),
                    padded=_padded(layer, given, shape),
                )
            case "GlobalAveragePooling2D":
                self._add(MEAN, (1, 1, 1, given[-1]), given[-1], given[1:3])
            case "Permute":
                self._add(
                    SHUFFLE, (1, 1, given[1], given[2] * given[3]), given[2] * given[3], groups=given[2]
                )
            case "Split":
                whole = (*given[:-1], given[-1])
                self._add(SPLIT, whole, given[-1], groups=len(outputs))
            case "Concatenate":
                self._add(CONCATENATION, shape, shape[-1], groups=len(inputs))
            case "Add" | "Multiply" | "Subtract":
                self._binary(kind, inputs, shape)
            case "BatchNormalization" | "Normalization" | "Rescaling":
                if kind != "BatchNormalization" or maker not in _TAKES_NORMALIZATION:
                    self._add(SCALE, shape, shape[-1])
            case "ReLU":
                self._activate("relu", shape, maker)
            case "Softmax":
                self._add(SOFTMAX, shape, shape[-1])
            case "Activation":
                self._activate(layer.activation.__name__, shape, maker)
            case _ if kind not in _FREE:
                raise UnknownOperator(f"the layer {name} ({kind})", self._name)
        activation = getattr(layer, "activation", None)
        if kind != "Activation" and activation is not None:
            self._activate(activation.__name__, shape, self.operators[-1].kind)

    def _binary(self, kind: str, inputs: list[Any], shape: Any) -> None:
        sides = [math.prod(x.shape[1:]) for x in inputs]
        spread = len(inputs) > 1 and min(sides) < max(sides)
        for _ in range(max(1, len(inputs) - 1)):
            self._add(GATE if spread else MULTIPLY if kind == "Multiply" else ADD, shape, shape[-1])

    def _activate(self, function: str, shape: Any, maker: str) -> None:
        if function in _RECTIFIED:
            if function != "linear" and maker not in _TAKES_RELU:
                self._add(RELU, shape, shape[-1])
            return
        if function not in _ACTIVATIONS:
            raise UnknownOperator(f"the activation {function}", self._name)
        for kind in _ACTIVATIONS[function]:
            self._add(kind, shape, shape[-1])

    def _add(
        self,
        kind: str,
        shape: Any,
        inputs: int,
        kernel: Sequence[int] = (1, 1),
        stride: int = 1,
        groups: int = 1,
        padded: bool = False,
    ) -> None:
        rows, columns = shape[1:3] if len(shape) == 4 else (1, 1)
        kernel_rows, kernel_columns = kernel
        self.operators.append(
            Operator(
                kind, rows, columns, inputs, shape[-1], kernel_rows, kernel_columns, stride, groups, padded
            )
        )


def _padded(pool: Any, given: Any, shape: Any) -> bool:
    """Whether windows of a pool reach over the edge of a map of shape ``given``."""
    axes = zip(shape[1:3], pool.strides, pool.pool_size, given[1:3], strict=True)
    return any((count - 1) * stride + window > side for count, stride, window, side in axes)


def _stride(layer: Any) -> int:
    strides = layer.strides
    return int(strides if isinstance(strides, int) else max(strides))
