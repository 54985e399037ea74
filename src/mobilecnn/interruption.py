"""The signals that ask a program to end: SIGTERM and SIGHUP unwind the work as Ctrl-C does.

Each becomes an exception in the main thread, so that blocks are left in order: child processes end, temporary
folders go, a board is cleaned up, and what is complete is kept. Only a program installs this
(:mod:`mobilecnn.__main__`); the Python API leaves the signals of its caller alone.

The kernel gives a signal to any thread that takes it, mostly the first, and Python runs the handler in the main thread when
that thread next runs Python: one that waits for another thread or for a child process does not wake, and the signal would have
no effect until the work is done. A thread is told of each signal, and sends it to the main thread itself where it did not
arrive.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from types import FrameType
from typing import NoReturn

CLEANING_SECONDS = 15.0
"""Seconds after a signal in which further ones are ignored: cleaning up takes some, and is not to be cut short."""

AGAIN_SECONDS = 0.05
"""Seconds until a signal that was lost, or that did not wake the main thread, comes again."""


class Terminated(KeyboardInterrupt):
    """SIGTERM: a service manager, ``kill`` or ``timeout`` ends the program."""


class HungUp(KeyboardInterrupt):
    """SIGHUP: the terminal, or the connection that it belongs to, is gone."""


SIGNALS: dict[signal.Signals, type[KeyboardInterrupt]] = {
    signal.SIGINT: KeyboardInterrupt,
    signal.SIGTERM: Terminated,
    signal.SIGHUP: HungUp,
}
"""Signal -> what it raises."""

_at_once: list[bool] = []
"""Not empty where the process shall end without the functions that libraries have left for its end."""

_came: list[tuple[float, type[KeyboardInterrupt]]] = []
"""Times of the signals that were raised, in seconds of the monotonic clock, with their exceptions."""

_sockets: list[socket.socket] = []
"""The two ends by which a thread is told of signals."""


def exit_code(kind: type[BaseException]) -> int:
    """The exit code of a program that was interrupted: 128 and the signal's number, as shells report it."""
    number = next((number for number, raised in SIGNALS.items() if kind is raised), signal.SIGINT)
    return 128 + number


def name(kind: type[BaseException]) -> str:
    """What to tell the user: nothing for Ctrl-C, which is the user's own, else the signal."""
    return next(
        (number.name for number, raised in SIGNALS.items() if kind is raised is not KeyboardInterrupt), ""
    )


def came() -> type[KeyboardInterrupt] | None:
    """The last interruption of this process; None without one.

    A library may swallow the exception, or fail in another way because of it, as an import does that is cut short.
    """
    return _came[-1][1] if _came else None


def again(kind: type[BaseException]) -> None:
    """Send this process the signal of ``kind`` once more: its exception was raised where nothing can catch it."""
    _came.clear()
    number = exit_code(kind) - 128
    threading.Timer(AGAIN_SECONDS, os.kill, (os.getpid(), number)).start()


def during_start() -> None:
    """Until :func:`listen`, end at once and without a word: nothing is there yet to be cleaned up."""
    _handle(_leave)


def listen() -> None:
    """Have the signals raise their exceptions from now on, in the main thread, whichever thread they reach."""
    _handle(_raise)
    _forward()
    os.register_at_fork(after_in_child=_forward)  # Without its threads, and with the parent's socket.


def ignore() -> None:
    """Ignore the signals from now on: the work is done, and only the interpreter has to end."""
    _handle(signal.SIG_IGN)


def leave_at_once() -> None:
    """Have :func:`leave` end the process without what libraries do at its end."""
    _at_once.append(True)


def leave(code: str | int | None) -> NoReturn:
    """End the program with this exit code."""
    if _at_once:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)
    sys.exit(code)


def _handle(handler: "signal.Handlers | object") -> None:
    for number in SIGNALS:
        # What was ignored stays ignored: nohup, and the background jobs of a script, rely on it.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)  # type: ignore[arg-type]


def _forward() -> None:
    """Start the thread that sends the main thread a signal which did not wake it."""
    for ours in _sockets:  # In a child those of its parent.
        ours.close()
    _sockets[:] = reader, writer = socket.socketpair()
    writer.setblocking(False)
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    main = threading.main_thread().ident
    assert main is not None

    def forward() -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        while told := reader.recv(1):
            time.sleep(AGAIN_SECONDS)
            if signal.getsignal(told[0]) is _raise and not _cleaning(time.monotonic()):
                signal.pthread_kill(
                    main, told[0]
                )  # Which tells this thread again, until the main thread runs.

    threading.Thread(target=forward, name="signals", daemon=True).start()


def _leave(number: int, frame: FrameType | None) -> None:
    os._exit(128 + number)


def _cleaning(now: float) -> bool:
    """Whether a signal has been raised, ``now`` in seconds of the monotonic clock, and further ones are ignored."""
    return bool(_came) and now - _came[-1][0] < CLEANING_SECONDS


def _raise(number: int, frame: FrameType | None) -> None:
    now = time.monotonic()
    if _cleaning(now):
        return
    kind = SIGNALS[signal.Signals(number)]
    _came.append((now, kind))
    raise kind
