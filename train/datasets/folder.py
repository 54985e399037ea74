"""Data sets in folders: a folder of images for each class, or a single folder of unlabelled images."""

from pathlib import Path

import numpy as np

from mobilecnn.errors import DataError
from mobilecnn.train.datasets.dataset import Dataset
from mobilecnn.train.images import SUFFIXES


def accepts(source: str) -> bool:
    """Whether ``source`` is a folder."""
    return Path(source).is_dir()


def read(source: str) -> Dataset:
    """The images below ``source``, labelled by the names of its class folders.

    Hidden folders and folders without images are not classes. Where there is no class folder,
    the images are unlabelled.

    Raises:
        DataError: the folder cannot be read, or has no image.
    """
    folder = Path(source)
    try:
        by_class = {
            entry.name: _images_in(entry)
            for entry in sorted(folder.iterdir())
            if entry.is_dir() and not entry.name.startswith(".")
        }
    except OSError as error:
        raise DataError(f"cannot read the folder {folder}: {error.strerror or error}") from error
    by_class = {name: images for name, images in by_class.items() if images}
    if by_class:
        images = [image for members in by_class.values() for image in members]
        labels = [label for label, members in enumerate(by_class.values()) for _ in members]
        return Dataset(str(folder), tuple(by_class), images, np.asarray(labels, np.int64))
    loose = _images_in(folder)
    if not loose:
        raise DataError(
            f"no images in {folder}; put {', '.join(SUFFIXES)} files into it, in class folders or loose"
        )
    return Dataset(str(folder), (), loose, np.zeros(0, np.int64))


def _images_in(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
