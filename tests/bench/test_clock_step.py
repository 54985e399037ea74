"""The wall clock is set while a model is timed: nothing that is measured may notice.

A Raspberry Pi has no clock of its own, and sets it by the network some time after it was started.
"""

import mmap
import os
import shlex
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sshd import Board

from mobilecnn.bench.devices import entries
from mobilecnn.bench.devices.ssh.entry import SshEntry
from mobilecnn.bench.records.measurement import Measurement

SOURCE = Path(__file__).parent.parent / "clock.c"
YEAR = 365 * 86400


@pytest.fixture
def settable(tmp_path: Path) -> dict[str, str]:
    """The variables of a program whose wall clock the file ``$WALL_CLOCK`` sets."""
    library, offset = tmp_path / "clock.so", tmp_path / "offset"
    offset.write_bytes(struct.pack("=q", 0))
    subprocess.run(["cc", "-O1", "-fPIC", "-shared", SOURCE, "-o", library], check=True)
    return {"LD_PRELOAD": str(library), "WALL_CLOCK": str(offset)}


@contextmanager
def set_again_and_again(offset: Path) -> Iterator[None]:
    """The clock jumps by two years, forth and back, fifty times a second."""
    done = threading.Event()

    def jump() -> None:
        with offset.open("r+b") as file, mmap.mmap(file.fileno(), 8) as content:
            seconds = YEAR
            while not done.wait(0.02):
                seconds = -seconds
                content[:] = struct.pack("=q", seconds)

    thread = threading.Thread(target=jump)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def test_the_clock_is_set_on_both_sides_while_it_times(
    board: Board, exported: Path, settable: dict[str, str], tmp_path: Path
) -> None:
    python = tmp_path / "python"
    settings = " ".join(f"{name}={shlex.quote(value)}" for name, value in settable.items())
    python.write_text(f'#!/bin/sh\n{settings} exec {sys.executable} "$@"\n')
    python.chmod(0o755)
    entries.write({"pi": SshEntry("board", str(python))})
    command = [
        sys.executable, "-m", "mobilecnn", "bench", str(exported / "theirs.int8.tflite"), "--device", "pi",
        "--rounds", "2", "--seconds", "1", "-o", str(tmp_path / "it.json"),
    ]  # fmt: skip
    with set_again_and_again(Path(settable["WALL_CLOCK"])):
        ask = "import time; print(*(int(time.time()) for _ in range(50) if not time.sleep(0.02)))"
        said = subprocess.run([python, "-c", ask], capture_output=True, text=True, check=True)
        done = subprocess.run(
            command, env={**os.environ, **settable}, capture_output=True, text=True, check=False
        )
    seen = [int(word) for word in said.stdout.split()]
    assert max(seen) - min(seen) > YEAR, "the clock was not set"
    assert done.returncode == 0, done.stderr
    for run in Measurement.read(tmp_path / "it.json").runs:
        assert 1 <= run.timed_seconds < 60
        assert min(run.samples_ns) > 0 and sum(run.samples_ns) <= run.timed_seconds * 1e9 * 1.01
