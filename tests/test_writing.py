"""Outputs of several files and several writers: a pair is never mixed, and nobody writes what another is writing."""

import errno
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mobilecnn import files, locks
from mobilecnn.errors import OutputError
from mobilecnn.records import check_free, recording

PAIRS = 2
"""Pairs of files that are written together below."""

# Each step that changes the folder is told to an audit hook, which ends the process there or lets the step fail.
AT_A_STEP = """
import json, os, signal, sys
from pathlib import Path
from mobilecnn import files
how, folder = sys.argv[1], Path(sys.argv[2])
names = [(folder / f"{index}.json", folder / f"{index}.tflite") for index in range(int(sys.argv[3]))]
def steps_until(last):
    def strike(event, arguments):
        nonlocal last
        if event in ("os.rename", "os.remove", "open") and str(arguments[0]).startswith(str(folder)):
            if last == 0 and (how == "kill" or event == "os.rename"):
                last = -1
                if how == "kill":
                    os.kill(os.getpid(), signal.SIGKILL)
                raise {"fail": OSError(28, "No space left on device"), "stop": KeyboardInterrupt()}[how]
            last -= last > 0
    sys.addaudithook(strike)
    files.write_together([{path: b"new" for path in pair} for pair in names])
for step in range(1000):
    for pair in names:
        for path in pair:
            path.write_bytes(b"old")
    if (child := os.fork()) == 0:
        sys.stderr.close()
        try:
            steps_until(step)
        except BaseException:
            os._exit(7)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    states = [[path.read_text() if path.exists() else None for path in pair] for pair in names]
    others = [path.name for path in folder.iterdir() if not any(path in pair for pair in names)]
    print(json.dumps([code, states, others]), flush=True)
    files.write_together([{path: b"next" for path in pair} for pair in names])
    assert len(list(folder.iterdir())) == 2 * len(names), "what was killed is not swept"
    if code == 0:
        break
"""

WHOLE = (["old", "old"], ["old", None], [None, None], ["new", None], ["new", "new"])


def at_each_step(how: str, folder: Path) -> list[tuple[int, list[list[str | None]], list[str]]]:
    """Exit code, contents and further files, for an end of the writing at each of its steps."""
    command = [sys.executable, "-c", AT_A_STEP, how, str(folder), str(PAIRS)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [tuple(json.loads(line)) for line in said.splitlines()]


def test_a_kill_at_any_step_leaves_no_new_file_beside_an_old_one(tmp_path: Path) -> None:
    ends = at_each_step("kill", tmp_path)
    assert len(ends) > 10 and ends[-1][0] == 0
    for code, states, _ in ends[:-1]:
        assert code == -signal.SIGKILL
        assert all(state in WHOLE for state in states), states
    assert ends[-1][1:] == ([["new", "new"]] * PAIRS, [])


WRITE = """
import os, signal, sys
from pathlib import Path
import numpy as np
from mobilecnn import files
from mobilecnn.train import checkpoint
from mobilecnn.train.plan import Epoch, TrainingPlan
how, path = sys.argv[1], Path(sys.argv[2])
def end():
    if how.endswith("hold"):
        print("held", flush=True)
        sys.stdin.read()
    if how.endswith("kill"):
        os.kill(os.getpid(), signal.SIGKILL)
if how.startswith("checkpoint"):
    real = checkpoint.write_json
    checkpoint.write_json = lambda *arguments: (end(), real(*arguments))
    epoch = Epoch(1, 0.1, 1.0, 0.5, 1.0, 0.5, 1.0)
    checkpoint.save(path, TrainingPlan("lenet5", "digits", 8), 1, ("a",), (epoch,), [np.zeros(3)])
else:
    with files.together([[path], [path.with_suffix(".txt")]]) as names:
        names[0][0].write_bytes(b"whole")
        end()
"""


def write(how: str, path: Path, **options: Any) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-c", WRITE, how, str(path)], text=True, **options)


@pytest.mark.parametrize("name", ["it.json", "a" * 245 + ".keras", ".json", "[a].b.json", "checkpoint.keras"])
def test_what_a_killed_writer_left_goes_and_what_a_living_one_has_stays(tmp_path: Path, name: str) -> None:
    kind = "checkpoint" if name.startswith("checkpoint") else "files"
    others = [
        ".it.0123abcd.txt.json",
        ".it.json",
        ".other.0123abcd.json",
        "it.0123abcd.json",
        ".it.0123ABCD.json",
    ]
    for other in others:
        (tmp_path / other).write_text("mine")
    path = tmp_path / name
    assert write(f"{kind} kill", path).wait() == -signal.SIGKILL
    dead = {entry.name for entry in tmp_path.iterdir()} - {*others, name}
    assert dead
    with write(f"{kind} hold", path, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as living:
        assert living.stdout is not None and living.stdout.readline() == "held\n"
        held = {entry.name for entry in tmp_path.iterdir()} - {*others, name}
        assert held and not held & dead  # Its own, and no longer what the dead one left.
        assert write(kind, path).wait() == 0
        assert held <= {entry.name for entry in tmp_path.iterdir()}
        if kind == "checkpoint":
            living.kill()
    assert kind == "checkpoint" or living.returncode == 0
    shutil.rmtree(path.with_suffix(".checkpoint"), ignore_errors=True)
    assert write(kind, path).wait() == 0
    left = {entry.name for entry in tmp_path.iterdir()} - set(others)
    assert left == (
        {"checkpoint.checkpoint"} if kind == "checkpoint" else {name, path.with_suffix(".txt").name}
    )


def test_a_file_system_without_locks_is_written_and_not_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", none)
    (tmp_path / ".it.0123abcd.json").write_text("of somebody")
    files.write_text(tmp_path / "it.json", "x")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".it.0123abcd.json", "it.json"]


@pytest.mark.parametrize("how", ["fail", "stop"])
def test_a_failure_at_any_renaming_leaves_all_as_it_was(how: str, tmp_path: Path) -> None:
    ends = at_each_step(how, tmp_path)
    assert len(ends) > 5
    for code, states, others in ends[:-1]:
        assert (code, states, others) in (
            (7, [["old", "old"]] * PAIRS, []),
            (0, [["new", "new"]] * PAIRS, []),
        )
    assert ends[-1] == (0, [["new", "new"]] * PAIRS, [])


FULL = """
import resource, sys
from pathlib import Path
from mobilecnn import errors, files
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
folder = Path(sys.argv[1])
try:
    files.write_together([{folder / "a.json": b"new", folder / "a.tflite": bytes(5000)}])
except errors.EnvironmentProblem as error:
    print(error)
"""


def test_a_full_disk_leaves_all_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"old")
    said = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert (
        "a.tflite: a limit on the size of files, as of ulimit -f, is reached (File too large); make room there"
        in said.stdout
    )
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"] and (
        tmp_path / "a.json"
    ).read_bytes() == b"old"


@pytest.mark.parametrize(
    "name", ["a" * 250 + ".json", "é" * 120 + ".tflite", ".json", "-o.json", "a\nb.json"]
)
def test_a_name_that_the_system_allows_can_be_written(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    files.check_file(path)
    with locks.locked(path):
        files.write_together([{path: b"1", tmp_path / "other": b"2"}])
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted([name, "other"])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a" * 300 + ".json", "File name too long"),
        ("folder", "is a folder"),
        ("file/a.json", "is a file, and a folder"),
    ],
)
def test_a_name_that_cannot_be_written_is_refused_beforehand(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match=words):
        files.check_file(tmp_path / name)


HOLD = """
import sys
from pathlib import Path
from mobilecnn.locks import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holder(path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that writes ``path``."""
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        yield process
        process.kill()


@pytest.mark.parametrize("name", ["it.json", "a" * 250 + ".json", "folder"])
def test_who_writes_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with (
        holder(path) as process,
        pytest.raises(OutputError, match=rf"another mobilecnn \(process {process.pid} on "),
        locks.locked(tmp_path / "free", path),
    ):
        pass
    assert not locks.lock_of(tmp_path / "free").exists()


def test_a_killed_writer_blocks_nobody(tmp_path: Path) -> None:
    path = tmp_path / "it.json"
    with holder(path) as process:
        process.kill()
        process.wait()
        assert locks.lock_of(path).exists()
        with locks.locked(path):
            pass
    assert list(tmp_path.iterdir()) == []


COUNT = """
import sys
from pathlib import Path
from mobilecnn.locks import locked
path = Path(sys.argv[1])
for _ in range(30):
    with locked(path, patience=60):
        path.write_text(str(int(path.read_text()) + 1))
"""


def test_writers_that_wait_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "count"
    path.write_text("0")
    processes = [subprocess.Popen([sys.executable, "-c", COUNT, str(path)]) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert path.read_text() == "90"
    assert [entry.name for entry in tmp_path.iterdir()] == ["count"]


@pytest.mark.parametrize("what", ["folder", "link", "device"])
def test_what_lies_where_the_lock_goes_is_one_clear_error(tmp_path: Path, what: str) -> None:
    lock = locks.lock_of(tmp_path / "it")
    (tmp_path / "precious").write_text("precious")
    if what == "folder":
        lock.mkdir()
    elif what == "link":
        lock.symlink_to("precious")
    else:
        lock = Path("/dev/null/it")
    with pytest.raises(OutputError, match="cannot lock"), locks.locked(lock.with_name("it")):
        pass
    assert (tmp_path / "precious").read_text() == "precious"


def test_a_record_is_made_by_one_process(tmp_path: Path) -> None:
    path = tmp_path / "it.json"
    with holder(path), pytest.raises(OutputError, match="another mobilecnn"), recording(path):
        pass
    check_free(path)
    assert json.dumps(sorted(entry.name for entry in tmp_path.iterdir())) in (
        "[]",
        f'["{locks.lock_of(path).name}"]',
    )


@pytest.mark.parametrize("kind", ["pipe", "link to a pipe", "socket"])
def test_what_is_no_regular_file_is_never_replaced(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("it.json")
    if kind == "socket":
        with socket.socket(socket.AF_UNIX) as opened:
            opened.bind(str(path))
    else:
        os.mkfifo("pipe")
        path.symlink_to("pipe") if kind.startswith("link") else Path("pipe").rename(path)
    before = path.lstat()
    words = "is a device, a pipe or a socket, and writing would replace it"
    with pytest.raises(OutputError, match=words):
        files.check_file(path)
    with pytest.raises(OutputError, match=words):
        files.write_text(path, "x")
    assert os.path.samestat(path.lstat(), before) and {entry.name for entry in Path().iterdir()} <= {
        "it.json",
        "pipe",
    }


def test_what_a_link_stands_for_is_written(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "it.json"
    link.symlink_to("there/real.json")
    for text in ("first", "second"):
        files.write_text(link, text)
        assert link.is_symlink() and (tmp_path / "there/real.json").read_text() == text
    assert [entry.name for entry in (tmp_path / "there").iterdir()] == ["real.json"]


def test_a_lock_is_no_reason_to_take_a_users_file(tmp_path: Path) -> None:
    mine = tmp_path / ".it.json.lock"
    mine.write_text("mine")
    with (
        pytest.raises(OutputError, match=r"\.it\.json\.lock is not mobilecnn's"),
        locks.locked(tmp_path / "it.json"),
    ):
        pass
    assert mine.read_text() == "mine"
