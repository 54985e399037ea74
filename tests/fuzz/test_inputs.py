"""Whatever a command is given as a file: what is no regular file of bounded size is refused, at once."""

import json
import os
import shutil
import socket
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import fuzz_bases
import pytest
from fuzz_verdict import run
from PIL import Image

from mobilecnn.quantize.isic import CATEGORIES

Make = Callable[[Path], object]


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def _large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 42)  # It takes no room.


IRREGULAR: dict[str, tuple[Make, str]] = {
    "pipe": (os.mkfifo, "is a pipe (FIFO); a"),
    "socket": (_socket, "is a socket; a"),
    "zero": (lambda path: path.symlink_to("/dev/zero"), "is a device; a"),
    "null": (lambda path: path.symlink_to("/dev/null"), "is a device; a"),
    "random": (lambda path: path.symlink_to("/dev/urandom"), "is a device; a"),
    "proc": (lambda path: path.symlink_to("/proc/self/maps"), "grows while it is read"),
    "folder": (lambda path: path.mkdir(), "is a folder"),
    "large": (_large, "4,398,046,511,104 bytes; a"),
    "circle": (lambda path: path.symlink_to(path), "Too many levels"),
    "nowhere": (lambda path: path.symlink_to("nowhere"), "no such"),
    "missing": (lambda path: None, "no such"),
}
"""What is no regular file of bounded size: how it is made, and what is said of it."""

ONE_HOT = [
    ",".join("1.0" if place == other else "0.0" for other in range(len(CATEGORIES)))
    for place in range(len(CATEGORIES))
]
"""A row of labels for each category."""

APP = Path(__file__).parents[2] / "android_demo"

COMMANDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "inspect": ("it.tflite", ("inspect", "it.tflite")),
    "predict": ("it.tflite", ("predict", "it.tflite", "sound.png")),
    "predict, image": ("it.png", ("predict", "sound.tflite", "it.png")),
    "predict, table": ("it.csv", ("predict", "sound.tflite", "it.csv", "-o", "made.csv")),
    "isic, truth": ("it.csv", ("isic", "score", "it.csv", "answers.csv")),
    "isic, answers": ("it.csv", ("isic", "score", "truth.csv", "it.csv")),
    "predict, Keras": ("it.keras", ("predict", "it.keras", "sound.png")),
    "predict, HDF5": ("it.h5", ("predict", "it.h5", "sound.png")),
    "passport": ("sound.json", ("predict", "sound.tflite", "sound.png")),
    "bench": ("it.tflite", ("bench", "it.tflite")),
    "bench, passport": ("sound.json", ("bench", "sound.tflite")),
    "sustained": ("it.tflite", ("sustained", "it.tflite")),
    "single-stream": ("it.tflite", ("single-stream", "it.tflite")),
    "profile": ("it.tflite", ("profile", "it.tflite")),
    "verify": ("it.tflite", ("verify", "it.tflite")),
    "verify, passport": ("sound.json", ("verify", "sound.tflite")),
    "quantize-report": (
        "it.tflite",
        ("quantize-report", "it.tflite", "--reference", "sound.tflite", "--data", "data"),
    ),
    "quantize-report, reference": (
        "it.tflite",
        ("quantize-report", "quantized.tflite", "--reference", "it.tflite", "--data", "data"),
    ),
    "compare-accuracy": (
        "it.tflite",
        ("compare-accuracy", "it.tflite", "sound.tflite", "--data", "data", "--input-range", "raw"),
    ),
    "check-calibration": ("it.keras", ("check-calibration", "it.keras", "--calibration", "data")),
    "compare": ("it.json", ("compare", "record.json", "it.json")),
    "report": ("it.json", ("report", "record.json", "it.json", "-o", "page.html")),
    "export": ("it.keras", ("export", "it.keras", "--float32", "-o", "out")),
    "export, labels": ("it.txt", ("export", "lenet5", "--float32", "--labels", "it.txt", "-o", "out")),
    "export, target": ("it.json", ("export", "lenet5", "--float32", "--target", "it.json", "-o", "out")),
    "export, SavedModel": ("saved/saved_model.pb", ("export", "saved", "--float32", "-o", "out")),
    "predict, SavedModel": ("saved/saved_model.pb", ("predict", "saved", "sound.png")),
    "export, own layers": (
        "it.py",
        ("export", "sound.keras", "--float32", "--custom-objects", "it.py", "-o", "out"),
    ),
    "train, checkpoint": (
        "it.checkpoint/state.json",
        ("train", "lenet5", "--data", "data", "--resume", "-o", "it.keras"),
    ),
    "pretrained, weights": (
        "it.pth",
        ("pretrained", "efficientnet_lite0", "--weights", "it.pth", "-o", "x.keras"),
    ),
    "pretrained, labels": (
        "it.txt",
        ("pretrained", "efficientnet_lite0", "--labels", "it.txt", "-o", "x.keras"),
    ),
    "android": ("it.tflite", ("android", "--model", "it.tflite", "--app", "app")),
    "models": ("it.keras", ("models", "it.keras")),
    "compress, labels": (
        "it.txt",
        (
            "compress",
            "sound.keras",
            "-o",
            "x.keras",
            "--prune",
            "0.5",
            "--data",
            "data",
            "--labels",
            "it.txt",
        ),
    ),
    "compress": ("it.keras", ("compress", "it.keras", "-o", "x.keras", "--prune", "0.5")),
    "search": ("it.json", ("search", "lenet", "--budget", "20ms", "-o", "it.json")),
    "tables, times": ("it.json", ("tables", "shufflenet-8", "--times", "it.json")),
    "evaluate, manifest": ("it.json", ("evaluate", "sound.tflite", "--data", "it.json")),
    "train, table": ("it.csv", ("train", "lenet5", "--data", "it.csv", "-o", "x.keras")),
    "train, options": (
        "it.toml",
        ("train", "lenet5", "--options", "it.toml", "--data", "data", "-o", "x.keras"),
    ),
    "train, model": ("it.keras", ("train", "--from", "it.keras", "--data", "data", "-o", "x.keras")),
    "experiment": ("it.toml", ("experiment", "it.toml")),
    "data, manifest": ("it.json", ("data", "inspect", "it.json")),
    "data, table": ("it.csv", ("data", "prepare", "it.csv", "-o", "made.json")),
    "data, IDX": ("idx/train-images-idx3-ubyte", ("data", "inspect", "idx")),
    "devices": ("config/mobilecnn/devices.toml", ("devices",)),
    "doctor": ("config/mobilecnn/devices.toml", ("doctor", "devices")),
}
"""What a command is given: the file that is irregular, and the command line."""

PASSED_OVER = {
    ("predict, HDF5", "proc"): "HDF5 is read by its own library, in a child",
    ("predict, Keras", "proc"): "the archive has no directory",
    ("export", "proc"): "the archive has no directory",
    ("check-calibration", "proc"): "the archive has no directory",
    ("models", "proc"): "the archive has no directory",
    ("train, model", "proc"): "the archive has no directory",
    ("compress", "proc"): "the archive has no directory",
    ("tables, times", "folder"): "a folder of records is one of the things to read",
    ("predict, image", "proc"): "it is no picture",
    ("passport", "missing"): "a model without a passport is a model",
    ("bench, passport", "missing"): "a model without a passport is a model",
    ("search", "missing"): "a table of costs is begun",
    ("export, SavedModel", "proc"): "the child reads it, and it is no graph",
    ("predict, SavedModel", "proc"): "the child reads it, and it is no graph",
    ("export, SavedModel", "missing"): "a folder without one is no SavedModel",
    ("predict, SavedModel", "missing"): "a folder without one is no SavedModel",
    ("export, own layers", "proc"): "the child reads it, and it is no Python",
    ("train, checkpoint", "circle"): "there is nothing to resume",
    ("train, checkpoint", "nowhere"): "there is nothing to resume",
    ("train, checkpoint", "missing"): "there is nothing to resume",
    ("report", "folder"): "a folder of records is one of the things to report",
    ("data, IDX", "proc"): "it is no IDX file",
    ("data, IDX", "missing"): "it is said that the labels are alone",
    ("devices", "missing"): "there are none yet",
    ("doctor", "missing"): "there are none yet",
}
"""Pairs that are right, or that are refused for what they hold."""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    base = fuzz_bases.base("float32")
    (tmp_path / "sound.tflite").write_bytes(base.model)
    (tmp_path / "quantized.tflite").write_bytes(fuzz_bases.base("int8").model)
    # The graph shows no softmax, which its passport says.
    card = {**base.passport, "output": {**base.passport["output"], "kind": "unknown"}}
    (tmp_path / "sound.json").write_text(json.dumps(card))
    (tmp_path / "record.json").write_text(json.dumps(fuzz_bases.records()["measurement-3"]))
    Image.new("RGB", (8, 8)).save(tmp_path / "sound.png")
    for label in ("a", "b"):
        (tmp_path / "data" / label).mkdir(parents=True)
        for number in range(2):
            Image.new("RGB", (8, 8)).save(tmp_path / "data" / label / f"{number}.png")
    for part in ("app/build.gradle.kts", "gradle/libs.versions.toml"):
        (tmp_path / "app" / part).parent.mkdir(parents=True)
        shutil.copy(APP / part, tmp_path / "app" / part)
    with zipfile.ZipFile(tmp_path / "sound.keras", "w") as archive:  # As far as this process looks into one.
        for name in ("config.json", "metadata.json", "model.weights.h5"):
            archive.writestr(name, "{}")
    for name in ("truth.csv", "answers.csv"):
        rows = "".join(f"a{place},{one_hot}\n" for place, one_hot in enumerate(ONE_HOT))
        (tmp_path / name).write_text(f"image,{','.join(CATEGORIES)}\n{rows}")
    (tmp_path / "idx").mkdir()
    (tmp_path / "idx" / "train-labels-idx1-ubyte").write_bytes(b"\0\0\x08\1\0\0\0\1\0")
    (tmp_path / "saved" / "variables").mkdir(parents=True)
    (tmp_path / "it.checkpoint").mkdir()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "config" / "mobilecnn").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    yield tmp_path


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind", IRREGULAR)
def test_what_is_no_regular_file_is_refused_at_once(here: Path, command: str, kind: str) -> None:
    if (command, kind) in PASSED_OVER:
        return
    name, arguments = COMMANDS[command]
    make, words = IRREGULAR[kind]
    (here / name).unlink(missing_ok=True)
    make(here / name)
    began = time.monotonic()
    outcome = run(arguments)
    assert not outcome.fault and outcome.code == 2, outcome
    assert words in outcome.output and Path(name).name in outcome.output
    # Not one that waits: the machine may be busy with other tests.
    assert time.monotonic() - began < 30
    assert not list(here.glob("out/*")) and not (here / "page.html").exists()


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "devices"])
@pytest.mark.parametrize("name", ["x" * 300, "a/" * 3000 + "x", "é" * 200], ids=["long", "deep", "letters"])
def test_a_name_that_cannot_be_one_is_an_input_error(here: Path, command: str, name: str) -> None:
    given, arguments = COMMANDS[command]
    if given not in arguments:
        return
    other = name + Path(given).suffix
    outcome = run([other if argument == given else argument for argument in arguments])
    assert not outcome.fault and outcome.code == 2, outcome
