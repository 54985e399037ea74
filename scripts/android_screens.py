"""Draw the pictures of the Android app in docs/android: ``python scripts/android_screens.py``.

EfficientNet-Lite0 with its published weights for ImageNet, from a package that ``mobilecnn pretrained`` names, is exported
in float32 and float16 and put into a copy of the app; the app's tests then draw its screens on Android's own classes, with a
part of one of scikit-learn's sample photographs (CC BY 2.0, by danielbuechele on Flickr). For the pictures of wrong answers they
change a copy of the model's passport. It takes some minutes, and replaces the pictures.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from sklearn.datasets import load_sample_image

from mobilecnn.android_demo.staging import stage
from mobilecnn.convert.conversion import Source
from mobilecnn.export import export
from mobilecnn.quantize.calibration.images import Calibration
from mobilecnn.train import pretrained

ROOT = Path(__file__).resolve().parent.parent

PICTURES = ROOT / "docs/android"
"""Folder of the pictures."""

NAMES = (
    "phone", "landscape", "tablet", "tablet-upright", "dark", "large-text", "wrong", "wrong-dark", "settings", "timing",
)  # fmt: skip
"""Pictures that the documentation shows, of those that the tests draw."""

NETWORK = "efficientnet_lite0"
"""Network with published weights; a key of ``pretrained.NETWORKS``."""

CLASSES = 1000
"""Number of ImageNet's classes."""

LABELS = {
    437: "Beacon", 442: "Bell cote", 449: "Boathouse", 483: "Castle", 663: "Monastery", 698: "Palace", 832: "Stupa",
    975: "Lakeside",
}  # fmt: skip
"""Number of a class -> its name, of those that the network finds in the photograph; the others are shown by number."""

PHOTOGRAPH = "china.jpg"
"""Sample photograph of scikit-learn."""

PART = (0, 0, 427, 427)
"""Left, upper, right and lower edge of the part of the photograph that is classified, in pixels."""

GOLDEN = ((0, 0, 427, 427), (213, 0, 640, 427), (100, 0, 527, 427), (60, 60, 400, 400))
"""Edges of the parts that become golden pictures."""


def models(folder: Path) -> list[Path]:
    """The network with its weights, as .tflite files."""
    labels = tuple(LABELS.get(number, f"Class {number}") for number in range(CLASSES))
    written = pretrained.write(NETWORK, folder / f"{NETWORK}.keras", labels=labels)
    golden = folder / "golden"
    golden.mkdir()
    for number, part in enumerate(GOLDEN):
        photograph().crop(part).save(golden / f"{number}.png")
    made = export(Source(str(written.path)), ("float32", "float16"), folder, Calibration(str(golden)))
    return [one.path for one in made]


def photograph() -> Image.Image:
    """The sample photograph, 640 x 427."""
    return Image.fromarray(load_sample_image(PHOTOGRAPH))


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
    photograph().crop(PART).save(screens / "photo.jpg", quality=95)
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
    """Export, draw, and keep the pictures."""
    with tempfile.TemporaryDirectory(prefix="screens-") as temporary:
        folder = Path(temporary)
        screens = draw(folder, models(folder))
        PICTURES.mkdir(exist_ok=True)
        for name in NAMES:
            with Image.open(screens / f"{name}.png") as picture:
                shown(picture).save(PICTURES / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
