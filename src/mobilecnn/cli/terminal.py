"""All that goes to standard output and standard error as text, cleaned in this one place.

Labels, tensors' names, file names, and what a board, a phone or another program says, come from elsewhere, and a
terminal obeys what is in them: an escape sequence can retitle, recolour or erase what stands there, a line's end can
forge a line, and an override of the writing direction can show a name backwards. :func:`clean` turns all of that
into visible escapes. What commands print is a line each (:func:`write`) or :class:`Lines`, which are made of clean ones.
"""

import contextlib
import errno
import io
import logging
import os
import re
import shlex
import sys
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO

import click
from click.exceptions import Exit

from mobilecnn import interruption
from mobilecnn.errors import EnvironmentProblem

VERBOSE = "mobilecnn.verbose"
"""Key in click's ``ctx.meta`` that is set when the command is given ``-v``."""

CLOSED_PIPE = 141
"""Exit code when the reader of a pipe has gone, as ``head`` does: that of a program which SIGPIPE ends."""

_UNSAFE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # Control characters: escape sequences, and in 8 bits their short forms.
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # Direction of writing.
    "\u2028\u2029"  # Ends of lines and paragraphs.
    "\u180e\u200b\u2060-\u2064\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # Invisible.
    "\ud800-\udfff"  # Bytes of a file name that are not UTF-8, which cannot be printed.
    "]"
)
_NAMED = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}


def clean(text: str) -> str:
    r"""``text`` in one line, with a visible escape, such as ``\x1b``, for all that a terminal would obey or hide."""
    return _UNSAFE.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    letter = match[0]
    code = ord(letter)
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00  # The byte itself, which Python has hidden in a surrogate.
    return _NAMED.get(letter) or (f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}")


def typed(paths: Iterable[Path]) -> str:
    """File names as a user types them after a command: quoted, and none of them an option."""
    return shlex.join(f"./{path}" if str(path).startswith("-") else str(path) for path in paths)


class Lines(str):
    """A text of several clean lines, from :func:`joined`: it is printed as it is."""


def joined(*texts: str) -> Lines:
    """Several texts, each a line of its own; those that are :class:`Lines` already stay as they are."""
    return Lines("\n".join(text if isinstance(text, Lines) else clean(text) for text in texts))


def write(text: str, err: bool = False) -> None:
    """Print a line, cleaned, or :class:`Lines`.

    Raises:
        Exit: its reader has gone.
        EnvironmentProblem: it cannot be written.
    """
    try:
        click.echo(joined(text), err=err)
    except BrokenPipeError:
        _mute(sys.stderr if err else sys.stdout)
        raise Exit(CLOSED_PIPE) from None
    except OSError as error:
        raise _unwritten(err, error) from error


class _Stream(io.TextIOWrapper):
    """A standard stream that remembers what could not be written to it."""

    failure: OSError | None = None

    def write(self, text: str) -> int:
        with self._remembering():
            return super().write(text)

    def flush(self) -> None:
        with self._remembering():
            super().flush()

    @contextlib.contextmanager
    def _remembering(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.failure = error
            raise


def unwritten(error: OSError) -> EnvironmentProblem | None:
    """What to say of ``error`` where click met it, which prints the help and the version; None where no stream did."""
    for err, stream in ((False, sys.stdout), (True, sys.stderr)):
        if isinstance(stream, _Stream) and stream.failure is error:
            return _unwritten(err, error)
    return None


def _unwritten(err: bool, error: OSError) -> EnvironmentProblem:
    _mute(sys.stderr if err else sys.stdout)
    what = "standard error" if err else "standard output"
    if error.errno == errno.EBADF:
        return EnvironmentProblem(f"{what} is closed; give it a file or a terminal")
    return EnvironmentProblem(
        f"cannot write to {what}: {error.strerror or error}; give it a place with room, or > /dev/null"
    )


def _mute(stream: TextIO) -> None:
    """Send the rest to the null device: the interpreter tries once more at its end, and would complain."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def guard() -> None:
    """Clean what libraries print too, and give the process the three standard streams.

    Without them, the next file that is opened would become standard output, and be written to.
    """
    for number, mode in ((0, os.O_RDWR), (1, os.O_RDONLY), (2, os.O_RDWR)):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, mode)  # The lowest number that is free.
    # Who closed standard output has no result, and is told so: writing to what is open for reading only fails with
    # the error of what is closed. Who closed standard error wants to hear nothing.
    sys.stdout, sys.stderr = _stream(1, sys.stdout), _stream(2, sys.stderr)
    warnings.showwarning = _warn
    sys.unraisablehook = _lost
    if logging.lastResort is not None:
        logging.lastResort.setFormatter(_CleanFormatter("%(levelname)s: %(message)s"))


def _stream(number: int, before: TextIO | None) -> _Stream:
    # An escape stands for what the locale's encoding lacks.
    binary = open(number, "wb", closefd=False)  # noqa: SIM115 - for good
    return _Stream(
        binary,
        before.encoding if before else None,
        "backslashreplace",
        line_buffering=number == 2 or binary.isatty(),
    )


def _warn(message: Warning | str, *about: object, **named: object) -> None:
    write(f"Warning: {message}", err=True)


def _lost(lost: "sys.UnraisableHookArgs") -> None:
    """What is raised where nothing can catch it, as in ``__del__``, would end in a traceback on standard error."""
    error = lost.exc_value
    if isinstance(error, KeyboardInterrupt):
        interruption.again(type(error))
    elif not isinstance(error, OSError):  # A full disk is told by what writes, not by what is cleared away.
        sys.__unraisablehook__(lost)


class _CleanFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return clean(super().format(record))
