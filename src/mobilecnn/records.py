"""Records on disk: strict reading of a frozen dataclass from JSON, versions, and files that are never replaced."""

import json
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, NewType, TypeVar, get_args, get_origin, get_type_hints

from mobilecnn import files
from mobilecnn.errors import InputError, MobileCnnError, OutputError, UsageError

_LARGEST = 2**63 - 1

Record = TypeVar("Record")


def check_free(path: Path) -> None:
    """Refuse a name for a measurement that is taken, be it by one that was cut short.

    Raises:
        OutputError: there is such a file.
    """
    _refuse_taken(path)
    _refuse_taken(partial(path))


def _refuse_taken(path: Path) -> None:
    if path.exists():
        raise OutputError(f"{path} exists, and a measurement never replaces a file; choose another with -o")


def partial(path: Path) -> Path:
    """Where a measurement is kept until it is complete: ``it.json`` -> ``it.partial.json``."""
    return path.with_name(path.name.removesuffix(".json") + ".partial.json")


class Kept(typing.Protocol):
    """What :func:`recording` keeps: a :class:`Measurement`, or another record of long work."""

    @property
    def kept(self) -> str:
        """How much of it there is, as a sentence: ``1 of 3 rounds are complete``."""

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""


@contextmanager
def recording(path: Path) -> Iterator[Callable[[Kept], None]]:
    """Keep a measurement on disk while it is made: yields a function to call after each round.

    What is complete lies under the name :func:`partial` gives, a measurement like any other, and
    is renamed to ``path`` when the block succeeds. If it fails, or the user stops it, what there
    is stays, and the error's message says where.

    Raises:
        OutputError: one of the two names is taken (before the block runs), or cannot be written.
    """
    unfinished = partial(path)
    check_free(path)
    kept = ""

    def keep(measurement: Kept) -> None:
        nonlocal kept
        if not kept:
            _refuse_taken(unfinished)  # Somebody else's, since then.
        files.write_json(unfinished, measurement.to_json())
        kept = f"{measurement.kept}, in {unfinished}"

    try:
        yield keep
        _refuse_taken(path)
    except (MobileCnnError, KeyboardInterrupt) as error:
        if not kept:
            raise
        raise type(error)(f"{error}; {kept}" if str(error) else kept) from error
    try:
        unfinished.rename(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}; {kept}") from error


def schema(path: Path) -> str | None:
    """What a JSON file says it is; None where it does not, or is none."""
    try:
        document = json.loads(files.read_bytes(path, "measurement"))
    except (ValueError, RecursionError):
        return None
    found = document.get("schema") if isinstance(document, dict) else None
    return found if isinstance(found, str) else None


def load(path: Path, what: str, from_json: Callable[[Any], Record]) -> Record:
    """Read a record of which there is one in a JSON file; ``what`` names it in the message.

    Raises:
        InputError: missing, not JSON, or refused by ``from_json``; the message names the file.
    """
    content = files.read_bytes(path, what)
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not a {what}: it is not JSON ({error})") from error
    try:
        return from_json(document)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error


def members_of(document: Any, what: str, schema: str, oldest: int, newest: int) -> tuple[int, dict[str, Any]]:
    """The version of one of our JSON files, and its members but for ``schema`` and ``version``.

    Args:
        document: as it was read.
        what: it should be, with its article.
        schema: that it must say.
        oldest, newest: the versions that are read.

    Raises:
        InputError: it is something else, or of a version unknown here.
    """
    if not isinstance(document, dict) or document.get("schema") != schema:
        raise InputError(f"not {what} (its schema is not {schema})")
    version = document.get("version")
    if type(version) is not int or not oldest <= version <= newest:
        known = f"{oldest} to {newest}" if oldest < newest else str(newest)
        raise InputError(f"{what} of version {version!r}; this mobilecnn reads {known}")
    return version, {key: document[key] for key in document if key not in ("schema", "version")}


class Open:
    """Base of dataclasses whose JSON form may have members that are unknown here; they are passed over."""


Signed = NewType("Signed", int)
"""Whole number of a record that may be negative, within 64 bits."""

DEEPEST = 32
"""Largest depth of nested lists and objects in a member of a record that is JSON of no fixed shape."""


def record(kind: type[Record], document: Any, where: str = "") -> Record:
    """A frozen dataclass from its JSON form: exactly its members, each of its declared type.

    Raises:
        InputError: naming the member, as in ``runs[3].before.probe_ns[0]``.
    """
    assert is_dataclass(kind)
    if not isinstance(document, dict):
        raise InputError(f"{where or 'the document'} must be an object")
    names = [field.name for field in fields(kind)]
    for name in names:
        if name not in document:
            raise InputError(f"{_join(where, name)} is missing")
    for name in document:
        if name not in names and not issubclass(kind, Open):
            raise InputError(f"{_join(where, str(name)[:80])!r} is not known here")
    hints = _hints(kind)
    values = {name: _value(hints[name], document[name], _join(where, name)) for name in names}
    try:
        return kind(**values)
    except (ValueError, UsageError) as error:
        raise InputError(f"{where or 'the document'}: {error}") from error


@cache
def _hints(kind: type[Any]) -> dict[str, Any]:
    return get_type_hints(kind)


def _value(kind: Any, value: Any, where: str) -> Any:
    """``value`` as the declared type ``kind``: a record, a container, or one of the JSON scalars."""
    origin = get_origin(kind)
    if origin is UnionType:  # X | None
        return None if value is None else _value(get_args(kind)[0], value, where)
    if origin is tuple:
        item = get_args(kind)[0]
        if not isinstance(value, list | tuple):
            raise InputError(f"{where} must be a list")
        return tuple(_value(item, entry, f"{where}[{index}]") for index, entry in enumerate(value))
    if origin is dict:
        item = get_args(kind)[1]
        if not isinstance(value, dict):
            raise InputError(f"{where} must be an object")
        return {
            _value(str, key, f"a name in {where}"): _value(item, entry, _join(where, str(key)[:80]))
            for key, entry in value.items()
        }
    if is_dataclass(kind):
        assert isinstance(kind, type)
        return record(kind, value, where)
    if kind is Any:
        return _json(value, where, DEEPEST)
    return _scalar(kind, value, where)


def _json(value: Any, where: str, depth: int) -> Any:
    """``value``, of no fixed shape, its numbers finite, its texts printable and its nesting bounded."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, list | tuple | dict) and depth == 0:
        raise InputError(f"{where[:80]} is nested too deeply")
    if isinstance(value, list | tuple):
        return [_json(entry, f"{where}[{index}]", depth - 1) for index, entry in enumerate(value)]
    if isinstance(value, dict):
        return {
            _scalar(str, key, f"a name in {where}"): _json(entry, _join(where, str(key)[:80]), depth - 1)
            for key, entry in value.items()
        }
    if isinstance(value, int):
        return _scalar(Signed, value, where)
    return _scalar(float if isinstance(value, float) else str, value, where)


def _scalar(kind: Any, value: Any, where: str) -> Any:
    if kind is bool:
        if isinstance(value, bool):
            return value
        raise InputError(f"{where} must be true or false")
    if kind is int:
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST:
            return value
        raise InputError(f"{where} must be a whole number from 0 to {_LARGEST}")
    if kind is Signed:
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST:
            return value
        raise InputError(f"{where} must be a whole number")
    if kind is float:
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST:
            return float(value)
        raise InputError(f"{where} must be a finite number")
    assert kind is str
    # A lone surrogate is valid JSON, and cannot be printed.
    if isinstance(value, str) and not any("\ud800" <= letter <= "\udfff" for letter in value):
        return value
    raise InputError(f"{where} must be a text")


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name
