"""The app's own Java, with the real TensorFlow Lite interpreter, answers and times as Python does."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from adbd import Phone
from click.testing import CliRunner, Result
from PIL import Image

from mobilecnn.bench.devices import entries
from mobilecnn.bench.devices.adb.entry import AdbEntry
from mobilecnn.bench.records.measurement import Measurement
from mobilecnn.bench.timing import answers
from mobilecnn.bench.timing.answers import Questions
from mobilecnn.cli import cli
from mobilecnn.convert import passport
from mobilecnn.convert.conversion import Source
from mobilecnn.export import export
from mobilecnn.files import sha256
from mobilecnn.quantize.calibration.images import Calibration
from mobilecnn.quantize.inference import ask
from mobilecnn.train import datasets
from mobilecnn.train.images import open_image, to_pixels

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def digits(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained network of convolutions alone, in all four formats: a folder of ``digits.*.tflite``.

    It has no dense layer: runtimes as old as the desktop one misread per-channel int8 weights there.
    """
    folder = tmp_path_factory.mktemp("digits")
    known = datasets.load("digits")
    images = np.stack([np.asarray(image, np.float32) for image in known.images]) / 255
    images = images.reshape(*images.shape[:3], -1)
    layers = keras.layers
    keras.utils.set_random_seed(5)
    image = keras.Input(images.shape[1:])
    x = layers.Conv2D(16, 3, strides=2, padding="same", activation="relu")(image)
    x = layers.Conv2D(32, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.Conv2D(10, 1)(x)
    x = layers.Softmax()(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(image, x)
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    # The last 200 are held out.
    model.fit(images[:-200], np.asarray(known.labels)[:-200], epochs=4, batch_size=64, verbose=0)
    model.save(folder / "digits.keras")
    source = Source(
        str(folder / "digits.keras"), input_range="unit", labels=tuple(f"digit {i}" for i in range(10))
    )
    export(source, ("float32", "float16", "int8", "dynamic"), folder, Calibration("digits"))
    return folder


CHAIN = ROOT / "android_demo/ci/build_apk.py"


@pytest.fixture(scope="module")
def desktop(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The app's Java, compiled once for this computer: a class path, and the interpreter's library."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(CHAIN.parent)
        entries, library = import_module("desktop_java").desktop(tmp_path_factory.mktemp("desktop"))
    return ":".join(str(entry) for entry in entries), str(library)


@pytest.fixture(scope="module")
def run_java(desktop: tuple[str, str]) -> Callable[..., dict[str, Any]]:
    """A function that has the app's classifier answer a model's golden pictures, and others."""

    def ask(model: Path, *pictures: Path) -> dict[str, Any]:
        classpath, library = desktop
        command = ["java", "-cp", classpath, "org.mobilecnn.ci.Ask", library, *map(str, (model, *pictures))]
        return said_by(command)

    return ask


def said_by(command: list[str]) -> dict[str, Any]:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@pytest.fixture(scope="module")
def held_out(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Forty digits that the network has not seen, as pictures of various sizes, a few in colour."""
    folder = tmp_path_factory.mktemp("held_out")
    known = datasets.load("digits")
    paths = []
    for index, pixels in enumerate(known.images[-40:]):
        image = Image.fromarray(np.asarray(pixels))
        if index % 3:
            image = image.resize((40 + 3 * index, 150 - 2 * index), Image.Resampling.BICUBIC)
        if index % 4 == 0:
            image = image.convert("RGB")
        paths.append(folder / f"{index}.png")
        image.save(paths[-1])
    return paths


WITHOUT_LIBRARY = """
import java.nio.ByteBuffer;
import org.mobilecnn.core.Passport;
import org.mobilecnn.core.Problem;
import org.mobilecnn.demo.Classifier;

class WithoutLibrary {
    public static void main(String[] card) throws Exception {
        ByteBuffer model = ByteBuffer.allocateDirect(8);
        Passport passport = Passport.parse(card[0], java.nio.file.Files.readString(java.nio.file.Path.of(card[0])));
        try {
            Classifier.tensors("a.tflite", model);
        } catch (Problem problem) {
            System.out.println(problem.kind + ": " + problem.getMessage());
        }
        try (Classifier none = new Classifier(model, passport, 1, Classifier.Kernels.BUILTIN)) {
        } catch (Problem problem) {
            System.out.println(problem.kind + ": " + problem.getMessage());
        }
    }
}
"""
"""A Java program that loads a model, with its passport and without, where the interpreter's library is missing."""


def test_a_processor_without_the_library_is_told(
    digits: Path, desktop: tuple[str, str], tmp_path: Path
) -> None:
    source = tmp_path / "WithoutLibrary.java"
    source.write_text(WITHOUT_LIBRARY)
    command = ["java", "-cp", desktop[0], str(source), str(digits / "digits.float32.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    without, loaded = done.stdout.splitlines()
    for said in (without, loaded):
        assert said.startswith(
            "EnvironmentProblem: this build has no TensorFlow Lite library for this device's processor ("
        )


TENSORS = """
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Paths;
import org.mobilecnn.core.Passport;
import org.mobilecnn.core.Problem;
import org.mobilecnn.demo.Classifier;

class Tensors {
    public static void main(String[] words) throws Exception {
        System.load(words[0]);
        byte[] content = Files.readAllBytes(Paths.get(words[1]));
        ByteBuffer model = ByteBuffer.allocateDirect(content.length).order(java.nio.ByteOrder.nativeOrder());
        model.put(content).rewind();
        try {
            Classifier.tensors("a.tflite", model);
        } catch (Problem problem) {
            System.out.println(problem.kind + ": " + problem.getMessage());
        }
        Passport passport = Passport.parse(words[2], Files.readString(Paths.get(words[2])));
        try (Classifier none = new Classifier(model, passport, 1, Classifier.Kernels.BUILTIN)) {
        } catch (Problem problem) {
            System.out.println(problem.kind + ": " + problem.getMessage());
        }
    }
}
"""
"""A Java program that loads a model, without its passport and with one."""


@pytest.mark.parametrize(("inputs", "outputs"), [(1, 2), (2, 1)])
def test_a_model_of_several_inputs_or_outputs_is_refused(
    keras: Any, digits: Path, desktop: tuple[str, str], tmp_path: Path, inputs: int, outputs: int
) -> None:
    import tensorflow as tf

    def compute(*images: Any) -> list[Any]:
        return [images[0] * images[-1] * (place + 2) for place in range(outputs)]

    signature = [tf.TensorSpec((1, 8, 8, 1), tf.float32) for _image in range(inputs)]
    function = tf.function(compute, input_signature=signature, autograph=False).get_concrete_function()
    model, source = tmp_path / "several.tflite", tmp_path / "Tensors.java"
    model.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([function], tf.Module()).convert())
    source.write_text(TENSORS)
    classpath, library = desktop
    # Not run from the source: the library serves the classes of the loader that loads it.
    subprocess.run(["javac", "-cp", classpath, "-d", str(tmp_path), str(source)], check=True, timeout=900)
    command = ["java", "-cp", f"{tmp_path}:{classpath}", "Tensors", library, str(model)]
    command.append(str(digits / "digits.float32.json"))
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert [line.partition(" has ")[0] for line in said] == [
        "ModelFileError: a.tflite",
        "ModelFileError: digits.float32.tflite",
    ]
    for line in said:
        assert f" has {inputs} inputs and {outputs} outputs, and this app feeds one and reads one" in line


@pytest.mark.parametrize("kind", ["float32", "float16", "int8", "dynamic"])
def test_the_app_answers_as_predict_does(
    digits: Path, held_out: list[Path], kind: str, run_java: Callable[..., dict[str, Any]]
) -> None:
    model = digits / f"digits.{kind}.tflite"
    content = model.read_bytes()
    card = passport.read(model, sha256(content))
    assert card is not None
    questions = answers.prepare(model, content, card)
    assert isinstance(questions, Questions)
    said = run_java(model, *held_out)
    assert said["runtime"] == "2.6.2"
    assert said["answers"]["verdict"] == "verified", said["answers"]
    assert said["answers"]["pictures"] == 3
    # One rule in two languages.
    assert said["answers"]["tolerance"] == pytest.approx(questions.tolerance, rel=1e-6)

    (python,) = ask(
        [model], lambda contract: [to_pixels(open_image(path), contract) for path in held_out], len(held_out)
    )
    assert len(said["pictures"]) == len(held_out)
    distinct = set()
    for java, scores in zip(said["pictures"], python.scores, strict=True):
        np.testing.assert_allclose(java["scores"], scores, rtol=0, atol=questions.tolerance)
        best, second = np.sort(scores)[::-1][:2]
        if best - second > 2 * questions.tolerance:  # Otherwise nearly tied.
            assert java["best"][0] == card.labels[int(scores.argmax())]
            distinct.add(java["best"][0])
    assert len(distinct) >= 8, "the comparison says little when few classes occur"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shape": [1, 4, 4, 12]}, "and its passport says float32"),
        ({"dtype": "int8", "quantization": {"scale": 0.5, "zero_point": 3}}, "scale 0.5, zero point 3"),
    ],
)
def test_a_passport_of_another_export_is_refused(
    digits: Path, tmp_path: Path, change: dict[str, Any], words: str, run_java: Callable[..., dict[str, Any]]
) -> None:
    card = json.loads((digits / "digits.float32.json").read_text())
    height, width = card["input"]["contract"]["height"], card["input"]["contract"]["width"]
    if "shape" in change:
        change = {"shape": [1, height * width, 1, 1]}
    card["input"]["tensor"].update(change)
    model = tmp_path / "other.tflite"
    model.write_bytes((digits / "digits.float32.tflite").read_bytes())
    model.with_suffix(".json").write_text(json.dumps(card))
    said = run_java(model)
    assert words in said["message"] and "different exports" in said["message"], said


def misremembering(digits: Path, folder: Path) -> Path:
    """A file that gives other scores than its passport says."""
    card = json.loads((digits / "digits.int8.json").read_text())
    card["golden"][1]["scores"] = card["golden"][1]["scores"][::-1]
    model = folder / "other.tflite"
    model.write_bytes((digits / "digits.int8.tflite").read_bytes())
    model.with_suffix(".json").write_text(json.dumps(card))
    return model


def test_golden_pictures_find_a_runtime_that_answers_otherwise(digits: Path, tmp_path: Path) -> None:
    """By way of the users' command."""
    said = said_by([sys.executable, str(CHAIN), "--ask", str(misremembering(digits, tmp_path))])["answers"]
    assert said["verdict"] == "differs" and said["reason"].startswith("golden picture 2: the score of digit ")


def test_a_damaged_model_is_an_error_and_not_a_crash(
    digits: Path, tmp_path: Path, run_java: Callable[..., dict[str, Any]]
) -> None:
    model = tmp_path / "damaged.tflite"
    model.write_bytes(b"not a model" * 100)
    model.with_suffix(".json").write_text((digits / "digits.float32.json").read_text())
    said = run_java(model)
    assert "the file is damaged or not a TensorFlow Lite model" in said["message"], said


# Timing with the app: the harness, the adb client and the app's benchmark are real; the phone is not.


@pytest.fixture
def with_app(phone: Phone, desktop: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> Phone:
    """A stand-in for a phone, called ``pixel``, where the app's own benchmark runs in this machine's Java."""
    classpath, library = desktop
    java = f'java -cp {classpath} org.mobilecnn.ci.Bench {library} "$PHONE" "$@"'
    phone.program(
        "app",
        f"""[ "$1 $2 $3 $4" = "start -W -S -n" ] || exit 0
shift 5; : >"$PHONE/alive"
( {java}; rm "$PHONE/alive" ) </dev/null >"$PHONE/log" 2>"$PHONE/crashed" &""",
    )
    (phone.root / "dumpsys.package").write_text("    versionName=0.1.0\n")
    entries.write({"pixel": AdbEntry()})
    monkeypatch.chdir(phone.root.parent)
    return phone


def bench(*arguments: object) -> Result:
    words = [str(argument) for argument in arguments]
    few = ["--rounds", "2", "--runs", "7", "--warmup-runs", "3", "--threads", "2"]
    return CliRunner().invoke(cli, ["bench", *words, *few, "--device", "pixel", "-o", "it.json"])


def test_bench_times_with_the_app(with_app: Phone, digits: Path) -> None:
    models = [digits / f"digits.{kind}.tflite" for kind in ("int8", "float32")]
    done = bench(*models)
    assert done.exit_code == 0, done.output + (with_app.root / "crashed").read_text()
    measured = Measurement.read(Path("it.json"))
    assert [model.answers.verdict for model in measured.models] == ["verified"] * 2
    assert [model.answers.pictures for model in measured.models] == [3] * 2
    assert measured.protocol.runtime == "app" and len(measured.runs) == 4
    for run in measured.runs:
        assert run.runtime_version == "0.1.0, TensorFlow Lite 2.6.2"
        assert (len(run.warmup_ns), len(run.samples_ns), len(run.before.probe_ns)) == (3, 7, 5)
        assert sum(run.samples_ns) <= run.timed_seconds * 1e9
    assert re.search("app 0.1.0, TensorFlow Lite 2.6.2, 2 threads", done.stdout)


def test_bench_does_not_time_what_answers_wrongly_in_the_app(
    with_app: Phone, digits: Path, tmp_path: Path
) -> None:
    wrong = misremembering(digits, tmp_path)
    done = bench(wrong)
    assert done.exit_code == 1
    assert "golden picture 2: the score of digit" in done.stderr and "Nothing was timed" in done.stderr
    assert bench(wrong, "--allow-wrong-answers").exit_code == 0
    assert Measurement.read(Path("it.json")).models[0].answers.verdict == "differs"


def test_bench_says_what_the_app_refuses(
    with_app: Phone, digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passport, "check_fits", lambda *arguments: None)  # Else it is refused before.
    card = json.loads((digits / "digits.float32.json").read_text())
    card["output"]["tensor"]["shape"] = [1, 5, 2]
    model = tmp_path / "other.tflite"
    model.write_bytes((digits / "digits.float32.tflite").read_bytes())
    model.with_suffix(".json").write_text(json.dumps(card))
    done = bench(model)
    assert done.exit_code == 2
    assert "on pixel: the app: the output of digits.float32.tflite is FLOAT32 [1, 10]" in done.stderr
