"""Folders that are called after the part of a data set that they hold: ``train``, ``val``, ``test``."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from mobilecnn.errors import DataError
from mobilecnn.remarks import listed

NAMES: Mapping[str, str] = {
    "train": "train", "training": "train", "trn": "train", "trainset": "train",
    "val": "validation", "valid": "validation", "validation": "validation", "dev": "validation",
    "eval": "validation", "evaluation": "validation", "valset": "validation",
    "test": "test", "testing": "test", "tst": "test", "testset": "test", "holdout": "test",
}  # fmt: skip
"""Word in the name of a folder -> the part that it holds."""

_FILLERS = frozenset({"set", "data", "dataset", "images", "imgs", "split", ""})


def part_of(name: str) -> str | None:
    """The part that a folder of that name holds; None for another name.

    ``Train``, ``train2017`` and ``training_set`` are names of a part, ``training shoes`` is not.
    """
    words = [word for word in re.split(r"[^a-z]+", name.casefold()) if word not in _FILLERS]
    return NAMES.get(words[0]) if len(words) == 1 else None


def parts(folder: Path, images: Mapping[str, Sequence[Path]]) -> dict[str, Path]:
    """The parts that the folders in ``folder`` are called after: part -> its folder; empty where they are classes.

    Args:
        folder: root of a data set.
        images: name of each folder in it that holds images -> those images, on any level.

    Raises:
        DataError: the names can be read in two ways.
    """
    named = {name: part for name in images if (part := part_of(name)) is not None}
    with_classes = [name for name in named if any(path.parent != folder / name for path in images[name])]
    if not named or (len(named) == 1 and not with_classes):
        return {}  # Of one such name alone, a class of trains is as likely.
    if len(named) < len(images):
        others = [name for name in images if name not in named]
        first = next(iter(named))
        as_class = f"{first} is a class, rename it, or take its images out of their subfolders"
        raise DataError(
            f"{folder} has {listed(list(named))} beside {listed(others)}: if it is divided into parts, give the folder "
            f"of one, such as {folder / first}; if "
            + (as_class if len(named) == 1 else "these are classes, rename them")
        )
    by_part: dict[str, Path] = {}
    for name, part in named.items():
        if part in by_part:
            raise DataError(
                f"{folder} has two folders for {part}, {by_part[part].name} and {name}; give the one to use: "
                f"{by_part[part]} or {folder / name}"
            )
        by_part[part] = folder / name
    return by_part
