"""The record of a measurement.

A :class:`Measurement` is immutable and complete: every raw sample, the device as probed, the
protocol, the files by SHA-256. It is one JSON file; everything else (summaries, comparisons,
reports) is a pure function of it.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.records.told import Delegated, RunSummary
from mobilecnn.bench.records.upgrades import UPGRADES
from mobilecnn.records import Stored, Upgrade

Rounds = Mapping[int, Sequence[float]]
"""Round number -> the samples of that round's process, in nanoseconds; none is empty."""

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Android:
    """Further facts about a phone; None where it does not tell.

    The serial number is left out: a measurement is made to be shown.

    Attributes:
        abis: kinds of programs that it runs, its own first: ``arm64-v8a``.
        fingerprint: fingerprint of the system's build.
        soc: maker and name of its chip.
        cores: cores that the timed processes were bound to, a hexadecimal mask: bit i is core i.
        battery_percent: charge of the battery.
        adb: version of the adb client here.
        adb_features: features that the client and the phone have in common.
    """

    abis: tuple[str, ...]
    fingerprint: str | None
    soc: str | None
    cores: str
    battery_percent: int | None
    adb: str
    adb_features: tuple[str, ...]


@dataclass(frozen=True)
class Facts:
    """A device as probed; None where it does not tell.

    Attributes:
        kind: how it was reached: ``local``, ``ssh``, ``adb`` or ``emulated``.
        machine: ``x86_64``, ``aarch64``, ...
        board: the device tree's model: ``Raspberry Pi 4 Model B Rev 1.4``; a phone's maker and model.
        cpu: its name; on ARM the implementer and part numbers.
        cpu_features: those by which XNNPACK chooses its kernels.
        cores: number of cores that the process may use.
        memory_bytes: memory of the machine.
        os: distribution and version.
        kernel: ``Linux 6.1.0``.
        python: version of the Python that runs the worker.
        numpy: version of the numpy beside it.
        governors: governors of the clocks of all cores, each once.
        max_frequencies_khz: highest clock by core.
        virtualised: whether a hypervisor shows itself.
        android: further facts about a phone; None for other devices.
    """

    kind: str
    machine: str
    board: str | None
    cpu: str | None
    cpu_features: tuple[str, ...]
    cores: int
    memory_bytes: int | None
    os: str | None
    kernel: str
    python: str | None
    numpy: str | None
    governors: tuple[str, ...]
    max_frequencies_khz: dict[str, int]
    virtualised: bool | None
    android: Android | None = None


@dataclass(frozen=True)
class PassportFacts:
    """Facts from the passport beside a file; None where it lacks them.

    Attributes:
        architecture: zoo name.
        format: float32, float16, int8, dynamic.
        macs: multiply-adds of one inference.
        parameters: number of weights and biases.
    """

    architecture: str | None = None
    format: str | None = None
    macs: int | None = None
    parameters: int | None = None


VERIFIED, DIFFERS, NOT_CHECKED = "verified", "differs", "not checked"


@dataclass(frozen=True)
class Answers:
    """Outcome of asking a file its passport's golden pictures on the device.

    Attributes:
        verdict: ``verified``, ``differs`` or ``not checked``.
        reason: what differs, or why nothing was checked; empty when verified.
        pictures: number of pictures asked.
        difference: largest absolute difference of a score; None when none was found, or an answer was
            not finite.
        tolerance: largest one allowed (:mod:`mobilecnn.bench.timing.answers`); None when not checked.
    """

    verdict: str
    reason: str = ""
    pictures: int = 0
    difference: float | None = None
    tolerance: float | None = None

    def __post_init__(self) -> None:
        if self.verdict not in (known := (VERIFIED, DIFFERS, NOT_CHECKED)):
            raise ValueError(f"verdict must be one of {', '.join(known)}")
        if (self.verdict == VERIFIED) == bool(self.reason):
            raise ValueError("there is a reason exactly when the answers are not verified")


@dataclass(frozen=True)
class Model:
    """One timed file.

    Attributes:
        file: its name as it was given.
        sha256: SHA-256 of its content.
        bytes: its size.
        passport: facts from its passport; None without one.
        answers: outcome of asking it on this device.
    """

    file: str
    sha256: str
    bytes: int
    passport: PassportFacts | None
    answers: Answers

    def __post_init__(self) -> None:
        if not _SHA256.fullmatch(self.sha256):
            raise ValueError("sha256 is not 64 hexadecimal digits")


@dataclass(frozen=True)
class Reading:
    """The state of the device just before or after a timed part.

    Attributes:
        frequencies_khz: current clock by core; empty where unreadable (virtual machines, and
            phones where ``benchmark_model`` times, a tool of its own).
        probe_ns: a fixed spin of a few milliseconds, some times over; empty there too.
        temperatures_c: degrees Celsius by sensor; empty where unreadable.
        throttled: the Raspberry Pi firmware's throttling word (:mod:`mobilecnn.bench.judge.hygiene`);
            None elsewhere.
        governors: governors of the clocks of all cores, each once; empty where unreadable.
        load_average: mean number of processes in the last minute that ran or waited for a disk.
        available_bytes: memory that programs can still have (``MemAvailable``).
        swapped_bytes: bytes swapped in and out since the machine was started.
        thermal_status: Android's, from 0 (none) to 6 (shutdown); None elsewhere.
        offline_cores: number of cores that are switched off; None where unreadable, as are the next three.
        boost: whether clocks may rise above what the machine can hold (turbo).
        on_battery: whether a laptop runs on its battery; None also for what has none.
        power_saver: whether a mode that saves power is on.
    """

    frequencies_khz: dict[str, int]
    probe_ns: tuple[int, ...]
    temperatures_c: dict[str, float]
    throttled: int | None = None
    governors: tuple[str, ...] = ()
    load_average: float | None = None
    available_bytes: int | None = None
    swapped_bytes: int | None = None
    thermal_status: int | None = None
    offline_cores: int | None = None
    boost: bool | None = None
    on_battery: bool | None = None
    power_saver: bool | None = None

    def __post_init__(self) -> None:
        if min(self.probe_ns, default=1) < 1:
            raise ValueError("a probe_ns is not positive")


@dataclass(frozen=True)
class Cooled:
    """A wait for the device to cool, before a process.

    Attributes:
        seconds: its length.
        goal_c: degrees Celsius that were waited for.
        celsius: degrees Celsius at its end; above ``goal_c`` when the patience ran out.
    """

    seconds: float
    goal_c: float
    celsius: float


@dataclass(frozen=True)
class Run:
    """One process that timed one model.

    Attributes:
        round: its round, from 0.
        position: its place within the round, from 0.
        model: index into ``Measurement.models``.
        runtime_version: version of the package that ``Protocol.runtime`` names.
        xnnpack_partitions: parts of the graph that XNNPACK took over; None if unknown.
        init_ns: time of loading the file and allocating the tensors.
        first_ns: time of the first inference.
        warmup_ns: time of every warm-up inference after it; empty where the tool keeps none.
        samples_ns: time of every timed inference; where there is a ``summary``, the one number that
            stands for all of them, its median or else its mean.
        timed_seconds: length of the timed part.
        other_cpu_seconds: CPU time of everything else on the machine during it, with what
            the host of a virtual machine took; None if unreadable.
        baseline_rss_bytes: resident memory with Python, numpy and the runtime, before the model.
        peak_rss_bytes: highest resident memory of the process.
        before: state of the device just before the timed part.
        after: its state just after it.
        heaviest_cpu_seconds: CPU time, during the timed part, of the (at most three) other programs
            that took most, by name; empty where unreadable.
        cooled: wait before the process; None without one.
        summary: what is known of the samples where the tool keeps none (``benchmark_model``).
        cores: cores that the process could run on, a hexadecimal mask: bit i is core i; None if unknown.
        delegates: delegates that the runtime tells of; empty where it says that there are none, None where it
            says nothing.
    """

    round: int
    position: int
    model: int
    runtime_version: str
    xnnpack_partitions: int | None
    init_ns: int
    first_ns: int
    warmup_ns: tuple[int, ...]
    samples_ns: tuple[int, ...]
    timed_seconds: float
    other_cpu_seconds: float | None
    baseline_rss_bytes: int | None
    peak_rss_bytes: int | None
    before: Reading
    after: Reading
    heaviest_cpu_seconds: dict[str, float] = field(default_factory=dict)
    cooled: Cooled | None = None
    summary: RunSummary | None = None
    cores: str | None = None
    delegates: tuple[Delegated, ...] | None = None

    def __post_init__(self) -> None:
        if self.cores is not None and not re.fullmatch("[0-9a-f]{1,1024}", self.cores):
            raise ValueError("cores is no hexadecimal mask")
        if self.summary is not None and self.samples_ns != (self.summary.typical_ns,):
            raise ValueError("beside a summary, samples_ns is not the one number of it")
        if min(self.samples_ns, default=0) < 1:
            raise ValueError("there are no samples, or one is not positive")
        if self.timed_seconds <= 0 or (self.other_cpu_seconds or 0.0) < 0:
            raise ValueError("a duration is negative")

    @property
    def count(self) -> int:
        """Number of timed inferences."""
        return len(self.samples_ns) if self.summary is None else self.summary.count


@dataclass(frozen=True)
class Measurement(Stored):
    """Everything that was measured in one go on one device.

    History. 1: the first. 2: ``models[].answers``; a measurement that was cut short has fewer rounds
    than its protocol asks for. 3: what else the readings hold of the machine, the heaviest other
    programs, ``protocol.cool_down`` and what was waited; and what phones need: ``device.android``,
    ``runs[].summary``, ``thermal_status`` of a reading, which may be without ``probe_ns``. 4: delegates and
    cores, asked for and used; percentiles and warm-up of a summary; what a reading says of cores that are
    switched off, boost, battery and power saving.

    Attributes:
        created: when it began, ISO 8601 with the time zone.
        tool: version of mobilecnn.
        command: command line; empty when called from Python.
        device: device that was timed on.
        protocol: how it was timed.
        models: files that were timed.
        runs: processes in the order they were made; one for each model in each round. A measurement
            that was cut short has its first rounds only, at least one.
    """

    SCHEMA: ClassVar[str] = "mobilecnn.measurement"
    VERSION: ClassVar[int] = 4
    NOUN: ClassVar[str] = "measurement"
    UPGRADES: ClassVar[Mapping[int, Upgrade]] = UPGRADES

    created: str
    tool: str
    command: tuple[str, ...]
    device: Facts
    protocol: Protocol
    models: tuple[Model, ...]
    runs: tuple[Run, ...]

    def __post_init__(self) -> None:
        if datetime.fromisoformat(self.created).tzinfo is None:
            raise ValueError("created has no time zone")
        made = sorted((run.round, run.model) for run in self.runs)
        due = [(number, model) for number in range(self.rounds) for model in range(len(self.models))]
        if not 1 <= self.rounds <= self.protocol.rounds or made != due:
            raise ValueError("the runs are not one for each model in each round")

    @property
    def rounds(self) -> int:
        """Number of complete rounds; fewer than ``protocol.rounds`` when it was cut short."""
        return len(self.runs) // max(len(self.models), 1)

    @property
    def runtime_versions(self) -> str:
        """Versions of the runtime, for people: of a digest, the beginning."""
        short = {re.sub(r"(sha256:[0-9a-f]{12})[0-9a-f]+", r"\1", run.runtime_version) for run in self.runs}
        return "/".join(sorted(short))

    @property
    def cores_used(self) -> str | None:
        """Masks of the cores that the processes were bound to; None where they were not."""
        if self.protocol.cores is None:
            return None if self.device.android is None else self.device.android.cores
        return "/".join(sorted({run.cores or "unknown" for run in self.runs}))

    @property
    def kept(self) -> str:
        """Statement of how much of the record is complete."""
        return f"{self.rounds} of {self.protocol.rounds} rounds are complete"

    def rounds_of(self, model: int) -> Rounds:
        """Samples of one model (by index) as :mod:`mobilecnn.bench.judge.statistics` takes them."""
        return {run.round: run.samples_ns for run in self.runs if run.model == model}
