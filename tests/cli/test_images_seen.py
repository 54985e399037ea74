"""Images that weights were trained on are known through every later command: fine-tuning, compression, export."""

import json
from pathlib import Path
from typing import Any

import pytest
import sets
from click.testing import CliRunner

from mobilecnn.cli import cli
from mobilecnn.quantize.origins import say_seen
from mobilecnn.remarks import Remarks
from mobilecnn.train.datasets import load

pytestmark = pytest.mark.usefixtures("forked")

STEPS = ("begun", "tuned", "compressed", "new")
"""Folders with different images, by what sees them."""


def document(*arguments: object) -> dict[str, Any]:
    done = CliRunner().invoke(cli, [str(argument) for argument in [*arguments, "--json"]])
    assert done.exit_code in (0, 1), done.output  # So short a training may guess.
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def codes(made: dict[str, Any]) -> list[str]:
    return [row["code"] for row in made["remarks"] if "trained" in row["code"]]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders of images; a model, another that began with it, that compressed, and its export."""
    root = tmp_path_factory.mktemp("seen")
    for number, step in enumerate(STEPS):
        for image in range(8):
            folder = root / step / ("DF", "NV")[image % 2]
            folder.mkdir(parents=True, exist_ok=True)
            sets.save(folder / f"{image}.png", 8 * number + image)
    said = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        # By a name that means something in this folder only.
        document("train", "lenet5", "--data", "begun", "--epochs", 1, "-o", "begun.keras")
        document("train", "--from", "begun.keras", "--data", "tuned", "--epochs", 1, "-o", "tuned.keras")
        again = document("train", "--from", "begun.keras", "--data", "begun", "--seed", 1, "--epochs", 1, "-o", "again.keras")  # fmt: skip
        said["again"] = codes(again)
        same = document(
            "train", "--from", "begun.keras", "--data", "begun", "--epochs", 1, "-o", "same.keras"
        )
        said["same"] = codes(same)
        document("compress", "tuned.keras", "-o", "compressed.keras", "--prune", 0.3, "--data", "compressed", "--epochs", 1)  # fmt: skip
        document("compress", "begun.keras", "-o", "pruned.keras", "--prune", 0.3)
        judged = document("compress", "begun.keras", "-o", "judged.keras", "--prune", 0.3, "--data", "begun", "--epochs", 1)  # fmt: skip
        said["judged"] = codes(judged)
        document("export", "compressed.keras", "--float16", "-o", "out")
    (root / "said.json").write_text(json.dumps(said))
    return root


def test_images_that_judge_a_training_are_said_if_they_are_not_new(models: Path) -> None:
    """Other images to validate on than the base's, and the tenth that compress judges by."""
    said = json.loads((models / "said.json").read_text())
    assert said == {"again": ["trained-on"], "same": [], "judged": ["trained-on"]}


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("begun.keras", {"begun"}), ("pruned.keras", {"begun"}), ("tuned.keras", {"begun", "tuned"}),
        ("compressed.keras", {"begun", "tuned", "compressed"}), ("out/compressed.float16.tflite", {"begun", "tuned", "compressed"}),
    ],
)  # fmt: skip
def test_images_that_were_trained_on_are_said(model: str, expected: set[str], models: Path) -> None:
    said = {}
    for step in STEPS:
        remarks = Remarks()
        say_seen([models / model], load(str(models / step)), remarks)
        said[step] = {remark.code: remark.count for remark in remarks.rows}
    assert said == {step: {"trained-on": 8} if step in expected else {} for step in STEPS}
