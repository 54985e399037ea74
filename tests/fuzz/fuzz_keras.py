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


def _members(content: bytes) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [(member.filename, archive.read(member)) for member in archive.infolist()]


def _packed(members: list[tuple[str, bytes]], method: int = zipfile.ZIP_STORED) -> bytes:
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


def _archive(random: Random, members: list[tuple[str, bytes]]) -> bytes:
    what = random.randrange(7)
    place = random.randrange(len(members))
    name, data = members[place]
    if what == 0:
        return _packed(members[:place] + members[place + 1 :])
    if what == 1:
        other = random.choice(
            ("../../" + name, "/" + name, name.upper(), name + "\x1b[31m", "x" * 300, name + "/")
        )
        return _packed([*members[:place], (other, data), *members[place + 1 :]])
    if what == 2:
        return _packed([*members, (random.choice(members)[0] + random.choice(("", "x")), b"\0" * 100)])
    if what == 3:
        bomb = bytes(random.choice((1 << 20, 300 << 20)))
        return _packed([*members[:place], (name, bomb), *members[place + 1 :]], zipfile.ZIP_DEFLATED)
    content = bytearray(_packed(members, random.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))))
    if what == 4:
        return bytes(content[: random.randrange(len(content))])
    directory = struct.unpack_from("<I", content, len(content) - 6)[0]
    entries = [directory]
    while len(entries) < len(members):
        sizes = struct.unpack_from("<HHH", content, entries[-1] + 28)
        entries.append(entries[-1] + 46 + sum(sizes))
    entry = random.choice(entries)
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
    members = _members(content)
    names = [name for name, _ in members]
    what = random.random()
    if what < 0.45:
        name = random.choice([name for name in names if name.endswith(".json")] + ["config.json"])
        place = names.index(name)
        document = json.loads(members[place][1])
        made = (
            fuzz_json.mutated(random, document)
            if random.random() < 0.2
            else json.dumps(fuzz_json.tree(random, document)).encode(errors="surrogatepass")
        )
        return _packed([*members[:place], (name, made), *members[place + 1 :]])
    if what < 0.65:
        place = names.index("model.weights.h5")
        return _packed(
            [*members[:place], (names[place], _weights(random, members[place][1])), *members[place + 1 :]]
        )
    return _archive(random, members)
