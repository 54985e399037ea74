"""``mobilecnn report`` as a command."""

import json
from pathlib import Path
from typing import Any

import pytest
import results
from click.testing import CliRunner
from test_report import GOLDEN

from mobilecnn.cli import COMMANDS, cli


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
        "counts": [],
    }
    done = run(three[0], "-o", three[1])
    assert done.exit_code == 2
    assert "must end in .html" in done.stderr
    done = run("gone.json", "--json")
    assert done.exit_code == 2
    assert json.loads(done.stdout)["error"]["message"] == "no such result: gone.json"
    assert run().exit_code == 2


def test_help_is_true() -> None:
    from mobilecnn.cli.report import command

    assert command.get_short_help_str(200) == COMMANDS["report"]
