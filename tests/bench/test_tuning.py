"""Costs of the forms of an operator: fitted to times, kept in a file, and chosen by."""

import json
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from mobilecnn.api.making import export as api_export
from mobilecnn.bench.timing import kept_costs, tuning
from mobilecnn.bench.timing.network_forms import Share, Shares, gains
from mobilecnn.bench.timing.tuning import NOTHING, Case, Fit, Stack, files, fitted
from mobilecnn.cli import cli, tune
from mobilecnn.convert.graph import build, flatbuffer
from mobilecnn.convert.lowering import chosen
from mobilecnn.convert.lowering.costs import TARGETS, Costs, Table
from mobilecnn.errors import CheckFailed, InputError, UsageError

SHARES = Shares(Share(0.8, 0.75, 0.85), Share(0.5, 0.5, 0.5))
KNOWN = Table(call=300, group=40, width=16, unit=4, depth=2.5, tile=20, position=30, channel=1.5)


def spent(stack: Stack, table: Table = KNOWN) -> float:
    """Nanoseconds of the operators of a file by a table."""
    return sum(
        table.convolution(case.positions, case.inputs, case.outputs, case.groups)
        if case.inputs
        else table.shuffle(case.positions, case.outputs)
        for case in stack
    )


def stacks() -> list[Stack]:
    return [stack for stack in files("int8") if stack != NOTHING]


@pytest.mark.parametrize("table", [KNOWN, replace(KNOWN, group=0, product=0.3, output=12)])
def test_the_table_that_made_the_times_is_found(table: Table) -> None:
    fit = fitted({stack: spent(stack, table) for stack in stacks()})
    assert fit.error < 1e-6
    for case in (Case(100, 64, 48, 1), Case(100, 16, 20, 3), Case(49, 0, 90, 3)):
        assert spent((case,), fit.table) == pytest.approx(spent((case,), table))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.85, 1.0])
def test_the_share_of_the_places_that_made_the_times_is_found(share: float) -> None:
    """Also by the costs that an export chooses by."""
    made = tuning.pictures()
    weights = {
        picture: flatbuffer.graph(content, "it").operations[-1].inputs[1] for picture, content in made.items()
    }
    costs = Costs("it", {"int8": (replace(KNOWN, places=max(share, 1e-9)),)})
    times = {}
    for kernel, out in tuning.PICTURES:
        columns = -(-kernel // 2)
        trade = costs.columns("int8", 112 * 112, (out, kernel, kernel, 3), columns, 2)
        assert trade is not None
        ((times[tuning.Picture(kernel, None)],), (times[tuning.Picture(kernel, columns)],)) = (
            trade.before,
            trade.after,
        )
        (wide, narrow) = (weights[tuning.Picture(kernel, count)] for count in (None, columns))
        assert wide is not None and wide.shape == (out, kernel, kernel, 3)
        assert narrow is not None and narrow.shape == (out, kernel, columns, 6)
    assert tuning.places(times) == pytest.approx(share, abs=1e-6)


def test_times_that_say_nothing_are_refused() -> None:
    with pytest.raises(CheckFailed, match="do not follow from the multiply-adds"):
        fitted({stack: 10.0 ** (number * 5 % 7) for number, stack in enumerate(stacks())})


def test_a_file_has_the_operators_of_its_stack_in_their_order() -> None:
    """In a chain, so that they find their data where a network leaves it, but for what has a stride there."""
    for dtype in build.DTYPES:
        for stack, content in files(dtype).items():
            graph = flatbuffer.graph(content, "it")
            if stack == NOTHING:
                assert len(graph.operations) == 1
                continue
            assert len(graph.inputs) == len(graph.outputs) == 3 * len(tuning.SIDES)
            rows = iter(graph.operations)
            for case in stack:
                made = [next(rows) for _ in range(1 if case.inputs else 3)]
                shape = made[-1].outputs[0].shape
                assert shape[1] * shape[2] == case.positions
                if case.inputs:
                    kernel = made[0].inputs[1]
                    assert kernel is not None and shape[3] == case.groups * case.outputs
                    assert kernel.shape == (shape[3], 1, 1, case.inputs)
                else:
                    assert [row.kind for row in made] == ["RESHAPE", "TRANSPOSE", "RESHAPE"]
                    assert shape[3] == case.outputs and made[1].outputs[0].shape[3] == case.groups
            assert next(rows, None) is None
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


def test_a_type_with_no_table_in_its_list_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "costs.json"
    path.write_text(json.dumps({**Costs("it", {}).to_json(), "tables": {"float32": [], "int8": []}}))
    with pytest.raises(
        InputError, match="no table of costs for 'float32'; leave the type out, or tune again"
    ):
        chosen("auto", str(path))


def test_the_command_writes_what_export_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On this machine, of two of the networks. It may be busy with anything, so that the table is fitted to known times."""
    monkeypatch.setattr(tuning, "NETWORKS", ((0.25, 2), (0.5, 3)))
    monkeypatch.setattr(tuning, "fitted", lambda times: fitted({stack: spent(stack) for stack in times}))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = tmp_path / "costs.json"
    typed = ["tune", "--dtype", "int8", "--rounds", "1", "--seconds", "0.001", "-o", str(path), "--json"]
    done = CliRunner().invoke(cli, typed)
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    shares = {member: share and Share(**share) for member, share in document["shares"]["int8"].items()}
    assert shares["routes"] and gains([Shares(**shares)]) == (document["routes"], document["packs"])
    assert (Costs.read(path).routes, Costs.read(path).packs) == (document["routes"], document["packs"])
    assert list(document["tables"]) == ["int8"] and document["title"] == "local (litert, 1 thread)"
    assert document["tables"]["int8"][0]["width"] == KNOWN.width
    assert Costs.read(path).tables["int8"][0].pace == pytest.approx(KNOWN.pace)
    again = CliRunner().invoke(cli, typed)
    assert again.exit_code == 2 and "exists" in again.output


@pytest.mark.parametrize("name", ["costs.txt", "costs", "costs.json.bak", "costs.JSON"])
def test_a_name_that_export_would_not_take_is_refused_before_anything_is_timed(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "tune", lambda *_: pytest.fail("timed"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=f"unknown target '{name}'"):
        chosen("auto", name)
    refused = CliRunner().invoke(cli, ["tune", "--dtype", "int8", "--fresh", "-o", name])
    assert refused.exit_code == 2 and refused.stdout == "" and not [*tmp_path.iterdir()]
    assert f"costs are read from .json files, not from {name}; end its name in .json" in refused.stderr


def test_a_table_is_kept_by_device_runtime_type_and_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tuned: list[tuple[str, ...]] = []

    def tune(device: Any, protocol: Any, dtypes: Any, *_: Any) -> dict[str, Fit]:
        tuned.append(tuple(dtypes))
        return {dtype: Fit(replace(KNOWN, call=300 + len(tuned)), 0.01, SHARES) for dtype in dtypes}

    monkeypatch.setattr(tuning, "tune", tune)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)

    def run(name: str, *options: str) -> tuple[float, str]:
        done = CliRunner().invoke(cli, ["tune", "--dtype", "int8", *options, "-o", name, "--json"])
        assert done.exit_code == 0, done.output
        call = json.loads(done.stdout)["tables"]["int8"][0]["call"]
        written = Costs.read(tmp_path / name)
        assert written.tables["int8"][0].call == call and written.routes and written.packs
        return call, done.stderr

    assert run("1.json") == (301, "")
    call, said = run("2.json")
    assert call == 301 and "int8: the table tuned on 20" in said and "--fresh measures anew" in said
    assert run("3.json", "--dtype", "float32")[0] == 301 and tuned[-1] == (
        "float32",
    )  # Of two types one is missing.
    for number, options in enumerate(
        (["--fresh"], ["--threads", "2"], ["--runtime", "tflite-runtime"]), start=3
    ):
        assert run(f"{number + 1}.json", *options)[0] == 300 + number
    assert run("7.json")[0] == 303  # What --fresh found has taken the place of the first.
    # A table that was timed for less time than is asked, one that is damaged and one of another release are tuned anew.
    assert run("8.json", "--seconds", "0.3")[0] == 306
    for path in (tmp_path / "cache" / "mobilecnn" / "costs").iterdir():
        path.write_text("{}")
    assert run("9.json")[0] == 307
    key = kept_costs.Key("it", (), "", "litert", "2.3", 1, "int8")
    assert key.path != replace(key, release="2.4").path and key.path != replace(key, tool="0").path


def test_a_cache_that_cannot_be_written_does_not_cost_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "tune", lambda *_: {"int8": Fit(KNOWN, 0.01, SHARES)})
    (tmp_path / "cache").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    done = CliRunner().invoke(cli, ["tune", "--dtype", "int8", "-o", str(tmp_path / "it.json")])
    assert done.exit_code == 0 and "the table of int8 is not kept for the next time: " in done.stderr
    assert Costs.read(tmp_path / "it.json").tables["int8"] == (KNOWN,)
    assert (
        "ShuffleNet V2 with channels routed takes, of the time without: 80.0% (75.0% to 85.0%) in int8"
        in done.stdout
    )
    assert (
        "MobileNet V1 with several outputs or places as one takes, of the time without: 50.0% in int8"
        in done.stdout
    )
    assert "Chosen: route_channels yes, several outputs or places as one yes" in done.stdout


def test_the_help_and_the_page_name_every_target() -> None:
    words = "".join(
        CliRunner().invoke(cli, ["export", "--help"]).output.split()
    )  # A line may end at a hyphen.
    docs = Path(__file__).parents[2] / "docs"
    page, tuned = ((docs / name).read_text(encoding="utf-8") for name in ("lowering.md", "tune.md"))
    called = api_export.__doc__ or ""
    for name in TARGETS:
        assert name in words and f"| `{name}`" in page
        assert f"`{name}`" in tuned and f"``{name}``" in called
