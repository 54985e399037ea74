"""What an HDF5 file holds: in the child process only, because h5py is native code."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from mobilecnn.errors import ModelFileError
from mobilecnn.train.keras_archive import expands

MOST_OBJECTS = 200_000
"""Largest number of groups and data sets. The largest network of the zoo has 5,000."""

WHOLE, KERAS_2_WEIGHTS, KERAS_3_WEIGHTS, ELSE = "whole", "keras 2 weights", "keras 3 weights", "else"
"""What an HDF5 file can hold: a model, or one of two layouts of weights, or something of other people's."""


@dataclass(frozen=True)
class Hdf5:
    """A checked HDF5 file.

    Attributes:
        holds: :data:`WHOLE`, :data:`KERAS_2_WEIGHTS`, :data:`KERAS_3_WEIGHTS` or :data:`ELSE`.
        config: JSON text of the architecture; empty where there is none.
        keras_version: version of Keras that wrote the file; empty where it does not say.
    """

    holds: str
    config: bytes
    keras_version: str


def read(file: Path | IO[bytes], what: str, size: int) -> Hdf5:
    """Check an HDF5 file, without reading weights, and say what it holds.

    Args:
        file: its path, or its content.
        what: subject of messages.
        size: its size in bytes.

    Raises:
        ModelFileError: it is damaged, refers to other files, or unpacks to far more than its size.
    """
    import h5py

    try:
        with h5py.File(file, "r") as opened:
            _check(h5py, opened, what, size)
            version = _text(opened.attrs.get("keras_version", b""))
            return Hdf5(_holds(opened), _text(opened.attrs.get("model_config", b"")), version.decode())
    except (OSError, KeyError, RuntimeError, ValueError, TypeError, UnicodeError) as error:
        raise ModelFileError(
            f"{what} is damaged ({_inner(str(error))}); copy or download it again"
        ) from error


def _check(h5py: Any, opened: Any, what: str, size: int) -> None:
    """Walk every link once: no other file may be referred to, and sizes are bounded."""
    seen: set[Any] = set()
    waiting = [opened]
    unpacked = 0
    while waiting:
        group = waiting.pop()
        for name in group:
            link = group.get(name, getlink=True)
            if isinstance(link, h5py.ExternalLink):
                raise ModelFileError(
                    f"{what} refers to another file ({link.filename[:60]!a}); no model does that"
                )
            if isinstance(link, h5py.SoftLink):
                raise ModelFileError(f"{what} has a soft link ({name[:60]!a}); no model has that")
            item = group[name]
            address = h5py.h5o.get_info(item.id).addr
            if address in seen:
                continue
            seen.add(address)
            if len(seen) > MOST_OBJECTS:
                raise ModelFileError(
                    f"{what} has more than {MOST_OBJECTS:,} groups and data sets; no model has that"
                )
            if isinstance(item, h5py.Group):
                waiting.append(item)
            elif isinstance(item, h5py.Dataset):
                if item.external or item.is_virtual:
                    raise ModelFileError(f"{what} keeps {name[:60]!a} in another file; no model does that")
                unpacked += math.prod(item.shape or ()) * item.dtype.itemsize
    if too_large := expands(unpacked, size):
        raise ModelFileError(
            f"{what} is no file that Keras writes: {too_large}; save the model again from Keras"
        )


def _holds(opened: Any) -> str:
    if "model_config" in opened.attrs:
        return WHOLE
    if "layer_names" in opened.attrs or "layer_names0" in opened.attrs:
        return KERAS_2_WEIGHTS
    if "layers" in opened or "_layer_checkpoint_dependencies" in opened or "vars" in opened:
        return KERAS_3_WEIGHTS
    return ELSE


def _text(value: Any) -> bytes:
    if isinstance(value, str):
        return value.encode()
    return bytes(value) if isinstance(value, bytes) else b""


def _inner(text: str) -> str:
    """The cause that h5py puts in brackets: ``Unable to open file (truncated file: eof = 96)``."""
    begin = text.find("(")
    return text[begin + 1 : text.rfind(")")] if 0 <= begin < text.rfind(")") else text.strip()[:200]
