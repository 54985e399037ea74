"""``mobilecnn report`` as a command."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import results
from click.testing import CliRunner
from html_pages import HOSTILE, Page
from test_report import GOLDEN

from mobilecnn.cli import COMMANDS, cli
from mobilecnn.quantize.evaluation import NO_BETTER
from mobilecnn.remarks import Remark


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return results.three(tmp_path_factory.mktemp("results"))


def run(*arguments: object) -> Any:
    return CliRunner().invoke(cli, ["report", *map(str, arguments)])


def test_the_command(three: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run(*three)
    assert done.exit_code == 0, done.output
    assert done.stdout == "report.html\n"
    assert (tmp_path / "report.html").read_text() == GOLDEN.read_text()

    done = run(three[0].parent, "-o", "deep/it.html", "--json")
    assert json.loads(done.stdout) == {
        "page": "deep/it.html",
        "measurements": ["pi.json", "host.json"],
        "evaluations": ["accuracy.json"],
        "not_validated": {},
        "counts": [],
        "streams": [],
    }
    done = run(three[0], "-o", three[1])
    assert done.exit_code == 2
    assert "must end in .html" in done.stderr
    done = run("gone.json", "--json")
    assert done.exit_code == 2
    assert json.loads(done.stdout)["error"]["message"] == "no such result: gone.json"
    assert run().exit_code == 2


@pytest.mark.parametrize("code", [NO_BETTER, "hidden"])
def test_a_file_that_is_no_better_than_chance_is_named(code: str, tmp_path: Path) -> None:
    """What was said of the data itself concerns the evaluation, and not the figures of the page."""
    text = f"no more right answers than chance gives: {HOSTILE} (5 of 10)"
    judged = replace(results.evaluation(), remarks=(Remark(code, 1, text, ("it",)),))
    page = results.made(*results.written(tmp_path, pi=results.measured(), accuracy=judged))
    said = " ".join(Page(page).texts)
    assert ("No more right answers than chance gives: </script>" in said) is (code == NO_BETTER)


def test_help_is_true() -> None:
    from mobilecnn.cli.report import command

    assert command.get_short_help_str(200) == COMMANDS["report"]
