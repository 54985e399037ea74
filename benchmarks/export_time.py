"""Time the export of the usual four formats, or of all six, against a plain float32 conversion: MobileNet V2 1.0 at 224, 200 images.

    python benchmarks/export_time.py [--rounds 3] [--six] [--json]

Both sides are timed as whole processes that take turns, including the import of TensorFlow and the loading of the model. The
plain side is what a Keras user writes: `TFLiteConverter.from_keras_model(model).convert()` on the same saved model. It times its
conversion too; the rest of it is what importing and loading take. That is taken from both sides for the second ratio, which
is harder to keep low. The calibration images are random JPEG files. The exit code is 1 if the second ratio is above the limit.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

IMAGES = 200
"""Number of calibration images."""

LIMIT = 2.5
"""Largest ratio of the formats to the plain conversion."""

SIX = ("--float32", "--float16", "--dynamic", "--int8", "--int16x8", "--int8-weights")
"""Options of all formats."""

BUILD = """
import keras, sys
keras.utils.set_random_seed(0)
keras.applications.MobileNetV2(weights=None).save(sys.argv[1])
"""
PLAIN = """
import sys, time
import keras, tensorflow as tf
model = keras.models.load_model(sys.argv[1], compile=False)
start = time.perf_counter()
content = tf.lite.TFLiteConverter.from_keras_model(model).convert()
print("conversion", time.perf_counter() - start)
open(sys.argv[2], "wb").write(content)
"""


def run(command: list[str]) -> tuple[float, str]:
    """Run a process: its seconds and its standard output."""
    start = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return time.perf_counter() - start, done.stdout


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--six", action="store_true", help="all six formats")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    python = sys.executable
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        generator = np.random.default_rng(0)
        (folder / "images").mkdir()
        for index in range(IMAGES):
            seeds = generator.integers(0, 256, (16, 16, 3), dtype=np.uint8)
            picture = Image.fromarray(seeds).resize((500, 375), Image.Resampling.BICUBIC)
            picture.save(folder / "images" / f"{index:03}.jpg", quality=90)
        model = folder / "mobilenet_v2.keras"
        run([python, "-c", BUILD, str(model)])
        mobilecnn = [
            str(Path(python).with_name("mobilecnn")), "export", str(model), *(SIX if arguments.six else ("--all",)), "--input-range", "tf",
            "--calibration", str(folder / "images"), "--samples", str(IMAGES), "-o", str(folder / "out"),
            "--min-agreement", "0", "--min-sqnr", "0",  # The weights are random: its classes are a matter of rounding.
        ]  # fmt: skip
        ours, plain, conversion = [], [], []
        for _ in range(arguments.rounds):
            ours.append(run(mobilecnn)[0])
            whole, printed = run([python, "-c", PLAIN, str(model), str(folder / "plain.tflite")])
            plain.append(whole)
            conversion.append(float(printed.rsplit("conversion", 1)[1].split()[0]))
    spent, whole, alone = (statistics.median(row) for row in (ours, plain, conversion))
    result = {
        "rounds": arguments.rounds,
        "formats": 6 if arguments.six else 4,
        "formats_s": ours,
        "plain_process_s": plain,
        "plain_conversion_alone_s": conversion,
        "ratio": spent / whole,
        "ratio_without_import_and_loading": (spent - (whole - alone)) / alone,
        "limit": LIMIT,
    }
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        print(
            f"{result['formats']} formats, checked, {IMAGES} calibration images: median {spent:.1f} s of {arguments.rounds}"
        )
        print(
            f"one plain float32 conversion, whole process:       median {whole:.1f} s  ratio {result['ratio']:.2f}"
        )
        print(
            f"the same without import and loading:               median {alone:.1f} s  "
            f"ratio {result['ratio_without_import_and_loading']:.2f}  (limit: {LIMIT:g})"
        )
    if result["ratio_without_import_and_loading"] > LIMIT:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
