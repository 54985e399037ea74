"""What a compiled program or library needs of its system: read from the file itself, strictly and within bounds.

A wheel's name says for which C library it is built (``manylinux_2_27``), and may be wrong; the loader goes by
the versions of symbols that the libraries within need. Read by the System V ABI and the GNU extension for
symbol versions (Linux Standard Base, "Symbol Versioning").
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any, NamedTuple

MOST_SEGMENTS = 256
"""Largest number of program headers; real files have about ten."""
MOST_TAGS = 1000
"""Largest number of entries of a dynamic section; real ones have about thirty."""
MOST_VERSIONS = 10_000
"""Largest number of versions of symbols that a file may need; real ones need some dozen."""
MOST_BYTES = 512 << 20
"""Largest size of all libraries of a wheel, in bytes, unpacked; TensorFlow's have 1 GB, the runtimes' 40 MB."""
MOST_FILES = 20_000
"""Largest number of files in a wheel."""

LOAD, DYNAMIC = 1, 2
"""Types of program headers."""
STRINGS, NEEDED_VERSIONS, NUMBER_OF_VERSIONS = 5, 0x6FFFFFFE, 0x6FFFFFFF
"""Tags of the dynamic section: DT_STRTAB, DT_VERNEED, DT_VERNEEDNUM."""
WEAK = 2
"""Flag of a version without which the loader goes on."""

RELATIVE_RELOCATIONS = 36
"""Minor version of glibc 2 that ``GLIBC_ABI_DT_RELR`` stands for."""


class Needs(NamedTuple):
    """What a file, or all of a wheel, needs.

    Attributes:
        glibc: minor version of glibc 2; 0 where it needs none.
        page_bytes: largest size of memory pages, in bytes, with which it can be loaded; None where it has no code.
    """

    glibc: int
    page_bytes: int | None


def read(content: bytes) -> Needs:
    """What an ELF file needs.

    Raises:
        ValueError: it is none, is damaged, or is beyond the bounds.
    """
    if content[:4] != b"\x7fELF" or len(content) < 64 or content[4] not in (1, 2) or content[5] != 1:
        raise ValueError("it is no little-endian ELF file")
    wide = content[4] == 2
    try:
        segments = _segments(content, wide)
        aligned = [alignment for kind, _, _, _, alignment in segments if kind == LOAD]
        names = _needed_versions(content, wide, segments)
    except (struct.error, OverflowError) as error:
        raise ValueError("it ends in the middle of a table") from error
    return Needs(max(map(_glibc, names), default=0), min(aligned, default=None))


def _segments(content: bytes, wide: bool) -> list[tuple[int, int, int, int, int]]:
    """Type, offset, address, size in the file and alignment of each program header."""
    (begin,) = struct.unpack_from("<Q" if wide else "<I", content, 32 if wide else 28)
    size, number = struct.unpack_from("<HH", content, 54 if wide else 42)
    if number > MOST_SEGMENTS or size != (56 if wide else 32):
        raise ValueError("its program headers are not of the known form")
    segments = []
    for index in range(number):
        at = begin + index * size
        if wide:
            kind, _, offset, address, _, length, _, alignment = struct.unpack_from("<IIQQQQQQ", content, at)
        else:
            kind, offset, address, _, length, _, _, alignment = struct.unpack_from("<8I", content, at)
        segments.append((kind, offset, address, length, alignment))
    return segments


def _needed_versions(content: bytes, wide: bool, segments: list[tuple[int, int, int, int, int]]) -> list[str]:
    """Names of the versions of symbols without which the loader refuses it."""
    tags: dict[int, int] = {}
    entry = "<qQ" if wide else "<iI"
    size = struct.calcsize(entry)
    for kind, offset, _, length, _ in segments:
        if kind == DYNAMIC:
            for at in range(offset, min(offset + length, offset + MOST_TAGS * size), size):
                tag, value = struct.unpack_from(entry, content, at)
                if tag == 0:
                    break
                tags.setdefault(tag & 0xFFFFFFFF, value)

    def place(address: int) -> int:
        for kind, offset, begin, length, _ in segments:
            if kind == LOAD and begin <= address < begin + length:
                return offset + address - begin
        raise ValueError("a table lies outside of it")

    if NEEDED_VERSIONS not in tags:
        return []
    strings, at = place(tags.get(STRINGS, 0)), place(tags[NEEDED_VERSIONS])
    names: list[str] = []
    for _ in range(min(tags.get(NUMBER_OF_VERSIONS, 0), MOST_VERSIONS)):
        _, count, _, first, following = struct.unpack_from("<HHIII", content, at)
        version = at + first
        for _ in range(count):
            _, flags, _, name, next_version = struct.unpack_from("<IHHII", content, version)
            if not flags & WEAK:
                names.append(_name(content, strings + name))
            if len(names) > MOST_VERSIONS:
                raise ValueError("it needs more versions of symbols than any program does")
            if not next_version:
                break
            version += next_version
        if not following:
            break
        at += following
    return names


def _name(content: bytes, at: int) -> str:
    end = content.find(b"\0", at, at + 256)
    if end < 0:
        raise ValueError("a name has no end")
    return content[at:end].decode("ascii", errors="replace")


def _glibc(name: str) -> int:
    if name == "GLIBC_ABI_DT_RELR":
        return RELATIVE_RELOCATIONS
    match = re.match(r"GLIBC_2\.(\d{1,3})(?:\.|$)", name)
    return int(match.group(1)) if match else 0


def of_wheel(path: Path) -> Needs:
    """What the libraries in a wheel need, all together.

    Raises:
        ValueError: it is damaged, or beyond the bounds.
    """
    glibc, pages, left = 0, [], MOST_BYTES
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if len(members) > MOST_FILES:
                raise ValueError("it has more files than any wheel")
            for member in members:
                if not re.search(r"\.so(?:\.[0-9.]+)?$", member.filename):
                    continue
                with archive.open(member) as file:
                    content = file.read(left + 1)
                left -= len(content)
                if left < 0:
                    raise ValueError("its libraries are larger than those of any runtime")
                needs = read(content)
                glibc = max(glibc, needs.glibc)
                pages += [] if needs.page_bytes is None else [needs.page_bytes]
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError, zlib.error) as error:
        raise ValueError("it is no whole wheel") from error
    return Needs(glibc, min(pages, default=None))


def needs_of(files: list[Path]) -> dict[str, Any]:
    """The name of each wheel -> what it needs, as JSON."""
    return {file.name: list(of_wheel(file)) for file in files}
