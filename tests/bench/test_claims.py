"""A machine is timed on by one process at a time, however it is reached; a killed one is no obstacle."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from adbd import Phone
from click.testing import CliRunner, Result
from sshd import Board

from mobilecnn.bench.devices import claims, entries
from mobilecnn.bench.devices.local.device import LocalDevice
from mobilecnn.bench.devices.seam import Identity
from mobilecnn.bench.devices.ssh.entry import SshEntry
from mobilecnn.cli import COMMANDS, cli, load
from mobilecnn.errors import EnvironmentProblem
from mobilecnn.steps import Say, no_say

HOLD = """
import sys
from mobilecnn.bench.devices.claims import claimed
from mobilecnn.bench.devices.registry import device
with device(sys.argv[1]) as there, claimed(there, print):
    print("held", flush=True)
    sys.stdin.read()
"""

SHORT = ("--rounds", "1", "--runs", "50", "--seconds", "0.1", "--warmup-seconds", "0.1")

TIMING: dict[str, Callable[[Path], tuple[str, ...]]] = {
    "bench": lambda file: ("bench", str(file), *SHORT),
    "compare": lambda file: ("compare", str(file), str(file), *SHORT),
    "sustained": lambda file: ("sustained", str(file), "--minutes", "0.01"),
    "single-stream": lambda file: ("single-stream", str(file), "--min-seconds", "0.1"),
    "tune": lambda file: (
        "tune",
        "--fresh",
        "--dtype",
        "int8",
        "--rounds",
        "1",
        "--seconds",
        "0.001",
        "-o",
        "it.json",
    ),
    "profile": lambda file: ("profile", str(file), "--rounds", "1", "-o", "out"),
}
"""What times -> its command line."""

LONG: dict[str, tuple[str, ...]] = {
    "speedup": ("speedup", "-o", "out"),
    "speedup, guidelines": ("speedup", "--experiment", "guidelines", "-o", "out"),
    "speedup, decomposition": ("speedup", "--experiment", "decomposition", "-o", "out"),
    "search": ("search", "lenet", "--budget", "20ms"),
    "demo": ("demo", "-o", "out"),
    "devices diagnose": ("devices", "diagnose", "local"),
}
"""What does other things before it times -> its command line."""

NOT_TRIED = {
    "android": "it times nothing",
    "devices": "it times nothing but in diagnose",
}
"""Other commands that take a device."""

WORK = (
    "mobilecnn.networks.export",
    "mobilecnn.bench.papers.experiments.network",
    "mobilecnn.demo.fit.run",
    *(
        f"mobilecnn.bench.devices.local.device.LocalDevice.{name}"
        for name in ("answer", "bandwidth", "stream", "time")
    ),
)
"""What takes the device's time, or minutes of this machine's."""


class Told(LocalDevice):
    """A device that says it is another machine."""

    name = "it"

    def __init__(self, told: Identity) -> None:
        self.told = told

    def identity(self) -> Identity:
        return self.told


def claimed(told: Identity, say: Say = no_say) -> AbstractContextManager[None]:
    return claims.claimed(Told(told), say)


@contextmanager
def another(name: str = "local") -> Iterator["subprocess.Popen[str]"]:
    """Another process that times on a device."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        yield process
        process.kill()


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def refused(done: Result, name: str, process: int) -> None:
    assert done.exit_code == 3, done.output
    # The diagnosis has it in its table.
    (line,) = [line for line in done.output.splitlines() if "another mobilecnn" in line]
    assert f"(process {process} on " in line and f"is timing on {name}" in line
    assert len([line for line in done.stderr.splitlines() if line.startswith("Error: ")]) == 1


@pytest.mark.parametrize("command", TIMING)
def test_a_second_process_is_refused_and_told_of_the_first(command: str, exported: Path, here: Path) -> None:
    typed = TIMING[command](exported / "theirs.float32.tflite")
    with another() as process:
        refused(run(*typed), "local", process.pid)
        assert not [path for path in here.rglob("*") if path.suffix in (".json", ".png", ".lock")]
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert run(*typed).exit_code == 0


@pytest.mark.parametrize("command", [*TIMING, *LONG])
def test_a_busy_device_is_said_before_any_work(
    command: str, exported: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = LONG.get(command) or TIMING[command](exported / "theirs.float32.tflite")
    begun: list[str] = []
    for work in WORK:
        monkeypatch.setattr(work, lambda *_, work=work, **__: begun.append(work))
    with another() as process:
        refused(run(*typed), "local", process.pid)
    assert begun == [] and not [path for path in here.rglob("*") if path.is_file()]


def test_one_device_is_claimed_once_and_let_go_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    device = Told(Identity(boot="b"))
    with claims.claimed(device):
        with claims.claimed(device):  # As speedup and what it calls.
            pass
        with pytest.raises(EnvironmentProblem), claimed(Identity(boot="b")):
            pass
    with claimed(Identity(boot="b")), pytest.raises(EnvironmentProblem), claims.claimed(device):
        pass


def test_all_that_times_is_tried() -> None:
    """What takes a device is in one of the two tables."""
    takes = {
        name
        for name in COMMANDS
        if any(str(parameter.name).startswith("device_name") for parameter in load(name).params)
    }
    assert takes - set(NOT_TRIED) == {*TIMING, *(typed[0] for typed in LONG.values())} - {"demo", "devices"}


def test_a_machine_has_one_lock_however_it_is_reached(board: Board, exported: Path) -> None:
    typed = TIMING["bench"](exported / "theirs.float32.tflite")
    entries.write({"pi": SshEntry("board", sys.executable)})
    with another() as process:
        refused(run(*typed, "--device", "pi"), "pi", process.pid)
    with another("pi") as process:
        refused(run(*typed), "local", process.pid)


def test_a_phone_is_locked(phone_with_litert: Phone, exported: Path) -> None:
    typed = TIMING["bench"](exported / "theirs.float32.tflite")
    with another("pixel") as process:
        refused(run(*typed, "--device", "pixel"), "pixel", process.pid)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (Identity(boot="b"), Identity(boot="b"), True),
        (Identity(boot="b", machine="m"), Identity(boot="c", machine="m"), False),  # A copied SD card.
        (Identity(serial="s"), Identity(serial="s"), True),
        (Identity(machine="m"), Identity(machine="m"), True),
        (Identity(), Identity(), True),  # They have one name.
        (Identity(), Identity(boot="b"), False),
        (Identity(serial="../../x"), Identity(serial="../../x"), True),
        (Identity(serial="a/b\udcff\n"), Identity(serial="a/b\udcff\n"), True),
    ],
)
def test_which_machines_are_one(
    one: Identity, other: Identity, same: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with claimed(one):
        assert all(path.parent == tmp_path / "mobilecnn" / "devices" for path in tmp_path.rglob("*.lock"))
        if same:
            with pytest.raises(EnvironmentProblem, match=rf"process {os.getpid()} on "), claimed(other):
                pass
        else:
            with claimed(other):
                pass
    assert not list(tmp_path.rglob("*.lock"))


@pytest.mark.parametrize("home", ["/proc/nowhere", None])
def test_where_no_lock_can_be_that_is_said(home: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", home or "")
    if home is None:
        monkeypatch.delenv("HOME")
        monkeypatch.setattr("pwd.getpwuid", lambda number: {}[number])
    said: list[str] = []
    with claimed(Identity(boot="b"), said.append):
        pass
    (line,) = said
    assert line.startswith("Note: nothing keeps another mobilecnn from timing on it meanwhile: ")
    assert ("cannot lock /proc/nowhere" if home else "there is no home folder") in line


def test_this_machine_says_who_it_is() -> None:
    with LocalDevice() as local:
        assert local.identity().boot or local.identity().machine
