"""``mobilecnn android``: exactly the given models are in the app, or nothing was touched."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from sample_app import MODELS, copy_app

from mobilecnn.android_demo.staging import runtime, stage
from mobilecnn.errors import ModelFileError, UsageError
from mobilecnn.files import sha256


@pytest.fixture
def app(tmp_path: Path) -> Path:
    return copy_app(tmp_path)


def names(app: Path) -> set[str]:
    return {path.name for path in (app / MODELS).iterdir()} - {".gitignore"}


def command(*words: str | Path) -> "subprocess.CompletedProcess[str]":
    program = Path(sys.executable).with_name("mobilecnn")
    return subprocess.run(
        [str(word) for word in (program, "android", *words)], capture_output=True, text=True, check=False
    )


def test_models_and_passports_go_into_the_app_and_older_ones_leave(app: Path, exported: Path) -> None:
    (app / MODELS / "old.tflite").write_bytes(b"old")
    models = [exported / "theirs.int8.tflite", exported / "theirs.float32.tflite"]
    staged = stage(models, app)
    wanted = {path.name for model in models for path in (model, model.with_suffix(".json"))}
    assert names(app) == wanted
    for name in wanted:
        assert (app / MODELS / name).read_bytes() == (exported / name).read_bytes()
    assert [model.format for model in staged] == ["int8", "float32"]
    assert [model.sha256 for model in staged] == [sha256(model.read_bytes()) for model in models]
    assert staged[0].labels == 2 and staged[0].minimum_runtime is not None
    # Again, and fewer.
    stage(models[:1], app)
    assert names(app) == {"theirs.int8.tflite", "theirs.int8.json"}


def test_the_command_says_what_is_in_the_app_and_what_to_run_next(app: Path, exported: Path) -> None:
    done = command("--model", exported / "theirs.int8.tflite", "--app", app)
    assert done.returncode == 0, done.stderr
    assert (
        "theirs.int8.tflite" in done.stdout and "they run on TensorFlow Lite 2.16.1 and newer" in done.stdout
    )
    assert f"cd {app}" in done.stderr and "./gradlew :app:installDebug" in done.stderr
    done = command("--model", exported / "theirs.int8.tflite", "--app", app, "--json")
    document = json.loads(done.stdout)
    assert document["runtime"] == "2.16.1" and document["models"][0]["file"] == "theirs.int8.tflite"


def test_a_model_that_is_newer_than_the_runtime_is_refused(app: Path, exported: Path) -> None:
    catalog = app / "gradle/libs.versions.toml"
    catalog.write_text(catalog.read_text().replace('tflite = "2.16.1"', 'tflite = "1.5.0"'))
    assert runtime(app) == "1.5.0"
    with pytest.raises(ModelFileError, match=r"needs TensorFlow Lite [\d.]+, and the app is made for 1.5.0"):
        stage([exported / "theirs.int8.tflite"], app)
    assert names(app) == set()


def test_what_cannot_be_staged_is_refused_before_anything_is_touched(
    app: Path, exported: Path, tmp_path: Path
) -> None:
    good = exported / "theirs.int8.tflite"
    stage([good], app)
    before = {name: (app / MODELS / name).read_bytes() for name in names(app)}
    alone = tmp_path / "alone.tflite"
    shutil.copyfile(good, alone)
    damaged = tmp_path / "damaged.tflite"
    damaged.write_bytes(b"\0" * 100)
    swapped = tmp_path / "theirs.float32.tflite"
    shutil.copyfile(exported / "theirs.float32.tflite", swapped)
    shutil.copyfile(good.with_suffix(".json"), swapped.with_suffix(".json"))
    for models, kind, words in (
        ([alone], ModelFileError, "has no passport alone.json beside it"),
        ([damaged], ModelFileError, "damaged.tflite"),
        ([swapped], ModelFileError, "SHA-256 differs"),
        ([tmp_path / "missing.tflite"], ModelFileError, "no such model"),
        ([good.with_suffix(".json")], ModelFileError, "takes .tflite files"),
        ([good, tmp_path / "x" / "theirs.int8.tflite"], UsageError, "two models are called"),
    ):
        with pytest.raises(kind, match=words):
            stage([exported / "theirs.float16.tflite", *models], app)
        assert {name: (app / MODELS / name).read_bytes() for name in names(app)} == before


def test_another_folder_is_not_the_app(tmp_path: Path, exported: Path) -> None:
    done = command("--model", exported / "theirs.int8.tflite", "--app", tmp_path)
    assert done.returncode == 2
    assert "is not the Android sample app" in done.stderr and "--app" in done.stderr
    assert list(tmp_path.iterdir()) == []
