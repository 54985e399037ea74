"""What is said about a data set that was not used as it lies there."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

SHOWN = 10
"""Largest number of names in the text of a remark; the others are counted, and in its ``names``."""


@dataclass(frozen=True)
class Remark:
    """One kind of thing that was passed over, or used otherwise than one might expect.

    Attributes:
        code: kind, for programs: ``hidden``, ``other-files``, ``empty-class``, ...
        count: number of such files, folders or classes.
        text: sentence without a full stop, with the first of their names.
        names: all of their names; of files of other kinds the kinds with their counts.
    """

    code: str
    count: int
    text: str
    names: tuple[str, ...] = ()


Remarked = Callable[[Remark], None]
"""Function called with each remark."""


def no_remark(remark: Remark) -> None:
    """A :data:`Remarked` for nobody."""


class Remarks:
    """Collects remarks, each once, in their order; calling it adds one."""

    def __init__(self, said: Remarked = no_remark) -> None:
        """Collect nothing yet; ``said`` is called with each new remark."""
        self.rows: list[Remark] = []
        self._said = said

    def __call__(self, remark: Remark) -> None:
        """Add ``remark``, unless it is there."""
        if remark not in self.rows:
            self.rows.append(remark)
            self._said(remark)


def of_names(code: str, names: Sequence[str], text: str, most: int | None = SHOWN) -> Remark:
    """The remark about things with ``names``, of which the text shows ``most`` at most, or all where that is None."""
    printable = [
        name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace") for name in names
    ]
    shown = "; ".join(printable) if most is None else listed(printable)
    return Remark(code, len(names), f"{text}: {shown}", tuple(printable))


def listed(names: Sequence[str], separator: str = ", ") -> str:
    """The first :data:`SHOWN` names, and how many follow."""
    shown = separator.join(names[:SHOWN])
    return shown if len(names) <= SHOWN else f"{shown}{separator}and {len(names) - SHOWN:,} more"


def counted(counts: Mapping[str, int]) -> list[str]:
    """Kinds with their counts, the most frequent first: ``12 .heic``, ``2 .txt``."""
    rows = sorted(counts.items(), key=lambda row: (-row[1], row[0]))
    return [f"{count:,} {kind}" for kind, count in rows]


def plural(count: int, noun: str, nouns: str = "") -> str:
    """``1 file``, ``2,000 files``."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"
