"""The child process that holds a Keras model: loads, converts and runs it.

:mod:`mobilecnn.convert.conversion` starts it; nothing else imports it. One message in, one message out:

* ``load``: ``{path, unsafe}`` or ``{architecture, classes, size, seed}`` -> what the model is
* ``convert``: ``{output, size}`` -> writes the float32 flatbuffer as the converter makes it
* ``count``: ``{path, unsafe, size}`` -> the layers of any Keras file, a classifier or not
* ``run``: ``{inputs, outputs, size}`` (.npy files) -> the model's scores
"""

import io
import re
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn.contract import InputContract
from mobilecnn.errors import ModelFileError
from mobilecnn.process import Channel, serve
from mobilecnn.train.backend import load_keras
from mobilecnn.train.complexity import layers
from mobilecnn.train.images import random_pixels, to_tensor

BATCH = 25
"""Number of images in a batch of the Keras model: enough to fill the cores, and little memory."""


def main(channel: Channel) -> None:
    """Answer messages until the parent closes the pipe."""
    # TensorFlow takes seconds to import: while the parent still prepares the first message.
    keras = load_keras()
    model: Any = None
    scores: Any = None  # The model as a function of a batch: traced once, which takes seconds.
    while (message := channel.receive()) is not None:
        match message["do"]:
            case "load":
                model, scores = _load(keras, message), None
                channel.send(**_describe(keras, model))
            case "count":
                rows = layers(_load(keras, message), message["size"])
                channel.send(layers=[asdict(row) for row in rows])
            case "convert":
                _convert(model, message["size"], Path(message["output"]))
                channel.send(done=True)
            case "run":
                scores = scores or _scores(model, message["size"])
                _run(scores, Path(message["inputs"]), Path(message["outputs"]))
                channel.send(done=True)


def _load(keras: Any, message: dict[str, Any]) -> Any:
    if "architecture" in message:
        from mobilecnn.train import zoo

        keras.utils.set_random_seed(message["seed"])
        name, size, classes = message["architecture"], message["size"], message["classes"]
        model = (
            zoo.build(name, classes, size) if isinstance(size, int) else zoo.rectangle(name, classes, *size)
        )
        model = zoo.main_output(model)
        _settle(model, zoo.contract(name).sized(*model.input_shape[1:3]))
        return model
    # Registers the one layer of ours that a file may hold.
    import mobilecnn.train.zoo.weighted_sum  # noqa: F401

    path = message["path"]
    try:
        # Nothing from the file may run here: safe_mode refuses Lambda layers and the like.
        return keras.models.load_model(path, compile=False, safe_mode=not message["unsafe"])
    except Exception as error:
        raise ModelFileError(_why_not_loaded(path, error)) from error


def _settle(model: Any, contract: InputContract) -> None:
    """Give random weights the scale of trained ones, on random pictures.

    With the initial statistics of batch normalization (mean 0, variance 1) the activations of
    a deep network shrink to nothing: an int8 range of nothing overflows the fixed-point
    multipliers (tflite-runtime refuses such a file), and float32 denormals would be slow. Where
    the last layer gives scores that are all but equal, or 0 and 1, no comparison of answers
    would mean anything: its kernel is scaled to logits of standard deviation 1.
    """
    # More of them where they are small: the last feature maps have one to four pixels then, and statistics
    # of few values make the network chaotic on all other pictures.
    count = min(64, max(8, 800_000 // (contract.height * contract.width)))
    images = to_tensor(random_pixels(count, contract, seed=1), contract)
    norms = [layer for layer in model.layers if type(layer).__name__ == "BatchNormalization"]
    momenta = [layer.momentum for layer in norms]
    for layer in norms:
        layer.momentum = 0.0  # Take the statistics of the one batch that comes.
    if norms:
        _forward(model, images, training=True)
    for layer, momentum in zip(norms, momenta, strict=True):
        layer.momentum = momentum
    logits = np.log(np.maximum(_forward(model, images, training=False).astype(np.float64), 1e-300))
    spread = logits.std(axis=1).mean()
    last = [layer for layer in model.layers if hasattr(layer, "kernel")][-1]
    if spread > 0:
        last.kernel.assign(last.kernel / spread)


def _forward(model: Any, images: npt.NDArray[np.float32], training: bool) -> npt.NDArray[np.float32]:
    """All scores in one step, (images, classes), as a graph function.

    Without one Keras keeps the output of every layer until the end, and the feature maps of a thousand
    layers for 64 pictures take 16 GB.
    """
    import tensorflow as tf

    function = tf.function(lambda batch: model(batch, training=training), autograph=False)
    return np.asarray(function(tf.constant(images)), np.float32)


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


def _describe(keras: Any, model: Any) -> dict[str, Any]:
    if not isinstance(model, keras.Model):
        raise ModelFileError("the file holds no Keras model, but something else that Keras can save")
    inputs, outputs = getattr(model, "inputs", None), getattr(model, "outputs", None)
    if not inputs or not outputs:
        raise ModelFileError(
            "the model has no fixed input (a subclassed model, or one never built); save it as a functional or "
            "Sequential model with an Input"
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
    return {
        "height": shape[1],
        "width": shape[2],
        "channels": shape[3],
        "classes": scores[1],
        "parameters": int(model.count_params()),
        "normalizes": _normalizes(model),
    }


def _normalizes(model: Any) -> bool:
    """Whether the model begins by rescaling raw pixels itself."""
    for layer in getattr(model, "layers", [])[:3]:
        if type(layer).__name__ in ("Rescaling", "Normalization"):
            return True
        if getattr(layer, "layers", None) and _normalizes(layer):
            return True
    return False


def _function(model: Any, size: list[int]) -> Any:
    """The model as one graph function of a static batch of 1, and its trace."""
    import tensorflow as tf

    function = tf.function(lambda image: model(image, training=False), autograph=False)
    return function.get_concrete_function(tf.TensorSpec([1, *size], tf.float32, name="image"))


def _convert(model: Any, size: list[int], output: Path) -> None:
    import tensorflow as tf

    # From the concrete function alone: with the model passed along, TensorFlow would
    # write and reread a SavedModel first, which takes longer. The batch is
    # static because a free one makes old runtimes refuse XNNPACK (several times slower).
    converter = tf.lite.TFLiteConverter.from_concrete_functions([_function(model, size)])
    try:
        with redirect_stdout(io.StringIO()):
            content = converter.convert()
    except Exception as error:
        raise ModelFileError(_why_not_converted(str(error))) from error
    output.write_bytes(content)


def _why_not_converted(text: str) -> str:
    if "ERROR_NEEDS_FLEX_OPS" in text or "Flex ops" in text:
        operations = re.search(r"Flex ops: ([\w, ]+)|tf\.(\w+)", text)
        names = (operations.group(1) or operations.group(2)) if operations else "some of its operations"
        return (
            f"the model needs TensorFlow operations that TFLite does not have ({names}); "
            "replace the layers that use them"
        )
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f"the TFLite converter refused the model ({(lines or ['no reason given'])[0][:300]})"


def _scores(model: Any, size: list[int]) -> Any:
    import tensorflow as tf

    return tf.function(
        lambda image: model(image, training=False),
        autograph=False,
        input_signature=[tf.TensorSpec([None, *size], tf.float32)],
    )


def _run(function: Any, inputs: Path, outputs: Path) -> None:
    import tensorflow as tf

    images = np.load(inputs, mmap_mode="r", allow_pickle=False)
    scores = [
        np.asarray(function(tf.constant(images[start : start + BATCH])), np.float32)
        for start in range(0, len(images), BATCH)
    ]
    np.save(outputs, np.concatenate(scores))


if __name__ == "__main__":
    serve(main)
