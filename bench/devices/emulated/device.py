"""A device that is none: an ARM processor that QEMU models, on which instructions are counted.

The worker runs in the Python of :mod:`mobilecnn.bench.devices.emulated.build` with the runtimes' own aarch64 builds,
so that the kernels are those that the modelled processor would be given. What it executes is counted
exactly, by ``counter.c``. How long it would take is not known: an emulator has no pipeline, no caches
and no clock of the processor, so nothing is timed here.
"""

import re
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

from mobilecnn.bench.devices.emulated import build
from mobilecnn.bench.devices.on_worker import InChild
from mobilecnn.bench.devices.packing import worker_file
from mobilecnn.bench.devices.seam import Answer, Job
from mobilecnn.bench.records.measurement import Facts
from mobilecnn.errors import EnvironmentProblem, UsageError
from mobilecnn.process import Child
from mobilecnn.steps import Say, no_say

NAMES = {
    "emulated": "cortex-a72",
    "emulated-a53": "cortex-a53",
    "emulated-a72": "cortex-a72",
    "emulated-a76": "cortex-a76",
}
"""Names of the emulated devices -> the processor, a key of :data:`mobilecnn.bench.devices.emulated.build.CORES`."""

KINDS = ("multiply_add", "dot_product", "load_store", "other")
"""Kinds of instructions, in the order in which ``counter.c`` writes them."""

OLDEST, NEWEST = (4, 2), (8, 2)
"""Releases of QEMU that have version 1 of its interface for plugins; tested is 7.2."""


class EmulatedDevice(InChild):
    """An ARM core that QEMU models; it can answer and count, and cannot time.

    What it is made of stays, for the next time; making that, once, is not interrupted by :meth:`stop`.
    """

    kind = "emulated"
    slowness = 10.0

    def __init__(self, name: str, say: Say = no_say) -> None:
        """Nothing is done yet.

        Args:
            name: a key of :data:`NAMES`.
            say: told what is done when there is no root yet.
        """
        self.name = name
        self.core = build.CORES[NAMES[name]]
        self._say = say

    @property
    def limits(self) -> str:
        """See :attr:`mobilecnn.bench.devices.seam.Device.limits`."""
        return (
            f"{self.name} counts instructions and has no clock: nothing can be timed there. "
            f"mobilecnn bench MODEL.tflite --device {self.name} counts them; for times name a board, a phone, or local"
        )

    def probe(self) -> Facts:
        """See :meth:`mobilecnn.bench.devices.seam.Device.probe`: what is modelled, and nothing of this machine."""
        qemu = qemu_version()
        return self._facts(
            board=None,
            cpu=self.core.title,
            cores=1,
            memory_bytes=None,
            kernel=f"QEMU {qemu}, user mode",
            virtualised=None,
        )

    def count(self, job: Job, doing: str, timeout: float) -> Answer:
        """See :meth:`mobilecnn.bench.devices.seam.CanCount.count`.

        Returns:
            What the worker says, and ``warmup`` and ``samples``: for each inference the number of
            instructions by :data:`KINDS`.
        """
        if job["threads"] != 1:
            raise UsageError(f"--threads must be 1 on {self.name}: instructions are counted on one core")
        qemu_version()
        with tempfile.TemporaryDirectory(prefix="mobilecnn-") as folder:
            marks = Path(folder) / "marks"
            # QEMU takes a comma in a path when it is doubled.
            paths = [str(path).replace(",", ",,") for path in (build.plugin("counter"), marks)]
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

    @contextmanager
    def _worker(self, job: Job, doing: str, plugin: str | None = None) -> Generator[Child, None, None]:
        command = build.command(build.root(self._say), self.core.name, [str(worker_file())], plugin)
        with self._child(command, job, doing) as child:
            yield child


def between(marks: str) -> list[dict[str, int]]:
    """What was executed between each mark and the next, from the lines of ``counter.c``."""
    lines = [[int(word) for word in line.split()] for line in marks.splitlines()]
    return [
        {kind: end - begin for kind, begin, end in zip(KINDS, *pair, strict=True)} for pair in pairwise(lines)
    ]


def qemu_version() -> str:
    """The release of QEMU here: ``7.2.22``.

    Raises:
        EnvironmentProblem: there is none, or one with another interface for plugins.
    """
    done = subprocess.run(
        [build.program("qemu-aarch64"), "--version"], capture_output=True, text=True, check=False
    )
    said = re.search(r"version (\d+)\.(\d+)[.\d]*", done.stdout)
    if said is None or not OLDEST <= (int(said[1]), int(said[2])) <= NEWEST:
        first = (done.stdout.splitlines() or ["it does not say"])[0]
        oldest, newest = (".".join(map(str, release)) for release in (OLDEST, NEWEST))
        raise EnvironmentProblem(
            f"instructions are counted with QEMU {oldest} to {newest}, and qemu-aarch64 here is another ({first}); "
            "put one of these first on the path, such as that of Debian 12"
        )
    return said[0].removeprefix("version ")
