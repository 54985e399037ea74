"""Records on disk: one JSON file each, read strictly, versioned, and never replaced."""

import typing
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields, is_dataclass
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, ClassVar, NewType, Self, TypeVar, get_args, get_origin, get_type_hints

from mobilecnn import files
from mobilecnn.documents import Members, parse_json
from mobilecnn.errors import InputError, MobileCnnError, OutputError, UsageError
from mobilecnn.locks import locked

_LARGEST = 2**63 - 1

Upgrade = Callable[[Members], Members]
"""Turns the members of one version of a record into those of the next."""

_Record = TypeVar("_Record")


class Stored:
    """Base of the frozen dataclasses that are each the content of one JSON file.

    A subclass declares its members once, as dataclass fields of JSON types, tuples, dictionaries and
    other dataclasses. Both directions follow from that declaration.

    Attributes:
        SCHEMA: name that the file carries, such as ``mobilecnn.measurement``.
        VERSION: version that is written.
        NOUN: what messages call the record.
        UPGRADES: older version that is still read -> what makes its members those of the next version.
    """

    SCHEMA: ClassVar[str]
    VERSION: ClassVar[int] = 1
    NOUN: ClassVar[str]
    UPGRADES: ClassVar[Mapping[int, Upgrade]] = {}

    def to_json(self) -> dict[str, Any]:
        """The record as a JSON object."""
        return {"schema": self.SCHEMA, "version": self.VERSION, **asdict(self)}  # type: ignore[call-overload]

    @classmethod
    def from_json(cls, document: Any) -> Self:
        """The record that :meth:`to_json` made ``document`` of, in this version or an older one.

        Raises:
            InputError: it is something else, of a version unknown here, or damaged.
        """
        oldest = min(cls.UPGRADES, default=cls.VERSION)
        version, members = members_of(document, cls._one(), cls.SCHEMA, oldest, cls.VERSION)
        for older in range(version, cls.VERSION):
            members = cls.UPGRADES[older](members)
        return record(cls, members)

    @classmethod
    def _one(cls) -> str:
        return f"{'an' if cls.NOUN[0] in 'aeiou' else 'a'} {cls.NOUN}"

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the record in a JSON file.

        Raises:
            InputError: the file is missing, holds something else, is of an unknown version, or damaged;
                the message names it.
        """
        content = files.read_bytes(path, cls.NOUN, most=files.LARGEST_RECORD)
        try:
            document = parse_json(content)
        except ValueError as error:
            raise InputError(f"{path} is not {cls._one()}: it is not JSON ({error})") from error
        try:
            return cls.from_json(document)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error

    def write(self, path: Path) -> None:
        """Write the record to a new file.

        Raises:
            OutputError: the file exists, or cannot be written.
        """
        _refuse_taken(path)
        files.write_json(path, self.to_json())


def check_free(path: Path) -> None:
    """Refuse a name for a record that is taken, by a complete one or by one that was cut short.

    Raises:
        OutputError: there is such a file.
    """
    _refuse_taken(path)
    _refuse_taken(partial(path))


def _refuse_taken(path: Path) -> None:
    if path.exists():
        raise OutputError(f"{path} exists, and a measurement never replaces a file; choose another with -o")


def partial(path: Path) -> Path:
    """Name of a record until it is complete: ``it.json`` -> ``it.partial.json``."""
    return path.with_name(path.name.removesuffix(".json") + ".partial.json")


class Kept(typing.Protocol):
    """Record of long work that :func:`recording` keeps, such as a measurement."""

    @property
    def kept(self) -> str:
        """How much of the work is complete, as a sentence: ``1 of 3 rounds are complete``."""

    def to_json(self) -> dict[str, Any]:
        """The record as a JSON object."""


@contextmanager
def recording(path: Path) -> Iterator[Callable[[Kept], None]]:
    """Keep a record on disk while it is made: yields a function to call with what is complete.

    That lies under the name :func:`partial` gives, a record like any other, and is renamed to ``path``
    when the block succeeds. If the block fails, or the user stops it, the partial file stays, and the
    error's message says where.

    Raises:
        OutputError: one of the two names is taken, also by another process that is about to write it (before the
            block runs), or cannot be written.
    """
    with locked(path), _recording(path) as keep:
        yield keep


@contextmanager
def _recording(path: Path) -> Iterator[Callable[[Kept], None]]:
    unfinished = partial(path)
    check_free(path)
    kept = ""

    def keep(made: Kept) -> None:
        nonlocal kept
        if not kept:
            _refuse_taken(unfinished)  # Another process may have taken the name since then.
        files.write_json(unfinished, made.to_json())
        kept = f"{made.kept}, in {unfinished}"

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
        raise files.unwritable(f"write {path}", error, kept) from error


def schema(path: Path, what: str = "measurement") -> str | None:
    """Schema that a JSON file names; None where it names none, or is not JSON.

    Args:
        path: the file.
        what: noun for it in messages.

    Raises:
        InputError: the file is missing or unreadable.
    """
    try:
        document = parse_json(files.read_bytes(path, what, most=files.LARGEST_RECORD))
    except ValueError:
        return None
    name = document.get("schema") if isinstance(document, dict) else None
    return name if isinstance(name, str) else None


def members_of(document: Any, what: str, schema: str, oldest: int, newest: int) -> tuple[int, Members]:
    """Version of one of this project's JSON documents, and its members without ``schema`` and ``version``.

    Args:
        document: parsed JSON.
        what: noun with its article, for messages.
        schema: name that the document must carry.
        oldest, newest: versions that are read.

    Raises:
        InputError: the document is something else, or of a version unknown here.
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


ADDED = {"added": True}
"""Metadata of a member that older writers did not have, ``field(default=..., metadata=ADDED)``: where it is missing, it
is its default."""


def record(kind: type[_Record], document: Any, where: str = "") -> _Record:
    """A frozen dataclass from its JSON form: exactly its members, each of its declared type.

    Raises:
        InputError: naming the member, as in ``runs[3].before.probe_ns[0]``.
    """
    assert is_dataclass(kind)
    if not isinstance(document, dict):
        raise InputError(f"{where or 'the document'} must be an object")
    members = fields(kind)
    names = [member.name for member in members]
    for member in members:
        if member.name not in document and not member.metadata.get("added"):
            raise InputError(f"{_join(where, member.name)} is missing")
    for name in document:
        if name not in names and not issubclass(kind, Open):
            raise InputError(f"{_join(where, str(name)[:80])!r} is not known here")
    hints = _hints(kind)
    values = {
        name: _value(hints[name], document[name], _join(where, name)) for name in names if name in document
    }
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
