"""``-o`` on a disk that is really full: one line that names the output and the disk, code 3, and all is as before."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from mobilecnn.errors import EnvironmentProblem
from mobilecnn.train import checkpoint
from mobilecnn.train.plan import Epoch, TrainingPlan

PAGE = 4096
"""Bytes in which a tmpfs counts."""

DISK = 1 << 20
"""Bytes of the disk."""

SHORT = ("--rounds", "1", "--runs", "50", "--seconds", "0.1", "--warmup-seconds", "0.1")

RECORD = Path(__file__).parent.parent / "samples" / "measurement-4.json"

APP = Path(__file__).parents[2] / "android_demo"

COMMANDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "export": ("theirs.float32.tflite", ("export", "{models}/theirs.keras", "--float32", "-o", "{disk}")),
    "train": ("it.", ("train", "lenet5", "--data", "{data}", "--epochs", "1", "-o", "{disk}/it.keras")),
    "evaluate": ("it.json", ("evaluate", "{file}", "--data", "{data}", "-o", "{disk}/it.json", "--json")),
    "bench": ("it.", ("bench", "{file}", *SHORT, "-o", "{disk}/it.json")),
    "bench, two files": ("it.", ("bench", "{file}", "{file}", *SHORT, "--runs", "9999", "-o", "{disk}/it.json")),
    "compare": ("it.", ("compare", "{file}", "{file}", *SHORT, "-o", "{disk}/it.json")),
    "sustained": ("it.", ("sustained", "{file}", "--minutes", "0.02", "-o", "{disk}/it.json")),
    "single-stream": ("it.", ("single-stream", "{file}", "--min-seconds", "0.2", "-o", "{disk}/it.json")),
    "tune": ("it.", ("tune", "--fresh", "--dtype", "int8", "--rounds", "1", "--seconds", "0.001", "-o", "{disk}/it.json")),
    "report": ("it.html", ("report", str(RECORD), "-o", "{disk}/it.html")),
    "profile": (".json", ("profile", "{file}", "--rounds", "1", "-o", "{disk}")),
    "android": ("models", ("android", "--model", "{file}", "--app", "{disk}")),
    "devices": ("devices.toml", ("devices", "add", "pi", "--host", "h")),
}  # fmt: skip
"""What writes -> part of the name that the message must have, and the command line."""


SLOW = ("export", "train")
"""Commands that are tried once."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB."""
    where = tmp_path / "disk"
    where.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(where)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("NOT TRIED: no file system can be mounted here, so no disk can be full (run it as root)")
    try:
        yield where
    finally:
        subprocess.run(["umount", "-l", str(where)], check=True)


def fill(disk: Path, room: int) -> None:
    """Leave so many pages of the disk."""
    with (disk / "filler").open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(PAGE))
        except OSError as error:
            assert error.errno == errno.ENOSPC
        filler.truncate(filler.tell() - room * PAGE)


def contents(disk: Path) -> dict[str, bytes]:
    return {str(path.relative_to(disk)): path.read_bytes() for path in disk.rglob("*") if path.is_file()}


def run(arguments: Sequence[str], disk: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "mobilecnn", *arguments], capture_output=True, text=True, check=False, cwd=disk.parent,
        env={**os.environ, "XDG_CONFIG_HOME": str(disk), "XDG_CACHE_HOME": str(disk.parent / "cache")},
    )  # fmt: skip


def test_a_disk_that_becomes_full_keeps_the_epoch_before(disk: Path) -> None:
    output, plan = disk / "it.keras", TrainingPlan("lenet5", "digits", 16)
    rows = [Epoch(number, 0.1, 1.0, 0.5, 1.0, 0.5, 1.0) for number in (1, 2)]
    values = np.arange(DISK // 7, dtype=np.float32)  # Of which the disk holds one, and no second beside it.
    checkpoint.save(output, plan, 1, ("a",), rows[:1], [values])
    before = contents(disk)
    with pytest.raises(EnvironmentProblem, match=rf"{checkpoint.folder(output)}.*the disk is full"):
        checkpoint.save(output, plan, 1, ("a",), rows, [values])
    assert contents(disk) == before and checkpoint.saved_epochs(output) == 1
    checkpoint.save(output, plan, 1, ("a",), rows, [values[: len(values) // 4]])  # With room it goes on.
    assert checkpoint.saved_epochs(output) == 2 and len(contents(disk)) == 2


# Without room there is none for the lock, with a page of it the lock takes that.
@pytest.mark.parametrize(
    ("command", "room"),
    [(command, room) for command in COMMANDS for room in (0, 1) if room or command not in SLOW],
)
def test_a_full_disk_is_named_and_nothing_is_left(
    command: str, room: int, disk: Path, photos: Path, third_party: Path, exported: Path
) -> None:
    name, typed = COMMANDS[command]
    places = {"disk": disk, "data": photos, "models": third_party, "file": exported / "theirs.float32.tflite"}
    arguments = [argument.format(**places) for argument in typed]
    for part in ("app/build.gradle.kts", "gradle/libs.versions.toml"):
        (disk / part).parent.mkdir()
        shutil.copy(APP / part, disk / part)
    if command == "export":  # An older pair stays as it is.
        assert run(arguments, disk).returncode == 0
    fill(disk, room)
    before = contents(disk)
    done = run(arguments, disk)
    assert done.returncode == 3, done.stderr
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert str(disk) in error and name in error, error
    assert "the disk is full (No space left on device); make room there, or choose another place" in error
    assert "Traceback" not in done.stderr and "Exception ignored" not in done.stderr
    assert contents(disk) == before
