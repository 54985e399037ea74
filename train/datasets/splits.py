"""Folders that are called after the part of a data set that they hold: ``train``, ``val``, ``test``."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from mobilecnn.errors import DataError
from mobilecnn.remarks import listed, plural
from mobilecnn.train.datasets.listing import shared

NAMES: Mapping[str, str] = {
    "train": "train", "training": "train", "trn": "train", "trainval": "train", "minitrain": "train",
    "val": "validation", "valid": "validation", "validation": "validation", "dev": "validation",
    "eval": "validation", "evaluation": "validation", "minival": "validation",
    "test": "test", "testing": "test", "tst": "test", "testdev": "test", "minitest": "test", "holdout": "test",
    "pred": "prediction", "prediction": "prediction",
}  # fmt: skip
"""Word in the name of a folder -> the part that it holds; a part for predictions is read by no command."""

NOUN = "train"
"""Name of a part that is a thing on pictures, too: a set of vehicles may have a class of it."""

_FILLER = "dataset|data|set|images|image|imgs|img|split|folder"

_PART = re.compile(f"(?:{_FILLER})*({'|'.join(sorted(NAMES, key=len, reverse=True))})(?:{_FILLER})*")

_FOLD = re.compile(r"(?:^|[^a-z])(?:k?folds?|crossval)[^a-z0-9]*[0-9]+$")

_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def _read(name: str) -> tuple[str, tuple[str, ...]] | None:
    """The part that a folder's name has a word of, and its other words; None where it has none, or two.

    ``Train``, ``train2017`` and ``TrainingData`` have no other words; ``seg_train`` has ``seg``.
    """
    words = [word.casefold() for word in re.split(r"[\W\d_]+", _HUMP.sub(" ", name)) if word]
    words = [word for word in words if not re.fullmatch(f"(?:{_FILLER})+", word)]
    if match := _PART.fullmatch("".join(words)):
        return NAMES[match[1]], ()
    matches = [(index, match[1]) for index, word in enumerate(words) if (match := _PART.fullmatch(word))]
    if len(matches) != 1:
        return None
    ((index, word),) = matches
    return NAMES[word], (*words[:index], *words[index + 1 :])


def part_of(name: str) -> str | None:
    """The part that a folder of that name holds, whatever is beside it; None for another name.

    ``Train``, ``train2017`` and ``training_set`` are names of a part, ``training shoes`` and ``seg_train`` are not.
    """
    read = _read(name)
    return read[0] if read is not None and not read[1] else None


def has_part(name: str) -> bool:
    """Whether a name has a word of a part, and of one only: ``Train``, ``PublicTest``, ``seg_train``."""
    return _read(name) is not None


def named(names: Iterable[str]) -> dict[str, str]:
    """Those of the names of folders beside each other that are names of parts -> the part.

    Names with a further word, as ``seg_train``, are some only if others have the same word and another part, as
    ``seg_test``: a ``steam_train`` is a class.
    """
    read = {name: words for name in names if (words := _read(name)) is not None}
    by_stem: dict[tuple[str, ...], set[str]] = {}
    for part, stem in read.values():
        by_stem.setdefault(stem, set()).add(part)
    return {name: part for name, (part, stem) in read.items() if not stem or len(by_stem[stem]) > 1}


def below(folder: Path, images: Iterable[Path]) -> dict[str, list[Path]]:
    """The images below ``folder`` by the name of the folder directly in it; those directly in it are left out."""
    inside: dict[str, list[Path]] = {}
    for path in images:
        inner = path.relative_to(folder)
        if len(inner.parts) > 1:
            inside.setdefault(inner.parts[0], []).append(path)
    return inside


def parts(folder: Path, images: Mapping[str, Sequence[Path]]) -> dict[str, Path]:
    """The parts that the folders in ``folder`` are called after: part -> its folder; empty where they are classes.

    Args:
        folder: root of a data set, or a folder in it.
        images: name of each folder in it that holds images -> those images, on any level.

    Raises:
        DataError: the names can be read in two ways, are those of folds, or a part has images of ``train`` again.
    """
    _refuse_folds(folder, images)
    found = named(images)
    others = [name for name in images if name not in found]
    with_classes = [name for name in found if below(folder / name, images[name])]
    if not found or (len(found) == 1 and not with_classes and (not others or _is_class(*found))):
        return {}
    if others:
        _refuse_mixed(folder, list(found), others, bool(with_classes))
    by_part: dict[str, Path] = {}
    for name, part in found.items():
        if part in by_part:
            raise DataError(
                f"{folder} has two folders for {part}, {by_part[part].name} and {name}; give the one to use: "
                f"{by_part[part]} or {folder / name}"
            )
        by_part[part] = folder / name
    _refuse_shared(folder, by_part, images)
    return by_part


def _is_class(name: str) -> bool:
    return name.casefold() == NOUN


def _refuse_folds(folder: Path, names: Iterable[str]) -> None:
    folds = [name for name in names if _FOLD.search(name.casefold())]
    if len(folds) > 1:
        raise DataError(
            f"{folder} has {listed(folds)}, and folds of a cross-validation are no classes; give the folder of one, such as "
            f"{folder / folds[0]}, or put the folds to train on into one folder called train and another into one called "
            "val, or rename them if they are classes"
        )


def _refuse_mixed(folder: Path, found: list[str], others: list[str], with_classes: bool) -> None:
    """Refuse names of parts beside other names."""
    first, *more = found
    if more:
        ways = (
            f"if it is divided into parts, give the folder of one, such as {folder / first}, or move them out of {folder} to "
            "use the others as classes; if these are classes, rename them"
        )
    else:
        deeper = ", or take its images out of their subfolders" if with_classes else ""
        ways = (
            f"if {first} is a part of the data, give its folder, {folder / first}, or move it out of {folder} to use the "
            f"others as classes; if {first} is a class, rename it{deeper}"
        )
    raise DataError(f"{folder} has {listed(found)} beside {listed(others)}: {ways}")


def _refuse_shared(folder: Path, by_part: Mapping[str, Path], images: Mapping[str, Sequence[Path]]) -> None:
    """Refuse a part with images of the one that is trained on."""
    if "train" not in by_part:
        return
    trained = by_part["train"]
    # The first of them, so that it is the first of each pair.
    names = [trained.name, *(path.name for path in by_part.values() if path != trained)]
    pairs = shared({name: images[name] for name in names})
    twice = [other for first, other in pairs if first.is_relative_to(trained)]
    if twice:
        part = twice[0].relative_to(folder).parts[0]
        raise DataError(
            f"{folder}: {plural(len(twice), 'image')} of {part} are the very files that {trained.name} has, by a link, as "
            f"{twice[0]}; no figure of them says anything: take them out of one of the two"
        )


def refuse_divided(folder: Path, images: Mapping[str, Sequence[Path]]) -> None:
    """Refuse class folders that are divided into parts themselves.

    Args:
        folder: root of a data set.
        images: name of each class folder in it -> its images, on any level.

    Raises:
        DataError: naming them.
    """
    inside = {name: named(below(folder / name, paths)) for name, paths in images.items()}
    divided = {name: found for name, found in inside.items() if len(set(found.values())) > 1}
    if not divided:
        return
    name, found = next(iter(divided.items()))
    if len(divided) == len(images) > 1:
        part = next(iter(found))
        raise DataError(
            f"each class folder of {folder} is divided into parts ({listed(list(found))} in {name}), so that training and "
            f"evaluation would take the same images; make {folder / part / name} of {folder / name / part}, and so of the "
            "others"
        )
    others = [other for other in images if other not in divided]
    beside = f" beside {listed(others)}" if others else ""
    raise DataError(
        f"{folder} has {listed(list(divided))}{beside}, and {folder / name} is divided into {listed(list(found))}: give "
        f"{folder / name} to use these parts; if {name} is a class, take its images out of these folders"
    )
