"""Where models are timed: one small seam, and the machine at hand behind it."""

import sys
from pathlib import Path
from typing import Any, Protocol

from mobilecnn.bench import worker
from mobilecnn.bench.measurement import Facts, record
from mobilecnn.errors import EnvironmentProblem, InputError, UsageError
from mobilecnn.process import Child

Job = dict[str, Any]
Answer = dict[str, Any]

PROBE_TIMEOUT = 60.0
"""Seconds; a busy board imports numpy in ten."""


class Device(Protocol):
    """A place that can time models. The harness knows no more of it than this."""

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
        """Do a ``time`` job of :mod:`mobilecnn.bench.worker` in a fresh process there.

        Args:
            job: with ``model`` as :meth:`put` named it.
            doing: finishes the sentence "The process ... crashed".
            timeout: seconds after which the process is ended.

        Raises:
            ModelFileError: the runtime refuses the model.
            EnvironmentProblem: the runtime is missing, or the process crashed.
        """


class LocalDevice:
    """The machine at hand: the worker runs in a child process of this Python."""

    def probe(self) -> Facts:
        """See :meth:`Device.probe`."""
        answer = self.run({"task": "probe"}, "that probes this machine", PROBE_TIMEOUT)
        try:
            return record(Facts, {"kind": "local", **answer})
        except InputError as error:
            raise EnvironmentProblem(f"the bench worker describes this machine wrongly: {error}") from error

    def put(self, model: Path) -> str:
        """See :meth:`Device.put`: it is there already."""
        return str(model.resolve())

    def run(self, job: Job, doing: str, timeout: float) -> Answer:
        """See :meth:`Device.run`."""
        # By path and not by module name: the same way as on a board, without importing mobilecnn.
        with Child([sys.executable, "-P", worker.__file__], doing) as child:
            child.send({**job, "until_input_closes": True})
            return child.receive(timeout)


DEVICES = {"local": LocalDevice}
"""``--device`` -> what it makes."""


def device(name: str) -> Device:
    """The device of that name.

    Raises:
        UsageError: there is none; the message lists those there are.
    """
    if name not in DEVICES:
        raise UsageError(f"unknown device {name!r}; choose one of: {', '.join(DEVICES)}")
    return DEVICES[name]()
