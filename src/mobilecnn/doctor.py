"""What this machine can do: for each capability what it needs, what of that is here, and the command that brings the rest.

Nothing heavy is imported, and nothing is changed. Programs are asked for no more than where they are; devices are probed
side by side, each by a process of its own that is ended when its time is over.
"""

import contextlib
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from typing import Any, Literal

from mobilecnn.errors import EnvironmentProblem, InputError, MobileCnnError
from mobilecnn.extras import EXTRAS
from mobilecnn.version import __version__

DEVICES_FILE = "devices file"
"""Name of the need whose state is that of the devices file, where it is damaged."""

State = Literal["ok", "missing", "broken", "unreachable"]

PROBE_SECONDS = 15.0
"""Seconds that a device has to answer in."""

LEAVE_SECONDS = 30.0
"""Seconds that a probe may take to end once its time is over: it closes its connection, and takes away what it has sent."""

NEWEST_OF_TFLITE_RUNTIME = (3, 11)
"""Newest Python that tflite-runtime has wheels for."""


@dataclass(frozen=True)
class Need:
    """Something that a capability needs.

    Attributes:
        capability: key of :data:`CAPABILITIES`.
        name: what it is: a package, a program, a device.
        state: ``ok``, ``missing``, ``broken`` of what is here and does not work, or of a device ``unreachable``.
        found: its version or path; of a device what it is, or why it does not answer; of what is broken what is wrong.
        fix: command that brings it; empty where nothing is to be done.
    """

    capability: str
    name: str
    state: State
    found: str
    fix: str = ""


CAPABILITIES = {
    "core": "read, time, compare and report .tflite files here",
    "tflite-runtime": "ask and time files by the runtime that older boards have",
    "train": "train networks, and use the embedded digits",
    "export": "make .tflite files of Keras models",
    "report": "draw charts",
    "cluster": "run the rows of an experiment on several machines",
    "jax": "train a network on several machines or GPUs",
    "isic": "score answers to the ISIC challenge",
    "emulated": "run files on emulated ARM chips, and model their time",
    "boards": "time on boards over SSH",
    "phones": "time on Android phones",
    "android": "build the sample app",
    "devices": "the boards and phones of the devices file",
}
"""Name of a capability -> what it is for."""

_PROGRAMS: dict[str, tuple[tuple[str, str], ...]] = {
    # capability: program, command that installs it
    "boards": (("ssh", "sudo apt-get install openssh-client"),),
    "phones": (("adb", "sudo apt-get install adb"),),
    "android": (("javac", "sudo apt-get install default-jdk-headless"),),
}  # fmt: skip
"""Capability -> the programs that it needs, each with the command that installs it on Debian and Ubuntu."""


def examine(capabilities: Sequence[str] = (), seconds: float = PROBE_SECONDS) -> list[Need]:
    """What the capabilities need, and what of it is here.

    Args:
        capabilities: keys of :data:`CAPABILITIES`; all of them for none.
        seconds: seconds that each device has to answer in.
    """
    chosen = [name for name in CAPABILITIES if not capabilities or name in capabilities]
    return [need for name in chosen for need in _needs(name, seconds)]


def refuse_unfit(needs: Sequence[Need], capabilities: Sequence[str]) -> None:
    """Refuse a machine that lacks what was asked for by name, or what every use of mobilecnn needs.

    Args:
        needs: from :func:`examine`.
        capabilities: those named by the user; without any, it is the core and the devices that count.

    Raises:
        EnvironmentProblem: naming what is missing or does not answer.
        InputError: the devices file is damaged.
    """
    for need in needs:
        if need.name == DEVICES_FILE:
            raise InputError(need.found)
    counted = capabilities or ("core", "devices")
    bad = [need for need in needs if need.state != "ok" and need.capability in counted]
    if bad:
        words = ", ".join(f"{need.name} is {need.state}" for need in bad)
        raise EnvironmentProblem(f"{words}; the table has the command for each")


def _needs(capability: str, seconds: float) -> Iterator[Need]:
    if capability == "core":
        yield Need("core", "Python", "ok", platform.python_version())
        yield Need("core", "mobilecnn", "ok", __version__)
        for package in ("ai-edge-litert", "numpy"):
            yield _package(capability, package, f"pip install {package}")
    elif capability == "tflite-runtime":
        yield _tflite_runtime()
    elif capability in EXTRAS:
        for module, package in EXTRAS[capability].items():
            yield _package(capability, package, f"pip install 'mobilecnn[{capability}]'", module)
    for program, fix in _PROGRAMS.get(capability, ()):
        yield _program(capability, program, fix)
    if capability == "emulated":
        yield from _emulated()
    elif capability == "devices":
        yield from _devices(seconds)


def _package(capability: str, package: str, fix: str, module: str = "") -> Need:
    """A Python package, which is here if its module can be found; nothing is imported."""
    if module and find_spec(module) is None:
        return Need(capability, package, "missing", "", fix)
    try:
        return Need(capability, package, "ok", version(package))
    except PackageNotFoundError:
        return Need(capability, package, "ok" if module else "missing", "", "" if module else fix)


def _tflite_runtime() -> Need:
    fix = "pip install 'mobilecnn[tflite-runtime]'"
    if sys.version_info[:2] > NEWEST_OF_TFLITE_RUNTIME:
        newest = ".".join(map(str, NEWEST_OF_TFLITE_RUNTIME))
        fix = f"python{newest} -m venv .venv && .venv/bin/{fix}"
    return _package("tflite-runtime", "tflite-runtime", fix, "tflite_runtime")


def _program(capability: str, program: str, fix: str) -> Need:
    path = shutil.which(program)
    return (
        Need(capability, program, "missing", "", fix)
        if path is None
        else Need(capability, program, "ok", path)
    )


def _emulated() -> Iterator[Need]:
    from mobilecnn.bench.devices.emulated.build import NEEDED

    for program, packages in NEEDED.items():
        yield _program("emulated", program, f"sudo apt-get install {packages}")
    yield _llvm()


def _llvm() -> Need:
    from mobilecnn.bench.devices.emulated.llvm import BrokenTool, tools

    try:
        return Need("emulated", "LLVM", "ok", tools().version)
    except BrokenTool as error:
        return Need("emulated", "LLVM", "broken", error.why, error.fix)
    except EnvironmentProblem:
        from mobilecnn.bench.records.chips import LLVM

        return Need("emulated", "LLVM", "missing", "", f"sudo apt-get install llvm-{LLVM.split('.')[0]}")


def _devices(seconds: float) -> Iterator[Need]:
    from mobilecnn.bench.devices import entries

    try:
        names = list(entries.read())
    except MobileCnnError as error:
        yield Need("devices", DEVICES_FILE, "missing", str(error))
        return
    with ThreadPoolExecutor(max_workers=max(1, min(8, len(names)))) as pool:
        yield from pool.map(lambda name: _device(name, seconds), names)


def _device(name: str, seconds: float) -> Need:
    """Whether a device of the devices file answers in time, and what it lacks."""
    command = [sys.executable, "-m", "mobilecnn", "devices", "probe", name, "--json"]
    said = _bounded(command, seconds)
    diagnose = f"mobilecnn devices diagnose {name}"
    if said is None:
        return Need("devices", name, "unreachable", f"no answer within {seconds:g} s", diagnose)
    error = said.get("error")
    if error is not None:
        return Need("devices", name, "unreachable", str(error.get("message", "")), diagnose)
    for finding in said.get("missing", ()):
        if finding["severity"] == "invalid":
            return Need("devices", name, "missing", finding["text"], finding["fix"] or diagnose)
    facts = said["facts"]
    return Need("devices", name, "ok", facts["board"] or facts["machine"])


def _bounded(command: Sequence[str], seconds: float) -> dict[str, Any] | None:
    """The JSON document that a command prints; None where it prints none in time. Its children end with it."""
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:  # fmt: skip
        try:
            text, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.terminate()  # It takes away what it has put on the device.
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=LEAVE_SECONDS)
            return None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def to_json(needs: Sequence[Need]) -> dict[str, Any]:
    """The findings by capability, as a JSON object."""
    return {
        name: {
            "for": CAPABILITIES[name],
            "ready": all(need.state == "ok" for need in needs if need.capability == name),
            "needs": [asdict(need) for need in needs if need.capability == name],
        }
        for name in CAPABILITIES
        if any(need.capability == name for need in needs)
    }
