"""Networks with one output, several labels or odd shapes, from the Keras model to the answer."""

import json
import math
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

import mobilecnn
from mobilecnn.cli import cli
from mobilecnn.convert import outputs
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.lowering import lower

pytestmark = pytest.mark.usefixtures("forked")

Build = Callable[[Any, Any], Any]
"""Function of the package and an input that gives the outputs."""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two class folders, ``a_dark`` and ``b_bright``, with eight pictures each."""
    folder = tmp_path_factory.mktemp("pictures")
    generator = np.random.default_rng(5)
    for name, (low, high) in {"a_dark": (0, 100), "b_bright": (160, 256)}.items():
        (folder / name).mkdir()
        for index in range(8):
            pixels = generator.integers(low, high, (8, 8), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{index}.png")
    return folder


def brightness(keras: Any, image: Any, kernel: list[list[float]], bias: list[float], activation: str) -> Any:
    """Scores that are a linear function of how bright a picture is, 0 to 1."""
    layers = keras.layers
    mean = layers.GlobalAveragePooling2D()(layers.Rescaling(1 / 255)(image))
    dense = layers.Dense(len(bias), activation=activation)
    scores = dense(mean)
    dense.set_weights([np.asarray(kernel, np.float32), np.asarray(bias, np.float32)])
    return scores


def model(keras: Any, build: Build, shape: tuple[int | None, ...] = (8, 8, 1)) -> Any:
    image = keras.Input(shape)
    return keras.Model(image, build(keras, image), name="it")


def is_bright(keras: Any, image: Any) -> Any:
    return brightness(keras, image, [[20.0]], [-10.0], "sigmoid")


def bright_logit(keras: Any, image: Any) -> Any:
    return brightness(keras, image, [[20.0]], [-10.0], "linear")


def three_labels(keras: Any, image: Any) -> Any:
    """Bright, dark, and a picture at all."""
    return brightness(keras, image, [[20.0, -20.0, 1.0]], [-10.0, 10.0, 4.0], "sigmoid")


def two_logits(keras: Any, image: Any) -> Any:
    return brightness(keras, image, [[-10.0, 10.0]], [5.0, -5.0], "linear")


def two_sigmoids(keras: Any, image: Any) -> Any:
    return brightness(keras, image, [[-10.0, 10.0]], [5.0, -5.0], "sigmoid")


def test_one_output_from_export_to_answers(
    keras: Any, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model(keras, is_bright).save("it.keras")
    Path("labels.txt").write_text("dark\nbright\n")
    done = run(
        "export", "it.keras", "--float32", "--int8", "--calibration", pictures, "--labels", "labels.txt"
    )
    assert done.exit_code == 0, done.output
    assert "class agreement" in done.stdout and "one and the same answer" not in done.stderr
    card = mobilecnn.load("it.int8.tflite")
    assert isinstance(card, mobilecnn.Passport)
    assert (card.output.kind, card.labels, card.parity.agreement) == (
        "sigmoid-binary",
        ("dark", "bright"),
        1.0,
    )
    assert card.parity.distinct_answers == 2 and card.parity.constant is False
    # The full range of a probability, whatever the calibration images were.
    codes = card.output.tensor.quantization
    assert codes is not None and (codes.scale, codes.zero_point) == (1 / 256, -128)
    with zipfile.ZipFile("it.int8.tflite") as archive:
        assert archive.read("labels.txt") == b"bright\n"  # A name for each output, as the format has it.

    # The folders are called otherwise: names decide where the model has names.
    assert "no class 'a_dark'" in run("evaluate", "it.int8.tflite", "--data", pictures).stderr
    for index, name in enumerate(("dark", "bright")):
        (tmp_path / "named" / name).mkdir(parents=True)
        for path in sorted(pictures.iterdir())[index].iterdir():
            (tmp_path / "named" / name / path.name).write_bytes(path.read_bytes())
    judged = run("evaluate", "it.float32.tflite", "it.int8.tflite", "--data", "named", "--json")
    assert judged.exit_code == 0, judged.output
    rows = json.loads(judged.stdout)["results"]
    # By the order of the folders, bright before dark, it would be dark, and every answer wrong.
    assert [(row["correct"], row["positive"]) for row in rows] == [(16, "bright")] * 2
    assert "it.int8.tflite: a high score stands for bright" in judged.stderr

    for path, wanted in (
        (pictures / "a_dark" / "0.png", "dark"),
        (pictures / "b_bright" / "0.png", "bright"),
    ):
        said = json.loads(run("predict", "it.int8.tflite", path, "--json").stdout)
        assert said["predictions"][0]["label"] == wanted and said["output_kind"] == "sigmoid-binary"
        assert sum(row["probability"] for row in said["predictions"]) == pytest.approx(1)
        assert [row["chosen"] for row in said["predictions"]] == [True, False]
    assert run("inspect", "it.int8.tflite").exit_code == 0


def test_without_labels_the_second_class_folder_is_the_high_score(
    keras: Any, pictures: Path, tmp_path: Path
) -> None:
    path = tmp_path / "it.keras"
    model(keras, is_bright).save(path)
    judged = run("evaluate", path, "--data", pictures, "--json")
    (row,) = json.loads(judged.stdout)["results"]
    assert (row["correct"], row["positive"], row["output_kind"]) == (16, "b_bright", "sigmoid-binary")
    assert row["recall"] == {"a_dark": 1.0, "b_bright": 1.0}
    refused = run("evaluate", path, "--data", "digits")
    assert refused.exit_code == 2 and "tells two apart; give a folder of two class folders" in refused.stderr


def test_one_linear_output_is_asked_about_and_taken_at_its_word(
    keras: Any, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model(keras, bright_logit).save("it.keras")
    for typed in (["export", "it.keras", "--float32"], ["evaluate", "it.keras", "--data", pictures]):
        refused = run(*typed)
        assert refused.exit_code == 2 and "regression" in refused.stderr, refused.output
        assert run(*typed, "--output-kind", "logit-binary").exit_code == 0
    (row,) = json.loads(run("evaluate", "it.float32.tflite", "--data", pictures, "--json").stdout)["results"]
    assert row["correct"] == 16
    said = json.loads(run("predict", "it.float32.tflite", pictures / "a_dark" / "1.png", "--json").stdout)
    first, second = said["predictions"]
    assert (first["class"], second["class"]) == (0, 1) and first["score"] == -second["score"] > 0
    assert first["probability"] == pytest.approx(1 / (1 + math.exp(-first["score"])))
    other = run("evaluate", "it.float32.tflite", "--data", pictures, "--output-kind", "sigmoid-binary")
    assert other.exit_code == 2 and "its outputs are logit-binary" in other.stderr


def test_labels_by_themselves_have_no_accuracy_and_all_that_is_true(
    keras: Any, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    model(keras, three_labels).save("it.keras")
    Path("labels.txt").write_text("bright\ndark\npicture\n")
    done = run("export", "it.keras", "--int8", "--calibration", pictures, "--labels", "labels.txt")
    assert done.exit_code == 0 and "same labels" in done.stdout and "each label" in done.stdout, done.output
    refused = run("evaluate", "it.int8.tflite", "--data", pictures)
    assert refused.exit_code == 2 and "--output-kind sigmoid-exclusive" in refused.stderr
    said = run("predict", "it.int8.tflite", pictures / "b_bright" / "0.png")
    lines = [line.split() for line in said.stdout.splitlines()[2:]]
    assert [(line[0], line[-1]) for line in lines] == [("bright", "yes"), ("picture", "yes"), ("dark", "no")]


@pytest.mark.parametrize("build", [two_sigmoids, two_logits], ids=["sigmoid-exclusive", "logits"])
def test_several_scores_of_classes_that_exclude_one_another(
    keras: Any, pictures: Path, tmp_path: Path, build: Build
) -> None:
    path = tmp_path / "it.keras"
    model(keras, build).save(path)
    exclusive = ["--output-kind", "sigmoid-exclusive"] if build is two_sigmoids else []
    (row,) = json.loads(run("evaluate", path, "--data", pictures, "--json", *exclusive).stdout)["results"]
    assert row["correct"] == 16
    said = json.loads(run("predict", path, pictures / "b_bright" / "0.png", "--json", *exclusive).stdout)
    total = sum(row["probability"] for row in said["predictions"])
    assert said["predictions"][0]["class"] == 1
    assert total == pytest.approx(1) or build is two_sigmoids


ODD: dict[str, tuple[Build, tuple[int | None, ...]]] = {
    "a dictionary": (lambda k, x: {"probs": brightness(k, x, [[-9.0, 9.0]], [4.0, -5.0], "softmax")}, (8, 8, 1)),
    "a list": (lambda k, x: [brightness(k, x, [[-9.0, 9.0]], [4.0, -5.0], "softmax")], (8, 8, 1)),
    "axes of 1": (
        lambda k, x: k.layers.Reshape((1, 1, 2))(brightness(k, x, [[-9.0, 9.0]], [4.0, -5.0], "softmax")),
        (8, 8, 1),
    ),
    "classes first": (
        lambda k, x: k.layers.Reshape((2, 1))(brightness(k, x, [[-9.0, 9.0]], [4.0, -5.0], "softmax")),
        (8, 8, 1),
    ),
    "no axis": (lambda k, x: k.ops.squeeze(is_bright(k, x), axis=-1), (8, 8, 1)),
    "grey without channels": (lambda k, x: is_bright(k, k.layers.Reshape((8, 8, 1))(x)), (8, 8)),
    "a free size": (
        lambda k, x: k.layers.Softmax()(k.layers.Conv2D(2, 8)(k.layers.Rescaling(1 / 255)(x))),
        (None, None, 1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_odd_shapes_become_the_usual_one(keras: Any, pictures: Path, tmp_path: Path, name: str) -> None:
    build, shape = ODD[name]
    (file,) = mobilecnn.export(
        model(keras, build, shape), "float32", pictures, output=tmp_path, size=8 if None in shape else None
    )
    card = file.passport
    assert card.input.tensor.shape == (1, 8, 8, 1)
    assert card.output.tensor.shape == (1, card.source.classes)
    assert card.kind.name == ("sigmoid-binary" if card.source.classes == 1 else "softmax")
    # The file's own graph shows the same.
    graph = flatbuffer.graph(file.path.read_bytes(), name)
    assert outputs.shown_by_file(graph) == ("sigmoid" if card.source.classes == 1 else "softmax")
    if name in ("no axis", "a dictionary", "grey without channels"):
        (row,) = mobilecnn.evaluate(file, pictures).results
        assert row.accuracy == 1.0


# Numbers that are none.


def broken(keras: Any, image: Any) -> Any:
    return brightness(keras, image, [[-9.0, math.nan]], [4.0, -5.0], "softmax")


def no_logarithm(keras: Any, image: Any) -> Any:
    """Minus infinity for all but bright pictures."""
    return keras.ops.log(brightness(keras, image, [[-9.0, 9.0]], [4.0, -5.0], "relu"))


@pytest.mark.parametrize(
    ("build", "form"), [(broken, "--json"), (no_logarithm, "--runtime=litert")], ids=["nan", "infinity"]
)
def test_a_model_that_gives_no_numbers_is_said_to(
    keras: Any, pictures: Path, tmp_path: Path, build: Build, form: str
) -> None:
    path = tmp_path / "it.keras"
    model(keras, build).save(path)
    out = tmp_path / "out"
    typed = ["export", path, "--float32", "--int8", "--calibration", pictures, "-o", out]
    refused = run(*typed, *(["--json"] if form == "--json" else []))
    assert refused.exit_code == 1 and not list(out.glob("*")), refused.output
    # On those that calibrate nothing.
    said = re.search(
        r"the Keras model itself answers with NaN or infinity on (\d+) of (\d+) images", refused.output
    )
    assert said is not None and said[1] == said[2], refused.output
    judged = run("evaluate", path, "--data", pictures, form)
    assert (
        judged.exit_code == 0 and "NaN or infinity on 16 of 16 images; they count as wrong" in judged.stderr
    )
    asked = run("predict", path, pictures / "a_dark" / "0.png", form)
    assert asked.exit_code == 1 and "a score is NaN or infinite" in asked.output, asked.output


def test_a_file_alone_that_gives_no_numbers_is_refused_and_not_timed(
    keras: Any, pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def poisoned(content: bytes, description: Any) -> Any:
        graph = flatbuffer.parse(content, "under test")
        for buffer in graph.buffers:
            values = np.frombuffer(bytes(bytearray(buffer.data if buffer.data is not None else [])), np.uint8)
            if (
                values.size == 8 and abs(values.view(np.float32)).max() > 1
            ):  # Kernel or bias: no axes, which are integers.
                buffer.data = np.frombuffer(np.full(2, np.nan, np.float32).tobytes(), np.uint8)
        return lower(flatbuffer.pack(graph), description)

    monkeypatch.setattr("mobilecnn.export.lower", poisoned)
    path = tmp_path / "it.keras"
    model(keras, two_logits).save(path)
    ended = run("export", path, "--float32", "--calibration", pictures, "-o", tmp_path, "--json")
    assert ended.exit_code == 1 and "does not give the Keras model's answers" in ended.stderr, ended.output
    file = tmp_path / "it.float32.tflite"
    card = mobilecnn.load(file)
    assert isinstance(card, mobilecnn.Passport) and not card.parity.finite and card.golden == ()
    for typed in (
        ["evaluate", file, "--data", pictures],
        ["predict", file, pictures / "a_dark" / "0.png"],
        ["bench", file, "--rounds", 1, "--runs", 2, "--seconds", 0, "-o", tmp_path / "m.json"],
    ):
        said = run(*typed, "--json")
        json.loads(said.stdout)
        assert said.exit_code in (0, 1) and "Traceback" not in said.output


def test_a_range_for_several_models_is_for_those_that_say_nothing(
    keras: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One takes raw pixels and does not say so, the other 0..1 and proves it; both tell bright from dark."""
    monkeypatch.chdir(tmp_path)
    for name, scale in (("silent", 1.0), ("proven", 255.0)):
        image = keras.Input((8, 8, 3))
        layers = keras.layers
        x = layers.Rescaling(scale)(image) if scale > 1 else image
        x = layers.Dense(2, use_bias=True)(layers.GlobalAveragePooling2D()(x))
        model = keras.Model(image, layers.Softmax()(x))
        model.layers[-2].set_weights([np.array([[-1.0, 1.0]] * 3) / 100, np.array([3.84, -3.84])])
        model.save(f"{name}.keras")
    for label, level in (("bright", 200), ("dark", 60)):
        Path("data", label).mkdir(parents=True)
        for index in range(3):
            Image.new("RGB", (8, 8), (level + index,) * 3).save(Path("data", label, f"{index}.png"))
    for label, folder in (("dark", "a"), ("bright", "b")):
        Path("data", label).rename(Path("data", folder))
    both = ("evaluate", "silent.keras", "proven.keras", "--data", "data")
    assert "Say with --input-range" in run(*both).stderr
    done = run(*both, "--input-range", "raw", "--json")
    assert done.exit_code == 0, done.output
    assert [row["accuracy"] for row in json.loads(done.stdout)["results"]] == [1.0, 1.0]
    refused = run(*both, "--input-range", "raw", "--override-input-range")
    assert refused.exit_code == 2 and "name that model alone" in refused.stderr
