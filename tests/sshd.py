"""A real SSH server on this machine, as the board of a test: its own keys, home and temporary folder.

OpenSSH takes the home folder from the user database and not from ``$HOME``, so the client is
given its configuration by a program ``ssh`` that comes first on the path.
"""

import contextlib
import os
import pwd
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"

HOSTS = (
    "board",
    "busy",
    "unknown",
    "changed",
    "refused",
    "closed",
    "jumped",
    "jumped-closed",
    "jumped-unknown",
)
"""The aliases of the client's configuration. ``busy`` is ``board`` with settings for other
purposes; those after it are wrong in their own way, the last three by the host that they jump over."""


@dataclass(frozen=True)
class Board:
    """A server that listens.

    Attributes:
        home: home folder of its sessions.
        tmp: temporary folder of its sessions.
        path: folder to put first on the path: its ``ssh`` knows :data:`HOSTS`.
        server: process number of the listening sshd.
    """

    home: Path
    tmp: Path
    path: Path
    server: int

    def environment(self) -> dict[str, str]:
        """What a process needs that shall find the board."""
        return {"PATH": f"{self.path}:{os.environ['PATH']}"}

    def sessions(self) -> list[int]:
        """The process numbers of all that the server has started and that is still there."""
        return descendants(self.server) + [
            number for number in processes() if str(self.tmp) in command_of(number)
        ]

    def expect_nothing_left(self, seconds: float = 60) -> None:
        """Fail unless soon no process is left, no temporary file, and no half of a model."""
        end = time.monotonic() + seconds
        while True:
            left = [command_of(number) for number in self.sessions()]
            left += [str(path) for path in [*self.tmp.iterdir(), *self.home.rglob(".push.*")]]
            if not left:
                return
            if time.monotonic() > end:
                raise AssertionError(f"left on the board: {left}")
            time.sleep(0.05)

    def cut(self) -> None:
        """Cut every connection, as when the network goes."""
        for process in children(self.server):
            for inner in [process, *children(process)]:
                if command_of(inner).startswith("sshd"):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(inner, signal.SIGKILL)


def processes() -> list[int]:
    """The numbers of all processes that are no zombies."""
    return [int(folder.name) for folder in Path("/proc").glob("[0-9]*") if parent_of(int(folder.name)) >= 0]


def parent_of(process: int) -> int:
    """The process that started it; -1 if it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return -1
    return -1 if fields[0] == "Z" else int(fields[1])


def command_of(process: int) -> str:
    """Its command line, with spaces between the words."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def children(process: int) -> list[int]:
    """The processes that it has started."""
    return [child for child in processes() if parent_of(child) == process]


def descendants(process: int) -> list[int]:
    """The processes that it has started, and those that they have, and so on."""
    return [descendant for child in children(process) for descendant in (child, *descendants(child))]


def _key(file: Path) -> str:
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(file)]
    subprocess.run(command, check=True)
    return file.with_suffix(".pub").read_text().rsplit(" ", 1)[0]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def sshd(
    folder: Path, before: str = "", variables: Mapping[str, str] | None = None, settings: Sequence[str] = ()
) -> Iterator[Board]:
    """Serve on a free port of this machine, as the current user.

    Args:
        folder: empty folder for everything that the server needs.
        before: shell code that every session runs first: a limit, a talkative start-up file.
        variables: environment variables of the sessions.
        settings: further lines of the server's configuration.
    """
    home, tmp, path = (folder / name for name in ("home", "tmp", "path"))
    for directory in (home, tmp, path):
        directory.mkdir(mode=0o700)
    host, other, mine = (_key(folder / name) for name in ("host_key", "other_key", "my_key"))
    _key(folder / "strangers_key")
    (folder / "authorized_keys").write_text(mine + "\n")
    port = _free_port()
    user = pwd.getpwuid(os.getuid()).pw_name
    environment = {"HOME": str(home), "TMPDIR": str(tmp), **(variables or {})}
    lines = [
        *settings,
        f"Port {port}", "ListenAddress 127.0.0.1", f"HostKey {folder / 'host_key'}",
        f"AuthorizedKeysFile {folder / 'authorized_keys'}", f"PidFile {folder / 'pid'}",
        "PasswordAuthentication no", "KbdInteractiveAuthentication no", "UsePAM no",
        # The folder of a test lies below one that everybody may write to.
        "StrictModes no",
        "SetEnv " + " ".join(f"{name}={shlex.quote(value)}" for name, value in environment.items()),
    ]  # fmt: skip
    if before:
        lines.append(f'ForceCommand {before}; eval "$SSH_ORIGINAL_COMMAND"')
    (folder / "sshd_config").write_text("\n".join(lines) + "\n")
    names = f"[127.0.0.1]:{port}"
    (folder / "known").write_text(f"{names} {host}\n")
    (folder / "changed").write_text(f"{names} {other}\n")
    (folder / "empty").write_text("")
    common = f"HostName 127.0.0.1\n User {user}\n IdentitiesOnly yes\n GlobalKnownHostsFile /dev/null\n"
    blocks = {
        "board": (port, "my_key", "known"),
        "unknown": (port, "my_key", "empty"),
        "changed": (port, "my_key", "changed"),
        "refused": (port, "strangers_key", "known"),
        "closed": (_free_port(), "my_key", "known"),
    }
    (folder / "ssh_config").write_text(
        "".join(
            f"Host {name}\n {common} Port {number}\n IdentityFile {folder / key}\n UserKnownHostsFile {folder / known}\n"
            for name, (number, key, known) in blocks.items()
        )
    )
    with (folder / "ssh_config").open("a") as more:
        more.write(
            f"Host busy\n {common} Port {port}\n IdentityFile {folder / 'my_key'}\n"
            f" UserKnownHostsFile {folder / 'known'}\n RemoteCommand echo hello\n RequestTTY force\n"
            f" ControlMaster auto\n ControlPath {folder / 'theirs'}\n ControlPersist yes\n"
            f" LocalForward {folder / 'forward'} 127.0.0.1:9\n LogLevel QUIET\n"
        )
        for name, jump in (
            ("jumped", "nowhere.invalid"),
            ("jumped-closed", "closed"),
            ("jumped-unknown", "unknown"),
        ):
            more.write(f"Host {name}\n {common} Port {port}\n ProxyJump {jump}\n")
    client = path / "ssh"
    client.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder / "ssh_config"} "$@"\n')
    client.chmod(0o755)
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # Debian's sshd insists on it.
    with (folder / "log").open("w") as log:
        server = subprocess.Popen([SSHD, "-D", "-e", "-f", str(folder / "sshd_config")], stderr=log)
        try:
            _wait_for(port, server, folder / "log")
            yield Board(home, tmp, path, server.pid)
        finally:
            for process in [*descendants(server.pid), server.pid]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            server.wait()


def _wait_for(port: int, server: "subprocess.Popen[bytes]", log: Path) -> None:
    end = time.monotonic() + 120
    while time.monotonic() < end and server.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    raise AssertionError(f"sshd does not listen: {log.read_text()}")


@contextlib.contextmanager
def another(
    monkeypatch: pytest.MonkeyPatch, before: str = "", *, settings: Sequence[str] = (), **variables: str
) -> Iterator[Board]:
    """A server of its own, whose sessions begin with the shell code ``before``."""
    with (
        tempfile.TemporaryDirectory(prefix="sshd-") as folder,
        sshd(Path(folder), before, variables, settings) as server,
    ):
        monkeypatch.setenv("PATH", server.environment()["PATH"])
        yield server
        server.expect_nothing_left()


def program(path: Path, text: str) -> str:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


@contextlib.contextmanager
def soon(action: Callable[[], None]) -> Iterator[None]:
    """Do something beside the block."""
    thread = threading.Thread(target=action)
    thread.start()
    yield
    thread.join()


def elsewhere(folder: Path, name: str, python: str = sys.executable) -> str:
    """A Python that says it is on a machine of its own: another than this one, and than that of another name."""
    own = folder / f"machine-{name}"
    own.mkdir()
    (own / "sitecustomize.py").write_text(
        "import pathlib\nread = pathlib.Path.read_text\n"
        f"def text(path, *rest, **more):\n    return {name!r} if path.name == 'boot_id' else read(path, *rest, **more)\n"
        "pathlib.Path.read_text = text\n"
    )
    return program(own / "python", f'PYTHONPATH={own} exec {python} "$@"')
