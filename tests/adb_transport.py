"""The device's side of adb's transport protocol: connections, and the streams on them."""

import contextlib
import os
import queue
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Protocol

FEATURES = ("shell_v2", "cmd", "stat_v2")


MAXDATA = 256 * 1024


VERSION = 0x01000001


class Served(Protocol):
    """The phone, as far as a connection knows it."""

    authorised: bool
    features: tuple[str, ...]

    def service(self, name: str) -> "Callable[[Stream], None] | None":
        """What serves a stream of that name; None to refuse it."""


class Gone(Exception):
    """The other side has closed the stream, or the connection is gone."""


class Stream:
    """One stream of a connection, as the device sees it."""

    def __init__(self, connection: "Connection", mine: int, theirs: int) -> None:
        self.connection, self.mine, self.theirs = connection, mine, theirs
        self.incoming: queue.Queue[bytes | None] = queue.Queue()
        self.acknowledged = threading.Semaphore(0)
        self.closed = threading.Event()
        self._buffer = b""
        self._writer = threading.Lock()

    def end(self) -> None:
        """The host has closed it, or the connection is gone."""
        self.closed.set()
        self.incoming.put(None)
        self.acknowledged.release()

    def write(self, data: bytes) -> None:
        with self._writer:
            for begin in range(0, len(data), self.connection.maxdata):
                if self.closed.is_set():
                    raise Gone
                self.connection.send(
                    b"WRTE", self.mine, self.theirs, data[begin : begin + self.connection.maxdata]
                )
                self.acknowledged.acquire()
                if self.closed.is_set():
                    raise Gone

    def close(self) -> None:
        with contextlib.suppress(OSError):
            if not self.closed.is_set():
                self.connection.send(b"CLSE", self.mine, self.theirs)

    def read(self, size: int) -> bytes:
        """Exactly ``size`` bytes."""
        while len(self._buffer) < size:
            chunk = self.incoming.get()
            if chunk is None:
                raise Gone
            self._buffer += chunk
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data


class Connection:
    """One adb server's connection."""

    def __init__(self, phone: Served, sock: socket.socket) -> None:
        self.phone, self.sock = phone, sock
        self.maxdata = MAXDATA
        self.streams: dict[int, Stream] = {}
        self._lock = threading.Lock()
        self._next = 1

    def send(self, command: bytes, arg0: int, arg1: int, data: bytes = b"") -> None:
        (number,) = struct.unpack("<I", command)
        head = struct.pack("<6I", number, arg0, arg1, len(data), sum(data) & 0xFFFFFFFF, number ^ 0xFFFFFFFF)
        with self._lock:
            self.sock.sendall(head + data)

    def _receive(self) -> tuple[bytes, int, int, bytes]:
        number, arg0, arg1, length, _, magic = struct.unpack("<6I", self._exactly(24))
        if magic != number ^ 0xFFFFFFFF:
            raise OSError("no message of adb")
        return struct.pack("<I", number), arg0, arg1, self._exactly(length)

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            chunk = self.sock.recv(size - len(data))
            if not chunk:
                raise OSError("the connection is closed")
            data += chunk
        return data

    def serve(self) -> None:
        try:
            while True:
                self._handle(*self._receive())
        except OSError:
            pass
        finally:
            self.drop()

    def drop(self) -> None:
        """Close it without a word."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
        for stream in list(self.streams.values()):
            stream.end()

    def _handle(self, command: bytes, arg0: int, arg1: int, data: bytes) -> None:
        stream = self.streams.get(arg1)
        if command == b"CNXN":
            self.maxdata = min(MAXDATA, arg1)
            self._welcome()
        elif command == b"AUTH":
            self._welcome()
        elif command == b"OPEN":
            self._open(arg0, data.rstrip(b"\0").decode())
        elif stream is None:
            if command == b"WRTE":
                self.send(b"CLSE", 0, arg0)
        elif command == b"OKAY":
            stream.acknowledged.release()
        elif command == b"WRTE":
            stream.incoming.put(data)
            self.send(b"OKAY", stream.mine, stream.theirs)
        elif command == b"CLSE":
            del self.streams[arg1]
            stream.close()
            stream.end()

    def _welcome(self) -> None:
        if self.phone.authorised:
            banner = "".join(
                f"{name}={value};"
                for name, value in (
                    ("ro.product.name", "phone"), ("ro.product.model", "Phone 1"), ("ro.product.device", "phone")
                )
            )  # fmt: skip
            features = ",".join(self.phone.features)
            self.send(b"CNXN", VERSION, MAXDATA, f"device::{banner}features={features}".encode())
        else:
            time.sleep(0.1)
            self.send(b"AUTH", 1, 0, os.urandom(20))

    def _open(self, theirs: int, service: str) -> None:
        serve = self.phone.service(service)
        if serve is None:
            self.send(b"CLSE", 0, theirs)
            return
        stream = Stream(self, self._next, theirs)
        self._next += 1
        self.streams[stream.mine] = stream
        self.send(b"OKAY", stream.mine, theirs)
        threading.Thread(target=self._run, args=(serve, stream), daemon=True).start()

    def _run(self, serve: Callable[[Stream], None], stream: Stream) -> None:
        try:
            serve(stream)
        except (Gone, OSError):
            pass
        finally:
            stream.close()
