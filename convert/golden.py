"""Golden pictures and scores in the form that the passport keeps."""

import base64
import binascii
import io
import struct
import zlib

import numpy as np
import numpy.typing as npt
from PIL import Image

from mobilecnn.contract import InputContract
from mobilecnn.errors import ModelFileError
from mobilecnn.train.images import Pixels


def encode_picture(pixels: Pixels) -> str:
    """A golden input, uint8 (height, width, channels), as base64 of a PNG: exact and readable anywhere."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    stream = io.BytesIO()
    image.save(stream, "PNG", optimize=True)
    return base64.b64encode(stream.getvalue()).decode()


def decode_picture(text: str, contract: InputContract) -> Pixels:
    """The picture that :func:`encode_picture` made ``text`` of, uint8 (height, width, channels).

    Raises:
        ModelFileError: it is not a picture of the contract's size.
    """
    try:
        with Image.open(io.BytesIO(base64.b64decode(text, validate=True)), formats=["PNG"]) as image:
            if image.size != (contract.width, contract.height):
                raise ValueError(f"it has {image.width} x {image.height} pixels")
            if image.mode != ("L" if contract.channels == 1 else "RGB"):
                raise ValueError(f"its pixels are {image.mode}")
            return np.asarray(image, dtype=np.uint8).reshape(contract.shape)
    except (
        binascii.Error,
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        IndexError,
        OverflowError,
        struct.error,
        zlib.error,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ) as error:
        raise ModelFileError(
            f"a golden input in the passport is damaged ({error}); export the model again"
        ) from error


def rounded(scores: npt.NDArray[np.float32]) -> tuple[float, ...]:
    """Scores, (outputs,), for the passport: 7 significant digits, what float32 holds."""
    return tuple(float(f"{score:.7g}") for score in scores.tolist())
