"""What ``blocks.c`` writes: the blocks that a program executed between two marks, and their way through the caches."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

Words = tuple[int, ...]
"""A64 instructions of a block, 32 bits each."""


@dataclass(frozen=True)
class Traffic:
    """What some work moved through one processor's simulated data caches, in lines of 64 bytes.

    Attributes:
        fills: lines fetched into each level from the next, the first level first; what the last level
            fetches comes from the memory.
        written: lines written back to the memory.
    """

    fills: tuple[int, ...]
    written: int

    def __add__(self, other: "Traffic") -> "Traffic":
        return Traffic(
            tuple(a + b for a, b in zip(self.fills, other.fills, strict=True)), self.written + other.written
        )


@dataclass(frozen=True)
class Ran:
    """All executions of one block between two marks.

    Attributes:
        words: the block's instructions.
        times: number of executions.
        turns: how often another block followed than was foreseen.
        accesses: number of loads and stores.
        traffic: what they moved, for each processor whose caches were simulated.
    """

    words: Words
    times: int
    turns: int
    accesses: int
    traffic: tuple[Traffic, ...]


@dataclass(frozen=True)
class Section:
    """What was executed between two marks.

    Attributes:
        ran: blocks by their number in the program.
        then: (block, next block) -> how often the second followed the first.
    """

    ran: dict[int, Ran]
    then: dict[tuple[int, int], int]

    @property
    def instructions(self) -> int:
        """Number of instructions executed."""
        return sum(len(block.words) * block.times for block in self.ran.values())

    @property
    def turns(self) -> int:
        """How often a block was followed by another than was foreseen."""
        return sum(block.turns for block in self.ran.values())

    def traffic(self, processor: int = 0) -> Traffic:
        """Sum of what all blocks moved, for one of the simulated processors."""
        blocks = list(self.ran.values())
        total = blocks[0].traffic[processor]
        for block in blocks[1:]:
            total += block.traffic[processor]
        return total


def sections(lines: Iterable[str], levels: tuple[int, ...]) -> Iterator[Section]:
    """What lies between each mark and the next, from the lines of ``blocks.c``.

    Args:
        lines: lines of its file, each with its end.
        levels: number of cache levels of each simulated processor.

    Raises:
        ValueError: the lines are not what ``blocks.c`` writes.
    """
    words: dict[int, Words] = {}
    ran: dict[int, Ran] = {}
    then: dict[tuple[int, int], int] = {}
    marks = 0
    for line in lines:
        if not line.endswith("\n"):
            return  # What follows the last mark may be cut anywhere when the program ends.
        match line.split():
            case ["block", number, _, text]:
                words[int(number)] = tuple(int(text[at : at + 8], 16) for at in range(0, len(text), 8))
            case ["mark"]:
                ran, then = {}, {}
            case ["ran", number, times, turns, accesses, *moved]:
                if int(number) not in words:
                    raise ValueError(f"a block {int(number)} ran that is not there")
                ran[int(number)] = Ran(
                    words[int(number)],
                    int(times),
                    int(turns),
                    int(accesses),
                    _traffic([int(word) for word in moved], levels),
                )
            case ["then", first, second, times]:
                then[int(first), int(second)] = int(times)
            case ["end"]:
                marks += 1
                if marks > 1:  # What came before the first mark lies between no two.
                    yield Section(ran, then)
            case _:
                raise ValueError(f"unknown line {line[:80]!r}")


def _traffic(moved: list[int], levels: tuple[int, ...]) -> tuple[Traffic, ...]:
    if len(moved) != sum(levels) + len(levels):
        raise ValueError(f"{len(moved)} figures of traffic for caches of {levels} levels")
    figures = iter(moved)
    return tuple(Traffic(tuple(next(figures) for _ in range(count)), next(figures)) for count in levels)
