"""The steps of a ladder on a network one channel of which is far too wide: what they are, and what each leaves in float32."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from test_corrections import images, network

from mobilecnn.contract import contract_for
from mobilecnn.convert.lowering.description import Description
from mobilecnn.convert.output_kinds import UNKNOWN
from mobilecnn.quantize import corrections, recipes, repairs
from mobilecnn.quantize.corrections import BIAS_CORRECTION, NAMES
from mobilecnn.quantize.formats import Format
from mobilecnn.quantize.inference import TfliteProcess
from mobilecnn.quantize.making import Making
from mobilecnn.remarks import no_remark

NAMED = {row.name: row for row in recipes.rows(repairs.FORMATS)}
ROWS: list[Format] = [NAMED[name] for name in repairs.FORMATS]


@pytest.fixture(scope="module")
def how(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Making]:
    folder = tmp_path_factory.mktemp("wide")
    (folder / "base.tflite").write_bytes(network(4096))
    with TfliteProcess("under test") as tflite:
        base = corrections.prepare(tflite, folder / "base.tflite", images(folder), UNKNOWN, NAMES)
        description = Description("it", contract_for("unit", (8, 8, 3)), ())
        yield Making(
            tflite, "int8", base, description, [], lambda _: np.zeros((1, 1), np.float32), None, no_remark
        )


def test_steps_are_made_one_on_the_other(how: Making, tmp_path: Path) -> None:
    """Without equalization the ends of the wide tensor stay in float32, and then the layer behind them."""
    steps = list(repairs.Steps(how, ROWS, (BIAS_CORRECTION,), tmp_path))
    assert [step.row.name for step in steps] == ["int8"] * 4 + ["int16x8", "float16"]
    ends, layers = steps[2:4]
    assert not ends.left_out and ends.sqnr_db > steps[1].sqnr_db + 20 and len(ends.kept) >= 2
    assert layers.left_out or (
        set(ends.kept) < set(layers.kept) and layers.sqnr_db > ends.sqnr_db + repairs.GAIN
    )
    assert all(step.path.exists() for step in steps if not step.left_out)
    assert len(list(tmp_path.glob("step-*.tflite"))) == sum(not step.left_out for step in steps)


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
