"""The devices there are, by name."""

from collections.abc import Sequence

from mobilecnn.bench.devices import entries as device_file
from mobilecnn.bench.devices.local.device import LocalDevice
from mobilecnn.bench.devices.seam import Device
from mobilecnn.bench.records.protocol import OnPhone
from mobilecnn.errors import UsageError
from mobilecnn.steps import Say, no_say


def device(name: str, runtime: str | None = None, phone: OnPhone | None = None, say: Say = no_say) -> Device:
    """The device of that name: ``local``, emulated, an entry of the devices file, or a host that ``ssh`` knows.

    Args:
        name: what follows ``--device``.
        runtime: what a board must have; None for any, or none.
        phone: what only a phone is told; None for nothing in particular.
        say: told when an emulated device has to be made first.

    Raises:
        UsageError: it is no name for any of them, or ``phone`` is given and it is none.
        InputError: the devices file is damaged.
    """
    # Here, because they are made of this module.
    from mobilecnn.bench.devices.adb.device import AdbDevice
    from mobilecnn.bench.devices.emulated.device import EmulatedDevice
    from mobilecnn.bench.devices.ssh.device import SshDevice

    entry = _entry(name)
    if entry is not None and entry.kind == "adb":
        return AdbDevice(name, entry.serial, phone, runtime)
    if phone is not None:
        raise UsageError(
            f"--benchmark-model and --cores are for phones, and {name} is none; leave them out, or name a phone: "
            "mobilecnn devices add NAME --adb"
        )
    if name in device_file.EMULATED:
        return EmulatedDevice(name, say)
    if entry is None:
        return LocalDevice()
    assert entry.host is not None
    return SshDevice(name, entry.host, entry.python, runtime)


def timing_device(name: str, runtime: str | None = None, phone: OnPhone | None = None) -> Device:
    """:func:`device` for what can only be timed.

    Raises:
        UsageError, InputError: as :func:`device` does; it is emulated.
    """
    from mobilecnn.bench.devices.emulated.device import no_time

    if name in device_file.EMULATED:
        raise no_time(name)
    return device(name, runtime, phone)


def devices(names: Sequence[str], runtime: str | None, phone: OnPhone | None) -> list[Device]:
    """:func:`device` of each name; ``phone`` is told to the phones among them.

    Raises:
        UsageError, InputError: as :func:`device` does; ``phone`` is given and none is one.
    """
    entries = [_entry(name) for name in names]
    phones = [entry is not None and entry.kind == "adb" for entry in entries]
    told = [phone if each or not any(phones) else None for each in phones]
    return [timing_device(name, runtime, each) for name, each in zip(names, told, strict=True)]


def _entry(name: str) -> device_file.Entry | None:
    known = (device_file.LOCAL, *device_file.EMULATED)
    return None if name in known else device_file.find(name)
