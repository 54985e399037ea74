"""Time `mobilecnn --help`, completions and `mobilecnn models --json`: medians of whole processes, beside a bare Python.

python benchmarks/help_time.py [--json]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 21
"""Number of timed processes of each command."""

PROGRAM = str(Path(sys.executable).with_name("mobilecnn"))


def completing(words: str) -> dict[str, str]:
    """The variables with which a shell asks for completions of the last of some words."""
    count = str(len(words.split()) - 1)
    return {"_MOBILECNN_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": count}


COMMANDS: dict[str, tuple[list[str], dict[str, str], float]] = {
    # name: command, variables, largest median in seconds
    "mobilecnn --help": ([PROGRAM, "--help"], {}, 0.11),
    "completing a command": ([PROGRAM], completing("mobilecnn ex"), 0.15),
    "completing a network": ([PROGRAM], completing("mobilecnn train shufflenet_v2"), 0.15),
    "completing a table": ([PROGRAM], completing("mobilecnn tables shuf"), 0.15),
    "completing a device": ([PROGRAM], completing("mobilecnn bench --device emu"), 0.15),
    "completing an option": ([PROGRAM], completing("mobilecnn export --t"), 0.15),
    "mobilecnn models --json": ([PROGRAM, "models", "--json"], {}, 2.0),
    "bare python": ([sys.executable, "-c", "pass"], {}, 0.11),
}


def seconds(command: list[str], variables: dict[str, str]) -> float:
    """Seconds that a process takes from start to end."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, **variables})
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    # In turn, so that what else the machine does meets all alike; the first round warms the caches.
    rounds = [
        {name: seconds(command, variables) for name, (command, variables, _) in COMMANDS.items()}
        for _ in range(RUNS + 1)
    ][1:]
    result = {
        name: {
            "median_s": statistics.median(row[name] for row in rounds),
            "max_s": max(row[name] for row in rounds),
            "limit_s": limit,
        }
        for name, (*_, limit) in COMMANDS.items()
    }
    if as_json:
        print(json.dumps({"runs": RUNS, "commands": result}, indent=2))
        return
    for name, found in result.items():
        print(
            f"{name}: median {found['median_s']:.3f} s, slowest {found['max_s']:.3f} s of {RUNS} "
            f"(limit: {found['limit_s']} s)"
        )


if __name__ == "__main__":
    main()
