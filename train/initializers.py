"""Random initial values of kernels, by name."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]

Draw = Callable[["np.random.Generator", tuple[int, ...], float, float], "Values"]
"""Function of a generator, the shape of a kernel, and the numbers of inputs and of outputs that it joins."""


@dataclass(frozen=True)
class Initializer:
    """A row of :data:`INITIALIZERS`.

    Attributes:
        summary: what it is, a phrase for the help.
        draw: function that draws a kernel; None to leave the network's own.
    """

    summary: str
    draw: Draw | None = None


def _uniform(
    generator: "np.random.Generator", shape: tuple[int, ...], fan_in: float, fan_out: float
) -> "Values":
    limit = math.sqrt(6 / (fan_in + fan_out))
    return generator.uniform(-limit, limit, shape)


INITIALIZERS: dict[str, Initializer] = {
    "default": Initializer("the network's own"),
    # Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks" (AISTATS 2010),
    # equation 16, and the normal distribution of the same variance.
    "xavier": Initializer("Xavier, uniform", _uniform),
    "xavier-normal": Initializer(
        "Xavier, normal",
        lambda generator, shape, fan_in, fan_out: generator.normal(
            0, math.sqrt(2 / (fan_in + fan_out)), shape
        ),
    ),
    # "Delving Deep into Rectifiers" (arXiv 1502.01852), equation 10.
    "he": Initializer(
        "He, normal",
        lambda generator, shape, fan_in, fan_out: generator.normal(0, math.sqrt(2 / fan_in), shape),
    ),
}
"""Name, as ``--initializer`` takes it -> initializer."""


def fans(layer: Any) -> tuple[float, float]:
    """How many inputs an output of a convolution or dense layer is made of, and how many outputs an input goes into.

    Keras' own initializers count all channels, also of grouped and depthwise convolutions.
    """
    *window, inputs, outputs = layer.kernel.shape
    area = math.prod(window)
    if "Depthwise" in type(layer).__name__:
        return float(area), float(area * outputs)
    return float(area * inputs), float(area * outputs / getattr(layer, "groups", 1))


def initialize(model: Any, name: str, seed: int) -> None:
    """Draw the kernels of all convolutions and dense layers of a network anew; biases and the rest stay.

    Args:
        model: the network.
        name: a key of :data:`INITIALIZERS`.
        seed: seed of the values.
    """
    import numpy as np

    draw = INITIALIZERS[name].draw
    if draw is None:
        return
    for index, layer in enumerate(model._flatten_layers()):
        kernel = getattr(layer, "kernel", None)
        if kernel is None or len(kernel.shape) < 2:
            continue
        generator = np.random.default_rng([seed, index])
        kernel.assign(draw(generator, tuple(kernel.shape), *fans(layer)).astype(np.float32))
