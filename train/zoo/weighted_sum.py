"""A sum of feature maps, each with a learnable positive weight."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="mobilecnn")
class WeightedSum(keras.layers.Layer):  # type: ignore[misc]
    """``sum(sigmoid(weight[i]) * inputs[i])`` over a list of tensors of equal shape.

    The weights are initialized with 0, so that every input has the factor 0.5 at first.
    """

    counts_no_products = True
    """Mark for :mod:`mobilecnn.train.complexity`: the factors scale whole feature maps, as batch normalization
    does, and no multiply-adds are counted."""

    def build(self, input_shape: list[tuple[int | None, ...]]) -> None:
        """Create a weight for each input."""
        self.weight = self.add_weight(shape=(len(input_shape),), initializer="zeros", name="weight")
        super().build(input_shape)

    def call(self, inputs: list[Any]) -> Any:
        """The sum of the scaled inputs."""
        factors = keras.ops.sigmoid(self.weight)
        first, *rest = (factors[index] * x for index, x in enumerate(inputs))
        return sum(rest, start=first)

    def compute_output_shape(self, input_shape: list[tuple[int | None, ...]]) -> tuple[int | None, ...]:
        """The shape that all inputs have."""
        return tuple(input_shape[0])
