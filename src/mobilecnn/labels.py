"""Class names: how two are compared, and the text files that list them."""

import re
import unicodedata
from pathlib import Path

from mobilecnn.errors import DataError
from mobilecnn.files import LARGEST_TEXT, read_bytes


def normal(label: str) -> str:
    """The form in which a class name is compared: composed (NFC), without byte order marks and surrounding space.

    The same name is stored decomposed by macOS, with a byte order mark by Windows' editors, and with the
    space that somebody typed behind it.
    """
    return unicodedata.normalize("NFC", label.replace("\ufeff", "")).strip()


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
    # Not splitlines, which also splits at characters that may stand in a name.
    labels = tuple(normal(line) for line in re.split(r"\r\n|\r|\n", text))
    return tuple(label for label in labels if label)
