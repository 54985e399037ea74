"""Emulated processors, as the registry knows them."""

from mobilecnn.bench.devices.emulated.device import NAMES, EmulatedDevice
from mobilecnn.bench.devices.seam import Backend

BACKEND = Backend(
    kind="emulated",
    noun="emulated processor",
    make=lambda name, entry, settings: EmulatedDevice(name, settings.say),
    provides=NAMES,
    taken="{name} is an emulated processor, a {shown}; choose another name, such as pi4",
    no_setup="{name} is made by itself when it is first used: mobilecnn devices probe {name}",
)
"""Processors that are always there."""
