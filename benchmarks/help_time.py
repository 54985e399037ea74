"""Time `mobilecnn --help` and `mobilecnn models --json`: medians of whole processes, beside a bare Python.

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
"""Number of timed processes of each command."""

LIMIT = 0.15
"""Largest median of `mobilecnn --help`, seconds."""

LIMIT_MODELS = 2.0
"""Largest median of `mobilecnn models --json`, seconds."""


def seconds(command: list[str]) -> float:
    """Seconds that a process takes from start to end."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    mobilecnn = str(Path(sys.executable).with_name("mobilecnn"))
    commands = ([mobilecnn, "--help"], [mobilecnn, "models", "--json"], [sys.executable, "-c", "pass"])
    runs = [[seconds(command) for command in commands] for _ in range(RUNS + 1)][1:]
    help_, models, bare = zip(*runs, strict=True)
    result = {
        "runs": RUNS,
        "help_median_s": statistics.median(help_),
        "help_max_s": max(help_),
        "models_json_median_s": statistics.median(models),
        "models_json_max_s": max(models),
        "bare_python_median_s": statistics.median(bare),
        "limit_s": LIMIT,
        "limit_models_s": LIMIT_MODELS,
    }
    if as_json:
        print(json.dumps(result, indent=2))
    else:
        print(
            f"mobilecnn --help: median {result['help_median_s']:.3f} s, slowest {result['help_max_s']:.3f} s of {RUNS} "
            f"(bare python: {result['bare_python_median_s']:.3f} s; limit: {LIMIT} s)"
        )
        print(
            f"mobilecnn models --json, the whole zoo: median {result['models_json_median_s']:.3f} s, slowest "
            f"{result['models_json_max_s']:.3f} s (limit: {LIMIT_MODELS} s)"
        )


if __name__ == "__main__":
    main()
