"""Where models are timed: one small seam, and the machine at hand behind it."""

import sys
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

Job = dict[str, Any]
Answer = dict[str, Any]

PROBE_TIMEOUT = 60.0
"""Seconds; a busy board imports numpy in ten."""


class Device(Interface):
    """A place that can time models. The harness knows no more of it than this.

    It is a context manager; leaving the block leaves nothing of it behind.

    Attributes:
        runtimes: what may run models there.
    """

    runtimes: tuple[str, ...]

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def close(self) -> None:
        """What leaving the block does."""

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
            ModelFileError: the runtime refuses the model.
            EnvironmentProblem: the runtime is missing, or the process crashed.
        """


class LocalDevice(Closing):
    """The machine at hand: the worker runs in a child process of this Python."""

    runtimes: tuple[str, ...] = RUNTIMES

    def close(self) -> None:
        """See :meth:`Device.close`: there is nothing to leave behind."""

    def probe(self) -> Facts:
        """See :meth:`Device.probe`."""
        answer = self.run({"task": "probe"}, "that probes this machine", PROBE_TIMEOUT)
        return facts("local", answer, "this machine")

    def adapt(self, protocol: Protocol) -> Protocol:
        """See :meth:`Device.adapt`: as it is."""
        return protocol

    def put(self, model: Path) -> str:
        """See :meth:`Device.put`: it is there already."""
        return str(model.resolve())

    def run(self, job: Job, doing: str, timeout: float) -> Answer:
        """See :meth:`Device.run`."""
        # By path and not by module name: the same way as on a board, without importing mobilecnn.
        with Child([sys.executable, "-P", worker.__file__], doing) as child:
            child.send({**job, "until_input_closes": True})
            return child.receive(timeout)


def facts(kind: str, answer: Answer, name: str) -> Facts:
    """The worker's answer to a ``probe`` job as a record.

    Raises:
        EnvironmentProblem: it is none.
    """
    try:
        return record(Facts, {"kind": kind, **answer})
    except InputError as error:
        raise EnvironmentProblem(f"the bench worker describes {name} wrongly: {error}") from error


def device(name: str, runtime: str | None = None, phone: OnPhone | None = None) -> Device:
    """The device of that name: ``local``, an entry of the devices file, or a host that ``ssh`` knows.

    Args:
        name: what follows ``--device``.
        runtime: what a board must have; None for any, or none.
        phone: what only a phone is told; None for nothing in particular.

    Raises:
        UsageError: it is no name for any of them, or ``phone`` is given and it is none.
        InputError: the devices file is damaged.
    """
    # Here, because they are made of this module.
    from mobilecnn.bench.adb import AdbDevice
    from mobilecnn.bench.ssh import SshDevice

    entry = None if name == device_file.LOCAL else device_file.find(name)
    if entry is not None and entry.kind == "adb":
        return AdbDevice(name, entry.serial, phone, runtime)
    if phone is not None:
        raise UsageError(
            f"--benchmark-model and --cores are for phones, and {name} is none; leave them out, or name a phone: "
            "mobilecnn devices add NAME --adb"
        )
    if entry is None:
        return LocalDevice()
    assert entry.host is not None
    return SshDevice(name, entry.host, entry.python, runtime)
