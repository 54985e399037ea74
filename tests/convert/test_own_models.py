"""Models of a class of the user's own, which may compute something else than their graph."""

from typing import Any

import pytest

from mobilecnn.convert.outputs import shown_by_keras
from mobilecnn.convert.preprocessing import follow

SHAPE = (12, 10, 3)


def graph(keras: Any) -> tuple[Any, Any]:
    """Input and output of a classifier of pictures of 0..255."""
    image = keras.Input(SHAPE)
    x = keras.layers.Conv2D(2, 3)(keras.layers.Rescaling(1 / 255)(image))
    return image, keras.layers.Dense(2, activation="softmax")(keras.layers.GlobalAveragePooling2D()(x))


def made(keras: Any, base: str, method: str | None) -> Any:
    """A model whose class has ``method`` of its own, which changes what is computed; None for no such method."""
    parent = getattr(keras, base)

    def own(self: Any, inputs: Any, *arguments: Any, **options: Any) -> Any:
        return getattr(super(kind, self), str(method))(inputs * 255.0, *arguments, **options)

    kind = type("Own", (parent,), {} if method is None else {method: own})
    if base == "Model":
        return kind(*graph(keras))
    layers = keras.layers
    model = kind(
        [keras.Input(SHAPE), layers.Rescaling(1 / 255), layers.Conv2D(2, 3), layers.GlobalAveragePooling2D()]
    )
    model.add(layers.Dense(2, activation="softmax"))
    return model


@pytest.mark.parametrize("base", ["Model", "Sequential"])
@pytest.mark.parametrize("method", ["call", "__call__"])
def test_one_that_computes_something_else_proves_nothing(keras: Any, base: str, method: str) -> None:
    model = made(keras, base, method)
    assert follow(keras, model).proven is None
    assert shown_by_keras(model, 2) == "unknown"
    image = keras.Input(SHAPE)
    assert follow(keras, keras.Model(image, model(image))).proven is None


@pytest.mark.parametrize("base", ["Model", "Sequential"])
def test_one_that_only_has_another_name_is_followed(keras: Any, base: str) -> None:
    model = made(keras, base, None)
    assert follow(keras, model).proven == "raw"
    assert shown_by_keras(model, 2) == "softmax"
