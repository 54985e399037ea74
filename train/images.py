"""From a picture to the tensor that a network takes, as its input contract says.

The contract is written down once, by training or at export, and travels with the model:
in the ``.keras`` file, then in the passport beside each ``.tflite``. Training,
calibration, evaluation and prediction all use :func:`to_pixels` and :func:`to_tensor`, so
that a model gets the same numbers for the same picture in each of them.
"""

import os
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from mobilecnn.contract import InputContract
from mobilecnn.errors import DataError
from mobilecnn.files import LARGEST_IMAGE, open_input
from mobilecnn.shortage import shortage
from mobilecnn.train.file_kinds import failed, what_it_is
from mobilecnn.train.modes import flattened, is_narrow, misread, sixteen_bits

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo",
    ".png", ".apng", ".bmp", ".dib", ".webp", ".gif", ".tif", ".tiff",
    ".avif", ".jp2", ".j2k", ".jpx", ".ppm", ".pgm", ".pbm", ".pnm",
)  # fmt: skip
"""Endings of file names that are taken as images, in lower case. What a file is, its content decides."""

_FORMATS = {
    "JPEG": "JPEG",
    "PNG": "PNG",
    "BMP": "BMP",
    "WEBP": "WebP",
    "GIF": "GIF",
    "TIFF": "TIFF",
    "JPEG2000": "JPEG 2000",
    "PPM": "PNM",
    "DIB": "DIB",
    "AVIF": "AVIF",
}
"""Pillow's name of a format that is read -> its name in messages."""


@dataclass(frozen=True)
class Opened:
    """A picture read from a file.

    Attributes:
        image: the picture, in mode L or RGB, upright.
        several: whether the file has further frames or pages, which are not used.
        narrow: whether it has 16 bits and seems to use 12 or fewer (:func:`mobilecnn.train.modes.is_narrow`).
        stored: its format and Pillow's name of its mode in the file, such as ``JPEG`` and ``CMYK``.
    """

    image: Image.Image
    several: bool
    narrow: bool
    stored: tuple[str, str] = ("", "")


# Pillow warns of damaged EXIF data, which many photographs have: by Python's own lines on the terminal.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


def open_image(path: Path) -> Image.Image:
    """Decode one picture completely, in mode L or RGB, upright (EXIF orientation applied).

    Of a file with several frames or pages it is the first.

    Raises:
        DataError: the file is missing, not a picture, damaged, absurdly large, or has no known scale.
        EnvironmentProblem: memory, or the files that may be open, run short, which says nothing about the picture.
    """
    return open_picture(path).image


def open_picture(path: Path) -> Opened:
    """:func:`open_image`, with what else is known of the file.

    Raises:
        DataError: as in :func:`open_image`.
    """
    try:
        return decode(path)
    except DataError as error:
        raise DataError(f"{error}; give another picture") from error


def decode(path: Path) -> Opened:
    """:func:`open_picture`, for callers that say what to do about a picture that cannot be read.

    Raises:
        DataError: as in :func:`open_image`; the message says what is wrong, and no remedy.
    """
    with open_input(path, "image", DataError, LARGEST_IMAGE) as file:
        return _decode(path, file)


def _decode(path: Path, file: BinaryIO) -> Opened:
    try:
        # Not by its path: Pillow would map an uncompressed TIFF file at the size that it has when it is upright.
        with Image.open(file, formats=_readable()) as image:
            stored, sixteen = _stored(image), sixteen_bits(image)
            if reason := misread(image):
                raise DataError(reason)
            # A photo with its preview or its depth map is one picture.
            several = image.format != "MPO" and bool(getattr(image, "is_animated", False))
            kind = (_FORMATS.get(str(image.format), str(image.format)), image.mode)
            image.load()
            upright = ImageOps.exif_transpose(flattened(image, stored))
            return Opened(upright, several, sixteen and is_narrow(image), kind)
    except UnidentifiedImageError:
        if os.fstat(file.fileno()).st_size == 0:
            raise DataError(f"{path} is an empty file") from None
        names = [_FORMATS[name] for name in _readable()]
        kinds = f"is not a {', '.join(names[:-1])} or {names[-1]} image"
        raise DataError(f"{path} {what_it_is(file, _readable()) or kinds}") from None
    except DataError as error:
        raise DataError(f"{path} {error}") from error
    except Exception as error:
        if (short := shortage(error, f"to decode {path}")) is not None:
            raise short from error
        if isinstance(error, OSError) and error.errno is not None:
            raise DataError(f"{path} cannot be read ({error.strerror})") from error
        # Decoders meet damage with exceptions of every kind: struct.error, KeyError, zlib.error, EOFError, ...
        reason = " ".join(str(error).split()) or type(error).__name__
        raise DataError(f"{path} {failed(file, reason[:200])}") from error


@cache
def _readable() -> tuple[str, ...]:
    """The keys of :data:`_FORMATS` that this Pillow reads: AVIF came late, and is not in every build."""
    Image.init()
    return tuple(name for name in _FORMATS if name in Image.OPEN)


def _stored(image: Image.Image) -> str:
    """Pillow's name for how the pixels lie in a PNG file; empty for other files."""
    tiles = getattr(image, "tile", None)
    if image.format != "PNG" or not tiles:
        return ""
    return str(tiles[0][3])


def to_pixels(image: Image.Image | Path | Pixels, contract: InputContract) -> Pixels:
    """A picture at the network's size: uint8, (height, width, channels), channels in RGB order.

    An array is taken as 8-bit grey, (h, w), or RGB, (h, w, 3). Pictures of other modes become grey or RGB as
    :mod:`mobilecnn.train.modes` says; transparent pixels are put on black.

    Raises:
        DataError: the picture cannot be decoded.
    """
    if isinstance(image, Path):
        image = open_image(image)
    elif isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    image = flattened(image).convert("L" if contract.channels == 1 else "RGB")
    if image.size != (contract.width, contract.height):
        # Rows, then columns, in two steps: which of them Pillow takes first depends on its version and
        # on the sizes, and the rounding in between shows. Other readers of a passport do the same.
        image = image.resize((contract.width, image.height), Image.Resampling.BILINEAR)
        image = image.resize((contract.width, contract.height), Image.Resampling.BILINEAR)
    return np.asarray(image, dtype=np.uint8).reshape(contract.shape)


def stack_pixels(images: Iterable[Image.Image | Path | Pixels], contract: InputContract) -> Pixels:
    """Several pictures at the network's size: uint8, (n, height, width, channels).

    Raises:
        DataError: a picture cannot be decoded.
    """
    return np.stack([to_pixels(image, contract) for image in images])


def to_tensor(pixels: Pixels, contract: InputContract) -> Floats:
    """What the network takes: float32, of the same shape as ``pixels``, whose last axis is the channels."""
    values = pixels.astype(np.float32)
    values = np.ascontiguousarray(values[..., ::-1] if contract.color == "bgr" else values)
    # By whole rows of pixels, in place: numpy takes ten times as long for a loop over three channels.
    width = values.shape[-2] if values.ndim > 1 else 1
    rows = values.reshape(-1, width * contract.channels)
    rows -= np.tile(np.asarray(contract.mean, np.float32), width)
    rows /= np.tile(np.asarray(contract.std, np.float32), width)
    return values


def random_pixels(count: int, contract: InputContract, seed: int = 0) -> Pixels:
    """``count`` smooth random pictures, uint8, (n, height, width, channels).

    They are for latency and for checks that everything is connected, never for calibration. Blurred
    noise is closer to a picture than white noise, and small when compressed.
    """
    generator = np.random.default_rng(seed)
    seeds = generator.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    return stack_pixels(seeds, contract)
