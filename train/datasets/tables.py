"""CSV files from anywhere, as text: bounded, strict, and with the line of what is wrong."""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mobilecnn.errors import DataError
from mobilecnn.files import read_bytes
from mobilecnn.labels import normal
from mobilecnn.remarks import listed

LARGEST = 64 << 20
"""Number of bytes of the largest table of images that is read: a million rows of 64 letters."""

MOST_COLUMNS = 10_000
"""Largest number of columns of a table: those of one-hot labels are one for each class."""

SEPARATORS = ",;\t"
"""Letters that may stand between the cells; a table's first line says which does."""


@dataclass(frozen=True)
class Table:
    """The rows of a CSV file.

    Attributes:
        path: the file.
        columns: names in its first line, without surrounding space.
        rows: number of the line in the file, and the cells, as many as there are columns, without surrounding space.
    """

    path: Path
    columns: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]

    def column(self, names: Sequence[str]) -> int | None:
        """The place of the one column with one of ``names``, in any case; None where there is none.

        Raises:
            DataError: several columns have one of the names.
        """
        found = [place for place, name in enumerate(self.columns) if name.casefold() in names]
        if len(found) > 1:
            both = listed([self.columns[place] for place in found])
            raise DataError(
                f"{self.path} has several columns that could be meant: {both}; leave one of them, or rename the others"
            )
        return found[0] if found else None


def read(path: Path) -> Table:
    """The table in a CSV file in UTF-8, whose first line names the columns. Empty lines are passed over.

    Raises:
        DataError: the file cannot be read, or is no such table.
    """
    content = read_bytes(path, "table of images", DataError, LARGEST)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{path} is not a UTF-8 text file; save it as UTF-8") from None
    if "\0" in text:
        raise DataError(f"{path} is no text: it holds the character NUL; save it as CSV in UTF-8")
    head = text.lstrip("\r\n").split("\n", 1)[0]
    separators = [letter for letter in SEPARATORS if letter in head]
    if len(separators) != 1:
        found = "several of them" if separators else "none"
        raise DataError(
            f"{path}: its first line must name two or more columns with commas, semicolons or tabs between, and has {found}"
        )
    rows = _lines(path, text, separators[0])
    _, columns = next(rows)
    if len(columns) > MOST_COLUMNS:
        raise DataError(f"{path} has {len(columns):,} columns; a table of images may have {MOST_COLUMNS:,}")
    folded = [name.casefold() for name in columns]
    for place, name in enumerate(folded):
        if name in folded[:place]:
            raise DataError(f"{path} has two columns called {columns[place]!r}; rename or remove one")
    return Table(path, columns, tuple(rows))


def _lines(path: Path, text: str, separator: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    width = 0
    try:
        for cells in reader:
            row = tuple(normal(cell) for cell in cells)
            if not any(row):
                continue
            width = width or len(row)
            if len(row) != width:
                raise DataError(
                    f"{path}, line {reader.line_num}: {len(row)} cells, and the first line has {width}; put text with a "
                    f"{separator!r} in it into double quotes"
                )
            yield reader.line_num, row
    except csv.Error as error:
        raise DataError(f"{path}, line {reader.line_num}: {error}; save it as CSV again") from error
    if not width:
        raise DataError(f"{path} is empty")
