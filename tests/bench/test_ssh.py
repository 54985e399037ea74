"""Timing over SSH through a real sshd, and everything that can go wrong on the way."""

import os
import re
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sshd import Board, another, children, command_of, program, soon, sshd

from mobilecnn.bench.devices import entries
from mobilecnn.bench.devices.ssh import connection, unfit
from mobilecnn.bench.devices.ssh.device import SshDevice
from mobilecnn.bench.devices.ssh.entry import SshEntry
from mobilecnn.cli import cli
from mobilecnn.errors import ChildCrashed, EnvironmentProblem, UsageError
from mobilecnn.files import sha256

PYTHON = sys.executable


LONG = {
    "task": "time", "runtime": "litert", "threads": 1, "seed": 0, "warmup_runs": 1, "warmup_seconds": 0.0,
    "runs": 1, "seconds": 100.0, "longest_seconds": 150.0, "most_runs": 100_000,
}  # fmt: skip


def bench(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["bench", *map(str, arguments)])


def worker(board: Board, seconds: float = 120) -> int:
    """The process number of the worker on the board, as soon as there is one."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for process in board.sessions():
            words = command_of(process).split()
            if len(words) == 2 and words[1].endswith("/worker.pyz"):
                return process
        time.sleep(0.02)
    raise AssertionError("no worker was started on the board")


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("unknown", "the host key of unknown is not known here.*ssh unknown.*compare the fingerprint"),
        ("changed", "host key of changed is not the one.*ssh-keygen -f .*changed.* -R .*fingerprint"),
        ("refused", "refused refuses your key.*ssh-copy-id"),
        ("closed", "no SSH server answers at closed.*Connection refused"),
        (
            "nobody.invalid",
            "(no device or host is named|resolves no names now, and so does not find) nobody.invalid.*mobilecnn devices add",
        ),
        ("jumped", "the jump host nowhere.invalid of jumped is unknown.*ProxyJump.*ssh -G jumped"),
        ("jumped-closed", "no SSH server answers at the jump host closed of jumped-closed"),
        (
            "jumped-unknown",
            "the host key of the jump host unknown of jumped-unknown is not known here.*ssh unknown",
        ),
    ],
)
def test_no_connection_is_one_line_that_says_what_to_do(
    board: Board, exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    failed = bench(exported / "theirs.int8.tflite", "--device", host, "-o", "it.json")
    assert failed.exit_code == 3, failed.output
    (line,) = (line for line in failed.stderr.splitlines() if line.startswith("Error: "))
    assert re.search(words, line), line
    assert "Traceback" not in failed.output
    assert list(tmp_path.iterdir()) == []


def test_a_machine_that_never_answers(board: Board, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program(
        tmp_path / "ssh", "echo 'ssh: connect to host 10.0.0.7 port 22: Connection timed out' >&2; exit 255"
    )
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    with SshDevice("pi", "pi") as pi, pytest.raises(EnvironmentProblem, match="pi does not answer"):
        pi.probe()


def test_without_a_client(board: Board, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with SshDevice("pi", "pi") as pi, pytest.raises(EnvironmentProblem, match="no ssh on this machine"):
        pi.probe()


def test_the_users_settings_for_other_purposes_do_not_disturb(board: Board) -> None:
    with SshDevice("pi", "busy", PYTHON) as pi:
        assert pi.probe().kind == "ssh"
    assert not (board.home.parent / "theirs").exists()
    assert not (board.home.parent / "forward").exists()


def test_what_is_made_is_private_and_removed(
    board: Board, exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = board.home.parent / "here"  # Short enough for a socket in it.
    here.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(here))
    with SshDevice("pi", "board", PYTHON) as pi:
        there = Path(pi.put(exported / "theirs.int8.tflite"))
        pi.probe()
        private = [Path(pi.connection.folder), *here.iterdir()]
        assert [stat.S_IMODE(path.stat().st_mode) for path in private] == [0o700, 0o700]
        assert [path.name for path in Path(pi.connection.folder).iterdir()] == ["worker.pyz"]
        assert stat.S_IMODE(there.stat().st_mode) == 0o600
        assert stat.S_IMODE(there.parent.stat().st_mode) == 0o700
    assert list(here.iterdir()) == []
    assert there.read_bytes() == (exported / "theirs.int8.tflite").read_bytes()


def test_a_board_that_allows_one_session(monkeypatch: pytest.MonkeyPatch) -> None:
    with another(monkeypatch, settings=["MaxSessions 1"]), SshDevice("pi", "board", PYTHON) as pi:
        with pytest.raises(
            EnvironmentProblem, match=r"too few sessions.*refused by peer.*set MaxSessions to 10"
        ):
            pi.probe()
        with pytest.raises(EnvironmentProblem, match=r"MaxSessions"):
            pi.state()


def test_a_long_temporary_folder(board: Board, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    with SshDevice("pi", "board", PYTHON) as pi:
        assert pi.probe().kind == "ssh"


def test_a_model_is_pushed_once_and_never_trusted_blindly(board: Board, tmp_path: Path) -> None:
    model = tmp_path / "a model's.tflite"
    model.write_bytes(os.urandom(100_000))
    with SshDevice("pi", "board", PYTHON) as pi:
        there = Path(pi.put(model))
        assert there.name == f"{sha256(model.read_bytes())}.tflite"
        first = there.stat()
        assert pi.put(model) == str(there)
        assert there.stat().st_ino == first.st_ino  # Not written again.
        for damaged in (model.read_bytes()[:5000], b"", os.urandom(100_000)):
            there.write_bytes(damaged)
            assert pi.put(model) == str(there)
            assert there.read_bytes() == model.read_bytes()


def test_a_file_that_changes_on_the_way_is_refused(board: Board, tmp_path: Path) -> None:
    model = tmp_path / "it.tflite"
    model.write_bytes(b"new")
    with SshDevice("pi", "board", PYTHON) as pi:
        target = f"{pi.connection.home}/.cache/mobilecnn/models/x.tflite"
        with pytest.raises(EnvironmentProblem, match="did not arrive whole"):
            pi.connection.store(model, target, sha256(b"old"))
        assert not Path(target).exists()


def test_a_connection_cut_while_a_file_is_on_its_way(board: Board, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "slow")
    target = board.home / ".cache/mobilecnn/models/slow.tflite"

    def half() -> None:
        with (tmp_path / "slow").open("wb", buffering=0) as pipe:
            pipe.write(b"x" * 60_000)
            while not list(target.parent.glob(".push.*")):
                time.sleep(0.02)
            board.cut()
            time.sleep(1)

    with (
        SshDevice("pi", "board", PYTHON) as pi,
        soon(half),
        pytest.raises(EnvironmentProblem, match=r"the connection to pi broke.*that brings"),
    ):
        pi.connection.store(tmp_path / "slow", str(target), sha256(b"x" * 120_000))
    board.expect_nothing_left()
    assert not target.exists()


def test_a_connection_cut_while_it_times(board: Board, exported: Path) -> None:
    def cut() -> None:
        worker(board)
        time.sleep(0.5)
        board.cut()

    with SshDevice("pi", "board", PYTHON) as pi:
        there = pi.put(exported / "theirs.float32.tflite")
        with (
            soon(cut),
            pytest.raises(
                EnvironmentProblem, match=r"the connection to pi broke.*that times it.*power supply"
            ),
        ):
            pi.time({**LONG, "model": there}, "that times it", 60)
        board.expect_nothing_left()
        with pytest.raises(EnvironmentProblem, match="the connection to pi broke"):
            pi.state()


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSEGV, signal.SIGILL])
def test_a_killed_worker_is_told_from_a_broken_connection(
    board: Board, exported: Path, how: signal.Signals
) -> None:
    def strike() -> None:
        process = worker(board)
        time.sleep(0.5)
        os.kill(process, how)

    with SshDevice("pi", "board", PYTHON) as pi:
        there = pi.put(exported / "theirs.float32.tflite")
        with soon(strike), pytest.raises(ChildCrashed, match=f"that times it was ended by {how.name}"):
            pi.time({**LONG, "model": there}, "that times it", 60)
        assert "throttled" in pi.state()
        # Another kind of end says nothing of the version.
        noted = board.home / ".local/share/mobilecnn/did-not-run"
        assert noted.exists() == (how == signal.SIGILL)
        assert unfit.recalled(pi.connection, "litert") == [version("ai-edge-litert")] * noted.exists()
        noted.unlink(missing_ok=True)


def test_a_talkative_start_up_file_is_survived(monkeypatch: pytest.MonkeyPatch, exported: Path) -> None:
    talk = 'echo Welcome; echo \'{"error": "no"}\'; echo >&2 beware; printf "no end of line"'
    with another(monkeypatch, talk), SshDevice("pi", "board", PYTHON, "litert") as pi:
        assert pi.probe().kind == "ssh"
        there = pi.put(exported / "theirs.int8.tflite")
        assert pi.time({**LONG, "seconds": 0.0, "model": there}, "that times", 60)["samples_ns"]


@pytest.mark.parametrize(
    ("before", "words"),
    [
        ("yes", "talks without end"),
        ("tr '\\\\\\\\0' x </dev/zero", "talks without end"),
        (
            "echo This account is not available; exit 1",
            "pi has no shell for that user .*usermod -s /bin/bash",
        ),
        ("echo This service allows sftp connections only.; exit 1", "that user of pi may not run programs"),
        ("exec sh", r"puts another shell .*in its place.*\[ -t 0 \] && exec"),
        ("echo Welcome; exec bash -i", r"puts another shell .bash. in its place"),
        (
            "exec cat /dev/null",
            "does not do what it is told: it says nothing, and ends with code 0.*ForceCommand",
        ),
        ("echo Hello; exit 3", "it answers 'Hello', and ends with code 3.*command= in"),
        ("TMPDIR=/proc", "no private folder can be made in /proc: "),
        ("sleep 600", "said nothing for 3 s"),
    ],
)
def test_a_shell_that_does_something_else_is_refused(
    monkeypatch: pytest.MonkeyPatch, before: str, words: str
) -> None:
    if "said nothing" in words:  # All others say something, on a busy machine perhaps later.
        monkeypatch.setattr(connection, "GUARD_SECONDS", 3.0)
    with (
        tempfile.TemporaryDirectory(prefix="sshd-") as folder,
        sshd(Path(folder), before) as board,
    ):
        monkeypatch.setenv("PATH", board.environment()["PATH"])
        with SshDevice("pi", "board", PYTHON) as pi, pytest.raises(EnvironmentProblem, match=words):
            pi.probe()


def test_no_room_for_a_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "big.tflite").write_bytes(os.urandom(1_000_000))
    # 200 blocks, of 512 or 1024 bytes: the worker has room, and the model has none.
    with another(monkeypatch, "ulimit -f 200") as full, SshDevice("pi", "board", PYTHON) as pi:
        with pytest.raises(
            EnvironmentProblem, match=r"that brings .*big\.tflite to pi .*a limit keeps files .*ulimit -f"
        ):
            pi.put(tmp_path / "big.tflite")
        assert list((full.home / ".cache/mobilecnn/models").iterdir()) == []


def test_a_cache_that_cannot_be_made(monkeypatch: pytest.MonkeyPatch, exported: Path) -> None:
    with another(monkeypatch) as full, SshDevice("pi", "board", PYTHON) as pi:
        (full.home / ".cache").write_text("a file, where a folder should be")
        with pytest.raises(
            EnvironmentProblem, match=r"that brings .*a file is where a folder is needed .*mkdir: "
        ):
            pi.put(exported / "theirs.int8.tflite")


@pytest.mark.parametrize(
    ("how", "send"),
    [
        (signal.SIGINT, os.kill),
        (signal.SIGINT, os.killpg),
        (signal.SIGTERM, os.kill),
        (signal.SIGTERM, os.killpg),
        (signal.SIGHUP, os.killpg),
        (signal.SIGKILL, os.kill),
    ],
)
def test_an_interrupted_command_leaves_nothing_on_the_board(
    board: Board, exported: Path, tmp_path: Path, how: signal.Signals, send: Callable[[int, int], None]
) -> None:
    entries.write({"pi": SshEntry("board", PYTHON)})
    folder = tmp_path / "here"
    folder.mkdir()
    arguments = [
        str(exported / "theirs.float32.tflite"),
        "--seconds",
        "140",
        "--device",
        "pi",
        "-o",
        "it.json",
    ]
    # As a terminal starts it: a parent in the background would hand down an ignored SIGINT.
    command = ["env", "--default-signal=INT", PYTHON, "-m", "mobilecnn", "bench", *arguments]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            assert process.stderr is not None
            process.stderr.readline()  # Progress: probing is over.
            worker(board)
            time.sleep(0.5)
            send(process.pid, how)
            code = process.wait(timeout=120)
        finally:
            process.kill()
    assert code == (-how if how == signal.SIGKILL else 128 + how)
    board.expect_nothing_left()
    # Only what can be told nothing leaves its lock, which blocks nobody.
    left = [".it.json.lock"] if how == signal.SIGKILL else []
    assert [path.name for path in folder.iterdir()] == left


def test_no_client_is_left_here(board: Board) -> None:
    with SshDevice("pi", "board", PYTHON) as pi:
        pi.probe()
        assert (
            len([process for process in children(os.getpid()) if "ControlPath" in command_of(process)]) == 1
        )
    assert not [process for process in children(os.getpid()) if "ControlPath" in command_of(process)]


def test_an_option_is_never_a_host() -> None:
    with pytest.raises(UsageError, match="is no SSH host"):
        SshDevice("pi", "-oProxyCommand=id")
