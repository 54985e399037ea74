"""What mobilecnn keeps inside a ``.keras`` file: the input contract and the labels.

A ``.keras`` file is a zip archive, and Keras ignores a member that it does not know. The
member ``mobilecnn.json`` survives copying and renaming, as a file beside it would not.
"""

import json
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from mobilecnn.contract import InputContract
from mobilecnn.documents import parse_json
from mobilecnn.errors import InputError, ModelFileError, UsageError
from mobilecnn.files import open_input
from mobilecnn.records import Open, record
from mobilecnn.train.keras_archive import ARCHIVE, kind_of

MEMBER = "mobilecnn.json"
"""Name of the archive's member."""

_LARGEST = 1 << 22
"""Largest size of the member in bytes."""

_UNREADABLE = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, RuntimeError, NotImplementedError, struct.error,
)  # fmt: skip
"""What zipfile raises of a file that is no archive, or has an encrypted or damaged member."""


@dataclass(frozen=True)
class ModelInfo:
    """What a file that was trained or built here says about itself.

    Attributes:
        architecture: zoo name; empty for a model from elsewhere.
        labels: class names in output order; empty where unknown.
        contract: input contract; None where unknown.
        training: origin of the weights (data, epochs, accuracy); None where unknown.
    """

    architecture: str = ""
    labels: tuple[str, ...] = ()
    contract: InputContract | None = None
    training: dict[str, Any] | None = None


def write_info(path: Path, info: ModelInfo) -> None:
    """Add ``info`` to the ``.keras`` file at ``path``."""
    content = {
        "architecture": info.architecture,
        "labels": list(info.labels),
        "input": None if info.contract is None else info.contract.to_json(),
        "training": info.training,
    }
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(MEMBER, json.dumps(content, indent=2))


def read_info(path: Path) -> ModelInfo:
    """What the file says about itself; all empty for HDF5 files, folders, and models from elsewhere.

    Raises:
        ModelFileError: the file is missing, no model, or a damaged ``.keras`` file.
    """
    if kind_of(path) != ARCHIVE:
        return ModelInfo()
    with open_input(path, "model", ModelFileError) as stream:
        return _read(path, stream)


@dataclass(frozen=True)
class _Member(Open):
    """What the member holds: the members of :class:`ModelInfo`, the contract under ``input``."""

    architecture: str
    labels: tuple[str, ...]
    input: InputContract | None
    training: dict[str, Any] | None

    def __post_init__(self) -> None:
        if self.input is not None:
            self.input.check()


def _read(path: Path, stream: BinaryIO) -> ModelInfo:
    try:
        with zipfile.ZipFile(stream) as archive:
            if MEMBER not in archive.namelist():
                return ModelInfo()
            if archive.getinfo(MEMBER).file_size > _LARGEST:
                raise ValueError(f"its {MEMBER} is larger than {_LARGEST:,} bytes")
            member = record(_Member, parse_json(archive.read(MEMBER)), MEMBER)
        return ModelInfo(member.architecture, member.labels, member.input, member.training)
    except InputError as error:
        raise ModelFileError(f"{path} is damaged ({error}); train or save it again") from error
    except _UNREADABLE as error:
        raise ModelFileError(
            f"{path} is not a readable .keras file ({error}); save it again from Keras"
        ) from error


def check_name(output: Path) -> None:
    """Refuse a name for a trained model that is none of a ``.keras`` file.

    Raises:
        UsageError: the name has another suffix, or is that of a folder.
    """
    if output.name in ("", ".."):
        raise UsageError(f"{output} is a folder; give the name of a .keras file with -o")
    if output.suffix != ".keras":
        raise UsageError(f"the model is saved as a .keras file; write -o {output.with_suffix('.keras')}")
