"""``.tflite`` files of others through the commands: fed as they say, as they prove, or as the user says."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from tflite_files import Made

from mobilecnn.cli import cli
from mobilecnn.contract import contract_for
from mobilecnn.convert.lowering import tflite_metadata

PIXELS = np.random.default_rng(4).integers(0, 256, (8, 8, 3)).astype(np.uint8)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def probabilities(values: Any) -> Any:
    """What :meth:`Made.scores` answers where the values in front of it are these, (height, width, channels)."""
    weights = np.random.default_rng(5).normal(0, 1, (2, 3))
    scores = weights @ np.mean(values, (0, 1))
    return np.exp(scores) / np.exp(scores).sum()


def proves_unit() -> Made:
    return Made().then("MUL", 2.0).then("SUB", 1.0)


def quantized(dtype: str, scale: float, zero_point: int) -> Made:
    return Made(dtype=dtype, scale=scale, zero_point=zero_point).then("DEQUANTIZE", dtype="float32")


UNIT = PIXELS / 255.0

FILES: dict[str, tuple[Made, bytes | None, str | None, Any]] = {
    # A file, its TFLite Metadata, the range that the user gives, and what its operators should then have made.
    "proven by its operators": (proves_unit(), None, None, 2 * UNIT - 1),
    "proven, and given": (proves_unit(), None, "unit", 2 * UNIT - 1),
    "proven by its quantization": (quantized("int8", 2 / 255, 0), None, None, 2 * UNIT - 1),
    "proven to be 0..1": (quantized("uint8", 1 / 255, 0), None, None, UNIT),
    "proven to be 0..255": (quantized("int8", 1.0, -128).then("MUL", 1 / 255), None, None, UNIT),
    "of an integer type": (Made(dtype="uint8").then("CAST", dtype="float32").then("MUL", 1 / 255), None, None, UNIT),
    "stated": (Made(), tflite_metadata.build(contract_for("tf", (8, 8, 3)), [], "it"), None, 2 * UNIT - 1),
    "stated, BGR": (
        Made().then("MUL", 0.05), tflite_metadata.build(contract_for("caffe", (8, 8, 3)), [], "it"), None,
        0.05 * (PIXELS[..., ::-1] - np.array([103.939, 116.779, 123.68]))),
    "asked for": (Made(), None, "lite", (PIXELS - 127.0) / 128),
    "asked for, of what is left": (quantized("uint8", 1 / 128, 128), None, "tf", 2 * UNIT - 1),
}  # fmt: skip


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("picture") / "it.png"
    Image.fromarray(PIXELS).save(path)
    return path


@pytest.mark.parametrize("name", FILES)
def test_predictions_are_those_of_the_right_numbers(name: str, picture: Path, tmp_path: Path) -> None:
    made, said, given, values = FILES[name]
    (tmp_path / "a.tflite").write_bytes(made.scores().pack(said=said))
    done = run(
        "predict", tmp_path / "a.tflite", picture, "--json", *(("--input-range", given) if given else ())
    )
    assert done.exit_code == 0, done.output
    rows = sorted(json.loads(done.stdout)["predictions"], key=lambda row: int(row["class"]))
    assert [row["probability"] for row in rows] == pytest.approx(list(probabilities(values)), abs=3e-3)


@pytest.mark.parametrize(
    ("made", "given", "words"),
    [
        (proves_unit(), "raw", "takes unit (0..1), because it computes 2 * input - 1"),
        (quantized("int8", 2 / 255, 0), "unit", "takes tf (-1..1), because it quantizes its input to int8"),
        (quantized("uint8", 1 / 128, 128), "raw", "cannot be given raw (0..255): it quantizes its input to uint8"),
        (Made().then("MUL", 1 / 255).then("MUL", 1 / 255), "raw", "cannot be given raw (0..255)"),
        (Made(), None, "does not say what range its input has"),
    ],
)  # fmt: skip
def test_a_contradiction_is_refused_by_each_command(
    made: Made, given: str | None, words: str, picture: Path, photos: Path, tmp_path: Path
) -> None:
    path = tmp_path / "a.tflite"
    path.write_bytes(made.scores().pack())
    options = ("--input-range", given) if given else ()
    for command in (("predict", path, picture), ("evaluate", path, "--data", photos)):
        refused = run(*command, *options)
        assert refused.exit_code == 2 and words in refused.stderr and not refused.stdout, refused.output
    if given:
        done = run("predict", path, picture, *options, "--override-input-range", "--json")
        assert done.exit_code == 0, done.output


def test_files_are_evaluated_as_they_say(photos: Path, tmp_path: Path) -> None:
    """One range for several files is for those that say nothing."""
    for name, made in (("unit", proves_unit()), ("tf", Made())):
        (tmp_path / f"{name}.tflite").write_bytes(made.scores().pack())
    done = run(
        "evaluate", tmp_path / "unit.tflite", tmp_path / "tf.tflite", "--data", photos, "--input-range", "tf", "--json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    first, second = json.loads(done.stdout)["results"]
    # The same network in other clothes.
    assert first["correct"] == second["correct"] and second["agreement_with_first"] == 1.0


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (Made(dtype="int8").then("CAST", dtype="float32"), "takes values of type int8, which pixels from 0 to 255 are not"),
        (Made(dtype="bool").then("CAST", dtype="float32"), "takes values of type bool"),
        (Made(dtype="float16").then("CAST", dtype="float32"), "takes values of type float16"),
        (Made(dtype="uint8", scale=(0.1, 0.2, 0.3)).then("DEQUANTIZE", dtype="float32"), "a scale for each channel of its input"),
    ],
)  # fmt: skip
def test_types_that_no_picture_can_be_written_to_are_refused(
    made: Made, words: str, picture: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.tflite").write_bytes(made.scores().pack())
    refused = run("predict", tmp_path / "a.tflite", picture, "--input-range", "raw", "--override-input-range")
    assert refused.exit_code == 2 and words in refused.stderr, refused.output


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8"])
def test_numbers_of_classes_are_no_scores(dtype: str, picture: Path, tmp_path: Path) -> None:
    made = Made().scores().then("CAST", dtype=dtype)
    (tmp_path / "a.tflite").write_bytes(made.pack())
    refused = run("predict", tmp_path / "a.tflite", picture, "--input-range", "raw")
    assert (
        refused.exit_code == 2
        and f"answers with {dtype} values, such as the number of a class" in refused.stderr
    )
