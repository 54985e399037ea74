"""Mutated checkpoints: the tree of ``state.json``, the archive of arrays, and the header of each array."""

import ast
import json
import shutil
import struct
from pathlib import Path
from random import Random
from typing import Any

import fuzz_json
import fuzz_keras

_VERSIONS = (
    b"\x93NUMPY\x01\x00",
    b"\x93NUMPY\x02\x00",
    b"\x93NUMPY\x03\x00",
    b"\x93NUMPY\x09\x09",
    b"\x93NUMPX\x01\x00",
)

_HEADERS: tuple[tuple[str, Any], ...] = (
    ("descr", "|O"), ("descr", "<f8"), ("descr", "<c16"), ("descr", "|V0"), ("descr", "|S0"), ("descr", ">f4"),
    ("descr", [("a", "<f4"), ("b", "|O")]), ("descr", "<f4" * 200), ("descr", 7), ("descr", "\x1b[31m"),
    ("shape", ()), ("shape", (0,)), ("shape", (-1,)), ("shape", (2**62, 2**62)), ("shape", (2**40,)), ("shape", "3"),
    ("shape", (1,) * 70), ("shape", [3, 4]), ("shape", (True,)), ("shape", (1.0,)),
    ("fortran_order", True), ("fortran_order", "no"), ("more", 1),
)  # fmt: skip
"""Members of an array's header, and what stands in their place."""


def _array(random: Random, content: bytes) -> bytes:
    """A mutated .npy file."""
    (length,) = struct.unpack_from("<H", content, 8)
    header, values = content[10 : 10 + length], content[10 + length :]
    what = random.randrange(6)
    if what == 0:
        return random.choice(_VERSIONS) + content[8:]
    if what == 1:
        return content[: random.randrange(len(content))]
    if what == 2:
        return content[:8] + struct.pack("<H", random.choice((0, 1, length + 9, 2**16 - 1))) + content[10:]
    if what == 3:
        return content + random.randbytes(random.choice((1, 10_000)))
    if what == 4:
        hostile = random.choice(
            (b"__import__('os').abort()", b"(" * 3000, b"[" + b"0," * 1000, b"'" * 99, b"\xff" * 99, b"{'descr': '<f4'}", b"-" * 2000)
        )  # fmt: skip
        return content[:8] + struct.pack("<H", len(hostile)) + hostile + values
    members = ast.literal_eval(header.decode())
    name, value = random.choice(_HEADERS)
    members[name] = value
    if random.random() < 0.1:
        del members[random.choice(sorted(members))]
    said = repr(members).encode() + b"\n"
    return content[:8] + struct.pack("<H", len(said)) + said + values


def _variables(random: Random, content: bytes) -> bytes:
    members = fuzz_keras.members(content)
    if random.random() < 0.4:
        return fuzz_keras.archive(random, members)
    place = random.randrange(len(members))
    name, data = members[place]
    return fuzz_keras.packed([*members[:place], (name, _array(random, data)), *members[place + 1 :]])


def mutate(random: Random, sound: Path, folder: Path) -> None:
    """Make ``folder`` a mutated copy of the checkpoint ``sound``."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(sound, folder)
    (variables,) = folder.glob("epoch-*.npz")
    state = folder / "state.json"
    what = random.random()
    if what < 0.45:
        state.write_bytes(fuzz_json.mutated(random, json.loads(state.read_bytes())))
    elif what < 0.9:
        variables.write_bytes(_variables(random, variables.read_bytes()))
    elif what < 0.93:
        variables.unlink()
    elif what < 0.96:
        variables.rename(
            folder / random.choice(("epoch-3.npz", "epoch-2.npz.txt", "\x1b[31m.npz", "EPOCH-2.npz"))
        )
    else:
        (folder / random.choice(("notes.txt", "\x1b]0;t\x07", "state.json.bak"))).write_text("precious")
