"""What is no gain to quantize is refused: a graph that is quantized already, and a format that leaves all in float32."""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from tflite_files import Made

from mobilecnn.cli import cli
from mobilecnn.convert.graph.flatbuffer import Graph
from mobilecnn.errors import UsageError
from mobilecnn.quantize import formats
from mobilecnn.quantize.gains import refuse_no_gain, refuse_quantized, say_no_smaller
from mobilecnn.remarks import Remarks


def trained_for_it() -> Graph:
    """A float32 graph that rounds the input of its dense layer, as a network trained for int8 does."""
    made = Made()
    codes = made.add("QUANTIZE", made.input, dtype="int8", scale=0.05)
    made.add("DEQUANTIZE", codes, dtype="float32")
    return made.scores().graph()


def kept() -> Graph:
    """int8 at the ends, and float32 between."""
    made = Made(dtype="int8", scale=0.05)
    real = made.add("DEQUANTIZE", made.input, dtype="float32")
    made.add("QUANTIZE", made.add("RELU", real), dtype="int8", scale=0.05)
    return made.graph()


def halved() -> Graph:
    """Weights in float16, which are widened before they are read."""
    made = Made()
    narrow = made.constant(np.ones((1, 1, 1, 3)), "float16")
    made.add("MUL", made.input, made.add("DEQUANTIZE", narrow, dtype="float32"), table="MulOptions")
    return made.graph()


def integers() -> Graph:
    made = Made(dtype="int8", scale=0.05)
    made.add("RELU", made.input, scale=0.05)
    return made.graph()


@pytest.mark.parametrize(
    ("name", "graph", "words"),
    [
        ("int8", kept(), r"int8 gains nothing for it: .* \(RELU \(1\)\)"),
        ("int16x8", kept(), "int16x8 gains nothing for it"),
        ("float16", Made().scores().graph(), r"MEAN \(1\), FULLY_CONNECTED \(1\), SOFTMAX \(1\)"),
        ("float16", halved(), None),
        ("int8", integers(), None),
        ("float32", Made().scores().graph(), None),
    ],
)
def test_a_file_that_is_as_the_float32_file_is_none(name: str, graph: Graph, words: str | None) -> None:
    if words is None:
        refuse_no_gain(formats.named(name), graph, "it")
        return
    with pytest.raises(UsageError, match=words):
        refuse_no_gain(formats.named(name), graph, "it")


@pytest.mark.parametrize("name", formats.names())
def test_what_is_quantized_already_is_not_quantized_again(name: str) -> None:
    refuse_quantized(formats.named(name), Made().scores().graph(), "it")
    if formats.named(name).exact:
        refuse_quantized(formats.named(name), trained_for_it(), "it")
        return
    with pytest.raises(UsageError, match=r"quantized already.*QUANTIZE \(1\).*with --float32"):
        refuse_quantized(formats.named(name), trained_for_it(), "it")


@pytest.mark.parametrize(
    ("name", "nbytes", "said"), [("int8", 19_999, False), ("int8", 20_000, True), ("float32", 20_000, False)]
)
def test_a_quantized_file_that_is_no_smaller_is_said(name: str, nbytes: int, said: bool) -> None:
    remarks = Remarks()
    say_no_smaller(formats.named(name), nbytes, 20_000, "it", remarks)
    assert [row.code for row in remarks.rows] == ["no-smaller"] * said
    say_no_smaller(formats.named(name), 9000, 9000, "a small one", remarks)
    assert len(remarks.rows) == said


@pytest.mark.usefixtures("forked")
def test_export_says_so_and_writes_nothing(keras: Any, tmp_path: Path) -> None:
    image = keras.Input((8, 8, 3))
    scores = keras.layers.Dense(3, activation="softmax")(keras.layers.GlobalAveragePooling2D()(image))
    keras.Model(image, scores).save(tmp_path / "it.keras")
    asked = [
        "export",
        str(tmp_path / "it.keras"),
        "--int8",
        "--input-range",
        "unit",
        "--calibration",
        "digits",
        "--samples",
        "4",
    ]
    done = CliRunner().invoke(cli, [*asked, "--keep-float", "*", "-o", str(tmp_path / "out")])
    assert (
        done.exit_code == 2
        and "int8 gains nothing for it: all of its operators stay in float32" in done.stderr
    )
    assert not list((tmp_path / "out").glob("[!.]*"))
    # The remedy that is named works.
    asked[2] = "--float32"
    assert CliRunner().invoke(cli, [*asked, "-o", str(tmp_path / "out")]).exit_code in (0, 1)
    assert (tmp_path / "out" / "it.float32.tflite").exists()


def test_a_tflite_file_is_no_model_to_export(tmp_path: Path) -> None:
    """Labels inside make it an archive at its end, and what it is quantized to is said."""
    made = Made(dtype="int8", scale=0.05)
    made.add("ADD", made.input, made.constant(np.ones(3), "int8"), table="AddOptions", scale=0.05)
    path = tmp_path / "it.tflite"
    path.write_bytes(made.pack())
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("labels.txt", "a")
    done = CliRunner().invoke(
        cli, ["export", str(path), "--int8", "--calibration", "random", "-o", str(tmp_path / "out")]
    )
    assert done.exit_code == 2, done.output
    words = " ".join(done.stderr.split())
    assert "is a TFLite file, which is converted already, with constants in int8" in words, words
