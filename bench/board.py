"""What a device has, what it lacks, and giving it a runtime."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mobilecnn.bench.device_file import PROFILES
from mobilecnn.bench.devices import PROBE_TIMEOUT, Device
from mobilecnn.bench.hygiene import GOVERNOR_FIX, THERMAL_STATUS, THROTTLED, throttling
from mobilecnn.bench.measurement import Facts
from mobilecnn.bench.ssh import OLDEST_PYTHON, SshDevice, environment
from mobilecnn.errors import ChildCrashed, EnvironmentProblem
from mobilecnn.files import sha256
from mobilecnn.steps import Say

REQUIREMENTS = {"litert": ("ai-edge-litert",), "tflite-runtime": ("tflite-runtime", "numpy<2")}
"""What pip is asked for. tflite-runtime is built for numpy 1, and does not say so."""

INSTALL_SECONDS = 1800.0
"""Of one step; a Pi Zero unpacks for minutes."""


@dataclass(frozen=True)
class Missing:
    """Something that a device lacks, or that spoils its figures.

    Attributes:
        what: the finding.
        fix: what to do.
        prevents: whether nothing can be timed before that is done.
    """

    what: str
    fix: str
    prevents: bool = False


@dataclass(frozen=True)
class Board:
    """A device as :func:`examine` found it.

    Attributes:
        facts: what it is.
        runtimes: the version of each that may be there (``Device.runtimes``), None where missing.
        frequencies_khz: clocks by core.
        temperatures_c: degrees Celsius by sensor.
        throttled: the Raspberry Pi firmware's throttling word; None elsewhere.
        thermal_status: Android's (:data:`mobilecnn.bench.hygiene.THERMAL_STATUS`); None elsewhere.
        missing: what to mend.
    """

    facts: Facts
    runtimes: dict[str, str | None]
    frequencies_khz: dict[str, int]
    temperatures_c: dict[str, float]
    throttled: int | None
    thermal_status: int | None
    missing: tuple[Missing, ...]

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)


def examine(device: Device, name: str, profile: str = "generic") -> Board:
    """Look at a device, without timing anything.

    Args:
        device: ours to ask.
        name: what the user calls it.
        profile: what the user says it is, a key of ``device_file.PROFILES``.

    Raises:
        EnvironmentProblem: it cannot be reached, or has no Python that the worker can use.
    """
    facts = device.probe()
    runtimes: dict[str, str | None] = {}
    reasons = []
    for runtime in device.runtimes:
        job = {"task": "runtime", "runtime": runtime}
        try:
            answer = device.run(job, f"that looks for {runtime} on {name}", PROBE_TIMEOUT)
            runtimes[runtime] = str(answer["version"])
        except EnvironmentProblem as error:
            runtimes[runtime] = None
            reasons.append(str(error))
    state = device.run({"task": "state"}, f"that reads the state of {name}", PROBE_TIMEOUT)
    throttled = state["throttled"]
    missing = []
    if not any(runtimes.values()):
        missing.append(Missing(f"no runtime: {reasons[0]}", f"mobilecnn devices setup {name}", prevents=True))
    if not facts.board and profile != "generic":
        missing.append(Missing(f"it is said to be a {profile}, and does not call itself one", _PROFILE_FIX))
    elif facts.board and not facts.board.startswith(PROFILES[profile]):
        missing.append(Missing(f"it is said to be a {profile}, and is a {facts.board}", _PROFILE_FIX))
    slow = sorted(set(facts.governors) - {"performance"})
    if slow:
        fix = f"there: {GOVERNOR_FIX}" if facts.android is None else _PHONE_CLOCK_FIX
        missing.append(Missing(f"the clock may change (governor {', '.join(slow)})", fix))
    status = state.get("thermal_status")
    if status is not None and status >= THROTTLED:
        missing.append(Missing(f"it slows itself down (thermal status {THERMAL_STATUS[status]})", _HEAT_FIX))
    missing += [Missing(f"{finding} now", _POWER_FIX) for finding in throttling(throttled)]
    return Board(
        facts, runtimes, state["frequencies_khz"], state["temperatures_c"], throttled, status, tuple(missing)
    )


_PROFILE_FIX = "add it anew with another --profile"
_PHONE_CLOCK_FIX = (
    "where it can: adb shell cmd power set-fixed-performance-mode-enabled true (see docs/phones.md)"
)
_HEAT_FIX = "let it cool, take off its case, and look again"
_POWER_FIX = "give it its own power supply, cool it, and look again"


def setup(device: SshDevice, runtime: str, offline: bool, say: Say, base: str = "python3") -> str:
    """Make an environment with ``runtime`` on a board; one that is there is replaced at the end.

    Args:
        device: the board.
        runtime: one of RUNTIMES.
        offline: download here what the board needs, and carry it there.
        say: told what is being done.
        base: the interpreter there to make it with.

    Returns:
        The version of the runtime.

    Raises:
        EnvironmentProblem: a step failed; nothing of it is left there.
    """
    name, target = device.name, environment(device.home, runtime)
    python = device.find_python([base])
    say(f"Making an environment with {python} on {name}")
    words = [device.folder, target]
    new = device.ask(BEGIN, words, f"that makes a folder on {name}")
    try:
        device.execute([python, "-m", "venv", new], f"that makes an environment on {name}", INSTALL_SECONDS)
    except ChildCrashed as error:
        raise EnvironmentProblem(
            f"{error}; the venv module may be missing there: sudo apt-get install python3-venv"
        ) from error
    inner = f"{new}/bin/python"
    pip = [inner, "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--quiet"]
    if offline:
        wheels = f"{device.folder}/wheels"
        _carry(device, inner, runtime, wheels, say)
        pip += ["--no-index", "--find-links", wheels]
    say(f"Installing {' and '.join(REQUIREMENTS[runtime])} there")
    try:
        device.execute([*pip, *REQUIREMENTS[runtime]], f"that installs {runtime} on {name}", INSTALL_SECONDS)
    except ChildCrashed as error:
        more = "" if offline else "; without a network there, use --offline"
        raise EnvironmentProblem(f"{error}{_wheels(runtime)}{more}") from error
    job = {"task": "runtime", "runtime": runtime}
    version = str(device.work(inner, job, f"that tries {runtime} on {name}", PROBE_TIMEOUT)["version"])
    device.ask(FINISH, [device.folder, target, new], f"that finishes the environment on {name}")
    return version


# What is unfinished the guard removes (see ssh.py): on an error, Ctrl-C, or a broken connection.
BEGIN = """
umask 077; printf "\\n%s\\n" "$1"; mkdir -p "${3%/*}" || exit 1; n=$(mktemp -d "$3.XXXXXXXXXX") || exit 1;
printf "%s" "$n" >"$2/unfinished"; echo "$n"
"""
# The name is a link, so that an environment is replaced in one step.
FINISH = """
printf "\\n%s\\n" "$1"; o=$(readlink "$3"); ln -s "${4##*/}" "$4.link" || exit 1; mv -fT "$4.link" "$3" || exit 1;
rm -f "$2/unfinished"; [ -z "$o" ] || rm -rf "${3%/*}/$o"; echo done
"""


def _carry(device: SshDevice, python: str, runtime: str, wheels: str, say: Say) -> None:
    """Download the wheels for the board here, and bring them there."""
    version, _bits = device.python_facts(python)
    system = device.ask(SYSTEM, [], f"that asks {device.name} for its C library")
    machine, glibc = platform_of(system, device.name)
    say(f"Downloading for Python {version[0]}.{version[1]} on {machine}, glibc 2.{glibc}")
    with tempfile.TemporaryDirectory(prefix="mobilecnn-") as folder:
        command = download(runtime, machine, glibc, (version[0], version[1]), Path(folder))
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
            last = lines[-1] if lines else f"pip ended with code {done.returncode}"
            raise EnvironmentProblem(
                f"cannot download {runtime} for {device.name} ({last}){_wheels(runtime)}; is there a network here?"
            )
        files = sorted(Path(folder).iterdir())
        for number, file in enumerate(files, 1):
            say(f"Bringing {file.name} there ({number} of {len(files)})")
            device.store(file, f"{wheels}/{file.name}", sha256(file.read_bytes()))


SYSTEM = """
printf "\\n%s\\n" "$1"; printf "%s %s\\n" "$(uname -m)" "$(getconf GNU_LIBC_VERSION 2>/dev/null)"
"""


def platform_of(system: str, name: str) -> tuple[str, int]:
    """The machine and the minor version of glibc 2, from what :data:`SYSTEM` says.

    Raises:
        EnvironmentProblem: it has another C library, for which there are no wheels.
    """
    match = re.fullmatch(r"(\S+) glibc 2\.(\d+)\S*", system.strip())
    if match is None:
        raise EnvironmentProblem(
            f"{name} has no GNU C library ({system.strip()}), and the runtimes need it; use Raspberry Pi OS, "
            "Debian or Ubuntu"
        )
    return match.group(1), int(match.group(2))


def download(
    runtime: str,
    machine: str,
    glibc: int,
    python: tuple[int, int],
    folder: Path,
    wanted: Sequence[str] | None = None,
) -> list[str]:
    """The command that downloads, into ``folder``, the wheels of a runtime for another machine.

    ``wanted`` is what pip is asked for; the newest of :data:`REQUIREMENTS` without.
    """
    # Newest first. 2.17 is the oldest that there are aarch64 wheels for (manylinux2014).
    platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(glibc, 16, -1)]
    platforms.append(f"manylinux2014_{machine}")
    return [
        sys.executable, "-m", "pip", "download", "--no-input", "--disable-pip-version-check", "--quiet",
        "--only-binary=:all:", "--implementation", "cp", "--python-version", f"{python[0]}.{python[1]}",
        *(word for platform in platforms for word in ("--platform", platform)),
        "--dest", str(folder), *(wanted or REQUIREMENTS[runtime]),
    ]  # fmt: skip


def _wheels(runtime: str) -> str:
    """What there is to know when a runtime cannot be found for a Python."""
    if runtime == "tflite-runtime":
        return " (tflite-runtime has wheels for Python 3.11 and before; for newer ones use --runtime litert)"
    oldest = ".".join(map(str, OLDEST_PYTHON))
    return f" (ai-edge-litert has wheels for Python {oldest} and newer)"
