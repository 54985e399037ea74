"""The core alone reads, times, compares and reports .tflite files; an extra that is missing is named in one line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mobilecnn.convert.graph.build import Layers
from mobilecnn.errors import EnvironmentProblem
from mobilecnn.extras import EXTRAS, require

HIDE = f"""
import sys

class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {sorted({module for extra in EXTRAS.values() for module in extra})}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Hide())
"""
"""A ``sitecustomize`` that hides what the extras bring, from child processes too."""


@pytest.fixture
def core(tmp_path: Path) -> Path:
    """A folder with ``model.tflite``, ``PYTHONPATH`` of processes that see only the core, and a picture to train on."""
    (tmp_path / "hide").mkdir()
    (tmp_path / "hide" / "sitecustomize.py").write_text(HIDE)
    graph = Layers("float32", 8, 8, 3)
    (tmp_path / "model.tflite").write_bytes(graph.pack(graph.conv(graph.input, 4)))
    return tmp_path


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(filter(None, (str(folder / "hide"), os.environ.get("PYTHONPATH"))))
    return subprocess.run(
        [sys.executable, "-m", "mobilecnn", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_core_times_compares_inspects_and_reports(core: Path) -> None:
    quickly = ("--rounds", "2", "--runs", "2", "--seconds", "0", "--warmup-seconds", "0")
    for words in (
        ("devices", "list"),
        ("inspect", "model.tflite"),
        ("bench", "model.tflite", "-o", "a.json", *quickly),
        ("bench", "model.tflite", "-o", "b.json", *quickly),
        ("compare", "a.json", "b.json"),
        ("compare", "model.tflite", "model.tflite", "-o", "c.json", *quickly),
        ("report", "a.json", "b.json", "-o", "page.html"),
    ):
        done = run(core, *words)
        assert done.returncode == 0, f"{words}\n{done.stderr}"
    assert (core / "page.html").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("train", "lenet5", "--data", ".", "-o", "a.keras"),
            "training needs Keras and TensorFlow, which are not installed: pip install 'mobilecnn[train]'",
        ),
        (
            ("export", "lenet5", "--float32"),
            "exporting needs Keras, TensorFlow and litert-quantizer, which are not installed: pip install 'mobilecnn[export]'",
        ),
        (
            ("evaluate", "model.tflite", "--data", "digits"),
            "the data set 'digits' needs scikit-learn, which is not installed: pip install 'mobilecnn[train]'",
        ),
        (
            ("models", "lenet5"),
            "a Keras model needs Keras and TensorFlow, which are not installed: pip install 'mobilecnn[train]'",
        ),
    ],
)
def test_what_is_missing_is_named_with_the_command(core: Path, words: tuple[str, ...], message: str) -> None:
    done = run(core, *words)
    assert (done.returncode, done.stderr) == (3, f"Error: {message}\n")


def test_a_missing_extra_is_a_document_under_json(core: Path) -> None:
    done = run(core, "models", "lenet5", "--json")
    assert done.returncode == 3
    assert json.loads(done.stdout)["error"]["kind"] == "EnvironmentProblem"


def test_nothing_is_said_of_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXTRAS, "some", {"json": "JSON", "no_such_module": "Nothing"})
    require("this", "some", "json")
    with pytest.raises(EnvironmentProblem, match=r"^this needs Nothing, which is not installed: "):
        require("this", "some")
