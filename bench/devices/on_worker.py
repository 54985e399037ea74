"""What all devices have in common on which the worker runs."""

from abc import abstractmethod
from collections.abc import Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from mobilecnn.bench.devices import jobs
from mobilecnn.bench.devices.seam import PROBE_TIMEOUT, Answer, Identity, Job
from mobilecnn.bench.records.measurement import Facts
from mobilecnn.bench.records.protocol import GPU, Protocol
from mobilecnn.errors import EnvironmentProblem, InputError, UsageError
from mobilecnn.process import Child, Closing
from mobilecnn.quantize.runtimes import RUNTIMES
from mobilecnn.records import record

BANDWIDTH_SECONDS = 1.0
"""Seconds for which the memory's bandwidth is measured."""


class OnWorker(Closing):
    """A device whose work :mod:`mobilecnn.bench.devices.worker` does.

    Attributes:
        kind: kind of the device (``Facts.kind``).
        slowness: factor by which a job takes longer there than on a usual device.
    """

    name: str
    kind: str
    runtimes: tuple[str, ...] = RUNTIMES
    slowness: float = 1.0

    @abstractmethod
    def _worker(self, job: Job, doing: str) -> AbstractContextManager[Child]:
        """A worker that has been given the job."""

    def _run(self, job: Job, doing: str, timeout: float) -> Answer:
        with self._worker(job, doing) as child:
            return child.receive(timeout * self.slowness)

    def _facts(self, **change: Any) -> Facts:
        """What the worker says of its machine, but for ``change``.

        Raises:
            EnvironmentProblem: it is not what :class:`Facts` holds.
        """
        answer = self._run(jobs.PROBE, f"that probes {self.name}", PROBE_TIMEOUT)
        try:
            return record(Facts, {"kind": self.kind, **answer, **change})
        except InputError as error:
            raise EnvironmentProblem(f"the bench worker describes {self.name} wrongly: {error}") from error

    def version(self, runtime: str) -> str:
        """See :meth:`mobilecnn.bench.devices.seam.CanFindRuntimes.version`."""
        doing = f"that looks for {runtime} on {self.name}"
        return str(self._run(jobs.find_runtime(runtime), doing, PROBE_TIMEOUT)["version"])

    def state(self) -> Answer:
        """See :meth:`mobilecnn.bench.devices.seam.CanReadState.state`."""
        return self._run(jobs.STATE, f"that reads the state of {self.name}", PROBE_TIMEOUT)

    def answer(self, job: Job, doing: str, timeout: float) -> Answer:
        """See :meth:`mobilecnn.bench.devices.seam.CanAnswer.answer`."""
        return self._run(job, doing, timeout)


class TimingOnWorker(OnWorker):
    """A worker device that can time."""

    passport_runtimes: tuple[str, ...] = ()

    @property
    def limits(self) -> str:
        """See :attr:`mobilecnn.bench.devices.seam.Device.limits`."""
        return (
            f"{self.name} times models and cannot count their instructions, nor profile operators by itself; "
            "--device emulated counts"
        )

    def identity(self) -> Identity:
        """See :meth:`mobilecnn.bench.devices.seam.CanIdentify.identity`."""
        told = self._run(jobs.IDENTITY, f"that asks {self.name} who it is", PROBE_TIMEOUT)
        boot, machine = (str(told[key])[:100] if told.get(key) else None for key in ("boot", "machine"))
        return Identity(boot=boot, machine=machine)

    def adapt(self, protocol: Protocol) -> Protocol:
        """See :meth:`mobilecnn.bench.devices.seam.CanTime.adapt`: as it is."""
        if protocol.delegate == GPU:
            raise UsageError(
                f"--delegate gpu is for phones: the runtimes for Python, which time on {self.name}, have no such delegate; "
                "leave it out"
            )
        return protocol

    def time(self, job: Job, doing: str, timeout: float) -> Answer:
        """See :meth:`mobilecnn.bench.devices.seam.CanTime.time`."""
        return self._run(job, doing, timeout)

    def stream(self, job: Job, doing: str, timeout: float) -> Generator[Answer, None, None]:
        """See :meth:`mobilecnn.bench.devices.seam.CanStream.stream`."""
        with self._worker(job, doing) as child:
            while "end" not in (message := child.receive(timeout)):
                yield message

    def bandwidth(self, threads: int, timeout: float) -> Answer:
        """See :meth:`mobilecnn.bench.devices.seam.CanMeasureBandwidth.bandwidth`."""
        job = jobs.bandwidth(threads, BANDWIDTH_SECONDS)
        return self._run(job, f"that measures the memory's bandwidth of {self.name}", timeout)


class InChild(OnWorker):
    """A device whose worker is a child process of this machine, with this machine's files."""

    _running: Child | None = None

    def close(self) -> None:
        """See :meth:`mobilecnn.bench.devices.seam.Device.close`: there is nothing to leave behind."""

    def stop(self) -> None:
        """See :meth:`mobilecnn.bench.devices.seam.Device.stop`."""
        running = self._running
        if running is not None:
            running.kill()

    def put(self, model: Path) -> str:
        """See :meth:`mobilecnn.bench.devices.seam.Device.put`: it is there already."""
        return str(model.resolve())

    @contextmanager
    def _child(self, command: Sequence[str], job: Job, doing: str) -> Generator[Child, None, None]:
        with Child(command, doing) as child:
            self._running = child
            child.send({**job, "until_input_closes": True})
            yield child
