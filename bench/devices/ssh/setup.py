"""Giving a board a runtime: a private environment, made there or carried there.

A version that the board cannot load is not installed: what its libraries need is read before that. One that
takes its process down there is remembered (:mod:`mobilecnn.bench.devices.ssh.unfit`), and the next set-up takes
an older one.
"""

import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

from mobilecnn.bench.devices import jobs, wheels
from mobilecnn.bench.devices.seam import PROBE_TIMEOUT
from mobilecnn.bench.devices.ssh import unfit
from mobilecnn.bench.devices.ssh.device import SshDevice, environment
from mobilecnn.bench.devices.wheels import PACKAGES, Choice, System
from mobilecnn.bench.devices.worker.causes import find
from mobilecnn.bench.devices.worker.elf import Needs, of_wheel
from mobilecnn.bench.devices.worker.signs import PIP, PYTHON
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.errors import ChildCrashed, EnvironmentProblem, MobileCnnError
from mobilecnn.files import sha256, write_bytes
from mobilecnn.steps import Say

INSTALL_SECONDS = 1800.0
"""Seconds that one step may take; a Pi Zero unpacks for minutes."""

MOST_TRIES = 30
"""Number of times that wheels are looked for: each leaves out versions that the board cannot load."""

TRIAL = Protocol(rounds=1, warmup_runs=0, warmup_seconds=0.0, runs=1, seconds=0.0)
"""Protocol of the one inference of each file that a new environment has to make."""
TRIAL_TYPES = ("float32", "int8")
"""Types of those files: each has kernels, and so instructions, of its own."""


def setup(
    device: SshDevice,
    runtime: str,
    offline: bool,
    say: Say,
    base: str = "python3",
    version: str | None = None,
) -> str:
    """Make an environment with ``runtime`` on a board; one that is there is replaced at the end.

    Args:
        device: board to set up.
        runtime: one of RUNTIMES.
        offline: whether to download here what the board needs, and to carry it there.
        say: told what is being done.
        base: interpreter on the board that makes the environment.
        version: version of the runtime; None for the newest that the board can load.

    Returns:
        Version of the runtime.

    Raises:
        UsageError: ``version`` is none.
        EnvironmentProblem: a step failed; nothing of it is left there.
    """
    choice = Choice(runtime, version)
    board, name = device.connection, device.name
    target = environment(board.home, runtime)
    python = device.find_python([base])
    system = _system(device, python)
    if version is None:
        _look_before(device, target, choice, say)
    say(f"Making an environment with {python} on {name}")
    new = board.ask(BEGIN, [board.folder, target], f"that makes a folder on {name}")
    doing = f"that makes an environment on {name}"
    board.execute([python, "-m", "venv", new], doing, INSTALL_SECONDS, PIP)
    inner = f"{new}/bin/python"
    folder = f"{new}/wheels"
    say(f"Looking for {' and '.join(choice.requirements)} for {_shown(system)}")
    wheels.judged(choice, wheels.remembered(system), system)
    find_wheels = _carry if offline else _download_there
    find_wheels(device, inner, choice, system, folder, say)
    say("Installing there")
    pip = [
        inner,
        "-m",
        "pip",
        "install",
        "--no-input",
        "--disable-pip-version-check",
        "--quiet",
        "--no-index",
    ]
    words = [*pip, "--find-links", folder, *choice.requirements]
    board.execute(words, f"that installs {runtime} on {name}", INSTALL_SECONDS, PIP)
    board.execute(["rm", "-rf", folder], f"that tidies up on {name}", INSTALL_SECONDS, PIP)
    say("Trying it there")
    made = str(
        device.work(inner, jobs.installed(runtime), f"that looks for {runtime} on {name}", PROBE_TIMEOUT)[
            "version"
        ]
    )
    try:
        _try(device, inner, runtime)
    except MobileCnnError as error:
        if not unfit.SIGNS.search(str(error)):
            raise
        unfit.remember(board, runtime, made)
        again = f"mobilecnn devices setup {name} --runtime {runtime} takes an older one now"
        raise EnvironmentProblem(
            f"{PACKAGES[runtime]} {made} does not run there: {_told(error, name)}. That is remembered on {name}: "
            + (again if version is None else f"without --version, {again}")
        ) from error
    board.ask(FINISH, [board.folder, target, new], f"that finishes the environment on {name}")
    return made


def _told(error: MobileCnnError, name: str) -> str:
    """What went wrong, without the advice to set the board up, which is being done."""
    if not isinstance(error, ChildCrashed):
        return str(error)
    cause = find(PYTHON, [*error.words, error.how], name=name)
    return f"{error.how}: {cause.text or cause.line}"


def _system(device: SshDevice, python: str) -> System:
    said = device.work(python, jobs.SYSTEM, f"that asks {device.name} for its C library", PROBE_TIMEOUT)
    machine, glibc = wheels.platform_of(str(said["system"]), device.name)
    version, _bits = device.python_facts(python)
    return System(device.name, machine, glibc, int(said["page_bytes"]), (version[0], version[1]))


def _shown(system: System) -> str:
    return f"Python {system.python[0]}.{system.python[1]} on {system.machine}, glibc 2.{system.glibc}"


def _try(device: SshDevice, python: str, runtime: str) -> None:
    """An inference of each type: a runtime may be imported, and then use an instruction that the processor lacks.

    Raises:
        MobileCnnError: it failed.
    """
    from mobilecnn.convert.graph import build  # Heavy; --help imports this module.

    board = device.connection
    doing = f"that tries {runtime} on {device.name}"
    device.work(python, jobs.find_runtime(runtime), doing, PROBE_TIMEOUT)
    for dtype in TRIAL_TYPES:
        content, _ = build.matrix_product(dtype)
        with tempfile.TemporaryDirectory(prefix="mobilecnn-") as folder:
            file = Path(folder) / "known.tflite"
            write_bytes(file, content)
            there = f"{board.folder}/known.tflite"
            board.store(file, there, sha256(content))
        device.work(python, {**jobs.timing(there, TRIAL), "runtime": runtime}, doing, PROBE_TIMEOUT)


def _look_before(device: SshDevice, target: str, choice: Choice, say: Say) -> None:
    """Leave out versions that were seen to fail on this board, with the system that it has now."""
    board, name, runtime = device.connection, device.name, choice.runtime
    doing = f"that looks at the environment on {name}"
    if board.ask(EXISTS, [f"{target}/bin/python"], doing) == "yes":
        python = f"{target}/bin/python"
        try:
            _try(device, python, runtime)
        except MobileCnnError as error:
            if unfit.SIGNS.search(str(error)):
                said = device.work(python, jobs.installed(runtime), doing, PROBE_TIMEOUT)
                say(
                    f"{runtime} {said['version']}, which is there, does not run: another version is looked for"
                )
                unfit.remember(board, runtime, str(said["version"]))
    for version in unfit.recalled(board, runtime):
        choice.refuse(PACKAGES[runtime], version, f"did not run on {name} before")


def _failed(choice: Choice, text: str, place: str) -> EnvironmentProblem:
    """Why pip found no wheels."""
    left_out = f"; left out: {choice.reasons}" if choice.reasons else ""
    return EnvironmentProblem(
        f"no wheels of {choice.runtime} {place}: {text}{wheels.advice(choice.runtime)}{left_out}"
    )


def _rounds_over(choice: Choice, name: str) -> EnvironmentProblem:
    return EnvironmentProblem(
        f"no version of {choice.runtime} was found that {name} can load: {choice.reasons}; use a newer system there"
    )


def _download_there(
    device: SshDevice, python: str, choice: Choice, system: System, folder: str, say: Say
) -> None:
    """Have the board download wheels that it can load."""
    board, name = device.connection, device.name
    pip = [python, "-m", "pip", "download", "--no-input", "--disable-pip-version-check", "--quiet"]
    for _ in range(MOST_TRIES):
        words = [*pip, "--only-binary=:all:", "--dest", folder, *choice.requirements]
        try:
            board.execute(words, f"that downloads {choice.runtime} on {name}", INSTALL_SECONDS, PIP)
        except ChildCrashed as error:
            cause = find(PIP, error.words, name=name)
            more = "; without a network there, use --offline" if cause.code != "no-room" else ""
            raise _failed(choice, f"{error}{more}", f"for {name}") from error
        said = device.work(
            python, jobs.wheels(folder), f"that looks at the wheels on {name}", INSTALL_SECONDS
        )
        left_out = _judged(choice, wheels.read_needs(dict(said["wheels"]).items()), system, say)
        if not left_out:
            return
        paths = [f"{folder}/{file}" for file in left_out]
        board.execute(["rm", "-f", *paths], f"that leaves wheels out on {name}", INSTALL_SECONDS, PIP)
    raise _rounds_over(choice, name)


def _carry(device: SshDevice, python: str, choice: Choice, system: System, wanted: str, say: Say) -> None:
    """Download the wheels for the board here, and bring those that it can load there."""
    say("Downloading here")
    with tempfile.TemporaryDirectory(prefix="mobilecnn-") as name:
        folder = Path(name)
        for _ in range(MOST_TRIES):
            command = wheels.download(
                choice.runtime, system.machine, system.glibc, system.python, folder, choice.requirements
            )
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                cause = find(PIP, done.stderr, name="this machine", python=shlex.quote(sys.executable))
                raise _failed(choice, str(cause), f"for {device.name} here")
            left_out = _judged(choice, {file.name: _needs(file) for file in folder.iterdir()}, system, say)
            if not left_out:
                break
            for unwanted in left_out:
                (folder / unwanted).unlink()
        else:
            raise _rounds_over(choice, device.name)
        files = sorted(folder.iterdir())
        for number, file in enumerate(files, 1):
            say(f"Bringing {file.name} there ({number} of {len(files)})")
            device.connection.store(file, f"{wanted}/{file.name}", sha256(file.read_bytes()))


def _needs(file: Path) -> Needs:
    try:
        return of_wheel(file)
    except ValueError as error:
        raise EnvironmentProblem(f"the download {file.name} is damaged ({error}); try again") from error


def _judged(choice: Choice, needs: dict[str, Needs], system: System, say: Say) -> list[str]:
    wheels.remember(needs)
    before = choice.reasons
    out = wheels.judged(choice, needs, system)
    if out:
        say(f"Left out: {choice.reasons.removeprefix(before).removeprefix('; ')}")
    return out


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

EXISTS = """
printf "\\n%s\\n" "$1"; if [ -x "$2" ]; then echo yes; else echo no; fi
"""
