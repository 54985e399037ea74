"""The Python of a board, and the board itself: what can be used, and what cannot."""

import subprocess
import sys
from pathlib import Path

import pytest
from sshd import Board, another, command_of, program

from mobilecnn.bench.devices.ssh import connection
from mobilecnn.bench.devices.ssh.device import SshDevice
from mobilecnn.errors import ChildCrashed, EnvironmentProblem

PYTHON = sys.executable


def test_a_python_that_hangs_is_ended(board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = program(tmp_path / "python", "exec sleep 600")
    with (
        SshDevice("pi", "board", hanging) as pi,
        pytest.raises(EnvironmentProblem, match=r"is no Python that works.*said nothing for 1 s"),
    ):
        pi.connection.folder  # noqa: B018 - connected: what the board needs for that shall not be held to 1 s.
        monkeypatch.setattr(connection, "ANSWER_SECONDS", 1.0)
        pi.python_facts(hanging)
    board.expect_nothing_left()


def test_a_worker_that_hangs_is_ended(board: Board, tmp_path: Path) -> None:
    hanging = program(tmp_path / "python", f'[ "$1" != -c ] || exec {PYTHON} "$@"; exec sleep 600')
    with SshDevice("pi", "board", hanging) as pi:
        with pytest.raises(ChildCrashed, match=r"that hangs said nothing for 5 s"):
            pi.time({"task": "state"}, "that hangs", 5)
        assert [process for process in board.sessions() if "sleep 600" in command_of(process)]
    board.expect_nothing_left()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("echo 3.8.10 64", "is Python 3.8.10, and the bench worker needs 3.9 or newer; name another"),
        ("echo 2.7.18 64", "is Python 2.7.18"),
        ("echo 3.11.2 32", "is a 32-bit Python.*64-bit Raspberry Pi OS"),
        ("echo hello", "is no Python: it answered 'hello'"),
        ("exit 0", "is no Python that works"),
        ("echo broken >&2; exit 3", "is no Python that works.*ended with code 3.*broken"),
    ],
)
def test_a_python_that_will_not_do(board: Board, tmp_path: Path, text: str, words: str) -> None:
    python = program(tmp_path / "python", text)
    with SshDevice("pi", "board", python) as pi, pytest.raises(EnvironmentProblem, match=words):
        pi.probe()


def test_a_python_that_is_not_executable(board: Board, tmp_path: Path) -> None:
    python = Path(program(tmp_path / "python3", f'exec {PYTHON} "$@"'))
    python.chmod(0o644)
    with (
        SshDevice("pi", "board", str(python)) as pi,
        pytest.raises(
            EnvironmentProblem, match=f"{python} on pi may not be run by its user .*chmod .x {python}"
        ),
    ):
        pi.probe()
    python.chmod(0o755)  # As is advised.
    with SshDevice("pi", "board", str(python)) as pi:
        assert pi.probe().kind == "ssh"


def test_a_library_that_is_loaded_first(board: Board) -> None:
    """As is advised where the loader has no static thread-local storage left."""
    loaded = {line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if ".so" in line}
    library = next(path for path in sorted(loaded) if "/libm." in path or "/libz." in path)
    program(board.home / "python", f'exec env LD_PRELOAD={library} {PYTHON} "$@"')
    with SshDevice("pi", "board", "~/python") as pi:
        assert pi.probe().kind == "ssh"


def test_no_python(board: Board) -> None:
    with (
        SshDevice("pi", "board", "~/nowhere/python") as pi,
        pytest.raises(EnvironmentProblem, match="there is no ~/nowhere/python on pi; install Python there"),
    ):
        pi.probe()


@pytest.fixture(scope="module")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A Python without any package."""
    folder = tmp_path_factory.mktemp("bare")
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", str(folder)], check=True)
    return str(folder / "bin" / "python")


def test_neither_numpy_nor_runtime(board: Board, bare_python: str, tmp_path: Path) -> None:
    fix = "or run here: mobilecnn devices setup pi --runtime litert"
    with (
        SshDevice("pi", "board", bare_python, "litert") as pi,
        pytest.raises(EnvironmentProblem, match=f"on pi: numpy cannot be imported by.*{fix}"),
    ):
        pi.probe()
    # numpy is there, the runtime is not.
    (site,) = Path(bare_python).parent.parent.glob("lib/python3*/site-packages")
    import numpy

    for name in ("numpy", "numpy.libs"):
        (site / name).symlink_to(Path(numpy.__file__).parent.parent / name)
    with (
        SshDevice("pi", "board", bare_python, "litert") as pi,
        pytest.raises(EnvironmentProblem, match=f"on pi: ai-edge-litert cannot be imported by.*{fix}"),
    ):
        pi.probe()


@pytest.mark.parametrize(
    ("system", "words"),
    [
        ("Linux armv7l", "pi runs Linux armv7l: the runtimes need a 64-bit system.*64-bit Raspberry Pi OS"),
        ("Linux armv6l", "install the 64-bit Raspberry Pi OS"),
        ("Linux riscv64", "a board with 64-bit Linux is needed"),
        ("Darwin arm64", "a board with 64-bit Linux"),
    ],
)
def test_a_machine_that_cannot_be_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, system: str, words: str
) -> None:
    program(tmp_path / "uname", f"echo {system}")
    with (
        another(monkeypatch, f"PATH={tmp_path}:$PATH"),
        SshDevice("pi", "board", PYTHON) as pi,
        pytest.raises(EnvironmentProblem, match=words),
    ):
        pi.probe()
