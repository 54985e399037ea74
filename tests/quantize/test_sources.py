"""Models of every kind through the commands: each in a child process, as a user's."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

import mobilecnn
from mobilecnn.cli import cli
from mobilecnn.convert.conversion import KerasModel, Source
from mobilecnn.errors import ChildCrashed, ModelFileError, UsageError

pytestmark = pytest.mark.usefixtures("forked")

CUSTOM = """import keras

class Double(keras.layers.Layer):
    def call(self, image):
        return 2 * image
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def models(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``mixed.keras`` (mixed_float16), ``plain.keras``, ``folder`` (its SavedModel) and ``own.keras``."""
    folder = tmp_path_factory.mktemp("models")
    layers = keras.layers
    scope: dict[str, Any] = {"__name__": "own"}
    exec(CUSTOM, scope)

    def network(*first: Any) -> Any:
        keras.utils.set_random_seed(2)
        image = keras.Input((16, 16, 3))
        x = layers.Rescaling(1 / 127.5, offset=-1)(image)
        for layer in first:
            x = layer(x)
        x = layers.GlobalMaxPooling2D()(layers.Conv2D(8, 3, activation="relu")(x))
        return keras.Model(image, layers.Dense(2, activation="softmax")(x))

    plain = network()
    plain.save(folder / "plain.keras")
    plain.export(folder / "folder", verbose=False)
    network(scope["Double"]()).save(folder / "own.keras")
    keras.config.set_dtype_policy("mixed_float16")
    try:
        network().save(folder / "mixed.keras")
    finally:
        keras.config.set_dtype_policy("float32")
    (folder / "own.py").write_text(CUSTOM)
    return folder


def passport(folder: Path, name: str) -> Any:
    return json.loads((folder / f"{name}.float32.json").read_text())


def test_a_mixed_model_is_exported_in_float32_and_said(models: Path, tmp_path: Path) -> None:
    done = run("export", models / "mixed.keras", "--float32", "-o", tmp_path)
    assert done.exit_code == 0, done.output
    assert "the layers of dtype policy mixed_float16 compute in float32" in done.stderr
    card = passport(tmp_path, "mixed")
    assert card["lowering"]["loading"] == ["the layers of dtype policy mixed_float16 compute in float32"]
    assert card["parity"]["identical"] or card["parity"]["sqnr_db"] > 100


def test_a_saved_model_gives_the_answers_of_the_keras_model(
    models: Path, photos: Path, tmp_path: Path
) -> None:
    refused = run("export", models / "folder", "--float32", "--input-range", "unit", "-o", tmp_path)
    assert refused.exit_code == 2 and "because it computes 0.007843 * input - 1" in refused.stderr
    assert not list(tmp_path.iterdir())
    done = run("export", models / "folder", "--float32", "--int8", "--calibration", photos, "-o", tmp_path)
    assert done.exit_code == 0, done.output
    assert "Against the SavedModel on" in done.stdout and "Keras" not in done.output
    assert "shows what its scores are" not in done.stderr
    card = passport(tmp_path, "folder")
    assert (
        card["parity"]["holds"]
        and card["parity"]["reference"] == "the SavedModel"
        and (card["output"]["kind"], card["input"]["contract"]["std"]) == ("softmax", [1.0] * 3)
        and card["source"]["model"] == "folder"
        and len(card["source"]["sha256"]) == 64
    )
    assert (tmp_path / "folder.int8.tflite").exists()
    evaluated = run(
        "evaluate", models / "folder", tmp_path / "folder.float32.tflite",
        "--data", photos, "--json",
    )  # fmt: skip
    assert evaluated.exit_code == 0, evaluated.output
    results = json.loads(evaluated.stdout)["results"]
    assert [result["agreement_with_first"] for result in results] == [1.0, 1.0]
    assert results[0]["sha256"] == card["source"]["sha256"] and results[0]["bytes"] > 1000
    assert "SavedModel, which has no layers to count" in run("models", models / "folder").stderr


@pytest.mark.parametrize(
    ("activation", "kind", "asked"),
    [
        ("sigmoid", "sigmoid-binary", ""),
        (None, None, "has one output and its last operation is linear: a regression"),
    ],
)
def test_a_saved_model_of_one_output(
    keras: Any, photos: Path, activation: str | None, kind: str | None, asked: str, tmp_path: Path
) -> None:
    image = keras.Input((16, 16, 3))
    x = keras.layers.GlobalAveragePooling2D()(
        keras.layers.Conv2D(2, 3)(keras.layers.Rescaling(1 / 255)(image))
    )
    keras.Model(image, keras.layers.Dense(1, activation=activation)(x)).export(
        tmp_path / "one", verbose=False
    )
    done = run("predict", tmp_path / "one", photos / "cat" / "0.jpg", "--json")
    if kind is None:
        assert done.exit_code == 2 and asked in done.stderr and "--output-kind logit-binary" in done.stderr
        return
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert answer["output_kind"] == kind
    assert sum(row["probability"] for row in answer["predictions"]) == pytest.approx(1)


def test_layers_of_the_users_own_by_every_command(models: Path, photos: Path, tmp_path: Path) -> None:
    own, code = models / "own.keras", models / "own.py"
    refused = run("export", own, "--float32", "-o", tmp_path)
    assert (
        refused.exit_code == 2
        and "give the Python file that defines it: --custom-objects FILE.py" in refused.stderr
    )
    picture = photos / "cat" / "0.jpg"
    for command in (
        ("export", own, "--float32", "--custom-objects", code, "--input-range", "raw", "-o", tmp_path),
        ("predict", own, picture, "--custom-objects", code, "--input-range", "raw"),
        ("models", own, "--custom-objects", code),
    ):
        done = run(*command)
        assert done.exit_code == 0, done.output
    for wrong, words in (
        (("models", "alexnet", "--custom-objects", code), "is for model files, and alexnet is a zoo name"),
        (
            ("export", "alexnet", "--float32", "--custom-objects", code),
            "is for model files, and alexnet is a zoo name",
        ),
        (("export", own, "--float32", "--custom-objects", "none.py"), "no such Python file: none.py"),
    ):
        refused = run(*wrong)
        assert refused.exit_code == 2 and words in refused.stderr, refused.output


def test_a_model_in_memory_gets_advice_that_works(keras: Any, models: Path, tmp_path: Path) -> None:
    scope: dict[str, Any] = {"__name__": "own"}
    exec(CUSTOM, scope)
    image = keras.Input((16, 16, 3))
    x = keras.layers.GlobalMaxPooling2D()(scope["Double"]()(image))
    model = keras.Model(image, keras.layers.Dense(2)(x), name="own")
    with pytest.raises(ModelFileError, match=r"custom_objects='FILE\.py'"):
        mobilecnn.export(model, "float32", output=tmp_path, input_range="unit")
    (file,) = mobilecnn.export(
        model, "float32", output=tmp_path, input_range="unit", custom_objects=models / "own.py"
    )
    assert file.holds


def test_a_model_that_keras_cannot_save_gets_advice_that_works(keras: Any, tmp_path: Path) -> None:
    class Mute(keras.layers.Layer):  # type: ignore[misc]
        def __init__(self, factor: object) -> None:
            super().__init__()
            self.factor = factor

        def call(self, image: Any) -> Any:
            return image * self.factor

        def get_config(self) -> dict[str, Any]:
            raise NotImplementedError("it has no configuration")

    image = keras.Input((16, 16, 3))
    model = keras.Model(image, keras.layers.Dense(2)(keras.layers.GlobalMaxPooling2D()(Mute(0.5)(image))))
    with pytest.raises(ModelFileError, match=r"it has no configuration\); .*model\.export\('FOLDER'\)"):
        mobilecnn.export(model, "float32", output=tmp_path)
    model.export(tmp_path / "FOLDER", verbose=False)
    (file,) = mobilecnn.export(
        tmp_path / "FOLDER", "float32", output=tmp_path, input_range="unit", output_kind="logits"
    )
    assert file.holds


@pytest.mark.parametrize("kind", ["subclassed", "never built"])
def test_a_model_without_an_input_gets_advice_that_works(keras: Any, kind: str, tmp_path: Path) -> None:
    from mobilecnn.convert.keras_facts import describe

    layers = keras.layers

    class Own(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.last = layers.Dense(2)

        def call(self, image: Any) -> Any:
            return self.last(keras.ops.mean(image, (1, 2)))

    model = (
        Own() if kind == "subclassed" else keras.Sequential([layers.GlobalMaxPooling2D(), layers.Dense(2)])
    )
    with pytest.raises(ModelFileError, match=r"keras\.Model\(image, model\(image\)\)\.save"):
        describe(keras, model)
    image = keras.Input((16, 16, 3))
    assert describe(keras, keras.Model(image, model(image)))["classes"] == 2


@pytest.mark.parametrize(
    ("end", "kind", "words"),
    [
        (signal.SIGABRT, ModelFileError, r"TensorFlow broke down over .*plain\.keras \((SIGABRT|Aborted)\); replace the layers"),
        (signal.SIGSEGV, ModelFileError, r"TensorFlow broke down over .*plain\.keras \((SIGSEGV|Segmentation fault)\)"),
        (signal.SIGFPE, ModelFileError, r"TensorFlow broke down over .*plain\.keras \((SIGFPE|Floating.point exception)\)"),
        # Whoever kills it, such as a machine without memory, does not mean the model.
        (signal.SIGKILL, ChildCrashed, r"plain\.keras was ended by SIGKILL"),
    ],
)  # fmt: skip
def test_a_model_over_which_tensorflow_breaks_down_is_bad_input(
    models: Path, end: signal.Signals, kind: type[Exception], words: str
) -> None:
    with KerasModel(Source(str(models / "plain.keras"))) as model, pytest.raises(kind, match=words):
        os.kill(model.pid, end)
        model.load()


@pytest.mark.sweep
def test_a_model_larger_than_memory_is_told(keras: Any, tmp_path: Path) -> None:
    import os
    import zipfile

    image = keras.Input((16, 16, 3))
    small = keras.Model(image, keras.layers.Dense(4, name="last")(keras.layers.Flatten()(image)))
    small.save(tmp_path / "small.keras")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    units = int(1.2 * memory / 4 / 768)
    with (
        zipfile.ZipFile(tmp_path / "small.keras") as archive,
        zipfile.ZipFile(tmp_path / "large.keras", "w") as new,
    ):
        for name in archive.namelist():
            new.writestr(name, archive.read(name).replace(b'"units": 4', f'"units": {units}'.encode()))
    with (
        KerasModel(Source(str(tmp_path / "large.keras"))) as model,
        pytest.raises(ModelFileError, match="needs more memory"),
    ):
        model.load()


@pytest.mark.parametrize(
    "settings",
    [
        '{"backend": "jax", "floatx": "float16", "image_data_format": "channels_first"}',
        pytest.param("{", marks=pytest.mark.sweep),
    ],
)
def test_settings_of_the_users_keras_change_nothing(
    models: Path, settings: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "keras.json").write_text(settings)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("TF_USE_LEGACY_KERAS", "1")
    np.save(tmp_path / "in.npy", np.full((1, 16, 16, 3), 100, np.float32))
    with KerasModel(Source(str(models / "plain.keras"))) as model:
        facts = model.load()
        model.start_convert(facts.contract, tmp_path / "a.tflite")
        model.finish()
        model.start_run(facts.contract, tmp_path / "in.npy", tmp_path / "out.npy")
        model.finish()
    assert np.load(tmp_path / "out.npy").shape == (1, 2)


def test_what_is_refused_before_tensorflow_starts(models: Path, tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"\x08\x07\x12\x07pytorch")
    with pytest.raises(ModelFileError, match="is an ONNX model"):
        KerasModel(Source(str(tmp_path / "a.onnx")))
    with pytest.raises(UsageError, match="--classes is for zoo names"):
        KerasModel(Source(str(models / "plain.keras"), classes=3))
