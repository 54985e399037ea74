"""What is said of a model that shows nothing itself is held to the file that is made of it."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mobilecnn.cli import cli

pytestmark = pytest.mark.usefixtures("forked")

OWN = """import keras

class Prepared(keras.layers.Layer):
    def call(self, image):
        return image / 127.5 - 1.0

class Ends(keras.layers.Layer):
    def call(self, scores):
        return keras.ops.softmax(scores)

class Sides(keras.layers.Layer):
    def call(self, score):
        return keras.ops.sigmoid(score)
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def models(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``own.py``, ``several.keras`` and ``one.keras``, both of layers of its own at either end."""
    folder = tmp_path_factory.mktemp("models")
    scope: dict[str, Any] = {"__name__": "own"}
    exec(OWN, scope)
    (folder / "own.py").write_text(OWN)
    for name, outputs, last in (("several", 3, "Ends"), ("one", 1, "Sides")):
        keras.utils.set_random_seed(2)
        image = keras.Input((16, 16, 3))
        x = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(scope["Prepared"]()(image))
        x = keras.layers.Dense(outputs)(keras.layers.GlobalMaxPooling2D()(x))
        keras.Model(image, scope[last]()(x)).save(folder / f"{name}.keras")
    return folder


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("several", ["--input-range", "unit"], "takes raw (0..255), because it computes 0.007843 * input - 1"),
        ("one", ["--input-range", "tf", "--output-kind", "sigmoid-binary"], "takes raw (0..255), because"),
        ("several", ["--input-range", "raw", "--output-kind", "logits"], "its last operation is softmax, so that --output-kind logits cannot"),
        ("one", ["--input-range", "raw", "--output-kind", "logit-binary"], "its last operation is sigmoid, so that --output-kind logit-binary"),
    ],
)  # fmt: skip
def test_what_the_file_contradicts_is_refused(
    name: str, options: list[str], words: str, models: Path, tmp_path: Path
) -> None:
    typed = [
        "export",
        models / f"{name}.keras",
        "--float32",
        "--custom-objects",
        models / "own.py",
        "-o",
        tmp_path,
    ]
    refused = run(*typed, *options)
    assert refused.exit_code == 2 and words in refused.stderr, refused.output
    assert not list(tmp_path.iterdir())


def test_what_it_does_not_contradict_is_taken(models: Path, photos: Path, tmp_path: Path) -> None:
    typed = [
        "export",
        models / "several.keras",
        "--float32",
        "--custom-objects",
        models / "own.py",
        "-o",
        tmp_path,
    ]
    picture = photos / "cat" / "0.jpg"
    for options, overrides in (
        (["--input-range", "raw"], ""),
        (["--input-range", "unit", "--override-input-range"], "raw"),
    ):
        done = run(*typed, *options)
        assert done.exit_code == 0, done.output
        card = json.loads((tmp_path / "several.float32.json").read_text())
        assert card["input"]["contract"]["overrides"] == overrides
        assert ("Warning: the model's own input range is raw" in done.stderr) is bool(overrides)
        asked = run("predict", tmp_path / "several.float32.tflite", picture)
        assert asked.exit_code == 0, asked.output
