"""The one connection to a board, through the OpenSSH client and its user's configuration.

Its first session is the guard: a shell on the board that makes a private folder, waits for the end of
its input, and then ends what still runs there and removes the folder. The end of the input is the end
of this process or of the connection, however either ends. All else happens in sessions of its own.

No password is asked for, no host key is accepted, nothing is forwarded.
"""

import contextlib
import secrets
import shlex
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from mobilecnn.bench.devices.seam import PROBE_TIMEOUT
from mobilecnn.bench.devices.ssh.address import Address
from mobilecnn.bench.devices.ssh.refusals import client_failed, why_refused
from mobilecnn.bench.devices.worker.causes import Tool, cleaned, find
from mobilecnn.bench.devices.worker.signs import SHELL
from mobilecnn.errors import ChildCrashed, EnvironmentProblem, MobileCnnError
from mobilecnn.process import Child

CONNECT_SECONDS = 10
"""Seconds in which one address of the board must answer; ssh tries them all."""
GUARD_SECONDS = 60.0
"""Seconds for the connection and the login shell's start-up files together."""
ANSWER_SECONDS = PROBE_TIMEOUT
"""Seconds that a small command may take: a Raspberry Pi Zero takes some to start a Python."""
SLOWEST_PUSH = 100_000
"""Lowest transfer rate, in bytes per second. A connection that is dead is noticed long before."""
CLOSE_SECONDS = 10.0
"""Seconds that cleaning up on the board may take."""

MACHINES = ("aarch64", "x86_64")
"""Machines, as uname calls them, that there are runtimes for."""

OPTIONS = (
    "BatchMode=yes",  # Never a question.
    "StrictHostKeyChecking=yes",
    f"ConnectTimeout={CONNECT_SECONDS}",
    "ServerAliveInterval=15",
    "ServerAliveCountMax=3",
    # What the user's configuration may say of the host, and is not for us.
    "ClearAllForwardings=yes",
    "ForwardAgent=no",
    "ForwardX11=no",
    "RequestTTY=no",
    "RemoteCommand=none",
    "LogLevel=ERROR",
)

# The scripts are for any POSIX sh, and have no single quotes: a login shell of any kind passes
# them on whole. Their first argument is the mark that their answer begins with.
GUARD = """
umask 077; clean() {
  for f in "$d"/pid.*; do [ ! -s "$f" ] || kill -9 "$(cat "$f")" 2>/dev/null; done;
  [ ! -s "$d/unfinished" ] || rm -rf "$(cat "$d/unfinished")";
  rm -rf "$d";
};
d=$(mktemp -d "${TMPDIR:-/tmp}/mobilecnn.XXXXXXXXXX") || exit 1;
trap clean EXIT; trap "exit 1" HUP INT TERM PIPE;
printf "\\n%s\\n%s\\n%s\\n%s\\n" "$1" "$d" "$HOME" "$(uname -sm)"; cat >/dev/null
"""
FIND = """
printf "\\n%s\\n" "$1"; shift;
for p in "$@"; do case $p in */*) [ -e "$p" ];; *) command -v "$p" >/dev/null 2>&1;; esac &&
  { printf "%s\\n" "$p"; exit 0; }; done; echo
"""
DIGEST = """
printf "\\n%s\\n" "$1"; [ -f "$2" ] || { echo; exit 0; }; h=$(sha256sum <"$2") || exit 1; echo "${h%% *}"
"""
STORE = """
umask 077; printf "\\n%s\\n" "$1"; b=${2%/*}; mkdir -p "$b" || exit 1;
t=$(mktemp "$b/.push.XXXXXXXXXX") || exit 1; trap "rm -f \\"$t\\"" EXIT; trap "exit 1" HUP INT TERM PIPE;
cat >"$t" || exit 1; h=$(sha256sum <"$t") || exit 1;
[ "${h%% *}" = "$3" ] || { echo "it did not arrive whole" >&2; exit 1; };
mv -f "$t" "$2" || exit 1; echo stored
"""
# The process number is kept, so that the guard can end a program that does not look at its input.
_TRACKED = """
printf "\\n%s\\n" "$1"; d=$2; shift 2; exec 3<&0; "$@" <&3 3<&- {to} & p=$!; exec 3<&-;
echo $p >"$d/pid.$$"; wait $p; c=$?; rm -f "$d/pid.$$"; {then} exit $c
"""
RUN = _TRACKED.replace("{to}", "").replace("{then}", "")
EXECUTE = _TRACKED.replace("{to}", ">&2").replace("{then}", "[ $c != 0 ] || echo done;")


OTHER_SHELL = "\nsh -c 'echo {other} $(cat /proc/$PPID/comm)'; exit\n"
"""Line that the guard takes no notice of. A shell that start-up files put in its place obeys it."""


class Connection:
    """A connection to a board. The first call connects; :meth:`close` cleans up there.

    Attributes:
        name: name that the user gave the board.
        local_names: paths on the board -> names that the user gave the files, for messages.
    """

    def __init__(self, name: str, address: Address, known: str = "") -> None:
        """Nothing happens yet.

        Args:
            name: name that the user gave the board.
            address: how ssh reaches it.
            known: names of all devices, for the message where there is no such host.
        """
        self.name = name
        self.local_names: dict[str, str] = {}
        self._address = address
        self._known = known
        self._mark, self._other = (f"mobilecnn-{secrets.token_hex(16)}" for _ in range(2))
        self._control: tempfile.TemporaryDirectory[str] | None = None
        self._guard: Child | None = None
        self._running: Child | None = None
        self._home = self._folder = ""

    def close(self) -> None:
        """End what runs there, remove the folder, close the connection. Harmless when repeated."""
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.close(CLOSE_SECONDS)
        if self._control is not None:
            self._control.cleanup()
            self._control = None

    def stop(self) -> None:
        """End what runs there, from another thread; the guard, which cleans up, goes on."""
        running = self._running
        if running is not None:
            running.kill()

    def store(self, file: Path, target: str, digest: str) -> None:
        """Bring a file there under the absolute name ``target``, unless it is there already.

        It is written under another name, compared by its SHA-256, and renamed.

        Raises:
            EnvironmentProblem: it cannot be written there.
        """
        doing = f"that brings {file} to {self.name}"
        try:
            with self.session(doing, DIGEST, target) as child:
                if child.line(ANSWER_SECONDS).decode(errors="replace") == digest:
                    return
            with file.open("rb") as content:
                seconds = ANSWER_SECONDS + file.stat().st_size / SLOWEST_PUSH
                folder = shlex.quote(target.rpartition("/")[0])
                with self.session(doing, STORE, target, digest, stdin=content, folder=folder) as child:
                    child.line(seconds)
        except ChildCrashed as error:
            raise EnvironmentProblem(str(error)) from error

    def execute(self, words: Sequence[str], doing: str, timeout: float, tool: Tool) -> None:
        """Run a program there to its end, without input; what it prints is kept for the error.

        Raises:
            ChildCrashed: it failed; with its last words.
        """
        with self.session(doing, EXECUTE, self.folder, *words, tool=tool) as child:
            child.line(timeout)

    def ask(self, script: str, words: Sequence[str], doing: str) -> str:
        """The one line that a sh script says after its mark, which is its first argument.

        Raises:
            ChildCrashed: it said none.
        """
        with self.session(doing, script, *words) as child:
            return child.line(ANSWER_SECONDS).decode(errors="replace")

    @property
    def home(self) -> str:
        """The home folder there."""
        self._connect()
        return self._home

    @property
    def folder(self) -> str:
        """The private folder there, which goes with the connection."""
        self._connect()
        return self._folder

    def _connect(self) -> None:
        """Connect, unless that is done already.

        Raises:
            EnvironmentProblem: it cannot be reached, or used.
        """
        if self._guard is not None:
            return
        if shutil.which("ssh") is None:
            raise EnvironmentProblem("there is no ssh on this machine; install it (Debian: openssh-client)")
        # A socket's path is at most 108 characters long, and ssh adds 17 of its own.
        long = len(tempfile.gettempdir()) > 60
        self._control = tempfile.TemporaryDirectory(prefix="mobilecnn-", dir="/tmp" if long else None)  # noqa: S108
        try:
            # A session of its own: Ctrl-C must not cut the connection that cleans up after it.
            # Of a connection that the server ends, ssh tells at this level only.
            options = ["ControlMaster=yes", "ControlPersist=no", "LogLevel=INFO"]
            self._guard = self._start(f"that connects to {self.name}", options, GUARD, own_session=True)
            self._running = self._guard  # Until it is connected; if it is stopped, it cleans up all the same.
            # One that reads its input to the end first (fish) obeys only then.
            patience = threading.Timer(0.8 * GUARD_SECONDS, self._guard.end_input)
            patience.start()
            try:
                self._guard.put(OTHER_SHELL.format(other=self._other).encode())
                self._folder, self._home, system = (
                    self._guard.line(GUARD_SECONDS).decode(errors="replace") for _ in range(3)
                )
            except ChildCrashed as error:
                guard, other = self._guard, self._other
                raise EnvironmentProblem(
                    why_refused(
                        self.name, self._address, guard.code, error, guard.greeting, other, self._known
                    )
                ) from error
            finally:
                patience.cancel()
                self._running = None
            self._check_system(system)
        except BaseException:
            self.close()
            raise

    def _start(
        self,
        doing: str,
        options: Sequence[str],
        script: str,
        *words: str,
        stdin: IO[bytes] | int = subprocess.PIPE,
        own_session: bool = False,
    ) -> Child:
        assert self._control is not None
        socket = f"{self._control.name}/s".replace("%", "%%")
        arguments = [
            word for option in (*options, *OPTIONS, f"ControlPath={socket}") for word in ("-o", option)
        ]
        # Of the messages there those in English are known here, and not every server takes a locale from us.
        spoken = "LC_ALL=C; export LC_ALL; " + " ".join(script.split())
        remote = shlex.join(["sh", "-c", spoken, "sh", self._mark, *words])
        *port, host = self._address.words
        command = ["ssh", *arguments, *port, "--", host, remote]
        # A host that is jumped over has a client of its own, which BatchMode does not reach.
        return Child(
            command, doing, {"LC_ALL": "C", "SSH_ASKPASS_REQUIRE": "never"}, stdin, self._mark, own_session
        )

    @contextlib.contextmanager
    def session(
        self,
        doing: str,
        script: str,
        *words: str,
        stdin: IO[bytes] | int = subprocess.PIPE,
        tool: Tool = SHELL,
        folder: str = "",
    ) -> Iterator[Child]:
        """Run a script there, over the connection; its errors have the names that files have here.

        Args:
            doing: relative clause for messages.
            script: script for a POSIX sh; its first argument is the mark.
            words: further arguments.
            stdin: file that it reads instead of messages.
            tool: tool whose words it passes on.
            folder: folder there that it writes to, for messages.
        """
        # Without the ProxyCommand, ssh would make a connection of its own where ours is gone.
        options = ["ControlMaster=no", "ProxyCommand=false"]
        self._connect()
        with self._start(doing, options, script, *words, stdin=stdin) as child:
            self._running = child
            try:
                yield child
            except ChildCrashed as error:
                if self._guard is not None and self._guard.ended(1.0):
                    raise EnvironmentProblem(
                        f"the connection to {self.name} broke, and with it the process {doing}; check the power "
                        "supply and the network of the board, and try again"
                    ) from error
                raise self._explained(error, child.code, tool, folder) from error
            except MobileCnnError as error:
                text = str(error)
                for there, here in self.local_names.items():
                    text = text.replace(there, here)
                raise type(error)(f"on {self.name}: {text}") from error

    def _explained(self, error: ChildCrashed, code: int | None, tool: Tool, folder: str) -> ChildCrashed:
        """The error with its cause, where its words name one."""
        if not error.how:
            return error
        if code == 255 and any("mux_client" in line or "kex_exchange" in line for line in error.words):
            told = client_failed(self.name, self._address, error.words)
            return ChildCrashed(f"{error.how}: {told}", error.how, error.words)
        place = {
            "name": self.name,
            "host": shlex.join(self._address.words),
            **({"folder": folder} if folder else {}),
        }
        cause = find(tool, [*error.words, error.how], **place)
        if not cause.code:
            cause = cause._replace(line=find(tool, error.words).line)
            last = "its last words" if error.words and cause.line == cleaned(error.words[-1]) else "it says"
            return ChildCrashed(
                f"{error.how}; {last}: {cause}" if error.words else error.how, error.how, error.words
            )
        return ChildCrashed(f"{error.how}: {cause}", error.how, error.words)

    def _check_system(self, system: str) -> None:
        kernel, _, machine = system.partition(" ")
        if kernel == "Linux" and machine in MACHINES:
            return
        advice = "a board with 64-bit Linux is needed"
        if machine.startswith("armv"):
            advice = "the runtimes need a 64-bit system; install the 64-bit Raspberry Pi OS (Pi 3, Zero 2 W or newer)"
        raise EnvironmentProblem(f"{self.name} runs {system}: {advice}")
