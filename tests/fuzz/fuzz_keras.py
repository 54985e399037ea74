"""Mutated .keras files: the members of the archive, the trees of their JSON, the HDF5 of the weights."""

import io
import json
import struct
import warnings
import zipfile
from random import Random

import fuzz_json

_FIELDS = (
    (6, "<H"),
    (8, "<H"),
    (10, "<H"),
    (14, "<I"),
    (16, "<I"),
    (20, "<I"),
    (24, "<I"),
    (28, "<H"),
    (42, "<I"),
)
"""Fields of an entry of a zip archive's directory: place and form."""


def members(content: bytes) -> list[tuple[str, bytes]]:
    """Names and contents of an archive."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [(member.filename, archive.read(member)) for member in archive.infolist()]


def packed(members: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
    """An archive of names and contents, also of the same name twice."""
    stream = io.BytesIO()
    with warnings.catch_warnings(action="ignore"), zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in members:
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return stream.getvalue()


def _weights(random: Random, content: bytes) -> bytes:
    made = bytearray(content)
    if random.random() < 0.3:
        return bytes(made[: random.randrange(len(made))])
    for _ in range(random.choice((1, 4, 30))):
        # The first kilobytes describe; after them come numbers.
        place = random.randrange(min(len(made), 4096) if random.random() < 0.8 else len(made)) & ~3
        struct.pack_into(
            "<I",
            made,
            min(place, len(made) - 4),
            random.choice((0, 1, 2**31, 2**32 - 1, random.getrandbits(32))),
        )
    return bytes(made)


def archive(random: Random, entries: list[tuple[str, bytes]]) -> bytes:
    """An archive with damage to its form."""
    what = random.randrange(7)
    place = random.randrange(len(entries))
    name, data = entries[place]
    if what == 0:
        return packed(entries[:place] + entries[place + 1 :])
    if what == 1:
        other = random.choice(
            ("../../" + name, "/" + name, name.upper(), name + "\x1b[31m", "x" * 300, name + "/")
        )
        return packed([*entries[:place], (other, data), *entries[place + 1 :]])
    if what == 2:
        return packed([*entries, (random.choice(entries)[0] + random.choice(("", "x")), b"\0" * 100)])
    if what == 3:
        bomb = bytes(random.choice((1 << 20, 300 << 20)))
        return packed([*entries[:place], (name, bomb), *entries[place + 1 :]], zipfile.ZIP_DEFLATED)
    content = bytearray(packed(entries, random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))))
    if what == 4:
        return bytes(content[: random.randrange(len(content))])
    directory = struct.unpack_from("<I", content, len(content) - 6)[0]
    places = [directory]
    while len(places) < len(entries):
        sizes = struct.unpack_from("<HHH", content, places[-1] + 28)
        places.append(places[-1] + 46 + sum(sizes))
    entry = random.choice(places)
    if what == 5:  # Encrypted, with another method, of another size, somewhere else.
        offset, form = random.choice(_FIELDS)
        value = random.choice((0, 1, 8, 12, 14, 95, 2**15, 2**16 - 1, 2**31 - 1, 2**32 - 1))
        struct.pack_into(form, content, entry + offset, value % 2 ** (8 * struct.calcsize(form)))
        return bytes(content)
    for _ in range(8):
        content[random.randrange(directory, len(content))] = random.randrange(256)
    return bytes(content)


def mutated(random: Random, content: bytes) -> bytes:
    """A mutated .keras file."""
    entries = members(content)
    names = [name for name, _ in entries]
    what = random.random()
    if what < 0.45:
        name = random.choice([name for name in names if name.endswith(".json")] + ["config.json"])
        place = names.index(name)
        document = json.loads(entries[place][1])
        made = (
            fuzz_json.mutated(random, document)
            if random.random() < 0.2
            else json.dumps(fuzz_json.tree(random, document)).encode(errors="surrogatepass")
        )
        return packed([*entries[:place], (name, made), *entries[place + 1 :]])
    if what < 0.65:
        place = names.index("model.weights.h5")
        return packed(
            [*entries[:place], (names[place], _weights(random, entries[place][1])), *entries[place + 1 :]]
        )
    return archive(random, entries)
