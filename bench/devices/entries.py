"""The boards and phones a user has named: one TOML file, a table for each.

::

    [pi4]
    kind = "ssh"
    host = "pi@192.168.1.20"             # as ``ssh`` takes it
    python = "~/venv/bin/python"         # optional
    profile = "pi4"                      # optional

    [pixel]
    kind = "adb"
    serial = "8A1X0XYZ"                  # optional: as ``adb devices`` has it
    profile = "pixel"                    # optional

``kind`` names a backend; the other fields are those of its entry.
"""

import json
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import MISSING, Field, fields
from typing import Any

from mobilecnn.bench.devices import names
from mobilecnn.bench.devices.backends import BACKENDS, profiles_of
from mobilecnn.bench.devices.seam import Backend, Entry
from mobilecnn.documents import parse_toml
from mobilecnn.errors import InputError, UsageError
from mobilecnn.files import LARGEST_TOML, exists, read_bytes, write_text
from mobilecnn.locks import locked

WITH_ENTRIES = {backend.kind: backend for backend in BACKENDS if backend.entry is not None}
"""Backends that have entries, by kind."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")

PATIENCE_SECONDS = 10.0
"""Seconds to wait for another process that changes the devices file, which takes it some milliseconds."""

_HEADER = (
    "# The boards and phones of `mobilecnn devices`, which rewrites this file (and drops other comments).\n"
)


def _fields_of(backend: Backend) -> tuple[Field[Any], ...]:
    assert backend.entry is not None
    return fields(backend.entry)


FIELDS = tuple(
    dict.fromkeys(field.name for backend in WITH_ENTRIES.values() for field in _fields_of(backend))
)
"""Fields that an entry of some kind has, beside ``kind``."""

COLUMNS = tuple(
    dict.fromkeys(option.name for backend in BACKENDS for option in backend.add_options if option.listed)
)
"""Fields that have a column of their own in the list of devices, beside the profile."""


def make(backend: Backend, values: Mapping[str, str]) -> Entry:
    """An entry from its fields.

    Raises:
        UsageError: a field is missing, or not one of that kind, or its value cannot be meant.
    """
    assert backend.entry is not None
    known = [field.name for field in _fields_of(backend)]
    for name in values:
        if name not in known:
            raise UsageError(f"a {backend.noun} has no {name}; it has: {', '.join(known)}")
    for field in _fields_of(backend):
        if field.default is MISSING and field.name not in values:
            raise UsageError(f"has no {field.name}")
    entry: Entry = backend.entry(**values)
    profiles = profiles_of(backend)
    if entry.profile not in profiles:
        raise UsageError(
            f"unknown profile {entry.profile!r} (of kind {backend.kind}); choose one of: {', '.join(profiles)}"
        )
    return entry


def to_json(entry: Entry) -> dict[str, str | None]:
    """All fields of all kinds; None where the entry does not have one."""
    return {"kind": entry.KIND, **{name: getattr(entry, name, None) for name in FIELDS}}


def check_name(name: str) -> None:
    """Refuse what is no name for a device of the file.

    Raises:
        UsageError: it has other characters than letters, digits, - and _, or a backend provides it.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name for a device; use letters, digits, - and _, such as pi4")
    for backend in BACKENDS:
        if name in backend.provides:
            raise UsageError(backend.taken.format(name=name, shown=backend.provides[name]))


path = names.path
"""The path of the file: :func:`mobilecnn.bench.devices.names.path`."""


def changing() -> AbstractContextManager[None]:
    """Keep other processes from changing the file while the block reads and writes it; the entries of both stay.

    Raises:
        OutputError: its folder cannot be written, or another process does not finish.
    """
    return locked(path(), patience=PATIENCE_SECONDS)


def read() -> dict[str, Entry]:
    """The entries by name; none where there is no file.

    Raises:
        InputError: the file cannot be read, is not TOML, or an entry is wrong; the message
            names the entry and the field.
    """
    file = path()
    if not exists(file):
        return {}
    try:
        document = parse_toml(read_bytes(file, "devices file", most=LARGEST_TOML))
    except ValueError as error:
        raise InputError(f"{file} is not TOML ({error}); correct it, or remove it and add anew") from error
    return {name: _parse(f"{file}: [{name}]", name, table) for name, table in document.items()}


def _parse(where: str, name: str, table: object) -> Entry:
    known = ("kind", *FIELDS)
    if not isinstance(table, dict):
        raise InputError(f"{where} must be a table with {', '.join(known)}")
    for field, value in table.items():
        if field not in known:
            raise InputError(f"{where} has an unknown field {field!r}; known are {', '.join(known)}")
        if not isinstance(value, str):
            raise InputError(f"{where} {field} must be a text in quotes, and is {value!r}")
    if "kind" not in table:
        raise InputError(f"{where} has no kind")
    backend = WITH_ENTRIES.get(table["kind"])
    if backend is None:
        raise InputError(f"{where} unknown kind {table['kind']!r}; choose one of: {', '.join(WITH_ENTRIES)}")
    try:
        check_name(name)
        return make(backend, {field: value for field, value in table.items() if field != "kind"})
    except UsageError as error:
        raise InputError(f"{where} {error}") from error


def write(entries: Mapping[str, Entry]) -> None:
    """Write all entries, in place of those there are.

    Raises:
        UsageError: a name cannot be one.
        OutputError: the file cannot be written.
    """
    tables = []
    for name, entry in entries.items():
        check_name(name)
        values = {"kind": entry.KIND}
        for field in _fields_of(WITH_ENTRIES[entry.KIND]):
            value = getattr(entry, field.name)
            if value != field.default:
                values[field.name] = value
        # A JSON text is a TOML text.
        lines = [f"{key} = {json.dumps(values[key], ensure_ascii=False)}" for key in sorted(values)]
        tables.append("\n".join([f"[{name}]", *lines, ""]))
    write_text(path(), "\n".join([_HEADER, *tables]))
