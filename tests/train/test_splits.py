"""Folders that are divided into parts, in the forms that people and archives give them, and classes called like one."""

from pathlib import Path

import pytest
from trees import CLASSES, divided, put, said

from mobilecnn.errors import DataError
from mobilecnn.train import datasets
from mobilecnn.train.datasets.splits import named, part_of


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("train", "train"), ("Training", "train"), ("train2017", "train"), ("train_set", "train"),
        ("val", "validation"), ("VALID", "validation"), ("validation", "validation"), ("dev", "validation"),
        ("eval", "validation"), ("test", "test"), ("testing", "test"), ("test-images", "test"),
        ("TrainingData", "train"), ("trainingdata", "train"), ("TestData", "test"), ("TESTSET", "test"), ("traindata", "train"),
        ("imgs_train", "train"), ("train_val", "train"), ("trainval", "train"), ("minival", "validation"), ("test-dev", "test"),
        ("val2", "validation"), ("validate", None), ("seg_train", None), ("train_test", None), ("dataset", None),
        ("trains", None), ("поезд train", None), ("cat", None), ("training shoes", None), ("trainer", None), ("", None), ("images", None),
    ],
)  # fmt: skip
def test_names_of_parts(name: str, part: str | None) -> None:
    assert part_of(name) == part


@pytest.mark.parametrize(
    "names", [("train", "val", "test"), ("Training", "valid", "testing"), ("train2017", "dev", "test1")]
)
def test_parts_are_used_for_what_they_are(names: tuple[str, str, str], tmp_path: Path) -> None:
    train, val, test = names
    root = divided(tmp_path, *names)
    put(root, "README/")
    training, tested = datasets.load(str(root), "train"), datasets.load(str(root), "test")
    validated = datasets.validation(str(root))
    assert validated is not None
    for dataset, name in ((training, train), (tested, test), (validated, val)):
        assert dataset.name == str(root / name) and dataset.classes == ("cat", "dog") and len(dataset) == 3
        assert said(dataset)["part"][1].endswith(f"of it {root / name} is read")
    with pytest.raises(DataError, match=r"no particular part is wanted; give the folder to use: .*/"):
        datasets.load(str(root))


@pytest.mark.parametrize(
    ("names", "part", "words"),
    [
        (("train", "val"), "test", "the test part is wanted; give the folder to use: {0}/train or {0}/val"),
        (("val", "test"), "train", "the train part is wanted; give the folder to use: {0}/test or {0}/val"),
        (
            ("train", "val", "validation"),
            "train",
            "two folders for validation, val and validation; give the one",
        ),
        (
            ("train", "test", "other"),
            "train",
            "has test, train beside other: if it is divided into parts, give .*{0}/test",
        ),
        (
            ("train", "other"),
            "train",
            "if train is a class, rename it, or take its images out of their subfolders",
        ),
    ],
)
def test_parts_that_do_not_fit_are_refused(
    names: tuple[str, ...], part: datasets.Part, words: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=words.format(tmp_path)):
        datasets.load(str(divided(tmp_path, *names)), part)


def test_two_parts_of_loose_images_are_no_classes(tmp_path: Path) -> None:
    put(tmp_path, "train/0.png", "val/1.png")
    dataset = datasets.load(str(tmp_path), "train")
    assert not dataset.labelled and dataset.name == str(tmp_path / "train")


def test_one_part_alone_with_classes_is_that_part(tmp_path: Path) -> None:
    dataset = datasets.load(str(divided(tmp_path, "train")), "train")
    assert dataset.classes == ("cat", "dog") and dataset.name == str(tmp_path / "train")


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("seg_train seg_test seg_pred", {"seg_train": "train", "seg_test": "test", "seg_pred": "prediction"}),
        ("flowers_train flowers_test", {"flowers_train": "train", "flowers_test": "test"}),
        ("x_train X_val", {"x_train": "train", "X_val": "validation"}),
        ("trainFlowers valFlowers", {"trainFlowers": "train", "valFlowers": "validation"}),
        ("trainval minival", {"trainval": "train", "minival": "validation"}),
        ("TrainingData TestData", {"TrainingData": "train", "TestData": "test"}),
        ("steam_train electric_train bus", {}),
        ("steam_train driving_test", {}),
        ("toy_train bus", {}),
        ("train bus", {"train": "train"}),
    ],
)
def test_names_with_a_further_word_are_parts_beside_each_other(names: str, expected: dict[str, str]) -> None:
    assert named(names.split()) == expected


@pytest.mark.parametrize(
    ("train", "val", "test"),
    [
        ("seg_train", "seg_val", "seg_test"),
        ("flowers_train", "flowers_valid", "flowers_test"),
        ("x_train", "x_val", "x_test"),
        ("trainval", "minival", "test-dev"),
        ("TrainingData", "ValidationData", "TestData"),
    ],
)
@pytest.mark.parametrize("wrapper", ["", "archive/", "archive/archive/"])
@pytest.mark.parametrize("doubled", [False, True])
def test_forms_of_parts(train: str, val: str, test: str, wrapper: str, doubled: bool, tmp_path: Path) -> None:
    places = {
        part: f"{wrapper}{name}/{name}" if doubled else f"{wrapper}{name}"
        for part, name in (("train", train), ("validation", val), ("test", test))
    }
    root = divided(tmp_path, *places.values())
    validated = datasets.validation(str(root))
    assert validated is not None
    read = {"train": datasets.load(str(root), "train"), "test": datasets.load(str(root), "test")}
    for part, dataset in {**read, "validation": validated}.items():
        assert dataset.name == str(root / places[part]) and dataset.classes == ("cat", "dog")
        assert ("wrapper" in said(dataset)) is bool(wrapper or (doubled and part_of(train) is None))


def test_a_doubled_folder_is_gone_into(tmp_path: Path) -> None:
    root = put(tmp_path / "flowers", *(f"flowers/{name}" for name in CLASSES), "README/")
    (root / "labels.csv").write_text("")
    dataset = datasets.load(str(root), "train")
    assert dataset.name == str(root / "flowers") and dataset.classes == ("cat", "dog")
    assert said(dataset) == {
        "wrapper": (1, f"{root} holds one folder with images: {root / 'flowers'} is read"),
        "empty-part": (1, f"{root}: 1 folder without images beside that folder: README"),
        "other-files": (1, f"{root}: 1 file not taken as images: 1 .csv"),
    }


def test_a_doubled_part_of_loose_images_has_no_class(tmp_path: Path) -> None:
    root = put(tmp_path, "train/train/cat.0.png", "train/train/dog.0.png", "test1/test1/0.png")
    dataset = datasets.load(str(root), "train")
    assert not dataset.labelled and dataset.name == str(root / "train" / "train")


def test_what_lies_beside_the_parts_is_named_once(tmp_path: Path) -> None:
    root = divided(tmp_path, "train", "test")
    put(root, "val/", "docs/", "loose.png", "train/eel/", "train/1.png")
    for name in ("labels.csv", "train/notes.txt", ".DS_Store"):
        (root / name).write_text("")
    dataset = datasets.load(str(root), "train")
    assert [(remark.code, remark.count, remark.text) for remark in dataset.remarks] == [
        ("part", 3, f"{root} is divided into test, train: of it {root / 'train'} is read"),
        ("empty-part", 2, f"{root}: 2 folders without images beside the parts: docs, val"),
        ("beside", 1, f"{root}: 1 image beside the parts, not used: loose.png"),
        ("hidden", 1, f"{root}: 1 hidden or system name passed over: 1 .DS_Store"),
        ("other-files", 1, f"{root}: 1 file not taken as images: 1 .csv"),
        ("empty-class", 1, f"{root / 'train'}: 1 folder without images beside the class folders: eel"),
        ("beside", 1, f"{root / 'train'}: 1 image beside the class folders, not used: 1.png"),
        ("other-files", 1, f"{root / 'train'}: 1 file not taken as images: 1 .txt"),
    ]


@pytest.mark.parametrize(
    "names",
    [("bus/0.png", "car/0.png", "train/0.png"), ("bus/0.png", "Train/0.png"), ("bus/x/0.png", "train/0.png")],
)
def test_a_class_of_trains_is_one_and_is_named(names: tuple[str, ...], tmp_path: Path) -> None:
    dataset = datasets.load(str(put(tmp_path, *names)), "test")
    train = names[-1].split("/")[0]
    assert set(dataset.classes) == {name.split("/")[0] for name in names}
    assert datasets.validation(str(tmp_path)) is None
    words = f"{tmp_path}: {train} is taken as a class like the others; if it is the part to train on, give "
    words += str(tmp_path / train)
    assert said(dataset)["class-or-part"] == (1, words)


def test_a_divided_set_of_vehicles_keeps_its_class_of_trains(tmp_path: Path) -> None:
    put(tmp_path, *(f"{part}/{name}/0.png" for part in ("train", "test") for name in ("bus", "car", "train")))
    dataset = datasets.load(str(tmp_path), "train")
    assert dataset.classes == ("bus", "car", "train") and len(dataset) == 3
    assert "class-or-part" in said(dataset)


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        # Images that no class folder names, beside class folders.
        ("cat/0.png dog/0.png test/0.png", "has test beside cat, dog: if test is a part of the data, give its folder, {0}/test, or"),
        ("cat/0.png dog/0.png test/0.png", "or move it out of {0} to use the others as classes; if test is a class, rename it"),
        ("cat/0.png val/0.png", "has val beside cat"),
        ("cat/0.png training_set/0.png", "has training_set beside cat"),
        ("cat/0.png train2017/0.png", "has train2017 beside cat"),
        ("bus/0.png train/0.png test/0.png", "has test, train beside bus: .*give the folder of one"),
        ("train/cat/0.png train/dog/0.png train/test/0.png test/cat/0.png", "{0}/train has test beside cat, dog"),
        # Folds.
        ("fold1/cat/0.png fold2/cat/0.png", "has fold1, fold2, and folds of a cross-validation are no classes; give .*{0}/fold1"),
        ("fold_1/0.png fold_2/0.png", "has fold_1, fold_2, and folds"),
        ("Fold-1/cat/0.png Fold-2/cat/0.png", "folds of a cross"),
        ("kfold0/cat/0.png kfold1/cat/0.png test/cat/0.png", "has kfold0, kfold1, and folds"),
        ("flowers_fold1/cat/0.png flowers_fold2/cat/0.png", "folds of a cross"),
        ("train/fold1/cat/0.png train/fold2/cat/0.png test/cat/0.png", "{0}/train has fold1, fold2"),
        ("archive/fold1/cat/0.png archive/fold2/cat/0.png", "{0}/archive has fold1, fold2"),
        # Parts deeper down.
        ("a/train/cat/0.png a/val/cat/0.png b/0.png", "has a beside b, and {0}/a is divided into train, val: give {0}/a to"),
        ("a/train/cat/0.png a/val/cat/0.png b/0.png c/x/0.png", "has a beside b, c"),
        ("a/train/c/0.png a/test/c/0.png b/train/c/0.png b/test/c/0.png d/0.png", "has a, b beside d"),
        ("a/x_train/c/0.png a/x_test/c/0.png b/0.png", "{0}/a is divided into x_test, x_train"),
        ("cat/train/0.png cat/test/0.png dog/train/0.png dog/test/0.png", "make {0}/test/cat of {0}/cat/test, and so of"),
        ("train/train/c/0.png train/val/c/0.png test/c/0.png", "{0}/train is a part, and divided into train, val itself"),
    ],
)  # fmt: skip
def test_what_can_be_read_in_two_ways_is_refused_with_a_way_out(
    tree: str, words: str, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=words.format(tmp_path)):
        datasets.load(str(put(tmp_path, *tree.split())), "train")


@pytest.mark.parametrize(
    "tree", ["fold1/0.png cat/0.png", "foldable/0.png unfold1/0.png", "a/train/0.png b/0.png"]
)
def test_names_that_are_only_alike_are_classes(tree: str, tmp_path: Path) -> None:
    dataset = datasets.load(str(put(tmp_path, *tree.split())), "train")
    assert len(dataset.classes) == 2


def link(root: Path, name: str, target: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).symlink_to(root / target)


@pytest.mark.parametrize(
    ("name", "target", "count"),
    [
        ("eel", "cat", "2 image files"),
        ("dog/more", "cat", "2 image files"),
        ("eel/0.png", "dog/0.png", "1 image file"),
    ],
)
def test_an_image_in_two_classes_is_refused(name: str, target: str, count: str, tmp_path: Path) -> None:
    root = put(tmp_path, *CLASSES)
    link(root, name, target)
    with pytest.raises(
        DataError, match=rf"{count} of {root} (is|are) in two classes, by a link: the same is in {root}/"
    ):
        datasets.load(str(root))
    (root / name).unlink()
    put(root, "eel/1.png")
    assert datasets.load(str(root)).classes == ("cat", "dog", "eel")


def test_a_hard_link_is_a_link(tmp_path: Path) -> None:
    root = put(tmp_path, *CLASSES)
    (root / "dog" / "9.png").hardlink_to(root / "cat" / "0.png")
    with pytest.raises(DataError, match="in two classes"):
        datasets.load(str(root))


@pytest.mark.parametrize(("name", "target"), [("val", "train"), ("test", "train"), ("val/dog", "train/dog")])
def test_a_part_with_the_images_of_the_training_is_refused(name: str, target: str, tmp_path: Path) -> None:
    root = divided(tmp_path, "train")
    link(root, name, target)
    with pytest.raises(
        DataError, match=rf"of {name.split('/')[0]} are the very files that train has, by a link"
    ):
        datasets.load(str(root), "train")


def test_validation_and_test_may_be_one(tmp_path: Path) -> None:
    root = divided(tmp_path, "train", "val")
    link(root, "test", "val")
    assert len(datasets.load(str(root), "test")) == 3


def moved(root: Path, *moves: str) -> Path:
    for move in moves:
        old, new = move.split(" > ")
        (root / new).parent.mkdir(parents=True, exist_ok=True)
        (root / old).rename(root / new)
    return root


@pytest.mark.parametrize(
    ("tree", "moves", "given", "classes"),
    [
        ("cat/0.png dog/0.png test/0.png", ["test > ../outside"], "", ("cat", "dog")),
        ("cat/0.png dog/0.png test/0.png", ["test > a test"], "", ("a test", "cat", "dog")),
        ("cat/0.png dog/0.png test/0.png", [], "test", ()),
        ("bus/0.png train/0.png test/0.png", ["train > trains", "test > tests"], "", ("bus", "tests", "trains")),
        ("car/0.png train/steam/0.png", ["train/steam/0.png > train/0.png"], "", ("car", "train")),
        ("fold1/cat/0.png fold2/cat/0.png", [], "fold1", ("cat",)),
        ("fold1/cat/0.png fold2/cat/0.png", ["fold1 > train", "fold2 > val"], "", ("cat",)),
        ("a/train/cat/0.png a/val/cat/0.png b/0.png", [], "a", ("cat",)),
        ("a/train/0.png a/val/1.png b/0.png", ["a/train/0.png > a/0.png", "a/val/1.png > a/1.png"], "", ("a", "b")),
        ("c/train/0.png c/val/0.png d/train/0.png d/val/0.png",
         ["c/train > train/c", "c/val > val/c", "d/train > train/d", "d/val > val/d"], "", ("c", "d")),
        ("train/train/c/0.png train/val/c/0.png test/c/0.png", [], "train", ("c",)),
    ],
)  # fmt: skip
def test_the_ways_out_work(
    tree: str, moves: list[str], given: str, classes: tuple[str, ...], tmp_path: Path
) -> None:
    root = put(tmp_path / "root", *tree.split())
    with pytest.raises(DataError):
        datasets.load(str(root), "train")
    dataset = datasets.load(str(moved(root, *moves) / given), "train")
    assert dataset.classes == classes and len(dataset) >= max(1, len(classes))
