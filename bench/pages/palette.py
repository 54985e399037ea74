"""The colours of every chart, on pages and in pictures: those of ``page.css``, for a light and for a dark ground.

Readers who see no difference between red and green tell them apart, too: ``tests/bench/test_palette.py`` holds every two
colours to a distance as two kinds of colour blindness see them. Marks also differ in shape.
"""

import re
from functools import cache
from pathlib import Path
from typing import Literal

from mobilecnn.bench.pages.plot import COLOURS, OTHER

Theme = Literal["light", "dark"]

_THEMES: tuple[Theme, ...] = ("light", "dark")


@cache
def palette(theme: Theme = "light") -> dict[str, str]:
    """Name of a variable of ``page.css`` -> its colour, ``#rrggbb``: ``s0`` and so on of series, ``ink``, ``page``, ..."""
    style = Path(__file__).with_name("page.css").read_text(encoding="utf-8")
    block = re.findall(r":root \{(.*?)\}", style, re.DOTALL)[_THEMES.index(theme)]
    return dict(re.findall(r"--(\w+): (#[0-9a-f]{6});", block))


def colour(index: int, theme: Theme = "light") -> str:
    """Colour of a series, ``#rrggbb``."""
    return palette(theme)["other" if index == OTHER else f"s{index % COLOURS}"]
