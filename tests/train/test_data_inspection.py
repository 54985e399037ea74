"""What an inspection finds: counts, sizes, modes, doubles, near duplicates, what cannot be read; and contact sheets."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import sets
from PIL import Image

from mobilecnn.train.datasets import inspection, sheets
from mobilecnn.train.datasets.inspection import inspect


def photo(number: int, size: tuple[int, int] = (60, 45)) -> Image.Image:
    """A smooth picture in colour; no two are alike."""
    small = np.random.default_rng(1000 + number).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    return Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """Two parts of two classes with three photos each."""
    for number in range(12):
        part, label = ("train", "test")[number // 6], ("cat", "dog")[number % 2]
        (tmp_path / part / label).mkdir(parents=True, exist_ok=True)
        photo(number).save(tmp_path / part / label / f"{number:02}.jpg", quality=95)
    return tmp_path


@pytest.mark.parametrize("name", sets.CASES)
def test_every_format_is_inspected(name: str, tmp_path: Path) -> None:
    case = sets.CASES[name]
    found = inspect(case.write(tmp_path / "set"))
    together = {label: sum(rows[label] for rows in found.counts.values()) for label in sets.CLASSES}
    assert together == sets.CLASSES
    assert tuple(found.counts) == (case.parts or ("",))
    assert found.sizes == {"14x12": 20} and found.smallest == found.largest == (14, 12)
    assert sum(found.kinds.values()) == 20 and found.bytes > 0
    assert bool(found.groups) == case.grouped
    assert (found.same_count, found.near_count, found.unreadable, found.changed) == (0, 0, (), ())


def test_doubles_are_found_where_they_harm(parts: Path) -> None:
    shutil.copy(parts / "train/cat/00.jpg", parts / "test/cat/copy.jpg")
    shutil.copy(parts / "train/cat/02.jpg", parts / "train/dog/copy.jpg")
    found = inspect(str(parts))
    assert found.same_count == 2
    (across,), (classes,) = found.across, found.two_classes
    assert Path(across.first).name == "00.jpg" and across.where == ("train cat", "test cat")
    assert Path(classes.second).parent.name == "dog" and classes.where == ("train cat", "train dog")
    assert found.near_count == 0


def test_near_duplicates_are_those_saved_again(parts: Path) -> None:
    photo(0).save(parts / "test/cat/worse.jpg", quality=40)
    photo(1).resize((180, 135), Image.Resampling.BICUBIC).save(parts / "test/dog/larger.png")
    photo(2).convert("L").save(parts / "test/cat/grey.png")
    photo(6).save(parts / "test/cat/in-one-part.jpg", quality=40)
    photo(3).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(parts / "test/dog/mirrored.png")
    for part in ("train", "test"):
        Image.new("RGB", (8, 8), (9, 9, 9)).save(parts / part / "cat" / f"flat-{part}.png")
    found = inspect(str(parts))
    names = {Path(pair.second).name for pair in found.near}
    assert names == {"worse.jpg", "larger.png", "grey.png"} and found.near_count == 3


def test_distances_are_those_of_the_formula() -> None:
    a, b = np.random.default_rng(0).integers(0, 256, (2, 5, 256)).astype(np.float32)
    expected = np.sqrt(((a[:, None] - b[None]) ** 2).mean(axis=2))
    np.testing.assert_allclose(inspection._distances(a, b), expected, rtol=1e-4)
    assert inspection._distances(a, a).diagonal().max() < 0.1


def test_pairs_are_counted_beyond_those_kept(parts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspection, "MOST_PAIRS", 2)
    monkeypatch.setattr(inspection, "_COMPARED", 2)
    for number in range(3):
        photo(0).save(parts / f"train/cat/again-{number}.jpg", quality=90 - number)
        photo(0).save(parts / f"test/cat/again-{number}.jpg", quality=80 - number)
    found = inspect(str(parts))
    assert found.near_count == 4 * 3 and len(found.near) == 2


def test_sizes_modes_and_what_cannot_be_read(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "cat"
    folder.mkdir(parents=True)
    for name, mode, size in (("a.png", "P", (3, 5)), ("b.jpg", "CMYK", (20, 10)), ("c.png", "LA", (20, 10))):
        Image.new(mode, size).save(folder / name)
    (folder / "d.png").write_bytes(b"no picture")
    (folder / "e.jpg").write_bytes((folder / "b.jpg").read_bytes()[:200])
    found = inspect(str(tmp_path / "data"))
    assert found.counts == {"": {"cat": 5}}
    assert found.sizes == {"20x10": 2, "3x5": 1} and (found.smallest, found.largest) == ((3, 5), (20, 10))
    assert found.kinds == {"PNG P": 1, "JPEG CMYK": 1, "PNG LA": 1}
    assert [Path(words.split()[0]).name for words in found.unreadable] == ["d.png", "e.jpg"]


def test_a_manifest_is_held_against_its_files(tmp_path: Path) -> None:
    source = sets.manifest(tmp_path, sets.class_folders(tmp_path / "data"))
    path = tmp_path / "data/NV/12.png"
    path.write_bytes(path.read_bytes() + b"x")
    (tmp_path / "data/NV/13.png").unlink()
    found = inspect(source)
    assert [Path(name).name for name in found.changed] == ["12.png"]
    assert len(found.unreadable) == 1 and "13.png" in found.unreadable[0]


def test_a_sheet_has_a_row_of_each_class(tmp_path: Path) -> None:
    source = sets.class_folders(tmp_path / "data")
    (tmp_path / "data/NV/bad.png").write_bytes(b"no")
    made = sheets.of_classes(source)
    assert made.height == 3 * (sheets.TILE + 4) + 4 and made.width > 8 * sheets.TILE
    dark = (np.asarray(made.convert("L")) < 250).mean(axis=1)
    assert (dark[12:80] > 0.3).all()
    assert (
        sheets.of_classes(source, seed=0).tobytes()
        == made.tobytes()
        != sheets.of_classes(source, seed=1).tobytes()
    )
    sheets.write(tmp_path / "sheet.png", made)
    with Image.open(tmp_path / "sheet.png") as image:
        assert image.size == made.size


@pytest.mark.parametrize("word", ["", "ß é 猫 \u202e \ud800" * 3, "a\nb", "x" * 500])
def test_any_word_can_be_written(word: str) -> None:
    pictures = [np.zeros((1, 900), np.uint8), np.zeros((900, 1, 3), np.uint8), np.zeros((4, 4, 1), np.uint8)]
    assert sheets.sheet([(word, pictures)] * 70).height == 60 * (sheets.TILE + 4) + 4
