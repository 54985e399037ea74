"""Loading a model, from a file, a folder or by its zoo name: in the child process only."""

import json
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilecnn.convert import hdf5, keras_causes, keras_config, saved_model, user_code
from mobilecnn.convert.random_weights import settle
from mobilecnn.errors import ModelFileError
from mobilecnn.train.keras_archive import (
    ARCHIVE,
    CONFIG,
    FOLDER,
    HDF5,
    METADATA,
    MOST_CONFIG,
    SAVED_MODEL,
    WEIGHTS,
    check_archive,
    kind_of,
    read_config,
)


@dataclass(frozen=True)
class Loaded:
    """A loaded model.

    Attributes:
        model: a Keras model, or a :class:`mobilecnn.convert.saved_model.SavedClassifier`.
        notes: what was changed in its architecture to load it, a phrase each.
    """

    model: Any
    notes: tuple[str, ...] = ()


def load(keras: Any, message: dict[str, Any]) -> Loaded:
    """The model that a message asks for.

    Args:
        keras: the module.
        message: ``{architecture, classes, size, seed}``, or ``{path, unsafe, custom_objects}``.

    Raises:
        ModelFileError: it cannot be loaded; the message has the cause.
    """
    if "architecture" in message:
        return Loaded(_from_zoo(keras, message))
    # Registers the layers of ours that a file may hold.
    import mobilecnn.train.zoo.own_layers  # noqa: F401

    path, unsafe = Path(message["path"]), bool(message["unsafe"])
    kind = kind_of(path)
    if kind == SAVED_MODEL:
        return Loaded(saved_model.load(path, unsafe))
    code = Path(message["custom_objects"]) if message.get("custom_objects") else None
    custom = {} if code is None else user_code.load(code)
    written = _read(path, kind)
    config, notes = keras_config.prepared(written.config, keras_causes.before_keras_3(written.keras_version))
    why = keras_causes.Why(str(path), written.keras_version, str(keras.__version__), code)
    custom |= keras_config.registered(config, custom)
    if mode := keras_config.quantized(config):
        raise ModelFileError(why.quantized(mode))
    with _as_keras_takes_it(path, kind, config if notes else None) as file:
        try:
            # Nothing from the file may run here: safe_mode refuses Lambda layers and the like.
            # The user's code may leave the folder before Keras has read all.
            file = file if code is None else file.absolute()
            model = keras.models.load_model(file, custom_objects=custom, compile=False, safe_mode=not unsafe)
        except Exception as error:
            raise ModelFileError(why.not_loaded(error)) from error
    return Loaded(model, notes)


def _from_zoo(keras: Any, message: dict[str, Any]) -> Any:
    from mobilecnn.train import zoo

    keras.utils.set_random_seed(message["seed"])
    name, size, classes = message["architecture"], message["size"], message["classes"]
    model = zoo.build(name, classes, size) if isinstance(size, int) else zoo.rectangle(name, classes, *size)
    model = zoo.main_output(model)
    settle(model, zoo.contract(name).sized(*model.input_shape[1:3]))
    return model


@dataclass(frozen=True)
class _Written:
    """The architecture in a file, and the version of Keras that wrote it; empty where it does not say."""

    config: dict[str, Any]
    keras_version: str


def _read(path: Path, kind: str) -> _Written:
    """Check a file's content, without its weights, and read its architecture."""
    if kind == HDF5:
        content = hdf5.read(path, str(path), path.stat().st_size)
        if content.holds != hdf5.WHOLE:
            raise ModelFileError(f"{path} {keras_causes.NO_MODEL[content.holds]}")
        return _Written(
            _architecture(content.config, f"the architecture in {path}"), _version(content.keras_version)
        )
    if kind == FOLDER:
        if (beside := path / WEIGHTS[0]).is_file():
            hdf5.read(beside, str(beside), beside.stat().st_size)
        return _written(path, _bounded(path / CONFIG), _bounded(path / METADATA))
    check_archive(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
            written = _written(
                path, archive.read(CONFIG), archive.read(METADATA) if METADATA in members else b""
            )
            if not any(name in members for name in WEIGHTS):
                raise ModelFileError(
                    f"{path} has no weights (no {WEIGHTS[0]} in it); save the model again from Keras"
                )
            if WEIGHTS[0] in members:
                with archive.open(WEIGHTS[0]) as weights:
                    hdf5.read(weights, f"{WEIGHTS[0]} in {path}", path.stat().st_size)
    except ModelFileError:
        raise
    except Exception as error:  # zipfile raises zlib.error, EOFError, NotImplementedError and more.
        raise ModelFileError(f"{path} is damaged ({error}); copy or download it again") from error
    return written


def _bounded(file: Path) -> bytes:
    """The content of a file, or no more than tells that it is too large; empty where there is none."""
    if not file.is_file():
        return b""
    with file.open("rb") as content:
        return content.read(MOST_CONFIG + 1)


def _written(path: Path, config: bytes, metadata: bytes) -> _Written:
    version = read_config(metadata, f"{METADATA} in {path}").get("keras_version", "") if metadata else ""
    return _Written(_architecture(config, f"{CONFIG} in {path}"), _version(str(version)))


def _version(text: str) -> str:
    """``text`` if it is a version; else nothing, because it is told in a command that installs it."""
    return text if re.fullmatch(r"[0-9]{1,4}(?:\.[0-9]{1,6}){0,3}[A-Za-z0-9.+-]{0,20}", text) else ""


def _architecture(content: bytes, what: str) -> dict[str, Any]:
    config: dict[str, Any] = read_config(content, what)
    if not isinstance(config.get("class_name"), str) or "config" not in config:
        raise ModelFileError(f"{what} describes no model; give a file that model.save wrote")
    return config


@contextmanager
def _as_keras_takes_it(path: Path, kind: str, config: dict[str, Any] | None) -> Iterator[Path]:
    """The file under a name that Keras knows its kind by, with another architecture if one is given."""
    suffix = {ARCHIVE: ".keras", HDF5: ".h5", FOLDER: ""}[kind]
    if config is None and (
        kind == FOLDER or path.suffix in ((".h5", ".hdf5") if kind == HDF5 else (".keras",))
    ):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="mobilecnn-") as folder:
        file = Path(folder) / f"model{suffix}"
        try:
            if config is None:
                file.symlink_to(path.resolve())
            else:
                _copy(path, kind, json.dumps(config).encode(), file)
        except OSError as error:
            raise ModelFileError(
                f"{path} cannot be copied to {folder} ({error.strerror or error}); set TMPDIR to a folder with room"
            ) from error
        yield file


def _copy(path: Path, kind: str, config: bytes, file: Path) -> None:
    """Copy a model, with another architecture."""
    if kind == FOLDER:
        shutil.copytree(path, file)
        (file / CONFIG).write_bytes(config)
    elif kind == HDF5:
        import h5py

        shutil.copyfile(path, file)
        with h5py.File(file, "r+") as opened:
            opened.attrs["model_config"] = config
    else:
        with zipfile.ZipFile(path) as archive, zipfile.ZipFile(file, "w") as copied:
            for member in archive.infolist():
                with (
                    archive.open(member) as source,
                    copied.open(member.filename, "w", force_zip64=True) as target,
                ):
                    if member.filename == CONFIG:
                        target.write(config)
                    else:
                        shutil.copyfileobj(source, target, 1 << 20)
