"""What makes a figure look better than it is: what was not kept, not seen, or is not what was asked for.

Beside :mod:`mobilecnn.bench.judge.hygiene`, which judges what the readings say, these rules are about what
they do not say, and about the protocol. A measurement is INVALID only where its runs are not of one kind.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from mobilecnn.bench.judge.findings import Finding
from mobilecnn.bench.judge.statistics import Interval, median
from mobilecnn.bench.records.measurement import Facts, Measurement, Reading, Run
from mobilecnn.bench.records.protocol import LONGEST_SECONDS, Protocol
from mobilecnn.remarks import plural

LARGEST_STEP = 0.01
"""Largest step of the clock as a share of the median: a tenth of what makes an interval too wide."""
TOOL_STEP_NS = 1000
"""Step of ``benchmark_model``'s clock in nanoseconds: it prints whole microseconds."""
FEWEST_FOR_STEP = 20
"""Smallest number of samples of a process by which the step of its clock is told."""
DISTINCT = 0.25
"""Largest share of distinct values among samples that look rounded; a fine clock repeats few."""
KEPT = 0.9
"""Smallest share of a duration that counts as kept: the last inference may begin just before its end."""
UNLIKE_CORES = 1.25
"""Smallest ratio of two cores' highest clocks that makes a machine one of unlike cores. Cores of one kind differ by a
tenth at most, where some of them may boost higher."""
LOWEST_BATTERY = 20
"""Smallest charge of a phone's battery in per cent. Around it Android begins to save power by itself."""


def reasons(runs: Sequence[Run]) -> Iterator[Finding]:
    """Why the runs of one model are not of one kind."""
    kinds = {
        "versions of the runtime": {run.runtime_version for run in runs},
        "delegates": {str(run.delegates) for run in runs},
        "cores": {str(run.cores) for run in runs},
    }
    mixed = [what for what, seen in kinds.items() if len(seen) > 1]
    if mixed:
        yield Finding(
            "mixed-runs",
            f"the processes had different {' and '.join(mixed)}",
            "change nothing on the device while it times, and time it again",
        )


def warnings(measured: Measurement, runs: Sequence[Run], interval: Interval) -> Iterator[Finding]:
    """What is not known of these runs of one model, or is not what the protocol asks for.

    Args:
        measured: measurement that they are of.
        runs: runs of one model, at least one.
        interval: interval of their median.
    """
    yield from _processes(measured, interval)
    yield from _protocol(measured.protocol, runs)
    yield from _clock(runs)
    yield from _threads(measured, runs)
    yield from _delegates(runs)
    yield from _machine(measured.device, [side for run in runs for side in (run.before, run.after)])
    yield from _unseen(measured.device, runs)


def _processes(measured: Measurement, interval: Interval) -> Iterator[Finding]:
    if measured.rounds < measured.protocol.rounds:
        yield Finding(
            "cut-short",
            f"it was cut short: {measured.kept}",
            "let it end before the figure is quoted",
            "warning",
        )
    if interval.uncut is not None:
        yield Finding(
            "interval-cut",
            "the processes differ so much that the 95 % interval would reach beyond the fastest or the slowest sample; it "
            "ends there, and holds the true median less often",
            "use more --rounds, which tell better how processes differ",
            "note",
        )


def _protocol(protocol: Protocol, runs: Sequence[Run]) -> Iterator[Finding]:
    warm = [_warmup(run) for run in runs]
    told = [pair for pair in warm if pair is not None]
    fewest = min((count for count, _ in told), default=protocol.warmup_runs)
    shortest = min((seconds for _, seconds in told), default=protocol.warmup_seconds)
    if fewest < protocol.warmup_runs or shortest < KEPT * min(protocol.warmup_seconds, LONGEST_SECONDS):
        yield Finding(
            "short-warmup",
            f"a process warmed up for less than the {plural(protocol.warmup_runs, 'inference')} and {protocol.warmup_seconds:g} s that "
            "were asked for",
            "take a newer benchmark_model, or a smaller --warmup-runs for a slow model",
            "warning",
        )
    timed = min(run.timed_seconds for run in runs)
    if timed < KEPT * protocol.seconds and timed < KEPT * LONGEST_SECONDS:
        yield Finding(
            "short-run",
            f"a process timed for less than the {protocol.seconds:g} s that were asked for",
            "take a newer benchmark_model, or use more --runs",
            "warning",
        )
    if any(run.summary is not None and run.summary.median_ns is None for run in runs):
        yield Finding(
            "mean-for-median",
            "this build of benchmark_model prints no median, and the mean stands for each process, which slow inferences "
            "move",
            "take a newer benchmark_model",
            "warning",
        )


def _warmup(run: Run) -> tuple[int, float] | None:
    """Number and seconds of the untimed inferences, without the first; None where they are not told."""
    if run.summary is None:
        return len(run.warmup_ns), sum(run.warmup_ns) / 1e9
    count, total = run.summary.warmup_count, run.summary.warmup_ns
    return None if count is None or total is None else (max(0, count - 1), total / 1e9)


def _clock(runs: Sequence[Run]) -> Iterator[Finding]:
    steps = [(step, median(run.samples_ns)) for run in runs if (step := _step(run)) is not None]
    coarse = [(step, middle) for step, middle in steps if step > LARGEST_STEP * middle]
    if coarse:
        step, middle = max(coarse)
        yield Finding(
            "coarse-timer",
            f"the clock goes in steps of {step / 1000:g} us, {step / middle:.0%} of an inference",
            "differences of a few steps say nothing; take a larger model, or an input of several pictures",
            "warning",
        )


def _step(run: Run) -> int | None:
    """Step of the clock in ns, where the samples show one."""
    if run.summary is not None:
        return TOOL_STEP_NS
    values = sorted(set(run.samples_ns))
    count = len(run.samples_ns)
    if count < FEWEST_FOR_STEP or not 1 < len(values) <= DISTINCT * count:
        return None
    return min(after - before for before, after in pairwise(values))


def _threads(measured: Measurement, runs: Sequence[Run]) -> Iterator[Finding]:
    threads = measured.protocol.threads
    masks = [int(run.cores, 16).bit_count() for run in runs if run.cores is not None]
    cores = min([measured.device.cores, *masks])
    if threads > cores:
        yield Finding(
            "too-many-threads",
            f"{threads} threads shared {plural(cores, 'core')}",
            f"use --threads {cores}",
            "warning",
        )

    clocks = [khz for khz in measured.device.max_frequencies_khz.values() if khz > 0]
    if measured.cores_used is None and clocks and max(clocks) / min(clocks) >= UNLIKE_CORES:
        yield Finding(
            "unbound",
            "the cores are not alike, and the system chose on which the processes ran",
            "bind them with --cores big or little",
            "note",
        )


def _delegates(runs: Sequence[Run]) -> Iterator[Finding]:
    for delegate in runs[0].delegates or ():
        if delegate.name != "xnnpack" and not delegate.whole:
            parts = "parts" if delegate.parts is None else plural(delegate.parts, "part")
            yield Finding(
                "partly-delegated",
                f"the delegate {delegate.name} took over only {parts} of the model, and the processor ran the rest",
                "",
                "warning",
            )


def _machine(device: Facts, readings: Sequence[Reading]) -> Iterator[Finding]:
    offline = max((reading.offline_cores or 0 for reading in readings), default=0)
    if offline:
        yield Finding(
            "cores-offline",
            f"{offline} of the machine's cores {'was' if offline == 1 else 'were'} switched off",
            "switch them on (echo 1 | sudo tee /sys/devices/system/cpu/cpu*/online), or let a phone cool and charge",
            "warning",
        )
    if any(reading.boost for reading in readings):
        yield Finding(
            "boost",
            "clocks may rise above what the machine can hold (turbo), and fall again as it warms",
            "switch it off for figures to repeat: echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo, or echo 0 "
            "| sudo tee /sys/devices/system/cpu/cpufreq/boost",
            "warning",
        )
    if any(reading.on_battery for reading in readings):
        yield Finding("on-battery", "it ran on its battery", "connect it to the mains", "warning")
    if any(reading.power_saver for reading in readings):
        yield Finding("power-saver", "a mode that saves power was on", "switch it off", "warning")
    charge = None if device.android is None else device.android.battery_percent
    if charge is not None and charge < LOWEST_BATTERY:
        yield Finding(
            "low-battery", f"the battery was at {charge} %", "charge it, and time it again", "warning"
        )


def _unseen(device: Facts, runs: Sequence[Run]) -> Iterator[Finding]:
    """That something which may move a figure cannot be read there, so that it would go unnoticed."""
    readings = [side for run in runs for side in (run.before, run.after)]
    told = {
        "temperatures": any(reading.temperatures_c for reading in readings),
        "the thermal status": any(reading.thermal_status is not None for reading in readings),
    }
    if device.android is None:
        told = {
            "the clock": any(reading.frequencies_khz for reading in readings),
            "its governor": any(reading.governors for reading in readings),
            "temperatures": told["temperatures"],
            "swapping": any(reading.swapped_bytes is not None for reading in readings),
            "other programs": any(run.other_cpu_seconds is not None for run in runs),
        }
    missing = [what for what, known in told.items() if not known]
    if missing:
        where = "this virtual machine" if device.virtualised else "the device"
        yield Finding(
            "unseen",
            f"{where} does not tell {', '.join(missing)}: what changes there goes unnoticed unless it moves the samples apart",
            "time it twice, and compare",
            "warning",
        )
