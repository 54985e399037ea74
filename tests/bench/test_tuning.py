"""Costs of the forms of an operator: fitted to times, kept in a file, and chosen by."""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mobilecnn.bench.timing import tuning
from mobilecnn.bench.timing.tuning import NOTHING, REPEATED, Case, files, fitted
from mobilecnn.cli import cli, tune
from mobilecnn.convert.graph import build, flatbuffer
from mobilecnn.convert.lowering import chosen
from mobilecnn.convert.lowering.costs import TARGETS, Costs, Table
from mobilecnn.errors import CheckFailed, InputError

KNOWN = Table(call=300, group=40, width=16, unit=4, depth=2.5, tile=20, position=30, channel=1.5)


def spent(case: Case, table: Table = KNOWN) -> float:
    """Nanoseconds of an operator by a table."""
    if not case.inputs:
        return table.shuffle(case.positions, case.outputs)
    return table.convolution(case.positions, case.inputs, case.outputs, case.groups)


def cases() -> list[Case]:
    return [case for case in files("int8") if case != NOTHING]


@pytest.mark.parametrize("table", [KNOWN, replace(KNOWN, group=0, product=0.3, output=12)])
def test_the_table_that_made_the_times_is_found(table: Table) -> None:
    fit = fitted({case: spent(case, table) for case in cases()})
    assert fit.error < 1e-6
    for case in (Case(100, 64, 48, 1), Case(100, 16, 20, 3), Case(49, 0, 90, 3)):
        assert spent(case, fit.table) == pytest.approx(spent(case, table))


def test_times_that_say_nothing_are_refused() -> None:
    with pytest.raises(CheckFailed, match="do not follow from the multiply-adds"):
        fitted({case: 10.0 ** (number * 5 % 7) for number, case in enumerate(cases())})


def test_the_files_are_several_equal_operators() -> None:
    for dtype in build.DTYPES:
        for case, content in files(dtype).items():
            graph = flatbuffer.graph(content, "it")
            if case == NOTHING:
                assert len(graph.operations) == 1
            else:
                assert len(graph.outputs) == REPEATED
                assert len(graph.operations) == REPEATED * (1 if case.inputs else 3)
    assert tuple(build.DTYPES) == tune.DTYPES


def test_each_figure_of_a_table_stands_under_its_name() -> None:
    figures = [field.name for field in fields(Table)]
    # A tile and a unit are of so many channels.
    names = {"tile of": "width", "unit of": "unit"}
    assert [names.get(title, title) for title in tune.HEADER[1:-1]] == figures


def test_costs_are_read_as_they_were_written(tmp_path: Path) -> None:
    path = tmp_path / "costs.json"
    costs = Costs("it", {"int8": (KNOWN, KNOWN)})
    costs.write(path)
    (row,) = chosen(["write_groups_dense"], str(path))
    assert row.costs == costs


@pytest.mark.parametrize(
    ("member", "value", "words"),
    [
        ("width", 0, "a tile or unit is empty"),
        ("depth", -1, "a cost is negative"),
        ("depth", "1", "must be a finite number"),
        ("call", None, "must be a finite number"),
        ("unit", 1.5, "must be a whole number"),
    ],
)
def test_damaged_costs_are_refused(member: str, value: Any, words: str, tmp_path: Path) -> None:
    document = Costs("it", {"int8": (KNOWN,)}).to_json()
    document["tables"]["int8"][0][member] = value
    path = tmp_path / "costs.json"
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match=words):
        chosen("auto", str(path))


def test_the_command_writes_what_export_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On this machine, of two of the shapes."""
    monkeypatch.setattr(tuning, "SHAPES", ((14, 240, 60), (7, 480, 120)))
    path = tmp_path / "costs.json"
    typed = ["tune", "--dtype", "int8", "--rounds", "1", "--seconds", "0.001", "-o", str(path), "--json"]
    done = CliRunner().invoke(cli, typed)
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert list(document["tables"]) == ["int8"] and document["title"] == "local (litert, 1 thread)"
    assert Costs.read(path).tables["int8"][0].width == document["tables"]["int8"][0]["width"]
    again = CliRunner().invoke(cli, typed)
    assert again.exit_code == 2 and "exists" in again.output


def test_the_help_and_the_page_name_every_target() -> None:
    words = "".join(
        CliRunner().invoke(cli, ["export", "--help"]).output.split()
    )  # A line may end at a hyphen.
    page = (Path(__file__).parents[2] / "docs" / "lowering.md").read_text(encoding="utf-8")
    for name in TARGETS:
        assert name in words and f"| `{name}`" in page
