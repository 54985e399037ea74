"""``mobilecnn experiment``: what its folder has of a row, held against the images of now, and what is said of those that judge."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from rates import RECIPE, lay_out, run

from mobilecnn.cli import cli
from mobilecnn.errors import OutputError
from mobilecnn.experiments.images import images_of, say_judged
from mobilecnn.experiments.kept import Measured, refuse_foreign
from mobilecnn.experiments.trainings import Trainings
from mobilecnn.remarks import Remarks
from mobilecnn.train import checkpoint
from mobilecnn.train.plan import Epoch, TrainingPlan

pytestmark = pytest.mark.usefixtures("forked")


@pytest.fixture(scope="module")
def once(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images, a recipe of one epoch, and in ``out`` what its row ``small`` left, with what was said beside it."""
    folder = tmp_path_factory.mktemp("once")
    lay_out(folder, photos, RECIPE.replace("epochs = 150", "epochs = 1"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        done = run("rates.toml", "--row", "small", "-o", "out", "--json")
    assert done.exit_code == 0, done.output
    (folder / "said.json").write_text(done.stdout)
    return folder


@pytest.fixture
def complete(once: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, which is the current folder."""
    copy = tmp_path / "copy"
    shutil.copytree(once, copy)
    monkeypatch.chdir(copy)
    return copy


def test_of_data_without_parts_what_training_held_back_judges(complete: Path) -> None:
    found = Measured.read(complete / "out" / "small.json")
    assert found.part == "validation" and found.evaluation.images == 2
    # As the training itself found on the same two.
    assert found.evaluation.accuracy == found.epoch.val_accuracy
    said = json.loads((complete / "said.json").read_text())
    codes = {remark["code"] for remark in said["remarks"]}
    assert "validated-on" in codes and "trained-on" not in codes


def test_what_is_to_be_said_of_the_images_is_said_each_time_a_row_is_shown(complete: Path) -> None:
    first = json.loads((complete / "said.json").read_text())["remarks"]
    asked = ("rates.toml", "--row", "small", "-o", "out")
    again = run(*asked, "--json")
    assert json.loads(again.stdout)["remarks"] == first != []
    shown = run(*asked)
    for remark in first:
        assert f"Note: {remark['text']}" in again.stderr and f"Note: {remark['text']}" in shown.stderr
    assert shown.output.index("balanced accuracy") < shown.output.index("Note: ")
    # As an earlier version wrote it.
    path = complete / "out" / "small.json"
    document = json.loads(path.read_text())
    for member in ("remarks", "data_sha256", "judged_sha256"):
        del document[member]
    path.write_text(json.dumps(document))
    older = run(*asked)
    assert older.exit_code == 0 and "balanced accuracy" in older.stdout, older.output
    assert f"{Path('out') / 'small.json'} is of an earlier version" in older.stderr


def test_a_row_of_another_division_is_refused(complete: Path) -> None:
    """The manifest of before was replaced by one with another seed."""
    prepare = ("data", "prepare", "photos", "-o", "run.json", "--validation", "0.3", "--test", "0.3")
    asked = ("rates.toml", "--data", "run.json", "--row", "small", "-o", "divided")
    prepared = CliRunner().invoke(cli, [*prepare, "--seed", "1"])
    assert prepared.exit_code == 0, prepared.output
    first = run(*asked)
    assert first.exit_code == 0 and "the images to test on" in first.stdout, first.output
    (complete / "run.json").unlink()
    assert CliRunner().invoke(cli, [*prepare, "--seed", "2"]).exit_code == 0
    path = complete / "divided" / "small.json"
    told = "is of a run on other images, or another division of them, than run.json has now"
    for _ in "row", "model":  # Its figures are refused and, without them, its model.
        other = run(*asked)
        assert other.exit_code == 2 and told in other.stderr, other.output
        assert "choose another folder with -o, or remove the row's files" in other.stderr
        path.unlink(missing_ok=True)
    for file in (complete / "divided").glob("small.*"):
        file.unlink()
    again = run(*asked)
    assert again.exit_code == 0 and path.exists(), again.output


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("small.log", "small.log is no log of an experiment, which goes there; move it away"),
        ("small.json", "small.json is no row of an experiment, which goes there; move it away"),
        ("small.keras", "small.keras is no model of a training, which goes there; move it away"),
        (
            "small.history.csv",
            "small.history.csv is no history of a training, which goes there; move it away",
        ),
        ("small.checkpoint/notes.txt", "small.checkpoint is not a checkpoint of mobilecnn"),
        ("large.log", "large.log is no log of an experiment, which goes there; move it away"),
    ],
)
def test_a_file_of_the_users_own_is_refused_before_anything_is_trained(
    name: str, words: str, complete: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Trainings, "train", None)
    own = complete / "out" / name
    shutil.rmtree(complete / "out")
    own.parent.mkdir(parents=True)
    own.write_text('{"mine": true}\n')
    done = run("rates.toml", "-o", "out")
    assert done.exit_code == 2 and words in done.stderr and "with -o" in done.stderr, done.output
    assert own.read_text() == '{"mine": true}\n'
    assert [
        path.relative_to(complete / "out") for path in (complete / "out").rglob("*") if path.is_file()
    ] == [Path(name)]


def test_the_logs_of_rows_are_known_again_those_of_earlier_versions_too(complete: Path) -> None:
    log = complete / "out" / "small.log"
    first, *lines = log.read_text().splitlines()
    assert first == "What mobilecnn experiment's training says of the row small" and lines
    asked = ("rates.toml", "--row", "small", "-o", "out")
    for text in ("\n".join(lines), "", log.read_text()):
        log.write_text(text)
        assert run(*asked).exit_code == 0
    # Of a row that failed at once there is nothing else.
    for path in (complete / "out").glob("small.*"):
        if path != log:
            path.unlink()
    refuse_foreign(complete / "out", "small")
    log.write_text("\n".join(lines))
    with pytest.raises(OutputError, match=r"small\.log is no log of an experiment"):
        refuse_foreign(complete / "out", "small")


def test_damaged_figures_of_a_row_are_made_again_once_they_are_removed(complete: Path) -> None:
    path = complete / "out" / "small.json"
    document = json.loads(path.read_text())
    del document["epoch"]
    path.write_text(json.dumps(document))
    done = run("rates.toml", "--row", "small", "-o", "out")
    assert (
        done.exit_code == 2 and "epoch is missing; remove this file, and the same command asks" in done.stderr
    )


def test_a_row_that_was_begun_on_other_images_fails_with_what_begins_it_anew(complete: Path) -> None:
    plan = TrainingPlan("lenet5", "photos", 28)
    model = complete / "out" / "large.keras"
    checkpoint.save(model, plan, 3, ("cat", "dog"), (Epoch(1, 0.1, 1.0, 0.5, 1.0, 0.5, 1.0),), [])
    done = run("rates.toml", "--row", "large", "-o", "out")
    folder = checkpoint.folder(Path("out") / "large.keras")
    assert done.exit_code == 1 and f"or remove {folder} to begin anew" in done.stderr, done.output


def test_a_row_judged_by_other_images_is_judged_again_once_its_figures_are_removed(complete: Path) -> None:
    path = complete / "out" / "small.json"
    found = Measured.read(path)
    document = {**found.to_json(), "judged_sha256": "0" * 64}
    path.write_text(json.dumps(document))
    asked = ("rates.toml", "--row", "small", "-o", "out")
    other = run(*asked)
    assert other.exit_code == 2, other.output
    assert (
        "was judged by other images than the validation part of photos has now; remove this" in other.stderr
    )
    path.unlink()
    assert run(*asked).exit_code == 0
    again = Measured.read(path)
    assert again.judged_sha256 == found.judged_sha256 and again.model_sha256 == found.model_sha256


def test_a_complete_row_is_shown_without_its_images_and_that_is_said(complete: Path) -> None:
    shutil.rmtree(complete / "photos")
    asked = ("rates.toml", "--row", "small", "-o", "out")
    shown = run(*asked)
    assert shown.exit_code == 0 and "balanced accuracy" in shown.stdout, shown.output
    assert "Note: photos cannot be read, so that nobody knows" in shown.stderr
    more = run(*asked, "--row", "large")
    assert more.exit_code == 2 and "no such folder: photos" in more.stderr, more.output
    (complete / "out" / "small.keras").unlink()
    gone = run(*asked)
    assert gone.exit_code == 2 and "no such folder: photos" in gone.stderr, gone.output


@pytest.mark.parametrize(
    ("options", "codes"),
    [
        ({}, ["trained-on", "validated-on"]),
        ({"keep": "last"}, ["trained-on"]),
        ({"keep": "last", "patience": 3}, ["trained-on", "validated-on"]),
    ],
)
def test_what_judges_and_had_a_share_in_training_is_said(
    options: dict[str, Any], codes: list[str], complete: Path
) -> None:
    for number in range(6):
        shutil.copy(
            complete / "broken" / "cat" / f"{number}.{('jpg', 'png', 'webp')[number % 3]}",
            complete / "broken" / "cat" / f"again{number}.{('jpg', 'png', 'webp')[number % 3]}",
        )
    images = images_of(TrainingPlan("lenet5", "broken", 28))
    remarks = Remarks()
    say_judged(complete / "it.keras", images, options, remarks)
    assert [remark.code for remark in remarks.rows] == codes
    assert remarks.rows[0].count == 1 and remarks.rows[0].names[0].startswith("broken/cat/")
