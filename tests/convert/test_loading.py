"""Loading Keras files and SavedModels of every kind, and what is said of those that cannot be."""

import json
import re
import shutil
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mobilecnn.convert import keras_child
from mobilecnn.convert.keras_loading import Loaded, load
from mobilecnn.convert.saved_model import SavedClassifier
from mobilecnn.errors import ModelFileError

SHAPE = (12, 12, 3)
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


def network(keras: Any, policy: str = "float32") -> Any:
    keras.utils.set_random_seed(1)
    layers = keras.layers
    keras.config.set_dtype_policy(policy)
    try:
        image = keras.Input(SHAPE)
        x = layers.Rescaling(1 / 255)(image)
        x = layers.Conv2D(4, 3)(x)
        x = layers.BatchNormalization()(x)
        x = layers.DepthwiseConv2D(3)(x)
        x = layers.GlobalAveragePooling2D()(x)
        return keras.Model(image, layers.Dense(3, activation="softmax")(x))
    finally:
        keras.config.set_dtype_policy("float32")


def answers(model: Any) -> Any:
    images = np.random.default_rng(0).uniform(0, 255, (4, *SHAPE)).astype(np.float32)
    return np.asarray(model(images, training=False))


def save(model: Any, path: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras calls HDF5 a legacy format.
        model.save(path)
    return path


def loaded(keras: Any, path: Path, custom: Path | None = None, unsafe: bool = False) -> Loaded:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return load(keras, {"path": str(path), "unsafe": unsafe, "custom_objects": custom and str(custom)})


def refusal(keras: Any, path: Path, custom: Path | None = None) -> str:
    with pytest.raises(ModelFileError) as told:
        loaded(keras, path, custom)
    return str(told.value)


@pytest.fixture(scope="module")
def files(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``plain.keras``, ``plain.h5``, ``plain.weights.h5``, and ``sm``, a SavedModel; all of one network."""
    folder = tmp_path_factory.mktemp("files")
    model = network(keras)
    save(model, folder / "plain.keras")
    save(model, folder / "plain.h5")
    model.save_weights(folder / "plain.weights.h5")
    model.export(folder / "sm", verbose=False)
    return folder


def edited(path: Path, new: Path, edit: Callable[[Any], Any], version: str | None = None) -> Path:
    """A copy of a Keras file with another architecture, and as if another Keras had written it."""
    if path.suffix == ".h5":
        import h5py

        shutil.copyfile(path, new)
        with h5py.File(new, "r+") as opened:
            opened.attrs["model_config"] = json.dumps(edit(json.loads(opened.attrs["model_config"])))
            if version is not None:
                opened.attrs["keras_version"] = version
        return new
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(new, "w") as changed:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "config.json":
                content = json.dumps(edit(json.loads(content))).encode()
            if name == "metadata.json" and version is not None:
                content = json.dumps({"keras_version": version}).encode()
            changed.writestr(name, content)
    return new


def with_key(kind: str, key: str, value: Any) -> Callable[[Any], Any]:
    def edit(config: Any) -> Any:
        for layer in config["config"]["layers"]:
            if layer["class_name"] == kind:
                layer["config"][key] = value
        return config

    return edit


def renamed(kind: str, new: str) -> Callable[[Any], Any]:
    def edit(config: Any) -> Any:
        for layer in config["config"]["layers"]:
            if layer["class_name"] == kind:
                layer["class_name"] = new
                layer["registered_name"] = new
        return config

    return edit


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


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_external, "refers to another file"),
        (_outside, "in another file"),
        (_soft, "soft link"),
        (_vast, "unpack to 4,398,0"),
        (_packed, "unpack to 33"),
        (_number, "is not JSON"),
    ],
)
@pytest.mark.parametrize("inside", [False, True], ids=["file", "member"])
def test_hdf5_files_are_bounded(
    keras: Any, files: Path, change: Any, words: str, inside: bool, tmp_path: Path
) -> None:
    import h5py

    if inside and change is _number:
        pytest.skip("the architecture is in another member")
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
    keras.saving.get_custom_objects().clear()
    return folder


@pytest.fixture
def unregistered(keras: Any) -> Any:
    """What a file registers is forgotten after the test."""
    yield
    keras.saving.get_custom_objects().clear()


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.usefixtures("unregistered")
def test_layers_of_the_users_own(keras: Any, custom: Path, suffix: str, tmp_path: Path) -> None:
    path = custom / f"mine.{suffix}"
    assert "'--custom-objects FILE.py" in refusal(keras, path).replace(": --", ": '--")
    model = loaded(keras, path, custom / "mine.py").model
    assert model.output_shape == (None, 3)
    keras.saving.get_custom_objects().clear()
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


def test_a_saved_model_is_run_by_its_signature(keras: Any, files: Path, tmp_path: Path) -> None:
    model = loaded(keras, files / "sm").model
    assert isinstance(model, SavedClassifier)
    np.testing.assert_allclose(answers(model), answers(network(keras)), atol=1e-6)
    about = model.describe()
    assert (about["height"], about["width"], about["channels"], about["classes"]) == (12, 12, 3, 3)
    assert about["parameters"] == network(keras).count_params()
    keras_child._convert(model, list(SHAPE), tmp_path / "a.tflite")
    assert (tmp_path / "a.tflite").read_bytes()[4:8] == b"TFL3"


def _module(make: Callable[[Any, Any], Any]) -> Callable[[Path], None]:
    """Saves a SavedModel whose signature ``make`` gives."""

    def write(path: Path) -> None:
        import tensorflow as tf

        module = tf.Module()
        module.weights = tf.Variable(tf.ones((3, 4)))
        tf.saved_model.save(module, str(path), signatures=make(tf, module))

    return write


def _signature(body: Callable[[Any, Any, Any], Any], shape: list[int | None], dtype: str = "float32") -> Any:
    return _module(
        lambda tf, module: tf.function(lambda image: body(tf, module, image)).get_concrete_function(
            tf.TensorSpec(shape, dtype, name="image")
        )
    )


def _mean(tf: Any, module: Any, image: Any) -> Any:
    return {"scores": tf.reduce_mean(tf.cast(image, "float32"), [1, 2]) @ module.weights}


@pytest.mark.parametrize(
    ("write", "words"),
    [
        (_signature(_mean, [None, 8, 8, 3], "uint8"), "takes uint8; save the model with a signature that takes the image as float32"),
        (_signature(_mean, [8, 8, 8, 3]), "takes 8 images at a time"),
        (_signature(lambda tf, module, image: {"a": image}, [None, 8, 8, 3]), "an image classifier maps"),
        (_signature(lambda tf, module, image: {"a": _mean(tf, module, image)["scores"], "b": image}, [None, 8, 8, 3]), r"outputs \['a', 'b'\]"),
        (_signature(lambda tf, module, image: {"a": tf.strings.length(image)}, [None], "string"), "takes string"),
        (_module(lambda tf, module: {}), "has no signature 'serving_default'"),
        (
            _signature(lambda tf, module, image: {"a": tf.cast(tf.strings.length(tf.io.read_file("/etc/passwd")), "float32") + _mean(tf, module, image)["scores"]}, [None, 8, 8, 3]),
            r"can reach files or other programs \(ReadFile\).*--allow-code",
        ),
        (
            _signature(lambda tf, module, image: {"a": _mean(tf, module, tf.quantization.fake_quant_with_min_max_args(image))["scores"]}, [None, 8, 8, 3]),
            "was trained for quantization",
        ),
        (lambda path: (path.mkdir(), (path / "saved_model.pb").write_bytes(b"\xff" * 50)), "is damaged"),
        (lambda path: (path.mkdir(), (path / "saved_model.pbtxt").write_bytes(b"")), "has its graph as text"),
    ],
    ids=["uint8", "batch", "picture", "two", "text", "none", "reads", "qat", "damaged", "as text"],
)  # fmt: skip
def test_a_saved_model_that_is_no_classifier(keras: Any, write: Any, words: str, tmp_path: Path) -> None:
    write(tmp_path / "sm")
    with pytest.raises(ModelFileError, match=words):
        loaded(keras, tmp_path / "sm")


@pytest.mark.parametrize(
    ("operation", "name"),
    [
        (lambda ops, x: ops.erfinv(x), "Erfinv"),
        (lambda ops, x: ops.qr(ops.reshape(x, (-1, 12, 36)))[0], "Qr"),
        (lambda ops, x: ops.fft2((x, x))[0], "Complex, FFT2D"),
    ],
)
def test_operations_that_tflite_lacks_are_listed(
    keras: Any, operation: Any, name: str, tmp_path: Path
) -> None:
    image = keras.Input(SHAPE)
    x = keras.layers.Flatten()(operation(keras.ops, image))
    with pytest.raises(ModelFileError, match=rf"TFLite does not have \({name}\); replace"):
        keras_child._convert(keras.Model(image, keras.layers.Dense(3)(x)), list(SHAPE), tmp_path / "a.tflite")


def test_a_graph_in_float16_is_told(tmp_path: Path) -> None:
    import tensorflow as tf

    def half(image: Any, training: bool) -> Any:
        return tf.cast(
            tf.matmul(tf.cast(tf.reshape(image, (1, -1)), tf.float16), tf.ones((432, 3), tf.float16)),
            tf.float32,
        )

    with pytest.raises(ModelFileError, match="computes in float16"):
        keras_child._convert(half, list(SHAPE), tmp_path / "a.tflite")
