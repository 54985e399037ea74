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
