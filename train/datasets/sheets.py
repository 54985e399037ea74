"""Contact sheets: pictures in rows, with a word before each row, as one picture."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from mobilecnn.errors import DataError
from mobilecnn.files import atomic
from mobilecnn.replacing import SOFTWARE
from mobilecnn.train.datasets.inspection import loaded
from mobilecnn.train.images import Pixels, decode

MOST_ROWS = 60
"""Largest number of rows of a sheet."""

TILE = 96
"""Side in pixels of the square that a picture is fitted into."""

_GAP = 4
_MARGIN = 130
"""Pixels for the word before a row."""
_SIZE = 13
_SHOWN = 18
"""Letters of a word that are shown."""


def sheet(rows: Sequence[tuple[str, Sequence[Image.Image | Pixels]]], tile: int = TILE) -> Image.Image:
    """Rows of pictures on white, each with a word before it.

    Args:
        rows: word and pictures of each row; of more than :data:`MOST_ROWS` the first.
        tile: side in pixels of the square that each picture is fitted into.
    """
    shown = list(rows)[:MOST_ROWS]
    columns = max((len(pictures) for _, pictures in shown), default=1)
    step = tile + _GAP
    made = Image.new("RGB", (_MARGIN + columns * step + _GAP, len(shown) * step + _GAP), "white")
    draw = ImageDraw.Draw(made)
    font = ImageFont.load_default(_SIZE)
    for row, (word, pictures) in enumerate(shown):
        top = _GAP + row * step
        text = word if len(word) <= _SHOWN else f"{word[: _SHOWN - 3]}..."
        if not isinstance(font, ImageFont.FreeTypeFont):  # Pillow's other font has no letters but these.
            text = text.encode("ascii", "replace").decode()
        draw.text((_GAP, top + tile // 2 - _SIZE // 2), text, fill="black", font=font)
        for column, picture in enumerate(pictures):
            image = (picture if isinstance(picture, Image.Image) else _image(picture)).convert("RGB")
            image = _fitted(image, tile)
            left = _MARGIN + column * step + (tile - image.width) // 2
            made.paste(image, (left, top + (tile - image.height) // 2))
    return made


def _image(pixels: Pixels) -> Image.Image:
    return Image.fromarray(pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels)


def _fitted(image: Image.Image, tile: int) -> Image.Image:
    scale = tile / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BOX if scale < 1 else Image.Resampling.NEAREST)


A_CLASS = 8
"""Number of pictures of each class on the sheet of a data set."""


def of_classes(source: str, seed: int = 0) -> Image.Image:
    """A row of pictures of each class of a data set, those that can be read.

    Raises:
        DataError: the source cannot be read.
    """
    rows: dict[str, list[Image.Image | Pixels]] = {}
    for dataset in loaded(source).values():
        for label, name in enumerate(dataset.classes or ("(loose)",)):
            members = np.flatnonzero(dataset.labels == label) if dataset.labelled else np.arange(len(dataset))
            row = rows.setdefault(name, [])
            for index in np.random.default_rng([seed, label]).permutation(members).tolist():
                if len(row) == A_CLASS:
                    break
                image = dataset.images[index]
                try:
                    # At once to its size: a photo has a hundred megabytes, and there are hundreds on a sheet.
                    row.append(_fitted(decode(image).image, TILE) if isinstance(image, Path) else image)
                except DataError:
                    continue  # The inspection lists it.
    return sheet(list(rows.items()))


def write(path: Path, picture: Image.Image) -> None:
    """Write a sheet as PNG: whole, or not at all.

    Raises:
        OutputError: the file cannot be written.
        EnvironmentProblem: the disk is full.
    """
    made = PngInfo()
    made.add_text("Software", SOFTWARE)
    with atomic(path) as temporary:
        picture.save(temporary, "PNG", pnginfo=made)
