"""Damaged pictures: by the parts of their formats."""

import io
import struct
import zlib
from collections.abc import Callable
from random import Random

import numpy as np
from PIL import Image

FORMS = ("PNG", "JPEG", "BMP", "WEBP", "GIF", "TIFF", "PPM", "JPEG2000")

TAGS = (
    254,
    256,
    257,
    258,
    259,
    262,
    266,
    273,
    277,
    278,
    279,
    284,
    317,
    320,
    322,
    330,
    338,
    339,
    347,
    530,
    34675,
    50706,
)
"""Tags of a TIFF file that say how its pixels lie."""

TIFF_VALUES = (
    2,
    3,
    4,
    5,
    6,
    7,
    8,
    9,
    10,
    12,
    14,
    32,
    64,
    32773,
    32803,
    34676,
    34712,
    34892,
    34925,
    50000,
    50001,
)
"""Values of those: numbers of bits, of compressions, and of kinds of colours."""

FIRST = (
    b"\xff\xd8\xff\xf7\0\x0b\x0c",
    b"II+\0\x08\0\0\0",
    b"MM\0*",
    b"<?xml",
    b"\xff\x0a",
    b"P7\n",
    b"RIFF\0\0\0\0AVI ",
    b"8BPS",
)
"""First bytes of files of other kinds."""

SIDES = (0, 1, 2**15, 2**16 - 1, 2**31 - 1, 2**32 - 1)


def _sample(random: Random, form: str) -> bytes:
    modes = {
        "PNG": ("RGB", "L", "RGBA", "P", "1", "LA", "I;16"),
        "JPEG": ("RGB", "L", "CMYK"),
        "BMP": ("RGB", "L", "1"),
        "GIF": ("RGB", "L", "P"),
        "TIFF": ("RGB", "L", "CMYK", "1", "I;16"),
        "PPM": ("RGB", "L", "1"),
    }
    mode = random.choice(modes.get(form, ("RGB", "RGBA")))
    pixels = np.frombuffer(random.randbytes(24 * 20 * 3), np.uint8).reshape(24, 20, 3)
    image = Image.fromarray(pixels)
    image = Image.fromarray(pixels[..., 0].astype(np.uint16)) if mode == "I;16" else image.convert(mode)
    stream = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = random.choice((0, 1, 3, 6, 9, 300))
    options = {"exif": exif} if form in ("JPEG", "PNG", "WEBP") else {}
    image.save(stream, form, **options)
    return stream.getvalue()


def _chunks(content: bytes) -> list[tuple[bytes, bytes]]:
    chunks, position = [], 8
    while position < len(content):
        (length,) = struct.unpack_from(">I", content, position)
        chunks.append((content[position + 4 : position + 8], content[position + 8 : position + 8 + length]))
        position += 12 + length
    return chunks


def _png(random: Random) -> bytes:
    chunks = _chunks(_sample(random, "PNG"))
    what = random.randrange(7)
    place = random.randrange(len(chunks))
    if what == 0:
        header = bytearray(chunks[0][1])
        if random.random() < 0.5:
            struct.pack_into(">I", header, random.choice((0, 4)), random.choice(SIDES))
        else:
            header[random.randrange(8, 13)] = random.choice((0, 1, 2, 3, 4, 5, 6, 7, 16, 255))
        chunks[0] = (b"IHDR", bytes(header))
    elif what == 1:
        chunks.insert(place, chunks[place])
    elif what == 2:
        del chunks[place]
    elif what == 3:
        bomb = zlib.compress(bytes(80 << 20), 9)
        chunks.insert(1, random.choice(((b"iCCP", b"a\0\0" + bomb), (b"zTXt", b"a\0\0" + bomb))))
    elif what == 4:
        chunks.insert(
            1, (random.choice((b"tRNS", b"PLTE", b"acTL", b"eXIf", b"gAMA", b"pHYs")), random.randbytes(5))
        )
    elif what == 5:
        pixels = b"".join(data for kind, data in chunks if kind == b"IDAT")
        chunks = [(kind, data) for kind, data in chunks if kind != b"IDAT"]
        chunks.insert(
            -1, (b"IDAT", zlib.compress(bytes(100 << 20), 9) if random.random() < 0.3 else pixels[:-9])
        )
    made = b"\x89PNG\r\n\x1a\n"
    for index, (kind, data) in enumerate(chunks):
        wrong = what == 6 and index == place
        length = random.choice((0, 2**31 - 1, 2**32 - 1)) if wrong and random.random() < 0.5 else len(data)
        check = zlib.crc32(kind + data) ^ (1 if wrong else 0)
        made += struct.pack(">I", length) + kind + data + struct.pack(">I", check)
    return made


def _jpeg(random: Random) -> bytes:
    content = bytearray(_sample(random, "JPEG"))
    markers = [
        place
        for place in range(2, len(content) - 4)
        if content[place] == 0xFF and content[place + 1] not in (0, 0xFF)
    ]
    place = random.choice(markers)
    what = random.randrange(4)
    if what == 0:
        struct.pack_into(">H", content, place + 2, random.choice((0, 1, 2, 2**15, 2**16 - 1)))
    elif what == 1:
        content[place + 1] = random.choice((0xC0, 0xC2, 0xC4, 0xD9, 0xDA, 0xDB, 0xE1, 0xFE))
    elif what == 2:
        frames = [marker for marker in markers if content[marker + 1] in (0xC0, 0xC2)] or [place]
        struct.pack_into(
            ">H",
            content,
            min(frames[0] + random.choice((5, 7)), len(content) - 2),
            random.choice((0, 1, 65535)),
        )
    else:
        del content[place : place + random.randrange(1, 40)]
    return bytes(content)


def _bmp(random: Random) -> bytes:
    content = bytearray(_sample(random, "BMP"))
    field = random.choice(
        ((2, "<I"), (10, "<I"), (14, "<I"), (18, "<i"), (22, "<i"), (28, "<H"), (30, "<I"), (46, "<I"))
    )
    limit = 2 ** (8 * struct.calcsize(field[1].lower()))
    value = random.choice((*SIDES, 5, 33, 2**31)) % limit
    struct.pack_into(field[1].upper(), content, field[0], value)
    return bytes(content)


def _webp(random: Random) -> bytes:
    content = bytearray(_sample(random, "WEBP"))
    place = random.randrange(0, min(len(content), 60) - 4)
    struct.pack_into("<I", content, place, random.choice((*SIDES, random.getrandbits(32))))
    return bytes(content)


def _tiff(random: Random) -> bytes:
    content = bytearray(_sample(random, "TIFF"))
    (first,) = struct.unpack_from("<I", content, 4)
    (count,) = struct.unpack_from("<H", content, first)
    for _ in range(random.choice((1, 1, 2))):
        entry = first + 2 + 12 * random.randrange(count)
        what = random.randrange(4)
        if what == 0:
            struct.pack_into("<H", content, entry, random.choice(TAGS))
        elif what == 1:
            struct.pack_into("<H", content, entry + 2, random.randrange(20))
        elif what == 2:
            struct.pack_into("<I", content, entry + 4, random.choice((*SIDES, 3, 8)))
        else:
            struct.pack_into("<I", content, entry + 8, random.choice((*SIDES, *TIFF_VALUES)))
    return bytes(content)


def _media(random: Random) -> bytes:
    first = random.choice(
        (b"\0\0\0\x18ftyp" + random.choice((b"heic", b"avif", b"isom", b"\x1b[2J")), *FIRST)
    )
    return first + random.randbytes(random.choice((0, 3, 100, 5000)))


def _any(random: Random) -> bytes:
    content = bytearray(_sample(random, random.choice(FORMS)))
    if random.random() < 0.4:
        return bytes(content[: random.randrange(len(content))])
    for _ in range(random.choice((1, 8, 64))):
        content[random.randrange(len(content))] = random.randrange(256)
    return bytes(content)


KINDS: dict[str, Callable[[Random], bytes]] = {
    ".png": _png, ".jpg": _jpeg, ".bmp": _bmp, ".webp": _webp, ".jpeg": _any, ".tif": _tiff, ".avif": _media
}  # fmt: skip
"""Suffix -> what makes a damaged file of it."""


def mutated(random: Random) -> tuple[str, bytes]:
    """Suffix and content of a damaged picture."""
    suffix = random.choice(sorted(KINDS))
    return suffix, KINDS[suffix](random)
