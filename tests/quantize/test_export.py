"""Export of models that were never in the zoo, in every format."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilecnn.contract import RANGES, InputContract
from mobilecnn.convert import passport
from mobilecnn.convert.conversion import Source
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.errors import DataError, EnvironmentProblem, ModelFileError, OutputError, UsageError
from mobilecnn.export import export
from mobilecnn.files import sha256
from mobilecnn.quantize import formats
from mobilecnn.quantize.calibration.images import Calibration
from mobilecnn.quantize.inference import TfliteProcess, ask, open_tflite
from mobilecnn.train import datasets
from mobilecnn.train.images import Pixels, stack_pixels, to_tensor

FORMATS = formats.names()
ENDS = {"float32": "float32", "float16": "float32", "dynamic": "float32", "int8": "int8"}


@pytest.mark.parametrize("name", FORMATS)
def test_the_passport_is_true(exported: Path, third_party: Path, name: str) -> None:
    path = exported / f"theirs.{name}.tflite"
    content = path.read_bytes()
    document = json.loads((exported / f"theirs.{name}.json").read_text())
    assert document["file"] == {
        "name": path.name,
        "format": name,
        "bytes": len(content),
        "sha256": sha256(content),
    }
    assert document["source"]["model"] == "theirs.keras"
    assert document["source"]["sha256"] == sha256((third_party / "theirs.keras").read_bytes())
    assert document["source"]["trained"] and document["latency_only"] == []
    assert document["labels"] == ["cat", "dog"]
    # The model rescales inside, so it is fed raw pixels.
    contract = document["input"]["contract"]
    assert (contract["mean"], contract["std"], contract["stated"]) == ([0, 0, 0], [1, 1, 1], True)
    assert document["input"]["tensor"]["dtype"] == document["output"]["tensor"]["dtype"] == ENDS[name]
    assert (document["calibration"] is not None) == (name == "int8")
    assert document["parity"]["images"] == 12 and document["parity"]["holds"]
    assert document["minimum_runtime"] == ("2.10.0" if name == "int8" else "2.9.0")


@pytest.mark.parametrize(
    ("name", "least_db"), [("float32", 120.0), ("float16", 55.0), ("dynamic", 30.0), ("int8", 25.0)]
)
def test_parity_is_measured_and_good(exported: Path, name: str, least_db: float) -> None:
    parity = json.loads((exported / f"theirs.{name}.json").read_text())["parity"]
    assert parity["identical"] or parity["sqnr_db"] > least_db
    assert parity["agreement"] >= 11 / 12


def test_sizes_are_in_order(exported: Path) -> None:
    size = {name: (exported / f"theirs.{name}.tflite").stat().st_size for name in FORMATS}
    assert size["float16"] < size["float32"] and size["dynamic"] < size["float32"]


@pytest.mark.parametrize("name", FORMATS)
def test_golden_inputs_give_the_golden_scores(exported: Path, name: str, tmp_path: Path) -> None:
    path = exported / f"theirs.{name}.tflite"
    card = passport.read(path, sha256(path.read_bytes()))
    assert card is not None
    np.save(tmp_path / "in.npy", to_tensor(np.stack(card.pictures), card.contract))
    with TfliteProcess("under test") as process:
        process.run(path, tmp_path / "in.npy", tmp_path / "out.npy")
    wanted = [golden.scores for golden in card.golden]
    np.testing.assert_allclose(np.load(tmp_path / "out.npy"), wanted, atol=1e-6)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_answers_alike_on_the_old_runtime(exported: Path, photos: Path, name: str) -> None:
    dataset = datasets.load(str(photos))
    path = exported / f"theirs.{name}.tflite"
    new = next(ask([path], dataset.pixels, len(dataset)))
    old = ask([path], dataset.pixels, len(dataset), runtime="tflite-runtime")
    if sys.version_info >= (3, 12):
        with pytest.raises(EnvironmentProblem, match=r"3\.11"):
            next(old)
    else:
        np.testing.assert_allclose(next(old).scores, new.scores, atol=2e-2)


def test_keras_and_tflite_are_asked_the_same_way(exported: Path, third_party: Path, photos: Path) -> None:
    dataset = datasets.load(str(photos))
    decoded = []

    def images(contract: InputContract) -> Iterable[Pixels]:
        decoded.append(contract)
        return dataset.pixels(contract)

    paths = [third_party / "theirs.keras", exported / "theirs.float32.tflite"]
    keras, tflite = ask(paths, images, len(dataset))
    assert len(decoded) == 1, "files that are fed alike share what was decoded"
    np.testing.assert_allclose(keras.scores, tflite.scores, atol=1e-5)
    assert keras.classifier.contract == tflite.classifier.contract


def test_int8_with_float_ends(third_party: Path, photos: Path, tmp_path: Path) -> None:
    source = Source(str(third_party / "theirs.keras"))
    (file,) = export(source, ["int8"], tmp_path, Calibration(str(photos)), io="float32")
    graph = flatbuffer.graph(file.path.read_bytes(), "")
    assert (graph.inputs[0].dtype, graph.outputs[0].dtype) == ("float32", "float32")
    assert {operation.kind for operation in graph.operations} >= {"QUANTIZE", "DEQUANTIZE"}
    assert file.passport.recipe.io == "float32"
    assert file.parity.agreement >= 11 / 12


def test_h5_exports_too(third_party: Path, photos: Path, tmp_path: Path) -> None:
    exported = export(
        Source(str(third_party / "theirs.h5")), FORMATS, tmp_path, Calibration(str(photos), samples=4)
    )
    assert [file.path.name for file in exported] == [f"theirs.{name}.tflite" for name in FORMATS]
    assert all(file.holds for file in exported)


def test_random_calibration_is_marked_latency_only(third_party: Path, tmp_path: Path) -> None:
    (file,) = export(Source(str(third_party / "theirs.keras")), ["int8"], tmp_path, Calibration("random"))
    assert file.passport.latency_only == ("the activations' ranges were calibrated on random pictures",)


def test_a_zoo_name_is_marked_latency_only(tmp_path: Path) -> None:
    source = Source("shufflenet_v1_x0.25_g3", classes=7, size=64)
    (file,) = export(source, ["float32"], tmp_path)
    assert file.path.name == "shufflenet_v1_x0.25_g3.float32.tflite"
    assert file.passport.latency_only == ("the weights are a random initialization",)
    assert file.passport.source.architecture == "shufflenet_v1_x0.25_g3"
    assert open_tflite(file.path).classes == 7
    assert open_tflite(file.path).contract.shape == (64, 64, 3)


def test_a_model_that_says_nothing_is_assumed_to_take_0_to_1(keras: Any, tmp_path: Path) -> None:
    model = keras.Sequential(
        [keras.Input((16, 16, 1)), keras.layers.Conv2D(2, 3), keras.layers.Flatten(), keras.layers.Dense(3)]
    )
    model.save(tmp_path / "grey.keras")
    (file,) = export(Source(str(tmp_path / "grey.keras")), ["float32"], tmp_path)
    contract = file.passport.contract
    assert (contract.color, contract.std, contract.stated) == ("grey", (255.0,), False)


@pytest.mark.parametrize("name", RANGES)
def test_a_named_range_goes_into_the_passport(third_party: Path, tmp_path: Path, name: str) -> None:
    (file,) = export(Source(str(third_party / "theirs.keras"), input_range=name), ["float32"], tmp_path)
    contract = open_tflite(file.path).contract
    assert (contract.color, contract.mean, contract.std) == RANGES[name]


def test_a_free_input_size_is_fixed_by_size(keras: Any, tmp_path: Path) -> None:
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((None, None, 3)), layers.Conv2D(4, 3), layers.GlobalAveragePooling2D(), layers.Dense(3)]
    )
    model.save(tmp_path / "free.keras")
    with pytest.raises(UsageError, match="--size"):
        export(Source(str(tmp_path / "free.keras")), ["float32"], tmp_path)
    (file,) = export(Source(str(tmp_path / "free.keras"), size=40), ["float32"], tmp_path)
    assert open_tflite(file.path).contract.shape == (40, 40, 3)


def test_a_replaced_file_is_not_taken_for_the_passports(exported: Path, tmp_path: Path) -> None:
    (tmp_path / "a.tflite").write_bytes((exported / "theirs.float32.tflite").read_bytes())
    (tmp_path / "a.json").write_text((exported / "theirs.int8.json").read_text())
    with pytest.raises(ModelFileError, match="SHA-256 differs"):
        open_tflite(tmp_path / "a.tflite")


@pytest.mark.parametrize(
    "damage",
    ["", "{", "[]", '{"schema": "mobilecnn.passport"}', '{"schema": "mobilecnn.passport", "version": 9}'],
)
def test_a_damaged_passport_is_one_clear_error(exported: Path, tmp_path: Path, damage: str) -> None:
    (tmp_path / "a.tflite").write_bytes((exported / "theirs.float32.tflite").read_bytes())
    (tmp_path / "a.json").write_text(damage)
    with pytest.raises(ModelFileError, match="passport"):
        open_tflite(tmp_path / "a.tflite")


def test_calibration_does_not_depend_on_the_order(third_party: Path, photos: Path, tmp_path: Path) -> None:
    """Ranges are the extremes over the images: the same images in another order give the same file."""
    files = [
        export(
            Source(str(third_party / "theirs.keras")),
            ["int8"],
            tmp_path / str(seed),
            Calibration(str(photos), 12, seed),
        )[0]
        for seed in (0, 1)
    ]
    assert files[0].path.read_bytes() == files[1].path.read_bytes()


def test_what_cannot_work_is_refused_at_once(third_party: Path, photos: Path, tmp_path: Path) -> None:
    source = Source(str(third_party / "theirs.keras"))
    with pytest.raises(UsageError, match="'--calibration random' makes"):
        export(source, ["int8"], tmp_path)
    with pytest.raises(UsageError, match="unknown format 'int4'"):
        export(source, ["int4"], tmp_path)
    with pytest.raises(UsageError, match="no format"):
        export(source, [], tmp_path)
    with pytest.raises(DataError, match="no such folder"):
        export(source, ["int8"], tmp_path, Calibration("/nowhere"))
    with pytest.raises(OutputError, match="cannot write"):
        export(source, ["float32"], Path("/proc/mobilecnn"))
    assert list(tmp_path.iterdir()) == []


def test_pixels_of_calibration_are_those_of_evaluation(photos: Path, exported: Path) -> None:
    contract = open_tflite(exported / "theirs.int8.tflite").contract
    dataset = datasets.load(str(photos))
    assert np.array_equal(np.stack(list(dataset.pixels(contract))), stack_pixels(dataset.images, contract))


def test_an_unsteady_model_is_held_to_its_own_steadiness(tmp_path: Path) -> None:
    # Deep, with random weights: Keras in float64 shows that both float32 answers are as far off.
    (file,) = export(Source("squeezenext23_x1.0_g2", size=64, classes=10), ["float32"], tmp_path)
    assert file.holds
    tolerance = file.passport.parity.tolerance
    assert tolerance is not None and 1e-4 < file.parity.relative < tolerance < 0.02
