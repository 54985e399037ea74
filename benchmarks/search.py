"""How far `mobilecnn search` is off: predicted against whole latency, over networks of several families.

    python benchmarks/search.py [NETWORK:SIDE ...] [--device local] [--format float32] [--format int8] [--files FOLDER] -o DEVICE.json

Costs of operators are timed as the command times them, of the operators of the networks named (by default :data:`NETWORKS`, thirty
of three families); each network is exported, timed whole in the same way, and predicted. On an emulated device the times are
modelled. The record of OUTPUT has every sample: each operator's and each network's time with its interval; an interrupted
run is continued. FOLDER keeps the exported files for the next device. "Corrected" is each network's prediction times what the median of the
others of its family and format took over theirs, as a search corrects it where whole networks are in its table. The exit code is 1 if the
median error without that is above 10 %.
"""

import argparse
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from mobilecnn.bench.devices.registry import device
from mobilecnn.bench.devices.seam import CanCount, Device
from mobilecnn.bench.records.operator_costs import OperatorCosts, WholeSample
from mobilecnn.bench.records.protocol import Protocol
from mobilecnn.bench.timing.operator_costs import (
    Predictor,
    chosen,
    complete,
    correction,
    valid_at,
    version_of,
)
from mobilecnn.bench.timing.taking import adapted
from mobilecnn.bench.timing.times import take
from mobilecnn.convert.lowering.costs import ANY
from mobilecnn.convert.lowering.planned import planned
from mobilecnn.files import write_json
from mobilecnn.found_networks import DTYPES
from mobilecnn.networks import exporter
from mobilecnn.searching import table
from mobilecnn.train.operators import network

WIDTHS = (0.25, 0.4, 0.5, 0.65, 0.75, 1.0)
SIDES = (128, 160, 192, 224)

NETWORKS = (
    *(f"mobilenet_v1_x{width}_{side}:{side}" for width, side in zip(WIDTHS, (224, 160, 128, 192, 160, 128), strict=True)),
    *(f"mobilenet_v1_x{width}_{side}:{side}" for width, side in ((0.25, 128), (0.5, 224), (0.75, 192), (1.0, 224))),
    *(f"mobilenet_v2_x{width}_{side}:{side}" for width, side in zip(WIDTHS, (192, 128, 160, 224, 128, 160), strict=True)),
    *(f"mobilenet_v2_x{width}_{side}:{side}" for width, side in ((0.35, 128), (0.5, 224), (0.85, 192), (1.0, 224))),
    *(f"shufflenet_v1_x{width}_g{groups}:{side}" for width, groups, side in (
        (0.25, 3, 224), (0.5, 1, 160), (0.5, 3, 224), (0.5, 8, 192), (0.75, 2, 128),
        (0.75, 4, 224), (1.0, 1, 192), (1.0, 3, 160), (1.0, 3, 224), (1.0, 8, 128),
    )),
)  # fmt: skip
"""Networks with their input sides: ten of each family, of widths and sides that no table of a paper has among them."""

LIMIT = 0.1
"""Largest median error that passes."""


def wholes(
    costs: OperatorCosts, networks: list[tuple[str, int]], formats: list[str], where: Device, protocol: Protocol,
    files: Path, path: Path,
) -> OperatorCosts:  # fmt: skip
    """The table with the time of each network in each format; those of a family take turns."""
    left = [
        (name, side, form)
        for name, side in networks
        for form in formats
        if costs.whole(name, side, form, ANY) is None
    ]
    # What takes turns is as warm and as busy; on an emulated device nothing is, and each is kept at once.
    batch = 1 if isinstance(where, CanCount) else 10
    for begin in range(0, len(left), batch):
        rows, paths = left[begin : begin + batch], []
        for name, side, form in rows:
            paths.append(files / f"{name}-{side}.{form}.tflite")
            if not paths[-1].exists():
                with tempfile.TemporaryDirectory() as work:
                    for made_form, made in exporter(formats, Path(work), side)(name).items():
                        shutil.copy(made, files / f"{name}-{side}.{made_form}.tflite")
        taken = take(paths, where, protocol)
        costs = costs.at_version(version_of(taken), path)
        for place, (name, side, form) in enumerate(rows):
            time = taken.time(place)
            sample = WholeSample(
                name, side, form, ANY, time.value, time.low, time.high, valid_at(taken, place)
            )
            costs = OperatorCosts(**{**vars(costs), "wholes": (*costs.wholes, sample)})
        write_json(path, costs.to_json())
        print(f"{begin + len(rows)} of {len(left)} networks timed whole", file=sys.stderr, flush=True)
    return costs


def main() -> None:
    """Time, print a line a network, and exit with 1 if the median error is above :data:`LIMIT`."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--device", default="local")
    parser.add_argument("--format", action="append", choices=list(DTYPES), default=[])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.2)
    parser.add_argument("--files", type=Path, required=True, help="folder of exported files, kept")
    parser.add_argument("-o", "--output", type=Path, required=True)
    asked = parser.parse_args()
    networks = [(name, int(side)) for name, _, side in (row.partition(":") for row in asked.networks)]
    formats = asked.format or ["float32", "int8"]
    asked.files.mkdir(parents=True, exist_ok=True)
    protocol = Protocol(rounds=asked.rounds, seconds=asked.seconds, warmup_seconds=asked.seconds / 2)
    built = {(name, side): network(name, side) for name, side in networks}
    with device(asked.device, "litert") as where, tempfile.TemporaryDirectory() as work:
        protocol = adapted(where, protocol)
        costs = table(asked.output, where, protocol)
        wanted = {
            f"{dtype} {kind}": rows
            for dtype in dict.fromkeys(DTYPES[form] for form in formats)
            for kind, rows in chosen(
                (operator for each in built.values() for operator in planned(each.operators, dtype)),
                (row.operator for row in costs.operators if row.dtype == dtype),
            ).items()
        }

        def keep(made: OperatorCosts) -> None:
            write_json(asked.output, made.to_json())

        def update(done: int, total: int, what: str) -> None:
            print(f"{done} of {total} operators: {what}", file=sys.stderr, flush=True)

        costs = complete(costs, wanted, where, protocol, Path(work), keep, asked.output, update)
        costs = wholes(costs, networks, formats, where, protocol, asked.files, asked.output)
    predictor = Predictor(costs)
    errors: dict[tuple[str, str], list[float]] = {}
    print(f"{'network':28} side  format   predicted ms  {costs.times} ms   error")
    for (name, side), each in built.items():
        for form in formats:
            whole = costs.whole(name, side, form, ANY)
            assert whole is not None
            ns = predictor.network(planned(each.operators, DTYPES[form]), DTYPES[form])
            error = ns / whole.ns - 1
            errors.setdefault((name.partition("_x")[0], form), []).append(error)
            print(f"{name:28} {side:4}  {form:7} {ns / 1e6:13.3f} {whole.ns / 1e6:12.3f} {error:+7.1%}")
    corrected: list[float] = []
    for (family, form), row in errors.items():
        ratios = {place: 1 / (1 + error) for place, error in enumerate(row)}
        after = [abs((1 + error) * correction(ratios, place) - 1) for place, error in enumerate(row)]
        corrected += after
        print(
            f"{family} {form}: median error {statistics.median(map(abs, row)):.1%}, bias {statistics.median(row):+.1%}, "
            f"largest {max(map(abs, row)):.1%}; corrected {statistics.median(after):.1%}, largest {max(after):.1%}"
        )
    every = [abs(error) for row in errors.values() for error in row]
    print(
        f"{len(every)} files of {len(networks)} networks: median error {statistics.median(every):.1%}, largest {max(every):.1%}; "
        f"corrected {statistics.median(corrected):.1%}, largest {max(corrected):.1%}"
    )
    sys.exit(1 if statistics.median(every) > LIMIT else 0)


if __name__ == "__main__":
    main()
