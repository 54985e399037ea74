"""The README's first picture, on a light and on a dark ground: theoretical against modelled speedup on the stored chips.

python scripts/readme_picture.py    (writes docs/speedup_light.png and docs/speedup_dark.png)
"""

from pathlib import Path
from typing import get_args

from mobilecnn.bench.pages import charts, png
from mobilecnn.bench.pages.palette import Theme
from mobilecnn.bench.papers.stored import STORED, stored

DOCS = Path(__file__).resolve().parent.parent / "docs"

TITLE = (
    "Speedup over AlexNet: what the multiply-adds promise, and what ARM delivers\n"
    "modelled on a Snapdragon 820 and a Raspberry Pi 4, float32, one thread, 90 % intervals"
)


def picture(theme: Theme) -> bytes:
    """The picture for one ground, as a PNG file."""
    return png.draw([charts.speedups_of_chips([stored(chip) for chip in STORED])], TITLE, theme)


def main() -> None:
    for theme in get_args(Theme):
        (DOCS / f"speedup_{theme}.png").write_bytes(picture(theme))


if __name__ == "__main__":
    main()
