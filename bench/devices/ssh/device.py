"""Boards that are reached over SSH: what times is the worker, in a session for each job."""

import re
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from mobilecnn.bench.devices import jobs
from mobilecnn.bench.devices.on_worker import TimingOnWorker
from mobilecnn.bench.devices.packing import worker_file
from mobilecnn.bench.devices.seam import PROBE_TIMEOUT, Answer, Job
from mobilecnn.bench.devices.ssh import connection, unfit
from mobilecnn.bench.devices.ssh.address import parse
from mobilecnn.bench.devices.ssh.connection import FIND, RUN, Connection
from mobilecnn.bench.devices.worker.causes import ANOTHER_PYTHON
from mobilecnn.bench.devices.worker.signs import PYTHON
from mobilecnn.bench.records.measurement import Facts
from mobilecnn.errors import ChildCrashed, EnvironmentProblem, MobileCnnError, ModelFileError
from mobilecnn.files import read_bytes, sha256
from mobilecnn.process import Child
from mobilecnn.quantize.runtimes import RUNTIMES

OLDEST_PYTHON = (3, 9)
"""Oldest version of Python that the worker runs with."""

CHECK = (  # Also for Python 2.
    "import sys; print('%d.%d.%d %d' % (tuple(sys.version_info[:3]) + (64 if sys.maxsize > 2**32 else 32,)))"
)


class SshDevice(TimingOnWorker):
    """A board over SSH. The first call connects; leaving the block cleans up there."""

    kind = "ssh"

    def __init__(
        self, name: str, host: str, python: str | None = None, runtime: str | None = None, known: str = ""
    ) -> None:
        """Nothing happens yet.

        Args:
            name: name that the user gave the board.
            host: host as ``ssh`` takes it.
            python: interpreter on the board, a command or a path (``~/`` is the home there);
                None for the one that ``mobilecnn devices setup`` made, else ``python3``.
            runtime: runtime that :meth:`probe` demands; None to demand none.
            known: names of all devices, for the message where there is no such host.

        Raises:
            UsageError: ``host`` is none.
        """
        self.name = name
        self.host = host
        self.connection = Connection(name, parse(host), known)
        self._named_python = python
        self._runtime = runtime
        self._pythons: dict[str | None, str] = {}
        self._worker_is_there = False

    def close(self) -> None:
        """See :meth:`mobilecnn.bench.devices.seam.Device.close`."""
        self.connection.close()

    def stop(self) -> None:
        """See :meth:`mobilecnn.bench.devices.seam.Device.stop`."""
        self.connection.stop()

    def probe(self) -> Facts:
        """See :meth:`mobilecnn.bench.devices.seam.Device.probe`; a missing runtime is a failure."""
        facts = self._facts()
        if self._runtime is not None:
            try:
                self.version(self._runtime)
            except ChildCrashed:
                raise
            except EnvironmentProblem as error:
                raise EnvironmentProblem(
                    f"{error}; or run here: mobilecnn devices setup {self.name} --runtime {self._runtime}"
                ) from error
        return facts

    def put(self, model: Path) -> str:
        """See :meth:`mobilecnn.bench.devices.seam.Device.put`: into the cache there, by content."""
        digest = sha256(read_bytes(model, "model", ModelFileError))
        target = f"{self.connection.home}/.cache/mobilecnn/models/{digest}.tflite"
        self.connection.store(model, target, digest)
        self.connection.local_names[target] = str(model)
        return target

    @contextmanager
    def _worker(self, job: Job, doing: str) -> Generator[Child, None, None]:
        runtime = job.get("runtime", self._runtime)
        python = self._python(runtime)
        try:
            with self._worker_of(python, job, doing) as child:
                yield child
        except ChildCrashed as error:
            if runtime in RUNTIMES and "ended by SIGILL" in error.how:
                self._remember_unfit(python, runtime)
            raise

    def _remember_unfit(self, python: str, runtime: str) -> None:
        """Have the next set-up take another version of a runtime than this."""
        doing = f"that asks for the version of {runtime} on {self.name}"
        with suppress(MobileCnnError):  # What happened is said already.
            version = self.work(python, jobs.installed(runtime), doing, PROBE_TIMEOUT)["version"]
            unfit.remember(self.connection, runtime, str(version))

    def work(self, python: str, job: Job, doing: str, timeout: float) -> Answer:
        """Do a job with an interpreter of one's own choice, an absolute path there."""
        with self._worker_of(python, job, doing) as child:
            return child.receive(timeout)

    @contextmanager
    def _worker_of(self, python: str, job: Job, doing: str) -> Generator[Child, None, None]:
        there = f"{self.connection.folder}/worker.pyz"
        if not self._worker_is_there:
            file = worker_file()
            self.connection.store(file, there, sha256(file.read_bytes()))
            self._worker_is_there = True
        with self.connection.session(doing, RUN, self.connection.folder, python, there, tool=PYTHON) as child:
            child.send({**job, "until_input_closes": True})
            yield child

    def find_python(self, candidates: Sequence[str]) -> str:
        """The first of some interpreters that is there; ``~/`` is the home there.

        Raises:
            EnvironmentProblem: none is, or it is not one that the worker can use.
        """
        paths = [
            f"{self.connection.home}/{path[2:]}" if path.startswith("~/") else path for path in candidates
        ]
        with self.connection.session(f"that looks for Python on {self.name}", FIND, *paths) as child:
            python = child.line(connection.ANSWER_SECONDS).decode(errors="replace")
        if not python:
            raise EnvironmentProblem(
                f"there is no {candidates[-1]} on {self.name}; install Python there (sudo apt-get install python3), "
                f"or {ANOTHER_PYTHON}"
            )
        version, bits = self.python_facts(python)
        if version[:2] < OLDEST_PYTHON:
            shown, oldest = (".".join(map(str, numbers)) for numbers in (version, OLDEST_PYTHON))
            raise EnvironmentProblem(
                f"{python} on {self.name} is Python {shown}, and the bench worker needs {oldest} or newer; {ANOTHER_PYTHON}"
            )
        if bits != 64:
            raise EnvironmentProblem(
                f"{python} on {self.name} is a 32-bit Python, and the runtimes need a 64-bit system; install the "
                "64-bit Raspberry Pi OS"
            )
        return python

    def _python(self, runtime: str | None) -> str:
        if runtime not in self._pythons:
            made = [environment("~", name) + "/bin/python" for name in ([runtime] if runtime else RUNTIMES)]
            named = [self._named_python] if self._named_python else [*made, "python3"]
            self._pythons[runtime] = self.find_python(named)
        return self._pythons[runtime]

    def python_facts(self, python: str) -> tuple[tuple[int, ...], int]:
        """The version of an interpreter there, and its bits.

        Raises:
            EnvironmentProblem: it is none.
        """
        doing = f"that asks {python} on {self.name} for its version"
        try:
            with self.connection.session(
                doing, RUN, self.connection.folder, python, "-c", CHECK, tool=PYTHON
            ) as child:
                answer = child.line(connection.ANSWER_SECONDS).decode(errors="replace")
        except ChildCrashed as error:
            raise EnvironmentProblem(
                f"{python} on {self.name} is no Python that works: {error}"
                + ("" if ANOTHER_PYTHON in str(error) else f"; {ANOTHER_PYTHON}")
            ) from error
        match = re.fullmatch(r"(\d+)\.(\d+)\.(\d+) (32|64)", answer.strip())
        if match is None:
            raise EnvironmentProblem(
                f"{python} on {self.name} is no Python: it answered {answer[:80]!r}; {ANOTHER_PYTHON}"
            )
        *parts, bits = (int(group) for group in match.groups())
        return tuple(parts), bits


def environment(home: str, runtime: str) -> str:
    """The path at which ``mobilecnn devices setup`` puts the environment of a runtime."""
    return f"{home}/.local/share/mobilecnn/env-{runtime}"
