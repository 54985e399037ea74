"""Class names: how two are compared, and the text files that list them."""

import re
import unicodedata
from pathlib import Path

from mobilecnn.errors import DataError
from mobilecnn.files import LARGEST_TEXT, read_bytes

_LINE_END = re.compile(r"\r\n|\r|\n")
"""Ends of lines; fewer than ``str.splitlines`` knows, which also splits at characters that may stand in a name."""


def normal(label: str) -> str:
    """The form in which a class name is compared: composed (NFC), without byte order marks and surrounding space.

    The same name is stored decomposed by macOS, with a byte order mark by Windows' editors, and with the
    space that somebody typed behind it.
    """
    return unicodedata.normalize("NFC", label.replace("\ufeff", "")).strip()


def one_line(label: str) -> str:
    """The class name as a line of a labels file: the ends of lines in it, which a folder's name may hold, are spaces."""
    return _LINE_END.sub(" ", label)


def read(path: Path) -> tuple[str, ...]:
    """The class names in a text file, one a line, in output order. Two outputs may have the same name.

    Lines end as on any system; empty ones are passed over.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        text = read_bytes(path, "labels file", DataError, LARGEST_TEXT).decode()
    except UnicodeDecodeError:
        raise DataError(f"{path} is not a UTF-8 text file; give one class name a line") from None
    return parse(text)


def parse(text: str) -> tuple[str, ...]:
    """The class names in a text, one a line; empty lines are passed over."""
    labels = tuple(normal(line) for line in _LINE_END.split(text))
    return tuple(label for label in labels if label)
