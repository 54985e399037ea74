"""Commands on folders as people have them, and on a full temporary folder."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

import mobilecnn
from mobilecnn.cli import cli
from mobilecnn.convert import passport
from mobilecnn.quantize.evaluation import NO_BETTER

pytestmark = pytest.mark.usefixtures("forked")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture
def messy(photos: Path, tmp_path: Path) -> Path:
    """The photos, and with them all that a folder gets on the way: four unreadable images among twelve good ones."""
    folder = tmp_path / "messy"
    shutil.copytree(photos, folder)
    (folder / ".ipynb_checkpoints").mkdir()
    shutil.copy(folder / "cat" / "0.jpg", folder / ".ipynb_checkpoints" / "0-checkpoint.jpg")
    (folder / "__MACOSX").mkdir()
    shutil.copy(folder / "cat" / "0.jpg", folder / "__MACOSX" / "0.jpg")
    (folder / "cat" / "._0.jpg").write_bytes(b"\0\5\x16\7")
    (folder / "cat" / "notes.txt").write_text("")
    (folder / "empty").mkdir()
    for label in ("cat", "dog"):
        (folder / label / "empty.jpg").write_bytes(b"")
        (folder / label / "short.jpg").write_bytes((folder / label / "0.jpg").read_bytes()[:200])
    return folder


def arguments(command: str, data: Path, models: Path, exported: Path, out: Path) -> tuple[object, ...]:
    return {
        "export": ("export", models / "theirs.keras", "--int8", "--calibration", data, "-o", out),
        "evaluate": ("evaluate", exported / "theirs.int8.tflite", "--data", data),
        "train": (
            "train", "squeezenet_v1.1", "--data", data, "-o", out / "m.keras", "--size", 32, "--epochs", 1,
        ),
    }[command]  # fmt: skip


def of_the_data(document: dict[str, Any]) -> list[dict[str, Any]]:
    """The remarks but that about a file with random weights, which knows no more than chance."""
    return [remark for remark in document["remarks"] if remark["code"] != NO_BETTER]


@pytest.mark.parametrize("command", ["export", "evaluate", "train"])
def test_bad_images_stop_the_command_or_are_left_out(
    command: str, messy: Path, third_party: Path, exported: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    typed = arguments(command, messy, third_party, exported, out)
    refused = run(*typed)
    assert refused.exit_code == 2
    assert "4 of 16 images cannot be read: " in refused.stderr
    assert refused.stderr.count("/empty.jpg is an empty file") == 2
    assert "give --skip-bad" in refused.stderr
    assert not list(out.glob("*")), "something half-written is left"

    done = run(*typed, "--skip-bad", "--json")
    assert done.exit_code == 0, done.output
    document: dict[str, Any] = json.loads(done.stdout)
    remarks = {remark["code"]: remark for remark in of_the_data(document)}
    expected = {"empty-class": 1, "hidden": 3, "other-files": 1, "unreadable": 4}
    if command == "evaluate":
        expected["calibrated-on"] = 8  # The int8 file is, on the images that these are copies of.
    assert {code: remark["count"] for code, remark in remarks.items()} == expected
    for remark in remarks.values():
        assert done.stderr.count(f"Note: {remark['text']}\n") == 1
    if command == "evaluate":
        assert document["images"] == 12
    elif command == "train":
        assert document["images"] + document["validation_images"] == 12
        assert document["classes"] == ["cat", "dog"]
    else:
        card = document["files"][0]["passport"]
        assert card["calibration"]["images"] + card["parity"]["data"]["images"] == 12
        assert card["verdict"]["held_out"]


def test_python_warns_of_what_is_not_used(messy: Path, exported: Path) -> None:
    with pytest.warns(UserWarning) as warned:
        evaluation = mobilecnn.evaluate(exported / "theirs.int8.tflite", messy, skip_bad=True)
    assert evaluation.images == 12 and len(evaluation.remarks) == 5 + 1  # The weights are random.
    assert [str(warning.message) for warning in warned] == [remark.text for remark in evaluation.remarks]


@pytest.fixture
def divided(photos: Path, tmp_path: Path) -> Path:
    """Three parts with different numbers of pictures."""
    root = tmp_path / "flowers"
    for name, count in (("train", 4), ("val", 2), ("test", 3)):
        for label in ("cat", "dog"):
            (root / name / label).mkdir(parents=True)
            for path in sorted((photos / label).iterdir())[:count]:
                shutil.copy(path, root / name / label)
    return root


def test_parts_are_read_by_the_commands_that_they_are_for(
    divided: Path, third_party: Path, exported: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    expected = {"export": ("train", 6), "evaluate": ("test", 6)}
    for command, (part, images) in expected.items():
        done = run(*arguments(command, divided, third_party, exported, out), "--json")
        assert done.exit_code == 0, done.output
        assert f"of it {divided / part} is read" in done.stderr
        document = json.loads(done.stdout)
        given = document if command == "evaluate" else document["files"][0]["passport"]["calibration"]
        assert (given["data"], given["images"]) == (str(divided / part), images)
    trained = run(*arguments("train", divided, third_party, exported, out), "--json")
    assert trained.exit_code == 0, trained.output
    document = json.loads(trained.stdout)
    assert (document["images"], document["validation_images"]) == (8, 4)
    refused = run(*arguments("train", divided, third_party, exported, out), "--validation", 0.2)
    assert refused.exit_code == 2
    assert f"--validation has no effect, for {divided / 'val'} is validated on" in refused.stderr
    shutil.rmtree(divided / "test")
    refused = run(*arguments("evaluate", divided, third_party, exported, out))
    assert (
        refused.exit_code == 2
        and f"give the folder to use: {divided / 'train'} or {divided / 'val'}" in refused.stderr
    )


def test_a_16_bit_picture_gets_the_answer_of_its_8_bits(exported: Path, tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 256, (48, 48)).astype(np.uint16)
    Image.fromarray(grey.astype(np.uint8)).save(tmp_path / "8.png")
    Image.fromarray(grey * 257).save(tmp_path / "16.png")
    answers = [
        json.loads(run("predict", exported / "theirs.int8.tflite", tmp_path / name, "--json").stdout)[
            "predictions"
        ]
        for name in ("8.png", "16.png")
    ]
    assert answers[0] == answers[1]


def test_12_bits_in_16_are_named_by_the_commands(photos: Path, exported: Path, tmp_path: Path) -> None:
    data = tmp_path / "xrays"
    shutil.copytree(photos, data)
    grey = np.random.default_rng(0).integers(0, 4096, (48, 48)).astype(np.uint16)
    for name in ("a", "b"):
        Image.fromarray(grey).save(data / "cat" / f"{name}.png")
    model = exported / "theirs.int8.tflite"
    predicted, evaluated = (
        run("predict", model, data / "cat" / "a.png", "--json"),
        run("evaluate", model, "--data", data, "--json"),
    )
    for done, names in ((predicted, ["a.png"]), (evaluated, ["a.png", "b.png"])):
        assert done.exit_code == 0 and "Note: " in done.stderr and "nearly black" in done.stderr
        (remark,) = [row for row in of_the_data(json.loads(done.stdout)) if row["code"] != "calibrated-on"]
        assert (remark["code"], remark["count"], remark["names"]) == ("narrow", len(names), names)


def test_all_names_are_in_the_document(photos: Path, exported: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(photos, data)
    for number in range(30):
        (data / f"empty {number:02}").mkdir()
    done = run(
        "evaluate", exported / "theirs.int8.tflite", "--data", data, "--json", "-o", tmp_path / "kept.json"
    )
    assert "empty 09, and 20 more" in done.stderr
    for document in (json.loads(done.stdout), json.loads((tmp_path / "kept.json").read_text())):
        (remark,) = [row for row in document["remarks"] if row["code"] == "empty-class"]
        assert remark["names"] == [f"empty {number:02}" for number in range(30)]


def test_one_is_said_as_one(photos: Path, exported: Path, tmp_path: Path) -> None:
    (tmp_path / "data" / "cat").mkdir(parents=True)
    shutil.copy(photos / "cat" / "0.jpg", tmp_path / "data" / "cat")
    (tmp_path / "bare").mkdir()
    # The class names inside are a zip archive at the end.
    content = (exported / "theirs.float32.tflite").read_bytes()
    (tmp_path / "bare" / "bare.tflite").write_bytes(content[:-30])
    refused = run(
        "evaluate", tmp_path / "bare" / "bare.tflite", "--data", tmp_path / "data", "--input-range", "raw"
    )
    assert refused.exit_code == 2 and "has 1 class and the model 2 outputs" in refused.stderr


def test_outputs_of_one_name_are_exported(third_party: Path, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes("\ufeffcrane\r\ncrane\r\n".encode())
    typed = ("export", third_party / "theirs.keras", "--float32", "--labels", tmp_path / "labels.txt")
    assert run(*typed, "-o", tmp_path).exit_code == 0
    card = mobilecnn.load(tmp_path / "theirs.float32.json")
    assert isinstance(card, passport.Passport) and card.labels == ("crane", "crane")
    shown = run("predict", tmp_path / "theirs.float32.tflite", photos / "cat" / "0.jpg", "--json")
    assert {row["class"] for row in json.loads(shown.stdout)["predictions"]} == {0, 1}
    refused = run("evaluate", tmp_path / "theirs.float32.tflite", "--data", photos)
    assert refused.exit_code == 2 and "the model has no class 'cat'" in refused.stderr


LIMITED = """
import resource, sys
limit = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
from mobilecnn.__main__ import main
main()
"""
"""A program that runs a command while no file may become larger than so many bytes, as on a small disk."""


@pytest.mark.parametrize(("command", "limit"), [("export", 50_000), ("evaluate", 60_000), ("export", 100)])
def test_a_full_temporary_folder_is_named(
    command: str, limit: int, photos: Path, third_party: Path, exported: Path, tmp_path: Path
) -> None:
    out, work = tmp_path / "out", tmp_path / "work"
    work.mkdir()
    typed = arguments(command, photos, third_party, exported, out)
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(limit), *map(str, typed)],
        env={**os.environ, "TMPDIR": str(work)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert f"the temporary folder {work}" in error and "is full: 0.1 MB are needed" in error
    assert "set TMPDIR to a folder that has it" in error
    assert "Traceback" not in done.stderr and "SIGBUS" not in done.stderr
    # TensorFlow may leave a file of its own when its process is ended.
    assert not list(work.glob("mobilecnn-*")) and not list(out.glob("*"))
