"""Are these the right images to calibrate on? Each wrong set is found, and no right one is taken for wrong."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import mobilecnn
from mobilecnn.cli import cli
from mobilecnn.contract import RANGES, InputContract, contract_for
from mobilecnn.convert.checks import DOUBTFUL, NOTE, WRONG
from mobilecnn.convert.conversion import KerasFacts, KerasModel, Source
from mobilecnn.quantize.calibration import doctor
from mobilecnn.quantize.calibration.doctor import FAR, NEAR, Pictures, of_classes, of_distances, of_pictures
from mobilecnn.quantize.calibration.images import Calibration, choose, prepare
from mobilecnn.quantize.calibration.stability import stability
from mobilecnn.quantize.calibration.statistics import distance, input_distance
from mobilecnn.train import datasets
from mobilecnn.train.input_statistics import InputStatistics

pytestmark = pytest.mark.usefixtures("forked")

SIDE = 16


@pytest.fixture(scope="module")
def trained(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``tf.keras`` and ``unit.keras``, which know the digits in these ranges and do not say so."""
    folder = tmp_path_factory.mktemp("trained")
    digits = datasets.load("digits", "train")
    layers = keras.layers
    for name in ("tf", "unit"):
        keras.utils.set_random_seed(1)
        contract = contract_for(name, (SIDE, SIDE, 1))
        pixels = np.stack(list(digits.pixels(contract))).astype(np.float32)
        image = keras.Input((SIDE, SIDE, 1))
        x = image
        for filters in (12, 24):
            x = layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False)(x)
            x = layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))
        x = layers.Dense(10, activation="softmax")(layers.GlobalAveragePooling2D()(x))
        model = keras.Model(image, x)
        model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
        model.fit((pixels - contract.mean[0]) / contract.std[0], digits.labels, epochs=3, verbose=0)
        model.save(folder / f"{name}.keras")
    return folder


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of data sets: digits as files, and what is none."""
    folder = tmp_path_factory.mktemp("sets")
    digits = datasets.load("digits", "test")
    generator = np.random.default_rng(3)
    for index in range(40):
        digit = np.asarray(digits.images[index])
        pictures = {
            "digits": digit,
            "negatives": 255 - digit,
            "black": np.zeros((8, 8), np.uint8),
            "grey": np.full((8, 8), 128, np.uint8),
            "greys": np.full((8, 8), 6 * index, np.uint8),
            "colours": np.full((8, 8, 3), (6 * index, 250 - 5 * index, 90), np.uint8),
            "noise": generator.integers(0, 256, (SIDE, SIDE), dtype=np.uint8),
        }
        for name, pixels in pictures.items():
            (folder / name).mkdir(exist_ok=True)
            Image.fromarray(pixels).save(folder / name / f"{index:02}.png")
    return folder


@pytest.fixture(scope="module")
def loaded(trained: Path) -> Iterator[dict[str, tuple[KerasModel, KerasFacts]]]:
    """Both models, each held by a process."""
    with ExitStack() as entered:
        processes = {
            name: entered.enter_context(KerasModel(Source(str(trained / f"{name}.keras"), input_range=name)))
            for name in ("tf", "unit")
        }
        yield {name: (process, process.load()) for name, process in processes.items()}


@pytest.mark.parametrize(
    ("model", "fed", "source", "samples", "expected"),
    [
        ("tf", "tf", "digits", 100, {}),
        ("unit", "unit", "digits", 100, {}),
        ("tf", "lite", "digits", 100, {}),  # As good as the same.
        ("tf", "tf", "SETS/digits", 100, {}),
        ("unit", "unit", "SETS/digits", 5, {}),
        ("tf", "tf", "SETS/digits", 5, {}),
        ("tf", "unit", "digits", 100, {"other-range": WRONG}),
        ("unit", "tf", "digits", 100, {"other-range": WRONG}),
        ("unit", "raw", "digits", 100, {"other-range": WRONG}),
        ("tf", "raw", "digits", 100, {"other-range": WRONG}),
        ("unit", "raw", "SETS/digits", 5, {"other-range": WRONG}),
        ("tf", "tf", "SETS/black", 100, {"constant": WRONG, "duplicates": NOTE}),
        ("tf", "tf", "SETS/grey", 100, {"constant": WRONG, "duplicates": NOTE}),
        ("tf", "tf", "SETS/greys", 100, {"constant": WRONG}),
        ("unit", "unit", "SETS/greys", 100, {"constant": WRONG}),
        ("tf", "tf", "SETS/colours", 100, {"constant": WRONG}),
        ("tf", "tf", "SETS/noise", 100, {"other-images": DOUBTFUL}),
        ("unit", "unit", "SETS/noise", 100, {"other-images": DOUBTFUL}),
        ("unit", "unit", "SETS/negatives", 100, {"other-images": DOUBTFUL}),
    ],
)
def test_what_is_found(
    loaded: dict[str, tuple[KerasModel, KerasFacts]],
    sets: Path,
    tmp_path: Path,
    model: str,
    fed: str,
    source: str,
    samples: int,
    expected: dict[str, str],
) -> None:
    process, facts = loaded[model]
    contract = contract_for(fed, (SIDE, SIDE, 1))
    chosen = choose(Calibration(source.replace("SETS", str(sets)), samples))
    images = prepare(chosen, contract, tmp_path / "images.npy")
    facts = replace(facts, contract=contract)
    far = doctor.distances(process, images, facts)
    found = doctor.findings(chosen, doctor.look(images), facts, far)
    assert {finding.code: finding.severity for finding in found} == expected, far
    for finding in found:
        if finding.code == "other-range":
            # -1..1 and (x - 127) / 128 are the same but for a trifle.
            assert finding.fix in (
                {f"say --input-range {name}" for name in ("tf", "lite")}
                if model == "tf"
                else {"say --input-range unit"}
            )
            assert f"fed as {contract.meaning}" in finding.text


def layer(
    mean: float, variance: float, observed_mean: float, observed_variance: float
) -> dict[str, list[float]]:
    names = ("mean", "variance", "observed_mean", "observed_variance")
    spread = np.asarray([0.0001, 1.0, 1.3])
    values = (mean * spread, variance * spread, observed_mean * spread, observed_variance * spread)
    return {name: value.tolist() for name, value in zip(names, values, strict=True)}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (layer(1, 4, 1, 4), 0),
        (layer(1, 4, 1, 8), 0.25),
        (layer(1, 4, 1, 2), 0.25),
        (layer(1, 4, 1, 16), 1.125),
        (layer(0, 4, 2, 4), 1),
    ],
)
def test_the_distance_is_jeffreys_divergence(row: dict[str, list[float]], expected: float) -> None:
    assert distance([row]) == pytest.approx(expected, abs=0.05)


def test_what_a_short_training_left_of_the_initial_values_is_allowed_for() -> None:
    generator = np.random.default_rng(0)
    mean, variance = generator.normal(0, 3, 32), generator.gamma(1, 4, 32)
    begun = {
        "mean": (0.4 * mean).tolist(), "variance": (0.6 + 0.4 * variance).tolist(),
        "observed_mean": mean.tolist(), "observed_variance": variance.tolist(),
    }  # fmt: skip
    assert (distance([begun]) or 0) < 0.05
    half = {**begun, "observed_mean": (mean / 2 + 1).tolist(), "observed_variance": (variance / 4).tolist()}
    assert (distance([half]) or 0) > FAR
    assert distance([]) is None


@pytest.fixture(scope="module")
def plain(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[KerasModel, KerasFacts]]:
    """LeNet-5, which has no batch normalization, trained here: its file keeps what its inputs were."""
    path = tmp_path_factory.mktemp("plain") / "plain.keras"
    mobilecnn.train("lenet5", "digits", path, epochs=1)
    with KerasModel(Source(str(path))) as process:
        yield process, process.load()


@pytest.mark.parametrize(
    ("fed", "source", "expected"),
    [
        ("", "digits", {}),
        ("", "SETS/digits", {}),
        ("unit", "digits", {"other-range": WRONG}),
        ("raw", "SETS/digits", {"other-range": WRONG}),
        ("", "SETS/noise", {"other-images": DOUBTFUL}),
        ("", "SETS/negatives", {"other-images": DOUBTFUL}),
        ("", "SETS/black", {"constant": WRONG, "duplicates": NOTE}),
    ],
)
def test_what_is_found_without_a_batch_normalization(
    plain: tuple[KerasModel, KerasFacts],
    sets: Path,
    tmp_path: Path,
    fed: str,
    source: str,
    expected: dict[str, str],
) -> None:
    process, facts = plain
    assert facts.contract.range_name == "tf"
    fed_facts = replace(facts, contract=contract_for(fed or "tf", facts.contract.shape))
    chosen = choose(Calibration(source.replace("SETS", str(sets))))
    images = prepare(chosen, fed_facts.contract, tmp_path / "images.npy")
    far = doctor.distances(process, images, fed_facts)
    found = doctor.findings(chosen, doctor.look(images), fed_facts, far)
    assert {finding.code: finding.severity for finding in found} == expected, far
    assert all("say --input-range" in finding.fix for finding in found if finding.code == "other-range")
    # A file from elsewhere keeps nothing, and one of another size says nothing.
    for training in (None, {"inputs": facts.training["inputs"] | {"height": 9}} if facts.training else None):
        assert doctor.distances(process, images, replace(fed_facts, training=training)) == {"": None}


@pytest.mark.parametrize(
    ("mean", "variance", "step", "expected"),
    [(1, 4, 2, 0), (1, 8, 2, 0.25), (1, 4, 4, 0.25), (1, 4, 8, 1.125), (3, 4, 2, 1)],
)
def test_the_distance_of_inputs_is_that_of_the_values_or_of_the_steps(
    mean: float, variance: float, step: float, expected: float
) -> None:
    kept = InputStatistics(9, 8, 8, (1.0,) * 3, (4.0,) * 3, (2.0,) * 3)
    other = InputStatistics(9, 8, 8, (mean,) * 3, (variance,) * 3, (step,) * 3)
    assert input_distance(kept, other) == pytest.approx(expected, abs=1e-4)
    assert input_distance(kept, replace(other, width=9)) is None
    still = InputStatistics(1, 8, 8, (0.0,), (0.0,), (0.0,))
    assert input_distance(still, still) == 0


CONTRACT: InputContract = contract_for("unit", (8, 8, 3))


@pytest.mark.parametrize(
    ("far", "code"),
    [
        ({"": None}, None),
        ({"": FAR - 0.01}, None),
        ({"": FAR + 0.01, "tf": NEAR, "raw": None}, "other-range"),
        ({"": FAR + 0.01, "tf": NEAR + 0.01, "raw": 4e4}, "other-images"),
    ],
)
def test_what_the_distances_say(far: dict[str, float | None], code: str | None) -> None:
    assert [finding.code for finding in of_distances(CONTRACT, far)] == ([] if code is None else [code])
    assert all(name == "" or name in RANGES for name in far)


@pytest.mark.parametrize(
    ("looked", "expected"),
    [
        (Pictures(100, 0, 50, 0, 0, 10, 200), {}),
        (Pictures(100, 1, 0, 0, 0, 0, 200), {"constant": DOUBTFUL}),
        (Pictures(100, 99, 0, 0, 0, 0, 200), {"constant": DOUBTFUL}),
        (Pictures(100, 100, 0, 0, 0, 0, 200), {"constant": WRONG}),  # Whatever the colours.
        (Pictures(100, 100, 0, 0, 0, 7, 7), {"constant": WRONG}),
        (Pictures(100, 0, 51, 3, 2, 0, 200), {"saturated": DOUBTFUL, "duplicates": NOTE, "leaked": DOUBTFUL}),
    ],
)
def test_what_the_pixels_say(looked: Pictures, expected: dict[str, str]) -> None:
    assert {finding.code: finding.severity for finding in of_pictures(looked)} == expected


@pytest.mark.parametrize(
    ("counts", "answers", "code"),
    [
        ({}, 10, None),
        ({"a": 5, "b": 1}, 2, None),
        ({"a": 5, "b": 1}, 1000, "coverage"),
        ({"a": 5, "b": 0}, 2, "one-class"),
        ({"a": 5, "b": 4, "c": 0}, 3, "coverage"),
    ],
)
def test_what_the_classes_say(counts: dict[str, int], answers: int, code: str | None) -> None:
    assert [finding.code for finding in of_classes(counts, answers)] == ([] if code is None else [code])


def test_ranges_that_are_settled_and_such_as_are_not() -> None:
    final = {"a": (0.0, 10.0), "b": (-1.0, 1.0), "empty": (0.0, 0.0)}
    narrow = {"a": (0.0, 9.6), "b": (-1.0, 0.95)}
    settled = stability([(1, {"a": (0, 1), "b": (0, 1)}), (5, narrow), (40, final)], [final, narrow])
    assert (settled.tensors, settled.suffice, settled.findings) == (2, 5, [])
    assert [stop.images for stop in settled.stops] == [1, 5, 40] and settled.stops[-1].narrowest == 1
    torn = stability([(40, final)], [final, {"a": (8.0, 10.0), "b": (0.9, 1.0)}])
    (finding,) = torn.findings
    assert (finding.code, finding.severity) == ("unstable", DOUBTFUL)
    assert not stability([(19, final)], [final, {"a": (8.0, 10.0), "b": (0.9, 1.0)}]).findings
    assert stability([(1, final)], []).common is None


def test_the_command_and_the_export_say_it(trained: Path, tmp_path: Path) -> None:
    options = [
        str(trained / "tf.keras"),
        "--calibration",
        "digits",
        "--samples",
        "40",
        "--input-range",
        "unit",
    ]
    done = CliRunner().invoke(cli, ["check-calibration", *options, "--json"])
    assert done.exit_code == 1, done.output
    found = json.loads(done.stdout)
    assert [row["code"] for row in found["findings"]] == ["other-range"]
    assert found["stability"]["stops"][-1] == {"images": 40, "reached": 1.0, "narrowest": 1.0}
    assert 1 <= found["stability"]["suffice"] <= 40 and sum(found["classes"].values()) == 40
    done = CliRunner().invoke(cli, ["export", *options, "--int8", "-o", str(tmp_path)])
    assert done.exit_code == 1 and "they are not" in done.stderr.splitlines()[-1], done.output
    card = json.loads((tmp_path / "tf.int8.json").read_text())
    assert [row["code"] for row in card["findings"]] == ["other-range"]


def test_a_plain_colour_shows_nothing_to_a_model_of_colours(sets: Path, tmp_path: Path) -> None:
    contract = contract_for("unit", (8, 8, 3))
    images = prepare(choose(Calibration(str(sets / "colours"))), contract, tmp_path / "images.npy")
    looked = doctor.look(images)
    assert looked.images == looked.constant > 20 and looked.empty and looked.darkest < looked.brightest
    assert "whatever its colour" in of_pictures(looked)[0].text


@pytest.mark.parametrize(
    ("data", "code", "proposed"),
    [("SETS/digits", 0, True), ("SETS/noise", 0, False), ("SETS/greys", 1, False)],
)
def test_an_export_is_proposed_where_nothing_is_doubtful(
    trained: Path, sets: Path, data: str, code: int, proposed: bool
) -> None:
    typed = [
        str(trained / "tf.keras"),
        "--calibration",
        data.replace("SETS", str(sets)),
        "--input-range",
        "tf",
    ]
    done = CliRunner().invoke(cli, ["check-calibration", *typed])
    assert done.exit_code == code, done.output
    assert ("Next: mobilecnn export" in done.stderr) is proposed


def test_the_command_is_for_trained_models_and_real_images(trained: Path) -> None:
    for model, data, words in (
        ("lenet5", "digits", "the weights of lenet5 are random"),
        (str(trained / "tf.keras"), "random", "random pictures are for latency"),
    ):
        done = CliRunner().invoke(cli, ["check-calibration", model, "--calibration", data])
        assert done.exit_code == 2 and words in done.stderr
