"""From a picture to the tensor a network takes: the input contract.

The contract is written down once, by training or at export, and travels with the model:
in the ``.keras`` file, then in the passport beside each ``.tflite``. Training,
calibration, evaluation and prediction all go through the two functions here, so a model
sees in each of them the same numbers for the same picture.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError

from mobilecnn.errors import DataError, ModelFileError, UsageError

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")
"""File names that are taken as images."""

_FORMATS = ("JPEG", "PNG", "BMP", "WEBP")


@dataclass(frozen=True)
class InputContract:
    """What a network expects: ``tensor = (pixels - mean) / std``, shape (1, height, width, channels).

    Attributes:
        height: rows, in pixels.
        width: columns, in pixels.
        channels: 3, or 1 for grey.
        color: channel order: ``rgb``, ``bgr`` or ``grey``.
        mean: subtracted from the 0..255 pixel values, a value per channel.
        std: divides the difference, a value per channel.
        resize: the rule that brings a picture to height x width. ``stretch``: the whole
            picture, bilinear with antialiasing, rows first, the aspect ratio not kept.
        stated: False where nothing in the model said so and the default was assumed.
    """

    height: int
    width: int
    channels: int
    color: str
    mean: tuple[float, ...]
    std: tuple[float, ...]
    resize: str = "stretch"
    stated: bool = True

    @property
    def shape(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return (self.height, self.width, self.channels)

    def sized(self, height: int, width: int) -> Self:
        """The same contract at another size."""
        return replace(self, height=height, width=width)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "height": self.height,
            "width": self.width,
            "channels": self.channels,
            "color": self.color,
            "mean": list(self.mean),
            "std": list(self.std),
            "resize": self.resize,
            "stated": self.stated,
        }

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Back from :meth:`to_json`.

        Raises:
            ModelFileError: it is not a contract.
        """
        try:
            contract = cls(
                height=int(value["height"]),
                width=int(value["width"]),
                channels=int(value["channels"]),
                color=str(value["color"]),
                mean=tuple(float(entry) for entry in value["mean"]),
                std=tuple(float(entry) for entry in value["std"]),
                resize=str(value["resize"]),
                stated=bool(value["stated"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ModelFileError(
                f"the model's input contract is damaged ({error}); export it again"
            ) from error
        lengths = {len(contract.mean), len(contract.std)}
        if (
            lengths != {contract.channels}
            or contract.color not in ("rgb", "bgr", "grey")
            or (contract.channels == 1) != (contract.color == "grey")
            or contract.resize != "stretch"
            or 0.0 in contract.std
            or min(contract.shape) < 1
        ):
            raise ModelFileError("the model's input contract contradicts itself; export it again")
        return contract


RANGES: dict[str, tuple[str, tuple[float, float, float], tuple[float, float, float]]] = {
    "raw": ("rgb", (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
    "unit": ("rgb", (0.0, 0.0, 0.0), (255.0, 255.0, 255.0)),
    "tf": ("rgb", (127.5, 127.5, 127.5), (127.5, 127.5, 127.5)),
    "torch": ("rgb", (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)),
    "caffe": ("bgr", (103.939, 116.779, 123.68), (1.0, 1.0, 1.0)),
    "lite": ("rgb", (127.0, 127.0, 127.0), (128.0, 128.0, 128.0)),
}
"""Input range -> (colour order, mean, std) on 0..255 pixels.

``raw`` is 0..255, for models that normalize inside; ``unit`` is 0..1; ``tf`` (-1..1),
``torch`` and ``caffe`` are the modes of that name in Keras' ``preprocess_input``; ``lite`` is
what the EfficientNet-Lite networks were trained on.
"""


def contract_for(range_name: str, shape: Sequence[int], stated: bool = True) -> InputContract:
    """The contract of a named range at ``shape`` = (height, width, channels).

    Raises:
        UsageError: the name is not in :data:`RANGES`, or it does not fit the channels.
    """
    if range_name not in RANGES:
        raise UsageError(f"unknown input range {range_name!r}; choose one of {', '.join(RANGES)}")
    height, width, channels = shape
    color, mean, std = RANGES[range_name]
    if channels == 1:
        if range_name in ("torch", "caffe"):
            raise UsageError(
                f"the input range {range_name!r} has three channels, and the model takes grey images"
            )
        return InputContract(height, width, 1, "grey", mean[:1], std[:1], stated=stated)
    if channels != 3:
        raise ModelFileError(f"the model takes {channels} channels; pictures have 3, or 1 for grey")
    return InputContract(height, width, 3, color, mean, std, stated=stated)


def open_image(path: Path) -> Image.Image:
    """Decode one picture completely, upright (EXIF orientation applied).

    Raises:
        DataError: it is missing, not a picture, damaged, or absurdly large.
    """
    if not path.is_file():
        raise DataError(f"no such image: {path}")
    try:
        with Image.open(path, formats=_FORMATS) as image:
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
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
    ) as error:
        raise DataError(f"{path} is a damaged image ({error}); remove or replace it") from error


def to_pixels(image: Image.Image | Path | Pixels, contract: InputContract) -> Pixels:
    """One picture at the network's size: uint8, (height, width, channels), channels in RGB order.

    An array is taken as 8-bit grey (h, w) or RGB (h, w, 3). Transparency is put on black.

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
        # Rows, then columns, in two steps: which of them Pillow takes first depends on its version
        # and the sizes, and the rounding in between shows. Other readers of a passport do as here.
        image = image.resize((contract.width, image.height), Image.Resampling.BILINEAR)
        image = image.resize((contract.width, contract.height), Image.Resampling.BILINEAR)
    return np.asarray(image, dtype=np.uint8).reshape(contract.shape)


def stack_pixels(images: Iterable[Image.Image | Path | Pixels], contract: InputContract) -> Pixels:
    """Several pictures: uint8, (n, height, width, channels)."""
    return np.stack([to_pixels(image, contract) for image in images])


def to_tensor(pixels: Pixels, contract: InputContract) -> Floats:
    """What the network takes: float32 of the same shape as ``pixels`` (last axis: channels)."""
    values = pixels.astype(np.float32)
    if contract.color == "bgr":
        values = values[..., ::-1]
    mean = np.asarray(contract.mean, np.float32)
    std = np.asarray(contract.std, np.float32)
    return np.ascontiguousarray((values - mean) / std, dtype=np.float32)


def random_pixels(count: int, contract: InputContract, seed: int = 0) -> Pixels:
    """``count`` smooth random pictures, (n, height, width, channels): for latency and wiring, never for ranges.

    Blurred noise rather than white noise: nearer to a picture, and small once compressed.
    """
    generator = np.random.default_rng(seed)
    seeds = generator.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    return stack_pixels(seeds, contract)
