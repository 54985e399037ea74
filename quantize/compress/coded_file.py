"""The coded file: a network's tensors, pruned and shared ones as Deep Compression codes them.

Of a tensor with zeros or shared values the file has the gaps between the weights that are not 0, and their
places in a codebook, each coded by its own Huffman code (arXiv 1510.00149, sections 2 and 4); where they share no values, the
gaps, and the weights as they are. A gap that is longer than :data:`MOST_GAP` is filled up with a weight 0. All other tensors are kept as they are. What :func:`read` returns is equal, bit for
bit, to what :func:`write` was given.

After :data:`MAGIC` and a byte for the version of the form come the CRC-32 of all that follows and the length of the header, both
little-endian uint32, then the header, a JSON document, and the parts that it lists, in its order. The CRC finds every changed
byte: a changed code or value would read back as other weights.
"""

import json
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn.documents import parse_json
from mobilecnn.errors import ModelFileError
from mobilecnn.files import read_bytes
from mobilecnn.quantize.compress import huffman
from mobilecnn.quantize.compress.huffman import BLOCK, Coded

MAGIC = b"MCNNZ"
"""Beginning of a coded file of any version."""

VERSION = 2
"""Version of the form that is written and read; version 1 had no CRC."""

SUFFIX = ".mcnnz"
"""Suffix of a coded file's name."""

MOST_GAP = 255
"""Longest gap between two weights that are coded."""

FLAT_GAP = 15
"""Longest gap where gaps are coded without a Huffman code, in 4 bits."""

MOST_VALUES = 1 << 16
"""Number of different values of a tensor from which on they are kept as they are."""

LARGEST = 1 << 31
"""Largest size of a coded file in bytes."""

MOST_WEIGHTS = 1 << 28
"""Largest number of weights in a coded file."""

Tensor = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Part:
    """What a tensor takes in the file.

    Attributes:
        name: name of the tensor.
        weights: number of its weights.
        nonzero: number of those that are not 0.
        values: number of different ones among these; 0 where they are kept as they are.
        bytes: size in the file.
    """

    name: str
    weights: int
    nonzero: int
    values: int
    bytes: int


def encode(
    tensors: Mapping[str, Tensor], flat_gaps: bool = False, flat_places: bool = False
) -> tuple[bytes, tuple[Part, ...]]:
    """The file's content, and what each tensor takes of it.

    Args:
        tensors: name -> values, float32.
        flat_gaps: whether gaps, of 4 bits then, have codes of equal length in place of Huffman's, as with ``flat_places`` in the
            file that SqueezeNet's authors publish (songhan/SqueezeNet-Deep-Compression, decode.py). It is read like any other.
        flat_places: whether places in the codebook have codes of equal length.
    """
    header: list[dict[str, Any]] = []
    body: list[bytes] = []
    parts = []
    for name, tensor in tensors.items():
        chosen = min(
            (_raw(tensor), _coded(tensor, flat_gaps, flat_places)), key=lambda form: sum(map(len, form[1]))
        )
        described, blobs = chosen
        header.append({"name": name, "shape": list(tensor.shape), **described})
        body += blobs
        values = described.get("values", 0)
        parts.append(
            Part(name, tensor.size, int(np.count_nonzero(tensor)), values, sum(len(blob) for blob in blobs))
        )
    document = json.dumps({"tensors": header}, separators=(",", ":")).encode()
    checked = b"".join([struct.pack("<I", len(document)), document, *body])
    return b"".join([MAGIC, bytes([VERSION]), struct.pack("<I", zlib.crc32(checked)), checked]), tuple(parts)


_Form = tuple[dict[str, Any], list[bytes]]


def _raw(tensor: Tensor) -> _Form:
    return {}, [np.ascontiguousarray(tensor, "<f4").tobytes()]


def _coded(tensor: Tensor, flat_gaps: bool, flat_places: bool) -> _Form:
    """Gaps and places in a codebook, both coded; of too many values, gaps and the values as they are."""
    most_gap = FLAT_GAP if flat_gaps else MOST_GAP
    flat = tensor.ravel()
    places = np.flatnonzero(flat.view(np.uint32))  # Not -0, which is no pruned weight.
    codebook, indices = np.unique(flat[places].view(np.uint32), return_inverse=True)
    shared = 4 * len(codebook) < 3 * len(places) and len(codebook) < MOST_VALUES
    gaps = np.diff(places, prepend=-1) - 1
    # A filler stands for the longest gap and one zero more, which has the value behind the codebook, or 0.
    fillers = gaps // (most_gap + 1)
    ends = np.cumsum(fillers + 1) - 1
    count = int(ends[-1]) + 1 if len(ends) else 0
    all_gaps = np.full(count, most_gap, np.int64)
    all_gaps[ends] = gaps % (most_gap + 1)
    coded = [huffman.encode(all_gaps, MOST_GAP + 1, (FLAT_GAP + 1) * flat_gaps)]
    if shared:
        symbols = np.full(count, len(codebook), np.int64)
        symbols[ends] = indices
        there = len(codebook) + bool(fillers.any())
        coded.append(huffman.encode(symbols, len(codebook) + 1, there * flat_places))
        values = codebook
    else:
        values = np.zeros(count, np.uint32)
        values[ends] = flat[places].view(np.uint32)
    blobs, lengths = [values.astype("<u4").tobytes()], []
    for each in coded:
        runs = _lengths(each.lengths)
        lengths.append(len(runs))
        blobs += [runs, each.starts.astype("<u4").tobytes(), each.bits.tobytes()]
    described = {
        "values": len(codebook) if shared else 0,
        "count": count,
        "lengths": lengths,
        "bits": [len(each.bits) for each in coded],
    }
    return described, blobs


def _lengths(lengths: npt.NDArray[np.uint8]) -> bytes:
    """Lengths of codes: runs of equal ones, a byte each for the length and for the run, which is at most 255."""
    runs = bytearray()
    position = 0
    while position < len(lengths):
        end = position
        while end < len(lengths) and lengths[end] == lengths[position] and end - position < 255:
            end += 1
        runs += bytes([int(lengths[position]), end - position])
        position = end
    return bytes(runs)


def _lengths_of(runs: bytes, alphabet: int) -> npt.NDArray[np.uint8]:
    pairs = np.frombuffer(runs, np.uint8).reshape(-1, 2)
    lengths = np.repeat(pairs[:, 0], pairs[:, 1])
    if len(lengths) != alphabet:
        raise ValueError("the lengths of its codes are not those of its symbols")
    return lengths


def read(path: Path) -> dict[str, Tensor]:
    """The tensors of a coded file, float32, by name.

    Raises:
        ModelFileError: the file cannot be read, or is damaged.
    """
    content = read_bytes(path, "coded file", ModelFileError, LARGEST)
    try:
        return decode(content)
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        OverflowError,
        struct.error,
    ) as error:
        raise ModelFileError(
            f"{path} is no coded file, or damaged ({error}); make it again with `mobilecnn compress`"
        ) from error


def decode(content: bytes) -> dict[str, Tensor]:
    """The tensors of a coded file's content, float32, by name.

    Raises:
        ValueError, KeyError, TypeError, IndexError, struct.error: the content is damaged.
    """
    if not content.startswith(MAGIC):
        raise ValueError("it does not begin as one")
    version, crc, size = struct.unpack_from("<BII", content, len(MAGIC))
    if version != VERSION:
        raise ValueError(f"it is of version {version}, and this reads version {VERSION}")
    if zlib.crc32(memoryview(content)[len(MAGIC) + 5 :]) != crc:
        raise ValueError("its bytes are not those that were written")
    begin = len(MAGIC) + 9
    document: Any = parse_json(content[begin : begin + size])
    rest = memoryview(content)[begin + size :]
    tensors: dict[str, Tensor] = {}
    total = 0

    def take(count: int) -> bytes:
        nonlocal rest
        if not 0 <= count <= len(rest):
            raise ValueError("it ends too early")
        taken, rest = bytes(rest[:count]), rest[count:]
        return taken

    for row in document["tensors"]:
        shape = tuple(int(side) for side in row["shape"])
        count = int(np.prod(shape, dtype=object)) if shape else 1
        total += count
        if min(shape, default=1) < 0 or total > MOST_WEIGHTS or str(row["name"]) in tensors:
            raise ValueError("its tensors are too large, or two have one name")
        flat = _tensor(row, count, take)
        tensors[str(row["name"])] = flat.reshape(shape)
    if len(rest):
        raise ValueError("something follows its last tensor")
    return tensors


def _tensor(row: dict[str, Any], count: int, take: Any) -> Tensor:
    if "values" not in row:
        return np.frombuffer(take(4 * count), "<f4").astype(np.float32)
    values, symbols = int(row["values"]), int(row["count"])
    if not (0 <= values < MOST_VALUES and 0 <= symbols <= count):
        raise ValueError("a tensor has more symbols than weights")
    stored = np.frombuffer(take(4 * (values or symbols)), "<u4")
    blocks = -(-symbols // BLOCK)
    alphabets = (MOST_GAP + 1, values + 1) if values else (MOST_GAP + 1,)
    parts = []
    for alphabet, runs, bits in zip(alphabets, row["lengths"], row["bits"], strict=True):
        lengths = _lengths_of(take(int(runs)), alphabet)
        starts = np.frombuffer(take(4 * blocks), "<u4")
        coded = Coded(lengths, starts, np.frombuffer(take(int(bits)), np.uint8), symbols)
        parts.append(huffman.decode(coded).astype(np.int64))
    places = np.cumsum(parts[0] + 1) - 1
    if len(places) and places[-1] >= count:
        raise ValueError("a tensor has a weight behind its end")
    flat = np.zeros(count, np.uint32)
    if values:
        kept = parts[1] < values
        flat[places[kept]] = stored[parts[1][kept]]
    else:
        flat[places] = stored
    return flat.view(np.float32)
