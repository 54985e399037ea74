"""Fashion-MNIST: a ShuffleNet V2 of under 30 million multiply-adds, trained, exported, and judged on the 10,000 test images.

    python benchmarks/fashion_mnist.py [--data /usr/share/datasets/fashion-mnist] [--epochs 12] [--output FOLDER] [--resume]

The data are Debian's package ``dataset-fashion-mnist``; the test images are seen once, at the end. It prints the time of the
training, the accuracy of the Keras model, of float32 and of int8 with their intervals, and int8 against float32 paired: the
images that only one of them has right, and the 95 % interval of the difference. The exit code is 1 if the accuracy of the
float32 file is below 92 %, the training takes longer than 30 minutes, or int8 loses more than 0.3 points.
"""

import argparse
import math
import tempfile
from pathlib import Path

import mobilecnn
from mobilecnn.train import complexity, zoo

NETWORK, SIDE = "shufflenet_v2_x1.0", 64

MOST_MACS = 30e6
"""Largest number of multiply-adds of one image."""

LEAST, LONGEST, LOSS = 0.92, 30 * 60, 0.003
"""Least accuracy; longest training in seconds; most that int8 may lose, as a share of the images."""


def paired(lost: int, gained: int, count: int) -> tuple[float, float, float]:
    """The difference of two shares of the same images, with its 95 % interval (Wald's, for pairs).

    Args:
        lost: number of images that only the first has right.
        gained: number of those that only the second has right.
        count: number of images.
    """
    difference = (gained - lost) / count
    spread = 1.96 * math.sqrt(max(lost + gained - (gained - lost) ** 2 / count, 0)) / count
    return difference, difference - spread, difference + spread


def main() -> None:
    """Train, export, judge, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument(
        "--output", type=Path, help="where the model goes, and its checkpoint  [default: temporary]"
    )
    parser.add_argument("--resume", action="store_true")
    options = parser.parse_args()
    macs = complexity.count(zoo.graph(NETWORK, 10, SIDE)).macs
    assert macs is not None
    print(f"{NETWORK} at {SIDE}x{SIDE}: {macs / 1e6:.1f} million multiply-adds", flush=True)
    assert macs < MOST_MACS
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.output or Path(temporary)
        trained = mobilecnn.train(
            NETWORK, options.data, folder / "fashion.keras", size=SIDE, epochs=options.epochs, batch_size=128,
            validation=0.05, augment="flip-shift", optimizer="sgd", learning_rate=0.2, weight_decay=1e-4,
            schedule="cosine", label_smoothing=0.05, resume=options.resume,
            on_epoch=lambda row: print(
                f"epoch {row.epoch}: loss {row.loss:.4f}, validation accuracy {row.val_accuracy:.2%}, {row.seconds:.0f} s", flush=True
            ),
        )  # fmt: skip
        print(f"trained in {trained.seconds / 60:.1f} minutes, epoch {trained.kept.epoch} kept")
        files = mobilecnn.export(
            trained.path, ["float32", "int8"], calibration=options.data, samples=500, output=folder
        )
        accuracy = mobilecnn.evaluate([*(file.path for file in files), trained.path], options.data)
    for row in accuracy.results:
        low, high = row.interval
        print(f"{row.format:8} {row.accuracy:.2%} ({low:.2%} to {high:.2%}) of {row.images:,}")
    float32, int8, _ = accuracy.results
    difference, low, high = paired(int8.lost_against_first, int8.gained_against_first, int8.images)
    print(
        f"int8 - float32: {100 * difference:+.2f} points ({100 * low:+.2f} to {100 * high:+.2f}); only float32 right: "
        f"{int8.lost_against_first}, only int8 right: {int8.gained_against_first}"
    )
    if float32.accuracy < LEAST or trained.seconds > LONGEST or difference < -LOSS:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
