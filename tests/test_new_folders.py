"""A new folder is not left behind where nothing came, and a folder of the user's own always is."""

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from mobilecnn.cli import cli
from mobilecnn.files import check_writable
from mobilecnn.folders import withdrawn


class Refused(Exception):
    """What ends a block."""


def refused(folder: Path, work: Callable[[], object]) -> None:
    with pytest.raises(Refused), withdrawn(folder):
        work()
        raise Refused


def test_what_was_made_goes_with_the_folders_above_it(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    refused(folder, lambda: check_writable(folder))
    assert not [*tmp_path.iterdir()]


def test_what_was_there_stays(tmp_path: Path) -> None:
    above = tmp_path / "a"
    above.mkdir()
    refused(above, lambda: check_writable(above))
    assert above.is_dir()
    refused(above / "b", lambda: check_writable(above / "b"))
    assert [*tmp_path.rglob("*")] == [above]


def test_what_was_written_stays(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"

    def written() -> None:
        check_writable(folder)
        (folder / "it").write_text("it")

    refused(folder, written)
    assert (folder / "it").read_text() == "it"


def test_what_was_made_stays_where_nothing_fails(tmp_path: Path) -> None:
    with withdrawn(tmp_path / "a"):
        check_writable(tmp_path / "a")
    assert (tmp_path / "a").is_dir()


@pytest.mark.parametrize("format", ["--int8", "--int8=auto"])
def test_an_export_that_is_refused_leaves_no_folder(format: str, tmp_path: Path) -> None:
    words = ["export", "lenet5", *format.split("="), "--calibration", str(tmp_path / "missing")]
    done = CliRunner().invoke(cli, [*words, "-o", str(tmp_path / "out" / "deep")])
    assert done.exit_code == 2, done.output
    assert not (tmp_path / "out").exists()
    own = tmp_path / "own"
    own.mkdir()
    assert CliRunner().invoke(cli, [*words, "-o", str(own)]).exit_code == 2
    assert own.is_dir() and not [*own.iterdir()]
