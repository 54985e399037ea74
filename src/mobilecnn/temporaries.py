"""Temporary names beside an output: made, held while their process lives, and swept once it is gone.

A process that is killed takes nothing away. So each file that is being made is locked, with a lock of the system's that
ends with the process, however that ends; and who writes the same output next deletes those that nobody holds.
"""

import contextlib
import fcntl
import os
import re
import secrets
import stat
from collections.abc import Callable
from pathlib import Path

LONGEST_PART = 40
"""Most characters that a temporary name has of the stem, and of the suffix: it must not be too long where the name is not."""


def unused(path: Path) -> Path:
    """A temporary name beside ``path``, hidden and with its suffix: ``it.keras`` -> ``.it.0123abcd.keras``."""
    stem, suffix = _parts(path)
    return path.parent / f".{stem}.{secrets.token_hex(4)}{suffix}"


def new(path: Path) -> tuple[Path, int]:
    """A new empty file under a temporary name beside ``path``, and the descriptor that holds it until it is closed."""
    while True:
        name = unused(path)
        # Not mkstemp, whose files are private: this one gets the permissions of an ordinary file. Working
        # them out would mean reading the process's mask, which is only possible by changing it for a
        # moment, and other threads would notice.
        descriptor = os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666)
        if hold(descriptor) and same(descriptor, name):
            return name, descriptor
        os.close(descriptor)  # Somebody swept it in the moment before it was held.


def hold(descriptor: int) -> bool:
    """Lock an open file or folder until it is closed; False where another process holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # A file system without locks: there, nothing is swept either.
        return True
    return True


def same(descriptor: int, path: Path) -> bool:
    """Whether a name still stands for the open file: who held it before may have removed it."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def sweep(path: Path) -> None:
    """Delete the temporary files of ``path`` that no living process holds."""
    stem, suffix = _parts(path)
    sweep_names(
        path.parent, re.compile(rf"\.{re.escape(stem)}\.[0-9a-f]{{8}}{re.escape(suffix)}"), Path.unlink
    )


def sweep_names(folder: Path, form: re.Pattern[str], delete: Callable[[Path], None]) -> None:
    """Delete what has a name of that form in ``folder``, and is held by no living process.

    Args:
        folder: folder to look into.
        form: form of the whole name.
        delete: what deletes one of them, a regular file or a folder.
    """
    with contextlib.suppress(OSError):
        for entry in folder.iterdir():
            if form.fullmatch(entry.name):
                with contextlib.suppress(OSError):
                    _delete_unheld(entry, delete)


def _delete_unheld(path: Path, delete: Callable[[Path], None]) -> None:
    kind = path.lstat().st_mode
    if not stat.S_ISREG(kind) and not stat.S_ISDIR(kind):
        return
    mode = os.O_RDONLY if stat.S_ISDIR(kind) else os.O_RDWR
    descriptor = os.open(path, mode | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if same(descriptor, path):
            delete(path)
    finally:
        os.close(descriptor)


def _parts(path: Path) -> tuple[str, str]:
    return path.stem[:LONGEST_PART], path.suffix[:LONGEST_PART]
