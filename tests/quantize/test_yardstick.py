"""What rewrites are judged by: as many pictures as make enough answers, and what a rewrite that was taken back costs."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from tflite_files import Made

from mobilecnn import tensors
from mobilecnn.contract import contract_for
from mobilecnn.quantize import yardstick
from mobilecnn.quantize.calibration.images import CalibrationImages
from mobilecnn.quantize.inference import TfliteProcess
from mobilecnn.quantize.making import with_cost
from mobilecnn.train import inputs

CONTRACT = contract_for("unit", (8, 8, 3))


@pytest.fixture
def pictures(tmp_path: Path) -> tuple[Path, npt.NDArray[np.uint8]]:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), np.uint8)
    inputs.write(tmp_path / "pictures.npy", pixels, CONTRACT, len(pixels))
    return tmp_path / "pictures.npy", pixels


def test_where_pictures_are_few_they_are_shifted(pictures: tuple[Path, npt.NDArray[np.uint8]]) -> None:
    path, pixels = pictures
    made = list(yardstick.shifted(path, 8))
    assert np.array_equal(made[:3], pixels)
    assert np.array_equal(made[4], np.roll(pixels[1], (1, 1), (0, 1)))
    assert len(made) == len({picture.tobytes() for picture in made}) == 8
    assert len(list(yardstick.shifted(path, 2))) == 2


@pytest.mark.parametrize(("classes", "count"), [(2, 100), (10, 100), (40, 25), (1000, 3)])
def test_a_file_is_asked_for_enough_answers_once(
    classes: int, count: int, pictures: tuple[Path, npt.NDArray[np.uint8]], tmp_path: Path
) -> None:
    float32 = tmp_path / "float32.tflite"
    with TfliteProcess("under test") as tflite:
        images = CalibrationImages(pictures[1], pictures[0], None)  # type: ignore[arg-type]
        aim = yardstick.yardstick(tflite, images, CONTRACT, classes, float32, tmp_path)
        float32.write_bytes(Made().scores(classes).pack())
        scores = aim().scores
        assert scores.shape == (count, classes)
        float32.unlink()
        assert aim().scores is scores
        assert tensors.shape(tmp_path / "yardstick.npy") == (count, 8, 8, 3)


def test_what_was_taken_back_says_what_that_costs_and_what_helps(tmp_path: Path) -> None:
    made = Made(dtype="int8", scale=0.05)
    made.add("HARD_SWISH", made.add("ABS", made.input, scale=0.05), scale=0.05)
    path = tmp_path / "two.tflite"
    path.write_bytes(made.pack())
    with TfliteProcess("under test") as tflite:
        assert with_cost({}, tmp_path / "none.tflite", tflite, True) == {}
        said, of_float = (
            with_cost({"compute_in_float": "values moved"}, path, tflite, quantized)["compute_in_float"]
            for quantized in (True, False)
        )
    assert said.startswith("values moved: ") and "in 0 pieces with 2 operators outside" in said
    assert "--keep-float" in said and "mobilecnn inspect" in said and "--keep-float" not in of_float
