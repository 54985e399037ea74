"""Export of models that were never in the zoo, in every format."""

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tflite_files import replaced, saying

from mobilecnn.contract import RANGES, InputContract, contract_for
from mobilecnn.convert import passport
from mobilecnn.convert.conversion import Source
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.lowering import tflite_metadata
from mobilecnn.errors import DataError, EnvironmentProblem, ModelFileError, OutputError, UsageError
from mobilecnn.export import export
from mobilecnn.files import sha256
from mobilecnn.quantize import formats
from mobilecnn.quantize.asking import Asking
from mobilecnn.quantize.calibration.images import Calibration
from mobilecnn.quantize.classifiers import open_tflite
from mobilecnn.quantize.inference import TfliteProcess, ask
from mobilecnn.train import datasets, inputs, zoo
from mobilecnn.train.images import Pixels, stack_pixels, to_tensor
from mobilecnn.train.keras_file import ModelInfo, write_info

pytestmark = pytest.mark.usefixtures("forked")

FORMATS = formats.usual()
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
    # The biases of a dynamic-range file are corrected by the images that calibrate the int8 file.
    assert (document["calibration"] is not None) == (name in ("int8", "dynamic"))
    assert document["parity"]["images"] == 4 and document["parity"]["holds"]
    # A third of the twelve photos calibrated nothing; four are too few to pass a file that is not exact.
    assert document["verdict"]["verdict"] == ("pass" if name == "float32" else "undecided")
    assert document["verdict"]["held_out"] and document["verdict"]["images"] == 4
    if name == "int8":
        assert document["calibration"]["images"] == len(document["calibration"]["each"]) == 8
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
    old = ask([path], dataset.pixels, len(dataset), Asking("tflite-runtime"))
    if sys.version_info >= (3, 12):
        with pytest.raises(EnvironmentProblem, match=r"3\.11"):
            next(old)
    else:
        np.testing.assert_allclose(next(old).scores, new.scores, atol=2e-2)


@pytest.mark.parametrize(("name", "corrected"), [("float32", 0), ("float16", 0), ("int8", 1), ("dynamic", 1)])
def test_what_was_corrected_and_what_it_is_worth_is_kept(exported: Path, name: str, corrected: int) -> None:
    path = exported / f"theirs.{name}.tflite"
    card = passport.read(path, sha256(path.read_bytes()))
    assert card is not None and len(card.corrections) == corrected
    for row in card.corrections:
        assert (row.name, row.images, row.ratio) == ("bias_correction", 8, None) and row.changed > 3
        assert row.sqnr_db_with is not None and row.sqnr_db_without is not None
        assert row.applied == (row.sqnr_db_with >= row.sqnr_db_without)
        assert card.calibration is not None and card.calibration.images == 8


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
    (file,) = export(source, ["int8"], tmp_path, Calibration(str(photos)), io="float32", correct="none")
    assert file.passport.corrections == ()
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
    assert file.passport.corrections == (), "random pictures say nothing of a mean"


def test_a_zoo_name_is_marked_latency_only(tmp_path: Path) -> None:
    source = Source("shufflenet_v1_x0.25_g3", classes=7, size=64)
    (file,) = export(source, ["float32"], tmp_path)
    assert file.path.name == "shufflenet_v1_x0.25_g3.float32.tflite"
    assert file.passport.latency_only == ("the weights are a random initialization",)
    assert file.passport.source.architecture == "shufflenet_v1_x0.25_g3"
    assert open_tflite(file.path).classes == 7
    assert open_tflite(file.path).contract.shape == (64, 64, 3)


@pytest.fixture(scope="module")
def silent(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of models that do not scale their input: ``rgb.keras``, ``grey.keras`` and ``free.keras``."""
    folder = tmp_path_factory.mktemp("silent")
    layers = keras.layers
    for name, shape in (("rgb", (16, 24, 3)), ("grey", (16, 24, 1)), ("free", (None, None, 3))):
        image = keras.Input(shape)
        x = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(image))
        keras.Model(image, layers.Dense(3)(x)).save(folder / f"{name}.keras")
    return folder


@pytest.mark.parametrize("name", RANGES)
def test_a_named_range_goes_into_the_passport(silent: Path, tmp_path: Path, name: str) -> None:
    (file,) = export(Source(str(silent / "rgb.keras"), input_range=name), ["float32"], tmp_path)
    contract = open_tflite(file.path).contract
    assert (contract.color, contract.mean, contract.std) == RANGES[name]
    assert (contract.range_name, contract.stated, contract.overrides) == (name, True, "")


@pytest.mark.parametrize("name", ["raw", "unit", "tf", "lite"])
def test_a_named_range_of_a_grey_model(silent: Path, tmp_path: Path, name: str) -> None:
    (file,) = export(Source(str(silent / "grey.keras"), input_range=name), ["float32"], tmp_path)
    contract = open_tflite(file.path).contract
    assert (contract.color, contract.shape) == ("grey", (16, 24, 1))
    assert (contract.mean, contract.std) == (RANGES[name][1][:1], RANGES[name][2][:1])


@pytest.mark.parametrize("name", ["rgb", "grey"])
def test_a_model_that_says_nothing_is_asked_about(silent: Path, tmp_path: Path, name: str) -> None:
    source = Source(str(silent / f"{name}.keras"))
    with pytest.raises(
        UsageError, match=r"does not say what range its input has: .*--input-range .*raw \(0\.\.255\)"
    ):
        export(source, ["float32"], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_contradiction_is_refused_or_marked(third_party: Path, photos: Path, tmp_path: Path) -> None:
    model = str(third_party / "theirs.keras")
    with pytest.raises(
        UsageError, match=r"takes raw \(0\.\.255\), because it computes .*--input-range says tf"
    ):
        export(Source(model, input_range="tf"), ["float32"], tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UsageError, match="give --input-range"):
        export(Source(model, override=True), ["float32"], tmp_path)
    export(Source(model, input_range="raw"), ["float32"], tmp_path)
    assert open_tflite(tmp_path / "theirs.float32.tflite").contract.overrides == ""
    (file,) = export(Source(model, input_range="tf", override=True), ["float32"], tmp_path)
    contract = open_tflite(file.path).contract
    assert (contract.range_name, contract.stated, contract.overrides) == ("tf", True, "raw")
    # The passport states it from now on, so another range contradicts the passport.
    for given, override, expected in ((None, False, "tf"), ("tf", False, "tf"), ("unit", True, "unit")):
        assert open_tflite(file.path, given, override).contract.range_name == expected
    with pytest.raises(UsageError, match=r"takes tf \(-1\.\.1\), because its passport says so, and .* raw"):
        open_tflite(file.path, "raw")


@pytest.mark.parametrize("kind", ["trained here", "of the zoo"])
def test_what_a_file_or_the_zoo_states_is_contradicted(keras: Any, tmp_path: Path, kind: str) -> None:
    name = "lenet5"
    if kind == "trained here":
        path = tmp_path / "mine.keras"
        zoo.build(name, 2, 32).save(path)
        write_info(path, ModelInfo(architecture=name, contract=zoo.contract(name)))
        name = str(path)
    with pytest.raises(UsageError, match=r"takes tf \(-1\.\.1\), because the (file|zoo) says so"):
        export(Source(name, input_range="raw"), ["float32"], tmp_path / "out")
    (file,) = export(Source(name, input_range="raw", override=True), ["float32"], tmp_path / "out")
    assert file.passport.contract.overrides == "tf"


def test_a_file_whose_layers_prove_another_range_than_it_states(
    keras: Any, third_party: Path, tmp_path: Path
) -> None:
    path = tmp_path / "two.keras"
    path.write_bytes((third_party / "theirs.keras").read_bytes())
    write_info(path, ModelInfo(contract=contract_for("tf", (48, 48, 3))))
    for given in (None, "raw", "tf"):
        with pytest.raises(
            UsageError, match=r"contradicts itself: the file says that it takes tf .* raw \(0"
        ):
            export(Source(str(path), input_range=given), ["float32"], tmp_path)
    (file,) = export(Source(str(path), input_range="raw", override=True), ["float32"], tmp_path)
    assert (file.passport.contract.range_name, file.passport.contract.overrides) == ("raw", "tf")


@pytest.mark.parametrize("name", ["float32", "float16", "int8", "dynamic"])
def test_a_file_without_its_passport_still_states_its_range(
    exported: Path, tmp_path: Path, name: str
) -> None:
    bare = tmp_path / "bare.tflite"
    bare.write_bytes((exported / f"theirs.{name}.tflite").read_bytes())
    contract = open_tflite(exported / f"theirs.{name}.tflite").contract
    assert open_tflite(bare).contract == open_tflite(bare, "raw").contract == contract
    with pytest.raises(UsageError, match=r"takes raw \(0\.\.255\), because its TFLITE_METADATA says so"):
        open_tflite(bare, "unit")
    assert open_tflite(bare, "unit", override=True).contract.overrides == "raw"


def test_a_file_that_says_nothing_is_asked_about(silent: Path, tmp_path: Path) -> None:
    (file,) = export(Source(str(silent / "rgb.keras"), input_range="lite"), ["float32"], tmp_path)
    (tmp_path / "bare.tflite").write_bytes(saying(file.path.read_bytes(), None))
    with pytest.raises(
        UsageError, match=r"bare\.tflite does not say what range its input has: it does not change"
    ):
        open_tflite(tmp_path / "bare.tflite")
    for name in RANGES:
        assert open_tflite(tmp_path / "bare.tflite", name).contract == contract_for(name, (16, 24, 3))


def assumed(file: Path) -> None:
    """Make ``file`` and its passport those of an older version, which assumed 0..1 and wrote that into both."""

    def change(document: dict[str, Any]) -> None:
        contract = document["input"]["contract"]
        del contract["overrides"], document["labelled"]
        contract.update(std=[255.0] * 3, stated=False)

    shape = json.loads(file.with_suffix(".json").read_text())["input"]["tensor"]["shape"][1:]
    said = tflite_metadata.build(contract_for("unit", shape), [], "it")
    replaced(file, saying(file.read_bytes(), said), change)


def test_an_old_passport_that_assumed_a_range_gives_way_to_what_is_known(
    exported: Path, silent: Path, tmp_path: Path
) -> None:
    for suffix in (".tflite", ".json"):
        (tmp_path / f"old{suffix}").write_bytes((exported / f"theirs.float32{suffix}").read_bytes())
    assumed(tmp_path / "old.tflite")
    for given in (None, "raw"):
        assert open_tflite(tmp_path / "old.tflite", given).contract == contract_for("raw", (48, 48, 3))
    with pytest.raises(
        UsageError, match=r"takes raw \(0\.\.255\), because it computes 0.007843 \* input - 1"
    ):
        open_tflite(tmp_path / "old.tflite", "unit")
    (file,) = export(Source(str(silent / "rgb.keras"), input_range="unit"), ["float32"], tmp_path)
    assumed(file.path)
    assert not open_tflite(file.path).contract.stated
    assert open_tflite(file.path, "tf").contract == contract_for("tf", (16, 24, 3))


def test_a_free_input_size_is_fixed_by_size(silent: Path, tmp_path: Path) -> None:
    model = str(silent / "free.keras")
    with pytest.raises(UsageError, match="--size"):
        export(Source(model, input_range="unit"), ["float32"], tmp_path)
    (file,) = export(Source(model, size=40, input_range="unit"), ["float32"], tmp_path)
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


def test_calibration_does_not_depend_on_the_order(exported: Path, photos: Path, tmp_path: Path) -> None:
    """Ranges are the extremes over the images, and means their means: in another order they give the same file."""
    base = exported / "theirs.float32.tflite"
    card = passport.read(base, sha256(base.read_bytes()))
    assert card is not None
    pixels = list(datasets.load(str(photos)).pixels(card.contract))
    rules = formats.named("int8").rules_for("int8")
    files, means = [], []
    with TfliteProcess("under test") as process:
        for name, ordered in (("one", pixels), ("other", pixels[::-1])):
            given, made = tmp_path / f"{name}.npy", tmp_path / f"{name}.tflite"
            inputs.write(given, ordered, card.contract, len(ordered))
            process.quantize(base, rules, made, given)
            files.append(made.read_bytes())
            means.append(process.observe(base, given, tmp_path / f"{name}.npz").patches)
    assert files[0] == files[1]
    for one, other in zip(*means, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


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
