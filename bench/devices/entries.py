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
"""

import json
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from mobilecnn.errors import InputError, UsageError
from mobilecnn.files import read_bytes, write_text

FIELDS = {
    # kind: what an entry of it may have
    "ssh": ("host", "python", "profile"),
    "adb": ("serial", "profile"),
}
KINDS = tuple(FIELDS)

PROFILES: dict[str, tuple[str, ...]] = {
    # What the device tree's model begins with; of a phone, its maker and model.
    "pi3": ("Raspberry Pi 3", "Raspberry Pi Compute Module 3"),
    "pi4": ("Raspberry Pi 4", "Raspberry Pi Compute Module 4"),
    "pi5": ("Raspberry Pi 5", "Raspberry Pi Compute Module 5"),
    "zero2w": ("Raspberry Pi Zero 2",),
    "pixel": ("Google Pixel",),
    "generic": ("",),
}
"""What a board or a phone is said to be -> the names by which it shows itself."""

PROFILES_OF = {"ssh": ("pi3", "pi4", "pi5", "zero2w", "generic"), "adb": ("pixel", "generic")}
"""Kind -> those of :data:`PROFILES` that an entry of it can have."""

LOCAL = "local"
"""The name of the machine at hand, which no entry may have."""

EMULATED = {
    "emulated": "cortex-a72",
    "emulated-a53": "cortex-a53",
    "emulated-a72": "cortex-a72",
    "emulated-a76": "cortex-a76",
}
"""The names of what QEMU models, which no entry may have either -> its processor."""

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}")
# [user@]host or ssh://[user@]host[:port]. Nothing that ssh could read as an option, and nothing
# that a ProxyCommand of the user's configuration could hand to a shell.
_HOST = re.compile(r"(ssh://)?([A-Za-z0-9_][A-Za-z0-9_.-]*@)?[A-Za-z0-9_:\[][A-Za-z0-9_.:%\[\]-]*", re.ASCII)
# As `adb devices` lists them, also host:port.
_SERIAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:%\[\]-]{0,127}", re.ASCII)
_PYTHON = re.compile(r"[A-Za-z0-9_./~][^\x00-\x1f\x7f]*")

_HEADER = (
    "# The boards and phones of `mobilecnn devices`, which rewrites this file (and drops other comments).\n"
)


@dataclass(frozen=True)
class Entry:
    """One board or phone.

    Attributes:
        host: what ``ssh`` is given: a host name, an address, an alias, with or without ``user@``;
            None for a phone.
        python: the interpreter there, a path or a command; None for the one that
            ``mobilecnn devices setup`` made, else ``python3``.
        profile: a key of :data:`PROFILES`.
        kind: how it is reached, a key of :data:`FIELDS`.
        serial: a phone's, as ``adb devices`` lists it; None for ``$ANDROID_SERIAL``, else the only
            one connected.

    Raises:
        UsageError: a value that cannot be meant.
    """

    host: str | None = None
    python: str | None = None
    profile: str = "generic"
    kind: str = "ssh"
    serial: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UsageError(f"unknown kind {self.kind!r}; choose one of: {', '.join(KINDS)}")
        if self.kind == "adb":
            self._check_phone()
            return
        if self.serial is not None:
            raise UsageError("a serial is a phone's; use it with --adb (kind adb)")
        if self.host is None:
            raise UsageError("has no host")
        check_host(self.host)
        if self.python is not None and not _PYTHON.fullmatch(self.python):
            raise UsageError(
                f"{self.python!r} is no interpreter; give a command (python3) or a path (~/venv/bin/python)"
            )
        self._check_profile()

    def _check_profile(self) -> None:
        known = PROFILES_OF[self.kind]
        if self.profile not in known:
            raise UsageError(
                f"unknown profile {self.profile!r} (of kind {self.kind}); choose one of: {', '.join(known)}"
            )

    def _check_phone(self) -> None:
        if (self.host, self.python) != (None, None):
            raise UsageError("host and python are for boards over SSH; a phone has a serial and a profile")
        self._check_profile()
        if self.serial is not None and not _SERIAL.fullmatch(self.serial):
            raise UsageError(f"{self.serial!r} is no serial; take it from: adb devices")

    def fields(self) -> dict[str, str]:
        """What there is to write of it, by name."""
        values = {name: getattr(self, name) for name in FIELDS[self.kind]}
        return {
            "kind": self.kind,
            **{name: value for name, value in values.items() if value != _DEFAULTS[name]},
        }


_DEFAULTS = {each.name: each.default for each in fields(Entry)}


def check_host(host: str) -> None:
    """Refuse what is no host.

    Raises:
        UsageError: it could be read as an option, or holds characters that no host has.
    """
    if not _HOST.fullmatch(host) or len(host) > 255:
        raise UsageError(
            f"{host!r} is no SSH host; give one as `ssh` takes it: raspberrypi.local, pi@192.168.1.20, "
            "or an alias of ~/.ssh/config"
        )


def check_name(name: str) -> None:
    """Refuse what is no name for a board.

    Raises:
        UsageError: it has other characters than letters, digits, - and _, or is taken.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name for a device; use letters, digits, - and _, such as pi4")
    if name == LOCAL:
        raise UsageError(f"{LOCAL} is the machine at hand; choose another name, such as pi4")
    if name in EMULATED:
        raise UsageError(
            f"{name} is an emulated processor, a {EMULATED[name]}; choose another name, such as pi4"
        )


def path() -> Path:
    """Where the file is: below ``$XDG_CONFIG_HOME``, else ``~/.config``."""
    # The specification wants relative paths ignored.
    configured = os.environ.get("XDG_CONFIG_HOME", "")
    folder = Path(configured) if configured.startswith("/") else Path.home() / ".config"
    return folder / "mobilecnn" / "devices.toml"


def read() -> dict[str, Entry]:
    """The entries by name; none where there is no file.

    Raises:
        InputError: the file cannot be read, is not TOML, or an entry is wrong; the message
            names the entry and the field.
    """
    file = path()
    if not file.exists():
        return {}
    try:
        document = tomllib.loads(read_bytes(file, "devices file").decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"{file} is not TOML ({error}); correct it, or remove it and add anew") from error
    return {name: _entry(f"{file}: [{name}]", name, table) for name, table in document.items()}


def find(name: str) -> Entry:
    """The entry of that name; without one, ``name`` is a host.

    Raises:
        UsageError: it can be neither.
        InputError: the file is damaged.
    """
    return read().get(name) or Entry(name)


def _entry(where: str, name: str, table: object) -> Entry:
    known = ("kind", "host", "python", "profile", "serial")
    if not isinstance(table, dict):
        raise InputError(f"{where} must be a table with {', '.join(known)}")
    for field, value in table.items():
        if field not in known:
            raise InputError(f"{where} has an unknown field {field!r}; known are {', '.join(known)}")
        if not isinstance(value, str):
            raise InputError(f"{where} {field} must be a text in quotes, and is {value!r}")
    if "kind" not in table:
        raise InputError(f"{where} has no kind")
    try:
        check_name(name)
        return Entry(**table)
    except UsageError as error:
        raise InputError(f"{where} {error}") from error


def write(entries: Mapping[str, Entry]) -> None:
    """Write all entries, in place of those there are.

    Raises:
        UsageError: a name is none.
        OutputError: the file cannot be written.
    """
    tables = []
    for name, entry in entries.items():
        check_name(name)
        fields = entry.fields()
        # A JSON text is a TOML text.
        lines = [f"{field} = {json.dumps(fields[field], ensure_ascii=False)}" for field in sorted(fields)]
        tables.append("\n".join([f"[{name}]", *lines, ""]))
    write_text(path(), "\n".join([_HEADER, *tables]))
