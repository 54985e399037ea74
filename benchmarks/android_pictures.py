"""Time the Android app's way from a decoded picture to a network's input, on this computer's Java.

    python benchmarks/android_pictures.py [--times 15] [--threads 1] [--json]

The pictures are a photo of 12 megapixels as it lies in the file, one that has to be turned by a quarter, and a
camera frame of 640 x 480 that has to be turned; the network takes 224 x 224 colours. For comparison, ``read`` adds up
the photo's pixels and does nothing else. Each figure is the median of the second half of the repetitions.
``--threads`` is the number of processors that Java is told of; the app shares a large photo among four at most. With
one, the figures are the processor's time, so that other work on the computer does not count; with more, the clock's.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "android_demo/ci"))

from desktop_java import desktop


def measure(times: int, threads: int) -> dict[str, float]:
    """Milliseconds for each kind of picture."""
    with tempfile.TemporaryDirectory() as folder:
        entries, _ = desktop(Path(folder))
        java = ["java", f"-XX:ActiveProcessorCount={threads}", "-cp", ":".join(map(str, entries))]
        done = subprocess.run(
            [*java, "org.mobilecnn.ci.TimePictures", str(times)], capture_output=True, text=True, check=True
        )
    figures = {}
    for line in done.stdout.splitlines():
        name, *nanos = line.split()
        figures[name] = statistics.median(map(int, nanos[len(nanos) // 2 :])) / 1e6
    return figures


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--times", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = measure(options.times, options.threads)
    if options.json:
        print(json.dumps(figures))
    else:
        for name, milliseconds in figures.items():
            print(f"{name:14} {milliseconds:8.1f} ms")


if __name__ == "__main__":
    main()
