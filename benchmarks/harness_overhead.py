"""Check that the harness measures the same times as a bare interpreter loop.

    python benchmarks/harness_overhead.py [MODEL.tflite ...] [--rounds 20] [--json]

Each round runs every model twice in a row, in fresh processes: under the harness, and in a
loop of ten lines that shares no code with it. The order of the two changes from round to
round. The ratio is the median over the rounds of harness over bare, with its 95 %
interval; the exit code is 1 if it is not within 3 % of 1 for every model. Without arguments
the models are MobileNet V1 and V2 of several widths, which take 1 to 26 ms on a server core.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from mobilecnn.bench.devices.local.device import LocalDevice
from mobilecnn.bench.judge.statistics import median, median_of_rounds, ratio_interval
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing.rounds import measure

LIMIT = 0.03
"""Largest difference of a ratio from 1."""

BARE = """
import sys, time
import numpy as np
from ai_edge_litert.interpreter import Interpreter
interpreter = Interpreter(sys.argv[1], num_threads=1)
interpreter.allocate_tensors()
image = interpreter.get_input_details()[0]
interpreter.set_tensor(image["index"], np.random.uniform(-1, 1, image["shape"]).astype(image["dtype"]))
times = []
begin = time.perf_counter()
while time.perf_counter() - begin < 1:
    start = time.perf_counter()
    interpreter.invoke()
    times.append(time.perf_counter() - start)
print(*times[len(times) // 2:])
"""
"""Program of the bare loop: it prints the seconds of each inference in the second half of a second."""

PROTOCOL = Protocol(rounds=1, runs=1, seconds=0.5)
"""Protocol of the harness: its defaults, but as long as the bare loop. There are many short processes
because on a shared machine the times differ between processes."""


def build(folder: Path) -> list[Path]:
    """Write MobileNets with random weights as float32 .tflite files."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import keras
    import tensorflow as tf

    zoo = keras.applications
    networks = {
        "mobilenet_v1_x0.25_224": zoo.MobileNet(alpha=0.25, weights=None),
        "mobilenet_v1_x0.5_224": zoo.MobileNet(alpha=0.5, weights=None),
        "mobilenet_v1_x1.0_224": zoo.MobileNet(alpha=1.0, weights=None),
        "mobilenet_v2_x1.4_224": zoo.MobileNetV2(alpha=1.4, weights=None),
        "mobilenet_v2_x1.4_320": zoo.MobileNetV2((320, 320, 3), alpha=1.4, weights=None),
    }
    files = []
    for name, network in networks.items():
        call = tf.function(lambda x, network=network: network(x, training=False), autograph=False)
        concrete = call.get_concrete_function(tf.TensorSpec((1, *network.input_shape[1:]), tf.float32))
        path = folder / f"{name}.tflite"
        path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([concrete]).convert())
        files.append(path)
    return files


def harness(model: Path) -> list[float]:
    """Seconds of each inference in a process of the harness."""
    (run,) = measure([model], LocalDevice(), PROTOCOL).runs
    return [sample / 1e9 for sample in run.samples_ns]


def bare(model: Path) -> list[float]:
    """Seconds of each inference in a process of the bare loop."""
    done = subprocess.run(
        [sys.executable, "-c", BARE, str(model)], capture_output=True, text=True, check=True
    )
    return [float(word) for word in done.stdout.split()]


def compare(model: Path, harnessed: list[list[float]], bared: list[list[float]]) -> dict[str, Any]:
    """A row of the table: medians in ms, the ratio with its interval, whether it is within the limit."""
    sides = [dict(enumerate(side)) for side in (harnessed, bared)]
    ratio = ratio_interval(sides[0], sides[1])
    return {
        "model": model.name,
        "harness_ms": median_of_rounds(sides[0]) * 1e3,
        "bare_ms": median_of_rounds(sides[1]) * 1e3,
        "ratio": ratio.value,
        "interval": [ratio.low, ratio.high],
        "within_limit": abs(ratio.value - 1) <= LIMIT,
        "harness_medians_ms": [median(times) * 1e3 for times in harnessed],
        "bare_medians_ms": [median(times) * 1e3 for times in bared],
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", nargs="*", type=Path, metavar="MODEL.tflite")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        models = arguments.models or build(Path(folder))
        harnessed: list[list[list[float]]] = [[] for _ in models]
        bared: list[list[list[float]]] = [[] for _ in models]
        for number in range(arguments.rounds):
            for index, model in enumerate(models):
                turns = [(harnessed, harness), (bared, bare)]
                for side, timed in turns if (number + index) % 2 else reversed(turns):
                    side[index].append(timed(model))
            print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
    rows = [compare(*sides) for sides in zip(models, harnessed, bared, strict=True)]
    if arguments.json:
        print(json.dumps({"limit": LIMIT, "rounds": arguments.rounds, "rows": rows}, indent=2))
    else:
        print(f"{'model':32}{'harness ms':>11}{'bare ms':>9}{'ratio':>8}  95 % interval")
        for row in rows:
            low, high = row["interval"]
            verdict = "within" if row["within_limit"] else "NOT within"
            print(
                f"{row['model']:32}{row['harness_ms']:11.3f}{row['bare_ms']:9.3f}{row['ratio']:8.4f}"
                f"  {low:.4f} .. {high:.4f}  {verdict} {LIMIT:.0%}"
            )
    if not all(row["within_limit"] for row in rows):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
