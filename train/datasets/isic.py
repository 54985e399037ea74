"""ISIC 2018 Task 3, and challenges of its form: images, a CSV of one-hot labels, and a CSV of which images show one lesion.

On disk::

    ISIC2018_Task3_Training_Input/ISIC_0024306.jpg, ...
    ISIC2018_Task3_Training_GroundTruth/ISIC2018_Task3_Training_GroundTruth.csv   image,MEL,NV,BCC,AKIEC,BKL,DF,VASC
    ISIC2018_Task3_Training_LesionGroupings.csv                                   image,lesion_id,diagnosis_confirm_type

The CSV files may lie in the root or in a folder of their own. Where there are images and labels of Validation or Test as
well, these are the parts; else the set is not divided, and an image belongs with the others of its lesion.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from mobilecnn.errors import DataError
from mobilecnn.remarks import Remark, listed, of_names, plural
from mobilecnn.train.datasets import csv_file, tables
from mobilecnn.train.datasets.dataset import Dataset, Part
from mobilecnn.train.datasets.rows import Row, dataset_of, parts_of

_TRUTH = re.compile(r"(?P<stem>.*_(?P<part>training|validation|test))_groundtruth\.csv", re.IGNORECASE)

_GROUPINGS = re.compile(r".*_lesiongroupings\.csv", re.IGNORECASE)

_PARTS: dict[str, Part] = {"training": "train", "validation": "validation", "test": "test"}
"""Word in the names of the files -> the part that they hold."""

_MOST_FOLDERS = 100
"""Number of folders in the root that are looked into, at most."""


@dataclass(frozen=True)
class _Files:
    """The tables of a root.

    Attributes:
        truths: part -> its table of labels, and the first words of its files' names.
        groupings: tables of lesions.
    """

    truths: dict[Part, tuple[Path, str]]
    groupings: tuple[Path, ...]


def accepts(source: str) -> bool:
    """Whether ``source`` is a folder with a ``..._GroundTruth.csv`` in it, or in a folder in it."""
    return bool(_files(Path(source)).truths)


def _files(root: Path) -> _Files:
    truths: dict[Part, tuple[Path, str]] = {}
    groupings: list[Path] = []
    for path in _csv_files(root):
        if match := _TRUTH.fullmatch(path.name):
            part = _PARTS[match["part"].casefold()]
            if part in truths:
                raise DataError(
                    f"{root} has two tables of labels for {part}, {truths[part][0]} and {path}; leave one of them there"
                )
            truths[part] = path, match["stem"]
        elif _GROUPINGS.fullmatch(path.name):
            groupings.append(path)
    return _Files(truths, tuple(groupings))


def _csv_files(root: Path) -> list[Path]:
    """The CSV files in the root, and in its folders that are called as theirs are."""
    try:
        names = sorted(root.iterdir())
    except (OSError, ValueError):
        return []
    folders = [path for path in names if re.search(r"groundtruth|lesiongroupings", path.name, re.IGNORECASE)]
    inside: list[Path] = []
    for folder in folders[:_MOST_FOLDERS]:
        try:
            inside += sorted(folder.iterdir())
        except OSError:
            continue  # A file, or closed.
    return [path for path in (*names, *inside) if path.suffix.lower() == ".csv"]


def parts(source: str) -> tuple[Part, ...]:
    """The parts that have labels, where it is not the training's alone.

    Raises:
        DataError: as in :func:`read`.
    """
    return parts_of(_read(Path(source))[0])


def read(source: str, part: Part = "all") -> Dataset:
    """The images with their labels and lesions.

    Args:
        source: the folder that the challenge's archives were unpacked in.
        part: part to read where Validation or Test have labels; else all is read.

    Raises:
        DataError: a table cannot be read, an image is missing, or has no row, no label, two labels or no lesion.
    """
    rows, remarks = _read(Path(source))
    return dataset_of(source, rows, part, remarks=remarks)


def _read(root: Path) -> tuple[list[Row], list[Remark]]:
    files = _files(root)
    rows: list[Row] = []
    columns: dict[Part, tuple[str, ...]] = {}
    for part, (path, stem) in sorted(files.truths.items()):
        table = tables.read(path)
        columns[part] = tuple(sorted(table.columns))
        rows += [replace(row, part=part) for row in _part(root, table, stem)]
    known = columns.get("train")
    for part, names in columns.items():
        if known is not None and names != known:
            unknown = sorted(set(names) - set(known)) or sorted(set(known) - set(names))
            raise DataError(
                f"{files.truths[part][0]} and {files.truths['train'][0]} have not the same classes: {listed(unknown)} is in "
                "one of them only; give both the same columns"
            )
    lesions = _lesions(files.groupings)
    rows = [replace(row, group=lesions.get(_stem(row), "")) for row in rows]
    remarks = [*_without_images(files, columns, rows), *_without_lesions(root, rows, lesions)]
    if set(columns) == {"train"}:
        rows = [replace(row, part="") for row in rows]
    without = [
        path.name
        for path in sorted(root.iterdir())
        if re.search(r"_(validation|test)_input$", path.name, re.IGNORECASE)
        and not any(path.name.casefold() == f"{stem}_input".casefold() for _, stem in files.truths.values())
    ]
    if without:
        text = f"{root}: no labels of the images in {listed(without)}, which are not used"
        remarks.append(Remark("unlabelled", len(without), text, tuple(without)))
    return rows, remarks


def _part(root: Path, table: tables.Table, stem: str) -> list[Row]:
    """The images of one table of labels."""
    labels = csv_file.labels_of(table)
    folder = _images(root, table.path, stem)
    found = csv_file.find(table, folder)
    csv_file.refuse_unlisted(table.path, (Path(name).name for name in found.unlisted()))
    return [Row(image, label) for image, label in zip(found.images, labels, strict=True)]


def _images(root: Path, table: Path, stem: str) -> Path:
    """The folder of a table's images: ``..._Input`` in the root or beside the table."""
    wanted = f"{stem}_Input"
    for around in (root, table.parent):
        for path in sorted(around.iterdir()):
            if path.name.casefold() == wanted.casefold() and path.is_dir():
                return path
    raise DataError(f"{root} has {table.name} and no folder {wanted} with its images; unpack them into it")


def _stem(row: Row) -> str:
    assert isinstance(row.image, Path)
    return row.image.stem


def _lesions(groupings: tuple[Path, ...]) -> dict[str, str]:
    """Image without its ending -> its lesion."""
    lesions: dict[str, str] = {}
    for path in groupings:
        table = tables.read(path)
        image, lesion = table.column(csv_file.PATHS), table.column(csv_file.GROUPS)
        if image is None or lesion is None:
            raise DataError(
                f"{path} has not the columns image and lesion_id (it has {listed(table.columns)}); take the file that the "
                "challenge gives"
            )
        for line, cells in table.rows:
            name = Path(cells[image]).stem
            if not cells[lesion] or lesions.setdefault(name, cells[lesion]) != cells[lesion]:
                said = "two lesions" if cells[lesion] else "no lesion"
                raise DataError(f"{path}, line {line}: {said} for {name}; an image shows one")
    return lesions


def _without_images(files: _Files, columns: dict[Part, tuple[str, ...]], rows: list[Row]) -> list[Remark]:
    """What is said of the classes that have a column in the tables and no image in any of them."""
    used = {row.label for row in rows}
    gone = [
        name
        for name in next(iter(columns.values()), ())
        if name not in used and name.casefold() not in csv_file.PATHS
    ]
    table = next(iter(files.truths.values()))[0]
    text = f"{table}: no row has a 1 in {plural(len(gone), 'column')}, which {'is no class' if len(gone) == 1 else 'are no classes'}"
    return [of_names("empty-class", gone, text)] if gone else []


def _without_lesions(root: Path, rows: list[Row], lesions: dict[str, str]) -> list[Remark]:
    """What is to be said where no lesion is known; one of some images is refused, for the others would leak."""
    train = [row for row in rows if row.part == "train"]
    without = [_stem(row) for row in train if not row.group]
    if without and lesions:
        raise DataError(
            f"{root}: the table of lesions has no row for {plural(len(without), 'image')}: {listed(without)}; take the file "
            "that belongs to these images"
        )
    if not without:
        return []
    text = f"{root}: no ..._LesionGroupings.csv, so that images of one lesion may come into two parts"
    return [Remark("ungrouped", len(without), text)]
