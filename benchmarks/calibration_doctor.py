"""Whether right and wrong calibration images are told apart, on models that had no part in choosing the threshold.

    python benchmarks/calibration_doctor.py MODEL ... [--data /usr/share/datasets/fashion-mnist] [--samples 100]

MODEL is a Keras file that was trained on the data, as ``benchmarks/int8_accuracy.py --output FOLDER`` leaves them. Each is given
the images as its training was, and those of the test part; then wrong ones: the same images in every other range, black
pictures, and noise. A line a set: the distance from the training, what was found, and whether it should have been. The last
line counts the sets that were missed and the right ones that were blamed; the exit code is 1 if there are any. A model without a batch
normalization that was not trained here remembers no training, so that only black pictures can be told from right ones: such rows
are marked ``cannot be told``, and do not count.
"""

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from mobilecnn.contract import RANGES, InputContract, contract_for
from mobilecnn.convert.checks import NOTE
from mobilecnn.convert.conversion import KerasFacts, KerasModel, Source
from mobilecnn.errors import UsageError
from mobilecnn.quantize.calibration import doctor
from mobilecnn.quantize.calibration.images import Calibration, choose, prepare
from mobilecnn.train import datasets
from mobilecnn.train.datasets.dataset import Part

PICTURES = 60
"""Number of black pictures, and of pictures of noise."""

NEARLY_THE_SAME = frozenset({"tf", "lite"})
"""Ranges that differ by a trifle: to be fed in the other one is not wrong."""


@dataclass(frozen=True)
class Set:
    """A set of calibration images.

    Attributes:
        name: what the table calls it.
        data: data set, as the command line names it.
        fed: how the images are fed.
        right: whether it is as the training was.
        pixels: whether its pixels alone tell that it is wrong.
    """

    name: str
    data: str
    fed: InputContract
    right: bool
    pixels: bool = False


def write_parts(data: str, folder: Path, count: int) -> None:
    """Write images of the training and the test part, black pictures and noise as folders of files."""
    parts: tuple[Part, ...] = ("train", "test")
    for part in parts:
        dataset = datasets.load(data, part)
        for label, name in enumerate(dataset.classes):
            (folder / part / name).mkdir(parents=True)
            for index in np.flatnonzero(dataset.labels == label)[:count]:
                image = dataset.images[int(index)]
                picture = Image.open(image) if isinstance(image, Path) else Image.fromarray(image)
                picture.save(folder / part / name / f"{index}.png")
    random = np.random.default_rng(0)
    for name in ("black", "noise"):
        (folder / name).mkdir()
        for index in range(PICTURES):
            pixels = np.full((28, 28), 0) if name == "black" else random.integers(0, 256, (28, 28))
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{index}.png")


def sets(facts: KerasFacts, folder: Path) -> Iterator[Set]:
    """The right sets, and then the wrong ones."""
    own = facts.contract
    for part in ("train", "test"):
        yield Set(f"{part}, {own.range_name}", str(folder / part), own, right=True)
    for name in RANGES:
        if name == own.range_name or {name, own.range_name} <= NEARLY_THE_SAME:
            continue
        try:
            other = contract_for(name, own.shape)
        except UsageError:
            continue  # It has three channels.
        if not other.feeds_as(own):
            yield Set(f"fed as {name}", str(folder / "train"), other, right=False)
    yield Set("black", str(folder / "black"), own, right=False, pixels=True)
    yield Set("noise", str(folder / "noise"), own, right=False)


def main() -> None:
    """Examine every set with every model, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="+", metavar="MODEL")
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    parser.add_argument("--samples", type=int, default=100)
    options = parser.parse_args()
    missed = blamed = wrong = right = 0
    print("| model | images | distance | found | |")
    print("|---|---|--:|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_parts(options.data, folder, max(1, options.samples // 5))
        for model in options.models:
            with KerasModel(Source(model)) as keras:
                facts = keras.load()
                for case in sets(facts, folder):
                    chosen = choose(Calibration(case.data, options.samples))
                    images = prepare(chosen, case.fed, folder / "images.npy")
                    fed = replace(facts, contract=case.fed)
                    far = doctor.distances(keras, images, fed)
                    findings = doctor.findings(chosen, doctor.look(images), fed, far)
                    serious = [finding for finding in findings if finding.severity != NOTE]
                    if not (case.right or case.pixels) and far[""] is None:
                        said = "cannot be told"
                    elif case.right:
                        right, blamed = right + 1, blamed + bool(serious)
                        said = "blamed" if serious else "right"
                    else:
                        wrong, missed = wrong + 1, missed + (not serious)
                        said = "caught" if serious else "missed"
                    distance = "-" if far[""] is None else f"{far['']:.3g}"
                    codes = ", ".join(f"{finding.code} ({finding.severity})" for finding in serious) or "-"
                    print(f"| {Path(model).stem} | {case.name} | {distance} | {codes} | {said} |", flush=True)
    print(f"\nwrong sets missed: {missed} of {wrong}; right sets blamed: {blamed} of {right}")
    if missed or blamed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
