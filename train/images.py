"""From a picture to the tensor that a network takes, as its input contract says.

The contract is written down once, by training or at export, and travels with the model:
in the ``.keras`` file, then in the passport beside each ``.tflite``. Training,
calibration, evaluation and prediction all use :func:`to_pixels` and :func:`to_tensor`, so
that a model gets the same numbers for the same picture in each of them.
"""

import struct
import warnings
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from mobilecnn.contract import InputContract
from mobilecnn.errors import DataError
from mobilecnn.files import LARGEST_IMAGE, open_input

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
"""Endings of file names that are taken as images, in lower case."""

_FORMATS = ("JPEG", "PNG", "BMP", "WEBP")

# Pillow warns of damaged EXIF data, which many photographs have: by Python's own lines on the terminal.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")


def open_image(path: Path) -> Image.Image:
    """Decode one picture completely, upright (EXIF orientation applied).

    Raises:
        DataError: the file is missing, not a picture, damaged, or absurdly large.
    """
    try:
        with (
            open_input(path, "image", DataError, LARGEST_IMAGE) as stream,
            Image.open(stream, formats=_FORMATS) as image,
        ):
            image.load()
            return ImageOps.exif_transpose(image)
    except UnidentifiedImageError:
        raise DataError(
            f"{path} is not a {', '.join(_FORMATS[:-1])} or {_FORMATS[-1]} image; remove or replace it"
        ) from None
    except (
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        IndexError,
        struct.error,
        zlib.error,
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ) as error:
        raise DataError(f"{path} is a damaged image ({error}); remove or replace it") from error


def to_pixels(image: Image.Image | Path | Pixels, contract: InputContract) -> Pixels:
    """A picture at the network's size: uint8, (height, width, channels), channels in RGB order.

    An array is taken as 8-bit grey, (h, w), or RGB, (h, w, 3). Transparent pixels are put on black.

    Raises:
        DataError: the picture cannot be decoded.
    """
    if isinstance(image, Path):
        image = open_image(image)
    elif isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    if image.has_transparency_data:
        # Dropping the alpha channel would show whatever colour the file hides under it.
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, image.convert("RGBA"))
    image = image.convert("L" if contract.channels == 1 else "RGB")
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
    if contract.color == "bgr":
        values = values[..., ::-1]
    mean = np.asarray(contract.mean, np.float32)
    std = np.asarray(contract.std, np.float32)
    return np.ascontiguousarray((values - mean) / std, dtype=np.float32)


def random_pixels(count: int, contract: InputContract, seed: int = 0) -> Pixels:
    """``count`` smooth random pictures, uint8, (n, height, width, channels).

    They are for latency and for checks that everything is connected, never for calibration. Blurred
    noise is closer to a picture than white noise, and small when compressed.
    """
    generator = np.random.default_rng(seed)
    seeds = generator.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    return stack_pixels(seeds, contract)
