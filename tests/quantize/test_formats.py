"""The table of formats: its own rows, and one that is added."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

import mobilecnn
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
from mobilecnn.quantize.formats import FLOAT32, FORMATS, Format
from mobilecnn.quantize.recipes import Recipe
from mobilecnn.quantize.rules import Rule

pytestmark = pytest.mark.usefixtures("forked")

FLOATS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED", "TRANSPOSE_CONV")

MIXED = Format(
    "mixed",
    "Weights in int8, the last layer in float32.",
    rules=(Rule(precision="int16x8"), Rule(operators=("SOFTMAX",), precision=FLOAT32)),
)
"""A row that is not in the table."""

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_table() -> None:
    assert formats.names() == ("float32", "float16", "int8", "dynamic", "int16x8", "int8-weights")
    assert formats.io_types() == ("int8", "uint8", "float32")
    assert [row.name for row in FORMATS if row.exact] == ["float32"]
    assert [row.name for row in FORMATS if row.needs_calibration] == ["int8", "int16x8"]
    assert [row.name for row in FORMATS if not row.rules] == ["float32"]
    assert [row.name for row in FORMATS if row.quantizes] == ["int8", "dynamic", "int16x8", "int8-weights"]


def test_formats_are_chosen_in_the_tables_order() -> None:
    assert [row.name for row in formats.chosen(["int8", "float32", "int8"])] == ["float32", "int8"]
    with pytest.raises(
        UsageError, match="unknown format 'int4'; choose among float32, float16, int8, dynamic"
    ):
        formats.chosen(["float32", "int4"])


def test_a_file_keeps_float_ends_only_where_its_format_has_a_choice() -> None:
    int8, dynamic = formats.named("int8"), formats.named("dynamic")
    assert int8.rules_for(None) == int8.rules_for("int8") == int8.rules
    floats = replace(int8, rules=(*int8.rules, Rule(operators=("OUTPUT",), precision="float32")))
    assert floats.rules_for(None) == floats.rules
    assert floats.rules_for("int8")[-1] == Rule(operators=("INPUT", "OUTPUT"), precision="int8")
    assert int8.rules_for("uint8") == (*int8.rules, Rule(operators=("INPUT", "OUTPUT"), precision="uint8"))
    assert dynamic.rules_for("int8") == dynamic.rules_for("float32") == dynamic.rules


def test_each_format_is_an_option_of_export() -> None:
    words = " ".join(CliRunner().invoke(cli, ["export", "--help"]).output.split())
    for row in FORMATS:
        said = f"{row.summary[0].lower()}{row.summary[1:]}"
        article = "an" if row.name[0] in "aeiou" else "a"
        assert f"--{row.name} Make {article} {row.name} file: {said}" in words


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


def made(third_party: Path, photos: Path, folder: Path, name: str, io: str | None = None) -> Exported:
    source = Source(str(third_party / "theirs.keras"), labels=("cat", "dog"))
    (file,) = export(source, [name], folder, Calibration(str(photos)), io=io)
    return file


def test_a_format_is_one_row(
    third_party: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of types that the version tables do not know: exported, checked, and not said to run anywhere."""
    monkeypatch.setattr(formats, "FORMATS", (*FORMATS, MIXED))
    for kind in ("CONV_2D", "DEPTHWISE_CONV_2D"):
        monkeypatch.delitem(versions.WEIGHTED[kind], ("int16", "int8"))
    with pytest.raises(UsageError, match="mixed needs a representative dataset"):
        export(Source(str(third_party / "theirs.keras")), ["mixed"], tmp_path)
    file = made(third_party, photos, tmp_path, "mixed")
    assert file.path.name == "theirs.mixed.tflite"
    assert file.holds and file.parity.agreement >= 11 / 12 and file.parity.sqnr_db > 35
    graph = flatbuffer.graph(file.path.read_bytes(), "mixed")
    assert (graph.inputs[0].dtype, graph.outputs[0].dtype) == ("int16", "int16")
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
    assert ("AVERAGE_POOL_2D", 3) in {(o.kind, o.version) for o in graph.operations}
    assert [rule["precision"] for rule in file.passport.recipe.entries] == ["int16x8", "float32"]


def test_int16x8_takes_and_gives_float32(third_party: Path, photos: Path, tmp_path: Path) -> None:
    file = made(third_party, photos, tmp_path, "int16x8")
    assert file.passport.minimum_runtime == "2.9.0"  # Of the grouped convolution.
    assert not [warning for warning in file.passport.warnings if "unknown" in warning]
    graph = flatbuffer.graph(file.path.read_bytes(), "int16x8")
    assert (graph.inputs[0].dtype, graph.outputs[0].dtype) == ("float32", "float32")
    assert {(o.kind, o.version) for o in graph.operations} >= {
        ("CONV_2D", 4), ("CONV_2D", 6), ("DEPTHWISE_CONV_2D", 5), ("FULLY_CONNECTED", 7), ("ADD", 3), ("QUANTIZE", 2),
    }  # fmt: skip
    assert file.parity.agreement >= 11 / 12 and file.parity.sqnr_db > 35


def test_weights_alone_in_int8(third_party: Path, photos: Path, tmp_path: Path) -> None:
    file = made(third_party, photos, tmp_path, "int8-weights")
    graph = flatbuffer.graph(file.path.read_bytes(), "int8-weights")
    assert (graph.inputs[0].dtype, graph.outputs[0].dtype) == ("float32", "float32")
    assert {o.inputs[1].dtype for o in graph.operations if o.kind in FLOATS and o.inputs[1] is not None} == {
        "float32"
    }
    assert {o.inputs[0].dtype for o in graph.operations if o.kind == "DEQUANTIZE" and o.inputs[0]} == {"int8"}
    assert file.passport.minimum_runtime == "2.9.0" and file.parity.sqnr_db > 30


def test_a_type_that_is_named_goes_before_a_recipe(third_party: Path, photos: Path, tmp_path: Path) -> None:
    """A recipe that leaves the ends in float32, by itself and beside ``--io int8``."""
    ends = Rule(operators=("INPUT", "OUTPUT"), precision="float32")
    recipe = Recipe("int8", (Rule(precision="int8"), ends))
    source, calibration = Source(str(third_party / "theirs.keras")), Calibration(str(photos))
    for io, dtype in ((None, "float32"), ("int8", "int8")):
        (file,) = export(source, [], tmp_path, calibration, io=io, recipe=recipe)
        graph = flatbuffer.graph(file.path.read_bytes(), "int8")
        assert (graph.inputs[0].dtype, graph.outputs[0].dtype, file.passport.recipe.io) == (dtype,) * 3


def test_uint8_ends(third_party: Path, photos: Path, tmp_path: Path) -> None:
    file = made(third_party, photos, tmp_path, "int8", io="uint8")
    graph = flatbuffer.graph(file.path.read_bytes(), "int8")
    assert (graph.inputs[0].dtype, graph.outputs[0].dtype) == ("uint8", "uint8")
    assert file.passport.recipe.io == "uint8" and file.passport.input.tensor.quantization is not None
    assert file.parity.agreement >= 11 / 12 and file.parity.sqnr_db > 25


@pytest.mark.parametrize("io", ["int8", "uint8"])
def test_a_type_that_no_format_has_is_refused(third_party: Path, tmp_path: Path, io: str) -> None:
    """The usual type no less than another, where it is said."""
    model = third_party / "theirs.keras"
    words = f"--io {io} has no effect on float16, int16x8, which take and give float32; leave"
    with pytest.raises(UsageError, match=words):
        export(Source(str(model)), ["float16", "int16x8"], tmp_path, Calibration("random"), io=io)
    with pytest.raises(UsageError, match="--io int8 has no effect on int16x8"):
        mobilecnn.export(model, "int16x8", "random", io="int8", output=tmp_path)
    typed = ["export", str(model), "--int16x8", "--io", io]
    for more in (["--calibration", "random", "-o", str(tmp_path)], ["--show-recipe"]):
        done = CliRunner().invoke(cli, [*typed, *more])
        assert done.exit_code == 2 and f"--io {io} has no effect on int16x8" in done.stderr, done.output
    with pytest.raises(UsageError, match="unknown input/output type 'int4'"):
        export(Source(str(model)), ["auto"], tmp_path, Calibration("digits"), io="int4", data="digits")


IDLE: dict[tuple[str, ...], str] = {
    (
        "--float16",
        "--correct",
        "clipping",
    ): "--correct clipping has no effect on float16, which has no weights in int8",
    ("--dynamic", "--correct", "clipping"): "--correct clipping corrects by images, and no image says",
    ("--dynamic", "--correct", "clipping", "--calibration", "random"): "random pictures say nothing",
    ("--float32", "--lowering", "none", "--target", "pi4"): "--target pi4 has no effect with --lowering none",
    ("--float32", "--lowering", "fuse_relus", "--target", "pi4"): "no rewrite that chooses by cost",
    ("--float32", "--samples", "7"): "--samples is for the images of --calibration",
    ("--float32", "--skip-bad"): "--skip-bad is for images; give --calibration or --data",
    (
        "--int8",
        "auto",
        "--show-recipe",
    ): "--show-recipe shows the recipe of one format, and --int8 auto tries several",
    ("--float32", "--min-agreement", "95"): "--min-agreement has no effect on float32",
    ("--float32", "--keep-float", "x"): "--keep-float has no effect on float32",
    ("--int8", "--max-drop", "1"): "--max-drop and --device are for --int8 auto",
}


@pytest.mark.parametrize("typed", IDLE, ids=" ".join)
def test_what_would_have_no_effect_is_refused(
    third_party: Path, tmp_path: Path, typed: tuple[str, ...]
) -> None:
    done = CliRunner().invoke(cli, ["export", str(third_party / "theirs.keras"), *typed, "-o", str(tmp_path)])
    assert done.exit_code == 2 and IDLE[typed] in done.stderr and not list(tmp_path.iterdir()), done.output


def test_all_makes_what_is_named_besides(third_party: Path, tmp_path: Path) -> None:
    every = ["dynamic", "float16", "float32", "int16x8", "int8", "int8-weights"]
    model = str(third_party / "theirs.keras")
    typed = [
        "export",
        model,
        "--int16x8",
        "--all",
        "--int8-weights",
        "--calibration",
        "random",
        "-o",
        str(tmp_path),
    ]
    done = CliRunner().invoke(cli, typed)
    assert done.exit_code == 0, done.output
    assert sorted(path.name.split(".")[1] for path in tmp_path.glob("*.tflite")) == every
    assert formats.expanded(["all", "int16x8"]) == (*formats.usual(), "int16x8")
    files = mobilecnn.export(model, ["all", "int16x8"], "random", output=tmp_path / "more")
    assert sorted(file.format for file in files) == [name for name in every if name != "int8-weights"]


def test_an_unknown_type_of_the_ends_is_refused(third_party: Path, tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match="unknown input/output type 'int4'; choose one of int8, uint8, float32"
    ):
        export(Source(str(third_party / "theirs.keras")), ["float32"], tmp_path, io="int4")
