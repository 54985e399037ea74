"""A sum of feature maps with one learnable positive weight each."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="mobilecnn")
class WeightedSum(keras.layers.Layer):  # type: ignore[misc]
    """``sum(sigmoid(weight[i]) * inputs[i])`` over a list of tensors of equal shape.

    The weights begin at 0, so that every input begins with the factor 0.5.
    """

    counts_no_products = True
    """Its factors scale whole feature maps, as batch normalization does: no multiply-adds are counted."""

    def build(self, input_shape: list[tuple[int | None, ...]]) -> None:
        """Create one weight for each input."""
        self.weight = self.add_weight(shape=(len(input_shape),), initializer="zeros", name="weight")
        super().build(input_shape)

    def call(self, inputs: list[Any]) -> Any:
        """The sum of the scaled inputs."""
        factors = keras.ops.sigmoid(self.weight)
        first, *rest = (factors[index] * x for index, x in enumerate(inputs))
        return sum(rest, start=first)

    def compute_output_shape(self, input_shape: list[tuple[int | None, ...]]) -> tuple[int | None, ...]:
        """That of every input."""
        return tuple(input_shape[0])
