"""Loading Keras files of every kind, and what is said of those that cannot be."""

import json
import re
import shutil
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras_files import SHAPE, answers, edited, loaded, network, refusal, renamed, save, with_key

from mobilecnn.errors import ModelFileError

CUSTOM = """import keras

@keras.saving.register_keras_serializable(package="mine")
class Scale(keras.layers.Layer):
    def __init__(self, factor=2.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, image):
        return image * self.factor

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}

def twice(x):
    return 2 * x
"""


@pytest.fixture(scope="module")
def files(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``plain.keras``, ``plain.h5`` and ``plain.weights.h5``, of one network."""
    folder = tmp_path_factory.mktemp("files")
    model = network(keras)
    save(model, folder / "plain.keras")
    save(model, folder / "plain.h5")
    model.save_weights(folder / "plain.weights.h5")
    return folder


@pytest.mark.parametrize("name", ["as.keras", "as.h5", "as.hdf5", "as.model"])
@pytest.mark.parametrize("source", ["plain.keras", "plain.h5"])
def test_files_are_loaded_by_their_content(
    keras: Any, files: Path, source: str, name: str, tmp_path: Path
) -> None:
    shutil.copyfile(files / source, tmp_path / name)
    model = loaded(keras, tmp_path / name)
    np.testing.assert_array_equal(answers(model.model), answers(network(keras)))
    assert model.notes == ()


def test_an_unzipped_model_is_loaded(keras: Any, tmp_path: Path) -> None:
    network(keras).save(tmp_path / "folder", zipped=False)
    np.testing.assert_array_equal(answers(loaded(keras, tmp_path / "folder").model), answers(network(keras)))


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "float64"])
def test_another_precision_is_rebuilt_in_float32(
    keras: Any, policy: str, suffix: str, tmp_path: Path
) -> None:
    original = network(keras, policy)
    model = loaded(keras, save(original, tmp_path / f"a.{suffix}"))
    assert model.notes == (f"the layers of dtype policy {policy} compute in float32",)
    assert {layer.compute_dtype for layer in model.model.layers} == {"float32"}
    exact = network(keras)
    exact.set_weights(original.get_weights())
    np.testing.assert_allclose(answers(model.model), answers(exact), atol=1e-6)
    np.testing.assert_allclose(answers(model.model), np.asarray(answers(original), np.float32), atol=2e-2)


@pytest.mark.parametrize(
    ("kind", "key", "value"),
    [("DepthwiseConv2D", "groups", 1), ("BatchNormalization", "axis", [3]), ("Conv2D", "name", "block/conv")],
)
def test_what_keras_2_writes_changes_no_answer(
    keras: Any, files: Path, kind: str, key: str, value: Any, tmp_path: Path
) -> None:
    def edit(config: Any) -> Any:
        text = json.dumps(with_key(kind, key, value)(config))
        if key == "name":
            name = next(layer["name"] for layer in config["config"]["layers"] if layer["class_name"] == kind)
            text = text.replace(f'"{name}"', f'"{value}"')
        return json.loads(text)

    model = loaded(keras, edited(files / "plain.h5", tmp_path / "a.h5", edit, "2.15.0"))
    np.testing.assert_array_equal(answers(model.model), answers(network(keras)))
    assert any("written by an older Keras" in note for note in model.notes)


@pytest.mark.parametrize("source", ["plain.keras", "plain.h5"])
@pytest.mark.parametrize(
    ("edit", "version", "words"),
    [
        (with_key("Conv2D", "sparkle", 3), "99.1.0", r"passed to Conv2D: \{'sparkle': 3\}\); Keras 99.1.0 wrote it: pip install 'keras>=99.1.0'"),
        (renamed("Rescaling", "RescalingV9"), "99.1.0", r"RescalingV9.*Keras 99.1.0 wrote it: pip install"),
        (renamed("Rescaling", "TFOpLambda"), "2.15.0", r"uses 'TFOpLambda', which Keras 2 has .*pip install tf_keras, .*\.export\("),
        (renamed("Rescaling", "QuantizeWrapperV2"), "2.15.0", r"was trained for quantization .*before quantize_model"),
        (renamed("Rescaling", "PruneLowMagnitude"), "2.15.0", r"pruning layers; .*strip_pruning"),
        (with_key("Conv2D", "sparkle", 3), "2.4.0", r"sparkle.*Keras 2.4.0 wrote it; .*tf_keras"),
        (with_key("Conv2D", "use_bias", False), None, r"weights in .* are not those of its architecture: its layer '?conv2d\w*'? has 1 (variables|weights), and 2"),
        (with_key("Dense", "units", 5), None, r"(weights in .* are not those of its architecture: .*|shape)"),
        (with_key("Dense", "units", 2_000_000_000_000), None, r"needs more memory than this process may have"),
    ],
    ids=["key", "class", "operation", "qat", "pruned", "old", "weights", "shape", "memory"],
)  # fmt: skip
def test_the_cause_is_told(
    keras: Any, files: Path, source: str, edit: Any, version: str | None, words: str, tmp_path: Path
) -> None:
    path = edited(files / source, tmp_path / source, edit, version)
    said = refusal(keras, path)
    assert str(path) in said and "\n" not in said and len(said) < 700
    assert re.search(words, said), said


@pytest.mark.parametrize("mode", ["int8", "float8"])
def test_a_quantized_model_is_told_what_it_is(keras: Any, mode: str, tmp_path: Path) -> None:
    model = network(keras)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Not every layer can be quantized.
        model.quantize(mode)
    said = refusal(keras, save(model, tmp_path / "a.keras"))
    assert f"was quantized by Keras (model.quantize('{mode}'))" in said and "--int8" in said


@pytest.mark.parametrize("name", ["a.weights.h5", "a.h5", "a.keras"])
def test_weights_alone_are_told_what_helps_and_it_does(
    keras: Any, files: Path, name: str, tmp_path: Path
) -> None:
    shutil.copyfile(files / "plain.weights.h5", tmp_path / name)
    said = refusal(keras, tmp_path / name)
    assert "holds weights alone" in said and "must end in .weights.h5" in said
    model = network(keras)
    model.set_weights([0 * weight for weight in model.get_weights()])
    shutil.copyfile(tmp_path / name, tmp_path / "renamed.weights.h5")
    model.load_weights(tmp_path / "renamed.weights.h5")
    np.testing.assert_array_equal(
        answers(loaded(keras, save(model, tmp_path / "model.keras")).model), answers(network(keras))
    )


def test_weights_in_the_layout_of_keras_2_too(keras: Any, files: Path, tmp_path: Path) -> None:
    import h5py

    with h5py.File(files / "plain.h5") as whole, h5py.File(tmp_path / "old.h5", "w") as weights:
        for name in whole["model_weights"]:
            whole.copy(whole["model_weights"][name], weights, name)
        for key, value in whole["model_weights"].attrs.items():
            weights.attrs[key] = value
    assert "holds weights alone" in refusal(keras, tmp_path / "old.h5")
    model = network(keras)
    model.set_weights([0 * weight for weight in model.get_weights()])
    model.load_weights(tmp_path / "old.h5")
    np.testing.assert_array_equal(answers(model), answers(network(keras)))


def _external(h5py: Any, opened: Any) -> None:
    opened["link"] = h5py.ExternalLink("/etc/passwd", "x")


def _outside(h5py: Any, opened: Any) -> None:
    opened.create_dataset("a", (10,), "u1", external=[("/etc/passwd", 0, 10)])


def _soft(h5py: Any, opened: Any) -> None:
    opened["link"] = h5py.SoftLink("/link")


def _vast(h5py: Any, opened: Any) -> None:
    opened.create_dataset("a", (1 << 20, 1 << 20), "f4", chunks=(1024, 1024))


def _packed(h5py: Any, opened: Any) -> None:
    opened.create_dataset("a", data=np.zeros(80 << 20, "f4"), chunks=(1 << 20,), compression="gzip")


def _number(h5py: Any, opened: Any) -> None:
    del opened.attrs["model_config"]
    opened.attrs["model_config"] = 10**12


BOUNDED = [
    (_external, "refers to another file"),
    (_outside, "in another file"),
    (_soft, "soft link"),
    (_vast, "unpack to 4,398,0"),
    (_packed, "unpack to 33"),
    (_number, "is not JSON"),
]
"""What is done to an HDF5 file, and what is said of it."""


@pytest.mark.parametrize(
    ("change", "words", "inside"),
    [
        (change, words, inside)
        for change, words in BOUNDED
        for inside in (False, True)
        # In an archive the architecture is in another member.
        if not (inside and change is _number)
    ],
)
def test_hdf5_files_are_bounded(
    keras: Any, files: Path, change: Any, words: str, inside: bool, tmp_path: Path
) -> None:
    import h5py

    path = tmp_path / "a.h5"
    shutil.copyfile(files / "plain.h5", path)
    with h5py.File(path, "r+") as opened:
        change(h5py, opened)
    if inside:
        with (
            zipfile.ZipFile(files / "plain.keras") as archive,
            zipfile.ZipFile(tmp_path / "a.keras", "w") as new,
        ):
            new.writestr("config.json", archive.read("config.json"))
            new.write(path, "model.weights.h5")
        path = tmp_path / "a.keras"
    assert words in refusal(keras, path)


@pytest.mark.parametrize("kept", [0, 8, 100, 2000, 20_000])
@pytest.mark.parametrize("source", ["plain.keras", "plain.h5"])
def test_a_cut_file_is_told(keras: Any, files: Path, source: str, kept: int, tmp_path: Path) -> None:
    (tmp_path / source).write_bytes((files / source).read_bytes()[:kept])
    assert "copy or download it again" in refusal(keras, tmp_path / source)


def forget(keras: Any) -> None:
    """Take from Keras' registry what the tests' files have put there, and not the zoo's own layer."""
    registry = keras.saving.get_custom_objects()
    for name in [name for name in registry if not name.startswith("mobilecnn>")]:
        del registry[name]


@pytest.fixture(scope="module")
def custom(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``mine.py``, and with ``mine.keras`` and ``mine.h5``, which need it."""
    folder = tmp_path_factory.mktemp("custom")
    (folder / "mine.py").write_text(CUSTOM)
    scope: dict[str, Any] = {"__name__": "mine"}
    exec(CUSTOM, scope)
    image = keras.Input(SHAPE)
    x = keras.layers.Activation(scope["twice"])(scope["Scale"](0.5)(image))
    model = keras.Model(image, keras.layers.Dense(3)(keras.layers.GlobalAveragePooling2D()(x)))
    save(model, folder / "mine.keras")
    save(model, folder / "mine.h5")
    forget(keras)
    return folder


@pytest.fixture
def unregistered(keras: Any) -> Any:
    """What a file registers is forgotten after the test."""
    yield
    forget(keras)


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.usefixtures("unregistered")
def test_layers_of_the_users_own(keras: Any, custom: Path, suffix: str, tmp_path: Path) -> None:
    path = custom / f"mine.{suffix}"
    assert "'--custom-objects FILE.py" in refusal(keras, path).replace(": --", ": '--")
    model = loaded(keras, path, custom / "mine.py").model
    assert model.output_shape == (None, 3)
    forget(keras)
    # A class that is not registered is found by its own name.
    (tmp_path / "plain.py").write_text(
        CUSTOM.replace('@keras.saving.register_keras_serializable(package="mine")\n', "")
    )
    assert loaded(keras, path, tmp_path / "plain.py").model.output_shape == (None, 3)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (
            "import keras\n\nx = undefined\n",
            r"bad\.py, line 3: NameError: name 'undefined' is not defined",
        ),
        ("def f(:\n", r"bad\.py, line 1: SyntaxError: invalid syntax"),
        ("import sys\nsys.exit(3)\n", r"bad\.py, line 2: SystemExit: 3"),
        (
            "import no_such_module\n",
            r"bad\.py, line 1: ModuleNotFoundError: No module named 'no_such_module'",
        ),
        (
            CUSTOM.replace("= factor\n", "= fctor\n", 1),
            r"bad\.py, line 7, in __init__: NameError: name 'fctor'",
        ),
        (CUSTOM.replace("image * self.factor", "image @ 3 @ self"), r"bad\.py, line 10, in call: "),
        (
            "class Other: pass\n",
            r"'(mine>)?Scale', which neither Keras [\d.]+ nor \S+bad\.py has; define it there",
        ),
    ],
)
@pytest.mark.usefixtures("unregistered")
def test_a_fault_in_the_users_file_has_its_line(
    keras: Any, custom: Path, code: str, words: str, tmp_path: Path
) -> None:
    (tmp_path / "bad.py").write_text(code)
    with pytest.raises(ModelFileError, match=words):
        loaded(keras, custom / "mine.keras", tmp_path / "bad.py")
