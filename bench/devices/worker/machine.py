"""What the machine is, and what it is doing: read from ``/proc`` and ``/sys``.

Every file read here may be absent or forbidden; what cannot be read is None or empty.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

PROC = Path("/proc")
CPUS = Path("/sys/devices/system/cpu")
THERMAL = Path("/sys/class/thermal")
POWER = Path("/sys/class/power_supply")
PROFILE = Path("/sys/firmware/acpi/platform_profile")
OLD_VCGENCMD = "/opt/vc/bin/vcgencmd"
MACHINE_ID = Path("/etc/machine-id")

# fmt: off
FEATURES = {
    "neon", "asimd", "asimdhp", "asimddp", "i8mm", "sve",
    "avx", "avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8",
}
# fmt: on
"""Processor features by which XNNPACK chooses its kernels; what int8 gains hangs on them."""

PROBE_SPINS = 5
"""Number of spins of the speed probe. Their median ignores one that the scheduler interrupted."""

HEAVIEST = 3
"""Number of other programs that are named: those that would be closed first."""


def reading(np: Any) -> dict[str, Any]:
    """Clocks, temperatures, and how fast a fixed piece of work goes, which must stay constant while a model is timed."""
    return {
        "frequencies_khz": _frequencies("scaling_cur_freq"),
        "probe_ns": spin(np),
        "temperatures_c": temperatures(),
        "thermal_status": None,
    }


def surroundings() -> dict[str, Any]:
    """What else tells whether the machine is at rest; each None or empty where it is unreadable."""
    load = _text(PROC / "loadavg").split()
    words = (line.split() for line in _text(PROC / "vmstat").splitlines())
    swapped = [int(line[1]) for line in words if len(line) == 2 and line[0] in ("pswpin", "pswpout")]
    return {
        "throttled": throttled(),
        "governors": _governors(),
        "load_average": float(load[0]) if load else None,
        "available_bytes": available_bytes(),
        "swapped_bytes": sum(swapped) * os.sysconf("SC_PAGE_SIZE") if swapped else None,
        "offline_cores": offline_cores(),
        "boost": boost(),
        "on_battery": on_battery(),
        "power_saver": power_saver(),
    }


def offline_cores() -> int | None:
    """Number of cores that are there and switched off; None where unreadable."""
    text = _text(CPUS / "present")
    if not text:
        return None
    present, online = (listed(_text(CPUS / name)) for name in ("present", "online"))
    return len(present - online)


def listed(text: str) -> set[int]:
    """The numbers of a list as the kernel writes it: ``0-3,6``."""
    numbers: set[int] = set()
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        if first.isdigit() and (not last or last.isdigit()):
            numbers.update(range(int(first), min(int(last or first), int(first) + 4096) + 1))
    return numbers


def boost() -> bool | None:
    """Whether clocks may rise above the nominal one (turbo); None where unreadable."""
    allowed, forbidden = _text(CPUS / "cpufreq/boost"), _text(CPUS / "intel_pstate/no_turbo")
    if forbidden in ("0", "1"):
        return forbidden == "0"
    return allowed == "1" if allowed in ("0", "1") else None


def on_battery() -> bool | None:
    """Whether no mains supply of this machine is connected; None where none is shown."""
    supplies = [_text(path.parent / "online") for path in POWER.glob("*/type") if _text(path) == "Mains"]
    known = [text for text in supplies if text in ("0", "1")]
    return all(text == "0" for text in known) if known else None


def power_saver() -> bool | None:
    """Whether the machine was asked to save power; None where it has no such switch."""
    profile = _text(PROFILE)
    return profile in ("low-power", "quiet", "cool") if profile else None


def cpu_by_process() -> dict[tuple[int, str], tuple[str, float]]:
    """Name and CPU seconds of each other process since it began, by its number and start; empty where unreadable.

    Names only: arguments may hold what is nobody's business. A process may change its name, and keeps its seconds.
    """
    spent = {}
    for path in PROC.glob("[0-9]*/stat"):
        number = int(path.parent.name)
        # proc(5): pid (name) state ppid ...; the name may hold spaces and brackets itself.
        head, _, tail = _text(path).rpartition(")")
        fields = tail.split()
        if number != os.getpid() and len(fields) > 19:
            name = "".join(c if c.isprintable() else "?" for c in head.partition("(")[2])
            seconds = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            spent[number, fields[19]] = (name, seconds)
    return spent


def heaviest(
    before: dict[tuple[int, str], tuple[str, float]], after: dict[tuple[int, str], tuple[str, float]]
) -> dict[str, float]:
    """CPU seconds between two readings of the programs that took most, processes of one name together."""
    spent: dict[str, float] = {}
    for process, (name, seconds) in after.items():
        spent[name] = spent.get(name, 0.0) + seconds - before.get(process, ("", 0.0))[1]
    first = sorted(spent, key=lambda name: (-spent[name], name))[:HEAVIEST]
    return {name: round(spent[name], 6) for name in first if spent[name] > 0}


def _governors() -> list[str]:
    """The governors of the clocks of all cores, each once."""
    return sorted({_text(path) for path in CPUS.glob("cpu[0-9]*/cpufreq/scaling_governor")} - {""})


def spin(np: Any) -> list[int]:
    """Nanoseconds of a fixed spin of about 2 ms, some times over.

    It shows on a machine without readable clocks (a virtual one) that its speed moved:
    half interpreter, half vector unit on 256 KiB, no allocation, no threads.
    """
    data = np.arange(1, 1 + (1 << 16), dtype=np.float32)
    result = np.empty_like(data)
    spins = []
    for _ in range(PROBE_SPINS):
        start = time.perf_counter_ns()
        total = 0
        for number in range(20_000):
            total += number * number
        for _ in range(50):
            np.sqrt(data, out=result)
        spins.append(time.perf_counter_ns() - start)
    return spins


def _frequencies(name: str) -> dict[str, int]:
    """``{"cpu0": kHz}`` of the cores whose ``name`` can be read; empty where none can."""
    texts = {path.parent.parent.name: _text(path) for path in sorted(CPUS.glob(f"cpu[0-9]*/cpufreq/{name}"))}
    return {core: int(text) for core, text in texts.items() if text.isdigit()}


def temperatures() -> dict[str, float]:
    """``{"thermal_zone0 cpu-thermal": degrees Celsius}`` of the sensors that can be read."""
    celsius = {}
    for zone in sorted(THERMAL.glob("thermal_zone*")):
        text = _text(zone / "temp")
        if text.lstrip("-").isdigit():
            celsius[f"{zone.name} {_text(zone / 'type')}".strip()] = int(text) / 1000
    return celsius


def busy_seconds() -> float | None:
    """CPU time that all cores together spent on work, or had stolen by the host, since boot."""
    fields = _text(PROC / "stat").split("\n", 1)[0].split()
    if len(fields) < 9 or fields[0] != "cpu":
        return None
    # proc(5): user nice system idle iowait irq softirq steal; guest time is within user.
    user, nice, system, _idle, _iowait, irq, softirq, steal = (int(field) for field in fields[1:9])
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def other_seconds(busy: float | None, own: float) -> float | None:
    """CPU time of everything but this process since the two readings; None where unreadable."""
    own = time.process_time() - own
    now = busy_seconds()
    return None if busy is None or now is None else round(max(0.0, now - busy - own), 6)


def resident_bytes(name: str) -> int | None:
    """The bytes of ``VmRSS`` (now) or ``VmHWM`` (at most) of this process.

    Not ``getrusage``: its high-water mark survives exec, so it may be the parent's.
    """
    for line in _text(PROC / "self/status").splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    return None


def describe(numpy_version: str | None) -> dict[str, Any]:
    """What ``mobilecnn.bench.records.measurement.Facts`` documents, but for how the machine was reached."""
    cpuinfo = _text(PROC / "cpuinfo")
    flags = set(values(cpuinfo, "flags") + values(cpuinfo, "Features"))
    words = {word for line in flags for word in line.split()}
    memory = values(_text(PROC / "meminfo"), "MemTotal")
    system = values(_text(Path("/etc/os-release")).replace("=", ":"), "PRETTY_NAME")
    return {
        "machine": platform.machine(),
        "board": _text(PROC / "device-tree/model").rstrip("\0") or next(iter(values(cpuinfo, "Model")), None),
        "cpu": cpu_name(cpuinfo),
        "cpu_features": sorted(words & FEATURES),
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": int(memory[0].split()[0]) * 1024 if memory else None,
        "os": system[0].strip('"') if system else None,
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "numpy": numpy_version,
        "governors": _governors(),
        "max_frequencies_khz": _frequencies("cpuinfo_max_freq"),
        "virtualised": _virtualised(words),
        "android": None,
    }


def identity() -> dict[str, str | None]:
    """What tells this machine from all others: that of its present start, and that of its installation."""
    installed = _text(MACHINE_ID) or _text(Path("/var/lib/dbus/machine-id"))
    return {"boot": _text(PROC / "sys/kernel/random/boot_id") or None, "machine": installed or None}


def system() -> dict[str, Any]:
    """The machine and its C library, such as ``aarch64 glibc 2.36``, and the size of memory pages in bytes."""
    try:
        library = os.confstr("CS_GNU_LIBC_VERSION")
    except (ValueError, OSError):
        library = None
    return {
        "system": f"{platform.machine()} {library or ''}".strip(),
        "page_bytes": os.sysconf("SC_PAGE_SIZE"),
    }


def state() -> dict[str, Any]:
    """Frequencies in kHz, temperatures in degrees Celsius, and the throttling word, now."""
    return {
        "frequencies_khz": _frequencies("scaling_cur_freq"),
        "temperatures_c": temperatures(),
        "throttled": throttled(),
    }


def throttled() -> int | None:
    """The Raspberry Pi firmware's throttling word, None elsewhere."""
    # Older systems have it where a session without a terminal does not look.
    command = shutil.which("vcgencmd") or shutil.which(OLD_VCGENCMD)
    if command is None:
        return None
    try:
        # Without close_fds, Python need not fork: that would mark the pages of the model to be copied.
        done = subprocess.run(
            [command, "get_throttled"], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=10, check=True, close_fds=False,
        )  # fmt: skip
        return int(done.stdout.strip().partition("throttled=")[2], 16)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None


def cpu_name(cpuinfo: str) -> str | None:
    """The name that /proc/cpuinfo gives, or on ARM the implementer and part numbers."""
    names = sorted(set(values(cpuinfo, "model name")))
    if not names:
        makers, parts = values(cpuinfo, "CPU implementer"), values(cpuinfo, "CPU part")
        names = sorted({f"implementer {maker} part {part}" for maker, part in zip(makers, parts)})  # noqa: B905 - Python 3.9
    return ", ".join(names) or None


def _virtualised(features: set[str]) -> bool | None:
    """Whether a hypervisor shows itself; None where it could be there unseen."""
    signs = (Path("/sys/hypervisor/type"), PROC / "device-tree/hypervisor")
    if "hypervisor" in features or any(sign.exists() for sign in signs):
        return True
    return False if platform.machine() in ("x86_64", "AMD64", "i686") else None


def values(text: str, key: str) -> list[str]:
    """The values of the lines ``key : value``."""
    lines = (line.partition(":") for line in text.splitlines())
    return [value.strip() for name, _, value in lines if name.strip() == key]


def _text(path: Path) -> str:
    """The file's text, or nothing: every file read here may be absent or forbidden."""
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def available_bytes() -> int | None:
    """Memory that programs can still have; None where unreadable."""
    available = values(_text(PROC / "meminfo"), "MemAvailable")
    return int(available[0].split()[0]) * 1024 if available else None
