"""An output replaces an earlier one of its own kind, and never what a command reads."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import sets
from click.testing import CliRunner, Result
from PIL import Image

from mobilecnn.cli import cli
from mobilecnn.errors import OutputError, UsageError
from mobilecnn.quantize.evaluation import Evaluation
from mobilecnn.quantize.predictions import FIRST
from mobilecnn.replacing import check_page, check_picture, check_record, check_result, check_table
from mobilecnn.train.datasets import sheets

SAMPLES = Path(__file__).parent.parent / "samples"

PASSPORT = SAMPLES / "passports" / "3" / "binary.int8.json"


def record(path: Path) -> None:
    check_record(path, Evaluation.SCHEMA, "an evaluation")


def picture(path: Path) -> None:
    check_picture(path, "a sheet", "--sheet")


def answers(path: Path) -> None:
    check_table(path, FIRST)


def result(path: Path) -> None:
    check_result(path, ("source", "measurement"))


def an_evaluation(path: Path) -> None:
    shutil.copy(SAMPLES / "evaluation-6.json", path)


def a_sheet(path: Path) -> None:
    sheets.write(path, Image.new("RGB", (9, 9)))


WRITERS: dict[str, Callable[[Path], object]] = {
    "an evaluation": an_evaluation,
    "a sheet": a_sheet,
    "a page": lambda path: path.write_text("<!DOCTYPE html>\n<html>"),
    "a table of answers": lambda path: path.write_text(",".join(FIRST) + ",answer 2\na.png,,b,0,0.5,0.5,c\n"),
    "a table of labels": lambda path: path.write_text("image,MEL,NV\na,1.0,0.0\n"),
    "a file of results": lambda path: path.write_text('{"source": "a", "rows": [], "measurement": "m.json"}'),
    "nothing": lambda path: path.write_bytes(b""),
    "a passport": lambda path: shutil.copy(PASSPORT, path),
    "JSON": lambda path: path.write_text("[1]"),
    "a photo": lambda path: Image.new("RGB", (9, 9)).save(path, "PNG"),
    "a model": lambda path: path.write_bytes(b"\x1c\0\0\0TFL3" + bytes(99)),
    "letters": lambda path: path.write_text("{" * 9999),
}


@pytest.mark.parametrize("there", WRITERS)
@pytest.mark.parametrize(
    ("check", "own", "name"),
    [
        (record, "an evaluation", "it.json"),
        (record, "an evaluation", "it.tflite"),
        (picture, "a sheet", "it.png"),
        (check_page, "a page", "it.html"),
        (answers, "a table of answers", "it.csv"),
        (result, "a file of results", "it.json"),
    ],
)
@pytest.mark.parametrize("linked", [False, True])
def test_only_its_own_kind_is_replaced(
    check: Callable[[Path], None], own: str, name: str, there: str, linked: bool, tmp_path: Path
) -> None:
    path = tmp_path / name
    WRITERS[there](tmp_path / "real" if linked else path)
    if linked:
        path.symlink_to("real")
    before = path.read_bytes()
    if there in (own, "nothing"):
        check(path)
    else:
        with pytest.raises(
            OutputError, match=rf"{path} exists and is not {own} of mobilecnn, and nothing else"
        ):
            check(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "words", "kind"),
    [
        ("a.jpg", r"a sheet is a PNG file; write --sheet a\.jpg\.png", UsageError),
        ("a", r"write --sheet a\.png", UsageError),
        (".", "is a folder", OutputError),
        ("..", "is a folder", OutputError),
        ("/", "is a folder", OutputError),
    ],
)
def test_a_name_that_is_none_of_a_picture_is_refused(name: str, words: str, kind: type[Exception]) -> None:
    with pytest.raises(kind, match=words):
        picture(Path(name))


def run(*typed: object) -> Result:
    return CliRunner().invoke(cli, [str(part) for part in typed])


IMAGE = "data/a/0.png"


@pytest.mark.parametrize(
    "typed",
    [
        ("evaluate", "it.tflite", "--data", "data", "-o", "it.tflite"),
        ("evaluate", "it.tflite", "--data", "data", "-o", "it.json"),
        ("evaluate", "it.tflite", "--data", "m.json", "-o", "m.json"),
        ("evaluate", "it.tflite", "--data", "data", "-o", IMAGE),
        ("evaluate", "it.tflite", "--data", "data", "--confusion", IMAGE),
        ("predict", "it.tflite", "data", "-o", "it.csv"),
        ("predict", "it.tflite", "data", "-o", "list.csv"),
        ("isic", "submission", "it.tflite", "data", "-o", "list.csv"),
        ("data", "inspect", "data", "--sheet", IMAGE),
        ("data", "preview", "data", "-o", IMAGE),
        ("data", "prepare", "data", "-o", "it.json"),
        ("report", "it.json", "-o", "it.html"),
        ("profile", "it.tflite", "-o", "own"),
        ("speedup", "-o", "own"),
        ("speedup", "-o", "own", "--resolution", "480x640"),
        ("speedup", "-o", "own", "--experiment", "guidelines"),
        ("speedup", "-o", "own", "--experiment", "decomposition"),
        ("speedup", "-o", "own", "--experiment", "groups"),
    ],
)
def test_no_command_destroys_what_it_reads(
    typed: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sets.class_folders(tmp_path / "data")
    image = next((tmp_path / "data").rglob("*.png"))
    assert run("data", "prepare", "data", "-o", "m.json").exit_code == 0
    for there, name in (
        ("a model", "it.tflite"),
        ("a passport", "it.json"),
        ("JSON", "it.html"),
        ("JSON", "it.csv"),
        ("a table of labels", "list.csv"),
    ):
        WRITERS[there](tmp_path / name)
    (tmp_path / "own").mkdir()
    for name in ("profile", "speedup", "speedup-480x640", "guidelines", "decomposition", "groups"):
        WRITERS["JSON"](tmp_path / "own" / f"{name}.json")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    done = run(*(image if part == IMAGE else part for part in typed))
    assert done.exit_code == 2 and "exists" in done.stderr, done.output
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("seed", [-1, 2**32, -(10**30)])
@pytest.mark.parametrize(
    "typed",
    [
        ("data", "inspect", "digits"),
        ("data", "preview", "digits", "-o", "a.png"),
        ("data", "prepare", "digits", "-o", "a.json"),
        ("train", "lenet5", "--data", "digits", "-o", "a.keras"),
        ("export", "lenet5", "--float32", "-o", "a"),
        ("bench", "a.tflite"),
        ("profile", "a.tflite"),
    ],
)
def test_a_seed_that_is_none_is_refused(
    typed: tuple[str, ...], seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(*typed, "--seed", seed)
    assert (
        done.exit_code == 2
        and f"--seed {seed} is out of range; choose a value from 0 to 4294967295" in done.stderr
    )
    assert list(tmp_path.iterdir()) == []
