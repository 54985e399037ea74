"""Recipes of experiments: trainings side by side, with the figures that somebody published of them.

A recipe is a TOML file; those beside this module are read by name. One of the user's own has the same form.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mobilecnn.documents import parse_toml
from mobilecnn.errors import InputError, UsageError
from mobilecnn.files import LARGEST_TOML, read_bytes
from mobilecnn.records import record
from mobilecnn.train.options import members

MOST_ROWS = 1000
"""Largest number of rows of a recipe."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
"""A row's name, which its files are called after."""

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Published:
    """Figures that somebody published of a training; None where there is none.

    Attributes:
        parameters: number of parameters, as it was printed, such as ``2.2M``.
        time: duration of the training, in seconds.
        loss: loss of the last epoch, in nats.
        accuracy: accuracy while training, from 0 to 1.
        val_loss: loss on the validation images, in nats.
        val_accuracy: accuracy on the validation images, from 0 to 1.
        prediction: time to predict all images, in seconds.
        prediction_images: number of these images.
    """

    parameters: str | None = None
    time: float | None = None
    loss: float | None = None
    accuracy: float | None = None
    val_loss: float | None = None
    val_accuracy: float | None = None
    prediction: float | None = None
    prediction_images: int | None = None


@dataclass(frozen=True)
class Row:
    """A training of an experiment.

    Attributes:
        name: its name.
        options: options of ``mobilecnn train``, without their dashes.
        published: what is known of it.
    """

    name: str
    options: Mapping[str, Any]
    published: Published = field(default_factory=Published)


@dataclass(frozen=True)
class Recipe:
    """An experiment.

    Attributes:
        name: its name, that of the file without the ending.
        title: what it is, for its table.
        source: where the published figures stand.
        rows: the trainings; at least one.
        stand_in: options that make it small, for ``--stand-in``; empty where there are none.
    """

    name: str
    title: str
    source: str
    rows: tuple[Row, ...]
    stand_in: Mapping[str, Any]

    def chosen(self, names: tuple[str, ...]) -> tuple[Row, ...]:
        """The rows of these names; without names all.

        Raises:
            UsageError: there is no row of such a name.
        """
        known = [row.name for row in self.rows]
        for name in names:
            if name not in known:
                raise UsageError(f"{self.name} has no row {name!r}; it has {', '.join(known)}")
        return tuple(row for row in self.rows if not names or row.name in names)


def built_in() -> dict[str, Path]:
    """Name of each recipe of this project -> its file."""
    return {path.stem: path for path in sorted(_FOLDER.glob("*.toml"))}


def read(given: str) -> Recipe:
    """The recipe of a name, or in a TOML file.

    Raises:
        UsageError: there is no recipe of that name.
        InputError: the file is missing, no TOML, or of another form.
    """
    known = built_in()
    if given in known:
        return _parsed(known[given], given)
    if not given.lower().endswith(".toml"):
        raise UsageError(f"no experiment is called {given}; give one of {', '.join(known)}, or a .toml file")
    return _parsed(Path(given), Path(given).stem)


def _parsed(path: Path, name: str) -> Recipe:
    try:
        document = parse_toml(read_bytes(path, "recipe", most=LARGEST_TOML))
    except ValueError as error:
        raise InputError(
            f"{path} is not TOML ({error}); docs/experiment.md shows the form of a recipe"
        ) from error
    _only(document, ("title", "source", "train", "stand-in", "row"), str(path))
    shared, small = _table(document, "train", str(path)), _table(document, "stand-in", str(path))
    members(shared, f"{path}, [train]")
    members(small, f"{path}, [stand-in]")
    tables = document.get("row")
    if not isinstance(tables, list) or not tables or not all(isinstance(table, dict) for table in tables):
        raise InputError(f"{path} has no rows; write one into [[row]] for each training")
    if len(tables) > MOST_ROWS:
        raise InputError(f"{path} has {len(tables):,} rows; a recipe may have {MOST_ROWS:,}")
    rows = tuple(_row(table, shared, f"{path}, row {number}") for number, table in enumerate(tables, 1))
    names = [row.name.casefold() for row in rows]
    for place, folded in enumerate(names):
        if folded in names[:place]:
            raise InputError(f"{path}: two rows are called {rows[place].name}; their files would be the same")
    title, source = (_text(document, word, str(path)) for word in ("title", "source"))
    return Recipe(name, title or name, source, rows, small)


def _row(table: Mapping[str, Any], shared: Mapping[str, Any], where: str) -> Row:
    _only(table, ("name", "train", "published"), where)
    name = _text(table, "name", where)
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{where}: its name is {name[:80]!r}; files are called after it: give letters, digits, dots, dashes and underscores"
        )
    options = {**shared, **_table(table, "train", where)}
    known = members(options, f"{where} ({name})")
    if not known.get("architecture"):
        raise InputError(
            f"{where} ({name}) has no architecture; name a network of the zoo in its table train"
        )
    published = dict(_table(table, "published", where))
    for word in ("time", "prediction"):
        if word in published:
            published[word] = _seconds(published[word], f"{where} ({name}): {word}")
    added = {word.replace("-", "_"): value for word, value in published.items()}
    whole = {**dict.fromkeys(Published.__dataclass_fields__), **added}
    try:
        return Row(name, options, record(Published, whole))
    except InputError as error:
        raise InputError(f"{where} ({name}), published: {error}") from error


def _only(table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for name in table:
        if name not in known:
            raise InputError(f"{where}: {name[:80]!r} is not known there; known are {', '.join(known)}")


def _table(document: Mapping[str, Any], name: str, where: str) -> Mapping[str, Any]:
    table = document.get(name, {})
    if not isinstance(table, dict):
        raise InputError(f"{where}: {name} must be a table, and is {str(table)[:80]!r}")
    return table


def _text(document: Mapping[str, Any], name: str, where: str) -> str:
    text = document.get(name, "")
    if not isinstance(text, str):
        raise InputError(f"{where}: {name} must be a text, and is {str(text)[:80]!r}")
    return text


def _seconds(value: Any, where: str) -> float:
    """Seconds of a text such as ``2:46:23`` or ``3:57``."""
    parts = value.split(":") if isinstance(value, str) else []
    if len(parts) not in (2, 3) or not all(
        part.isascii() and part.isdecimal() and len(part) < 6 for part in parts
    ):
        raise InputError(f'{where} must be a text such as "2:46:23" or "3:57", and is {str(value)[:80]!r}')
    seconds = 0
    for part in parts:
        seconds = 60 * seconds + int(part)
    return float(seconds)
