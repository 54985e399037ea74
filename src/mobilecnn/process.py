"""Child processes that talk in lines of JSON.

Conversion, inference on files that are not ours and every measurement run in a child,
because native code can abort its process and the command line must not end with it. The
parent's side is :class:`Child`; a child module calls :func:`serve` under ``if __name__ == "__main__"``.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import IO, Any, Self

from mobilecnn.causes import last_words
from mobilecnn.errors import BY_NAME, ChildCrashed, EnvironmentProblem, MobileCnnError
from mobilecnn.files import FULL, no_room
from mobilecnn.interruption import SIGNALS
from mobilecnn.shortage import shortage

Message = dict[str, Any]

OWN_SIGNAL_SECONDS = 1.0
"""Seconds in which a signal that ended a child may reach this process too, before the child's end is told."""

MOST_BYTES = 64 << 20
"""Largest number of bytes in a line from a child. The longest real one, all samples of a tiny model, has a few MB."""

GREETING_LINES = 20
"""Number of lines before the mark that are kept, for messages."""

MOST_NOISE = 1 << 20
"""Largest number of bytes that a child may write before its mark."""


class Closing(ABC):
    """A context manager that calls ``close`` when its block is left."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """Release what the object holds."""


class Child(Closing):
    """A child process and the two pipes to talk with it, as a context manager.

    Leaving the block kills the child if it is still running, so that no exception and no
    Ctrl-C leaves one behind.

    Attributes:
        doing: relative clause for messages.
        greeting: last lines that the child said before its mark.
    """

    def __init__(
        self,
        command: Sequence[str],
        doing: str,
        environment: Mapping[str, str] | None = None,
        stdin: IO[bytes] | int = subprocess.PIPE,
        mark: str | None = None,
        own_session: bool = False,
    ) -> None:
        """Start ``command``.

        Args:
            command: the program and its arguments.
            doing: relative clause for messages, as in "the process *that converts* crashed".
            environment: variables added to those of this process.
            stdin: a file that the child reads instead of messages.
            mark: line after which the child's messages begin; lines before it, such as the
                greeting of a login shell, are skipped.
            own_session: whether the child is shielded from Ctrl-C at the terminal.
        """
        self._arguments = command, doing, environment, stdin, mark, own_session
        self.doing = doing
        self.greeting: list[str] = []
        self._buffer = b""
        self._mark = mark.encode() if mark else None
        self._noise = 0
        try:
            self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        except OSError as error:
            raise no_room(error) from error
        self._process = subprocess.Popen(
            list(command),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env={**os.environ, **(environment or {})},
            start_new_session=own_session,
        )

    @property
    def pid(self) -> int:
        """The child's process identifier."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """The exit code: None while the child runs, the negative number of a signal that ended it."""
        return self._process.poll()

    def send(self, message: Message) -> None:
        """Send one message.

        Raises:
            ChildCrashed: the child has ended.
        """
        self.put(json.dumps(message).encode() + b"\n")

    def put(self, content: bytes) -> None:
        """Write to the child's input.

        Raises:
            ChildCrashed: the child has ended.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(content)
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._crashed() from None

    def end_input(self) -> None:
        """Close the child's input."""
        if self._process.stdin is not None:
            with contextlib.suppress(OSError):
                self._process.stdin.close()

    def receive(self, timeout: float | None = None, late: str = "") -> Message:
        """Wait for the next message, for at most ``timeout`` seconds if given; ``late`` ends the sentence if it is.

        Raises:
            MobileCnnError: the child reported an error; it is raised as the class that the child named.
            ChildCrashed: the child ended, sent nothing in time, or something that is not a message.
        """
        line = self.line(timeout, late)
        try:
            message = json.loads(line)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            raise ChildCrashed(f"the process {self.doing} answered with something that is not its protocol")
        if "error" in message:
            raise BY_NAME.get(str(message["error"]), EnvironmentProblem)(str(message.get("message", "")))
        return message

    def line(self, timeout: float | None = None, late: str = "") -> bytes:
        """Wait for the next line, as :meth:`receive` does; returned without its end.

        Raises:
            ChildCrashed: the child ended, sent nothing in time, or sent too much without a line's end.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while self._mark is not None:
            noise = self._read_line(deadline, timeout, late)
            self._noise += len(noise) + 1
            if noise == self._mark:
                self._mark = None
            else:
                self.greeting = [*self.greeting, noise.decode(errors="replace").strip()][-GREETING_LINES:]
        return self._read_line(deadline, timeout, late)

    def _read_line(self, deadline: float | None, timeout: float | None, late: str) -> bytes:
        assert self._process.stdout is not None
        while b"\n" not in self._buffer:
            most = MOST_BYTES if self._mark is None else MOST_NOISE - self._noise
            if len(self._buffer) > most:
                self.close()
                raise ChildCrashed(f"the process {self.doing} talks without end and was stopped")
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            ready, _, _ = select.select([self._process.stdout], [], [], left)
            if not ready:
                words = self.words()
                self.close()
                raise ChildCrashed(
                    f"the process {self.doing} said nothing for {timeout:g} s and was stopped{late}",
                    words=words,
                )
            chunk = os.read(self._process.stdout.fileno(), 1 << 16)
            if not chunk:
                raise self._crashed()
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def ended(self, timeout: float) -> bool:
        """Whether the child has ended, or ends within ``timeout`` seconds."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout)
        return self._process.returncode is not None

    def words(self) -> list[str]:
        """The lines that the child has written to standard error: those of the last 64 kB that are not empty."""
        if self._stderr.closed:
            return []
        size = self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(0, size - (1 << 16)))
        lines = self._stderr.read().decode(errors="replace").splitlines()
        return [line.strip() for line in lines if line.strip()]

    def kill(self) -> None:
        """Kill the child from another thread; the thread that waits for its messages gets ChildCrashed."""
        self._process.kill()

    def close(self, patience: float = 0.5) -> None:
        """Close the child's input, and kill the child if it does not end within ``patience`` seconds."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and not pipe.closed:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        if not self.ended(patience):
            self._process.kill()
            self._process.wait()
        if not self._stderr.closed:
            self._stderr.close()

    def restart(self) -> None:
        """Start the command again, in place of a child that has ended, as children do with each error that they report."""
        self.close()
        Child.__init__(self, *self._arguments)

    def _crashed(self) -> ChildCrashed:
        code = self._process.wait()
        if self._mark is not None and self._buffer:
            self.greeting.append(self._buffer[:1000].decode(errors="replace").strip())
        number = -code if code < 0 else code - 128  # A shell adds 128 to the signal that ended its child.
        if number in SIGNALS:
            # A terminal or a service manager tells all processes of a group, and a child may end before this one is
            # told: then the work was interrupted, and nothing crashed.
            time.sleep(OWN_SIGNAL_SECONDS)
        known = number in {member.value for member in signal.Signals}
        how = f"was ended by {signal.Signals(number).name}" if known else f"ended with code {code}"
        words = self.words()
        last = f"; its last words: {last_words(words)}" if words else ""
        how = f"the process {self.doing} {how}"
        return ChildCrashed(f"{how}{last}", how, words)


def python(module: str) -> list[str]:
    """The command that runs ``module`` in a child of this same Python.

    ``-P`` keeps the current folder off the import path: a user's own ``bench.py`` or
    ``numpy.py`` must not be picked up.
    """
    return [sys.executable, "-P", "-m", module]


class Channel:
    """The child's side: it receives on standard input and sends on the real standard output."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        # Libraries print to standard output as they please; that goes to standard error.
        os.dup2(2, 1)

    def receive(self) -> Message | None:
        """The next message, or None when the parent has closed the pipe."""
        line = sys.stdin.readline()
        message: Message | None = json.loads(line) if line else None
        return message

    def send(self, **message: Any) -> None:
        """Send one message."""
        self._out.write(json.dumps(message) + "\n")
        self._out.flush()


def serve(handle: Callable[[Channel], None]) -> None:
    """Run ``handle`` as the whole work of this child process, and report its errors by name."""
    # Ctrl-C reaches every process of the terminal; the parent decides what it means for this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = Channel()
    try:
        handle(channel)
    except MobileCnnError as error:
        channel.send(error=type(error).__name__, message=str(error))
    except Exception as error:
        problem = shortage(error)
        if problem is None and isinstance(error, OSError) and error.errno in FULL:
            problem = no_room(error)
        if problem is None:
            raise
        channel.send(error=type(problem).__name__, message=str(problem))
