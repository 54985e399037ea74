"""Time AlexNet over ShuffleNet V1 0.5x here, in float32 and int8 on LiteRT, all files in turns, one thread.

    python benchmarks/alexnet_ratio.py [--target x86] [--files FOLDER] [--json]

The third network is ShuffleNet without its shuffles, and the fourth is that without its sums: they compute something else, and no form of shuffles or sums
makes the others faster than that. The ratio by multiply-adds is 18.9. Times are those of benchmarks/lowering.py: the processor's, the shortest of its rounds.
"""

import argparse
import json
import tempfile
from pathlib import Path

from lowering import FORMATS, ROUNDS, timed
from lowering_bounds import without_sums

from mobilecnn.convert.conversion import Source
from mobilecnn.export import export
from mobilecnn.quantize.calibration.images import RANDOM, Calibration
from mobilecnn.quantize.runtimes import RUNTIMES

ALEXNET, SHUFFLENET, BOUND = "alexnet", "shufflenet_v1_x0.5_g3", "shufflenet_v1_x0.5_g3_noshuffle"
BARE = "shufflenet_v1_x0.5_g3_noshuffle_nosums"


def main() -> None:
    """Print times and ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--target", default="x86")
    parser.add_argument("--files", type=Path, help="folder that keeps the exported networks")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        folder, files = asked.files or Path(work), {}
        for network in (ALEXNET, SHUFFLENET, BOUND):
            paths = {kind: folder / f"{network}.{kind}.tflite" for kind in FORMATS}
            if not all(path.exists() for path in paths.values()):
                export(Source(network), FORMATS, folder, Calibration(RANDOM, 10), target=asked.target)
            files.update({(network, kind): path for kind, path in paths.items()})
        for kind in FORMATS:
            files[BARE, kind] = Path(work) / f"{BARE}.{kind}.tflite"
            files[BARE, kind].write_bytes(without_sums(files[BOUND, kind].read_bytes()))
        times = timed(files, RUNTIMES[0])
    rows = [
        {
            "format": kind,
            **{f"{network}_ms": times[network, kind] for network in (ALEXNET, SHUFFLENET, BOUND, BARE)},
            "ratio": times[ALEXNET, kind] / times[SHUFFLENET, kind],
            "bound": times[ALEXNET, kind] / times[BOUND, kind],
            "bare": times[ALEXNET, kind] / times[BARE, kind],
        }
        for kind in FORMATS
    ]
    if asked.json:
        print(json.dumps({"rounds": ROUNDS, "target": asked.target, "rows": rows}, indent=2))
        return
    for row in rows:
        print(
            f"{row['format']}: AlexNet {row[f'{ALEXNET}_ms']:.2f} ms, ShuffleNet 0.5x {row[f'{SHUFFLENET}_ms']:.2f}: {row['ratio']:.1f}x; "
            f"without shuffles {row[f'{BOUND}_ms']:.2f}: {row['bound']:.1f}x, nor sums {row[f'{BARE}_ms']:.2f}: {row['bare']:.1f}x"
        )


if __name__ == "__main__":
    main()
