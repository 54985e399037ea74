"""What AlexNet, MobileNet V1 and ShuffleNet V1 execute on emulated Cortex-A53, A72 and A76.

    python benchmarks/emulated_counts.py [--json]

Millions of instructions an inference, in all and by kind, of float32 and int8 files with random
weights. ShuffleNet 0.5x is counted a second time, with other data in another process: exit code 1
if the counts differ by more than 0.1 %.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from mobilecnn.bench.devices.emulated.device import EmulatedDevice
from mobilecnn.bench.judge.instructions import with_total
from mobilecnn.bench.records.instructions import Instructions, Plan
from mobilecnn.bench.timing.counting import count
from mobilecnn.convert.conversion import Source
from mobilecnn.export import RANDOM, Calibration, export

NETWORKS = ("alexnet", "mobilenet_v1_x1.0_224", "shufflenet_v1_x0.5_g3", "shufflenet_v1_x1.0_g3")
AGAIN = "shufflenet_v1_x0.5_g3"
FORMATS = ("float32", "int8")
DEVICES = ("emulated-a53", "emulated-a72", "emulated-a76")
REPEATABLE = 0.001
PLAN = Plan(runs=1)  # Inferences of a process differ by a few instructions.


def counted(models: list[Path], device: str, plan: Plan) -> Instructions:
    """The counts; a line on stderr for each step."""
    with EmulatedDevice(device, lambda text: print(text, file=sys.stderr)) as one:
        return count(models, one, plan, lambda _done, _all, what: print(device, what, file=sys.stderr))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found: dict[tuple[str, str], dict[str, dict[str, int]]] = {}
    macs: dict[tuple[str, str], int] = {}
    apart = 0.0
    with tempfile.TemporaryDirectory() as work:
        for name in NETWORKS:
            made = export(Source(name), FORMATS, Path(work), Calibration(RANDOM))
            models = [one.path for one in made]
            for device in DEVICES:
                once = counted(models, device, PLAN)
                for form, model, series in zip(FORMATS, once.models, once.series, strict=True):
                    found.setdefault((name, form), {})[device] = with_total(series.typical)
                    assert model.passport is not None and model.passport.macs is not None
                    macs[name, form] = model.passport.macs
                if name == AGAIN:
                    again = counted(models, device, Plan(runs=1, seed=1, warmup_runs=2))
                    for a, b in zip(once.series, again.series, strict=True):
                        difference = abs(a.typical.total - b.typical.total) / a.typical.total
                        apart = max(apart, difference)
    if arguments.json:
        rows = [
            {"network": name, "format": form, "macs": macs[name, form], "counts": counts}
            for (name, form), counts in found.items()
        ]
        print(json.dumps({"rows": rows, "largest_difference": apart, "limit": REPEATABLE}, indent=2))
    else:
        print("| network | format | " + " | ".join(DEVICES) + " |\n|---|---|" + "--:|" * len(DEVICES))
        for (name, form), counts in found.items():
            totals = [f"{counts[device]['instructions'] / 1e6:.1f}" for device in DEVICES]
            print(f"| {name} | {form} | " + " | ".join(totals) + " |")
        kinds = ("multiply_add", "dot_product", "load_store", "other")
        print("\n| network | format | device | " + " | ".join(kinds) + " | per multiply-add |")
        print("|---|---|---|" + "--:|" * (len(kinds) + 1))
        for (name, form), counts in found.items():
            for device in DEVICES:
                each = [f"{counts[device][kind] / 1e6:.1f}" for kind in kinds]
                share = counts[device]["instructions"] / macs[name, form]
                print(f"| {name} | {form} | {device} | " + " | ".join(each) + f" | {share:.3f} |")
        print(f"\nTwo processes differ by {100 * apart:.5f} % at most (to stay under {REPEATABLE:.1%}).")
    if apart > REPEATABLE:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
