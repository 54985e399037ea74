"""Damaged Keras models, and damaged pictures to calibrate with: pairs of files come about whole, or stay as they were."""

import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import fuzz_images
import fuzz_keras
import numpy as np
import pytest
from fuzz_verdict import LONG, SHORT, Case, Outcome, report, run, seeds, sweep
from PIL import Image

from mobilecnn.files import sha256

pytestmark = [
    pytest.mark.filterwarnings(r"ignore::UserWarning:PIL\."),
    pytest.mark.usefixtures("forked"),
]

FORMATS = ("float32", "int8")


@pytest.fixture(scope="module")
def keras_file(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small trained classifier as this project keeps it, with labels and an input contract inside."""
    from mobilecnn.contract import contract_for
    from mobilecnn.train.keras_file import ModelInfo, write_info

    keras.utils.set_random_seed(1)
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(),
            layers.GlobalAveragePooling2D(),
            layers.Dense(3, activation="softmax"),
        ]
    )
    path = tmp_path_factory.mktemp("keras") / "it.keras"
    model.save(path)
    write_info(path, ModelInfo("", ("a", "b", "c"), contract_for("tf", (8, 8, 3)), {"epochs": 1}))
    return path.read_bytes()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Two classes of two sound pictures each."""
    for number in range(4):
        folder = tmp_path / "pictures" / "ab"[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.arange(60 * number, 60 * number + 192).astype(np.uint8).reshape(8, 8, 3)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return tmp_path / "pictures"


def export(path: Path, pictures: Path, output: Path, *options: str) -> Outcome:
    # What a network of random weights keeps of its answers is no matter here.
    wanted = [*(f"--{name}" for name in FORMATS), "--min-agreement", "0", "--min-sqnr", "-1000"]
    return run(["export", path, *wanted, "--calibration", pictures, "-o", output, *options])


@pytest.fixture
def older(keras_file: bytes, pictures: Path, tmp_path: Path) -> dict[str, bytes]:
    """What the sound model has been exported to."""
    (tmp_path / "older").mkdir()
    sound = tmp_path / "older" / "it.keras"
    sound.write_bytes(keras_file)
    assert export(sound, pictures, tmp_path / "older").code == 0
    sound.unlink()
    made = {entry.name: entry.read_bytes() for entry in (tmp_path / "older").iterdir()}
    assert len(made) == 2 * len(FORMATS)
    return made


def over(outcome: Outcome, output: Path, older: Mapping[str, bytes]) -> Outcome:
    """What an export did over older pairs: each must be the older one, or another that is whole; they are put back."""
    faults = [outcome.fault] if outcome.fault else []
    there = {entry.name: entry.read_bytes() for entry in output.iterdir()}
    if set(there) != set(older):
        faults.append(f"other files than the pairs: {sorted(there)}")
    for name in FORMATS:
        model, card = f"it.{name}.tflite", f"it.{name}.json"
        old = all(there.get(file) == older[file] for file in (model, card))
        try:
            whole = old or json.loads(there[card])["file"]["sha256"] == sha256(there[model])
        except (KeyError, ValueError):
            whole = False
        if not whole:
            faults.append(f"half-written: {name}")
    for entry in output.iterdir():
        entry.unlink()
    for file, content in older.items():
        (output / file).write_bytes(content)
    return Outcome(outcome.code, outcome.output, "; ".join(faults))


@pytest.mark.parametrize("times", [SHORT, LONG])
def test_keras_files(
    keras_file: bytes, pictures: Path, older: dict[str, bytes], tmp_path: Path, times: int
) -> None:
    """13 files, or 520: by ``predict``, and every tenth by ``export`` over older pairs."""
    output = tmp_path / "older"
    path = tmp_path / "it.keras"

    def exported() -> Outcome:
        return over(export(path, pictures, output), output, older)

    def cases() -> Iterator[Case]:
        for number, (name, random) in enumerate(seeds("keras", 13 * times)):
            path.write_bytes(fuzz_keras.mutated(random, keras_file))
            yield f"{name} predict", partial(run, ["predict", path, pictures / "a" / "0.png"])
            if number % 10 == 0:
                yield f"{name} export", exported

    report("keras", sweep(cases(), tmp_path / "kept"), tmp_path)


@pytest.mark.parametrize("times", [SHORT, LONG])
def test_pictures_to_calibrate_with(
    keras_file: bytes, pictures: Path, older: dict[str, bytes], tmp_path: Path, times: int
) -> None:
    """2 pictures, or 80, among sound ones, by ``export`` over older pairs."""
    output, model = tmp_path / "older", tmp_path / "it.keras"
    model.write_bytes(keras_file)

    def exported(*options: str) -> Outcome:
        return over(export(model, pictures, output, *options), output, older)

    def cases() -> Iterator[Case]:
        for name, random in seeds("calibration", 2 * times):
            suffix, content = fuzz_images.mutated(random)
            path = pictures / "a" / f"damaged{suffix}"
            path.write_bytes(content)
            options = ("--skip-bad",) if random.random() < 0.5 else ()
            yield f"{name} {suffix}", partial(exported, *options)
            path.unlink()

    report("calibration", sweep(cases(), tmp_path / "kept"), tmp_path)
