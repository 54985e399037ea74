"""Bounds of what other forms could bring: int8 files without what has forms, and their convolutions alone.

    python benchmarks/lowering_bounds.py [NETWORK ...] [--target any] [--runtime litert] [--device emulated-pi5] [--device emulated-pi4] [--json]

``whole`` is the file that export makes. ``without`` is that file with its h-swishes and channel shuffles taken out, which costs what the
rest does and computes something else: no form of h-swish or shuffle makes a faster file. ``convolutions`` is the sum of its
convolutions, depthwise and dense layers, each in a file of its own, less what a file that does nothing takes: no pools, sums, conversions or shuffles,
and no branches that go another way than in the layer before. It is no bound: in a network XNNPACK takes paddings into the convolutions behind them. ``product`` is its multiply-adds at the speed of the runtime's matrix product of
256 places with 512 to 512 channels. On an emulated device times are modelled. Weights are random.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lowering import HERE, timed

from mobilecnn.bench.devices.emulated.device import EmulatedDevice
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing.times import take
from mobilecnn.convert.conversion import Source
from mobilecnn.convert.graph import build, flatbuffer, wellformed
from mobilecnn.convert.graph.cut import cut
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.convert.lowering.costs import ANY
from mobilecnn.convert.lowering.movements import shuffles
from mobilecnn.export import export
from mobilecnn.quantize.calibration.images import RANDOM, Calibration
from mobilecnn.quantize.runtimes import RUNTIMES

NETWORKS = (
    "mobilenet_v3_large_x1.0", "mobilenet_v3_small_x1.0", "shufflenet_v1_x0.5_g3", "shufflenet_v1_x1.0_g3",
)  # fmt: skip
"""Networks whose time is bounded where none is named."""

LAYERS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def edited(content: bytes, change: Callable[[Editor], None]) -> bytes:
    """A file as a change of its graph leaves it, without what nothing reads then."""
    model = flatbuffer.parse(content, "the file")
    editor = Editor(model)
    change(editor)
    editor.sweep()
    return flatbuffer.pack(model)


def without(content: bytes) -> bytes:
    """A file with its h-swishes on float32 values and its channel shuffles taken out; it computes something else."""
    return edited(content, _take_out)


def without_sums(content: bytes) -> bytes:
    """A file with its sums taken out, each of which the convolution that it adds writes; it computes something else."""
    return edited(content, _take_sums_out)


def _take_out(editor: Editor) -> None:
    for operator in editor.operators:
        if editor.kind(operator) != "HARD_SWISH":
            continue
        before = editor.maker(wellformed.indices(operator.inputs)[0])
        (made,) = wellformed.indices(operator.outputs)
        after = editor.only_reader(made)
        if editor.kind(before) == "DEQUANTIZE" and after is not None and editor.kind(after) == "QUANTIZE":
            editor.read_instead(wellformed.indices(after.outputs)[0], wellformed.indices(before.inputs)[0])
    for shuffle in list(shuffles(editor)):
        editor.read_instead(shuffle.target, shuffle.source)


def _take_sums_out(editor: Editor) -> None:
    for operator in editor.operators:
        if editor.kind(operator) != "ADD":
            continue
        inputs, (made,) = wellformed.indices(operator.inputs), wellformed.indices(operator.outputs)
        added = [
            index
            for index in inputs
            if editor.only_reader(index) is operator and editor.kind(editor.maker(index)) == "CONV_2D"
        ]
        if added:
            editor.write_instead(editor.maker(added[0]), added[0], made)
            editor.replace(operator, [])


def bounds(network: str, folder: Path, target: str, devices: list[str], runtime: str) -> list[dict[str, Any]]:
    """A row a place."""
    (made,) = export(Source(network), ("int8",), folder, Calibration(RANDOM), target=target)
    content = made.path.read_bytes()
    layers = [part for part in cut(content, network) if part.kind in LAYERS]
    product, multiplied = build.matrix_product("int8")
    distinct = list({part.key: part for part in layers}.values())
    files = {"nothing": build.empty(), "whole": content, "without": without(content), "product": product}
    files.update({part.key: part.content for part in distinct if part.content is not None})
    paths = {}
    for number, (name, stored) in enumerate(files.items()):
        paths[name, ""] = folder / f"{number}.tflite"
        paths[name, ""].write_bytes(stored)
    rows = []
    for place in (HERE, *devices):
        if place == HERE:
            times = {name: spent for (name, _), spent in timed(paths, runtime).items()}
        else:
            with EmulatedDevice(place, lambda text: print(text, file=sys.stderr)) as emulated:
                taken = take(list(paths.values()), emulated, Protocol(runtime=runtime))
            times = {name: taken.time(index).value / 1e6 for index, name in enumerate(files)}
        rows.append(
            {
                "network": network,
                "place": place,
                "whole_ms": times["whole"],
                "without_ms": times["without"],
                "convolutions_ms": sum(times[part.key] - times["nothing"] for part in layers),
                "product_ms": sum(part.macs for part in layers)
                / multiplied
                * (times["product"] - times["nothing"]),
            }
        )
        print(_line(rows[-1]), file=sys.stderr, flush=True)
    return rows


def _line(row: dict[str, Any]) -> str:
    cells = (f"{row[f'{name}_ms']:.3g}" for name in ("whole", "without", "convolutions", "product"))
    return f"| {row['network']} | {row['place']} | {' | '.join(cells)} |"


def main() -> None:
    """Print a line for each network and place."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--target", default=ANY, help="where the files are to run, as export takes it")
    parser.add_argument(
        "--device", action="append", default=[], help="an emulated device, beside this machine"
    )
    parser.add_argument("--runtime", choices=RUNTIMES, default=RUNTIMES[0], help="runtime of the files")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    rows = []
    for network in asked.networks:
        with tempfile.TemporaryDirectory() as folder:
            rows += bounds(network, Path(folder), asked.target, asked.device, asked.runtime)
    if asked.json:
        print(json.dumps({"runtime": asked.runtime, "target": asked.target, "rows": rows}, indent=2))
        return
    print("| network | place | whole, ms | without | convolutions | product |\n|---|---|--:|--:|--:|--:|")
    print("\n".join(map(_line, rows)))


if __name__ == "__main__":
    main()
