"""``mobilecnn devices`` from the outside: the file, a probe, and a real set-up over a real sshd."""

import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from elf_file import elf
from installed import INSTALLED, OTHER
from sshd import Board, sshd

from mobilecnn.bench.devices import entries
from mobilecnn.bench.devices import wheels as runtime_wheels
from mobilecnn.bench.devices.backends import BACKENDS
from mobilecnn.bench.devices.ssh.entry import SshEntry
from mobilecnn.bench.records.measurement import Measurement
from mobilecnn.cli import cli
from mobilecnn.cli import devices as commands
from mobilecnn.errors import EnvironmentProblem


def run(*arguments: object) -> Result:
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture(autouse=True)
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "mobilecnn" / "devices.toml"


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a board of this machine's kind needs for the other runtime, downloaded as for a board."""
    folder = tmp_path_factory.mktemp("wheels")
    glibc = int(os.confstr("CS_GNU_LIBC_VERSION").split(".")[1])  # type: ignore[union-attr]
    command = runtime_wheels.download(OTHER, os.uname().machine, glibc, sys.version_info[:2], folder)
    subprocess.run(command, check=True)
    # Newer than all, and its library needs a C library that no board has.
    fake_wheel(folder, "99.0", {"__init__.py": b"", "_it.so": elf([("GLIBC_2.99", 0)])})
    return folder


def fake_wheel(folder: Path, version: str, libraries: dict[str, bytes]) -> None:
    """A wheel of the other runtime, for any Python and machine, that holds these files."""
    package = runtime_wheels.REQUIREMENTS[OTHER][0].replace("-", "_")
    with zipfile.ZipFile(folder / f"{package}-{version}-py3-none-any.whl", "w") as archive:
        about = f"{package}-{version}.dist-info"
        archive.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        archive.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        for name, content in libraries.items():
            archive.writestr(f"{package}/{name}", content)
        archive.writestr(f"{about}/RECORD", "")


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Iterator[Board]:
    """A board without a network: its pip finds what lies there, and nothing else."""
    without = {"PIP_NO_INDEX": "1"}
    with (
        tempfile.TemporaryDirectory(prefix="sshd-") as folder,
        sshd(Path(folder), variables=without) as server,
    ):
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        yield server
        server.expect_nothing_left()


def test_the_options_are_those_that_the_backends_declare() -> None:
    for command, options in ((commands.add, "add_options"), (commands.setup, "setup_options")):
        declared = {option.name for backend in BACKENDS for option in getattr(backend, options)}
        assert {parameter.name for parameter in command.params} == {
            *("name", "as_json", "verbose"),
            *(("profile",) if command is commands.add else ()),
            *declared,
        }
    for backend in BACKENDS:
        for option in backend.add_options:
            shown = " ".join(run("devices", "add", "--help").output.split())
            assert f"--{option.name} " in shown and option.help.split(".")[0] in shown


def test_the_help_needs_no_numpy() -> None:
    code = "import sys, mobilecnn.cli.devices; print('numpy' in sys.modules)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "False"


def test_add_list_remove(configuration: Path) -> None:
    empty = run("devices")
    assert empty.exit_code == 0 and empty.stdout.splitlines()[2].split() == [
        "local",
        "local",
        "this",
        "machine",
    ]
    assert str(configuration) in empty.stderr and not configuration.exists()
    added = run(
        "devices", "add", "pi4", "--host", "pi@10.0.0.4", "--profile", "pi4", "--python", "~/v/bin/python"
    )
    assert added.exit_code == 0 and "mobilecnn devices probe pi4" in added.stderr
    assert run("devices", "add", "zero", "--host", "zero.local").exit_code == 0
    assert entries.read() == {
        "pi4": SshEntry("pi@10.0.0.4", "~/v/bin/python", "pi4"),
        "zero": SshEntry("zero.local"),
    }
    for typed in (("devices",), ("devices", "list")):
        lines = run(*typed).stdout.splitlines()
        assert lines[3].split() == ["pi4", "ssh", "pi@10.0.0.4", "~/v/bin/python", "pi4"]
        assert lines[4].split() == ["zero", "ssh", "zero.local", "generic"]
    assert run("devices", "add", "pi4", "--host", "other").exit_code == 0
    assert entries.read()["pi4"] == SshEntry("other")
    assert run("devices", "remove", "zero").exit_code == 0
    assert list(entries.read()) == ["pi4"]
    again = run("devices", "remove", "zero")
    assert again.exit_code == 2 and "choose one of: pi4" in again.stderr


def test_json_of_the_small_ones(configuration: Path) -> None:
    entry = {
        "name": "pi",
        "host": "h",
        "python": None,
        "profile": "pi5",
        "kind": "ssh",
        "serial": None,
        "app": None,
    }
    added = run("devices", "add", "pi", "--host", "h", "--profile", "pi5", "--json")
    assert json.loads(added.stdout) == {"file": str(configuration), "added": entry}
    for typed in (("devices", "--json"), ("devices", "list", "--json"), ("devices", "--json", "list")):
        assert json.loads(run(*typed).stdout) == {"file": str(configuration), "devices": [entry]}
    assert json.loads(run("devices", "remove", "pi", "--json").stdout) == {
        "file": str(configuration),
        "removed": "pi",
    }
    failed = run("devices", "remove", "pi", "--json")
    assert json.loads(failed.stdout)["error"]["kind"] == "UsageError"


def test_a_damaged_file_is_told(configuration: Path) -> None:
    configuration.parent.mkdir(parents=True)
    configuration.write_text("[pi")
    for typed in (("devices",), ("devices", "add", "x", "--host", "h"), ("devices", "probe", "x")):
        failed = run(*typed)
        assert failed.exit_code == 2 and "is not TOML" in failed.stderr
    assert configuration.read_text() == "[pi"


def test_probe_of_this_machine() -> None:
    shown = run("devices", "probe", "local")
    assert shown.exit_code == 0, shown.output
    for words in (
        os.uname().machine,
        os.uname().release,
        "Python",
        "numpy",
        "litert",
        "governor",
        "throttled",
    ):
        assert words in shown.stdout


def test_probe_of_a_board(board: Board) -> None:
    run("devices", "add", "pi", "--host", "board", "--python", sys.executable, "--profile", "pi4")
    done = run("devices", "probe", "pi", "--json")
    assert done.exit_code == 0, done.output
    probed = json.loads(done.stdout)
    assert probed["facts"]["kind"] == "ssh"
    assert all(probed["runtimes"][name] for name in INSTALLED)
    # It is said to be a Raspberry Pi, and has not the device tree of one.
    assert [missing["text"] for missing in probed["missing"] if "pi4" in missing["text"]]


def test_probe_reads_the_throttling_word(board: Board) -> None:
    folder = board.home / "bin"
    folder.mkdir()
    (folder / "vcgencmd").write_text("#!/bin/sh\necho throttled=0x50001\n")
    (folder / "vcgencmd").chmod(0o755)
    # A real shell would have it on its path.
    python = folder / "python"
    python.write_text(f'#!/bin/sh\nPATH="{folder}:$PATH" exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    run("devices", "add", "pi", "--host", "board", "--python", "~/bin/python")
    shown = run("devices", "probe", "pi")
    assert shown.exit_code == 0, shown.output
    assert "now: under-voltage; since it was started: under-voltage, throttled" in shown.stdout
    assert "under-voltage now: give it its own power supply" in shown.stdout


def test_probe_names_what_is_missing(board: Board, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    run("devices", "add", "pi", "--host", "board", "--python", tmp_path / "bare/bin/python")
    shown = run("devices", "probe", "pi")
    assert shown.exit_code == 0, shown.output
    for name in ("numpy", "litert", "tflite-runtime"):
        assert re.search(f"^{name} +missing$", shown.stdout, re.MULTILINE)
    assert "no runtime: on pi: numpy cannot be imported" in shown.stdout
    assert "mobilecnn devices setup pi" in shown.stdout


def environments(board: Board) -> list[str]:
    return sorted(path.name for path in (board.home / ".local/share/mobilecnn").glob("*"))


@pytest.mark.parametrize("offline", [False, True])
def test_set_up_then_time(
    board: Board,
    wheels: Path,
    exported: Path,
    tmp_path: Path,
    offline: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))  # The pip of this machine finds it too.
    if not offline:
        find_links(board, wheels)
    run("devices", "add", "pi", "--host", "board")
    done = run("devices", "setup", "pi", "--runtime", OTHER, *(["--offline"] if offline else []), "--json")
    assert done.exit_code == 0, done.output
    made = json.loads(done.stdout)
    assert (made["runtime"], made["offline"]) == (OTHER, offline)
    assert ("Bringing" in done.stderr) == offline
    assert f"Left out: {OTHER} 99.0 needs glibc 2.99, and pi has 2." in done.stderr
    link, folder = environments(board)
    assert link == f"env-{OTHER}" and folder.startswith(f"env-{OTHER}.")
    timed = run(
        "bench", exported / "theirs.int8.tflite", "--device", "pi", "--runtime", OTHER, "--rounds", 1,
        "--seconds", 0.1, "-o", tmp_path / "it.json",
    )  # fmt: skip
    assert timed.exit_code == 0, timed.output
    measured = Measurement.read(tmp_path / "it.json")
    assert measured.device.kind == "ssh"
    assert measured.runs[0].runtime_version == made["version"]


def find_links(board: Board, folder: Path) -> None:
    pip = board.home / ".config/pip/pip.conf"
    pip.parent.mkdir(parents=True, exist_ok=True)
    pip.write_text(f"[global]\nfind-links = {folder}\n")


def test_what_does_not_run_is_not_installed_again(board: Board, wheels: Path, tmp_path: Path) -> None:
    """It is found by one inference there, remembered there, and left out from then on."""
    for file in wheels.iterdir():
        (tmp_path / file.name).symlink_to(file)
    fake_wheel(tmp_path, "98.0", {"__init__.py": b"import os; os.kill(os.getpid(), 4)\n"})
    find_links(board, tmp_path)
    run("devices", "add", "pi", "--host", "board")
    failed = run("devices", "setup", "pi", "--runtime", OTHER)
    assert failed.exit_code == 3, failed.output
    assert f"{OTHER} 98.0 does not run there" in failed.stderr and "SIGILL" in failed.stderr
    assert "instructions that the processor of pi does not have" in failed.stderr
    assert "takes an older one now" in failed.stderr and "looks for a version" not in failed.stderr
    pinned = run("devices", "setup", "pi", "--runtime", OTHER, "--version", "98.0")
    assert pinned.exit_code == 3 and "without --version, mobilecnn devices setup pi" in pinned.stderr
    board.expect_nothing_left()
    assert environments(board) == ["did-not-run"]
    wanted = run("devices", "setup", "pi", "--runtime", OTHER, "--version", "99.0")
    assert wanted.exit_code == 3, wanted.output
    assert (
        f"{OTHER} 99.0 needs glibc 2.99, and pi has 2." in wanted.stderr
        and "leave --version out" in wanted.stderr
    )
    again = run("devices", "setup", "pi", "--runtime", OTHER, "--json")
    assert again.exit_code == 0, again.output
    assert json.loads(again.stdout)["version"] not in ("98.0", "99.0")


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("echo 'WARNING: SSLError(certificate is not yet valid)' >&2; echo ERROR: No matching distribution found for x >&2",
         "the clock of pi is slow"),
        ("echo 'error: externally-managed-environment' >&2", "keeps pip out of its Python"),
        ("echo 'OSError: [Errno 28] No space left on device' >&2; echo ERROR: failed >&2", "there is no room on pi"),
        ("echo 'The virtual environment was not created: ensurepip is not available' >&2", "apt-get install python3-venv"),
    ],
)  # fmt: skip
def test_a_set_up_that_fails_says_why(board: Board, program: str, words: str) -> None:
    """Whatever the last line of pip is."""
    python = board.home / "python"
    python.write_text(f'#!/bin/sh\ncase "$1" in -m) {program}; exit 1;; esac\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    run("devices", "add", "pi", "--host", "board", "--python", "~/python")
    failed = run("devices", "setup", "pi", "--runtime", OTHER)
    assert failed.exit_code == 3, failed.output
    (line,) = (line for line in failed.stderr.splitlines() if line.startswith("Error: "))
    assert words in line, line
    assert environments(board) == []


def test_a_set_up_that_fails_keeps_what_was_there(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    old = board.home / ".local/share/mobilecnn" / f"env-{OTHER}.old"
    old.mkdir(parents=True)
    old.with_name(f"env-{OTHER}").symlink_to(old.name)
    run("devices", "add", "pi", "--host", "board")
    monkeypatch.setitem(runtime_wheels.REQUIREMENTS, OTHER, ("no-such-package-of-mobilecnn",))
    failed = run("devices", "setup", "pi", "--runtime", OTHER)
    assert failed.exit_code == 3, failed.output
    assert "no-such-package-of-mobilecnn" in failed.stderr and "use --offline" in failed.stderr
    board.expect_nothing_left()
    assert environments(board) == [f"env-{OTHER}", f"env-{OTHER}.old"]


def test_the_wheels_of_a_raspberry_pi_can_be_named() -> None:
    command = runtime_wheels.download("litert", "aarch64", 31, (3, 9), Path("there"))
    assert "manylinux_2_31_aarch64" in command and "manylinux2014_aarch64" in command
    assert "manylinux_2_32_aarch64" not in command
    assert command[-1] == "ai-edge-litert"


@pytest.mark.sweep
@pytest.mark.parametrize(
    ("runtime", "glibc", "python"),
    [
        ("litert", 31, (3, 9)),  # Raspberry Pi OS 11
        ("litert", 36, (3, 11)),  # 12
        ("litert", 41, (3, 13)),  # 13
        ("tflite-runtime", 31, (3, 9)),
        ("tflite-runtime", 36, (3, 11)),
    ],
)
def test_there_are_wheels_for_a_raspberry_pi(
    tmp_path: Path, runtime: str, glibc: int, python: tuple[int, int]
) -> None:
    subprocess.run(runtime_wheels.download(runtime, "aarch64", glibc, python, tmp_path), check=True)
    names = [path.name for path in tmp_path.iterdir()]
    package = runtime_wheels.REQUIREMENTS[runtime][0].replace("-", "_")
    assert any(name.startswith(package) and "aarch64" in name for name in names)
    assert not any("x86_64" in name for name in names)


@pytest.mark.parametrize("system", ["aarch64 ", "aarch64 musl", "", "aarch64 glibc 3.0"])
def test_a_c_library_without_wheels(system: str) -> None:
    with pytest.raises(EnvironmentProblem, match="no GNU C library"):
        runtime_wheels.platform_of(system, "pi")


def test_the_c_library_is_read() -> None:
    assert runtime_wheels.platform_of("aarch64 glibc 2.36\n", "pi") == ("aarch64", 36)
