"""This machine, as the registry knows it."""

from mobilecnn.bench.devices.local.device import LocalDevice
from mobilecnn.bench.devices.seam import Backend
from mobilecnn.bench.records.kinds import LOCAL

BACKEND = Backend(
    kind=LOCAL,
    noun="machine",
    make=lambda name, entry, settings: LocalDevice(),
    provides={"local": "this machine"},
    taken="{name} is {shown}; choose another name, such as pi4",
    no_setup="this machine has its runtimes already; name a board: mobilecnn devices setup pi4",
)
"""This machine, which is always there."""
