"""TIFF files whose channels lie apart: read right, or refused where Pillow reads every other byte."""

import struct
from pathlib import Path

import numpy as np
import pytest

from mobilecnn.errors import DataError
from mobilecnn.train.images import decode

SIDE = 6


def planar(
    path: Path, bits: int, channels: int, order: str
) -> np.ndarray[tuple[int, int, int], np.dtype[np.uint8]]:
    """Write a TIFF file without compression, a strip a channel; its pixels in 8 bits, (height, width, channels)."""
    pixels = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, channels), np.uint8)
    stored = pixels.astype(f"{order}u{bits // 8}") * (257 if bits == 16 else 1)
    strips = [np.ascontiguousarray(stored[..., channel]).tobytes() for channel in range(channels)]
    size = len(strips[0])
    after = 8 + size * channels
    extra = struct.pack(f"{order}{channels}H", *[bits] * channels)
    extra += struct.pack(f"{order}{channels}I", *[8 + size * channel for channel in range(channels)])
    extra += struct.pack(f"{order}{channels}I", *[size] * channels)
    tags = [
        (256, 4, 1, SIDE), (257, 4, 1, SIDE), (258, 3, channels, after), (259, 3, 1, 1),
        (262, 3, 1, 2), (273, 4, channels, after + 2 * channels), (277, 3, 1, channels), (278, 4, 1, SIDE),
        (279, 4, channels, after + 6 * channels), (284, 3, 1, 2),
    ]  # fmt: skip
    entries = b""
    for tag, kind, count, value in tags:
        short = kind == 3 and count == 1
        entries += struct.pack(f"{order}HHI", tag, kind, count)
        entries += struct.pack(f"{order}HH", value, 0) if short else struct.pack(f"{order}I", value)
    mark = b"II*\0" if order == "<" else b"MM\0*"
    head = mark + struct.pack(f"{order}I", after + len(extra))
    directory = struct.pack(f"{order}H", len(tags)) + entries + bytes(4)
    path.write_bytes(head + b"".join(strips) + extra + directory)
    return pixels


@pytest.mark.parametrize("order", ["<", ">"])
def test_channels_of_8_bits_apart_are_read(order: str, tmp_path: Path) -> None:
    pixels = planar(tmp_path / "it.tif", 8, 3, order)
    np.testing.assert_array_equal(np.asarray(decode(tmp_path / "it.tif").image), pixels)


@pytest.mark.parametrize("order", ["<", ">"])
def test_channels_of_16_bits_apart_and_uncompressed_are_refused(order: str, tmp_path: Path) -> None:
    planar(tmp_path / "it.tif", 16, 3, order)
    with pytest.raises(DataError, match="stores its channels of 16 bits apart and uncompressed"):
        decode(tmp_path / "it.tif")
