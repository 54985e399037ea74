"""Sessions on a phone: a shell for each step, a guard that cleans up, and files that arrive whole.

adb is not trusted. It ends with 0 when the phone vanishes in the middle of a command, and a
phone with an old system tells no exit codes at all. So every step prints a mark of its own, does
its work, and prints the mark again with its exit code: without that, nothing has happened. Files
are compared by SHA-256 on the phone, and every call has a time limit.

As over SSH, the first session is a guard: a shell on the phone that makes a private folder, waits
for the end of its input, and then ends what still runs there and removes the folder. That comes
when this process ends, however it ends, and when the connection does: adbd then hangs up on it. (To a phone before
Android 7 the adb client does not hand on the end of its input. There, after a kill -9 of this
process, the guard waits until the phone is disconnected.)
"""

import base64
import binascii
import contextlib
import os
import re
import secrets
import shlex
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from mobilecnn.bench.devices.adb import client
from mobilecnn.bench.devices.adb.client import adb, choose, telling_line
from mobilecnn.bench.devices.seam import PROBE_TIMEOUT
from mobilecnn.errors import ChildCrashed, EnvironmentProblem
from mobilecnn.files import sha256
from mobilecnn.process import Child

TMP = "/data/local/tmp"
"""The one folder of a phone from which adb's user may run programs."""
CACHE = f"{TMP}/mobilecnn"
"""Folder on the phone of the files that stay there, named by their content."""

ANSWER_SECONDS = PROBE_TIMEOUT
"""Seconds that a small command on the phone may take."""
SLOWEST_PUSH = 100_000
"""Lowest transfer rate, in bytes per second; the slowest USB 2 phone manages fifty times that."""
CLOSE_SECONDS = 10.0
"""Seconds that cleaning up on the phone may take."""

# For the sh of a phone (mksh and toybox). Their arguments are $1, $2, ...
GUARD = """
d=$1; clean() {
  for f in "$d"/pid.*; do [ ! -s "$f" ] || kill -9 "$(cat "$f")" 2>/dev/null; done;
  [ ! -s "$d/app" ] || am force-stop "$(cat "$d/app")" >/dev/null 2>&1; rm -rf "$d";
};
mkdir -m 700 "$d" || exit 1; trap clean EXIT; trap "exit 1" HUP INT TERM PIPE; echo ready; read x
"""
DIGEST = """
[ ! -f "$1" ] || sha256sum <"$1"
"""
STORE = """
h=$(sha256sum <"$1") || exit 1; [ "${h%% *}" = "$3" ] || { echo "it did not arrive whole"; exit 1; };
umask 022; mkdir -p "${2%/*}" && chmod "$4" "$1" && mv -f "$1" "$2"
"""
FETCH = """
[ -f "$1" ] || exit 0; sha256sum <"$1" && base64 "$1"
"""


class Session:
    """All that is done on a phone over adb. The first call connects; :meth:`close` cleans up there.

    Attributes:
        name: name that the user gave the phone.
        local_names: paths on the phone -> names that the user gave the files, for messages.
    """

    def __init__(self, name: str, serial: str | None) -> None:
        """Nothing happens yet.

        Args:
            name: name that the user gave the phone.
            serial: serial of the phone; None for ``$ANDROID_SERIAL``, else the only one connected.
        """
        self.name = name
        self.local_names: dict[str, str] = {}
        self._serial = serial
        self._guard: Child | None = None
        self._running: Child | subprocess.Popen[bytes] | None = None
        self._folder = ""

    @property
    def folder(self) -> str:
        """The private folder there, which goes with the connection."""
        self._connect()
        return self._folder

    @property
    def serial(self) -> str:
        """What adb calls the phone."""
        self._connect()
        assert self._serial is not None
        return self._serial

    def close(self) -> None:
        """End what runs there, and remove the folder. Harmless when repeated."""
        guard, self._guard = self._guard, None
        if guard is not None:
            with contextlib.suppress(ChildCrashed):
                guard.send({})  # A phone with an old system is not told of the end of its input.
            guard.close(CLOSE_SECONDS)

    def stop(self) -> None:
        """End the step that runs there, from another thread."""
        running = self._running
        if running is not None:
            running.kill()

    def digest(self, path: str) -> str:
        """The SHA-256 of a file there; empty if there is none."""
        lines = self.tell(DIGEST, [path], f"that looks for {path} on {self.name}")
        return lines[0].split(" ")[0] if lines else ""

    def store(self, file: Path, target: str, digest: str, mode: str) -> None:
        """Bring a file there under the absolute name ``target``, unless it is there already.

        Raises:
            EnvironmentProblem: it cannot be written there.
        """
        self._connect()
        if self.digest(target) == digest:
            return
        pushed = f"{self._folder}/push"
        doing = f"that brings {file} to {self.name}"
        assert self._serial is not None
        seconds = ANSWER_SECONDS + file.stat().st_size / SLOWEST_PUSH
        code, said = adb(
            "-s", self._serial, "push", _absolute(file), pushed, seconds=seconds, begun=self._begun
        )
        if code != 0:
            self._expect_connection(doing)
            raise EnvironmentProblem(
                f"cannot bring {file} to {self.name} ({telling_line(said)}); there must be room for it: "
                f"adb shell df {TMP}"
            )
        code, lines = self.ask(STORE, [pushed, target, digest, mode], doing, ANSWER_SECONDS)
        if code != 0:
            raise EnvironmentProblem(
                f"cannot bring {file} to {self.name} ({telling_line(lines)}); there must be room for it "
                f"(adb shell df {TMP}), and a sha256sum there"
            )

    def tell(self, script: str, words: Sequence[str], doing: str) -> list[str]:
        """Output of a shell script on the phone.

        Raises:
            EnvironmentProblem: it failed.
        """
        self._connect()
        code, lines = self.ask(script, words, doing, ANSWER_SECONDS)
        if code != 0:
            raise EnvironmentProblem(
                f"on {self.name}: the process {doing} ended with code {code}: {telling_line(lines)}"
            )
        return lines

    def ask(self, script: str, words: Sequence[str], doing: str, timeout: float) -> tuple[int, list[str]]:
        """Exit code and output of a shell script on the phone.

        Raises:
            ChildCrashed: it took longer than ``timeout`` seconds, or talks without end.
            EnvironmentProblem: the connection broke.
        """
        mark = f"mobilecnn-{secrets.token_hex(16)}"
        ends = f"trap 'c=$?; printf \"\\n%s %s\\n\" {mark} $c' EXIT; "
        with self._session(doing, mark, ends + _with_words(script, words), subprocess.DEVNULL) as child:
            self._begun(child)
            deadline = time.monotonic() + timeout
            self._skip_to(mark, child, deadline, timeout)
            lines: list[str] = []
            size = 0
            while True:
                line = self._line(child, deadline, timeout)
                if match := re.fullmatch(rf"{mark} ([0-9]{{1,3}})", line):
                    # The end's own empty line is not the script's.
                    return int(match[1]), lines[:-1] if lines and not lines[-1] else lines
                lines.append(line)
                size += len(line)
                if size > client.MOST_BYTES:
                    raise ChildCrashed(
                        f"on {self.name}: the process {doing} talks without end and was stopped"
                    )

    def _begun(self, process: "Child | subprocess.Popen[bytes]") -> None:
        self._running = process

    def _session(
        self, doing: str, mark: str, script: str, stdin: int = subprocess.PIPE, own_session: bool = False
    ) -> Child:
        assert self._serial is not None
        remote = f"echo; echo {mark}; {script}"
        return Child(
            ["adb", "-s", self._serial, "shell", remote], doing, {"LC_ALL": "C"}, stdin, None, own_session
        )

    def _skip_to(self, mark: str, child: Child, deadline: float, timeout: float) -> None:
        for _ in range(1000):  # Lines of a greeting.
            if self._line(child, deadline, timeout) == mark:
                return
        raise ChildCrashed(f"on {self.name}: the process {child.doing} talks without end and was stopped")

    def _line(self, child: Child, deadline: float, timeout: float) -> str:
        try:
            line = child.line(max(0.0, deadline - time.monotonic()))
        except ChildCrashed as error:
            if time.monotonic() >= deadline:
                raise ChildCrashed(
                    f"on {self.name}: the process {child.doing} took longer than {timeout:g} s and was stopped"
                ) from error
            self._expect_connection(child.doing)
            raise EnvironmentProblem(
                f"the answer of {self.name} broke off: {error}; try it again, and look with: adb devices"
            ) from error
        return line.decode(errors="replace").rstrip("\r")

    def _expect_connection(self, doing: str) -> None:
        """Fail if the guard's session is gone, and with it the connection."""
        if self._guard is not None and self._guard.ended(1.0):
            raise EnvironmentProblem(
                f"the connection to {self.name} broke, and with it the process {doing}; check the cable, and that the "
                "phone is on and does not restart, and try again"
            )

    def _connect(self) -> None:
        """Connect, unless that is done already.

        Raises:
            EnvironmentProblem: there is no such phone, or it cannot be used.
        """
        if self._guard is not None:
            return
        self._serial = choose(self.name, self._serial or os.environ.get("ANDROID_SERIAL") or None)
        mark = f"mobilecnn-{secrets.token_hex(16)}"
        self._folder = f"{TMP}/mobilecnn-{secrets.token_hex(16)}"
        doing = f"that connects to {self.name}"
        # A session of its own: Ctrl-C must not cut the connection that cleans up after it.
        guard = self._session(doing, mark, _with_words(GUARD, [self._folder]), own_session=True)
        self._begun(guard)  # Until it is connected; if it is stopped, it cleans up all the same.
        try:
            deadline = time.monotonic() + ANSWER_SECONDS
            self._skip_to(mark, guard, deadline, ANSWER_SECONDS)
            said = self._line(guard, deadline, ANSWER_SECONDS)
            if said != "ready":
                raise EnvironmentProblem(f"cannot make a folder in {TMP} of {self.name} ({said[:200]})")
        except BaseException:
            guard.close()
            raise
        finally:
            self._running = None
        self._guard = guard

    def in_local_names(self, text: str) -> str:
        """A text from there, with the names that files have here."""
        for there, here in self.local_names.items():
            text = text.replace(there, here)
        return text

    def fetch(self, path: str, doing: str) -> bytes | None:
        """The content of a small file there; None if there is none."""
        lines = self.tell(FETCH, [path], doing)
        if not lines:
            return None
        try:
            content = base64.b64decode("".join(lines[1:]), validate=True)
        except binascii.Error:
            content = b""
        if sha256(content) != lines[0].split(" ")[0]:
            raise EnvironmentProblem(
                f"on {self.name}: the answer of the process {doing} did not arrive whole"
            )
        return content


def _absolute(file: Path) -> str:
    """The name of a file for adb, which would take one that begins with a dash for an option."""
    return str(file.absolute())


def _with_words(script: str, words: Sequence[str]) -> str:
    return f"set -- {shlex.join(words)}; {' '.join(script.split())}"
