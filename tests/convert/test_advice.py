"""What is advised where a Keras file cannot be loaded: commands that a shell takes, whatever the file is called."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from keras_files import SHAPE, edited, network, refusal, renamed, save, with_key
from sshd import program

HOSTILE = ["plain.h5", "it's.h5", "a b.h5", "$(touch it).h5", "`touch it`.h5", 'a"b.h5', "a;touch it.h5", "back\\slash.h5", "{x}%s.h5"]  # fmt: skip

STUB = """class models:
    def load_model(path, compile):
        print(path)
        return models

    def export(folder):
        print(folder)
"""


@pytest.fixture(scope="module")
def plain(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(network(keras), tmp_path_factory.mktemp("plain") / "plain.h5")


@pytest.mark.parametrize("name", HOSTILE)
def test_the_command_for_an_older_file_is_what_a_shell_takes(
    keras: Any, plain: Path, name: str, tmp_path: Path
) -> None:
    path = edited(plain, tmp_path / name, renamed("Rescaling", "TFOpLambda"), "2.15.0")
    (command,) = re.findall(r"then (python -c .* FOLDER), and give FOLDER", refusal(keras, path))
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "tf_keras.py").write_text(STUB)
    program(modules / "python", f'exec {shlex.quote(sys.executable)} "$@"')
    variables = {"PYTHONPATH": str(modules), "PATH": f"{modules}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["sh", "-c", command], env=variables, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == [str(path), "FOLDER"]
    assert not (tmp_path / "it").exists()


@pytest.mark.parametrize(
    "version", ["99.1'; touch it; '", "99 || id", "99.1\nhello", "99.1$(id)", "", "9" * 50]
)
def test_a_version_that_is_none_is_in_no_command(
    keras: Any, plain: Path, version: str, tmp_path: Path
) -> None:
    said = refusal(keras, edited(plain, tmp_path / "a.h5", with_key("Conv2D", "sparkle", 3), version))
    assert "save it again from the program that made it" in said and "pip install" not in said


def _named(keras: Any, name: str) -> Any:
    image = keras.Input(SHAPE)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3, name=name)(image))
    return keras.Model(image, keras.layers.Dense(3, name="last")(x))


@pytest.mark.parametrize("suffix", ["keras", "h5"])
@pytest.mark.parametrize("name", ["conv", "it's", "filter (v2)", "a, b", "{x}"])
@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("use_bias", False, r"its layer {name} has 1 (?:variables|weights), and 2 are stored"),
        ("kernel_size", [2, 2], r"(?:its layer {name} has a weight of|\S.*/kernel has the) shape \(2, 2, 3, 4\), and \(3, 3, 3, 4\) is stored"),
    ],
)  # fmt: skip
def test_weights_of_another_architecture(
    keras: Any, suffix: str, name: str, key: str, value: Any, words: str, tmp_path: Path
) -> None:
    path = save(_named(keras, name), tmp_path / f"a.{suffix}")
    said = refusal(keras, edited(path, tmp_path / f"b.{suffix}", with_key("Conv2D", key, value)))
    begin = f"the weights in {tmp_path / f'b.{suffix}'} are not those of its architecture: "
    assert said.startswith(begin) and said.endswith("; save the whole model again with model.save"), said
    assert re.search(words.format(name=re.escape(repr(name))), said), said


def test_layers_too_many(keras: Any, tmp_path: Path) -> None:
    import h5py

    path = save(_named(keras, "conv"), tmp_path / "a.h5")
    with h5py.File(path, "r+") as opened:
        opened["model_weights"].attrs["layer_names"] = [b"conv"]
    assert "2 of its layers have weights, and those of 1 are stored" in refusal(keras, path)


def test_the_python_of_an_advice_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    from mobilecnn.bench.devices.worker import runtimes

    monkeypatch.setattr("sys.executable", "/opt/my python/bin/python3")
    monkeypatch.setattr("sys.prefix", "/opt/my python")
    monkeypatch.setattr(runtimes, "find_spec", lambda name: object())
    assert shlex.split(runtimes.install("numpy")) == [
        "/opt/my python/bin/python3",
        "-m",
        "pip",
        "install",
        "numpy",
    ]
