"""Folders as people have them: system files, parts, unreadable pictures, names in two forms."""

import os
import unicodedata
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from trees import CLASSES, put, said

from mobilecnn import labels
from mobilecnn.contract import contract_for
from mobilecnn.errors import DataError
from mobilecnn.remarks import Remark, Remarks
from mobilecnn.train import datasets
from mobilecnn.train.datasets.dataset import Dataset, labels_for
from mobilecnn.train.datasets.listing import SYSTEM_NAMES, is_system
from mobilecnn.train.datasets.reading import refuse_unreadable
from mobilecnn.train.images import SUFFIXES, open_image

UNIT = contract_for("unit", (4, 4, 3))


SYSTEM = [
    ".DS_Store", "._0.png", ".ipynb_checkpoints/0-checkpoint.png", "__MACOSX/cat/._0.png", "Thumbs.db",
    "desktop.ini", "@eaDir/0.png", "lost+found/0.png", "$RECYCLE.BIN/0.png", "System Volume Information/0.png",
    ".git/0.png", "#recycle/0.png", "THUMBS.DB", ".Trash-1000/files/0.png", "~$notes.png",
]  # fmt: skip


@pytest.mark.parametrize("name", SYSTEM)
@pytest.mark.parametrize("where", ["", "cat", "cat/more"])
def test_system_files_and_folders_are_passed_over_on_every_level(
    name: str, where: str, tmp_path: Path
) -> None:
    put(tmp_path, *CLASSES, "cat/more/2.png", f"{where}/{name}" if where else name)
    dataset = datasets.load(str(tmp_path))
    assert dataset.classes == ("cat", "dog") and len(dataset) == 4
    first = "._*" if name.startswith("._") else name.split("/")[0]
    assert said(dataset)["hidden"] == (1, f"{tmp_path}: 1 hidden or system name passed over: 1 {first}")


def test_the_names_of_systems_are_compared_without_case() -> None:
    assert all(name == name.casefold() and is_system(name.upper()) for name in SYSTEM_NAMES)
    assert not any(is_system(name) for name in ("cat", "thumbs", "desktop", "0.png", "_cat"))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_class_with_images_of_one_kind_only_does_not_vanish(suffix: str, tmp_path: Path) -> None:
    put(tmp_path, "cat/0.png", f"dog/0{suffix}", f"eel/0{suffix.upper()}")
    dataset = datasets.load(str(tmp_path))
    assert dataset.classes == ("cat", "dog", "eel") and not dataset.remarks
    assert len(list(dataset.pixels(UNIT))) == 3


def test_what_is_no_image_and_what_is_no_class_is_said_once(tmp_path: Path) -> None:
    put(tmp_path, *CLASSES, "empty/", "loose.png", "cat/deep/er/2.png", "dog/a/3.png")
    (tmp_path / "phone").mkdir()
    for number in range(12):
        (tmp_path / "phone" / f"{number}.HEIC").write_bytes(b"")
    for name in ("labels.txt", "cat/notes.txt", "cat/README"):
        (tmp_path / name).write_text("")
    dataset = datasets.load(str(tmp_path))
    assert dataset.classes == ("cat", "dog") and len(dataset) == 5
    root = f"{tmp_path}: "
    assert said(dataset) == {
        "empty-class": (2, root + "2 folders without images beside the class folders: empty, phone (12 .heic)"),
        "beside": (1, root + "1 image beside the class folders, not used: loose.png"),
        "nested": (
            2, root + "images in 2 subfolders of class folders, taken as of that class: cat/deep/er, dog/a",
        ),
        "other-files": (15, root + "15 files not taken as images: 12 .heic, 2 .txt, 1 without an ending"),
    }  # fmt: skip


def test_long_lists_are_cut_short_in_the_text_alone(tmp_path: Path) -> None:
    put(tmp_path, *CLASSES, *(f"empty {number}/" for number in range(30)))
    (remark,) = datasets.load(str(tmp_path)).remarks
    assert remark.count == 30 and remark.text.endswith("empty 16, empty 17, and 20 more")
    assert set(remark.names) == {f"empty {number}" for number in range(30)}


def test_links_are_followed_and_loops_are_not(tmp_path: Path) -> None:
    root = put(tmp_path / "root", *CLASSES, "cat/deep/2.png")
    put(tmp_path / "elsewhere", "9.png")
    put(tmp_path / "other", "9.png")
    (root / "eel").symlink_to(tmp_path / "elsewhere")
    (root / "cat" / "linked").symlink_to(tmp_path / "other")
    for place, target in (
        ("cat/self", "cat"),
        ("cat/deep/up", "cat"),
        ("dog/root", "."),
        ("dog/above", ".."),
    ):
        (root / place).symlink_to((root / target).resolve())
    (root / "cat" / "gone.png").symlink_to(root / "nothing.png")
    os.mkfifo(root / "dog" / "pipe.png")
    dataset = datasets.load(str(root))
    assert dataset.classes == ("cat", "dog", "eel")
    assert np.bincount(dataset.labels).tolist() == [4, 1, 1]
    assert said(dataset)["loop"][0] == 4 and "dog/above" in said(dataset)["loop"][1]
    assert said(dataset)["no-file"][0] == 2 and "pipe.png" in said(dataset)["no-file"][1]


@pytest.mark.parametrize("name", ["x" * 300, "a/" * 3000, "nul\0"])
def test_a_name_that_no_file_can_have(name: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        datasets.load(str(tmp_path / name))
    with pytest.raises(DataError):
        open_image(tmp_path / f"{name}.png")


def test_an_empty_root_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.heic").write_bytes(b"")
    (tmp_path / ".DS_Store").write_bytes(b"")
    with pytest.raises(
        DataError, match=r"no images in .* passed over: 1 \.DS_Store; 1 file not taken .* 1 \.heic"
    ):
        datasets.load(str(tmp_path))


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "cut short": (lambda path: path.write_bytes(path.read_bytes()[:45]), "is a damaged image"),
    "empty": (lambda path: path.write_bytes(b""), "is an empty file"),
    "text": (
        lambda path: path.write_text("version https://git-lfs.github.com/spec/v1\n"),
        "is a pointer of Git LFS",
    ),
    "floats": (lambda path: Image.new("F", (4, 4)).save(path, "TIFF"), "has 32-bit"),
}


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """Six pictures in two classes, of which the four in the first are damaged in different ways."""
    put(tmp_path, *(f"cat/{name}.png" for name in DAMAGE), "cat/x.png", "dog/0.png")
    for name, (damage, _) in DAMAGE.items():
        damage(tmp_path / "cat" / f"{name}.png")
    return tmp_path


def test_all_unreadable_images_are_listed(damaged: Path) -> None:
    with pytest.raises(DataError) as refused:
        list(datasets.load(str(damaged)).pixels(UNIT))
    message = str(refused.value)
    assert message.startswith("4 of 6 images cannot be read: ")
    assert message.endswith("; remove or replace them, or give --skip-bad")
    for name, (_, words) in DAMAGE.items():
        assert f"{damaged / 'cat' / name}.png {words}" in message


def test_unreadable_images_are_left_out_and_said(damaged: Path) -> None:
    remarks = Remarks()
    dataset = datasets.load(str(damaged)).readable(remarks)
    assert [path.name for path in dataset.images if isinstance(path, Path)] == ["x.png", "0.png"]
    assert dataset.labels.tolist() == [0, 1]
    (remark,) = remarks.rows
    assert (remark.code, remark.count) == ("unreadable", 4)
    assert all(name in remark.text for name in DAMAGE)


def test_a_class_that_is_left_without_images_is_no_class(damaged: Path) -> None:
    (damaged / "cat" / "x.png").unlink()
    put(damaged, "eel/0.png")
    remarks = Remarks()
    dataset = datasets.load(str(damaged)).readable(remarks)
    assert dataset.classes == ("dog", "eel") and dataset.labels.tolist() == [0, 1]
    assert remarks.rows[-1] == Remark(
        "empty-class", 1, f"{damaged}: 1 class left without an image: cat", ("cat",)
    )
    for name in ("dog", "eel"):
        (damaged / name / "0.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"none of the 6 images of .* can be read"):
        datasets.load(str(damaged)).readable()


def test_classes_of_which_no_image_was_drawn_are_not_named(tmp_path: Path) -> None:
    put(tmp_path, *(f"{label}/{number}.png" for label in "abcdef" for number in range(2)))
    sample = datasets.load(str(tmp_path)).sample(3)
    first = sample.images[0]
    assert isinstance(first, Path)
    first.write_bytes(b"")
    remarks = Remarks()
    left = sample.readable(remarks)
    assert [remark.code for remark in remarks.rows] == ["unreadable", "empty-class"]
    assert remarks.rows[1].count == 1 and remarks.rows[1].text.endswith(f"image: {first.parent.name}")
    drawn = [path.parent.name for path in left.images if isinstance(path, Path)]
    assert [left.classes[label] for label in left.labels] == drawn


READINGS: list[Callable[[Dataset], object]] = [
    lambda dataset: list(dataset.pixels(UNIT)),
    lambda dataset: dataset.readable(),
    lambda dataset: refuse_unreadable(dataset.images),
]


def test_unreadable_images_are_all_listed_however_many(tmp_path: Path) -> None:
    put(tmp_path, *(f"cat/{number:03}.png" for number in range(30)))
    for path in (tmp_path / "cat").iterdir():
        path.write_bytes(b"")
    dataset = datasets.load(str(tmp_path))
    for read in READINGS:
        with pytest.raises(DataError, match=r"30 (of 30 )?images .* read: ") as raised:
            read(dataset)
        assert str(raised.value).count("png is an empty file") == 30
    put(tmp_path, "dog/0.png")
    remarks = Remarks()
    datasets.load(str(tmp_path)).readable(remarks)
    left_out = remarks.rows[0]
    assert left_out.count == len(left_out.names) == left_out.text.count("png is an empty file") == 30


def test_first_frames_are_said_once(tmp_path: Path) -> None:
    put(tmp_path, *CLASSES)
    frames = [Image.new("L", (4, 4), shade) for shade in (10, 200)]
    for name, kind in (("a.gif", "GIF"), ("b.tif", "TIFF")):
        frames[0].save(tmp_path / "cat" / name, kind, save_all=True, append_images=frames[1:])
    remarks = Remarks()
    dataset = datasets.load(str(tmp_path))
    for _ in range(2):
        pixels = list(dataset.pixels(UNIT, remarks))
    assert [int(picture[0, 0, 0]) for picture in pixels[2:4]] == [10, 10]
    (remark,) = remarks.rows
    assert (remark.code, remark.count) == ("frames", 2) and "a.gif, b.tif" in remark.text


# The same name in two forms.
SAME = [
    ("é", "e\u0301"), ("cat", "cat "), ("cat", "\ufeffcat"), ("cat", "cat\r"), ("ｶﾞ", unicodedata.normalize("NFD", "ｶﾞ")),
    ("한글", unicodedata.normalize("NFD", "한글")),
]  # fmt: skip


@pytest.mark.parametrize(("first", "second"), SAME)
def test_labels_are_compared_in_normal_form(first: str, second: str) -> None:
    pictures = [np.zeros((2, 2), np.uint8)] * 2
    for mine, theirs in ((first, second), (second, first)):
        dataset = Dataset("made", ("dog", mine), pictures, np.asarray([0, 1]))
        assert labels_for(dataset, [theirs, "dog"], 2).tolist() == [1, 0]


@pytest.mark.parametrize(("first", "second"), [pair for pair in SAME if pair[0] != pair[1]])
def test_two_folders_of_one_name_are_refused(first: str, second: str, tmp_path: Path) -> None:
    put(tmp_path, f"{first}/0.png", f"{second}/1.png")
    with pytest.raises(DataError, match="two class folders of one name"):
        datasets.load(str(tmp_path))


def test_a_name_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    put(tmp_path, *CLASSES)
    (tmp_path / "dog").rename(tmp_path / os.fsdecode(b"d\xf6g"))
    with pytest.raises(DataError, match="is not UTF-8; rename it"):
        datasets.load(str(tmp_path))


def test_outputs_of_one_name_matter_only_where_the_data_has_it() -> None:
    dataset = Dataset("made", ("cat", "dog"), [np.zeros((2, 2), np.uint8)] * 2, np.asarray([0, 1]))
    assert labels_for(dataset, ["crane", "dog", "crane", "cat"], 4).tolist() == [3, 1]
    crane = replace(dataset, classes=("cat", "crane"))
    with pytest.raises(
        DataError, match=r"the class 'crane', and so the model calls 2 of its outputs \(0, 2\)"
    ):
        labels_for(crane, ["crane", "dog", "crane", "cat"], 4)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"cat\ndog\n", ("cat", "dog")),
        (b"\xef\xbb\xbfcat\r\ndog \r\n\r\n", ("cat", "dog")),
        (b"cat\rdog", ("cat", "dog")),
        ("e\u0301\n\u00e9\n".encode(), ("é", "é")),
        ("a\u2028b\x0cc\nd\n".encode(), ("a\u2028b\x0cc", "d")),
        (b"crane\ncrane\n", ("crane", "crane")),
    ],
)
def test_a_labels_file(content: bytes, expected: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes(content)
    assert labels.read(tmp_path / "labels.txt") == expected


@pytest.mark.parametrize("content", ["cat\n".encode("utf-16"), b"\xff\xfe\n", "é".encode("latin-1")])
def test_a_labels_file_of_another_encoding_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes(content)
    with pytest.raises(DataError, match=r"labels\.txt is not a UTF-8 text file"):
        labels.read(tmp_path / "labels.txt")
