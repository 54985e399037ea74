"""The options of a training in a TOML file: the table ``[train]``, with the names that the command line has.

[train]
architecture = "mobilenet_v1_x1.0_224"
data = "isic.json"
optimizer = "adadelta"
learning-rate = 1.0
class-weights = true
"""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin, get_type_hints

from mobilecnn.documents import parse_toml
from mobilecnn.errors import InputError
from mobilecnn.files import LARGEST_TOML, read_bytes
from mobilecnn.train.plan import TrainingPlan

TABLE = "train"
"""Name of the table."""

_OTHERS = {"base": "from"}
"""Member of a plan -> its option, where it is not the same word."""

OPTIONS: dict[str, str] = {
    _OTHERS.get(member.name, member.name.replace("_", "-")): member.name for member in fields(TrainingPlan)
}
"""Option, without its dashes -> member of a :class:`TrainingPlan`."""

_KINDS: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "a text",
    tuple: "a list of texts",
}


def read(path: Path) -> dict[str, Any]:
    """The options in a TOML file: member of a :class:`TrainingPlan` -> value.

    Raises:
        InputError: the file is missing, is no TOML, has another table, or an option is unknown or of another type.
    """
    try:
        document = parse_toml(read_bytes(path, "options file", most=LARGEST_TOML))
    except ValueError as error:
        raise InputError(f"{path} is not TOML ({error}); write the options into a table [{TABLE}]") from error
    for name in document:
        if name != TABLE:
            what = (
                f"a table [{name[:80]}]"
                if isinstance(document[name], dict)
                else f"{name[:80]!r} outside of tables"
            )
            raise InputError(f"{path} has {what}, which is not known here; write all options into [{TABLE}]")
    table = document.get(TABLE)
    if not isinstance(table, dict):
        raise InputError(f"{path} has no table [{TABLE}]; write the options into it")
    return members(table, f"{path}, [{TABLE}]")


def members(table: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The options in a table: member of a :class:`TrainingPlan` -> value.

    Args:
        table: option, without its dashes -> value.
        where: the table, for messages.

    Raises:
        InputError: an option is unknown, or its value of another type.
    """
    hints = get_type_hints(TrainingPlan)
    found: dict[str, Any] = {}
    for option, value in table.items():
        if option not in OPTIONS:
            raise InputError(
                f"{where}: {option[:80]!r} is no option of a training; known are {', '.join(sorted(OPTIONS))}"
            )
        member = OPTIONS[option]
        kinds = _kinds(hints[member])
        if member == "size":
            found[member] = _size(value, f"{where}: {option}")
        elif not any(_fits(value, kind) for kind in kinds):
            raise InputError(f"{where}: {option} must be {_KINDS[kinds[0]]}, and is {str(value)[:80]!r}")
        else:
            found[member] = (
                tuple(value) if kinds[0] is tuple else float(value) if kinds[0] is float else value
            )
    return found


def _kinds(hint: Any) -> tuple[Any, ...]:
    """The types that a member may have, None left out."""
    if get_origin(hint) is UnionType:
        return tuple(get_origin(kind) or kind for kind in get_args(hint) if kind is not type(None))
    return (get_origin(hint) or hint,)


def _fits(value: Any, kind: Any) -> bool:
    if kind is tuple:
        return isinstance(value, list) and all(isinstance(entry, str) for entry in value)
    if kind is float:
        # A larger whole number is none of float.
        return isinstance(value, float) or (type(value) is int and abs(value) < 1 << 1000)
    return type(value) is kind


def _size(value: Any, where: str) -> int | tuple[int, int]:
    """A side in pixels, or (height, width) of a text ``WIDTHxHEIGHT``, as the command line has it."""
    sides = value.lower().split("x") if isinstance(value, str) else [str(value)] if type(value) is int else []
    if len(sides) not in (1, 2) or not all(
        side.isascii() and side.isdecimal() and len(side) < 10 for side in sides
    ):
        raise InputError(
            f'{where} must be a side in pixels (224), or a text of width and height ("320x240"), and is {str(value)[:80]!r}'
        )
    width, height = int(sides[0]), int(sides[-1])
    return width if width == height else (height, width)
