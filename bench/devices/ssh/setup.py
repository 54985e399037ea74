"""What a device has, what it lacks, and giving it a runtime."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from mobilecnn.bench.devices.seam import PROBE_TIMEOUT
from mobilecnn.bench.devices.ssh.device import OLDEST_PYTHON, SshDevice, environment
from mobilecnn.errors import ChildCrashed, EnvironmentProblem
from mobilecnn.files import sha256
from mobilecnn.steps import Say

REQUIREMENTS = {"litert": ("ai-edge-litert",), "tflite-runtime": ("tflite-runtime", "numpy<2")}
"""What pip is asked for. tflite-runtime is built for numpy 1, and does not say so."""

INSTALL_SECONDS = 1800.0
"""Of one step; a Pi Zero unpacks for minutes."""


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
