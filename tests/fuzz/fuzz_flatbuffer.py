"""Mutated .tflite files: by the types of the schema's fields, as objects and as bytes."""

import struct
from collections.abc import Callable
from random import Random
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

from mobilecnn.convert.graph.bounds import FIELDS
from mobilecnn.convert.graph.flatbuffer import IDENTIFIER

WHOLE = (-(2**31), -1000, -2, -1, 0, 1, 2, 3, 7, 127, 128, 255, 10_000, 100_000, 2**31 - 1)
REAL = (0.0, -1.0, 1e-45, 1e38, float("nan"), float("inf"), float("-inf"), 1.0)
NAMES = (b"", b"\x1b[31mred", b"\xff\xfe", b"a\nb\rc", b"x" * 300, b"\x00", "é\u202e".encode(), b"\x9b31m")
OFFSETS = (0, 1, 3, 4, 8, 2**16, 2**31 - 1, 2**31, 2**32 - 4, 2**32 - 1)


# As objects: what packs is a well-formed flatbuffer, and says something wrong.


def _objects(node: Any, kept: list[Any]) -> list[Any]:
    if type(node).__module__ == schema.__name__:
        kept.append(node)
        for value in vars(node).values():
            _objects(value, kept)
    elif isinstance(node, list):
        for entry in node:
            _objects(entry, kept)
    return kept


def _vector(random: Random, values: npt.NDArray[Any]) -> npt.NDArray[Any] | None:
    what = random.randrange(6)
    if what == 0:
        return None
    made: npt.NDArray[Any] = values.copy()
    if what == 1:
        made = made[:-1]
    elif what == 2:
        made = np.concatenate([made, made[-1:]])
    elif what == 3 and len(made):
        made = np.resize(made, random.choice((0, 1, 2, 5, 1000)))
    elif not len(made):
        made = np.zeros(3, made.dtype)
    else:
        _renumber(random, made)
    return made


def _renumber(random: Random, made: npt.NDArray[Any]) -> None:
    place = random.randrange(len(made))
    if made.dtype.kind == "f":
        made[place] = random.choice(REAL)
    else:
        limits = np.iinfo(made.dtype)
        made[place] = min(max(random.choice(WHOLE), int(limits.min)), int(limits.max))


def _changed(random: Random, value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return _vector(random, value)
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return random.choice((*WHOLE, value + 1, value - 1))
    if isinstance(value, float):
        return random.choice(REAL)
    if isinstance(value, bytes | str):
        return random.choice((*NAMES, None))
    if isinstance(value, list) and value:
        what = random.randrange(5)
        place = random.randrange(len(value))
        if what == 0:
            return value[:place] + value[place + 1 :]
        if what == 1:
            return value[::-1]
        if what == 2:
            return [*value, *[value[place]] * random.choice((1, 3, 200))]
        return None if what == 3 else []
    return None


def as_objects(random: Random, content: bytes) -> bytes | None:
    """The file with up to four fields of other values; None where they cannot be packed."""
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAsModel(content, 0))
    for _ in range(random.choice((1, 1, 2, 4))):
        nodes = [node for node in _objects(model, []) if vars(node)]
        # Else nearly all changes would be to the many tensors.
        kind = random.choice(sorted({type(node).__name__ for node in nodes}))
        node = random.choice([node for node in nodes if type(node).__name__ == kind])
        field = random.choice(sorted(vars(node)))
        setattr(node, field, _changed(random, getattr(node, field)))
    builder = flatbuffers.Builder(1 << 16)
    try:
        builder.Finish(model.Pack(builder), IDENTIFIER)
    except Exception:  # noqa: BLE001 - numbers too large, a union without a type: the format cannot hold it.
        return None
    return bytes(builder.Output())


# As bytes: where the fields, offsets and lengths are is found by the schema.


def _places(content: bytes) -> list[tuple[str, int]]:
    """(kind of place, position): fields, offsets, lengths of vectors, tables' heads, and what they point to."""
    places: list[tuple[str, int]] = []
    pending = [("Model", struct.unpack_from("<I", content, 0)[0])]
    while pending:
        kind, position = pending.pop()
        head = position - struct.unpack_from("<i", content, position)[0]
        places += [("head", position), ("vtable", head), ("vtable", head + 2)]
        count = (struct.unpack_from("<H", content, head)[0] - 4) // 2
        for slot in range(count):
            place = struct.unpack_from("<H", content, head + 4 + 2 * slot)[0]
            places.append(("vtable", head + 4 + 2 * slot))
            if place == 0:
                continue
            field = FIELDS.get(kind, {}).get(slot)
            if field is None:
                places.append(("number", position + place))
                continue
            target = position + place + struct.unpack_from("<I", content, position + place)[0]
            places.append(("offset", position + place))
            if isinstance(field, str):
                pending.append((field, target))
            elif isinstance(field, dict):
                number = content[position + struct.unpack_from("<H", content, head + 2 + 2 * slot)[0]]
                pending += [(field[number], target)] if number in field else []
            else:
                length = struct.unpack_from("<I", content, target)[0]
                places += [("length", target), ("number", target + 4)]
                if isinstance(field, tuple):
                    for index in range(length):
                        element = target + 4 + 4 * index
                        places.append(("offset", element))
                        pending.append((field[0], element + struct.unpack_from("<I", content, element)[0]))
    return places


def as_bytes(random: Random, content: bytes) -> bytes:
    """The file with up to four offsets, lengths, heads of tables or numbers overwritten."""
    made = bytearray(content)
    places = _places(content)
    by_kind: dict[str, list[int]] = {}
    for kind, position in places:
        by_kind.setdefault(kind, []).append(position)
    for _ in range(random.choice((1, 1, 2, 4))):
        kind = random.choice(sorted(by_kind))
        position = min(random.choice(by_kind[kind]), len(made) - 4)
        if kind == "vtable":
            struct.pack_into("<H", made, position, random.choice((0, 2, 4, 5, 8, 100, 2**15, 2**16 - 1)))
        elif kind == "offset":
            # At another place of the same kind, or of any: tables and vectors that overlap.
            others = [
                place for place in by_kind[random.choice(("head", "length", "offset"))] if place >= position
            ]
            there = (
                random.choice(others) - position
                if others and random.random() < 0.6
                else random.choice(OFFSETS)
            )
            struct.pack_into("<I", made, position, there)
        elif kind == "length":
            length = struct.unpack_from("<I", content, position)[0]
            struct.pack_into("<I", made, position, random.choice((*OFFSETS, length + 1, 2 * length)) % 2**32)
        else:
            struct.pack_into("<I", made, position, random.choice((*OFFSETS, random.getrandbits(32))))
    return bytes(made)


def _cut(random: Random, content: bytes) -> bytes:
    return content[: random.randrange(len(content))]


def _flipped(random: Random, content: bytes) -> bytes:
    made = bytearray(content)
    for _ in range(random.choice((1, 8, 64))):
        made[random.randrange(len(made))] = random.randrange(256)
    return bytes(made)


def mutated(random: Random, content: bytes) -> bytes:
    """A mutated .tflite file."""
    changes: tuple[Callable[[Random, bytes], bytes | None], ...] = (
        as_objects,
        as_bytes,
        as_bytes,
        _cut,
        _flipped,
    )
    for _ in range(20):
        made = random.choices(changes, (8, 4, 4, 1, 1))[0](random, content)
        if made is not None and made != content:
            return made
    return as_bytes(random, content)
