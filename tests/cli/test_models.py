"""``mobilecnn models``."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mobilecnn.cli import cli
from mobilecnn.train import zoo

pytestmark = pytest.mark.usefixtures("forked")


def _run(*args: str) -> Any:
    return CliRunner().invoke(cli, ["models", *args])


def _json(*args: str) -> Any:
    result = _run(*args, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_list_as_json() -> None:
    rows = _json()
    assert [row["model"] for row in rows] == list(zoo.listed())
    row = next(row for row in rows if row["model"] == "shufflenet_v1_x1.0_g3")
    assert row == {
        "model": "shufflenet_v1_x1.0_g3",
        "family": "shufflenet_v1",
        "input": [224, 224, 3],
        "classes": 1000,
        "params_trainable": 1865728,
        "params_total": 1890208,
        "macs": 137460672,
        "top1": 67.4,
        "macs_published": 137.0,
        "source": row["source"],
    }


def test_filters_and_orders() -> None:
    small = _json("--max-macs", "41.5", "--max-params", "1", "--sort", "top1")
    assert 10 < len(small) < 60
    assert all(row["macs"] <= 41.5e6 and row["params_trainable"] <= 1e6 for row in small)
    # Those on CIFAR-10 come after those on ImageNet.
    accuracies = [(row["top1"] is not None, row["classes"] == 1000, row["top1"] or 0) for row in small]
    assert accuracies == sorted(accuracies, reverse=True)
    for sort, key in (("macs", "macs"), ("params", "params_trainable"), ("name", "model")):
        values = [row[key] for row in _json("--sort", sort)]
        assert values == sorted(values)
    family = _json("--family", "squeezenet")
    assert [row["model"] for row in family][:2] == ["squeezenet_v1.0", "squeezenet_v1.1"]
    assert _json("--max-macs", "0.1") == []


def test_accuracies_on_cifar_10_are_not_ranked_with_those_on_imagenet() -> None:
    ranked = [row["model"] for row in _json("--sort", "top1") if row["top1"] is not None]
    assert ranked[0] == "efficientnet_b8"
    assert all(name.endswith("cifar10") for name in ranked[-4:])
    assert "96.4 (CIFAR-10)" in _run("--family", "densenet_cifar").stdout


def test_list_as_a_table() -> None:
    result = _run("--family", "shufflenet_v2")
    lines = result.stdout.splitlines()
    assert len(lines) == 6
    assert len({line.rstrip().rfind(" ") for line in lines[2:]}) == 1
    assert lines[2].split() == ["shufflenet_v2_x0.5", "224x224", "1.37", "40.48", "61.1"]


def test_one_network_layer_by_layer() -> None:
    shown = _json("shufflenet_v1_x1_g3")
    assert shown["model"] == "shufflenet_v1_x1.0_g3"
    assert (shown["macs"], shown["top1"]) == (137460672, 67.4)
    assert sum(row["macs"] for row in shown["layers"]) == shown["macs"]
    assert sum(row["params"] for row in shown["layers"]) == shown["params_total"]
    assert shown["layers"][1] == {
        "name": "stem_conv",
        "kind": "Conv2D",
        "output": [112, 112, 24],
        "params": 648,
        "macs": 8128512,
    }

    other = _json("squeezenet_v1.1", "--classes", "10", "--size", "64")
    assert (other["input"], other["classes"], other["top1"]) == ([64, 64, 3], 10, None)
    text = _run("squeezenet_v1.1", "--classes", "10", "--size", "64").stdout
    assert text.startswith("squeezenet_v1.1, 64x64x3, 10 classes\n")
    assert f"{other['params_total']:,}" in text
    assert f"{other['macs']:,}" in text
    assert "Published" not in text
    assert "Published: top-1 58.2 %, 349 million multiply-adds" in _run("squeezenet_v1.1").stdout


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--classes", "10"], "--classes is for one network"),
        (["--size", "64"], "--size is for one network"),
        (["--allow-code"], "--allow-code is for one network"),
        (["alexnet", "--allow-code"], "--allow-code is for model files, and alexnet is a zoo name"),
        (["alexnet", "--family", "alexnet"], "--family is for the list"),
        (["alexnet", "--max-macs", "5"], "--max-macs is for the list"),
        (["--family", "resnets"], "there is no family 'resnets'; choose from lenet, alexnet, "),
        (["shufflenet"], "no network is named 'shufflenet'"),
        (["alexnet", "--size", "8"], "choose a size from 67"),
        (["alexnet", "--classes", "0"], "at least 1 class"),
        (["nothing.keras"], "no such model: nothing.keras"),
        (["nothing.keras", "--classes", "3"], "--classes is for zoo names"),
        (["--sort", "size"], "is not one of 'name', 'macs', 'params', 'top1'"),
    ],
)
def test_refusals(args: list[str], message: str) -> None:
    result = _run(*args)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in result.stderr


def test_any_keras_file(keras: Any, tmp_path: Path) -> None:
    layers = keras.layers
    inputs = [keras.Input((None, None, 3)), keras.Input((4,))]
    x = layers.Conv2D(8, 3, name="conv")(inputs[0])
    x = layers.Concatenate()([layers.GlobalAveragePooling2D()(x), inputs[1]])
    keras.Model(inputs, layers.Dense(2, name="scores")(x)).save(tmp_path / "two.keras")
    path = str(tmp_path / "two.keras")
    free = _json(path)
    assert (free["model"], free["params_total"], free["macs"], free["uncounted"]) == (
        path,
        250,
        None,
        ["conv"],
    )
    assert _json(path, "--size", "10")["macs"] == 8 * 8 * 8 * 27 + 12 * 2
    text = _run(path).stdout
    assert text.startswith(f"{path}\n") and "?x?x8" in text and "give --size" in text


def test_code_in_a_file_runs_only_when_allowed(keras: Any, tmp_path: Path) -> None:
    image = keras.Input((4, 4, 3))
    flat = keras.layers.Flatten()(keras.layers.Lambda(lambda x: x * 2, output_shape=(4, 4, 3))(image))
    keras.Model(image, keras.layers.Dense(2)(flat)).save(tmp_path / "code.keras")
    refused = _run(str(tmp_path / "code.keras"))
    assert refused.exit_code == 2 and "--allow-code" in refused.stderr
    assert _json(str(tmp_path / "code.keras"), "--allow-code")["macs"] == 96


def test_the_list_needs_no_numpy() -> None:
    code = (
        "import sys; from mobilecnn.cli import cli; cli.main(['models', '--json'], standalone_mode=False);"
        "assert not {'numpy', 'keras', 'tensorflow', 'PIL'} & set(sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
