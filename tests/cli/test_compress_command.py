"""``mobilecnn compress``: the steps on a trained model, what is written, what is refused."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from click.testing import CliRunner, Result

from mobilecnn.cli import cli
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.errors import CheckFailed, ModelFileError, UsageError
from mobilecnn.quantize.compress import coded_file, network
from mobilecnn.train.keras_file import read_info

pytestmark = pytest.mark.usefixtures("forked")


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def lenet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lenet") / "lenet.keras"
    done = run("train", "lenet5", "--data", "digits", "-o", path, "--epochs", 3, "--size", 32)
    assert done.exit_code == 0, done.output
    return path


@pytest.fixture(scope="module")
def small(lenet: Path) -> tuple[Path, dict[str, Any]]:
    path = lenet.with_name("small.keras")
    steps = ("--svd", "c5=0.3", "--prune", 0.5, "--prune", "c1=0", "--cluster", 5)
    done = run("compress", lenet, "-o", path, *steps, "--data", "digits", "--epochs", 1, "--json")
    assert done.exit_code == 0, done.output
    return path, json.loads(done.stdout)


def test_the_steps_do_what_they_say(keras: Any, small: tuple[Path, dict[str, Any]]) -> None:
    path, document = small
    model = keras.models.load_model(path, compile=False)
    assert [step["name"] for step in document["steps"]] == ["given", "svd", "prune", "cluster"]
    given, svd, prune, cluster = document["steps"]
    assert svd["weights"] < given["weights"] and prune["nonzero"] < 0.52 * svd["nonzero"]
    assert cluster["nonzero"] == prune["nonzero"]
    first = model.get_layer("c5_svd")
    assert first.kernel.shape == (400, 36) and model.get_layer("c5").kernel.shape == (36, 120)
    for layer in ("c1", "c3", "c5", "f6", "predictions"):
        kernel = np.asarray(model.get_layer(layer).kernel)
        share = np.count_nonzero(kernel) / kernel.size
        assert share == 1 if layer == "c1" else share == pytest.approx(0.5, abs=0.01)
        assert len(np.unique(kernel[kernel != 0])) <= 32
    # A wrong step would guess; training after each keeps what was learned.
    assert cluster["retrained"] > given["accuracy"] - 0.1 > 0.5


def test_the_coded_file_holds_the_model_bit_for_bit(keras: Any, small: tuple[Path, dict[str, Any]]) -> None:
    path, document = small
    coded = Path(document["coded"])
    assert coded == path.with_suffix(".mcnnz") and coded.stat().st_size == document["coded_bytes"]
    tensors = coded_file.read(coded)
    model = keras.models.load_model(path, compile=False)
    assert set(tensors) == {weight.path for weight in model.weights}
    for weight in model.weights:
        np.testing.assert_array_equal(
            tensors[weight.path].view(np.uint32), np.asarray(weight).view(np.uint32)
        )
    assert document["coded_bytes"] < document["float32_bytes"] / 6


def test_what_is_written_is_a_model_like_any_other(
    small: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    path, _ = small
    info = read_info(path)
    assert info.labels == tuple("0123456789") and info.contract is not None
    assert info.training is not None and info.training["compressed"]["model"] == "lenet.keras"
    done = run("export", path, "--float32", "-o", tmp_path)
    assert done.exit_code == 0, done.output


def test_int8_keeps_zeros_and_shared_values(
    keras: Any, small: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    """In an output channel, which has one scale, equal weights are equal codes and zeros are zeros; answers stay."""
    path, _ = small
    done = run("export", path, "--int8", "--calibration", "digits", "--data", "digits", "-o", tmp_path)
    assert done.exit_code == 0, done.output
    file = tmp_path / "small.int8.tflite"
    graph = flatbuffer.parse(file.read_bytes(), file.name)
    kernels = {
        tuple(layer.kernel.shape): np.asarray(layer.kernel)
        for layer in keras.models.load_model(path, compile=False).layers
        if hasattr(layer, "kernel")
    }
    held = 0
    for tensor in graph.subgraphs[0].tensors:
        data = graph.buffers[tensor.buffer].data
        if data is None or tensor.type != schema.TensorType.INT8:
            continue
        codes = np.asarray(data).view(np.int8).reshape(tensor.shape)
        if (codes == 1).all():
            continue  # An average pool, written as a depthwise convolution.
        # Output channels first here, last in Keras.
        kernel = kernels[(*codes.shape[1:], codes.shape[0])]
        for code, weights in zip(codes, np.moveaxis(kernel, -1, 0), strict=True):
            assert not code[weights == 0].any()
            for value in np.unique(weights):
                assert len(np.unique(code[weights == value])) == 1
            assert len(np.unique(code)) <= 33
        held += 1
    assert held == len(kernels)
    answers = run("evaluate", file, path, "--data", "digits", "--json")
    assert answers.exit_code == 0, answers.output
    first, second = (row["accuracy"] for row in json.loads(answers.stdout)["results"])
    assert abs(first - second) < 0.02


def test_weights_are_pruned_while_the_model_is_trained(keras: Any, lenet: Path, tmp_path: Path) -> None:
    path = tmp_path / "gradual.keras"
    steps = ("--prune", 0.9, "--prune-schedule", "gradual", "--data", "digits", "--epochs", 3)
    done = run("compress", lenet, "-o", path, *steps, "--learning-rate", 0.001, "--json")
    assert done.exit_code == 0, done.output
    given, prune = json.loads(done.stdout)["steps"]
    # Nothing is pruned at once, so that there is no accuracy of that.
    assert prune["accuracy"] is None and prune["retrained"] > 0.6
    model = keras.models.load_model(path, compile=False)
    kernels = [np.asarray(model.get_layer(name).kernel) for name in ("c1", "c3", "c5", "f6", "predictions")]
    assert [np.count_nonzero(kernel) for kernel in kernels] == [
        kernel.size - int(round(0.9 * kernel.size, 6)) for kernel in kernels
    ]
    assert prune["nonzero"] == sum(map(np.count_nonzero, kernels)) and prune["weights"] == given["weights"]


def nested(keras: Any) -> Any:
    """Two models of one structure, and one with a dense layer, inside a third: the paths of their weights are the same."""
    layers = keras.layers
    image = keras.Input((8, 8, 3))

    def inside(name: str) -> Any:
        given = keras.Input((8, 8, 3))
        return keras.Model(given, layers.Conv2D(3, 3, padding="same", name="conv")(given), name=name)

    vector = keras.Input((192,))
    head = keras.Model(vector, layers.Dense(64, name="wide")(vector), name="head")
    x = layers.Flatten()(inside("b")(inside("a")(image)))
    return keras.Model(image, layers.Dense(5, activation="softmax", name="scores")(head(x)))


def test_models_inside_a_model_lose_no_weights(keras: Any, tmp_path: Path) -> None:
    model = nested(keras)
    assert list(network.kernels(model)) == ["a/conv", "b/conv", "wide", "scores"]
    tensors = network.tensors_of(model)
    assert len(tensors) == len(model.weights) == 8
    for tensor, weight in zip(tensors.values(), model.weights, strict=True):
        np.testing.assert_array_equal(tensor, np.asarray(weight))
    network.prune(model, {"a": 0.0, "": 0.5})
    shares = [np.mean(np.asarray(kernel) == 0) for kernel in network.kernels(model).values()]
    assert shares == pytest.approx([0, 0.5, 0.5, 0.5], abs=0.02)
    path = tmp_path / "nested.keras"
    model.save(path)
    done = run("compress", path, "-o", tmp_path / "small.keras", "--prune", 0.9, "--json")
    assert done.exit_code == 0, done.output
    (given, pruned) = json.loads(done.stdout)["steps"]
    assert given["weights"] == sum(np.asarray(kernel).size for kernel in network.kernels(model).values())
    assert pruned["nonzero"] == pytest.approx(given["weights"] / 10, rel=0.02)
    assert len(coded_file.read(tmp_path / "small.mcnnz")) == 8


@pytest.mark.parametrize(
    ("shares", "words"),
    [
        ({"wide": 0.1}, "the dense layer wide lies in a model inside the model"),
        ({"": 0.1}, "the dense layer wide lies in a model inside the model"),
        ({"b/conv": 0.1}, "b/conv is no dense layer"),
        ({"scores": 1.0}, r"1 of the rank of scores \(5\) saves no weights of its 64 x 5"),
    ],
)
def test_dense_layers_that_cannot_be_replaced_are_refused(
    shares: dict[str, float], words: str, keras: Any
) -> None:
    with pytest.raises(UsageError, match=words):
        network.with_factors(keras, nested(keras), shares)


def test_the_schedules_offered_are_those_that_there_are() -> None:
    from mobilecnn.cli.compress import command
    from mobilecnn.quantize.compress.schedules import SCHEDULES

    (option,) = (each for each in command.params if each.name == "prune_schedule")
    assert tuple(option.type.choices) == tuple(SCHEDULES)


REFUSED = [
    ((), "there is nothing to do"),
    (("--prune", "2"), "--prune 2 is out of range"),
    (("--prune", "fc9=0.5"), "the model has no layer 'fc9' with weights; choose from c1"),
    (("--prune", "0.5", "--data", "missing"), "no such folder: missing"),
    (("--cluster", "many"), "is no number"),
    (("--cluster", "6s"), "is no number"),
    (("--cluster", "6.5"), "--cluster 6.5 is out of range; choose a whole number of bits from 1 to 8"),
    (("--prune", "=0.5"), "names no layer before '='"),
    (("--prune", "0.5bit"), "is no number"),
    (("--prune", "0.5", "--prune-schedule", "gradual"), "prunes during training; give --data"),
    (("--cluster", "5", "--prune-schedule", "iterative"), "give --prune, and --epochs 1 or more"),
    (("--prune", "0.5", "--svd", "c1=0.5"), "c1 is no dense layer"),
    (("--prune", "0.5", "--svd", "predictions=0.99"), "saves no weights"),
    (("--svd", "0.99"), "no weight of"),
    (("--prune", "0", "--data", "digits"), "no weight of"),
    (
        ("--prune", "0.5", "--input-range", "unit"),
        "--input-range is for training after each step; give --data",
    ),
    (("--prune", "0.5", "--size", "28"), "--size is for training after each step; give --data"),
]


def expect_a_refusal(refused: Result) -> None:
    """One line and nothing of the model, and of each option that it names the command knows the name."""
    from mobilecnn.cli.compress import command

    assert refused.exit_code == 2 and refused.stderr.count("Error: ") == 1, refused.output
    assert "Traceback" not in refused.output
    said = refused.stderr[refused.stderr.index("Error: ") :]
    named = set(re.findall(r"--[a-z][a-z-]*", said))
    assert named <= {name for parameter in command.params for name in parameter.opts}, said


@pytest.mark.parametrize(("typed", "words"), REFUSED, ids=[" ".join(typed) for typed, _ in REFUSED])
def test_refused_in_one_line_and_nothing_is_written(
    typed: tuple[str, ...], words: str, lenet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    refused = run("compress", lenet, "-o", "x.keras", *typed)
    assert refused.exit_code == 2, refused.output
    assert words in refused.stderr
    expect_a_refusal(refused)
    # Only what the steps do shows that they change nothing.
    assert ("given: " in refused.output) == (words == "no weight of")
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_coded_one_is_not_replaced(lenet: Path, tmp_path: Path) -> None:
    (tmp_path / "x.mcnnz").write_text("mine")
    refused = run("compress", lenet, "-o", tmp_path / "x.keras", "--prune", "0.5")
    assert refused.exit_code == 2 and "is no coded file" in refused.stderr
    assert (tmp_path / "x.mcnnz").read_text() == "mine"


def test_the_model_that_is_read_is_not_lost(lenet: Path, tmp_path: Path) -> None:
    """By whatever name it is meant: neither compress nor train takes it for an output."""
    link = tmp_path / "link.keras"
    link.symlink_to(lenet)
    before = lenet.read_bytes()
    for typed in (
        ("compress", lenet, "--prune", 0.5),
        ("train", "--from", lenet, "--data", "digits", "--epochs", 1),
    ):
        for output in (lenet, link):
            done = run(*typed, "-o", output)
            assert done.exit_code == 2 and f"{output} is the model that is read" in done.stderr, done.output
    assert lenet.read_bytes() == before


def saved(keras: Any, path: Path, *layers: Any, side: int | None = 8) -> Path:
    """A model of grey pictures, with Keras' own random weights."""
    keras.utils.set_random_seed(1)
    keras.Sequential([keras.Input((side, side, 1)), *layers]).save(path)
    return path


def test_a_model_that_says_no_range_is_trained_with_the_one_that_is_given(keras: Any, tmp_path: Path) -> None:
    layers = keras.layers
    plain = saved(
        keras, tmp_path / "plain.keras",
        layers.Conv2D(4, 3, activation="relu"), layers.GlobalMaxPooling2D(), layers.Dense(10, activation="softmax"),
        side=None,
    )  # fmt: skip
    small = tmp_path / "small.keras"
    typed = ["compress", plain, "-o", small, "--prune", 0.5, "--data", "digits"]
    for words, more in (("takes images of any size", ("--size", 8)), ("does not say what range", ("--input-range", "unit"))):  # fmt: skip
        refused = run(*typed)
        assert words in refused.stderr and more[0] in refused.stderr
        expect_a_refusal(refused)
        typed += more
    names = tmp_path / "names.txt"
    names.write_text("\n".join("0123456789"))
    done = run(*typed, "--labels", names)
    assert done.exit_code == 0, done.output
    assert "--size 8 --input-range unit" in done.stderr.replace("\n", " ")
    info = read_info(small)
    assert info.contract is not None and info.contract.range_name == "unit"
    assert info.labels == tuple("0123456789")


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        (7, "10 classes and the model 7 outputs; give data of the classes"),
        (
            11,
            "10 classes and the model 11 outputs, and the model carries no labels to match them by; give --labels",
        ),
        (1, "training after a step is for classifiers of one class of several: leave --data out"),
    ],
)
def test_what_is_said_of_other_classes_can_be_done(
    outputs: int, words: str, keras: Any, tmp_path: Path
) -> None:
    layers = keras.layers
    kind = "sigmoid" if outputs == 1 else "softmax"
    model = saved(keras, tmp_path / "it.keras", layers.Flatten(), layers.Dense(outputs, activation=kind))
    given = ("--prune", 0.5, "--data", "digits", "--input-range", "unit")
    refused = run("compress", model, "-o", tmp_path / "small.keras", *given)
    assert words in refused.stderr, refused.output
    expect_a_refusal(refused)


def test_an_image_that_cannot_be_read_is_left_out_if_asked_for(
    lenet: Path, photos: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(photos, data)
    (data / "cat" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"no picture")
    typed = ("compress", lenet, "-o", tmp_path / "small.keras", "--prune", 0.5, "--data", data)
    names = tmp_path / "names.txt"
    names.write_text("\n".join(("cat", "dog", *"23456789")))
    refused = run(*typed, "--labels", names)
    assert "broken.png" in refused.stderr and "--skip-bad" in refused.stderr
    expect_a_refusal(refused)
    done = run(*typed, "--labels", names, "--skip-bad")
    assert done.exit_code == 0 and "1 image" in done.stderr, done.output


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("step", [("--svd", 0.1), ("--prune", 0.5), ("--cluster", 6)])
def test_a_damaged_kernel_is_refused_by_its_layer(
    step: tuple[str, float], value: float, keras: Any, lenet: Path, tmp_path: Path
) -> None:
    model = keras.models.load_model(lenet, compile=False)
    kernel, bias = (np.asarray(weight).copy() for weight in model.get_layer("c5").get_weights())
    kernel.flat[77] = value
    model.get_layer("c5").set_weights([kernel, bias])
    model.save(tmp_path / "damaged.keras")
    refused = run("compress", tmp_path / "damaged.keras", "-o", tmp_path / "small.keras", *step)
    assert "not all weights of c5 are finite numbers" in refused.stderr
    expect_a_refusal(refused)
    assert [path.name for path in tmp_path.iterdir()] == ["damaged.keras"]


def test_what_is_no_kernel_may_be_infinite_and_not_nan(keras: Any) -> None:
    model = nested(keras)
    layer = model.get_layer("scores")
    layer.set_weights([np.asarray(layer.kernel), np.full(5, -np.inf, np.float32)])
    network.check_finite(model, "it.keras")
    layer.set_weights([np.asarray(layer.kernel), np.full(5, np.nan, np.float32)])
    with pytest.raises(
        ModelFileError, match=r"it\.keras is damaged: not all weights of scores/bias are finite"
    ):
        network.check_finite(model, "it.keras")
    with pytest.raises(
        CheckFailed, match="after prune left numbers that are not finite in scores; give a lower"
    ):
        layer.set_weights([np.full((64, 5), np.nan, np.float32), np.zeros(5, np.float32)])
        network.check_trained(model, "prune", 0.1)


def test_a_model_without_kernels_is_refused(keras: Any, tmp_path: Path) -> None:
    model = saved(keras, tmp_path / "it.keras", keras.layers.BatchNormalization(), keras.layers.Flatten())
    refused = run("compress", model, "-o", tmp_path / "small.keras", "--prune", 0.5)
    assert "it.keras has no kernels" in refused.stderr
    expect_a_refusal(refused)


def test_a_file_that_grew_and_a_step_that_changed_nothing_are_called_so(keras: Any, tmp_path: Path) -> None:
    model = saved(keras, tmp_path / "it.keras", keras.layers.Flatten(), keras.layers.Dense(2))
    small = tmp_path / "small.keras"
    done = run("compress", model, "-o", small, "--svd", 0.99, "--prune", 0.1)
    assert done.exit_code == 0, done.output
    said = (done.stdout + done.stderr).replace("\n", " ")
    assert "svd: changed no weights: no dense layer has fewer weights as two" in said
    coded, given = small.with_suffix(".mcnnz").stat().st_size, 4 * (64 * 2 + 2)
    assert coded > given and f"{coded} bytes, larger than the {given} bytes in float32" in said
    done = run("compress", model, "-o", small, "--svd", 0.99, "--prune", 0.1, "--json")
    assert [step["changed"] for step in json.loads(done.stdout)["steps"]] == [None, 0, 1]
