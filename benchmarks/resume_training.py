"""A training that is killed again and again and resumed, beside the same that runs through: the SHA-256 of both models' weights.

    python benchmarks/resume_training.py [COURSE ...] [--images 240] [--epochs 8] [--kills 6] [--seed 0]

Each course of :data:`COURSES` is a command line of ``mobilecnn train``, on noisy pictures in three class folders that this script
writes. It runs twice: once through, and once with SIGKILL at moments drawn from the seed, in epochs and while the process
starts, each time resumed by ``--resume``. A line a course: the epochs that were saved at each kill, and both hashes. The exit
code is 1 if they differ, or if nothing was killed.
"""

import argparse
import csv
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from PIL import Image

from mobilecnn.errors import InputError
from mobilecnn.train import checkpoint
from mobilecnn.train.backend import load_keras

BASE = "base.keras"
"""Name of the model that the fine-tuning begins with."""

FIRST = ("mobilenet_v2_x0.35_96", "--size", "64", "--epochs", "1")
"""Training of that model."""

COURSES: dict[str, tuple[str, ...]] = {
    "from-scratch": (
        "inception_v3_bn_aux", "--size", "80", "--batch-size", "16", "--initializer", "he", "--dropout", "0.3", "--augment", "modern",
        "--class-weights", "--label-smoothing", "0.1", "--optimizer", "rmsprop", "--momentum", "0.9", "--epsilon", "1",
        "--weight-decay", "1e-5", "--schedule", "cosine", "--warm-up", "0.2", "--ema", "0.9", "--patience", "4",
        "--precision", "float16",
    ),
    "fine-tuning": (
        "--from", BASE, "--freeze", "*", "--thaw", "block_1[0-6]*", "--batch-size", "16", "--dropout", "0.3",
        "--augment", "lesion", "--class-weights", "--label-smoothing", "0.1", "--optimizer", "adamw", "--schedule", "step",
        "--step-epochs", "2", "--warm-up", "0.1", "--ema", "0.9", "--precision", "bfloat16",
    ),
}  # fmt: skip
"""Options of each course: together every feature that has a state of its own. The first has batch normalization and an auxiliary
classifier, computes in float16 with a scaled loss, and mixes images; the second has frozen layers."""

COLORS = {"blue": (30, 40, 200), "green": (30, 180, 60), "red": (200, 40, 30)}


def pictures(folder: Path, count: int) -> None:
    """Write ``count`` noisy pictures, half of them of the first class."""
    generator = np.random.default_rng(0)
    names = list(COLORS)
    for name in names:
        (folder / name).mkdir(parents=True)
    for index in range(count):
        name = names[0 if index % 2 else index % len(names)]
        noise = generator.integers(-60, 60, (80, 80, 3))
        pixels = np.clip(np.asarray(COLORS[name]) + noise, 0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / name / f"{index}.png")


def command(options: Sequence[str], output: str, *more: str) -> list[str]:
    """The command line of a training in the folder of the pictures."""
    return [sys.executable, "-m", "mobilecnn", "train", *options, "--data", "pictures", "-o", output, *more]


def through(options: Sequence[str], folder: Path, output: str, *more: str) -> float:
    """Train without a break; the seconds that it took."""
    began = time.monotonic()
    subprocess.run(command(options, output, *more), cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def killed(options: Sequence[str], folder: Path, output: str, later: int, seconds: float) -> int | None:
    """Go on with a training, and kill it.

    Args:
        options: of the course.
        folder: folder of the pictures.
        output: name of the model.
        later: number of epochs that are saved before it is killed.
        seconds: time from then on.

    Returns:
        The epochs that were saved in the end; None where the training was complete before.
    """
    path = folder / output
    saved = checkpoint.saved_epochs(path)
    resume = ["--resume"] if saved else []
    with subprocess.Popen(
        command(options, output, *resume), cwd=folder, stdout=subprocess.DEVNULL
    ) as process:
        target = saved + later
        while process.poll() is None and not path.exists() and saved < target:
            time.sleep(0.05)
            with suppress(InputError):  # The checkpoint goes when the model is there.
                saved = checkpoint.saved_epochs(path)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if path.exists():
        return None
    if process.returncode != -signal.SIGKILL:
        raise SystemExit(
            f"the training failed with {process.returncode}: {' '.join(command(options, output))}"
        )
    return checkpoint.saved_epochs(path)


def digest(path: Path) -> str:
    """SHA-256 of all weights of a model, bit by bit."""
    made = hashlib.sha256()
    for weight in load_keras().models.load_model(path, compile=False).get_weights():
        made.update(weight.tobytes())
    return made.hexdigest()


def main() -> None:
    """Train each course twice, and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "courses", nargs="*", default=tuple(COURSES), metavar="COURSE", help=", ".join(COURSES)
    )
    parser.add_argument("--images", type=int, default=240)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--kills", type=int, default=6)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    print("| course | killed with so many epochs saved | SHA-256 without a break | SHA-256 in parts |")
    print("|---|---|---|---|", flush=True)
    equal = True
    for name in options.courses:
        moments = random.Random(options.seed)
        course = (*COURSES[name], "--epochs", str(options.epochs))
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            pictures(folder / "pictures", options.images)
            if BASE in course:
                through(FIRST, folder, BASE)
            whole = through(course, folder, "whole.keras")
            with (folder / "whole.history.csv").open(newline="") as file:
                epochs = [float(row["seconds"]) for row in csv.DictReader(file)]
            longest = max(epochs[1:] or epochs)  # The first one compiles.
            kills: list[int] = []
            for number in range(options.kills):
                # By turns in the next epoch but one, and while the process starts or in the next epoch.
                later = (number + 1) % 2
                span = longest if later else longest + whole - sum(epochs)
                found = killed(course, folder, "parts.keras", later, moments.uniform(0, span))
                if found is None:
                    break
                kills.append(found)
            if not (folder / "parts.keras").exists():
                resume = ["--resume"] if checkpoint.saved_epochs(folder / "parts.keras") else []
                through(course, folder, "parts.keras", *resume)
            digests = [digest(folder / f"{each}.keras") for each in ("whole", "parts")]
        equal = equal and digests[0] == digests[1] and bool(kills)
        print(f"| {name} | {', '.join(map(str, kills))} | {digests[0]} | {digests[1]} |", flush=True)
    if not equal:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
