"""Data sets in a CSV file: a row for each image, with its path and its label, or a column for each class.

The columns are known by their names. A label is a name in one column, or a 1 in the column of its class and 0 in the
others (one-hot), as the challenges of ISIC have it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mobilecnn.errors import DataError
from mobilecnn.files import exists
from mobilecnn.labels import normal
from mobilecnn.remarks import Remark, listed, of_names, plural
from mobilecnn.train.datasets import tables
from mobilecnn.train.datasets.dataset import Dataset, Part
from mobilecnn.train.datasets.listing import PassedOver, is_system, level
from mobilecnn.train.datasets.rows import Row, dataset_of, parts_of
from mobilecnn.train.datasets.splits import NAMES, has_part
from mobilecnn.train.images import SUFFIXES, decode

PATHS = ("path", "file", "filename", "file_name", "filepath", "image", "image_path", "image_id", "img")
"""Names of a column of the images' paths, in any case."""

LABELS = ("label", "class", "class_name", "category", "target", "diagnosis", "dx")
"""Names of a column of class names."""

GROUPS = ("group", "lesion_id", "lesion", "patient_id", "patient", "subject_id", "subject")
"""Names of a column that says which images show the same, and belong into one part."""

SPLITS = ("split", "part", "subset")
"""Names of a column that says to which part an image belongs."""

DIVIDES = (
    "phase", "set", "dataset", "data_set", "partition", "fold", "kfold", "cv_fold", "usage", "is_train", "is_val",
    "is_valid", "is_test",
)  # fmt: skip
"""Names of a column that is likely to say it too, in any case; what it says in numbers is not known."""

_FLAGS = ("true", "false", "yes", "no")


def accepts(source: str) -> bool:
    """Whether ``source`` has the name of a CSV file."""
    return source.lower().endswith((".csv", ".tsv"))


def parts(source: str) -> tuple[Part, ...]:
    """The parts in the column ``split``; none without such a column.

    Raises:
        DataError: as in :func:`read`.
    """
    return parts_of(_read(Path(source))[0])


def read(source: str, part: Part = "all") -> Dataset:
    """The images that a CSV file lists.

    Args:
        source: the file; paths in it are relative to its folder.
        part: part to read where the file has a column ``split``; else all is read.

    Raises:
        DataError: the file cannot be read, a row of it is wrong, an image is missing, or the part is.
    """
    rows, remarks = _read(Path(source))
    return dataset_of(source, rows, part, remarks=remarks)


def _read(path: Path) -> tuple[list[Row], list[Remark]]:
    table = tables.read(path)
    group, split = table.column(GROUPS), table.column(SPLITS)
    if split is None:
        _refuse_unread_parts(table)
    labels = labels_of(table)
    found = find(table, path.parent)
    rows = [
        Row(
            image,
            label,
            "" if group is None else cells[group],
            "" if split is None else _part(path, line, cells[split]),
        )
        for image, label, (line, cells) in zip(found.images, labels, table.rows, strict=True)
    ]
    remarks = []
    if unlisted := found.unlisted():
        text = f"{path}: {plural(len(unlisted), 'image')} beside those that it lists, without a row, not used"
        remarks.append(of_names("no-row", unlisted, text))
    remarks += _of_columns(table, set(labels))
    return rows, remarks


def _refuse_unread_parts(table: tables.Table) -> None:
    """Refuse a column that divides the images and is not called so, of a table without one that is.

    Raises:
        DataError: naming it.
    """
    known = [table.column(names) for names in (PATHS, LABELS, GROUPS)]
    for place, name in enumerate(table.columns):
        said = sorted({cells[place] for _, cells in table.rows if cells[place]})
        if place in known or not said:
            continue
        numbers = all(value.replace(".", "", 1).isdigit() or value.casefold() in _FLAGS for value in said)
        if all(map(has_part, said)) or (name.casefold() in DIVIDES and len(said) > 1 and numbers):
            raise DataError(
                f"{table.path}: the column {name} ({listed(said)}) seems to say to which part an image belongs, and is not "
                "called split; call it split, with train, validation or test in each row, or take it out to use all rows as "
                "one set"
            )


def _of_columns(table: tables.Table, used: set[str]) -> list[Remark]:
    """What is said of the columns that are not used, and of those of classes without an image."""
    known = {table.column(names) for names in (PATHS, LABELS, GROUPS, SPLITS)}
    rest = [name for place, name in enumerate(table.columns) if place not in known]
    if table.column(LABELS) is None:
        gone = [name for name in rest if name not in used]
        text = f"{table.path}: no row has a 1 in {plural(len(gone), 'column')}, which {'is no class' if len(gone) == 1 else 'are no classes'}"
        return [of_names("empty-class", gone, text)] if gone else []
    text = f"{table.path}: {plural(len(rest), 'column')} not used"
    return [of_names("unused-column", rest, text)] if rest else []


def _part(path: Path, line: int, word: str) -> str:
    part = NAMES.get(word.casefold(), "")
    if part not in ("train", "validation", "test"):
        raise DataError(
            f"{path}, line {line}: {word!r} is no part of a data set; write train, validation or test in this column"
        )
    return part


def labels_of(table: tables.Table) -> list[str]:
    """The class name of each row.

    Raises:
        DataError: a row has no label or two, or no column is known as that of the labels.
    """
    column = table.column(LABELS)
    if column is None:
        return _one_hot(table)
    for line, cells in table.rows:
        if not cells[column]:
            raise DataError(f"{table.path}, line {line}: no label; write one, or take the row out")
    return [cells[column] for _, cells in table.rows]


def _one_hot(table: tables.Table) -> list[str]:
    known = {
        place for place in (table.column(names) for names in (PATHS, GROUPS, SPLITS)) if place is not None
    }
    classes = [place for place in range(len(table.columns)) if place not in known]
    names = listed([table.columns[place] for place in classes])
    if len(classes) < 2:
        raise DataError(
            f"{table.path} has no column of labels (it has {listed(table.columns)}); call the one with the class names label"
        )
    found = []
    for line, cells in table.rows:
        try:
            values = {place: float(cells[place]) for place in classes}
        except ValueError:
            raise DataError(
                f"{table.path}, line {line}: no column is called label, and not all of {names} hold 0 and 1, a column for "
                "each class; the first line must name the columns: call the one with the class names label, and take out what "
                "is neither path nor label"
            ) from None
        right = [place for place, value in values.items() if value == 1]
        if any(value not in (0, 1) for value in values.values()):
            raise DataError(
                f"{table.path}, line {line}: a column of a class holds something else than 0 and 1; these columns are "
                f"{names}"
            )
        if len(right) != 1:
            said = "no label" if not right else f"two labels, {listed([table.columns[p] for p in right])}"
            raise DataError(f"{table.path}, line {line}: {said}; one column must be 1, the others 0")
        found.append(table.columns[right[0]])
    return found


@dataclass
class Found:
    """The image files that a table names.

    Attributes:
        images: image of each row.
    """

    images: list[Path] = field(default_factory=list)
    _folders: dict[Path, dict[str, list[Path]]] = field(default_factory=dict)

    def look(self, folder: Path, name: str) -> list[Path]:
        """The image files that ``name`` may stand for in ``folder``: with its ending or, without one, any."""
        path = folder / name
        return self._names(path.parent).get(path.name, [])

    def _names(self, folder: Path) -> dict[str, list[Path]]:
        if folder not in self._folders:
            names: dict[str, list[Path]] = {}
            try:
                images, _ = level(folder, PassedOver())
            except OSError:
                images = []
            for image in images:
                names[normal(image.name)] = [image]
            for image in images:
                names.setdefault(normal(image.stem), []).append(image)
            self._folders[folder] = names
        return self._folders[folder]

    def unlisted(self) -> list[str]:
        """Images in the folders of those that are named, which no row names."""
        named = set(self.images)
        there = {image for names in self._folders.values() for images in names.values() for image in images}
        return sorted(str(image) for image in there - named)


def find(table: tables.Table, folder: Path) -> Found:
    """The image file of each row of a table.

    Args:
        table: the rows.
        folder: folder that the paths in it are relative to.

    Raises:
        DataError: no column is known as that of the paths; an image is missing, named twice, or could be several.
    """
    column = table.column(PATHS)
    if column is None:
        raise DataError(
            f"{table.path} has no column of paths (it has {listed(table.columns)}); call the one with the images' paths path"
        )
    found = Found()
    missing: list[str] = []
    lines: dict[Path, int] = {}
    for line, cells in table.rows:
        name = cells[column]
        images = found.look(folder, name) if name else []
        if len(images) > 1:
            raise DataError(
                f"{table.path}, line {line}: {name} could be {listed([image.name for image in images], ' or ')}; write "
                "the ending"
            )
        if not images:
            if name:
                _refuse_unread(table.path, line, folder / name)
            missing.append(f"{name or 'no name'} (line {line})")
            continue
        (image,) = images
        if image in lines:
            raise DataError(
                f"{table.path}: {name} is in two rows, in lines {lines[image]} and {line}; an image has one label and one row"
            )
        lines[image] = line
        found.images.append(image)
    _refuse_missing(table.path, folder, missing)
    if not found.images:
        raise DataError(f"{table.path} lists no image")
    return found


def _refuse_unread(table: Path, line: int, image: Path) -> None:
    """Refuse a file that is there and is not read as an image, for what it is.

    Raises:
        DataError: saying that.
    """
    if not exists(image):
        return
    if is_system(image.name):
        reason = f"{image} is a hidden file or one of a system, which are passed over; rename it"
    else:
        try:
            decode(image)
            reason = f"{image} has an ending that no image has; name it as what it is ({', '.join(SUFFIXES[:2])}, ...)"
        except DataError as error:
            reason = str(error)
    raise DataError(f"{table}, line {line}: {reason}, or take the row out")


def _refuse_missing(path: Path, folder: Path, missing: Sequence[str]) -> None:
    if missing:
        raise DataError(
            f"{path} names {plural(len(missing), 'image')} that {'is' if len(missing) == 1 else 'are'} not in {'this folder' if folder == Path() else folder}: "
            f"{listed(missing)}; put {'it' if len(missing) == 1 else 'them'} there ({', '.join(SUFFIXES[:2])}, ...), or take "
            f"{'the row' if len(missing) == 1 else 'the rows'} out"
        )


def refuse_unlisted(path: Path, names: Iterable[str]) -> None:
    """Refuse images that a table which should have all of them does not list.

    Raises:
        DataError: naming them.
    """
    if unlisted := list(names):
        raise DataError(
            f"{path} has no row for {plural(len(unlisted), 'image')}: {listed(unlisted)}; add "
            f"{'its row' if len(unlisted) == 1 else 'their rows'}, or move {'it' if len(unlisted) == 1 else 'them'} elsewhere"
        )
