"""Time networks of the zoo without and with the rewrites of the graph, in float32 and int8: here, and modelled on boards.

    python benchmarks/lowering.py [NETWORK ...] [--target any] [--device emulated-pi4] [--device emulated-pi5] [--runtime litert] [--json]

Here: one thread, the four files of a network take turns in each round, and the shortest round counts (ROUNDS of them). It is
the processor's time, which other programs on a busy machine lengthen less than the clock's.
On an emulated device the time is modelled. Weights are random. The exit code is 1 if an int8 file with the rewrites is
slower than its float32 file anywhere; within 2 % of it counts as equal.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from mobilecnn.bench.devices.emulated.device import EmulatedDevice
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing.times import take
from mobilecnn.convert.conversion import Source
from mobilecnn.convert.lowering.costs import ANY
from mobilecnn.export import export
from mobilecnn.quantize.calibration.images import RANDOM, Calibration
from mobilecnn.quantize.partitions import partitions
from mobilecnn.quantize.runtimes import RUNTIMES, interpreter_class

NETWORKS = (
    "alexnet", "squeezenet_v1.1", "densenet121", "mobilenet_v1_x1.0_224", "efficientnet_b0", "shufflenet_v2_x1.0",
    "squeezenext23_x1.0", "shufflenet_v1_x1.0_g3", "shufflenet_v1_x0.5_g3", "mobilenet_v3_large_x1.0",
    "mobilenet_v3_small_x1.0", "nasnet_a_mobile",
)  # fmt: skip
"""Networks that are timed where none is named."""

FORMATS = ("float32", "int8")
LOWERINGS = ("none", "auto")
ROUNDS = 15

LONG_ENOUGH = 0.05
"""Seconds of the processor that a file runs for in a round at least: several inferences of a fast one."""

EQUAL = 1.02
"""Largest ratio of an int8 time to a float32 time that does not count as slower."""

Case = tuple[str, str]
"""A lowering and a format."""


def exported(network: str, folder: Path, size: int | None, target: str) -> dict[Case, Path]:
    """The four files of a network, with the rewrites for a target."""
    files: dict[Case, Path] = {}
    for lowering in LOWERINGS:
        made = export(
            Source(network, size=size),
            FORMATS,
            folder / lowering,
            Calibration(RANDOM),
            lowering=lowering,
            target=target,
        )
        files.update({(lowering, file.format): file.path for file in made})
        for file in made:
            for name, reason in file.passport.taken_back.items():
                print(f"{network} {file.format}: {name} was taken back: {reason}", file=sys.stderr)
    return files


def timed(files: dict[Case, Path], runtime: str) -> dict[Case, float]:
    """Milliseconds of the processor for an inference here, one thread, the shortest of :data:`ROUNDS` rounds that the files take turns in."""
    ready: dict[Case, Any] = {}
    for case, path in files.items():
        ready[case] = interpreter_class(runtime)(model_path=str(path), num_threads=1)
        ready[case].allocate_tensors()
        source = ready[case].get_input_details()[0]
        values = np.random.default_rng(0).normal(0, 40, source["shape"])
        ready[case].set_tensor(source["index"], values.astype(source["dtype"]))
    best = dict.fromkeys(files, float("inf"))
    for _ in range(ROUNDS):
        for case, interpreter in ready.items():
            best[case] = min(best[case], _round(interpreter))
    return best


def _round(interpreter: Any) -> float:
    interpreter.invoke()
    count, start = 0, time.process_time()
    while time.process_time() - start < LONG_ENOUGH:
        interpreter.invoke()
        count += 1
    return 1000 * (time.process_time() - start) / count


def modelled(files: dict[Case, Path], device: str) -> dict[Case, float]:
    """Milliseconds of an inference as modelled on an emulated device."""
    with EmulatedDevice(device, lambda text: print(text, file=sys.stderr)) as emulated:
        result = take(list(files.values()), emulated, Protocol())
    return {case: result.time(index).value / 1e6 for index, case in enumerate(files)}


def main() -> None:
    """Print a table a place, and exit with 1 if an int8 file is slower than its float32 file."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--target", default=ANY, help="where the files are to run, as export takes it")
    parser.add_argument("--size", type=int, help="side of the input in pixels")
    parser.add_argument(
        "--device", action="append", default=[], help="an emulated device, beside this machine"
    )
    parser.add_argument("--runtime", choices=RUNTIMES, default=RUNTIMES[0], help="runtime on this machine")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rows: list[dict[str, Any]] = []
    for network in asked.networks:
        with tempfile.TemporaryDirectory() as folder:
            files = exported(network, Path(folder), asked.size, asked.target)
            pieces = {case: partitions(path).count for case, path in files.items()}
            places = {"here": timed(files, asked.runtime)}
            places.update({device: modelled(files, device) for device in asked.device})
        for place, times in places.items():
            rows.append({
                "network": network,
                "place": place,
                **{f"{lowering}_{name}_ms": times[lowering, name] for lowering, name in times},
                **{f"{lowering}_{name}_partitions": pieces[lowering, name] for lowering, name in pieces},
            })  # fmt: skip
            print(_line(rows[-1]), file=sys.stderr, flush=True)
    if asked.json:
        print(
            json.dumps(
                {"runtime": asked.runtime, "target": asked.target, "rounds": ROUNDS, "rows": rows}, indent=2
            )
        )
    else:
        print(
            "| network | place | partitions | float32, ms | int8, ms | float32 / int8 | int8 before / after |\n"
            "|---|---|--:|--:|--:|--:|--:|"
        )
        for row in rows:
            print(_line(row))
    slower = [row for row in rows if row["auto_int8_ms"] > EQUAL * row["auto_float32_ms"]]
    sys.exit(1 if slower else 0)


def _line(row: dict[str, Any]) -> str:
    def pair(name: str) -> str:
        return " -> ".join(f"{row[f'{lowering}_{name}']:.3g}" for lowering in LOWERINGS)

    ratios = [row[f"{lowering}_float32_ms"] / row[f"{lowering}_int8_ms"] for lowering in LOWERINGS]
    gain = row["none_int8_ms"] / row["auto_int8_ms"]
    return (
        f"| {row['network']} | {row['place']} | {pair('int8_partitions')} | {pair('float32_ms')} | {pair('int8_ms')} | "
        f"{ratios[0]:.2f} -> {ratios[1]:.2f} | {gain:.2f} |"
    )


if __name__ == "__main__":
    main()
