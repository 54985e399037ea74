"""What a passport says is held against its file and its golden answers, by each command that goes by it."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from sample_app import copy_app
from tflite_files import replaced, saying

import mobilecnn
from mobilecnn.android_demo.staging import stage
from mobilecnn.bench.devices.local.device import LocalDevice
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing.rounds import measure
from mobilecnn.cli import cli
from mobilecnn.errors import CheckFailed, ModelFileError

# Of so few photos, a third of which judges, no verdict comes; and the weights know nothing.
pytestmark = [pytest.mark.usefixtures("forked"), pytest.mark.filterwarnings("ignore:undecided of")]

Change = Callable[[dict[str, Any]], object]

FORMATS = ("float32", "float16", "int8", "dynamic")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def models(keras: Any, exported: Path, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of exported files with passports.

    ``theirs`` proves 0..255 by its first operators; ``open`` nothing, and takes 0..1; ``one`` is ``open`` with one output,
    ``wide`` is ``open`` for 0..255.
    """
    folder = tmp_path_factory.mktemp("models")
    for path in exported.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    layers = keras.layers
    for name, outputs, activation in (("open", 2, "softmax"), ("one", 1, "sigmoid")):
        keras.utils.set_random_seed(4)
        image = keras.Input((24, 24, 3))
        x = layers.Conv2D(8, 5, strides=2, activation="relu")(image)
        x = layers.Dense(outputs, activation=activation, kernel_initializer="random_normal")(
            layers.Flatten()(x)
        )
        keras.Model(image, x).save(folder / f"{name}.keras")
    shutil.copy(folder / "open.keras", folder / "wide.keras")
    rows = (
        ("open", ("float32", "int8"), "unit"),
        ("one", ("float32", "int8"), "unit"),
        ("wide", "int8", "raw"),
    )
    for name, formats, given in rows:
        mobilecnn.export(
            folder / f"{name}.keras", formats, calibration=photos, input_range=given, labels=("cat", "dog"), output=folder,
            min_agreement=0, min_sqnr=-1000,
        )  # fmt: skip
    return folder


def changed(models: Path, name: str, folder: Path, change: Change, *, bare: bool = False) -> Path:
    """A copy of the file ``name``, ``bare`` of its metadata, with its passport changed; the hash in it is the file's."""
    path = folder / f"{name}.tflite"
    shutil.copy(models / f"{name}.json", folder)
    content = (models / path.name).read_bytes()
    replaced(path, saying(content, None) if bare else content, change)
    return path


def contract(**members: Any) -> Change:
    return lambda document: document["input"]["contract"].update(members)


def scored(kind: str) -> Change:
    return lambda document: document["output"].update(kind=kind)


def named(*labels: str) -> Change:
    return lambda document: document.update(labels=labels)


def unchanged(document: dict[str, Any]) -> None:
    pass


UNIT = {"mean": [0.0] * 3, "std": [255.0] * 3}
TF = {"mean": [127.5] * 3, "std": [127.5] * 3}
RAW = {"mean": [0.0] * 3, "std": [1.0] * 3}
OF_FILE = r"contradicts .*{0}.*it says that the input is .*, and the TFLITE_METADATA in the file {1}.*export the model again"
PROVEN = r"contradicts .*and of the file is known that it computes 0\.007843 \* input - 1 .*, which takes raw; export the model"

CASES: dict[str, tuple[str, bool, Change, str]] = {
    # A file, whether it is bare of its metadata, what its passport says otherwise, and what is said of that.
    "0..1 for 0..255": ("theirs.float32", False, contract(**UNIT), OF_FILE.format("theirs", "raw")),
    "-1..1 for 0..255": ("theirs.int8", False, contract(**TF), OF_FILE.format("theirs", "raw")),
    "a negative std": ("theirs.float16", False, contract(std=[-1.0] * 3), OF_FILE.format("theirs", "raw")),
    "BGR for RGB": ("theirs.dynamic", False, contract(color="bgr"), OF_FILE.format("theirs", "raw")),
    "0..255 for 0..1": ("open.float32", False, contract(**RAW), OF_FILE.format("open", "unit")),
    "another std": ("open.int8", False, contract(std=[200.0] * 3), OF_FILE.format("open", "unit")),
    "another mean in one channel": ("open.float32", False, contract(mean=[0.0, 0.0, 9.0]), OF_FILE.format("open", "unit")),
    "set aside, it says": ("open.float32", False, contract(**TF, overrides="unit"), OF_FILE.format("open", "unit")),
    "assumed, it says": ("open.float32", False, contract(**TF, stated=False), OF_FILE.format("open", "unit")),
    "against the operators": ("theirs.float32", True, contract(**UNIT), PROVEN),
    "against the operators in float16": ("theirs.float16", True, contract(**TF), PROVEN),
    "a negative std against the operators": ("theirs.dynamic", True, contract(std=[-1.0] * 3), PROVEN),
    "against the quantization": (
        "wide.int8", True, contract(**UNIT), r"it quantizes its input to int8 for values from 0 to 25\d, which takes raw; export"),
    "against the operators in int8": ("theirs.int8", True, contract(**UNIT), PROVEN),
    "against the golden answers": (
        "open.float32", True, contract(**TF), r"says that the input of .* is tf \(-1\.\.1\), and its golden answers come of unit \(0\.\.1\)"),
    "0..255 against the golden answers": ("open.int8", True, contract(**RAW), r"its golden answers come of unit \(0\.\.1\): it was changed"),
    "no known range is right": (
        "open.float32", True, lambda d: (contract(**TF)(d), d["golden"][0]["scores"].reverse()), "Either the passport was changed, or litert"),
    "BGR against the golden answers": ("open.float32", True, contract(color="bgr"), r"its golden answers come of unit"),
    "a negative std against the golden answers": ("open.float32", True, contract(std=[-255.0] * 3), r"its golden answers come of unit"),
    "logits for a softmax": ("theirs.float32", False, scored("logits"), "it says that the scores are logits, and the last operation in the file is softmax"),
    "labels by themselves for a softmax": ("theirs.int8", True, scored("sigmoid-multi-label"), "the last operation in the file is softmax"),
    "classes that exclude one another for a softmax": ("theirs.dynamic", False, scored("sigmoid-exclusive"), "the last operation in the file is softmax"),
    "a logit for a probability": ("one.int8", False, scored("logit-binary"), "scores are logit-binary, and the last operation in the file is sigmoid"),
    "a softmax of one": ("one.float32", False, lambda d: (scored("softmax")(d), d.update(labels=[])), "scores are softmax, and the last operation in the file is sigmoid"),
    "classes in another order": ("open.float32", False, named("dog", "cat"), "names other classes, or in another order, than the labels inside"),
    "two classes in another order": ("one.int8", False, named("dog", "cat"), "names other classes, or in another order, than the labels inside"),
    "rows for columns": (
        "open.float32", False, contract(height=18, width=32), r"it says that the input is \(1, 18, 32, 3\), and the file takes \(1, 24, 24, 3\)"),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_passport_that_is_not_true_is_refused(
    case: str, models: Path, photos: Path, tmp_path: Path
) -> None:
    name, bare, change, words = CASES[case]
    path = changed(models, name, tmp_path, change, bare=bare)
    for command in (("predict", path, photos / "cat" / "0.jpg"), ("evaluate", path, "--data", photos)):
        refused = run(*command)
        assert refused.exit_code == 2 and re.search(words, refused.stderr), refused.output
        assert not refused.stdout and refused.stderr.count("\n") == 1


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize(
    "name", [*(f"theirs.{name}" for name in FORMATS), "open.float32", "open.int8", "one.float32", "one.int8"]
)
def test_a_passport_that_is_true_is_believed(
    name: str, bare: bool, models: Path, photos: Path, tmp_path: Path
) -> None:
    path = changed(models, name, tmp_path, unchanged, bare=bare)
    done = run("predict", path, photos / "cat" / "0.jpg")
    assert done.exit_code == 0, done.output


def test_the_user_may_know_it_better(models: Path, photos: Path, tmp_path: Path) -> None:
    """As before: what was exported wrongly can be set aside by hand."""
    path = changed(models, "open.float32", tmp_path, contract(**RAW), bare=True)
    picture = photos / "cat" / "0.jpg"
    assert run("predict", path, picture).exit_code == 2
    done = run("predict", path, picture, "--input-range", "unit", "--override-input-range", "--json")
    assert done.exit_code == 0, done.output
    right = run("predict", models / "open.float32.tflite", picture, "--json")
    rows = [json.loads(each.stdout)["predictions"] for each in (done, right)]
    assert [row["score"] for row in rows[0]] == [row["score"] for row in rows[1]]


def test_an_int8_file_that_was_calibrated_on_few_levels_is_believed(
    models: Path, photos: Path, tmp_path: Path
) -> None:
    """Its quantization holds a part of its range, -1..-0.9, and with zero that of another, turned round."""
    (tmp_path / "dark").mkdir()
    for index in range(4):
        pixels = np.random.default_rng(index).integers(0, 11, (24, 24, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "dark" / f"{index}.png")
    (file,) = mobilecnn.export(
        models / "open.keras",
        "int8",
        calibration=tmp_path / "dark",
        input_range="tf",
        output=tmp_path,
        min_agreement=0,
        min_sqnr=-1000,
    )
    done = run("predict", file.path, photos / "cat" / "0.jpg")
    assert done.exit_code == 0, done.output


class Untimed(LocalDevice):
    """Fails the test when something is timed on it."""

    def time(self, job: dict[str, Any], doing: str, timeout: float) -> dict[str, Any]:
        raise AssertionError("it was timed")


@pytest.mark.parametrize(
    ("name", "bare", "change", "words"),
    [
        (
            "open.float32", False, contract(**RAW),
            r"Nothing was timed: the passport .* contradicts the file: it says that the input is raw \(0\.\.255\), .* in the file unit "
            + r"\(0\.\.1\), so that the pictures were not fed as at the export\. Export the model again"),
        ("theirs.float32", True, contract(**UNIT), r"Nothing was timed: the passport .*, which takes raw, so that the pictures"),
        ("open.float32", True, contract(**RAW), r"`mobilecnn predict` here asks the same pictures first: if it refuses the passport"),
    ],
)  # fmt: skip
def test_bench_names_the_passport_as_the_cause(
    name: str, bare: bool, change: Change, words: str, models: Path, tmp_path: Path
) -> None:
    path = changed(models, name, tmp_path, change, bare=bare)
    with pytest.raises(CheckFailed, match=words):
        measure([path], Untimed(), Protocol(rounds=1, warmup_runs=0, warmup_seconds=0, runs=2, seconds=0))


def test_the_app_is_given_none_of_them(models: Path, tmp_path: Path) -> None:
    app = copy_app(tmp_path)
    for case in ("0..1 for 0..255", "logits for a softmax", "two classes in another order"):
        name, bare, change, words = CASES[case]
        with pytest.raises(ModelFileError, match=words):
            stage([changed(models, name, tmp_path, change, bare=bare)], app)
    stage([models / "open.int8.tflite"], app)
