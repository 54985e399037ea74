"""Hold what is forecast of XNNPACK and of the GPU delegate against what LiteRT really takes, operator by operator.

    python benchmarks/delegates.py FILE.tflite ... [--gpu] [--json]

Of XNNPACK the runtime says which operators of a whole file are in its partitions. The GPU is asked for each operator as a file
of its own, through the accelerator that comes with ai-edge-litert (`--gpu`); it needs a Vulkan driver, for which a software one
will do, such as SwiftShader: `VK_ICD_FILENAMES=/usr/lib/chromium/vk_swiftshader_icd.json`. Exit code 1 if a forecast fails.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from mobilecnn.convert import gpu, xnnpack
from mobilecnn.convert.graph import flatbuffer
from mobilecnn.convert.graph.cut import cut
from mobilecnn.errors import MobileCnnError
from mobilecnn.quantize.inference import TfliteProcess

ASKS = """
import sys
from ai_edge_litert.compiled_model import CompiledModel
from ai_edge_litert.hardware_accelerator import HardwareAccelerator
try:
    taken = CompiledModel.from_file(sys.argv[1], HardwareAccelerator.GPU).is_fully_accelerated()
except RuntimeError:
    taken = False
sys.exit(0 if taken else 10)
"""
"""What asks the GPU for one file: exit code 0 if it is taken, 10 if it is left."""

NO_DRIVER = "No adapters found"
"""What the accelerator says where there is no Vulkan driver that it can use."""


def by_xnnpack(tflite: TfliteProcess, path: Path) -> list[tuple[str, str, bool, bool]]:
    """Kind, types, forecast and truth of each operator of a file."""
    graph = flatbuffer.graph(path.read_bytes(), path.name)
    outside = set(tflite.split(path)[1])
    return [
        (operation.kind, types(operation), not xnnpack.why_left(operation), index not in outside)
        for index, operation in enumerate(graph.operations)
    ]


def types(operation: flatbuffer.Operation) -> str:
    """Types of what an operator reads and writes."""
    read = "+".join(tensor.dtype for tensor in operation.inputs[:2] if tensor is not None)
    return f"{read} -> {operation.outputs[0].dtype if operation.outputs else ''}"


def by_gpu(paths: list[Path], folder: Path) -> list[tuple[str, str, bool, bool]]:
    """The same of operators that can run apart, of all files, each of equal ones once."""
    parts = {part.key: part for path in paths for part in cut(path.read_bytes(), path.name) if part.content}
    for number, part in enumerate(parts.values()):
        (folder / f"{number}.tflite").write_bytes(part.content or b"")
    answers = []
    for number in range(len(parts)):
        done = subprocess.run(
            [sys.executable, "-c", ASKS, str(folder / f"{number}.tflite")],
            capture_output=True,
            text=True,
            check=False,
        )
        if NO_DRIVER in done.stderr:
            sys.exit("there is no Vulkan driver that the accelerator can use; see the head of this file")
        answers.append(
            done.returncode == 0
        )  # It crashes over some operators with int16, which are left then.
    rows = []
    for part, answer in zip(parts.values(), answers, strict=True):
        operation = next(
            row
            for row in flatbuffer.graph(part.content or b"", part.name).operations
            if row.kind == part.kind
        )
        rows.append((part.kind, types(operation), not gpu.why_left(operation), answer))
    return rows


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Forecast and truth of delegates.")
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--gpu", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found: dict[str, list[tuple[str, str, bool, bool]]] = {"xnnpack": []}
    with TfliteProcess("that loads files") as tflite, tempfile.TemporaryDirectory() as folder:
        for path in given.files:
            try:
                found["xnnpack"] += by_xnnpack(tflite, path)
            except MobileCnnError as error:
                print(f"{path}: {error}", file=sys.stderr)
        if given.gpu:
            found["gpu"] = by_gpu(given.files, Path(folder))
    wrong = 0
    rows = []
    for delegate, seen in found.items():
        for (kind, kinds, forecast, truth), count in sorted(Counter(seen).items()):
            wrong += count if forecast != truth else 0
            rows.append(
                {
                    "delegate": delegate, "operator": kind, "types": kinds, "forecast": forecast, "taken": truth, "count": count,
                }
            )  # fmt: skip
    if given.json:
        print(json.dumps({"rows": rows}, indent=2))
    else:
        for row in rows:
            mark = "" if row["forecast"] == row["taken"] else "   <- NOT AS FORECAST"
            said = ["left", "taken"][bool(row["forecast"])], ["left", "taken"][bool(row["taken"])]
            print(
                f"{row['delegate']:8} {row['operator']:26} {row['types']:28} {said[0]:6} {said[1]:6} {row['count']:5}{mark}"
            )
        print(f"{sum(map(len, found.values())):,} operators, {wrong} not as forecast")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
