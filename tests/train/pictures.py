"""Picture files that Pillow cannot write."""

import struct
import zlib


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
