"""One writer at a time for each output, among all processes that see the folder."""

import contextlib
import fcntl
import hashlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from mobilecnn.errors import MobileCnnError, OutputError
from mobilecnn.files import unwritable
from mobilecnn.temporaries import same

LONGEST_NAME = 200
"""Largest length of a file's name, in bytes, of which a lock still has the name; most file systems allow 255."""

_HEAD = b"process "
"""Beginning of the content of a lock's file."""

_TELLING_SECONDS = 0.2
"""Seconds in which a process that has just locked a file has written into it who it is."""


Taken = Callable[[Path, str], MobileCnnError]
"""Makes the error about a path that another process has locked, of which the second argument is what it says of itself."""


def _written(path: Path, holder: str) -> MobileCnnError:
    return OutputError(
        f"{path} is being written by another mobilecnn ({holder}); wait until it has ended, or choose another name with -o"
    )


@contextmanager
def locked(*paths: Path, patience: float = 0.0, taken: Taken = _written) -> Iterator[None]:
    """Hold the right to write each of ``paths`` while the block runs.

    The lock is that of the system on a file beside the path (:func:`lock_of`), which ends with the process
    that holds it, however that ends: a file that a killed process left blocks nobody. The folder is created.

    Args:
        paths: files or folders that will be written, which need not exist.
        patience: seconds to wait for another process; 0 for work that takes long.
        taken: what makes the error where another process holds one.

    Raises:
        OutputError: another process holds one (then what ``taken`` makes), which the message names; or the folder
            cannot be written.
        EnvironmentProblem: the disk is full.
    """
    with ExitStack() as held:
        for path in paths:
            held.enter_context(_held(path, patience, taken))
        yield


def lock_of(path: Path) -> Path:
    """The file whose lock is that of ``path``: ``.NAME.lock`` beside it."""
    name = path.name
    if len(os.fsencode(name)) > LONGEST_NAME:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()
    return path.with_name(f".{name}.lock")


@contextmanager
def _held(path: Path, patience: float, taken: Taken) -> Iterator[None]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = lock_of(path.parent.resolve() / path.name)  # The current folder may change meanwhile.
        descriptor = _take(lock, path, time.monotonic() + patience, taken)
    except OSError as error:
        raise unwritable(f"lock {path}", error) from error
    try:
        yield
    finally:
        # While it is still held: who opens the name later opens another file.
        with contextlib.suppress(OSError):
            lock.unlink()
        os.close(descriptor)


def _take(lock: Path, path: Path, deadline: float, taken: Taken) -> int:
    """A descriptor of the file ``lock``, which is locked, and is what the name stands for."""
    while True:
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if same(descriptor, lock):
                if os.pread(descriptor, len(_HEAD), 0) not in (b"", _HEAD):
                    raise OutputError(
                        f"{lock} is not mobilecnn's, and the lock of {path} goes there; move it away, or choose another "
                        "name with -o"
                    )
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, _HEAD + f"{os.getpid()} on {socket.gethostname()}\n".encode(), 0)
                return descriptor
        except BlockingIOError:
            if time.monotonic() >= deadline:
                holder = _holder(descriptor)
                os.close(descriptor)
                raise taken(path, holder) from None
            time.sleep(0.05)
        except OSError:  # A full disk: what was made of the file is taken away again.
            with contextlib.suppress(OSError):
                if os.fstat(descriptor).st_size == 0:
                    lock.unlink()
            os.close(descriptor)
            raise
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _holder(descriptor: int) -> str:
    end = time.monotonic() + _TELLING_SECONDS
    while not (said := os.pread(descriptor, 200, 0)) and time.monotonic() < end:
        time.sleep(0.02)
    return said.decode(errors="replace").strip() or "a process that has not said which"
