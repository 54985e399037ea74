"""Labels, class folders and file names from elsewhere, through the commands that run a model."""

import hashlib
import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hostile import SHOWN, TEXT, expect_clean

from mobilecnn.convert.lowering.tflite_metadata import append_labels

COMMAND = [sys.executable, "-m", "mobilecnn"]
QUICK = ["--rounds", "2", "--seconds", "0.05", "--warmup-seconds", "0", "--runs", "2"]


@pytest.fixture(scope="module")
def folder(exported: Path, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with its passport, whose name and labels are hostile, and pictures of classes that are."""
    folder = tmp_path_factory.mktemp("hostile")
    model = folder / f"{TEXT}.int8.tflite"
    labels = [f"{TEXT}{index}" for index in range(2)]
    content = (exported / "theirs.int8.tflite").read_bytes() + append_labels(b"", labels)
    model.write_bytes(content)
    card = json.loads((exported / "theirs.int8.json").read_text())
    card["labels"] = labels
    card["file"].update(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
    model.with_suffix(".json").write_text(json.dumps(card))
    for index, label in enumerate(("cat", "dog")):
        shutil.copytree(photos / label, folder / "photos" / f"{TEXT}{index}")
    shutil.copy(photos / "cat" / "0.jpg", folder / f"{TEXT}.jpg")
    return folder


def run(folder: Path, *arguments: str, code: int = 0) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, cwd=folder, timeout=300
    )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    expect_clean(done.stdout + done.stderr, shown=False)
    return done


def test_every_command_that_runs_a_model(folder: Path) -> None:
    model, picture = f"{TEXT}.int8.tflite", f"{TEXT}.jpg"
    assert SHOWN in run(folder, "predict", model, picture).stdout
    answer = json.loads(run(folder, "predict", model, picture, "--json").stdout)
    assert answer["predictions"][0]["label"].startswith(TEXT)
    assert SHOWN in run(folder, "evaluate", model, "--data", "photos", "-o", f"{TEXT}.eval.json").stdout
    timed = run(folder, "bench", model, *QUICK, "-o", f"{TEXT}.bench.json")
    assert SHOWN in timed.stdout and SHOWN in timed.stderr
    compared = run(folder, "compare", f"{TEXT}.bench.json", f"{TEXT}.bench.json")
    assert SHOWN in compared.stdout
    page = f"{TEXT}.html"
    assert SHOWN in run(folder, "report", f"{TEXT}.bench.json", f"{TEXT}.eval.json", "-o", page).stdout
    expect_clean((folder / page).read_text(encoding="utf-8"), shown=False)


def test_a_damaged_picture_and_a_missing_class(folder: Path, tmp_path: Path) -> None:
    (tmp_path / TEXT).mkdir()
    (tmp_path / TEXT / f"{TEXT}.jpg").write_bytes(b"no picture")
    assert (
        SHOWN
        in run(folder, "predict", f"{TEXT}.int8.tflite", str(tmp_path / TEXT / f"{TEXT}.jpg"), code=2).stderr
    )
    assert SHOWN in run(folder, "train", "lenet5", "--data", str(tmp_path), "-o", "x.keras", code=2).stderr


def test_on_a_terminal(folder: Path) -> None:
    """Where the progress bar has escape sequences of its own, and names have none."""
    ours, theirs = pty.openpty()
    command = [*COMMAND, "bench", f"{TEXT}.int8.tflite", *QUICK]
    variables = {**os.environ, "COLUMNS": "300", "TERM": "xterm-256color"}
    process = subprocess.Popen(command, stderr=theirs, stdout=theirs, cwd=folder, env=variables)
    os.close(theirs)
    said = b""
    try:
        while part := os.read(ours, 1 << 16):
            said += part
    except OSError:  # The other end is closed.
        pass
    os.close(ours)
    assert process.wait(100) == 0
    text = said.decode()
    assert "\x1b[" in text and SHOWN in text
    for piece in ("\x1b]0;owned", "\x1b[31m[red]", "\x9b", "\u202e", "\x08", "\nError: forged"):
        assert piece not in text, ascii(text)
