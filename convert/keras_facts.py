"""What a loaded Keras model is: its shapes, classes and parameters, and what it expects of its input."""

from collections.abc import Sequence
from typing import Any

from mobilecnn.convert import outputs as ends
from mobilecnn.convert.preprocessing import follow
from mobilecnn.errors import ModelFileError
from mobilecnn.remarks import plural


def describe(keras: Any, model: Any, size: Sequence[int] | None = None) -> dict[str, Any]:
    """What the parent is told of a model; ``size`` is the (height, width) asked for, where one is.

    Raises:
        ModelFileError: it is no image classifier.
    """
    if not isinstance(model, keras.Model):
        raise ModelFileError("the file holds no Keras model, but something else that Keras can save")
    inputs, outputs = getattr(model, "inputs", None), getattr(model, "outputs", None)
    if not inputs or not outputs:
        raise ModelFileError(
            "the model has no fixed input (a subclassed model, or one never built); give it one: image = "
            "keras.Input((height, width, 3)), then keras.Model(image, model(image)).save('model.keras'), and give that"
        )
    if len(inputs) != 1:
        raise ModelFileError(
            f"the model has {plural(len(inputs), 'input')} and {plural(len(outputs), 'output')}; an image classifier has one of each"
        )
    shape = list(inputs[0].shape)
    if len(shape) == 3:  # Grey pictures without an axis of channels, which the child adds.
        shape.append(1)
    if len(shape) != 4:
        flat = (
            "; to give pictures to flat vectors, put a layer before them: keras.Sequential([keras.Input((HEIGHT, WIDTH, "
            "CHANNELS)), keras.layers.Flatten(), model])"
        )
        raise ModelFileError(
            f"the model takes {tuple(shape)}; an image classifier maps (batch, height, width, channels) to (batch, "
            f"classes){flat if len(shape) == 2 else ''}"
        )
    if shape[3] not in (1, 3):
        hint = "; channels must come last" if shape[1] in (1, 3) else ""
        raise ModelFileError(f"the model takes {shape[3]} channels; pictures have 3, or 1 for grey{hint}")
    dtype = str(inputs[0].dtype)
    if dtype in ("bool", "int8", "string") or dtype.startswith("complex"):
        raise ModelFileError(
            f"the model takes values of type {dtype}, which pixels from 0 to 255 are not; give it an input of type float32 "
            "or uint8"
        )
    classes = ends.score_count(keras, model, size or shape[1:3])
    return {
        "height": shape[1],
        "width": shape[2],
        "channels": shape[3],
        "classes": classes,
        "shown": ends.shown_by_keras(model, classes),
        "parameters": int(model.count_params()),
        "range": follow(keras, model).to_json(),
    }
