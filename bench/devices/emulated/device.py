"""A device that is none: an ARM processor that QEMU models, on which instructions are counted.

The worker runs in the Python of :mod:`mobilecnn.bench.devices.emulated.root` with the runtimes' own aarch64 builds,
so that the kernels are those that the modelled processor would be given. What it executes is counted
exactly, by ``counter.c``. How long it would take is not known: an emulator has no pipeline, no caches
and no clock of the processor, so nothing is timed here.
"""

import re
import subprocess
import tempfile
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from mobilecnn.bench.devices import worker
from mobilecnn.bench.devices.emulated import root as arm64
from mobilecnn.bench.devices.entries import EMULATED
from mobilecnn.bench.devices.seam import PROBE_TIMEOUT, Answer, InChild, Job, facts
from mobilecnn.bench.records.measurement import Facts
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.errors import EnvironmentProblem, UsageError
from mobilecnn.process import Child
from mobilecnn.steps import Say, no_say

KINDS = ("multiply_add", "dot_product", "load_store", "other")
"""Of instructions, in the order in which ``counter.c`` writes them."""

OLDEST, NEWEST = (4, 2), (8, 2)
"""Releases of QEMU that have version 1 of its interface for plugins; tested is 7.2."""

SLOWER = 10
"""A job has so many times the patience that it has elsewhere; counting has its own."""


class EmulatedDevice(InChild):
    """An ARM core that QEMU models; it can answer and count, and cannot time.

    What it is made of stays, for the next time; making that, once, is not interrupted by :meth:`stop`.
    """

    def __init__(self, name: str, say: Say = no_say) -> None:
        """Nothing is done yet.

        Args:
            name: a key of ``device_file.EMULATED``.
            say: told what is done when there is no root yet.
        """
        super().__init__()
        self.name = name
        self.core = arm64.CORES[EMULATED[name]]
        self._say = say

    def probe(self) -> Facts:
        """See :meth:`mobilecnn.bench.devices.seam.Device.probe`: what is modelled, and nothing of this machine."""
        qemu = qemu_version()
        answer = self.run({"task": "probe"}, f"that probes {self.name}", PROBE_TIMEOUT)
        return replace(
            facts("emulated", answer, self.name),
            board=None,
            cpu=self.core.title,
            cores=1,
            memory_bytes=None,
            kernel=f"QEMU {qemu}, user mode",
            virtualised=None,
        )

    def adapt(self, protocol: Protocol) -> Protocol:
        """See :meth:`mobilecnn.bench.devices.seam.Device.adapt`: none can be kept."""
        raise no_time(self.name)

    def run(self, job: Job, doing: str, timeout: float) -> Answer:
        """See :meth:`mobilecnn.bench.devices.seam.Device.run`.

        To a ``count`` job the answer has also ``warmup`` and ``samples``: for each inference the
        number of instructions by :data:`KINDS`.
        """
        if job["task"] in ("time", "bandwidth", "stream"):
            raise no_time(self.name)
        if job["task"] != "count":
            with self._worker(job, doing) as child:
                return child.receive(timeout * SLOWER)
        if job["threads"] != 1:
            raise UsageError(f"--threads must be 1 on {self.name}: instructions are counted on one core")
        qemu_version()
        with tempfile.TemporaryDirectory(prefix="mobilecnn-") as folder:
            marks = Path(folder) / "marks"
            # QEMU takes a comma in a path when it is doubled.
            paths = [str(path).replace(",", ",,") for path in (arm64.counter(), marks)]
            with self._worker(job, doing, f"{paths[0]},out={paths[1]}") as child:
                answer = child.receive(timeout)
            try:
                counts = between(marks.read_text())
            except (OSError, ValueError) as error:
                raise EnvironmentProblem(f"the process {doing} was not counted: {error}") from error
        if len(counts) != job["warmup_runs"] + job["runs"]:
            raise EnvironmentProblem(
                f"the process {doing} ran {job['warmup_runs'] + job['runs']} inferences, and {len(counts)} were counted"
            )
        return {**answer, "warmup": counts[: job["warmup_runs"]], "samples": counts[job["warmup_runs"] :]}

    def follow(self, job: Job, doing: str, timeout: float) -> Generator[Answer, None, None]:
        """See :meth:`mobilecnn.bench.devices.seam.Device.follow`: only timing is answered so."""
        raise no_time(self.name)

    @contextmanager
    def _worker(self, job: Job, doing: str, plugin: str | None = None) -> Iterator[Child]:
        command = arm64.command(arm64.root(self._say), self.core.name, [worker.__file__], plugin)
        with self._child(command, job, doing) as child:
            yield child


def between(marks: str) -> list[dict[str, int]]:
    """What was executed between each mark and the next, from the lines of ``counter.c``."""
    lines = [[int(word) for word in line.split()] for line in marks.splitlines()]
    return [
        {kind: end - begin for kind, begin, end in zip(KINDS, *pair, strict=True)} for pair in pairwise(lines)
    ]


def no_time(name: str) -> UsageError:
    """That timing was asked for."""
    return UsageError(
        f"{name} counts instructions and has no clock: nothing can be timed there. "
        f"mobilecnn bench MODEL.tflite --device {name} counts them; for times name a board, a phone, or local"
    )


def qemu_version() -> str:
    """As ``7.2.22``.

    Raises:
        EnvironmentProblem: there is none, or one with another interface for plugins.
    """
    done = subprocess.run(
        [arm64.program("qemu-aarch64"), "--version"], capture_output=True, text=True, check=False
    )
    found = re.search(r"version (\d+)\.(\d+)[.\d]*", done.stdout)
    if found is None or not OLDEST <= (int(found[1]), int(found[2])) <= NEWEST:
        first = (done.stdout.splitlines() or ["it does not say"])[0]
        oldest, newest = (".".join(map(str, each)) for each in (OLDEST, NEWEST))
        raise EnvironmentProblem(
            f"instructions are counted with QEMU {oldest} to {newest}, and qemu-aarch64 here is another ({first}); "
            "put one of these first on the path, such as that of Debian 12"
        )
    return found[0].removeprefix("version ")
