"""Huffman codes of small symbols, coded and decoded by whole arrays.

The codes are canonical, so that their lengths are all that a file keeps of them, and at most
:data:`LONGEST` bits long, so that a table finds a symbol at once. Symbols are coded in blocks, whose
beginnings are kept: all blocks are decoded side by side.
"""

import heapq
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

LONGEST = 16
"""Length in bits of the longest code."""

BLOCK = 4096
"""Symbols in a block."""

Symbols = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Coded:
    """Coded symbols.

    Attributes:
        lengths: length in bits of each symbol's code, uint8, (alphabet,); 0 for a symbol that does not occur.
        starts: position in bits at which each block begins, uint32, (blocks,).
        bits: the codes one after the other, packed into bytes, uint8.
        count: number of symbols.
    """

    lengths: npt.NDArray[np.uint8]
    starts: npt.NDArray[np.uint32]
    bits: npt.NDArray[np.uint8]
    count: int


def code_lengths(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Length in bits of each symbol's code, at most :data:`LONGEST`, from how often it occurs.

    The codes of Huffman's algorithm are shortest; where one is too long, counts are flattened until none is,
    which costs next to nothing.
    """
    there = np.flatnonzero(counts)
    lengths = np.zeros(len(counts), np.uint8)
    if len(there) < 2:
        lengths[there] = 1
        return lengths
    weights = counts[there].astype(np.float64)
    while True:
        found = _huffman(weights)
        if found.max() <= LONGEST:
            lengths[there] = found
            return lengths
        weights = np.maximum(weights, weights.sum() / 2**LONGEST * 2)


def _huffman(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    heap = [(weight, index) for index, weight in enumerate(weights.tolist())]
    heapq.heapify(heap)
    parents = np.zeros(2 * len(heap) - 1, np.int64)
    nodes = len(heap)
    while len(heap) > 1:
        first, second = heapq.heappop(heap), heapq.heappop(heap)
        parents[first[1]] = parents[second[1]] = nodes
        heapq.heappush(heap, (first[0] + second[0], nodes))
        nodes += 1
    depths = np.zeros(nodes, np.int64)
    for node in range(nodes - 2, -1, -1):
        depths[node] = depths[parents[node]] + 1
    return depths[: len(weights)]


def _codes(lengths: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint32]:
    """The canonical codes: in order of length, then of the symbol, each is the one before plus one."""
    codes = np.zeros(len(lengths), np.uint32)
    code, before = 0, 0
    for symbol in sorted(np.flatnonzero(lengths), key=lambda symbol: (lengths[symbol], symbol)):
        code <<= int(lengths[symbol]) - before
        before = int(lengths[symbol])
        codes[symbol] = code
        code += 1
    return codes


def encode(symbols: Symbols, alphabet: int, flat: int = 0) -> Coded:
    """Code symbols.

    Args:
        symbols: from 0 to below ``alphabet``, (n,).
        alphabet: number of symbols that there may be.
        flat: number of symbols, the first ones, that have codes as if they were equally frequent, however frequent they are: all
            of one length, or of two that are a bit apart where it is no power of 2. 0 for Huffman's codes.
    """
    counts = np.bincount(symbols, minlength=alphabet).astype(np.int64)
    lengths = code_lengths(np.where(np.arange(alphabet) < flat, 1, 0) if flat else counts)
    codes = _codes(lengths)
    each = lengths[symbols].astype(np.int64)
    ends = np.cumsum(each)
    total = int(ends[-1]) if len(ends) else 0
    begins = ends - each
    bits = np.zeros(total, np.uint8)
    values = codes[symbols]
    for place in range(int(lengths.max(initial=0))):
        longer = each > place
        bits[begins[longer] + place] = (values[longer] >> (each[longer] - 1 - place).astype(np.uint32)) & 1
    return Coded(lengths, begins[::BLOCK].astype(np.uint32), np.packbits(bits), len(symbols))


def decode(coded: Coded) -> npt.NDArray[np.uint16]:
    """The symbols, uint16, (n,).

    Raises:
        ValueError: these are no codes of that many symbols.
    """
    if not coded.count:
        return np.zeros(0, np.uint16)
    blocks = -(-coded.count // BLOCK)
    lengths = coded.lengths
    # Kraft: every sequence of bits begins with a code, but for a single symbol, whose code is 0.
    filled = float(np.sum(0.5 ** lengths[lengths > 0].astype(np.float64)))
    if len(coded.starts) != blocks or lengths.max(initial=0) > LONGEST or filled > 1 or not lengths.any():
        raise ValueError("its codes contradict themselves")
    symbols, table_lengths = _table(lengths)
    padded = np.concatenate([coded.bits, np.zeros(4, np.uint8)]).astype(np.uint32)
    end = 8 * len(coded.bits)
    positions = coded.starts.astype(np.int64)
    out = np.zeros((blocks, BLOCK), np.uint16)
    for place in range(BLOCK):
        live = positions[: blocks if place < coded.count - (blocks - 1) * BLOCK else blocks - 1]
        if not len(live):
            break
        if (live >= end).any():
            raise ValueError("its codes end before its symbols do")
        first = live >> 3
        window = padded[first] << 16 | padded[first + 1] << 8 | padded[first + 2]
        index = window >> (8 - (live & 7)).astype(np.uint32) & 0xFFFF
        out[: len(live), place] = symbols[index]
        step = table_lengths[index]
        if not step.all():
            raise ValueError("there is something that is no code")
        live += step
    return out.reshape(-1)[: coded.count]


def _table(lengths: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint16], npt.NDArray[np.int64]]:
    """Symbol, and length of its code, for each sequence of :data:`LONGEST` bits; length 0 where no code begins it."""
    symbols = np.zeros(1 << LONGEST, np.uint16)
    table_lengths = np.zeros(1 << LONGEST, np.int64)
    codes = _codes(lengths)
    for symbol in np.flatnonzero(lengths):
        rest = LONGEST - int(lengths[symbol])
        first = int(codes[symbol]) << rest
        symbols[first : first + (1 << rest)] = symbol
        table_lengths[first : first + (1 << rest)] = lengths[symbol]
    return symbols, table_lengths
