"""The machine at hand as a device."""

import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager

from mobilecnn.bench.devices import worker
from mobilecnn.bench.devices.seam import PROBE_TIMEOUT, Answer, InChild, Job, facts, until_end
from mobilecnn.bench.records.measurement import Facts
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.process import Child


class LocalDevice(InChild):
    """The machine at hand: the worker runs with this Python."""

    def probe(self) -> Facts:
        """See :meth:`Device.probe`."""
        answer = self.run({"task": "probe"}, "that probes this machine", PROBE_TIMEOUT)
        return facts("local", answer, "this machine")

    def adapt(self, protocol: Protocol) -> Protocol:
        """See :meth:`Device.adapt`: as it is."""
        return protocol

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
        with self._child([sys.executable, "-P", worker.__file__], job, doing) as child:
            yield child
