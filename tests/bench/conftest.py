"""What the tests of devices share."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sshd import Board, sshd


@pytest.fixture(scope="module")
def served() -> Iterator[Board]:
    """One server for all tests of a module."""
    with tempfile.TemporaryDirectory(prefix="sshd-") as folder, sshd(Path(folder)) as one:
        yield one


@pytest.fixture
def board(served: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Board]:
    """That server, known to ``ssh`` as ``board``; at the end nothing of ours may be left there."""
    for name, value in served.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    yield served
    served.expect_nothing_left()
