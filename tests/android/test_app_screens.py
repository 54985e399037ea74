"""The app's screens, on Android's own classes: Java's tests with models of every kind, and what they wrote."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from sample_app import copy_app

from mobilecnn.android_demo.staging import stage
from mobilecnn.bench.devices.adb.app import AppRequest, parse
from mobilecnn.bench.records.measurement import Measurement
from mobilecnn.cli import cli
from mobilecnn.convert.conversion import Source
from mobilecnn.export import export
from mobilecnn.files import sha256
from mobilecnn.quantize.calibration.images import Calibration

PICTURES = {
    "phone": (822, 1782), "dark": (822, 1782), "large-text": (822, 1782), "landscape": (1782, 822),
    "tablet": (1280, 800), "tablet-upright": (800, 1280), "wrong": (822, 1782), "wrong-dark": (822, 1782),
}  # fmt: skip
"""Pictures of the main screen, and their sizes."""


@pytest.fixture(scope="module")
def models(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Networks of eight pixels a side that tell colours: one of several classes, of two by one score, and labels.

    Their weights are set, so that their answers are known without training. They hold what decodes the pictures to
    the order of the colours.
    """
    folder = tmp_path_factory.mktemp("kinds")

    def source(name: str, weights: Any, bias: list[float], last: str, labels: tuple[str, ...]) -> Source:
        image = keras.Input((8, 8, 3))
        x = keras.layers.Conv2D(len(bias), 1)(image)
        x = keras.layers.Activation(last)(keras.layers.GlobalAveragePooling2D()(x))
        model = keras.Model(image, x)
        model.layers[1].set_weights(
            [np.asarray(weights, np.float32)[None, None], np.asarray(bias, np.float32)]
        )
        model.save(folder / f"{name}.keras")
        kind = "sigmoid-multi-label" if name == "parts" else None
        return Source(str(folder / f"{name}.keras"), input_range="unit", labels=labels, output_kind=kind)

    random = Calibration("random")
    each = np.eye(3)
    colour = source("colour", 8 * (1.5 * each - 0.5), [0.0] * 3, "softmax", ("red", "green", "blue"))
    export(colour, ("float32", "float16"), folder, random)
    light = source("light", np.full((3, 1), 8.0), [-12.0], "sigmoid", ("dark", "bright"))
    export(light, ("float32",), folder, random)
    parts = source("parts", 16 * each, [-8.0] * 3, "sigmoid", ("has red", "has green", "has blue"))
    export(parts, ("float32",), folder, random)
    return sorted(folder.glob("*.tflite"))


def test_the_screens_and_both_benchmarks_work_on_androids_own_classes(
    models: list[Path], tmp_path: Path
) -> None:
    app = copy_app(tmp_path)
    stage(models, app)
    screens = tmp_path / "screens"
    command = [sys.executable, str(app / "ci/build_apk.py"), "--screens", str(screens)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1800)
    assert done.returncode == 0, done.stderr
    # Each subject's tests ran, and none was passed over for want of a model.
    assert re.search(r"screens: \d+ tests passed on Android 14's classes", done.stdout)
    for name, size in PICTURES.items():
        with Image.open(screens / f"{name}.png") as picture:
            assert picture.size == size
            shades = np.bincount(np.asarray(picture.convert("L")).ravel(), minlength=256)
        background = int(shades.argmax())
        assert (background < 60) if name.endswith("dark") else (background > 200)
        assert np.count_nonzero(shades) > 60
    # The benchmark that adb starts measured what the harness asks for.
    asked = AppRequest("t-1", models[0].name, sha256(models[0].read_bytes()), threads=1, warmup=2, runs=9)
    answer = parse((screens / "benchmark.json").read_text(), asked)
    assert (answer.run.runtime_version, answer.answers.verdict) == ("2.6.2", "verified")
    # What the app's own benchmark shares is a measurement, and the command makes a page of it.
    measured = Measurement.read(screens / "measurement.json")
    assert [model.file for model in measured.models] == [model.name for model in models]
    assert {model.answers.verdict for model in measured.models} == {"verified"}
    assert (measured.rounds, measured.protocol.runtime) == (3, "app")
    assert {len(run.samples_ns) for run in measured.runs} == {30}
    # All models share the process, and with it a highest resident memory: it is none of theirs.
    assert {(run.baseline_rss_bytes, run.peak_rss_bytes) for run in measured.runs} == {(None, None)}
    # Models that a user opened are timed beside them, also one of which nothing is known.
    opened = Measurement.read(screens / "measurement-opened.json")
    assert [model.file for model in opened.models][-2:] == ["own.tflite", "unknown.tflite"]
    assert opened.models[-1].answers.verdict == "not checked"
    page = tmp_path / "page.html"
    shown = CliRunner().invoke(cli, ["report", str(screens / "measurement.json"), "-o", str(page)])
    assert shown.exit_code == 0, shown.output
    assert "colour" in page.read_text()
