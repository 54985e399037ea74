"""The backends: a folder each, and a line here."""

from mobilecnn.bench.devices.adb.backend import BACKEND as ADB
from mobilecnn.bench.devices.emulated.backend import BACKEND as EMULATED
from mobilecnn.bench.devices.local.backend import BACKEND as LOCAL
from mobilecnn.bench.devices.seam import Backend
from mobilecnn.bench.devices.ssh.backend import BACKEND as SSH

BACKENDS: tuple[Backend, ...] = (LOCAL, SSH, ADB, EMULATED)
"""All kinds of devices, in the order in which they are listed."""

GENERIC = "generic"
"""The profile of a device of which nothing is said."""

PROFILES: dict[str, tuple[str, ...]] = {
    **{profile: begins for backend in BACKENDS for profile, begins in backend.profiles.items()},
    GENERIC: ("",),
}
"""Profiles that a device can be said to have -> the beginnings of the names by which it shows itself."""


def profiles_of(backend: Backend) -> tuple[str, ...]:
    """The profiles that an entry of a backend can have."""
    return (*backend.profiles, GENERIC)
