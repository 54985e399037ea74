"""The table of formats: its own rows, and one that is added."""

import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mobilecnn.cli import cli
from mobilecnn.convert import passport, versions
from mobilecnn.convert.conversion import Source
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.inspection import inspect
from mobilecnn.errors import UsageError
from mobilecnn.export import export
from mobilecnn.exported import Exported
from mobilecnn.files import sha256
from mobilecnn.quantize import formats
from mobilecnn.quantize.calibration.images import Calibration
from mobilecnn.quantize.formats import FLOAT32, FORMATS, Format, static

pytestmark = pytest.mark.usefixtures("forked")

INT16X8 = Format(
    "int16x8",
    "Activations in int16, weights in int8.",
    recipe=static(activation_bits=16, symmetric=True),
    needs_calibration=True,
    io_types=("int16", FLOAT32),
)

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_table() -> None:
    assert formats.names() == ("float32", "float16", "int8", "dynamic")
    assert formats.io_types() == ("int8", "float32")
    assert [row.name for row in FORMATS if row.exact] == ["float32"]
    assert [row.name for row in FORMATS if row.needs_calibration] == ["int8"]
    assert [row.name for row in FORMATS if not row.recipe] == ["float32"]


def test_formats_are_chosen_in_the_tables_order() -> None:
    assert [row.name for row in formats.chosen(["int8", "float32", "int8"])] == ["float32", "int8"]
    with pytest.raises(
        UsageError, match="unknown format 'int4'; choose among float32, float16, int8, dynamic"
    ):
        formats.chosen(["float32", "int4"])


def test_a_file_keeps_float_ends_only_where_its_format_has_a_choice() -> None:
    int8, dynamic = formats.named("int8"), formats.named("dynamic")
    assert (int8.io("int8"), int8.io("float32"), dynamic.io("int8")) == ("int8", "float32", "float32")
    assert int8.recipe_for("int8") == int8.recipe and len(int8.recipe_for("float32")) == 3
    assert dynamic.recipe_for("int8") == dynamic.recipe_for("float32") == dynamic.recipe
    assert INT16X8.io("int8") == "int16"


def test_each_format_is_an_option_of_export() -> None:
    words = " ".join(CliRunner().invoke(cli, ["export", "--help"]).output.split())
    for row in FORMATS:
        assert f"--{row.name} {row.summary}" in words


STAGES = ("src/mobilecnn", "convert", "quantize", "bench", "android_demo")
NAMES = "|".join(formats.names())
BY_NAME = re.compile(
    rf"""[=!]=\s*["']({NAMES})["']|["']({NAMES})["']\s*([=!]=|in\s)|\[["']({NAMES})["']\]|case\s+["']({NAMES})["']"""
)


def test_no_decision_is_taken_by_a_formats_name() -> None:
    """A row says what its format is; the names are for files, options and people."""
    assert BY_NAME.search('if row.name == "int8":') and BY_NAME.search('"int8" in formats')
    found = []
    for stage in STAGES:
        for path in sorted((ROOT / stage).rglob("*.py")):
            lines = enumerate(path.read_text().splitlines(), 1)
            found += [
                f"{path.relative_to(ROOT)}:{number}: {line.strip()}" for number, line in lines if _asks(line)
            ]
    assert found == []


def _asks(line: str) -> bool:
    # Types of tensors have the same names as formats.
    return bool(BY_NAME.search(line)) and not re.search(r"dtype|types|kind|case", line)


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table with one more row."""
    monkeypatch.setattr(formats, "FORMATS", (*FORMATS, INT16X8))


def made(third_party: Path, photos: Path, folder: Path, io: str = "int8") -> Exported:
    source = Source(str(third_party / "theirs.keras"), labels=("cat", "dog"))
    (file,) = export(source, ["int16x8"], folder, Calibration(str(photos)), io=io)
    return file


@pytest.mark.usefixtures("table")
def test_a_format_is_one_row(third_party: Path, photos: Path, tmp_path: Path) -> None:
    """Of a type that the version tables do not know: exported, checked, and not said to run anywhere."""
    file = made(third_party, photos, tmp_path)
    assert file.path.name == "theirs.int16x8.tflite"
    assert file.holds and file.parity.agreement >= 11 / 12 and file.parity.sqnr_db > 35
    graph = flatbuffer.graph(file.path.read_bytes(), "int16x8")
    assert graph.inputs[0].dtype == graph.outputs[0].dtype == "int16"
    assert file.passport.recipe.io == "int16" and file.passport.calibration is not None
    # The tables do not know a convolution of these types: nothing is guessed.
    assert file.passport.minimum_runtime is None
    (warning,) = (warning for warning in file.passport.warnings if "unknown" in warning)
    assert (
        "CONV_2D of int16 with int8 (3)" in warning and "DEPTHWISE_CONV_2D of int16 with int8 (2)" in warning
    )
    assert graph.metadata["min_runtime_version"].rstrip(b"\0") == b""
    seen = inspect(file.path)
    assert seen.minimum_runtime is None and warning in seen.warnings
    # A reader is told the same, and what is known is stamped.
    assert passport.read(file.path, sha256(file.path.read_bytes())) == file.passport
    assert {(o.kind, o.version) for o in graph.operations} >= {("AVERAGE_POOL_2D", 3), ("SOFTMAX", 3)}


@pytest.mark.usefixtures("table")
def test_its_operators_are_entries_of_the_version_tables(
    third_party: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind, version in (("CONV_2D", 4), ("DEPTHWISE_CONV_2D", 5), ("FULLY_CONNECTED", 7)):
        monkeypatch.setitem(versions.WEIGHTED[kind], ("int16", "int8"), version)
    file = made(third_party, photos, tmp_path, io="float32")
    assert file.passport.minimum_runtime == "2.9.0"  # Of the grouped convolution.
    assert not [warning for warning in file.passport.warnings if "unknown" in warning]
    graph = flatbuffer.graph(file.path.read_bytes(), "int16x8")
    assert (graph.inputs[0].dtype, graph.outputs[0].dtype) == ("float32", "float32")
    assert {(o.kind, o.version) for o in graph.operations} >= {
        ("CONV_2D", 4), ("CONV_2D", 6), ("DEPTHWISE_CONV_2D", 5), ("FULLY_CONNECTED", 7), ("ADD", 3), ("QUANTIZE", 2),
    }  # fmt: skip
    assert np.isfinite(file.parity.sqnr_db)


@pytest.mark.usefixtures("table")
def test_a_row_that_needs_calibration_is_refused_without(third_party: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="int16x8 needs a representative dataset"):
        export(Source(str(third_party / "theirs.keras")), ["int16x8"], tmp_path)
    with pytest.raises(
        UsageError, match="unknown input/output type 'int4'; choose one of int8, int16, float32"
    ):
        export(Source(str(third_party / "theirs.keras")), ["float32"], tmp_path, io="int4")
