"""The steps of a ladder, what they are and what each leaves in float32, on two networks: one channel of the first is far too
wide, and one layer of the second has weights that int8 cannot hold.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_corrections import CONV, images, network
from tflite_files import Made

from mobilecnn.contract import contract_for
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.lowering.description import Description
from mobilecnn.convert.lowering.ends import name_ends
from mobilecnn.convert.lowering.rewrites import Rewritten
from mobilecnn.convert.output_kinds import UNKNOWN
from mobilecnn.quantize import corrections, recipes, repairs
from mobilecnn.quantize import making as making_files
from mobilecnn.quantize.corrections import BIAS_CORRECTION, NAMES
from mobilecnn.quantize.formats import Format
from mobilecnn.quantize.inference import TfliteProcess
from mobilecnn.quantize.making import Making
from mobilecnn.remarks import no_remark

NAMED = {row.name: row for row in recipes.rows(repairs.FORMATS)}
ROWS: list[Format] = [NAMED[name] for name in repairs.FORMATS]


def cancelling() -> bytes:
    """Two convolutions whose channels are all alike; two huge weights of the second cancel, and leave no codes for the others."""
    random, made = np.random.default_rng(3), Made((1, 8, 8, 3))
    first, second = random.uniform(0.1, 0.5, (1, 3, 3, 3)), random.uniform(0.1, 0.5, (1, 1, 1, 4))
    second[..., :2] = 1000, -1000
    for weights in (first, second):
        kernel = made.constant(np.repeat(weights, 4, axis=0))
        constants = kernel, made.constant(np.zeros(4))
        options = {"table": "Conv2DOptions", "fusedActivationFunction": 1, **CONV}
        made.add("CONV_2D", made.last, *constants, shape=(1, 8, 8, 4), **options)
    model = flatbuffer.parse(made.scores(10).pack(), "it")
    name_ends(model, Description("it", contract_for("unit", (8, 8, 3)), ()))
    return flatbuffer.pack(model)


@contextmanager
def making(folder: Path, content: bytes) -> Iterator[Making]:
    (folder / "base.tflite").write_bytes(content)
    with TfliteProcess("under test") as tflite:
        base = corrections.prepare(tflite, folder / "base.tflite", images(folder), UNKNOWN, NAMES)
        description = Description("it", contract_for("unit", (8, 8, 3)), ())
        yield Making(
            tflite, "int8", base, description, [], lambda _: np.zeros((1, 1), np.float32), None, no_remark
        )


@pytest.fixture(scope="module")
def how(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Making]:
    with making(tmp_path_factory.mktemp("wide"), network(4096)) as made:
        yield made


def test_steps_are_made_one_on_the_other(how: Making, tmp_path: Path) -> None:
    """Without equalization the ends of the wide tensor stay in float32."""
    steps = list(repairs.Steps(how, ROWS, (BIAS_CORRECTION,), tmp_path))
    assert [step.row.name for step in steps] == ["int8"] * 4 + ["int16x8", "float16"]
    ends = steps[2]
    assert not ends.left_out and ends.sqnr_db > steps[1].sqnr_db + 20 and len(ends.kept) >= 2
    assert all(step.path.exists() for step in steps if not step.left_out)
    assert len(list(tmp_path.glob("step-*.tflite"))) == sum(not step.left_out for step in steps)


def test_the_worst_layer_stays_in_float32_where_no_tensor_is_wide(tmp_path: Path) -> None:
    with making(tmp_path, cancelling()) as how:
        plain, ends, layers, *_ = repairs.Steps(how, ROWS, (), tmp_path)
        _, bad, *_ = [row.outputs[0].name for row in how.base.graph.operations if row.kind == "CONV_2D"]
    assert ends.left_out == "it gains less than 1 dB on the calibration images"
    assert not layers.left_out and layers.kept == (bad,)
    assert layers.name == "int8, the worst layers in float32 (1 operator)"
    assert layers.sqnr_db > plain.sqnr_db + 20 and layers.path.exists()


def test_what_gains_no_decibel_is_left_out(
    how: Making, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repairs, "GAIN", 1000.0)
    steps = list(repairs.Steps(how, ROWS, (), tmp_path))
    assert [step.left_out for step in steps if step.row.name == "int8"] == [
        "", *["it gains less than 1000 dB on the calibration images"] * 2,
    ]  # fmt: skip
    assert len(list(tmp_path.glob("step-*.tflite"))) == 3


def test_a_step_that_keeps_all_of_a_small_network_is_left_out(how: Making, tmp_path: Path) -> None:
    names = tuple(
        ";".join(tensor.name for tensor in operation.outputs) for operation in how.base.graph.operations
    )
    step = repairs.Steps(how, ROWS, (), tmp_path)._make("all of it", ROWS[0], (), names)
    assert step.made is None and step.left_out.startswith("int8 gains nothing for it")


@pytest.mark.parametrize("crashes", [False, True])
def test_a_format_that_cannot_be_made_is_left_out_and_the_next_one_made(
    crashes: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = making_files.make

    def make(row: Format, how: Making) -> tuple[corrections.Quantized, Rewritten]:
        if row.name == "int16x8":
            how.tflite.run(tmp_path / "no.tflite", tmp_path / "images.npy", tmp_path / "none.npy")
        if row.name == "int16x8, crashing":
            os.kill(how.tflite.pid, signal.SIGKILL)
        return made(row, how)

    monkeypatch.setattr(repairs, "make", make)
    (tmp_path / "no.tflite").write_bytes(b"no file that a runtime takes")
    wider = replace(NAMED["int16x8"], name="int16x8, crashing") if crashes else NAMED["int16x8"]
    with making(tmp_path, network(1.0)) as how:
        *_, refused, whole = repairs.Steps(how, [ROWS[0], wider, ROWS[2]], (), tmp_path)
    words = "was ended by SIGKILL" if crashes else "litert cannot run no.tflite"
    assert words in refused.left_out and not whole.left_out and whole.sqnr_db > 40
