"""Where the files of an export go."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from mobilecnn.convert import passport
from mobilecnn.errors import OutputError
from mobilecnn.files import check_file
from mobilecnn.folders import withdrawn
from mobilecnn.records import schema


@contextmanager
def places(output: Path, paths: Iterable[Path]) -> Iterator[None]:
    """Refuse names that no file, or no passport, can have; where an export ends with nothing, no new folder is left.

    Args:
        output: the folder; created if need be.
        paths: the files in it.

    Raises:
        OutputError: something else has such a name.
        EnvironmentProblem: the disk is full.
    """
    with withdrawn(output):
        for path in paths:
            check_file(path)
            card = passport.beside(path)
            if card.exists() and schema(card, "passport") != passport.Passport.SCHEMA:
                raise OutputError(
                    f"{card} is no passport, and that of {path.name} goes there; move it away, or choose "
                    "another folder with -o"
                )
        yield
