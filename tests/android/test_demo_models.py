"""``scripts/android_models.py``: the APK of ``make android`` has models, and those of the user stay."""

import runpy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sample_app import MODELS, ROOT, copy_app

from mobilecnn.convert import passport
from mobilecnn.files import sha256
from mobilecnn.train import pretrained

SCRIPT: dict[str, Any] = runpy.run_path(str(ROOT / "scripts/android_models.py"))


def test_without_the_published_weights_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = SCRIPT["PHOTOGRAPHIC"]
    absent = replace(pretrained.NETWORKS[name], package="no-such-weights")
    monkeypatch.setitem(pretrained.NETWORKS, name, absent)
    assert SCRIPT["photographic"](tmp_path) == []
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("models: without a network for photographs: ") and "no-such-weights" in line


def test_models_that_are_in_the_app_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    app = copy_app(tmp_path)
    (app / MODELS / "mine.tflite").write_bytes(b"mine")
    SCRIPT["main"](app)
    assert capsys.readouterr().out == "models: mine.tflite kept, which were in the app\n"
    assert [path.name for path in (app / MODELS).glob("*.*") if path.suffix] == ["mine.tflite"]


@pytest.mark.sweep
def test_an_app_without_models_gets_three(tmp_path: Path) -> None:
    app = copy_app(tmp_path)
    SCRIPT["main"](app)
    names = ["digits.float32.tflite", "digits.int8.tflite", "efficientnet_lite0.float16.tflite"]
    models = sorted((app / MODELS).glob("*.tflite"))
    assert [path.name for path in models] == names
    for path in models:
        card = passport.read(path, sha256(path.read_bytes()))
        assert card is not None and card.golden and not card.latency_only
        assert len(card.labels) == (1000 if "lite" in path.name else 10)
