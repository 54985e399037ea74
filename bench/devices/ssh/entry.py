"""Entries for boards over SSH in the devices file."""

import re
from dataclasses import dataclass
from typing import ClassVar

from mobilecnn.errors import UsageError

# [user@]host or ssh://[user@]host[:port]. Nothing that ssh could read as an option, and nothing
# that a ProxyCommand of the user's configuration could hand to a shell.
_HOST = re.compile(r"(ssh://)?([A-Za-z0-9_][A-Za-z0-9_.-]*@)?[A-Za-z0-9_:\[][A-Za-z0-9_.:%\[\]-]*", re.ASCII)
_PYTHON = re.compile(r"[A-Za-z0-9_./~][^\x00-\x1f\x7f]*")


@dataclass(frozen=True)
class SshEntry:
    """A board in the devices file.

    Attributes:
        host: what ``ssh`` is given: a host name, an address, an alias, with or without ``user@``.
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
        check_host(self.host)
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
