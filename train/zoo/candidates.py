"""The networks of a family that a search looks at: every listed form at several widths and input sizes."""

import difflib
from collections.abc import Iterator, Sequence

from mobilecnn.errors import ModelNameError, UsageError
from mobilecnn.train.zoo.families import FAMILIES, Family
from mobilecnn.train.zoo.names import ModelName, parse, rectangular

SIDES = (128, 160, 192, 224)
"""Input sides in pixels that are tried, as far as they are not larger than the family's own."""

STEP = 0.05
"""Step of the width multipliers between those that are listed."""

Size = int | tuple[int, int]
"""Input side in pixels, or (height, width)."""

Form = tuple[tuple[str, object], ...]
"""What distinguishes networks of a family beside width and size: (parameter, value) pairs, such as the groups."""


def family(name: str) -> Family:
    """The family of that name.

    Raises:
        UsageError: there is none; of a network's name it says the family.
    """
    for row in FAMILIES:
        if row.name == name:
            return row
    try:
        of = parse(name).family.name
    except ModelNameError:
        pass
    else:
        raise UsageError(
            f"{name[:60]!r} is a network of the family {of}; give {of}, and all of them are searched"
        )
    known = [row.name for row in FAMILIES]
    close = difflib.get_close_matches(name[:60].lower(), known, n=3)
    hint = f"did you mean {' or '.join(close)}? " if close else ""
    raise UsageError(
        f"no family of networks is named {name[:60]!r}; {hint}The families are {', '.join(known)}"
    )


def sides(row: Family) -> tuple[int, ...]:
    """Input sides in pixels to try of a family where the user names none."""
    fitting = [side for side in SIDES if row.smallest <= side <= row.size]
    return tuple(fitting) if len(fitting) > 1 else (row.size,)


def networks(
    row: Family, wanted_sides: Sequence[Size] = (), widths: Sequence[float] = ()
) -> tuple[tuple[ModelName, Size], ...]:
    """Networks of a family with their input sizes, in the order of the list.

    Args:
        row: the family.
        wanted_sides: input sizes; none for those of :func:`sides`. Names that end in a size end in the family's where the input is a
            rectangle, because their own says nothing there.
        widths: width multipliers; none for those of the listed networks.

    Raises:
        ModelNameError: the family has no networks of these widths or sides.
        UsageError: widths are given, and the family's names have none; or a rectangle, and it takes squares only.
    """
    made: dict[tuple[str, Size], tuple[ModelName, Size]] = {}
    for side in wanted_sides:
        if isinstance(side, tuple):
            rectangular(row.listed[0], *side)
    for name in row.listed:
        listed = parse(name)
        given = listed.size if not listed.sized and listed.size != row.size else None
        for side in wanted_sides or ((given,) if given is not None else sides(row)):
            for made_name in _at_widths(listed, widths, side):
                made[str(made_name), side] = (made_name, side)
    if not made:
        parse(_named(parse(row.listed[0]), widths[0] if widths else None, (wanted_sides or (row.size,))[0]))
        raise ModelNameError(
            f"{row.name} has no networks of these widths and sizes; leave out --width or --size"
        )
    return tuple(made.values())


def _at_widths(listed: ModelName, widths: Sequence[float], side: Size) -> Iterator[ModelName]:
    """A listed network at each of the widths, or at its own, and at a side; what cannot be built is passed over."""
    if widths and "width" not in dict(listed.parameters):
        raise UsageError(
            f"the names of {listed.family.name} have no width ({listed.family.template}); leave out --width"
        )
    for width in widths or (None,):
        made = at(listed, width, side)
        if made is not None:
            yield made


def at(listed: ModelName, width: float | None, side: Size) -> ModelName | None:
    """A network at another width multiplier (None for its own) and input size; None where it cannot be built."""
    name = _named(listed, width, side)
    try:
        return rectangular(name, *side) if isinstance(side, tuple) else parse(name, size=side)
    except ModelNameError:
        return None


def _named(listed: ModelName, width: float | None, side: Size) -> str:
    values = dict(listed.parameters)
    if width is not None:
        values["width"] = width
    return str(
        ModelName(listed.family, tuple(values.items()), side if isinstance(side, int) else listed.family.size)
    )


def size_text(size: Size) -> str:
    """A size as ``--size`` takes it: ``224``, or width and height, ``320x240``."""
    return str(size) if isinstance(size, int) else f"{size[1]}x{size[0]}"


def scalable(row: Family) -> bool:
    """Whether the family has networks of any width."""
    return "{width}" in row.template


def form(network: ModelName) -> Form:
    """What distinguishes a network from others of its family beside width and size."""
    return tuple((key, value) for key, value in network.parameters if key != "width")


def width_of(network: ModelName) -> float | None:
    """The width multiplier; None where the name has none."""
    width = dict(network.parameters).get("width")
    return None if width is None else float(width)
