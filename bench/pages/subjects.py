"""What the sections of a report are about: devices, and models timed on them.

A figure never stands without where it comes from: the device's label says when that is the computer
that mobilecnn ran on, a virtual machine, an emulator or no ARM device.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from mobilecnn.bench.judge.compare import name_of
from mobilecnn.bench.judge.summary import Result, Summary
from mobilecnn.bench.pages.result_files import Results, Timed
from mobilecnn.bench.records.kinds import LOCAL
from mobilecnn.bench.records.measurement import Facts, Measurement
from mobilecnn.bench.records.protocol import DEFAULT
from mobilecnn.remarks import plural


def origin(facts: Facts) -> tuple[str, ...]:
    """What makes a figure of this device another thing than one of a phone or board; empty for those two."""
    phone = facts.android
    chip = (phone.soc, phone.fingerprint) if phone else ()
    described = " ".join(filter(None, (facts.board, facts.cpu, facts.os, *chip)))
    arm = facts.machine.startswith(("aarch64", "arm"))
    # qemu-user shows the host's processor to the programs it runs.
    foreign = arm and any(name.startswith(("avx", "fma", "f16c", "amx")) for name in facts.cpu_features)
    emulator = re.search(r"qemu|dummy-virt|goldfish|ranchu|emulat|sdk_g?phone", described, re.IGNORECASE)
    said = [
        "host" if facts.kind == LOCAL else "",
        "emulated" if foreign else "emulator or virtual machine" if emulator else "",
        "virtual machine" if facts.virtualised and not emulator else "",
        "" if arm else "not ARM",
    ]
    return tuple(filter(None, said))


REMARKS = {
    "host": "The computer that mobilecnn itself ran on.",
    "emulated": "ARM code on another processor: its times say nothing of a real device.",
    "emulator or virtual machine": "Its times are not those of a real device.",
    "virtual machine": "A virtual machine: others may use its processor unseen.",
    "not ARM": "Not an ARM processor: a phone or board is another thing.",
}
"""Word of :func:`origin` -> sentence that explains it."""


@dataclass(frozen=True)
class Place:
    """A device on the page.

    Attributes:
        index: its number on the page, from 0.
        name: name on the page.
        every: its facts in each measurement, those that are equal once.
    """

    index: int
    name: str
    every: tuple[Facts, ...]

    @property
    def facts(self) -> Facts:
        """Facts of its first measurement."""
        return self.every[0]

    @property
    def label(self) -> str:
        """Its name, with what its figures are not."""
        said = origin(self.facts)
        return f"{self.name} ({'; '.join(said)})" if said else self.name


@dataclass(frozen=True)
class TimedModel:
    """One model in one measurement: a row of the page's first table.

    Attributes:
        number: number of the row, from 1; the charts name points by it.
        run: index of the measurement among all.
        place: the device.
        timed: the measurement with its file's name.
        summary: what the measurement says.
        index: index of the model in the measurement.
    """

    number: int
    run: int
    place: Place
    timed: Timed
    summary: Summary
    index: int

    @property
    def result(self) -> Result:
        """The measurement's result for it."""
        return self.summary.results[self.index]

    @property
    def name(self) -> str:
        """Name of the file, without folder and ``.tflite``."""
        return name_of(self.result.model)

    @property
    def format(self) -> str:
        """Format that its passport names; "-" when unknown."""
        known = self.result.model.passport
        return (known.format if known else None) or "-"

    @property
    def where(self) -> str:
        """The device, and what else must be the same for latencies to be held side by side."""
        made = self.timed.measurement
        cores = f", cores {made.cores_used}" if made.cores_used else ""
        delegate = f", delegate {made.protocol.delegate}" if made.protocol.delegate != DEFAULT else ""
        return (
            f"{self.place.label}: {runtime(made)}, {plural(made.protocol.threads, 'thread')}{cores}{delegate}"
        )

    @property
    def macs(self) -> int:
        """Multiply-adds of one inference; 0 when unknown."""
        known = self.result.model.passport
        return (known.macs if known else None) or 0

    @property
    def architecture(self) -> str | None:
        """Zoo name; None when unknown."""
        known = self.result.model.passport
        return known.architecture if known else None


def places(results: Results) -> dict[str, Place]:
    """The devices by :func:`identity`: those of measurements in the order they were first used, then those of long runs."""
    kinds: dict[str, dict[str, Facts]] = {}
    measured = [timed.measurement.device for timed in results.timed]
    for facts in [*measured, *(given.stream.device for given in results.streamed)]:
        kinds.setdefault(identity(facts), {}).setdefault(json.dumps(asdict(facts), sort_keys=True), facts)
    named: dict[str, Place] = {}
    names: list[str] = [_name(next(iter(every.values()))) for every in kinds.values()]
    for index, (name, (key, every)) in enumerate(zip(names, kinds.items(), strict=True)):
        number = f" #{names[: index + 1].count(name)}" if names.count(name) > 1 else ""
        named[key] = Place(index, f"{name}{number}", tuple(every.values()))
    return named


def _name(facts: Facts) -> str:
    return facts.board or facts.cpu or facts.machine


def identity(facts: Facts) -> str:
    """Key that tells a device from others: the hardware, and not the software on it."""
    # In quarters of a GiB: every kernel takes a little for itself, and not the same.
    memory = facts.memory_bytes and round(facts.memory_bytes / 2**28)
    return repr(
        (facts.kind, facts.machine, facts.board, facts.cpu, facts.cpu_features, facts.cores, memory,
         sorted(facts.max_frequencies_khz.items()), facts.virtualised)
    )  # fmt: skip


def timed_models(results: Results, places: Mapping[str, Place]) -> list[TimedModel]:
    """The rows of the page's first table."""
    models: list[TimedModel] = []
    for run, timed in enumerate(results.timed):
        place = places[identity(timed.measurement.device)]
        summary = Summary.of(timed.measurement)
        for index in range(len(summary.results)):
            models.append(TimedModel(len(models) + 1, run, place, timed, summary, index))
    return models


def runtime(measurement: Measurement) -> str:
    """The runtime with its versions."""
    return f"{measurement.protocol.runtime} {measurement.runtime_versions}"


def summarized(measurement: Measurement) -> bool:
    """Whether its tool printed summaries and no samples."""
    return any(run.summary is not None for run in measurement.runs)


def run_name(index: int) -> str:
    """What the page calls a measurement, by its index."""
    return f"R{index + 1}"
