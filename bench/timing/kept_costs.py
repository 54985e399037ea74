"""Tables of costs that were tuned before, kept by device, runtime, number of threads and type: timing one again takes minutes."""

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from mobilecnn.bench.devices.seam import CanCount, CanFindRuntimes, Device
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing.network_forms import Shares
from mobilecnn.bench.timing.taking import adapted
from mobilecnn.bench.timing.tuning import Fit
from mobilecnn.convert.lowering.costs import Table
from mobilecnn.errors import InputError
from mobilecnn.files import cache, sha256, write_json
from mobilecnn.records import Stored
from mobilecnn.version import __version__

FOLDER = "costs"
"""Folder of the kept tables in the user's cache."""


@dataclass(frozen=True)
class Key:
    """What a table of costs is of.

    Attributes:
        device: name of the device.
        machine: kind, machine, board, processor and its features, as probed.
        chip: what models the time; empty where times are measured.
        runtime, release: runtime and its version; the version is empty where the device does not say it.
        threads: number of threads of the runtime.
        dtype: type of the feature maps.
        tool: release of mobilecnn, whose files were timed.
    """

    device: str
    machine: tuple[str, ...]
    chip: str
    runtime: str
    release: str
    threads: int
    dtype: str
    tool: str = __version__

    @property
    def path(self) -> Path:
        """File that the table is kept in."""
        return cache() / FOLDER / f"{sha256(json.dumps(asdict(self)).encode())[:16]}.json"


@dataclass(frozen=True)
class KeptCosts(Stored):
    """A table of costs as it is kept.

    Attributes:
        key: what it is of.
        created: when it was tuned, ISO 8601, UTC.
        seconds: seconds that each file was timed for, all rounds together; 0 where times are modelled.
        table: table of costs.
        error: median relative error of the times that it was fitted to.
        shares: what whole networks take in other forms.
    """

    SCHEMA: ClassVar[str] = "mobilecnn.kept-costs"
    NOUN: ClassVar[str] = "kept table of costs"

    key: Key
    created: str
    seconds: float
    table: Table
    error: float
    shares: Shares

    @property
    def fit(self) -> Fit:
        """The table with its error, and the shares."""
        return Fit(self.table, self.error, self.shares)


def key(device: Device, protocol: Protocol, dtype: str) -> Key:
    """What a table that is tuned now would be of.

    Raises:
        UsageError: single operators cannot be timed there.
        EnvironmentProblem: the device cannot be reached, or lacks the runtime.
    """
    protocol = adapted(device, protocol)
    facts, chip, release = device.probe(), "", ""
    if isinstance(device, CanCount):
        chip = str(device.time_model())
    if isinstance(device, CanFindRuntimes):
        release = device.version(protocol.runtime)
    told = (facts.kind, facts.machine, facts.board or "", facts.cpu or "", *facts.cpu_features)
    return Key(device.name, told, chip, protocol.runtime, release, protocol.threads, dtype)


def kept(wanted: Key, protocol: Protocol) -> KeptCosts | None:
    """The table that is kept of this, if it was timed for as long as is asked; one that is damaged counts as none."""
    try:
        found = KeptCosts.read(wanted.path)
    except InputError:
        return None
    enough = bool(wanted.chip) or found.seconds >= protocol.rounds * protocol.seconds
    return found if found.key == wanted and enough else None


def keep(of: Key, protocol: Protocol, fit: Fit) -> None:
    """Keep a table, in the place of an older one of the same.

    Raises:
        OutputError, EnvironmentProblem: the cache cannot be written.
    """
    seconds = 0.0 if of.chip else protocol.rounds * protocol.seconds
    created = datetime.now(UTC).isoformat(timespec="seconds")
    write_json(of.path, KeptCosts(of, created, seconds, fit.table, fit.error, fit.shares).to_json())
