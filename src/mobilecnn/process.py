"""Child processes that speak JSON lines.

Conversion, inference on files that are not ours and every measurement run in a child,
because native code can abort and the command line must not. The parent side is
:class:`Child`; a child module calls :func:`serve` under ``if __name__ == "__main__"``.
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
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import IO, Any, Self

from mobilecnn.errors import BY_NAME, ChildCrashed, EnvironmentProblem, MobileCnnError

Message = dict[str, Any]


class Child:
    """A child process and its two JSON-lines pipes, as a context manager.

    Leaving the block kills the child if it is still there, so an exception or Ctrl-C
    never leaves one behind.
    """

    def __init__(
        self, command: Sequence[str], doing: str, environment: Mapping[str, str] | None = None
    ) -> None:
        """Start ``command``. ``doing`` finishes the sentence "The process ... crashed"."""
        self.doing = doing
        self._buffer = b""
        self._stderr: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed by close()
        self._process = subprocess.Popen(
            list(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env={**os.environ, **(environment or {})},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The child's process number."""
        return self._process.pid

    def send(self, message: Message) -> None:
        """Send one message.

        Raises:
            ChildCrashed: the child is gone.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(message).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._crashed() from None

    def receive(self, timeout: float | None = None) -> Message:
        """The next message; ``timeout`` in seconds, none by default.

        Raises:
            MobileCnnError: the child reported this error (of the class it named).
            ChildCrashed: the child ended, or stayed silent longer than ``timeout``.
        """
        assert self._process.stdout is not None
        deadline = None if timeout is None else time.monotonic() + timeout
        while b"\n" not in self._buffer:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            ready, _, _ = select.select([self._process.stdout], [], [], left)
            if not ready:
                self.close()
                raise ChildCrashed(f"the process {self.doing} said nothing for {timeout:g} s and was stopped")
            chunk = os.read(self._process.stdout.fileno(), 1 << 16)
            if not chunk:
                raise self._crashed()
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        try:
            message = json.loads(line)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            raise ChildCrashed(f"the process {self.doing} answered with something that is not its protocol")
        if "error" in message:
            raise BY_NAME.get(str(message["error"]), EnvironmentProblem)(str(message.get("message", "")))
        return message

    def close(self) -> None:
        """End the child: by closing its input, then by force."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None and not pipe.closed:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        if self._process.poll() is None:
            try:
                self._process.wait(timeout=0.5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if not self._stderr.closed:
            self._stderr.close()

    def _crashed(self) -> ChildCrashed:
        code = self._process.wait()
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
        self._stderr.seek(0)
        lines = [line for line in self._stderr.read().decode(errors="replace").splitlines() if line.strip()]
        last = f"; its last words: {lines[-1].strip()}" if lines else ""
        return ChildCrashed(f"the process {self.doing} {how}{last}")


def python(module: str) -> list[str]:
    """The command that runs ``module`` in a child of this same Python.

    ``-P`` keeps the current folder off the import path: a user's own ``bench.py`` or
    ``numpy.py`` must not be picked up.
    """
    return [sys.executable, "-P", "-m", module]


class Channel:
    """The child's end: messages in from standard input, out to the real standard output."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        # Libraries print to standard output as they please; their talk goes to stderr.
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
    """Run ``handle`` as the whole work of this child; report its errors by name."""
    # Ctrl-C reaches the whole terminal group. The parent decides what it means here.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    channel = Channel()
    try:
        handle(channel)
    except MobileCnnError as error:
        channel.send(error=type(error).__name__, message=str(error))
