"""Fine-tuning EfficientNet-Lite0's published weights on a small image folder, beside training it from scratch.

    python benchmarks/fine_tuning.py [--data /usr/share/datasets/fashion-mnist] [--images 30] [--test 1000] [--side 96]
        [--epochs 12] [--seeds 1]

The folder is made of Fashion-MNIST (Debian's package ``dataset-fashion-mnist``): a few images a class to train and validate
on, others to test on, as PNG files in class folders. Both trainings have the same images, epochs, order and augmentation; each
has the learning rate that suits it. The fine-tuned one begins with the classifier alone for a quarter of the epochs. It
prints both accuracies with their intervals, and the difference of the pairs with its own. The exit code is 1 if the
interval of the difference does not lie above 0 for every seed.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from fashion_mnist import paired
from PIL import Image

import mobilecnn
from mobilecnn.train.datasets import load
from mobilecnn.train.datasets.dataset import Part

NETWORK = "efficientnet_lite0"


def folders(data: str, target: Path, part: Part, each: int) -> None:
    """Write the first ``each`` images of every class of a part as files in class folders."""
    dataset = load(data, part)
    for label, name in enumerate(dataset.classes):
        (target / name).mkdir(parents=True)
        for index in np.flatnonzero(dataset.labels == label)[:each]:
            image = dataset.images[int(index)]
            assert not isinstance(image, Path)
            Image.fromarray(image).save(target / name / f"{index}.png")


def main() -> None:
    """Train both, judge both, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist")
    parser.add_argument("--images", type=int, default=30, help="images a class to train and validate on")
    parser.add_argument("--test", type=int, default=1000, help="images to test on")
    parser.add_argument("--side", type=int, default=96)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    shown = True
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        folders(options.data, root / "train", "train", options.images)
        folders(options.data, root / "test", "test", options.test // 10)
        for seed in range(options.seeds):
            head_epochs = max(1, options.epochs // 4)
            head = mobilecnn.train(
                NETWORK, root / "train", root / f"head-{seed}.keras", weights="imagenet", freeze=["*"], size=options.side,
                epochs=head_epochs, batch_size=16, seed=seed, augment="flip-shift", learning_rate=0.01, keep="last",
            )  # fmt: skip
            tuned = mobilecnn.train(
                None, root / "train", root / f"tuned-{seed}.keras", base=head.path,
                epochs=max(1, options.epochs - head_epochs), batch_size=16, seed=seed, augment="flip-shift", learning_rate=0.0005, keep="last",
            )  # fmt: skip
            scratch = mobilecnn.train(
                NETWORK, root / "train", root / f"scratch-{seed}.keras", size=options.side, epochs=options.epochs,
                batch_size=16, seed=seed, augment="flip-shift", keep="last",
            )  # fmt: skip
            accuracy = mobilecnn.evaluate([scratch.path, tuned.path], root / "test")
            for name, made, row in zip(
                ("from scratch", "fine-tuned"), (scratch, tuned), accuracy.results, strict=True
            ):
                low, high = row.interval
                print(
                    f"seed {seed}, {name:12} {row.accuracy:.1%} ({low:.1%} to {high:.1%}) of {row.images:,}, "
                    f"{made.seconds + (head.seconds if made is tuned else 0):.0f} s"
                )
            row = accuracy.results[1]
            difference, low, high = paired(row.lost_against_first, row.gained_against_first, row.images)
            print(
                f"seed {seed}, difference   {100 * difference:+.1f} points ({100 * low:+.1f} to {100 * high:+.1f})"
            )
            shown = shown and low > 0
    if not shown:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
