"""What spoils a figure: the rules by which the readings around the timed parts are judged.

A *reason* makes a result INVALID: something moved the samples, or certainly may have. A
*warning* is something to mend that has not (yet) moved them. Each has a code, and most have a fix.
Each limit is far above what an idle machine shows, and far below what would change a conclusion.
"""

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from mobilecnn.bench.judge import statistics
from mobilecnn.bench.judge.findings import Finding, Severity
from mobilecnn.bench.judge.statistics import Interval
from mobilecnn.bench.records.measurement import Facts, Run
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.records.stream import StreamSeries
from mobilecnn.remarks import plural

WIDEST_INTERVAL = 0.10
"""Largest width of the interval as a share of the median. Differences that are worth a decision are larger."""
LARGEST_CLOCK_MOVE = 0.05
"""Largest ratio of two clocks, minus one. Clock steps are larger (a Raspberry Pi 4 goes from 1500 to
1000 MHz), and latency follows them nearly in proportion."""
LARGEST_PROBE_MOVE = 0.10
"""Largest ratio of two readings of the speed probe, minus one. Twice the clock's, because the probe is
itself a measurement, of 10 ms."""
LARGEST_OTHER_SHARE = 0.20
"""Largest share of one core that everything else may use during the timed parts. Two busy cores share
caches, memory and clock budget, even when the timed process keeps its core."""
NOTED_SHARE = 0.05
"""Share of one core from which a single other program is worth closing, before it takes more."""
TICKS = 0.02
"""Seconds by which two readings of /proc may be off: it counts in ticks of 10 ms."""
SHORTEST_SHARED = TICKS / LARGEST_OTHER_SHARE
"""Seconds that a timed part must last before shares of single programs are told. In a shorter one the ticks, and
what a program does while the readings are taken, are as large as the shares that matter."""
MOST_SWAPPED = 1 << 20
"""Bytes that may be swapped in and out during a timed part. A stray page that another program asks for
is 4 kB; from a megabyte on the machine is short of memory, and one page from an SD card takes about as
long as an inference."""
LEAST_MEMORY = 0.05
"""Smallest share of the machine's memory that should be available. Below it Linux drops the pages of
the model's file, and reads them again during an inference."""

THROTTLING = {
    0: "under-voltage",
    1: "the clock is capped",
    2: "throttled",
    3: "at the soft temperature limit",
}
"""Bits of ``vcgencmd get_throttled`` that say now; the same 16 bits higher: since the board was
started (Raspberry Pi documentation, "vcgencmd")."""
_CODES = {0: "under-voltage", 1: "clock-capped", 2: "throttled", 3: "soft-temperature-limit"}
"""Codes of the findings that those bits give."""
SINCE_START = 16
"""Distance in bits from "now" to "since the board was started"."""

FIRMWARE_TELLS = "Raspberry Pi"
"""Beginning of the names of boards whose firmware tells of throttling; others show it by their clocks."""

LIMITS_C = {"Raspberry Pi 3 Model B Plus": 60.0, "Raspberry Pi": 80.0}
"""Degrees Celsius at which a board begins to slow down, by the beginning of its name; the first
that fits. From 80 all models do, and the 3B+ has a soft limit at 60 (Raspberry Pi
documentation, "Frequency management and thermal control"). Others show it by their clocks."""
NEAR_LIMIT_C = 3.0
"""Degrees Celsius below the limit from which a warning is given. The sensor is not where the core is,
and a core warms by degrees a second."""

THERMAL_STATUS = ("none", "light", "moderate", "severe", "critical", "emergency", "shutdown")
"""Names of Android's thermal statuses (NDK reference, AThermalStatus)."""
THROTTLED = 1
"""Thermal status from which the same reference speaks of throttling."""

GOVERNOR_FIX = "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor"
COOL_FIX = "cool it (a heat sink, a fan), or wait with --cool-down"
THROTTLING_FIX = (
    "vcgencmd get_throttled says why there. Where it may not open its device: sudo usermod -aG video USER, and log in "
    "again; where it is missing: sudo apt-get install raspi-utils (Ubuntu: libraspberrypi-bin); where it does not know "
    "the command: sudo apt-get full-upgrade, for newer firmware"
)
POWER_FIX = "give it the power supply that is made for it, with a short cable"


def throttling(word: int | None) -> list[str]:
    """Texts of the lowest bits of a throttling word; of the word shifted by :data:`SINCE_START`, of the past."""
    return [] if word is None else [text for bit, text in THROTTLING.items() if word >> bit & 1]


def processor_temperature(temperatures_c: Mapping[str, float]) -> float | None:
    """Degrees Celsius of the hottest of the processor's sensors; of all sensors where none is named so.

    Args:
        temperatures_c: degrees Celsius by sensor: ``thermal_zone0 cpu-thermal``. A sensor that is
            switched off reads 0, or a value that no board survives. A phone's battery is not its
            processor.

    Returns:
        None without a sensor that works.
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


def reasons(protocol: Protocol, runs: Sequence[Run], interval: Interval) -> Iterator[Finding]:
    """Why the median of these runs of one model is not to be relied on.

    Args:
        protocol: protocol they were timed by.
        runs: runs of one model, at least one.
        interval: interval of their median.
    """
    if len(runs) == 1:
        yield Finding("one-round", "one round does not show how processes differ", "use --rounds 3 or more")
    fewest = min(run.count for run in runs)
    if fewest < protocol.runs:
        yield Finding(
            "few-runs",
            f"only {fewest} of {protocol.runs} runs fit into the time limit",
            "use a smaller --runs",
        )
    if interval.relative_width > WIDEST_INTERVAL:
        yield Finding(
            "wide-interval",
            f"the 95 % interval is {interval.relative_width:.0%} of the median wide, above {WIDEST_INTERVAL:.0%}",
            "close other programs, and use more --rounds or --seconds",
        )
    yield from _firmware(_throttled(runs), "invalid")
    status = max(reading.thermal_status or 0 for run in runs for reading in (run.before, run.after))
    if status >= THROTTLED:
        yield Finding(
            "thermal-status",
            f"the phone was slowing itself down (thermal status {status}, {THERMAL_STATUS[min(status, 6)]})",
            "let it cool, take off its case, and time it again",
        )
    # The fastest core: it is the one that works. An unreadable clock has no entry, or 0.
    clocks = [_clocks(run) for run in runs]
    if all(min(pair) > 0 for pair in clocks):
        slow, fast = _move([(1 / before, 1 / after) for before, after in clocks])
        if slow / fast - 1 > LARGEST_CLOCK_MOVE:
            yield Finding(
                "clock-moved",
                f"the clock moved between {1e-6 / slow:.2f} and {1e-6 / fast:.2f} GHz",
                "cool the device, give it its full power supply, or fix its clock "
                "(sudo cpupower frequency-set -g performance)",
            )
    # Where benchmark_model times, nothing spins.
    if all(run.before.probe_ns and run.after.probe_ns for run in runs):
        slow, fast = _move(
            [(statistics.median(run.before.probe_ns), statistics.median(run.after.probe_ns)) for run in runs]
        )
        if slow / fast - 1 > LARGEST_PROBE_MOVE:
            yield Finding(
                "speed-moved",
                f"the machine's speed moved: the same work took between {fast / 1e6:.2f} and {slow / 1e6:.2f} ms",
                "close other programs, let the device cool, and time it again",
            )
    swapped = max(_swapped(run) for run in runs)
    if swapped > MOST_SWAPPED:
        yield Finding(
            "swapped",
            f"the machine swapped {swapped / 1e6:.0f} MB during a timed part, for want of memory",
            "close other programs, and time it again",
        )
    share = _other_share(runs)
    if share > LARGEST_OTHER_SHARE:
        names = ", ".join(f"{name} {part:.0%}" for name, part in _heavy(runs).items())
        yield others(share, names, "invalid")


def warnings(device: Facts, runs: Sequence[Run]) -> Iterator[Finding]:
    """What could be better about the machine, and has not spoilt these runs.

    Args:
        device: device that they were made on.
        runs: runs of one model, at least one.
    """
    readings = [reading for run in runs for reading in (run.before, run.after)]
    yield from _restless_governors({name for reading in readings for name in reading.governors})
    yield from _heat(device, [reading.temperatures_c for reading in readings])
    yield from unknown_throttling(device, [reading.throttled for reading in readings])
    bits = 0
    for run in runs:
        bits |= run.before.throttled or 0
    past = [text for text in throttling(bits >> SINCE_START) if text not in _throttled(runs)]
    if past:
        yield Finding(
            "throttled-before",
            f"since the board was started it was like this: {', '.join(past)}; if it was so again for a moment "
            "during a timed part, that could not be seen",
            "start the board anew, and time it again",
            "warning",
        )
    available = [reading.available_bytes for reading in readings if reading.available_bytes is not None]
    if available and min(available) < LEAST_MEMORY * (device.memory_bytes or 0):
        yield Finding(
            "low-memory",
            f"only {min(available) / 1e6:.0f} MB of memory were available",
            "close other programs",
            "warning",
        )
    if _other_share(runs) <= LARGEST_OTHER_SHARE:
        for name, share in _heavy(runs).items():
            yield Finding("busy-program", f"{name} used {share:.0%} of a core", "close it", "warning")
    late = [run.cooled for run in runs if run.cooled is not None and run.cooled.celsius > run.cooled.goal_c]
    if late:
        hottest = max(wait.celsius for wait in late)
        yield Finding(
            "still-warm",
            f"before {len(late)} of {plural(len(runs), 'process', 'processes')} it was still {hottest:.1f} C after "
            f"{max(wait.seconds for wait in late):.0f} s, and not {late[0].goal_c:.1f} C",
            "use a longer --cool-down",
            "warning",
        )


def stream_warnings(device: Facts, series: StreamSeries) -> Iterator[Finding]:
    """What moved, or may have moved, while a model ran without a pause.

    Args:
        device: device that it ran on.
        series: all windows of one model.
    """
    states = series.states
    yield from unknown_throttling(device, [state.throttled for state in states])
    yield from _firmware(throttled_over([state.throttled for state in states]), "warning")
    share = series.other_share
    if share is not None and share > LARGEST_OTHER_SHARE:
        yield others(share, "", "warning")
    clocks = [max(state.frequencies_khz.values(), default=0) for state in states]
    if min(clocks) > 0 and max(clocks) / min(clocks) - 1 > LARGEST_CLOCK_MOVE:
        yield Finding(
            "clock-moved",
            f"the clock moved between {min(clocks) / 1e6:.2f} and {max(clocks) / 1e6:.2f} GHz",
            COOL_FIX,
            "warning",
        )
    yield from _restless_governors(device.governors)
    yield from _heat(device, [state.temperatures_c for state in states])


def throttled_over(words: Sequence[int | None]) -> list[str]:
    """Texts of the bits that were set, or were set anew, in a sequence of throttling words."""
    known = [word for word in words if word is not None]
    bits = 0
    for word in known:
        bits |= word | (word & ~known[0]) >> SINCE_START
    return throttling(bits & 0xF)


def unknown_throttling(device: Facts, words: Sequence[int | None]) -> Iterator[Finding]:
    """What is said of a Raspberry Pi whose firmware did not tell whether it slowed the board down.

    Args:
        device: device that was read.
        words: throttling words, None where there was none.
    """
    if device.android is None and (device.board or "").startswith(FIRMWARE_TELLS) and None in words:
        yield Finding(
            "throttling-unknown",
            "whether the board's firmware throttled it is unknown, for vcgencmd get_throttled did not answer",
            THROTTLING_FIX,
            "warning",
        )


def _throttled(runs: Sequence[Run]) -> set[str]:
    return {text for run in runs for text in throttled_over((run.before.throttled, run.after.throttled))}


def _firmware(said: Collection[str], severity: Severity) -> Iterator[Finding]:
    for bit, text in THROTTLING.items():
        if text in said:
            fix = COOL_FIX if bit else POWER_FIX
            yield Finding(_CODES[bit], f"{text}, says the board's firmware", fix, severity)


def others(share: float, names: str, severity: Severity) -> Finding:
    """What everything else did, as a share of one core; ``names`` are the heaviest programs, if known."""
    return Finding(
        "other-programs",
        f"other programs, or the host of this virtual machine, used {share:.0%} of a core"
        f"{f' ({names})' if names else ''}",
        "close them, and time it again",
        severity,
    )


def _restless_governors(names: Collection[str]) -> Iterator[Finding]:
    slow = sorted(set(names) - {"performance"})
    if slow:
        text = f"the clock may change (governor {', '.join(slow)})"
        yield Finding("governor", text, f"run on the device: {GOVERNOR_FIX}", "warning")


def _heat(device: Facts, readings: Sequence[Mapping[str, float]]) -> Iterator[Finding]:
    limit = next((limit for name, limit in LIMITS_C.items() if (device.board or "").startswith(name)), None)
    temperatures = [processor_temperature(sensors) for sensors in readings]
    hottest = max((celsius for celsius in temperatures if celsius is not None), default=None)
    if limit is not None and hottest is not None and hottest >= limit - NEAR_LIMIT_C:
        text = f"it was {hottest:.1f} C hot, and this board slows down from {limit:.0f} C on"
        yield Finding("hot", text, COOL_FIX, "warning")


def _swapped(run: Run) -> int:
    before, after = run.before.swapped_bytes, run.after.swapped_bytes
    return 0 if before is None or after is None else after - before


def _other_share(runs: Sequence[Run]) -> float:
    """Share of one core that everything else used."""
    counted = [run for run in runs if run.other_cpu_seconds is not None]
    timed = math.fsum(run.timed_seconds for run in counted)
    other = math.fsum(max(0.0, (run.other_cpu_seconds or 0.0) - TICKS) for run in counted)
    return other / timed if counted else 0.0


def _heavy(runs: Sequence[Run]) -> dict[str, float]:
    """Share of one core that each other program worth naming used; the heaviest first."""
    runs = [run for run in runs if run.timed_seconds >= SHORTEST_SHARED]
    timed = math.fsum(run.timed_seconds for run in runs)
    names = {name for run in runs for name in run.heaviest_cpu_seconds}
    spent = {
        name: math.fsum(max(0.0, run.heaviest_cpu_seconds.get(name, 0.0) - TICKS) for run in runs)
        for name in names
    }
    ordered = sorted(spent, key=lambda name: (-spent[name], name))
    return {name: spent[name] / timed for name in ordered[:3] if spent[name] > NOTED_SHARE * timed}


def _clocks(run: Run) -> tuple[int, int]:
    before, after = (_fastest(reading.frequencies_khz, run.cores) for reading in (run.before, run.after))
    return before, after


def _fastest(clocks: Mapping[str, int], cores: str | None) -> int:
    """The highest clock of the cores of a mask; 0 where it is unreadable."""
    if cores is not None:
        mask = int(cores, 16)
        bound = {f"cpu{core}" for core in range(mask.bit_length()) if mask >> core & 1}
        clocks = {name: khz for name, khz in clocks.items() if name in bound}
    return max(clocks.values(), default=0)


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
