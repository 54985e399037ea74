"""Count the instructions that AlexNet, MobileNet V1 and ShuffleNet V1 execute on emulated Cortex-A53, A72 and A76.

    python benchmarks/emulated_counts.py [--json]

Prints the millions of instructions of an inference, in total and by kind, for float32 and int8 files
with random weights. ShuffleNet 0.5x is counted a second time, with other data in another process; the
exit code is 1 if the two counts differ by more than 0.1 %.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from mobilecnn.bench.devices.emulated.device import EmulatedDevice
from mobilecnn.bench.judge.instructions import with_total
from mobilecnn.bench.records.instructions import CountPlan, Instructions
from mobilecnn.bench.timing.counting import count
from mobilecnn.convert.conversion import Source
from mobilecnn.export import export
from mobilecnn.quantize.calibration.images import RANDOM, Calibration

NETWORKS = ("alexnet", "mobilenet_v1_x1.0_224", "shufflenet_v1_x0.5_g3", "shufflenet_v1_x1.0_g3")
AGAIN = "shufflenet_v1_x0.5_g3"
"""Network that is counted twice."""

FORMATS = ("float32", "int8")
DEVICES = ("emulated-a53", "emulated-a72", "emulated-a76")
REPEATABLE = 0.001
"""Largest relative difference between two counts of the same file."""

PLAN = CountPlan(runs=1)  # The inferences of a process differ by a few instructions only.


def counted(models: list[Path], device: str, plan: CountPlan) -> Instructions:
    """Count the instructions of the files on a device, with a line on stderr for each step."""
    with EmulatedDevice(device, lambda text: print(text, file=sys.stderr)) as emulated:
        return count(models, emulated, plan, lambda _done, _all, what: print(device, what, file=sys.stderr))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    table: dict[tuple[str, str], dict[str, dict[str, int]]] = {}
    macs: dict[tuple[str, str], int] = {}
    largest_difference = 0.0
    with tempfile.TemporaryDirectory() as work:
        for name in NETWORKS:
            exported = export(Source(name), FORMATS, Path(work), Calibration(RANDOM))
            models = [file.path for file in exported]
            for device in DEVICES:
                once = counted(models, device, PLAN)
                for format_name, model, series in zip(FORMATS, once.models, once.series, strict=True):
                    table.setdefault((name, format_name), {})[device] = with_total(series.typical)
                    assert model.passport is not None and model.passport.macs is not None
                    macs[name, format_name] = model.passport.macs
                if name == AGAIN:
                    again = counted(models, device, CountPlan(runs=1, seed=1, warmup_runs=2))
                    for first, second in zip(once.series, again.series, strict=True):
                        difference = abs(first.typical.total - second.typical.total) / first.typical.total
                        largest_difference = max(largest_difference, difference)
    if arguments.json:
        rows = [
            {"network": name, "format": format_name, "macs": macs[name, format_name], "counts": counts}
            for (name, format_name), counts in table.items()
        ]
        print(
            json.dumps(
                {"rows": rows, "largest_difference": largest_difference, "limit": REPEATABLE}, indent=2
            )
        )
    else:
        print("| network | format | " + " | ".join(DEVICES) + " |\n|---|---|" + "--:|" * len(DEVICES))
        for (name, format_name), counts in table.items():
            totals = [f"{counts[device]['instructions'] / 1e6:.1f}" for device in DEVICES]
            print(f"| {name} | {format_name} | " + " | ".join(totals) + " |")
        kinds = ("multiply_add", "dot_product", "load_store", "other")
        print("\n| network | format | device | " + " | ".join(kinds) + " | per multiply-add |")
        print("|---|---|---|" + "--:|" * (len(kinds) + 1))
        for (name, format_name), counts in table.items():
            for device in DEVICES:
                millions = [f"{counts[device][kind] / 1e6:.1f}" for kind in kinds]
                share = counts[device]["instructions"] / macs[name, format_name]
                print(f"| {name} | {format_name} | {device} | " + " | ".join(millions) + f" | {share:.3f} |")
        print(
            f"\nTwo processes differ by at most {100 * largest_difference:.5f} % (limit: {REPEATABLE:.1%})."
        )
    if largest_difference > REPEATABLE:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
