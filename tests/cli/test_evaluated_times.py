"""The times that evaluate prints, and how far each may be off."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from mobilecnn.cli import cli

pytestmark = pytest.mark.usefixtures("forked")


def test_every_time_has_an_interval_in_text_and_json(
    third_party: Path, exported: Path, photos: Path, tmp_path: Path
) -> None:
    files = [str(third_party / "theirs.keras"), str(exported / "theirs.float32.tflite")]
    words = [
        "evaluate",
        *files,
        "--data",
        str(photos),
    ]
    done = CliRunner().invoke(cli, [*words, "-o", str(tmp_path / "it.json")], env={"COLUMNS": "300"})
    assert done.exit_code == 0, done.output
    rows = json.loads((tmp_path / "it.json").read_text())["results"]
    for row in rows:
        speed, images = row["speed"], row["images"]
        for name in ("decoding", "running", "inference"):
            assert sum(speed[name]["images"]) == images
        # The decoding is that of all images, one after the other; a Keras model is given 25 at a time.
        assert len(speed["decoding"]["images"]) == min(images, 20)
        assert sum(speed["decoding"]["seconds"]) == pytest.approx(speed["decode_seconds"])
        assert sum(speed["inference"]["seconds"]) == pytest.approx(speed["inference_seconds"])
        assert sum(speed["running"]["seconds"]) <= speed["seconds"]
    low, high = rows[1]["speed"]["interval"]
    assert 0 < low < rows[1]["speed"]["seconds"] < high
    shown = next(line for line in done.stdout.splitlines() if "float32.tflite" in line)
    factor = high / rows[1]["speed"]["seconds"]
    assert shown.count(f"+-{factor - 1:.1%}") == 2 and shown.count("+-") == 3
