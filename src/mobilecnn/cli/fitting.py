"""Tables that fit the width at hand: the one place that lays out what commands print as rows and columns.

A table that is too wide for a terminal gives up, in this order: the length of its headers, which take several lines; the
length of names, in their middle or in what they have in common; the columns that say least. What it leaves out it says below. A
file or a pipe has every table whole, as have a terminal with ``-v`` and, without any table, ``--json``.
"""

import re
import textwrap
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile, zip_longest
from pathlib import PurePath

GAP = "  "
"""What stands between two columns."""

BAR = "|"
"""The only cell of a column that parts others, and means nothing at an edge."""

WORD, MARK = "INVALID", "!"
"""Word in brackets after a verdict, and the mark for it where there is no room."""

SHORTEST = 12
"""Fewest characters that a name is shortened to."""

NAMES_SHARE = 0.4
"""Share of a line that one column of names may take before columns are left out."""

HEADER_LINES = 3
"""Most lines of a header."""

Style = Callable[[str, bool], str]
"""What colours a cell, padded as it is: it takes the text and whether it belongs to the header."""


@dataclass(frozen=True)
class Table:
    """A table of clean cells.

    Attributes:
        header: title of each column.
        rows: cells, as many in each row as there are titles.
        left: number of the first columns, which are set to the left; the others are set to the right.
        spare: titles of columns that are left out first, the first one before all, or numbers of columns that are left out
            together; then go those on the right that are not named here. The first columns, which are set to the left, go only if
            they are named.
        keep: titles or numbers of columns that are never left out, though the first columns are not among them.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    left: int = 1
    spare: tuple[str | tuple[int, ...], ...] = ()
    keep: tuple[str | int, ...] = ()

    def __post_init__(self) -> None:
        if wrong := {len(row) for row in self.rows} - {len(self.header)}:
            raise ValueError(f"rows of {sorted(wrong)} cells stand under {len(self.header)} titles")

    def column(self, number: int) -> list[str]:
        """The cells of a column, without its title."""
        return [row[number] for row in self.rows]


@dataclass(frozen=True)
class Laid:
    """A table as lines.

    Attributes:
        lines: header, rule and rows.
        left_out: titles of the columns that had no room.
        marked: whether :data:`MARK` stands for :data:`WORD`.
        shortened: whether a name has been shortened.
    """

    lines: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    marked: bool = False
    shortened: bool = False


def lay(table: Table, width: int | None, style: Style = lambda text, header: text) -> Laid:
    """The table in lines of at most ``width`` characters, where that is possible at all.

    Args:
        table: what to lay out.
        width: characters in a line; None for no limit.
        style: what colours a cell.
    """
    every = list(range(len(table.header)))
    titles: list[tuple[str, ...]] = [(title,) for title in table.header]
    if width is None or _width(table, every, titles) <= width:
        return Laid(_lines(table, every, titles, style))
    table, marked = _marked(table)
    titles = [_folded(title, _longest(table.column(number))) for number, title in enumerate(table.header)]
    shown = every
    capped = (
        table
        if _width(table, shown, titles) <= width
        else _shorter(table, max(SHORTEST, int(NAMES_SHARE * width)))
    )
    for together in _order(table):
        if _width(capped, shown, titles) <= width:
            break
        shown = _without_edges(table, [column for column in shown if column not in together])
    lost = tuple(table.header[number] for number in every if number not in shown and _says(table, number))
    fitted = _fitted(table, shown, titles, width)
    whole = [cell for row in table.rows for cell in row[: table.left]]
    now = [cell.replace("\n", " ") for row in fitted.rows for cell in row[: table.left]]
    shortened = any("..." in cell and cell not in whole for cell in now)
    return Laid(_lines(fitted, shown, titles, style), lost, marked, shortened)


def _fitted(table: Table, shown: Sequence[int], titles: Sequence[tuple[str, ...]], width: int) -> Table:
    """The table with names as long as there is room for, and not shorter than :data:`SHORTEST`."""
    if _width(table, shown, titles) <= width:
        return table
    # Always from the whole names: what has been wrapped would be cut across its lines.
    sizes = range(SHORTEST + 1, width + 1)
    too_long = bisect_left(sizes, True, key=lambda size: _width(_shorter(table, size), shown, titles) > width)
    return _shorter(table, SHORTEST + too_long)


def _marked(table: Table) -> tuple[Table, bool]:
    """The table with a mark for each word of a verdict that the lines below it explain, and whether there is any."""
    rows = tuple(tuple(cell.replace(f" ({WORD})", f" {MARK}") for cell in row) for row in table.rows)
    return replace(table, rows=rows), rows != table.rows


def _says(table: Table, number: int) -> bool:
    """Whether a column holds anything that a reader would miss."""
    return any(cell not in ("", "-", BAR) for cell in table.column(number))


def _order(table: Table) -> list[tuple[int, ...]]:
    """The columns in the order in which they are left out, some of them together: first those that say nothing."""
    groups = [
        tuple(number for number, title in enumerate(table.header) if title == each)
        if isinstance(each, str)
        else each
        for each in table.spare
    ]
    spare = {number for group in groups for number in group}
    free = [
        number
        for number, title in enumerate(table.header)
        if number > 0 and not {number, title} & set(table.keep) and (number >= table.left or number in spare)
    ]
    empty = [number for number in free if not _says(table, number) and not _is_bar(table, number)]
    named = [tuple(number for number in group if number in free) for group in groups]
    others = [number for number in reversed(free) if number not in spare and not _is_bar(table, number)]
    return list(dict.fromkeys([*((number,) for number in empty), *named, *((number,) for number in others)]))


def _is_bar(table: Table, number: int) -> bool:
    return not table.header[number] and set(table.column(number)) == {BAR}


def _without_edges(table: Table, shown: list[int]) -> list[int]:
    """Columns without bars that part nothing any more."""
    while shown and _is_bar(table, shown[-1]):
        shown = shown[:-1]
    return shown


def _width(table: Table, shown: Sequence[int], titles: Sequence[tuple[str, ...]]) -> int:
    return sum(_widths(table, shown, titles)) + len(GAP) * (len(shown) - 1)


def _widths(table: Table, shown: Sequence[int], titles: Sequence[tuple[str, ...]]) -> list[int]:
    return [max(_longest(titles[number]), _longest(table.column(number))) for number in shown]


def _longest(texts: Iterable[str]) -> int:
    return max((len(line) for text in texts for line in text.split("\n")), default=0)


_JOINT = re.compile(r" (?=[^\W_])(?<!/ )| (?=/)| (?=\((?:[^\W\d]+|%)\))")
"""Where a title may break: before a word, but not after a stroke, before a stroke, and before a unit in brackets; a sign stays with
its figure."""


def _folded(title: str, width: int) -> tuple[str, ...]:
    """A title in as few lines as make it no wider than the cells below it, and in no more than :data:`HEADER_LINES`."""
    best: tuple[str, ...] = (title,)
    words = _JOINT.sub("\n", title).split("\n")
    for count in range(2, min(len(words), HEADER_LINES) + 1):
        if _longest(best) <= width:
            break
        best = min(_splits(words, count), key=_longest)
    return best


def _splits(words: Sequence[str], count: int) -> Iterable[tuple[str, ...]]:
    """All ways to put words into ``count`` lines."""
    if count == 1:
        yield (" ".join(words),)
        return
    for first in range(1, len(words) - count + 2):
        for rest in _splits(words[first:], count - 1):
            yield (" ".join(words[:first]), *rest)


def _shorter(table: Table, longest: int) -> Table:
    """The table with the cells of its first columns no longer than that, or than lets them differ.

    A name loses its middle; where names would be alike then, what all of them begin and end with, and then its end. What has
    several words takes several lines.
    """
    columns = [table.column(number) for number in range(len(table.header))]
    for number in range(table.left):
        whole = columns[number]
        # As short as they may be where so few characters do not tell them apart; at their whole length they differ.
        sizes = range(longest + 1, _longest(whole))
        enough = bisect_left(sizes, True, key=lambda size: _apart(whole, size) is not None)
        tried = (longest, *sizes[enough : enough + 1])
        columns[number] = next((short for size in tried if (short := _apart(whole, size))), whole)
    return replace(table, rows=tuple(zip(*columns, strict=True)))


def _apart(cells: Sequence[str], longest: int) -> list[str] | None:
    """The cells in no more than so many characters in a line, by the way that says most; None where none tells them apart."""
    long = {cell for cell in cells if len(cell) > longest and " " not in cell}
    start = _common(long)
    end = _common([name[start:][::-1] for name in long])
    for cut, share in ((False, 2 / 3), (True, 2 / 3), (True, 0.0)):
        short = [
            cell
            if len(cell) <= longest
            else "\n".join(textwrap.wrap(cell, longest))
            if " " in cell
            else f"...{elided(cell[start : len(cell) - end], longest - 3, share)}"
            if cut
            else elided(cell, longest)
            for cell in cells
        ]
        if len(set(short)) == len(set(cells)):
            return short
    return None


def _common(names: Collection[str]) -> int:
    """Number of characters, in whole words, that all names begin with."""
    # What the first and the last by the alphabet begin with, all between them do.
    ends = (min(names), max(names)) if names else ("", "")
    same = list(takewhile(lambda pair: pair[0] == pair[1], zip(*ends, strict=False)))
    while same and same[-1][0].isalnum():
        same.pop()
    return len(same)


def elided(name: str, longest: int, share: float = 2 / 3) -> str:
    """A name of at most ``longest`` characters: its end says more than its beginning, and both more than its middle.

    Args:
        name: the name.
        longest: number of characters.
        share: part of them that is for its end.
    """
    if len(name) <= longest:
        return name
    end = int(share * (longest - 3))
    return f"{name[: longest - 3 - end]}...{name[len(name) - end :]}"


def _lines(
    table: Table, shown: Sequence[int], titles: Sequence[tuple[str, ...]], style: Style
) -> tuple[str, ...]:
    widths = _widths(table, shown, titles)

    def line(cells: Sequence[str], header: bool) -> str:
        padded = [
            cell.ljust(width) if number < table.left else cell.rjust(width)
            for number, width, cell in zip(shown, widths, cells, strict=True)
        ]
        while padded and not padded[-1].strip():
            padded.pop()
        padded[-1:] = [cell.rstrip() for cell in padded[-1:]]
        return GAP.join(style(cell, header) for cell in padded)

    height = max(len(titles[number]) for number in shown)
    # A title stands on the rule: its empty lines are above it.
    raised = [[""] * (height - len(titles[number])) + list(titles[number]) for number in shown]
    head = [line([title[row] for title in raised], True) for row in range(height)]
    rule = line(["-" * width for width in widths], True)
    body = [line(cells, False) for row in table.rows for cells in _split([row[number] for number in shown])]
    return (*head, rule, *body)


def _split(cells: Sequence[str]) -> list[tuple[str, ...]]:
    """A row whose cells may have several lines, as the lines that it takes."""
    return list(zip_longest(*(cell.split("\n") for cell in cells), fillvalue=""))


def apart(names: Sequence[str]) -> dict[str, str]:
    """What tells files apart: name -> the same without its folder, without the suffix, without what all begin with.

    ``out/digits.float32.tflite`` and ``out/digits.int8.tflite`` become ``float32`` and ``int8``. Different names stay
    different.
    """
    distinct = list(dict.fromkeys(names))
    short = distinct
    for step in (_without_common_folder, _without_folders, _without_suffix, _formats):
        shorter = step(short) if short else []
        if all(shorter) and len(set(shorter)) == len(distinct):
            short = shorter
    return dict(zip(distinct, short, strict=True))


def _without_common_folder(names: list[str]) -> list[str]:
    paths = [PurePath(name) for name in names]
    common: tuple[str, ...] = paths[0].parts[:-1]
    for path in paths:
        while path.parts[:-1][: len(common)] != common:
            common = common[:-1]
    return [str(PurePath(*path.parts[len(common) :])) for path in paths]


def _without_folders(names: list[str]) -> list[str]:
    return [PurePath(name).name for name in names]


def _without_suffix(names: list[str]) -> list[str]:
    return [name.removesuffix(".tflite") for name in names]


def _formats(names: list[str]) -> list[str]:
    """Of several names that begin alike, the part after the last point, unless that is the rest of a number."""
    ends = [name.rpartition(".")[2] for name in names]
    alike = len(names) > 1 and len({name.rpartition(".")[0] for name in names}) == 1
    return ends if alike and not any(end[:1].isdigit() for end in ends) else names


def pattern(names: Sequence[str]) -> str:
    """What the names have in common, with * for what :func:`apart` leaves: ``out/digits.*.tflite``; empty if nothing."""
    short = apart(names)
    forms = {name.replace(text, "*") if name.count(text) == 1 else name for name, text in short.items()}
    return next(iter(forms)) if len(forms) == 1 and len(short) > 1 and forms != {"*"} else ""
