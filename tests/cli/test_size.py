"""``--size``: a side, or width and height, for every command that has it."""

import json
import re
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from mobilecnn.cli import cli, options
from mobilecnn.train import checkpoint, fit
from mobilecnn.train.datasets import load
from mobilecnn.train.zoo.families import FAMILIES

pytestmark = pytest.mark.usefixtures("forked")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("224", 224),
        ("320x240", (240, 320)),
        ("240X320", (320, 240)),
        ("64x64", 64),
        ("0", 0),
        ("0x5", (5, 0)),
    ],
)
def test_sizes_are_width_and_height(text: str, size: object) -> None:
    assert options.SIZE.convert(text, None, None) == size


@pytest.mark.parametrize("text", ["", "x", "3x", "x3", "3x4x5", "-3", "3.0", "1e3", "3 x 4", "٣", "9" * 5000])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match=r"is no size; give a side in pixels \(224\), or width and"):
        options.SIZE.convert(text, None, None)


def document(*arguments: object) -> Any:
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_a_rectangle_from_training_to_evaluation(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "m.keras"
    typed = ("train", "squeezenet_v1.1", "--data", photos, "--epochs", 1, "-o", output, "--size")

    def stop(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(fit, "_write_model", stop)
        assert run(*typed, "64x48").exit_code == 130
    assert checkpoint.saved_epochs(output) == 1
    refused = run(*typed, "48x64", "--resume")
    assert refused.exit_code == 2
    assert "cannot resume: size was [48, 64] when the training began and is [64, 48] now" in refused.stderr
    trained = document(*typed, "64x48", "--resume")
    assert trained["input"] == [48, 64, 3]

    made = document("export", tmp_path / "m.keras", "--float32", "--calibration", photos, "-o", tmp_path)
    contract = made["files"][0]["passport"]["input"]["contract"]
    assert (contract["height"], contract["width"]) == (48, 64)
    refused = run("export", tmp_path / "m.keras", "--float32", "--size", "48x64", "-o", tmp_path / "x")
    assert refused.exit_code == 2 and "takes images of 64x48 pixels (width x height)" in refused.stderr
    evaluated = document("evaluate", tmp_path / "m.float32.tflite", "--data", photos)
    assert evaluated["images"] == len(load(str(photos)))


def test_models_are_counted_at_a_rectangle() -> None:
    square, wide = (
        document("models", "mobilenet_v2_x0.35_96", "--size", size, "--classes", 5)
        for size in ("96", "192x96")
    )
    assert (square["input"], wide["input"]) == ([96, 96, 3], [96, 192, 3])
    assert 1.9 * square["macs"] < wide["macs"] <= 2 * square["macs"]
    assert square["params_total"] == wide["params_total"]


def test_the_page_names_the_families_that_take_rectangles() -> None:
    page = (Path(__file__).parents[2] / "docs/zoo_names.md").read_text(encoding="utf-8")
    passage = page[page.index("gives width and height") : page.index("The others take squares")]
    named = re.findall(r"`([a-z]\w*)`", passage)
    assert named == [family.name for family in FAMILIES if family.rectangular]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (("models", "vgg16", "--size", "320x224"), "takes square images only"),
        (
            ("train", "vgg16", "--data", "photos", "--size", "320x224", "-o", "x.keras"),
            "takes square images only",
        ),
        (("export", "vgg16", "--float32", "--size", "320x224", "-o", "x"), "takes square images only"),
        (("models", "squeezenet_v1.1", "--size", "320x8"), "squeezenet_v1.1"),
        (
            ("train", "squeezenet_v1.1", "--data", "photos", "--size", "320x0", "-o", "x.keras"),
            "squeezenet_v1.1",
        ),
        (("models", "--size", "320x240"), "is for one network"),
    ],
)
def test_rectangles_that_cannot_be_are_one_clear_line(
    typed: tuple[str, ...], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = run(*typed)
    assert refused.exit_code == 2 and words in refused.stderr and refused.stderr.count("Error: ") == 1
