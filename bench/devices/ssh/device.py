"""Boards that are reached over SSH, through the OpenSSH client and its user's configuration.

One connection carries everything. Its first session is the guard: a shell on the board that
makes a private folder, waits for the end of its input, and then ends what still runs there
and removes the folder. The end of the input is the end of this process or of the connection,
however either ends. What times is ``worker.py``, in sessions of its own.

No password is asked for, no host key is accepted, nothing is forwarded.
"""

import contextlib
import re
import secrets
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import IO

from mobilecnn.bench.devices import entries as device_file
from mobilecnn.bench.devices import worker
from mobilecnn.bench.devices.seam import PROBE_TIMEOUT, Answer, Job, facts, until_end
from mobilecnn.bench.records.measurement import Facts
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.errors import ChildCrashed, EnvironmentProblem, MobileCnnError, ModelFileError
from mobilecnn.files import read_bytes, sha256
from mobilecnn.process import Child, Closing
from mobilecnn.quantize.runtimes import RUNTIMES

CONNECT_SECONDS = 10
"""For one address of the board; ssh tries them all."""
GUARD_SECONDS = 60.0
"""For the connection and the login shell's start-up files together."""
ANSWER_SECONDS = PROBE_TIMEOUT
"""For the small commands: a Raspberry Pi Zero takes seconds to start a Python."""
SLOWEST_PUSH = 100_000
"""Bytes a second. A connection that is dead is noticed long before."""
CLOSE_SECONDS = 10.0

OLDEST_PYTHON = (3, 9)
MACHINES = ("aarch64", "x86_64")

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
for p in "$@"; do if command -v "$p" >/dev/null 2>&1; then printf "%s\\n" "$p"; exit 0; fi; done; echo
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

CHECK = (  # Also for Python 2.
    "import sys; print('%d.%d.%d %d' % (tuple(sys.version_info[:3]) + (64 if sys.maxsize > 2**32 else 32,)))"
)


_ANOTHER = "name another: mobilecnn devices add NAME --host HOST --python PYTHON"


class SshDevice(Closing):
    """A board over SSH. The first call connects; leaving the block cleans up there."""

    runtimes: tuple[str, ...] = RUNTIMES
    runs_worker: bool = True

    def __init__(self, name: str, host: str, python: str | None = None, runtime: str | None = None) -> None:
        """Nothing happens yet.

        Args:
            name: what the user calls it.
            host: what ``ssh`` calls it.
            python: the interpreter there, a command or a path (``~/`` is the home there);
                None for the one that ``mobilecnn devices setup`` made, else ``python3``.
            runtime: what :meth:`probe` demands to be there; None to demand nothing.

        Raises:
            UsageError: ``host`` is none.
        """
        device_file.check_host(host)
        self.name = name
        self.host = host
        self._named_python = python
        self._runtime = runtime
        self._mark = f"mobilecnn-{secrets.token_hex(16)}"
        self._control: tempfile.TemporaryDirectory[str] | None = None
        self._guard: Child | None = None
        self._running: Child | None = None
        self._home = self._folder = ""
        self._pythons: dict[str | None, str] = {}
        self._local_names: dict[str, str] = {}

    def close(self) -> None:
        """End what runs there, remove the folder, close the connection. Harmless when repeated."""
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.close(CLOSE_SECONDS)
        if self._control is not None:
            self._control.cleanup()
            self._control = None

    def stop(self) -> None:
        """See :meth:`mobilecnn.bench.devices.seam.Device.stop`: the guard, which cleans up, goes on."""
        running = self._running
        if running is not None:
            running.kill()

    def probe(self) -> Facts:
        """See :meth:`mobilecnn.bench.devices.seam.Device.probe`; a missing runtime is a failure."""
        found = facts(
            "ssh", self.run({"task": "probe"}, f"that probes {self.name}", ANSWER_SECONDS), self.name
        )
        if self._runtime is not None:
            job = {"task": "runtime", "runtime": self._runtime}
            try:
                self.run(job, f"that looks for {self._runtime} on {self.name}", ANSWER_SECONDS)
            except ChildCrashed:
                raise
            except EnvironmentProblem as error:
                raise EnvironmentProblem(
                    f"{error}; or run here: mobilecnn devices setup {self.name} --runtime {self._runtime}"
                ) from error
        return found

    def adapt(self, protocol: Protocol) -> Protocol:
        """See :meth:`mobilecnn.bench.devices.seam.Device.adapt`: as it is."""
        return protocol

    def put(self, model: Path) -> str:
        """See :meth:`mobilecnn.bench.devices.seam.Device.put`: into the cache there, by content."""
        self._connect()
        digest = sha256(read_bytes(model, "model", ModelFileError))
        target = f"{self._home}/.cache/mobilecnn/models/{digest}.tflite"
        self.store(model, target, digest)
        self._local_names[target] = str(model)
        return target

    def run(self, job: Job, doing: str, timeout: float) -> Answer:
        """See :meth:`mobilecnn.bench.devices.seam.Device.run`."""
        return self.work(self._python(job.get("runtime", self._runtime)), job, doing, timeout)

    def follow(self, job: Job, doing: str, timeout: float) -> Generator[Answer, None, None]:
        """See :meth:`mobilecnn.bench.devices.seam.Device.follow`."""
        with self._worker(self._python(job.get("runtime", self._runtime)), job, doing) as child:
            yield from until_end(child, timeout)

    def work(self, python: str, job: Job, doing: str, timeout: float) -> Answer:
        """:meth:`run` with an interpreter of one's own choice, an absolute path there."""
        with self._worker(python, job, doing) as child:
            return child.receive(timeout)

    @contextlib.contextmanager
    def _worker(self, python: str, job: Job, doing: str) -> Iterator[Child]:
        self._connect()
        with self._session(doing, RUN, self._folder, python, f"{self._folder}/worker.py") as child:
            child.send({**job, "until_input_closes": True})
            yield child

    def find_python(self, candidates: Sequence[str]) -> str:
        """The first of some interpreters that is there; ``~/`` is the home there.

        Raises:
            EnvironmentProblem: none is, or it is not one that the worker can use.
        """
        self._connect()
        paths = [f"{self._home}/{path[2:]}" if path.startswith("~/") else path for path in candidates]
        with self._session(f"that looks for Python on {self.name}", FIND, *paths) as child:
            python = child.line(ANSWER_SECONDS).decode(errors="replace")
        if not python:
            raise EnvironmentProblem(
                f"there is no {candidates[-1]} on {self.name}; install Python there (sudo apt-get install python3), "
                f"or {_ANOTHER}"
            )
        version, bits = self.python_facts(python)
        if version[:2] < OLDEST_PYTHON:
            shown, oldest = (".".join(map(str, each)) for each in (version, OLDEST_PYTHON))
            raise EnvironmentProblem(
                f"{python} on {self.name} is Python {shown}, and the bench worker needs {oldest} or newer; {_ANOTHER}"
            )
        if bits != 64:
            raise EnvironmentProblem(
                f"{python} on {self.name} is a 32-bit Python, and the runtimes need a 64-bit system; install the "
                "64-bit Raspberry Pi OS"
            )
        return python

    def _python(self, runtime: str | None) -> str:
        if runtime not in self._pythons:
            made = [environment("~", each) + "/bin/python" for each in ([runtime] if runtime else RUNTIMES)]
            named = [self._named_python] if self._named_python else [*made, "python3"]
            self._pythons[runtime] = self.find_python(named)
        return self._pythons[runtime]

    def python_facts(self, python: str) -> tuple[tuple[int, ...], int]:
        """The version of an interpreter there, and its bits.

        Raises:
            EnvironmentProblem: it is none.
        """
        doing = f"that asks {python} on {self.name} for its version"
        try:
            with self._session(doing, RUN, self._folder, python, "-c", CHECK) as child:
                answer = child.line(ANSWER_SECONDS).decode(errors="replace")
        except ChildCrashed as error:
            raise EnvironmentProblem(
                f"{python} on {self.name} is no Python that works: {error}; {_ANOTHER}"
            ) from error
        match = re.fullmatch(r"(\d+)\.(\d+)\.(\d+) (32|64)", answer.strip())
        if match is None:
            raise EnvironmentProblem(
                f"{python} on {self.name} is no Python: it answered {answer[:80]!r}; {_ANOTHER}"
            )
        *parts, bits = (int(group) for group in match.groups())
        return tuple(parts), bits

    def store(self, file: Path, target: str, digest: str) -> None:
        """Bring a file there under the absolute name ``target``, unless it is there already.

        It is written under another name, compared by its SHA-256, and renamed.

        Raises:
            EnvironmentProblem: it cannot be written there.
        """
        self._connect()
        doing = f"that brings {file} to {self.name}"
        try:
            with self._session(doing, DIGEST, target) as child:
                if child.line(ANSWER_SECONDS).decode(errors="replace") == digest:
                    return
            with file.open("rb") as content:
                seconds = ANSWER_SECONDS + file.stat().st_size / SLOWEST_PUSH
                with self._session(doing, STORE, target, digest, stdin=content) as child:
                    child.line(seconds)
        except ChildCrashed as error:
            raise EnvironmentProblem(
                f"{error}; there must be room for it (df -h {shlex.quote(target.rpartition('/')[0])} on {self.name}), "
                "and the folder must be yours"
            ) from error

    def execute(self, words: Sequence[str], doing: str, timeout: float) -> None:
        """Run a program there to its end, without input; what it prints is kept for the error.

        Raises:
            ChildCrashed: it failed; with its last words.
        """
        self._connect()
        with self._session(doing, EXECUTE, self._folder, *words) as child:
            child.line(timeout)

    def ask(self, script: str, words: Sequence[str], doing: str) -> str:
        """The one line that a sh script says after its mark, which is its first argument.

        Raises:
            ChildCrashed: it said none.
        """
        self._connect()
        with self._session(doing, script, *words) as child:
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
        if self._guard is not None:
            return
        if shutil.which("ssh") is None:
            raise EnvironmentProblem("there is no ssh on this machine; install it (Debian: openssh-client)")
        # A socket's path is at most 108 characters long, and ssh adds 17 of its own.
        long = len(tempfile.gettempdir()) > 60
        self._control = tempfile.TemporaryDirectory(prefix="mobilecnn-", dir="/tmp" if long else None)  # noqa: S108
        try:
            # A session of its own: Ctrl-C must not cut the connection that cleans up after it.
            options = ["ControlMaster=yes", "ControlPersist=no"]
            self._guard = self._start(f"that connects to {self.name}", options, GUARD, own_session=True)
            self._running = self._guard  # Until it is connected; if it is stopped, it cleans up all the same.
            try:
                self._folder, self._home, system = (
                    self._guard.line(GUARD_SECONDS).decode(errors="replace") for _ in range(3)
                )
            except ChildCrashed as error:
                raise EnvironmentProblem(self._why_not(error)) from error
            finally:
                self._running = None
            self._check_system(system)
            source = Path(worker.__file__)
            self.store(source, f"{self._folder}/worker.py", sha256(source.read_bytes()))
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
        remote = shlex.join(["sh", "-c", " ".join(script.split()), "sh", self._mark, *words])
        command = ["ssh", *arguments, "--", self.host, remote]
        # ssh hands the locale on: the messages from there shall be those that are known here.
        return Child(command, doing, {"LC_ALL": "C"}, stdin, self._mark, own_session)

    @contextlib.contextmanager
    def _session(
        self, doing: str, script: str, *words: str, stdin: IO[bytes] | int = subprocess.PIPE
    ) -> Iterator[Child]:
        """A script there, over the connection; its errors in the words of this machine."""
        # Without the ProxyCommand, ssh would make a connection of its own where ours is gone.
        options = ["ControlMaster=no", "ProxyCommand=false"]
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
                raise
            except MobileCnnError as error:
                text = str(error)
                for there, here in self._local_names.items():
                    text = text.replace(there, here)
                raise type(error)(f"on {self.name}: {text}") from error

    def _check_system(self, system: str) -> None:
        kernel, _, machine = system.partition(" ")
        if kernel == "Linux" and machine in MACHINES:
            return
        advice = "a board with 64-bit Linux is needed"
        if machine.startswith("armv"):
            advice = "the runtimes need a 64-bit system; install the 64-bit Raspberry Pi OS (Pi 3, Zero 2 W or newer)"
        raise EnvironmentProblem(f"{self.name} runs {system}: {advice}")

    def _why_not(self, error: ChildCrashed) -> str:
        """Why there is no connection, and what to do."""
        guard = self._guard
        assert guard is not None
        words = guard.words()
        ssh = shlex.join(["ssh", self.host])
        if guard.code is None or guard.code != 255:
            return (
                f"{self.name} lets us in, but its login shell does not do what it is told: {error}; "
                f"try: {ssh} echo well"
            )
        last = words[-1] if words else "ssh says nothing more"
        for pattern, advice in REFUSALS:
            match = re.search(pattern, "\n".join(words))
            if match:
                found = match.groupdict().get("command") or shlex.join(["ssh-keygen", "-R", self.host])
                known = ", ".join([device_file.LOCAL, *device_file.read(), *device_file.EMULATED])
                return advice.format(name=self.name, ssh=ssh, last=last, command=found, known=known)
        return f"cannot connect to {self.name} ({last}); try in a terminal: {ssh}"


REFUSALS = (
    (
        r"HOST IDENTIFICATION HAS CHANGED(?s:.*?(?P<command>ssh-keygen -f .*? -R \S+)|)",
        (
            "the host key of {name} is not the one that is known here. Either the board was installed anew, or another "
            "machine answers in its place. If you know why, forget the old key ({command}), connect once in a terminal "
            "({ssh}) and compare the fingerprint"
        ),
    ),
    (
        r"Host key verification failed|host key is known for",
        (
            "the host key of {name} is not known here. Connect once in a terminal ({ssh}), compare the fingerprint that "
            "it shows with the one that the board tells (there: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub), and "
            "accept it only if they are the same"
        ),
    ),
    (
        r"Permission denied",
        (
            "{name} refuses your key ({last}). Passwords are never asked for: bring your key there with "
            "ssh-copy-id, and load it with ssh-add if it has a passphrase; {ssh} must work without a question"
        ),
    ),
    (
        r"Could not resolve hostname",
        "no device or host is named {name} ({last}); the devices are {known}; name another with mobilecnn devices add NAME --host ADDRESS, or a phone with mobilecnn devices add NAME --adb",
    ),
    (
        r"Connection refused",
        (
            "no SSH server answers at {name} ({last}); switch SSH on there (sudo raspi-config, Interface Options), and "
            "check the port"
        ),
    ),
    (
        r"timed out|No route to host|Network is unreachable",
        "{name} does not answer ({last}); check that it is on, and in the same network",
    ),
)
"""What ssh says -> what to do. The first that is found counts."""


def environment(home: str, runtime: str) -> str:
    """Where ``mobilecnn devices setup`` puts the environment of a runtime."""
    return f"{home}/.local/share/mobilecnn/env-{runtime}"
