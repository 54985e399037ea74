"""What a loaded Keras model is: its shapes, classes and parameters, and what it expects of its input."""

from typing import Any

from mobilecnn.convert.preprocessing import follow
from mobilecnn.errors import ModelFileError


def describe(keras: Any, model: Any) -> dict[str, Any]:
    if not isinstance(model, keras.Model):
        raise ModelFileError("the file holds no Keras model, but something else that Keras can save")
    inputs, outputs = getattr(model, "inputs", None), getattr(model, "outputs", None)
    if not inputs or not outputs:
        raise ModelFileError(
            "the model has no fixed input (a subclassed model, or one never built); give it one: image = "
            "keras.Input((height, width, 3)), then keras.Model(image, model(image)).save('model.keras'), and give that"
        )
    if len(inputs) != 1 or len(outputs) != 1:
        raise ModelFileError(
            f"the model has {len(inputs)} inputs and {len(outputs)} outputs; an image classifier has one of each"
        )
    shape, scores = list(inputs[0].shape), list(outputs[0].shape)
    if len(shape) != 4 or len(scores) != 2 or scores[1] is None:
        raise ModelFileError(
            f"the model maps {tuple(shape)} to {tuple(scores)}; an image classifier maps (batch, height, width, "
            "channels) to (batch, classes)"
        )
    if shape[3] not in (1, 3):
        hint = "; channels must come last" if shape[1] in (1, 3) else ""
        raise ModelFileError(f"the model takes {shape[3]} channels; pictures have 3, or 1 for grey{hint}")
    finding = follow(keras, model)
    return {
        "height": shape[1],
        "width": shape[2],
        "channels": shape[3],
        "classes": scores[1],
        "parameters": int(model.count_params()),
        "proven_range": finding.proven,
        "range_evidence": finding.evidence,
    }
