"""``mobilecnn models``."""

import json
import subprocess
import sys
from typing import Any

import pytest
from click.testing import CliRunner

from mobilecnn.cli import cli
from mobilecnn.train import zoo


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
    assert 10 < len(small) < 40
    assert all(row["macs"] <= 41.5e6 and row["params_trainable"] <= 1e6 for row in small)
    accuracies = [-1 if row["top1"] is None else row["top1"] for row in small]
    assert accuracies == sorted(accuracies, reverse=True)
    for sort, key in (("macs", "macs"), ("params", "params_trainable"), ("name", "model")):
        values = [row[key] for row in _json("--sort", sort)]
        assert values == sorted(values)
    family = _json("--family", "squeezenet")
    assert [row["model"] for row in family] == ["squeezenet_v1.0", "squeezenet_v1.1"]
    assert _json("--max-macs", "1") == []


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
        (["alexnet", "--family", "alexnet"], "--family is for the list"),
        (["alexnet", "--max-macs", "5"], "--max-macs is for the list"),
        (["--family", "resnet"], "there is no family 'resnet'; choose from alexnet, "),
        (["shufflenet"], "no network is named 'shufflenet'"),
        (["alexnet", "--size", "8"], "choose a size from 67"),
        (["alexnet", "--classes", "0"], "at least 1 class"),
        (["--sort", "size"], "is not one of 'name', 'macs', 'params', 'top1'"),
    ],
)
def test_refusals(args: list[str], message: str) -> None:
    result = _run(*args)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert message in result.stderr


def test_the_list_needs_no_numpy() -> None:
    code = (
        "import sys; from mobilecnn.cli import cli; cli.main(['models', '--json'], standalone_mode=False);"
        "assert not {'numpy', 'keras', 'tensorflow', 'PIL'} & set(sys.modules)"
    )
    run = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
