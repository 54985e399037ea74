"""How long `mobilecnn --help` takes: the median of whole processes, against a bare Python.

python benchmarks/help_time.py [--json]
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 21
LIMIT = 0.15


def seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    mobilecnn = [str(Path(sys.executable).with_name("mobilecnn")), "--help"]
    bare = [sys.executable, "-c", "pass"]
    pairs = [(seconds(mobilecnn), seconds(bare)) for _ in range(RUNS + 1)][1:]
    result = {
        "runs": RUNS,
        "help_median_s": statistics.median(pair[0] for pair in pairs),
        "help_max_s": max(pair[0] for pair in pairs),
        "bare_python_median_s": statistics.median(pair[1] for pair in pairs),
        "limit_s": LIMIT,
    }
    if as_json:
        print(json.dumps(result, indent=2))
    else:
        print(
            f"mobilecnn --help: median {result['help_median_s']:.3f} s, slowest {result['help_max_s']:.3f} s of {RUNS} "
            f"(bare python: {result['bare_python_median_s']:.3f} s; to stay under {LIMIT} s)"
        )


if __name__ == "__main__":
    main()
