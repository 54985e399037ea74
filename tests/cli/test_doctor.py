"""What the doctor finds: here, missing, or out of reach; the command that mends each; the exit code."""

import contextlib
import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sshd import Board

from mobilecnn import doctor
from mobilecnn.bench.devices import entries
from mobilecnn.bench.devices.ssh.entry import SshEntry
from mobilecnn.cli import cli
from mobilecnn.cli.doctor import CAPABILITIES
from mobilecnn.errors import EnvironmentProblem


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["doctor", *arguments])


@pytest.fixture(autouse=True)
def no_devices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def without_programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))


def test_the_capabilities_spelled_out_for_speed_are_the_table() -> None:
    assert tuple(doctor.CAPABILITIES) == CAPABILITIES


def test_each_capability_has_a_row_and_the_core_is_here() -> None:
    shown = run()
    assert shown.exit_code == 0, shown.output
    rows = {line.split()[0]: line.split()[1] for line in shown.stdout.splitlines() if line.split()[:1]}
    assert set(CAPABILITIES) <= set(rows)
    assert rows["core"] == "ok" and rows["devices"] == "none"


def test_json_has_it_all() -> None:
    document: dict[str, Any] = json.loads(run("core", "boards", "--json").stdout)["capabilities"]
    assert list(document) == ["core", "boards"]
    assert document["core"]["ready"] is True
    assert {need["name"] for need in document["core"]["needs"]} == {
        "Python",
        "mobilecnn",
        "ai-edge-litert",
        "numpy",
    }


@pytest.mark.usefixtures("without_programs")
@pytest.mark.parametrize(
    ("capability", "command"),
    [
        ("boards", "missing: ssh (for boards): sudo apt-get install openssh-client"),
        ("phones", "missing: adb (for phones): sudo apt-get install adb"),
        ("android", "missing: javac (for android): sudo apt-get install default-jdk-headless"),
        ("emulated", "missing: qemu-aarch64 (for emulated): sudo apt-get install qemu-user"),
        ("emulated", "missing: LLVM (for emulated): sudo apt-get install llvm-19"),
    ],
)
def test_a_missing_program_has_its_command(
    capability: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mobilecnn.bench.devices.emulated import llvm

    llvm.tools.cache_clear()
    named = run(capability)
    assert command in named.stdout.splitlines()
    assert (
        named.exit_code == 3 and len([s for s in named.stderr.splitlines() if s.startswith("Error: ")]) == 1
    )
    assert json.loads(run(capability, "--json").stdout)["capabilities"][capability]["ready"] is False
    assert run().exit_code == 0, "nobody needs everything"
    llvm.tools.cache_clear()


@pytest.mark.parametrize(
    ("capability", "module", "command"),
    [
        ("export", "tensorflow", "missing: TensorFlow (for export): pip install 'mobilecnn[export]'"),
        ("report", "matplotlib", "missing: matplotlib (for report): pip install 'mobilecnn[report]'"),
        ("tflite-runtime", "tflite_runtime", "missing: tflite-runtime (for tflite-runtime): "),
    ],
)
def test_a_missing_package_has_its_command(
    capability: str, module: str, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "find_spec", lambda name: None if name == module else find_spec(name))
    shown = run(capability)
    assert shown.exit_code == 3
    assert any(line.startswith(command) and "pip install" in line for line in shown.stdout.splitlines())


def test_on_a_newer_python_the_old_runtime_needs_an_older_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "find_spec", lambda name: None)
    monkeypatch.setattr(sys, "version_info", (3, 13, 0))
    (need,) = doctor.examine(["tflite-runtime"])
    assert need.fix == "python3.11 -m venv .venv && .venv/bin/pip install 'mobilecnn[tflite-runtime]'"


def test_a_device_that_does_not_answer_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its connection waits for; nothing of it goes on."""
    fake = tmp_path / "bin" / "ssh"
    fake.parent.mkdir()
    fake.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 600\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    entries.write({"slow": SshEntry("host")})
    shown = run("devices", "--seconds", "3")
    assert shown.exit_code == 3
    assert (
        "unreachable: slow (for devices) (no answer within 3 s): mobilecnn devices diagnose slow"
        in shown.stdout
    )
    if (tmp_path / "pid").exists():  # On a busy machine it has not even begun.
        pid = int((tmp_path / "pid").read_text())
        state = Path(f"/proc/{pid}/stat")
        assert not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize(
    ("need", "named", "refused"),
    [
        (doctor.Need("devices", "pi", "unreachable", ""), (), True),  # A device of the user's counts unnamed.
        (doctor.Need("devices", "pi", "missing", ""), ("devices",), True),
        (doctor.Need("core", "numpy", "missing", ""), (), True),
        (doctor.Need("phones", "adb", "missing", ""), (), False),
        (doctor.Need("phones", "adb", "missing", ""), ("phones",), True),
        (doctor.Need("core", "numpy", "ok", ""), ("core",), False),
    ],
)
def test_what_counts(need: doctor.Need, named: tuple[str, ...], refused: bool) -> None:
    with pytest.raises(EnvironmentProblem) if refused else contextlib.nullcontext():
        doctor.refuse_unfit([need], named)


def test_a_device_that_refuses_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = tmp_path / "bin" / "ssh"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho 'no route to host' >&2\nexit 255\n")
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake.parent}:{os.environ['PATH']}")
    entries.write({"gone": SshEntry("host")})
    (need,) = doctor.examine(["devices"], 60)
    assert need.state == "unreachable" and "no route to host" in need.found


def test_a_board_that_answers_is_ok(board: Board) -> None:
    entries.write({"pi": SshEntry("board", sys.executable)})
    (need,) = doctor.examine(["devices"], 100)
    assert need.state == "ok" and need.found, need


def test_a_damaged_devices_file_is_an_input_error(tmp_path: Path) -> None:
    entries.path().parent.mkdir(parents=True)
    entries.path().write_text("[pi")
    shown = run()
    assert shown.exit_code == 2 and "core" in shown.stdout and "is not TOML" in shown.stderr
