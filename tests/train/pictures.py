"""Picture files that Pillow cannot write."""

import io
import struct
import zlib
from collections.abc import Mapping, Sequence

from PIL import Image


def png(kind: int, bits: int, row: bytes, *chunks: tuple[bytes, bytes], width: int = 1) -> bytes:
    """A PNG file of one row, by the standard."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return (
            struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        )

    header = struct.pack(">IIBBBBB", width, 1, bits, kind, 0, 0, 0)
    parts = [(b"IHDR", header), *chunks, (b"IDAT", zlib.compress(b"\0" + row)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name, content) for name, content in parts)


def tiff(bits: int, values: list[int], photometric: int, deflated: bool = False) -> bytes:
    """A little-endian TIFF file of one pixel; ``values`` are its samples, of 16 bits each."""
    content = struct.pack(f"<{len(values)}H", *values)
    content = zlib.compress(content) if deflated else content
    depths = struct.pack(f"<{len(values)}H", *[bits] * len(values))
    after = 8 + 2 + 12 * 9 + 4
    where = bits if len(values) == 1 else after
    tags = [
        (256, 3, 1, 1), (257, 3, 1, 1), (258, 3, len(values), where), (259, 3, 1, 8 if deflated else 1),
        (262, 3, 1, photometric), (273, 4, 1, after + len(depths)), (277, 3, 1, len(values)), (278, 3, 1, 1),
        (279, 4, 1, len(content)),
    ]  # fmt: skip
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + depths + content


def twelve_bits(first: int, second: int) -> bytes:
    """A TIFF file of two pixels of 12 bits."""
    packed = bytes([first >> 4, (first & 15) << 4 | second >> 8, second & 255])
    entries = [(256, 3, 2), (257, 3, 1), (258, 3, 12), (259, 3, 1), (262, 3, 1), (273, 4, 122), (277, 3, 1)]
    entries += [(278, 3, 1), (279, 4, 3)]
    body = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + struct.pack("<I", 0) + packed


def tagged_tiff(
    content: bytes,
    bits: Sequence[int] = (8,),
    tags: Mapping[int, int | Sequence[int]] | None = None,
    big: bool = False,
) -> bytes:
    """A little-endian TIFF file of 4 x 4 pixels in one strip, black is 0, or a BigTIFF file.

    Args:
        content: the strip.
        bits: bits of each channel.
        tags: other tags, or other values (numbers of 16 bits); an empty one leaves the tag out.
        big: whether its offsets have 64 bits.
    """
    values: dict[int, Sequence[int]] = {
        256: [4], 257: [4], 258: list(bits), 259: [1], 262: [1], 277: [len(bits)], 278: [4]
    }  # fmt: skip
    values |= {number: [value] if isinstance(value, int) else value for number, value in (tags or {}).items()}
    written = {number: struct.pack(f"<{len(value)}H", *value) for number, value in values.items() if value}
    wide = "Q" if big else "I"
    room = struct.calcsize("<" + wide)
    after = (16 if big else 8) + (8 if big else 2) + (len(written) + 2) * (4 + 2 * room) + room
    outside = b"".join(value for value in written.values() if len(value) > room)
    entries = [
        (279, 4, 1, struct.pack("<I", len(content))),
        (273, 4, 1, struct.pack("<I", after + len(outside))),
    ]
    for number, value in written.items():
        where = value
        if len(value) > room:
            where, after = struct.pack("<" + wide, after), after + len(value)
        entries.append((number, 3, len(value) // 2, where))
    head = struct.pack("<2sHHHQ", b"II", 43, 8, 0, 16) if big else struct.pack("<2sHI", b"II", 42, 8)
    rows = [
        struct.pack("<HH" + wide, number, kind, count) + where.ljust(room, b"\0")
        for number, kind, count, where in sorted(entries)
    ]
    count = struct.pack("<Q" if big else "<H", len(entries))
    return head + count + b"".join(rows) + bytes(room) + outside + content


def jpeg_frame(change: Mapping[int, int]) -> bytes:
    """A JPEG file whose frame has other bytes: place behind its 0xFF -> byte; 0 is its kind, 3 its precision."""
    stream = io.BytesIO()
    Image.new("RGB", (16, 16)).save(stream, "JPEG")
    content = bytearray(stream.getvalue())
    frame = content.index(b"\xff\xc0") + 1
    for place, byte in change.items():
        content[frame + place] = byte
    return bytes(content)
