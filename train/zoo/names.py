"""Network names are a grammar: each family has a template, and one function parses all names.

A template of :mod:`mobilecnn.train.zoo.families` consists of text and of:

* ``{width}``: the width multiplier, and ``{phi}``: a coefficient, which may be negative, with at most four
  decimals; the canonical name has at least one
* ``{size}``: the input side in pixels; a family without it in its names has a default
* ``{parameter:this|that}``: one of these words, which may be empty
* any other ``{parameter}``: a whole number
* ``[_word]``: an optional word
* ``[_word{parameter}]``: an optional word with a whole number, which is 0 where it is left out

``str()`` of what :func:`parse` returns is the canonical name. Nothing here imports Keras.
"""

import difflib
import re
from dataclasses import dataclass
from functools import cache

from mobilecnn.errors import ModelNameError, UsageError
from mobilecnn.train.zoo.families import FAMILIES, Family, Parameter

DECIMALS = ("width", "phi")
"""Parameters whose values are written with decimals."""

SIGNED = ("phi",)
"""Those of them whose values may be negative."""

LARGEST = 2048
"""Largest input side in pixels: beyond it one image takes gigabytes."""


@dataclass(frozen=True)
class ModelName:
    """A parsed name.

    Attributes:
        family: the family's row of the table.
        parameters: (parameter, value) pairs in the order of the template, without the size.
        size: input side, pixels.
    """

    family: Family
    parameters: tuple[tuple[str, Parameter], ...]
    size: int

    @property
    def sized(self) -> bool:
        """Whether names of this family contain the size."""
        return "{size}" in self.family.template

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of an image: (height, width, channels)."""
        return (self.size, self.size, self.family.channels)

    def __str__(self) -> str:
        """The canonical name; it contains the size only where the template does."""
        return _write(self.family, {**dict(self.parameters), "size": self.size})


_TOKEN = re.compile(
    r"\{(?P<key>\w+)(?::(?P<choices>[^}]*))?\}|\[(?P<flag>\w+)\]|\[(?P<lead>\w+)\{(?P<number>\w+)\}\]"
)


def parse(text: str, size: int | None = None) -> ModelName:
    """Parse a name, and make sure that the network can be built.

    Args:
        text: a name; ``x1`` is taken as ``x1.0``.
        size: input side in pixels; None for the one in the name, or the default.

    Raises:
        ModelNameError: no family has such names (the message shows similar ones), or the network
            cannot be built (the message says why, and what can be).
    """
    for family in FAMILIES:
        if match := _pattern(family.template).fullmatch(text):
            values = {key: _value(key, written, family) for key, written in match.groupdict().items()}
            named = int(values.pop("size", family.size))
            family.check(values)
            if family.size_of is not None:
                named = family.size_of(values)
            if enumerated(family):
                name = _write(family, values)
                if name not in family.listed:
                    raise ModelNameError(f"{name} is not published; choose from {', '.join(family.listed)}")
                named = family.sizes.get(name, named)
            side = named if size is None else size
            _check_size(family, side, text)
            return ModelName(family, tuple(values.items()), side)
    raise ModelNameError(_unknown(text))


def rectangular(name: str | ModelName, height: int, width: int) -> ModelName:
    """The name of a network that is to take images of ``height`` x ``width`` pixels; its own size is ignored.

    Raises:
        UsageError: the family takes square images only.
        ModelNameError: as :func:`parse` does, or a side is out of range.
    """
    model_name = parse(name) if isinstance(name, str) else name
    if not model_name.family.rectangular:
        known = ", ".join(family.name for family in FAMILIES if family.rectangular)
        raise UsageError(f"{model_name} takes square images only; rectangles are for {known}")
    for side in (height, width):
        parse(str(model_name), size=side)
    return model_name


def listed() -> tuple[str, ...]:
    """The canonical names that ``mobilecnn models`` shows, in its order."""
    return tuple(name for family in FAMILIES for name in family.listed)


def enumerated(family: Family) -> bool:
    """Whether the listed names of a family are all its names, because its template has no free number."""
    return not any(
        token["number"] or (token["key"] and token["choices"] is None)
        for token in _TOKEN.finditer(family.template)
    )


def _write(family: Family, values: dict[str, Parameter]) -> str:
    def token(match: re.Match[str]) -> str:
        if flag := match["flag"]:
            return flag if values[flag.strip("_")] else ""
        if match["number"]:
            value = values[match["number"]]
            return f"{match['lead']}{value}" if value else ""
        return str(values[match["key"]])

    return _TOKEN.sub(token, family.template)


@cache
def _pattern(template: str) -> re.Pattern[str]:
    pattern, position = "", 0
    for token in _TOKEN.finditer(template):
        pattern += re.escape(template[position : token.start()])
        if flag := token["flag"]:
            pattern += f"(?P<{flag.strip('_')}>{flag})?"
        elif token["number"]:
            pattern += f"(?:{token['lead']}(?P<{token['number']}>[0-9]{{1,6}}))?"
        elif token["key"] in DECIMALS:
            sign = "-?" if token["key"] in SIGNED else ""
            pattern += rf"(?P<{token['key']}>{sign}[0-9]{{1,2}}(?:\.[0-9]{{1,4}})?)"
        elif token["choices"] is not None:
            words = "|".join(re.escape(word) for word in token["choices"].split("|"))
            pattern += f"(?P<{token['key']}>{words})"
        else:
            pattern += f"(?P<{token['key']}>[0-9]{{1,6}})"
        position = token.end()
    return re.compile(pattern + re.escape(template[position:]))


@cache
def _kinds(template: str) -> dict[str, type]:
    """Parameter of a template -> type of its values."""
    kinds: dict[str, type] = {}
    for token in _TOKEN.finditer(template):
        if token["flag"]:
            kinds[token["flag"].strip("_")] = bool
        elif token["number"]:
            kinds[token["number"]] = int
        elif token["key"] in DECIMALS:
            kinds[token["key"]] = float
        else:
            words = (token["choices"] or "0").split("|")
            kinds[token["key"]] = int if all(word.isdecimal() for word in words) else str
    return kinds


def _value(key: str, written: str | None, family: Family) -> Parameter:
    kind = _kinds(family.template)[key]
    if kind is bool:
        return written is not None
    if kind is int:
        return int(written or 0)
    # -0 is 0, and has one name.
    return float(written or 0) + 0.0 if kind is float else written or ""


def _check_size(family: Family, size: int, text: str) -> None:
    if not family.smallest <= size <= LARGEST:
        why = (
            "its strides would leave no pixel" if size < family.smallest else "one image would take gigabytes"
        )
        raise ModelNameError(
            f"{text} cannot take images of {size}x{size} pixels ({why}); choose a size from {family.smallest} to "
            f"{LARGEST}"
        )


def _unknown(text: str) -> str:
    shown = text if len(text) <= 60 else text[:57] + "..."
    close = difflib.get_close_matches(text[:60].lower(), listed(), n=3)
    if not close:
        return (
            f"no network is named {shown!r}. Names begin with a family's, as in "
            f"{', '.join(family.listed[0] for family in FAMILIES)}; `mobilecnn models` lists them all"
        )
    near = [family for family in FAMILIES if set(close) & set(family.listed) and not enumerated(family)]
    grammar = f" Names are written {', '.join(family.template for family in near)};" if near else ""
    return f"no network is named {shown!r}; did you mean {' or '.join(close)}?{grammar} `mobilecnn models` lists them"
