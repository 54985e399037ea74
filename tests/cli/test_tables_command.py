"""``mobilecnn tables``: text, JSON, Markdown and HTML of the papers' tables."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from mobilecnn.bench.pages import published_tables, table_names
from mobilecnn.bench.pages.table_names import names
from mobilecnn.bench.papers.stored import path as stored_path
from mobilecnn.cli import cli, looks


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["tables", *(str(argument) for argument in arguments)])


def test_without_a_name_the_tables_are_listed() -> None:
    done = run()
    assert done.exit_code == 0, done.output
    names = [line.split()[0] for line in done.stdout.splitlines()[2:]]
    assert {
        "mobilenet-2",
        "shufflenet-5",
        "shufflenet-8",
        "squeezenet-1",
        "inception_v2-3",
        "efficientnet-scaling",
    } <= set(names)
    listed = json.loads(run("--json").stdout)["tables"]
    assert [row["name"] for row in listed] == names and all(row["source"] for row in listed)


@pytest.mark.parametrize("family", ["mobilenet", "shufflenet"])
def test_the_first_of_a_family_has_the_zoos_name_as_well(family: str) -> None:
    every = tuple(name for name in names() if name.rpartition("-")[0] == family)
    assert len(every) > 2
    for spelling in (f"{family}_v1", f"{family}-v1"):
        assert table_names.of(spelling) == every
        for name in every:
            assert table_names.of(spelling + name.removeprefix(family)) == (name,)
    assert run(f"{family}_v1-5").stdout == run(f"{family}-5").stdout
    refused = run(f"{family}_v1-99")
    assert refused.exit_code == 2 and f"there is no table '{family}_v1-99'" in refused.stderr


def test_all_tables_take_less_than_five_seconds() -> None:
    # The stored counts are read, and no network is built. Processor time, since others may use the processor, too.
    before = os.times()
    done = subprocess.run(
        [sys.executable, "-m", "mobilecnn", "tables", "--all"], check=False, capture_output=True, text=True
    )
    after = os.times()
    assert done.returncode == 0 and "nasnet-3: " in done.stdout, done.stderr
    assert after.children_user + after.children_system - before.children_user - before.children_system < 5


def test_a_table_has_both_figures_and_marks_what_differs() -> None:
    done = run("shufflenet-2", "mobilenet-6")
    assert done.exit_code == 0, done.output
    lines = {line.split("  ")[0]: line.split() for line in done.stdout.splitlines()}
    # 40.47 million multiply-adds where the paper prints 38 for all groups; 137.46 are 140, rounded to tens.
    assert "40.47" in lines["0.5x, g = 8"] and "+6.5%" in lines["0.5x, g = 8"]
    assert "137.46" in lines["1x, g = 3"] and not any(cell.endswith("%") for cell in lines["1x, g = 3"])
    assert "568.74" in lines["1.0 MobileNet-224"]


def test_json_has_published_and_ours() -> None:
    (table,) = json.loads(run("xception-3", "--json").stdout)["tables"]
    assert table["columns"] == ["parameters (M)"] and table["derived"] == []
    (timed,) = json.loads(run("shufflenet-8", "--json").stdout)["tables"]
    assert timed["derived"] == ["theoretical speedup", "actual speedup"] == timed["columns"][:2]
    assert table["rows"][1] == {
        "label": "Xception",
        "network": "xception",
        "figures": [
            {
                "published": 22.855952,
                "printed": "22.855952",
                "ours": 22.855952,
                "difference": 0.0,
                "agrees": True,
            }
        ],
        "other_sources": [
            {
                "quantity": "params",
                "published": 22.8,
                "printed": "22.8",
                "source": "nasnet-2",
                "protocol": None,
            }
        ],
    }
    # 1.0 is printed with its zero, which says how far it is rounded.
    (scaling,) = json.loads(run("efficientnet-scaling", "--json").stdout)["tables"]
    assert scaling["rows"][0]["figures"][0]["printed"] == "1.0"
    (scales,) = json.loads(run("resnet-4", "--json").stdout)["tables"]
    assert (scales["protocol_of"], table["protocol_of"]) == ("the ResNets", None)
    assert table["left_out"] == "the steps a second of a training." and table["protocol"] is None
    differs = table["rows"][0]["figures"][0]
    assert (
        differs["difference"] == pytest.approx(differs["ours"] / differs["published"] - 1)
        and differs["difference"] > 0
    )
    without = json.loads(run("mobilenet-2", "--json").stdout)["tables"][0]["rows"][0]
    assert without["other_sources"] == [] and without["figures"][0]["difference"] is not None


def test_other_sources_stand_beside_the_figures_in_every_form() -> None:
    # 70.6 in the paper, 70.9 and 71.0 of the published files.
    text, markdown, html = (
        run("mobilenet-7", "--format", form).stdout for form in ("text", "markdown", "html")
    )
    for shown in (text, markdown, html):  # In HTML, too, nothing breaks within a number or a name.
        assert "70.9 (TF-slim model table, MobileNet V1)" in shown and "575 (mobilenet_v2-4)" in shown
    assert (
        markdown.count("| other sources |") == 1 and "|---|---|--:|--:|--:|--:|--:|--:|--:|---|" in markdown
    )
    assert "other sources" not in run("mobilenet-2", "--format", "markdown").stdout


def test_forms(tmp_path: Path) -> None:
    markdown = run("shufflenet-5", "--format", "markdown").stdout
    assert markdown.startswith("## shufflenet-5\n\n") and "| `shufflenet_v1_x2.0_g3` |" in markdown
    page = tmp_path / "tables.html"
    done = run("--all", "--format", "html", "-o", page)
    assert done.exit_code == 0 and done.stdout.strip() == str(page)
    html = page.read_text()
    assert html.startswith("<!doctype html>") and "shufflenet-5: ShuffleNet against MobileNet" in html
    assert "http" not in html.replace("http-equiv", "")


def test_a_papers_name_stands_for_its_tables() -> None:
    listed = json.loads(run("inception-v2", "squeezenet", "mobilenet_v2", "--json").stdout)["tables"]
    assert [table["name"] for table in listed] == [
        "inception_v2-3", "inception_v2-steps", "squeezenet-1", "squeezenet-2", "squeezenet-3", "mobilenet_v2-2", "mobilenet_v2-4",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "begins"),
    [("it.html", "<!doctype html>"), ("it.HTM", "<!doctype html>"), ("it.md", "## mobilenet-2"), ("it.json", '{\n  "tables": ['), ("it.txt", "mobilenet-2: "), ("it", "mobilenet-2: ")],
)  # fmt: skip
def test_the_ending_says_the_form(name: str, begins: str, tmp_path: Path) -> None:
    assert run("mobilenet-2", "-o", tmp_path / name).exit_code == 0
    assert (tmp_path / name).read_text().startswith(begins)


def test_another_ending_takes_the_form_that_is_given(tmp_path: Path) -> None:
    assert run("mobilenet-2", "--format", "markdown", "-o", tmp_path / "it.text").exit_code == 0
    assert (tmp_path / "it.text").read_text().startswith("## mobilenet-2")


def test_json_in_a_file_is_what_is_printed(tmp_path: Path) -> None:
    output = tmp_path / "it.json"
    assert run("mobilenet-2", "-o", output).exit_code == 0
    assert json.loads(run("mobilenet-2", "--json").stdout) == json.loads(output.read_text())


def test_what_is_left_out_and_how_accuracies_were_tested_stands_in_every_form() -> None:
    for form in ("text", "markdown", "html"):
        shown = run("densenet-3", "--format", form).stdout
        assert "Left out: the errors with 10 crops" in shown
        assert "Accuracies: one crop of 224 x 224 pixels." in shown


NARROW = 80
"""Characters in a line of a small terminal."""


@pytest.mark.parametrize("name", names())
def test_a_narrow_terminal_shows_what_is_compared(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "terminal_columns", lambda err=False: NARROW)
    shown = run(name).stdout
    lines = shown.splitlines()
    rule = next(line for line in lines if line.startswith("---"))
    header = " ".join(lines[: lines.index(rule)])
    table = published_tables.filled(name)
    assert all(len(line) <= NARROW for line in lines)
    agree = [[row.figures[place].agrees for row in table.rows] for place in range(len(table.columns))]
    if any(found is not None for column in agree for found in column):
        # The column that is compared most often is there, with both figures and, where any differs, the differences.
        assert "paper" in header and "ours" in header
        most = max(agree, key=lambda column: sum(found is not None for found in column))
        assert "differs" in header or False not in most


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("squeezenet-2", "size (MB): paper"),
        ("squeezenext-1", "parameters (M): paper"),  # Ten are published, and of the multiply-adds two.
        ("shufflenet-8", "theoretical speedup: from the paper's figures"),
        ("mobilenet_v3-3", "multiply-adds (M): paper"),
    ],
)
def test_which_columns_the_narrowest_terminal_shows(name: str, shown: str) -> None:
    table = published_tables.filled(name)
    assert published_tables.cells(table)[0][published_tables.kept(table)[0]] == shown
    gone = [number for group in published_tables.spare(table) for number in group]
    assert gone[0] == 1 and len(gone) == len(set(gone)) and not set(gone) & set(published_tables.kept(table))


def test_the_guide_quotes_what_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    guide = (Path(__file__).parents[2] / "docs" / "guide_budget.md").read_text()
    quoted = guide.partition("```text\nshufflenet-8:")[2].partition("\n...\n```")[0]
    monkeypatch.setattr(looks, "terminal_columns", lambda err=False: 110)
    assert quoted and run("shufflenet-8").stdout.startswith(f"shufflenet-8:{quoted}\n")


def test_a_file_written_at_a_narrow_terminal_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    piped = run("nasnet-2").stdout
    monkeypatch.setattr(looks, "terminal_columns", lambda err=False: NARROW)
    output = tmp_path / "it.txt"
    assert run("nasnet-2", "-o", output).exit_code == 0
    assert output.read_text() == piped and run("nasnet-2").stdout != piped


@pytest.mark.parametrize(
    ("name", "form"), [("it", "text"), ("it", "markdown"), ("it", "html"), ("it.json", None)]
)
def test_tables_replace_tables_and_nothing_else(name: str, form: str | None, tmp_path: Path) -> None:
    output, typed = tmp_path / name, () if form is None else ("--format", form)
    for _ in range(2):
        assert run("mobilenet-2", *typed, "-o", output).exit_code == 0
    output.write_bytes(b"TFL3 something of mine")
    refused = run("mobilenet-2", *typed, "-o", output)
    assert refused.exit_code == 2 and "nothing else is replaced" in refused.stderr
    assert output.read_bytes() == b"TFL3 something of mine"


def test_the_times_of_ones_own() -> None:
    modelled = run("shufflenet-8").stdout
    assert "ours modelled on the Snapdragon 820" in modelled
    own = run("shufflenet-8", "--times", stored_path("pi4")).stdout
    assert "ours modelled on" in own and own != modelled


@pytest.mark.parametrize("times", [6, None])
def test_times_on_larger_pictures_are_none_of_the_table(times: int | None, tmp_path: Path) -> None:
    """The table says 224 x 224; `mobilecnn speedup --resolution 480x640` writes a record of the same networks."""
    record = json.loads(stored_path("pi4").read_text())
    for model in record["models"]:
        model["passport"]["macs"] = times and times * model["passport"]["macs"]
    larger = tmp_path / "larger.json"
    larger.write_text(json.dumps(record))
    refused = run("shufflenet-8", "--times", larger)
    assert refused.exit_code == 2 and "in float32 at 224 x 224" in refused.stderr


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (["shufflenet-9"], "there is no table 'shufflenet-9'; did you mean shufflenet-8"),
        (["--all", "mobilenet-2"], "leave out either it or mobilenet-2"),
        (["mobilenet-2", "--times", "x.json"], "--times is for shufflenet-8"),
        (["-o", "x.html"], "name the tables to write, or give --all"),
        (["mobilenet-2", "--json", "-o", "x.json"], "leave out --format and -o"),
        (["mobilenet-2", "--format", "html", "-o", "x.md"], "leave out --format, or write -o x.html"),
        (
            ["mobilenet-2", "--format", "html", "-o", "x.json"],
            "--format html contradicts the ending of x.json, .json; leave out --format, or write -o x.html",
        ),
        (["squezenet-2"], "did you mean squeezenet-2"),
        (["shufflenet-8", "--times", "missing.json"], "missing.json"),
        (["shufflenet-8", "--times", "other.json"], "is not"),
        (["mobilenet-2", "-o", "folder"], "is a folder"),
        (
            ["mobilenet-2", "-o", "x.pdf"],
            "no form is written to .pdf files; end -o in .txt, .md, .html or .json, or give --format",
        ),
    ],
)
def test_refused_in_one_line(
    typed: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "other.json").write_text("{}")
    before = sorted(tmp_path.iterdir())
    refused = run(*typed)
    assert refused.exit_code == 2, refused.output
    assert words in refused.stderr and len(refused.stderr.strip().splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == before
