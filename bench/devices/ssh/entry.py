"""Entries for boards over SSH in the devices file."""

import re
from dataclasses import dataclass
from typing import ClassVar

from mobilecnn.bench.devices.ssh.address import parse
from mobilecnn.errors import UsageError

_PYTHON = re.compile(r"[A-Za-z0-9_./~][^\x00-\x1f\x7f]*")


@dataclass(frozen=True)
class SshEntry:
    """A board in the devices file.

    Attributes:
        host: board's host: a name, an address or an alias, with or without ``user@`` and ``:port``, or ``ssh://...``.
        python: the interpreter there, a path or a command; None for the one that
            ``mobilecnn devices setup`` made, else ``python3``.
        profile: what it is said to be.

    Raises:
        UsageError: a value that cannot be meant.
    """

    KIND: ClassVar[str] = "ssh"

    host: str
    python: str | None = None
    profile: str = "generic"

    def __post_init__(self) -> None:
        parse(self.host)
        if self.python is not None and not _PYTHON.fullmatch(self.python):
            raise UsageError(
                f"{self.python!r} is no interpreter; give a command (python3) or a path (~/venv/bin/python)"
            )

    @property
    def address(self) -> str:
        """See :attr:`mobilecnn.bench.devices.seam.Entry.address`."""
        return self.host

    @property
    def identity(self) -> str | None:
        """See :attr:`mobilecnn.bench.devices.seam.Entry.identity`: the host."""
        return self.host
