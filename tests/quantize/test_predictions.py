"""The answers to all images of a data set, as a table."""

import csv
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sets
from click.testing import CliRunner, Result
from PIL import Image
from tflite_files import Made

from mobilecnn.cli import cli
from mobilecnn.contract import contract_for
from mobilecnn.convert.lowering.tflite_metadata import append_labels, build
from mobilecnn.quantize import predictions
from mobilecnn.quantize.asking import Asking
from mobilecnn.quantize.inference import Opened, ask, opened
from mobilecnn.train.datasets import load

pytestmark = pytest.mark.usefixtures("forked")


def run(*typed: object) -> Result:
    return CliRunner().invoke(cli, [str(part) for part in typed])


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def model(path: Path, classes: int = 3, labels: tuple[str, ...] = (), kind: str = "SOFTMAX") -> Path:
    """A file that is asked at 8x8, grey, 0..1, and gives so many scores, or one."""
    made = Made((1, 8, 8, 1))
    made.add("MEAN", made.last, made.constant([1, 2], "int32"), shape=(1, 1), table="ReducerOptions")
    weights = np.linspace(-9, 9, classes) if classes > 1 else np.asarray([20.0])
    dense = (
        made.constant(weights.reshape(-1, 1)),
        made.constant(np.full(classes, -10.0 if classes == 1 else 0.0)),
    )
    made.add("FULLY_CONNECTED", made.last, *dense, shape=(1, classes), table="FullyConnectedOptions")
    if kind == "SOFTMAX":
        made.add("SOFTMAX", made.last, table="SoftmaxOptions", beta=1.0)
    elif kind:
        made.add(kind, made.last)
    said = build(contract_for("unit", (8, 8, 1)), labels, "it") if labels else None
    path.write_bytes(append_labels(made.pack(said=said), list(labels)) if labels else made.pack())
    return path


UNIT = ("--input-range", "unit")


@pytest.mark.parametrize("name", ["keras", "float32", "float16", "int8", "dynamic"])
def test_each_format_is_asked_as_evaluate_asks_it(
    name: str,
    exported: Path,
    third_party: Path,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(predictions, "MOST_IMAGES", 5)  # Three parts, the last one not full.
    path = third_party / "theirs.keras" if name == "keras" else exported / f"theirs.{name}.tflite"
    done = run("predict", path, photos, "-o", tmp_path / "it.csv", "--scores", "--json")
    assert done.exit_code == 0, done.output
    dataset = load(str(photos))
    (answers,) = ask([path], dataset.pixels, len(dataset))
    found = rows(tmp_path / "it.csv")
    names = ["0", "1"] if name == "keras" else ["cat", "dog"]
    assert [row["image"] for row in found] == [
        str(Path(str(image)).relative_to(photos)) for image in dataset.images
    ]
    assert [row["right"] for row in found] == ["cat"] * 6 + ["dog"] * 6
    scores = [[float(row[f"probability of {name}"]) for name in names] for row in found]
    # A Keras model multiplies another number of images at a time, which changes the last digits.
    assert np.allclose(scores, answers.scores, atol=1e-6)
    best = answers.scores.argmax(axis=1)
    assert [row["answer"] for row in found] == [names[index] for index in best]
    assert [int(row["class"]) for row in found] == best.tolist()
    said = json.loads(done.stdout)
    assert said["images"] == sum(said["answers"].values()) == 12 and said["not_finite"] == 0
    speed = said["speed"]
    assert speed["images"] == 12 and 0 < speed["decode_seconds"] < speed["seconds"]
    assert 0 < speed["inference_seconds"] < speed["seconds"]
    assert said["images_per_second"] == pytest.approx(12 / speed["seconds"])
    # Told from the stretches of all three parts.
    assert sum(speed["decoding"]["images"]) == sum(speed["running"]["images"]) == 12
    assert sum(speed["decoding"]["seconds"]) == pytest.approx(speed["decode_seconds"])
    if name == "keras":
        assert speed["interval"] is None  # Three batches tell too little.
    else:
        low, high = speed["interval"]
        assert 0 < low < speed["seconds"] < high


@pytest.mark.parametrize("case", sets.CASES)
def test_every_data_set_can_be_asked_about(case: str, tmp_path: Path) -> None:
    source = sets.CASES[case].write(tmp_path / "set")
    done = run("predict", model(tmp_path / "it.tflite"), source, "-o", tmp_path / "it.csv", *UNIT)
    assert done.exit_code == 0, done.output
    dataset = load(source, "test")
    found = rows(tmp_path / "it.csv")
    assert [row["right"] for row in found] == [dataset.classes[label] for label in dataset.labels]
    assert len({row["image"] for row in found}) == len(found) == len(dataset) > 0


@pytest.mark.parametrize(
    ("classes", "kind", "given", "first"),
    [
        (3, "SOFTMAX", (), ["answer 2", "probability 2", "answer 3", "probability 3"]),
        (7, "SOFTMAX", (), ["answer 2", "probability 2", "answer 3", "probability 3", "answer 4"]),
        (3, "", ("--output-kind", "logits"), ["answer 2", "probability 2"]),
        (3, "", ("--output-kind", "unknown"), ["answer 2", "score 2"]),
        (1, "LOGISTIC", (), ["answer 2", "probability 2"]),
        (3, "LOGISTIC", ("--output-kind", "sigmoid-exclusive"), ["answer 2", "probability 2"]),
        (3, "LOGISTIC", ("--output-kind", "sigmoid-multi-label"), ["answer 2", "probability 2"]),
    ],
)
def test_the_columns_follow_the_kind_of_the_output(
    classes: int, kind: str, given: tuple[str, ...], first: list[str], tmp_path: Path
) -> None:
    pictures(tmp_path / "data")
    path = model(tmp_path / "it.tflite", classes, kind=kind)
    done = run("predict", path, tmp_path / "data", "-o", tmp_path / "it.csv", *UNIT, *given, "--scores")
    assert done.exit_code == 0, done.output
    table = rows(tmp_path / "it.csv")
    columns = list(table[0])
    assert columns[:6] == list(predictions.FIRST) and columns[6 : 6 + len(first)] == first
    assert len(columns) == 6 + 2 * (min(5, max(2, classes)) - 1) + max(2, classes)
    dark, bright = table
    assert [row["image"] for row in table] == ["dark.png", "white.png"] and dark["right"] == ""
    if "sigmoid-multi-label" in given:
        # Half of them at 0 are no label, and two of three at 1 are above a half.
        assert (dark["answer"], bright["answer"]) == ("-", "2")
    else:
        assert (dark["answer"], bright["answer"]) == ("0", "1" if classes == 1 else str(classes - 1))
    assert (bright["probability"] == "") is ("unknown" in given)


def pictures(folder: Path) -> Path:
    folder.mkdir()
    for name, value in (("dark", 0), ("white", 255)):
        Image.new("L", (9, 9), value).save(folder / f"{name}.png")
    return folder


def test_what_cannot_be_read_is_refused_whole_or_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictions, "MOST_IMAGES", 2)
    data = tmp_path / "data"
    sets.class_folders(data)
    bad = [data / "DF" / "01.png", data / "NV" / "12.png"]
    for path in bad:
        path.write_bytes(b"\x89PNG, but no more")
    output = tmp_path / "it.csv"
    typed = ("predict", model(tmp_path / "it.tflite"), data, "-o", output, *UNIT)
    done = run(*typed)
    assert done.exit_code == 2 and all(str(path) in done.stderr for path in bad)
    assert "2 of 20 images cannot be read" in done.stderr and done.stderr.count("\n") <= 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "it.tflite"]
    done = run(*typed, "--skip-bad", "--json")
    assert done.exit_code == 0, done.output
    (remark,) = json.loads(done.stdout)["remarks"]
    assert (remark["code"], remark["count"]) == ("unreadable", 2)
    assert len(rows(output)) == 18 and not {"DF/01.png", "NV/12.png"} & {row["image"] for row in rows(output)}
    for path in data.rglob("*.png"):
        path.write_bytes(b"")
    before = output.read_bytes()
    done = run(*typed, "--skip-bad")
    assert done.exit_code == 2 and "none of the 20 images" in done.stderr
    assert output.read_bytes() == before


def test_an_answer_that_is_no_number_is_an_empty_row_and_code_1(tmp_path: Path) -> None:
    data = pictures(tmp_path / "data")
    made = Made((1, 8, 8, 1))
    made.add("MEAN", made.last, made.constant([1, 2], "int32"), shape=(1, 1), table="ReducerOptions")
    dense = made.constant([[3e38], [-3e38]]), made.constant([3e38, 0.0])  # Infinity where it is bright.
    made.add("FULLY_CONNECTED", made.last, *dense, shape=(1, 2), table="FullyConnectedOptions")
    (tmp_path / "it.tflite").write_bytes(made.pack())
    output = tmp_path / "it.csv"
    done = run("predict", tmp_path / "it.tflite", data, "-o", output, *UNIT, "--output-kind", "logits")
    assert done.exit_code == 1 and "no answer for 1 of 2 images" in done.stderr
    dark, white = rows(output)
    assert dark["answer"] == "0" and {*white.values()} == {"white.png", ""}


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (("data",), "data is a folder; give -o FILE.csv"),
        (("data/dark.png", "--scores"), "--scores is for the answers to many images; give -o FILE.csv"),
        (("data/dark.png", "--split", "test"), "--split is for the answers to many images"),
        (("data/dark.png", "--skip-bad"), "--skip-bad is for the answers to many images"),
        (("data", "-o", "it.txt"), "write -o it.txt.csv"),
        (("data", "-o", "data"), "is a folder; give the name of a file"),
        (("data", "-o", "it.csv", "--split", "test"), "is not divided into parts"),
        (("nowhere", "-o", "it.csv"), "no such folder: nowhere"),
        (("data/dark.png", "-o", "it.csv"), "is one file; leave -o out"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_written(
    typed: tuple[str, ...], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    pictures(tmp_path / "data")
    model(tmp_path / "it.tflite")
    done = run("predict", "it.tflite", *typed, *UNIT)
    assert done.exit_code == 2 and words in done.stderr, done.output
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "it.tflite"]


def test_a_later_table_replaces_an_earlier_one(tmp_path: Path) -> None:
    data = pictures(tmp_path / "data")
    path, output = model(tmp_path / "it.tflite"), tmp_path / "it.csv"
    for name in ("other.png", "third.png"):
        assert run("predict", path, data, "-o", output, *UNIT).exit_code == 0
        Image.new("L", (8, 8)).save(data / name)
    assert [row["image"] for row in rows(output)] == ["dark.png", "other.png", "white.png"]


def test_names_that_no_table_could_hold(tmp_path: Path) -> None:
    """A comma, quotes and the end of a line stay one cell, and what is no UTF-8 is written with backslashes."""
    data = tmp_path / "data"
    data.mkdir()
    for name in (b'a,"b".png', b"c\nd.png", b"e\xff.png"):
        Image.new("L", (8, 8)).save(data / "new.png")
        (data / "new.png").rename(str(data) + "/" + name.decode("utf-8", "surrogateescape"))
    output = tmp_path / "it.csv"
    assert run("predict", model(tmp_path / "it.tflite"), data, "-o", output, *UNIT).exit_code == 0
    assert [row["image"] for row in rows(output)] == ['a,"b".png', "c\nd.png", "e\\xff.png"]


def test_memory_does_not_grow_with_the_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never more images than a part has are held at once."""
    monkeypatch.setattr(predictions, "MOST_IMAGES", 3)
    given: list[int] = []

    @contextmanager
    def counted(path: Path, how: Asking) -> Iterator[Opened]:
        with opened(path, how) as held:

            def asked(pixels: Any) -> Any:
                given.append(len(pixels))
                return held.ask(pixels)

            yield Opened(held.classifier, asked)

    monkeypatch.setattr(predictions, "opened", counted)
    dataset, path = load(sets.class_folders(tmp_path / "data")), model(tmp_path / "it.tflite")
    how, form = Asking(input_range="unit"), predictions.ranking(all_scores=False)
    made = predictions.write(path, dataset, tmp_path / "it.csv", form, how)
    assert given == [3, 3, 3, 3, 3, 3, 2] and made.images == 20
