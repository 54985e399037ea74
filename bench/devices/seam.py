"""Where models are timed: one small seam, and the machine at hand behind it."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from typing import Protocol as Interface

from mobilecnn.bench.records.measurement import Facts
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.errors import EnvironmentProblem, InputError
from mobilecnn.process import Child, Closing
from mobilecnn.quantize.runtimes import RUNTIMES
from mobilecnn.records import record

Job = dict[str, Any]

Answer = dict[str, Any]

PROBE_TIMEOUT = 60.0
"""Seconds; a busy board imports numpy in ten."""


class Device(Interface):
    """A place that can time models. The harness knows no more of it than this.

    It is a context manager; leaving the block leaves nothing of it behind.

    Attributes:
        runtimes: what may run models there.
        runs_worker: whether :mod:`mobilecnn.bench.devices.worker` does the work there. Where another program
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
        """Do a job of :mod:`mobilecnn.bench.devices.worker` in a fresh process there.

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


def facts(kind: str, answer: Answer, name: str) -> Facts:
    """The worker's answer to a ``probe`` job as a record.

    Raises:
        EnvironmentProblem: it is none.
    """
    try:
        return record(Facts, {"kind": kind, **answer})
    except InputError as error:
        raise EnvironmentProblem(f"the bench worker describes {name} wrongly: {error}") from error
