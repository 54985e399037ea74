"""Where models are timed: one small seam, and the machine at hand behind it."""

import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from typing import Protocol as Interface

from mobilecnn.bench import device_file, worker
from mobilecnn.bench.measurement import Facts, record
from mobilecnn.bench.protocol import OnPhone, Protocol
from mobilecnn.errors import EnvironmentProblem, InputError, UsageError
from mobilecnn.process import Child, Closing
from mobilecnn.quantize.runtimes import RUNTIMES
from mobilecnn.steps import Say, no_say

Job = dict[str, Any]
Answer = dict[str, Any]

PROBE_TIMEOUT = 60.0
"""Seconds; a busy board imports numpy in ten."""


class Device(Interface):
    """A place that can time models. The harness knows no more of it than this.

    It is a context manager; leaving the block leaves nothing of it behind.

    Attributes:
        runtimes: what may run models there.
        runs_worker: whether :mod:`mobilecnn.bench.worker` does the work there. Where another program
            does (phones), it only answers and times: no :meth:`follow`, no ``bandwidth``.
    """

    runtimes: tuple[str, ...]
    runs_worker: bool

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def close(self) -> None:
        """What leaving the block does."""

    def stop(self) -> None:
        """End what is being done there, from another thread; the call that waits for it fails.

        Harmless when nothing is being done, and when repeated. What was made there is removed
        by whoever leaves the block.
        """

    def probe(self) -> Facts:
        """What it is.

        Raises:
            EnvironmentProblem: it cannot be reached, or lacks what it needs.
        """

    def adapt(self, protocol: Protocol) -> Protocol:
        """The protocol that is kept there, where one as given cannot be.

        Raises:
            UsageError: it asks for what such a device cannot do.
            EnvironmentProblem: nothing there can time models.
        """

    def put(self, model: Path) -> str:
        """Bring a file there; the result is the name that a job calls it by.

        Raises:
            EnvironmentProblem: it cannot be brought.
        """

    def run(self, job: Job, doing: str, timeout: float) -> Answer:
        """Do a job of :mod:`mobilecnn.bench.worker` in a fresh process there.

        Args:
            job: what its ``task`` needs; ``model`` as :meth:`put` named it.
            doing: finishes the sentence "The process ... crashed".
            timeout: seconds after which the process is ended.

        Raises:
            UsageError: such a device cannot do it.
            ModelFileError: the runtime refuses the model.
            EnvironmentProblem: the runtime is missing, or the process crashed.
        """

    def follow(self, job: Job, doing: str, timeout: float) -> Generator[Answer, None, None]:
        """Do a job that is answered with several messages, each as it comes.

        Args:
            job: as for :meth:`run`.
            doing: the same.
            timeout: seconds after which the process is ended, for each message.

        Yields:
            All but the last, which only says that it is the end. Closing the generator ends the
            process.

        Raises:
            UsageError: such a device cannot do it.
            ModelFileError: the runtime refuses the model.
            EnvironmentProblem: the runtime is missing, or the process crashed.
        """


def until_end(child: Child, timeout: float) -> Generator[Answer, None, None]:
    """The messages of a child but the one that says ``end``; ``timeout`` for each."""
    while "end" not in (message := child.receive(timeout)):
        yield message


class InChild(Closing):
    """What all devices have in common whose worker is a child process of this machine, with this machine's files."""

    runtimes: tuple[str, ...] = RUNTIMES
    runs_worker: bool = True

    def __init__(self) -> None:
        self._running: Child | None = None

    def close(self) -> None:
        """See :meth:`Device.close`: there is nothing to leave behind."""

    def stop(self) -> None:
        """See :meth:`Device.stop`."""
        running = self._running
        if running is not None:
            running.kill()

    def put(self, model: Path) -> str:
        """See :meth:`Device.put`: it is there already."""
        return str(model.resolve())

    @contextmanager
    def _child(self, command: Sequence[str], job: Job, doing: str) -> Iterator[Child]:
        with Child(command, doing) as child:
            self._running = child
            child.send({**job, "until_input_closes": True})
            yield child


class LocalDevice(InChild):
    """The machine at hand: the worker runs with this Python."""

    def probe(self) -> Facts:
        """See :meth:`Device.probe`."""
        answer = self.run({"task": "probe"}, "that probes this machine", PROBE_TIMEOUT)
        return facts("local", answer, "this machine")

    def adapt(self, protocol: Protocol) -> Protocol:
        """See :meth:`Device.adapt`: as it is."""
        return protocol

    def run(self, job: Job, doing: str, timeout: float) -> Answer:
        """See :meth:`Device.run`."""
        with self._worker(job, doing) as child:
            return child.receive(timeout)

    def follow(self, job: Job, doing: str, timeout: float) -> Generator[Answer, None, None]:
        """See :meth:`Device.follow`."""
        with self._worker(job, doing) as child:
            yield from until_end(child, timeout)

    @contextmanager
    def _worker(self, job: Job, doing: str) -> Iterator[Child]:
        # By path and not by module name: the same way as on a board, without importing mobilecnn.
        with self._child([sys.executable, "-P", worker.__file__], job, doing) as child:
            yield child


def facts(kind: str, answer: Answer, name: str) -> Facts:
    """The worker's answer to a ``probe`` job as a record.

    Raises:
        EnvironmentProblem: it is none.
    """
    try:
        return record(Facts, {"kind": kind, **answer})
    except InputError as error:
        raise EnvironmentProblem(f"the bench worker describes {name} wrongly: {error}") from error


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
    from mobilecnn.bench.adb import AdbDevice
    from mobilecnn.bench.emulated import EmulatedDevice
    from mobilecnn.bench.ssh import SshDevice

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
    from mobilecnn.bench.emulated import no_time

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
