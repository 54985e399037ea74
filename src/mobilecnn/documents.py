"""JSON and TOML from anywhere, as text: unambiguous, and bounded in memory, time and depth."""

import json
import tomllib
from typing import Any

Members = dict[str, Any]
"""Members of a JSON object by name."""

MOST_CONTAINERS = 1 << 20
"""Largest number of lists and objects in a JSON document; each takes 20 times its two characters in memory."""

MOST_VALUES = 1 << 23
"""Largest number of commas in a JSON document, and so about of values. A million kept samples have a million."""


LONGEST_LINE = 1000
"""Number of characters of the longest line of a TOML document."""


def parse_json(content: bytes) -> Any:
    """What a JSON document holds, its size in memory bounded and its members unambiguous.

    NaN and Infinity pass, so that :func:`mobilecnn.records.record` can name the member that they are in.

    Raises:
        ValueError: it is not JSON, is nested too deeply, holds too much, or names a member twice.
    """
    if content.count(b"[") + content.count(b"{") > MOST_CONTAINERS or content.count(b",") > MOST_VALUES:
        raise ValueError(f"it holds more than {MOST_CONTAINERS:,} lists or {MOST_VALUES:,} values")
    try:
        return json.loads(content, object_pairs_hook=_unambiguous)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except ValueError as error:
        # Python's own words name a setting of Python that no user shall change.
        raise (
            ValueError("it has a number of thousands of digits") if "digits" in str(error) else error
        ) from None


def parse_toml(content: bytes) -> dict[str, Any]:
    """What a TOML document holds.

    Raises:
        ValueError: it is not TOML in UTF-8, is nested too deeply, or has a line too long.
    """
    text = content.decode()
    # The time that a key of many parts takes grows with the square of their number.
    if any(len(line) > LONGEST_LINE for line in text.splitlines()):
        raise ValueError(f"a line has more than {LONGEST_LINE} characters")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _unambiguous(pairs: list[tuple[str, Any]]) -> Members:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for index, name in enumerate(names) if name in names[:index])
        raise ValueError(f"its member {twice[:80]!r} is there twice")
    return members
