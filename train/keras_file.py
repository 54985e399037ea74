"""What mobilecnn keeps inside a ``.keras`` file: the input contract and the labels.

A ``.keras`` file is a zip archive, and Keras ignores a member that it does not know. The
member ``mobilecnn.json`` survives copying and renaming, as a file beside it would not.
"""

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mobilecnn.contract import InputContract
from mobilecnn.errors import ModelFileError
from mobilecnn.train.keras_archive import ARCHIVE, kind_of

MEMBER = "mobilecnn.json"
"""Name of the archive's member."""

_LARGEST = 1 << 22
"""Largest size of the member in bytes."""


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
    try:
        with zipfile.ZipFile(path) as archive:
            if MEMBER not in archive.namelist():
                return ModelInfo()
            if archive.getinfo(MEMBER).file_size > _LARGEST:
                raise ModelFileError(f"{path} is damaged: its {MEMBER} is too large")
            content = json.loads(archive.read(MEMBER))
        contract = content["input"]
        return ModelInfo(
            architecture=str(content["architecture"]),
            labels=tuple(str(label) for label in content["labels"]),
            contract=None if contract is None else InputContract.from_json(contract),
            training=content["training"],
        )
    except ModelFileError:
        raise
    except Exception as error:  # zipfile raises zlib.error, EOFError, NotImplementedError and more.
        raise ModelFileError(
            f"{path} is not a readable .keras file ({error}); save it again from Keras"
        ) from error
