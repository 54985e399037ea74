"""Boards over SSH, as the registry knows them."""

import shlex
from collections.abc import Mapping
from typing import Any

from mobilecnn.bench.devices.seam import Backend, Device, Option, Settings, SetUp
from mobilecnn.bench.devices.ssh.device import SshDevice
from mobilecnn.bench.devices.ssh.entry import SshEntry
from mobilecnn.bench.devices.ssh.setup import setup
from mobilecnn.quantize.runtimes import RUNTIMES
from mobilecnn.steps import Say


def _make(name: str, entry: SshEntry, settings: Settings) -> Device:
    return SshDevice(name, entry.host, entry.python, settings.runtime, settings.known)


def _set_up(name: str, entry: SshEntry, options: Mapping[str, Any], say: Say) -> SetUp:
    runtime, offline = options["runtime"], options["offline"]
    with SshDevice(name, entry.host, entry.python) as board:
        version = setup(board, runtime, offline, say, entry.python or "python3", options["version"])
    remark = (
        f"Note: {name} is timed with {entry.python}, as its entry says. For the new environment, add it "
        f"anew without --python: mobilecnn devices add {name} --host {shlex.quote(entry.host)} --profile {entry.profile}"
    )
    return SetUp(
        {"runtime": runtime, "version": version, "offline": offline},
        [
            f"{name} has {runtime} {version}. Next: mobilecnn bench MODEL.tflite --device {name} --runtime {runtime}"
        ],
        [] if entry.python is None else [remark],
    )


BACKEND = Backend(
    kind="ssh",
    noun="board",
    make=_make,
    entry=SshEntry,
    unnamed=SshEntry,
    add_options=(
        Option(
            "host", "Reach the board at this name, address or alias, as `ssh` takes it, also user@host:port."
        ),
        Option(
            "python", "Run this interpreter there.  [default: what setup made, else python3]", listed=True
        ),
    ),
    add_help="--host HOST, for a board over SSH",
    profiles={
        # The beginning of the device tree's model.
        "pi3": ("Raspberry Pi 3", "Raspberry Pi Compute Module 3"),
        "pi4": ("Raspberry Pi 4", "Raspberry Pi Compute Module 4"),
        "pi5": ("Raspberry Pi 5", "Raspberry Pi Compute Module 5"),
        "zero2w": ("Raspberry Pi Zero 2",),
    },
    setup=_set_up,
    setup_options=(
        Option("runtime", "Run the .tflite files on this runtime.", choices=RUNTIMES, default=RUNTIMES[0]),
        Option(
            "version", "Install this version of the runtime.  [default: the newest that the board can load]"
        ),
        Option("offline", "Download here and carry it there, for a board without a network.", flag=True),
    ),
)
"""Boards that the devices file names, and hosts that ``ssh`` knows."""
