"""What all tests share."""

import signal
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import adbd
import forks
import numpy as np
import pytest
import quick
from adb_transport import FEATURES
from adbd import Phone
from ai_edge_litert import schema_py_generated as schema
from hypothesis import HealthCheck, settings
from phones import TOOL
from PIL import Image
from sshd import Board, sshd

from mobilecnn.bench.devices import entries
from mobilecnn.bench.devices.adb.entry import AdbEntry
from mobilecnn.bench.devices.emulated import build
from mobilecnn.convert.conversion import Source
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.export import export
from mobilecnn.quantize.calibration.images import Calibration
from mobilecnn.steps import no_say
from mobilecnn.train.backend import load_keras

# Under nohup whatever is started here would ignore that its connection ended, as programs on a phone do not.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# On a machine that is busy with other tests, slowness says nothing.
settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--sweep", action="store_true", help="run the longer sweeps too (make test-all)")
    parser.addoption("--quick", action="store_true", help="run only the quick tests (make check)")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    if not config.getoption("--quick") or collection_path.suffix != ".py":
        return None
    listed = collection_path.relative_to(Path(__file__).parent).as_posix() in quick.FILES
    return None if listed else True


def pytest_make_parametrize_id(val: object) -> str | None:
    # Workers must collect the same names, and packed bytes may hold the second they were packed in.
    return f"{len(val)} bytes" if isinstance(val, bytes) and len(val) > 16 else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # Deselected, not skipped: a skip would say that something is untested here.
    left_out = [item for item in items if _is_left_out(config, item)]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if item not in left_out]


def _is_left_out(config: pytest.Config, item: pytest.Item) -> bool:
    if item.get_closest_marker("sweep") and not config.getoption("--sweep"):
        return True
    return bool(config.getoption("--quick") and quick.FIXTURES & set(getattr(item, "fixturenames", ())))


@pytest.fixture(scope="session", autouse=True)
def no_devices_of_the_user(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The devices file of whoever runs the tests is neither read nor written, and other tests may time at once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.mktemp("configuration")))
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="module")
def served() -> Iterator[Board]:
    """One SSH server for all tests of a module."""
    with tempfile.TemporaryDirectory(prefix="sshd-") as folder, sshd(Path(folder)) as server:
        yield server


@pytest.fixture
def board(served: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Board]:
    """That server, known to ``ssh`` as ``board``; at the end nothing of ours may be left there."""
    for name, value in served.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    yield served
    served.expect_nothing_left()


@pytest.fixture(scope="module")
def adb_server() -> Iterator[dict[str, str]]:
    """One adb server of our own for all tests of a module; the variables that lead to it."""
    with tempfile.TemporaryDirectory(prefix="adb-") as folder, adbd.server(Path(folder)) as variables:
        yield variables


@pytest.fixture
def phone(adb_server: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Phone]:
    """A stand-in that this server is connected with; at the end nothing of ours may be left there."""
    for name, value in adb_server.items():
        if name != "TMPDIR":
            monkeypatch.setenv(name, value)
    monkeypatch.delenv("ANDROID_SERIAL", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with Phone(tmp_path / "phone") as device:
        adbd.connect(device, adb_server)
        yield device
        device.expect_nothing_left()
        adbd.adb("disconnect", device.serial, variables=adb_server)


@pytest.fixture
def phone_with_litert(phone: Phone) -> Phone:
    """A stand-in whose benchmark_model times in earnest, on this machine."""
    (phone.tmp / "benchmark_model").write_bytes(TOOL)
    (phone.tmp / "benchmark_model").chmod(0o755)
    program = Path(__file__).parent / "benchmark_model.py"
    phone.program("tool", f'exec {sys.executable} {program} "$@"')
    entries.write({"pixel": AdbEntry()})
    return phone


@pytest.fixture
def pixel(phone: Phone) -> Phone:
    """A phone with benchmark_model, that is called so."""
    (phone.tmp / "benchmark_model").write_bytes(TOOL)
    (phone.tmp / "benchmark_model").chmod(0o755)
    entries.write({"pixel": AdbEntry(serial=phone.serial)})
    return phone


@pytest.fixture(params=[FEATURES, ()], ids=["new", "old"])
def either(request: pytest.FixtureRequest, pixel: Phone) -> Phone:
    """A phone of today, and one with an old system, whose adbd tells no exit codes."""
    if pixel.features != request.param:
        pixel.features = request.param
        pixel.drop()
        adbd.connect(pixel, {})
    return pixel


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A .tflite file that nothing here runs; the current folder is empty."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    model = schema.ModelT()
    model.version, model.buffers = 3, [schema.BufferT()]
    model.operatorCodes, model.subgraphs = [schema.OperatorCodeT()], [schema.SubGraphT()]
    (tmp_path / "small.tflite").write_bytes(flatbuffer.pack(model) + bytes(5000))
    return tmp_path / "small.tflite"


@pytest.fixture(scope="session")
def emulated_root() -> Path:
    """What the emulated devices are made of: the one in the user's cache, made where there is none."""
    return build.root(no_say)


@pytest.fixture(scope="session")
def zygotes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[forks.Zygotes]:
    """The processes that :func:`forked` forks."""
    with forks.zygotes(tmp_path_factory.mktemp("z"), tmp_path_factory.mktemp("z")) as started:
        yield started


@pytest.fixture(scope="module")
def forked(request: pytest.FixtureRequest) -> Iterator[None]:
    """Children that load a model start at once, in all tests of a module; the quick ones load none."""
    if request.config.getoption("--quick"):
        yield
        return
    with forks.forked(request.getfixturevalue("zygotes")):
        yield


@pytest.fixture(scope="session")
def keras() -> Any:
    """Keras on TensorFlow, imported once."""
    return load_keras()


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two class folders with six smooth random pictures each, of various formats and sizes."""
    folder = tmp_path_factory.mktemp("photos")
    generator = np.random.default_rng(7)
    for label in ("cat", "dog"):
        (folder / label).mkdir()
        for index in range(6):
            small = generator.integers(0, 256, (6, 6, 3), dtype=np.uint8)
            picture = Image.fromarray(small).resize((60 + 10 * index, 48), Image.Resampling.BICUBIC)
            picture.save(folder / label / f"{index}.{('jpg', 'png', 'webp')[index % 3]}")
    return folder


@pytest.fixture(scope="session")
def third_party(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that was never in the zoo: convolutions of every kind, own normalization inside, 2 classes.

    A folder with ``theirs.keras`` and ``theirs.h5``.
    """
    layers = keras.layers
    keras.utils.set_random_seed(3)
    image = keras.Input((48, 48, 3))
    x = layers.Rescaling(1 / 127.5, offset=-1)(image)
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.ReLU(6.0)(x)
    x = layers.DepthwiseConv2D(3, padding="same")(x)
    shortcut = x
    x = layers.Conv2D(8, 3, groups=2, padding="same", activation="relu")(x)
    x = layers.Add()([x, shortcut])
    x = layers.SeparableConv2D(12, 3, activation="relu")(x)
    x = layers.Concatenate()([layers.MaxPooling2D(2)(x), layers.AveragePooling2D(2)(x)])
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.5)(x)
    x = layers.Dense(2, activation="softmax")(x)
    model = keras.Model(image, x, name="theirs")
    folder = tmp_path_factory.mktemp("third_party")
    model.save(folder / "theirs.keras")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras calls HDF5 a legacy format; users still have such files.
        model.save(folder / "theirs.h5")
    return folder


@pytest.fixture(scope="session")
def exported(third_party: Path, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """``theirs.keras`` in all four formats, calibrated on ``photos``: a folder of files and passports."""
    folder = tmp_path_factory.mktemp("exported")
    source = Source(str(third_party / "theirs.keras"), labels=("cat", "dog"))
    export(source, ("float32", "float16", "int8", "dynamic"), folder, Calibration(str(photos)))
    return folder
