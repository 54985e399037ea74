"""``mobilecnn profile`` from the outside."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from mobilecnn.cli import cli

QUICK = ("--rounds", "1", "--seconds", "0.001")


@pytest.fixture
def folder(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return exported


def test_the_tables(folder: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["profile", str(folder / "theirs.int8.tflite"), *QUICK, "--top", "2"])
    assert done.exit_code == 0, done.output
    groups, operators = done.stdout.split("\n\n")
    assert "depthwise convolution 3x3" in groups and "GOP/s" in groups
    assert len([line for line in operators.splitlines() if "%" in line and "interval" not in line]) == 2
    assert "whole file" in operators and "of an int8 matrix product" in operators
    kept = json.loads((tmp_path / "mobilecnn-profile" / "profile.json").read_text())
    assert kept["sum_ns"] > 0 and Path(kept["chart"]).read_bytes().startswith(b"\x89PNG")
    assert Path(kept["measurement"]).is_file()
    assert sorted(path.name for path in Path("mobilecnn-profile/operators-theirs.int8").iterdir())[-2:] == [
        "empty.tflite", "matrix-product.tflite",
    ]  # fmt: skip


def test_all_operators_in_order_and_json(folder: Path) -> None:
    model = str(folder / "theirs.float32.tflite")
    shown = CliRunner().invoke(cli, ["profile", model, *QUICK, "--top", "0"])
    document = json.loads(CliRunner().invoke(cli, ["profile", model, *QUICK, "--json"]).stdout)
    kinds = [row["operator"] for row in document["operators"]]
    table = shown.stdout.split("\n\n")[1].splitlines()[2 : 2 + len(kinds)]
    assert [line.split()[1] for line in table] == kinds


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["nothing.tflite"], 2, "nothing.tflite"),
        (["--rounds", "0"], 2, "--rounds must be from 1"),
        (["--device", "no/such"], 2, "no/such"),
        (["--top", "-1"], 2, "--top"),
        (["--seconds", "nan"], 2, "--seconds must be from 0"),
        (["--seconds", "inf"], 2, "--seconds must be from 0"),
        (["--seconds", "-1"], 2, "--seconds must be from 0"),
    ],
)
def test_wrong_use(folder: Path, arguments: list[str], code: int, words: str) -> None:
    model = [] if arguments[0].endswith("tflite") else [str(folder / "theirs.int8.tflite")]
    done = CliRunner().invoke(cli, ["profile", *model, *arguments])
    assert done.exit_code == code and words in done.stderr
    assert not list(Path("mobilecnn-profile").rglob("*"))
