"""Small folders of pictures, and what is said of them."""

from pathlib import Path

from PIL import Image

from mobilecnn.train.datasets.dataset import Dataset

CLASSES = ("cat/0.png", "cat/1.png", "dog/0.png")
"""Three pictures in two class folders."""


def put(root: Path, *names: str) -> Path:
    """Make a small picture of each name below ``root``; a name that ends in / is an empty folder."""
    for name in names:
        path = root / name
        if name.endswith("/"):
            path.mkdir(parents=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4), (10, 20, 30)).save(path, "PNG")
    return root


def divided(root: Path, *names: str) -> Path:
    """A root with :data:`CLASSES` in each of the folders ``names``."""
    return put(root, *(f"{name}/{label}" for name in names for label in CLASSES))


def said(dataset: Dataset) -> dict[str, tuple[int, str]]:
    """Code -> count and text of each remark."""
    return {remark.code: (remark.count, remark.text) for remark in dataset.remarks}
