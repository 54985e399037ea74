"""What an Android phone says of itself: two scripts for its shell, and what their lines mean."""

import re
from collections.abc import Sequence
from typing import Any

from mobilecnn.bench.devices.seam import Identity
from mobilecnn.bench.devices.worker import cores
from mobilecnn.bench.devices.worker.machine import FEATURES, cpu_name, listed, values
from mobilecnn.bench.records.measurement import Android, Facts
from mobilecnn.errors import EnvironmentProblem

# For the sh of a phone (mksh and toybox). They print lines KEY=VALUE.
FACTS = """
for k in ro.product.manufacturer ro.product.model ro.product.cpu.abi ro.product.cpu.abilist ro.build.fingerprint
  ro.build.version.release ro.build.version.sdk ro.soc.manufacturer ro.soc.model ro.board.platform; do
  echo "$k=$(getprop "$k")"; done;
echo "system=$(uname -sr)"; echo "machine=$(uname -m)";
sed "s/^/cpuinfo=/" /proc/cpuinfo; sed "s/^/meminfo=/" /proc/meminfo;
for c in /sys/devices/system/cpu/cpu[0-9]*; do
  echo "core=${c##*/} $(cat "$c/cpufreq/cpuinfo_max_freq" 2>/dev/null)";
  echo "governor=$(cat "$c/cpufreq/scaling_governor" 2>/dev/null)"; done
"""
STATE = """
for c in /sys/devices/system/cpu/cpu[0-9]*; do
  echo "clock=${c##*/} $(cat "$c/cpufreq/scaling_cur_freq" 2>/dev/null)"; done;
for z in /sys/class/thermal/thermal_zone*; do
  echo "zone=$(cat "$z/temp" 2>/dev/null) ${z##*/} $(cat "$z/type" 2>/dev/null)"; done;
echo "saver=$(settings get global low_power 2>/dev/null)"; echo "present=$(cat /sys/devices/system/cpu/present 2>/dev/null)";
echo "online=$(cat /sys/devices/system/cpu/online 2>/dev/null)";
dumpsys thermalservice 2>/dev/null | sed "s/^ */thermal=/"; dumpsys battery 2>/dev/null | sed "s/^ */battery=/"; true
"""

PAGES = """
getconf PAGE_SIZE 2>/dev/null || getconf PAGESIZE 2>/dev/null; true
"""
IDENTITY = """
echo "serial=$(getprop ro.serialno)"; echo "serial=$(getprop ro.boot.serialno)";
echo "boot=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)"
"""


def page_bytes(lines: Sequence[str]) -> int | None:
    """The size of memory pages in bytes that the lines of :data:`PAGES` say; None where they say none."""
    sizes = [int(line) for line in lines if re.fullmatch("[0-9]{4,7}", line)]
    return sizes[0] if sizes else None


def identity(lines: Sequence[str]) -> Identity:
    """Who the phone is, by the lines of :data:`IDENTITY`."""
    return Identity(boot=_one(lines, "boot"), serial=_one(lines, "serial"))


def _of(lines: Sequence[str], key: str) -> list[str]:
    return [
        line.partition("=")[2].strip()
        for line in lines
        if line.partition("=")[0] == key and line[len(key) + 1 :].strip()
    ]


def _one(lines: Sequence[str], key: str) -> str | None:
    return next(iter(_of(lines, key)), None)


def _frequencies(lines: Sequence[str], key: str) -> dict[str, int]:
    pairs = (value.split() for value in _of(lines, key))
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and re.fullmatch("[0-9]{1,9}", pair[1])}


def _temperatures(lines: Sequence[str]) -> dict[str, float]:
    """Degrees Celsius by sensor, where the value can be one; ``battery`` is the battery's."""
    celsius = {}
    for value in _of(lines, "zone"):
        number, _, zone = value.partition(" ")
        # Thousandths of a degree. Phones have zones that mean something else, such as a load.
        if re.fullmatch("-?[0-9]{4,6}", number) and -40_000 <= int(number) <= 150_000:
            celsius[zone.strip()] = int(number) / 1000
    for value in _of(lines, "battery"):
        if match := re.fullmatch("temperature: ([0-9]{1,4})", value):
            celsius["battery"] = int(match[1]) / 10
    return celsius


def _thermal_status(lines: Sequence[str]) -> int | None:
    """Android's thermal status, 0 to 6; None where it does not tell (before Android 10)."""
    for value in _of(lines, "thermal"):
        if match := re.fullmatch("Thermal Status: ([0-6])", value):
            return int(match[1])
    return None


def state(lines: Sequence[str]) -> dict[str, Any]:
    """What the lines of :data:`STATE` say, as the worker's ``state`` job does."""
    return {
        "frequencies_khz": _frequencies(lines, "clock"),
        "temperatures_c": _temperatures(lines),
        "throttled": None,
        "thermal_status": _thermal_status(lines),
    }


def surroundings(lines: Sequence[str]) -> dict[str, Any]:
    """What the lines of :data:`STATE` say of power and cores, as a ``Reading`` has it."""
    saver = _one(lines, "saver")
    present, online = (listed(_one(lines, key) or "") for key in ("present", "online"))
    return {
        "offline_cores": len(present - online) if present and online else None,
        "boost": None,
        "on_battery": None,
        "power_saver": saver == "1" if saver in ("0", "1") else None,
    }


def facts(lines: Sequence[str], state: Sequence[str], version: str, features: Sequence[str]) -> Facts:
    """What the lines of :data:`FACTS` and :data:`STATE` say.

    Raises:
        EnvironmentProblem: not even what programs it runs.
    """
    abis = (_one(lines, "ro.product.cpu.abilist") or _one(lines, "ro.product.cpu.abi") or "").split(",")
    if not abis[0]:
        raise EnvironmentProblem("the device does not say what programs it runs (getprop); is it an Android?")
    cpuinfo = "\n".join(_of(lines, "cpuinfo"))
    words = {word for line in values(cpuinfo, "Features") for word in line.split()}
    memory = values("\n".join(_of(lines, "meminfo")), "MemTotal")
    release, sdk = _one(lines, "ro.build.version.release"), _one(lines, "ro.build.version.sdk")
    soc = [
        _one(lines, "ro.soc.manufacturer"),
        _one(lines, "ro.soc.model") or _one(lines, "ro.board.platform"),
    ]
    board = [_one(lines, "ro.product.manufacturer"), _one(lines, "ro.product.model")]
    levels = [
        match[1] for value in _of(state, "battery") if (match := re.fullmatch("level: ([0-9]{1,3})", value))
    ]
    count = max(1, len(_of(lines, "core")))
    return Facts(
        kind="adb",
        machine=_one(lines, "machine") or abis[0],
        board=" ".join(word for word in board if word) or None,
        cpu=cpu_name(cpuinfo),
        cpu_features=tuple(sorted(words & FEATURES)),
        cores=count,
        memory_bytes=_kilobytes(memory),
        os=f"Android {release}" + (f" (API {sdk})" if sdk else "") if release else None,
        kernel=_one(lines, "system") or "unknown",
        python=None,
        numpy=None,
        governors=tuple(sorted(set(_of(lines, "governor")))),
        max_frequencies_khz=_frequencies(lines, "core"),
        virtualised=None,
        android=Android(
            abis=tuple(abis),
            fingerprint=_one(lines, "ro.build.fingerprint"),
            soc=" ".join(word for word in soc if word) or None,
            cores=cores.mask(range(count)),
            battery_percent=int(levels[0]) if levels else None,
            adb=version,
            adb_features=tuple(features),
        ),
    )


def _kilobytes(texts: Sequence[str]) -> int | None:
    number = texts[0].split(" ")[0] if texts else ""
    return int(number) * 1024 if re.fullmatch("[0-9]{1,12}", number) else None


def core_mask(facts: Facts, which: str) -> str:
    """The cores of a phone as ``taskset`` there takes them: a hexadecimal mask, bit i is core i.

    Args:
        facts: what the phone is.
        which: as :func:`mobilecnn.bench.devices.worker.cores.chosen` takes it.

    Raises:
        ValueError: the phone does not tell its clocks, or has no such cores.
    """
    clocks = {int(core.removeprefix("cpu")): khz for core, khz in facts.max_frequencies_khz.items()}
    return cores.mask(cores.chosen(which, clocks, set(range(facts.cores)) | set(clocks)))
