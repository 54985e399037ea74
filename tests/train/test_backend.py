"""Importing Keras quietly."""

import subprocess
import sys
from pathlib import Path

import pytest


def _run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        capture_output=True,
        text=True,
        env={"PATH": "/usr/bin:/bin", **environment},
    )


def test_importing_and_the_first_operation_say_nothing() -> None:
    run = _run(
        "import os, sys\n"
        "from mobilecnn.train.backend import load_keras\n"
        "keras = load_keras()\n"
        "assert load_keras() is keras\n"
        "keras.ops.sum(keras.ops.ones((2, 2)))\n"
        "assert keras.backend.backend() == 'tensorflow'\n"
        # Standard error works again afterwards.
        "os.write(2, b'still here')"
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "still here")


@pytest.mark.parametrize(
    ("backend", "hide", "parts"),
    [
        (
            "tensorflow",
            "tensorflow",
            ["TensorFlow, which is not installed", "pip install 'mobilecnn[train]'"],
        ),
        ("tensorflow", "keras", ["needs Keras, which is not installed", "pip install 'mobilecnn[train]'"]),
        ("theano", "", ["theano", "KERAS_BACKEND"]),
    ],
)
def test_what_is_missing_is_named(backend: str, hide: str, parts: list[str]) -> None:
    run = _run(
        "import sys\n"
        f"hidden = {hide!r}\n"
        "class Hide:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if hidden and name.split('.')[0] == hidden:\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Hide())\n"
        "from mobilecnn.errors import EnvironmentProblem\n"
        "from mobilecnn.train.backend import load_keras\n"
        "try:\n"
        "    load_keras()\n"
        "except EnvironmentProblem as error:\n"
        "    print(error)\n",
        KERAS_BACKEND=backend,
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("\n") == 1
    for part in parts:
        assert part in run.stdout


@pytest.mark.parametrize(
    "settings",
    ['{"floatx": "bogus"}', '{"epsilon": "x"}', '{"image_data_format": 7}', "[]", '{"floatx": []}'],
)
def test_settings_of_keras_that_are_wrong_are_named(settings: str, tmp_path: Path) -> None:
    (tmp_path / "keras.json").write_text(settings)
    code = "from mobilecnn.train.backend import load_keras\ntry:\n    load_keras()\nexcept Exception as error:\n    print(error)"
    run = _run(code, KERAS_HOME=str(tmp_path))
    assert run.returncode == 0 and f"with the settings of {tmp_path}/keras.json (" in run.stdout, run.stderr
    assert "correct this file, or set KERAS_HOME" in run.stdout and run.stdout.count("\n") == 1
