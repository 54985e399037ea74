"""Draw the pictures of the Android app in docs/android: ``python scripts/android_screens.py``.

A small network learns five things in scikit-learn's two sample photographs (CC BY 2.0, by danielbuechele and
vultilion on Flickr), is exported in float32 and int8 and put into a copy of the app; the app's tests then draw its
screens on Android's own classes, with one of the photographs. It takes some minutes, and replaces the pictures.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from sklearn.datasets import load_sample_image

from mobilecnn.android_demo.staging import stage
from mobilecnn.convert.conversion import Source
from mobilecnn.export import export
from mobilecnn.quantize.calibration.images import Calibration

ROOT = Path(__file__).resolve().parent.parent

PICTURES = ROOT / "docs/android"
"""Folder of the pictures."""

NAMES = (
    "phone", "landscape", "tablet", "tablet-upright", "dark", "large-text", "settings", "timing",
)  # fmt: skip
"""Pictures that the documentation shows, of those that the tests draw."""

SIDE = 96
"""Side of the network's pictures, in pixels."""

CROPS = 240
"""Number of pictures that the network sees of each thing, each another part of the photograph."""

THINGS = {
    "Dahlia": ("flower.jpg", (310, 222), (230, 400)),
    "Pagoda": ("china.jpg", (212, 215), (230, 420)),
    "Leaves": ("flower.jpg", (110, 200), (90, 190)),
    "Trees": ("china.jpg", (500, 340), (90, 170)),
    "Sky": ("china.jpg", (480, 90), (90, 180)),
}
"""Label -> photograph, centre (x, y), and the smallest and largest side of a crop, in pixels."""


def crops(seed: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Parts of the photographs around each thing, shifted, mirrored, lighter and darker: (N, SIDE, SIDE, 3)."""
    random = np.random.default_rng(seed)
    pictures, labels = [], []
    for label, (name, (x, y), (least, most)) in enumerate(THINGS.values()):
        photo = Image.fromarray(load_sample_image(name))
        for _ in range(CROPS):
            side = int(random.integers(least, most))
            left = x - side // 2 + int(random.integers(-side // 8, side // 8 + 1))
            top = y - side // 2 + int(random.integers(-side // 8, side // 8 + 1))
            part = photo.crop((left, top, left + side, top + side)).resize((SIDE, SIDE))
            pixels = np.asarray(part, np.float32) * random.uniform(0.7, 1.2)
            pictures.append(pixels[:, ::-1] if random.random() < 0.5 else pixels)
            labels.append(label)
    return np.clip(np.stack(pictures), 0, 255).astype(np.uint8), np.asarray(labels)


def train(folder: Path) -> list[Path]:
    """Train the network and export it: the .tflite files."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    layers = keras.layers
    keras.utils.set_random_seed(3)
    image = keras.Input((SIDE, SIDE, 3))
    x = image
    for channels in (16, 32, 48, 64):
        x = layers.Conv2D(channels, 3, strides=2, padding="same", activation="relu")(x)
    # No dense layer: the release that runs on this computer misreads those of int8 files.
    x = layers.GlobalAveragePooling2D()(layers.Conv2D(len(THINGS), 1)(x))
    network = keras.Model(image, layers.Softmax()(x), name="photographs")
    network.compile(keras.optimizers.Adam(0.002), "sparse_categorical_crossentropy", metrics=["accuracy"])
    pictures, labels = crops(1)
    network.fit(pictures / np.float32(255), labels, epochs=8, batch_size=32, verbose=0)
    unseen, wanted = crops(2)
    share = float(network.evaluate(unseen / np.float32(255), wanted, verbose=0)[1])
    sys.stderr.write(f"of other parts of the two photographs, it knows {100 * share:.1f} %\n")
    calibration = folder / "calibration"
    calibration.mkdir()
    for number, pixels in enumerate(pictures[:: len(pictures) // 60]):
        Image.fromarray(pixels).save(calibration / f"{number:03d}.png")
    network.save(folder / "photographs.keras")
    source = Source(str(folder / "photographs.keras"), input_range="unit", labels=tuple(THINGS))
    export(source, ("float32", "int8"), folder, Calibration(str(calibration)))
    return sorted(folder.glob("*.tflite"))


def draw(folder: Path, models: list[Path]) -> Path:
    """Have the app's tests draw its screens with these models: the folder of the pictures."""
    app = folder / "app"
    shutil.copytree(
        ROOT / "android_demo",
        app,
        ignore=shutil.ignore_patterns("*.tflite", "*.json.part", "__pycache__", "build"),
    )
    (app / "build").mkdir()
    (app / "build/deps").symlink_to(ROOT / "android_demo/build/deps")
    for card in (app / "app/src/main/assets/models").glob("*.json"):
        card.unlink()
    stage(models, app)
    screens = folder / "screens"
    screens.mkdir()
    Image.fromarray(load_sample_image("flower.jpg")).crop((60, 0, 560, 427)).save(
        screens / "photo.jpg", quality=95
    )
    subprocess.run([sys.executable, app / "ci/build_apk.py", "--screens", screens], check=True)
    return screens


def shown(picture: Image.Image) -> Image.Image:
    """A screen as the documentation shows it: on white where it is transparent, small, and of a small file."""
    page = Image.new("RGB", picture.size, "white")
    page.paste(picture, mask=picture.convert("RGBA").getchannel("A"))
    page.thumbnail((900, 900), Image.Resampling.LANCZOS)
    # The photograph's shades are too many for a palette; dots of its colours stand for those in between.
    return page.quantize(palette=page.quantize(256, kmeans=1), dither=Image.Dither.FLOYDSTEINBERG)


def main() -> None:
    """Train, draw, and keep the pictures."""
    with tempfile.TemporaryDirectory(prefix="screens-") as temporary:
        folder = Path(temporary)
        screens = draw(folder, train(folder))
        PICTURES.mkdir(exist_ok=True)
        for name in NAMES:
            with Image.open(screens / f"{name}.png") as picture:
                shown(picture).save(PICTURES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
