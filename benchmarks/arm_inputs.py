"""What the benchmarks of modelled ARM time are given: ncnn's networks with published times, and the table of works."""

import csv
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from mobilecnn.errors import InputError

TIMES = "published.csv"
"""Name of the file of published times, beside ncnn's ``.param`` files; docs/arm_model.md says what is in it."""


def published_rows(folder: Path, columns: Collection[str]) -> list[dict[str, str]]:
    """The rows of a folder's published times.

    Args:
        folder: folder with ``published.csv``.
        columns: columns of times that it must have, besides ``network`` and ``input``.

    Raises:
        InputError: the file is missing, lacks a column, has a network twice, or a name, side or time that is none.
    """
    path = folder / TIMES
    if not path.is_file():
        raise InputError(
            f"{path} is missing; no checkout of ncnn has it, and docs/arm_model.md says, under 'The benchmark', how to write it"
        )
    rows = _rows(path, ("network", "input", *columns))
    names = [row["network"] for row in rows]
    for row in rows:
        where = f"{path}, network {row['network']!r}"
        if not re.fullmatch(r"\w[\w.-]*", row["network"]):
            raise InputError(f"{where}: that is no name of a .param file, without the ending")
        if names.count(row["network"]) > 1:
            raise InputError(f"{where}: it is there twice; leave one out")
        if not row["input"].isdecimal() or int(row["input"]) < 1:
            raise InputError(f"{where}: input is {row['input']!r}; give the side in pixels")
        for column in columns:
            if row[column] and not _positive(row[column]):
                raise InputError(
                    f"{where}: {column} is {row[column]!r}; give milliseconds, or nothing for a time that is not published"
                )
    return rows


def params_of(folder: Path, networks: Iterable[str]) -> None:
    """Refuse a folder without the description of a network that is to run.

    Raises:
        InputError: naming what is missing.
    """
    missing = [name for name in networks if not (folder / f"{name}.param").is_file()]
    if missing:
        skipped = " ".join(f"--skip {name}" for name in missing)
        raise InputError(
            f"{folder} has no {', '.join(f'{name}.param' for name in missing)}; copy from benchmark/models of ncnn (in older "
            f"checkouts benchmark), or leave out: {skipped}"
        )


def works_rows(
    path: Path, chips: Mapping[str, Collection[str]], amounts: Collection[str]
) -> list[dict[str, str]]:
    """The rows of a table that ``arm_model.py --table`` wrote.

    Args:
        path: the table.
        chips: runtime -> chips of which it may have times.
        amounts: columns of amounts that it must have.

    Raises:
        InputError: it is missing, another table, or has a chip or number that is none.
    """
    if not path.is_file():
        raise InputError(
            f"{path} is missing; the stored table is tests/bench/arm_works.csv, and --table writes one"
        )
    figures = ("milliseconds", *amounts)
    rows = _rows(path, ("runtime", "chip", "network", *figures))
    for number, row in enumerate(rows, 2):
        if row["chip"] not in chips.get(row["runtime"], ()):
            raise InputError(
                f"{path}, line {number}: no runtime {row['runtime']!r} of a chip {row['chip']!r}; write it anew with --table"
            )
        for column in figures:
            if not _positive(row[column]) and not (row[column] == "0" and column in amounts):
                raise InputError(
                    f"{path}, line {number}: {column} is {row[column]!r}; write it anew with --table"
                )
    return rows


def _rows(path: Path, columns: Collection[str]) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file, strict=True, restval="")
            rows, given = list(reader), reader.fieldnames or ()
    except (OSError, ValueError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as CSV: {error}") from error
    missing = [column for column in columns if column not in given]
    if missing:
        raise InputError(
            f"{path} has no column {', '.join(missing)}; its columns must be {', '.join(columns)}"
        )
    if not rows:
        raise InputError(f"{path} has no rows")
    return rows


def _positive(text: str) -> bool:
    try:
        return 0 < float(text) < 1e15
    except ValueError:
        return False
