"""Photos of Debian's package ``gcompris-qt-data`` 3.1, which calibrate and judge networks with real weights.

    apt-get download gcompris-qt-data && dpkg-deb -x gcompris-qt-data_*.deb DATA
    python benchmarks/photos.py DATA/usr/share/gcompris-qt/rcc FOLDER

Writes 96 photos to FOLDER/calibration, 191 others to FOLDER/judged, and 400 crops of these to FOLDER/crops, as PNG files: of each photo two
squares, and a third of some, of 60 to 100 % of its shorter side, at places drawn with the seed 0. ``benchmarks/quantization.py`` takes these folders.
"""

import argparse
import io
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

CALIBRATION = (
    "babyshapes", "details", "erase", "explore_farm_animals", "explore_world_animals", "explore_world_music",
)  # fmt: skip
"""Resource files whose photos calibrate."""

JUDGED = ("categorization", "explore_monuments")
"""Resource files whose photos judge."""

CROPS = 400
"""Number of crops of the judged photos."""

LEAST_SHARE = 0.6
"""Least share of a photo's shorter side that a crop has."""


def photos(folder: Path, names: Sequence[str]) -> Iterator[Image.Image]:
    """The opaque WebP pictures of resource files, each once; graphics with transparent parts are no photos."""
    seen = set()
    for name in names:
        content = (folder / f"{name}.rcc").read_bytes()
        begin = -1
        while (begin := content.find(b"RIFF", begin + 1)) >= 0:
            (size,) = struct.unpack_from("<I", content, begin + 4)
            picture = content[begin : begin + 8 + size]
            if picture[8:12] != b"WEBP" or picture in seen:
                continue
            seen.add(picture)
            image = Image.open(io.BytesIO(picture))
            if image.mode == "RGB":
                yield image


def cropped(images: Sequence[Image.Image]) -> Iterator[Image.Image]:
    """:data:`CROPS` squares, in turns of the photos."""
    generator = np.random.default_rng(0)
    for number in range(CROPS):
        image = images[number % len(images)]
        side = int(min(image.size) * generator.uniform(LEAST_SHARE, 1))
        left, top = (int(generator.integers(0, length - side + 1)) for length in image.size)
        yield image.crop((left, top, left + side, top + side))


def main() -> None:
    """Write the three folders, and say how many pictures each has."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("resources", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    judged = list(photos(options.resources, JUDGED))
    sets = {
        "calibration": list(photos(options.resources, CALIBRATION)),
        "judged": judged,
        "crops": list(cropped(judged)),
    }
    for name, images in sets.items():
        folder = options.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        for number, image in enumerate(images):
            image.save(folder / f"{number:03}.png")
        print(f"{folder}: {len(images)} pictures")


if __name__ == "__main__":
    main()
