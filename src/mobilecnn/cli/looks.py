"""How what is printed looks: the width at hand, colour and weight on a terminal, lines that break between words.

A file or a pipe gets plain text in whole lines, and so does whoever sets ``NO_COLOR`` (https://no-color.org), as to colour,
or gives ``-v``, as to the width.
"""

import os
import shutil
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from mobilecnn.cli.terminal import VERBOSE, Lines, clean, joined

GOOD = ("VALID", "verified", "faster", "better", "pass", "within", "steady", "ok")
BAD = ("INVALID", "WRONG", "FAILED", "Error", "slower", "worse", "fail", "beyond", "differs", "missing")
DOUBTFUL = ("undecided", "not checked", "not judged", "drifting", "Warning", "unreachable")
PLAIN = ("Note", "Next", "Not shown", "A", "B")
"""What else a line may begin with that is set off from the rest."""

_STYLES: dict[str, dict[str, Any]] = {
    word: style
    for words, style in (
        (GOOD, {"fg": "green"}),
        (BAD, {"fg": "red", "bold": True}),
        (DOUBTFUL, {"fg": "yellow"}),
        (PLAIN, {"bold": True}),
    )
    for word in words
}
"""First words of a verdict or a remark -> its colour and weight."""


_FOR_FILE = "mobilecnn.for_file"
"""Key of what a command keeps while it makes a text for a file."""


@contextmanager
def for_file() -> Iterator[None]:
    """While text is made for a file: it is whole and without colour, whatever the terminal is that the command runs at."""
    meta = click.get_current_context().meta
    meta[_FOR_FILE] = True
    try:
        yield
    finally:
        del meta[_FOR_FILE]


def _kept(key: str) -> bool:
    ctx = click.get_current_context(silent=True)
    return ctx is not None and bool(ctx.meta.get(key))


def width(err: bool = False) -> int | None:
    """Characters in a line of the stream; None where it is no terminal, or all was asked for with ``-v``.

    Args:
        err: whether standard error is meant, and not standard output.
    """
    return None if _kept(VERBOSE) or _kept(_FOR_FILE) else terminal_columns(err)


def terminal_columns(err: bool = False) -> int | None:
    """Characters in a line of the terminal that the stream is; None where it is none."""
    stream = sys.stderr if err else sys.stdout
    if not stream.isatty():
        return None
    if os.environ.get("COLUMNS") or not err:
        return shutil.get_terminal_size().columns
    # Of standard output alone the library asks: here that may be a file.
    return os.get_terminal_size(stream.fileno()).columns or shutil.get_terminal_size().columns


def coloured(err: bool = False) -> bool:
    """Whether the stream shows colour: it is a terminal that can, and nobody has asked for none."""
    stream = sys.stderr if err else sys.stdout
    if _kept(_FOR_FILE):
        return False
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def cell(text: str, header: bool) -> str:
    """A cell of a table, padded as it is, in the weight of a header or the colour of the verdict that it holds."""
    words = text.strip()
    if header:
        return click.style(text, bold=True) if words.strip("-") else click.style(text, dim=True)
    if words.endswith(" !"):
        return click.style(text, **_STYLES["INVALID"])
    said = next((word for word in _STYLES if words == word or words.startswith(f"{word} (")), None)
    return text if said is None or said in PLAIN else click.style(text, **_STYLES[said])


def prose(text: str, err: bool = False, whole: bool = False) -> Lines:
    """A line, or on a terminal the lines that it breaks into between words, with its first words set off.

    Args:
        text: what is said; ``INVALID: it is hot: let it cool``.
        err: whether it goes to standard error.
        whole: whether it stays one line, as that of an error does.
    """
    most, line = width(err), clean(text)
    parts = (
        [line]
        if whole or most is None or len(line) <= most
        else textwrap.wrap(
            line, max(most, 20), subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
        )
    )
    before, colon, after = parts[0].partition(":")
    if coloured(err) and colon and before in _STYLES:
        parts[0] = f"{click.style(before + colon, **_STYLES[before])}{after}"
    return Lines("\n".join(parts))


def following(command: str, why: str, err: bool = True) -> Lines:
    """The last line of a command: what to type next, and what for."""
    line = f"Next: {clean(command)}"
    most = width(err)
    if most is not None and len(line) + len(why) + 4 > most:
        return joined(prose(f"Next: {why}:", err), Lines(f"  {clean(command)}"))
    comment = f"  # {clean(why)}"
    if not coloured(err):
        return Lines(line + comment)
    first, _, rest = line.partition(" ")
    return Lines(f"{click.style(first, bold=True)} {rest}{click.style(comment, dim=True)}")
