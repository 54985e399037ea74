"""Damaged and hostile input of every kind: read, or refused in one line; never a traceback, a hang or a raw escape.

A short run here, the long one in the sweep (``make test-all``). Each case has its own seed, which is its name: to
see one again, ``PYTHONPATH=tests/fuzz`` and the mutator with ``Random(NAME)``.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import fuzz_bases
import fuzz_flatbuffer
import fuzz_images
import fuzz_json
import fuzz_keras
import fuzz_zygote
import numpy as np
import pytest
from fuzz_verdict import Outcome, run, sweep
from PIL import Image

from mobilecnn.bench.records.stream import Stream
from mobilecnn.convert import conversion
from mobilecnn.errors import MobileCnnError
from mobilecnn.quantize import inference

# As in the command line, which pytest's own filters override: see train/images.py.
pytestmark = pytest.mark.filterwarnings(r"ignore::UserWarning:PIL\.")

SEED = int(os.environ.get("FUZZ_SEED", "0"))
"""Seed of the first case."""

SHORT, LONG = pytest.param(1, id="short"), pytest.param(40, id="long", marks=pytest.mark.sweep)
"""Times as many cases: in ``make test``, and in ``make test-all``."""

Case = tuple[str, Callable[[], Outcome]]


def seeds(kind: str, count: int) -> Iterator[tuple[str, Random]]:
    for number in range(SEED, SEED + count):
        name = f"{kind}-{number}"
        yield name, Random(name)


@pytest.fixture(scope="module")
def bases() -> list[fuzz_bases.Base]:
    return [fuzz_bases.base(dtype) for dtype in ("float32", "int8")]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    Image.fromarray(np.arange(192, dtype=np.uint8).reshape(8, 8, 3)).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"


@pytest.fixture(scope="module")
def _litert(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Children that run .tflite files are forks of one that has imported the runtime."""
    with (
        fuzz_zygote.zygote(tmp_path_factory.mktemp("z"), "ai_edge_litert.interpreter") as name,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(inference, "python", lambda module: fuzz_zygote.command(name, module))
        yield


@pytest.fixture(scope="module")
def _keras_child(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Children that hold Keras models are forks of one that has imported TensorFlow."""
    with (
        fuzz_zygote.zygote(tmp_path_factory.mktemp("z"), "tensorflow", "keras", "h5py") as name,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(conversion, "python", lambda module: fuzz_zygote.command(name, module))
        yield


def report(kind: str, counts: Counter[str], folder: Path) -> None:
    """Keep the figures, for whoever asks how the cases ended."""
    print(kind, dict(sorted(counts.items())))
    (folder / "counts.json").write_text(json.dumps(counts))


@pytest.mark.parametrize("times", [SHORT, LONG])
@pytest.mark.usefixtures("_litert")
def test_tflite_files(bases: list[fuzz_bases.Base], picture: Path, tmp_path: Path, times: int) -> None:
    """25 files, or 1,000 of each command: read by ``inspect``, and run by ``predict`` in a child."""

    def cases() -> Iterator[Case]:
        for name, random in seeds("tflite", 25 * times):
            for base in bases:
                path = tmp_path / "it.tflite"
                path.write_bytes(fuzz_flatbuffer.mutated(random, base.model))
                yield f"{name} {base.name} inspect", partial(run, ["inspect", path])
                yield (
                    f"{name} {base.name} predict",
                    partial(run, ["predict", path, picture, "--input-range", "unit"]),
                )
                if random.random() < 0.1:
                    yield f"{name} {base.name} json", partial(run, ["inspect", path, "--json"])

    report("tflite", sweep(cases(), tmp_path / "kept"), tmp_path)


@pytest.mark.parametrize("times", [SHORT, LONG])
@pytest.mark.usefixtures("_litert")
def test_passports(picture: Path, tmp_path: Path, times: int) -> None:
    """What lies beside a sound file and is no sound passport of it."""

    bases = [
        fuzz_bases.base(dtype, sample) for dtype in ("float32", "int8") for sample in fuzz_bases.passports()
    ]

    def cases() -> Iterator[Case]:
        for name, random in seeds("passport", 15 * times):
            base = random.choice(bases)
            (tmp_path / "it.tflite").write_bytes(base.model)
            (tmp_path / "it.json").write_bytes(fuzz_json.mutated(random, base.passport))
            yield f"{name} predict", partial(run, ["predict", tmp_path / "it.tflite", picture])

    report("passports", sweep(cases(), tmp_path / "kept"), tmp_path)


@pytest.mark.parametrize("times", [SHORT, LONG])
def test_records(tmp_path: Path, times: int) -> None:
    """Measurements, counts, evaluations and streams: by ``compare``, by ``report`` and by the Python API."""
    records = fuzz_bases.records()
    sound = tmp_path / "sound.json"
    sound.write_text(json.dumps(records["measurement-3"]))

    def read(path: Path) -> Outcome:
        try:
            Stream.read(path)
        except MobileCnnError as error:
            return Outcome(error.exit_code, str(error), "")
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is said.
            return Outcome(0, "", f"a traceback: {error!r}")
        return Outcome(0, "", "")

    def cases() -> Iterator[Case]:
        for name, random in seeds("record", 15 * times):
            kind = random.choice(sorted(records))
            path = tmp_path / "it.json"
            path.write_bytes(fuzz_json.mutated(random, records[kind]))
            other = sound if kind.startswith("measurement") else path
            yield f"{name} {kind} compare", partial(run, ["compare", other, path])
            page = tmp_path / "report.html"
            yield (
                f"{name} {kind} report",
                partial(run, ["report", sound, path, "-o", page]),
            )
            yield f"{name} {kind} API", partial(read, path)

    report("records", sweep(cases(), tmp_path / "kept"), tmp_path)


@pytest.mark.parametrize("times", [SHORT, LONG])
@pytest.mark.usefixtures("_litert")
def test_images(bases: list[fuzz_bases.Base], tmp_path: Path, times: int) -> None:
    model = tmp_path / "it.tflite"
    model.write_bytes(bases[0].model)
    (tmp_path / "it.json").write_text(json.dumps(bases[0].passport))

    def cases() -> Iterator[Case]:
        for name, random in seeds("image", 13 * times):
            suffix, content = fuzz_images.mutated(random)
            path = tmp_path / f"it{suffix}"
            path.write_bytes(content)
            yield f"{name} {suffix}", partial(run, ["predict", model, path])

    report("images", sweep(cases(), tmp_path / "kept"), tmp_path)


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


@pytest.mark.parametrize("times", [SHORT, LONG])
@pytest.mark.usefixtures("_keras_child")
def test_keras_files(keras_file: bytes, picture: Path, tmp_path: Path, times: int) -> None:
    """13 files, or 520: by ``predict``, and every tenth by ``export``, which leaves pairs or nothing."""

    def export(path: Path, folder: Path) -> Outcome:
        outcome = run(["export", path, "--float32", "-o", folder])
        names = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
        halves = names ^ {"it.float32.tflite", "it.float32.json"} if names else set()
        for entry in names:
            (folder / entry).unlink()
        fault = outcome.fault or (f"half-written: {sorted(halves)}" if halves else "")
        return Outcome(outcome.code, outcome.output, fault)

    def cases() -> Iterator[Case]:
        for number, (name, random) in enumerate(seeds("keras", 13 * times)):
            path = tmp_path / "it.keras"
            path.write_bytes(fuzz_keras.mutated(random, keras_file))
            yield f"{name} predict", partial(run, ["predict", path, picture])
            if number % 10 == 0:
                yield f"{name} export", partial(export, path, tmp_path / "out")

    report("keras", sweep(cases(), tmp_path / "kept"), tmp_path)
