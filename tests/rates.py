"""An experiment with learning rates, small enough to be run in tests."""

import shutil
from pathlib import Path

from click.testing import CliRunner, Result

from mobilecnn.cli import cli

RECIPE = """
title = "LeNet-5: learning rate"
source = "a page"
[train]
architecture = "lenet5"
data = "photos"
epochs = 150
batch-size = 4
augment = "none"
[[row]]
name = "small"
train = { learning-rate = 0.001 }
published = { parameters = "60k", val-accuracy = 0.81, time = "2:10", prediction = "3:57", prediction-images = 1512 }
[[row]]
name = "large"
train = { learning-rate = 0.01 }
[[row]]
name = "wrong"
train = { data = "broken" }
"""
"""A recipe whose last row fails, after its training has begun."""


def run(*typed: object) -> Result:
    """What ``mobilecnn experiment`` says with these words."""
    return CliRunner().invoke(cli, ["experiment", *(str(part) for part in typed)])


def lay_out(folder: Path, photos: Path, recipe: str = RECIPE) -> None:
    """Write the recipe ``rates.toml`` and its images: ``photos``, and ``broken``, of which one is no picture."""
    for name in ("photos", "broken"):
        shutil.copytree(photos, folder / name)
    (folder / "broken" / "dog" / "1.png").write_bytes(b"no picture")
    (folder / "rates.toml").write_text(recipe)
