"""The devices there are, by name."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mobilecnn.bench.devices import entries, names
from mobilecnn.bench.devices.backends import BACKENDS, GENERIC
from mobilecnn.bench.devices.seam import (
    Backend,
    CanCount,
    CanTime,
    Device,
    Entry,
    Settings,
    SetUp,
    require,
)
from mobilecnn.bench.records.protocol import OnPhone
from mobilecnn.errors import UsageError
from mobilecnn.steps import Say, no_say


@dataclass(frozen=True)
class Known:
    """A device that has a name.

    Attributes:
        name: name that follows ``--device``.
        backend: kind of the device.
        entry: entry in the devices file; None where the backend provides the device.
    """

    name: str
    backend: Backend
    entry: Entry | None

    @property
    def shown(self) -> str:
        """What reaches it, for the list of devices."""
        return self.backend.provides[self.name] if self.entry is None else self.entry.address

    @property
    def profile(self) -> str:
        """What the user says it is."""
        return GENERIC if self.entry is None else self.entry.profile


def known() -> list[Known]:
    """All devices that have a name, by backend.

    Raises:
        InputError: the devices file is damaged.
    """
    named = entries.read()
    listed = []
    for backend in BACKENDS:
        listed += [Known(name, backend, None) for name in backend.provides]
        listed += [Known(name, backend, entry) for name, entry in named.items() if backend.kind == entry.KIND]
    return listed


def find(name: str) -> Known:
    """The device of that name: one that a backend provides, an entry of the devices file, a phone as ``adb devices``
    lists it over a network, or a host that ``ssh`` knows.

    Raises:
        UsageError: it is no name for any of them.
        InputError: the devices file is damaged.
    """
    for backend in BACKENDS:
        if name in backend.provides:
            return Known(name, backend, None)
    for device in known():
        if device.name == name:
            return device
    names.refuse_misspelt(name)
    for backend in BACKENDS:
        entry = None if backend.recognized is None else backend.recognized(name)
        if entry is not None:
            return Known(name, backend, entry)
    backend, entry_of = next(
        (backend, backend.unnamed) for backend in BACKENDS if backend.unnamed is not None
    )
    return Known(name, backend, entry_of(name))


def device(name: str, runtime: str | None = None, phone: OnPhone | None = None, say: Say = no_say) -> Device:
    """The device that :func:`find` finds. Nothing is connected yet.

    Args:
        name: name that follows ``--device``.
        runtime: runtime that a board must have; None for any, or none.
        phone: settings for phones only; None for the defaults.
        say: told when an emulated device has to be made first.

    Raises:
        UsageError: it is no name of a device, or ``phone`` is given and means nothing there.
        InputError: the devices file is damaged.
    """
    there = find(name)
    if phone is not None and not there.backend.takes_phone:
        raise UsageError(
            f"--benchmark-model is for phones, and {name} is none; leave it out, or name a phone: "
            "mobilecnn devices add NAME --adb"
        )
    listed = ", ".join(each.name for each in known()) if there.backend.unnamed is not None else ""
    return there.backend.make(name, there.entry, Settings(runtime, phone, say, listed))


def timing_device(name: str, runtime: str | None = None, phone: OnPhone | None = None) -> CanTime:
    """The device of that name, which must be able to time.

    Raises:
        UsageError, InputError: as :func:`device` does; the device cannot time models.
    """
    return require(device(name, runtime, phone), CanTime)


def devices(names: Sequence[str], runtime: str | None, phone: OnPhone | None) -> list[CanTime]:
    """:func:`timing_device` of each name; ``phone`` is told to the phones among them.

    Raises:
        UsageError, InputError: as :func:`timing_device` does; ``phone`` is given and none is one.
    """
    takes = [find(name).backend.takes_phone for name in names]
    return [
        timing_device(name, runtime, phone if here or not any(takes) else None)
        for name, here in zip(names, takes, strict=True)
    ]


def counts(name: str) -> bool:
    """Whether the device of that name counts instructions, instead of timing.

    Raises:
        UsageError, InputError: as :func:`device` does.
    """
    return isinstance(device(name), CanCount)


def new_entry(given: Mapping[str, Any]) -> Entry:
    """An entry from the options of ``devices add`` that the user set: name without dashes -> value.

    Raises:
        UsageError: they do not say what kind of device it is, or a value cannot be meant.
    """
    backends = entries.WITH_ENTRIES.values()
    chosen = [backend for backend in backends if backend.add_options[0].name in given]
    if len(chosen) != 1:
        raise UsageError(f"give either {', or '.join(backend.add_help for backend in backends)}")
    return entries.make(chosen[0], {name: value for name, value in given.items() if name in entries.FIELDS})


def set_up(name: str, options: Mapping[str, Any], given: Collection[str], say: Say) -> SetUp:
    """Do what ``devices setup`` does.

    Args:
        name: name that the user gave the device.
        options: all options of the command: name without dashes -> value.
        given: names of the options that the user set.
        say: told what is being done.

    Raises:
        UsageError: nothing is to be set up there, or an option is for devices of another kind.
        EnvironmentProblem: it failed.
    """
    there = find(name)
    if there.backend.setup is None:
        raise UsageError(there.backend.no_setup.format(name=name))
    taken = {option.name for option in there.backend.setup_options}
    for backend in BACKENDS:
        for option in backend.setup_options:
            if option.name in given and option.name not in taken:
                raise UsageError(
                    f"--{option.name} is for {backend.noun}s, and {name} is a {there.backend.noun}; leave it out"
                )
    return there.backend.setup(name, there.entry, options, say)
