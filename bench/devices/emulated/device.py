"""A device that is none: an ARM chip whose processor QEMU models, on which instructions are counted and time is modelled.

The worker runs in the Python of :mod:`mobilecnn.bench.devices.emulated.build` with the runtimes' own aarch64 builds,
so that the kernels are those that the modelled processor would be given. What it executes is counted
exactly, by ``counter.c``. How long it takes is not measured: an emulator has no pipeline, no caches
and no clock of the processor. It is modelled, from the blocks that ``blocks.c`` saw and the caches that it
simulated (:mod:`mobilecnn.bench.devices.emulated.work`).
"""

import re
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path

from mobilecnn.bench.devices.emulated import build
from mobilecnn.bench.devices.emulated.blocks import sections
from mobilecnn.bench.devices.emulated.llvm import tools
from mobilecnn.bench.devices.emulated.work import work_of
from mobilecnn.bench.devices.names import EMULATED, ONE_CORE
from mobilecnn.bench.devices.on_worker import InChild
from mobilecnn.bench.devices.packing import worker_file
from mobilecnn.bench.devices.seam import Answer, Job
from mobilecnn.bench.records.chips import CHIPS
from mobilecnn.bench.records.measurement import Facts
from mobilecnn.bench.records.work import TimeModel, Work
from mobilecnn.errors import EnvironmentProblem, UsageError
from mobilecnn.process import Child
from mobilecnn.steps import Say, no_say

KINDS = ("multiply_add", "dot_product", "load_store", "other")
"""Kinds of instructions, in the order in which ``counter.c`` writes them."""

OLDEST, NEWEST = (4, 2), (8, 2)
"""Releases of QEMU that have version 1 of its interface for plugins; tested is 7.2."""


class EmulatedDevice(InChild):
    """An ARM chip that is modelled; it can answer and count, and cannot be timed.

    What it is made of stays, for the next time; making that, once, is not interrupted by :meth:`stop`.
    """

    kind = "emulated"
    slowness = 10.0

    def __init__(self, name: str, say: Say = no_say) -> None:
        """Nothing is done yet.

        Args:
            name: a key of :data:`EMULATED`.
            say: told what is done when there is no root yet.
        """
        self.name = name
        self.chip = CHIPS[EMULATED[name]]
        self.core = build.CORES[self.chip.core]
        self._say = say

    @property
    def limits(self) -> str:
        """See :attr:`mobilecnn.bench.devices.seam.Device.limits`."""
        return (
            f"{self.name} counts instructions, models their time, and has no clock: nothing can be timed there. "
            f"mobilecnn bench MODEL.tflite --device {self.name} counts and models; for measured times name a board, a "
            "phone, or local"
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

    def time_model(self) -> TimeModel:
        """See :meth:`mobilecnn.bench.devices.seam.CanCount.time_model`."""
        return TimeModel(self.chip, tools().version)

    def count(self, job: Job, doing: str, timeout: float) -> Answer:
        """See :meth:`mobilecnn.bench.devices.seam.CanCount.count`.

        Returns:
            What the worker says, and ``warmup`` and ``samples``: for each inference the number of
            instructions by :data:`KINDS`; and ``work``, that of each sample, where time is modelled.
        """
        if job["threads"] != 1:
            raise UsageError(ONE_CORE.format(name=self.name))
        qemu_version()
        warmup, planned = job["warmup_runs"], job["warmup_runs"] + job["runs"]
        with tempfile.TemporaryDirectory(prefix="mobilecnn-") as folder:
            marks, blocks = Path(folder) / "marks", Path(folder) / "blocks"
            plugins = [f"{_word(build.plugin('counter'))},out={_word(marks)}"]
            if not job["counts_only"]:
                simulated = f"caches={self.chip.simulated}"
                plugins.append(f"{_word(build.plugin('blocks'))},out={_word(blocks)},late=on,{simulated}")
            with self._worker(job, doing, *plugins) as child:
                answer = child.receive(timeout)
            try:
                counts = between(marks.read_text())
                work = [] if job["counts_only"] else self._work(blocks)
            except (OSError, ValueError) as error:
                raise EnvironmentProblem(f"the process {doing} was not counted: {error}") from error
            recorded = {"counted": len(counts)} | ({} if job["counts_only"] else {"traced": len(work)})
            for what, number in recorded.items():
                if number != planned:
                    raise EnvironmentProblem(
                        f"the process {doing} ran {planned} inferences, and {number} were {what}; see whether "
                        f"{Path(folder).parent} has room, or set TMPDIR to a folder that has"
                    )
        return {
            **answer,
            "warmup": counts[:warmup],
            "samples": counts[warmup:],
            "work": [asdict(each) for each in work[warmup:]],
        }

    def _work(self, blocks: Path) -> list[Work]:
        """Work between each mark and the next, from the file of ``blocks.c``."""
        with blocks.open() as lines:
            return [
                work_of(section, self.chip.model) for section in sections(lines, (len(self.chip.caches),))
            ]

    @contextmanager
    def _worker(self, job: Job, doing: str, *plugins: str) -> Generator[Child, None, None]:
        command = build.command(build.root(self._say), self.core.name, [str(worker_file())], *plugins)
        with self._child(command, job, doing) as child:
            yield child


def _word(path: Path) -> str:
    """A path in an option of QEMU, which takes a comma where it is doubled."""
    return str(path).replace(",", ",,")


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
    program = build.program("qemu-aarch64")
    try:
        done = subprocess.run(
            [program, "--version"], capture_output=True, text=True, errors="replace", check=False
        )
    except OSError as error:
        raise build.broken(program, error.strerror or error) from error
    said = re.search(r"version (\d+)\.(\d+)[.\d]*", done.stdout)
    if said is None or not OLDEST <= (int(said[1]), int(said[2])) <= NEWEST:
        first = (done.stdout.splitlines() or ["it does not say"])[0]
        oldest, newest = (".".join(map(str, release)) for release in (OLDEST, NEWEST))
        raise EnvironmentProblem(
            f"instructions are counted with QEMU {oldest} to {newest}, and qemu-aarch64 here is another ({first}); "
            "put one of these first on the path, such as that of Debian 12"
        )
    return said[0].removeprefix("version ")
