"""What int8 costs the mobile networks in accuracy: each trained on Fashion-MNIST, and judged on the 10,000 test images.

    python benchmarks/int8_accuracy.py [NETWORK ...] [--data /usr/share/datasets/fashion-mnist]
        [--side 48] [--epochs N] [--learning-rate X] [--correct auto] [--seed 0] --output FOLDER

The data are Debian's package ``dataset-fashion-mnist``. Each network of :data:`NETWORKS` is trained on the training images,
calibrated with 500 of them, and exported as `mobilecnn export` does without options. A line a network: the accuracy of
float32 and of int8, the images that only one of them has right, the difference of the pairs with its 95 % interval, and the
tensors whose ranges were clipped. ``--correct none`` exports without corrections. Models that FOLDER has are not trained again. The exit code is 1 if a float32 file has less than 88 %, or if an int8 file
loses more than 0.3 points.
"""

import argparse
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from fashion_mnist import paired

import mobilecnn

SGD = {"optimizer": "sgd", "learning_rate": 0.2, "weight_decay": 1e-4, "epochs": 5}
"""Training of the networks with batch normalization: the optimizer of ``fashion_mnist.py``, and epochs that reach :data:`LEAST`."""

SGD_GENTLE = SGD | {"learning_rate": 0.06, "epochs": 8}
"""Training of the ShuffleNets at the learning rate of their papers, 0.5 for batches of 1,024: at 0.2 a few images stretch the
ranges of V1's last units by two orders of magnitude (``--learning-rate 0.2 --epochs 12``). The linear bottlenecks of MobileNet V2
and EfficientNet-Lite0 learn faster at it, too."""

ADAM = {"optimizer": "adam", "learning_rate": 0.001, "epochs": 8}
"""Training of SqueezeNet, which has no batch normalization and does not bear a high learning rate."""

NETWORKS: dict[str, dict[str, Any]] = {
    "shufflenet_v2_x0.5": SGD_GENTLE | {"epochs": 6},
    "mobilenet_v1_x0.5_224": SGD,
    "squeezenet_v1.1": ADAM,
    "shufflenet_v1_x0.5_g3": SGD_GENTLE,
    "mobilenet_v2_x0.5_224": SGD_GENTLE | {"epochs": 6},
    "mobilenet_v3_small_x0.75": SGD | {"epochs": 8},
    "efficientnet_lite0": SGD_GENTLE | {"epochs": 4},
    "mobilenet_v3_large_x0.75": SGD_GENTLE | {"epochs": 4},
}
"""One network of each mobile family, of both sizes of MobileNet V3, and how it is trained."""

LEAST, LOSS = 0.88, 0.003
"""Least share of the test images that a float32 file has right; most that int8 may lose of it."""


def main() -> None:
    """Train what is not there, export, judge, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", nargs="*", default=tuple(NETWORKS), metavar="NETWORK")
    parser.add_argument("--data", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--side", type=int, default=48)
    parser.add_argument("--epochs", type=int, help="[default: the network's]")
    parser.add_argument("--learning-rate", type=float, help="[default: the network's]")
    parser.add_argument("--correct", default="auto", help="as that of export")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, required=True, help="folder of the models, kept")
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    print(
        "| network | float32 | int8 | only float32 right | only int8 right | int8 - float32, points | 95 % interval | clipped |"
    )
    print("|---|--:|--:|--:|--:|--:|--:|--:|", flush=True)
    passed = True
    for name in options.networks:
        model = options.output / f"{name}.keras"
        typed = {"epochs": options.epochs, "learning_rate": options.learning_rate}
        plan = NETWORKS[name] | {key: value for key, value in typed.items() if value is not None}
        if not model.exists():
            mobilecnn.train(
                name, options.data, model, size=options.side, batch_size=128, validation=0.05,
                augment="flip-shift", schedule="cosine", label_smoothing=0.05, seed=options.seed,
                **plan, resume=model.with_suffix(".checkpoint").exists(),
            )  # fmt: skip
        target = options.output / name
        for old in target.glob("*.tflite"):
            old.unlink()  # What fails leaves none that could be judged in its place.
        with suppress(mobilecnn.CheckFailed):  # A collapse is a row of the table, too.
            mobilecnn.export(
                model,
                ["float32", "int8"],
                calibration=options.data,
                samples=500,
                output=target,
                correct=options.correct,
            )
        files = [target / f"{name}.{form}.tflite" for form in ("float32", "int8")]
        float32, int8 = mobilecnn.evaluate(files, options.data).results
        passport = json.loads(files[1].with_suffix(".json").read_text())
        clipped = sum(
            row["changed"] for row in passport["corrections"] if row["name"] == "clipping" and row["applied"]
        )
        lost, gained = int8.lost_against_first, int8.gained_against_first
        difference, low, high = (100 * share for share in paired(lost, gained, int8.images))
        print(
            f"| {name} | {float32.accuracy:.2%} | {int8.accuracy:.2%} | {lost} | {gained} | {difference:+.2f} "
            f"| {low:+.2f} to {high:+.2f} | {clipped or '-'} |",
            flush=True,
        )
        passed = passed and float32.accuracy >= LEAST and difference >= -100 * LOSS
    if not passed:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
