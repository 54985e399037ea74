"""The colours of charts: one place for all, and told apart by readers who are colour-blind."""

import re
import runpy
from io import BytesIO
from itertools import combinations
from pathlib import Path
from typing import get_args

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from mobilecnn.bench.pages import page
from mobilecnn.bench.pages.palette import Theme, palette
from mobilecnn.bench.pages.plot import COLOURS

ROOT = Path(__file__).parents[2]

Colour = npt.NDArray[np.float64]

LEAST = 20.0
"""Smallest distance of two colours in CIELAB (CIE76), where about 2 is just noticed."""

SEEN_BY: dict[str, Colour] = {
    "all": np.eye(3),
    "protanopes": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopes": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
}
"""What linear RGB becomes for whom (Machado, Oliveira and Fernandes 2009, severity 1.0)."""

TO_XYZ = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
)
"""Linear sRGB to CIE XYZ (IEC 61966-2-1)."""

WHITE = np.array([0.95047, 1.0, 1.08883])
"""CIE XYZ of the illuminant D65."""


def shares(colour: str) -> Colour:
    """Red, green and blue of ``#rrggbb``, 0 to 1."""
    return np.array([int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)])


def linear(colour: str) -> Colour:
    values = shares(colour)
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def lab(rgb: Colour) -> Colour:
    """CIELAB of linear RGB."""
    shares = TO_XYZ @ np.clip(rgb, 0, 1) / WHITE
    f = np.where(shares > 216 / 24389, np.cbrt(shares), (24389 / 27 * shares + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


def distance(one: str, other: str, eyes: str) -> float:
    seen = [lab(SEEN_BY[eyes] @ linear(colour)) for colour in (one, other)]
    return float(np.linalg.norm(seen[0] - seen[1]))


@pytest.mark.parametrize("eyes", SEEN_BY)
@pytest.mark.parametrize("theme", get_args(Theme))
def test_any_two_series_are_told_apart(theme: Theme, eyes: str) -> None:
    colours = [palette(theme)[name] for name in (*(f"s{index}" for index in range(COLOURS)), "other")]
    near = {
        pair: round(distance(*pair, eyes), 1)
        for pair in combinations(colours, 2)
        if distance(*pair, eyes) < LEAST
    }
    assert near == {}


@pytest.mark.parametrize(
    ("one", "other", "eyes", "expected"),
    [
        ("#000000", "#ffffff", "all", 100.0),
        ("#000000", "#ffffff", "deuteranopes", 100.0),
        ("#777777", "#777777", "protanopes", 0.0),
        ("#ff0000", "#00ff00", "all", 170.6),  # Lindbloom's CIE76 of the sRGB primaries.
    ],
)
def test_the_distance_is_that_of_the_books(one: str, other: str, eyes: str, expected: float) -> None:
    assert distance(one, other, eyes) == pytest.approx(expected, abs=0.3)


def test_red_and_green_of_one_lightness_would_be_found() -> None:
    """The test above could not fail if the simulation changed nothing."""
    red, green = "#b35806", "#7a7a00"
    assert distance(red, green, "all") > LEAST > distance(red, green, "deuteranopes")


def test_no_module_of_the_pages_has_colours_of_its_own() -> None:
    for path in Path(page.__file__).parent.rglob("*.py"):
        found = re.findall(
            r'"(#[0-9a-f]{3,6}|black|white|red|green|blue|gr[ae]y)"', path.read_text(encoding="utf-8")
        )
        assert found == [], path


@pytest.mark.parametrize("theme", get_args(Theme))
def test_the_readme_has_a_picture_for_each_ground(theme: Theme) -> None:
    name = f"speedup_{theme}.png"
    assert f"docs/{name}" in (ROOT / "README.md").read_text(encoding="utf-8")
    made = runpy.run_path(str(ROOT / "scripts" / "readme_picture.py"))["picture"](theme)
    hold(made, name, theme, "run: python scripts/readme_picture.py")


@pytest.mark.parametrize("theme", get_args(Theme))
@pytest.mark.parametrize("name", ["formats", "layers", "profile", "search"])
def test_the_guides_have_a_picture_for_each_ground(name: str, theme: Theme) -> None:
    file = f"guide_{name}_{theme}.png"
    pages = (page.read_text(encoding="utf-8") for page in (ROOT / "docs").glob("guide_*.md"))
    assert any(f'"{file}"' in page for page in pages)
    made = runpy.run_path(str(ROOT / "scripts" / "guide_pictures.py"))["picture"](name, theme)
    hold(made, file, theme, "run: python scripts/guide_pictures.py")


def hold(made: bytes, name: str, theme: Theme, remedy: str) -> None:
    """A stored picture is as its script draws it: it differs by no more than another release of matplotlib moves letters."""
    drawn, stored = (Image.open(file).convert("RGB") for file in (BytesIO(made), ROOT / "docs" / name))
    assert drawn.size == stored.size, remedy
    page_colour = tuple(round(255 * value) for value in shares(palette(theme)["page"]))
    assert stored.getpixel((0, 0)) == page_colour
    difference = np.abs(np.asarray(drawn, np.float64) - np.asarray(stored, np.float64)).mean()
    assert difference < 3, remedy
