"""Local response normalization of the zoo is TFLite's operator in every file, and computes what Keras does."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from installed import INSTALLED

from mobilecnn.convert.conversion import Source
from mobilecnn.convert.inspection import inspect
from mobilecnn.export import export
from mobilecnn.exported import Exported
from mobilecnn.quantize import formats
from mobilecnn.quantize.calibration.images import RANDOM, Calibration
from mobilecnn.quantize.inference import TfliteProcess
from mobilecnn.train.zoo import local_response

pytestmark = pytest.mark.usefixtures("forked")

SIDE, GAIN = 6, 2000.0
"""The gain makes the sum of the squares count for more than k."""


@pytest.fixture(scope="module")
def model(keras: Any) -> Any:
    """A classifier whose answers hang on its normalization."""
    keras.utils.set_random_seed(7)
    image = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.Conv2D(8, 3, kernel_initializer="random_normal", name="conv")(image)
    x = keras.layers.Rescaling(GAIN, name="gain")(x)
    x = local_response.LocalResponseNormalization(name="norm")(x)
    x = keras.layers.Rescaling(0.05)(keras.layers.GlobalMaxPooling2D()(x))
    return keras.Model(image, keras.layers.Dense(3, activation="softmax")(x), name="normalized")


@pytest.fixture(scope="module")
def exported(model: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Exported, ...]:
    folder = tmp_path_factory.mktemp("normalized")
    model.save(folder / "normalized.keras")
    source = Source(str(folder / "normalized.keras"), input_range="tf")
    return export(source, formats.usual(), folder, Calibration(RANDOM))


LRN = "LOCAL_RESPONSE_NORMALIZATION"


def test_every_file_has_the_operator(exported: tuple[Exported, ...]) -> None:
    float32, *_ = exported
    assert float32.holds
    for file in exported:
        seen = inspect(file.path)
        uses = {row.operator: row for row in seen.operators}
        assert (uses[LRN].version, uses[LRN].count, uses[LRN].macs) == (1, 1, 0)
        assert not {"POW", "PAD", "STRIDED_SLICE"} & set(uses)  # What it would be, written out.
        left = f"left in float32 between quantized operators: {LRN} (1)"
        assert any(left in warning for warning in seen.warnings) == (file.format == "int8")


@pytest.mark.parametrize("runtime", INSTALLED)
def test_every_file_normalizes(
    model: Any, exported: tuple[Exported, ...], runtime: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pictures = np.random.default_rng(3).uniform(-1, 1, (4, SIDE, SIDE, 3)).astype(np.float32)
    wanted = np.asarray(model(pictures))
    # Without the sum of the squares the answers are others by more than any format is inexact.
    with monkeypatch.context() as patch:
        patch.setattr(local_response, "ALPHA", 0.0)
        assert np.abs(np.asarray(model(pictures)) - wanted).max() > 0.25
    inputs, outputs = tmp_path / "inputs.npy", tmp_path / "outputs.npy"
    np.save(inputs, pictures)
    with TfliteProcess("under test") as process:
        for file in exported:
            process.run(file.path, inputs, outputs, runtime)
            atol = 1e-5 if file.format == "float32" else 0.1
            np.testing.assert_allclose(np.load(outputs), wanted, atol=atol, err_msg=file.format)
