"""A stand-in for a phone: the device's side of adb's transport protocol, for the real adb client.

It listens on 127.0.0.1 and is a phone as far as adb can tell: ``adb connect`` finds it, ``adb shell``
runs a command in the ``sh`` of this machine, and ``adb push`` writes into a folder. ``/data``,
``/sys`` and ``/proc`` of a command are that folder's, and ``getprop``, ``dumpsys``, ``taskset`` and the
like are small scripts in it. What it does on the far side of the protocol is this machine's work and
proves nothing about a phone.
"""

import contextlib
import os
import re
import signal
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Self

from adb_transport import FEATURES, Connection, Gone, Stream
from phone_contents import CLOCKS, LOG, PROGRAMS, PROPERTIES
from sshd import command_of, processes


class Phone:
    """The stand-in. As a context manager it listens.

    Attributes:
        root: folder that is its file system.
        features: names of the capabilities that it announces.
        authorised: whether it accepts the host's key.
        silent: whether it accepts connections and never answers.
        room: largest size of a file, in bytes; None for no limit.
        break_push_after: number of bytes of a file after which the connection breaks; None for never.
        greeting: shell code that runs before each command.
        break_install: whether the connection breaks while an app is transferred.
        pushed: names of files that arrived.
    """

    def __init__(self, root: Path, features: Sequence[str] = FEATURES) -> None:
        self.root, self.features = root, tuple(features)
        self.authorised, self.silent = True, False
        self.room: int | None = None
        self.break_push_after: int | None = None
        self.greeting = ""
        self.break_install = False
        self.pushed: list[str] = []
        self._connections: list[Connection] = []
        self.tmp.mkdir(parents=True)
        self._furnish()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.serial = f"127.0.0.1:{self._listener.getsockname()[1]}"

    @property
    def tmp(self) -> Path:
        """What is ``/data/local/tmp`` there."""
        return self.root / "data/local/tmp"

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.vanish()
        for process in self.sessions():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)

    def vanish(self) -> None:
        """Be gone, for good."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.drop()

    def drop(self) -> None:
        """Lose every connection, as when the cable is pulled and put back."""
        for connection in self._connections:
            connection.drop()
        self._connections.clear()

    def sessions(self) -> list[int]:
        """The process numbers of all that runs there."""
        mark = f"PHONE={self.root}\0".encode()
        marked = []
        for process in processes():
            with contextlib.suppress(OSError):
                if mark in Path(f"/proc/{process}/environ").read_bytes():
                    marked.append(process)
        return marked

    def expect_nothing_left(self, seconds: float = 60) -> None:
        """Fail unless soon nothing runs there, and no file lies there but the cache."""
        end = time.monotonic() + seconds
        while True:
            left = [command_of(process) for process in self.sessions()]
            left += [
                path.name for path in self.tmp.iterdir() if path.name not in ("mobilecnn", "benchmark_model")
            ]
            if not left:
                return
            if time.monotonic() > end:
                raise AssertionError(f"left on the phone: {left}")
            time.sleep(0.05)

    def program(self, name: str, text: str) -> None:
        """Put a shell script there: one of its commands, ``tool`` (what benchmark_model does) or ``app``."""
        path = self.root / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)

    def prints(self, text: str, code: int = 0) -> None:
        """Have benchmark_model print ``text`` and end with ``code``."""
        (self.root / "printed").write_text(text)
        self.program("tool", f'cat "$PHONE/printed"; exit {code}')

    def lines(self, name: str) -> list[str]:
        """What its commands have written down: ``masks``, ``flags``, ``started``."""
        path = self.root / name
        return path.read_text().splitlines() if path.exists() else []

    def _furnish(self) -> None:
        self.describe(PROPERTIES, CLOCKS)
        for name, text in PROGRAMS.items():
            (self.root / "bin").mkdir(exist_ok=True)
            self.program(f"bin/{name}", text)
        self.prints(LOG)
        (self.root / "install").write_text("Success\n")
        (self.root / "proc").mkdir()
        block = "processor\t: {}\nFeatures\t: fp asimd asimddp i8mm\nCPU implementer\t: 0x41\nCPU part\t: 0xd05\n\n"
        (self.root / "proc/cpuinfo").write_text("".join(block.format(core) for core in range(8)))
        (self.root / "proc/meminfo").write_text("MemTotal:        7819876 kB\nMemFree:  1 kB\n")
        for number, (name, value) in enumerate((("cpu-big", "41500"), ("load", "7"), ("broken", ""))):
            zone = self.root / f"sys/class/thermal/thermal_zone{number}"
            zone.mkdir(parents=True)
            (zone / "type").write_text(name + "\n")
            (zone / "temp").write_text(value + "\n")
        (self.root / "dumpsys.thermalservice").write_text("IsStatusOverride: false\nThermal Status: 0\n")
        (self.root / "dumpsys.battery").write_text("  level: 83\n  scale: 100\n  temperature: 312\n")

    def describe(self, properties: Mapping[str, str], clocks: Sequence[int]) -> None:
        """What it says of itself; a clock of 0 cannot be read."""
        (self.root / "properties").write_text(
            "".join(f"{name}={value}\n" for name, value in properties.items())
        )
        for core, khz in enumerate(clocks):
            folder = self.root / f"sys/devices/system/cpu/cpu{core}/cpufreq"
            folder.mkdir(parents=True, exist_ok=True)
            for name, value in (
                ("cpuinfo_max_freq", khz),
                ("scaling_cur_freq", khz // 2),
                ("scaling_governor", "sched"),
            ):
                (folder / name).write_text(f"{value}\n" if khz else "")

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            connection = Connection(self, sock)
            self._connections.append(connection)
            if not self.silent:
                threading.Thread(target=connection.serve, daemon=True).start()

    # The services.

    def service(self, name: str) -> Callable[[Stream], None] | None:
        """What serves a stream of that name; None to refuse it."""
        if name.startswith("shell,v2,"):
            command = name.partition(":")[2]
            return lambda stream: self._shell(stream, command, packets=True)
        if name.startswith("shell:"):
            return lambda stream: self._shell(stream, name[6:], packets=False)
        if install := re.fullmatch(r"exec:cmd package 'install' .*-S ([0-9]+).*", name):
            return lambda stream: self._install(stream, int(install[1]))
        return self._sync if name == "sync:" else None

    def _here(self, text: str) -> str:
        return re.sub(r"(?<![\w./-])/(data|sys|proc)(?=/)", rf"{self.root}/\1", text)

    def _shell(self, stream: Stream, command: str, packets: bool) -> None:
        with subprocess.Popen(
            ["sh", "-c", self.greeting + self._here(command)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if packets else subprocess.STDOUT,
            env={"PATH": f"{self.root / 'bin'}:{os.environ['PATH']}", "PHONE": str(self.root)},
            cwd=self.root,
            start_new_session=True,
        ) as process:
            assert process.stdin is not None and process.stdout is not None
            threading.Thread(target=self._feed, args=(stream, process, packets), daemon=True).start()
            pumps = [
                threading.Thread(
                    target=self._pump, args=(stream, pipe, number if packets else None), daemon=True
                )
                for number, pipe in ((1, process.stdout), (2, process.stderr))
                if pipe is not None
            ]
            for pump in pumps:
                pump.start()
            for pump in pumps:
                pump.join()
            code = process.wait()
        if packets:
            stream.write(struct.pack("<BIB", 3, 1, code if code >= 0 else 128 - code))

    def _pump(self, stream: Stream, pipe: IO[bytes], packet: int | None) -> None:
        gone = False
        for line in pipe:
            line = line.replace(str(self.root).encode() + b"/", b"/")
            with contextlib.suppress(ValueError):
                if gone:
                    continue
            try:
                stream.write(line if packet is None else struct.pack("<BI", packet, len(line)) + line)
            except (Gone, OSError):
                gone = True

    def _feed(self, stream: Stream, process: "subprocess.Popen[bytes]", packets: bool) -> None:
        """The host's input to the process; adbd hangs up on it when the stream ends before it does."""
        assert process.stdin is not None
        try:
            while True:
                if packets:
                    kind, length = struct.unpack("<BI", stream.read(5))
                    data = stream.read(length)
                else:
                    kind, data = 0, stream.read(1)
                if kind == 4:
                    process.stdin.close()
                elif kind == 0 and not process.stdin.closed:
                    process.stdin.write(data)
                    process.stdin.flush()
        except (Gone, OSError, ValueError):
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(signal.SIGHUP)
            with contextlib.suppress(OSError, ValueError):
                process.stdin.close()

    def _sync(self, stream: Stream) -> None:
        while True:
            kind, length = struct.unpack("<4sI", stream.read(8))
            path = stream.read(length).decode()
            if kind == b"QUIT":
                return
            if kind == b"STAT":
                mode, size, mtime = self._stat(path)
                stream.write(struct.pack("<4s3I", kind, mode, size, mtime))
            elif kind in (b"STA2", b"LST2"):
                mode, size, mtime = self._stat(path)
                error = 0 if mode else 2
                stream.write(
                    struct.pack(
                        "<4sIQQIIIIQqqq", kind, error, 1, 1, mode, 1, 2000, 2000, size, mtime, mtime, mtime
                    )
                )
            elif kind == b"SEND":
                self._take(stream, path)
            else:
                message = b"not in this stand-in"
                stream.write(struct.pack("<4sI", b"FAIL", len(message)) + message)

    def _install(self, stream: Stream, size: int) -> None:
        """The app is ``installed.apk`` then; the answer is what ``install`` says."""
        content = stream.read(size // 2 if self.break_install else size)
        if self.break_install:
            self.drop()
            raise Gone
        (self.root / "installed.apk").write_bytes(content)
        stream.write((self.root / "install").read_bytes())

    def _stat(self, path: str) -> tuple[int, int, int]:
        try:
            status = Path(self._here(path)).stat()
        except OSError:
            return 0, 0, 0
        return status.st_mode, status.st_size, int(status.st_mtime)

    def _take(self, stream: Stream, request: str) -> None:
        path, _, mode = request.rpartition(",")
        target = Path(self._here(path))
        taken, problem = 0, b""
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with target.open("wb") as file:
                while True:
                    kind, length = struct.unpack("<4sI", stream.read(8))
                    if kind == b"DONE":
                        break
                    file.write(stream.read(length))
                    taken += length
                    if self.break_push_after is not None and taken >= self.break_push_after:
                        self.drop()
                    if self.room is not None and taken > self.room:
                        problem = b"write failed: No space left on device"
        except (Gone, OSError):
            target.unlink(missing_ok=True)
            raise
        if problem:
            target.unlink()
            stream.write(struct.pack("<4sI", b"FAIL", len(problem)) + problem)
            return
        target.chmod(int(mode) & 0o777)
        self.pushed.append(path)
        stream.write(struct.pack("<4sI", b"OKAY", 0))


def free_port() -> int:
    """One that nobody listens at just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def adb(*words: str, variables: Mapping[str, str]) -> str:
    """What adb says, to its end."""
    done = subprocess.run(
        ["adb", *words],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return done.stdout + done.stderr


@contextlib.contextmanager
def server(folder: Path) -> Iterator[dict[str, str]]:
    """An adb server of our own; yields the variables by which a client finds it.

    Neither the keys nor the devices of whoever runs the tests are touched.
    """
    variables = {
        "ANDROID_ADB_SERVER_PORT": str(free_port()), "HOME": str(folder), "ANDROID_USER_HOME": str(folder),
        "ADB_MDNS": "0", "ADB_MDNS_AUTO_CONNECT": "0", "TMPDIR": str(folder),
    }  # fmt: skip
    subprocess.run(
        ["adb", "start-server"],
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=120,
        check=True,
    )
    try:
        yield variables
    finally:
        adb("kill-server", variables=variables)


def connect(phone: Phone, variables: Mapping[str, str], state: str = "device") -> None:
    """Have the server connect, and wait until it says ``state`` of the phone."""
    adb("connect", phone.serial, variables=variables)
    end = time.monotonic() + 120
    while f"{phone.serial}\t{state}" not in (listed := adb("devices", variables=variables)):
        if time.monotonic() > end:
            raise AssertionError(f"adb does not find the stand-in: {listed}")
        time.sleep(0.05)
