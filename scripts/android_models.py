"""Puts models into the sample app that has none, for `make android`: the demo's, and a network for photographs.

    python scripts/android_models.py [APP]

No weights are part of this project. The demo's network is trained here, on the digits that scikit-learn brings, and
exported in float32 and int8. The weights of EfficientNet-Lite0 for the thousand classes of ImageNet come with a package
that scripts/setup.sh installs; where it is missing, a line says so. Models that are in the app already stay.
"""

import shutil
import sys
import tempfile
from importlib import metadata
from pathlib import Path

from mobilecnn import demo
from mobilecnn.android_demo.staging import MODELS, stage
from mobilecnn.convert.conversion import Source
from mobilecnn.errors import EnvironmentProblem, MobileCnnError
from mobilecnn.export import export
from mobilecnn.quantize.calibration.images import Calibration
from mobilecnn.train import datasets, fit, pretrained, zoo
from mobilecnn.train.plan import TrainingPlan

APP = Path(__file__).resolve().parent.parent / "android_demo"
"""Folder of the sample app."""

EPOCHS = 10
"""Number of passes over the digits; the network has learned most by then."""

PHOTOGRAPHIC = "efficientnet_lite0"
"""Zoo name of the network for photographs; a key of ``pretrained.NETWORKS``."""


def digits(folder: Path) -> list[Path]:
    """The demo's network in float32 and int8, trained now."""
    size = fit.default_size(zoo.parse(demo.ARCHITECTURE), datasets.DIGITS)
    plan = TrainingPlan(demo.ARCHITECTURE, datasets.DIGITS, size, EPOCHS)
    trained = fit.run(fit.prepare(plan, folder / "digits.keras"))
    made = export(Source(str(trained.path)), ("float32", "int8"), folder, Calibration(datasets.DIGITS))
    return [one.path for one in made]


def photographic(folder: Path) -> list[Path]:
    """EfficientNet-Lite0 in float16, checked on photos; none where its weights are not installed, which is said."""
    try:
        written = pretrained.write(PHOTOGRAPHIC, folder / f"{PHOTOGRAPHIC}.keras")
    except EnvironmentProblem as missing:
        say(f"without a network for photographs: {missing}")
        return []
    made = export(Source(str(written.path)), ("float16",), folder, photos(folder / "photos"))
    return [one.path for one in made]


def photos(folder: Path) -> Calibration | None:
    """The photos of ImageNet that come with the package foolbox, as golden pictures; None where it is not installed."""
    try:
        data = Path(str(metadata.distribution("foolbox").locate_file("foolbox/data")))
    except metadata.PackageNotFoundError:
        return None
    folder.mkdir()
    for path in data.glob("imagenet_*"):
        shutil.copy(path, folder)
    return Calibration(str(folder))


def say(text: str) -> None:
    """Print a line about what is done."""
    sys.stdout.write(f"models: {text}\n")
    sys.stdout.flush()


def main(app: Path = APP) -> None:
    """Make the models and stage them, unless others are staged."""
    if kept := sorted(path.name for path in (app / MODELS).glob("*.tflite")):
        say(f"{', '.join(kept)} kept, which were in the app")
        return
    with tempfile.TemporaryDirectory(prefix="models-") as folder:
        staged = stage([*digits(Path(folder)), *photographic(Path(folder))], app)
    for model in staged:
        say(f"{model.file}, {model.nbytes / 1e6:.1f} MB")


if __name__ == "__main__":
    try:
        main(*map(Path, sys.argv[1:]))
    except MobileCnnError as error:
        sys.stderr.write(f"Error: {error}\n")
        sys.exit(error.exit_code)
