"""Measure how much the scores of a file differ between kernels.

    python benchmarks/kernel_differences.py [ZOO_NAME or MODEL.keras ...] [--json]

Each network is exported in all formats, and every file is run on its golden pictures: by
LiteRT with XNNPACK (which made the golden scores), by LiteRT with its built-in kernels, and
by tflite-runtime. For each format the largest difference of a score is printed relative to
the largest score, in steps of an output of 8 bits, and relative to the file's own largest difference from
the Keras model; quantize/golden_answers.py says what that allows. The exit code is 1 if a difference is larger
than is allowed there, but for a file that is spoilt at export already. Without arguments the networks are nine with random weights, and a
small one trained on the digits.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from mobilecnn.convert import passport
from mobilecnn.convert.conversion import Source
from mobilecnn.export import export
from mobilecnn.files import sha256
from mobilecnn.quantize import formats, golden_answers
from mobilecnn.quantize.calibration.images import RANDOM, Calibration
from mobilecnn.train import datasets, fit, zoo
from mobilecnn.train.images import to_tensor
from mobilecnn.train.plan import TrainingPlan

NETWORKS = (
    "mobilenet_v1_x1.0_224", "mobilenet_v2_x1.0_224", "mobilenet_v3_large_x1.0", "efficientnet_lite0",
    "efficientnet_b0", "shufflenet_v1_x1.0_g3", "shufflenet_v2_x1.0", "squeezenet_v1.1", "resnet50",
)  # fmt: skip
SPOILT = 64.0
"""Steps of an output of 8 bits by which a file that is no measure of kernels differs from its Keras model: a quarter of
the range. It must be found to differ between kernels that are far apart on it."""

TRAINED = "shufflenet_v1_x0.25_g3"
"""Network that is trained on the digits."""

KERNELS = {
    "litert xnnpack": ("ai_edge_litert.interpreter", "AUTO"),
    "litert built-in": ("ai_edge_litert.interpreter", "BUILTIN_WITHOUT_DEFAULT_DELEGATES"),
    "tflite-runtime": ("tflite_runtime.interpreter", "AUTO"),
}
ASK = """
import sys
from importlib import import_module
import numpy as np
from mobilecnn.quantize.codes import decode, encode
module = import_module(sys.argv[1])
resolver = getattr(module.OpResolverType, sys.argv[2])
interpreter = module.Interpreter(model_path=sys.argv[3], experimental_op_resolver_type=resolver)
interpreter.allocate_tensors()
source, result = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
scores = []
for image in np.load(sys.argv[4]):
    interpreter.set_tensor(source["index"], encode(image[None], source["dtype"], *source["quantization"]))
    interpreter.invoke()
    scores.append(decode(interpreter.get_tensor(result["index"]), *result["quantization"]).ravel())
np.save(sys.argv[5], scores)
"""
"""Program that writes the scores of a file on one runtime; two runtimes in one process break each other."""


def rows(model: Path, folder: Path) -> list[dict[str, Any]]:
    """The differences of a file: a row for each of ``KERNELS``."""
    card = passport.read(model, sha256(model.read_bytes()))
    assert card is not None
    parity, quantization = card.parity, card.output.tensor.quantization
    np.save(folder / "inputs.npy", [to_tensor(pixels, card.contract) for pixels in card.pictures])
    expected = np.array([golden.scores for golden in card.golden])
    assert parity.max_difference is not None
    peak, own = float(np.abs(expected).max()), parity.max_difference
    scale = quantization.scale if quantization else 0.0
    step = golden_answers.step(expected, scale)
    table = []
    for kernels, (module, resolver) in KERNELS.items():
        files = [str(model), str(folder / "inputs.npy"), str(folder / "scores.npy")]
        subprocess.run([sys.executable, "-c", ASK, module, resolver, *files], check=True, capture_output=True)
        difference = float(np.abs(np.load(folder / "scores.npy") - expected).max())
        limit = golden_answers.allowed(expected, scale, parity.tolerance, own)
        table.append(
            {
                "file": model.name,
                "format": card.file.format,
                "kernels": kernels,
                "over_largest_score": difference / peak,
                "steps": difference / step,
                "over_own_difference": difference / own,
                "allowed": difference <= limit,
                "spoilt": own > SPOILT * step,
            }
        )
    return table


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("networks", nargs="*", metavar="NETWORK")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    table: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sources = [(network, RANDOM) for network in arguments.networks or NETWORKS]
        if not arguments.networks:
            size = fit.default_size(zoo.parse(TRAINED), datasets.DIGITS)
            plan = TrainingPlan(TRAINED, datasets.DIGITS, size, 4)
            fit.run(fit.prepare(plan, folder / "digits.keras"))
            sources.append((str(folder / "digits.keras"), datasets.DIGITS))
        for network, calibration in sources:
            for exported in export(Source(network), formats.usual(), folder, Calibration(calibration)):
                table += rows(exported.path, folder)
                exported.path.unlink()
            print(network, file=sys.stderr)
    if arguments.json:
        print(json.dumps({"rows": table}, indent=2))
    else:
        print(
            f"{'format':10}{'kernels':18}{'networks':>9}{'/ largest score':>17}{'steps':>8}{'/ own difference':>22}"
        )
        for format_name in formats.usual():
            for kernels in KERNELS:
                shown = [row for row in table if (row["format"], row["kernels"]) == (format_name, kernels)]
                own = [row["over_own_difference"] for row in shown]
                peak = max(row["over_largest_score"] for row in shown)
                steps = max(row["steps"] for row in shown)
                print(
                    f"{format_name:10}{kernels:18}{len(shown):9}{peak:17.1e}{steps:8.1f}{min(own):12.3f} .. {max(own):.3f}"
                )
    for row in table:
        if not row["allowed"]:
            why = ", spoilt at export" if row["spoilt"] else ""
            print(f"not allowed: {row['file']} on {row['kernels']}{why}", file=sys.stderr)
    if not all(row["allowed"] or row["spoilt"] for row in table):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
