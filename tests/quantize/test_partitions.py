"""In how many pieces LiteRT runs a file, and that exported files are in one."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tflite_files import Made

from mobilecnn.cli import cli
from mobilecnn.convert import passport
from mobilecnn.convert.checks import CONVERTED, FINISHED
from mobilecnn.convert.conversion import Source
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.export import export
from mobilecnn.quantize.calibration.images import RANDOM, Calibration
from mobilecnn.quantize.partitions import Left, partitions

pytestmark = pytest.mark.usefixtures("forked")


def chain(*operators: str, dtype: str = "int8", scale: Any = 0.05) -> bytes:
    made = Made(dtype=dtype, scale=scale if dtype == "int8" else ())
    for kind in operators:
        options: dict[str, Any] = {"table": "AddOptions"} if kind == "ADD" else {}
        inputs = [made.last] * (2 if kind == "ADD" else 1)
        made.add(kind, *inputs, scale=scale if dtype == "int8" else (), **options)
    return made.pack()


def six() -> bytes:
    made = Made()
    parts = [made.add("RELU", made.input) for _ in range(6)]
    return made.put("CONCATENATION", *parts, shape=(1, 8, 8, 18), table="ConcatenationOptions", axis=3).pack()


FLOAT_ONLY = "taken in float32 only"


@pytest.mark.parametrize(
    ("content", "count", "left"),
    [
        (chain("ADD", "ADD"), 1, ()),
        (chain("ADD", "RELU", "ADD"), 2, (Left("RELU", 1, FLOAT_ONLY),)),
        (chain("ADD", "RELU", "HARD_SWISH", "RELU"), 1, (Left("RELU", 2, FLOAT_ONLY), Left("HARD_SWISH", 1, FLOAT_ONLY))),
        (chain("RELU"), 0, (Left("RELU", 1, FLOAT_ONLY),)),
        (chain("RELU", "HARD_SWISH", dtype="float32"), 1, ()),
        (six(), 1, (Left("CONCATENATION", 1, "more than 4 inputs"),)),
    ],
)  # fmt: skip
def test_partitions_are_counted_and_what_is_outside_is_named(
    content: bytes, count: int, left: Sequence[Left], tmp_path: Path
) -> None:
    path = tmp_path / "it.tflite"
    path.write_bytes(content)
    split = partitions(path)
    assert (split.count, split.left) == (count, tuple(left))


def test_inspect_says_it_and_what_the_runtime_refuses_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "it.tflite"
    path.write_bytes(chain("ADD", "RELU", "ADD"))
    shown = CliRunner().invoke(cli, ["inspect", str(path)])
    assert "XNNPACK partitions: 2; outside of them: RELU (1: taken in float32 only)" in shown.stdout
    assert (
        "Forecast: XNNPACK takes 2 of 3, not RELU (1: taken in float32 only); a GPU takes 3 of 3"
        in shown.stdout
    )
    assert "Not as forecast" not in shown.stdout
    document = json.loads(CliRunner().invoke(cli, ["inspect", str(path), "--json"]).stdout)
    assert document["xnnpack"] == {
        "count": 2,
        "left": [{"operator": "RELU", "count": 1, "why": "taken in float32 only"}],
        "surprises": [],
    }
    assert document["forecast"] == {
        "operators": 3,
        "xnnpack": [{"operator": "RELU", "count": 1, "why": "taken in float32 only"}],
        "gpu": [],
    }
    path.write_bytes(Made().put("CUSTOM", 0).pack())
    shown = CliRunner().invoke(cli, ["inspect", str(path)])
    assert shown.exit_code == 0 and "XNNPACK partitions: unknown (litert cannot run" in shown.stdout
    document = json.loads(CliRunner().invoke(cli, ["inspect", str(path), "--json"]).stdout)
    assert document["xnnpack"] is None and "litert cannot run" in document["xnnpack_unknown"]


@pytest.fixture(scope="module")
def cells(keras: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody's network of searched cells: shared rectifications, "same" pools, six branches, h-swish, padding."""
    layers = keras.layers
    keras.utils.set_random_seed(11)
    image = keras.Input((33, 33, 3))
    x = layers.ZeroPadding2D(((0, 1), (0, 1)))(image)
    x = layers.Conv2D(8, 3, strides=2, activation="hard_swish")(x)
    h = layers.Add()([x, layers.Conv2D(8, 1)(x)])
    branches = [layers.SeparableConv2D(8, size, padding="same")(layers.ReLU()(h)) for size in (3, 5)]
    pools = [layers.AveragePooling2D(3, strides=1, padding="same")(h) for _ in range(2)]
    y = layers.Concatenate()(
        [h, *branches, layers.Add()(pools), pools[0], layers.MaxPooling2D(3, 1, "same")(h)]
    )
    y = layers.Conv2D(8, 1)(layers.ReLU()(y))
    y = layers.GlobalAveragePooling2D()(y)
    model = keras.Model(image, layers.Dense(5, activation="softmax")(y), name="cells")
    path = tmp_path_factory.mktemp("cells") / "cells.keras"
    model.save(path)
    return path


def test_somebodys_network_is_one_partition_and_answers_as_before(
    cells: Path, photos: Path, tmp_path: Path
) -> None:
    calibration = Calibration(str(photos))
    source = Source(str(cells), input_range="unit")
    before = export(source, ("float32", "int8"), tmp_path / "before", calibration, lowering="none")
    after = export(source, ("float32", "int8"), tmp_path / "after", calibration)
    assert partitions(before[1].path).count > 3
    for old, new in zip(before, after, strict=True):
        assert partitions(new.path).count == 1
        assert not old.passport.taken_back and not new.passport.taken_back
        assert new.parity.sqnr_db > old.parity.sqnr_db - 1
    lowering = set(after[1].passport.lowering)
    assert {"compute_in_float", "requantize_relus", "nest_concatenations"} <= lowering
    assert set(before[1].passport.lowering) <= {"stamp_versions"}
    stored = passport.read(after[1].path, after[1].passport.file.sha256)
    assert stored is not None and stored.lowering == after[1].passport.lowering
    assert stored.gains == after[1].passport.gains and before[1].passport.gains == ()
    converted, finished = stored.gains
    assert (converted.graph, finished.graph) == (CONVERTED, FINISHED)
    assert after[0].passport.gains == (converted,)
    operators = len(flatbuffer.graph(after[1].path.read_bytes(), "it").operations)
    assert finished.operators[1] == operators != finished.operators[0]
    assert finished.partitions[0] > finished.partitions[1] == 1 == converted.partitions[1]


@pytest.mark.usefixtures("keras")
def test_mobilenet_v3_is_one_partition_in_int8(tmp_path: Path) -> None:
    (file,) = export(Source("mobilenet_v3_small_x1.0", size=64), ("int8",), tmp_path, Calibration(RANDOM))
    split = partitions(file.path)
    assert split.count == 1 and {row.operator for row in split.left} <= {"SOFTMAX"}
    assert file.passport.taken_back == {}
    assert not [
        text for text in file.passport.warnings if "splits the graph" in text or "left in float32" in text
    ]
    graph = flatbuffer.graph(file.path.read_bytes(), "it")
    assert sum(row.kind == "HARD_SWISH" for row in graph.operations) > 15
