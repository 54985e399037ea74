"""Folders that are made for results, and go again where no result came."""

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mobilecnn.files import exists


@contextmanager
def withdrawn(folder: Path) -> Iterator[None]:
    """Remove ``folder``, and those above it, where they were made in the block, the block fails, and nothing lies in them.

    A folder that was there before stays, and one that something was written into.
    """
    missing = [each for each in (folder, *folder.parents) if not exists(each)]
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):  # Not empty, or never made.
            for each in missing:
                each.rmdir()
        raise
