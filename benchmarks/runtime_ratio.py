"""Time float32 exports on tflite-runtime 2.14 against LiteRT: AlexNet, MobileNet V1, ShuffleNet V1.

    python benchmarks/runtime_ratio.py [--json]

A file with a free batch dimension is 8 to 10 times slower on tflite-runtime; ours must be at
most 1.3 times slower. The two runtimes take turns, in fresh processes in each round.
"""

import argparse
import json
import tempfile
from pathlib import Path

from mobilecnn.bench.devices.local.device import LocalDevice
from mobilecnn.bench.judge.summary import summarize
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing.rounds import measure
from mobilecnn.convert.conversion import Source
from mobilecnn.export import export

MODELS = ("alexnet", "mobilenet_v1_x1.0_224", "shufflenet_v1_x0.5_g3", "shufflenet_v1_x1.0_g3")
LIMIT = 1.3
"""Largest ratio of tflite-runtime to LiteRT."""

ROUNDS = 3
"""Number of processes of each file on each runtime."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true")
    as_json = parser.parse_args().json
    medians: dict[str, dict[str, list[float]]] = {
        name: {"litert": [], "tflite-runtime": []} for name in MODELS
    }
    with tempfile.TemporaryDirectory() as folder:
        files = [export(Source(name), ["float32"], Path(folder))[0].path for name in MODELS]
        for number in range(ROUNDS):
            for runtime in ("litert", "tflite-runtime"):
                protocol = Protocol(rounds=1, runtime=runtime, seed=number)
                for name, result in zip(
                    MODELS, summarize(measure(files, LocalDevice(), protocol)), strict=True
                ):
                    medians[name][runtime].append(result.median.value / 1e6)
    rows = [
        {
            "model": name,
            "litert_ms": sorted(both["litert"])[ROUNDS // 2],
            "tflite_runtime_ms": sorted(both["tflite-runtime"])[ROUNDS // 2],
        }
        for name, both in medians.items()
    ]
    if as_json:
        print(json.dumps({"limit": LIMIT, "rounds": ROUNDS, "rows": rows}, indent=2))
        return
    for row in rows:
        old, new = float(str(row["tflite_runtime_ms"])), float(str(row["litert_ms"]))
        print(
            f"{row['model']:26} LiteRT {new:7.2f} ms   tflite-runtime {old:7.2f} ms   ratio {old / new:.2f} (limit: {LIMIT})"
        )


if __name__ == "__main__":
    main()
