"""A sheet of what augmentation makes of pictures, as training makes it."""

import numpy as np
from PIL import Image

from mobilecnn.contract import check_size, contract_for
from mobilecnn.errors import UsageError
from mobilecnn.remarks import Remarked, no_remark
from mobilecnn.train.augmentation import AUGMENTATIONS
from mobilecnn.train.datasets import load
from mobilecnn.train.datasets.sheets import sheet
from mobilecnn.train.images import Floats, Pixels

ROWS = 8
"""Number of pictures on a sheet, the classes taking turns."""

COLUMNS = 7
"""Number of batches that they are shown in."""


def preview(
    source: str, augment: str, size: int | tuple[int, int], seed: int = 0, remarked: Remarked = no_remark
) -> Image.Image:
    """A row for each of some images to train on: itself, then what it becomes in some batches of them.

    Args:
        source: data set; of one that is divided into parts, those to train on.
        augment: name of a recipe of :data:`mobilecnn.train.augmentation.AUGMENTATIONS`.
        size: side in pixels that the images are brought to, or (height, width).
        seed: seed of the choice of images and of the changes.
        remarked: told what of the data is not used.

    Raises:
        UsageError: there is no such recipe, or the size is out of range.
        DataError: the data or an image cannot be read.
    """
    recipe = AUGMENTATIONS.get(augment)
    if recipe is None:
        raise UsageError(f"--augment {augment} is none of {', '.join(AUGMENTATIONS)}")
    height, width = size if isinstance(size, tuple) else (size, size)
    check_size(height, width)
    dataset = load(source, "train")
    for remark in dataset.remarks:
        remarked(remark)
    chosen = dataset.sample(ROWS, seed)
    pixels = np.stack(list(chosen.pixels(contract_for("raw", (height, width, 3)), remarked)))
    columns = [pixels]
    labels = np.eye(len(pixels), dtype=np.float32)
    for batch in range(COLUMNS):
        generator = np.random.default_rng([seed, batch])
        mixed, _ = recipe.mixed(recipe(pixels, generator).astype(np.float32), labels, generator)
        columns.append(_pixels(mixed))
    names = [chosen.classes[label] for label in chosen.labels] if chosen.labelled else [""] * len(pixels)
    return sheet([(name, [column[row] for column in columns]) for row, name in enumerate(names)])


def _pixels(images: Floats) -> Pixels:
    return np.clip(images, 0, 255).round().astype(np.uint8)
