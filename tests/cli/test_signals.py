"""Ctrl-C, SIGTERM and SIGHUP, sent to real processes: the exit code, and that nothing is left behind."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from sshd import Board

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]

# The signal comes in the middle of the import of a module, wherever the user is in the start-up.
AT_AN_IMPORT = """
import os, sys
name, number = sys.argv[1], int(sys.argv[2])
def strike(event, arguments):
    global name
    if event == "import" and arguments[0] == name:
        name = ""
        os.kill(os.getpid(), number)
sys.addaudithook(strike)
sys.argv[1:] = sys.argv[3:]
from mobilecnn.__main__ import main
main()
"""


@pytest.mark.parametrize(
    ("module", "command"),
    [
        ("mobilecnn.cli", ["--help"]),
        ("click", ["--help"]),
        ("mobilecnn.cli.output", ["models"]),
        ("mobilecnn.bench.records.protocol", ["models"]),
        ("numpy", ["inspect", "{model}"]),
        ("numpy.exceptions", ["inspect", "{model}"]),
        ("flatbuffers", ["inspect", "{model}"]),
        ("mobilecnn.convert.inspection", ["inspect", "{model}", "--json"]),
        ("PIL", ["predict", "{model}", "{model}"]),
    ],
)
@pytest.mark.parametrize("how", SIGNALS)
def test_a_signal_during_an_import_ends_quietly(
    small: Path, module: str, command: Sequence[str], how: signal.Signals
) -> None:
    words = [word.format(model=small) for word in command]
    started = [
        "env",
        "--default-signal=INT",
        sys.executable,
        "-c",
        AT_AN_IMPORT,
        module,
        str(how.value),
        *words,
    ]
    ended = subprocess.run(started, capture_output=True, text=True, check=False, timeout=100)
    assert "Traceback" not in ended.stderr and ended.stdout == ""
    # SIGTERM and SIGHUP end a program that has not begun as they always do.
    assert ended.returncode in (128 + how, -how), ended.stderr
    if how == signal.SIGINT:
        assert ended.returncode == 130


HANDLED = """
import os, sys, time
from mobilecnn import interruption
from mobilecnn.cli.terminal import guard
guard()
interruption.listen()
number = int(sys.argv[1])
class Cleared:
    def __del__(self):
        os.kill(os.getpid(), number)
        time.sleep(0.01)
try:
    {strike}
    time.sleep(60)
except KeyboardInterrupt as interrupt:
    os.kill(os.getpid(), number)  # The impatient: it does not cut the cleaning short.
    time.sleep(0.1)
    print("cleaned up", interruption.exit_code(type(interrupt)))
"""


@pytest.mark.parametrize("how", SIGNALS)
@pytest.mark.parametrize(
    "strike", ["os.kill(os.getpid(), number)", "Cleared()"], ids=["plain", "where nothing catches"]
)
def test_a_signal_is_neither_lost_nor_taken_twice(how: signal.Signals, strike: str) -> None:
    command = [
        "env",
        "--default-signal=INT",
        sys.executable,
        "-c",
        HANDLED.format(strike=strike),
        str(how.value),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)
    assert (done.stdout, done.stderr) == (f"cleaned up {128 + how}\n", "")


TO_ANOTHER_THREAD = """
import os, subprocess, sys, threading, time
from mobilecnn import interruption
interruption.listen()
number = int(sys.argv[1])
ending = threading.Event()
others = threading.Thread(target=ending.wait, daemon=True)
others.start()
threading.Timer(0.5, lambda: os.kill(others.native_id, number)).start()
try:
    {wait}
except KeyboardInterrupt as interrupt:
    print("cleaned up", interruption.exit_code(type(interrupt)))
"""


@pytest.mark.parametrize("how", SIGNALS)
@pytest.mark.parametrize("wait", ["others.join()", "subprocess.run(['sleep', '60'])", "time.sleep(60)"])
def test_a_signal_that_reaches_another_thread_ends_the_wait_of_the_main_one(
    how: signal.Signals, wait: str
) -> None:
    command = ["env", "--default-signal=INT", sys.executable, "-c"]
    command += [TO_ANOTHER_THREAD.format(wait=wait), str(how.value)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    assert (done.stdout, done.stderr) == (f"cleaned up {128 + how}\n", "")


TOLD_LATE = """
import os, sys
from mobilecnn import interruption
from mobilecnn.process import Child
interruption.listen()
how = f"kill -{sys.argv[1]}"
try:
    with Child(["sh", "-c", f"(sleep 0.1; {how} {os.getpid()}) </dev/null >/dev/null 2>&1 & {how} $$"], "that ends") as child:
        child.receive()
except KeyboardInterrupt as interrupt:
    print("interrupted", interruption.exit_code(type(interrupt)))
"""


@pytest.mark.parametrize("how", SIGNALS)
def test_a_child_that_is_told_first_did_not_crash(how: signal.Signals) -> None:
    """A terminal tells all of a group, and on a busy machine a child may have ended before its parent is told."""
    command = ["env", "--default-signal=INT", sys.executable, "-c", TOLD_LATE, str(how.value)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)
    assert (done.stdout, done.stderr) == (f"interrupted {128 + how}\n", "")


@contextlib.contextmanager
def started(arguments: Sequence[object], folder: Path, **variables: str) -> Iterator["subprocess.Popen[str]"]:
    """A command in a session of its own, with temporary files in ``folder``/tmp."""
    (folder / "tmp").mkdir()
    # As a terminal starts it: a parent in the background would hand down an ignored SIGINT.
    command = ["env", "--default-signal=INT", sys.executable, "-m", "mobilecnn", *map(str, arguments)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, cwd=folder,
        env={**os.environ, "TMPDIR": str(folder / "tmp"), **variables},
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def descendants(session: int) -> list[int]:
    """The processes of a session that still run."""
    there = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = status.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                there.append(int(status.parent.name))
    return there


def wait_for(process: "subprocess.Popen[str]", words: str) -> str:
    """Read what the command says until a line has ``words``."""
    assert process.stderr is not None
    said = ""
    for line in process.stderr:
        said += line
        if words in line:
            return said
    raise AssertionError(said)


def expect_clean_end(process: "subprocess.Popen[str]", folder: Path, how: signal.Signals, said: str) -> None:
    out, rest = process.communicate(timeout=100)
    assert process.returncode == 128 + how, said + rest
    assert "Traceback" not in rest and out == ""
    assert ("Interrupted" in rest) and (how == signal.SIGINT or how.name in rest)
    end = time.monotonic() + 60
    while descendants(process.pid) and time.monotonic() < end:
        time.sleep(0.05)
    assert descendants(process.pid) == []
    assert list((folder / "tmp").iterdir()) == []


@pytest.mark.parametrize(
    ("how", "when"),
    [
        (signal.SIGINT, "loading the model"),
        (signal.SIGTERM, "running the Keras model"),
        (signal.SIGHUP, "making int8"),
    ],
)
def test_an_export_leaves_nothing(
    third_party: Path, photos: Path, tmp_path: Path, how: signal.Signals, when: str
) -> None:
    arguments = ["export", third_party / "theirs.keras", "--all", "--calibration", photos, "-o", "out"]
    with started(arguments, tmp_path) as process:
        said = wait_for(process, when)
        os.kill(process.pid, how)
        expect_clean_end(process, tmp_path, how, said)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGHUP])
def test_a_training_keeps_its_checkpoint(photos: Path, tmp_path: Path, how: signal.Signals) -> None:
    arguments = [
        "train",
        "squeezenet_v1.1",
        "--data",
        photos,
        "-o",
        "it.keras",
        "--size",
        "32",
        "--epochs",
        "500",
    ]
    with started(arguments, tmp_path) as process:
        said = wait_for(process, "epoch 2/500: ")
        os.kill(process.pid, how)
        os.kill(process.pid, how)  # A terminal that closes is told twice: by the kernel, and by the shell.
        expect_clean_end(process, tmp_path, how, said)
    assert {path.name for path in tmp_path.iterdir()} == {"it.checkpoint", "tmp"}
    state = json.loads((tmp_path / "it.checkpoint" / "state.json").read_text())
    assert len(state["history"]) >= 2


@pytest.mark.parametrize(
    ("how", "everybody"), [(signal.SIGTERM, False), (signal.SIGTERM, True), (signal.SIGHUP, True)]
)
def test_a_long_run_keeps_what_is_complete(
    exported: Path, tmp_path: Path, how: signal.Signals, everybody: bool
) -> None:
    """Everybody: as a terminal or a service manager, which tells the children too."""
    model = exported / "theirs.int8.tflite"
    with started(["sustained", model, "--minutes", "1", "-o", "it.json"], tmp_path) as process:
        said = wait_for(process, " ms")
        (os.killpg if everybody else os.kill)(process.pid, how)
        expect_clean_end(process, tmp_path, how, said)
    assert {path.name for path in tmp_path.iterdir()} == {"it.partial.json", "it.partial.png", "tmp"}


@pytest.mark.parametrize("how", SIGNALS)
def test_setting_up_a_board_leaves_nothing_there(board: Board, tmp_path: Path, how: signal.Signals) -> None:
    with started(["devices", "setup", "board"], tmp_path) as process:
        said = wait_for(process, "Making an environment")
        time.sleep(0.5)
        os.kill(process.pid, how)
        expect_clean_end(process, tmp_path, how, said)
    board.expect_nothing_left()
    assert list(board.home.glob(".local/share/mobilecnn/env-*")) == []


def test_what_was_ignored_stays_ignored(exported: Path, tmp_path: Path) -> None:
    """nohup: the terminal may go."""
    model = exported / "theirs.int8.tflite"
    (tmp_path / "tmp").mkdir()
    command = [
        "env",
        "--ignore-signal=HUP",
        sys.executable,
        "-m",
        "mobilecnn",
        "bench",
        str(model),
        "--rounds",
        "1",
    ]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=tmp_path
    ) as process:
        wait_for(process, "Timing")
        process.send_signal(signal.SIGHUP)
        assert process.wait(100) == 0
