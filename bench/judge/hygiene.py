"""What spoils a figure: the rules by which the readings around the timed parts are judged.

A *reason* makes a result INVALID: something moved the samples, or certainly may have. A
*warning* is something to mend that has not (yet) moved them. Each names its fix. Each limit is
far above what an idle machine shows, and far below what would change a conclusion.
"""

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from mobilecnn.bench.judge import statistics
from mobilecnn.bench.judge.statistics import Interval
from mobilecnn.bench.records.protocol import Protocol

if TYPE_CHECKING:  # measurement.py is made of this module.
    from mobilecnn.bench.records.measurement import Facts, Run
    from mobilecnn.bench.records.stream import Series

WIDEST_INTERVAL = 0.10
"""Of the median. Differences that are worth a decision are larger than this."""
LARGEST_CLOCK_MOVE = 0.05
"""Highest over lowest, minus one. Clock steps are larger (a Raspberry Pi 4 goes from 1500
to 1000 MHz), and latency follows them nearly in proportion."""
LARGEST_PROBE_MOVE = 0.10
"""Slowest over fastest, minus one, of the speed probe. Twice the clock's, because the probe
is itself a measurement, of 10 ms."""
LARGEST_OTHER_SHARE = 0.20
"""Of one core, by everything else during the timed parts. Two busy cores share caches,
memory and clock budget, even when the timed process keeps its core."""
NOTED_SHARE = 0.05
"""Of one core, by one other program: worth closing, before it takes more."""
TICKS = 0.02
"""Seconds: /proc counts in ticks of 10 ms, so two readings are off by up to two."""
MOST_SWAPPED = 1 << 20
"""Bytes, in and out, during a timed part. A stray page that another program asks for is 4 kB;
from a megabyte on the machine is short of memory, and one page from an SD card takes about as
long as an inference."""
LEAST_MEMORY = 0.05
"""Of the machine's memory, available. Below it Linux drops the pages of the model's file, and
reads them again during an inference."""

THROTTLING = {
    0: "under-voltage",
    1: "the clock is capped",
    2: "throttled",
    3: "at the soft temperature limit",
}
"""The bits of ``vcgencmd get_throttled``, now; the same 16 bits higher: since the board was
started (Raspberry Pi documentation, "vcgencmd")."""
SINCE_START = 16

LIMITS_C = {"Raspberry Pi 3 Model B Plus": 60.0, "Raspberry Pi": 80.0}
"""Degrees Celsius at which a board begins to slow down, by the beginning of its name; the first
that fits. From 80 all models do, and the 3B+ has a soft limit at 60 (Raspberry Pi
documentation, "Frequency management and thermal control"). Others show it by their clocks."""
NEAR_LIMIT_C = 3.0
"""Below the limit. The sensor is not where the core is, and a core warms by degrees a second."""

THERMAL_STATUS = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
"""Android's names (NDK reference, AThermalStatus)."""
THROTTLED = 1
"""From this status on the same reference speaks of throttling."""

GOVERNOR_FIX = "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
COOL_FIX = "cool it (a heat sink, a fan), or wait with --cool-down"
POWER_FIX = "give it the power supply that is made for it, with a short cable"


def throttling(word: int | None) -> list[str]:
    """What the lowest bits of a throttling word say; shifted by :data:`SINCE_START`, of the past."""
    return [] if word is None else [text for bit, text in THROTTLING.items() if word >> bit & 1]


def processor_temperature(temperatures_c: Mapping[str, float]) -> float | None:
    """The hottest of the processor's sensors, of all where none is called so; None without any.

    Args:
        temperatures_c: degrees Celsius by sensor: ``thermal_zone0 cpu-thermal``. A sensor that is
            switched off reads 0, or something that no board survives. The battery of a phone is
            not its processor.
    """
    alive = {
        name: value
        for name, value in temperatures_c.items()
        if 0 < value < 150 and "battery" not in name.lower()
    }
    named = [
        value
        for name, value in alive.items()
        if re.search(r"cpu|soc|pkg|core|big|little", name, re.IGNORECASE)
    ]
    return max(named or alive.values(), default=None)


def reasons(protocol: Protocol, runs: Sequence["Run"], interval: Interval) -> Iterator[str]:
    """Why the median of these runs of one model is not to be relied on: what moved, and the fix.

    Args:
        protocol: how they were timed.
        runs: at least one.
        interval: of their median.
    """
    if len(runs) == 1:
        yield "one round does not show how processes differ: use --rounds 3 or more"
    fewest = min(run.count for run in runs)
    if fewest < protocol.runs:
        yield f"only {fewest} of {protocol.runs} runs fit into the time limit: use a smaller --runs"
    if interval.relative_width > WIDEST_INTERVAL:
        yield (
            f"the 95 % interval is {interval.relative_width:.0%} of the median wide, above "
            f"{WIDEST_INTERVAL:.0%}: close other programs, and use more --rounds or --seconds"
        )
    yield from _firmware(_throttled(runs))
    status = max(reading.thermal_status or 0 for run in runs for reading in (run.before, run.after))
    if status >= THROTTLED:
        yield (
            f"the phone was slowing itself down (thermal status {status}, {THERMAL_STATUS[min(status, 6)]}): let "
            "it cool, take off its case, and time it again"
        )
    # The fastest core: it is the one that works. An unreadable clock has no entry, or 0.
    clocks = [_clocks(run) for run in runs]
    if all(min(pair) > 0 for pair in clocks):
        slow, fast = _move([(1 / before, 1 / after) for before, after in clocks])
        if slow / fast - 1 > LARGEST_CLOCK_MOVE:
            yield (
                f"the clock moved between {1e-6 / slow:.2f} and {1e-6 / fast:.2f} GHz: cool the device, give "
                "it its full power supply, or fix its clock (sudo cpupower frequency-set -g performance)"
            )
    # Where benchmark_model times, nothing spins.
    if all(run.before.probe_ns and run.after.probe_ns for run in runs):
        slow, fast = _move(
            [(statistics.median(run.before.probe_ns), statistics.median(run.after.probe_ns)) for run in runs]
        )
        if slow / fast - 1 > LARGEST_PROBE_MOVE:
            yield (
                f"the machine's speed moved: the same work took between {fast / 1e6:.2f} and {slow / 1e6:.2f} ms: "
                "close other programs, let the device cool, and time it again"
            )
    swapped = max(_swapped(run) for run in runs)
    if swapped > MOST_SWAPPED:
        yield (
            f"the machine swapped {swapped / 1e6:.0f} MB during a timed part, for want of memory: close other "
            "programs, and time it again"
        )
    share = _other_share(runs)
    if share > LARGEST_OTHER_SHARE:
        names = ", ".join(f"{name} {each:.0%}" for name, each in _heavy(runs).items())
        yield (
            f"other programs, or the host of this virtual machine, used {share:.0%} of a core"
            f"{f' ({names})' if names else ''}: close them, and time it again"
        )


def warnings(device: "Facts", runs: Sequence["Run"]) -> Iterator[str]:
    """What could be better about the machine, and has not spoilt these runs: what, and the fix.

    Args:
        device: that they were made on.
        runs: of one model, at least one.
    """
    readings = [reading for run in runs for reading in (run.before, run.after)]
    yield from _restless_governors({name for reading in readings for name in reading.governors})
    yield from _heat(device, [reading.temperatures_c for reading in readings])
    bits = 0
    for run in runs:
        bits |= run.before.throttled or 0
    past = [text for text in throttling(bits >> SINCE_START) if text not in _throttled(runs)]
    if past:
        yield (
            f"since the board was started it was like this: {', '.join(past)}; if it was so again for a moment "
            "during a timed part, that could not be seen: start the board anew, and time it again"
        )
    least = min((one.available_bytes for one in readings if one.available_bytes is not None), default=None)
    if least is not None and least < LEAST_MEMORY * (device.memory_bytes or 0):
        yield f"only {least / 1e6:.0f} MB of memory were available: close other programs"
    if _other_share(runs) <= LARGEST_OTHER_SHARE:
        for name, share in _heavy(runs).items():
            yield f"{name} used {share:.0%} of a core: close it"
    late = [run.cooled for run in runs if run.cooled is not None and run.cooled.celsius > run.cooled.goal_c]
    if late:
        hottest = max(wait.celsius for wait in late)
        yield (
            f"before {len(late)} of {len(runs)} processes it was still {hottest:.1f} C after "
            f"{max(wait.seconds for wait in late):.0f} s, and not {late[0].goal_c:.1f} C: use a longer --cool-down"
        )


def stream_warnings(device: "Facts", series: "Series") -> Iterator[str]:
    """What moved while a model ran without a pause, or may have: what, and the fix.

    Args:
        device: that it ran on.
        series: all of one model.
    """
    states = series.states
    yield from _firmware(throttled_over([state.throttled for state in states]))
    share = series.other_share
    if share is not None and share > LARGEST_OTHER_SHARE:
        yield (
            f"other programs, or the host of this virtual machine, used {share:.0%} of a core: "
            "close them, and time it again"
        )
    clocks = [max(state.frequencies_khz.values(), default=0) for state in states]
    if min(clocks) > 0 and max(clocks) / min(clocks) - 1 > LARGEST_CLOCK_MOVE:
        yield f"the clock moved between {min(clocks) / 1e6:.2f} and {max(clocks) / 1e6:.2f} GHz: {COOL_FIX}"
    yield from _restless_governors(device.governors)
    yield from _heat(device, [state.temperatures_c for state in states])


def throttled_over(words: Sequence[int | None]) -> list[str]:
    """What the firmware says of a time, by its words in their order: set then, or set anew."""
    known = [word for word in words if word is not None]
    bits = 0
    for word in known:
        bits |= word | (word & ~known[0]) >> SINCE_START
    return throttling(bits & 0xF)


def _throttled(runs: Sequence["Run"]) -> set[str]:
    return {text for run in runs for text in throttled_over((run.before.throttled, run.after.throttled))}


def _firmware(said: Collection[str]) -> Iterator[str]:
    for bit, text in THROTTLING.items():
        if text in said:
            yield f"{text}, says the board's firmware: {COOL_FIX if bit else POWER_FIX}"


def _restless_governors(names: Collection[str]) -> Iterator[str]:
    slow = sorted(set(names) - {"performance"})
    if slow:
        yield f"the clock may change (governor {', '.join(slow)}); on the device: {GOVERNOR_FIX}"


def _heat(device: "Facts", readings: Sequence[Mapping[str, float]]) -> Iterator[str]:
    limit = next((limit for name, limit in LIMITS_C.items() if (device.board or "").startswith(name)), None)
    found = (processor_temperature(temperatures) for temperatures in readings)
    hottest = max((value for value in found if value is not None), default=None)
    if limit is not None and hottest is not None and hottest >= limit - NEAR_LIMIT_C:
        yield f"it was {hottest:.1f} C hot, and this board slows down from {limit:.0f} C on: {COOL_FIX}"


def _swapped(run: "Run") -> int:
    before, after = run.before.swapped_bytes, run.after.swapped_bytes
    return 0 if before is None or after is None else after - before


def _other_share(runs: Sequence["Run"]) -> float:
    """Of one core, by everything else."""
    counted = [run for run in runs if run.other_cpu_seconds is not None]
    timed = math.fsum(run.timed_seconds for run in counted)
    other = math.fsum(max(0.0, (run.other_cpu_seconds or 0.0) - TICKS) for run in counted)
    return other / timed if counted else 0.0


def _heavy(runs: Sequence["Run"]) -> dict[str, float]:
    """Of one core, by each other program that is worth naming; the heaviest first."""
    timed = math.fsum(run.timed_seconds for run in runs)
    names = {name for run in runs for name in run.heaviest_cpu_seconds}
    spent = {
        name: math.fsum(max(0.0, run.heaviest_cpu_seconds.get(name, 0.0) - TICKS) for run in runs)
        for name in names
    }
    ordered = sorted(spent, key=lambda name: (-spent[name], name))
    return {name: spent[name] / timed for name in ordered[:3] if spent[name] > NOTED_SHARE * timed}


def _clocks(run: "Run") -> tuple[int, int]:
    before, after = (max(reading.frequencies_khz.values(), default=0) for reading in (run.before, run.after))
    return before, after


def _move(readings: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """How far a duration moved: its slow and its fast end, from (before, after) of each run.

    Either during the runs (the median before against the median after), or from run to run
    (the faster reading of each). A single slow reading is neither: a few milliseconds of
    somebody else's work just then; if it reached the samples, the interval shows it.
    """
    before, after = (statistics.median(side) for side in zip(*readings, strict=True))
    faster = [min(pair) for pair in readings]
    during, between = (max(before, after), min(before, after)), (max(faster), min(faster))
    return max(during, between, key=lambda ends: ends[0] / ends[1])
