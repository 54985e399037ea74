"""The adb client of this machine, and which of its phones is meant."""

import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence

from mobilecnn.bench.devices.adb.entry import is_network
from mobilecnn.bench.devices.worker.causes import Tool, find, of_adb
from mobilecnn.errors import EnvironmentProblem

ADB = Tool(of_adb, ())
"""The adb client itself."""

ADB_SECONDS = 30.0
"""Seconds that adb itself may take: its server takes 3 to start, and ``connect`` waits 10 for a silent peer."""
SETTLE_SECONDS = 5.0
"""Seconds in which a server that has just started finds its phones; two are usually enough."""
MOST_BYTES = 16 << 20
"""Largest output of a step, in bytes; a log with a profile of a large network has 1 MB."""


def adb(
    *words: str,
    seconds: float | None = None,
    begun: Callable[["subprocess.Popen[bytes]"], None] | None = None,
) -> tuple[int, str]:
    """Run the adb client to its end: its exit code, and what it says on both outputs.

    Args:
        words: arguments of the client.
        seconds: longest time, after which it is ended; :data:`ADB_SECONDS` for None.
        begun: handed the process, for another thread to end it.

    Raises:
        EnvironmentProblem: there is none, or it does not end.
    """
    if shutil.which("adb") is None:
        raise EnvironmentProblem(
            "there is no adb on this machine; install it (Debian: apt-get install adb; else Android's platform-tools)"
        )
    # Files and no pipes: a server that it starts would keep those open.
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            ["adb", *words],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            env={**os.environ, "LC_ALL": "C"},
            start_new_session=True,
        )
        if begun is not None:
            begun(process)
        patience = ADB_SECONDS if seconds is None else seconds
        try:
            code = process.wait(patience)
        except subprocess.TimeoutExpired:
            raise EnvironmentProblem(
                f"adb {words[2] if words[0] == '-s' else words[0]} did not end in {patience:g} s. "
                "Something else may hold the port of its server; try: adb kill-server"
            ) from None
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        said.seek(0)
        return code, said.read(MOST_BYTES).decode(errors="replace")


def states() -> dict[str, str]:
    """The devices that adb is connected with: serial -> state, such as ``device``.

    Raises:
        EnvironmentProblem: adb is missing, or does not work.
    """
    code, said = adb("devices")
    _, header, listed = said.partition("List of devices attached\n")
    if code != 0 or not header:
        port = os.environ.get("ANDROID_ADB_SERVER_PORT", "5037")
        raise EnvironmentProblem(
            f"adb does not work here ({find(ADB, said)}). Another program may hold the port of its server ({port}; "
            "ANDROID_ADB_SERVER_PORT chooses another); try in a terminal: adb kill-server; adb devices"
        )
    rows = (line.partition("\t") for line in listed.splitlines())
    return {serial: state.strip() for serial, tab, state in rows if tab}


SETTLING = ("offline", "authorizing", "connecting")
"""Connection states that are temporary."""


def choose(name: str, serial: str | None) -> str:
    """The serial of the phone that is meant, and can be used.

    Args:
        name: name that the user gave the phone.
        serial: serial of the phone; None for the only one connected.

    Raises:
        EnvironmentProblem: there is none, there are several, or it is not ready.
    """
    end = time.monotonic() + SETTLE_SECONDS
    while True:
        there = states()
        meant = [serial] if serial is not None and serial in there else [] if serial else list(there)
        ready = len(meant) == 1 and there[meant[0]] == "device"
        settling = not meant or there[meant[0]] in SETTLING
        if ready or not settling or time.monotonic() >= end:
            break
        time.sleep(0.25)
    if ready:
        return meant[0]
    raise EnvironmentProblem(_why_not(name, serial, there, meant))


def _why_not(name: str, serial: str | None, there: Mapping[str, str], meant: Sequence[str]) -> str:
    known = ", ".join(f"{phone} ({state})" for phone, state in there.items()) or "none"
    if len(meant) > 1:
        return (
            f"adb sees several devices: {known}. Say which is {name}: mobilecnn devices add {name} --adb --serial "
            f"{shlex.quote(meant[0])}, or set ANDROID_SERIAL"
        )
    if not meant and serial is not None:
        network = f"; over a network, first: adb connect {shlex.quote(serial)}" if is_network(serial) else ""
        said = "" if name == serial else f", which {name} is said to be"
        board = f"; a board at that port is named ssh://{serial}" if name == serial and ":" in serial else ""
        return f"adb sees no device {serial}{said}; it sees: {known}. Connect it{network}{board}"
    if not meant:
        return (
            f"adb sees no device. Connect {name} by USB (a cable that carries data), unlock it, and switch on USB "
            "debugging (Settings, About phone: tap the build number seven times; then Developer options)"
        )
    state = there[meant[0]]
    for begin, advice in STATES.items():
        if state.startswith(begin):
            return f"{name} ({meant[0]}) {advice}"
    return f"{name} ({meant[0]}) is in the state {state!r}; start Android on it, and look with: adb devices"


STATES = {
    "unauthorized": (
        "does not trust this machine yet: unlock it, and allow USB debugging in the question that it shows; if it "
        "shows none, unplug it and plug it in again"
    ),
    "authorizing": "is still deciding whether to trust this machine: unlock it, and answer its question",
    "offline": "is offline to adb: unplug it and plug it in again, or try: adb reconnect offline",
    "connecting": "does not finish connecting: unplug it and plug it in again",
    "no permissions": (
        "may not be opened by this user: install the udev rules (Debian: sudo apt-get install "
        "android-sdk-platform-tools-common); where you are not at the machine's own screen, also: sudo usermod -aG plugdev "
        '"$(id -un)", and log in again. Then adb kill-server, and plug it in again'
    ),
}
"""Connection states in which a device cannot be used -> advice."""
