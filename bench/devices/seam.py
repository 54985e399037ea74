"""The seam between the harness and the places where models run.

A :class:`Device` is little: what every such place can do. What only some can do is a capability
beside it, a protocol of one or two methods; :func:`require` turns the lack of one into the device's
own words. A :class:`Backend` is a kind of device, and all that the rest needs to know of it.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self, TypeVar, runtime_checkable
from typing import Protocol as Interface

from mobilecnn.bench.records.measurement import Facts
from mobilecnn.bench.records.protocol import OnPhone, Protocol
from mobilecnn.bench.records.work import TimeModel
from mobilecnn.errors import UsageError
from mobilecnn.steps import Say, no_say

Job = dict[str, Any]
"""The message that asks a device for something; :mod:`mobilecnn.bench.devices.jobs` makes them."""

Answer = dict[str, Any]
"""The message that answers a job."""

PROBE_TIMEOUT = 60.0
"""Seconds that a short question may take; a busy board imports numpy in ten."""


@runtime_checkable
class Device(Interface):
    """A place where models run.

    It is a context manager; leaving the block leaves nothing of it behind.

    Attributes:
        name: name that the user gave it.
        runtimes: runtimes that it may have.
        limits: one sentence for :func:`require`: what it cannot do, and what to use instead.
    """

    name: str
    runtimes: tuple[str, ...]

    @property
    def limits(self) -> str: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def close(self) -> None:
        """What leaving the block does. Harmless when repeated."""

    def stop(self) -> None:
        """End what is being done there, from another thread; the call that waits for it fails.

        Harmless when nothing is being done, and when repeated. What was made there is removed
        by whoever leaves the block.
        """

    def probe(self) -> Facts:
        """Ask the device what it is.

        Raises:
            EnvironmentProblem: it cannot be reached, or lacks what it needs.
        """

    def put(self, model: Path) -> str:
        """Bring a file there; the result is the name that a job calls it by.

        Raises:
            ModelFileError: the file cannot be read, or used there.
            EnvironmentProblem: it cannot be brought.
        """


# The capabilities. In all of them ``doing`` finishes the sentence "The process ... crashed", ``timeout`` is in
# seconds, and three errors are raised: ModelFileError where the runtime refuses the model, EnvironmentProblem where
# something that is needed is missing or the process crashed, UsageError where the job asks for what cannot be done.


@runtime_checkable
class CanFindRuntimes(Device, Interface):
    """A device that says which runtimes it has."""

    def version(self, runtime: str) -> str:
        """The version of a runtime there.

        Raises:
            UsageError: it is none of :attr:`Device.runtimes`.
            EnvironmentProblem: it is missing.
        """


@dataclass(frozen=True)
class Identity:
    """What tells a machine from all others, however it is reached; None where it does not tell.

    Attributes:
        boot: identifier that Linux drew when it was started (``boot_id``): that of one running system.
        serial: serial number of a phone.
        machine: identifier that the system was given when it was installed (``machine-id``); a copied SD card
            has that of its original.
    """

    boot: str | None = None
    serial: str | None = None
    machine: str | None = None

    def same(self, other: "Identity") -> bool:
        """Whether both are one machine, by the surest thing that both tell."""
        pairs = ((self.boot, other.boot), (self.serial, other.serial), (self.machine, other.machine))
        return next((mine == theirs for mine, theirs in pairs if mine and theirs), False)


@runtime_checkable
class CanIdentify(Device, Interface):
    """A device that says who it is."""

    def identity(self) -> Identity:
        """Who it is; this connects it.

        Raises:
            EnvironmentProblem: it cannot be reached.
        """


@runtime_checkable
class CanReadState(Device, Interface):
    """A device that shows its clocks and temperatures."""

    def state(self) -> Answer:
        """``{"frequencies_khz", "temperatures_c", "throttled"}`` now; a phone adds ``thermal_status``."""


@runtime_checkable
class CanAnswer(Device, Interface):
    """A device that runs a model on given inputs."""

    def answer(self, job: Job, doing: str, timeout: float) -> Answer:
        """Run a model once for each input of :func:`mobilecnn.bench.devices.jobs.answer`.

        Returns:
            ``{"outputs"}``, a tensor for each input; or ``{"judged"}``, the members of an
            :class:`mobilecnn.bench.records.measurement.Answers`, where the device judges by itself; or
            ``{"unable"}``, why it cannot tell.
        """


@runtime_checkable
class CanTime(Device, Interface):
    """A device that times the inferences of short processes.

    Attributes:
        passport_runtimes: names of the runtimes that take what to feed a file from its passport, and refuse a
            file without one.
    """

    passport_runtimes: tuple[str, ...]

    def adapt(self, protocol: Protocol) -> Protocol:
        """The protocol that is kept there, where one as given cannot be.

        Raises:
            UsageError: it asks for what such a device cannot do.
            EnvironmentProblem: nothing there can time models.
        """

    def time(self, job: Job, doing: str, timeout: float) -> Answer:
        """Time a model in a fresh process, as :func:`mobilecnn.bench.devices.jobs.timing` says.

        Returns:
            The members of a :class:`mobilecnn.bench.records.measurement.Run`, but for its place in the rounds.
        """


@runtime_checkable
class CanStream(Device, Interface):
    """A device that tells of each inference of a long process while it runs."""

    def stream(self, job: Job, doing: str, timeout: float) -> Generator[Answer, None, None]:
        """Run a model without a pause, as :func:`mobilecnn.bench.devices.jobs.stream` says.

        Yields:
            What a :class:`mobilecnn.bench.records.stream.Start` holds, then of each window what a ``Window``
            holds, as it ends. ``timeout`` is for each. Closing the generator ends the process.
        """


@runtime_checkable
class CanCount(Device, Interface):
    """A device that counts the instructions of an inference, and may model the time that they take."""

    def time_model(self) -> TimeModel:
        """What turns the work of an inference into time there.

        Raises:
            EnvironmentProblem: what models it is not here.
        """

    def count(self, job: Job, doing: str, timeout: float) -> Answer:
        """Count a model's instructions, as :func:`mobilecnn.bench.devices.jobs.count` says.

        Returns:
            The members of the series of a :class:`mobilecnn.bench.records.instructions.Instructions`.
        """


@runtime_checkable
class CanMeasureBandwidth(Device, Interface):
    """A device that measures how fast its memory reads and writes."""

    def bandwidth(self, threads: int, timeout: float) -> Answer:
        """``{"bytes", "samples_ns"}``: what one pass reads and writes, and how long each took."""


@runtime_checkable
class CanProfileOperators(Device, Interface):
    """A device one of whose runtimes times the operators of a model by itself.

    Attributes:
        profiling_runtime: name of that runtime.
    """

    profiling_runtime: str

    def operators(self, job: Job, doing: str, timeout: float) -> Answer:
        """What the runtime says: the members of an ``OperatorProfile``; the job is one of timing."""


Capability = TypeVar("Capability", bound=Device)


def require(device: Device, capability: type[Capability]) -> Capability:
    """The device, known to have a capability.

    Raises:
        UsageError: it has not; in its own words, with what to use instead.
    """
    if isinstance(device, capability):
        return device
    raise UsageError(device.limits)


class Entry(Interface):
    """A device in the devices file: a frozen dataclass whose fields, texts or None, are those of its table.

    A value that cannot be meant raises UsageError when it is made.

    Attributes:
        KIND: the ``kind`` of its backend.
        profile: what the user says the device is.
    """

    KIND: ClassVar[str]

    @property
    def profile(self) -> str: ...

    @property
    def address(self) -> str:
        """What reaches the device, for the list of devices."""

    @property
    def identity(self) -> str | None:
        """What is the same of two entries for one device; None for whichever device is connected."""


@dataclass(frozen=True)
class Settings:
    """Settings of a command for a device.

    Attributes:
        runtime: runtime that the device must have; None for any, or none.
        phone: settings for phones only; None for the defaults.
        say: told when something has to be made before the first use.
        known: names of all devices, for the message where a host does not exist.
    """

    runtime: str | None = None
    phone: OnPhone | None = None
    say: Say = no_say
    known: str = ""


@dataclass(frozen=True)
class SetUp:
    """Result of ``devices setup``.

    Attributes:
        document: result as a JSON object, but for the device's name.
        lines: result as lines of text.
        remarks: notes beside the result.
    """

    document: Mapping[str, Any]
    lines: Sequence[str]
    remarks: Sequence[str] = ()


@dataclass(frozen=True)
class Option:
    """An option of ``devices add`` or ``devices setup``.

    Attributes:
        name: name without dashes. One of ``devices add`` fills the field of that name in the entry.
        help: what the option means.
        flag: whether it takes no value.
        choices: values that it takes; empty for any text.
        default: value where the user gives none.
        listed: whether the list of devices has a column for it.
    """

    name: str
    help: str
    flag: bool = False
    choices: tuple[str, ...] = ()
    default: str | None = None
    listed: bool = False


@dataclass(frozen=True)
class Backend:
    """A kind of device. The module that makes one imports nothing heavy: ``--help`` reads the options.

    Attributes:
        kind: name of the kind in the devices file and in ``Facts.kind``.
        noun: word for one such device in messages: ``board``; its plural ends with s.
        make: makes a device from its name, its entry (None where the backend provides it, or where the name is
            a host), and the settings. Nothing is connected.
        provides: names of devices that are always there -> what the list of devices shows for each.
        taken: message why a provided name cannot be given to another device; ``{name}`` and ``{shown}`` are filled in.
        entry: class of its entries; None where there are none.
        recognized: makes an entry from a name that is in no list and can only be of this kind by its form, else gives
            None; None where names have no form of their own.
        unnamed: makes an entry from a name that is in no list; None but for the one backend that takes any host.
        add_options: options of ``devices add`` beside ``--profile``. The first says that a device is of this
            kind; it may be a flag, which is no field of the entry.
        add_help: meaning of that first option, as part of a sentence.
        profiles: profiles of such devices -> beginnings of the names by which they show themselves.
        any_device: advice where an entry means whichever device is connected, and another of this kind is
            named too; ``{name}`` is filled in.
        takes_phone: whether :class:`OnPhone` means something there.
        setup: does what ``devices setup`` does; None where nothing is to be done.
        setup_options: options of ``devices setup`` that ``setup`` takes. Backends may share one, by its name.
        no_setup: message why there is no set-up; ``{name}`` is filled in.
    """

    kind: str
    noun: str
    make: Callable[[str, Any, Settings], Device]
    provides: Mapping[str, str] = field(default_factory=dict)
    taken: str = ""
    entry: type[Any] | None = None
    recognized: Callable[[str], Entry | None] | None = None
    unnamed: Callable[[str], Entry] | None = None
    add_options: tuple[Option, ...] = ()
    add_help: str = ""
    profiles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    any_device: str = ""
    takes_phone: bool = False
    setup: Callable[[str, Any, Mapping[str, Any], Say], SetUp] | None = None
    setup_options: tuple[Option, ...] = ()
    no_setup: str = ""
