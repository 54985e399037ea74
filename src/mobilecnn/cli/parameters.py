"""Types of arguments: names of files and folders, data sets, sizes, times."""

import re
from pathlib import Path
from typing import Any, ClassVar

import click
from click.types import StringParamType


class FileName(click.Path):
    """The name of a file or folder, as a :class:`pathlib.Path`.

    Refused are an empty one, which would mean the current folder, and one that is not UTF-8: the records, which are
    JSON, could not be read again.
    """

    def __init__(self, any_bytes: bool = False) -> None:
        super().__init__(path_type=Path)
        self.any_bytes = any_bytes

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path; a usage error where it is refused."""
        text = str(value)
        if not text:
            self.fail("the name is empty; give that of a file or folder", param, ctx)
        if not self.any_bytes and any("\ud800" <= letter <= "\udfff" for letter in text):
            self.fail(f"{text} is not UTF-8, and cannot be kept in a record; rename it", param, ctx)
        return super().convert(value, param, ctx)


FILE = FileName()

READ_ONLY = FileName(any_bytes=True)
"""A file whose name is only shown."""


class Source(StringParamType):
    """A text that may be the name of a file or folder, as :class:`FileName` takes it."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The text; a usage error where it is refused."""
        FILE.convert(value, param, ctx)
        return str(value)


SOURCE = Source()


class AnySource(StringParamType):
    """A text that may be the name of a file or folder whose name is only shown."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The text; a usage error where it is refused."""
        READ_ONLY.convert(value, param, ctx)
        return str(value)


ANY_SOURCE = AnySource()


class Size(StringParamType):
    """A side in pixels, or ``WIDTHxHEIGHT``: an int, or (height, width)."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The size; a usage error where it is none."""
        sides = str(value).lower().split("x")
        if len(sides) > 2 or not all(
            side.isascii() and side.isdecimal() and len(side) < 10 for side in sides
        ):
            self.fail(
                f"{value!r} is no size; give a side in pixels (224), or width and height (320x240)",
                param,
                ctx,
            )
        width, height = int(sides[0]), int(sides[-1])
        return width if width == height else (height, width)


SIZE = Size()


class Duration(StringParamType):
    """A time with its unit, such as ``20ms``: nanoseconds."""

    name = "duration"

    UNITS: ClassVar[dict[str, float]] = {"us": 1e3, "ms": 1e6, "s": 1e9}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Nanoseconds; a usage error where it is no time, has no unit, or is not longer than none."""
        found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?(us|ms|s)?", str(value))
        if found is None:
            self.fail(f"{str(value)[:40]!r} is no time; give one such as 20ms, 1.5s or 800us", param, ctx)
        if found[2] is None:
            self.fail(f"{value} has no unit; write {value}ms, {value}us or {value}s", param, ctx)
        if float(found[1]) == 0:
            self.fail(f"{value} is no time to do anything in; give a longer one, such as 20ms", param, ctx)
        return float(found[1]) * self.UNITS[found[2]]


DURATION = Duration()
"""A time with its unit, in nanoseconds."""
