"""The report of each operator's error: the culprit comes first, by figures that can be checked."""

import json
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from click.testing import CliRunner, Result
from PIL import Image
from tflite_files import saying

from mobilecnn.bench.pages.layers import html
from mobilecnn.cli import cli
from mobilecnn.contract import contract_for
from mobilecnn.convert.conversion import Source
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.lowering import tflite_metadata
from mobilecnn.convert.lowering.layouts import REORDERED
from mobilecnn.errors import ModelFileError, UsageError
from mobilecnn.export import export
from mobilecnn.quantize.calibration.images import Calibration
from mobilecnn.quantize.classifiers import open_tflite
from mobilecnn.quantize.layers import LayerReport, report, spread_ratio
from mobilecnn.quantize.references import Pair, paired, reference_of
from mobilecnn.quantize.verdict import Floors
from mobilecnn.remarks import Remark
from mobilecnn.train import datasets

pytestmark = pytest.mark.usefixtures("forked")

SPOILT = 2
"""Place of the convolution that has one channel a thousand times as wide as the others."""


@pytest.fixture(scope="module")
def spoilt(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a network of four convolutions in three formats, one channel of the third a thousand times as wide."""
    folder = tmp_path_factory.mktemp("spoilt")
    keras.utils.set_random_seed(0)
    layers = keras.layers
    image = x = keras.Input((12, 12, 3))
    for _ in range(4):
        x = layers.Conv2D(8, 3, activation="relu")(x)
    x = layers.Dense(4, activation="softmax")(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(image, x)
    kernel, bias = model.layers[1 + SPOILT].get_weights()
    kernel[..., 3] *= 1000
    model.layers[1 + SPOILT].set_weights([kernel, bias])
    model.save(folder / "it.keras")
    generator = np.random.default_rng(0)
    (folder / "pictures").mkdir()
    for index in range(12):
        small = generator.integers(0, 256, (4, 4, 3), dtype=np.uint8)
        Image.fromarray(small).resize((12, 12), Image.Resampling.BICUBIC).save(
            folder / "pictures" / f"{index}.png"
        )
    source = Source(str(folder / "it.keras"), input_range="unit")
    floors = Floors(0, -1000)
    export(
        source,
        ["float32", "float16", "int8"],
        folder,
        Calibration(str(folder / "pictures")),
        floors=floors,
        correct="none",
    )
    return folder


@pytest.fixture(scope="module")
def found(spoilt: Path) -> LayerReport:
    images = datasets.load(str(spoilt / "pictures"))
    return report(paired(spoilt / "it.int8.tflite", spoilt / "it.float32.tflite"), images)


def test_every_operator_has_its_figures(found: LayerReport) -> None:
    kinds = [layer.kind for layer in found.layers]
    assert kinds.count("CONV_2D") == 4 and found.images == 12 and found.unmatched == 0
    for layer in found.layers:
        assert layer.values is not None and sum(layer.histogram) == 12 * math.prod(layer.shape)
        assert layer.isolated_db is None or layer.accumulated_db is not None
        # What is wrong by itself is wrong in the whole, too.
        if layer.isolated_db is not None and layer.accumulated_db is not None:
            assert layer.accumulated_db < layer.isolated_db + 6
        assert 0 <= layer.outside < 0.2


def test_channels_in_another_order_are_not_compared(tmp_path: Path) -> None:
    """Shuffles that the weights of the int8 file take, and those of the float32 file do not."""
    made = export(
        Source("shufflenet_v1_x0.25_g3", size=64), ["float32", "int8"], tmp_path, Calibration("digits"), floors=Floors(0, -1000)
    )  # fmt: skip
    files = {file.format: file.path for file in made}
    images = datasets.load("digits", "test").sample(2)
    layers = report(paired(files["int8"], files["float32"]), images).layers
    reordered = [layer for layer in layers if REORDERED in layer.name]
    assert len(reordered) > 10 and {layer.kind for layer in reordered} >= {"CONV_2D", "DEPTHWISE_CONV_2D"}
    known = [layer for layer in layers if layer.values is not None]
    # Of tensors that are not the same the noise would be larger than the signal.
    assert len(known) > 40 and min(layer.isolated_db or 99 for layer in known) > 12


def test_the_wide_channel_is_named(found: LayerReport) -> None:
    convolutions = [layer for layer in found.layers if layer.kind == "CONV_2D"]
    ratios = [layer.weight_ratio or 0 for layer in convolutions]
    assert max(ratios) == ratios[SPOILT] > 500 and sorted(ratios)[-2] < 3
    assert (convolutions[SPOILT].channel_ratio or 0) > 100 and convolutions[SPOILT].suspect
    assert not convolutions[0].suspect
    # The type of its output is right: what is lost is lost behind it.
    assert found.worst_first[0].isolated_db == min(
        layer.isolated_db for layer in found.layers if layer.isolated_db is not None
    )


def test_the_isolated_error_of_the_first_operator_is_that_of_eight_bits(found: LayerReport) -> None:
    """A uniform distribution over 256 steps has 6.02 * 8 = 48 dB; a convolution of rounded weights less."""
    first = next(layer for layer in found.layers if layer.kind == "CONV_2D")
    assert first.isolated_db is not None and 25 < first.isolated_db < 55
    assert first.isolated_db == pytest.approx(first.accumulated_db, abs=3)


@pytest.fixture(scope="module")
def equalized(spoilt: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the same network, exported with corrections."""
    folder = tmp_path_factory.mktemp("equalized")
    source = Source(str(spoilt / "it.keras"), input_range="unit")
    calibration = Calibration(str(spoilt / "pictures"))
    export(source, ["float32", "int8"], folder, calibration, floors=Floors(0, -1000))
    return folder


def test_an_equalized_file_is_held_against_the_float32_files_values_in_its_own_scales(
    spoilt: Path, equalized: Path, found: LayerReport
) -> None:
    remarks: list[Remark] = []
    images = datasets.load(str(spoilt / "pictures"))
    made = report(
        paired(equalized / "it.int8.tflite", equalized / "it.float32.tflite"), images, remarks.append
    )
    (said,) = [remark for remark in remarks if remark.code == "equalized"]
    assert said.count > 0 and "divided by the powers of two in its passport" in said.text
    assert made.unmatched == 0
    # Values in other scales than the file's would be as far apart as they are large: 0 dB.
    assert min(layer.accumulated_db or 99 for layer in made.layers) > 15
    conv, before = ([row for row in each.layers if row.kind == "CONV_2D"][SPOILT] for each in (made, found))
    # The wide channel was halved, so that it balances with the weights that read it.
    assert 4 * (conv.channel_ratio or math.inf) < (before.channel_ratio or 0)


def test_an_equalized_file_whose_passport_does_not_say_by_how_much_is_refused(
    spoilt: Path, equalized: Path, tmp_path: Path
) -> None:
    for name in ("it.float32", "it.int8"):
        for ending in ("tflite", "json"):
            (tmp_path / f"{name}.{ending}").write_bytes((equalized / f"{name}.{ending}").read_bytes())
    card = json.loads((tmp_path / "it.int8.json").read_text())
    for row in card["corrections"]:
        del row["halved"]
    (tmp_path / "it.int8.json").write_text(json.dumps(card))
    images = datasets.load(str(spoilt / "pictures")).sample(2)
    with pytest.raises(ModelFileError, match=r"does not say by how much.*export it again"):
        report(paired(tmp_path / "it.int8.tflite", tmp_path / "it.float32.tflite"), images)


def test_other_formats_are_reported_too(spoilt: Path) -> None:
    images = datasets.load(str(spoilt / "pictures")).sample(3)
    made = report(paired(spoilt / "it.float16.tflite", spoilt / "it.float32.tflite"), images)
    ratios = [layer.accumulated_db for layer in made.layers if layer.accumulated_db is not None]
    assert ratios and min(ratios) > 40
    assert all(layer.limits is None and layer.outside == 0 for layer in made.layers)


def test_a_file_is_exact_against_itself(spoilt: Path) -> None:
    images = datasets.load(str(spoilt / "pictures")).sample(2)
    float32 = open_tflite(spoilt / "it.float32.tflite")
    made = report(Pair(float32, float32), images)
    assert all(layer.accumulated_db is None and layer.isolated_db is None for layer in made.layers)
    assert all(layer.cosine == pytest.approx(1) for layer in made.layers if layer.cosine is not None)


def test_an_operator_without_a_finite_number_comes_first(spoilt: Path, tmp_path: Path) -> None:
    """It is what breaks the file: no dash, and no cosine of 1."""
    broken = tmp_path / "it.float16.tflite"
    model = flatbuffer.parse((spoilt / "it.float16.tflite").read_bytes(), "it")
    (weights,) = (
        row
        for row in model.subgraphs[0].tensors
        if list(row.shape) == [4, 8] and row.type == schema.TensorType.FLOAT16
    )
    model.buffers[weights.buffer].data = np.frombuffer(
        np.full((4, 8), np.nan, np.float16).tobytes(), np.uint8
    )
    broken.write_bytes(flatbuffer.pack(model))
    images = datasets.load(str(spoilt / "pictures"))
    found = report(paired(broken, spoilt / "it.float32.tflite"), images)
    first = found.worst_first[0]
    assert not first.finite and first.kind == "FULLY_CONNECTED"
    assert first.isolated_db is first.accumulated_db is first.cosine is None
    assert [layer.finite for layer in found.worst_first] == [False, False] + [True] * (len(found.layers) - 2)
    json.dumps(found.to_json(), allow_nan=False)
    assert "gives NaN or infinity" in html(found)
    typed = [
        "quantize-report",
        broken,
        "--reference",
        spoilt / "it.float32.tflite",
        "--data",
        spoilt / "pictures",
    ]
    done = CliRunner().invoke(cli, list(map(str, typed)))
    assert done.exit_code == 0 and "not finite" in done.stdout and "do not ship the file" in done.stderr, (
        done.output
    )


def test_the_command_and_its_page(spoilt: Path, tmp_path: Path) -> None:
    command = [
        "quantize-report",
        str(spoilt / "it.int8.tflite"),
        "--data",
        str(spoilt / "pictures"),
        "--samples",
        "4",
    ]
    page = tmp_path / "layers.html"
    done = CliRunner().invoke(cli, [*command, "-o", str(page), "--json"])
    assert done.exit_code == 0, done.output
    ratios = [
        row["isolated_db"] for row in json.loads(done.stdout)["layers"] if row["isolated_db"] is not None
    ]
    assert ratios == sorted(ratios)
    text = page.read_text()
    assert text.startswith("<!doctype html>") and "CONV_2D" in text and "Values of the worst" in text
    done = CliRunner().invoke(cli, command)
    assert "isolated dB" in done.stdout and "the widest channel is 20 times as wide" in done.stderr


def test_the_same_report_gives_the_same_page(found: LayerReport) -> None:
    assert html(found) == html(found)


def test_what_is_no_reference_is_refused(spoilt: Path, exported: Path, tmp_path: Path) -> None:
    int8, images = spoilt / "it.int8.tflite", datasets.load(str(spoilt / "pictures"))
    assert reference_of(int8) == spoilt / "it.float32.tflite"
    alone = tmp_path / "it.int8.tflite"
    alone.write_bytes(int8.read_bytes())
    for path in (alone, tmp_path / "it.tflite"):
        with pytest.raises(UsageError, match="is no float32 file of the same export"):
            reference_of(path)
    with pytest.raises(ModelFileError, match="give --reference the float32 file of the same export"):
        report(paired(int8, exported / "theirs.float32.tflite"), images)
    with pytest.raises(UsageError, match="is float16; give --reference the float32 file"):
        report(paired(int8, spoilt / "it.float16.tflite"), images)


def reported(*typed: object) -> Result:
    return CliRunner().invoke(cli, ["quantize-report", *map(str, typed)])


@pytest.mark.parametrize(
    "beside", [(), ("--reference", "it.float32.tflite"), ("--reference", "it.int8.tflite")]
)
def test_a_file_that_is_not_quantized_is_refused_as_such(
    spoilt: Path, monkeypatch: pytest.MonkeyPatch, beside: tuple[str, ...]
) -> None:
    monkeypatch.chdir(spoilt)
    done = reported("it.float32.tflite", "--data", "pictures", *beside)
    assert done.exit_code == 2 and "it.float32.tflite is not quantized" in done.stderr, done.output
    assert "give a quantized file" in done.stderr


@pytest.fixture(scope="module")
def theirs(keras: Any, spoilt: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``float32.tflite`` and ``int8.tflite`` as TFLiteConverter makes them of that network, and a model of one logit, ``logit.*``."""
    import tensorflow as tf

    folder = tmp_path_factory.mktemp("theirs")
    it = keras.models.load_model(spoilt / "it.keras")
    logit = keras.Model(it.inputs, keras.layers.Dense(1)(it.layers[-2].output))
    for model, prefix in ((it, ""), (logit, "logit.")):
        for name in ("float32", "int8"):
            converter = tf.lite.TFLiteConverter.from_keras_model(model)
            if name == "int8":
                # From -2 to 2, so that the scale of the input proves no range: it leaves torch.
                pixels = 4 * np.random.default_rng(1).random((8, 1, 12, 12, 3), np.float32) - 2
                converter.optimizations = [tf.lite.Optimize.DEFAULT]
                converter.representative_dataset = lambda pixels=pixels: ([image] for image in pixels)
            # It warns that statistics were expected, in whose place the images are.
            with warnings.catch_warnings(action="ignore"):
                (folder / f"{prefix}{name}.tflite").write_bytes(converter.convert())
    for label in "ab":
        (folder / "data" / label).mkdir(parents=True)
        for index in range(3):
            picture = (spoilt / "pictures" / f"{index + 3 * (label == 'b')}.png").read_bytes()
            (folder / "data" / label / f"{index}.png").write_bytes(picture)
    return folder


def test_a_pair_that_does_not_say_its_range_is_told_it(theirs: Path) -> None:
    typed = (theirs / "int8.tflite", "--reference", theirs / "float32.tflite", "--data", theirs / "data")
    done = reported(*typed)
    assert done.exit_code == 2 and "Say with --input-range" in done.stderr, done.output
    done = reported(*typed, "--input-range", "torch", "--json")
    assert done.exit_code == 0, done.output
    fed = json.loads(done.stdout)["layers"]
    assert sum(row["kind"] == "CONV_2D" for row in fed) == 4
    assert min(row["accumulated_db"] for row in fed if row["accumulated_db"] is not None) < 60
    done = reported(*typed, "--input-range", "tf", "--override-input-range")
    assert (
        done.exit_code == 0 and "--input-range tf --override-input-range" in done.stderr.splitlines()[-1]
    ), done.output


def test_a_file_that_does_not_say_its_range_has_that_of_the_other(theirs: Path, tmp_path: Path) -> None:
    """Of the two one says it, by its passport or otherwise; what is proposed next says it, too."""
    stated = tflite_metadata.build(contract_for("torch", (12, 12, 3)), [], "it")
    for says in ("float32", "int8"):
        for name in ("float32", "int8"):
            content = (theirs / f"{name}.tflite").read_bytes()
            (tmp_path / f"it.{name}.tflite").write_bytes(saying(content, stated if name == says else None))
        done = reported(tmp_path / "it.int8.tflite", "--data", theirs / "data")
        assert done.exit_code == 0 and "--input-range torch" in done.stderr.splitlines()[-1], done.output
        done = reported(tmp_path / "it.int8.tflite", "--data", theirs / "data", "--input-range", "tf")
        assert done.exit_code == 2 and "torch" in done.stderr, done.output


def test_a_pair_of_one_score_is_told_what_it_is(theirs: Path) -> None:
    typed = (
        theirs / "logit.int8.tflite", "--reference", theirs / "logit.float32.tflite", "--data", theirs / "data", "--input-range", "torch"
    )  # fmt: skip
    done = reported(*typed)
    assert done.exit_code == 2 and "say so with --output-kind" in done.stderr, done.output
    done = reported(*typed, "--output-kind", "logit-binary")
    assert done.exit_code == 0 and "--output-kind logit-binary" in done.stderr.splitlines()[-1], done.output


@pytest.mark.parametrize(
    ("ranges", "ratio"),
    [
        ([1, 1, 1], 1),
        ([1, 2, 3], 1.5),
        ([1, 1, 1000], 1000),
        ([5], None),
        ([0, 0, 0, 1, 1, 500], 500),
        ([0, 0], None),
    ],
)
def test_the_ratio_of_channels(ranges: list[float], ratio: float | None) -> None:
    assert spread_ratio(ranges) == ratio
