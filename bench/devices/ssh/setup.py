"""Giving a board a runtime: a private environment, made there or carried there."""

import subprocess
import tempfile
from pathlib import Path

from mobilecnn.bench.devices import jobs
from mobilecnn.bench.devices.seam import PROBE_TIMEOUT
from mobilecnn.bench.devices.ssh.device import SshDevice, environment
from mobilecnn.bench.devices.wheels import REQUIREMENTS, advice, download, platform_of
from mobilecnn.errors import ChildCrashed, EnvironmentProblem
from mobilecnn.files import sha256
from mobilecnn.steps import Say

INSTALL_SECONDS = 1800.0
"""Seconds that one step may take; a Pi Zero unpacks for minutes."""


def setup(device: SshDevice, runtime: str, offline: bool, say: Say, base: str = "python3") -> str:
    """Make an environment with ``runtime`` on a board; one that is there is replaced at the end.

    Args:
        device: board to set up.
        runtime: one of RUNTIMES.
        offline: whether to download here what the board needs, and to carry it there.
        say: told what is being done.
        base: interpreter on the board that makes the environment.

    Returns:
        Version of the runtime.

    Raises:
        EnvironmentProblem: a step failed; nothing of it is left there.
    """
    board, name = device.connection, device.name
    target = environment(board.home, runtime)
    python = device.find_python([base])
    say(f"Making an environment with {python} on {name}")
    words = [board.folder, target]
    new = board.ask(BEGIN, words, f"that makes a folder on {name}")
    try:
        board.execute([python, "-m", "venv", new], f"that makes an environment on {name}", INSTALL_SECONDS)
    except ChildCrashed as error:
        raise EnvironmentProblem(
            f"{error}; the venv module may be missing there: sudo apt-get install python3-venv"
        ) from error
    inner = f"{new}/bin/python"
    pip = [inner, "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--quiet"]
    if offline:
        wheels = f"{board.folder}/wheels"
        _carry(device, inner, runtime, wheels, say)
        pip += ["--no-index", "--find-links", wheels]
    say(f"Installing {' and '.join(REQUIREMENTS[runtime])} there")
    try:
        board.execute([*pip, *REQUIREMENTS[runtime]], f"that installs {runtime} on {name}", INSTALL_SECONDS)
    except ChildCrashed as error:
        more = "" if offline else "; without a network there, use --offline"
        raise EnvironmentProblem(f"{error}{advice(runtime)}{more}") from error
    job = jobs.find_runtime(runtime)
    version = str(device.work(inner, job, f"that tries {runtime} on {name}", PROBE_TIMEOUT)["version"])
    board.ask(FINISH, [board.folder, target, new], f"that finishes the environment on {name}")
    return version


# What is unfinished the guard removes (see connection.py): on an error, Ctrl-C, or a broken connection.
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
    system = device.connection.ask(SYSTEM, [], f"that asks {device.name} for its C library")
    machine, glibc = platform_of(system, device.name)
    say(f"Downloading for Python {version[0]}.{version[1]} on {machine}, glibc 2.{glibc}")
    with tempfile.TemporaryDirectory(prefix="mobilecnn-") as folder:
        command = download(runtime, machine, glibc, (version[0], version[1]), Path(folder))
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
            last = lines[-1] if lines else f"pip ended with code {done.returncode}"
            raise EnvironmentProblem(
                f"cannot download {runtime} for {device.name} ({last}){advice(runtime)}; is there a network here?"
            )
        files = sorted(Path(folder).iterdir())
        for number, file in enumerate(files, 1):
            say(f"Bringing {file.name} there ({number} of {len(files)})")
            device.connection.store(file, f"{wheels}/{file.name}", sha256(file.read_bytes()))


SYSTEM = """
printf "\\n%s\\n" "$1"; printf "%s %s\\n" "$(uname -m)" "$(getconf GNU_LIBC_VERSION 2>/dev/null)"
"""
