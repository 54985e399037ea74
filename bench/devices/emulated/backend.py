"""Emulated chips, as the registry knows them."""

from mobilecnn.bench.devices.emulated.device import EmulatedDevice
from mobilecnn.bench.devices.names import EMULATED
from mobilecnn.bench.devices.seam import Backend
from mobilecnn.bench.records.chips import CHIPS

BACKEND = Backend(
    kind="emulated",
    noun="emulated chip",
    make=lambda name, entry, settings: EmulatedDevice(name, settings.say),
    provides={name: CHIPS[chip].title for name, chip in EMULATED.items()},
    taken="{name} is an emulated chip, that of a {shown}; choose another name, such as pi4",
    no_setup="{name} is made by itself when it is first used: mobilecnn devices probe {name}",
)
"""Chips that are always there."""
