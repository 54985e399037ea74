"""Writing files so that no reader ever sees half of one; reading and hashing them."""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from mobilecnn import temporaries
from mobilecnn.errors import EnvironmentProblem, InputError, MobileCnnError, OutputError
from mobilecnn.shortage import shortage

FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "a limit on the size of files, as of ulimit -f, is reached",
}
"""Error numbers that mean that there is no room -> where there is none."""


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Yield a temporary name beside ``path``; rename it to ``path`` if the block succeeds.

    The parent folder is created. If the block fails, nothing is left behind and an
    existing ``path`` is untouched. The temporary name keeps the suffix, because Keras
    and matplotlib choose the format by it.

    Raises:
        OutputError: the folder or the file cannot be written.
        EnvironmentProblem: the disk is full.
    """
    with together([[path]]) as [[temporary]]:
        yield temporary


@contextmanager
def together(groups: Sequence[Sequence[Path]]) -> Iterator[list[list[Path]]]:
    """Yield a temporary name beside each path; rename all of them if the block succeeds.

    The files of a group belong together, as a passport and its model do. However the process ends, each group is
    found in one of these states: all its old files; only its first, either the old or the new one; none; all its new
    ones. A new file never stands beside an old one of its group. If the block or a renaming fails, all
    old files are there again, and nothing else.

    Args:
        groups: paths, none of them twice; their folders are created.

    Raises:
        OutputError: a folder or a file cannot be written.
        EnvironmentProblem: the disk is full.
    """
    made: list[Path] = []
    held: list[int] = []
    path = Path()
    try:
        real = {}
        for path in (path for group in groups for path in group):
            # What a link stands for is written; the link stays.
            real[path] = path.resolve() if path.is_symlink() else path
        groups = [[real[path] for path in group] for group in groups]
        paths = list(real.values())
        for path in paths:
            if exists(path) and not path.is_file() and not path.is_dir():
                raise OutputError(_special(path))
            path.parent.mkdir(parents=True, exist_ok=True)
            temporaries.sweep(path)
            temporary, descriptor = temporaries.new(path)
            made.append(temporary)
            held.append(descriptor)
        new = iter(tuple(made))
        names = [[next(new) for _ in group] for group in groups]
        yield names
        for path, temporary in zip(paths, tuple(made), strict=True):
            if path.is_dir():
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            _to_disk(temporary)
        moves: list[tuple[Path, Path]] = []
        try:
            for group, new_ones in zip(groups, names, strict=True):
                if len(paths) > 1:
                    for path in reversed(group):
                        if path.exists():
                            held += _held(path)
                            made.append(temporaries.unused(path))
                            moves.append((path, made[-1]))
                            path.rename(made[-1])
                for path, temporary in zip(group, new_ones, strict=True):
                    moves.append((temporary, path))
                    temporary.replace(path)
        except BaseException:
            for source, target in reversed(moves):
                if not source.exists():  # Else it was not yet moved.
                    target.rename(source)
            raise
    except OSError as error:
        raise unwritable(f"write {path}", error) from error
    finally:
        for temporary in made:
            temporary.unlink(missing_ok=True)
        for descriptor in held:
            os.close(descriptor)


def _held(path: Path) -> list[int]:
    """The descriptor that holds an old file, which nobody may sweep while it is put aside; none where it is unreadable."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        temporaries.hold(descriptor)
        return [descriptor]
    return []


def unwritable(doing: str, error: OSError, advice: str = "") -> MobileCnnError:
    """What is said about ``error``, met at an output: a full disk is no fault of its name.

    Args:
        doing: what cannot be done, with the name of the output, as in "write it.json".
        error: the error.
        advice: what to do where the name is the reason.  [default: by the error]
    """
    if error.errno in FULL:
        full = f"{FULL[error.errno]} ({error.strerror})"
        return EnvironmentProblem(f"cannot {doing}: {full}; make room there, or choose another place")
    if not advice:
        long = error.errno == errno.ENAMETOOLONG
        advice = "choose a shorter name" if long else "choose a place that you may write to"
    return OutputError(f"cannot {doing}: {error.strerror or error}; {advice}")


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
    advice = "make room there, or set TMPDIR to a folder that has it"
    try:
        folder = folder or Path(tempfile.gettempdir())
        free = f"{shutil.disk_usage(folder).free / 1e6:,.1f} MB are free"
    except OSError as unusable:
        return EnvironmentProblem(f"there is no temporary folder to write to ({unusable.strerror}); {advice}")
    if error.errno not in FULL:
        return EnvironmentProblem(
            f"cannot write to the temporary folder {folder}: {error.strerror or error}; {advice}"
        )
    size = f"{needed / 1e6:,.1f} MB are needed and " if needed else ""
    limit = " (and a limit on the size of files, ulimit -f, may be set)" if error.errno == errno.EFBIG else ""
    return EnvironmentProblem(f"the temporary folder {folder} is full: {size}{free}{limit}; {advice}")


def _to_disk(path: Path) -> None:
    """Wait until the content is on the disk: some file systems say only then that they are full."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_together(groups: Sequence[Mapping[Path, bytes]]) -> None:
    """Write several files, none of which appears before all are written (see :func:`together`)."""
    with together([list(group) for group in groups]) as made:
        for group, names in zip(groups, made, strict=True):
            for temporary, content in zip(names, group.values(), strict=True):
                temporary.write_bytes(content)


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
        EnvironmentProblem: the disk is full.
    """
    if folder.exists() and not folder.is_dir():
        raise OutputError(
            f"cannot write to {folder}: it is a file, and a folder is expected; choose another with -o"
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise unwritable(f"write to the folder {folder}", error, "choose another with -o") from error


def _special(path: Path) -> str:
    return f"{path} is a device, a pipe or a socket, and writing would replace it; give the name of a file"


def check_file(path: Path) -> None:
    """Refuse a name at which no file can be written, before long work begins; its folder is created.

    Raises:
        OutputError: it is a folder or a device, cannot be a name, or its folder cannot be written to.
        EnvironmentProblem: the disk is full.
    """
    try:
        if stat.S_ISDIR(path.stat().st_mode):
            raise OutputError(f"{path} is a folder; give the name of a file to write")
        if not stat.S_ISREG(path.stat().st_mode):
            raise OutputError(_special(path))
    except OSError as error:
        # What its folder lacks is said below.
        if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.EACCES):
            raise unwritable(f"write {path}", error) from error
    check_writable(path.parent)


LARGEST_MODEL = 2 << 30
"""Number of bytes of the largest model or program that is read. A flatbuffer cannot address more."""

LARGEST_RECORD = 128 << 20
"""Number of bytes of the largest JSON record that is read. A million kept samples have about 20 MB."""

LARGEST_TEXT = 16 << 20
"""Number of bytes of the largest list of labels that is read."""

LARGEST_TOML = 1 << 17
"""Number of bytes of the largest TOML file that is read: a thousand devices."""

LARGEST_IMAGE = 512 << 20
"""Number of bytes of the largest image file that is read."""

_IRREGULAR = {
    stat.S_IFIFO: "a pipe (FIFO)",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def open_input(
    path: Path, what: str, kind: type[InputError] = InputError, most: int = LARGEST_MODEL
) -> BinaryIO:
    """Open a file that the user names, at once: a regular file of bounded size.

    A pipe would be waited for, and a device may never end; neither is opened.

    Args:
        path: the file.
        what: noun for the file in messages ("model", "labels file").
        kind: class of the error to raise.
        most: largest number of bytes.

    Raises:
        InputError: (as ``kind``) the file is missing, no regular file, too large, or cannot be read.
        EnvironmentProblem: too many files are open.
    """
    try:
        _check_regular(path, path.stat(), what, kind, most)
        # It may have been replaced by a pipe since; and an open that waits for its writer cannot be ended.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        stream = os.fdopen(descriptor, "rb")
    except FileNotFoundError:
        raise kind(f"no such {what}: {path}") from None
    except (OSError, ValueError) as error:
        if (short := shortage(error, f"to read the {what} {path}")) is not None:
            raise short from error
        reason = getattr(error, "strerror", None) or error
        raise kind(f"cannot read the {what} {path}: {reason}") from error
    try:
        _check_regular(path, os.fstat(descriptor), what, kind, most)
    except InputError:
        stream.close()
        raise
    return stream


def _check_regular(path: Path, status: os.stat_result, what: str, kind: type[InputError], most: int) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise kind(f"{path} is a folder; {_any(what)} is expected")
    if not stat.S_ISREG(status.st_mode):
        irregular = _IRREGULAR.get(stat.S_IFMT(status.st_mode), "no regular file")
        raise kind(
            f"{path} is {irregular}; {_any(what)} must be a regular file: save its content to one, and name that"
        )
    if status.st_size > most:
        raise kind(f"{path} has {status.st_size:,} bytes; {_any(what)} may have at most {most:,}")


def _any(what: str) -> str:
    return f"{'an' if what[0] in 'aeiou' else 'a'} {what}"


def read_bytes(
    path: Path, what: str, kind: type[InputError] = InputError, most: int = LARGEST_MODEL
) -> bytes:
    """The content of ``path``; arguments and errors are those of :func:`open_input`."""
    try:
        with open_input(path, what, kind, most) as stream:
            size = os.fstat(stream.fileno()).st_size
            content = stream.read(size + 1)
    except OSError as error:
        raise kind(f"cannot read the {what} {path}: {error.strerror or error}") from error
    if len(content) > size:
        # What the kernel makes up, such as the files in /proc, has no size and may not end.
        raise kind(f"{path} grows while it is read; copy it, and name the copy")
    return content


def is_folder(path: Path) -> bool:
    """Whether ``path`` is a folder; False where the system cannot even look, as at a name that is too long."""
    try:
        return path.is_dir()
    except OSError:
        return False


def exists(path: Path) -> bool:
    """Whether there is something at ``path``, if only a link to nowhere; False where the system cannot look."""
    return os.path.lexists(path)


def home() -> Path:
    """The user's home folder.

    Raises:
        EnvironmentProblem: there is none, as for a user of a container whom the system does not know.
    """
    try:
        return Path.home()
    except RuntimeError as error:
        raise EnvironmentProblem(
            "there is no home folder; set HOME to a folder that you may write to"
        ) from error


def cache() -> Path:
    """The folder for files that are made or fetched once: ``mobilecnn`` in ``$XDG_CACHE_HOME``, else in ``~/.cache``."""
    return _xdg("XDG_CACHE_HOME", ".cache")


def state_folder() -> Path:
    """The folder for what processes tell one another: ``mobilecnn`` in ``$XDG_STATE_HOME``, else in ``~/.local/state``."""
    return _xdg("XDG_STATE_HOME", ".local/state")


def _xdg(variable: str, usual: str) -> Path:
    # The XDG specification has relative paths ignored.
    configured = os.environ.get(variable, "")
    folder = Path(configured) if configured.startswith("/") else home() / usual
    return folder / "mobilecnn"


def sha256(content: bytes) -> str:
    """The SHA-256 of ``content`` in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
