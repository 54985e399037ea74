"""Time networks on tflite-runtime in int8 and float32, and hold the estimates that export gives against that.

    python benchmarks/built_in_kernels.py [NETWORK ...] [--files FOLDER] [--sums] [--fit] [--json]

Files are exported for ``tflite-runtime`` with random weights: int8 as it is for that runtime, int8 without the rewrites that are
for its kernels ("kept"), and float32. They take turns, one thread, and the shortest of ROUNDS rounds of the processor's time
counts. ``--fit`` prints the prices of :mod:`mobilecnn.quantize.float_choice` as these times give them, and each network's error by
prices that were fitted to the others. ``--sums`` times one more file, the int8 one with its sums on float32 values, which no rewrite
writes. It needs tflite-runtime here; without it the exit code is 3.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mobilecnn.convert.conversion import Source
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph.edit import Editor
from mobilecnn.convert.lowering import AUTO, chosen
from mobilecnn.convert.lowering.costs import TARGETS
from mobilecnn.convert.lowering.float_islands import on_float_values
from mobilecnn.errors import EnvironmentProblem
from mobilecnn.export import export
from mobilecnn.quantize.calibration.images import RANDOM, Calibration
from mobilecnn.quantize.float_choice import PACKAGE, Work, milliseconds, work
from mobilecnn.quantize.runtimes import interpreter_class

NETWORKS = (
    "shufflenet_v1_x0.5_g3", "shufflenet_v1_x1.0_g3", "shufflenet_unit_resnext_140", "alexnet", "shufflenet_v1_x1.0_g8",
    "mobilenet_v2_x1.0_224", "squeezenet_v1.1", "mobilenet_v3_small_x1.0", "shufflenet_v1_x2.0_g3", "shufflenet_v2_x1.0",
)  # fmt: skip
"""Networks that are timed where none is named."""

FOR_IT = ("split_groups", "write_groups_dense", "widen_depthwise")
"""Rewrites that are for this runtime's int8 kernels."""

KEPT = [row.name for row in chosen(AUTO, PACKAGE) if row.name not in FOR_IT]
"""Rewrites of the file that keeps its groups and its depthwise convolutions: those of export for this target but :data:`FOR_IT`."""

ROUNDS = 5

KINDS = tuple(field.name for field in fields(Work))
PRODUCT = TARGETS[PACKAGE].tables["int8"][0].depth / TARGETS[PACKAGE].tables["int8"][0].unit
"""Nanoseconds of a multiply-add of an int8 convolution without groups, as it was tuned: the networks tell it and others together only."""

SWEEPS = 20000
"""Rounds of the fit, of which the last change nothing."""


def files(network: str, folder: Path, sums: bool) -> dict[str, Path]:
    """The files of a network; what was exported into the folder is taken as it is."""
    made = {}
    for form, rewrites in (("kept", KEPT), ("auto", AUTO)):
        own = folder / form
        made[form] = own / f"{network}.int8.tflite"
        if not made[form].exists():
            calibration = Calibration(RANDOM, 4)
            export(Source(network), ("float32", "int8"), own, calibration, lowering=rewrites, target=PACKAGE)
    float32 = folder / AUTO / f"{network}.float32.tflite"
    found = {"float32": float32, "int8": made["auto"], "kept": made["kept"]}
    if sums:
        model = flatbuffer.parse(made["auto"].read_bytes(), network)
        tuple(on_float_values(Editor(model), _is_int8_sum))
        found["sums"] = folder / f"{network}.sums.tflite"
        found["sums"].write_bytes(flatbuffer.pack(model))
    return found


def _is_int8_sum(editor: Editor, kind: str, inputs: list[int], outputs: list[int]) -> bool:
    return kind == "ADD" and {editor.dtype(index) for index in (*inputs, *outputs)} == {"int8"}


def timed(paths: Mapping[str, Path]) -> dict[str, float]:
    """Milliseconds of the processor for an inference, the shortest of :data:`ROUNDS` rounds."""
    ready: dict[str, Any] = {}
    for name, path in paths.items():
        ready[name] = interpreter_class(PACKAGE)(model_path=str(path), num_threads=1)
        ready[name].allocate_tensors()
        wanted = ready[name].get_input_details()[0]
        picture = np.random.default_rng(0).integers(-100, 100, wanted["shape"])
        ready[name].set_tensor(wanted["index"], picture.astype(wanted["dtype"]))
        ready[name].invoke()
    best = dict.fromkeys(paths, float("inf"))
    for _ in range(ROUNDS):
        for name, interpreter in ready.items():
            start = time.process_time()
            interpreter.invoke()
            best[name] = min(best[name], 1000 * (time.process_time() - start))
    return best


def main() -> int:
    """Print a line a network."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--files", type=Path, help="folder that keeps the exported networks")
    parser.add_argument("--sums", action="store_true")
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    try:
        interpreter_class(PACKAGE)
    except EnvironmentProblem as error:
        print(f"NOT TIMED: {error}", file=sys.stderr)
        return 3
    rows, graphs = [], {}
    with tempfile.TemporaryDirectory() as work_folder:
        for network in asked.networks:
            made = files(network, asked.files or Path(work_folder), asked.sums)
            graphs[network] = {name: flatbuffer.graph(path.read_bytes(), name) for name, path in made.items()}
            rows.append({
                "network": network,
                **{f"{name}_ms": value for name, value in timed(made).items()},
                **{f"{name}_estimated_ms": milliseconds(graph) for name, graph in graphs[network].items()},
            })  # fmt: skip
            print(_line(rows[-1]), file=sys.stderr, flush=True)
    if asked.json:
        print(json.dumps({"runtime": PACKAGE, "rounds": ROUNDS, "rows": rows}, indent=2))
    else:
        print(
            "| network | int8 without its rewrites, ms | int8, ms | float32, ms | estimated int8 | estimated float32 | sums, ms |"
        )
        print("|---|--:|--:|--:|--:|--:|--:|")
        for row in rows:
            print(_line(row))
    if asked.fit:
        _fit(rows, graphs)
    return 0


def _fit(rows: list[dict[str, Any]], graphs: dict[str, dict[str, Any]]) -> None:
    """Print prices, of float32 work first, which the int8 files have some of."""
    prices = np.zeros(len(KINDS))
    for dtype, names in (("float32", ("float32",)), ("int8", ("int8", "kept"))):
        cases = [
            (row["network"], graphs[row["network"]][name], row[f"{name}_ms"] * 1e6)
            for row in rows
            for name in names
        ]
        total = np.array([spent for *_, spent in cases])
        amounts = np.array([_amounts(graph, dtype) for _, graph, _ in cases]) / total[:, None]
        known = np.zeros(len(cases))
        if dtype == "int8":
            known = np.array([_amounts(graph, "float32") for _, graph, _ in cases]) @ prices / total
        given = np.array([PRODUCT if (dtype, kind) == ("int8", "convolution") else 0.0 for kind in KINDS])
        known, free = known + amounts @ given, given == 0
        errors = []
        for network in dict.fromkeys(case[0] for case in cases):
            others = np.array([case[0] != network for case in cases])
            found = _prices(amounts[others][:, free], 1 - known[others])
            errors += (amounts[~others][:, free] @ found + known[~others] - 1).tolist()
        prices = given.copy()
        prices[free] = _prices(amounts[:, free], 1 - known)
        print(f"{dtype}: Work({', '.join(f'{price:.3g}' for price in prices)})")
        print(f"  left out: median {np.median(np.abs(errors)):.1%}, p90 {np.quantile(np.abs(errors), 0.9):.1%}, largest "
              f"{np.abs(errors).max():.1%}")  # fmt: skip


def _prices(amounts: npt.NDArray[np.float64], wanted: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Prices that are not negative and bring ``amounts @ prices`` near ``wanted``: least squares, one price after another."""
    found, squares = np.zeros(amounts.shape[1]), (amounts**2).sum(axis=0)
    for _ in range(SWEEPS):
        for column in np.flatnonzero(squares):
            rest = wanted - amounts @ found + amounts[:, column] * found[column]
            found[column] = max(0.0, float(amounts[:, column] @ rest) / squares[column])
    return found


def _amounts(graph: Any, dtype: str) -> npt.NDArray[np.float64]:
    return np.array(astuple(work(graph).get(dtype, Work())), np.float64)


def _line(row: dict[str, Any]) -> str:
    order = ("kept_ms", "int8_ms", "float32_ms", "int8_estimated_ms", "float32_estimated_ms", "sums_ms")
    return (
        f"| {row['network']} | {' | '.join(f'{row[name]:.3g}' if name in row else '-' for name in order)} |"
    )


if __name__ == "__main__":
    sys.exit(main())
