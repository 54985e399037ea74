"""The child process that holds a Keras model: loads, converts and runs it.

:mod:`mobilecnn.convert.conversion` starts it; nothing else imports it. One message in, one message out:

* ``load``: ``{path, unsafe, custom_objects, patience, sides}`` or ``{architecture, classes, size, seed}`` -> what the model is
* ``convert``: ``{output, size}`` -> writes the float32 flatbuffer as the converter makes it
* ``count``: ``{path, unsafe, custom_objects, patience, size}`` -> the layers of any Keras file, a classifier or not
* ``run``: ``{inputs, outputs, size, walk, warm_up}`` (:mod:`mobilecnn.train.inputs`, .npy) -> the model's scores, and seconds;
  ``walk`` is null, or the seed by which its weights are moved meanwhile (:mod:`mobilecnn.convert.roundings`); with
  ``warm_up`` one batch of each size goes before, untimed
* ``statistics``: ``{inputs, images, contracts}`` (:mod:`mobilecnn.train.inputs`) -> for each of the contracts what the first of
  the images make of the first batch normalizations (:mod:`mobilecnn.convert.batch_statistics`)
"""

import io
import math
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from mobilecnn import tensors
from mobilecnn.contract import InputContract
from mobilecnn.convert import own_operators
from mobilecnn.convert.batch_statistics import statistics
from mobilecnn.convert.file_preprocessing import follow_file
from mobilecnn.convert.findings import Finding
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.keras_causes import not_converted, not_run
from mobilecnn.convert.keras_facts import describe
from mobilecnn.convert.keras_loading import load
from mobilecnn.convert.memory import bound_memory
from mobilecnn.convert.outputs import as_input, shown_by_file
from mobilecnn.convert.roundings import moved
from mobilecnn.convert.saved_model import SavedClassifier, beginning
from mobilecnn.convert.scopes import take_any_name
from mobilecnn.convert.user_code import running
from mobilecnn.errors import MobileCnnError, ModelFileError
from mobilecnn.process import Channel, serve
from mobilecnn.records import record
from mobilecnn.stretches import joined
from mobilecnn.train.backend import load_keras
from mobilecnn.train.complexity import layers
from mobilecnn.train.images import to_tensor
from mobilecnn.train.inputs import slices

BATCH = 25
"""Number of images in a batch of the Keras model: enough to fill the cores, and little memory."""


def main(channel: Channel) -> None:
    """Answer messages until the parent closes the pipe."""
    bound_memory()
    # TensorFlow takes seconds to import: while the parent still prepares the first message.
    keras = load_keras()
    take_any_name()
    keras.config.set_floatx("float32")  # Whatever ~/.keras/keras.json says.
    model: Any = None
    scores: Any = None  # The model as a function of a batch: traced once, which takes seconds.
    converted: dict[
        tuple[int, ...], bytes
    ] = {}  # Size -> the float32 flatbuffer of a SavedModel, made on loading.
    code: Path | None = None  # The user's own, and how long it may take.
    seconds: float | None = None
    while (message := channel.receive()) is not None:
        if message.get("custom_objects"):
            code, seconds = Path(message["custom_objects"]), message["patience"]
        match message["do"]:
            case "load":
                with running(code, seconds):
                    loaded = load(keras, message)
                    model, scores = loaded.model, None
                    sides = message.get("sides")
                    if isinstance(model, SavedClassifier):
                        about = _describe_saved(model, sides, converted)
                    else:
                        about = describe(keras, model, sides)
                channel.send(**about, notes=list(loaded.notes))
            case "count":
                with running(code, seconds):
                    rows = layers(load(keras, message).model, message["size"])
                channel.send(layers=[asdict(row) for row in rows])
            case "convert":
                size = message["size"]
                content = converted.get(tuple(size))
                if content is None:
                    with running(code, seconds):
                        function = _function(model, size)
                    content = _converted(function)
                Path(message["output"]).write_bytes(content)
                channel.send(done=True)
            case "run":
                with ExitStack() as held:
                    function = scores
                    if message["walk"] is not None:
                        held.enter_context(moved(model, message["walk"]))
                        function = None  # It is another one.
                    if function is None:
                        function = _scores(model, message["size"])
                        with running(code, seconds), _told(message["size"]):
                            function.get_concrete_function()
                    if message["walk"] is None:
                        scores = function
                    held.enter_context(running(code, None))
                    held.enter_context(_told(message["size"]))
                    times = _run(function, _batch(model) or BATCH, message)
                channel.send(**times)
            case "statistics":
                with running(code, seconds):
                    channel.send(found=_statistics(model, message))


def _statistics(model: Any, message: dict[str, Any]) -> list[Any]:
    if isinstance(model, SavedClassifier):
        return []
    found = []
    for fields in message["contracts"]:
        contract = record(InputContract, fields)
        (pixels,) = islice(tensors.slices(Path(message["inputs"]), message["images"]), 1)
        batches = (
            to_tensor(pixels[start : start + BATCH], contract) for start in range(0, len(pixels), BATCH)
        )
        found.append(statistics(model, lambda image: _answer(model, image), batches))
    return found


@contextmanager
def _told(size: list[int]) -> Iterator[None]:
    """An error of the model within the block as one of ours; one of the files it reads or writes stays what it is."""
    try:
        yield
    except (MobileCnnError, OSError):
        raise
    except Exception as error:
        raise ModelFileError(not_run(error, size)) from error


def _function(model: Any, size: list[int]) -> Any:
    """The model as one graph function of a static batch of 1, and its trace."""
    import tensorflow as tf

    function = tf.function(lambda image: _answer(model, image), autograph=False)
    with _told(size), own_operators.for_conversion():
        return function.get_concrete_function(tf.TensorSpec([1, *size], tf.float32, name="image"))


def _answer(model: Any, image: Any) -> Any:
    """The model's scores, (batch, classes), for pictures (batch, height, width, channels), both always so.

    A model may take grey pictures without an axis of channels, wrap its input or output in a dictionary, and
    give axes of length 1 beside the classes.
    """
    import tensorflow as tf

    if isinstance(model, SavedClassifier):
        return model(image)
    (wanted,) = model.inputs
    if len(wanted.shape) == 3:
        image = tf.squeeze(image, axis=3)
    answer = model(as_input(model, image), training=False)
    while isinstance(answer, dict | list | tuple):
        (answer,) = answer.values() if isinstance(answer, dict) else answer
    if len(answer.shape) != 2:
        classes = math.prod(extent or 1 for extent in answer.shape[1:])
        answer = tf.reshape(answer, [answer.shape[0] or -1, classes])
    return answer


def _converted(function: Any) -> bytes:
    """The float32 flatbuffer of a concrete function.

    Raises:
        ModelFileError: the converter refuses it.
    """
    import tensorflow as tf

    # From the concrete function alone: with the model passed along, TensorFlow would
    # write and reread a SavedModel first, which takes longer. The batch is
    # static because a free one makes old runtimes refuse XNNPACK (several times slower).
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function])
    try:
        with redirect_stdout(io.StringIO()):
            content: bytes = converter.convert()
    except Exception as error:
        raise ModelFileError(not_converted(error)) from error
    return content


def _describe_saved(
    model: SavedClassifier, sides: list[int] | None, converted: dict[tuple[int, ...], bytes]
) -> dict[str, Any]:
    """What a SavedModel is: its ends are followed in what the converter makes of it, and kept in ``converted``."""
    size = (*(sides or model.shape[:2]), model.shape[2])
    if None in size:
        return model.describe("unknown", Finding(None, "it takes pictures of any size"))
    function = _function(model, list(size))
    try:
        converted[size] = _converted(function)
        shown = shown_by_file(flatbuffer.graph(converted[size], "the converted SavedModel"))
    except ModelFileError:  # Exporting tells why; it can be run all the same.
        shown = "unknown"
    try:
        first = flatbuffer.graph(_converted(beginning(function)), "the beginning of the SavedModel")
        finding = follow_file(first)
    except ModelFileError:
        finding = Finding(None, "TFLite has no operators for what it does to its input")
    return model.describe(shown, finding)


def _scores(model: Any, size: list[int]) -> Any:
    import tensorflow as tf

    return tf.function(
        lambda image: _answer(model, image),
        autograph=False,
        input_signature=[tf.TensorSpec([_batch(model), *size], tf.float32)],
    )


def _batch(model: Any) -> int | None:
    """Batch size that the model fixes; None for any."""
    return model.batch if isinstance(model, SavedClassifier) else None


def _run(function: Any, batch: int, message: dict[str, Any]) -> dict[str, Any]:
    """Write the scores of the inputs; the seconds that it took, those of them that the model took, and stretches of both."""
    import tensorflow as tf

    inputs = Path(message["inputs"])

    def answer(images: Any) -> Any:
        return np.asarray(function(tf.constant(images)), np.float32)

    if message["warm_up"]:
        first = next(slices(inputs, batch))
        answer(first)
        if rest := tensors.shape(inputs)[0] % batch:
            answer(first[:rest])  # TensorFlow traces another size anew, for longer than it takes to run.
    scores = []
    whole: list[float] = []
    inference: list[float] = []
    began = last = time.perf_counter()
    for images in slices(inputs, batch):
        asked = time.perf_counter()
        scores.append(answer(images))
        now = time.perf_counter()
        inference.append(now - asked)
        whole.append(now - last)
        last = now
    seconds = time.perf_counter() - began
    tensors.write(Path(message["outputs"]), scores, (sum(map(len, scores)), *scores[0].shape[1:]))
    each = [*map(len, scores)]
    stretches = {"running": asdict(joined(each, whole)), "inference": asdict(joined(each, inference))}
    return {"seconds": seconds, "inference": sum(inference), "stretches": stretches}


if __name__ == "__main__":
    serve(main)
