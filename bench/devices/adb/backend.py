"""Phones over adb, as the registry knows them."""

from collections.abc import Mapping
from typing import Any

from mobilecnn.bench.devices.adb.entry import AdbEntry, is_network
from mobilecnn.bench.devices.seam import Backend, Device, Option, Settings, SetUp
from mobilecnn.errors import UsageError
from mobilecnn.steps import Say


def _make(name: str, entry: AdbEntry, settings: Settings) -> Device:
    from mobilecnn.bench.devices.adb.device import AdbDevice

    return AdbDevice(name, entry.serial, settings.phone, settings.runtime, entry.app)


def _set_up(name: str, entry: AdbEntry, options: Mapping[str, Any], say: Say) -> SetUp:
    """Bring the phone ``benchmark_model``, or say what it needs."""
    from mobilecnn.bench.devices.adb import setup
    from mobilecnn.bench.devices.adb.device import AdbDevice

    source, digest = options["from"], options["sha256"]
    if not options["download"]:
        if source is not None:
            raise UsageError("--from says where --download downloads from; add --download")
        if digest is not None:
            raise UsageError("--sha256 says what --download must give; add --download")
        return SetUp({"needs": list(setup.NEEDS)}, [f"{name} needs:", *(f"* {need}" for need in setup.NEEDS)])
    with AdbDevice(name, entry.serial) as phone:
        program = setup.setup(phone, setup.NIGHTLY if source is None else source, digest, say)
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
    recognized=lambda name: AdbEntry(name) if is_network(name) else None,
    add_options=(
        Option("adb", "Say that it is an Android phone.", flag=True),
        Option(
            "serial",
            "Take the phone of this serial number, as `adb devices` lists it; for --adb.  "
            "[default: the only one]",
        ),
        Option(
            "app",
            "Find the sample app by this applicationId, that of a renamed copy; for --adb.  "
            "[default: the sample app's]",
        ),
    ),
    add_help="--adb, for an Android phone",
    # The beginning of the maker's and the model's name.
    profiles={"pixel": ("Google Pixel",)},
    any_device=(
        "{name} is whatever phone is connected, which may be another that is named: say which it is: "
        "mobilecnn devices add {name} --adb --serial SERIAL"
    ),
    takes_phone=True,
    setup=_set_up,
    setup_options=(
        Option("download", "Download benchmark_model here and put it on the phone.", flag=True),
        Option("from", "Download from this address; for --download.  [default: Google's nightly builds]"),
        Option(
            "sha256",
            "Expect this SHA-256 of the program that --download fetches; without it, the sum is "
            "told and nothing is sent.",
        ),
    ),
)
"""Phones that the devices file names."""
