"""Time the Android app's way from a decoded picture to a network's input, on this computer's Java.

    python benchmarks/android_pictures.py [--times 15] [--threads 1] [--json]

The pictures are a photo of 12 megapixels as it lies in the file, one that has to be turned by a quarter, and a
camera frame of 640 x 480 that has to be turned, whole and as much of it as a phone shows; the network takes 224 x 224 colours. Beside each is the time of the app's
first way, pixel by pixel (``android_demo/ci/desktop``, ``PixelByPixel``), measured in the same run and held to the same tensor, and the
share of it that is needed now. ``read`` adds up the photo's pixels and does nothing else; ``photo-shown`` and ``photo-turned-shown`` are for making a photo as small as the
screen shows it, before the answer is. Each figure is
the median of the second half of the repetitions. The last line has the memory that Java allocated for a frame of which a part is taken.
``--threads`` is the number of processors that Java is told of; the app shares a large photo among four at most. With
one, the figures are the processor's time, so that other work on the computer counts for little; with more, the clock's.
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

ALLOCATED = "frame-bytes"
"""Name of the figure that is in bytes; all others are times."""

BEFORE = "-before"
"""End of the names of the first way's times."""


def measure(times: int, threads: int) -> dict[str, float]:
    """Milliseconds for each kind of picture, by its name, and the bytes that a frame allocates."""
    with tempfile.TemporaryDirectory() as folder:
        entries, _ = desktop(Path(folder))
        java = ["java", f"-XX:ActiveProcessorCount={threads}", "-cp", ":".join(map(str, entries))]
        done = subprocess.run(
            [*java, "org.mobilecnn.ci.TimePictures", str(times)], capture_output=True, text=True, check=True
        )
    figures = {}
    for line in done.stdout.splitlines():
        name, *values = line.split()
        median = statistics.median(map(int, values[len(values) // 2 :]))
        figures[name] = median if name == ALLOCATED else median / 1e6
    return figures


def show(figures: dict[str, float]) -> str:
    """The figures as lines, each picture's with its first way's beside it."""
    lines = []
    for name, figure in figures.items():
        before = figures.get(name + BEFORE)
        if name == ALLOCATED:
            lines.append(f"{'frame':18} {figure:8.0f} bytes allocated")
        elif before is not None:
            lines.append(
                f"{name:18} {figure:8.1f} ms   first way {before:8.1f} ms   {figure / before:6.1%} of it"
            )
        elif not name.endswith(BEFORE):
            lines.append(f"{name:18} {figure:8.1f} ms")
    return "\n".join(lines)


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
    print(json.dumps(figures) if options.json else show(figures))


if __name__ == "__main__":
    main()
