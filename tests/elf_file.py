"""A compiled library, as small as one can be, for tests of what such a file needs."""

import struct
from collections.abc import Sequence


def elf(
    versions: Sequence[tuple[str, int]] = (("GLIBC_2.17", 0),), alignment: int = 65536, wide: bool = True
) -> bytes:
    """A library that needs these versions of symbols (name, flags), and no more of a library than that."""
    strings = b"\0" + b"".join(name.encode() + b"\0" for name, _ in versions)
    places = [1 + sum(len(name) + 1 for name, _ in versions[:index]) for index in range(len(versions))]
    needs = struct.pack("<HHIII", 1, len(versions), 1, 16, 0)
    for index, (_, flags) in enumerate(versions):
        following = 16 if index + 1 < len(versions) else 0
        needs += struct.pack("<IHHII", 0, flags, 2, places[index], following)
    head, word, count = (64, "<qQ", 2) if wide else (52, "<iI", 2)
    size = 56 if wide else 32
    table = head + count * size
    entries = [(5, 0), (0x6FFFFFFE, 0), (0x6FFFFFFF, 1), (0, 0)]
    dynamic_bytes = len(entries) * struct.calcsize(word)
    entries[0] = (5, table + dynamic_bytes)
    entries[1] = (0x6FFFFFFE, table + dynamic_bytes + len(strings))
    dynamic = b"".join(struct.pack(word, *entry) for entry in entries)
    end = table + len(dynamic) + len(strings) + len(needs)
    if wide:
        rows = [(1, 5, 0, 0, 0, end, end, alignment), (2, 6, table, table, 0, len(dynamic), len(dynamic), 8)]
        header = b"\x7fELF\x02\x01\x01" + bytes(9)
        header += struct.pack("<HHIQQQIHHHHHH", 3, 183, 1, 0, head, 0, 0, head, size, count, 0, 0, 0)
        segments = b"".join(struct.pack("<IIQQQQQQ", *row) for row in rows)
    else:
        header = b"\x7fELF\x01\x01\x01" + bytes(9)
        header += struct.pack("<HHIIIIIHHHHHH", 3, 40, 1, 0, head, 0, 0, head, size, count, 0, 0, 0)
        segments = struct.pack("<8I", 1, 0, 0, 0, end, end, 5, alignment)
        segments += struct.pack("<8I", 2, table, table, 0, len(dynamic), len(dynamic), 6, 4)
    return header + segments + dynamic + strings + needs
