"""TensorBoard's event files, written without the package ``tensorboard``: the figures of each epoch as scalars.

An event file is a series of records: the length in eight bytes, its checksum, the bytes, their checksum. Each is a
protocol buffer ``tensorflow.Event`` (``tensorflow/core/util/event.proto``). The checksum is CRC-32C, rotated and shifted as
``tensorflow/core/lib/hash/crc32c.h`` does.
"""

import os
import socket
import struct
import time
from dataclasses import asdict
from functools import cache
from pathlib import Path

from mobilecnn.files import check_writable, unwritable
from mobilecnn.train.plan import Epoch

_POLYNOMIAL = 0x82F63B78
"""CRC-32C's, reversed."""


class EventFile:
    """A new event file in a folder, which TensorBoard reads while it grows."""

    def __init__(self, folder: Path) -> None:
        """Begin a file; that of an interrupted training in the same folder stays, and TensorBoard joins the two.

        Raises:
            OutputError: the folder cannot be written.
            EnvironmentProblem: the disk is full.
        """
        check_writable(folder)
        host = "".join(letter if letter.isalnum() else "-" for letter in socket.gethostname())
        self.path = folder / f"events.out.tfevents.{time.time_ns()}.{host}.{os.getpid()}"
        # Event: wall_time = 1, file_version = 3.
        self._append(_double(1, time.time()) + _bytes(3, b"brain.Event:2"))

    def write(self, row: Epoch) -> None:
        """Append the figures of an epoch, its number being the step.

        Raises:
            OutputError: the file cannot be written.
            EnvironmentProblem: the disk is full.
        """
        figures = {name: value for name, value in asdict(row).items() if name != "epoch"}
        # Event: wall_time = 1, step = 2, summary = 5; Summary: value = 1; Value: tag = 1, simple_value = 2.
        values = b"".join(
            _bytes(1, _bytes(1, name.encode()) + _key(2, 5) + struct.pack("<f", value))
            for name, value in figures.items()
        )
        self._append(_double(1, time.time()) + _key(2, 0) + _varint(row.epoch) + _bytes(5, values))

    def _append(self, event: bytes) -> None:
        length = struct.pack("<Q", len(event))
        record = length + _checksum(length) + event + _checksum(event)
        try:
            with self.path.open("ab") as file:
                file.write(record)
        except OSError as error:
            raise unwritable(f"write {self.path}", error) from error


def _key(field: int, kind: int) -> bytes:
    return _varint(field << 3 | kind)


def _varint(value: int) -> bytes:
    made = bytearray()
    while value > 0x7F:
        made.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*made, value])


def _double(field: int, value: float) -> bytes:
    return _key(field, 1) + struct.pack("<d", value)


def _bytes(field: int, value: bytes) -> bytes:
    return _key(field, 2) + _varint(len(value)) + value


@cache
def _table() -> tuple[int, ...]:
    rows = []
    for byte in range(256):
        value = byte
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        rows.append(value)
    return tuple(rows)


def _checksum(content: bytes) -> bytes:
    crc, table = 0xFFFFFFFF, _table()
    for byte in content:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    crc ^= 0xFFFFFFFF
    return struct.pack("<I", ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF)
