"""Keras models to begin a training with: loaded, and their input contract settled as for an export."""

from pathlib import Path

from mobilecnn.convert.findings import contract_of
from mobilecnn.convert.keras_loading import load as load_model
from mobilecnn.convert.preprocessing import FLOATS, follow
from mobilecnn.convert.user_code import running
from mobilecnn.errors import ModelFileError, UsageError
from mobilecnn.files import LARGEST_TEXT, read_bytes, sha256
from mobilecnn.train.backend import load_keras, require_backend
from mobilecnn.train.keras_archive import SAVED_MODEL, kind_of, sha256_of
from mobilecnn.train.keras_file import read_info
from mobilecnn.train.transfer import Base, ending_of


def load(
    path: Path,
    size: int | tuple[int, int] | None = None,
    input_range: str | None = None,
    override: bool = False,
    custom_objects: Path | None = None,
) -> Base:
    """A model to begin a training with.

    It is loaded into this process, which trains it; no Python code in the file runs. That of ``custom_objects`` does, in
    this process.

    Args:
        path: a ``.keras`` or ``.h5`` file, or a folder of Keras.
        size: input side in pixels, or (height, width), of a model that takes any.
        input_range: key of :data:`mobilecnn.contract.RANGES`, where nothing in the model tells its range.
        override: whether that goes before what the model says or proves.
        custom_objects: a Python file with the layers and functions of the user's own that the model has; it runs.

    Raises:
        InputError: the file of the user's own layers is missing, or no regular file.
        ModelFileError: the file is missing or damaged, Keras cannot load it, or it takes no pictures; or the user's code fails.
        UsageError: its input range is unknown or another than that given, its size is free and none was given, or it
            takes no other size.
        EnvironmentProblem: Keras or its backend is not installed.
    """
    if kind_of(path) == SAVED_MODEL:
        raise UsageError(
            f"{path} is a SavedModel, which has no layers that could be trained; give the Keras model it was made from, "
            "saved as a .keras file"
        )
    info = read_info(path)
    digest = sha256_of(path)
    code = (
        "" if custom_objects is None else sha256(read_bytes(custom_objects, "Python file", most=LARGEST_TEXT))
    )
    require_backend("training")
    keras = load_keras()
    with running(custom_objects, None):
        asked = {"path": str(path), "unsafe": False, "custom_objects": custom_objects and str(custom_objects)}
        model = load_model(keras, asked).model
        ending = ending_of(model, str(path))
        shape = _shape(model, str(path), size)
        contract = contract_of(
            follow(keras, model),
            info.contract,
            "the file",
            shape,
            input_range,
            override,
            what=str(path),
            shared=False,
        )
    # Of a network whose classifier is no dense layer it becomes another network.
    own = isinstance(ending.classifier, keras.layers.Dense)
    name = info.architecture if own else ""
    return Base(model, contract, str(path), digest, name, custom_objects, code, info.training)


def _shape(model: object, what: str, size: int | tuple[int, int] | None) -> tuple[int, int, int]:
    """(height, width, channels) of a model's input.

    Raises:
        ModelFileError: it is none of pictures.
        UsageError: the size is free and none was given, or another is fixed.
    """
    (entry,) = model.inputs  # type: ignore[attr-defined]
    if len(entry.shape) != 4 or entry.shape[3] not in (1, 3) or str(entry.dtype) not in FLOATS:
        raise ModelFileError(
            f"{what} takes {tuple(entry.shape)} of type {entry.dtype}; pictures are (batch, height, width, 3), or 1 if they are "
            "grey, of type float32"
        )
    height, width, channels = entry.shape[1:]
    wanted = (size, size) if isinstance(size, int) else size
    if wanted is not None and (height, width) not in ((None, None), wanted):
        raise UsageError(
            f"{what} takes images of {width}x{height} pixels (width x height) and no others; leave --size out"
        )
    height, width = wanted or (height, width)
    if height is None or width is None:
        raise UsageError(f"{what} takes images of any size; say with --size at which it shall be trained")
    return int(height), int(width), int(channels)
