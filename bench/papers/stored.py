"""The paper's Table 8 as modelled on its own chip and on a Raspberry Pi 4: records that come with the program.

Modelling it takes ten minutes, QEMU and LLVM. A record of it says what made it, and its table is the same pure function
of it as that of a new one. ``scripts/store_table8.py`` makes the files from records of ``mobilecnn speedup``.
"""

from pathlib import Path

from mobilecnn.bench.papers.speedup import Speedup, table
from mobilecnn.bench.records.instructions import Instructions
from mobilecnn.bench.timing.times import times

STORED = ("sd820", "pi4")
"""Chips of which a record is stored, the paper's own first; keys of :data:`mobilecnn.bench.records.chips.CHIPS`."""


def path(chip: str) -> Path:
    """The file of a stored record."""
    return Path(__file__).with_name(f"table8_{chip}.json")


def stored(chip: str) -> Speedup:
    """The stored table of one of :data:`STORED`.

    Raises:
        InputError: the file is damaged.
    """
    record = Instructions.read(path(chip))
    return Speedup(record, "224", table(times(record)))
