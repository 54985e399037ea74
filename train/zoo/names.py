"""Network names are a grammar: one table of families, one function that reads a name.

A template decodes as follows:

* ``{width}``: the width multiplier, with at most four decimals; written with at least one
* ``{size}``: the input side in pixels; a family without it in its names has a default
* any other ``{placeholder}``: a whole number
* ``[_word]``: may be there or not

``str()`` of what :func:`parse` returns is the canonical name. Nothing here imports Keras.
"""

import difflib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from mobilecnn.errors import ModelNameError
from mobilecnn.train.zoo.shufflenet_v1_channels import channels

Parameter = float | int | bool
"""Of a ``{width}``, another ``{placeholder}``, a ``[_word]``."""

LARGEST = 2048
"""Largest input side: beyond it one image takes gigabytes."""


@dataclass(frozen=True)
class Family:
    """A row of :data:`FAMILIES`.

    Attributes:
        name: the family.
        template: of its names.
        module: the module of this package whose ``build`` takes the parameters.
        size: default input side, pixels.
        smallest: smallest side whose last feature map still has a pixel.
        listed: the names that ``mobilecnn models`` shows; the grammar knows more.
        check: is given the parameters; raises ModelNameError where they cannot be built.
    """

    name: str
    template: str
    module: str
    size: int
    smallest: int
    listed: tuple[str, ...]
    check: Callable[[dict[str, Parameter]], None] = lambda parameters: None


@dataclass(frozen=True)
class ModelName:
    """A name taken apart.

    Attributes:
        family: its row of the table.
        parameters: (placeholder, value) in the order of the template; without the size.
        size: input side, pixels: images are size x size.
    """

    family: Family
    parameters: tuple[tuple[str, Parameter], ...]
    size: int

    @property
    def sized(self) -> bool:
        """Whether names of this family say the size."""
        return "{size}" in self.family.template

    def __str__(self) -> str:
        """The canonical name; the size is in it only where the template has one."""
        values = {**dict(self.parameters), "size": self.size}

        def write(token: re.Match[str]) -> str:
            placeholder, flag = token.groups()
            if flag:
                return f"_{flag}" if values[flag] else ""
            return str(values[placeholder])

        return _TOKEN.sub(write, self.family.template)


def _one_of(
    placeholder: str, known: tuple[Parameter, ...], what: str
) -> Callable[[dict[str, Parameter]], None]:
    def check(parameters: dict[str, Parameter]) -> None:
        if parameters[placeholder] not in known:
            choices = ", ".join(str(value) for value in known)
            raise ModelNameError(f"{what}{parameters[placeholder]} is not published; choose from {choices}")

    return check


def _width_between(smallest: float, largest: float) -> Callable[[dict[str, Parameter]], None]:
    def check(parameters: dict[str, Parameter]) -> None:
        if not smallest <= parameters["width"] <= largest:
            raise ModelNameError(
                f"the width multiplier {parameters['width']} is out of range; choose one from {smallest} to {largest}"
            )

    return check


def _check_shufflenet_v1(parameters: dict[str, Parameter]) -> None:
    width, groups = float(parameters["width"]), int(parameters["groups"])
    if width > WIDEST:
        raise ModelNameError(f"the width multiplier {width} is out of range; choose one of at most {WIDEST}")
    channels(width, groups)
    if groups == 1 and parameters["noshuffle"]:
        raise ModelNameError("with 1 group there is no shuffle to leave out; drop _noshuffle")


NARROWEST, WIDEST = 0.1, 4.0
"""Width multipliers of the families whose channels any of them can scale (published: 0.25 to 2)."""

FAMILIES = (
    Family("alexnet", "alexnet", "alexnet", 227, 67, ("alexnet",)),
    Family(
        "mobilenet_v1",
        "mobilenet_v1_x{width}_{size}",
        "mobilenet_v1",
        224,
        32,
        tuple(
            f"mobilenet_v1_x{width}_{size}" for width in (1.0, 0.75, 0.5, 0.25) for size in (224, 192, 160, 128)
        ),
        _width_between(NARROWEST, WIDEST),
    ),
    Family(
        "mobilenet_v2",
        "mobilenet_v2_x{width}_{size}",
        "mobilenet_v2",
        224,
        32,
        (
            "mobilenet_v2_x1.4_224",
            "mobilenet_v2_x1.3_224",
            *(
                f"mobilenet_v2_x{width}_{size}"
                for width in (1.0, 0.75, 0.5, 0.35)
                for size in (224, 192, 160, 128, 96)
            ),
        ),
        _width_between(NARROWEST, WIDEST),
    ),
    Family(
        "shufflenet_v1",
        "shufflenet_v1_x{width}_g{groups}[_noshuffle]",
        "shufflenet_v1",
        224,
        32,
        (
            *(f"shufflenet_v1_x{width}_g{groups}" for width in (0.25, 0.5, 1.0, 1.5, 2.0) for groups in (1, 2, 3, 4, 8)),
            *(f"shufflenet_v1_x{width}_g{groups}_noshuffle" for width in (1.0, 0.5, 0.25) for groups in (3, 8)),
        ),
        _check_shufflenet_v1,
    ),
    Family(
        "shufflenet_v2",
        "shufflenet_v2_x{width}",
        "shufflenet_v2",
        224,
        32,
        tuple(f"shufflenet_v2_x{width}" for width in (0.5, 1.0, 1.5, 2.0)),
        _one_of("width", (0.5, 1.0, 1.5, 2.0), "ShuffleNet V2 at x"),
    ),
    Family(
        "squeezenet",
        "squeezenet_v1.{minor}",
        "squeezenet",
        224,
        21,
        ("squeezenet_v1.0", "squeezenet_v1.1"),
        _one_of("minor", (0, 1), "SqueezeNet version 1."),
    ),
)  # fmt: skip

_TOKEN = re.compile(r"\{(\w+)\}|\[_(\w+)\]")


def parse(text: str, size: int | None = None) -> ModelName:
    """Read a name, and make sure that the network can be built.

    Args:
        text: a name; ``x1`` is taken as ``x1.0``.
        size: input side in pixels, instead of the one in the name or the default.

    Raises:
        ModelNameError: no family has such names (close ones are shown), or the network
            cannot be built (why, and what can).
    """
    for family in FAMILIES:
        if match := _pattern(family.template).fullmatch(text):
            values = {key: _value(key, written) for key, written in match.groupdict().items()}
            named = int(values.pop("size", family.size))
            side = named if size is None else size
            _check_size(family, side, text)
            family.check(values)
            return ModelName(family, tuple(values.items()), side)
    raise ModelNameError(_unknown(text))


def listed() -> tuple[str, ...]:
    """The canonical names that ``mobilecnn models`` shows, in its order."""
    return tuple(name for family in FAMILIES for name in family.listed)


@cache
def _pattern(template: str) -> re.Pattern[str]:
    pattern, position = "", 0
    for token in _TOKEN.finditer(template):
        pattern += re.escape(template[position : token.start()])
        placeholder, flag = token.groups()
        if flag:
            pattern += f"(?P<{flag}>_{flag})?"
        elif placeholder == "width":
            pattern += r"(?P<width>[0-9]{1,2}(?:\.[0-9]{1,4})?)"
        else:
            pattern += f"(?P<{placeholder}>[0-9]{{1,6}})"
        position = token.end()
    return re.compile(pattern + re.escape(template[position:]))


def _value(key: str, written: str | None) -> Parameter:
    if key == "width":
        return float(written or "")
    # A word of the template, there or not.
    if written is None or written.startswith("_"):
        return written is not None
    return int(written)


def _check_size(family: Family, size: int, text: str) -> None:
    if not family.smallest <= size <= LARGEST:
        raise ModelNameError(
            f"{text} cannot take images of {size}x{size} pixels; choose a size from {family.smallest} to {LARGEST}"
        )


def _unknown(text: str) -> str:
    shown = text if len(text) <= 60 else text[:57] + "..."
    close = difflib.get_close_matches(text[:60].lower(), listed(), n=3)
    near = [family for family in FAMILIES if set(close) & set(family.listed)] or FAMILIES
    meant = f"; did you mean {' or '.join(close)}?" if close else "."
    templates = ", ".join(family.template for family in near)
    return (
        f"no network is named {shown!r}{meant} Names are written {templates}; `mobilecnn models` lists them"
    )
