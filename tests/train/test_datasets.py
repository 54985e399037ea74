"""Data sets: folders, the embedded digits, splits, and labels for a model."""

import shutil
import threading
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mobilecnn.contract import contract_for
from mobilecnn.errors import DataError
from mobilecnn.train import datasets, zoo
from mobilecnn.train.datasets import reading
from mobilecnn.train.datasets.dataset import Dataset, labels_for
from mobilecnn.train.datasets.digits import HELD_OUT
from mobilecnn.train.fit import default_size
from mobilecnn.train.images import Opened, decode, to_pixels


def made(counts: list[int]) -> Dataset:
    labels = np.repeat(np.arange(len(counts)), counts)
    images = [np.full((2, 2), index % 256, np.uint8) for index in range(len(labels))]
    return Dataset(
        "made", tuple(f"class {index}" for index in range(len(counts))), images, labels.astype(np.int64)
    )


def contents(dataset: Dataset) -> list[bytes]:
    return [image.tobytes() for image in dataset.images if not isinstance(image, Path)]


def test_the_digits() -> None:
    digits = datasets.load("digits")
    assert (len(digits), len(digits.classes)) == (1797, 10)
    assert max(max(content) for content in contents(digits)) == 255
    first, second = digits.split(HELD_OUT)
    assert len(first) + len(second) == 1797 and len(second) == pytest.approx(1797 / 5, abs=5)
    assert not {id(image) for image in first.images} & {id(image) for image in second.images}
    # Training and evaluation, in processes of their own, get these two parts and no others.
    assert contents(datasets.load("digits", "train")) == contents(first)
    assert contents(datasets.load("digits", "test")) == contents(second)


def test_a_folder_of_class_folders(photos: Path) -> None:
    dataset = datasets.load(str(photos))
    assert dataset.classes == ("cat", "dog") and len(dataset) == 12
    assert dataset.labels.tolist() == [0] * 6 + [1] * 6
    pixels = list(dataset.pixels(contract_for("raw", (8, 8, 3))))
    assert len(pixels) == 12 and pixels[0].shape == (8, 8, 3)


def test_images_are_decoded_several_at_a_time_and_come_in_order(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contract = contract_for("raw", (8, 8, 3))
    dataset = datasets.load(str(photos))
    alone = [to_pixels(image, contract) for image in dataset.images]
    met = threading.Barrier(2)

    def slow(path: Path) -> Opened:
        met.wait(60)  # For another one that is decoded meanwhile.
        return decode(path)

    monkeypatch.setattr(reading, "decode", slow)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    np.testing.assert_array_equal(list(dataset.pixels(contract)), alone)
    # Pictures that wait are few where they are large.
    monkeypatch.setattr(reading, "_HELD", 1)
    np.testing.assert_array_equal(list(dataset.pixels(contract)), alone)


def test_a_picture_that_cannot_be_decoded_has_its_place(photos: Path, tmp_path: Path) -> None:
    """Why comes in the order of the images, and holds up none of the others."""
    folder = tmp_path / "photos"
    shutil.copytree(photos, folder)
    images = [image for image in datasets.load(str(folder)).images if isinstance(image, Path)]
    for index in (0, 7):
        images[index].write_bytes(b"\xff\xd8 and no more")
    contract = contract_for("raw", (8, 8, 3))
    found = list(reading.decoded(images, contract, threads=3))
    assert [image for image, _ in found] == images
    for index, (image, result) in enumerate(found):
        if index in (0, 7):
            assert isinstance(result, DataError) and str(image) in str(result)
        else:
            assert not isinstance(result, DataError) and isinstance(image, Path)
            np.testing.assert_array_equal(result[0], to_pixels(decode(image).image, contract))


def test_whoever_takes_few_pictures_waits_for_few(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Path] = []

    def noting(path: Path) -> Opened:
        begun.append(path)
        return decode(path)

    monkeypatch.setattr(reading, "decode", noting)
    monkeypatch.setattr(reading, "_HELD", 1)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    pixels = datasets.load(str(photos)).pixels(contract_for("raw", (8, 8, 3)))
    assert isinstance(pixels, Generator)
    next(pixels)
    pixels.close()
    assert len(begun) <= 3


def test_loose_images_have_no_labels(photos: Path) -> None:
    dataset = datasets.load(str(photos / "cat"))
    assert not dataset.labelled and len(dataset) == 6
    assert len(dataset.sample(4)) == 4
    with pytest.raises(DataError, match="one folder a class"):
        labels_for(dataset, ["cat"], 1)


def test_hidden_folders_and_other_files_are_passed_over(photos: Path, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    shutil.copytree(photos, folder)
    (folder / ".cache").mkdir()
    shutil.copy(folder / "cat" / "0.jpg", folder / ".cache" / "0.jpg")
    (folder / "empty").mkdir()
    (folder / "cat" / "notes.txt").write_text("not a picture")
    assert datasets.load(str(folder)).classes == ("cat", "dog")
    assert len(datasets.load(str(folder))) == 12


@pytest.mark.parametrize(
    ("what", "words"), [("nowhere", "no such folder"), ("file", "is a file"), ("empty", "no images")]
)
def test_what_is_no_data_set_is_refused(tmp_path: Path, what: str, words: str) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=words):
        datasets.load(str(tmp_path / what))


@settings(deadline=None)
@given(st.lists(st.integers(1, 30), min_size=1, max_size=6), st.floats(0.05, 0.9), st.integers(0, 9))
def test_a_split_divides_every_class(counts: list[int], share: float, seed: int) -> None:
    dataset = made(counts)
    first, second = dataset.split(share, seed)
    assert len(first) + len(second) == len(dataset)
    ids = {id(image) for image in first.images} | {id(image) for image in second.images}
    assert len(ids) == len(dataset)
    for label, count in enumerate(counts):
        kept = int((first.labels == label).sum())
        assert kept >= 1 or count == 1
        assert abs((count - kept) - count * share) <= 1
    again, _ = dataset.split(share, seed)
    assert [id(image) for image in again.images] == [id(image) for image in first.images]


@given(st.lists(st.integers(1, 20), min_size=1, max_size=5), st.integers(1, 40))
def test_a_sample_takes_the_classes_in_turn(counts: list[int], wanted: int) -> None:
    chosen = made(counts).sample(wanted)
    assert len(chosen) == min(wanted, sum(counts))
    taken = np.bincount(chosen.labels, minlength=len(counts))
    # No class has two more than another that still had images left.
    left = [count - took for count, took in zip(counts, taken, strict=True)]
    assert all(taken[a] <= taken[b] + 1 for a in range(len(counts)) for b in range(len(counts)) if left[b])


@pytest.mark.parametrize(
    ("names", "refused"),
    [
        (("0", "1", "10", "2"), True),
        (("1", "11", "2"), True),
        (("00", "01", "02", "10"), False),
        (("0", "1", "2", "3"), False),
        (("0", "10", "2", "other"), False),
    ],
)
def test_numbers_in_two_orders_need_labels(names: tuple[str, ...], refused: bool) -> None:
    dataset = replace(made([1] * len(names)), classes=names)
    if refused:
        with pytest.raises(DataError, match="sorted as text, as some tools that train do, 10 comes before 2"):
            labels_for(dataset, [], len(names))
    else:
        assert labels_for(dataset, [], len(names)).tolist() == list(range(len(names)))
    assert labels_for(dataset, list(reversed(names)), len(names)).tolist() == list(range(len(names)))[::-1]


def test_labels_are_matched_by_name_when_the_model_has_names() -> None:
    dataset = made([1, 1])
    assert labels_for(dataset, ["class 1", "other", "class 0"], 3).tolist() == [2, 0]
    assert labels_for(dataset, [], 2).tolist() == [0, 1]
    with pytest.raises(DataError, match="2 classes and the model 3 outputs"):
        labels_for(dataset, [], 3)
    with pytest.raises(DataError, match="no class 'class 1'"):
        labels_for(dataset, ["class 0", "b"], 2)


def test_a_format_is_a_row_of_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    parts: list[str] = []

    def read(source: str, part: datasets.Part) -> Dataset:
        parts.append(f"{source} {part}")
        return made([1, 2])

    row = datasets.Reader("a .made file", lambda source: source.endswith(".made"), read, default_size=48)
    monkeypatch.setattr(datasets, "READERS", (*datasets.READERS, row))
    assert len(datasets.load("some.made", "test")) == 3
    assert parts == ["some.made test"]
    assert default_size(zoo.parse("squeezenet_v1.1"), "some.made") == 48
    assert default_size(zoo.parse("mobilenet_v1_x0.25_128"), "some.made") == 128
    with pytest.raises(
        DataError, match=r"'digits' or .* or a folder of class folders with images or a \.made file"
    ):
        datasets.load("other")
