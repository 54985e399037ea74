"""``import mobilecnn``: light, complete, typed, with the command line's options and errors."""

import inspect
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import mobilecnn
from mobilecnn.errors import CheckFailed, InputError, ModelFileError, OutputError, UsageError

pytestmark = pytest.mark.usefixtures("forked")

FUNCTIONS = (
    "bench",
    "build",
    "compare",
    "compress",
    "evaluate",
    "export",
    "load",
    "predict",
    "report",
    "summarize",
    "train",
)


def python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_names_are_sorted_and_are_those_that_dir_shows() -> None:
    assert mobilecnn.__all__ == sorted(mobilecnn.__all__)
    assert dir(mobilecnn) == mobilecnn.__all__
    assert set(FUNCTIONS) <= set(mobilecnn.__all__)


def test_every_name_is_there_and_described() -> None:
    for name in mobilecnn.__all__:
        thing = getattr(mobilecnn, name)
        assert isinstance(thing, str) or thing.__doc__, name
    with pytest.raises(AttributeError, match="has no attribute 'exprot'"):
        _ = mobilecnn.exprot  # type: ignore[attr-defined]


def test_type_checkers_and_the_interpreter_see_the_same() -> None:
    """The imports under ``TYPE_CHECKING`` name the modules where the names are found."""
    source = Path(str(mobilecnn.__file__)).read_text(encoding="utf-8")
    for name in set(mobilecnn.__all__) - {"__version__"}:
        home = {**vars(mobilecnn)["_HOMES"], **vars(mobilecnn)["_VERBS"]}[name]
        assert f"    from mobilecnn.{home} import {name} as {name}\n" in source, name


def test_the_import_is_light() -> None:
    """About 5 ms: nothing of ours but the version, and of the standard library only what is imported here."""
    code = (
        "import sys, importlib, types, typing; before = set(sys.modules); import mobilecnn; "
        "print(sorted(set(sys.modules) - before))"
    )
    assert python(code) == "['mobilecnn', 'mobilecnn.version']"


@pytest.mark.parametrize(
    "before",
    [
        "",
        "import mobilecnn.train.images",
        "import mobilecnn.bench.records.measurement as measurement",
        "from mobilecnn.exported import Exported",
        "from mobilecnn import bench, train",
    ],
)
def test_functions_that_are_also_modules_work_whatever_was_imported_before(before: str) -> None:
    code = f"""
import inspect
{before}
import mobilecnn
import mobilecnn.train.zoo as zoo
from mobilecnn.bench.records.protocol import Protocol
import mobilecnn.export
assert mobilecnn.train.zoo is zoo
assert mobilecnn.export.check_request
assert list(inspect.signature(mobilecnn.export).parameters)[:3] == ["model", "formats", "calibration"]
for call in (
    lambda: mobilecnn.bench([], rounds=0),
    lambda: mobilecnn.train("lenet6", "digits", "a.keras"),
    lambda: mobilecnn.export("lenet5", "int4"),
):
    try:
        call()
    except mobilecnn.MobileCnnError as error:
        print(type(error).__name__)
"""
    assert python(code).split() == ["UsageError", "ModelNameError", "UsageError"]


def test_a_measurement_is_read_without_a_device() -> None:
    code = (
        "import sys, mobilecnn\n"
        "try: mobilecnn.load('missing.json')\n"
        "except mobilecnn.InputError: print(*(name for name in sys.modules if 'bench.devices' in name))"
    )
    assert python(code) == ""


OTHER_NAMES = {"source": "data", "device_name": "device", "models": "models", "names": "models"}
"""Parameter of a command -> that of its function, where it differs."""

NOT_FOR_PYTHON = {
    # The form of the result, and what stands as formats="all".
    "as_json", "verbose", "everything",
    # Of compare: .tflite files are timed by bench.
    "device_name", "benchmark_model", "cores", "delegate", "runtime", "threads", "rounds", "warmup_runs", "warmup_seconds", "runs",
    "seconds", "seed", "cool_down", "allow_wrong_answers", "output", "counts_only",
}  # fmt: skip


@pytest.mark.parametrize(
    "name", ["bench", "compare", "compress", "evaluate", "export", "predict", "report", "train"]
)
def test_the_options_are_those_of_the_command(name: str) -> None:
    parameters = inspect.signature(getattr(mobilecnn, name)).parameters
    options = import_module(f"mobilecnn.cli.{name}").command.params
    left_out = NOT_FOR_PYTHON if name == "compare" else {"as_json", "verbose", "everything"}
    if name == "evaluate":
        left_out = left_out | {"by_class", "confusion"}  # Of what is in the record anyway.
    if name == "train":
        left_out = left_out | {"options_file"}  # Which Python has as arguments.
        left_out |= {"hosts", "host_index", "coordinator"}  # The machines of a team run programs.
    if name == "export":
        left_out = left_out | {"show_recipe", "explain"}  # In the passport or the result anyway.
    if name == "bench":
        left_out = left_out | {"device_names", "counts_only"}  # Counts are for the command line.
        assert parameters["device"].default == "local"
    for option in options:
        if option.name in left_out:
            continue
        parameter = parameters[OTHER_NAMES.get(str(option.name), str(option.name))]
        if parameter.name == "output" or parameter.default is inspect.Parameter.empty:
            continue  # A result in memory need not be a file as well.
        default = option.to_info_dict()["default"]
        assert parameter.default == default or (not parameter.default and not default), parameter.name


def test_it_needs_something_that_can_be_exported() -> None:
    with pytest.raises(
        UsageError, match="a path, a zoo name or a Keras model can be exported, and this is a int"
    ):
        mobilecnn.export(3, "float32")


def test_labels_are_a_list() -> None:
    with pytest.raises(UsageError, match=r"labels must be a list of class names"):
        mobilecnn.export("lenet5", "float32", labels="labels.txt")


def test_a_page_is_an_html_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"must end in \.html"):
        mobilecnn.report(tmp_path, tmp_path / "page.json")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.json", None, "no such"),
        ("a.json", "{", "holds none of mobilecnn's records"),
        ("a.json", '{"schema": "theirs"}', "holds none of mobilecnn's records"),
        ("a.tflite", None, "no such model"),
    ],
)
def test_what_cannot_be_loaded(tmp_path: Path, name: str, content: str | None, message: str) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=message):
        mobilecnn.load(tmp_path / name)


def test_a_passport_is_read_without_its_model(tmp_path: Path) -> None:
    sample = Path(__file__).parent / "samples/passports/tiny.int8.json"
    card = mobilecnn.load(sample)
    assert isinstance(card, mobilecnn.Passport)
    assert card.file.name == "tiny.int8.tflite"
    assert not sample.with_suffix(".tflite").exists()
    (tmp_path / "a.json").write_text(sample.read_text().replace('"version": 1', '"version": 99', 1))
    with pytest.raises(InputError, match=r"a\.json: a passport of version 99; this mobilecnn reads 1 to 3"):
        mobilecnn.load(tmp_path / "a.json")


def small(keras: Any, *, rescaling: bool = False) -> Any:
    image = keras.Input((16, 16, 3))
    x = keras.layers.Rescaling(1 / 255)(image) if rescaling else image
    x = keras.layers.Conv2D(4, 3, activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, keras.layers.Dense(2, activation="softmax")(x), name="my-model-v1.0")


@pytest.mark.filterwarnings("ignore:no more right answers than chance")  # The weights are random.
@pytest.mark.filterwarnings(
    "ignore:undecided of my-model-v1.0.int8.tflite"
)  # Of twelve photos four are held out.
def test_a_model_in_memory(keras: Any, photos: Path, tmp_path: Path) -> None:
    keras.utils.set_random_seed(5)
    files = mobilecnn.export(
        small(keras, rescaling=True), ["int8", "float32"], photos, output=tmp_path, labels=["cat", "dog"]
    )
    assert [file.path.name for file in files] == ["my-model-v1.0.float32.tflite", "my-model-v1.0.int8.tflite"]
    assert all(file.holds for file in files)
    card = mobilecnn.load(files[1].path)
    assert isinstance(card, mobilecnn.Passport)
    assert card.labels == ("cat", "dog")
    assert card.contract.stated
    assert (card.source.model, card.source.sha256) == ("my-model-v1.0", None)
    assert (card.source.trained, card.source.seed, card.latency_only) == (True, None, ())
    with pytest.warns(
        UserWarning, match=r"8 of 12 images are among those that .*int8\.tflite is calibrated on"
    ):
        evaluation = mobilecnn.evaluate(files, photos, output=tmp_path / "accuracy.json")
    assert mobilecnn.load(tmp_path / "accuracy.json") == evaluation
    measured = mobilecnn.bench(
        files[0], rounds=1, runs=2, seconds=0, warmup_seconds=0, output=tmp_path / "times.json"
    )
    assert mobilecnn.load(tmp_path / "times.json") == measured
    with pytest.raises(OutputError):
        mobilecnn.bench(files[0], output=tmp_path / "times.json")
    page = mobilecnn.report([tmp_path / "times.json", tmp_path / "accuracy.json"], tmp_path / "page.html")
    assert "my-model-v1.0.float32" in page.read_text(encoding="utf-8")


def test_a_range_that_nobody_stated_is_asked_for_and_a_contradiction_refused(
    keras: Any, tmp_path: Path
) -> None:
    model = small(keras)
    with pytest.raises(UsageError, match=r"^my-model-v1\.0 does not say what range its input has"):
        mobilecnn.export(model, "float32", output=tmp_path, name="theirs v1/2")
    (file,) = mobilecnn.export(model, "float32", output=tmp_path, name="theirs", input_range="tf")
    assert file.passport.contract.range_name == "tf"
    scaled = small(keras, rescaling=True)
    with pytest.raises(UsageError, match=r"takes raw .* and --input-range says tf"):
        mobilecnn.export(scaled, "float32", output=tmp_path, input_range="tf")
    (file,) = mobilecnn.export(
        scaled, "float32", output=tmp_path, input_range="tf", override_input_range=True
    )
    assert file.passport.contract.overrides == "raw"


def test_the_contract_of_a_network_that_was_built_here_is_known(
    keras: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = mobilecnn.build("mobilenet_v1_x0.25_128", classes=3, size=(32, 64))
    assert model.output_shape == (None, 3)
    (file,) = mobilecnn.export(model, "float32", output=tmp_path)
    card = mobilecnn.load(file.path)
    assert isinstance(card, mobilecnn.Passport)
    assert card.contract.shape == (32, 64, 3)
    assert (card.contract.stated, card.contract.mean) == (True, (127.5, 127.5, 127.5))

    assert (card.source.model, card.source.sha256) == (model.name, None)
    assert card.source.architecture == "mobilenet_v1_x0.25_128"
    assert (card.source.trained, card.source.seed) == (False, None)
    assert card.latency_only == ("the weights are a random initialization",)
    kernel = model.trainable_weights[-1]
    kernel.assign(kernel + 1)
    (changed,) = mobilecnn.export(model, "float32", output=tmp_path)
    assert changed.passport.source.trained
    assert changed.passport.latency_only == ()

    different = replace(file, holds=False)
    monkeypatch.setattr(import_module("mobilecnn.export"), "export", lambda *_: (different,))
    with pytest.raises(CheckFailed, match="does not give the Keras model's answers"):
        mobilecnn.export(model, "float32", output=tmp_path)


def test_a_model_that_cannot_be_saved(keras: Any) -> None:
    class Broken(keras.layers.Layer):  # type: ignore[misc]
        def call(self, inputs: Any) -> Any:
            return inputs

        def get_config(self) -> dict[str, Any]:
            raise NotImplementedError("no configuration")

    image = keras.Input((8, 8, 3))
    with pytest.raises(ModelFileError, match=r"Keras cannot save the model 'bad' .*no configuration"):
        mobilecnn.export(keras.Model(image, Broken()(image), name="bad"), "float32")


def test_the_modules_are_still_modules() -> None:
    stage: Any = mobilecnn.train
    assert isinstance(stage, ModuleType)
    function: Callable[..., Any] = stage._function
    assert inspect.getdoc(function)
