"""What is forecast of XNNPACK and of a GPU, held against what LiteRT takes, a file of one operator each.

XNNPACK is asked here. What the GPU accelerator took is kept in ``gpu_taken.csv``, as ``benchmarks/delegates.py`` asks it: it
needs a Vulkan driver.
"""

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from delegate_probes import probes
from tflite_files import Made

from mobilecnn.convert import gpu, xnnpack
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph.flatbuffer import Operation
from mobilecnn.errors import MobileCnnError
from mobilecnn.quantize.inference import TfliteProcess

PROBES = {name.replace(" ", "_"): content for name, content in probes()}

with (Path(__file__).parent / "gpu_taken.csv").open(newline="") as rows:
    BY_GPU = {row["probe"]: row["gpu"] for row in csv.DictReader(rows)}


def forecast(delegate: str, name: str) -> str:
    graph = flatbuffer.graph(PROBES[name], name)
    why_left = xnnpack.why_left if delegate == "xnnpack" else gpu.why_left
    return "left" if any(why_left(operation) for operation in graph.operations) else "taken"


def split(tmp_path: Path) -> dict[str, str]:
    """What XNNPACK does with each probe; those that the runtime refuses are not there."""
    path, found, pending = tmp_path / "it.tflite", dict[str, str](), list(PROBES)
    while pending:
        with TfliteProcess("under test") as tflite:  # It ends with the first file that it refuses.
            while pending:
                path.write_bytes(PROBES[name := pending.pop()])
                try:
                    found[name] = "left" if tflite.split(path)[1] else "taken"
                except MobileCnnError:
                    break
    return found


def test_xnnpack_takes_what_is_forecast(tmp_path: Path) -> None:
    found = split(tmp_path)
    assert len(found) > 150 and {"taken", "left"} == set(found.values())
    assert {name: truth for name, truth in found.items() if truth != forecast("xnnpack", name)} == {}
    seen = {name.split("_float")[0].split("_int")[0].split("_grouped")[0].split("+")[0] for name in found}
    assert xnnpack.TAKEN - seen <= {"QUANTIZE", "DEQUANTIZE"} | {"CEIL", "FLOOR", "ROUND", "SQUARE"}


def test_the_gpu_takes_what_is_forecast() -> None:
    assert set(BY_GPU) <= set(PROBES) and len(BY_GPU) > 150
    promised = {name for name in BY_GPU if forecast("gpu", name) == "taken"}
    assert {name: BY_GPU[name] for name in promised if BY_GPU[name] != "taken"} == {}
    # Some that only move values in int16 are taken, and not forecast: no graph consists of them.
    more = {name for name in BY_GPU if name not in promised and BY_GPU[name] == "taken"}
    assert all(name.endswith("_int16") for name in more), more
    kinds = {
        operation.kind for name in promised for operation in flatbuffer.graph(PROBES[name], name).operations
    }
    assert kinds == gpu.TAKEN, "every operator that is forecast to be taken was asked for"


@pytest.mark.parametrize("why_left", [xnnpack.why_left, gpu.why_left])
def test_what_no_delegate_takes(why_left: Callable[[Operation], str]) -> None:
    (relu,) = Made().put("RELU", 0).graph().operations
    dynamic = replace(relu, inputs=(replace(relu.outputs[0], dynamic=True),))
    (custom,) = Made().put("CUSTOM", 0).graph().operations
    assert not why_left(relu)
    assert why_left(custom) == "a custom operator" and why_left(dynamic) == "a shape that is not fixed"
