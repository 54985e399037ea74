"""Where models are timed: one small seam, and the machine at hand behind it."""

import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from mobilecnn.bench import device_file, worker
from mobilecnn.bench.measurement import Facts, record
from mobilecnn.errors import EnvironmentProblem, InputError
from mobilecnn.process import Child, Closing

Job = dict[str, Any]
Answer = dict[str, Any]

PROBE_TIMEOUT = 60.0
"""Seconds; a busy board imports numpy in ten."""


class Device(Protocol):
    """A place that can time models. The harness knows no more of it than this.

    It is a context manager; leaving the block leaves nothing of it behind.
    """

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
            ModelFileError: the runtime refuses the model.
            EnvironmentProblem: the runtime is missing, or the process crashed.
        """


def until_end(child: Child, timeout: float) -> Generator[Answer, None, None]:
    """The messages of a child but the one that says ``end``; ``timeout`` for each."""
    while "end" not in (message := child.receive(timeout)):
        yield message


class LocalDevice(Closing):
    """The machine at hand: the worker runs in a child process of this Python."""

    def __init__(self) -> None:
        self._running: Child | None = None

    def close(self) -> None:
        """See :meth:`Device.close`: there is nothing to leave behind."""

    def stop(self) -> None:
        """See :meth:`Device.stop`."""
        running = self._running
        if running is not None:
            running.kill()

    def probe(self) -> Facts:
        """See :meth:`Device.probe`."""
        answer = self.run({"task": "probe"}, "that probes this machine", PROBE_TIMEOUT)
        return facts("local", answer, "this machine")

    def put(self, model: Path) -> str:
        """See :meth:`Device.put`: it is there already."""
        return str(model.resolve())

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
        with Child([sys.executable, "-P", worker.__file__], doing) as child:
            self._running = child
            child.send({**job, "until_input_closes": True})
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


def device(name: str, runtime: str | None = None) -> Device:
    """The device of that name: ``local``, an entry of the devices file, or a host that ``ssh`` knows.

    Args:
        name: what follows ``--device``.
        runtime: what a board must have; None for any.

    Raises:
        UsageError: it is no name for any of them.
        InputError: the devices file is damaged.
    """
    # Here, because ssh.py is made of this module.
    from mobilecnn.bench.ssh import SshDevice

    if name == device_file.LOCAL:
        return LocalDevice()
    entry = device_file.find(name)
    return SshDevice(name, entry.host, entry.python, runtime)
