"""Entries for phones in the devices file."""

import os
import re
from dataclasses import dataclass
from typing import ClassVar

from mobilecnn.errors import UsageError

# As `adb devices` lists them: also host:port, [address%zone]:port, and the names that wireless debugging gives,
# which have a number behind a space where there are several: adb-SERIAL-xyz (2)._adb-tls-connect._tcp.
_SERIAL = re.compile(r"[A-Za-z0-9\[](?:[A-Za-z0-9_.:%\[\]()-]| (?! )){0,127}(?<! )", re.ASCII)
_ANNOUNCED = re.compile(
    r"adb-[^@/]{1,100}\._adb(?:-tls-connect|-tls-pairing)?\._tcp\.?(?:local\.?)?", re.ASCII
)
_NETWORK = re.compile(r"(?:[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+(?:%[A-Za-z0-9_.-]+)?\]):[0-9]{1,5}", re.ASCII)

APPLICATION_ID = re.compile(r"(?=.{1,100}\Z)[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z][A-Za-z0-9_]*)+", re.ASCII)
"""Form of the name that Android knows an app by: two words or more with dots between them, each begun by a letter."""


def is_network(serial: str) -> bool:
    """Whether a serial is that of a phone over a network, which ``adb connect`` takes."""
    return bool(_NETWORK.fullmatch(serial) or _ANNOUNCED.fullmatch(serial))


@dataclass(frozen=True)
class AdbEntry:
    """A phone in the devices file.

    Attributes:
        serial: what ``adb devices`` lists it as; None for ``$ANDROID_SERIAL``, else the only one connected.
        profile: what it is said to be.
        app: the name that Android knows the app by that times there; None for the sample app's own.

    Raises:
        UsageError: a value that cannot be meant.
    """

    KIND: ClassVar[str] = "adb"

    serial: str | None = None
    profile: str = "generic"
    app: str | None = None

    def __post_init__(self) -> None:
        if self.serial is not None and not _SERIAL.fullmatch(self.serial):
            raise UsageError(f"{self.serial!r} is no serial; take it from: adb devices")
        if self.app is not None and not APPLICATION_ID.fullmatch(self.app):
            raise UsageError(
                f"{self.app!r} is no app's name; give the applicationId of its app/build.gradle.kts, like com.example.lesions"
            )

    @property
    def address(self) -> str:
        """See :attr:`mobilecnn.bench.devices.seam.Entry.address`."""
        return self.serial or "the phone that adb sees"

    @property
    def identity(self) -> str | None:
        """See :attr:`mobilecnn.bench.devices.seam.Entry.identity`: the serial."""
        return self.serial or os.environ.get("ANDROID_SERIAL") or None
