"""Phones over adb, as the registry knows them."""

from collections.abc import Mapping
from typing import Any

from mobilecnn.bench.devices.adb import setup
from mobilecnn.bench.devices.adb.device import AdbDevice
from mobilecnn.bench.devices.adb.entry import AdbEntry
from mobilecnn.bench.devices.adb.tool import FOUND
from mobilecnn.bench.devices.seam import Backend, Device, Settings, SetUp
from mobilecnn.errors import UsageError
from mobilecnn.steps import Say

NEEDS = (
    "USB debugging, allowed for this machine (docs/phones.md says how)",
    "TFLite's benchmark_model for Android: prebuilt by Google (android_aarch64_benchmark_model, among the nightly "
    + "tools of TensorFlow Lite), or built from its sources (docs/phones.md says how)",
    "that program put there (mobilecnn devices setup NAME --download does both; or: "
    + f"adb push PATH {FOUND} && adb shell chmod 755 {FOUND}), or named with --benchmark-model PATH",
)
"""Steps that make a phone fit for timing."""


def _make(name: str, entry: AdbEntry, settings: Settings) -> Device:
    return AdbDevice(name, entry.serial, settings.phone, settings.runtime)


def _set_up(name: str, entry: AdbEntry, options: Mapping[str, Any], say: Say) -> SetUp:
    """Bring the phone ``benchmark_model``, or say what it needs."""
    source = options["from"]
    if not options["download"]:
        if source is not None:
            raise UsageError("--from says where --download downloads from; add --download")
        return SetUp({"needs": list(NEEDS)}, [f"{name} needs:", *(f"* {need}" for need in NEEDS)])
    with AdbDevice(name, entry.serial) as phone:
        program = setup.setup(phone, source or setup.NIGHTLY, say)
    version = f"sha256:{program.parent.name}"
    return SetUp(
        {"runtime": "benchmark_model", "version": version, "file": str(program)},
        [
            f"{name} has benchmark_model {version}; it is kept as {program}",
            f"Next: mobilecnn bench MODEL.tflite --device {name}",
        ],
    )


BACKEND = Backend(
    kind="adb",
    noun="phone",
    make=_make,
    entry=AdbEntry,
    chosen_by="adb",
    add_help="--adb, for an Android phone",
    # The beginning of the maker's and the model's name.
    profiles={"pixel": ("Google Pixel",)},
    any_device=(
        "{name} is whatever phone is connected, which may be another that is named: say which it is: "
        "mobilecnn devices add {name} --adb --serial SERIAL"
    ),
    takes_phone=True,
    setup=_set_up,
    setup_options=("download", "from"),
)
"""Phones that the devices file names."""
