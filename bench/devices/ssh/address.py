"""How a board is named: ``[user@]host``, an alias, ``user@host:port`` or ``ssh://[user@]host[:port]``."""

import ipaddress
import re
from dataclasses import dataclass

from mobilecnn.errors import UsageError

# Nothing that ssh could read as an option, and nothing that a ProxyCommand of the user's configuration
# could hand to a shell.
_USER = r"[A-Za-z0-9_][A-Za-z0-9_.-]*\$?"
_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_SIX = r"[0-9A-Fa-f:.]{2,45}(?:%[A-Za-z0-9_.-]{1,32})?"
_FORM = re.compile(
    rf"(?P<scheme>ssh://)?(?:(?P<user>{_USER})@)?(?:(?P<name>{_NAME})|\[(?P<boxed>{_SIX})\]|(?P<six>{_SIX}))"
    r"(?::(?P<port>[0-9]{1,5}))?",
    re.ASCII,
)


@dataclass(frozen=True)
class Address:
    """What ssh is given to reach a board.

    Attributes:
        host: host name, address or alias.
        user: user there; None for the one that the configuration of ssh says.
        port: port of its server; None for the one that the configuration of ssh says.
    """

    host: str
    user: str | None = None
    port: int | None = None

    @property
    def words(self) -> list[str]:
        """Arguments of ssh, the host last."""
        port = [] if self.port is None else ["-p", str(self.port)]
        return [*port, self.host if self.user is None else f"{self.user}@{self.host}"]


def parse(text: str) -> Address:
    """The address that a text names.

    Raises:
        UsageError: it names none, could be read as an option, or holds characters that no host has.
    """
    # In an address of the web a zone begins with an escaped percent sign.
    plain = text.replace("%25", "%") if text.startswith("ssh://") else text
    match = None if len(plain) > 255 else _FORM.fullmatch(plain)
    six = match and (match["boxed"] or match["six"])
    port = int(match["port"]) if match and match["port"] else None
    if match is None or not (six is None or _is_six(six)) or (port is not None and not 0 < port < 65536):
        raise UsageError(
            f"{text!r} is no SSH host; give one as `ssh` takes it: raspberrypi.local, pi@192.168.1.20, "
            "pi@192.168.1.20:2222, ssh://pi@[fe80::1%eth0]:2222, or an alias of ~/.ssh/config"
        )
    return Address(six or match["name"], match["user"], port)


def _is_six(text: str) -> bool:
    try:
        ipaddress.IPv6Address(text)
    except ValueError:
        return False
    return True
