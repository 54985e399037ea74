"""From any picture that Pillow decodes to eight bits a channel: grey (mode L) or RGB, without transparency.

The rule, which other readers of a passport follow too:

* transparency is put on black;
* of 16 bits the upper 8 are kept, as Pillow keeps them for colour and TensorFlow for all PNG files; where a
  file says that it uses fewer bits (12 in 16), the upper 8 of those; where it does not say so, and seems to,
  that is told (:func:`is_narrow`) and changes nothing;
* other colour spaces (CMYK, YCbCr, HSV, CIELAB) become RGB without the file's own colour profile;
* 32-bit integers and floats have no scale that says which value is white, so they are refused.
"""

from typing import Any

import numpy as np
from PIL import Image

from mobilecnn.errors import DataError

# TIFF tags, and two of their values.
_SUBFILE_TYPE, _BITS_PER_SAMPLE, _PHOTOMETRIC, _PLANAR_CONFIGURATION, _SUBFILES, _SAMPLE_FORMAT, _DNG = (
    254, 258, 262, 284, 330, 339, 50706,
)  # fmt: skip
_WHITE_IS_ZERO, _SIGNED = 0, 2

NARROW = 4095
"""Largest value of a picture of 12 bits. Of 16 bits it is a sixteenth of white."""

_STEPS_OF_GREY = {"L;2": 85, "L;4": 17}
"""Pillow's name of a PNG file's grey of 2 and of 4 bits -> what multiplies such a value to eight bits."""


def sixteen_bits(image: Image.Image) -> bool:
    """Whether a file stores its channels in 16 bits; to be asked before the pixels are loaded."""
    tiles: Any = getattr(image, "tile", None) or [(None, None, None, ())]
    stored = tiles[0][3]
    words = stored if isinstance(stored, tuple) else (stored,)
    if bits := _tags(image).get(_BITS_PER_SAMPLE):
        return bool(bits[0] == 16)
    if image.format == "PPM":  # Its own largest value is white, whichever it is.
        return image.mode == "I" or any(word == 0xFFFF for word in words)
    return image.mode.startswith("I;16") or any(isinstance(word, str) and ";16" in word for word in words)


def misread(image: Image.Image) -> str:
    """Why Pillow would read a TIFF file as other pixels than are in it, as the rest of a sentence; empty if it does not.

    To be asked before the pixels are loaded.
    """
    tags = _tags(image)
    if not tags:
        return ""
    codecs = {tile[0] for tile in getattr(image, "tile", None) or ()}
    if sixteen_bits(image) and tags.get(_PLANAR_CONFIGURATION) == 2 and "raw" in codecs:
        return (  # It would read every other byte.
            "stores its channels of 16 bits apart and uncompressed, which Pillow reads wrongly; write it as a PNG, "
            "or as a TIFF whose pixels are together"
        )
    if _DNG in tags or (_SUBFILES in tags and tags.get(_SUBFILE_TYPE, 0) & 1):
        return "is a camera's raw photo, of which only a small preview can be read; save it as a PNG or JPEG"
    if _PHOTOMETRIC not in tags:  # It would take 0 as white.
        return "does not say whether 0 is black or white (no PhotometricInterpretation); save it as a PNG"
    return ""


def is_narrow(image: Image.Image) -> bool:
    """Whether a loaded picture of 16 bits has values, and none above :data:`NARROW`.

    Then 12 bits or fewer may have been stored in 16 as they are, which nothing in the file says. The values are taken
    as what they are, because a picture of the dark has such values, too.
    """
    if image.mode == "I" or image.mode.startswith("I;16"):
        return 0 < int(np.asarray(image).max()) <= NARROW
    if image.mode not in ("RGB", "RGBA"):
        return False
    # Pillow has kept the upper eight bits, or of a PNM file rounded to them.
    largest = (NARROW >> 8) + (image.format == "PPM")
    return 0 < int(np.asarray(image)[..., :3].max()) <= largest


def flattened(image: Image.Image, stored: str = "") -> Image.Image:
    """``image`` in mode L or RGB, with its ``info`` but for transparency.

    Args:
        image: a loaded picture of any mode.
        stored: Pillow's name for how a PNG file stores the pixels (``RGB;16B``); empty for other files.

    Raises:
        DataError: which value is white, or which pixel is transparent, is not known.
    """
    result = _flattened(image, stored)
    if result is not image:
        result.info = {name: value for name, value in image.info.items() if name != "transparency"}
    return result


def _flattened(image: Image.Image, stored: str) -> Image.Image:
    mode = image.mode
    if _SIGNED in _tags(image).get(_SAMPLE_FORMAT, ()):  # Pillow takes eight bits as if they were unsigned.
        raise DataError(
            "has signed integers, and nothing says which value is white; save it with 8 or 16 bits"
        )
    scaled = mode == "I" and image.format == "PPM"  # Pillow scales the values of such a file to 16 bits.
    if scaled or mode.startswith("I;16"):
        return _upper_bits(image)
    if mode in ("I", "F"):
        kind = "integers" if mode == "I" else "floating-point numbers"
        raise DataError(
            f"has 32-bit {kind}, and nothing says which value is white; save it with 8 or 16 bits"
        )
    if mode in ("La", "RGBa"):
        # Premultiplied values are those on black already.
        return image.getchannel(0) if mode == "La" else Image.merge("RGB", image.split()[:3])
    if image.has_transparency_data:
        image = _with_true_transparency(image, stored)
        # Dropping the alpha channel would show whatever colour the file hides under it.
        black = Image.new("RGBA", image.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, image.convert("RGBA")).convert("RGB")
        return image.convert("L") if mode in ("1", "L", "LA") else image
    if mode in ("L", "RGB"):
        return image
    return image.convert("L" if mode == "1" else "RGB")


def _tags(image: Image.Image) -> Any:
    """The tags of a TIFF file; none of other pictures."""
    return getattr(image, "tag_v2", {})


def _with_true_transparency(image: Image.Image, stored: str) -> Image.Image:
    """``image``, its transparent colour on the scale of its pixels: Pillow keeps a PNG's as it is stored."""
    transparent: Any = image.info.get("transparency")
    if stored in _STEPS_OF_GREY:
        image = image.copy()
        image.info["transparency"] = int(transparent) * _STEPS_OF_GREY[stored]
    elif stored == "RGB;16B" and any(transparent):  # Black on black is black, whichever pixels it is.
        raise DataError(
            "has 16 bits a channel and a transparent colour; save it with an alpha channel instead"
        )
    return image


def _upper_bits(image: Image.Image) -> Image.Image:
    """A grey picture of up to 16 bits, transparent where its ``transparency`` says."""
    tags = _tags(image)
    values = np.asarray(image).astype(np.int64)
    transparent = values == image.info.get("transparency", -1)
    bits = int(tags.get(_BITS_PER_SAMPLE, (16,))[0])
    upper = values >> (bits - 8)
    if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO:  # Pillow inverts eight bits and fewer, and not these.
        upper = 255 - upper
    upper[transparent] = 0
    return Image.fromarray(np.clip(upper, 0, 255).astype(np.uint8))
