"""What the tests of training share."""

from pathlib import Path

import pytest
from trainings import COUNTS, write_class


@pytest.fixture(scope="session")
def colors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three class folders, told apart by colour, of unequal size: 42 pictures."""
    folder = tmp_path_factory.mktemp("colors")
    for label, count in COUNTS.items():
        write_class(folder, label, count)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for all tests of a module, as the tests of Hypothesis need one."""
    return tmp_path_factory.mktemp("module")
