"""evaluate says so where a model knows no more of the images than chance."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image
from tflite_files import Made

import mobilecnn
from mobilecnn.cli import cli
from mobilecnn.quantize.evaluation import NO_BETTER, Evaluation


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


def pictures(folder: Path, each: int) -> Path:
    """Two class folders, ``a_dark`` and ``b_bright``, with so many pictures each."""
    generator = np.random.default_rng(5)
    for name, (low, high) in {"a_dark": (0, 100), "b_bright": (160, 256)}.items():
        (folder / name).mkdir(parents=True)
        for index in range(each):
            pixels = generator.integers(low, high, (8, 8), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files that tell bright from dark, 0..1: ``right``, ``turned`` round, ``one`` class always, and ``binary``."""
    folder = tmp_path_factory.mktemp("models")
    kernels = {
        "right": ([-10.0, 10.0], [5.0, -5.0]),
        "turned": ([10.0, -10.0], [-5.0, 5.0]),
        "one": ([0.0, 0.0], [1.0, 0.0]),
        "binary": ([20.0], [-10.0]),
    }
    for name, (kernel, bias) in kernels.items():
        made = Made((1, 8, 8, 1))
        made.add("MEAN", made.last, made.constant([1, 2], "int32"), shape=(1, 1), table="ReducerOptions")
        dense = made.constant(np.reshape(kernel, (-1, 1))), made.constant(bias)
        made.add("FULLY_CONNECTED", made.last, *dense, shape=(1, len(bias)), table="FullyConnectedOptions")
        if len(bias) == 1:
            made.add("LOGISTIC", made.last)
        else:
            made.add("SOFTMAX", made.last, table="SoftmaxOptions", beta=1.0)
        (folder / f"{name}.tflite").write_bytes(made.pack())
    return folder


@pytest.mark.parametrize(
    ("names", "given", "each", "said"),
    [
        (["right"], "unit", 8, {}),
        (["binary"], "unit", 8, {}),
        # Fed wrongly, in another order, or nothing learnt.
        (["right"], "raw", 8, {"right": 8}),
        (["binary"], "raw", 8, {"binary": 8}),
        (["turned"], "unit", 8, {"turned": 0}),
        (["one"], "unit", 8, {"one": 8}),
        (["right", "turned", "one"], "unit", 8, {"turned": 0, "one": 8}),
        # Few images cannot tell, unless not one is right.
        (["one"], "unit", 2, {}),
        (["turned"], "unit", 2, {}),
    ],
)
def test_it_is_a_remark(
    names: list[str], given: str, each: int, said: dict[str, int], models: Path, tmp_path: Path
) -> None:
    data = pictures(tmp_path / "data", each)
    paths = {name: models / f"{name}.tflite" for name in names}
    done = run(
        "evaluate",
        *paths.values(),
        "--data",
        data,
        "--input-range",
        given,
        "--json",
        "-o",
        tmp_path / "it.json",
    )
    assert done.exit_code == 0, done.output  # It is never a refusal.
    (*remarks,) = [row for row in json.loads(done.stdout)["remarks"] if row["code"] == NO_BETTER]
    assert [row["names"] for row in remarks] == ([[str(paths[name]) for name in said]] if said else [])
    words = [f"{paths[name]} ({right} of {2 * each})" for name, right in said.items()]
    assert ("no more right answers than chance gives" in done.stderr) is bool(said)
    assert all(word in done.stderr and word in remarks[0]["text"] for word in words)
    kept = Evaluation.read(tmp_path / "it.json")
    assert [remark.names for remark in kept.remarks if remark.code == NO_BETTER] == [
        tuple(row["names"]) for row in remarks
    ]


def test_it_is_a_warning_in_python(models: Path, tmp_path: Path) -> None:
    data = pictures(tmp_path / "data", 8)
    with pytest.warns(UserWarning, match="no more right answers than chance gives"):
        mobilecnn.evaluate(models / "turned.tflite", data, input_range="unit")
