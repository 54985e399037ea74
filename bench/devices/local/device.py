"""This machine as a device."""

import sys
from contextlib import AbstractContextManager

from mobilecnn.bench.devices.on_worker import InChild, TimingOnWorker
from mobilecnn.bench.devices.packing import worker_file
from mobilecnn.bench.devices.seam import Job
from mobilecnn.bench.records.kinds import LOCAL
from mobilecnn.bench.records.measurement import Facts
from mobilecnn.process import Child


class LocalDevice(InChild, TimingOnWorker):
    """This machine: the worker runs with this Python."""

    name = "local"
    kind = LOCAL

    def probe(self) -> Facts:
        """See :meth:`mobilecnn.bench.devices.seam.Device.probe`."""
        return self._facts()

    def _worker(self, job: Job, doing: str) -> AbstractContextManager[Child]:
        # The same file as on a board, without importing mobilecnn.
        return self._child([sys.executable, "-P", str(worker_file())], job, doing)
