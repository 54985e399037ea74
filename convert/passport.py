"""The passport: one JSON beside every exported file that says what it is and what to feed it.

Every consumer (evaluate, predict, bench on any device, the Android app) takes the input
contract, the labels and the golden inputs from here; nobody hard-codes 224 or 127.5.
The format is versioned; readers refuse a version they do not know.
"""

import base64
import binascii
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from mobilecnn.contract import InputContract
from mobilecnn.errors import InputError, ModelFileError
from mobilecnn.files import read_bytes
from mobilecnn.train.images import Pixels

SCHEMA = "mobilecnn.passport"
VERSION = 1
"""History. 1: the first."""


@dataclass(frozen=True)
class Passport:
    """What a reader needs of a passport; ``document`` is all of it.

    Attributes:
        contract: size, colour order, mean, std, resize rule.
        labels: class names in output order; empty when unknown.
        document: the whole JSON document.
    """

    contract: InputContract
    labels: tuple[str, ...]
    document: dict[str, Any]


def beside(model: Path) -> Path:
    """Where the passport of ``model`` is: ``x.int8.tflite`` -> ``x.int8.json``."""
    return model.with_suffix(".json")


def read(model: Path, digest: str) -> Passport | None:
    """The passport of ``model`` if one lies beside it; ``digest`` is the model's SHA-256.

    Raises:
        ModelFileError: it is damaged, of an unknown version, or of another file.
    """
    path = beside(model)
    if not path.exists():
        return None
    try:
        document = json.loads(read_bytes(path, "passport"))
        if document["schema"] != SCHEMA:
            return None  # Somebody else's JSON of that name.
        if document["version"] != VERSION:
            raise ModelFileError(
                f"{path} has passport version {document['version']}; this mobilecnn reads version {VERSION}"
            )
        contract = InputContract.from_json(document["input"]["contract"])
        labels = tuple(str(label) for label in document["labels"])
        recorded = document["file"]["sha256"]
    except ModelFileError:
        raise
    except (InputError, KeyError, TypeError, ValueError) as error:
        raise ModelFileError(f"the passport {path} is damaged ({error}); export the model again") from error
    if recorded != digest:
        raise ModelFileError(
            f"{model} is not the file that its passport {path.name} describes (SHA-256 differs); "
            "export it again, or remove the passport"
        )
    return Passport(contract, labels, document)


def encode_picture(pixels: Pixels) -> str:
    """A golden input, uint8 (height, width, channels), as base64 of a PNG: exact and readable anywhere."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    stream = io.BytesIO()
    image.save(stream, "PNG", optimize=True)
    return base64.b64encode(stream.getvalue()).decode()


def decode_picture(text: str, contract: InputContract) -> Pixels:
    """Back from :func:`encode_picture`.

    Raises:
        ModelFileError: it is not a picture of the contract's size.
    """
    try:
        with Image.open(io.BytesIO(base64.b64decode(text, validate=True)), formats=["PNG"]) as image:
            if image.size != (contract.width, contract.height):
                raise ValueError(f"size {image.size}")
            return np.asarray(image, dtype=np.uint8).reshape(contract.shape)
    except (binascii.Error, OSError, ValueError, SyntaxError) as error:
        raise ModelFileError(
            f"a golden input in the passport is damaged ({error}); export the model again"
        ) from error


def rounded(values: npt.NDArray[np.float32]) -> list[float]:
    """Scores for the passport: 7 significant digits, what float32 holds."""
    return [float(f"{value:.7g}") for value in values.tolist()]
