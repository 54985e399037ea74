"""Peak memory of export and evaluation with few images and with many: it must not grow with their number.

    python benchmarks/memory.py [--images 100 5000] [--side 224] [--json]

A small network is exported to int8 and evaluated on a folder of photos, once for each number of images. For
each process the largest resident set is read from the kernel while it runs (VmHWM), in MB. The exit code is 1
if a process of the largest number of images has more than 1.25 times the memory of the smallest. The temporary
folder needs 0.15 MB an image at 224 pixels.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

LIMIT = 1.25
"""Largest ratio of the peak with the most images to the peak with the fewest."""

ROLES = {
    "mobilecnn.convert.keras_child": "Keras child",
    "mobilecnn.quantize.litert_child": "TFLite child",
}
"""Module of a child process -> what the table calls it."""


def build(path: Path, side: int) -> None:
    """Save a network of one convolution, which says what it expects of its input."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras

    image = keras.Input((side, side, 3))
    x = keras.layers.Rescaling(1 / 255)(image)
    x = keras.layers.Conv2D(8, 3, strides=4, activation="relu")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    keras.Model(image, keras.layers.Dense(2, activation="softmax")(x)).save(path)


def photos(folder: Path, count: int, side: int) -> Path:
    """Write ``count`` photos in two class folders: 20 different ones, under many names."""
    rng = np.random.default_rng(0)
    for label in ("cat", "dog"):
        (folder / label).mkdir(parents=True)
        for number in range(count // 2):
            path = folder / label / f"{number}.jpg"
            if number < 10:
                seeds = rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)
                Image.fromarray(seeds).resize((side, side)).save(path)
            else:
                path.hardlink_to(folder / label / f"{number % 10}.jpg")
    return folder


def peaks(*arguments: str | Path) -> dict[str, float]:
    """The largest resident set of each process of a command, in MB: role -> peak."""
    command = [sys.executable, "-m", "mobilecnn", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    highest: dict[str, float] = {}
    while process.poll() is None:
        for identifier in (process.pid, *_children(process.pid)):
            role, peak = _peak(identifier)
            highest[role] = max(peak, highest.get(role, 0.0))
        time.sleep(0.02)
    assert process.stderr is not None
    if process.returncode:
        raise SystemExit(process.stderr.read())
    return highest


def _children(parent: int) -> list[int]:
    try:
        words = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    except OSError:
        return []
    return [int(word) for word in words]


def _peak(identifier: int) -> tuple[str, float]:
    try:
        command = Path(f"/proc/{identifier}/cmdline").read_text()
        status = Path(f"/proc/{identifier}/status").read_text()
    except OSError:
        return "command", 0.0
    role = next((role for module, role in ROLES.items() if module in command), "command")
    kilobytes = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return role, int(kilobytes[0]) / 1000 if kilobytes else 0.0


def main() -> None:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, nargs="+", default=[100, 5000])
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows: dict[str, dict[int, float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        build(root / "small.keras", options.side)
        for count in options.images:
            data = photos(root / f"photos-{count}", count, options.side)
            model = root / "small.keras"
            commands: dict[str, tuple[str | Path, ...]] = {
                "export": (
                    "export",
                    model,
                    "--int8",
                    "--calibration",
                    data,
                    "--samples",
                    str(count),
                    "-o",
                    root,
                ),
                "evaluate": ("evaluate", root / "small.int8.tflite", model, "--data", data),
            }
            for name, arguments in commands.items():
                for role, peak in peaks(*arguments).items():
                    rows.setdefault(f"{name}, {role}", {})[count] = peak
    if options.json:
        print(json.dumps(rows, indent=2))
    else:
        print(f"{'process':28}" + "".join(f"{count:>8} images" for count in options.images))
        for name, by_count in rows.items():
            print(f"{name:28}" + "".join(f"{by_count[count]:>12.0f} MB" for count in options.images))
    few, many = min(options.images), max(options.images)
    if any(by_count[many] > LIMIT * by_count[few] for by_count in rows.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
