"""The challenge's table of answers, and its score."""

import csv
import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import sets
from click.testing import CliRunner, Result
from PIL import Image
from test_predictions import UNIT, model

from mobilecnn.cli import cli
from mobilecnn.quantize.isic import CATEGORIES, NO_PANDAS, score

needs_scorer = pytest.mark.skipif(
    find_spec("isic_challenge_scoring") is None, reason="needs pip install 'mobilecnn[isic]'"
)


def run(*typed: object) -> Result:
    return CliRunner().invoke(cli, [str(part) for part in typed])


def photos(folder: Path, count: int) -> Path:
    """So many grey pictures from dark to bright, called as the challenge calls them."""
    folder.mkdir(parents=True)
    for place in range(count):
        value = 30 + 225 * place // max(1, count - 1)  # Of black all scores are equal.
        Image.new("RGB", (9, 9), (value, value, value)).save(folder / f"ISIC_{place:07}.jpg", quality=95)
    return folder


@pytest.mark.parametrize("labels", [CATEGORIES, tuple(name.lower() for name in sorted(CATEGORIES))])
def test_a_submission_has_the_columns_of_the_challenge_in_its_order(
    labels: tuple[str, ...], tmp_path: Path
) -> None:
    path, data = model(tmp_path / "it.tflite", 7, labels), photos(tmp_path / "data", 3)
    done = run("isic", "submission", path, data, "-o", tmp_path / "it.csv", *UNIT, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["images"] == 3
    lines = (tmp_path / "it.csv").read_text().splitlines()
    assert lines[0] == "image,MEL,NV,BCC,AKIEC,BKL,DF,VASC"  # The challenge's own header.
    table = list(csv.reader(lines[1:]))
    assert [row[0] for row in table] == ["ISIC_0000000", "ISIC_0000001", "ISIC_0000002"]
    values = np.asarray([row[1:] for row in table], np.float64)
    assert np.allclose(values.sum(axis=1), 1, atol=1e-4) and values.min() >= 0 and values.max() <= 1
    # The scorer takes a column of whole numbers for one that is no probability.
    assert all("." in cell or "e" in cell for row in table for cell in row[1:])
    # White is the last class of the model, whatever that is called.
    assert CATEGORIES[int(values[2].argmax())] == labels[-1].upper()


def test_a_submission_of_the_challenges_own_folder(tmp_path: Path) -> None:
    source = sets.isic(tmp_path / "set", ("Training", "Test"))
    path = model(tmp_path / "it.tflite", 7, CATEGORIES)
    done = run("isic", "submission", path, source, "-o", tmp_path / "it.csv", *UNIT)
    assert done.exit_code == 0, done.output
    names = [line.split(",")[0] for line in (tmp_path / "it.csv").read_text().splitlines()[1:]]
    assert sorted(names) == sorted(image.stem for image in Path(source).glob("*_Test_Input/*.jpg"))


@pytest.mark.parametrize(
    ("labels", "kind", "given", "words"),
    [
        ((), "SOFTMAX", (), "has no labels; train it on the challenge's images, or export it with --labels"),
        ((*CATEGORIES[:6], "SCC"), "SOFTMAX", (), "VASC, and"),
        ((*CATEGORIES[:6], "MEL"), "SOFTMAX", (), "VASC, and"),
        (CATEGORIES, "", ("--output-kind", "unknown"), "a submission holds probabilities"),
        (
            CATEGORIES,
            "LOGISTIC",
            ("--output-kind", "sigmoid-multi-label"),
            "a submission holds probabilities",
        ),
    ],
)
def test_a_model_of_something_else_is_refused(
    labels: tuple[str, ...], kind: str, given: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    path = model(tmp_path / "it.tflite", 7, labels, kind)
    done = run(
        "isic", "submission", path, photos(tmp_path / "data", 2), "-o", tmp_path / "it.csv", *UNIT, *given
    )
    assert done.exit_code == 2 and words in done.stderr, done.output
    assert sorted(found.name for found in tmp_path.iterdir()) == ["data", "it.tflite"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("twice", "have the same name in a submission, ISIC_0000000"),
        ("idx", "have no names, which a submission has"),
    ],
)
def test_images_that_a_submission_cannot_name_are_refused(source: str, words: str, tmp_path: Path) -> None:
    path = model(tmp_path / "it.tflite", 7, CATEGORIES)
    sets.idx(tmp_path / "idx")
    for part in ("a", "b"):
        photos(tmp_path / "twice" / part, 1)
    done = run("isic", "submission", path, tmp_path / source, "-o", tmp_path / "it.csv", *UNIT)
    assert done.exit_code == 2 and words in done.stderr, done.output
    assert not (tmp_path / "it.csv").exists()


def table(path: Path, lines: dict[str, list[float]], header: tuple[str, ...] = CATEGORIES) -> Path:
    rows = [",".join(("image", *header))]
    rows += [",".join((name, *map(str, values))) for name, values in lines.items()]
    path.write_text("\n".join(rows) + "\n")
    return path


def one_hot(category: str) -> list[float]:
    return [float(category == name) for name in CATEGORIES]


TRUTH = {
    "ISIC_1": "MEL", "ISIC_2": "NV", "ISIC_3": "NV", "ISIC_4": "NV", "ISIC_5": "NV", "ISIC_6": "BCC", "ISIC_7": "AKIEC",
    "ISIC_8": "BKL", "ISIC_9": "DF", "ISIC_10": "VASC",
}  # fmt: skip
"""Right categories of ten images."""


def answers() -> dict[str, list[float]]:
    """Answers of which these are wrong: one of four NV, the one BKL, and the one DF, which is a tie."""
    given = {name: one_hot(category) for name, category in TRUTH.items()}
    given["ISIC_3"] = one_hot("MEL")
    given["ISIC_8"] = one_hot("NV")
    given["ISIC_9"] = [0.0, 0.0, 0.0, 0.0, 0.0, 0.4, 0.4]
    return given


@needs_scorer
def test_the_score_is_that_of_a_hand_worked_example(tmp_path: Path) -> None:
    """MEL 1, NV 3/4, BCC 1, AKIEC 1, BKL 0, DF 0 (a tie has no largest), VASC 1: together 4.75 of 7."""
    truth = table(tmp_path / "truth.csv", {name: one_hot(category) for name, category in TRUTH.items()})
    given = table(tmp_path / "answers.csv", answers())
    found = score(truth, given)
    assert found.overall == pytest.approx(4.75 / 7) and found.images == 10
    assert found.scorer.startswith("isic-challenge-scoring ")
    by_name = {row.name: row for row in found.categories}
    assert by_name["NV"].images == 4 and by_name["NV"].sensitivity == 0.75
    # One of the six other images was called NV.
    assert by_name["NV"].specificity == pytest.approx(5 / 6)
    assert by_name["BCC"].auc == 1.0
    done = run("isic", "score", truth, given)
    assert done.exit_code == 0 and "score (balanced accuracy): 0.6786 on 10 images" in done.stdout, (
        done.output
    )
    said = json.loads(run("isic", "score", truth, given, "--json").stdout)
    assert said["overall"] == pytest.approx(4.75 / 7)


@needs_scorer
def test_the_score_is_the_balanced_accuracy_of_evaluate(tmp_path: Path) -> None:
    """From a model to a score, and the same of the model by ``evaluate``."""
    source = tmp_path / "set"
    data = source / "ISIC2018_Task3_Training_Input"
    photos(data, 21)
    truth = {f"ISIC_{place:07}": one_hot(CATEGORIES[place % 7]) for place in range(21)}
    folder = source / "ISIC2018_Task3_Training_GroundTruth"
    folder.mkdir()
    labels = table(folder / f"{folder.name}.csv", truth)
    path = model(tmp_path / "it.tflite", 7, CATEGORIES)
    assert run("isic", "submission", path, source, "-o", tmp_path / "it.csv", *UNIT).exit_code == 0
    judged = json.loads(run("evaluate", path, "--data", source, *UNIT, "--json").stdout)["results"][0]
    assert score(labels, tmp_path / "it.csv").overall == pytest.approx(judged["balanced_accuracy"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ISIC_1": None}, "1 image is in one of"),
        ({"ISIC_11": one_hot("NV")}, "1 image is in one of"),
        ({"ISIC_1": [2.0, *[0.0] * 6]}, "line 2: MEL is '2.0'; it must be a number from 0 to 1"),
        ({"ISIC_2": [0.1, "nan", *[0.0] * 5]}, "line 3: NV is 'nan'"),
        ({"ISIC_2": [0.1, "", *[0.0] * 5]}, "line 3: NV is ''"),
        ({"ISIC_2": [0.1, "much", *[0.0] * 5]}, "line 3: NV is 'much'"),
    ],
)
def test_answers_that_are_none_are_refused(
    change: dict[str, list[float] | None], words: str, tmp_path: Path
) -> None:
    truth = table(tmp_path / "truth.csv", {name: one_hot(category) for name, category in TRUTH.items()})
    rows = {**answers(), **change}
    given = table(tmp_path / "answers.csv", {name: row for name, row in rows.items() if row is not None})
    done = run("isic", "score", truth, given)
    assert done.exit_code == 2 and words in done.stderr, done.output


def test_tables_of_something_else_are_refused(tmp_path: Path) -> None:
    right = {name: one_hot(category) for name, category in TRUTH.items()}
    truth, given = table(tmp_path / "truth.csv", right), table(tmp_path / "answers.csv", answers())
    other = table(tmp_path / "other.csv", right, (*CATEGORIES[:6], "SCC"))
    few = {name: row for name, row in right.items() if TRUTH[name] != "DF"}
    for words, typed in {
        "has the columns image, MEL, NV, BCC, AKIEC, BKL, DF, SCC": (other, given),
        "mobilecnn isic submission writes such a table": (truth, other),
        "has no image of DF": (table(tmp_path / "few.csv", few), table(tmp_path / "fewer.csv", few)),
    }.items():
        done = run("isic", "score", *typed)
        assert done.exit_code == 2 and words in done.stderr, done.output
    text = given.read_text()
    given.write_text(text + text.splitlines()[1] + "\n")
    done = run("isic", "score", truth, given)
    assert done.exit_code == 2 and "ISIC_1 in several rows" in done.stderr


def test_without_the_scorer_the_command_that_installs_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = table(tmp_path / "truth.csv", {name: one_hot(category) for name, category in TRUTH.items()})
    given = table(tmp_path / "answers.csv", answers())
    monkeypatch.setattr("mobilecnn.extras._installed", lambda module: False)
    done = run("isic", "score", truth, given)
    assert done.exit_code == 3 and "pip install 'mobilecnn[isic]'" in done.stderr, done.output
    monkeypatch.setattr("mobilecnn.extras._installed", lambda module: True)
    monkeypatch.setattr("importlib.metadata.version", lambda name: f"{NO_PANDAS}.0.1")
    done = run("isic", "score", truth, given)
    assert done.exit_code == 3 and f"pandas {NO_PANDAS}.0.1 is installed: pip install" in done.stderr, (
        done.output
    )


def test_a_submission_replaces_nothing(tmp_path: Path) -> None:
    """The challenge's labels have the same columns, and would be lost by a slip."""
    path, data = model(tmp_path / "it.tflite", 7, CATEGORIES), photos(tmp_path / "data", 2)
    output = tmp_path / "it.csv"
    assert run("isic", "submission", path, data, "-o", output, *UNIT).exit_code == 0
    shutil.copy(output, tmp_path / "kept.csv")
    done = run("isic", "submission", path, data, "-o", output, *UNIT)
    assert done.exit_code == 2 and "exists" in done.stderr
    assert output.read_bytes() == (tmp_path / "kept.csv").read_bytes()
