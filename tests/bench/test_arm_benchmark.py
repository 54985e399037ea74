"""The benchmark of modelled ARM time as a program: which misses it tells of, and what it refuses."""

import sys
from pathlib import Path

import arm_cuts
import arm_misses
import arm_model
import pytest
from arm_inputs import published_rows, works_rows
from arm_misses import KNOWN, Figure, told
from arm_published import COLUMN

from mobilecnn.bench.records.chips import CHIPS

ROOT = Path(__file__).parents[2]
WORKS = ROOT / "tests/bench/arm_works.csv"
PAGE = (ROOT / "docs/arm_model.md").read_text(encoding="utf-8")
TABLE = PAGE.split("```text\n")[-1].split("```")[0]
"""The example of ``published.csv`` on the page."""


def run(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["arm_model.py", *map(str, arguments)])
    return arm_model.main()


def test_the_stored_table_misses_what_is_known_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--works", WORKS) == 0
    shown = capsys.readouterr().out
    lines = [line for line in shown.splitlines() if line.startswith("known miss: ")]
    assert {tuple(line.split()[2:4]) for line in lines} == set(KNOWN)
    assert "NEW MISS" not in shown and "no longer" not in shown
    for where in KNOWN.values():
        assert f"### {where.split(chr(39))[1]}\n" in PAGE


@pytest.mark.parametrize("missed", KNOWN)
def test_a_miss_that_is_not_known_is_named_and_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], missed: tuple[str, str]
) -> None:
    monkeypatch.delitem(arm_misses.KNOWN, missed)
    assert run(monkeypatch, "--works", WORKS) == 1
    assert f"NEW MISS: {missed[0]} {missed[1]} " in capsys.readouterr().out


def test_a_known_miss_that_is_none_any_more_is_told_and_does_not_fail() -> None:
    (line,), new = told([Figure("pi5", "efficientdet_lite0.int8", -0.15, 0.15)])
    assert line.startswith("no longer missed: pi5 efficientdet_lite0.int8; take it from") and not new


def folder(path: Path, table: str, *networks: str) -> Path:
    (path / "published.csv").write_text(table)
    for name in networks:
        (path / f"{name}.param").touch()
    return path


def test_the_form_on_the_page_is_that_which_is_read(tmp_path: Path) -> None:
    wanted = [column for column, _ in arm_model.PUBLISHED.values() if column != COLUMN]
    assert TABLE.splitlines()[0] == ",".join(["network", "input", *wanted])
    (row,) = published_rows(folder(tmp_path, TABLE), wanted)
    stored = {
        line["chip"]: line["milliseconds"]
        for line in works_rows(WORKS, {"ncnn": arm_model.PUBLISHED, "litert": CHIPS}, ())
        if (line["runtime"], line["network"]) == ("ncnn", "squeezenet")
    }
    for chip, (column, _) in arm_model.PUBLISHED.items():
        assert column == COLUMN or row[column] == stored[chip]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("rk3399_a72_1.8GHz", "rk3399", "published.csv has no column rk3399_a72_1.8GHz; its columns must be network"),
        (",227,", ",227px,", "network 'squeezenet': input is '227px'; give the side in pixels"),
        ("70.83", "-1", "sd810_a57_2.0GHz is '-1'; give milliseconds"),
        ("70.83", "nan", "sd810_a57_2.0GHz is 'nan'; give milliseconds"),
        ("squeezenet", "../it", "network '../it': that is no name of a .param file"),
        ("\nsqueezenet,227,46.27,70.83,71.35,73.35,11.77,125.34", "", "published.csv has no rows"),
        ("squeezenet", "\0", "network '\\x00': that is no name of a .param file"),
        ("squeezenet", "mobilenet", "copy from benchmark/models of ncnn (in older checkouts benchmark), or leave out: --skip mobilenet"),
    ],
)  # fmt: skip
def test_a_wrong_folder_is_refused_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    old: str,
    new: str,
    said: str,
) -> None:
    monkeypatch.setattr(arm_model, "traced", None)
    assert run(monkeypatch, "--params", folder(tmp_path, TABLE.replace(old, new), "squeezenet")) == 2
    told = capsys.readouterr().err
    assert said in told and told.startswith("Error: ") and told.count("\n") == 1


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("runtime,chip", "engine,chip", "has no column runtime; its columns must be"),
        (
            "ncnn,sd821",
            "ncnn,sd820",
            "line 2: no runtime 'ncnn' of a chip 'sd820'; write it anew with --table",
        ),
        ("46.27", "fast", "line 2: milliseconds is 'fast'; write it anew with --table"),
        ("46.27", "0", "line 2: milliseconds is '0'; write it anew with --table"),
        ("81113898", "", "line 2: cycles is ''; write it anew with --table"),
    ],
)
def test_a_wrong_table_is_refused_in_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    old: str,
    new: str,
    said: str,
) -> None:
    (tmp_path / "it.csv").write_text(WORKS.read_text().replace(old, new, 1))
    assert run(monkeypatch, "--works", tmp_path / "it.csv") == 2
    told = capsys.readouterr().err
    assert said in told and told.count("\n") == 1


def test_what_is_not_there_is_refused_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "--params", tmp_path) == 2
    assert "published.csv is missing; no checkout of ncnn has it" in capsys.readouterr().err
    assert run(monkeypatch, "--works", tmp_path / "it.csv") == 2
    assert "it.csv is missing; the stored table is tests/bench/arm_works.csv" in capsys.readouterr().err
    folder(tmp_path, TABLE, "squeezenet", "alexnet")
    monkeypatch.setattr(sys, "argv", ["arm_cuts.py", "--params", str(tmp_path), "--network", "alexnet"])
    with pytest.raises(SystemExit, match="2"):
        arm_cuts.main()
    assert capsys.readouterr().err.endswith("published.csv has no network alexnet\n")
