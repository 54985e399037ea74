"""The check on labelled images: it sees what parity cannot, and says nothing where it can say nothing."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import mobilecnn
from mobilecnn.cli import cli
from mobilecnn.convert.checks import LabelledCheck
from mobilecnn.convert.passport import Passport
from mobilecnn.convert.rungs import Ladder, Loss, Rung
from mobilecnn.errors import CheckFailed, DataError
from mobilecnn.exported import Exported, doubts, refuse_different
from mobilecnn.quantize.chance import CHANCE, chance_of
from mobilecnn.quantize.labelled import doubt, keras_doubt, keras_problem, problem

pytestmark = pytest.mark.usefixtures("forked")

TEN = np.arange(200) % 10


def check(
    correct: int, lost: int, gained: int, images: int = 200, chance: float | None = 0.001
) -> LabelledCheck:
    """A check of a file whose Keras model has ``correct - gained + lost`` right, and which is as far from chance."""
    return LabelledCheck(
        "photos", images, 2, correct + lost - gained, chance, correct, lost, gained, chance=chance
    )


@pytest.mark.parametrize(
    ("answers", "labels", "better"),
    [
        (TEN, TEN, True),
        (np.where(np.arange(200) < 60, TEN, 0), TEN, True),
        (np.zeros(200), TEN, False),
        ((TEN + 1) % 10, TEN, False),
        (np.random.default_rng(1).integers(0, 10, 200), TEN, False),
        # Always the frequent class: 95 % right, and nothing known.
        (np.zeros(200), (np.arange(200) < 10).astype(int), False),
        (np.arange(200) < 7, (np.arange(200) < 10).astype(int), True),
    ],
)
def test_better_than_chance(answers: Any, labels: Any, better: bool) -> None:
    chance = chance_of(answers.astype(np.int64), labels.astype(np.int64))
    assert chance is not None and (chance <= CHANCE) is better


@pytest.mark.parametrize("labels", [[0, 1], [0, 0, 1, 1], [0] * 50, [3]])
def test_few_images_or_one_class_say_nothing(labels: list[int]) -> None:
    asked = np.asarray(labels, np.int64)
    assert chance_of(asked, asked) is None
    assert chance_of(1 - asked, asked) is None


LEAST = "ship a format that keeps them, or calibrate it on more images"


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (check(190, 0, 0), None),
        (check(200, 0, 90), None),
        # A sure loss, of more than 5 % of the Keras model's right answers.
        (check(97 - 7, 7, 0, 100), "it has 90 of 100 images of photos right, and the Keras model 97: more than 5% of those"),
        (check(7, 7, 0, 14), "it has 7 of 14 images of photos right, and the Keras model 14"),
        (check(0, 7, 0, 7), "it has 0 of 7 images of photos right"),
        (check(170, 20, 0), LEAST),
        (check(100, 90, 0), "(exact McNemar test, p = 8.1e-28)"),
        (check(8, 8, 0), "p = 0.0039"),  # 4 % of the images, and half of what was known.
        (check(910, 55, 15, 1000), None),  # 4 %: sure, and said.
        (check(95, 5, 0, 100), None),  # 5 %, and not sure.
        # Too few images for a test.
        (check(0, 4, 0, 4), "half of those or more are lost"),
        (check(0, 3, 0, 3, None), "half of those or more are lost"),
        (check(3, 3, 0, 6), LEAST),
        (check(4, 3, 0, 10), None),
        (check(0, 2, 0, 2, None), None),
        # Chance is for a file what it is for the Keras model.
        (replace(check(100, 3, 1), chance=0.3), "and the Keras model 102: no more than chance gives"),
        (replace(check(100, 3, 1), chance=CHANCE), None),
        # As far from chance, and it loses nothing against the Keras model, or may well be right of more images.
        (replace(check(100, 1, 1), chance=0.3), None),
        (replace(check(100, 0, 3), chance=0.3), None),
        (replace(check(285, 2, 1, 300), chance=1.0), None),
        (replace(check(4, 1, 0, 6), chance=0.4), None),
        (replace(check(199, 1, 0), not_finite=1), "it answers with NaN or infinity on 1 of 200 images of photos; ship a"),
        (replace(check(0, 1, 0, 1, None), not_finite=1), "NaN or infinity on 1 of 1 image of photos"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file(result: LabelledCheck, words: str | None) -> None:
    said = problem(result)
    assert (said is None) if words is None else (said is not None and words in said)


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (check(190, 0, 0), None),
        (check(190, 2, 0), None),
        (check(2, 0, 2, 2, None), None),
        (check(910, 55, 15, 1000), "is worse than the Keras model, by no more than 5% of its right answers: it has 910 of"),
        (check(95, 6, 0, 101), "undecided: it has 95 of 101 images of photos right, and the Keras model 101, and so few"),
        (check(4, 3, 0, 10), "(exact McNemar test, p = 0.12); give --data more images"),
        (check(0, 2, 0, 2, None), "undecided"),
        (check(0, 7, 0, 7), None),  # That is no doubt.
    ],
)  # fmt: skip
def test_what_is_left_open_of_a_file(result: LabelledCheck, words: str | None) -> None:
    said = doubt(result)
    assert (said is None) if words is None else (said is not None and words in said)


@pytest.mark.parametrize(
    ("result", "wrong", "open_"),
    [
        (check(100, 0, 0), None, None),
        (check(100, 0, 0, chance=0.6), "itself has 100 of 200 images of photos right, no more than chance gives", None),
        (check(8, 0, 0, 16, chance=1.0), "itself has 8 of 16 images of photos right, no more than chance gives", None),
        (check(201, 0, 0, 300, chance=1.0), "itself has 201 of 300 images of photos right, no more than", None),
        # Always the class that nearly all are of; few images; a good model that knows the rare class by halves.
        (check(285, 0, 0, 300, chance=1.0), None, "undecided whether the Keras model, which has 285 of 300 images"),
        (check(21, 0, 0, 22, chance=0.09), None, "as many right too often (permutation test, p = 0.09); give --data ten"),
        (check(3, 0, 0, 6, chance=0.7), None, "undecided whether the Keras model, which has 3 of 6 images"),
        (check(0, 0, 0, 5, None), "itself has none of 5 images of photos right", None),
        (check(1, 0, 0, 5, None), None, "undecided whether the Keras model, which has 1 of 5 images"),
        (check(0, 0, 0, 4, None), None, "they are too few, or nearly all of one class; give --data ten or more"),
        (replace(check(50, 0, 0, 50, None), classes=1), None, "they are all of one class; give --data ten or more"),
    ],
)  # fmt: skip
def test_what_is_said_of_the_keras_model(result: LabelledCheck, wrong: str | None, open_: str | None) -> None:
    for said, words in ((keras_problem(result), wrong), (keras_doubt(result), open_)):
        assert (said is None) if words is None else (said is not None and words in said)


SAMPLE = Path(__file__).parent.parent / "samples" / "passports" / "3" / "binary.int8.json"


def files(*checks: LabelledCheck | None) -> list[Exported]:
    """Exported files ``0.tflite``, ... that give the Keras model's answers, each with what its labelled images say."""
    card = Passport.from_json(json.loads(SAMPLE.read_text()))
    nothing: Any = None
    return [
        Exported(
            Path(f"{index}.tflite"), "int8", 1, nothing, holds=True, passport=replace(card, labelled=checked)
        )
        for index, checked in enumerate(checks)
    ]


LOST, FED_WRONGLY = check(7, 7, 0, 14), check(100, 0, 0, chance=0.6)


@pytest.mark.parametrize(
    ("checks", "begins", "ends"),
    [
        ([LOST, check(14, 0, 0, 14)], "0.tflite: it has 7 of 14", "do not ship it"),
        ([check(14, 0, 0, 14), LOST], "1.tflite: it has 7 of 14", "do not ship it"),
        ([LOST, check(14, 0, 0, 14), LOST], "0.tflite: it has 7 of 14", "do not ship them"),
        ([FED_WRONGLY], "0.tflite: the Keras model itself", "do not ship it"),
        ([FED_WRONGLY, FED_WRONGLY], "0.tflite, 1.tflite: the Keras model itself", "do not ship them"),
    ],
)
def test_all_files_that_are_wrong_are_named(checks: list[LabelledCheck], begins: str, ends: str) -> None:
    with pytest.raises(CheckFailed) as refused:
        refuse_different(files(*checks))
    message = str(refused.value)
    assert message.startswith(begins) and message.endswith(ends)
    assert message.count(".tflite: it has 7 of 14") == checks.count(LOST)
    assert message.count("the Keras model itself") <= 1
    assert doubts(files(*checks)) == []


def test_files_without_a_fault_or_a_check_pass() -> None:
    for checks in ([None, None], [check(14, 0, 0, 14)] * 2):
        refuse_different(files(*checks))
        assert doubts(files(*checks)) == []


@pytest.mark.parametrize("result", [check(945, 60, 5, 2000), check(9, 1, 0, 10), check(990, 10, 0, 2000)])
def test_of_a_file_that_a_ladder_chose_its_own_limit_has_spoken(result: LabelledCheck) -> None:
    assert problem(result) or doubt(result)
    loss = Loss(points=2.75, low=2.0, high=2.9, p=0.001, verdict="within")
    ladder = Ladder(3, "local", "", 0, (Rung("int8", "int8", labelled=result, loss=loss),))
    (file,) = files(result)
    file = replace(file, passport=replace(file.passport, ladder=ladder))
    refuse_different([file])
    assert doubts([file]) == []


def test_what_is_open_of_the_model_is_said_once_and_of_each_file_by_its_name() -> None:
    few = [check(1, 1, 0, 3, None), check(2, 0, 0, 3, None), check(1, 1, 0, 3, None)]
    said = doubts(files(*few))
    assert [text.split(":")[0] for text in said[1:]] == ["0.tflite", "2.tflite"]
    assert said[0].startswith("undecided whether the Keras model, which has 2 of 3 images")


@pytest.fixture(scope="module")
def brightness(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``brightness.keras``, which tells dark from bright pictures of 0..1, and such ``pictures``."""
    folder = tmp_path_factory.mktemp("brightness")
    image = keras.Input((8, 12, 1))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.DepthwiseConv2D(1, use_bias=False)(image))
    model = keras.Model(image, keras.layers.Dense(2, activation="softmax")(x))
    model.set_weights([np.ones((1, 1, 1, 1)), np.asarray([[-10.0, 10.0]]), np.asarray([5.0, -5.0])])
    model.save(folder / "brightness.keras")
    generator = np.random.default_rng(5)
    for label, low in (("bright", 150), ("dark", 20)):
        (folder / "pictures" / label).mkdir(parents=True)
        for index in range(8):
            pixels = generator.integers(low, low + 80, (8, 12), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "pictures" / label / f"{index}.png")
    return folder


@pytest.mark.parametrize(("given", "code"), [("unit", 0), ("raw", 1)])
def test_a_wrong_range_fails_the_command(brightness: Path, tmp_path: Path, given: str, code: int) -> None:
    (tmp_path / "labels.txt").write_text("dark\nbright\n")
    pictures = str(brightness / "pictures")
    command = [
        "export", str(brightness / "brightness.keras"), "--float32", "--int8", "--calibration", pictures, "--data", pictures,
        "--labels", str(tmp_path / "labels.txt"), "-o", str(tmp_path), "--input-range", given,
    ]  # fmt: skip
    done = CliRunner().invoke(cli, command)
    assert done.exit_code == code, done.output
    right = 16 if given == "unit" else 8
    assert f"{right}/16" in done.stdout and "the Keras model" in done.stdout
    assert ("no more than chance gives" in done.stderr) is (code == 1)
    for name in ("float32", "int8"):
        card = json.loads((tmp_path / f"brightness.{name}.json").read_text())
        assert card["parity"]["holds"], "parity does not see it"
        assert card["labelled"]["keras_correct"] == card["labelled"]["correct"] == right
        assert (card["labelled"]["keras_chance"] > CHANCE) is (code == 1)


def test_a_file_that_collapses_fails_the_command_and_names_the_next_step(
    brightness: Path, tmp_path: Path
) -> None:
    """Calibrated on the dark pictures alone, the int8 file cannot tell the bright ones from them."""
    (tmp_path / "labels.txt").write_text("dark\nbright\n")
    pictures = brightness / "pictures"
    command = [
        "export", str(brightness / "brightness.keras"), "--float32", "--int8", "--calibration", str(pictures / "dark"),
        "--data", str(pictures), "--labels", str(tmp_path / "labels.txt"), "-o", str(tmp_path), "--input-range", "unit",
    ]  # fmt: skip
    done = CliRunner().invoke(cli, command)
    assert done.exit_code == 1, done.output
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert error.startswith(
        f"Error: {tmp_path / 'brightness.int8.tflite'}: it has 8 of 16 images of {pictures} right"
    )
    assert error.endswith("of the kind that it is for (--calibration, --samples); do not ship it")
    # The next step works.
    assert CliRunner().invoke(cli, [*command, "--calibration", str(pictures)]).exit_code == 0


def test_what_the_images_leave_open_is_said(brightness: Path, tmp_path: Path) -> None:
    bright = tmp_path / "pictures" / "bright"
    shutil.copytree(brightness / "pictures" / "bright", bright)
    model = str(brightness / "brightness.keras")
    with pytest.warns(UserWarning, match=r"undecided whether the Keras model, .* 8 of 8 .* all of one class"):
        mobilecnn.export(
            model,
            "float32",
            data=bright.parent,
            input_range="unit",
            labels=["dark", "bright"],
            output=tmp_path,
        )
    (tmp_path / "labels.txt").write_text("dark\nbright\n")
    command = [
        "export",
        model,
        "--float32",
        "--data",
        str(bright.parent),
        "--labels",
        str(tmp_path / "labels.txt"),
    ]
    done = CliRunner().invoke(cli, [*command, "-o", str(tmp_path), "--input-range", "unit"])
    assert done.exit_code == 0 and "Warning: undecided whether the Keras model" in done.stderr


def saved(keras: Any, file: Path, kernel: list[float], bias: list[float], activation: str) -> Path:
    """A model of pictures of 0..1 whose scores are a linear function of how bright they are."""
    image = keras.Input((8, 12, 1))
    dense = keras.layers.Dense(len(bias), activation=activation)
    model = keras.Model(image, dense(keras.layers.GlobalAveragePooling2D()(image)))
    dense.set_weights([np.asarray([kernel]), np.asarray(bias)])
    model.save(file)
    return file


@pytest.mark.parametrize(
    ("activation", "kernel", "labels", "right"),
    [
        ("sigmoid", 20.0, ["dark", "bright"], 16),
        ("linear", 20.0, ["bright", "dark"], 0),
        ("linear", -20.0, None, 16),  # The folders in order: a high score is the second, dark.
        ("sigmoid", 20.0, None, 0),
    ],
)
def test_one_output_is_held_to_two_classes(
    brightness: Path,
    keras: Any,
    tmp_path: Path,
    activation: str,
    kernel: float,
    labels: list[str] | None,
    right: int,
) -> None:
    model = saved(keras, tmp_path / "one.keras", [kernel], [-kernel / 2], activation)
    options: dict[str, Any] = {
        "data": brightness / "pictures", "input_range": "unit", "output": tmp_path, "labels": labels,
        "output_kind": "logit-binary" if activation == "linear" else None,
    }  # fmt: skip
    if right:
        (file,) = mobilecnn.export(model, "float32", **options)
        assert file.passport.labelled is not None and file.passport.labelled.correct == right
    else:
        with pytest.raises(CheckFailed, match="the Keras model itself has 0 of 16 images"):
            mobilecnn.export(model, "float32", **options)


@pytest.mark.parametrize(
    ("activation", "kind", "exclusive"),
    [("sigmoid", None, "sigmoid-exclusive"), ("linear", "logits-multi-label", "logits")],
)
def test_labels_by_themselves_are_refused_before_the_work(
    brightness: Path, keras: Any, tmp_path: Path, activation: str, kind: str | None, exclusive: str
) -> None:
    model = saved(keras, tmp_path / "several.keras", [-20.0, 20.0], [10.0, -10.0], activation)
    options: dict[str, Any] = {
        "data": brightness / "pictures", "input_range": "unit", "output": tmp_path, "labels": ["dark", "bright"],
    }  # fmt: skip
    steps: list[str] = []

    def progress(_done: int, _steps: int, words: str) -> None:
        steps.append(words)

    words = f"class folders say one class of each .* give --output-kind {exclusive}, and for labels that do not leave --data"
    with pytest.raises(DataError, match=words):
        mobilecnn.export(model, "float32", output_kind=kind, progress=progress, **options)
    assert steps == ["loading the model"] and not list(tmp_path.glob("*.tflite"))
    (file,) = mobilecnn.export(model, "float32", output_kind=exclusive, **options)
    assert file.passport.labelled is not None and file.passport.labelled.correct == 16


def test_a_model_without_an_answer_for_labelled_images_is_refused(
    brightness: Path, keras: Any, tmp_path: Path
) -> None:
    image = keras.Input((8, 12, 1))
    mean = keras.layers.GlobalAveragePooling2D()(image)
    scores = keras.ops.concatenate([-keras.ops.log(mean - 0.4), 0 * mean + 3], axis=1)
    keras.Model(image, keras.layers.Softmax()(scores)).save(tmp_path / "nan.keras")
    bright = brightness / "pictures" / "bright"
    options: dict[str, Any] = {"data": brightness / "pictures", "input_range": "unit", "output": tmp_path}
    with pytest.raises(CheckFailed, match="NaN or infinity on 8 of 16 images"):
        mobilecnn.export(
            tmp_path / "nan.keras", "float32", calibration=bright, labels=["dark", "bright"], **options
        )
    assert not list(tmp_path.glob("*.tflite"))


def test_labels_in_another_order_fail_from_python(brightness: Path, keras: Any, tmp_path: Path) -> None:
    model = keras.models.load_model(brightness / "brightness.keras", compile=False)
    options: dict[str, Any] = {"data": brightness / "pictures", "input_range": "unit", "output": tmp_path}
    (file,) = mobilecnn.export(model, "float32", labels=["dark", "bright"], **options)
    assert file.passport.labelled is not None and file.passport.labelled.correct == 16
    with pytest.raises(CheckFailed, match="the Keras model itself has 0 of 16 images"):
        mobilecnn.export(model, "float32", labels=["bright", "dark"], **options)
