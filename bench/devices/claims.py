"""One process at a time that times on a machine: two at once would each measure the other."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mobilecnn.bench.devices.seam import CanCount, CanIdentify, Device, Identity
from mobilecnn.errors import EnvironmentProblem, OutputError
from mobilecnn.files import sha256, state_folder
from mobilecnn.locks import locked
from mobilecnn.steps import Say, no_say

_CLAIMED: set[int] = set()
"""Identities (``id``) of the device objects that are claimed by a block that runs."""


@contextmanager
def claimed(device: Device, say: Say = no_say) -> Iterator[None]:
    """Keep other processes of the same user from timing on the machine of ``device`` while the block runs.

    However it is reached, a machine has one lock. That of a process that was killed is no obstacle. What works for
    minutes before it times claims first, so that a busy machine is said at once; what it calls then finds the very same
    device claimed, and goes on. A device that counts instructions has no clock that another process could disturb, and
    is not claimed.

    Args:
        device: device to time on; this connects it.
        say: told where there can be no lock, as in a container without a home; the block runs nevertheless.

    Raises:
        EnvironmentProblem: another process times there, which the message names; or it cannot be reached.
    """
    if isinstance(device, CanCount) or id(device) in _CLAIMED:
        yield
        return
    told = device.identity() if isinstance(device, CanIdentify) else Identity()
    # The surest first, as in Identity.same; a device that does not say who it is goes by its name.
    known = told.boot or told.serial or told.machine or f"the device {device.name}"

    def busy(path: Path, holder: str) -> EnvironmentProblem:
        return EnvironmentProblem(
            f"another mobilecnn ({holder}) is timing on {device.name}, and each would disturb the other; wait until it has "
            "ended. Nothing was timed"
        )

    with ExitStack() as held:
        try:
            held.enter_context(locked(_place(known), taken=busy))
        except OutputError as error:
            say(f"Note: nothing keeps another mobilecnn from timing on {device.name} meanwhile: {error}")
        _CLAIMED.add(id(device))
        try:
            yield
        finally:
            _CLAIMED.discard(id(device))


def _place(known: str) -> Path:
    try:
        folder = state_folder()
    except EnvironmentProblem as error:  # There is no home.
        raise OutputError(str(error)) from error
    # A device may tell what is no name of a file.
    return folder / "devices" / sha256(known.encode(errors="replace"))[:16]
