"""Loading a Keras model, from a file or by its zoo name: in the child process only."""

import re
from typing import Any

from mobilecnn.convert.random_weights import settle
from mobilecnn.errors import ModelFileError


def load(keras: Any, message: dict[str, Any]) -> Any:
    if "architecture" in message:
        from mobilecnn.train import zoo

        keras.utils.set_random_seed(message["seed"])
        name, size, classes = message["architecture"], message["size"], message["classes"]
        model = (
            zoo.build(name, classes, size) if isinstance(size, int) else zoo.rectangle(name, classes, *size)
        )
        model = zoo.main_output(model)
        settle(model, zoo.contract(name).sized(*model.input_shape[1:3]))
        return model
    # Registers the one layer of ours that a file may hold.
    import mobilecnn.train.zoo.weighted_sum  # noqa: F401

    path = message["path"]
    try:
        # Nothing from the file may run here: safe_mode refuses Lambda layers and the like.
        return keras.models.load_model(path, compile=False, safe_mode=not message["unsafe"])
    except Exception as error:
        raise ModelFileError(_why_not_loaded(path, error)) from error


def _why_not_loaded(path: str, error: Exception) -> str:
    text = str(error)
    if "lambda" in text.lower() and "safe_mode" in text:
        return (
            f"{path} contains a Lambda layer: Python code that would run when the file is loaded; replace the layer "
            "by built-in ones, or, if you trust the file, add --allow-code"
        )
    if unknown := re.search(r"Could not locate class '([^']+)'|Unknown layer: '?([\w>]+)", text):
        layer = unknown.group(1) or unknown.group(2)
        return f"{path} uses the layer class {layer}, which Keras does not have; rebuild the model with built-in layers"
    first = text.strip().splitlines()[0][:200] if text.strip() else type(error).__name__
    return f"{path} cannot be loaded by Keras {_version()} ({first}); save it again with this version"


def _version() -> str:
    import keras

    return str(keras.__version__)
