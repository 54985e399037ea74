"""Writing files so that no reader ever sees half of one; reading and hashing them."""

import errno
import hashlib
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from mobilecnn.errors import EnvironmentProblem, InputError, OutputError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Error numbers that mean: no room, for the disk, for the user, for one file."""


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside ``path``; rename it to ``path`` if the block succeeds.

    The parent folder is created. If the block fails, nothing is left behind and an
    existing ``path`` is untouched. The temporary name keeps the suffix, because Keras
    and matplotlib choose the format by it.

    Raises:
        OutputError: the folder or the file cannot be written.
    """
    temporary: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        name = path.parent / f".{path.stem}.{secrets.token_hex(4)}{path.suffix}"
        # Not mkstemp, whose files are private: this one gets the permissions of an ordinary file. Working
        # them out would mean reading the process's mask, which is only possible by changing it for a
        # moment, and other threads would notice.
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        temporary = name
        yield temporary
        temporary.replace(path)
    except OSError as error:
        remedy = (
            "make room there, or choose another place"
            if error.errno in FULL
            else "choose a place that you may write to"
        )
        raise OutputError(f"cannot write {path}: {error.strerror or error}; {remedy}") from error
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a folder that is removed at the end of the block.

    Raises:
        EnvironmentProblem: it cannot be made, or has no room for what the block writes into it.
    """
    try:
        made = tempfile.TemporaryDirectory(prefix="mobilecnn-")
    except OSError as error:
        raise no_room(error) from error
    with made as folder:
        try:
            yield Path(folder)
        except OSError as error:
            if error.errno in FULL:
                raise no_room(error) from error
            raise


def no_room(error: OSError, folder: Path | None = None, needed: int = 0) -> EnvironmentProblem:
    """What is said about ``error``, met when a temporary file was written.

    Args:
        error: the error.
        folder: folder of the file.  [default: the system's temporary folder]
        needed: size of the file in bytes; 0 where unknown.
    """
    remedy = "make room there, or set TMPDIR to a folder that has it"
    try:
        folder = folder or Path(tempfile.gettempdir())
        free = f"{shutil.disk_usage(folder).free / 1e6:,.1f} MB are free"
    except OSError as unusable:
        return EnvironmentProblem(f"there is no temporary folder to write to ({unusable.strerror}); {remedy}")
    if error.errno not in FULL:
        return EnvironmentProblem(
            f"cannot write to the temporary folder {folder}: {error.strerror or error}; {remedy}"
        )
    size = f"{needed / 1e6:,.1f} MB are needed and " if needed else ""
    limit = " (and a limit on the size of files, ulimit -f, may be set)" if error.errno == errno.EFBIG else ""
    return EnvironmentProblem(f"the temporary folder {folder} is full: {size}{free}{limit}; {remedy}")


def write_together(contents: dict[Path, bytes]) -> None:
    """Write several files so that none appears before all are written (see :func:`atomic`).

    They take their names in the order given.
    """
    with ExitStack() as renamed:
        # The last to enter is the first to be renamed.
        temporaries = [(renamed.enter_context(atomic(path)), path) for path in reversed(contents)]
        for temporary, path in temporaries:
            temporary.write_bytes(contents[path])


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path`` atomically (see :func:`atomic`)."""
    with atomic(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Write ``content`` to ``path`` as UTF-8, atomically (see :func:`atomic`)."""
    write_bytes(path, content.encode())


def write_json(path: Path, document: Any) -> None:
    """Write ``document`` as indented JSON, atomically. NaN and infinity are refused."""
    write_text(path, json.dumps(document, indent=2, allow_nan=False) + "\n")


def check_writable(folder: Path) -> None:
    """Create ``folder`` and prove that a file can be made in it, before long work begins.

    Raises:
        OutputError: the folder cannot be created or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OutputError(
            f"cannot write to the folder {folder}: {error.strerror or error}; choose another with -o"
        ) from error


def read_bytes(path: Path, what: str, kind: type[InputError] = InputError) -> bytes:
    """The content of ``path``.

    Args:
        path: the file.
        what: noun for the file in messages ("model", "labels file").
        kind: class of the error to raise.

    Raises:
        InputError: (as ``kind``) the file is missing, is a folder, or cannot be read.
    """
    if not path.exists():
        raise kind(f"no such {what}: {path}")
    if path.is_dir():
        raise kind(f"{path} is a folder; a {what} is expected")
    try:
        return path.read_bytes()
    except OSError as error:
        raise kind(f"cannot read the {what} {path}: {error.strerror or error}") from error


def cache() -> Path:
    """The folder for files that are made or fetched once: ``mobilecnn`` in ``$XDG_CACHE_HOME``, else in ``~/.cache``."""
    # The XDG specification has relative paths ignored.
    configured = os.environ.get("XDG_CACHE_HOME", "")
    folder = Path(configured) if configured.startswith("/") else Path.home() / ".cache"
    return folder / "mobilecnn"


def sha256(content: bytes) -> str:
    """The SHA-256 of ``content`` in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
