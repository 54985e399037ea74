"""Mutated JSON documents: the tree first, by the kinds of its members, then the text."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

NUMBERS: tuple[Any, ...] = (
    0, -1, 1, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 10**400, 0.5, -0.0, 1e-320, 1e308, 1e30, 20.0,
    float("nan"), float("inf"), float("-inf"), True, "1", None, [],
)  # fmt: skip
"""What stands in place of a number."""

TEXTS: tuple[Any, ...] = (
    "", "\x1b[31mred", "\x1b]0;title\x07", "a\nb", "a\rb", "\x00", "\x9b1m", "\u202eabc", "\u200b", "e\u0301", "é" * 300,
    "x" * 100_000, "../../etc/passwd", "false", "NaN", "2026-13-45T00:00:00", "\ud800", "%s{0}", 0, None, [], True,
)  # fmt: skip
"""What stands in place of a text: control characters, other spellings, other types."""

OTHERS: tuple[Any, ...] = (None, True, 0, "false", [], {}, [[]], {"a": 1})


def _nodes(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    paths = [path]
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, entry in entries:
        paths += _nodes(entry, (*path, key))
    return paths


def _deep(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def _instead(random: Random, value: Any) -> Any:
    if random.random() < 0.05:
        return _deep(random.choice((5, 40, 500)))
    if isinstance(value, bool):
        return random.choice((*OTHERS, not value))
    if isinstance(value, int | float):
        return random.choice((*NUMBERS, value + 1, -value))
    if isinstance(value, str):
        return random.choice((*TEXTS, value[:-1], value + value, value.upper()))
    if isinstance(value, list):
        longer = [*value, *value[-1:]]
        return random.choice(
            [value[:-1], longer, value[::-1], value * 2, [], None, {}, "list", [None, *value]]
        )
    return random.choice(OTHERS)


def tree(random: Random, document: Any) -> Any:
    """``document`` with up to three members of other values, other types, another name, or none."""
    made = json.loads(json.dumps(document))
    for _ in range(random.choice((1, 1, 1, 2, 3))):
        paths = [path for path in _nodes(made) if path]
        if not paths:
            return made
        path = random.choice(paths)
        parent = made
        for key in path[:-1]:
            parent = parent[key]
        key = path[-1]
        what = random.random()
        if what < 0.1:
            del parent[key]
        elif what < 0.2 and isinstance(parent, dict):
            parent[random.choice(("new", "\x1b[1m", "x" * 300, str(key).upper()))] = parent.pop(key)
        else:
            parent[key] = _instead(random, parent[key])
    return made


def _twice(random: Random, text: str) -> str:
    names = [part for part in text.split('"')[1::2] if part]
    return text.replace("{", '{"' + (random.choice(names) if names else "a") + '": 1, ', 1)


_TEXT_CHANGES: tuple[Callable[[Random, str], bytes], ...] = (
    lambda random, text: text[: random.randrange(len(text) + 1)].encode(errors="surrogatepass"),
    lambda random, text: b"\xef\xbb\xbf" + text.encode(errors="surrogatepass"),
    lambda random, text: text.encode("utf-16", errors="surrogatepass"),
    lambda random, text: text.encode(errors="surrogatepass").replace(b"e", b"\xff", 1),
    lambda random, text: _twice(random, text).encode(errors="surrogatepass"),
    lambda random, text: text.replace("1", "1e400", 1).encode(errors="surrogatepass"),
    lambda random, text: text.replace("1", "1" * 5000, 1).encode(errors="surrogatepass"),
    lambda random, text: b"[" * random.choice((10, 1000, 100_000)) + text.encode(errors="surrogatepass"),
    lambda random, text: b'{"a":' * random.choice((1000, 50_000)),
    lambda random, text: (text + text).encode(errors="surrogatepass"),
    lambda random, text: b"[" + b"[]," * 1_100_000 + b"[]]",
    lambda random, text: random.randbytes(random.randrange(300)),
)


def mutated(random: Random, document: Any) -> bytes:
    """A mutated document as the content of a file."""
    text = json.dumps(tree(random, document) if random.random() < 0.9 else document)
    if random.random() < 0.75:
        return text.encode(errors="surrogatepass")
    return random.choice(_TEXT_CHANGES)(random, text)
