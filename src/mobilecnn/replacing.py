"""What an output may replace: an earlier one of its own kind, and nothing else.

A slip of a name may be that of a model, a passport, a manifest, or an image of the data set that the command reads.
"""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from mobilecnn.documents import parse_json
from mobilecnn.errors import InputError, OutputError, UsageError
from mobilecnn.files import LARGEST_RECORD, check_file, is_folder, open_input, read_bytes
from mobilecnn.records import schema

SOFTWARE = "mobilecnn"
"""Value of the text ``Software`` in the PNG files of this program: it tells them from the images of a data set."""

_HEAD = 4096
"""Number of bytes at the beginning of a picture or a page that tell what it is."""


def refuse_itself(output: Path, source: Path) -> None:
    """Refuse an output that is the model that it is to be made of.

    Raises:
        UsageError: it is.
    """
    if output.exists() and source.exists() and output.samefile(source):
        raise UsageError(
            f"{output} is the model that is read, which would be lost; choose another name with -o"
        )


def check_record(path: Path, own: str, noun: str) -> None:
    """Refuse a name for a JSON file at which there is something else than one of its schema.

    Args:
        path: the name.
        own: the schema.
        noun: what is to be written, for messages: ``an evaluation``.

    Raises:
        OutputError: there is another file, or none can be written.
    """
    check_file(path)
    _refuse_other(path, noun, lambda: schema(path, "output") == own)


def check_result(path: Path, members: Iterable[str]) -> None:
    """Refuse a name for a JSON file of results at which there is something else than one with these members.

    Args:
        path: the name.
        members: names that tell such a file: it carries no schema, because nothing reads it back but people's programs.

    Raises:
        OutputError: there is another file, or none can be written.
    """
    check_file(path)
    _refuse_other(path, "a file of results", lambda: set(members) <= _members(path))


def _members(path: Path) -> set[str]:
    try:
        document = parse_json(read_bytes(path, "output", most=LARGEST_RECORD))
    except ValueError:
        return set()
    return set(document) if isinstance(document, dict) else set()


def check_picture(path: Path, noun: str, option: str) -> None:
    """Refuse a name for a PNG file that is none, or at which there is something else than one of this program's.

    Args:
        path: the name.
        noun: what is to be written, for messages: ``a sheet``.
        option: the option of the name.

    Raises:
        UsageError: it has another ending than ``.png``.
        OutputError: there is another file, or none can be written.
    """
    if path.suffix.lower() != ".png" and not is_folder(path):
        raise UsageError(f"{noun} is a PNG file; write {option} {path}.png")
    check_file(path)
    _refuse_other(path, noun, lambda: b"tEXtSoftware\0" + SOFTWARE.encode() in _head(path))


def check_page(path: Path) -> None:
    """Refuse a name for a page at which there is something else than a page.

    Raises:
        OutputError: there is another file, or none can be written.
    """
    check_file(path)
    _refuse_other(path, "a page", lambda: _head(path).lstrip().lower().startswith(b"<!doctype html"))


def check_table(path: Path, columns: Sequence[str]) -> None:
    """Refuse a name for a CSV file that is none, or at which there is something else than a table with these columns first.

    Args:
        path: the name.
        columns: names of the first columns of the tables that may be replaced; empty where nothing may be.

    Raises:
        UsageError: it has another ending than ``.csv``.
        OutputError: there is another file, or none can be written.
    """
    if path.suffix.lower() != ".csv" and not is_folder(path):
        raise UsageError(f"the answers are a CSV file; write -o {path}.csv")
    check_file(path)
    if not columns and path.exists():
        raise OutputError(
            f"{path} exists, and such a table replaces no file; choose another name, or move it away"
        )
    first = ",".join(columns).encode()
    _refuse_other(path, "a table of answers", lambda: _head(path).startswith(first))


def check_text(path: Path, noun: str, begins: Callable[[str], bool]) -> None:
    """Refuse a name for a text at which there is something else than one of its kind.

    Args:
        path: the name.
        noun: what is to be written, for messages: ``tables``.
        begins: whether a text with that first line is one.

    Raises:
        OutputError: there is another file, or none can be written.
    """
    check_file(path)
    _refuse_other(path, noun, lambda: begins(_head(path).decode(errors="replace").partition("\n")[0]))


def _head(path: Path) -> bytes:
    with open_input(path, "output", most=LARGEST_RECORD) as stream:
        return stream.read(_HEAD)


def _refuse_other(path: Path, noun: str, own: Callable[[], bool]) -> None:
    if not path.exists() or path.stat().st_size == 0:
        return
    try:
        if own():
            return
    except InputError:
        pass  # What cannot be read cannot be told from what must stay.
    raise OutputError(
        f"{path} exists and is not {noun} of mobilecnn, and nothing else is replaced; choose another name, or move it away"
    )
