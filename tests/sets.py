"""One small set of pictures, written in each of the formats that there is a reader for."""

import gzip
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from mobilecnn.train.datasets.preparation import Request, prepare
from mobilecnn.train.images import Pixels

CLASSES = {"DF": 4, "MEL": 6, "NV": 10}
"""Class name -> number of its pictures."""

SIDE = 12
"""Height of the pictures, in pixels; they are two wider."""


def picture(number: int) -> Pixels:
    """The picture of that number, grey, uint8 (12, 14): no two are alike."""
    small = np.random.default_rng(number).integers(0, 256, (4, 4), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((SIDE + 2, SIDE), Image.Resampling.BICUBIC), np.uint8)


def save(path: Path, number: int) -> None:
    """Write the picture of that number."""
    Image.fromarray(picture(number)).save(path)


def labelled(parts: tuple[str, ...] = ("",)) -> list[tuple[str, str, Pixels]]:
    """Part, class and picture of each, the parts of a class taking turns."""
    names = [name for name, count in CLASSES.items() for _ in range(count)]
    return [(parts[number % len(parts)], name, picture(number)) for number, name in enumerate(names)]


def class_folders(root: Path) -> str:
    """A folder for each class."""
    for number, (_, name, pixels) in enumerate(labelled()):
        (root / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(root / name / f"{number:02}.png")
    return str(root)


def part_folders(root: Path) -> str:
    """Class folders in ``train``, ``val`` and ``test``."""
    for number, (part, name, pixels) in enumerate(labelled(("train", "val", "test"))):
        (root / part / name).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(root / part / name / f"{number:02}.png")
    return str(root)


def csv_file(root: Path, divided: bool = False, wide: bool = False) -> str:
    """A CSV file beside its images: two or, where ``wide``, one of each patient."""
    (root / "images").mkdir(parents=True)
    lines = ["Path,patient,label" + (",split" if divided else "")]
    for number, (part, name, pixels) in enumerate(labelled(("train", "val", "test") if divided else ("",))):
        Image.fromarray(pixels).save(root / "images" / f"{number:02}.png")
        patient = f"{part or 'p'}{name}{number // (6 if divided else 1 if wide else 2)}"
        lines.append(f"images/{number:02}.png,{patient},{name}" + (f",{part}" if divided else ""))
    (root / "list.csv").write_text("\n".join(lines) + "\n")
    return str(root / "list.csv")


ISIC = "ISIC2018_Task3"


def isic(root: Path, parts: tuple[str, ...] = ("Training",)) -> str:
    """What the challenge's archives unpack to; two pictures show each lesion."""
    rows: dict[str, list[str]] = {
        part: [f"image,{','.join(sorted(CLASSES, reverse=True))}"] for part in parts
    }
    lesions = ["image,lesion_id,diagnosis_confirm_type"]
    for number, (part, name, pixels) in enumerate(labelled(parts)):
        folder = root / f"{ISIC}_{part}_Input"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ATTRIBUTION.txt").write_text("")
        Image.fromarray(pixels).convert("RGB").save(folder / f"ISIC_{number:07}.jpg", quality=95)
        cells = ["1.0" if column == name else "0.0" for column in sorted(CLASSES, reverse=True)]
        rows[part].append(f"ISIC_{number:07},{','.join(cells)}")
        if part == "Training":
            lesions.append(f"ISIC_{number:07},HAM_{name}{number // 2},histopathology")
    for part, lines in rows.items():
        folder = root / f"{ISIC}_{part}_GroundTruth"
        folder.mkdir()
        (folder / f"{ISIC}_{part}_GroundTruth.csv").write_text("\n".join(lines) + "\n")
    (root / f"{ISIC}_Training_LesionGroupings.csv").write_text("\n".join(lesions) + "\n")
    return str(root)


def idx_bytes(array: Pixels) -> bytes:
    """An IDX file of bytes."""
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def idx(root: Path, packed: bool = True) -> str:
    """Four IDX files, and the names of the classes."""
    root.mkdir(parents=True, exist_ok=True)
    for part in ("train", "t10k"):
        rows = [row for row in labelled(("train", "t10k")) if row[0] == part]
        labels = np.asarray([list(CLASSES).index(name) for _, name, _ in rows], np.uint8)
        images = np.stack([pixels for _, _, pixels in rows])
        for name, array in ((f"{part}-images-idx3-ubyte", images), (f"{part}-labels-idx1-ubyte", labels)):
            content = idx_bytes(array)
            if packed:
                (root / f"{name}.gz").write_bytes(gzip.compress(content))
            else:
                (root / name).write_bytes(content)
    (root / "labels.txt").write_text("\n".join(CLASSES))
    return str(root)


def manifest(root: Path, source: str, validation: float = 0.3, test: float = 0.3) -> str:
    """A manifest of a set, with pictures of each class in each of three parts."""
    output = root / "manifest.json"
    prepare(Request(source, output, validation, test))
    return str(output)


@dataclass(frozen=True)
class Case:
    """A format.

    Attributes:
        write: writes the set below a folder, and gives its source.
        parts: parts that it is divided into.
        grouped: whether it says which pictures belong together.
    """

    write: Callable[[Path], str]
    parts: tuple[str, ...] = ()
    grouped: bool = False


THREE = ("train", "validation", "test")

CASES = {
    "class folders": Case(class_folders),
    "part folders": Case(part_folders, THREE),
    "CSV": Case(csv_file, grouped=True),
    "CSV with parts": Case(lambda root: csv_file(root, divided=True), THREE, grouped=True),
    "ISIC, training": Case(isic, grouped=True),
    "ISIC, three parts": Case(
        lambda root: isic(root, ("Training", "Validation", "Test")), THREE, grouped=True
    ),
    "manifest": Case(lambda root: manifest(root, class_folders(root / "data")), THREE),
    "manifest of groups": Case(lambda root: manifest(root, csv_file(root, wide=True)), THREE, grouped=True),
    "manifest of parts": Case(lambda root: manifest(root, part_folders(root / "data")), THREE),
    "manifest of IDX": Case(lambda root: manifest(root, idx(root)), THREE),
    "IDX": Case(idx, ("train", "test")),
    "IDX, unpacked": Case(lambda root: idx(root, packed=False), ("train", "test")),
}
"""Name -> format with :data:`CLASSES` in it."""
