"""Images per second of the input pipeline beside Keras' two, with the lesion recipe on 600x450 JPEGs; and its memory.

    python benchmarks/input_pipeline.py [--images 2000] [--rounds 3] [--memory 500 10000] [--workers N] [--json]

The pipelines, each in processes of its own, which take turns:

* ours, the first epoch: decoding, and keeping the pictures at the network's size, included
* ours, a later epoch
* ``ImageDataGenerator.flow_from_directory``, the lesion classifier's own way
* ``image_dataset_from_directory`` with Keras' augmentation layers, mapped in parallel and prefetched

Each gives batches of 32, float32, 224x224x3, horizontally flipped, turned by up to 30 degrees, moved and zoomed by up to 0.3,
filled with the nearest pixel. Nothing trains meanwhile. The memory is the largest resident set of a process that prepares two
epochs of so many images. The processor's time for an image depends less than the images per second on what else the machine
does. The images are a few different ones under many names. The exit code is 1 if a later epoch has not three times the images
per second of either of Keras', or if the memory grows by more than 300 MB.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

BATCH, SIDE = 32, 224

CLASSES = ("AKIEC", "BCC", "BKL", "DF", "MEL", "NV", "VASC")

DIFFERENT = 70
"""Number of different images."""

FASTER = 3.0
"""Least ratio of the images per second, ours in a later epoch over Keras'."""

GROWTH = 300.0
"""Most megabytes that the peak may grow by from the fewest to the most images."""


def photos(folder: Path, count: int) -> Path:
    """Write ``count`` JPEGs of 600x450 pixels into class folders: blotches with the noise of a camera."""
    rng = np.random.default_rng(0)
    for label in CLASSES:
        (folder / label).mkdir(parents=True)
    first: list[Path] = []
    for number in range(count):
        path = folder / CLASSES[number % len(CLASSES)] / f"{number}.jpg"
        if number >= DIFFERENT:
            path.hardlink_to(first[number % DIFFERENT])
            continue
        blotches = Image.fromarray(rng.integers(60, 240, (9, 12, 3), dtype=np.uint8)).resize((600, 450), 3)
        noisy = np.asarray(blotches, np.int16) + rng.normal(0, 5, (450, 600, 3)).astype(np.int16)
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(path, quality=90)
        first.append(path)
    return folder


Figures = tuple[float, float]
"""Images per second, and milliseconds of processor time for an image, on all cores together."""


def ours(folder: Path, workers: int | None) -> dict[str, Figures]:
    """The figures of the first epoch, reading included, and of the next one."""
    from mobilecnn.contract import contract_for
    from mobilecnn.steps import no_progress
    from mobilecnn.train import batches
    from mobilecnn.train.datasets import load
    from mobilecnn.train.plan import TrainingPlan

    if workers is not None:
        batches.WORKERS = workers
    plan = TrainingPlan("mobilenet_v1_x1.0_224", str(folder), SIDE, batch_size=BATCH, augment="lesion")
    began, busy = time.perf_counter(), time.process_time()
    dataset = load(str(folder), "train")
    pictures = batches.Pictures(dataset, contract_for("unit", (SIDE, SIDE, 3)), folder, no_progress)
    for _ in batches.epoch_batches(pictures, len(CLASSES), plan, 1):
        pass
    count, middle, busy_middle = len(dataset), time.perf_counter(), time.process_time()
    for _ in batches.epoch_batches(pictures, len(CLASSES), plan, 2):
        pass
    return {
        "ours, first epoch": (count / (middle - began), 1000 * (busy_middle - busy) / count),
        "ours, later epoch": (
            count / (time.perf_counter() - middle),
            1000 * (time.process_time() - busy_middle) / count,
        ),
    }


def generator(folder: Path, _workers: int | None) -> dict[str, Figures]:
    """The figures of an epoch."""
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    made = ImageDataGenerator(
        rescale=1 / 255, horizontal_flip=True, zoom_range=0.3, width_shift_range=0.3, height_shift_range=0.3,
        rotation_range=30, fill_mode="nearest",
    )  # fmt: skip
    flow = made.flow_from_directory(
        folder, target_size=(SIDE, SIDE), batch_size=BATCH, interpolation="bilinear"
    )
    return {"ImageDataGenerator": _rate(lambda: (flow[index] for index in range(len(flow))), flow.samples)}


def dataset(folder: Path, _workers: int | None) -> dict[str, Figures]:
    """The figures of an epoch."""
    import keras
    import tensorflow as tf

    layers = keras.layers
    augmentation = keras.Sequential(
        [
            layers.RandomFlip("horizontal"),
            layers.RandomRotation(30 / 360, fill_mode="nearest"),
            layers.RandomZoom((-0.3, 0.3), (-0.3, 0.3), fill_mode="nearest"),
            layers.RandomTranslation(0.3, 0.3, fill_mode="nearest"),
            layers.Rescaling(1 / 255),
        ]
    )
    read = keras.utils.image_dataset_from_directory(
        folder, label_mode="categorical", image_size=(SIDE, SIDE), batch_size=BATCH, verbose=False
    )
    count = len(read.file_paths)
    made = read.map(lambda x, y: (augmentation(x, training=True), y), tf.data.AUTOTUNE).prefetch(
        tf.data.AUTOTUNE
    )
    return {"image_dataset_from_directory": _rate(lambda: made, count)}


def _rate(epoch: Callable[[], Any], count: int) -> Figures:
    """The figures of an epoch, after a few batches that start what starts."""
    batches: Iterator[Any] = iter(epoch())
    for _ in range(3):
        next(batches)
    del batches
    began, busy = time.perf_counter(), time.process_time()
    for _ in epoch():
        pass
    return count / (time.perf_counter() - began), 1000 * (time.process_time() - busy) / count


PIPELINES: dict[str, Callable[[Path, int | None], dict[str, Figures]]] = {
    "ours": ours,
    "generator": generator,
    "dataset": dataset,
}


def run(what: str, folder: Path, workers: int | None) -> tuple[dict[str, Figures], float]:
    """The figures of one process, and its peak in megabytes."""
    command = [sys.executable, __file__, "--child", what, str(folder)]
    command += [] if workers is None else ["--workers", str(workers)]
    env = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
    if done.returncode:
        raise SystemExit(done.stderr)
    told = json.loads(done.stdout.splitlines()[-1])
    return told["figures"], told["peak_mb"]


def child(what: str, folder: Path, workers: int | None) -> None:
    """Prepare an epoch or two, and print what it took."""
    figures = PIPELINES[what](folder, workers)
    (peak,) = [
        line.split()[1]
        for line in Path("/proc/self/status").read_text().splitlines()
        if line.startswith("VmHWM")
    ]
    print(json.dumps({"figures": figures, "peak_mb": int(peak) / 1000}))


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", type=int, nargs="*", default=[500, 10_000])
    parser.add_argument("--workers", type=int)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child[0], Path(options.child[1]), options.workers)
        return
    rates: dict[str, list[float]] = {}
    work: dict[str, list[float]] = {}
    peaks: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        data = photos(Path(folder) / "photos", options.images)
        for _ in range(options.rounds):
            for what in PIPELINES:
                for name, (rate, busy) in run(what, data, options.workers)[0].items():
                    rates.setdefault(name, []).append(rate)
                    work.setdefault(name, []).append(busy)
        for count in options.memory:
            many = photos(Path(folder) / f"photos-{count}", count)
            peaks[count] = run("ours", many, options.workers)[1]
    medians = {name: statistics.median(values) for name, values in rates.items()}
    later = medians["ours, later epoch"]
    over = {name: later / value for name, value in medians.items() if not name.startswith("ours")}
    growth = max(peaks.values()) - min(peaks.values()) if peaks else 0.0
    if options.json:
        print(
            json.dumps(
                {"images_per_second": rates, "processor_ms": work, "ours_over": over, "peak_mb": peaks},
                indent=2,
            )
        )
    else:
        for name, values in rates.items():
            beside = f"   ours, later epoch: {over[name]:.1f} times" if name in over else ""
            busy = statistics.median(work[name])
            print(
                f"{name:30}{medians[name]:8.0f} images/s ({min(values):.0f} to {max(values):.0f}), {busy:.1f} ms of "
                f"processor an image{beside}"
            )
        for count, peak in peaks.items():
            print(f"peak with {count:6,} images{peak:12.0f} MB")
    if min(over.values()) < FASTER or growth > GROWTH:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
