"""A text that drives a terminal, forges lines and hides its end, and what must have become of it in an output."""

import re

TEXT = "\x1b]0;owned\x07\x1b[31m[red]x\x9b2J\u202egnp\r\nError: forged\x08\u2066\x7f\tend"
"""A name or a label: all that :func:`mobilecnn.cli.terminal.clean` must make visible; it may be a file's name."""

SHOWN = r"\x1b]0;owned\x07\x1b[31m[red]x\x9b2J\u202egnp\r\nError: forged\x08\u2066\x7f\tend"
"""That text as it is shown: in one line, every letter visible, and no markup understood."""

_DRIVES = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def expect_clean(output: str, shown: bool = True) -> None:
    """Expect that no letter of the text acts, and if ``shown`` that the text is there all the same."""
    assert not _DRIVES.search(output), ascii(output)
    assert not [line for line in output.splitlines() if line.startswith("Error: forged")], output
    if shown:
        assert SHOWN in output, output
