"""What modelling an inference costs here, and whether it gives the same again.

    python benchmarks/arm_cost.py [--device emulated-pi4] [--json]

Runs ``mobilecnn bench`` on AlexNet and ShuffleNet V1 0.5x in float32 three times each: the first time for the blocks that
the cache on disk does not know, then twice, with other data, for the figures. Prints the CPU seconds of the whole
command, golden pictures and Python's start included, and the largest relative difference of instructions, cycles,
lines and turns. The exit code is 1 if AlexNet takes more than 60 s, ShuffleNet more than 15 s, or a figure differs by
more than 0.1 %.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from mobilecnn.bench.records.instructions import Instructions
from mobilecnn.convert.conversion import Source
from mobilecnn.export import export
from mobilecnn.quantize.calibration.images import RANDOM, Calibration

LIMITS = {"alexnet": 60.0, "shufflenet_v1_x0.5_g3": 15.0}
"""Network -> the largest number of CPU seconds that passes."""

REPEATABLE = 0.001
"""Largest relative difference between two runs that passes."""


@dataclass(frozen=True)
class Cost:
    """What one network costs: CPU seconds of three runs, and how far the last two are apart."""

    network: str
    cpu_seconds: tuple[float, ...]
    limit: float
    difference: float

    @property
    def failed(self) -> bool:
        return max(self.cpu_seconds[1:]) > self.limit or self.difference > REPEATABLE


def modelled(path: Path, device: str, record: Path, seed: int) -> tuple[float, dict[str, float]]:
    """CPU seconds of ``mobilecnn bench``, and the work of the inference."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    words = ["bench", path, "--device", device, "--seed", seed, "-o", record]
    subprocess.run(
        [sys.executable, "-m", "mobilecnn", *map(str, words)], check=True, stdout=subprocess.DEVNULL
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    work = Instructions.read(record).series[0].typical_work
    assert work is not None
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, asdict(work)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="emulated-pi4")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows: list[Cost] = []
    for name, limit in LIMITS.items():
        with tempfile.TemporaryDirectory() as work:
            (file,) = export(Source(name), ("float32",), Path(work), Calibration(RANDOM))
            runs = [
                modelled(file.path, arguments.device, Path(work) / f"{seed}.json", seed) for seed in range(3)
            ]
        one, other = runs[1][1], runs[2][1]
        difference = max(abs(one[term] - other[term]) / one[term] for term in one)
        rows.append(Cost(name, tuple(round(cpu, 1) for cpu, _ in runs), limit, difference))
        print(rows[-1], file=sys.stderr)
    if arguments.json:
        print(json.dumps({"device": arguments.device, "rows": [asdict(row) for row in rows]}, indent=2))
    else:
        print("| network | first run, CPU s | again | limit | runs differ by |\n|---|--:|--:|--:|--:|")
        for row in rows:
            first, *again = row.cpu_seconds
            print(f"| {row.network} | {first} | {again} | {row.limit:.0f} | {row.difference:.5%} |")
    return int(any(row.failed for row in rows))


if __name__ == "__main__":
    sys.exit(main())
