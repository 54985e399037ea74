"""Manifests: how images are divided, what is refused, and that a file which changed is found."""

import json
import os
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sets

from mobilecnn.errors import DataError, MobileCnnError, OutputError, UsageError
from mobilecnn.remarks import Remarks
from mobilecnn.train import datasets
from mobilecnn.train.datasets import manifest
from mobilecnn.train.datasets.identity import digest
from mobilecnn.train.datasets.manifest import Manifest
from mobilecnn.train.datasets.preparation import Request, prepare
from mobilecnn.train.material import split
from mobilecnn.train.plan import TrainingPlan


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(sets.class_folders(tmp_path / "data"))


def test_every_class_is_divided_in_proportion(folder: Path, tmp_path: Path) -> None:
    made = prepare(Request(str(folder), tmp_path / "m.json", 0.2, 0.3))
    assert Manifest.read(tmp_path / "m.json") == made
    counts = Counter((image.split, image.label) for image in made.images)
    assert counts == {
        ("train", "DF"): 2, ("validation", "DF"): 1, ("test", "DF"): 1,
        ("train", "MEL"): 3, ("validation", "MEL"): 1, ("test", "MEL"): 2,
        ("train", "NV"): 5, ("validation", "NV"): 2, ("test", "NV"): 3,
    }  # fmt: skip
    assert {image.path for image in made.images} == {
        str(path.relative_to(tmp_path)) for path in folder.rglob("*.png")
    }
    assert made.shares == {"validation": 0.2, "test": 0.3} and made.classes == tuple(sets.CLASSES)


def test_the_seed_decides(folder: Path, tmp_path: Path) -> None:
    first, again, other = (
        prepare(Request(str(folder), tmp_path / f"{name}.json", seed=seed))
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert first.images == again.images != other.images
    assert sorted(image.path for image in first.images) == sorted(image.path for image in other.images)


def test_lesions_and_copies_stay_in_one_part(tmp_path: Path) -> None:
    source = Path(sets.isic(tmp_path / "isic"))
    truth = source / f"{sets.ISIC}_Training_GroundTruth" / f"{sets.ISIC}_Training_GroundTruth.csv"
    # Of two lesions of NV a copy of one's image is in the other.
    shutil.copy(source / f"{sets.ISIC}_Training_Input" / "ISIC_0000010.jpg", source / f"{sets.ISIC}_Training_Input" / "ISIC_0000019.jpg")  # fmt: skip
    assert "ISIC_0000019" in truth.read_text()
    for seed in range(8):
        made = prepare(Request(str(source), tmp_path / f"{seed}.json", 0, 0.4, seed))
        homes: dict[str, set[str]] = {}
        for image in made.images:
            homes.setdefault(image.group, set()).add(image.split)
            homes.setdefault(image.sha256, set()).add(image.split)
        assert {len(splits) for splits in homes.values()} == {1}
        assert {image.split for image in made.images} == {"train", "test"}


def test_parts_of_the_source_stay_and_missing_ones_come_from_train(tmp_path: Path) -> None:
    source = Path(sets.part_folders(tmp_path / "data"))
    whole = prepare(Request(str(source), tmp_path / "whole.json"))
    assert whole.shares == {}
    names = {"train": "train", "validation": "val", "test": "test"}
    assert all(image.path.split("/")[1] == names[image.split] for image in whole.images)
    shutil.rmtree(source / "val")
    made = prepare(Request(str(source), tmp_path / "made.json", 0.3, 0.9 - 0.3))
    assert made.shares == {"validation": 0.3}
    assert {image.path.split("/")[1] for image in made.images if image.split == "validation"} == {"train"}
    assert {image.path.split("/")[1] for image in made.images if image.split == "test"} == {"test"}


def test_a_manifest_may_lie_anywhere_and_move_with_its_data(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lists").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "lists")
    monkeypatch.chdir(folder.parent)
    prepare(Request("data", Path("link/m.json")))
    assert len(datasets.load("lists/m.json")) == len(datasets.load("link/m.json")) == 20
    monkeypatch.chdir("/")
    assert len(datasets.load(str(tmp_path / "link/m.json"), "train")) > 5
    shutil.move(tmp_path, moved := tmp_path.with_name(f"{tmp_path.name}-moved"))
    assert len(datasets.load(str(moved / "lists/m.json"), "test")) > 2


def copied(root: Path, *names: str) -> None:
    for name in names:
        (root / "data" / name).parent.mkdir(exist_ok=True)
        shutil.copy(root / "data/NV/12.png", root / "data" / name)


def two_images(root: Path) -> None:
    for name in ("00.png", "01.png"):
        (root / "data/DF" / name).unlink()


def one_class(root: Path) -> None:
    for name in ("DF", "MEL"):
        shutil.rmtree(root / "data" / name)


def in_test_alone(root: Path) -> None:
    (root / "data").rename(root / "test")
    (root / "data").mkdir()
    (root / "test").rename(root / "data/test")


REFUSED: list[tuple[str, Callable[[Path], object], dict[str, Any], type[MobileCnnError], str]] = [
    # what is done to data/, what else is asked for, what is said
    ("one image", lambda r: copied(r, "VASC/0.png"), {}, DataError, "the class VASC has 1 image, too few for 3 parts"),
    ("one image, three parts", lambda r: copied(r, "VASC/0.png"), {}, DataError, "or give --validation 0 and --test 0"),
    ("one image, two parts", lambda r: copied(r, "VASC/0.png"), {"validation": 0}, DataError, "take the class out, or give --test 0"),
    ("two images", two_images, {}, DataError, "validation has none of it"),
    ("two images, three parts", two_images, {}, DataError, "or give --validation 0 or --test 0"),
    ("copies", lambda r: copied(r, *(f"VASC/{n}.png" for n in range(5))), {}, DataError, "has 5 images of 1 group"),
    ("one class", one_class, {}, DataError, "has one class only (NV)"),
    ("loose", lambda r: None, {"source": "data/NV"}, DataError, "has loose images"),
    ("unreadable", lambda r: (r / "data/NV/12.png").write_bytes(b"no"), {}, DataError, "12.png is not a JPEG"),
    ("no train", in_test_alone, {}, DataError, "nothing to train on"),
    ("nowhere", lambda r: None, {"source": "nowhere"}, DataError, "no such folder: nowhere"),
    ("manifest", lambda r: prepare(Request("data", Path("old.json"))), {"source": "old.json"}, DataError, "is a manifest already"),
    ("taken", lambda r: (r / "m.json").write_text("mine"), {}, OutputError, "m.json exists"),
    ("folder", lambda r: (r / "m.json").mkdir(), {}, OutputError, "m.json exists"),
    ("no place", lambda r: None, {"output": Path("/proc/m.json")}, OutputError, "cannot write"),
    ("no .json", lambda r: None, {"output": Path("m.csv")}, UsageError, "write -o m.csv.json"),
    ("negative", lambda r: None, {"test": -0.1}, UsageError, "--test -0.1 is out of range"),
    ("NaN", lambda r: None, {"validation": float("nan")}, UsageError, "--validation nan is out of range"),
    ("all", lambda r: None, {"validation": 0.5, "test": 0.5}, UsageError, "are 1 together, and at least 0.1 must be left"),
    ("seed", lambda r: None, {"seed": -1}, UsageError, "--seed -1"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("what", "spoil", "asked", "kind", "words"), REFUSED, ids=[row[0] for row in REFUSED]
)
def test_what_cannot_be_prepared_is_one_clear_line(
    what: str,
    spoil: Callable[[Path], object],
    asked: dict[str, Any],
    kind: type[MobileCnnError],
    words: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(folder.parent)
    spoil(folder.parent)
    before = sorted(path.name for path in folder.parent.iterdir())
    with pytest.raises(kind) as refused:
        prepare(Request(**{"source": "data", "output": Path("m.json"), **asked}))
    assert words in str(refused.value) and "\n" not in str(refused.value)
    after = sorted(path.name for path in folder.parent.iterdir() if not path.name.startswith("."))
    assert after == before, "something half-written is left"


def test_a_part_that_is_missing_has_a_remedy(folder: Path, tmp_path: Path) -> None:
    prepare(Request(str(folder), tmp_path / "m.json", 0.3, 0))
    with pytest.raises(
        DataError, match=r"no image of the part test; .*; name another part \(--split validation\), or make"
    ):
        datasets.load(str(tmp_path / "m.json"), "test")
    document = json.loads((tmp_path / "m.json").read_text())
    document["images"] = [{**image, "split": "test"} for image in document["images"]]
    (tmp_path / "m.json").write_text(json.dumps(document))
    with pytest.raises(
        DataError, match="no image of the part train; it has 20 test; it is for evaluation alone"
    ):
        datasets.load(str(tmp_path / "m.json"), "train")


def test_a_class_without_an_image_to_train_on_is_refused(folder: Path, tmp_path: Path) -> None:
    prepare(Request(str(folder), tmp_path / "m.json"))
    document = json.loads((tmp_path / "m.json").read_text())
    for image in document["images"]:
        image["split"] = "test" if image["label"] == "DF" else image["split"]
    (tmp_path / "m.json").write_text(json.dumps(document))
    with pytest.raises(
        DataError, match=r"m.json has no image to train on of 1 class: DF; add some, or take it out of"
    ):
        split(TrainingPlan("lenet5", str(tmp_path / "m.json"), 32))


def test_remedies_work(folder: Path, tmp_path: Path) -> None:
    copied(tmp_path, "VASC/0.png")
    (folder / "NV" / "bad.png").write_bytes(b"no")
    remarks = Remarks()
    request = Request(str(folder), tmp_path / "m.json", 0, 0, skip_bad=True)
    assert len(prepare(request, remarked=remarks).images) == 21
    codes = {remark.code: remark for remark in remarks.rows}
    assert set(codes) == {"unreadable", "two-classes"} and "12.png (NV)" in codes["two-classes"].text


def test_the_same_content_in_two_parts_is_said(tmp_path: Path) -> None:
    source = Path(sets.part_folders(tmp_path / "data"))
    shutil.copy(source / "train/DF/00.png", source / "test/DF/copy.png")
    remarks = Remarks()
    prepare(Request(str(source), tmp_path / "m.json"), remarked=remarks)
    (leak,) = remarks.rows
    assert (leak.code, leak.count) == ("leak", 1) and "copy.png (test)" in leak.text


def replaced(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a byte": (lambda path: path.write_bytes(path.read_bytes()[:-1] + b"x"), "changed"),
    "longer": (lambda path: path.write_bytes(path.read_bytes() + b"x"), "changed"),
    "another image": (lambda path: shutil.copy(next(path.parents[1].glob("NV/*.png")), path), "changed"),
    "missing": (lambda path: path.unlink(), "missing"),
    "a folder": (lambda path: replaced(path, Path.mkdir), "unreadable"),
    "a pipe": (lambda path: replaced(path, os.mkfifo), "unreadable"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_of_another_part_that_changed_is_said(change: str, folder: Path, tmp_path: Path) -> None:
    source = str(tmp_path / "m.json")
    made = prepare(Request(str(folder), tmp_path / "m.json"))
    codes = {remark.code for remark in datasets.load(source, "validation").remarks}
    assert "other-part-changed" not in codes
    image = next(image for image in made.images if (image.split, image.label) == ("train", "MEL"))
    spoil, word = CHANGES[change]
    spoil(tmp_path / image.path)
    for part in ("validation", "test"):
        remarks = datasets.load(source, part).remarks
        (said,) = (remark for remark in remarks if remark.code == "other-part-changed")
        assert said.text == (
            f"{source}: 1 image of its part train is not as when it was made: {image.path} ({word})"
        )
    with pytest.raises(DataError, match="not as when it was made"):
        datasets.load(source, "train")


def test_of_other_parts_only_what_was_written_since_is_read(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy has the time of its original, and another one that the system keeps."""
    source = tmp_path / "m.json"
    made = prepare(Request(str(folder), source))
    later = source.stat().st_mtime_ns + 10**9
    os.utime(source, ns=(later, later))
    read: list[object] = []

    def counted(image: Path) -> str:
        read.append(image)
        return digest(image)

    monkeypatch.setattr(manifest, "digest", counted)
    datasets.load(str(source), "test")
    assert read == []
    os.utime(source, ns=(0, 0))
    assert "other-part-changed" not in {one.code for one in datasets.load(str(source), "test").remarks}
    assert len(read) == sum(image.split != "test" for image in made.images)


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changed_is_named(change: str, folder: Path, tmp_path: Path) -> None:
    made = prepare(Request(str(folder), tmp_path / "m.json"))
    (path,) = [
        tmp_path / image.path for image in made.images if (image.split, image.label) == ("test", "MEL")
    ]
    spoil, word = CHANGES[change]
    spoil(path)
    with pytest.raises(DataError) as refused:
        datasets.load(str(tmp_path / "m.json"), "test")
    assert f"1 of {sum(i.split == 'test' for i in made.images)} images is not as when it was made: {path} ({word})" in str(refused.value)  # fmt: skip
    assert len(datasets.load(str(tmp_path / "m.json"), "train")) > 5, "the others are as they were"


def test_idx_files_that_changed_are_refused(tmp_path: Path) -> None:
    source = sets.manifest(tmp_path, sets.idx(tmp_path / "idx", packed=False))
    path = tmp_path / "idx/t10k-images-idx3-ubyte"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(DataError, match=r"image \d+ \(changed\)"):
        datasets.load(source, "test")
    path.write_bytes(sets.idx_bytes(sets.picture(0)[None]))
    with pytest.raises(DataError, match="has no image 1, and the manifest lists it"):
        datasets.load(source, "test")


SPOILED: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "schema": (lambda d: d.update(schema="theirs"), "not a data manifest"),
    "version": (lambda d: d.update(version=9), "of version 9"),
    "no images": (lambda d: d["images"].clear(), "images is empty"),
    "unknown class": (lambda d: d["classes"].remove("NV"), "is the unknown class 'NV'"),
    "class twice": (lambda d: d["classes"].append("NV"), "classes has a name twice"),
    "class without name": (lambda d: d["classes"].append(""), "classes has an empty name"),
    "class of blanks": (lambda d: d["classes"].append(" \t"), "classes has an empty name"),
    "image twice by another way": (
        lambda d: d["images"].append({**d["images"][0], "path": f"x/.././/{d['images'][0]['path']}"}),
        "is there twice",
    ),
    "image twice": (lambda d: d["images"].append(d["images"][0]), "is there twice"),
    "split": (lambda d: d["images"][0].update(split="dev"), "split 'dev' is none of"),
    "sha256": (lambda d: d["images"][0].update(sha256="0"), "sha256 is none"),
    "absolute": (lambda d: d["images"][0].update(path="/etc/passwd"), "is not relative"),
    "NUL": (lambda d: d["images"][0].update(path="a\0b"), "is not relative"),
    "number": (lambda d: d["images"][0].update(index=-1), "images[0].index must be a whole number"),
    "missing": (lambda d: d["images"][0].pop("label"), "images[0].label is missing"),
    "more": (lambda d: d.update(more=1), "'more' is not known here"),
}


@pytest.mark.parametrize("spoiled", SPOILED)
def test_a_damaged_manifest_is_refused(spoiled: str, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "m.json"
    prepare(Request(str(folder), path))
    document = json.loads(path.read_text())
    spoil, words = SPOILED[spoiled]
    spoil(document)
    path.write_text(json.dumps(document))
    with pytest.raises(DataError) as refused:
        datasets.load(str(path), "train")
    assert str(path) in str(refused.value) and words in str(refused.value)
