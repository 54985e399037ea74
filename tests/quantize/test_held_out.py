"""The images that a file is judged by: others than those that calibrate it, the same ones each time, and said to be such."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

import mobilecnn
from mobilecnn.cli import cli
from mobilecnn.contract import contract_for
from mobilecnn.quantize.calibration.images import JUDGED, Calibration, choose, prepare
from mobilecnn.train.datasets.dataset import Dataset
from mobilecnn.train.datasets.identity import digest

pytestmark = pytest.mark.usefixtures("forked")

GREY = contract_for("unit", (4, 4, 1))


def pictures(folder: Path, classes: dict[str, int], seed: int = 0) -> Path:
    """A folder of class folders, or of loose images where a class is called "", with different pictures."""
    generator = np.random.default_rng(seed)
    for name, count in classes.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            pixels = generator.integers(0, 256, (4, 4), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{index:03}.png")
    return folder


@pytest.mark.parametrize(
    ("classes", "samples", "calibrating", "judging"),
    [
        ({"cat": 6, "dog": 6}, 100, 8, 4),
        ({"cat": 6, "dog": 6}, 3, 3, 4),
        ({"": 12}, 100, 8, 4),
        ({"cat": 1, "dog": 5}, 100, 4, 2),
        ({"cat": 2}, 100, 1, 1),
        # Of a single image of each class none can be spared.
        ({"cat": 1, "dog": 1}, 100, 2, 0),
        ({"cat": 630, "dog": 30}, 100, 100, JUDGED),
    ],
)
def test_a_third_is_held_out(
    tmp_path: Path, classes: dict[str, int], samples: int, calibrating: int, judging: int
) -> None:
    source = str(pictures(tmp_path / "set", classes))
    chosen = choose(Calibration(source, samples))
    assert chosen.images == calibrating
    assert (0 if chosen.held_out is None else len(chosen.held_out)) == judging
    made = prepare(chosen, GREY, tmp_path / "it.npy")
    again = prepare(choose(Calibration(source, samples)), GREY, tmp_path / "again.npy")
    assert made.manifest == again.manifest and made.judging.manifest == again.judging.manifest
    assert made.manifest.images == calibrating == len(np.load(made.tensors))
    # What calibrated is known by its content, and no image of it judges.
    assert chosen.dataset is not None
    assert made.manifest.each == tuple(digest(image) for image in chosen.dataset.images)
    if chosen.held_out is None:
        assert made.judging is made
        return
    assert made.judging.manifest.each == () and len(np.load(made.judging.tensors)) == judging
    assert not set(made.manifest.each) & {digest(image) for image in chosen.held_out.images}
    other = choose(Calibration(source, samples, seed=1))
    assert judging < 3 or set(other.dataset.images) != set(chosen.dataset.images)  # type: ignore[union-attr]


def test_a_group_is_on_one_side_only() -> None:
    generator = np.random.default_rng(0)
    images = [generator.integers(0, 256, (4, 4), dtype=np.uint8) for _ in range(60)]
    groups = tuple(f"lesion {index // 3}" for index in range(60))
    dataset = Dataset("it", ("a", "b"), images, np.arange(60) // 30, groups=groups)
    first, second = dataset.split(1 / 3)
    assert len(second) == 18 and not set(first.groups) & set(second.groups)


@pytest.fixture(scope="module")
def collapsing(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``wide.keras``, one of whose channels is a thousand times as wide as the one that tells dark from
    bright, and with such ``pictures``: a float file knows all of them, and an int8 file none."""
    folder = tmp_path_factory.mktemp("collapsing")
    image = keras.Input((4, 4, 1))
    x = keras.layers.Conv2D(2, 1, use_bias=False)(image)
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(image, keras.layers.Dense(2, activation="softmax")(x))
    model.set_weights(
        [np.asarray([[[[1.0, 5000.0]]]]), np.asarray([[-20.0, 20.0], [0, 0]]), np.asarray([10.0, -10.0])]
    )
    model.save(folder / "wide.keras")
    generator = np.random.default_rng(5)
    for label, low in (("bright", 170), ("dark", 20)):
        (folder / "pictures" / label).mkdir(parents=True)
        for index in range(60):
            pixels = generator.integers(low, low + 60, (4, 4), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "pictures" / label / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def refused(collapsing: Path) -> Result:
    """An export of that model, into the same folder; the images that calibrated it lie elsewhere afterwards."""
    (collapsing / "labels.txt").write_text("dark\nbright\n")
    command = [
        "export", str(collapsing / "wide.keras"), "--float32", "--float16", "--int8", "--input-range", "unit", "--labels",
        str(collapsing / "labels.txt"), "--calibration", str(collapsing / "pictures"), "-o", str(collapsing),
    ]  # fmt: skip
    done = CliRunner().invoke(cli, command)
    (collapsing / "pictures").rename(collapsing / "elsewhere")
    return done


def test_a_collapse_fails_the_command_and_is_in_the_passport(collapsing: Path, refused: Result) -> None:
    assert refused.exit_code == 1, refused.output
    verdicts = {
        name: json.loads((collapsing / f"wide.{name}.json").read_text())["verdict"]
        for name in ("float32", "float16", "int8")
    }
    assert {name: each["verdict"] for name, each in verdicts.items()} == {
        "float32": "pass", "float16": "pass", "int8": "fail",
    }  # fmt: skip
    assert all(each["held_out"] and each["images"] == 40 for each in verdicts.values())
    assert verdicts["int8"]["agreeing"] == 20
    assert "Against the Keras model on 40 images that calibrated nothing" in refused.stdout
    (error,) = [line for line in refused.stderr.splitlines() if line.startswith("Error: ")]
    assert f"{collapsing / 'wide.int8.tflite'}: it agrees with the Keras model on 20 of 40 images" in error
    assert "ship another format, such as --float16" in error and error.endswith("; do not ship it")
    assert (collapsing / "wide.int8.tflite").exists(), "the file is there, with its verdict"


def test_the_floors_are_the_users(collapsing: Path, refused: Result, tmp_path: Path) -> None:
    options: dict[str, Any] = {
        "input_range": "unit",
        "calibration": collapsing / "elsewhere",
        "output": tmp_path,
    }
    with pytest.warns(UserWarning, match=r"undecided of wide\.int8\.tflite: it gives the same scores"):
        (file,) = mobilecnn.export(
            collapsing / "wide.keras", "int8", min_agreement=20, min_sqnr=-50, **options
        )
    assert file.passport.verdict is not None and file.passport.verdict.least_agreement == 20


@pytest.mark.parametrize(("most", "code", "verdict"), [("0.5", 1, "beyond"), ("50", 0, "undecided")])
def test_evaluate_is_a_gate_and_knows_the_images_that_calibrated(
    collapsing: Path, refused: Result, most: str, code: int, verdict: str
) -> None:
    """By their content, wherever they lie now."""
    float16, int8 = (str(collapsing / f"wide.{name}.tflite") for name in ("float16", "int8"))
    command = [
        "evaluate",
        float16,
        int8,
        "--data",
        str(collapsing / "elsewhere"),
        "--json",
        "--max-drop",
        most,
    ]
    done = CliRunner().invoke(cli, command)
    assert done.exit_code == code, done.output
    found = json.loads(done.stdout)
    (row,) = found["drops"]
    assert (row["file"], row["points"], row["verdict"]) == (int8, 50.0, verdict)
    assert ("undecided whether" in done.stderr) is (verdict == "undecided")
    (seen,) = [row for row in found["remarks"] if row["code"] == "calibrated-on"]
    assert seen["count"] == 80 and f"{int8} is calibrated on" in seen["text"] and float16 not in seen["text"]


def test_a_gate_needs_two_files() -> None:
    done = CliRunner().invoke(cli, ["evaluate", "it.tflite", "--max-drop", "1"])
    assert done.exit_code == 2 and "name that first" in done.stderr
