"""The suite that every reader of data sets passes, and what each refuses."""

import gzip
import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import sets
from PIL import Image

from mobilecnn.contract import contract_for
from mobilecnn.errors import DataError
from mobilecnn.train import datasets
from mobilecnn.train.datasets.dataset import PARTS, Dataset
from mobilecnn.train.images import to_pixels

GREY = contract_for("raw", (sets.SIDE, sets.SIDE + 2, 1))


def source_of(name: str, folder: Path) -> str:
    return sets.CASES[name].write(folder / "set")


def content(dataset: Dataset) -> list[bytes]:
    return [to_pixels(image, GREY).tobytes() for image in dataset.images]


def everything(source: str) -> list[Dataset]:
    return [datasets.load(source, part) for part in datasets.parts(source) or ("all",)]


@pytest.mark.parametrize("name", sets.CASES)
def test_the_images_have_their_classes(name: str, tmp_path: Path) -> None:
    source = source_of(name, tmp_path)
    exact = not name.startswith("ISIC")  # JPEG changes pixels.
    expected = {pixels.tobytes(): label for _, label, pixels in sets.labelled()}
    counts: Counter[str] = Counter()
    for dataset in everything(source):
        assert dataset.classes == tuple(sets.CLASSES)
        assert dataset.labels.dtype == np.int64 and dataset.labels.shape == (len(dataset),)
        names = [dataset.classes[label] for label in dataset.labels]
        counts.update(names)
        if exact:
            assert [expected[pixels] for pixels in content(dataset)] == names
        assert [pixels.shape for pixels in dataset.pixels(GREY)] == [GREY.shape] * len(dataset)
    assert counts == Counter(sets.CLASSES)


@pytest.mark.parametrize("name", sets.CASES)
def test_the_parts_are_disjoint_and_each_command_gets_its_own(name: str, tmp_path: Path) -> None:
    source, case = source_of(name, tmp_path), sets.CASES[name]
    assert datasets.parts(source) == case.parts
    own = datasets.validation(source)
    assert (own is not None) == ("validation" in case.parts)
    if not case.parts:
        assert all(content(datasets.load(source, part)) == content(datasets.load(source)) for part in PARTS)
        return
    seen = [pixels for part in everything(source) for pixels in content(part)]
    assert len(set(seen)) == len(seen) == sum(sets.CLASSES.values())
    for dataset, part in zip(everything(source), case.parts, strict=True):
        (said,) = [remark for remark in dataset.remarks if remark.code == "part"]
        assert said.count == len(dataset) and "is divided into" in said.text and part[:3] in said.text


@pytest.mark.parametrize("name", [name for name, case in sets.CASES.items() if case.parts])
def test_a_part_that_is_not_there_is_refused(name: str, tmp_path: Path) -> None:
    source = source_of(name, tmp_path)
    if name == "part folders":
        shutil.rmtree(Path(source) / "val")
    elif name == "CSV with parts":
        path = Path(source)
        path.write_text("\n".join(line for line in path.read_text().splitlines() if not line.endswith("val")))
    elif name.startswith("manifest"):
        document = json.loads(Path(source).read_text())
        document["images"] = [row for row in document["images"] if row["split"] != "validation"]
        Path(source).write_text(json.dumps(document))
    elif name.startswith("ISIC"):
        shutil.rmtree(Path(source) / f"{sets.ISIC}_Validation_GroundTruth")
    assert datasets.validation(source) is None
    with pytest.raises(DataError, match="validation") as refused:
        datasets.load(source, "validation")
    assert source in str(refused.value) and "train" in str(refused.value)


@pytest.mark.parametrize("name", sets.CASES)
def test_the_same_source_gives_the_same_order(name: str, tmp_path: Path) -> None:
    source = source_of(name, tmp_path)
    for first, second in zip(everything(source), everything(source), strict=True):
        assert content(first) == content(second) and first.groups == second.groups
        assert first.labels.tolist() == second.labels.tolist() and first.remarks == second.remarks


@pytest.mark.parametrize("name", sets.CASES)
def test_groups_stay_together(name: str, tmp_path: Path) -> None:
    source, case = source_of(name, tmp_path), sets.CASES[name]
    dataset = datasets.load(source, "train")
    assert bool(dataset.groups) == case.grouped
    first, second = dataset.split(0.3, seed=1)
    assert len(first) + len(second) == len(dataset) and set(first.labels) == set(dataset.labels)
    assert not set(first.groups) & set(second.groups)
    assert len(dataset.sample(5).groups) == (5 if case.grouped else 0)


@pytest.mark.parametrize("name", sets.CASES)
def test_a_name_is_read_by_one_reader(name: str, tmp_path: Path) -> None:
    source = source_of(name, tmp_path)
    readers = [reader.sources for reader in datasets.READERS if reader.accepts(source)]
    # Any folder is accepted by the last.
    assert len([one for one in readers if "class folders" not in one]) == (0 if "folders" in name else 1)
    for other in ("x" * 5000, "a\0b", "", "/proc/none"):
        assert datasets.reader_of(other) is None


def _lines(path: Path, change: Callable[[list[str]], list[str]]) -> None:
    path.write_text("\n".join(change(path.read_text().splitlines())) + "\n")


TRUTH = f"{sets.ISIC}_Training_GroundTruth/{sets.ISIC}_Training_GroundTruth.csv"
LESIONS = f"{sets.ISIC}_Training_LesionGroupings.csv"
PICTURES = f"{sets.ISIC}_Training_Input"


def csv_changed(change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    return lambda root: _lines(root / "list.csv", change)


def truth_changed(change: Callable[[list[str]], list[str]]) -> Callable[[Path], None]:
    return lambda root: _lines(root / TRUTH, change)


def packed(root: Path, name: str, content: bytes) -> None:
    (root / name).write_bytes(gzip.compress(content))


def extra(path: Path) -> None:
    Image.new("L", (4, 4)).save(path)


def without_ending(root: Path) -> None:
    shutil.copy(root / "images/00.png", root / "images/00.jpg")
    _lines(root / "list.csv", lambda lines: [lines[0], lines[1].replace(".png", ""), *lines[2:]])


def a_folder(root: Path) -> None:
    (root / "list.csv").unlink()
    (root / "list.csv").mkdir()


def named(name: str, content: bytes) -> Callable[[Path], object]:
    """Adds a row of a file with this content."""

    def change(root: Path) -> None:
        (root / "images" / name).write_bytes(content)
        csv_changed(lambda lines: [*lines, f"images/{name},p,NV"])(root)

    return change


BAD: list[tuple[str, str, Callable[[Path], object], str]] = [
    # format, what is wrong, how, what is said
    ("CSV", "missing image", lambda r: (r / "images/03.png").unlink(), "names 1 image that is not in"),
    ("CSV", "missing images", lambda r: shutil.rmtree(r / "images"), "names 20 images that are not in"),
    ("CSV", "no such path", csv_changed(lambda ls: [*ls, "../none.png,p,NV"]), "../none.png (line 22)"),
    ("CSV", "a HEIC photo", named("a.heic", b"\0\0\0\x18ftypheic"), "a.heic is a HEIC photo, which is not read; save it as a PNG or JPEG, or take the row out"),
    ("CSV", "a hidden file", named(".a.png", b""), "images/.a.png is a hidden file or one of a system, which are passed over; rename it, or take the row out"),
    ("CSV", "a file of a system", named("._00.png", b""), "is a hidden file or one of a system"),
    ("CSV", "a text", named("a.txt", b"text"), "images/a.txt is not a JPEG"),
    ("CSV", "an image by another name", lambda r: named("a.bin", (r / "images/00.png").read_bytes())(r), "has an ending that no image has"),
    ("CSV", "a folder for an image", csv_changed(lambda ls: [*ls, "images,p,NV"]), "images is a folder; an image is expected, or take the row out"),
    ("CSV", "no name", csv_changed(lambda ls: [*ls, ",p,NV"]), "no name (line 22)"),
    ("CSV", "two rows", csv_changed(lambda ls: [*ls, ls[1]]), "images/00.png is in two rows, in lines 2 and 22"),
    ("CSV", "two labels", csv_changed(lambda ls: [*ls, ls[1][:-2] + "NV"]), "an image has one label and one row"),
    ("CSV", "no label", csv_changed(lambda ls: [ls[0], "images/00.png,p,", *ls[2:]]), "line 2: no label"),
    ("CSV", "cells", csv_changed(lambda ls: [*ls, "images/00.png,p,NV,more"]), "line 22: 4 cells, and the first line has 3"),
    ("CSV", "quote", csv_changed(lambda ls: [*ls, '"images']), "save it as CSV again"),
    ("CSV", "no rows", csv_changed(lambda ls: ls[:1]), "lists no image"),
    ("CSV", "empty", lambda r: (r / "list.csv").write_text(""), "its first line must name two or more columns"),
    ("CSV", "no text", lambda r: (r / "list.csv").write_bytes(b"path,label\n\xff\xfe"), "is not a UTF-8 text file"),
    ("CSV", "NUL", lambda r: (r / "list.csv").write_bytes(b"path,label\na\0,b"), "holds the character NUL"),
    ("CSV", "two separators", csv_changed(lambda ls: ["path;a,label", *ls[1:]]), "has several of them"),
    ("CSV", "no path column", csv_changed(lambda ls: ["where,patient,label", *ls[1:]]), "has no column of paths (it has where,"),
    ("CSV", "no label column", csv_changed(lambda ls: ["path,patient,what", *ls[1:]]), "call the one with the class names label"),
    ("CSV", "two path columns", csv_changed(lambda ls: ["path,image,label", *ls[1:]]), "several columns that could be meant: path, image"),
    ("CSV", "a column twice", csv_changed(lambda ls: ["path,Label,label", *ls[1:]]), "two columns called 'label'"),
    ("CSV", "same stem", without_ending, "could be 00.jpg or 00.png"),
    ("CSV", "folder", a_folder, "is a folder; a table of images is expected"),
    ("CSV with parts", "no part", csv_changed(lambda ls: [ls[0], ls[1].replace("train", "fold1"), *ls[2:]]), "line 2: 'fold1' is no part"),
    ("CSV with parts", "empty split", csv_changed(lambda ls: [line for line in ls if not line.endswith("test")]), "has no image of the part test; it has 7 train, 7 validation"),
    ("ISIC, training", "missing image", lambda r: (r / PICTURES / "ISIC_0000003.jpg").unlink(), "names 1 image that is not in"),
    ("ISIC, training", "no row", lambda r: extra(r / PICTURES / "ISIC_0000099.jpg"), "has no row for 1 image: ISIC_0000099.jpg"),
    ("ISIC, training", "two labels", truth_changed(lambda ls: [ls[0], "ISIC_0000000,1.0,0.0,1.0", *ls[2:]]), "line 2: two labels, NV, DF"),
    ("ISIC, training", "no label", truth_changed(lambda ls: [ls[0], "ISIC_0000000,0.0,0.0,0.0", *ls[2:]]), "line 2: no label"),
    ("ISIC, training", "half a label", truth_changed(lambda ls: [ls[0], "ISIC_0000000,0.5,0.5,0.0", *ls[2:]]), "something else than 0 and 1"),
    ("ISIC, training", "NaN", truth_changed(lambda ls: [ls[0], "ISIC_0000000,nan,1.0,0.0", *ls[2:]]), "something else than 0 and 1"),
    ("ISIC, training", "a word", truth_changed(lambda ls: [ls[0], "ISIC_0000000,yes,no,no", *ls[2:]]), "not all of NV, MEL, DF hold 0 and 1"),
    ("ISIC, training", "no images", lambda r: shutil.rmtree(r / PICTURES), f"no folder {PICTURES}"),
    ("ISIC, training", "two truths", lambda r: shutil.copy(r / TRUTH, r), "two tables of labels for train"),
    ("ISIC, training", "lesion unknown", lambda r: _lines(r / LESIONS, lambda ls: ls[:-1]), "no row for 1 image: ISIC_0000019"),
    ("ISIC, training", "two lesions", lambda r: _lines(r / LESIONS, lambda ls: [*ls, "ISIC_0000000,other,x"]), "line 22: two lesions for ISIC_0000000"),
    ("ISIC, training", "no lesion column", lambda r: _lines(r / LESIONS, lambda ls: ["image,other,x", *ls[1:]]), "has not the columns image and lesion_id"),
    ("ISIC, three parts", "unknown class", lambda r: _lines(r / TRUTH.replace("Training", "Test"), lambda ls: [ls[0].replace("DF", "XY"), *ls[1:]]), "have not the same classes: XY"),
    ("IDX", "no labels", lambda r: (r / "t10k-labels-idx1-ubyte.gz").unlink(), "is there without its labels"),
    ("IDX", "truncated", lambda r: packed(r, "train-images-idx3-ubyte.gz", sets.idx_bytes(np.zeros((2, 4, 4), np.uint8))[:-1]), "fewer values than its header says"),
    ("IDX", "longer", lambda r: packed(r, "train-images-idx3-ubyte.gz", sets.idx_bytes(np.zeros((2, 4, 4), np.uint8)) + b"0"), "more values than its header says"),
    ("IDX", "header", lambda r: packed(r, "train-images-idx3-ubyte.gz", b"\0\0\x08\3\0\0"), "ends in its header"),
    ("IDX", "huge", lambda r: packed(r, "train-images-idx3-ubyte.gz", b"\0\0\x08\3" + b"\xff" * 12), "which is no set of images"),
    ("IDX", "floats", lambda r: packed(r, "train-images-idx3-ubyte.gz", b"\0\0\x0d\3" + b"\0" * 12), "is no IDX file of bytes"),
    ("IDX", "no gzip", lambda r: (r / "train-images-idx3-ubyte.gz").write_bytes(b"text"), "is damaged"),
    ("IDX", "half an archive", lambda r: (r / "train-images-idx3-ubyte.gz").write_bytes((r / "train-images-idx3-ubyte.gz").read_bytes()[:100]), "is damaged"),
    ("IDX", "other set's labels", lambda r: packed(r, "train-labels-idx1-ubyte.gz", sets.idx_bytes(np.zeros(3, np.uint8))), "10 images and train-labels-idx1-ubyte.gz 3 labels"),
    ("IDX", "unknown class", lambda r: (r / "labels.txt").write_text("DF\nMEL\n"), "has the unknown class 2"),
    ("IDX", "a name twice", lambda r: (r / "labels.txt").write_text("DF\nMEL\nDF\n"), "a name twice"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "what", "spoil", "words"), BAD, ids=[f"{row[0]}-{row[1]}" for row in BAD])
def test_bad_input_is_one_clear_line(
    name: str, what: str, spoil: Callable[[Path], object], words: str, tmp_path: Path
) -> None:
    source = source_of(name, tmp_path)
    everything(source)  # Good until then.
    spoil(tmp_path / "set")
    with pytest.raises(DataError) as refused:
        datasets.load(source, "test" if what == "empty split" else "train")
    message = str(refused.value)
    assert words in message and "\n" not in message and str(tmp_path) in message


def test_what_is_not_used_is_said(tmp_path: Path) -> None:
    listed = source_of("CSV", tmp_path)
    extra(tmp_path / "set" / "images" / "more.png")
    (said,) = datasets.load(listed).remarks
    assert (said.code, said.count) == ("no-row", 1) and "more.png" in said.text
    isic = sets.isic(tmp_path / "isic")
    (tmp_path / "isic" / LESIONS).unlink()
    (tmp_path / "isic" / f"{sets.ISIC}_Test_Input").mkdir()
    codes = {remark.code: remark.text for remark in datasets.load(isic).remarks}
    assert set(codes) == {"ungrouped", "unlabelled"} and f"{sets.ISIC}_Test_Input" in codes["unlabelled"]
    # The challenge's own columns, of which this part shows some: VASC among them is of no picture.
    truth = tmp_path / "isic" / TRUTH
    head, *rows = truth.read_text().splitlines()
    truth.write_text("\n".join([f"{head},VASC", *(f"{row},0.0" for row in rows)]))
    dataset = datasets.load(isic)
    (said,) = [remark for remark in dataset.remarks if remark.code == "empty-class"]
    assert said.names == ("VASC",) and "VASC" not in dataset.classes


def test_tables_as_people_have_them(tmp_path: Path) -> None:
    """As the metadata of HAM10000, with semicolons of a spreadsheet, and as one-hot columns of any CSV."""
    for number in range(4):
        extra(tmp_path / f"ISIC_{number}.jpg")
    tables = {
        "ham.csv": "lesion_id,image_id,dx,dx_type,age\n"
        + "".join(f"HAM_{n // 2},ISIC_{n},{'nv' if n < 2 else 'mel'},histo,80.0\n" for n in range(4)),
        "sheet.csv": "\ufefffile;Class\r\n"
        + "".join(f'"ISIC_{n}.jpg";"{"nv" if n < 2 else "mel"}"\r\n' for n in range(4)),
        "tabs.tsv": "filename\tcategory\n"
        + "".join(f"ISIC_{n}.jpg\t{'nv' if n < 2 else 'mel'}\n\n" for n in range(4)),
        "hot.csv": "image,mel,nv\n" + "".join(f"ISIC_{n},{int(n > 1)},{int(n < 2)}\n" for n in range(4)),
    }
    for name, text in tables.items():
        (tmp_path / name).write_text(text)
        dataset = datasets.load(str(tmp_path / name))
        assert dataset.classes == ("mel", "nv") and dataset.labels.tolist() == [1, 1, 0, 0]
        assert dataset.groups == (("HAM_0", "HAM_0", "HAM_1", "HAM_1") if name == "ham.csv" else ())


def test_labels_without_names_are_numbers_in_order(tmp_path: Path) -> None:
    source = source_of("IDX", tmp_path)
    (tmp_path / "set" / "labels.txt").unlink()
    assert datasets.load(source, "test").classes == ("0", "1", "2")


def table(folder: Path, *columns: tuple[str, list[str]]) -> Path:
    """A CSV file of images a to d in its folder, with a label and further columns."""
    for name in "abcd":
        extra(folder / f"{name}.png")
    names = ["path", *(name for name, _ in columns)]
    rows = zip(["a.png", "b.png", "c.png", "d.png"], *(values for _, values in columns), strict=True)
    path = folder / "list.csv"
    path.write_text("\n".join(",".join(row) for row in [names, *rows]) + "\n")
    return path


LABELLED = ("label", ["x", "y", "x", "y"])


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("phase", ["train", "train", "val", "test"]), ("set", ["train"] * 4), ("dataset", ["Training", "Testing"] * 2),
        ("Usage", ["Training", "Training", "PublicTest", "PrivateTest"]), ("which", ["train2017", "val2017"] * 2),
        ("partition", ["0", "0", "1", "2"]), ("fold", ["1", "2", "3", "4"]), ("is_valid", ["False", "True"] * 2),
        ("is_test", ["0", "0", "0", "1"]), ("kfold", ["0.0", "1.0"] * 2),
    ],
)  # fmt: skip
def test_a_column_of_parts_by_another_name_is_not_passed_over(
    name: str, values: list[str], tmp_path: Path
) -> None:
    path = table(tmp_path, LABELLED, (name, values))
    for read in (datasets.load, datasets.parts):
        with pytest.raises(
            DataError, match=rf"the column {name} \(.*call it split, with train, .*take it out"
        ):
            read(str(path))
    # Both remedies work.
    table(tmp_path, LABELLED, ("split", ["train", "train", "validation", "test"]))
    assert datasets.parts(str(path)) == ("train", "validation", "test")
    table(tmp_path, LABELLED)
    assert len(datasets.load(str(path))) == 4


@pytest.mark.parametrize(
    ("cells", "words"),
    [(("1", "1"), "two labels, x, y"), (("0", "0"), "no label"), (("0.5", "0.5"), "something else than 0 and 1")],
)  # fmt: skip
def test_one_hot_columns_name_one_class(cells: tuple[str, str], words: str, tmp_path: Path) -> None:
    first, second = cells
    hot = [("x", ["1", "0", first, "0"]), ("y", ["0", "1", second, "1"])]
    path = table(tmp_path, *hot)
    with pytest.raises(DataError, match=f"line 4: {words}|{words}") as refused:
        datasets.load(str(path))
    assert str(path) in str(refused.value) and "\n" not in str(refused.value)


def test_one_hot_columns_with_a_column_of_parts(tmp_path: Path) -> None:
    hot = [("x", ["1", "0", "1", "0"]), ("y", ["0", "1", "0", "1"])]
    path = table(tmp_path, *hot, ("is_valid", ["0", "0", "0", "1"]))
    with pytest.raises(DataError, match="the column is_valid"):
        datasets.load(str(path))


@pytest.mark.parametrize(
    ("columns", "code", "names"),
    [
        ([LABELLED, ("age", ["30", "31", "40", "50"]), ("set", ["Lego", "Duplo"] * 2)], "unused-column", ("age", "set")),
        ([LABELLED, ("fold", ["1"] * 4)], "unused-column", ("fold",)),
        ([LABELLED, ("note", ["training shoes", "none", "", ""])], "unused-column", ("note",)),
        ([("x", ["1", "0"] * 2), ("y", ["0", "1"] * 2), ("width", ["0"] * 4)], "empty-class", ("width",)),
    ],
)  # fmt: skip
def test_a_column_that_is_not_used_is_said(
    columns: list[tuple[str, list[str]]], code: str, names: tuple[str, ...], tmp_path: Path
) -> None:
    dataset = datasets.load(str(table(tmp_path, *columns)))
    assert [(remark.code, remark.names) for remark in dataset.remarks] == [(code, names)]
    assert dataset.classes == ("x", "y")
