"""The trainings of an experiment: each a process, ``mobilecnn train``, that is started, watched and stopped."""

import contextlib
import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mobilecnn.causes import cause
from mobilecnn.errors import EnvironmentProblem
from mobilecnn.extras import require
from mobilecnn.process import python
from mobilecnn.quantize.inference import cores
from mobilecnn.train import checkpoint

LAST_LINES = 3
"""Number of the last lines of a failed training's log that are looked through for its reason."""

CONNECTING_SECONDS = 10
"""Seconds in which a scheduler has to answer."""

STOPPING_SECONDS = 20.0
"""Seconds that a training has to end after it was told to; then it is killed. What is saved stays."""


def model_of(folder: Path, name: str) -> Path:
    """The model of a row."""
    return folder / f"{name}.keras"


def log_of(folder: Path, name: str) -> Path:
    """What the training of a row said."""
    return folder / f"{name}.log"


LOG = "What mobilecnn experiment's training says of the row "
"""Beginning of a log, by which it is known again."""


class Trainings:
    """The processes that train; stopping them all ends each as Ctrl-C would."""

    def __init__(self, workers: int, where: str | None = None) -> None:
        """Begin with none; ``where`` is the folder that relative names are of.  [default: the current one]"""
        self._where = where
        # TensorFlow would take all cores for each.
        each = max(1, cores() // workers)
        names = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
        self._threads = {name: os.environ.get(name, str(each)) for name in names} if workers > 1 else {}
        self._lock = threading.Lock()
        self._processes: list[subprocess.Popen[str]] = []
        self._stopped = False

    def train(
        self, folder: Path, name: str, options: dict[str, Any], told: Callable[[str, int, str], None]
    ) -> str:
        """Train a row, or continue its training; why it failed, empty where it did not."""
        with self._lock:
            if self._stopped:
                return "stopped"
            process = subprocess.Popen(
                command(folder, name, options),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                encoding="utf-8",
                errors="replace",
                cwd=self._where,
                env={**os.environ, **self._threads},
            )
            self._processes.append(process)
        lines: list[str] = []
        assert process.stderr is not None
        with process, log_of(folder, name).open("a", encoding="utf-8") as log:
            if not log.tell():
                log.write(f"{LOG}{name}\n")
            for line in process.stderr:
                log.write(line)
                log.flush()
                lines = [*lines, line.strip()][-LAST_LINES:]
                epoch = line.partition(":")[0].removeprefix("epoch ").partition("/")[0]
                if line.startswith("epoch ") and epoch.isdecimal():
                    told(name, int(epoch), line.strip())
        if process.returncode == 0:
            return ""
        reasons = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
        return (
            _for_a_row(reasons[-1], folder, name)
            if reasons
            else f"the training ended with code {process.returncode}; see {log_of(folder, name)}"
        )

    def stop(self) -> None:
        """Tell the trainings to end, and kill those that do not."""
        with self._lock:
            self._stopped = True
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(STOPPING_SECONDS)
            process.kill()


def _for_a_row(reason: str, folder: Path, name: str) -> str:
    """Why a training failed, with remedies in place of those that are options of ``train`` alone."""
    anew = f"remove {checkpoint.folder(model_of(folder, name))} to begin anew"
    return reason.removesuffix(", or give --skip-bad").replace("leave --resume out to begin anew", anew)


@contextmanager
def running(workers: int, where: str | None = None) -> Iterator[Trainings]:
    """Trainings, so many at a time, that end with the block; ``where`` is as :class:`Trainings` takes it."""
    trainings = Trainings(workers, where)
    try:
        yield trainings
    finally:
        trainings.stop()


def train_there(where: str, folder: str, name: str, options: dict[str, Any]) -> str:
    """:meth:`Trainings.train` in a worker of a cluster, which has all of its machine and tells nobody how far it is."""
    with running(1, where) as trainings:
        return trainings.train(Path(folder), name, options, lambda name, epoch, line: None)


@contextmanager
def cluster(address: str) -> Iterator[Executor]:
    """The workers of a Dask cluster as an executor.

    Args:
        address: address of its scheduler, such as ``tcp://10.0.0.1:8786``.

    Raises:
        EnvironmentProblem: Dask is not installed, or there is no scheduler, or it has no workers.
    """
    require("a Dask cluster", "cluster")
    from distributed import Client

    try:
        client = Client(address, timeout=CONNECTING_SECONDS, set_as_default=False)
    except (OSError, ValueError, TimeoutError) as error:
        raise EnvironmentProblem(
            f"no Dask scheduler answers at {address} ({cause(error)}); start one with dask scheduler, and workers with dask "
            f"worker {address} --nthreads 1"
        ) from error
    with client:
        if not client.nthreads():
            raise EnvironmentProblem(
                f"the Dask scheduler at {address} has no workers; start some with dask worker {address} --nthreads 1"
            )
        executor: Executor = client.get_executor(pure=False, retries=0)
        yield executor


def command(folder: Path, name: str, options: Mapping[str, Any]) -> list[str]:
    """The command that trains a row, or continues its training."""
    model = model_of(folder, name)
    words = [*python("mobilecnn"), "train"]
    for option, value in options.items():
        for each in value if isinstance(value, list) else [value]:
            if option == "architecture":
                continue
            if each is True:
                words.append(f"--{option}")
            elif each is not False:
                words += [f"--{option}={each}"]
    words += ["-o", str(model), *(["--resume"] if checkpoint.saved_epochs(model) else [])]
    return [*words, "--", str(options["architecture"])]
