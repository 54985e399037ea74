"""Time networks of the zoo without and with the rewrites of the graph, in float32 and int8: here, and modelled on boards.

    python benchmarks/lowering.py [NETWORK ...] [--mobile] [--target any] [--device emulated-pi4] [--device emulated-pi5]
        [--runtime litert] [--lowering none] [--lowering auto] [--kept FOLDER] [--chart FILE] [--json]

Here: one thread, the four files of a network take turns in each round, and the shortest round counts (ROUNDS of them). It is
the processor's time, which other programs on a busy machine lengthen less than the clock's.
On an emulated device the time is modelled, and the answers are not checked there. Weights are random. ``--mobile`` takes the 45 networks of :data:`MOBILE`; with
``--kept`` a row that an earlier run wrote into that folder is not timed again, so that a run that was stopped goes on: take
another folder after a change of the rewrites. ``--chart`` draws int8 against float32 times with the rewrites, as docs/lowering_figures.md
has them. The exit code is 1 if an int8 file with the rewrites is
slower than its float32 file anywhere (within 2 % of it counts as equal), and if XNNPACK, where it runs the files, takes one of those in more than one partition.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mobilecnn.bench.devices.emulated.device import EmulatedDevice
from mobilecnn.bench.devices.names import EMULATED
from mobilecnn.bench.pages import png
from mobilecnn.bench.pages.plot import Axis, Plot, Point, Series
from mobilecnn.bench.records.chips import CHIPS
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing.times import take
from mobilecnn.convert.conversion import Source
from mobilecnn.convert.lowering import NONE
from mobilecnn.convert.lowering.costs import ANY, costs_of
from mobilecnn.export import export
from mobilecnn.files import write_bytes
from mobilecnn.quantize.calibration.images import RANDOM, Calibration
from mobilecnn.quantize.partitions import partitions
from mobilecnn.quantize.runtimes import RUNTIMES, interpreter_class

NETWORKS = (
    "alexnet", "squeezenet_v1.1", "densenet121", "mobilenet_v1_x1.0_224", "efficientnet_b0", "shufflenet_v2_x1.0",
    "squeezenext23_x1.0", "shufflenet_v1_x1.0_g3", "shufflenet_v1_x0.5_g3", "mobilenet_v3_large_x1.0",
    "mobilenet_v3_small_x1.0", "nasnet_a_mobile",
)  # fmt: skip
"""Networks that are timed where none is named."""

MOBILE = (
    *(f"mobilenet_v1_x{width}_224" for width in ("0.25", "0.5", "0.75", "1.0")),
    *(f"mobilenet_v2_x{width}_224" for width in ("0.35", "0.5", "0.75", "1.0", "1.3", "1.4")),
    *(f"mobilenet_v3_{size}" for size in ("small_x0.75", "small_x1.0", "small_x1.0_minimalistic")),
    *(f"mobilenet_v3_{size}" for size in ("large_x0.75", "large_x1.0", "large_x1.0_minimalistic")),
    *(f"shufflenet_v1_x{width}_g{groups}" for width in ("0.25", "0.5", "1.0") for groups in (1, 2, 3, 4, 8)),
    "shufflenet_v1_x1.5_g3", "shufflenet_v1_x2.0_g3", "shufflenet_v1_x2.0_g3_se",
    *(f"shufflenet_v2_x{width}" for width in ("0.5", "1.0", "1.5", "2.0")),
    "squeezenet_v1.0", "squeezenet_v1.1", "squeezenext23_x1.0", "squeezenext23v5_x1.0", "nasnet_a_mobile",
    "efficientnet_lite0", "efficientnet_lite1",
)  # fmt: skip
"""Networks of the mobile families: every width of MobileNet V1 and V2 at 224 pixels, both sizes of MobileNet V3, every number of groups
of ShuffleNet V1 up to 1x."""

FORMATS = ("float32", "int8")
LOWERINGS = ("none", "auto")
HERE = "here"
ROUNDS = 15

LONG_ENOUGH = 0.05
"""Seconds of the processor that a file runs for in a round at least: several inferences of a fast one."""

EQUAL = 1.02
"""Largest ratio of an int8 time to a float32 time that does not count as slower."""

Case = tuple[str, str]
"""A lowering and a format."""


def exported(
    network: str, folder: Path, size: int | None, target: str, lowerings: Sequence[str]
) -> dict[Case, Path]:
    """The files of a network, two for each of the lowerings: for a target, where they are not none."""
    files: dict[Case, Path] = {}
    for lowering in lowerings:
        made = export(
            Source(network, size=size),
            FORMATS,
            folder / lowering,
            Calibration(RANDOM),
            lowering=lowering,
            target=ANY if lowering == NONE else target,
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
    with (
        tempfile.TemporaryDirectory() as folder,
        EmulatedDevice(device, lambda text: print(text, file=sys.stderr)) as emulated,
    ):
        # Without their passports: export has checked the answers, and in an emulator that takes longer than to count.
        alone = [Path(folder) / f"{number}.tflite" for number in range(len(files))]
        for link, path in zip(alone, files.values(), strict=True):
            link.symlink_to(path.absolute())
        result = take(alone, emulated, Protocol())
    return {case: result.time(index).value / 1e6 for index, case in enumerate(files)}


def main() -> None:
    """Print a table a place, and exit with 1 if an int8 file is slower than its float32 file, or a file is divided."""
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
    parser.add_argument(
        "--mobile", action="store_true", help="the 45 networks of the mobile families instead"
    )
    parser.add_argument(
        "--lowering", action="append", choices=LOWERINGS, help="these files alone  [default: both]"
    )
    parser.add_argument("--kept", type=Path, help="folder of the rows, kept")
    parser.add_argument("--chart", type=Path, help="PNG file of int8 against float32 times")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    lowerings = tuple(row for row in LOWERINGS if row in (asked.lowering or LOWERINGS))
    rows = [
        row
        for network in (MOBILE if asked.mobile else asked.networks)
        for row in rows_of(network, lowerings, asked)
    ]
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
    if asked.chart:
        write_bytes(asked.chart, chart(rows))
    slower = [row for row in rows if row.get("auto_int8_ms", 0) > EQUAL * row.get("auto_float32_ms", 0)]
    delegated = asked.runtime == RUNTIMES[0] and costs_of(asked.target).delegated
    split = [
        row
        for row in rows
        if delegated and max(row.get("auto_float32_partitions", 1), row.get("auto_int8_partitions", 1)) > 1
    ]
    for row in split:
        print(f"{row['network']} is no single partition of XNNPACK", file=sys.stderr)
    sys.exit(1 if slower or split else 0)


def rows_of(network: str, lowerings: Sequence[str], asked: argparse.Namespace) -> list[dict[str, Any]]:
    """A row a place: those that are kept, and those that are timed now."""
    places = [HERE, *asked.device]
    kept = {
        place: asked.kept
        / f"{network}-{asked.size or 0}-{place}-{asked.runtime}-{asked.target}-{'-'.join(lowerings)}.json"
        for place in places
        if asked.kept
    }
    rows = {place: json.loads(path.read_text()) for place, path in kept.items() if path.exists()}
    if len(rows) < len(places):
        with tempfile.TemporaryDirectory() as folder:
            files = exported(network, Path(folder), asked.size, asked.target, lowerings)
            pieces = {case: partitions(path).count for case, path in files.items()}
            for place in places:
                if place in rows:
                    continue
                times = timed(files, asked.runtime) if place == HERE else modelled(files, place)
                rows[place] = {
                    "network": network,
                    "place": place,
                    **{f"{lowering}_{name}_ms": times[lowering, name] for lowering, name in times},
                    **{f"{lowering}_{name}_partitions": pieces[lowering, name] for lowering, name in pieces},
                }
                print(_line(rows[place]), file=sys.stderr, flush=True)
                if place in kept:
                    kept[place].parent.mkdir(parents=True, exist_ok=True)
                    kept[place].write_text(json.dumps(rows[place]))
    return [rows[place] for place in places]


def chart(rows: Sequence[dict[str, Any]]) -> bytes:
    """int8 against float32 times of the files with the rewrites, a series a place, as PNG."""
    series = []
    for colour, place in enumerate(dict.fromkeys(row["place"] for row in rows)):
        title = "here, measured" if place == HERE else f"{CHIPS[EMULATED[place]].title}, modelled"
        points = [
            Point(row["auto_float32_ms"], row["auto_int8_ms"], hollow=place != HERE)
            for row in rows
            if row["place"] == place
        ]
        series.append(Series(title, points, colour=colour))
    plot = Plot(
        series,
        Axis("float32, ms", log=True),
        Axis("int8, ms", log=True),
        "Times of int8 against float32 files, log-log.",
        equal="int8 as fast as float32",
    )
    return png.draw([plot], "float32 and int8 files with all rewrites, one thread")


def _line(row: dict[str, Any]) -> str:
    lowerings = [lowering for lowering in LOWERINGS if f"{lowering}_int8_ms" in row]

    def of_each(name: str) -> str:
        return " -> ".join(f"{row[f'{lowering}_{name}']:.3g}" for lowering in lowerings)

    ratios = [row[f"{lowering}_float32_ms"] / row[f"{lowering}_int8_ms"] for lowering in lowerings]
    gain = row[f"{lowerings[0]}_int8_ms"] / row[f"{lowerings[-1]}_int8_ms"]
    return (
        f"| {row['network']} | {row['place']} | {of_each('int8_partitions')} | {of_each('float32_ms')} "
        f"| {of_each('int8_ms')} | {' -> '.join(f'{ratio:.2f}' for ratio in ratios)} "
        f"| {f'{gain:.2f}' if len(lowerings) > 1 else '-'} |"
    )


if __name__ == "__main__":
    main()
