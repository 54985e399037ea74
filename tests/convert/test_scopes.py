"""Models and layers of any name: TensorFlow's graphs refuse most of them, and an export does not."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from keras_files import SHAPE, answers, network, save

import mobilecnn
from mobilecnn.cli import cli
from mobilecnn.convert import keras_child, scopes

pytestmark = pytest.mark.usefixtures("forked")

NAMES = [
    "my model (v2)", "modèle", "模型", "_hidden", "-x", "+1", " x", "x y", "a:0", "a\\b", "it's", "x\ny", "{x}", "%s", "mine>Scale", "<b>", "",
]  # fmt: skip
"""Names that Keras takes."""


@pytest.fixture
def any_name(keras: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scopes as in the child, until the end of the test."""
    import tensorflow as tf

    monkeypatch.setattr(tf, "name_scope", tf.name_scope)  # Put back at the end, whatever happens to it.
    scopes.take_any_name()


def named(keras: Any, model: str, layer: str) -> Any:
    keras.utils.set_random_seed(1)
    image = keras.Input(SHAPE)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3, name=layer)(image))
    return keras.Model(image, keras.layers.Dense(3, activation="softmax")(x), name=model)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.usefixtures("any_name")
def test_a_name_stops_neither_a_trace_nor_the_converter(keras: Any, name: str) -> None:
    for model in (named(keras, name, "convolution"), named(keras, "model", name), named(keras, name, name)):
        assert keras_child._converted(keras_child._function(model, list(SHAPE)))
        traced = keras_child._scores(model, list(SHAPE))
        images = np.random.default_rng(0).uniform(0, 255, (4, *SHAPE)).astype(np.float32)
        np.testing.assert_allclose(traced(images), answers(model), atol=1e-6)
        assert model.name in (name, "model")  # Whoever looks a layer up by its name finds it.


@pytest.mark.parametrize("name", ["conv2d_1", "a.b-c", "a/b/", ".x"])
def test_what_a_graph_takes_is_kept(name: str) -> None:
    assert scopes.scope_of(name) == name


OWN = """import keras

@keras.saving.register_keras_serializable(package="mine")
class Scale(keras.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.inner = keras.layers.Dense(3, name="an inner (layer)")

    def build(self, shape):
        self.scale = self.add_weight(shape=(shape[-1],), name="my weight (1)")
        self.inner.build(shape)

    def call(self, image):
        return self.inner(image * self.scale)
"""


@pytest.fixture(scope="module")
def files(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with models whose names, and whose layers' names, no graph takes, and the file of their own layer."""
    folder = tmp_path_factory.mktemp("names")
    (folder / "own.py").write_text(OWN)
    keras.utils.set_random_seed(1)
    save(named(keras, "my model (v2)", "das Filter"), folder / "whole.keras")
    save(named(keras, "modèle", "a:0"), folder / "old.h5")
    scope: dict[str, Any] = {"__name__": "own"}
    with pytest.MonkeyPatch.context() as patch:
        import tensorflow as tf

        # As another backend makes it: TensorFlow refuses it already there.
        patch.setattr(tf, "name_scope", tf.name_scope)
        scopes.take_any_name()
        exec(OWN, scope)
        image = keras.Input(SHAPE, name="das Bild")
        inner = keras.Sequential(
            [keras.layers.Conv2D(4, 3, name="_x"), keras.layers.ReLU(name="+")], name="das Netz"
        )
        x = scope["Scale"](name="meine Skala (1)")(inner(image))
        x = keras.layers.GlobalAveragePooling2D(name="im Mittel")(x)
        save(keras.Model(image, keras.layers.Softmax(name="ü")(x), name="it's"), folder / "own.keras")
    del keras.saving.get_custom_objects()["mine>Scale"]
    return folder


@pytest.mark.parametrize(
    ("name", "more"), [("whole.keras", []), ("old.h5", []), ("own.keras", ["--custom-objects", "own.py"])]
)
def test_such_models_are_exported(
    files: Path, name: str, more: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(files)
    words = ["export", name, "--float32", "--int8", "--calibration", "random", "--input-range", "raw"]
    done = CliRunner().invoke(cli, [*words, *more, "-o", str(tmp_path)])
    assert done.exit_code == 0, done.output
    for kind in ("float32", "int8"):
        assert json.loads((tmp_path / f"{Path(name).stem}.{kind}.json").read_text())["parity"]["holds"]


def test_a_model_in_memory_too(keras: Any, tmp_path: Path) -> None:
    model = network(keras)
    model.name = "mein Modell (ü)"
    (made,) = mobilecnn.export(model, formats=["float32"], output=tmp_path)
    assert made.path.parent == tmp_path and made.path.is_file()
