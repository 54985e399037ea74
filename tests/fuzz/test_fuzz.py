"""Damaged and hostile input of every kind: read, or refused in one line; never a traceback, a hang or a raw escape.

A short run here, the long one in the sweep (``make test-all``). Each case has its own seed, which is its name: to
see one again, ``PYTHONPATH=tests/fuzz`` and the mutator with ``Random(NAME)``.
"""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import fuzz_bases
import fuzz_flatbuffer
import fuzz_images
import fuzz_json
import numpy as np
import pytest
from fuzz_verdict import LONG, SHORT, Case, Outcome, report, run, seeds, sweep
from PIL import Image

import mobilecnn
from mobilecnn.bench.judge.streams import StreamSummary
from mobilecnn.bench.records.stream import Stream
from mobilecnn.errors import MobileCnnError

# As in the command line, which pytest's own filters override: see train/images.py.
pytestmark = pytest.mark.filterwarnings(r"ignore::UserWarning:PIL\.")


@pytest.fixture(scope="module")
def bases() -> list[fuzz_bases.Base]:
    return [fuzz_bases.base(dtype) for dtype in ("float32", "int8")]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    Image.fromarray(np.arange(192, dtype=np.uint8).reshape(8, 8, 3)).save(tmp_path / "picture.png")
    return tmp_path / "picture.png"


@pytest.mark.parametrize("times", [SHORT, LONG])
@pytest.mark.usefixtures("forked")
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
@pytest.mark.usefixtures("forked")
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
    """Records of each kind and version: by ``compare``, by ``report`` and by the Python API."""
    records = fuzz_bases.records()
    sound = tmp_path / "sound.json"
    sound.write_text(json.dumps(records["measurement-4"]))

    def read(path: Path) -> Outcome:
        try:
            record = mobilecnn.load(path)
            if isinstance(record, Stream):  # What the commands say of one, which they make themselves.
                json.dumps(StreamSummary.of(record).to_json(), allow_nan=False)
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
@pytest.mark.usefixtures("forked")
def test_images(bases: list[fuzz_bases.Base], tmp_path: Path, times: int) -> None:
    """13 pictures, or 520: by ``predict``, and every other by ``evaluate`` among sound ones."""
    model = tmp_path / "it.tflite"
    model.write_bytes(bases[0].model)
    (tmp_path / "it.json").write_text(json.dumps(bases[0].passport))

    for label in ("class 0", "class 1"):
        (tmp_path / "data" / label).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(tmp_path / "data" / label / "sound.png")

    def cases() -> Iterator[Case]:
        for number, (name, random) in enumerate(seeds("image", 13 * times)):
            suffix, content = fuzz_images.mutated(random)
            path = tmp_path / "data" / "class 0" / f"it{suffix}"
            path.write_bytes(content)
            yield f"{name} {suffix}", partial(run, ["predict", model, path])
            if number % 2:
                options = ["--skip-bad"] if random.random() < 0.5 else []
                yield (
                    f"{name} {suffix} evaluate",
                    partial(run, ["evaluate", model, "--data", tmp_path / "data", *options]),
                )
            path.unlink()

    report("images", sweep(cases(), tmp_path / "kept"), tmp_path)
