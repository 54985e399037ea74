"""Write the vectors that the Android app's arithmetic is tested against, as Python computes them.

``python scripts/android_vectors.py`` renews android_demo/core/src/test/resources/vectors.json;
a test holds the file to this script. Bytes are base64; pictures are RGBA or RGB, rows
from the top; float32 little-endian.
"""

import base64
import itertools
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps
from PIL.ExifTags import Base

from mobilecnn.bench.judge import statistics
from mobilecnn.bench.records import measurement
from mobilecnn.bench.timing import answers
from mobilecnn.bench.timing.answers import Questions
from mobilecnn.contract import contract_for
from mobilecnn.convert import golden
from mobilecnn.convert.checks import Golden, ImageManifest, ParityRecord
from mobilecnn.convert.output_kinds import KINDS
from mobilecnn.convert.passport import (
    ModelFile,
    ModelInput,
    ModelOutput,
    OperatorUse,
    Passport,
    Quantization,
    QuantizationRecipe,
    SourceModel,
    TensorType,
)
from mobilecnn.files import write_text
from mobilecnn.quantize import decisions, golden_answers
from mobilecnn.quantize.codes import decode, encode
from mobilecnn.records import Signed
from mobilecnn.train.images import to_pixels, to_tensor

PATH = Path(__file__).resolve().parent.parent / "android_demo/core/src/test/resources/vectors.json"

SIZES = (
    # width and height of the picture, then of the network
    ((7, 5), (3, 4)),
    ((3, 2), (9, 7)),
    ((8, 8), (8, 8)),
    ((8, 31), (8, 5)),
    ((1, 1), (4, 4)),
    ((33, 20), (1, 1)),
    ((9, 31), (12, 12)),
    ((41, 27), (16, 16)),
)
ORIENTATION = int(Base.Orientation)
RANGES = ("unit", "tf", "torch", "caffe", "lite")


def _base64(values: npt.NDArray[Any]) -> str:
    return base64.b64encode(values.tobytes()).decode()


def _floats(values: npt.ArrayLike) -> str:
    return _base64(np.asarray(values, "<f4"))


def pictures(rng: np.random.Generator) -> list[dict[str, Any]]:
    """Pictures with the pixels, tensors and codes that the network's input is made of."""
    cases: list[dict[str, Any]] = []
    for ((width, height), (columns, rows)), channels, alpha in itertools.product(
        SIZES, (3, 1), (False, True)
    ):
        if alpha and width != 7:
            continue
        rgba = rng.integers(0, 256, (height, width, 4), dtype=np.uint8)
        if not alpha:
            rgba[..., 3] = 255
        name = RANGES[len(cases) % len(RANGES)]
        contract = contract_for("tf" if channels == 1 else name, (rows, columns, channels))
        pixels = to_pixels(Image.fromarray(rgba), contract)
        tensor = to_tensor(pixels, contract)
        scale, zero_point = float(np.float32(0.0123 * (1 + len(cases) % 4))), -7
        cases.append(
            {
                "width": width,
                "height": height,
                "rgba": _base64(rgba),
                "contract": contract.to_json(),
                "pixels": _base64(pixels),
                "tensor": _floats(tensor),
                "scale": scale,
                "zero_point": zero_point,
                "codes": _base64(encode(tensor, np.int8, scale, zero_point)),
            }
        )
    return cases


def orientations(rng: np.random.Generator) -> list[dict[str, Any]]:
    """A picture in each EXIF orientation, and upright as :func:`mobilecnn.train.images.open_image` opens it."""
    cases: list[dict[str, Any]] = []
    for orientation in range(1, 9):
        rgba = rng.integers(0, 256, (3, 5, 4), dtype=np.uint8)
        rgba[..., 3] = 255
        image = Image.fromarray(rgba)
        image.getexif()[ORIENTATION] = orientation
        pixels = np.asarray(ImageOps.exif_transpose(image))[..., :3]
        cases.append(
            {
                "width": 5,
                "height": 3,
                "rgba": _base64(rgba),
                "orientation": orientation,
                "pixels": _base64(pixels),
            }
        )
    return cases


def codes() -> list[dict[str, Any]]:
    """Values on halves and beyond both ends with their codes, and the value of every code."""
    cases = []
    for scale, zero_point in ((0.5, 0), (float(np.float32(1 / 255)), -128), (float(np.float32(0.0371)), 11)):
        values = np.asarray([-1e6, -1.25, -0.75, -0.25, -0.0, 0.25, 0.75, 1.25, 1.75, 0.018, 1e6], np.float32)
        all_codes = np.arange(-128, 128, dtype=np.int8)
        cases.append(
            {
                "scale": scale,
                "zero_point": zero_point,
                "values": _floats(values),
                "codes": _base64(encode(values, np.int8, scale, zero_point)),
                "every": _floats(decode(all_codes, scale, zero_point)),
            }
        )
    return cases


def samples(rng: np.random.Generator) -> list[dict[str, Any]]:
    """Percentiles of one sample, of two, of many, and of equal ones."""
    cases: list[dict[str, Any]] = []
    for values in ([7], [1, 4], [5, 5, 5], rng.integers(10**5, 10**8, 50).tolist()):
        percentiles = {str(p): statistics.percentile(values, p) for p in (0, 10, 50, 90, 99, 100)}
        cases.append({"samples": values, "percentiles": percentiles})
    return cases


def best(rng: np.random.Generator) -> list[dict[str, Any]]:
    """Scores of every kind with the answer as ``mobilecnn predict`` gives it: equal scores by class."""
    cases = []
    rows = (
        [1.0, 3.0, 3.0, 2.0],
        [0.0] * 7,
        [0.7, 0.2, 0.1],
        rng.integers(-9, 9, 40).tolist(),
        [200.0, -200.0],
    )
    for kind in KINDS:
        binary = kind.decision == "binary"
        for scores in ([0.5], [0.0], [0.75], [0.25], [-3.0], [90.0]) if binary else rows:
            given = np.asarray(scores, np.float32)
            answer = [asdict(row) for row in decisions.ranked(kind, given, 5)]
            cases.append({"kind": kind.name, "scores": _floats(given), "best": answer})
    return cases


def kinds() -> list[dict[str, str]]:
    """The kinds of output."""
    return [{"name": kind.name, "decision": kind.decision, "link": kind.link or "none"} for kind in KINDS]


def judged() -> list[dict[str, Any]]:
    """Passports with answers that a device might give, and the verdict on them."""
    expected = np.asarray([[0.7, 0.2, 0.1], [0.05, 0.05, 0.9]])
    picture = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    cases = (
        # format, tolerance and max_difference of its parity, scale of the output, how far the device is off
        ("float32", 1e-4, 1e-7, 0.0, 8.9e-5),
        ("float32", 1e-4, 1e-7, 0.0, 9.1e-5),
        ("float16", None, 0.001, 0.0, 0.0019),
        ("float16", None, 0.001, 0.0, 0.0021),
        ("int8", None, 0.001, 1 / 256, 2 / 256),
        ("int8", None, 0.001, 1 / 256, 3 / 256),
        ("int8", None, 0.5, 1 / 256, 0.0),
        ("int8", None, 0.5, 1 / 256, 16 / 256),
        ("int8", None, 0.5, 1 / 256, 17 / 256),
        ("dynamic", None, 0.5, 0.0, 15.9 / 256),
        ("dynamic", None, 0.5, 0.0, 16.1 / 256),
        ("int8", None, 0.5, 1 / 32, 0.0),
        ("float32", 1e-4, 1e-7, 0.0, float("nan")),
        ("float32", 1e-5, 1e-7, 0.0, 0.00002),
    )
    judgements = []
    for name, limit, own, scale, off in cases:
        given = expected.astype(np.float32)
        given[1, 2] += np.float32(off)
        peak = float(expected.max())
        tolerance = golden_answers.allowed(expected, scale, limit, own)
        questions = Questions((), expected, scale, 0, tolerance)
        verdict = measurement.NOT_CHECKED if tolerance >= peak else answers.judge(questions, given).verdict
        card = _passport(name, limit, own, scale, golden.encode_picture(picture), expected)
        judgements.append(
            {
                "passport": card.to_json(),
                "given": [_floats(row) for row in given],
                "verdict": verdict,
                "tolerance": tolerance,
            }
        )
    return judgements


def _passport(
    name: str,
    tolerance: float | None,
    max_difference: float,
    scale: float,
    picture: str,
    scores: npt.NDArray[np.float64],
) -> Passport:
    """A passport as export writes it, with a quantized input and output if ``scale`` is not 0."""
    coded = Quantization(scale, Signed(-128)) if scale else None
    dtype = "int8" if scale else "float32"
    images = ImageManifest("digits", 0, len(scores), 3, "0" * 64)
    return Passport(
        created="2026-01-01T00:00:00+00:00",
        tool={"mobilecnn": "0"},
        source=SourceModel("a.keras", "0" * 64, "", trained=True, seed=None, classes=3, parameters=36),
        labels=("mouse", "Käfer", "象"),
        latency_only=(),
        file=ModelFile(f"a.{name}.tflite", name, 1234, "0" * 64),
        input=ModelInput(
            TensorType("image", dtype, (1, 2, 2, 3), dynamic=False, quantization=coded),
            contract_for("unit", (2, 2, 3)),
        ),
        output=ModelOutput(TensorType("scores", dtype, (1, 3), dynamic=False, quantization=coded), "softmax"),
        recipe=QuantizationRecipe(dtype, ()),
        lowering={"stamp_versions": ("2 operators have another version",)} if scale else {},
        calibration=images if scale else None,
        parity=ParityRecord(
            "the Keras model", images, holds=True, tolerance=tolerance, images=len(scores), agreement=1.0, label_agreement=None,
            distinct_answers=2, constant=False, max_difference=max_difference, mean_difference=max_difference,
            relative=max_difference, sqnr_db=40.0, finite=True, identical=False,
        ),
        macs=12,
        parameters=36,
        minimum_runtime="2.3.0",
        operators=(OperatorUse("CONV_2D", 3 if scale else 1, 2, 12, 36, 36, "1.14.0"),),
        warnings=(),
        golden=tuple(Golden(picture, tuple(row)) for row in scores.tolist()),
    )  # fmt: skip


def vectors() -> str:
    """The content of the file: a JSON object with a list of cases for each subject."""
    rng = np.random.default_rng(16)
    groups = {
        "pictures": pictures(rng),
        "orientations": orientations(rng),
        "codes": codes(),
        "samples": samples(rng),
        "best": best(rng),
        "kinds": kinds(),
        "judged": judged(),
    }
    lines = [
        f'"{name}": [\n' + ",\n".join(json.dumps(entry) for entry in entries) + "\n]"
        for name, entries in groups.items()
    ]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    write_text(PATH, vectors())
